"""What is not there yet answers 501 NotImplemented and changes nothing (note 6, issue 2.6)."""

import pytest
from harness.expect import assert_error, assert_status

pytestmark = pytest.mark.http_only

BUCKET_SUBRESOURCES = [
    "encryption",
    "replication",
    "website",
]
SUBRESOURCES_BY_ID = ["inventory", "analytics", "metrics", "intelligent-tiering"]


@pytest.fixture
def path(raw, bucket):
    assert_status(raw.call("PUT", f"/{bucket}/k", headers={"x-amz-meta-a": "b"}, body=b"old"), 200)
    return f"/{bucket}/k"


def unchanged(raw, path):
    response = raw.call("GET", path)
    assert response.body == b"old" and response.header("x-amz-meta-a") == "b"


@pytest.mark.parametrize("name", [*BUCKET_SUBRESOURCES, *SUBRESOURCES_BY_ID])
def test_put_of_bucket_subresource_is_501(raw, path, name):
    """Note 6: never a silent 200, and never a CreateBucket."""
    assert_error(
        raw.call("PUT", path.rsplit("/", 1)[0], [(name, None)], body=b"<x/>"), 501, "NotImplemented"
    )
    unchanged(raw, path)


@pytest.mark.parametrize("name", ["torrent"])
def test_get_of_object_subresource_is_501(raw, path, name):
    """Note 6: never the object itself."""
    assert_error(raw.call("GET", path, [(name, None)]), 501, "NotImplemented")


@pytest.mark.parametrize("name", ["acl", "retention"])
def test_delete_of_object_subresource_is_no_delete(raw, path, name):
    """Note 6: never a DeleteObject."""
    response = raw.call("DELETE", path, [(name, None)])
    assert response.status in (405, 501) and response.code in (
        "NotImplemented",
        "MethodNotAllowed",
    ), str(response)
    unchanged(raw, path)


@pytest.mark.parametrize("query", [[("restore", None)], [("select", None), ("select-type", "2")]])
def test_post_of_object_subresource_is_501(raw, path, query):
    """Note 6."""
    assert_error(raw.call("POST", path, query, body=b"<x/>"), 501, "NotImplemented")
    unchanged(raw, path)


@pytest.mark.parametrize(
    "headers",
    [
        {
            "x-amz-server-side-encryption-customer-algorithm": "AES256",
            "x-amz-server-side-encryption-customer-key": "A" * 43 + "=",
            "x-amz-server-side-encryption-customer-key-MD5": "cLyKEv6fdVjr3rPdvW1uWw==",
        },
        {"x-amz-server-side-encryption": "aws:kms"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_promises_it_cannot_keep_are_501(raw, path, headers):
    """Note 6: encryption asked for by header is refused rather than silently dropped."""
    assert_error(raw.call("PUT", path, headers=headers, body=b"new"), 501, "NotImplemented")
    assert_error(raw.call("POST", path, [("uploads", None)], headers), 501, "NotImplemented")
    unchanged(raw, path)


