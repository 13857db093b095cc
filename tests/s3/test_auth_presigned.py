"""Presigned URLs (notes 1, 50, 52; security notes 4.3)."""

import dataclasses
import datetime
import urllib.request

import pytest
from harness import sigv4
from harness.expect import assert_error, assert_status
from harness.raw_http import request_bytes


@pytest.fixture
def path(raw, bucket):
    assert_status(raw.call("PUT", f"/{bucket}/k", body=b"old"), 200)
    return f"/{bucket}/k"


def unchanged(raw, path):
    assert raw.call("GET", path).body == b"old"


def earlier(**delta):
    return sigv4.utc_now() - datetime.timedelta(**delta)


def test_presigned_get_put_head_delete(raw, path):
    """Issue 2.5: query authentication for each method; no checksum is demanded (note 52)."""
    assert raw.call_presigned("GET", path).body == b"old"
    assert assert_status(raw.call_presigned("HEAD", path), 200).header("content-length") == "3"
    assert_status(raw.call_presigned("PUT", path, body=b"put"), 200)
    assert raw.call("GET", path).body == b"put"
    assert_status(raw.call_presigned("DELETE", path), 204)
    assert_status(raw.call("GET", path), 404)


@pytest.mark.http_only
def test_presigned_url_of_botocore(s3, bucket):
    """The URL that SDKs hand out works in a plain HTTP client."""
    s3.put_object(Bucket=bucket, Key="dir/a b+c", Body=b"x")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "dir/a b+c"})
    with urllib.request.urlopen(url) as response:
        assert response.read() == b"x"


def test_presigned_list_with_query_parameters(raw, path):
    """Other query parameters are part of what is signed."""
    response = raw.call_presigned(
        "GET", path.rsplit("/", 1)[0], [("prefix", "k"), ("list-type", "2")]
    )
    assert assert_status(response, 200).texts("Contents/Key") == ["k"]


def test_expired_url_is_access_denied_with_times(raw, path):
    """Note 1, L:test_s3_presigned_url_expired[s3v4]."""
    response = raw.call_presigned("GET", path, expires=2, moment=earlier(seconds=5))
    error = assert_error(response, 403, "AccessDenied", X__Amz__Expires="2")
    assert error["Message"] == "Request has expired" and error["Expires"] and error["ServerTime"]


def test_url_lives_as_long_as_it_says(raw, path):
    """Security notes 4.3 (5): the 15 minutes of skew are no limit for a URL's age, only its own
    expiry is."""
    assert raw.call_presigned("GET", path, expires=7200, moment=earlier(hours=1)).body == b"old"


@pytest.mark.parametrize("expires", ["0", "-1", "604801", "99999999999999999999", "abc", "", "1.5"])
def test_expiry_outside_one_second_to_seven_days_is_400(raw, path, expires):
    """Note 52: 1 to 604800, else AuthorizationQueryParametersError."""
    assert_error(
        raw.call_presigned("GET", path, expires=expires), 400, "AuthorizationQueryParametersError"
    )


@pytest.mark.parametrize("expires", ["604800", "60"])
def test_expiry_at_the_limit_is_accepted(raw, path, expires):
    """Note 52."""
    assert_status(raw.call_presigned("GET", path, expires=expires), 200)


def test_url_from_the_future_is_refused(raw, path):
    """Security notes 4.3 (5): the date may be at most 15 minutes ahead."""
    response = raw.call_presigned("GET", path, moment=earlier(minutes=-20))
    assert_error(response, 403, "AccessDenied", "RequestTimeTooSkewed")


@pytest.mark.parametrize(
    "name",
    [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
    ],
)
def test_missing_parameter_is_400(raw, path, name):
    """L:test_s3_put_presigned_url_missing_sig_param[s3v4]; without expiry above all (lakeFS)."""
    response = raw.call_presigned("PUT", path, body=b"new", drop=(name,))
    if (
        name == "X-Amz-Algorithm"
    ):  # then nothing says that this is query authentication of version 4
        assert response.status in (400, 403), str(response)
    else:
        assert_error(response, 400, "AuthorizationQueryParametersError")
    unchanged(raw, path)


@pytest.mark.parametrize(
    "name, value",
    [
        ("X-Amz-Credential", "a/b"),
        ("X-Amz-Credential", "a%2F20240101%2Fus-east-1%2Fs3%2Faws4_request"),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA512"),
        ("X-Amz-Algorithm", "AWS4-ECDSA-P256-SHA256"),
        ("X-Amz-Date", "yesterday"),
        ("X-Amz-Date", ""),
    ],
)
def test_malformed_parameter_is_400(raw, path, name, value):
    """L:test_presigned_double_encoded_credentials."""
    response = raw.call_presigned("GET", path, replace={name: value})
    assert_error(response, 400, "AuthorizationQueryParametersError")


def test_wrong_region_in_the_url_is_400(raw, path):
    """Note 52: the credential scope is checked."""
    signer = dataclasses.replace(raw.signer, region="eu-central-1")
    assert_error(
        raw.call_presigned("GET", path, signer=signer), 400, "AuthorizationQueryParametersError"
    )


def test_wrong_secret_and_unknown_key(raw, path):
    """L:test_presigned_url_signature_authentication."""
    signer = dataclasses.replace(raw.signer, secret_key="x" * 40)
    assert_error(raw.call_presigned("GET", path, signer=signer), 403, "SignatureDoesNotMatch")
    signer = dataclasses.replace(raw.signer, access_key="AKIAUNKNOWNUNKNOWN00")
    assert_error(raw.call_presigned("GET", path, signer=signer), 403, "InvalidAccessKeyId")


@pytest.mark.parametrize(
    "change",
    [
        lambda target: target + "&x=y",
        lambda target: target.replace("X-Amz-Expires=300", "X-Amz-Expires=3000"),
        lambda target: target.replace("/k?", "/other?"),
        lambda target: target + "&versionId=null",
        lambda target: target[:-1] + ("0" if target[-1] != "0" else "1"),
    ],
    ids=["added", "longer-life", "other-key", "version", "signature"],
)
def test_altered_url_is_signature_does_not_match(raw, path, change):
    """L:test_presigned_url_signature_authentication: nothing of the URL may change."""
    headers = [("Host", raw.authority)]
    target = f"{path}?{sigv4.encode_query(raw.signer.presign('DELETE', path, [], headers))}"
    response = raw.send_raw(request_bytes("DELETE", change(target), headers))
    assert_error(response, 403, "SignatureDoesNotMatch")
    unchanged(raw, path)


def test_url_of_one_method_does_not_serve_another(raw, path):
    """L:test_presigned_url_signature_authentication invalid-put-1: a GET URL cannot PUT or
    DELETE."""
    headers = [("Host", raw.authority)]
    target = f"{path}?{sigv4.encode_query(raw.signer.presign('GET', path, [], headers))}"
    for method, body in (("PUT", b"new"), ("DELETE", b"")):
        wire = headers + [("Content-Length", str(len(body)))]
        assert_error(
            raw.send_raw(request_bytes(method, target, wire, body)), 403, "SignatureDoesNotMatch"
        )
    unchanged(raw, path)


@pytest.mark.parametrize(
    "name, value",
    [
        ("x-amz-acl", "public-read"),
        ("x-amz-copy-source", "{bucket}/other"),
        ("x-amz-meta-wrong", "1"),
        ("x-amz-tagging", "a=b"),
        ("x-amz-storage-class", "STANDARD_IA"),
    ],
)
def test_cve_2026_54330_unsigned_amz_header_on_a_url_is_access_denied(raw, path, name, value):
    """Note 50, L:test_put_url_metadata_with_sig_s3v4 wrong-meta-headers: the holder of a URL
    cannot add x-amz headers."""
    value = value.format(bucket=path.split("/")[1])
    response = raw.call_presigned("PUT", path, body=b"new", unsigned_headers={name: value})
    assert_error(response, 403, "AccessDenied", HeadersNotSigned=name)
    unchanged(raw, path)


def test_signed_metadata_header_is_required_and_stored(raw, path):
    """L:test_put_url_metadata_with_sig_s3v4: signed headers must be sent as signed."""
    assert_status(
        raw.call_presigned("PUT", path, headers={"x-amz-meta-foo": "bar"}, body=b"new"), 200
    )
    assert raw.call("HEAD", path).header("x-amz-meta-foo") == "bar"
    headers = [("Host", raw.authority), ("x-amz-meta-foo", "bar")]
    target = f"{path}?{sigv4.encode_query(raw.signer.presign('PUT', path, [], headers))}"
    response = raw.send_raw(
        request_bytes("PUT", target, [headers[0], ("Content-Length", "1")], b"x")
    )
    assert response.status in (400, 403) and response.code in (
        "SignatureDoesNotMatch",
        "AccessDenied",
    ), str(response)


def test_metadata_in_signed_query_parameters_is_stored(raw, path):
    """Note 50, L:test_presigned_url_v4_x_amz_in_qs."""
    assert_status(
        raw.call_presigned("PUT", path, [("x-amz-meta-foo", "bar-complicated")], body=b"new"), 200
    )
    assert raw.call("HEAD", path).header("x-amz-meta-foo") == "bar-complicated"


def test_same_name_in_header_and_query_is_refused(raw, path):
    """L:test_s3_put_presigned_url_same_header_and_qs_parameter override-signed-qs: x-amz-expires
    as a header."""
    response = raw.call_presigned(
        "PUT", path, body=b"new", unsigned_headers={"x-amz-expires": "3600"}
    )
    assert_error(response, 403, "AccessDenied", HeadersNotSigned="x-amz-expires")
    unchanged(raw, path)


def test_unsigned_ordinary_headers_are_allowed(raw, path):
    """L:test_s3_put_presigned_url_with_different_headers[s3v4] content-type-response: only
    x-amz-* must be signed."""
    headers = {"Content-Type": "text/plain", "Cache-Control": "no-store"}
    assert_status(raw.call_presigned("PUT", path, body=b"new", unsigned_headers=headers), 200)
    assert raw.call("HEAD", path).header("content-type") == "text/plain"


def test_signed_content_type_must_match(raw, path):
    """L:test_s3_put_presigned_url_with_different_headers content-type-exception."""
    headers = [("Host", raw.authority), ("Content-Type", "text/plain")]
    target = f"{path}?{sigv4.encode_query(raw.signer.presign('PUT', path, [], headers))}"
    wire = [headers[0], ("Content-Type", "text/html"), ("Content-Length", "3")]
    assert_error(
        raw.send_raw(request_bytes("PUT", target, wire, b"new")), 403, "SignatureDoesNotMatch"
    )
    unchanged(raw, path)


def test_presigned_range_and_conditions(raw, path):
    """Unsigned Range and conditions on a presigned GET work as on any GET."""
    assert raw.call_presigned("GET", path, unsigned_headers={"Range": "bytes=1-1"}).body == b"l"
    assert_status(raw.call_presigned("GET", path, unsigned_headers={"If-Match": '"0"'}), 412)


def test_presigned_multipart(raw, bucket):
    """Create, UploadPart and Complete by presigned URLs (browsers upload parts so)."""
    path = f"/{bucket}/mp"
    upload = assert_status(raw.call_presigned("POST", path, [("uploads", None)]), 200).text(
        "UploadId"
    )
    part = raw.call_presigned(
        "PUT", path, [("partNumber", "1"), ("uploadId", upload)], body=b"part"
    )
    etag = assert_status(part, 200).header("etag")
    body = (
        f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
        "</CompleteMultipartUpload>"
    ).encode()
    assert_status(raw.call_presigned("POST", path, [("uploadId", upload)], body=body), 200)
    assert raw.call("GET", path).body == b"part"
