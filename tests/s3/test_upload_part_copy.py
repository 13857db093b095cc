"""UploadPartCopy (notes 18 and 20)."""

import datetime
import random

import pytest
from harness.checksums import md5_hex, multipart_etag
from harness.expect import assert_error, s3_error
from harness.helpers import Upload, new_bucket_name

TEN = b"0123456789"
FORM = (
    "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last "
    "are the zero-based "
    "offsets of the first and last bytes to copy"
)
WRONG = '"d41d8cd98f00b204e9800998ecf8427e"'


@pytest.fixture
def upload(s3, bucket):
    s3.put_object(Bucket=bucket, Key="src", Body=TEN)
    return Upload(s3, bucket, "dst")


def copy_part(s3, upload, number=1, key="src", bucket=None, **options):
    source = {"Bucket": bucket or upload.where["Bucket"], "Key": key}
    return s3.upload_part_copy(**upload.where, PartNumber=number, CopySource=source, **options)[
        "CopyPartResult"
    ]


def test_whole_object_becomes_a_part(s3, bucket, upload):
    """L:test_upload_part_copy_no_copy_source_range."""
    answer = copy_part(s3, upload)
    assert answer["ETag"] == f'"{md5_hex(TEN)}"' and answer["LastModified"].year >= 2024
    done = upload.complete([{"PartNumber": 1, "ETag": answer["ETag"]}])
    assert done["ETag"] == f'"{multipart_etag([TEN])}"'
    assert s3.get_object(Bucket=bucket, Key="dst")["Body"].read() == TEN


@pytest.mark.parametrize(
    "value, copied",
    [
        ("bytes=0-8", TEN[:9]),
        ("bytes=1-1", b"1"),
        ("bytes=0-0", b"0"),
        ("bytes=0-9", TEN),
        ("bytes=9-9", b"9"),
    ],
)
def test_range_of_the_source(s3, bucket, upload, value, copied):
    """Note 18, L:test_upload_part_copy_range."""
    answer = copy_part(s3, upload, CopySourceRange=value)
    assert answer["ETag"] == f'"{md5_hex(copied)}"'
    assert s3.list_parts(**upload.where)["Parts"][0]["Size"] == len(copied)
    upload.complete([{"PartNumber": 1, "ETag": answer["ETag"]}])
    assert s3.get_object(Bucket=bucket, Key="dst")["Body"].read() == copied


@pytest.mark.parametrize(
    "value",
    [
        "0-8",
        "bytes=1-0",
        "bytes=-1-",
        "bytes=0--1",
        "bytes=0-1,3-4,7-9",
        "bytes=-",
        "bytes=-0",
        "bytes=1-",
        "bytes=-2",
        "bytes=-15",
        "bytes=a-b",
        "",
    ],
)
def test_any_other_form_is_invalid_argument(raw, upload, value):
    """Note 18, L:test_upload_part_copy_range: only bytes=a-b, also no open-ended range; value is
    named."""
    bucket = upload.where["Bucket"]
    headers = {"x-amz-copy-source": f"{bucket}/src", "x-amz-copy-source-range": value}
    response = raw.call(
        "PUT", f"/{bucket}/dst", [("partNumber", "1"), ("uploadId", upload.id)], headers
    )
    error = assert_error(
        response,
        400,
        "InvalidArgument",
        ArgumentName="x-amz-copy-source-range",
        ArgumentValue=value,
    )
    assert error["Message"] == FORM


def test_end_beyond_the_source_is_invalid_argument(s3, upload):
    """Note 18, L:test_upload_part_copy_range 0-100."""
    with s3_error(
        400, "InvalidArgument", Message="Range specified is not valid for source object of size: 10"
    ):
        copy_part(s3, upload, CopySourceRange="bytes=0-100")


def test_start_beyond_the_source_is_invalid_request(s3, upload):
    """Note 18, L:test_upload_part_copy_range 100-200."""
    with s3_error(
        400,
        "InvalidRequest",
        Message="The specified copy range is invalid for the source object size",
    ):
        copy_part(s3, upload, CopySourceRange="bytes=100-200")


def test_missing_source_key_and_bucket(s3, upload):
    """Note 32 for parts."""
    with s3_error(404, "NoSuchKey", Key="absent"):
        copy_part(s3, upload, key="absent")
    with s3_error(404, "NoSuchBucket"):
        copy_part(s3, upload, bucket=new_bucket_name())


def test_missing_upload(s3, upload):
    """UploadPartCopy into an upload that was aborted."""
    upload.abort()
    with s3_error(404, "NoSuchUpload"):
        copy_part(s3, upload)


@pytest.mark.parametrize(
    "condition, name",
    [
        (lambda date: {"CopySourceIfMatch": WRONG}, "x-amz-copy-source-If-Match"),
        (lambda date: {"CopySourceIfNoneMatch": md5_hex(TEN)}, "x-amz-copy-source-If-None-Match"),
        (
            lambda date: {"CopySourceIfUnmodifiedSince": date - datetime.timedelta(1)},
            "x-amz-copy-source-If-Unmodified-Since",
        ),
        (lambda date: {"CopySourceIfModifiedSince": date}, "x-amz-copy-source-If-Modified-Since"),
        (
            lambda date: {
                "CopySourceIfNoneMatch": WRONG,
                "CopySourceIfUnmodifiedSince": date - datetime.timedelta(1),
            },
            "x-amz-copy-source-If-Unmodified-Since",
        ),
    ],
)
def test_false_conditions_are_412(s3, bucket, upload, condition, name):
    """Note 20, L:test_upload_part_copy_with_copy_source_*_failed."""
    date = s3.head_object(Bucket=bucket, Key="src")["LastModified"]
    with s3_error(412, "PreconditionFailed", Condition=name):
        copy_part(s3, upload, **condition(date))
    assert "Parts" not in s3.list_parts(**upload.where)


@pytest.mark.parametrize(
    "condition",
    [
        lambda date: {"CopySourceIfMatch": md5_hex(TEN)},
        lambda date: {"CopySourceIfNoneMatch": WRONG},
        lambda date: {"CopySourceIfUnmodifiedSince": date},
        lambda date: {"CopySourceIfModifiedSince": date - datetime.timedelta(1)},
        lambda date: {"CopySourceIfModifiedSince": date + datetime.timedelta(1)},
        lambda date: {
            "CopySourceIfMatch": md5_hex(TEN),
            "CopySourceIfUnmodifiedSince": date - datetime.timedelta(1),
        },
    ],
)
def test_true_conditions_copy(s3, bucket, upload, condition):
    """Note 20, L:test_upload_part_copy_with_copy_source_*_success."""
    copy_part(s3, upload, **condition(s3.head_object(Bucket=bucket, Key="src")["LastModified"]))
    assert len(s3.list_parts(**upload.where)["Parts"]) == 1


@pytest.mark.http_only
def test_large_object_assembled_from_ranges_of_another(s3, bucket):
    """Note 18 on stripes: copied and uploaded parts mixed; the source may go away before
    Complete."""
    body = random.Random(18).randbytes(11 * 1024 * 1024)
    s3.put_object(Bucket=bucket, Key="src", Body=body)
    upload = Upload(s3, bucket, "dst").part(2, body[: 5 * 1024 * 1024])
    parts = upload.part_list()
    parts.insert(
        0,
        {
            "PartNumber": 1,
            "ETag": copy_part(s3, upload, 1, CopySourceRange="bytes=1000-6000000")["ETag"],
        },
    )
    parts.append(
        {
            "PartNumber": 3,
            "ETag": copy_part(s3, upload, 3, CopySourceRange="bytes=65535-65536")["ETag"],
        }
    )
    s3.delete_object(Bucket=bucket, Key="src")
    upload.complete(parts)
    expected = body[1000:6000001] + body[: 5 * 1024 * 1024] + body[65535:65537]
    assert s3.get_object(Bucket=bucket, Key="dst")["Body"].read() == expected


def test_copied_part_gets_the_checksum_of_the_upload(s3, bucket):
    """L:test_multipart_upload_part_copy_checksum[COMPOSITE]: the recorded values of AWS."""
    s3.put_object(Bucket=bucket, Key="src", Body=b"this is a part")
    upload = Upload(s3, bucket, "dst", ChecksumAlgorithm="CRC32C")
    answer = copy_part(s3, upload)
    assert answer["ChecksumCRC32C"] == "iqJrOQ=="
    done = upload.complete(
        [{"PartNumber": 1, "ETag": answer["ETag"], "ChecksumCRC32C": "iqJrOQ=="}]
    )
    assert done["ChecksumCRC32C"] == "F9bAnw==-1" and done["ChecksumType"] == "COMPOSITE"
