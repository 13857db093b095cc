"""aws-chunked uploads: signed chunks, signed trailer, unsigned trailer (notes 26, 27; security
notes 4.3)."""

import re

import pytest
from harness import sigv4
from harness.checksums import checksum, header
from harness.expect import assert_error, assert_status

SIGNED, SIGNED_TRAILER = sigv4.STREAMING_SIGNED, sigv4.STREAMING_SIGNED_TRAILER
UNSIGNED_TRAILER = sigv4.STREAMING_UNSIGNED_TRAILER
CHUNKS = [b"a" * 65536, b"b" * 65536, b"c" * 100]
BODY = b"".join(CHUNKS)


def crc(body=BODY):
    return [(header("CRC32"), checksum("CRC32", body))]


@pytest.fixture
def path(raw, bucket):
    assert_status(raw.call("PUT", f"/{bucket}/k", body=b"old"), 200)
    return f"/{bucket}/k"


def modes(raw):
    """(mode, trailers) of every streaming mode that this scheme may use."""
    yield SIGNED, None
    yield SIGNED_TRAILER, crc()
    if raw.scheme == "https":
        yield UNSIGNED_TRAILER, crc()


def refused(raw, path, response, *codes, statuses=(400, 403)):
    assert response.status in statuses and (not codes or response.code in codes), (
        f"expected {codes}, got {response}"
    )
    stored = raw.call("GET", path)
    assert stored.body == b"old", "a refused upload changed the object"


@pytest.mark.parametrize(
    "pieces",
    [[], [b"x"], CHUNKS, [b"d" * 8192, b"e"], [bytes(1 << 20)] * 3 + [b"end"]],
    ids=["empty", "one-byte", "three", "smallest", "large"],
)
def test_every_mode_stores_the_payload_without_its_framing(raw, path, pieces):
    """Note 27 (S#7595 stored the chunk headers in the object)."""
    whole = b"".join(pieces)
    for mode, trailers in modes(raw):
        assert_status(raw.stream("PUT", path, pieces, mode, crc(whole) if trailers else None), 200)
        response = raw.call("GET", path)
        assert response.body == whole and response.header("content-encoding") is None


def test_part_upload_in_every_mode(raw, s3, bucket):
    """Note 27: UploadPart too."""
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    for mode, trailers in modes(raw):
        response = raw.stream(
            "PUT",
            f"/{bucket}/k",
            CHUNKS,
            mode,
            trailers,
            query=[("partNumber", "1"), ("uploadId", upload)],
        )
        assert_status(response, 200)
    assert s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)["Parts"][0]["Size"] == len(BODY)


@pytest.mark.parametrize("position", [100, 65536 + 300, -200])
def test_changed_chunk_data_is_refused(raw, path, position):
    """Security notes 4.1, CVE-2021-21390: flip one byte of the first, second, last chunk."""

    def flip(body):
        # Three of them: a single one may be a digit of the last signature, or begin its name.
        at = position if position >= 0 else body.rindex(b"ccc")
        return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]

    refused(
        raw,
        path,
        raw.stream("PUT", path, CHUNKS, SIGNED, tamper=flip),
        "SignatureDoesNotMatch",
        statuses=(403,),
    )
    response = raw.stream("PUT", path, CHUNKS, SIGNED_TRAILER, crc(), tamper=flip)
    refused(raw, path, response, "SignatureDoesNotMatch", statuses=(403,))


@pytest.mark.parametrize("which", [0, 1, 2, 3])
def test_changed_chunk_signature_is_refused(raw, path, which):
    """Security notes 4.3 (8): every chunk's signature counts, that of the final empty chunk too."""

    def forge(body):
        found = list(re.finditer(rb"chunk-signature=([0-9a-f]{64})", body))[which]
        return body[: found.start(1)] + b"0" * 64 + body[found.end(1) :]

    refused(
        raw,
        path,
        raw.stream("PUT", path, CHUNKS, SIGNED, tamper=forge),
        "SignatureDoesNotMatch",
        statuses=(403,),
    )


def test_swapped_chunks_are_refused(raw, path):
    """Security notes 4.3 (8): chunk signatures are chained, so their order counts."""

    def swap(body):
        size = body.index(b"\r\n") + 2 + 65536 + 2
        return body[size : 2 * size] + body[:size] + body[2 * size :]

    refused(
        raw,
        path,
        raw.stream("PUT", path, CHUNKS, SIGNED, tamper=swap),
        "SignatureDoesNotMatch",
        statuses=(403,),
    )


def test_missing_final_chunk_is_refused(raw, path):
    """Note 27, security notes 4.3 (8): the zero chunk is mandatory."""
    for mode, trailers in modes(raw):
        response = raw.stream(
            "PUT",
            path,
            CHUNKS,
            mode,
            None if mode == SIGNED else [],
            final=False,
            declared=header("CRC32") if trailers else None,
        )
        refused(raw, path, response)


@pytest.mark.parametrize("length", [len(BODY) - 1, len(BODY) + 1, 0])
def test_wrong_decoded_length_is_incomplete_body(raw, path, length):
    """Note 27: x-amz-decoded-content-length must equal the payload."""
    for mode, trailers in modes(raw):
        response = raw.stream("PUT", path, CHUNKS, mode, trailers, decoded_length=length)
        refused(raw, path, response, "IncompleteBody", statuses=(400,))


@pytest.mark.parametrize("length", [None, "abc", "-1", ""])
def test_missing_or_malformed_decoded_length_is_refused(raw, path, length):
    """AWS asks for it: 411 MissingContentLength (or a 400)."""
    response = raw.stream("PUT", path, CHUNKS, SIGNED, decoded_length=length)
    refused(
        raw,
        path,
        response,
        "MissingContentLength",
        "InvalidArgument",
        "InvalidRequest",
        statuses=(400, 411),
    )


def test_small_chunk_before_the_last_is_refused(raw, path):
    """Note 27: every chunk but the last has at least 8192 bytes."""
    response = raw.stream("PUT", path, [b"a" * 8191, b"b" * 8192], SIGNED)
    refused(raw, path, response, "InvalidChunkSizeError")


@pytest.mark.parametrize(
    "change",
    [
        lambda body: b"10000000000000000000" + body[body.index(b";") :],
        lambda body: b"-1" + body[body.index(b";") :],
        lambda body: b"zz" + body[body.index(b";") :],
        lambda body: b"" + body[body.index(b";") :],
        lambda body: body.replace(b"chunk-signature", b"chunk-nonsense", 1),
        lambda body: body.replace(b"\r\n", b"\n", 1),
        lambda body: body[:20],
        lambda body: body + b"trailing garbage",
        lambda body: b"\r\n" + body,
        lambda body: b"3;" + b"x" * 5000 + body,
    ],
    ids=[
        "overflow",
        "negative",
        "no-hex",
        "no-size",
        "no-signature",
        "bare-lf",
        "cut",
        "garbage-behind",
        "garbage-before",
        "long-extension",
    ],
)
def test_malformed_framing_is_refused(raw, path, change):
    """Security notes 4.5 and versitygw GHSA-v2ch-c8v8-fgr7 (a panic): a clean 4xx for every
    broken frame."""
    refused(raw, path, raw.stream("PUT", path, [b"new"], SIGNED, tamper=change))


def test_changed_trailer_is_refused(raw, path):
    """Security notes 4.3 (8): the trailer signature covers the declared trailers."""

    def change(body):
        return body.replace(b"x-amz-checksum-crc32:", b"x-amz-checksum-crc32:A", 1)

    response = raw.stream("PUT", path, CHUNKS, SIGNED_TRAILER, crc(), tamper=change)
    refused(raw, path, response, "SignatureDoesNotMatch", "InvalidRequest", "MalformedTrailerError")


def test_forged_trailer_signature_is_refused(raw, path):
    """Note 27: the trailer signature is checked."""

    def forge(body):
        return re.sub(rb"(?<=x-amz-trailer-signature:)[0-9a-f]{64}", b"0" * 64, body)

    response = raw.stream("PUT", path, CHUNKS, SIGNED_TRAILER, crc(), tamper=forge)
    refused(raw, path, response, "SignatureDoesNotMatch", statuses=(403,))


def test_missing_trailer_signature_is_refused(raw, path):
    """Note 27: a signed trailer without signature."""

    def drop(body):
        return re.sub(rb"x-amz-trailer-signature:[0-9a-f]{64}\r\n", b"", body)

    refused(raw, path, raw.stream("PUT", path, CHUNKS, SIGNED_TRAILER, crc(), tamper=drop))


def test_announced_trailer_must_come(raw, path):
    """Note 27: no trailer where announced."""
    response = raw.stream("PUT", path, CHUNKS, SIGNED_TRAILER, [], declared=header("CRC32"))
    refused(raw, path, response, "IncompleteBody", "MalformedTrailerError", "InvalidRequest")
    if raw.scheme == "https":
        response = raw.stream("PUT", path, CHUNKS, UNSIGNED_TRAILER, [], declared=header("CRC32"))
        refused(raw, path, response, "IncompleteBody", "MalformedTrailerError", "InvalidRequest")


def test_trailer_must_be_the_announced_one(raw, path):
    """Note 27: the name must match x-amz-trailer (MalformedTrailer)."""
    response = raw.stream("PUT", path, CHUNKS, SIGNED_TRAILER, crc(), declared=header("CRC32C"))
    refused(raw, path, response, "MalformedTrailerError", "InvalidRequest")


def test_undeclared_trailer_is_refused(raw, path):
    """Security notes 4.3 (8): undeclared trailers are rejected."""
    response = raw.stream(
        "PUT",
        path,
        CHUNKS,
        SIGNED_TRAILER,
        [*crc(), ("x-amz-meta-smuggled", "1")],
        declared=header("CRC32"),
    )
    refused(raw, path, response)
    response = raw.stream("PUT", path, CHUNKS, SIGNED_TRAILER, crc(), announce=False)
    refused(raw, path, response)


@pytest.mark.parametrize(
    "name", ["x-amz-trailer", "x-amz-meta-a", "x-amz-checksum-md4", "content-length"]
)
def test_only_checksums_may_be_trailers(raw, path, name):
    """Note 27: anything else announced as a trailer is refused."""
    refused(raw, path, raw.stream("PUT", path, CHUNKS, SIGNED_TRAILER, [(name, "AAAAAA==")]))


def test_trailer_names_are_case_insensitive(raw, path):
    """Note 27 (S#9905)."""
    trailers = [("X-Amz-Checksum-CRC32", checksum("CRC32", BODY))]
    response = raw.stream(
        "PUT", path, CHUNKS, SIGNED_TRAILER, trailers, declared="x-amz-checksum-crc32"
    )
    assert_status(response, 200)


@pytest.mark.https_only
def test_cve_2025_31489_unsigned_trailer_still_needs_the_request_signature(raw, path):
    """Security notes 4.1: the body is unsigned, the request is not."""
    import dataclasses

    signer = dataclasses.replace(raw.signer, secret_key="wrong" * 8)
    response = raw.stream("PUT", path, CHUNKS, UNSIGNED_TRAILER, crc(), signer=signer)
    refused(raw, path, response, "SignatureDoesNotMatch", statuses=(403,))


@pytest.mark.https_only
def test_unsigned_trailer_without_checksum_is_accepted_or_refused_cleanly(raw, path):
    """A body without any trailer: either stored whole or a 4xx, never half."""
    response = raw.stream("PUT", path, CHUNKS, UNSIGNED_TRAILER, [])
    assert response.status in (200, 400), str(response)
    assert raw.call("GET", path).body == (BODY if response.status == 200 else b"old")


def test_streaming_modes_are_only_for_uploads(raw, path):
    """Note 27: STREAMING-UNSIGNED-PAYLOAD-TRAILER only for PutObject and UploadPart."""
    bucket = path.rsplit("/", 1)[0]
    response = raw.stream("PUT", f"{bucket}-other", [], UNSIGNED_TRAILER, [])
    assert 400 <= response.status < 500, str(response)
    assert_status(raw.call("HEAD", f"{bucket}-other"), 404)


def test_signed_streaming_with_the_wrong_secret_is_refused(raw, path):
    """Security notes 4.3 (8): the seed signature is verified before the first body byte is used."""
    import dataclasses

    signer = dataclasses.replace(raw.signer, secret_key="wrong" * 8)
    refused(
        raw,
        path,
        raw.stream("PUT", path, CHUNKS, SIGNED, signer=signer),
        "SignatureDoesNotMatch",
        statuses=(403,),
    )


@pytest.mark.http_only
def test_streaming_with_conditions_and_metadata(raw, path):
    """A streaming PUT is a PUT: conditions, metadata and storage class apply."""
    response = raw.stream("PUT", path, CHUNKS, SIGNED, headers=[("If-None-Match", "*")])
    refused(raw, path, response, "PreconditionFailed", statuses=(412,))
    assert_status(raw.stream("PUT", path, CHUNKS, SIGNED, headers=[("x-amz-meta-a", "b")]), 200)
    assert raw.call("HEAD", path).header("x-amz-meta-a") == "b"


@pytest.mark.http_only
def test_wrong_md5_of_a_streamed_body(raw, path):
    """Note 25: Content-MD5 is that of the decoded payload."""
    response = raw.stream(
        "PUT", path, CHUNKS, SIGNED, headers=[("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==")]
    )
    assert_error(response, 400, "BadDigest")
