"""Starting: settings, and refusals with a clear message and a non-zero exit that leave everything as it was."""

import os
import re
import shutil
import socket
import subprocess
import time

import pytest

from harness.programs import run, unmount
from harness.server import AshlarServer, ServerError, binary_path, free_port
from harness.store_client import StoreClient

pytestmark = pytest.mark.timeout(90)

REFUSAL_DEADLINE_S = 10
# Words of a program that broke, not of one that refuses.
BROKEN = re.compile(r"terminate called|CHECK failed|Sanitizer|Segmentation|Aborted|std::")


@pytest.fixture
def make_server(tmp_path):
    """make(**options): an AshlarServer that is not started; stopped and its data removed at the end."""
    made = []

    def make(name="data", **options):
        server = AshlarServer(tmp_path / name, **options)
        made.append(server)
        return server

    yield make
    for server in made:
        server.kill()
    shutil.rmtree(tmp_path, ignore_errors=True)


def start_refused(server, *words):
    """The server must exit by itself, not by a signal, with code 1 or more, and say all of `words`. Returns what it
    said."""
    before = server.log_path.stat().st_size if server.log_path.exists() else 0
    server.spawn()
    try:
        code = server.process.wait(REFUSAL_DEADLINE_S)
    except subprocess.TimeoutExpired:
        server.kill()
        pytest.fail(f"the server started, or hangs:\n{server.log_tail()}", pytrace=False)
    said = server.log_path.read_bytes()[before:].decode("utf-8", "replace")
    assert code > 0, f"exit code {code}: {said}"
    assert not BROKEN.search(said), f"not a message for people: {said}"
    missing = [word for word in words if word.lower() not in said.lower()]
    assert not missing, f"the message does not say {missing}: {said}"
    return said


def tool(*words, environment=None):
    """The binary with these words, to its end."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ASHLAR_")}
    return subprocess.run(
        [str(binary_path()), *words],
        env={**clean, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def put_something(server, body=b"kept"):
    with StoreClient(server) as client:
        client.create_bucket("start")
        assert client.put("start", "k", body).status == 200


def assert_something_kept(server, body=b"kept"):
    with StoreClient(server) as client:
        assert client.get("start", "k").body == body


# --- the command line


def test_help_tells_every_setting_with_its_default():
    done = tool("server", "--help")
    assert done.returncode == 0, done.stderr
    for word in (
        "--data",
        "--drive",
        "--listen",
        "--admin-listen",
        "--code",
        "--tls-cert",
        "--tls-key",
        "--config",
        "10+4",
        "127.0.0.1:9000",
        "127.0.0.1:9001",
        "ASHLAR_LISTEN",
    ):
        assert word in done.stdout, f"{word} is missing:\n{done.stdout}"
    assert "server" in tool("--help").stdout


@pytest.mark.parametrize(
    "words", [[], ["server"], ["no-such-command"], ["server", "--no-such-option"], ["server", "--data"]], ids=" ".join
)
def test_wrong_words(words):
    done = tool(*words)
    said = done.stdout + done.stderr
    assert done.returncode > 0 and said.strip() and not BROKEN.search(said), f"{done.returncode}: {said}"


def test_missing_data_directory_is_named():
    done = tool("server")
    assert done.returncode > 0 and "data" in done.stdout + done.stderr


# --- refusals


@pytest.mark.parametrize("code", ["10", "0+4", "10+0", "a+b", "300+40", "10-4", "-1+2", ""])
def test_bad_code(make_server, code):
    server = make_server(extra_args=["--code", code])
    start_refused(server, "code")
    assert not (server.data_dir / "drive-01").exists()


@pytest.mark.parametrize(
    "option,value",
    [
        ("--listen", "127.0.0.1"),
        ("--listen", "127.0.0.1:99999"),
        ("--admin-listen", "nonsense"),
        ("--listen", "999.0.0.1:80"),
    ],
)
def test_bad_address(make_server, option, value):
    server = make_server()
    words = server.command()
    words[words.index(option) + 1] = value
    server.command = lambda: words
    start_refused(server, value)


def test_too_few_drives(make_server, tmp_path):
    drives = [tmp_path / f"mount-{number}" for number in range(13)]
    for drive in drives:
        drive.mkdir()
    start_refused(make_server(drives=drives), "13", "14")
    assert all(not any(drive.iterdir()) for drive in drives), "something was written before the refusal"


def test_the_same_drive_twice(make_server, tmp_path):
    drives = [tmp_path / f"mount-{number}" for number in range(6)]
    for drive in drives:
        drive.mkdir()
    start_refused(make_server(drives=drives[:5] + drives[:1], code="4+2"), str(drives[0]))


def test_another_code_than_the_store_was_made_with(make_server):
    server = make_server(code="4+2")
    server.start()
    put_something(server)
    server.stop()
    server.code = "10+4"
    start_refused(server, "4+2")
    server.code = "4+2"
    server.start()
    assert_something_kept(server)


def test_drive_of_another_store(make_server):
    server, other = make_server(code="4+2"), make_server("other", code="4+2")
    for each in (server, other):
        each.start()
        each.stop()
    shutil.rmtree(server.data_dir / "drive-03")
    shutil.copytree(other.data_dir / "drive-03", server.data_dir / "drive-03")
    start_refused(server, "drive-03")


def test_two_drives_swapped(make_server):
    """Not a refusal necessarily: either it is refused by name, or everything still reads right."""
    server = make_server(code="4+2").start()
    put_something(server, b"swap" * 50_000)
    server.stop()
    first, second = server.data_dir / "drive-01", server.data_dir / "drive-02"
    first.rename(server.data_dir / "aside")
    second.rename(first)
    (server.data_dir / "aside").rename(second)
    try:
        server.start()
    except ServerError as error:
        assert "drive-01" in str(error) or "drive-02" in str(error), error
        assert not BROKEN.search(str(error))
    else:
        assert_something_kept(server, b"swap" * 50_000)


def test_folder_with_other_things_as_drive(make_server, tmp_path):
    drives = [tmp_path / f"mount-{number}" for number in range(6)]
    for drive in drives:
        drive.mkdir()
    (drives[4] / "somebody's thesis.txt").write_text("do not touch")
    start_refused(make_server(drives=drives, code="4+2"), str(drives[4]))
    assert [path.name for path in drives[4].iterdir()] == ["somebody's thesis.txt"]


def test_empty_mount_where_a_drive_was(make_server):
    """An empty folder where a drive was is never made a drive again silently."""
    server = make_server(code="4+2").start()
    put_something(server)
    server.stop()
    lost = server.data_dir / "drive-02"
    shutil.rmtree(lost)
    lost.mkdir()
    start_refused(server, "drive-02")
    assert list(lost.iterdir()) == []
    lost.rmdir()  # a missing drive is another thing: it may come back, and the store is read without it
    server.start()
    assert_something_kept(server)
    assert not (lost / "ashlar-drive.json").exists()


def test_damaged_identity_file(make_server):
    """Neither taken for another drive nor made anew."""
    server = make_server(code="4+2").start()
    server.stop()
    identity = server.data_dir / "drive-04/ashlar-drive.json"
    damaged = identity.read_bytes().replace(b'"drive": 3', b'"drive": 2')
    assert damaged != identity.read_bytes()
    identity.write_bytes(damaged)
    start_refused(server, "drive-04", "identity")
    assert identity.read_bytes() == damaged


def test_second_process_on_the_same_data(make_server):
    server = make_server(code="4+2").start()
    put_something(server)
    second = make_server("second", code="4+2")
    second.data_dir = server.data_dir
    start_refused(second, str(server.data_dir))
    assert_something_kept(server)
    # A killed process leaves no lock behind.
    server.restart(kill=True)
    assert_something_kept(server)


@pytest.mark.parametrize("which", ["listen", "admin"])
def test_port_in_use(make_server, which):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        options = {"port": port} if which == "listen" else {"admin_port": port}
        start_refused(make_server(code="4+2", **options), str(port))


@pytest.mark.parametrize(
    "text,word",
    [
        ("listen = ", "config.toml"),
        ("no_such_setting = 1\n", "no_such_setting"),
        ('code = "4 of 6"\n', "4 of 6"),
        ("[[[", "config.toml"),
    ],
)
def test_bad_configuration_file(make_server, tmp_path, text, word):
    (tmp_path / "config.toml").write_text(text)
    start_refused(make_server(extra_args=["--config", str(tmp_path / "config.toml")]), word)


def test_missing_configuration_file(make_server, tmp_path):
    start_refused(make_server(extra_args=["--config", str(tmp_path / "nowhere.toml")]), "nowhere.toml")


@pytest.mark.parametrize("certificate", ["missing", "nonsense"])
def test_bad_certificate(make_server, tmp_path, certificate):
    (tmp_path / "nonsense").write_text("this is no certificate")
    path = tmp_path / certificate
    start_refused(make_server(code="4+2", extra_args=["--tls-cert", str(path), "--tls-key", str(path)]), str(path))


def test_certificate_without_key(make_server, tmp_path):
    start_refused(make_server(code="4+2", extra_args=["--tls-cert", str(tmp_path / "x")]), "tls-key")


@pytest.mark.parametrize(
    "environment",
    [
        {"ASHLAR_ROOT_ACCESS_KEY": "only-one-of-two", "ASHLAR_ROOT_SECRET_KEY": ""},
        {"ASHLAR_ROOT_ACCESS_KEY": "abcdef", "ASHLAR_ROOT_SECRET_KEY": "zq9x"},
    ],
)
def test_bad_keys(tmp_path, environment):
    done = tool(
        "server",
        "--data",
        str(tmp_path / "data"),
        "--listen",
        f"127.0.0.1:{free_port()}",
        "--admin-listen",
        f"127.0.0.1:{free_port()}",
        environment=environment,
    )
    said = done.stdout + done.stderr
    assert done.returncode > 0 and "ASHLAR_ROOT" in said, f"{done.returncode}: {said}"
    assert "zq9x" not in said, "a secret was printed"


def test_data_directory_that_cannot_be_written(make_server, tmp_path):
    """A read-only mount: root is not stopped by file modes."""
    folder = tmp_path / "readonly"
    folder.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(folder)])
    try:
        server = make_server("log-of-readonly", code="4+2")
        server.data_dir = folder / "data"
        start_refused(server, str(folder))
    finally:
        unmount(folder)


def test_no_space_for_a_new_store(make_server, tmp_path):
    folder = tmp_path / "tiny"
    folder.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)])
    try:
        server = make_server("log-of-tiny", code="4+2")
        server.data_dir = folder / "data"
        start_refused(server, "no space")
    finally:
        unmount(folder)


def test_data_path_is_a_file(make_server):
    server = make_server(code="4+2")
    server.data_dir.write_text("not a folder")
    start_refused(server, str(server.data_dir))
    assert server.data_dir.read_text() == "not a folder"


def test_damaged_metadata_is_refused_and_not_begun_anew(make_server):
    server = make_server(code="4+2").start()
    put_something(server)
    server.stop()
    manifests = [path for path in server.data_dir.rglob("MANIFEST-*")]
    assert manifests, "no manifest of the metadata engine found"
    for path in manifests:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(bytes(data))
    start_refused(server, "metadata")


# --- settings


@pytest.mark.parametrize("how", ["environment", "file"])
def test_settings_by_environment_and_by_file(tmp_path, how):
    listen, admin = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    data = tmp_path / "data"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ASHLAR_")}
    words = [str(binary_path()), "server"]
    if how == "environment":
        clean.update(ASHLAR_DATA=str(data), ASHLAR_LISTEN=listen, ASHLAR_ADMIN_LISTEN=admin, ASHLAR_CODE="4+2")
    else:
        (tmp_path / "ashlar.toml").write_text(
            f'data = "{data}"\nlisten = "{listen}"\nadmin-listen = "{admin}"\ncode = "4+2"\n'
        )
        words += ["--config", str(tmp_path / "ashlar.toml")]
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(words, env=clean, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while True:
            done = run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", f"http://{admin}/readyz"], expect=None)
            if done.stdout == "200":
                break
            assert process.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.05)
        assert run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", f"http://{listen}/"]).stdout == "403"
        assert sorted(path.name for path in data.glob("drive-*")) == [f"drive-0{n}" for n in range(1, 7)]
    finally:
        process.terminate()
        assert process.wait(20) == 0
        shutil.rmtree(tmp_path, ignore_errors=True)
