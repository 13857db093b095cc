"""Signature V4 in the Authorization header: what is accepted, what is refused, and that refusals
have no effect (notes 7, 28, 50, 51, 52; security notes 4.3)."""

import dataclasses
import datetime
import hashlib
import re

import pytest
from harness import sigv4
from harness.expect import assert_error, assert_status
from harness.raw_http import request_bytes


@pytest.fixture
def path(raw, bucket):
    """An object 'old' that no refused request may change."""
    assert_status(raw.call("PUT", f"/{bucket}/k", body=b"old"), 200)
    return f"/{bucket}/k"


def unchanged(raw, path):
    response = raw.call("GET", path)
    assert response.status == 200 and response.body == b"old", str(response)


def send_edited(raw, method, path, edit, body=b"", query=(), headers=()):
    """Sign a request, let `edit` change the header list, send it."""
    target, all_headers = raw.prepare(method, path, query, headers, body)
    return raw.send_raw(request_bytes(method, target, edit(all_headers), body), method)


def replace(name, change):
    """An edit of the value of one header."""
    return lambda headers: [(n, change(v) if n.lower() == name else v) for n, v in headers]


def minutes(delta):
    return sigv4.utc_now() + datetime.timedelta(minutes=delta)


def test_own_signer_and_botocore_agree_with_the_server(raw, s3, bucket):
    """Issue 2.5: two independent signers, header authentication."""
    s3.put_object(Bucket=bucket, Key="by botocore", Body=b"1")
    assert raw.call("GET", f"/{bucket}/by%20botocore").body == b"1"
    assert_status(raw.call("PUT", f"/{bucket}/by%20us", body=b"2"), 200)
    assert s3.get_object(Bucket=bucket, Key="by us")["Body"].read() == b"2"


def test_wrong_secret_is_signature_does_not_match(raw, path):
    """Note 1, L:test_presigned_url_signature_authentication: what we computed is told."""
    signer = dataclasses.replace(raw.signer, secret_key=raw.signer.secret_key + "x")
    error = assert_error(
        raw.call("PUT", path, body=b"new", signer=signer),
        403,
        "SignatureDoesNotMatch",
        AWSAccessKeyId=raw.signer.access_key,
    )
    for name in ("StringToSign", "CanonicalRequest", "SignatureProvided"):
        assert error.get(name), name
    assert error["StringToSign"].startswith("AWS4-HMAC-SHA256\n") and error[
        "CanonicalRequest"
    ].startswith("PUT\n")
    unchanged(raw, path)


@pytest.mark.http_only
def test_refusal_does_not_leak_the_secret_or_the_right_signature(raw, path):
    """Security notes 4.2 G: the answer to a wrong signature holds neither the secret nor the
    expected signature."""
    target, headers = raw.prepare("GET", path)
    right = dict(headers)["Authorization"].rsplit("=", 1)[1]
    bad = [
        (n, v[:-1] + ("0" if v[-1] != "0" else "1") if n == "Authorization" else v)
        for n, v in headers
    ]
    response = raw.send_raw(request_bytes("GET", target, bad))
    assert_status(response, 403)
    assert (
        right.encode() not in response.body and raw.signer.secret_key.encode() not in response.body
    )


def test_unknown_access_key_is_invalid_access_key_id(raw, path):
    """S3 error InvalidAccessKeyId, 403."""
    signer = dataclasses.replace(raw.signer, access_key="AKIAUNKNOWNUNKNOWN00")
    assert_error(
        raw.call("GET", path, signer=signer),
        403,
        "InvalidAccessKeyId",
        AWSAccessKeyId="AKIAUNKNOWNUNKNOWN00",
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda value: re.sub(r"Signature=(.)", lambda m: f"Signature={int(m[1], 16) ^ 1:x}", value),
        lambda value: re.sub(r"(?<=Signature=).*", "", value),
        lambda value: value[:-1],
        lambda value: value + "0",
        lambda value: re.sub(r"(?<=Signature=).*", "0" * 64, value),
        lambda value: re.sub(r"(?<=Signature=).*", "z" * 64, value),
    ],
    ids=["one-bit", "empty", "short", "long", "zeros", "no-hex"],
)
def test_altered_signature_is_refused(raw, path, change):
    """Security notes 4.3: one bit, empty, truncated, extended."""
    response = send_edited(raw, "PUT", path, replace("authorization", change), b"new")
    assert response.status in (400, 403) and response.code in (
        "SignatureDoesNotMatch",
        "AuthorizationHeaderMalformed",
        "AccessDenied",
    ), str(response)
    unchanged(raw, path)


@pytest.mark.http_only
def test_upper_case_signature_is_not_the_same_signature_or_is(raw, path):
    """Security notes 4.3 (10): compared as decoded bytes, hexadecimal case may or may not matter;
    never a 5xx."""
    response = send_edited(
        raw, "GET", path, replace("authorization", lambda v: v[:-64] + v[-64:].upper())
    )
    assert response.status in (200, 400, 403)


@pytest.mark.parametrize("delta", [-16, 16, -60 * 24, 60 * 24])
def test_clock_skew_is_request_time_too_skewed(raw, path, delta):
    """Note 52, security notes 4.3 (5): 15 minutes either way."""
    assert_error(
        raw.call("PUT", path, body=b"new", moment=minutes(delta)), 403, "RequestTimeTooSkewed"
    )
    unchanged(raw, path)


@pytest.mark.parametrize("delta", [-14, 14])
def test_small_clock_skew_is_accepted(raw, path, delta):
    """Note 52."""
    assert_status(raw.call("GET", path, moment=minutes(delta)), 200)


def test_missing_date_is_access_denied(raw, path):
    """Note 7 (V:90e240d2): 403."""
    digest = sigv4.EMPTY_SHA256
    headers, _ = raw.signer.authorize(
        "GET", path, [], [("Host", raw.authority)], digest, add_date=False
    )
    assert_error(raw.send_raw(request_bytes("GET", path, headers)), 403, "AccessDenied")


@pytest.mark.parametrize("date", ["20200101", "yesterday", "2024-01-01T00:00:00Z", ""])
def test_malformed_date_is_refused(raw, path, date):
    """A date that cannot be read is no date."""
    response = send_edited(raw, "GET", path, replace("x-amz-date", lambda _: date))
    assert_error(response, 403, "AccessDenied", "RequestTimeTooSkewed", "SignatureDoesNotMatch")


@pytest.mark.parametrize(
    "value",
    [
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a",
        "AWS4-HMAC-SHA256 x=y, z",
        "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 Credential=a/20240101/us-east-1/s3/aws4_request, Signature=00",
    ],
)
def test_malformed_authorization_is_400(raw, path, value):
    """Note 7 (V:657b9ac0): AuthorizationHeaderMalformed is a 400."""
    response = send_edited(raw, "GET", path, replace("authorization", lambda _: value))
    assert_error(response, 400, "AuthorizationHeaderMalformed")


@pytest.mark.parametrize(
    "value",
    [
        "AWS AKIA:c2ln",
        "Basic dXNlcjpwYXNz",
        "Bearer token",
        "AWS4-HMAC-SHA512 Credential=x",
        "AWS4-ECDSA-P256-SHA256 Credential=x",
        "x",
        "",
    ],
)
def test_other_authorization_schemes_are_refused(raw, path, value):
    """Security notes 4.3 (3) and (16): the algorithm is exactly AWS4-HMAC-SHA256; Signature V2 is
    off."""
    response = send_edited(raw, "PUT", path, replace("authorization", lambda _: value), b"new")
    assert response.status in (400, 403) and response.code, str(response)
    unchanged(raw, path)


def test_wrong_region_names_the_right_one(raw, path):
    """Note 52, L:test_create_bucket_aws_global: AuthorizationHeaderMalformed with Region, so SDKs
    can redirect."""
    signer = dataclasses.replace(raw.signer, region="eu-central-1")
    assert_error(
        raw.call("GET", path, signer=signer),
        400,
        "AuthorizationHeaderMalformed",
        Region="us-east-1",
    )


@pytest.mark.parametrize("service", ["iam", "S3", ""])
def test_wrong_service_is_refused(raw, path, service):
    """Security notes 4.3 (4)."""
    signer = dataclasses.replace(raw.signer, service=service)
    assert_error(raw.call("GET", path, signer=signer), 400, "AuthorizationHeaderMalformed")


def test_scope_of_another_day_is_refused(raw, path):
    """Security notes 4.3 (4): the scope's date is that of x-amz-date."""
    now, yesterday = sigv4.utc_now(), minutes(-60 * 24)
    response = send_edited(
        raw,
        "GET",
        path,
        replace(
            "authorization",
            lambda value: value.replace(now.strftime("/%Y%m%d/"), yesterday.strftime("/%Y%m%d/")),
        ),
    )
    assert response.status in (400, 403) and response.code in (
        "AuthorizationHeaderMalformed",
        "SignatureDoesNotMatch",
    )


@pytest.mark.parametrize(
    "name, value",
    [
        ("x-amz-acl", "public-read"),
        ("x-amz-copy-source", "{bucket}/other"),
        ("x-amz-meta-a", "b"),
        ("x-amz-storage-class", "GLACIER"),
        ("X-Amz-Tagging", "a=b"),
        ("x-amz-unknown", "1"),
    ],
)
def test_unsigned_amz_header_is_access_denied(raw, path, name, value):
    """Note 50 (V:57747021, S#9121), security notes 4.3 (1): HeadersNotSigned names it; no
    effect."""
    value = value.format(bucket=path.split("/")[1])
    response = send_edited(raw, "PUT", path, lambda headers: [*headers, (name, value)], b"new")
    assert_error(response, 403, "AccessDenied", HeadersNotSigned=name.lower())
    unchanged(raw, path)


def test_unsigned_host_is_refused(raw, path):
    """Security notes 4.3 (1): host must be signed."""
    response = raw.call("PUT", path, body=b"new", leave_unsigned=("host",))
    assert response.status in (400, 403), str(response)
    unchanged(raw, path)


@pytest.mark.parametrize(
    "edit",
    [
        replace("host", lambda _: "other.example.com"),
        replace("x-amz-meta-a", lambda _: "changed"),
        replace("content-type", lambda _: "text/html"),
        lambda headers: [h for h in headers if h[0] != "x-amz-meta-a"],
        lambda headers: [*headers, ("x-amz-meta-a", "more")],
    ],
    ids=["host", "value", "content-type", "removed", "duplicate"],
)
def test_altered_signed_header_is_refused(raw, path, edit):
    """Security notes 4.3: removed, changed and duplicated signed headers."""
    headers = {"x-amz-meta-a": "b", "Content-Type": "text/plain"}
    response = send_edited(raw, "PUT", path, edit, b"new", headers=headers)
    assert response.status in (400, 403) and response.code in (
        "SignatureDoesNotMatch",
        "AccessDenied",
    ), str(response)
    unchanged(raw, path)


@pytest.mark.parametrize(
    "signed, sent",
    [
        ("/k", "/K"),
        ("/k", "/k/"),
        ("/k", "//k"),
        ("/k", "/k?versionId=null"),
        ("/k", "/./k"),
        ("/a%2Fk", "/a/k"),
    ],
)
def test_altered_target_is_signature_does_not_match(raw, path, signed, sent):
    """Note 31, security notes 4.3 (2): the raw target is what is signed, never a normalised one."""
    bucket = path.rsplit("/", 1)[0]
    _, headers = raw.prepare("PUT", bucket + signed, body=b"new")
    response = raw.send_raw(request_bytes("PUT", bucket + sent, headers, b"new"))
    assert response.status == 403 and response.code == "SignatureDoesNotMatch", str(response)
    unchanged(raw, path)


def test_altered_method_is_refused(raw, path):
    """A signed GET is no DELETE."""
    target, headers = raw.prepare("GET", path)
    assert_error(
        raw.send_raw(request_bytes("DELETE", target, headers)), 403, "SignatureDoesNotMatch"
    )
    unchanged(raw, path)


def test_changed_body_is_sha256_mismatch(raw, path):
    """Note 28 (V:4187b4d4): XAmzContentSHA256Mismatch, nothing stored."""
    target, headers = raw.prepare("PUT", path, body=b"new")
    response = raw.send_raw(request_bytes("PUT", target, headers, b"nEw"))
    error = assert_error(response, 400, "XAmzContentSHA256Mismatch")
    assert error["ClientComputedContentSHA256"] == hashlib.sha256(b"new").hexdigest()
    assert error["S3ComputedContentSHA256"] == hashlib.sha256(b"nEw").hexdigest()
    unchanged(raw, path)


def test_changed_large_body_is_not_stored(raw, path):
    """Note 28 for a body of many units: the mismatch shows at the very end, and then nothing may
    be visible."""
    body = bytes(3_000_000)
    target, headers = raw.prepare("PUT", path, body=body)
    assert_error(
        raw.send_raw(request_bytes("PUT", target, headers, body[:-1] + b"\1")),
        400,
        "XAmzContentSHA256Mismatch",
    )
    unchanged(raw, path)


@pytest.mark.parametrize(
    "value", ["garbage", "", "UNSIGNED", "e3b0c442", "STREAMING-AWS4-HMAC-SHA512-PAYLOAD", "g" * 64]
)
def test_unknown_content_sha256_is_400(raw, path, value):
    """Note 28, security notes 4.3 (7): a hash or one of the known words."""
    response = raw.call("PUT", path, body=b"new", payload=value)
    assert_error(response, 400, "InvalidArgument", "InvalidRequest", "XAmzContentSHA256Mismatch")
    unchanged(raw, path)


def test_missing_content_sha256_is_400(raw, path):
    """Security notes 4.3 (7): header authentication needs x-amz-content-sha256."""
    assert_error(
        raw.call("PUT", path, body=b"new", payload=None), 400, "InvalidRequest", "InvalidArgument"
    )
    unchanged(raw, path)


@pytest.mark.https_only
def test_unsigned_payload_over_tls(raw, path):
    """Issue 2.5: UNSIGNED-PAYLOAD."""
    assert_status(raw.call("PUT", path, body=b"unsigned", payload=sigv4.UNSIGNED_PAYLOAD), 200)
    assert raw.call("GET", path, payload=sigv4.UNSIGNED_PAYLOAD).body == b"unsigned"


def test_header_and_query_authentication_together_are_400(raw, path):
    """Security notes 4.3 (6), CVE-2026-41145: exactly one authentication method."""
    pairs = raw.signer.presign("PUT", path, [], [("Host", raw.authority)])
    response = raw.call("PUT", path, pairs, body=b"new")
    assert_error(response, 400, "InvalidArgument", "InvalidRequest")
    unchanged(raw, path)


def test_cve_2026_41145_query_credentials_with_unsigned_trailer(raw, path):
    """Security notes 4.1: credentials in the query with a made-up signature and an unsigned
    trailer body are refused."""
    pairs = raw.signer.presign("PUT", path, [], [("Host", raw.authority)])
    pairs = [(n, "0" * 64 if n == "X-Amz-Signature" else v) for n, v in pairs]
    body = sigv4.unsigned_chunks([b"new"])
    headers = [
        ("Host", raw.authority),
        ("x-amz-content-sha256", sigv4.STREAMING_UNSIGNED_TRAILER),
        ("x-amz-decoded-content-length", "3"),
        ("Content-Length", str(len(body))),
    ]
    response = raw.send_raw(
        request_bytes("PUT", f"{path}?{sigv4.encode_query(pairs)}", headers, body)
    )
    assert response.status in (400, 403), str(response)
    unchanged(raw, path)


@pytest.mark.parametrize(
    "method, target",
    [
        ("GET", "/"),
        ("GET", "/{b}"),
        ("HEAD", "/{b}"),
        ("PUT", "/{b}-new"),
        ("DELETE", "/{b}"),
        ("GET", "/{b}?location"),
        ("GET", "/{b}?uploads"),
        ("GET", "/{b}?versions"),
        ("GET", "/{b}?versioning"),
        ("POST", "/{b}?delete"),
        ("GET", "/{b}/k"),
        ("HEAD", "/{b}/k"),
        ("PUT", "/{b}/k"),
        ("DELETE", "/{b}/k"),
        ("POST", "/{b}/k?uploads"),
        ("PUT", "/{b}/k?partNumber=1&uploadId=x"),
        ("POST", "/{b}/k?uploadId=x"),
        ("DELETE", "/{b}/k?uploadId=x"),
        ("GET", "/{b}/k?uploadId=x"),
        ("GET", "/{b}?policy"),
        ("PUT", "/{b}/k?acl"),
    ],
)
@pytest.mark.http_only
def test_anonymous_is_access_denied_everywhere(raw, path, method, target):
    """Security notes 4.2 A and 4.10: every route without credentials."""
    bucket = path.split("/")[1]
    body = b"new" if method in ("PUT", "POST") else b""
    headers = [("Host", raw.authority)] + ([("Content-Length", str(len(body)))] if body else [])
    response = raw.send_raw(request_bytes(method, target.format(b=bucket), headers, body), method)
    if method == "HEAD":
        assert_status(response, 403)
    else:
        assert_error(response, 403, "AccessDenied")
    unchanged(raw, path)


@pytest.mark.http_only
@pytest.mark.parametrize("target", ["/no-such-bucket-at-all", "/no-such-bucket-at-all/k"])
def test_anonymous_learns_that_there_is_no_such_bucket(raw, target):
    """As AWS answers: whether a bucket is there is no secret, what is in it is."""
    assert_error(raw.send_raw(request_bytes("GET", target, [("Host", raw.authority)], b""), "GET"), 404, "NoSuchBucket")


def test_anonymous_streaming_body_is_refused(raw, path):
    """Note 27: anonymous with a signed streaming body must not work."""
    body = raw.signer.signed_chunks(sigv4.utc_now(), "0" * 64, [b"new"])
    headers = [
        ("Host", raw.authority),
        ("x-amz-content-sha256", sigv4.STREAMING_SIGNED),
        ("x-amz-decoded-content-length", "3"),
        ("Content-Length", str(len(body))),
    ]
    response = raw.send_raw(request_bytes("PUT", path, headers, body))
    assert response.status in (400, 403), str(response)
    unchanged(raw, path)


@pytest.mark.parametrize("value", ["a   b", "  a b  ", "a \t b"])
def test_white_space_in_header_values_is_collapsed_for_signing(raw, path, value):
    """Note 51: inner white space counts once."""
    assert_status(raw.call("PUT", path, headers={"x-amz-meta-space": value}, body=b"old"), 200)


@pytest.mark.parametrize(
    "query",
    [
        [("prefix", ""), ("max-keys", "2")],
        [("max-keys", "2"), ("prefix", "a b+c/d&e=f%41~é")],
        [("prefix", "A"), ("delimiter", "/")],
        [("list-type", "2"), ("start-after", "")],
        [("prefix", "a*'()!")],
    ],
)
def test_query_is_sorted_and_encoded_for_signing(raw, path, query):
    """Note 51, security notes 4.3 (2): empty values kept, any order, every reserved character."""
    assert_status(raw.call("GET", path.rsplit("/", 1)[0], query), 200)


def test_extra_signed_headers_are_fine(raw, path):
    """Note 51: whatever the client signs is verified as sent, also Expect, Range, User-Agent and
    repeated headers."""
    headers = [
        ("User-Agent", "x y"),
        ("Range", "bytes=0-0"),
        ("X-Custom", "1"),
        ("X-Custom", "2"),
        ("Accept", "*/*"),
    ]
    assert raw.call("GET", path, headers=headers).body == b"o"
