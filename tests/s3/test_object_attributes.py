"""GetObjectAttributes (L:test_get_object_attributes, note 5.7)."""

import pytest
from harness.expect import assert_error, s3_error
from harness.helpers import Upload

ALL = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
PART_BYTES = 5 * 1024 * 1024


def attributes(s3, bucket, *wanted, key="k", **options):
    answer = s3.get_object_attributes(
        Bucket=bucket, Key=key, ObjectAttributes=list(wanted) or ALL, **options
    )
    del answer["ResponseMetadata"]
    return answer


def test_attributes_of_a_plain_object(s3, bucket):
    """ETag without quotes, the object's checksum, no parts."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"content", ChecksumAlgorithm="CRC32")
    shown = attributes(s3, bucket)
    assert shown.pop("LastModified")
    assert shown["ETag"] == "9a0364b9e99bb480dd25e1f0284c8555"
    assert shown["ObjectSize"] == 7 and shown["StorageClass"] == "STANDARD"
    assert shown["Checksum"]["ChecksumType"] == "FULL_OBJECT" and shown["Checksum"]["ChecksumCRC32"]
    assert "ObjectParts" not in shown


@pytest.mark.parametrize("name", ALL)
def test_only_what_was_asked_for_is_shown(s3, bucket, name):
    """Everything else is left out."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"content")
    shown = attributes(s3, bucket, name)
    shown.pop("LastModified")
    assert set(shown) == ({name} if name != "ObjectParts" else set())


def test_parts_of_a_plain_upload_are_counted(s3, bucket):
    """A FULL_OBJECT checksum: the number of parts, no list."""
    Upload(s3, bucket).part(1, b"a" * PART_BYTES).part(2, b"b" * 85).complete()
    shown = attributes(s3, bucket)
    assert shown["ObjectParts"] == {"TotalPartsCount": 2}
    assert shown["ObjectSize"] == PART_BYTES + 85 and shown["ETag"].endswith("-2")
    assert shown["Checksum"]["ChecksumType"] == "FULL_OBJECT"
    assert shown["Checksum"]["ChecksumCRC64NVME"]


def test_parts_with_checksums_are_listed_by_pages(s3, bucket):
    """COMPOSITE: each part with number, size and checksum; MaxParts and PartNumberMarker."""
    upload = Upload(s3, bucket, ChecksumAlgorithm="SHA256")
    for number, body in ((1, b"a" * PART_BYTES), (4, b"b" * PART_BYTES), (7, b"c")):
        upload.part(number, body, ChecksumAlgorithm="SHA256")
    upload.complete(checksums=True)
    parts = attributes(s3, bucket)["ObjectParts"]
    assert parts["TotalPartsCount"] == 3 and parts["IsTruncated"] is False
    listed = [(part["PartNumber"], part["Size"]) for part in parts["Parts"]]
    assert listed == [(1, PART_BYTES), (4, PART_BYTES), (7, 1)]
    for part in parts["Parts"]:
        sent = upload.parts[part["PartNumber"]]
        assert part["ChecksumSHA256"] == sent["ChecksumSHA256"]
    page = attributes(s3, bucket, "ObjectParts", MaxParts=2)["ObjectParts"]
    assert [part["PartNumber"] for part in page["Parts"]] == [1, 4]
    assert page["IsTruncated"] is True and page["NextPartNumberMarker"] == 4
    page = attributes(s3, bucket, "ObjectParts", MaxParts=2, PartNumberMarker=4)["ObjectParts"]
    assert [part["PartNumber"] for part in page["Parts"]] == [7]
    assert page["IsTruncated"] is False and page["PartNumberMarker"] == 4


def test_attributes_of_versions_and_markers(s3, bucket):
    """L:test_get_object_attributes_versioned."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"first!!")["VersionId"]
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"second!!!")["VersionId"]
    assert attributes(s3, bucket)["VersionId"] == second
    s3.delete_object(Bucket=bucket, Key="k")
    with s3_error(404, "NoSuchKey", Key="k"):
        attributes(s3, bucket)
    shown = attributes(s3, bucket, VersionId=first)
    assert shown["ObjectSize"] == 7 and shown["VersionId"] == first


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "InvalidRequest"),
        ({"x-amz-object-attributes": ""}, "InvalidRequest"),
        ({"x-amz-object-attributes": "Size"}, "InvalidArgument"),
        ({"x-amz-object-attributes": "ETag,etag"}, "InvalidArgument"),
        ({"x-amz-object-attributes": "ETag", "x-amz-max-parts": "many"}, "InvalidArgument"),
        ({"x-amz-object-attributes": "ETag", "x-amz-part-number-marker": "-1"}, "InvalidArgument"),
    ],
)
def test_attributes_that_cannot_be_asked_for(raw, s3, bucket, headers, code):
    """Refused, never half answered."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    response = raw.call("GET", f"/{bucket}/k", [("attributes", None)], headers)
    assert_error(response, 400, code)


def test_attributes_of_what_is_not_there(s3, bucket):
    """NoSuchKey, NoSuchBucket."""
    with s3_error(404, "NoSuchKey", Key="k"):
        attributes(s3, bucket)
    with s3_error(404, "NoSuchBucket"):
        attributes(s3, "no-such-bucket-here")
