"""A real `ashlar server` process under test.

Invariants:
 1. A process is only ever signalled by its own pid, and only by the object that started it.
 2. `start()` returns when GET /readyz on the admin address answers 200; when it raises, no
    process is left behind and the exception carries the tail of the log.
 3. The data directory belongs to the caller; it outlives stop(), kill() and restart(), so crash
    tests can look into it.

The log of every start is appended to one file, so the story of a restart can be read in order.
"""

import os
import pathlib
import secrets
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
READY_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 30.0
LOG_TAIL_BYTES = 4000
# free_port(): Linux takes the ports of outgoing connections from 32768 on.
PORT_MIN, EPHEMERAL_PORT_MIN, PORT_SLICES = 12000, 32768, 8
PORTS_GIVEN = set()


class ServerError(RuntimeError):
    """The server did not start, did not stop or died; the message holds the tail of its log."""


def binary_path():
    """The binary under test: ASHLAR_BIN, else the Release build of this repository."""
    return pathlib.Path(os.environ.get("ASHLAR_BIN") or REPOSITORY / "build/release/bin/ashlar")


def free_port():
    """A loopback TCP port that nobody listens on, never given before by this process.

    Below the range the kernel takes the ports of outgoing connections from, and in a slice of this
    pytest-xdist worker's own: a server that is killed and started again finds its port free, however
    many clients and other workers are busy meanwhile.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % PORT_SLICES
    slice_size = (EPHEMERAL_PORT_MIN - PORT_MIN) // PORT_SLICES
    first = PORT_MIN + worker * slice_size
    start = secrets.randbelow(slice_size)
    for offset in range(slice_size):
        port = first + (start + offset) % slice_size
        if port in PORTS_GIVEN:
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # As the server binds: a port whose last connections only wait for their end is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        PORTS_GIVEN.add(port)
        return port
    raise ServerError(f"no free port from {first} to {first + slice_size - 1}")


class Certificate:
    """A self-signed certificate for 127.0.0.1, localhost and *.localhost, made by the openssl
    command.

    It is its own CA, so clients verify the server with `certificate` as the CA file.

    """

    def __init__(self, directory):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.certificate = directory / "server.crt"
        self.key = directory / "server.key"
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-keyout",
                str(self.key),
                "-out",
                str(self.certificate),
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:*.localhost",
            ],
            check=True,
            capture_output=True,
        )

    def client_context(self):
        return ssl.create_default_context(cafile=str(self.certificate))


class AshlarServer:
    """One server process on free loopback ports. Use as a context manager, or start() and stop()
    by hand.

    data_dir    directory given as --data (created by the server).
    tls         False, True (a certificate is made beside the log) or a Certificate.
    code        for example "4+2"; drives: list of paths, given as --drive each.
    env         extra environment; extra_args: extra command-line words.
    log_path    file that collects stdout and stderr; default <data_dir>.log
    """

    def __init__(
        self,
        data_dir,
        port=None,
        admin_port=None,
        tls=False,
        code=None,
        drives=None,
        env=None,
        extra_args=(),
        log_path=None,
        binary=None,
    ):
        self.data_dir = pathlib.Path(data_dir)
        self.log_path = (
            pathlib.Path(log_path)
            if log_path
            else self.data_dir.with_name(self.data_dir.name + ".log")
        )
        self.port = port or free_port()
        self.admin_port = admin_port or free_port()
        self.code = code
        self.drives = list(drives or ())
        self.extra_env = dict(env or {})
        self.extra_args = list(extra_args)
        self.binary = pathlib.Path(binary) if binary else binary_path()
        self.access_key = self.extra_env.get("ASHLAR_ROOT_ACCESS_KEY", "ashlar-test-key")
        self.secret_key = self.extra_env.get("ASHLAR_ROOT_SECRET_KEY") or secrets.token_urlsafe(30)
        self.certificate = None
        if tls:
            directory = self.data_dir.with_name(self.data_dir.name + ".tls")
            self.certificate = tls if isinstance(tls, Certificate) else Certificate(directory)
        self.process = None

    # --- addresses

    @property
    def scheme(self):
        return "https" if self.certificate else "http"

    @property
    def host(self):
        return "127.0.0.1"

    @property
    def endpoint(self):
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def admin_endpoint(self):
        return f"http://{self.host}:{self.admin_port}"

    @property
    def ca_file(self):
        return str(self.certificate.certificate) if self.certificate else None

    # --- life

    def command(self):
        words = [
            str(self.binary),
            "server",
            "--data",
            str(self.data_dir),
            "--listen",
            f"{self.host}:{self.port}",
            "--admin-listen",
            f"{self.host}:{self.admin_port}",
        ]
        if self.code:
            words += ["--code", self.code]
        for drive in self.drives:
            words += ["--drive", str(drive)]
        if self.certificate:
            words += [
                "--tls-cert",
                str(self.certificate.certificate),
                "--tls-key",
                str(self.certificate.key),
            ]
        return words + self.extra_args

    def environment(self):
        return {
            **os.environ,
            "ASHLAR_ROOT_ACCESS_KEY": self.access_key,
            "ASHLAR_ROOT_SECRET_KEY": self.secret_key,
            **self.extra_env,
        }

    def spawn(self, prefix=()):
        """Start the process without waiting for it; `prefix` is a wrapper such as ("strace",
        ...)."""
        if self.process is not None and self.process.poll() is None:
            raise ServerError("already running")
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*prefix, *self.command()],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self

    def start(self, timeout_s=READY_TIMEOUT_S):
        self.spawn()
        try:
            self.wait_ready(timeout_s)
        except BaseException:
            self.kill()
            raise
        return self

    def wait_ready(self, timeout_s=READY_TIMEOUT_S):
        """Seconds until /readyz answered 200; raises ServerError when the process died or time is
        over."""
        started = time.monotonic()
        last = "no answer"
        while time.monotonic() - started < timeout_s:
            if self.process.poll() is not None:
                raise ServerError(
                    f"ashlar exited with {self.process.returncode} before it was ready\n"
                    f"{self.log_tail()}"
                )
            try:
                status, body = self.admin_get("/readyz", timeout_s=2)
                if status == 200:
                    return time.monotonic() - started
                last = f"{status} {body[:300]!r}"
            except OSError as error:
                last = str(error)
            time.sleep(0.02)
        raise ServerError(f"not ready after {timeout_s} s (last: {last})\n{self.log_tail()}")

    def stop(self, timeout_s=STOP_TIMEOUT_S):
        """SIGTERM, then wait; the exit code. A server that does not stop in time is killed and
        reported."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerError(
                f"did not stop within {timeout_s} s of SIGTERM\n{self.log_tail()}"
            ) from None

    def kill(self):
        """SIGKILL, then reap; the exit code (-9, or what it had already exited with)."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        return self.process.wait()

    def restart(self, kill=False):
        if kill:
            self.kill()
        else:
            self.stop()
        return self.start()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # --- observation

    @property
    def pid(self):
        return self.process.pid

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def log_tail(self, size=LOG_TAIL_BYTES):
        try:
            data = self.log_path.read_bytes()
        except OSError:
            return "(no log)"
        return data[-size:].decode("utf-8", "replace")

    def admin_get(self, path, timeout_s=10):
        """(status, body) of a GET on the admin address; OSError when nobody answers."""
        try:
            with urllib.request.urlopen(self.admin_endpoint + path, timeout=timeout_s) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def metrics(self):
        """Prometheus samples of /metrics as {'name' or 'name{labels}': float}, labels as the
        server wrote them."""
        status, body = self.admin_get("/metrics")
        if status != 200:
            raise ServerError(f"/metrics answered {status}")
        return parse_metrics(body.decode())

    def rss_bytes(self):
        """Resident set of the process, bytes."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise ServerError("no VmRSS: the process is gone")

    def cpu_seconds(self):
        """User and system CPU seconds the process has used."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def io_counters(self):
        """/proc/<pid>/io as a dict (rchar, wchar, syscr, syscw, read_bytes, write_bytes ...)."""
        lines = pathlib.Path(f"/proc/{self.pid}/io").read_text().splitlines()
        return {name: int(value) for name, value in (line.split(": ") for line in lines)}

    def client(self, **overrides):
        return s3_client(
            self.endpoint, self.access_key, self.secret_key, ca_file=self.ca_file, **overrides
        )


def parse_metrics(text):
    """Prometheus exposition text to {sample: value}; comments, timestamps and exemplars are
    dropped."""
    samples = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if "}" in line:
            name, rest = line.rsplit("}", 1)
            name += "}"
        else:
            name, rest = line.split(None, 1)
        samples[name] = float(rest.split()[0])
    return samples


def s3_client(
    endpoint, access_key, secret_key, ca_file=None, region="us-east-1", addressing="path", **config
):
    """A boto3 S3 client without retries, so that a test sees the first answer."""
    import boto3
    from botocore.config import Config

    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        verify=ca_file,
        config=Config(
            retries={"total_max_attempts": 1},
            s3={"addressing_style": addressing},
            signature_version="s3v4",
            max_pool_connections=config.pop("max_pool_connections", 16),
            connect_timeout=5,
            read_timeout=config.pop("read_timeout", 60),
            **config,
        ),
    )
