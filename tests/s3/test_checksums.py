"""Object checksums by header and by trailer (notes 40, 41, 43; streaming modes of note 27)."""

import pytest
from harness import sigv4
from harness.checksums import ALGORITHMS, checksum, header
from harness.expect import assert_error, assert_status

BODY = b"hello world"
ALL = pytest.mark.parametrize("algorithm", ALGORITHMS)
ENABLED = {"x-amz-checksum-mode": "ENABLED"}


def checksum_headers(response):
    return {
        name.lower(): value
        for name, value in response.headers
        if name.lower().startswith("x-amz-checksum-")
    }


def shown(algorithm, body=BODY):
    return {header(algorithm): checksum(algorithm, body), "x-amz-checksum-type": "FULL_OBJECT"}


@ALL
def test_header_checksum_is_stored_and_returned(raw, bucket, algorithm):
    """Issue 2.5, L:test_put_object_checksum: PUT, GET and HEAD return value and type
    FULL_OBJECT."""
    response = raw.call(
        "PUT", f"/{bucket}/k", headers={header(algorithm): checksum(algorithm, BODY)}, body=BODY
    )
    assert assert_status(response, 200) and checksum_headers(response) == shown(algorithm)
    for method in ("GET", "HEAD"):
        response = assert_status(raw.call(method, f"/{bucket}/k", headers=ENABLED), 200)
        assert checksum_headers(response) == shown(algorithm)


@pytest.mark.https_only
@ALL
def test_unsigned_trailer_checksum_is_stored_and_returned(raw, bucket, algorithm):
    """Issue 2.5: STREAMING-UNSIGNED-PAYLOAD-TRAILER, what SDKs send over TLS since 2025."""
    trailers = [(header(algorithm), checksum(algorithm, BODY))]
    response = raw.stream("PUT", f"/{bucket}/k", [BODY], sigv4.STREAMING_UNSIGNED_TRAILER, trailers)
    assert assert_status(response, 200) and checksum_headers(response) == shown(algorithm)
    response = raw.call("GET", f"/{bucket}/k", headers=ENABLED)
    assert response.body == BODY and checksum_headers(response) == shown(algorithm)


@ALL
def test_signed_trailer_checksum_is_stored_and_returned(raw, bucket, algorithm):
    """Issue 2.5: STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER."""
    trailers = [(header(algorithm), checksum(algorithm, BODY))]
    response = raw.stream("PUT", f"/{bucket}/k", [BODY], sigv4.STREAMING_SIGNED_TRAILER, trailers)
    assert assert_status(response, 200) and checksum_headers(response) == shown(algorithm)
    response = raw.call("GET", f"/{bucket}/k", headers=ENABLED)
    assert response.body == BODY and checksum_headers(response) == shown(algorithm)


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_boto3_checksum_algorithm(s3, bucket, algorithm):
    """L:test_s3_get_object_checksum: the SDK sends a header over http and a trailer over https,
    and verifies on GET."""
    put = s3.put_object(Bucket=bucket, Key="k", Body=BODY * 1000, ChecksumAlgorithm=algorithm)
    assert put[f"Checksum{algorithm}"] == checksum(algorithm, BODY * 1000)
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (
        got["Body"].read() == BODY * 1000
        and got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
    )


@ALL
def test_wrong_header_checksum_is_bad_digest(raw, bucket, algorithm):
    """Note 43, L:test_put_object_checksum put-wrong-checksum-value: the exact text, and nothing
    is stored."""
    raw.call("PUT", f"/{bucket}/k", body=b"old")
    response = raw.call(
        "PUT", f"/{bucket}/k", headers={header(algorithm): checksum(algorithm, b"other")}, body=BODY
    )
    error = assert_error(response, 400, "BadDigest")
    assert (
        error["Message"] == f"The {algorithm} you specified did not match the calculated checksum."
    )
    assert raw.call("GET", f"/{bucket}/k").body == b"old"


@ALL
def test_wrong_trailer_checksum_is_bad_digest(raw, bucket, algorithm):
    """Security notes 4.3 (9): a mismatch found at the end commits nothing."""
    raw.call("PUT", f"/{bucket}/k", body=b"old")
    trailers = [(header(algorithm), checksum(algorithm, b"other"))]
    modes = [sigv4.STREAMING_SIGNED_TRAILER] + [sigv4.STREAMING_UNSIGNED_TRAILER] * (
        raw.scheme == "https"
    )
    for mode in modes:
        assert_error(raw.stream("PUT", f"/{bucket}/k", [BODY], mode, trailers), 400, "BadDigest")
    assert raw.call("GET", f"/{bucket}/k").body == b"old"


@ALL
@pytest.mark.parametrize("value", ["not-base64!", "AAA=", ""])
def test_invalid_checksum_value_is_invalid_request(raw, bucket, algorithm, value):
    """Note 43: not base64 or of the wrong length."""
    response = raw.call("PUT", f"/{bucket}/k", headers={header(algorithm): value}, body=BODY)
    error = assert_error(response, 400, "InvalidRequest")
    assert error["Message"] == f"Value for {header(algorithm)} header is invalid."
    assert_status(raw.call("HEAD", f"/{bucket}/k"), 404)


def test_two_checksum_headers_are_invalid_request(raw, bucket):
    """Note 43, L:test_s3_checksum_no_algorithm put-2-checksums."""
    headers = {header(algorithm): checksum(algorithm, BODY) for algorithm in ("SHA256", "CRC32")}
    error = assert_error(
        raw.call("PUT", f"/{bucket}/k", headers=headers, body=BODY), 400, "InvalidRequest"
    )
    assert (
        error["Message"]
        == "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
    )


def test_header_and_trailer_checksum_together_are_an_error(raw, bucket):
    """Note 27: x-amz-trailer and x-amz-checksum-* together."""
    value = checksum("CRC32", BODY)
    response = raw.stream(
        "PUT",
        f"/{bucket}/k",
        [BODY],
        sigv4.STREAMING_SIGNED_TRAILER,
        [(header("CRC32"), value)],
        headers=[(header("CRC32"), value)],
    )
    assert_error(response, 400, "InvalidRequest")


def test_default_checksum_is_crc64nvme(raw, bucket):
    """Note 40, L:test_s3_checksum_no_automatic_sdk_calculation head-obj-no-checksum: nothing
    sent, FULL_OBJECT computed."""
    assert_status(raw.call("PUT", f"/{bucket}/k", body=BODY), 200)
    for method in ("GET", "HEAD"):
        assert checksum_headers(raw.call(method, f"/{bucket}/k", headers=ENABLED)) == shown(
            "CRC64NVME"
        )


def test_checksums_are_returned_only_when_asked(raw, bucket):
    """Note 40."""
    raw.call("PUT", f"/{bucket}/k", headers={header("SHA1"): checksum("SHA1", BODY)}, body=BODY)
    assert checksum_headers(raw.call("GET", f"/{bucket}/k")) == {}
    assert checksum_headers(raw.call("HEAD", f"/{bucket}/k")) == {}


@pytest.mark.parametrize("value", ["enabled", "Enabled", "ENABLED"])
def test_checksum_mode_is_case_insensitive(raw, bucket, value):
    """Note 40 (V:18e30127)."""
    raw.call("PUT", f"/{bucket}/k", body=BODY)
    headers = {"x-amz-checksum-mode": value}
    assert checksum_headers(raw.call("HEAD", f"/{bucket}/k", headers=headers)) == shown("CRC64NVME")


def test_algorithm_header_alone_is_no_value(raw, bucket):
    """Note 43 (V:e18c4f40), L:test_s3_checksum_no_automatic_sdk_calculation
    head-obj-only-checksum-algo: -algorithm and -type are not values."""
    headers = {"x-amz-sdk-checksum-algorithm": "SHA256"}
    assert_status(raw.call("PUT", f"/{bucket}/k", headers=headers, body=BODY), 200)
    assert checksum_headers(raw.call("HEAD", f"/{bucket}/k", headers=ENABLED)) == shown("CRC64NVME")


def test_value_beats_a_different_algorithm_header(raw, bucket):
    """L:test_s3_checksum_no_automatic_sdk_calculation head-obj-diff-checksum-algo."""
    headers = {"x-amz-sdk-checksum-algorithm": "CRC32", header("SHA256"): checksum("SHA256", BODY)}
    assert_status(raw.call("PUT", f"/{bucket}/k", headers=headers, body=BODY), 200)
    assert checksum_headers(raw.call("HEAD", f"/{bucket}/k", headers=ENABLED)) == shown("SHA256")


@ALL
def test_checksum_of_an_empty_object(raw, bucket, algorithm):
    """Zero bytes have checksums too (L:test_put_object_if_none_match: CRC32 AAAAAA==)."""
    headers = {header(algorithm): checksum(algorithm, b"")}
    assert_status(raw.call("PUT", f"/{bucket}/k", headers=headers), 200)
    assert checksum_headers(raw.call("HEAD", f"/{bucket}/k", headers=ENABLED)) == shown(
        algorithm, b""
    )


@ALL
def test_checksum_over_many_pieces(raw, bucket, algorithm):
    """A body that spans network reads, units and stripes has the checksum of the whole."""
    body = bytes(range(251)) * 2800
    headers = {header(algorithm): checksum(algorithm, body)}
    assert_status(raw.call("PUT", f"/{bucket}/k", headers=headers, body=body), 200)
    assert checksum_headers(raw.call("HEAD", f"/{bucket}/k", headers=ENABLED)) == shown(
        algorithm, body
    )


@pytest.mark.http_only
def test_checksum_and_md5_may_come_together(raw, bucket):
    """Content-MD5 and one checksum are both verified."""
    good = {"Content-MD5": "XrY7u+Ae7tCTyyK7j1rNww==", header("CRC32"): checksum("CRC32", BODY)}
    assert_status(raw.call("PUT", f"/{bucket}/k", headers=good, body=BODY), 200)
    bad = {**good, "Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
    assert_error(raw.call("PUT", f"/{bucket}/k", headers=bad, body=BODY), 400, "BadDigest")
