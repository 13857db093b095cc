"""Every failpoint of the product strikes at least once, each way: the process dies there, the step fails, the step is
late, while clients write, copy, complete and delete and the store heals, scrubs, reclaims and compacts. After each
death the store is compared with the clients' journal. The list of failpoints is taken from the sources, so that a new
one that no load reaches fails this test.

All points are armed at once with "die at the first hit": the first that is reached kills the process, is taken off the
list, and the next run goes further. Errors and delays are counted by the line that the process writes when a rule for
one hit strikes. What a sweep elsewhere does with a point at every single hit is in SWEPT."""

import http.client
import re
import threading
import time

import pytest

from harness.server import REPOSITORY, ServerError
from harness.store_client import UNKNOWN_OUTCOME, StoreClient
from journal import Journal, check_key, check_listing
from offline_tools import run_tool
from stores import start_serving
from test_admin import ask, token_of
from volume_files import flip_bit, records_of, volumes_of
from writers import run_writers

pytestmark = [pytest.mark.timeout(400), pytest.mark.slow, pytest.mark.alone]

BUCKET = "points"
CODE = "2+1"
PERIODS = ["--reclaim-grace", "1s", "--trash-period", "1s", "--orphan-grace", "3s", "--volume-size", "24MiB"]
SETTINGS = {"ASHLAR_ACCESS_LOG": "false", "ASHLAR_JOURNAL_PERIOD": "100"}
CRASHED, REFUSED = 137, 1
# A run ends once everything was met; the last points may have to wait for an extent to become sparse.
RUN_SECONDS_MAX = 60
# With volumes this small only a clean stop writes a checkpoint.
AT_THE_STOP = {"checkpoint.write"}
CALL = re.compile(
    r"\b(PASS_FAILPOINT|PassFailpoint|HitFailpoint|DelayAtFailpoint|Failpoint|PassStep|PassPersistence)"
    r"\(([^;{}]*?\"[^;{}]*?)[;{]"
)
NAME = re.compile(r'"([a-z_]+(?:\.[a-z_]+)+)"')

# Points whose errors end a run, as the metadata refuse everything afterwards: each has a run of its own here, and is
# swept at every hit, or told apart by what clients are answered, where this says.
SWEPT = {
    "metadata.persist": "test_kill_points.py::test_a_device_error_at_every_step_of_the_metadata_engine",
    "metadata.before_commit": "test_disk_errors.py::test_failing_metadata_commits_are_not_acknowledged",
    "metadata.after_commit": "test_disk_errors.py::test_failing_metadata_commits_are_not_acknowledged",
}


def failpoints_in_the_sources():
    """{name: (file, can an error be ordered there?)}; DelayAtFailpoint stands where nothing can fail."""
    found = {}
    for path in sorted((REPOSITORY / "src").rglob("*.[ch]*")):
        if "tests" in path.parts:
            continue
        for call in CALL.finditer(path.read_text()):
            for name in NAME.findall(call.group(2)):
                fails = call.group(1) != "DelayAtFailpoint" or found.get(name, ("", False))[1]
                found[name] = (str(path.relative_to(REPOSITORY)), fails)
    return found


class Store:
    """A server, its clients' journal, and what has struck."""

    def __init__(self, server, dice):
        self.server, self.dice = server, dice
        self.journal = Journal()
        server.start()
        with StoreClient(server) as client:
            client.create_bucket(BUCKET)

    def arm(self, rules):
        self.server.extra_env = {**SETTINGS, "ASHLAR_FAILPOINTS": rules} if rules else SETTINGS
        self.log_begin = self.server.log_path.stat().st_size

    def struck(self):
        """The names of what has struck since arm(), in order."""
        with open(self.server.log_path, "rb") as log:
            log.seek(self.log_begin)
            return [name.decode() for name in re.findall(rb"^failpoint \w+ ([a-z_.]+)", log.read(), re.MULTILINE)]

    def damage(self):
        """Work for scrubber and healer: bits of the first drive, which alone is ever damaged."""
        volumes = volumes_of(self.server.data_dir / "drive-01")
        places = [(path, record) for path in volumes for record in records_of(path)]
        for path, record in self.dice.sample(places, min(20, len(places))):
            flip_bit(path, self.dice.randrange(record.body_offset, record.end))

    def scrub_again_and_again(self, stop):
        while not stop.wait(0.3):
            try:
                token = f"Bearer {token_of(self.server)}"
                if not ask(self.server, "/admin/v1/scrub", Authorization=token)[1]["running"]:
                    ask(self.server, "/admin/v1/scrub/start", "POST", Authorization=token)
            except (*UNKNOWN_OUTCOME, http.client.HTTPException, ValueError):
                continue

    def work(self, enough):
        """Until the server dies, or enough(): the load of the clients and of the background."""
        deadline = time.monotonic() + RUN_SECONDS_MAX
        stop = threading.Event()
        scrubs = threading.Thread(target=self.scrub_again_and_again, args=(stop,))
        scrubs.start()

        def wait():
            while self.server.running and time.monotonic() < deadline and not enough():
                time.sleep(0.05)

        try:
            run_writers(self.server, BUCKET, self.journal, self.dice.random(), wait, count=3)
        finally:
            stop.set()
            scrubs.join()

    def verify(self, everything=False):
        self.arm(None)
        self.server.start()
        keys = self.journal.keys() if everything else self.journal.take_touched()
        with StoreClient(self.server) as client:
            check_listing(client, BUCKET, self.journal)
            for key in keys:
                check_key(client, BUCKET, self.journal, key)
        self.server.kill()


@pytest.fixture(scope="module")
def points():
    return failpoints_in_the_sources()


@pytest.fixture
def store(new_server, dice):
    server = new_server(code=CODE, env=SETTINGS, extra_args=PERIODS)
    made = Store(server, dice)
    yield made
    server.kill()


def test_the_list_is_of_this_tree(points):
    assert len(points) >= 40, sorted(points)
    for name, where in SWEPT.items():
        assert points[name][1], f"{name} cannot fail"
        file, _, test = where.partition("::")
        _, found, rest = (REPOSITORY / "tests/faults" / file).read_text().partition(f"\ndef {test}(")
        assert found and name in rest.partition("\ndef ")[0], f"{name} is not armed by {where}"
    assert {name for name, (_, fails) in points.items() if not fails} == {
        "put.shards_synced",
        "put.metadata_committed",
        "heal.after_move",
    }, "nothing can fail there: say so to the reader, or let it fail"


def test_death_at_every_failpoint(store, points):
    left = set(points)
    while left:
        store.server.kill()
        store.damage()
        store.arm(";".join(f"{name}=crash@1" for name in sorted(left)))
        try:
            store.server.start()
            store.work(lambda: left <= AT_THE_STOP)
        except ServerError:
            pass
        if store.server.stop() == 0:
            pytest.fail(f"never met: {[f'{name} ({points[name][0]})' for name in sorted(left)]}", pytrace=False)
        assert store.server.process.returncode == CRASHED, store.server.log_tail()
        met = store.struck()
        # Two threads may die at once.
        assert met and set(met) <= left, (met, store.server.log_tail())
        left -= set(met)
        store.verify()
    store.verify(everything=True)
    done = run_tool(store.server, "fsck", "--verify")
    assert done.returncode in (0, 1), done.stdout  # 1: what healing has not come to yet


def test_an_error_at_every_failpoint(store, points):
    left = {name for name, (_, fails) in points.items() if fails} - set(SWEPT)
    while left:
        store.server.kill()
        store.damage()
        store.arm(";".join(f"{name}=error@1" for name in sorted(left)))
        before = len(left)
        try:
            start_serving(store.server)
            store.work(lambda: left <= set(store.struck()) | AT_THE_STOP)
            assert store.server.stop() == 0, store.server.log_tail()
        except ServerError:  # an error met by the start refuses it
            assert store.server.process.returncode == REFUSED, store.server.log_tail()
        left -= set(store.struck())
        store.verify()
        if len(left) == before:
            pytest.fail(f"never met: {sorted(left)}", pytrace=False)
    store.verify(everything=True)


@pytest.mark.parametrize("name", sorted(SWEPT))
def test_an_error_of_the_metadata_under_load(store, dice, name):
    """Somewhere in the middle of the work. Some of these make the store refuse everything from then on."""
    store.server.kill()
    store.arm(f"{name}=error@{dice.randrange(150, 400)}")
    start_serving(store.server)
    store.work(store.struck)
    assert store.struck() == [name], store.server.log_tail()
    assert store.server.stop() == 0, store.server.log_tail()
    store.verify(everything=True)


def test_a_delay_at_every_failpoint(store, points):
    """Some hits of each wait for a moment, so that what comes after them overtakes; each does at least once."""
    left, seconds_min = set(points), 8
    while left:
        store.server.kill()
        store.damage()
        store.arm(";".join(f"{name}=delay:150@{hit}" for name in sorted(left) for hit in (1, 4, 16)))
        before, end = len(left), time.monotonic() + seconds_min
        start_serving(store.server)
        store.work(lambda end=end: time.monotonic() > end and left <= set(store.struck()) | AT_THE_STOP)
        assert store.server.stop() == 0, store.server.log_tail()
        left -= set(store.struck())
        store.verify()
        if len(left) == before:
            pytest.fail(f"never met: {sorted(left)}", pytrace=False)
        seconds_min = 0
    store.verify(everything=True)
