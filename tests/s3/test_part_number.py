"""partNumber on GET and HEAD (note 19)."""

import pytest
from harness.expect import assert_error, assert_status

FIRST = b"\x55" * (5 * 1024 * 1024)
SECOND = b"test content 123"
TOTAL = len(FIRST) + len(SECOND)


@pytest.fixture(scope="module")
def two_parts(s3, module_bucket):
    """An object of two parts; (path, etag)."""
    upload = s3.create_multipart_upload(Bucket=module_bucket, Key="two")["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(
                Bucket=module_bucket, Key="two", UploadId=upload, PartNumber=number, Body=body
            )["ETag"],
        }
        for number, body in ((1, FIRST), (2, SECOND))
    ]
    done = s3.complete_multipart_upload(
        Bucket=module_bucket, Key="two", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    return f"/{module_bucket}/two", done["ETag"]


@pytest.fixture(scope="module")
def single(s3, module_bucket):
    s3.put_object(Bucket=module_bucket, Key="single", Body=b"test-123")
    return f"/{module_bucket}/single"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_part_number_answers_the_part(raw, two_parts, method):
    """Note 19, L:test_get_object_part: 206, Content-Range, parts count, the object's ETag
    (S#7622)."""
    path, etag = two_parts
    response = assert_status(raw.call(method, path, [("partNumber", "2")]), 206)
    assert response.header("content-range") == f"bytes {len(FIRST)}-{TOTAL - 1}/{TOTAL}"
    assert response.header("content-length") == str(len(SECOND))
    assert response.header("x-amz-mp-parts-count") == "2" and response.header("etag") == etag
    if method == "GET":
        assert response.body == SECOND


def test_first_part_is_the_first_bytes(raw, two_parts):
    """Note 19."""
    response = assert_status(raw.call("GET", two_parts[0], [("partNumber", "1")]), 206)
    assert (
        response.body == FIRST
        and response.header("content-range") == f"bytes 0-{len(FIRST) - 1}/{TOTAL}"
    )


def test_parts_count_only_when_part_number_is_given(raw, two_parts):
    """Note 19 (M:2c372a989)."""
    assert raw.call("HEAD", two_parts[0]).header("x-amz-mp-parts-count") is None


def test_part_one_of_a_plain_object_is_206_whole(raw, single):
    """Note 19, L:test_get_object_part get-obj-no-multipart: no parts count."""
    response = assert_status(raw.call("GET", single, [("partNumber", "1")]), 206)
    assert response.body == b"test-123" and response.header("content-range") == "bytes 0-7/8"
    assert response.header("x-amz-mp-parts-count") is None


def test_part_number_too_large_is_416(raw, two_parts, single):
    """Note 19, L:test_get_object_part part-doesnt-exist, part-no-multipart."""
    assert_error(
        raw.call("GET", two_parts[0], [("partNumber", "10")]),
        416,
        "InvalidPartNumber",
        ActualPartCount="2",
        PartNumberRequested="10",
    )
    assert_error(
        raw.call("GET", single, [("partNumber", "2")]),
        416,
        "InvalidPartNumber",
        ActualPartCount="1",
        PartNumberRequested="2",
    )


@pytest.mark.parametrize("value", ["bytes=0-1", "bytes=abc"])
def test_part_number_with_range_is_invalid_request(raw, two_parts, value):
    """Note 19: even if the Range is invalid (M:1e117b780)."""
    response = raw.call("GET", two_parts[0], [("partNumber", "1")], {"Range": value})
    assert_error(response, 400, "InvalidRequest")


@pytest.mark.parametrize("value", ["0", "-1", "10001", "abc"])
def test_part_number_out_of_bounds_is_400(raw, two_parts, value):
    """Part numbers are 1 to 10000 (note 36)."""
    assert_error(raw.call("GET", two_parts[0], [("partNumber", value)]), 400, "InvalidArgument")


def test_part_number_with_conditions(raw, two_parts):
    """Notes 19 and 20: conditions look at the whole object's ETag."""
    path, etag = two_parts
    query = [("partNumber", "2")]
    assert_status(raw.call("GET", path, query, {"If-None-Match": etag}), 304)
    assert_status(raw.call("GET", path, query, {"If-Match": etag}), 206)
    assert_error(raw.call("GET", path, query, {"If-Match": '"0"'}), 412, "PreconditionFailed")
