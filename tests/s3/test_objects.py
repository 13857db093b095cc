"""Objects: put, get, head, delete; sizes around the storage units; storage-class label; null
version."""

import hashlib
import random
import re

import pytest
from harness.checksums import md5_base64, md5_hex
from harness.expect import assert_error, assert_status, s3_error

KIB = 1024
EDGES = [16 * KIB, 64 * KIB, 640 * KIB, 1024 * KIB]
SIZES = [0, 1, 2, 9, 10, 11, 4095, 4096] + [edge + delta for edge in EDGES for delta in (-1, 0, 1)]


def content(size, seed=1):
    """Bytes without period, so that a misplaced unit cannot go unseen."""
    return random.Random(f"{seed}/{size}").randbytes(size)


@pytest.mark.parametrize("size", SIZES)
def test_object_comes_back_bit_for_bit(s3, bucket, size):
    """Issue 2.7 and design "Layout on disk": sizes around a leaf (16 KiB), a unit (64 KiB) and a
    stripe (640 KiB)."""
    body = content(size)
    put = s3.put_object(Bucket=bucket, Key="k", Body=body)
    assert put["ETag"] == f'"{md5_hex(body)}"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["ContentLength"] == size and got["ETag"] == put["ETag"]
    assert got["Body"].read() == body


def test_ten_mebibyte_object_comes_back_bit_for_bit(s3, bucket):
    """A body of many stripes, one PUT."""
    body = content(10 * KIB * KIB + 17)
    s3.put_object(Bucket=bucket, Key="big", Body=body)
    digest = hashlib.sha256(s3.get_object(Bucket=bucket, Key="big")["Body"].read()).hexdigest()
    assert digest == hashlib.sha256(body).hexdigest()


@pytest.mark.http_only
def test_many_small_objects_written_at_once_do_not_mix(s3, bucket, parallel):
    """Design "Data model": small objects of one commit tick share an extent; each must read back
    its own bytes."""
    bodies = {f"k{number}": content(number * 37 % 5000, number) for number in range(120)}
    results = parallel(
        [lambda k=k, b=b: s3.put_object(Bucket=bucket, Key=k, Body=b) for k, b in bodies.items()],
        12,
    )
    assert all(isinstance(result, dict) for result in results), results
    for key, body in bodies.items():
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body


def test_overwrite_shows_the_new_content_only(s3, bucket):
    """A PUT replaces the object as a whole: bytes, ETag, metadata."""
    s3.put_object(
        Bucket=bucket, Key="k", Body=content(100_000), Metadata={"old": "1"}, ContentType="text/old"
    )
    s3.put_object(Bucket=bucket, Key="k", Body=b"new")
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (
        got["Body"].read() == b"new"
        and got["Metadata"] == {}
        and got["ContentType"] == "binary/octet-stream"
    )


def test_object_is_visible_at_once_after_put_overwrite_and_delete(s3, bucket):
    """Design "Consistency": read and list after write, deleted stays deleted."""
    for number in range(20):
        body = b"v%d" % number
        s3.put_object(Bucket=bucket, Key="k", Body=body)
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body
        assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["ETag"] == f'"{md5_hex(body)}"'
        if number % 5 == 4:
            s3.delete_object(Bucket=bucket, Key="k")
            with s3_error(404, "NoSuchKey"):
                s3.get_object(Bucket=bucket, Key="k")
            assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_get_of_missing_key_is_no_such_key(s3, bucket):
    """Note 1: NoSuchKey with Key."""
    with s3_error(404, "NoSuchKey", Key="absent/key"):
        s3.get_object(Bucket=bucket, Key="absent/key")


def test_keys_are_case_sensitive(s3, bucket):
    """L:test_s3_uppercase_key_names."""
    s3.put_object(Bucket=bucket, Key="CamelCaseKey", Body=b"x")
    with s3_error(404, "NoSuchKey", Key="camelcasekey"):
        s3.get_object(Bucket=bucket, Key="camelcasekey")


def test_head_shows_what_get_shows_without_body(s3, raw, bucket):
    """L:test_head_object_fields: the same headers, no body, AcceptRanges."""
    s3.put_object(
        Bucket=bucket, Key="k", Body=b"12345678", Metadata={"a": "b"}, ContentType="text/plain"
    )
    got = assert_status(raw.call("GET", f"/{bucket}/k"), 200)
    head = assert_status(raw.call("HEAD", f"/{bucket}/k"), 200)
    for name in (
        "content-length",
        "etag",
        "last-modified",
        "content-type",
        "accept-ranges",
        "x-amz-meta-a",
    ):
        assert head.header(name) == got.header(name) is not None, name
    assert got.header("accept-ranges") == "bytes"


def test_head_of_missing_key_is_404_without_body(s3, bucket):
    """Note 2: HEAD errors have no body, the code is only the status."""
    with s3_error(404, "404"):
        s3.head_object(Bucket=bucket, Key="absent")


def test_last_modified_is_an_http_date_in_whole_seconds(s3, raw, bucket):
    """Note 4: Last-Modified header in whole seconds, LastModified in XML ends in .000Z."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    date = raw.call("HEAD", f"/{bucket}/k").header("last-modified")
    assert re.fullmatch(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", date)
    xml_date = raw.call("GET", f"/{bucket}").text("Contents/LastModified")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", xml_date)
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"][0]["LastModified"].replace(microsecond=0)
    assert s3.head_object(Bucket=bucket, Key="k")["LastModified"] == listed


def test_delete_is_204_also_for_a_missing_key(s3, bucket):
    """Note 45, L:test_delete_object."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for _ in range(2):
        answer = s3.delete_object(Bucket=bucket, Key="k")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
        assert "DeleteMarker" not in answer and "VersionId" not in answer
    with s3_error(404, "NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="k")


def test_null_version_of_an_unversioned_bucket_can_be_read(s3, bucket):
    """Note 47, L:test_get_object_with_version_unversioned_bucket: versionId=null works, no
    version in the reply."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"test-version")
    got = s3.get_object(Bucket=bucket, Key="k", VersionId="null")
    assert got["Body"].read() == b"test-version" and "VersionId" not in got
    assert "VersionId" not in s3.head_object(Bucket=bucket, Key="k", VersionId="null")


def test_null_version_of_an_unversioned_bucket_can_be_deleted(s3, bucket):
    """Note 47: versionId=null on DELETE removes the object."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert (
        s3.delete_object(Bucket=bucket, Key="k", VersionId="null")["ResponseMetadata"][
            "HTTPStatusCode"
        ]
        == 204
    )
    with s3_error(404, "NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="k")


@pytest.mark.parametrize("operation", ["get_object", "delete_object"])
def test_malformed_version_id_is_invalid_argument(s3, bucket, operation):
    """Note 45, L:test_delete_object, test_get_object_with_version_unversioned_bucket: and the
    object stays."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with s3_error(
        400,
        "InvalidArgument",
        ArgumentName="versionId",
        ArgumentValue="HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD",
    ):
        getattr(s3, operation)(Bucket=bucket, Key="k", VersionId="HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


@pytest.mark.parametrize(
    "label",
    ["STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "REDUCED_REDUNDANCY", "GLACIER_IR"],
)
def test_storage_class_label_is_kept(s3, bucket, label):
    """L:test_put_object_storage_class: HEAD, GET and the listing show it."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"body-test", StorageClass=label)
    assert s3.head_object(Bucket=bucket, Key="k")["StorageClass"] == label
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["StorageClass"] == label and got["Body"].read() == b"body-test"
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["StorageClass"] == label


def test_standard_storage_class_is_listed_but_no_header(s3, bucket):
    """L:test_put_object_storage_class[STANDARD-True]: GET and HEAD omit it, listings name it."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="STANDARD")
    assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="k")
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["StorageClass"] == "STANDARD"


@pytest.mark.parametrize("label", ["OUTPOSTS", "NO_SUCH_CLASS"])
def test_unknown_storage_class_is_invalid_storage_class(raw, bucket, label):
    """L:test_put_object_storage_class_outposts, for PutObject and CreateMultipartUpload."""
    headers = {"x-amz-storage-class": label}
    assert_error(
        raw.call("PUT", f"/{bucket}/k", headers=headers, body=b"x"),
        400,
        "InvalidStorageClass",
        StorageClassRequested=label,
    )
    assert_error(
        raw.call("POST", f"/{bucket}/k", [("uploads", None)], headers), 400, "InvalidStorageClass"
    )
    assert_status(raw.call("HEAD", f"/{bucket}/k"), 404)


@pytest.mark.parametrize(
    "value", ["__invalid__", "000", "not base64 encoded checksum", "MTIz", "dGVzdC1zdHJpbmc=", ""]
)
def test_content_md5_that_is_no_md5_is_invalid_digest(raw, bucket, value):
    """Note 25, L:test_s3_invalid_content_md5; the element Content-MD5 is named (note 1)."""
    response = raw.call("PUT", f"/{bucket}/k", headers={"Content-MD5": value}, body=b"something")
    assert_error(response, 400, "InvalidDigest", Content__MD5=value)
    assert_status(raw.call("HEAD", f"/{bucket}/k"), 404)


def test_wrong_content_md5_is_bad_digest_and_stores_nothing(s3, bucket):
    """Note 25, L:test_s3_invalid_content_md5 md5-error-bad-digest: the calculated digest is told,
    nothing is stored."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"old")
    with s3_error(400, "BadDigest", CalculatedDigest=md5_base64(b"something")):
        s3.put_object(Bucket=bucket, Key="k", Body=b"something", ContentMD5=md5_base64(b"other"))
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"old"


def test_right_content_md5_is_accepted(s3, bucket):
    """L:test_s3_invalid_content_md5 success-put-object-md5."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"something", ContentMD5=md5_base64(b"something"))
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"something"
