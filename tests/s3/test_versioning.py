"""Versioning: enabled, suspended, delete markers, the null version (notes 45 to 48)."""

import pytest
from harness.expect import assert_error, assert_status, s3_error
from harness.helpers import Upload


def set_versioning(s3, bucket, status):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})


@pytest.fixture
def versioned(s3, bucket):
    set_versioning(s3, bucket, "Enabled")
    return bucket


def put(s3, bucket, body, key="k"):
    return s3.put_object(Bucket=bucket, Key=key, Body=body).get("VersionId")


def read(s3, bucket, version=None, key="k"):
    options = {"VersionId": version} if version else {}
    return s3.get_object(Bucket=bucket, Key=key, **options)["Body"].read()


def chain(s3, bucket):
    """(key, version id, latest, is a marker) in the order of the document."""
    page = s3.list_object_versions(Bucket=bucket)
    entries = [(item, False) for item in page.get("Versions", ())]
    entries += [(item, True) for item in page.get("DeleteMarkers", ())]
    entries.sort(key=lambda entry: entry[0]["LastModified"], reverse=True)
    return [(item["Key"], item["VersionId"], item["IsLatest"], marker) for item, marker in entries]


# --- the bucket's state


def test_versioning_state_follows_what_was_set(s3, bucket):
    """L:test_bucket_versioning_crud: nothing, then Suspended, Enabled, Suspended."""
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    for status in ("Suspended", "Enabled", "Suspended"):
        set_versioning(s3, bucket, status)
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == status


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("<Status>enabled</Status>", "MalformedXML"),
        ("<Status>Disabled</Status>", "MalformedXML"),
        ("<Status>Enabled</Status><Status>Enabled</Status>", "MalformedXML"),
        ("<Status>Enabled</Status><Else>1</Else>", "MalformedXML"),
        ("<MfaDelete>maybe</MfaDelete><Status>Enabled</Status>", "MalformedXML"),
        ("", "IllegalVersioningConfigurationException"),
    ],
)
def test_versioning_documents_that_are_refused(raw, bucket, document, code):
    """L:test_bucket_versioning_crud; nothing is changed by a refusal."""
    body = f"<VersioningConfiguration>{document}</VersioningConfiguration>".encode()
    assert_error(raw.call("PUT", f"/{bucket}", [("versioning", None)], body=body), 400, code)
    assert len(raw.call("GET", f"/{bucket}", [("versioning", None)]).xml()) == 0


def test_mfa_delete_is_501(raw, bucket):
    """What is not built is never a silent 200."""
    body = b"<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete></VersioningConfiguration>"
    assert_error(
        raw.call("PUT", f"/{bucket}", [("versioning", None)], body=body), 501, "NotImplemented"
    )
    assert len(raw.call("GET", f"/{bucket}", [("versioning", None)]).xml()) == 0


def test_versioning_of_a_missing_bucket(s3):
    """L:test_bucket_versioning_crud."""
    with s3_error(404, "NoSuchBucket", BucketName="no-such-bucket-here"):
        set_versioning(s3, "no-such-bucket-here", "Enabled")


# --- versions


def test_every_put_is_a_version(s3, versioned):
    """Each PUT returns an id of its own; all versions read back."""
    ids = [put(s3, versioned, body) for body in (b"1", b"22", b"333")]
    assert len(set(ids)) == 3 and "null" not in ids
    assert [read(s3, versioned, version) for version in ids] == [b"1", b"22", b"333"]
    assert read(s3, versioned) == b"333"
    got = s3.get_object(Bucket=versioned, Key="k")
    assert got["VersionId"] == ids[2]
    assert s3.head_object(Bucket=versioned, Key="k", VersionId=ids[0])["ContentLength"] == 1


def test_version_listing_is_newest_first(s3, versioned):
    """Note 14: by key, then newest first; exactly one latest a key."""
    ids = {key: [put(s3, versioned, b"x", key) for _ in range(3)] for key in ("a", "b")}
    page = s3.list_object_versions(Bucket=versioned)
    listed = [(item["Key"], item["VersionId"]) for item in page["Versions"]]
    assert listed == [(key, version) for key in ("a", "b") for version in reversed(ids[key])]
    assert [item["IsLatest"] for item in page["Versions"]] == [True, False, False] * 2


def test_paging_through_versions_meets_each_once(s3, versioned):
    """Note 14: both markers, across keys, versions and delete markers."""
    for key in ("a", "b", "c"):
        for _ in range(3):
            put(s3, versioned, b"x", key)
        s3.delete_object(Bucket=versioned, Key=key)
    whole = s3.list_object_versions(Bucket=versioned)
    expected = {(i["Key"], i["VersionId"]) for i in whole["Versions"] + whole["DeleteMarkers"]}
    assert len(expected) == 12
    for size in (1, 2, 5):
        seen = []
        pages = s3.get_paginator("list_object_versions").paginate(
            Bucket=versioned, PaginationConfig={"PageSize": size}
        )
        for page in pages:
            entries = page.get("Versions", []) + page.get("DeleteMarkers", [])
            assert len(entries) <= size
            seen += [(item["Key"], item["VersionId"]) for item in entries]
        assert len(seen) == 12 and set(seen) == expected


def test_a_key_marker_alone_skips_all_versions_of_the_key(s3, versioned):
    """Note 14."""
    for key in ("a", "b"):
        put(s3, versioned, b"1", key)
        put(s3, versioned, b"2", key)
    page = s3.list_object_versions(Bucket=versioned, KeyMarker="a")
    assert {item["Key"] for item in page["Versions"]} == {"b"}


def test_unknown_version_is_404_and_a_malformed_one_400(s3, versioned):
    """Note 45."""
    version = put(s3, versioned, b"1")
    other = ("0" if version[-1] != "0" else "1").join([version[:-1], ""])
    with s3_error(404, "NoSuchVersion", Key="k", VersionId=other):
        read(s3, versioned, other)
    with s3_error(400, "InvalidArgument"):
        s3.get_object(Bucket=versioned, Key="k", VersionId="")


# --- delete markers


def test_delete_makes_a_marker_and_removing_it_brings_the_object_back(s3, versioned):
    """Notes 45, 46."""
    version = put(s3, versioned, b"1")
    marker = s3.delete_object(Bucket=versioned, Key="k")
    assert marker["DeleteMarker"] is True and marker["VersionId"] != version
    with s3_error(404, "NoSuchKey", Key="k") as caught:
        read(s3, versioned)
    assert caught.headers["x-amz-delete-marker"] == "true"
    assert caught.headers["x-amz-version-id"] == marker["VersionId"]
    assert s3.list_objects_v2(Bucket=versioned)["KeyCount"] == 0
    assert read(s3, versioned, version) == b"1"
    gone = s3.delete_object(Bucket=versioned, Key="k", VersionId=marker["VersionId"])
    assert gone["DeleteMarker"] is True and gone["VersionId"] == marker["VersionId"]
    assert read(s3, versioned) == b"1"


def test_delete_of_a_missing_key_makes_a_marker(s3, versioned):
    """Note 45 (L:test_delete_object_versioned)."""
    assert s3.delete_object(Bucket=versioned, Key="never")["DeleteMarker"] is True
    assert chain(s3, versioned)[0][3] is True


def test_delete_of_an_unknown_version_is_204(s3, versioned):
    """Note 45."""
    version = put(s3, versioned, b"1")
    s3.delete_object(Bucket=versioned, Key="k", VersionId=version)
    again = s3.delete_object(Bucket=versioned, Key="k", VersionId=version)
    assert again["ResponseMetadata"]["HTTPStatusCode"] == 204 and "DeleteMarker" not in again
    assert chain(s3, versioned) == []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_delete_marker_cannot_be_read(raw, s3, versioned, method):
    """Note 46: 405 with the marker's headers."""
    put(s3, versioned, b"1")
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    response = raw.call(method, f"/{versioned}/k", [("versionId", marker)])
    assert_status(response, 405)
    assert response.header("x-amz-delete-marker") == "true"
    if method == "GET":
        assert_error(response, 405, "MethodNotAllowed", Method="GET", ResourceType="DeleteMarker")


def test_rollback_by_delete_of_the_newest(s3, versioned):
    """Deleting the newest version shows the one below."""
    first = put(s3, versioned, b"first")
    second = put(s3, versioned, b"second")
    s3.delete_object(Bucket=versioned, Key="k", VersionId=second)
    assert read(s3, versioned) == b"first"
    assert s3.head_object(Bucket=versioned, Key="k")["VersionId"] == first


def test_rollback_by_copy_of_an_older_version(s3, versioned):
    """A copy of an older version becomes the newest, and says where it came from."""
    first = put(s3, versioned, b"first")
    put(s3, versioned, b"second")
    source = {"Bucket": versioned, "Key": "k", "VersionId": first}
    copied = s3.copy_object(Bucket=versioned, Key="k", CopySource=source)
    assert copied["CopySourceVersionId"] == first and copied["VersionId"] != first
    assert read(s3, versioned) == b"first" and len(chain(s3, versioned)) == 3


def test_copy_from_a_delete_marker(s3, versioned):
    """Note 32: as the newest it is NoSuchKey, by its id InvalidRequest."""
    put(s3, versioned, b"1")
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    with s3_error(404, "NoSuchKey"):
        s3.copy_object(Bucket=versioned, Key="c", CopySource={"Bucket": versioned, "Key": "k"})
    with s3_error(400, "InvalidRequest"):
        source = {"Bucket": versioned, "Key": "k", "VersionId": marker}
        s3.copy_object(Bucket=versioned, Key="c", CopySource=source)


def test_delete_objects_on_versions_and_markers(s3, versioned):
    """L:test_delete_keys_in_versioned_bucket."""
    version = put(s3, versioned, b"1")
    marked = s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": "k"}]})["Deleted"][0]
    assert marked["DeleteMarker"] is True and "VersionId" not in marked
    marker = marked["DeleteMarkerVersionId"]
    names = [{"Key": "k", "VersionId": version}, {"Key": "k", "VersionId": marker}]
    deleted = s3.delete_objects(Bucket=versioned, Delete={"Objects": names})["Deleted"]
    by_id = {item["VersionId"]: item for item in deleted}
    assert "DeleteMarker" not in by_id[version]
    assert by_id[marker]["DeleteMarker"] is True
    assert by_id[marker]["DeleteMarkerVersionId"] == marker
    assert chain(s3, versioned) == []


def test_a_bucket_with_versions_cannot_be_deleted(s3, versioned):
    """L:test_delete_versioned_bucket_with_objects: markers hold a bucket too."""
    s3.delete_object(Bucket=versioned, Key="k")
    with s3_error(409, "BucketNotEmpty"):
        s3.delete_bucket(Bucket=versioned)


# --- suspended, and the null version


def test_the_object_from_before_is_the_null_version(s3, bucket):
    """Note 47."""
    assert put(s3, bucket, b"old") is None
    set_versioning(s3, bucket, "Enabled")
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    new = put(s3, bucket, b"new")
    assert read(s3, bucket, "null") == b"old" and read(s3, bucket, new) == b"new"


def test_suspended_puts_replace_the_null_version(s3, versioned):
    """Note 47 (L:test_put_object_on_suspended_bucket): the PUT names no version, reads say null."""
    first = put(s3, versioned, b"first")
    set_versioning(s3, versioned, "Suspended")
    assert put(s3, versioned, b"null one") is None
    assert put(s3, versioned, b"null two") is None
    assert s3.get_object(Bucket=versioned, Key="k")["VersionId"] == "null"
    assert {entry[1] for entry in chain(s3, versioned)} == {first, "null"}
    assert read(s3, versioned, first) == b"first" and read(s3, versioned) == b"null two"


def test_suspended_delete_leaves_a_null_marker(s3, versioned):
    """Note 47 (L:test_delete_object_on_suspended_bucket)."""
    first = put(s3, versioned, b"first")
    set_versioning(s3, versioned, "Suspended")
    put(s3, versioned, b"null")
    marker = s3.delete_object(Bucket=versioned, Key="k")
    assert marker["DeleteMarker"] is True and marker["VersionId"] == "null"
    assert {(entry[1], entry[3]) for entry in chain(s3, versioned)} == {
        (first, False),
        ("null", True),
    }


def test_suspended_copy_names_its_null_version(s3, versioned):
    """Note 47: unlike PUT."""
    put(s3, versioned, b"1", "source")
    set_versioning(s3, versioned, "Suspended")
    source = {"Bucket": versioned, "Key": "source"}
    assert s3.copy_object(Bucket=versioned, Key="k", CopySource=source)["VersionId"] == "null"


# --- conditions, multipart


def test_conditions_look_at_the_current_version(s3, versioned):
    """L:test_put_object_if_none_match_versioned_bucket: a marker on top counts as absent."""
    put(s3, versioned, b"1")
    with s3_error(412, "PreconditionFailed", Condition="If-None-Match"):
        s3.put_object(Bucket=versioned, Key="k", Body=b"2", IfNoneMatch="*")
    s3.delete_object(Bucket=versioned, Key="k")
    with s3_error(404, "NoSuchKey", Key="k"):
        s3.put_object(Bucket=versioned, Key="k", Body=b"2", IfMatch='"abc"')
    s3.put_object(Bucket=versioned, Key="k", Body=b"2", IfNoneMatch="*")
    assert read(s3, versioned) == b"2"


def test_a_completed_upload_is_a_version(s3, versioned):
    """Complete returns the id; the version before stays."""
    first = put(s3, versioned, b"first")
    done = Upload(s3, versioned, "k").part(1, b"second").complete()
    assert done["VersionId"] not in (first, None)
    assert read(s3, versioned, done["VersionId"]) == b"second"
    assert read(s3, versioned, first) == b"first"


def test_older_versions_survive_overwrites_of_every_size(s3, versioned):
    """Copy-on-write: small ones share extents, large ones have their own."""
    bodies = [b"s" * 100, b"m" * 300_000, b"l" * 3_000_000, b""]
    ids = [put(s3, versioned, body) for body in bodies]
    s3.delete_object(Bucket=versioned, Key="k", VersionId=ids[1])
    for version, body in [*zip(ids, bodies)][:1] + [*zip(ids, bodies)][2:]:
        assert read(s3, versioned, version) == body
