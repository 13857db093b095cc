"""User metadata, system headers, response overrides (notes 5, 21, 22, 26, 29)."""

import email.header

import pytest
from harness import sigv4
from harness.expect import assert_error, assert_status

SYSTEM = {
    "Cache-Control": "max-age=74, private",
    "Content-Disposition": 'attachment; filename="foo bar.jpg"',
    "Content-Language": "de-DE, en",
    "Content-Encoding": "gzip",
    "Expires": "not a date at all",
    "Content-Type": "text/plain; charset=utf-8",
}


def put(raw, bucket, headers, key="k", body=b"x"):
    return assert_status(raw.call("PUT", f"/{bucket}/{key}", headers=headers, body=body), 200)


def head(raw, bucket, key="k"):
    return assert_status(raw.call("HEAD", f"/{bucket}/{key}"), 200)


def decoded(value):
    return "".join(
        text.decode(charset or "ascii") if isinstance(text, bytes) else text
        for text, charset in email.header.decode_header(value)
    )


def test_content_type_defaults_to_binary_octet_stream(raw, bucket):
    """Note 22."""
    put(raw, bucket, {})
    assert head(raw, bucket).header("content-type") == "binary/octet-stream"


def test_explicit_content_type_is_kept(raw, bucket):
    """Note 22: the reverse error of Ozone."""
    put(raw, bucket, {"Content-Type": "text/plain"})
    assert head(raw, bucket).header("content-type") == "text/plain"


def test_system_headers_come_back_verbatim(raw, bucket):
    """Note 29: Cache-Control ... Expires, even if it is not a date; on GET and HEAD."""
    put(raw, bucket, SYSTEM)
    for method in ("GET", "HEAD"):
        response = assert_status(raw.call(method, f"/{bucket}/k"), 200)
        for name, value in SYSTEM.items():
            assert response.header(name) == value, name


def test_user_metadata_names_are_lower_case(raw, bucket):
    """Note 29: x-amz-meta keys lower-cased, values as they are."""
    put(raw, bucket, {"X-Amz-Meta-CamelCase": "Value With Case"})
    names = {
        name: value
        for name, value in head(raw, bucket).headers
        if name.lower().startswith("x-amz-meta-")
    }
    assert names == {"x-amz-meta-camelcase": "Value With Case"}


def test_underscores_in_metadata_names_are_kept(s3, bucket):
    """Note 29, L:test_metadata_header_character_decoding."""
    s3.put_object(
        Bucket=bucket, Key="k", Body=b"foo", Metadata={"TEST_META_1": "foo", "__meta_2": "bar"}
    )
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {
        "test_meta_1": "foo",
        "__meta_2": "bar",
    }


def test_repeated_metadata_headers_merge(raw, bucket):
    """Note 5: in any case, into one lower-case key, values joined with ',' (V:21a636b3)."""
    put(raw, bucket, [("x-amz-meta-list", "a"), ("X-Amz-Meta-List", "b"), ("x-amz-meta-LIST", "c")])
    values = [
        value for name, value in head(raw, bucket).headers if name.lower() == "x-amz-meta-list"
    ]
    assert [part.strip() for part in ",".join(values).split(",")] == ["a", "b", "c"] and len(
        values
    ) == 1


def test_all_visible_ascii_survives_in_metadata(raw, bucket):
    """L:test_user_metadata_rfc2047_encoded safe-chars."""
    value = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
    put(raw, bucket, {"x-amz-meta-safe": value})
    assert head(raw, bucket).header("x-amz-meta-safe") == value


@pytest.mark.parametrize("value", ["ÄMÄZÕÑ S3", "日本語", "naïve — €"])
def test_non_ascii_metadata_comes_back_rfc2047_encoded(raw, bucket, value):
    """Note 29, L:test_user_metadata_rfc2047_encoded: an ASCII header that decodes to the value."""
    put(raw, bucket, {"x-amz-meta-name": value})
    answer = head(raw, bucket).header("x-amz-meta-name")
    assert answer.isascii() and answer.startswith("=?UTF-8?") and answer.endswith("?=")
    assert decoded(answer) == value


def test_empty_metadata_value_is_kept(raw, bucket):
    """A header without value is metadata with an empty value."""
    put(raw, bucket, {"x-amz-meta-empty": ""})
    assert head(raw, bucket).header("x-amz-meta-empty") == ""


def test_two_kilobytes_of_metadata_are_accepted(raw, bucket):
    """Note 5: the sum of names and values may be 2,048 bytes."""
    put(raw, bucket, {"x-amz-meta-k": "v" * 2047})
    assert head(raw, bucket).header("x-amz-meta-k") == "v" * 2047


@pytest.mark.parametrize(
    "headers",
    [{"x-amz-meta-k": "v" * 2048}, {f"x-amz-meta-{number:03d}": "v" * 200 for number in range(11)}],
)
def test_more_metadata_is_metadata_too_large(raw, bucket, headers):
    """Note 5: sum of key and value bytes beyond 2,048; PutObject, CreateMultipartUpload."""
    assert_error(
        raw.call("PUT", f"/{bucket}/k", headers=headers, body=b"x"), 400, "MetadataTooLarge"
    )
    assert_error(
        raw.call("POST", f"/{bucket}/k", [("uploads", None)], headers), 400, "MetadataTooLarge"
    )
    assert_status(raw.call("HEAD", f"/{bucket}/k"), 404)


@pytest.mark.parametrize(
    "sent, kept",
    [
        ("aws-chunked", None),
        ("aws-chunked,gzip", "gzip"),
        ("gzip, aws-chunked", "gzip"),
        ("gzip", "gzip"),
        ("gzip,br", "gzip,br"),
    ],
)
def test_aws_chunked_is_stripped_from_content_encoding(raw, bucket, sent, kept):
    """Note 26 (T:test_object_content_encoding_aws_chunked): also with an unframed body, since
    framing is decided by x-amz-content-sha256 and not by Content-Encoding (R#4968)."""
    put(raw, bucket, {"Content-Encoding": sent}, body=b"plain body")
    response = assert_status(raw.call("GET", f"/{bucket}/k"), 200)
    assert response.body == b"plain body"
    encoding = response.header("content-encoding")
    assert (encoding.replace(" ", "") if encoding else encoding) == kept


def test_framed_upload_keeps_the_inner_encoding(raw, bucket):
    """Note 26: `aws-chunked` framing around gzip."""
    target, headers = f"/{bucket}/k", [("Content-Encoding", "gzip")]
    assert_status(raw.stream("PUT", target, [b"framed body"], headers=headers), 200)
    response = raw.call("GET", target)
    assert response.header("content-encoding") == "gzip" and response.body == b"framed body"


def test_response_overrides_of_a_signed_request(raw, bucket):
    """Note 21, L:test_s3_get_object_header_overrides: all six, for header and query
    authentication."""
    put(raw, bucket, {"Content-Type": "text/plain"})
    overrides = {
        "content-type": "image/jpeg",
        "content-language": "de-DE",
        "expires": "Wed, 21 Oct 2015 07:28:00 GMT",
        "cache-control": "max-age=74",
        "content-disposition": 'attachment; filename="foo.jpg"',
        "content-encoding": "identity",
    }
    query = [(f"response-{name}", value) for name, value in overrides.items()]
    for response in (
        raw.call("GET", f"/{bucket}/k", query),
        raw.call_presigned("GET", f"/{bucket}/k", query),
        raw.call("HEAD", f"/{bucket}/k", query),
    ):
        assert_status(response, 200)
        for name, value in overrides.items():
            assert response.header(name) == value, name
    assert head(raw, bucket).header("content-type") == "text/plain"


def test_response_overrides_need_a_signature(raw, bucket):
    """Note 21, security notes 4.3 (15): never for an unsigned request."""
    put(raw, bucket, {})
    target = f"/{bucket}/k?" + sigv4.encode_query([("response-content-type", "text/html")])
    response = raw.send_raw(f"GET {target} HTTP/1.1\r\nHost: {raw.authority}\r\n\r\n".encode())
    assert response.status in (400, 403) and response.header("content-type").startswith(
        "application/xml"
    )


@pytest.mark.parametrize("value", ["a\r\nx-injected: 1", "a\nb", "a\rb", "a\0b"])
def test_control_characters_in_overrides_are_refused(raw, bucket, value):
    """Security notes 4.3 (15) and 4.5, Ceph CVE-2021-3524: no response splitting."""
    put(raw, bucket, {})
    response = raw.call("GET", f"/{bucket}/k", [("response-content-disposition", value)])
    assert_error(response, 400, "InvalidArgument")
    assert response.header("x-injected") is None
