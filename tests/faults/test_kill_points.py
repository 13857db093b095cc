"""The process dies before each single write, sync, allocation, creation, rename and removal, of the drives and of the
metadata engine alike, and around each commit; after every death the store shows old or new, whole. Then the same steps
of the metadata engine fail instead.

Failpoints count from the start of the process, so N runs from 1 upwards: the first ones meet the start itself (which
must be survived as well), the next ones the operation, and the sweep ends when N was not reached three times in a row
(threads make the count of two runs differ a little). The process says on stderr which step it has met.
"""

import collections
import functools
import pathlib
import re
import shutil
import subprocess
import time

import pytest

from harness.server import ServerError
from harness.store_client import UNKNOWN_OUTCOME, StoreClient
from journal import Journal, check_key, check_listing
from stores import start_serving

pytestmark = pytest.mark.timeout(600)

BUCKET = "points"
CODE = "4+2"
SETTINGS = {"ASHLAR_ACCESS_LOG": "false"}
# The journal of the metadata commits when its time has come, in the middle of what is being counted.
JOURNAL_AT_REST = {**SETTINGS, "ASHLAR_JOURNAL_PERIOD": "3600000"}
UNREACHED_TO_END = 3
POINTS_MAX = 600
BYSTANDERS = [1, 4096, 200_000, 1_500_000]
CRASHED, REFUSED = 137, 1


class Sweep:
    """A store with some objects that must survive, and one operation that is broken again and again, each time on the
    same data: those of a server that was killed. `met` counts what struck in a run, by where ("start" or "operation")
    and what ("disk.persist", "metadata.persist sync")."""

    def __init__(self, server, operation=None):
        self.server, self.operation = server, operation
        self.pristine = server.data_dir.with_name(server.data_dir.name + ".pristine")
        self.settings = SETTINGS
        self.journal = Journal()
        self.met = collections.Counter()

    def prepare(self):
        self.server.start()
        with StoreClient(self.server) as client:
            client.create_bucket(BUCKET)
            for size in BYSTANDERS:
                self.put(client, f"bystander-{size}", size)
            self.put(client, "target", 1000)
        self.server.kill()
        copy_tree(self.server.data_dir, self.pristine)
        self.contents = {key: self.journal.known(key) for key in self.journal.keys()}

    def reset(self):
        shutil.rmtree(self.server.data_dir)
        copy_tree(self.pristine, self.server.data_dir)
        for key in self.journal.keys():
            self.journal.settle(key, self.contents.get(key))

    def put(self, client, key, size):
        change = self.journal.begin(key, self.journal.new_content([size]), "PUT")
        answer = client.put(BUCKET, key, change.content.bytes())
        if answer.status == 200:
            self.journal.acknowledge(change)
        return answer

    def delete(self, client, key):
        change = self.journal.begin(key, None, "DELETE")
        answer = client.delete(BUCKET, key)
        if answer.status == 204:
            self.journal.acknowledge(change)
        return answer

    def verify(self):
        with StoreClient(self.server) as client:
            check_listing(client, BUCKET, self.journal)
            for key in self.journal.keys():
                check_key(client, BUCKET, self.journal, key)

    def arm(self, failpoints):
        """For the starts to come."""
        self.server.extra_env = {**self.settings, "ASHLAR_FAILPOINTS": failpoints} if failpoints else self.settings
        self.log_begin = self.server.log_path.stat().st_size

    def struck(self):
        """What struck since arm(), or None."""
        with open(self.server.log_path, "rb") as log:
            log.seek(self.log_begin)
            found = re.search(rb"^failpoint \w+ ([a-z_. ]+?) (/|$)", log.read(), re.MULTILINE)
        return found.group(1).decode() if found else None

    def one_death(self, failpoints):
        """True when it struck, at the start or in the operation."""
        self.reset()
        self.arm(failpoints)
        where = "start"
        try:
            self.server.start()
            where = "operation"
            with StoreClient(self.server) as client:
                assert self.operation(self, client), "neither dead nor acknowledged"
        except (ServerError, *UNKNOWN_OUTCOME):
            assert self.server.process.wait(10) == CRASHED, self.server.log_tail()
        self.server.kill()
        struck = self.struck()
        self.met[where, struck] += 1
        self.arm(None)
        self.server.start()
        self.verify()
        self.server.kill()
        return struck is not None

    def run(self, rule, one):
        """Does one(rule with hit number) for number 1, 2 and so on, until it was not reached any more; `met`."""
        self.met.clear()
        in_a_row = 0
        for number in range(1, POINTS_MAX):
            in_a_row = 0 if one(f"{rule}@{number}") else in_a_row + 1
            if in_a_row == UNREACHED_TO_END:
                print(rule, dict(self.met))
                return self.met
        return pytest.fail(f"{rule}: no end after {POINTS_MAX} points, {dict(self.met)}", pytrace=False)


def copy_tree(source, target):
    subprocess.run(["cp", "-a", "--sparse=always", str(source), str(target)], check=True)


def put_small(sweep, client):
    return sweep.put(client, "target", 4096).status == 200


def put_large(sweep, client):
    return sweep.put(client, "target", 3 << 20).status == 200


def delete(sweep, client):
    assert sweep.put(client, "target", 500).status == 200
    return sweep.delete(client, "target").status == 204


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
    made = []

    def make(operation=None, code=CODE):
        made.append(Sweep(new_server(code=code, env=SETTINGS), operation))
        made[-1].prepare()
        return made[-1]

    yield make
    for sweep in made:
        shutil.rmtree(sweep.pristine, ignore_errors=True)


def folder_names(server):
    return sorted(str(path.relative_to(server.data_dir)) for path in server.data_dir.glob("drive-*/**/*"))


EVERY_OPERATION = pytest.mark.parametrize(
    "operation", [put_small, put_large, delete, complete], ids=lambda operation: operation.__name__
)
COMMITS = {put_small: 1, put_large: 1, delete: 2, complete: 4}


@pytest.mark.slow
@EVERY_OPERATION
def test_before_every_write_and_sync_of_the_drives(new_sweep, operation):
    code, shards = ("10+4", 14) if operation is put_small else (CODE, 6)
    sweep = new_sweep(operation, code)
    before = folder_names(sweep.server)
    met = sweep.run("disk.persist=crash", sweep.one_death)
    assert met["operation", "disk.persist"] >= 2 * shards, "a write and a sync for each shard"
    strangers = [
        name
        for name in set(folder_names(sweep.server)) - set(before)
        if not pathlib.Path(name).name.startswith("volume-") and not name.endswith("ashlar-probe")
    ]
    assert not strangers, f"left behind: {strangers}"


@pytest.mark.slow
@EVERY_OPERATION
def test_before_every_step_of_the_metadata_engine(new_sweep, operation):
    sweep = new_sweep(operation)
    met = sweep.run("metadata.persist=crash", sweep.one_death)
    for step in ("append", "sync", "close", "create", "rename", "remove", "sync directory"):
        assert met["start", f"metadata.persist {step}"] >= 1, f"the start was not met at: {step}"
    # The engine's compactions and the journal move the numbers about; those of the log alone, with the journal at rest,
    # are the same each time.
    sweep.settings = JOURNAL_AT_REST
    met = sweep.run("metadata.persist/.log=crash", sweep.one_death)
    for step in ("append", "sync"):
        # Each commit of the operation appends and syncs; other duties may commit as well.
        assert met["operation", f"metadata.persist {step}"] >= COMMITS[operation], f"{step} of each commit"


@EVERY_OPERATION
@pytest.mark.parametrize("place", ["metadata.before_commit", "metadata.after_commit"])
def test_around_every_commit_of_the_metadata(new_sweep, operation, place):
    sweep = new_sweep(operation)
    sweep.settings = JOURNAL_AT_REST
    met = sweep.run(place + "=crash", sweep.one_death)
    assert met["operation", place] >= COMMITS[operation]


@pytest.mark.parametrize("operation", [put_small, put_large], ids=["4 KiB", "3 MiB"])
@pytest.mark.parametrize("place", ["put.shards_synced", "put.metadata_committed"])
def test_between_the_steps_of_a_put(new_sweep, operation, place):
    sweep = new_sweep(operation)
    old = sweep.journal.known("target")
    assert sweep.one_death(f"{place}=crash@1")
    if place == "put.metadata_committed":  # durable, so it must be there although nobody was told
        assert sweep.journal.known("target") != old
    else:
        assert sweep.journal.known("target") == old


@pytest.mark.slow
@pytest.mark.parametrize("name,at_least", [("disk.persist", 9), ("metadata.persist", 30)])
def test_before_every_step_of_the_first_start(new_server, name, at_least):
    """A first start that is cut short anywhere is continued by the next one."""
    deaths, number = 0, 0
    while True:
        number += 1
        server = new_server(f"first-{number}", code="2+1", env={"ASHLAR_FAILPOINTS": f"{name}=crash@{number}"})
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
        shutil.rmtree(server.data_dir)
    print(f"{deaths} deaths in the first start")
    assert deaths >= at_least


# --- a device that fails under the metadata


REFUSALS = [(500, "InternalError"), (503, "ServiceUnavailable")]
NOT_READY_DEADLINE_S = 5


def one_error(sweep, failpoints):
    """A step of the metadata engine fails: at the start, or in a PUT or a DELETE. True when it struck."""
    sweep.reset()
    sweep.arm(failpoints)
    where = "start"
    try:
        start_serving(sweep.server)
        ready, _ = sweep.server.admin_get("/readyz")
        where = "start" if sweep.struck() else "operation"
        refusals = write_under_error(sweep)
        if where == "operation" and ".log" in failpoints and refusals:
            # The commit that failed has an unknown outcome; those after it did not happen. A background
            # duty may have met the error; then no request did.
            assert ready == 200 and refusals[0] in REFUSALS, refusals
        assert sweep.server.stop() == 0
    except ServerError:
        assert sweep.server.process.returncode == REFUSED, sweep.server.log_tail()
        assert "cannot open the metadata database" in sweep.server.log_tail()
    struck = sweep.struck()
    sweep.met[where, struck] += 1
    restart_on_a_sound_device(sweep)
    return struck is not None


def write_under_error(sweep):
    """The refusals. Nothing is lost, and a store that has refused once refuses until the restart."""
    with StoreClient(sweep.server) as client:
        answers = [sweep.put(client, "target", 4096), sweep.delete(client, "target"), sweep.put(client, "more", 100)]
        for size in BYSTANDERS:
            check_key(client, BUCKET, sweep.journal, f"bystander-{size}")
    refusals = [(answer.status, answer.code) for answer in answers if answer.status not in (200, 204)]
    assert all(refusal in REFUSALS for refusal in refusals), refusals
    assert all(refusal == REFUSALS[1] for refusal in refusals[1:]), refusals
    assert all(answer.status >= 500 for answer in answers[len(answers) - len(refusals) :]), answers
    if refusals:
        deadline = time.monotonic() + NOT_READY_DEADLINE_S
        while sweep.server.admin_get("/readyz")[0] != 503:
            assert time.monotonic() < deadline, "refuses writes and says that it is ready"
            time.sleep(0.05)
    return refusals


def restart_on_a_sound_device(sweep):
    sweep.arm(None)
    sweep.server.start()
    sweep.verify()
    with StoreClient(sweep.server) as client:
        assert sweep.put(client, "target", 2000).status == 200
        assert sweep.delete(client, "bystander-1").status == 204
        assert sweep.put(client, "more", 1).status == 200
    sweep.verify()
    sweep.server.kill()


@pytest.mark.slow
def test_a_device_error_at_every_step_of_the_metadata_engine(new_sweep):
    sweep = new_sweep()
    one = functools.partial(one_error, sweep)
    met = sweep.run("metadata.persist=error", one)
    assert sum(count for (where, what), count in met.items() if where == "start" and what) >= 30
    met = sweep.run("metadata.persist/.log=error", one)
    for step in ("append", "sync"):
        # Three of the requests; background duties and the end of the server commit as well.
        assert met["operation", f"metadata.persist {step}"] >= 3, f"{step} of each commit"
