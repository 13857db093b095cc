"""The life of the process: credentials made at first start, readiness that names what is wrong, SIGTERM, and a quick
start with 100,000 objects."""

import multiprocessing
import os
import shutil
import signal
import stat
import threading
import time

import pytest

from harness import sigv4
from harness.raw_http import request_bytes
from harness.server import AshlarServer
from harness.store_client import StoreClient

pytestmark = pytest.mark.timeout(240)

OBJECTS = 100_000
READY_MAX_S = 5.0
MIB = 1 << 20


@pytest.fixture
def server(tmp_path):
    made = AshlarServer(tmp_path / "data")
    yield made
    made.kill()
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture
def small_server(tmp_path):
    made = AshlarServer(tmp_path / "data", code="4+2").start()
    yield made
    made.kill()
    shutil.rmtree(tmp_path, ignore_errors=True)


# --- credentials


def run_without_keys(tmp_path, number):
    """Start without ASHLAR_ROOT_*, wait until ready, stop: what it printed."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ASHLAR_")}
    log = tmp_path / f"log-{number}"
    server = AshlarServer(tmp_path / "data", code="4+2", log_path=log)
    server.environment = lambda: clean
    server.start()
    code = server.stop()
    assert code == 0
    return log.read_text()


def test_generated_credentials(tmp_path):
    """Made by a CSPRNG at first start, kept with mode 0600, the same at the second start, others in another store."""
    run_without_keys(tmp_path, 1)
    credentials = [path for path in (tmp_path / "data").iterdir() if path.is_file() and "credential" in path.name]
    assert len(credentials) == 1, [path.name for path in (tmp_path / "data").iterdir()]
    assert stat.S_IMODE(credentials[0].stat().st_mode) == 0o600
    text = credentials[0].read_text()
    access_key, secret_key = parse_credentials(text)
    assert len(access_key) >= 16 and len(secret_key) >= 32
    run_without_keys(tmp_path, 2)
    assert credentials[0].read_text() == text
    other = tmp_path / "other"
    other.mkdir()
    run_without_keys(other, 1)
    other_keys = parse_credentials((other / "data" / credentials[0].name).read_text())
    assert not set(other_keys) & {access_key, secret_key}
    shutil.rmtree(tmp_path)


def test_generated_credentials_work_and_no_default_does(tmp_path):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ASHLAR_")}
    server = AshlarServer(tmp_path / "data", code="4+2")
    server.environment = lambda: clean
    server.start()
    try:
        text = next(path for path in (tmp_path / "data").iterdir() if "credential" in path.name).read_text()
        values = parse_credentials(text)
        for access, secret, status in (
            (*values, 200),
            ("minioadmin", "minioadmin", 403),
            ("admin", "admin", 403),
            ("ashlar", "ashlar", 403),
            (values[0], "wrong", 403),
            ("", "", 403),
        ):
            server.access_key, server.secret_key = access, secret
            with StoreClient(server) as client:
                assert client.call("GET", "/").status in ((status,) if status == 200 else (400, 403)), (access, status)
    finally:
        server.stop()
    shutil.rmtree(tmp_path)


def parse_credentials(text):
    """(access key, secret key) of the NAME=value lines."""
    pairs = dict(line.split("=", 1) for line in text.splitlines())
    return pairs["ASHLAR_ROOT_ACCESS_KEY"], pairs["ASHLAR_ROOT_SECRET_KEY"]


# --- readiness


def readyz_says(server, *words, status=503, deadline_s=20):
    """Polls /readyz until it answers `status` and names all words."""
    deadline = time.monotonic() + deadline_s
    while True:
        got, body = server.admin_get("/readyz")
        text = body.decode("utf-8", "replace")
        if got == status and all(word in text for word in words):
            return text
        assert time.monotonic() < deadline, f"/readyz answers {got}: {text}; expected {status} {words}"
        time.sleep(0.1)


def test_readyz_names_what_is_wrong(small_server):
    server = small_server
    assert readyz_says(server, status=200)
    drives = [server.data_dir / f"drive-0{number}" for number in range(1, 7)]
    away = [drive.with_name(f"away-{drive.name}") for drive in drives]
    for number in range(3):
        drives[number].rename(away[number])
    readyz_says(server, "drive-01", "drive-02", "drive-03")
    assert server.admin_get("/healthz")[0] == 200, "alive is not the same as ready"
    assert server.running
    for number in range(3):
        away[number].rename(drives[number])
    readyz_says(server, status=200)


# --- SIGTERM


def test_sigterm_finishes_requests_in_flight(small_server):
    """A PUT half sent and a GET half read when the signal comes are finished; new connections are refused."""
    server = small_server
    body, large = os.urandom(3 * MIB), os.urandom(24 * MIB)
    with StoreClient(server) as first, StoreClient(server) as second, StoreClient(server) as idle:
        first.create_bucket("term")
        assert second.put("term", "large", large).status == 200
        assert idle.head("term", "large").status == 200
        reading = second.send("GET", "/term/large")
        expect = [("Expect", "100-continue")]
        target, headers = first.raw.prepare("PUT", "/term/k", (), expect, body, payload=sigv4.UNSIGNED_PAYLOAD)
        request = request_bytes("PUT", target, headers, body)
        writing = first.raw.connect(60)
        head = request.index(b"\r\n\r\n") + 4
        writing.send(request[:head])
        assert writing.read_interim() == 100  # the server is at it
        writing.send(request[head:MIB])
        while len(reading.buffer) < 100_000:  # the answer has begun
            reading._more()
        server.process.send_signal(signal.SIGTERM)
        wait_refused(server)
        writing.send(request[MIB:])
        answer = writing.read_response("PUT")
        assert answer.status == 200, str(answer)
        got = reading.read_response("GET")
        assert got.status == 200 and got.body == large
        writing.close()
    assert server.process.wait(30) == 0, server.log_tail()
    server.start()
    with StoreClient(server) as client:
        assert client.get("term", "k").body == body


def wait_refused(server):
    deadline = time.monotonic() + 10
    while True:
        try:
            with StoreClient(server) as client:
                client.raw.connect(2).close()
        except OSError:
            return
        assert time.monotonic() < deadline, "still accepts connections after SIGTERM"
        time.sleep(0.02)


def test_sigterm_does_not_wait_for_idle_connections(small_server):
    with StoreClient(small_server) as client:
        assert client.call("GET", "/").status == 200
        started = time.monotonic()
        assert small_server.stop() == 0
        assert time.monotonic() - started < 10


def test_sigint_stops_as_well(small_server):
    small_server.process.send_signal(signal.SIGINT)
    assert small_server.process.wait(20) == 0


# --- many objects


def load_small_objects(host, port, access_key, secret_key, bucket, worker, count):
    """`count` objects of 1 to 300 bytes on a few pipelines of one process."""

    class Address:
        certificate = None

    Address.host, Address.port, Address.access_key, Address.secret_key = host, port, access_key, secret_key
    refused = []

    def pipeline(lane):
        with StoreClient(Address) as client:
            for number in range(lane, count, LANES):
                answer = client.put(bucket, f"w{worker}/{number:06}", small_body(worker, number))
                if answer.status != 200:
                    refused.append(str(answer))
                    return

    threads = [threading.Thread(target=pipeline, args=(lane,)) for lane in range(LANES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if refused:
        raise SystemExit(refused[0])


LANES = 16


def small_body(worker, number):
    return f"{worker} {number} ".encode() * (1 + number % 20)


@pytest.mark.slow
def test_ready_within_five_seconds_with_100000_objects(server):
    server.start()
    with StoreClient(server) as client:
        client.create_bucket("many")
    workers, each = 2, OBJECTS // 2
    context = multiprocessing.get_context("spawn")
    loaders = [
        context.Process(
            target=load_small_objects,
            args=(server.host, server.port, server.access_key, server.secret_key, "many", worker, each),
        )
        for worker in range(workers)
    ]
    for loader in loaders:
        loader.start()
    for loader in loaders:
        loader.join()
        assert loader.exitcode == 0, "loading failed"
    server.kill()
    server.spawn()
    seconds = server.wait_ready()
    print(f"ready after {seconds:.2f} s")
    assert seconds < READY_MAX_S
    with StoreClient(server) as client:
        for number in range(0, each, 997):
            for worker in range(workers):
                assert client.get("many", f"w{worker}/{number:06}").body == small_body(worker, number)
        assert len(client.list_all("many", prefix="w0/0001")) == 100
