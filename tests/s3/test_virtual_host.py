"""Virtual-host addressing (note 55), with a server of its own that knows the domain `localhost`."""

import http.client

import pytest
from harness.expect import assert_error, assert_status
from harness.helpers import empty_and_delete_bucket, new_bucket_name
from harness.raw_http import RawClient


@pytest.fixture(scope="module")
def domain_server(server_factory):
    return server_factory("domain", extra_args=("--domain", "localhost"))


@pytest.fixture
def raw_domain(domain_server):
    return RawClient(
        domain_server.host, domain_server.port, domain_server.access_key, domain_server.secret_key
    )


@pytest.fixture
def domain_bucket(domain_server):
    client = domain_server.client()
    name = new_bucket_name("vh")
    client.create_bucket(Bucket=name)
    yield name
    empty_and_delete_bucket(client, name)


def test_bucket_from_the_host(raw_domain, domain_bucket):
    """Note 55: PUT, GET, list, DELETE with Host bucket.localhost:port; the same object by path."""
    host = f"{domain_bucket}.localhost:{raw_domain.port}"
    assert_status(raw_domain.call("PUT", "/dir/key", body=b"x", host=host), 200)
    assert raw_domain.call("GET", "/dir/key", host=host).body == b"x"
    assert raw_domain.call("GET", f"/{domain_bucket}/dir/key").body == b"x"
    assert raw_domain.call("GET", "/", host=host).texts("Contents/Key") == ["dir/key"]
    assert_status(raw_domain.call("HEAD", "/", host=host), 200)
    assert_status(raw_domain.call("DELETE", "/dir/key", host=host), 204)


def test_host_without_port(raw_domain, domain_bucket):
    """Note 55: with and without the port."""
    assert_status(raw_domain.call("HEAD", "/", host=f"{domain_bucket}.localhost"), 200)


def test_host_is_case_insensitive(raw_domain, domain_bucket):
    """Host names know no case."""
    assert_status(
        raw_domain.call("HEAD", "/", host=f"{domain_bucket}.LocalHost:{raw_domain.port}"), 200
    )


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "unrelated.example.com", "notlocalhost"]
)
def test_path_style_always_works(raw_domain, domain_bucket, host):
    """Note 55: the domain itself, an address, and any other host are path style."""
    host = f"{host}:{raw_domain.port}"
    assert_status(raw_domain.call("HEAD", f"/{domain_bucket}", host=host), 200)


def test_bucket_name_with_dots_in_the_host(raw_domain):
    """Note 55, L:test_bucket_name_with_dots."""
    name = new_bucket_name("dotted") + ".with.dots"
    host = f"{name}.localhost:{raw_domain.port}"
    assert_status(raw_domain.call("PUT", "/", host=host), 200)
    assert_status(raw_domain.call("PUT", "/k", body=b"x", host=host), 200)
    assert raw_domain.call("GET", f"/{name}/k").body == b"x"
    assert_status(raw_domain.call("DELETE", "/k", host=host), 204)
    assert_status(raw_domain.call("DELETE", "/", host=host), 204)


def test_missing_bucket_in_the_host(raw_domain):
    """Note 1: NoSuchBucket by virtual host too."""
    host = f"no-such-bucket-anywhere.localhost:{raw_domain.port}"
    assert_error(
        raw_domain.call("GET", "/k", host=host),
        404,
        "NoSuchBucket",
        BucketName="no-such-bucket-anywhere",
    )


def test_key_that_looks_like_the_bucket(raw_domain, domain_bucket):
    """With the bucket in the host, the whole path is the key."""
    host = f"{domain_bucket}.localhost:{raw_domain.port}"
    assert_status(raw_domain.call("PUT", f"/{domain_bucket}/k", body=b"x", host=host), 200)
    assert raw_domain.call("GET", f"/{domain_bucket}/{domain_bucket}/k").body == b"x"


def test_signature_covers_the_host(raw_domain, domain_bucket):
    """Note 51: a request signed for one bucket's host is not one for another's."""
    _, headers = raw_domain.prepare(
        "GET", "/k", host=f"{domain_bucket}.localhost:{raw_domain.port}"
    )
    connection = http.client.HTTPConnection(raw_domain.host, raw_domain.port, timeout=5)
    connection.putrequest("GET", "/k", skip_host=True)
    for name, value in headers:
        connection.putheader(
            name, value.replace(domain_bucket, "another") if name == "Host" else value
        )
    connection.endheaders()
    assert connection.getresponse().status == 403
    connection.close()
