"""The shape of errors (notes 1 to 6)."""

import re

import pytest
from harness.expect import assert_error, assert_status
from harness.raw_http import request_bytes


def test_error_document_is_complete(raw, bucket):
    """Notes 1 and 2: XML declaration, no name space, Code, Message, Key, RequestId equal to
    x-amz-request-id, HostId."""
    response = raw.call("GET", f"/{bucket}/absent%20key")
    error = assert_error(response, 404, "NoSuchKey", Key="absent key")
    assert response.body.startswith(b"<?xml version=") and b"<Error>" in response.body
    assert error["Message"] == "The specified key does not exist." and error.get("HostId")
    assert response.header("x-amz-id-2") in (None, error["HostId"])


def test_request_ids_are_unique_and_on_every_answer(raw, bucket):
    """Note 2: also on success."""
    ids = [raw.call("GET", f"/{bucket}").header("x-amz-request-id") for _ in range(5)]
    ids += [raw.call("GET", f"/{bucket}/absent").header("x-amz-request-id") for _ in range(5)]
    assert all(ids) and len(set(ids)) == 10


@pytest.mark.parametrize(
    "method, path, status", [("HEAD", "/{b}/absent", 404), ("HEAD", "/{b}-absent", 404)]
)
def test_head_errors_have_no_body_and_the_connection_goes_on(raw, bucket, method, path, status):
    """Note 2: code only by status; a Content-Length must not announce bytes that confuse
    keep-alive."""
    with raw.connect() as connection:
        assert_status(raw.call(method, path.format(b=bucket), connection=connection), status)
        assert_status(raw.call("GET", f"/{bucket}", connection=connection), 200)


@pytest.mark.parametrize("path", ["/{b}/<script>&'\"", "/{b}/%3Cscript%3E%26%27%22"])
def test_names_in_errors_are_escaped(raw, bucket, path):
    """Security notes 4.5: markup in a key cannot become markup in the answer."""
    path = path.format(b=bucket)
    target, headers = raw.prepare("GET", path)
    response = raw.send_raw(request_bytes("GET", target, headers))
    assert response.status in (400, 403, 404) and b"<script>" not in response.body
    if response.status == 404:
        assert response.error()["Key"] == "<script>&'\""


def test_missing_content_length_is_411(raw, bucket):
    """Note 3: MissingContentLength, and nothing is stored."""
    response = raw.call("PUT", f"/{bucket}/k", content_length=None)
    assert_error(response, 411, "MissingContentLength")
    assert_status(raw.call("HEAD", f"/{bucket}/k"), 404)


def test_more_than_five_gibibytes_in_one_put_is_entity_too_large(raw, bucket):
    """Note 3 (V:2b1e1af8): refused before the body is read."""
    body_length = 5 * 1024**3 + 1
    target, headers = raw.prepare(
        "PUT",
        f"/{bucket}/k",
        headers={"Expect": "100-continue"},
        payload="0" * 64,
        content_length=body_length,
    )
    response = raw.send_raw(request_bytes("PUT", target, headers), "PUT")
    assert_error(response, 400, "EntityTooLarge")
    assert response.interim == []


@pytest.mark.http_only
@pytest.mark.parametrize(
    "method, path",
    [
        ("PATCH", "/{b}/k"),
        ("PATCH", "/{b}"),
        ("PUT", "/"),
        ("POST", "/"),
        ("DELETE", "/"),
        ("PROPFIND", "/{b}/k"),
        ("TRACE", "/{b}/k"),
    ],
)
def test_unsupported_methods_are_method_not_allowed(raw, bucket, method, path):
    """Note 1: MethodNotAllowed with Method and ResourceType (501 for what HTTP does not know)."""
    response = raw.call(method, path.format(b=bucket))
    assert response.status in (405, 501, 400), str(response)
    assert response.code in (
        "MethodNotAllowed",
        "NotImplemented",
        "BadRequest",
        "InvalidRequest",
    ), str(response)
    if response.status == 405:
        assert response.error()["Method"] == method and response.error().get("ResourceType")


@pytest.mark.http_only
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", ["uploads", "versions"])
def test_bucket_subresources_on_an_object_are_errors(raw, bucket, method, name):
    """Note 6 (V:9f54a255): ?uploads or ?versions on an object is not a GET of the object."""
    raw.call("PUT", f"/{bucket}/k", body=b"x")
    response = raw.call(method, f"/{bucket}/k", [(name, None)])
    assert 400 <= response.status < 600 and response.body != b"x", str(response)


@pytest.mark.http_only
def test_post_to_an_object_without_subresource_is_an_error(raw, bucket):
    """Note 6: POST on a key needs ?uploads or ?uploadId."""
    response = raw.call("POST", f"/{bucket}/k", body=b"x")
    assert response.status in (400, 405, 412, 501) and response.code, str(response)
    assert_status(raw.call("HEAD", f"/{bucket}/k"), 404)


@pytest.mark.parametrize("path", ["/{b}", "/{b}/k"])
def test_xml_answers_say_application_xml(raw, bucket, path):
    """Note 2 (V:2232efd3), for errors and listings."""
    response = raw.call("GET", path.format(b=bucket))
    assert re.fullmatch(r"application/xml(;.*)?", response.header("content-type"))


def test_errors_tell_no_version_or_path_of_the_server(raw, bucket):
    """Security notes 4.1 (2022-35919): error bodies hold nothing of the server's files."""
    response = raw.call("GET", f"/{bucket}/absent")
    for word in (b"/tmp", b"/home", b"drive-", b".cc", b"rocksdb", b"exception"):
        assert word not in response.body.lower(), response.body
