"""ListObjects and ListObjectsV2 (notes 8 to 13)."""

import random
import re
import urllib.parse

import pytest
from harness.expect import assert_error, assert_status, s3_error

TREE = ["folder/aSubfolder/subFile1", "folder/aSubfolder/subFile2", "folder/file1", "folder/file2"]
BOTH = pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])


def put_all(s3, bucket, keys):
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())


@pytest.fixture(scope="module")
def tree(s3, module_bucket):
    put_all(s3, module_bucket, TREE)
    return module_bucket


def keys_of(page):
    return [item["Key"] for item in page.get("Contents", ())]


def prefixes_of(page):
    return [item["Prefix"] for item in page.get("CommonPrefixes", ())]


def model(keys, prefix, delimiter):
    """What a listing shows, in order: keys and common prefixes."""
    shown = []
    for key in sorted(keys, key=str.encode):
        if not key.startswith(prefix):
            continue
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        entry = key if cut < 0 else key[: cut + len(delimiter)]
        if not shown or shown[-1] != (entry, cut >= 0):
            shown.append((entry, cut >= 0))
    return shown


def walk_v1(s3, bucket, **options):
    """All entries over all pages of ListObjects, following NextMarker or the last key."""
    entries, marker = [], ""
    while True:
        page = s3.list_objects(Bucket=bucket, Marker=marker, **options)
        here = sorted(
            [(key, False) for key in keys_of(page)]
            + [(prefix, True) for prefix in prefixes_of(page)],
            key=lambda entry: entry[0].encode(),
        )
        entries += here
        if not page["IsTruncated"]:
            assert "NextMarker" not in page
            return entries
        assert here, "a truncated page must show something"
        assert len(here) == options.get("MaxKeys", 1000)
        marker = page.get("NextMarker") or here[-1][0]


def walk_v2(s3, bucket, **options):
    entries, token = [], {}
    while True:
        page = s3.list_objects_v2(Bucket=bucket, **token, **options)
        here = sorted(
            [(key, False) for key in keys_of(page)]
            + [(prefix, True) for prefix in prefixes_of(page)],
            key=lambda entry: entry[0].encode(),
        )
        assert page["KeyCount"] == len(here)
        entries += here
        if not page["IsTruncated"]:
            assert "NextContinuationToken" not in page
            return entries
        assert here, "a truncated page must show something"
        token = {"ContinuationToken": page["NextContinuationToken"]}


@BOTH
def test_order_is_unsigned_bytes_of_utf8(s3, bucket, operation):
    """Note 8: 'a.b/' before 'a/', 'foo+1/' before 'foo/', and code points above U+FFFF after
    U+FF5E."""
    keys = [
        "a/x",
        "a.b/x",
        "a0",
        "foo/",
        "foo+1/",
        "foo",
        "Z",
        "z",
        "é",
        "ｚ",
        "😀",
        "\x7f",
        "~",
        "a",
        "aa",
        "a!",
    ]
    put_all(s3, bucket, keys)
    assert keys_of(getattr(s3, operation)(Bucket=bucket)) == sorted(keys, key=str.encode)


@BOTH
def test_listing_of_an_empty_bucket(s3, bucket, operation):
    """L:test_s3_list_objects_empty_marker."""
    page = getattr(s3, operation)(Bucket=bucket)
    assert page["IsTruncated"] is False and page["MaxKeys"] == 1000 and page["Name"] == bucket
    assert "Contents" not in page and "CommonPrefixes" not in page and page["Prefix"] == ""


@BOTH
def test_listed_object_has_all_fields(s3, bucket, operation):
    """L:test_list_objects_v2_with_prefix: Key, LastModified, ETag, Size, StorageClass; Owner in
    V1."""
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"content 123")
    item = getattr(s3, operation)(Bucket=bucket)["Contents"][0]
    assert (item["Key"], item["Size"], item["ETag"], item["StorageClass"]) == (
        "k",
        11,
        put["ETag"],
        "STANDARD",
    )
    assert item["LastModified"] == s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    assert ("Owner" in item) == (operation == "list_objects")


def test_fetch_owner_adds_the_owner_in_v2(s3, tree):
    """Note 12: FetchOwner default off."""
    assert all("Owner" not in item for item in s3.list_objects_v2(Bucket=tree)["Contents"])
    assert all(
        item["Owner"]["ID"] for item in s3.list_objects_v2(Bucket=tree, FetchOwner=True)["Contents"]
    )


@BOTH
def test_checksum_algorithm_is_listed(s3, bucket, operation):
    """L:test_list_objects_v2_with_prefix: ChecksumAlgorithm and ChecksumType of each object."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ChecksumAlgorithm="CRC32")
    item = getattr(s3, operation)(Bucket=bucket)["Contents"][0]
    assert item["ChecksumAlgorithm"] == ["CRC32"] and item["ChecksumType"] == "FULL_OBJECT"


@BOTH
def test_prefix_and_delimiter(s3, tree, operation):
    """Notes 11 and 13, L:test_list_objects_v2_with_prefix_and_delimiter; both are echoed."""
    page = getattr(s3, operation)(Bucket=tree, Prefix="folder/", Delimiter="/")
    assert keys_of(page) == TREE[2:] and prefixes_of(page) == ["folder/aSubfolder/"]
    assert page["Prefix"] == "folder/" and page["Delimiter"] == "/"


@BOTH
def test_prefix_cutting_a_name_in_half_drops_nothing(s3, bucket, operation):
    """Note 13: `foo/` does not match `foo1000` (S#8599); a half name keeps its objects
    (S#10656)."""
    put_all(s3, bucket, ["foo/a", "foo1000", "foo/b/c", "fo", "fooz/1"])
    call = getattr(s3, operation)
    assert keys_of(call(Bucket=bucket, Prefix="foo/")) == ["foo/a", "foo/b/c"]
    page = call(Bucket=bucket, Prefix="fo", Delimiter="/")
    assert keys_of(page) == ["fo", "foo1000"] and prefixes_of(page) == ["foo/", "fooz/"]
    assert prefixes_of(call(Bucket=bucket, Prefix="foo/b", Delimiter="/")) == ["foo/b/"]


@BOTH
@pytest.mark.parametrize("delimiter", ["-", "abc", "é", "%2F", " "])
def test_delimiter_may_be_any_string(s3, bucket, operation, delimiter):
    """Note 13 (M:5c72a34fa), L:test_list_objects_with_prefix[%2F]."""
    keys = [f"x{delimiter}1", f"x{delimiter}2", "y", f"z{delimiter}{delimiter}1", "a/b"]
    put_all(s3, bucket, keys)
    page = getattr(s3, operation)(Bucket=bucket, Delimiter=delimiter)
    assert keys_of(page) == ["a/b", "y"] and prefixes_of(page) == [f"x{delimiter}", f"z{delimiter}"]


@BOTH
def test_empty_delimiter_is_no_delimiter(s3, tree, operation):
    """Note 12 (T:test_bucket_list_delimiter_empty): not echoed."""
    page = getattr(s3, operation)(Bucket=tree, Delimiter="")
    assert keys_of(page) == TREE and "Delimiter" not in page


@BOTH
def test_truncation_ignores_keys_under_the_last_prefix(s3, bucket, operation):
    """Note 11, L:test_list_objects_with_prefix[/]: max-keys=1, all keys under one prefix: not
    truncated."""
    put_all(s3, bucket, ["test/foo/bar/123", "test/foo/bar/456", "test/foo/x"])
    page = getattr(s3, operation)(Bucket=bucket, Prefix="test/", Delimiter="/", MaxKeys=1)
    assert prefixes_of(page) == ["test/foo/"] and page["IsTruncated"] is False


def test_next_marker_only_with_a_delimiter(s3, tree):
    """Note 11, L:test_list_objects_next_marker."""
    assert "NextMarker" not in s3.list_objects(Bucket=tree, MaxKeys=1)
    page = s3.list_objects(Bucket=tree, MaxKeys=1, Delimiter="-")
    assert page["IsTruncated"] is True and page["NextMarker"] == TREE[0]


def test_next_marker_may_be_a_prefix_and_skips_all_of_it(s3, tree):
    """Note 11, L:test_list_objects_marker_common_prefixes."""
    options = {"Bucket": tree, "Prefix": "folder/", "Delimiter": "/", "MaxKeys": 1}
    page = s3.list_objects(**options)
    assert page["IsTruncated"] and page["NextMarker"] == "folder/aSubfolder/" and not keys_of(page)
    page = s3.list_objects(**options, Marker=page["NextMarker"])
    assert (
        page["IsTruncated"]
        and page["NextMarker"] == "folder/file1"
        and keys_of(page) == ["folder/file1"]
    )
    page = s3.list_objects(**options, Marker=page["NextMarker"])
    assert (
        not page["IsTruncated"]
        and keys_of(page) == ["folder/file2"]
        and page["Marker"] == "folder/file1"
    )


def test_marker_inside_a_prefix_does_not_show_it_again(s3, tree):
    """L:test_list_objects_marker_common_prefixes list-objects-manual-first-file."""
    page = s3.list_objects(
        Bucket=tree, Prefix="folder/", Delimiter="/", MaxKeys=1, Marker="folder/aSubfolder/subFile1"
    )
    assert (
        keys_of(page) == ["folder/file1"]
        and not prefixes_of(page)
        and page["NextMarker"] == "folder/file1"
    )


def test_marker_need_not_exist(s3, tree):
    """ListObjects: the marker is a position, not a key."""
    assert keys_of(s3.list_objects(Bucket=tree, Marker="folder/f")) == TREE[2:]
    assert keys_of(s3.list_objects(Bucket=tree, Marker="folder/file1")) == TREE[3:]
    assert keys_of(s3.list_objects(Bucket=tree, Marker="zzz")) == []


def test_start_after_and_token_are_echoed(s3, tree):
    """Note 12, L:test_list_objects_v2_continuation_start_after."""
    page = s3.list_objects_v2(Bucket=tree, StartAfter=TREE[0], MaxKeys=1)
    assert keys_of(page) == [TREE[1]] and page["StartAfter"] == TREE[0]
    token = page["NextContinuationToken"]
    page = s3.list_objects_v2(Bucket=tree, ContinuationToken=token)
    assert keys_of(page) == TREE[2:] and page["ContinuationToken"] == token


def test_continuation_token_beats_start_after(s3, tree):
    """Note 12, L:test_list_objects_v2_continuation_start_after list-objects-start-after-token."""
    token = s3.list_objects_v2(Bucket=tree, MaxKeys=1)["NextContinuationToken"]
    page = s3.list_objects_v2(Bucket=tree, ContinuationToken=token, StartAfter=TREE[3])
    assert keys_of(page) == TREE[1:]


@pytest.mark.parametrize("token", ["bad-token", "", "AAAA", "../../x"])
def test_bad_continuation_token_is_invalid_argument(raw, tree, token):
    """Note 12, L:test_list_objects_v2_continuation_start_after exc-continuation-token."""
    response = raw.call("GET", f"/{tree}", [("list-type", "2"), ("continuation-token", token)])
    error = assert_error(response, 400, "InvalidArgument", ArgumentName="continuation-token")
    assert error["Message"] == "The continuation token provided is incorrect"


def test_continuation_through_common_prefixes(s3, tree):
    """L:test_list_objects_v2_continuation_common_prefixes."""
    assert walk_v2(s3, tree, Prefix="folder/", Delimiter="/", MaxKeys=1) == [
        ("folder/aSubfolder/", True),
        ("folder/file1", False),
        ("folder/file2", False),
    ]


@pytest.mark.parametrize("version", [[], [("list-type", "2")]], ids=["v1", "v2"])
def test_max_keys_zero_is_empty_and_not_truncated(raw, tree, version):
    """Note 12."""
    response = assert_status(raw.call("GET", f"/{tree}", [*version, ("max-keys", "0")]), 200)
    assert response.texts("Contents") == [] and response.text("IsTruncated") == "false"
    assert response.text("MaxKeys") == "0"


@pytest.mark.parametrize(
    "version", [[], [("list-type", "2")], [("versions", None)]], ids=["v1", "v2", "versions"]
)
@pytest.mark.parametrize("value", ["-1", "abc", "1.5", "99999999999999999999"])
def test_bad_max_keys_is_invalid_argument(raw, tree, version, value):
    """Note 12 (V:2365f9f1): negative and not a number."""
    assert_error(
        raw.call("GET", f"/{tree}", [*version, ("max-keys", value)]), 400, "InvalidArgument"
    )


@pytest.mark.parametrize(
    "version",
    [[], [("list-type", "2")], [("versions", None)], [("uploads", None)]],
    ids=["v1", "v2", "versions", "uploads"],
)
@pytest.mark.parametrize("value", ["value", "", "URL"])
def test_bad_encoding_type_is_invalid_argument(raw, tree, version, value):
    """Note 9, L:test_list_ops_encoding_type_validation: any other value, also empty."""
    response = raw.call("GET", f"/{tree}", [*version, ("encoding-type", value)])
    error = assert_error(response, 400, "InvalidArgument", ArgumentName="encoding-type")
    assert error["Message"] == "Invalid Encoding Method specified in Request"


def test_encoding_type_url_encodes_names_but_not_slashes(raw, s3, bucket):
    """Note 9: Key, Prefix, StartAfter, Delimiter, CommonPrefixes are encoded; '/' stays; boto3
    decodes with unquote_plus."""
    keys = ["p+q/a b+c%41=é&/x", "p+q/z 1"]
    put_all(s3, bucket, keys)
    query = [
        ("list-type", "2"),
        ("encoding-type", "url"),
        ("prefix", "p+q/"),
        ("start-after", "p+q/!"),
    ]
    page = assert_status(raw.call("GET", f"/{bucket}", query), 200)
    shown = page.texts("Contents/Key")
    assert [urllib.parse.unquote_plus(text) for text in shown] == keys
    assert all(
        "/" in text and "+c" not in text and "%41=" not in text and text.isascii() for text in shown
    ), shown
    assert page.text("Prefix") == "p%2Bq/" and page.text("StartAfter") in ("p%2Bq/%21", "p%2Bq/!")
    assert page.text("EncodingType") == "url"
    page = raw.call("GET", f"/{bucket}", [("encoding-type", "url"), ("delimiter", "=")])
    assert [urllib.parse.unquote_plus(text) for text in page.texts("CommonPrefixes/Prefix")] == [
        "p+q/a b+c%41="
    ]
    assert page.text("Delimiter") == "%3D"


def test_encoded_delimiter_is_encoded_again(raw, tree):
    """Note 9: a delimiter of '%2F' comes back as '%252F'; without encoding-type as it was sent."""
    query = [("delimiter", "%2F")]
    assert (
        raw.call("GET", f"/{tree}", [*query, ("encoding-type", "url")]).text("Delimiter") == "%252F"
    )
    assert raw.call("GET", f"/{tree}", query).text("Delimiter") == "%2F"


def test_without_encoding_type_nothing_is_encoded(raw, s3, bucket):
    """L:test_list_objects_v2_with_prefix list-objects-v2-no-encoding; markup characters are
    escaped by XML alone."""
    s3.put_object(Bucket=bucket, Key="a b+c%41<&>\"'é", Body=b"x")
    page = raw.call("GET", f"/{bucket}")
    assert page.text("Contents/Key") == "a b+c%41<&>\"'é" and page.text("EncodingType") is None


@pytest.mark.http_only
@pytest.mark.parametrize("character", ["\n", "\r", "\t", "\x01", "\x1f"], ids=ascii)
def test_unprintable_characters_become_character_references(raw, bucket, character):
    """Note 10: keys outside XML 1.0 are emitted as character references, never raw."""
    path = f"/{bucket}/a%{ord(character):02X}b"
    assert_status(raw.call("PUT", path, body=b"x"), 200)
    body = assert_status(raw.call("GET", f"/{bucket}"), 200).body
    value = ord(character)
    assert re.search(rb"<Key>a&#(?:x0*%x|0*%d);b</Key>" % (value, value), body, re.IGNORECASE), body


def test_list_root_element_and_namespace(raw, tree):
    """Note 4: ListBucketResult in the S3 name space, with an XML declaration."""
    for query in ([], [("list-type", "2")]):
        body = raw.call("GET", f"/{tree}", query).body
        assert body.startswith(b"<?xml version=")
        assert b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"' in body


def test_deleted_prefixes_are_not_listed(s3, bucket):
    """Note 13: a prefix whose objects are all gone is not shown."""
    put_all(s3, bucket, ["gone/1", "gone/2", "here/1"])
    for key in ("gone/1", "gone/2"):
        s3.delete_object(Bucket=bucket, Key=key)
    assert prefixes_of(s3.list_objects_v2(Bucket=bucket, Delimiter="/")) == ["here/"]


@pytest.mark.http_only
@pytest.mark.parametrize("seed", range(3))
def test_listing_agrees_with_a_model(s3, bucket, seed, parallel):
    """Notes 8, 11, 13: random keys; every prefix, delimiter and page size shows the model's
    entries, each once."""
    generator = random.Random(seed)
    alphabet = ["a", "b", "/", ".", "é", "-"]
    keys = {
        "".join(generator.choice(alphabet) for _ in range(generator.randint(1, 6)))
        for _ in range(45)
    }
    parallel([lambda k=k: s3.put_object(Bucket=bucket, Key=k, Body=b"") for k in keys])
    for _ in range(25):
        prefix = generator.choice(["", "", "a", "/", generator.choice(sorted(keys))[:2]])
        delimiter = generator.choice(["", "/", "/", ".", "é", "a/"])
        size = generator.choice([1, 2, 3, 7, 1000])
        options = {"Prefix": prefix, "Delimiter": delimiter, "MaxKeys": size}
        expected = model(keys, prefix, delimiter)
        assert walk_v1(s3, bucket, **options) == expected, options
        assert walk_v2(s3, bucket, **options) == expected, options


@pytest.mark.http_only
def test_start_after_agrees_with_a_model(s3, bucket):
    """Note 12: start-after at, before, inside and behind every entry, with and without
    delimiter."""
    keys = ["a", "a/1", "a/2", "b/1", "b/2/3", "c", "c/"]
    put_all(s3, bucket, keys)
    for start in [*keys, "a/", "a/15", "b", "b/", "b/2", "b/2/", "zz"]:
        page = s3.list_objects_v2(Bucket=bucket, StartAfter=start)
        assert keys_of(page) == [key for key in sorted(keys) if key > start], start
        page = s3.list_objects(Bucket=bucket, Marker=start, Delimiter="/")
        shown = sorted(keys_of(page) + prefixes_of(page))
        rest = [
            entry
            for entry, _ in model(keys, "", "/")
            if entry > start and not start.startswith(entry)
        ]
        assert shown == rest, start


def test_list_of_a_missing_bucket_is_no_such_bucket(s3):
    """L:test_get_object_no_such_bucket for listings."""
    with s3_error(404, "NoSuchBucket"):
        s3.list_objects_v2(Bucket="no-such-bucket-anywhere")
