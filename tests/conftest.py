"""Fixtures of every Python test: shared servers (http and https), a bucket of its own for each
test, clients.

A test that takes `scheme` (directly or through `s3`, `raw`, `bucket`) runs over both schemes,
unless it is marked `http_only` or `https_only`. Each pytest process (also each xdist worker) has
servers of its own, so tests may run in parallel.

To aim the suite at a server that is already running: ASHLAR_TEST_ENDPOINT=http://HOST:PORT with
ASHLAR_TEST_ACCESS_KEY and ASHLAR_TEST_SECRET_KEY (http tests only; tests that need a process of
their own are skipped).
"""

import os
import pathlib
import re
import shutil
import sys
import urllib.parse

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness.accounts import new_account  # noqa: E402
from harness.helpers import empty_and_delete_bucket, new_bucket_name, run_parallel  # noqa: E402
from harness.raw_http import RawClient  # noqa: E402
from harness.server import AshlarServer, ServerError, binary_path, s3_client  # noqa: E402

EXTERNAL_ENDPOINT = os.environ.get("ASHLAR_TEST_ENDPOINT")
S3_SUITE = pathlib.Path(__file__).parent / "s3"
S3_TEST_TIMEOUT_S = 60


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than about ten seconds")
    config.addinivalue_line(
        "markers", "http_only: does not depend on the transport, runs over http only"
    )
    config.addinivalue_line("markers", "https_only: needs TLS")
    config.addinivalue_line("markers", "alone: needs the machine for itself, never beside other tests")


def pytest_collection_modifyitems(items):
    for item in items:
        if S3_SUITE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(S3_TEST_TIMEOUT_S))


def pytest_generate_tests(metafunc):
    if "scheme" not in metafunc.fixturenames:
        return
    schemes = ["http", "https"]
    if metafunc.definition.get_closest_marker("http_only"):
        schemes = ["http"]
    if metafunc.definition.get_closest_marker("https_only"):
        schemes = ["https"]
    if EXTERNAL_ENDPOINT:
        schemes = [scheme for scheme in schemes if scheme == EXTERNAL_ENDPOINT.split(":")[0]]
    metafunc.parametrize("scheme", schemes, scope="session")


class ExternalServer:
    """Stands where AshlarServer stands when the suite runs against a server that somebody else
    started."""

    def __init__(self, endpoint):
        url = urllib.parse.urlsplit(endpoint)
        self.endpoint, self.host, self.port = endpoint, url.hostname, url.port
        self.access_key = os.environ["ASHLAR_TEST_ACCESS_KEY"]
        self.secret_key = os.environ["ASHLAR_TEST_SECRET_KEY"]
        self.certificate = self.ca_file = None

    def client(self, **overrides):
        return s3_client(self.endpoint, self.access_key, self.secret_key, **overrides)


@pytest.fixture(scope="session")
def server_factory(tmp_path_factory):
    """make(name, **AshlarServer options): starts a server with a data directory of its own; all
    are stopped at the end."""
    if EXTERNAL_ENDPOINT:
        pytest.skip("needs a server process of its own")
    if not binary_path().exists():
        pytest.fail(
            f"no server binary at {binary_path()}: run `make build`, or set ASHLAR_BIN",
            pytrace=False,
        )
    started = []

    def make(name, **options):
        server = AshlarServer(tmp_path_factory.mktemp(name) / "data", **options)
        started.append(server)
        return server.start()

    yield make
    failures = []
    for server in started:
        try:
            server.stop()
        except ServerError as failure:  # the others are to be stopped too
            failures.append(failure)
        if not os.environ.get("ASHLAR_TEST_KEEP_DATA"):
            shutil.rmtree(server.data_dir, ignore_errors=True)
    if failures:
        raise failures[0]


@pytest.fixture(scope="session")
def shared_servers():
    """scheme -> the server of that scheme, filled on first use."""
    return {}


@pytest.fixture(scope="session")
def server(scheme, shared_servers, request):
    """The shared server of this scheme. Tests must leave it running and healthy."""
    if scheme not in shared_servers:
        if EXTERNAL_ENDPOINT:
            shared_servers[scheme] = ExternalServer(EXTERNAL_ENDPOINT)
        else:
            shared_servers[scheme] = request.getfixturevalue("server_factory")(
                scheme, tls=scheme == "https"
            )
    return shared_servers[scheme]


@pytest.fixture(autouse=True)
def no_server_died(shared_servers):
    """A test that kills the shared server fails with the server's log; the next test gets a new
    process on the same data."""
    yield
    for server in shared_servers.values():
        if isinstance(server, AshlarServer) and not server.running:
            story = f"the server died with {server.process.returncode}\n{server.log_tail()}"
            server.start()
            pytest.fail(story, pytrace=False)


OPERATION = re.compile(rb"msg=access .*?operation=(\w+)")


@pytest.fixture(autouse=True)
def operations_asked(request, shared_servers, no_server_died):
    """Which S3 operations a test asked the shared servers for, by their access logs: kept with its result, for the
    compatibility page."""
    servers = [server for server in shared_servers.values() if isinstance(server, AshlarServer)]
    begins = {server: server.log_path.stat().st_size for server in servers}
    yield
    found = set()
    for server, begin in begins.items():
        with open(server.log_path, "rb") as log:
            log.seek(begin)
            found.update(name.decode() for name in OPERATION.findall(log.read()))
    if found:
        request.node.user_properties.append(("operations", " ".join(sorted(found))))


@pytest.fixture(scope="session")
def s3(server):
    """A boto3 client of the shared server."""
    return server.client()


def make_raw_client(server):
    context = server.certificate.client_context() if server.certificate else None
    return RawClient(server.host, server.port, server.access_key, server.secret_key, context)


@pytest.fixture(scope="session")
def raw(server):
    """The raw client (our own signer) of the shared server."""
    return make_raw_client(server)


@pytest.fixture(scope="session")
def other(server):
    """Another account of the shared server."""
    if EXTERNAL_ENDPOINT:
        pytest.skip("needs the admin token of the server")
    return new_account(server, "other")


@pytest.fixture(scope="session")
def account_pair(server, other):
    """Two accounts, neither of them the store's operator."""
    return new_account(server, "owner"), other


@pytest.fixture
def bucket_of(s3):
    """make(caller): a new bucket of that account, removed after the test."""
    names = []

    def make(caller):
        name = new_bucket_name("o")
        caller.s3.create_bucket(Bucket=name)
        names.append(name)
        return name

    yield make
    for name in names:
        empty_and_delete_bucket(s3, name)


@pytest.fixture
def bucket_factory(s3):
    """make(prefix): a new bucket, removed after the test."""
    names = []

    def make(prefix="t"):
        name = new_bucket_name(prefix)
        s3.create_bucket(Bucket=name)
        names.append(name)
        return name

    yield make
    for name in names:
        empty_and_delete_bucket(s3, name)


@pytest.fixture
def bucket(bucket_factory):
    """A new bucket for this test alone."""
    return bucket_factory()


@pytest.fixture
def nothing_stored(s3, bucket):
    """The same, for a test whose every request is refused: it is still empty at the end."""
    yield bucket
    assert not s3.list_objects_v2(Bucket=bucket).get("Contents")


@pytest.fixture(scope="module")
def module_bucket(s3):
    """A bucket shared by the tests of one module that only read what a module fixture wrote."""
    name = new_bucket_name("m")
    s3.create_bucket(Bucket=name)
    yield name
    empty_and_delete_bucket(s3, name)


@pytest.fixture(scope="session")
def parallel():
    return run_parallel
