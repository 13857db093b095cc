"""The process wrapper tested with a stand-in binary, so that its own faults are not taken for the
server's."""

import os
import signal
import socket
import sys

import pytest
from harness.server import EPHEMERAL_PORT_MIN, AshlarServer, Certificate, ServerError, free_port

STAND_IN = f"""#!{sys.executable}
import http.server, sys, os, pathlib
print("hello from the stand-in", sys.argv, os.environ["ASHLAR_ROOT_ACCESS_KEY"], flush=True)
if os.environ.get("DIE"):
    sys.exit(3)
address = sys.argv[sys.argv.index("--admin-listen") + 1]
pathlib.Path(sys.argv[sys.argv.index("--data") + 1]).mkdir(exist_ok=True)
class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        Handler.asked += 1
        ready = Handler.asked > 2 and not os.environ.get("NEVER")
        body = b"requests_total 7\\n" if self.path == "/metrics" else b"why not ready"
        self.send_response(200 if ready else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer((address.split(":")[0], int(address.split(":")[1])), Handler).serve_forever()
"""


@pytest.fixture
def make(tmp_path):
    binary = tmp_path / "stand-in"
    binary.write_text(STAND_IN)
    binary.chmod(0o755)
    made = []

    def build(**options):
        made.append(AshlarServer(tmp_path / "data", binary=binary, **options))
        return made[-1]

    yield build
    for server in made:
        server.kill()


def test_start_waits_until_ready_and_stop_sends_sigterm(make):
    server = make(code="4+2", drives=["/a", "/b"], extra_args=["--domain", "localhost"]).start()
    assert server.running and server.metrics() == {"requests_total": 7.0}
    assert server.rss_bytes() > 1_000_000 and server.cpu_seconds() > 0
    log = server.log_tail()
    for word in ("'--code', '4+2'", "'--drive', '/a'", "'--drive', '/b'", "ashlar-test-key"):
        assert word in log, word
    assert server.stop() == -signal.SIGTERM and not server.running


def test_kill_and_restart_get_a_new_process(make):
    server = make().start()
    first = server.pid
    server.restart(kill=True)
    assert server.pid != first and server.running
    with pytest.raises(OSError):
        os.kill(first, 0)
    assert server.kill() == -signal.SIGKILL
    assert server.log_tail().count("hello from the stand-in") == 2


def test_death_before_ready_shows_the_log(make):
    with pytest.raises(ServerError, match=r"(?s)exited with 3.*hello from the stand-in"):
        make(env={"DIE": "1"}).start()


def test_never_ready_is_killed_and_tells_why(make):
    server = make(env={"NEVER": "1"})
    with pytest.raises(ServerError, match="why not ready"):
        server.start(timeout_s=1.0)
    assert not server.running


def test_certificate_is_trusted_by_its_own_context(make, tmp_path):
    server = make(tls=Certificate(tmp_path / "tls"))
    assert server.endpoint.startswith("https://127.0.0.1:") and "--tls-cert" in server.command()
    assert server.certificate.client_context().get_ca_certs()


def test_workers_do_not_take_ports_from_each_other(monkeypatch):
    ports = {}
    for worker in ("gw0", "gw1", "gw7"):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
        ports[worker] = [free_port() for _ in range(50)]
        assert len(set(ports[worker])) == 50
    assert max(ports["gw0"]) < min(ports["gw1"]) and max(ports["gw1"]) < min(ports["gw7"])
    assert max(ports["gw7"]) < EPHEMERAL_PORT_MIN


def test_a_port_somebody_listens_on_is_not_given(monkeypatch):
    monkeypatch.setattr("harness.server.PORT_MIN", EPHEMERAL_PORT_MIN - 16)
    monkeypatch.setattr("harness.server.PORTS_GIVEN", set())
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    taken = free_port()
    with socket.create_server(("127.0.0.1", taken)):
        monkeypatch.setattr("harness.server.PORTS_GIVEN", set())
        assert free_port() != taken
        with pytest.raises(ServerError):
            free_port()
