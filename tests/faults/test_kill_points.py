"""The process dies before each single write, sync, allocation, creation and rename of a volume, at each step of a
commit of the metadata, and before each write call of the metadata engine; after every death the store shows old or
new, whole.

Failpoints count from the start of the process, so N runs from 1 upwards: the first ones kill the start itself (which
must be survived as well), the next ones kill the operation, and the sweep ends when the operation is acknowledged
three times in a row. For the metadata engine, which writes by itself, strace kills the process before the Nth call;
it counts from when it attaches.
"""

import pathlib
import subprocess
import time

import pytest

from harness.programs import program
from harness.server import ServerError
from harness.store_client import UNKNOWN_OUTCOME, StoreClient
from journal import Journal, check_key, check_listing

pytestmark = pytest.mark.timeout(600)

BUCKET = "points"
CODE = "4+2"
SETTINGS = {"ASHLAR_ACCESS_LOG": "false"}
SURVIVALS_TO_END = 3
POINTS_MAX = 400
BYSTANDERS = [1, 4096, 200_000, 1_500_000]
CRASHED = 137


class Sweep:
    """A store with some objects that must survive, and one operation that is killed again and again."""

    def __init__(self, server, operation):
        self.server, self.operation = server, operation
        self.journal = Journal()
        self.deaths_at_start = self.deaths = self.survivals = 0

    def prepare(self):
        self.server.start()
        with StoreClient(self.server) as client:
            client.create_bucket(BUCKET)
            for size in BYSTANDERS:
                self.put(client, f"bystander-{size}", size)
            self.put(client, "target", 1000)
        self.server.stop()

    def put(self, client, key, size):
        change = self.journal.begin(key, self.journal.new_content([size]), "PUT")
        answer = client.put(BUCKET, key, change.content.bytes())
        if answer.status == 200:
            self.journal.acknowledge(change)
        return answer

    def verify(self):
        with StoreClient(self.server) as client:
            check_listing(client, BUCKET, self.journal)
            for key in self.journal.keys():
                check_key(client, BUCKET, self.journal, key)

    def start_with(self, failpoints):
        """False when the process died by the failpoint before it was ready."""
        self.server.extra_env = {**SETTINGS, "ASHLAR_FAILPOINTS": failpoints} if failpoints else SETTINGS
        try:
            self.server.start()
            return True
        except ServerError:
            if self.server.process.returncode != CRASHED:
                raise
            return False

    def one_point(self, failpoints):
        """True when the operation was acknowledged."""
        if not self.start_with(failpoints):
            self.deaths_at_start += 1
            self.start_with(None)
            self.verify()
            self.server.kill()
            return False
        try:
            with StoreClient(self.server) as client:
                acknowledged = self.operation(self, client)
            self.survivals += 1
        except UNKNOWN_OUTCOME:
            acknowledged = False
            assert self.server.process.wait(10) == CRASHED, self.server.log_tail()
            self.deaths += 1
        if self.server.running:
            self.server.kill()
        self.start_with(None)
        self.verify()
        self.server.kill()
        return acknowledged

    def run(self, rule):
        """`rule` is a failpoint specification with {N}."""
        in_a_row = 0
        for number in range(1, POINTS_MAX):
            in_a_row = in_a_row + 1 if self.one_point(rule.format(N=number)) else 0
            if in_a_row == SURVIVALS_TO_END:
                return
        pytest.fail(f"{rule}: no end after {POINTS_MAX} points, {self.deaths} deaths", pytrace=False)


def put_small(sweep, client):
    return sweep.put(client, "target", 4096).status == 200


def put_large(sweep, client):
    return sweep.put(client, "target", 3 << 20).status == 200


def delete(sweep, client):
    assert sweep.put(client, "target", 500).status == 200
    change = sweep.journal.begin("target", None, "DELETE")
    if client.delete(BUCKET, "target").status != 204:
        return False
    sweep.journal.acknowledge(change)
    return True


def complete(sweep, client):
    """One Complete; the parts before it have their own writes, which are points too."""
    content = sweep.journal.new_content([5 << 20, 70_000], multipart=True)
    answer, upload = client.create_upload(BUCKET, "target")
    assert answer.status == 200, str(answer)
    etags = [
        client.upload_part(BUCKET, "target", upload, number, piece).header("etag")
        for number, piece in enumerate(content.pieces(), 1)
    ]
    change = sweep.journal.begin("target", content, "Complete")
    answer = client.complete_upload(BUCKET, "target", upload, etags)
    if answer.status != 200:
        return False
    sweep.journal.acknowledge(change)
    return True


@pytest.fixture
def new_sweep(new_server):
    def make(operation, code=CODE):
        sweep = Sweep(new_server(code=code, env=SETTINGS), operation)
        sweep.prepare()
        return sweep

    return make


def folder_names(server):
    return sorted(str(path.relative_to(server.data_dir)) for path in server.data_dir.glob("drive-*/**/*"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "operation,code", [(put_small, "10+4"), (put_large, "4+2")], ids=["4 KiB on 10+4", "3 MiB on 4+2"]
)
def test_before_every_write_and_sync_of_a_put(new_sweep, operation, code):
    sweep = new_sweep(operation, code)
    before = folder_names(sweep.server)
    sweep.run("disk.persist/volumes/=crash@{N}")
    print(f"{sweep.deaths} deaths inside the PUT, {sweep.deaths_at_start} while starting")
    # At least a write and a sync for each shard.
    assert sweep.deaths >= 2 * sum(map(int, code.split("+")))
    strangers = [
        name
        for name in set(folder_names(sweep.server)) - set(before)
        if not pathlib.Path(name).name.startswith("volume-") and not name.endswith("ashlar-probe")
    ]
    assert not strangers, f"left behind: {strangers}"


@pytest.mark.parametrize(
    "operation", [put_small, put_large, delete, complete], ids=lambda operation: operation.__name__
)
@pytest.mark.parametrize("place", ["metadata.before_commit", "metadata.after_commit"])
def test_around_every_commit_of_the_metadata(new_sweep, operation, place):
    sweep = new_sweep(operation)
    sweep.run(place + "=crash@{N}")
    assert sweep.deaths >= 1, "the failpoint was never met"


@pytest.mark.parametrize("operation", [put_small, put_large], ids=["4 KiB", "3 MiB"])
@pytest.mark.parametrize("place", ["put.shards_synced", "put.metadata_committed"])
def test_between_the_steps_of_a_put(new_sweep, operation, place):
    sweep = new_sweep(operation)
    old = sweep.journal.known("target")
    assert not sweep.one_point(f"{place}=crash@1")
    assert sweep.deaths == 1
    if place == "put.metadata_committed":  # durable, so it must be there although nobody was told
        assert sweep.journal.known("target") != old
    else:
        assert sweep.journal.known("target") == old


@pytest.mark.slow
def test_before_every_step_of_the_first_start(new_server, seed):
    """A first start that is cut short anywhere is continued by the next one."""
    deaths, number = 0, 0
    while True:
        number += 1
        server = new_server(f"first-{number}", code="2+1", env={"ASHLAR_FAILPOINTS": f"disk.persist=crash@{number}"})
        try:
            server.start()
            server.kill()
            break
        except ServerError:
            assert server.process.returncode == CRASHED, server.log_tail()
            deaths += 1
        server.extra_env = {}
        server.start()
        with StoreClient(server) as client:
            client.create_bucket(BUCKET)
            assert client.put(BUCKET, "k", b"x" * 5000).status == 200
            assert client.get(BUCKET, "k").body == b"x" * 5000
        server.kill()
        subprocess.run(["rm", "-rf", str(server.data_dir)], check=True)
    print(f"{deaths} deaths in the first start")
    assert deaths >= 9


# --- the metadata engine, by strace


CALLS = ",".join(
    ["write", "pwrite64", "pwritev", "pwritev2", "fsync", "fdatasync", "sync_file_range", "rename", "renameat"]
    + ["renameat2", "unlink", "ftruncate", "fallocate"]
)
ATTACH_DEADLINE_S = 20


def attach(server, number):
    """strace on all threads: kills the process before the `number`th of CALLS that one of its threads makes."""
    log = server.log_path.with_name(f"strace-{number}")
    with open(log, "wb") as out:
        tracer = subprocess.Popen(
            [
                program("strace"),
                "-f",
                "-qq",
                "-e",
                f"trace={CALLS}",
                "-e",
                "signal=none",
                "-e",
                f"inject={CALLS}:signal=KILL:when={number}",
                "-o",
                "/dev/null",
                "-p",
                str(server.pid),
            ],
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
        )
    deadline = time.monotonic() + ATTACH_DEADLINE_S
    tasks = pathlib.Path(f"/proc/{server.pid}/task")
    while not all(f"TracerPid:\t{tracer.pid}\n" in (task / "status").read_text() for task in tasks.iterdir()):
        assert tracer.poll() is None, f"strace ended: {log.read_text()}"
        assert time.monotonic() < deadline, "strace did not attach to every thread"
        time.sleep(0.01)
    return tracer


@pytest.mark.slow
@pytest.mark.parametrize("operation", [put_small, delete, complete], ids=lambda operation: operation.__name__)
def test_before_the_nth_system_call(new_sweep, operation):
    """All writing system calls of all threads, those of the metadata engine included. Calls are counted thread by
    thread, so one N stands for the Nth call of whichever thread gets there first."""
    sweep = new_sweep(operation)
    sweep.server.extra_env = {**SETTINGS, "ASHLAR_DISK": "blocking"}
    deaths = in_a_row = number = 0
    while in_a_row < 2:
        number += 1
        assert number < 200, "no end"
        sweep.server.start()
        sweep.verify()
        tracer = attach(sweep.server, number)
        try:
            with StoreClient(sweep.server) as client:
                in_a_row = in_a_row + 1 if operation(sweep, client) else 0
        except UNKNOWN_OUTCOME:
            assert sweep.server.process.wait(10) == -9
            deaths, in_a_row = deaths + 1, 0
        sweep.server.kill()
        tracer.wait(10)
    sweep.server.start()
    sweep.verify()
    print(f"{deaths} deaths before a system call")
    assert deaths >= 2
