"""Checksums of multipart uploads (notes 41 and 42). The values of the three-part object are those
AWS recorded."""

import pytest
from harness.checksums import checksum, composite, header
from harness.expect import assert_error, assert_status, s3_error
from harness.helpers import Upload

BIG = b"a" * 5242881
TAIL = b"a" * 10
PART = {
    "CRC32": ("NRU+Sw==", "TBHN8A=="),
    "CRC32C": ("2/Ckiw==", "5yZkMA=="),
    "CRC64NVME": ("Kg7TOs6algM=", "DBqAA21lxVU="),
    "SHA1": ("bH71WIZUKQtUwR2wKSSkFjCRBPM=", "NJX/adNGcdHhWzOmPBN5/e3Toyo="),
    "SHA256": (
        "DjU70AB1bON8k0n0fVHv2PJQVWcA/jWsITp6ti20Tbs=",
        "vyy1imj2hNlaO3jvj2Ycmk5bCegsyPnMiMzpBSjK6yc=",
    ),
}
COMPOSITE = {
    "CRC32": "5FRUiw==-3",
    "CRC32C": "XF5+4A==-3",
    "SHA1": "AyE60nyQoBgJcwsyPHWu7aJuxBs=-3",
    "SHA256": "9o++y6AejqboiJ7MZCx0fahK2Vu5YC/qnNhhYsCLciI=-3",
}
FULL = {"CRC32": "qSEQSA==", "CRC32C": "eTdAQA==", "CRC64NVME": "ZMNX55lZurA="}


def raw_part(raw, upload, number, body, algorithm=None, value=None):
    """Upload a part over the raw client, with a checksum header when given."""
    headers = {header(algorithm): value or checksum(algorithm, body)} if algorithm else {}
    query = [("partNumber", str(number)), ("uploadId", upload.id)]
    return raw.call("PUT", f"/{upload.where['Bucket']}/{upload.where['Key']}", query, headers, body)


def raw_upload(raw, s3, bucket, algorithm, kind):
    """An upload of the three parts with their recorded checksums; its part list with checksums."""
    upload = Upload(s3, bucket, ChecksumAlgorithm=algorithm, ChecksumType=kind)
    parts = []
    for number, body in ((1, BIG), (2, BIG), (3, TAIL)):
        value = PART[algorithm][number == 3]
        answer = assert_status(raw_part(raw, upload, number, body, algorithm, value), 200)
        assert answer.header(header(algorithm)) == value
        parts.append(
            {"PartNumber": number, "ETag": answer.header("etag"), f"Checksum{algorithm}": value}
        )
    return upload, parts


def object_checksum(raw, bucket, algorithm, query=()):
    response = raw.call("HEAD", f"/{bucket}/k", query, {"x-amz-checksum-mode": "ENABLED"})
    return response.header(header(algorithm)), response.header("x-amz-checksum-type")


@pytest.mark.http_only
@pytest.mark.parametrize("algorithm", sorted(COMPOSITE))
def test_composite_checksum_of_an_upload(raw, s3, bucket, algorithm):
    """Note 41, L:test_complete_multipart_parts_checksum_composite: checksum of checksums with -N,
    as AWS computed it."""
    upload, parts = raw_upload(raw, s3, bucket, algorithm, "COMPOSITE")
    listed = s3.list_parts(**upload.where)
    assert listed["ChecksumAlgorithm"] == algorithm and listed["ChecksumType"] == "COMPOSITE"
    assert [part[f"Checksum{algorithm}"] for part in listed["Parts"]] == [
        PART[algorithm][n == 2] for n in range(3)
    ]
    done = upload.complete(parts)
    assert (
        done[f"Checksum{algorithm}"] == COMPOSITE[algorithm] and done["ChecksumType"] == "COMPOSITE"
    )
    assert object_checksum(raw, bucket, algorithm) == (COMPOSITE[algorithm], "COMPOSITE")
    assert object_checksum(raw, bucket, algorithm, [("partNumber", "3")]) == (
        PART[algorithm][1],
        "COMPOSITE",
    )


@pytest.mark.http_only
@pytest.mark.parametrize("algorithm", sorted(FULL))
def test_full_object_checksum_of_an_upload(raw, s3, bucket, algorithm):
    """Note 41, L:test_complete_multipart_parts_checksum_full_object: the CRC of the whole, and it
    is verified."""
    upload, parts = raw_upload(raw, s3, bucket, algorithm, "FULL_OBJECT")
    done = upload.complete(
        parts, ChecksumType="FULL_OBJECT", **{f"Checksum{algorithm}": FULL[algorithm]}
    )
    assert done[f"Checksum{algorithm}"] == FULL[algorithm] and done["ChecksumType"] == "FULL_OBJECT"
    assert object_checksum(raw, bucket, algorithm) == (FULL[algorithm], "FULL_OBJECT")


def test_full_object_upload_needs_no_part_checksums_at_complete(raw, s3, bucket):
    """L:test_complete_multipart_parts_checksum_full_object: Complete may leave them out."""
    upload = Upload(s3, bucket, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT").part(
        1, b"abc"
    )
    assert upload.complete()["ChecksumCRC32"] == checksum("CRC32", b"abc")


@pytest.mark.parametrize(
    "algorithm, kind",
    [
        ("CRC32", "COMPOSITE"),
        ("CRC32C", "COMPOSITE"),
        ("SHA1", "COMPOSITE"),
        ("SHA256", "COMPOSITE"),
        ("CRC64NVME", "FULL_OBJECT"),
    ],
)
def test_default_checksum_type(raw, bucket, algorithm, kind):
    """Note 41, L:test_multipart_checksum_type_default_for_checksum."""
    response = raw.call(
        "POST", f"/{bucket}/k", [("uploads", None)], {"x-amz-checksum-algorithm": algorithm}
    )
    assert_status(response, 200)
    assert (
        response.header("x-amz-checksum-algorithm") == algorithm
        and response.header("x-amz-checksum-type") == kind
    )


@pytest.mark.parametrize(
    "kind, algorithm, allowed",
    [
        ("COMPOSITE", "CRC32", True),
        ("COMPOSITE", "CRC32C", True),
        ("COMPOSITE", "SHA1", True),
        ("COMPOSITE", "SHA256", True),
        ("COMPOSITE", "CRC64NVME", False),
        ("FULL_OBJECT", "CRC32", True),
        ("FULL_OBJECT", "CRC32C", True),
        ("FULL_OBJECT", "CRC64NVME", True),
        ("FULL_OBJECT", "SHA1", False),
        ("FULL_OBJECT", "SHA256", False),
    ],
)
def test_checksum_types_of_algorithms(raw, bucket, kind, algorithm, allowed):
    """Note 41, L:test_multipart_checksum_type_compatibility: with the exact text."""
    headers = {"x-amz-checksum-algorithm": algorithm, "x-amz-checksum-type": kind}
    response = raw.call("POST", f"/{bucket}/k", [("uploads", None)], headers)
    if allowed:
        assert_status(response, 200)
        return
    error = assert_error(response, 400, "InvalidRequest")
    assert error["Message"] == (
        f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
    )


def test_checksum_type_without_algorithm_is_invalid_request(raw, bucket):
    """Note 41, L:test_multipart_parts_checksum_exceptions_composite
    create-mpu-no-checksum-algo-with-type."""
    response = raw.call(
        "POST", f"/{bucket}/k", [("uploads", None)], {"x-amz-checksum-type": "COMPOSITE"}
    )
    error = assert_error(response, 400, "InvalidRequest")
    assert error["Message"] == (
        "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
    )


def test_unknown_checksum_algorithm_is_invalid_request(raw, bucket):
    """L:test_multipart_parts_checksum_exceptions_composite create-mpu-wrong-checksum-algo."""
    response = raw.call(
        "POST", f"/{bucket}/k", [("uploads", None)], {"x-amz-checksum-algorithm": "TEST"}
    )
    assert assert_error(response, 400, "InvalidRequest")["Message"].startswith(
        "Checksum algorithm provided is unsupported."
    )


def test_null_mode_upload_gets_crc64nvme(raw, s3, bucket):
    """Note 42, L:test_complete_multipart_parts_checksum_default: recorded value Rnr2/5P7Gsk= of
    "aaa"."""
    upload = Upload(s3, bucket)
    answer = assert_status(raw_part(raw, upload, 1, b"aaa", "CRC32C"), 200)
    done = upload.complete([{"PartNumber": 1, "ETag": answer.header("etag")}])
    assert done["ChecksumCRC64NVME"] == "Rnr2/5P7Gsk=" and done["ChecksumType"] == "FULL_OBJECT"
    assert object_checksum(raw, bucket, "CRC64NVME") == ("Rnr2/5P7Gsk=", "FULL_OBJECT")


def test_null_mode_complete_must_not_name_part_checksums(raw, s3, bucket):
    """Note 42: InvalidPart."""
    upload = Upload(s3, bucket)
    etag = raw_part(raw, upload, 1, b"aaa", "CRC32C").header("etag")
    with s3_error(400, "InvalidPart", PartNumber="1"):
        upload.complete(
            [{"PartNumber": 1, "ETag": etag, "ChecksumCRC32C": checksum("CRC32C", b"aaa")}]
        )


@pytest.mark.parametrize("kind", ["FULL_OBJECT", "COMPOSITE"])
def test_null_mode_complete_must_not_name_a_type(raw, s3, bucket, kind):
    """Note 42: InvalidRequest with the exact text."""
    upload = Upload(s3, bucket)
    etag = raw_part(raw, upload, 1, b"aaa").header("etag")
    with s3_error(400, "InvalidRequest") as caught:
        upload.complete([{"PartNumber": 1, "ETag": etag}], ChecksumType=kind)
    assert caught.error["Message"] == (
        "The upload was created using the null checksum mode. "
        "The complete request must use the same checksum mode."
    )


def test_part_checksum_of_another_algorithm_is_invalid_request(raw, s3, bucket):
    """Note 42, L:test_multipart_parts_checksum_exceptions_composite
    upload-part-different-checksum-exc."""
    upload = Upload(s3, bucket, ChecksumAlgorithm="SHA256")
    error = assert_error(raw_part(raw, upload, 1, b"abc", "CRC32"), 400, "InvalidRequest")
    assert error["Message"] == (
        "Checksum Type mismatch occurred, expected checksum Type: sha256, "
        "actual checksum Type: crc32"
    )
    assert "Parts" not in s3.list_parts(**upload.where)


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_wrong_part_checksum_is_bad_digest(raw, s3, bucket, algorithm):
    """Note 43, L:test_multipart_upload_part_checksum_exception."""
    upload = Upload(s3, bucket, ChecksumAlgorithm=algorithm)
    error = assert_error(
        raw_part(raw, upload, 1, b"abc", algorithm, checksum(algorithm, b"x")), 400, "BadDigest"
    )
    assert (
        error["Message"] == f"The {algorithm} you specified did not match the calculated checksum."
    )
    error = assert_error(
        raw_part(raw, upload, 1, b"abc", algorithm, "no base64"), 400, "InvalidRequest"
    )
    assert error["Message"] == f"Value for {header(algorithm)} header is invalid."
    assert "Parts" not in s3.list_parts(**upload.where)


def test_part_without_checksum_gets_that_of_the_upload(raw, s3, bucket):
    """L:test_multipart_parts_checksum_exceptions_full_object upload-part-no-checksum-ok: the
    server computes it."""
    upload = Upload(s3, bucket, ChecksumAlgorithm="CRC32C")
    assert raw_part(raw, upload, 1, b"abc").header(header("CRC32C")) == "Nks/tw=="


def test_composite_complete_needs_the_part_checksums(raw, s3, bucket):
    """L:test_complete_multipart_parts_checksum_composite complete-multipart-no-checksum: the
    exact text."""
    upload = Upload(s3, bucket, ChecksumAlgorithm="SHA256").part(
        1, b"abc", ChecksumSHA256=checksum("SHA256", b"abc")
    )
    with s3_error(400, "InvalidRequest") as caught:
        upload.complete()
    assert caught.error["Message"] == (
        "The upload was created using a sha256 checksum. The complete request must include "
        "the checksum for each part. It was missing for part 1 in the request."
    )


def test_wrong_part_checksum_at_complete_is_invalid_part(s3, bucket):
    """L:test_complete_multipart_parts_checksum_composite
    complete-multipart-wrong-parts-checksum."""
    upload = Upload(s3, bucket, ChecksumAlgorithm="SHA256").part(
        1, b"abc", ChecksumSHA256=checksum("SHA256", b"abc")
    )
    parts = upload.part_list(checksums=True)
    parts[0]["ChecksumSHA256"] = checksum("SHA256", b"other")
    with s3_error(400, "InvalidPart", PartNumber="1", UploadId=upload.id):
        upload.complete(parts)


def test_complete_with_another_checksum_type_is_invalid_request(s3, bucket):
    """L:test_multipart_parts_checksum_exceptions_*: the upload's mode rules."""
    for created, given in (("COMPOSITE", "FULL_OBJECT"), ("FULL_OBJECT", "COMPOSITE")):
        upload = Upload(s3, bucket, ChecksumAlgorithm="CRC32", ChecksumType=created).part(1, b"abc")
        with s3_error(400, "InvalidRequest") as caught:
            upload.complete(checksums=True, ChecksumType=given)
        assert caught.error["Message"] == (
            f"The upload was created using the {created} checksum mode. The complete request "
            "must use the same checksum mode."
        )


def test_wrong_object_checksum_at_complete_is_bad_digest(s3, bucket):
    """Note 43: lower-case name for Complete; nothing is created, the upload lives on."""
    upload = Upload(s3, bucket, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT").part(
        1, b"abc"
    )
    with s3_error(
        400, "BadDigest", Message="The crc32 you specified did not match the calculated checksum."
    ):
        upload.complete(checksums=True, ChecksumCRC32=checksum("CRC32", b"other"))
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert upload.complete(checksums=True, ChecksumCRC32=checksum("CRC32", b"abc"))["ChecksumCRC32"]


def test_composite_value_of_a_one_part_upload(s3, bucket):
    """Note 41: alg(concat of part checksums)-1, computed here independently."""
    upload = Upload(s3, bucket, ChecksumAlgorithm="SHA1").part(
        1, b"abc", ChecksumSHA1=checksum("SHA1", b"abc")
    )
    assert upload.complete(checksums=True)["ChecksumSHA1"] == composite("SHA1", [b"abc"])


def test_uploads_list_their_checksum(s3, bucket):
    """L:test_multipart_parts_checksum_exceptions_composite list-multiparts."""
    Upload(s3, bucket, ChecksumAlgorithm="CRC32C", ChecksumType="FULL_OBJECT")
    item = s3.list_multipart_uploads(Bucket=bucket)["Uploads"][0]
    assert item["ChecksumAlgorithm"] == "CRC32C" and item["ChecksumType"] == "FULL_OBJECT"
