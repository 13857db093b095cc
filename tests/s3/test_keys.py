"""Keys are any UTF-8 up to 1,024 bytes; nothing is ever normalised (note 31)."""

import urllib.parse

import pytest
from harness.expect import assert_error, assert_status
from harness.sigv4 import uri_encode

STRANGE = [
    "a//b",
    "//lead",
    "/lead",
    "/",
    "//",
    "trail/",
    "trail//",
    ".",
    "..",
    "./x",
    "../x",
    "a/./b",
    "a/../b",
    "a/..",
    "../../etc/passwd",
    "a+b",
    "a b",
    " lead",
    "trail ",
    "a%2Fb",
    "a%2fb",
    "%2F",
    "%",
    "100%",
    "%%",
    "a%00b",
    "a?b=c",
    "a#b",
    "a&b;c=d",
    "a:b",
    "a\\b",
    "..\\x",
    "a'b\"c",
    "<a>&amp;",
    "ä/ö/ü",
    "日本語/鍵",
    "a/😀/",
    "e\u0301",
    "\u00e9",
    "\u202egnp.exe",
    "tab\there",
    "line\nbreak",
    "\x01\x7f",
    "\ufffd",
    "*",
    "~",
    "uploads",
    "$",
    "a=b,c",
    "{}|^`[]",
]


def path_of(bucket, key):
    return f"/{bucket}/{uri_encode(key, keep_slash=True)}"


@pytest.mark.parametrize("key", STRANGE, ids=ascii)
def test_strange_key_round_trips(raw, bucket, key):
    """Note 31, L:test_put_get_object_special_character, test_object_with_slashes_in_key: put,
    get, list, delete."""
    body = key.encode()
    assert_status(raw.call("PUT", path_of(bucket, key), body=body), 200)
    assert assert_status(raw.call("GET", path_of(bucket, key)), 200).body == body
    listing = assert_status(
        raw.call("GET", f"/{bucket}", [("list-type", "2"), ("encoding-type", "url")]), 200
    )
    assert [urllib.parse.unquote_plus(text) for text in listing.texts("Contents/Key")] == [key]
    assert_status(raw.call("DELETE", path_of(bucket, key)), 204)
    assert_status(raw.call("GET", path_of(bucket, key)), 404)


@pytest.mark.http_only
def test_strange_keys_are_all_distinct(raw, bucket):
    """Note 31: '.', '..' and repeated slashes are legal, distinct keys; all live side by side in
    byte order."""
    for key in STRANGE:
        assert_status(raw.call("PUT", path_of(bucket, key), body=key.encode()), 200)
    for key in STRANGE:
        assert raw.call("GET", path_of(bucket, key)).body == key.encode(), key
    listing = raw.call("GET", f"/{bucket}", [("list-type", "2"), ("encoding-type", "url")])
    listed = [urllib.parse.unquote_plus(text) for text in listing.texts("Contents/Key")]
    assert listed == sorted(STRANGE, key=str.encode)


@pytest.mark.http_only
def test_dot_dot_never_reaches_another_bucket(raw, bucket_factory):
    """Note 31 (S#9687): '..' was a cross-bucket read in other stores."""
    mine, other = bucket_factory(), bucket_factory()
    assert_status(raw.call("PUT", f"/{other}/secret", body=b"secret"), 200)
    for path in (
        f"/{mine}/../{other}/secret",
        f"/{mine}/%2e%2e/{other}/secret",
        f"/{mine}/..%2F{other}%2Fsecret",
        f"/{mine}//../../{other}/secret",
    ):
        assert_error(raw.call("GET", path), 404, "NoSuchKey")


@pytest.mark.http_only
@pytest.mark.parametrize(
    "sent, key",
    [
        ("a%2Fb", "a/b"),
        ("a+b", "a+b"),
        ("a%2Bb", "a+b"),
        ("a%20b", "a b"),
        ("%61", "a"),
        ("a%252Fb", "a%2Fb"),
    ],
)
def test_path_is_decoded_exactly_once(raw, bucket, sent, key):
    """Note 31: %2F is an ordinary '/', '+' is a plus, %25 is a percent; signed as sent."""
    assert_status(raw.call("PUT", f"/{bucket}/{uri_encode(key, keep_slash=True)}", body=b"x"), 200)
    listing = raw.call("GET", f"/{bucket}", [("encoding-type", "url")])
    assert [urllib.parse.unquote_plus(text) for text in listing.texts("Contents/Key")] == [key]
    if sent in ("a%2Fb", "a%2Bb", "a%20b", "a%252Fb"):
        assert assert_status(raw.call("GET", f"/{bucket}/{sent}"), 200).body == b"x"


@pytest.mark.http_only
def test_encoded_slash_splits_bucket_and_key(raw, bucket):
    """Note 31: the split happens on the first raw or encoded slash (V:fe3cfbfc)."""
    assert_status(raw.call("PUT", f"/{bucket}/key", body=b"x"), 200)
    response = raw.call("GET", f"/{bucket}%2Fkey")
    assert response.status == 200 and response.body == b"x", str(response)


@pytest.mark.parametrize("key", ["k" * 1024, "é" * 512, "d/" * 512, "😀" * 256])
def test_key_of_1024_bytes_is_accepted(raw, bucket, key):
    """Note 31: the limit counts bytes of UTF-8."""
    assert_status(raw.call("PUT", path_of(bucket, key), body=b"x"), 200)
    assert assert_status(raw.call("GET", path_of(bucket, key)), 200).body == b"x"
    assert raw.call("GET", f"/{bucket}").text("Contents/Key") == key


@pytest.mark.parametrize("key", ["k" * 1025, "é" * 512 + "x", "d/" * 512 + "d"])
@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
def test_key_of_1025_bytes_is_key_too_long(raw, bucket, method, key):
    """Note 31."""
    assert_error(
        raw.call(method, path_of(bucket, key), body=b"x" if method == "PUT" else b""),
        400,
        "KeyTooLongError",
    )


@pytest.mark.http_only
@pytest.mark.parametrize("encoded", ["%FF", "a%C3", "%C0%AF", "%ED%A0%80", "%F4%90%80%80", "x%80y"])
@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_invalid_utf8_is_invalid_uri(raw, bucket, method, encoded):
    """Note 31 (T:test_object_read_unreadable), security notes 4.2 C: truncated, overlong and
    surrogate sequences."""
    body = b"x" if method == "PUT" else b""
    assert_error(raw.call(method, f"/{bucket}/{encoded}", body=body), 400, "InvalidURI")


@pytest.mark.http_only
@pytest.mark.parametrize("encoded", ["%", "%2", "%zz", "a%g0"])
def test_broken_percent_encoding_is_400(raw, bucket, encoded):
    """Security notes 4.2 C: a '%' that is no escape is refused, not guessed."""
    response = raw.call("PUT", f"/{bucket}/{encoded}", body=b"x")
    assert_error(response, 400)
    assert raw.call("GET", f"/{bucket}").texts("Contents/Key") == []


def test_directory_marker_is_an_object_of_its_own(s3, bucket):
    """Note 13: `dir/` is listed with and without delimiter, and can be deleted while children
    exist."""
    for key in ("dir/", "dir/child", "dir"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [
        "dir",
        "dir/",
        "dir/child",
    ]
    page = s3.list_objects_v2(Bucket=bucket, Delimiter="/", Prefix="dir/")
    assert [item["Key"] for item in page["Contents"]] == ["dir/", "dir/child"]
    s3.delete_object(Bucket=bucket, Key="dir/")
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [
        "dir",
        "dir/child",
    ]
    assert s3.get_object(Bucket=bucket, Key="dir")["Body"].read() == b"dir"
