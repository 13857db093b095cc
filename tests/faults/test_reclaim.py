"""Reclaiming in the real process with periods of a second: the space of deleted objects comes back, what remains reads
right, and a process that dies at any step of reclaiming or compaction goes on from there after its restart."""

import hashlib
import random
import time

import pytest

from harness.helpers import run_parallel
from harness.server import ServerError
from harness.store_client import UNKNOWN_OUTCOME, StoreClient
from stores import metric, split

pytestmark = pytest.mark.timeout(240)

BUCKET = "reclaimed"
PERIODS = ["--reclaim-grace", "1s", "--trash-period", "1s", "--orphan-grace", "3s"]
OPTIONS = {
    "code": "2+1",
    "extra_args": [*PERIODS, "--volume-size", "16MiB"],
    "env": {"ASHLAR_ACCESS_LOG": "false"},
}
STEPS = [
    "reclaim.seen",
    "reclaim.trash",
    "reclaim.before_purge",
    "reclaim.after_purge",
    "compact.written",
    "compact.moved",
    "volume_compact.written",
    "volume_compact.moved",
    "reclaim.shards_noted",
    "reclaim.before_shard_purge",
    "reclaim.after_shard_purge",
    "volume_compact.removed",
]


class Content:
    """The objects that must be there, by key. What was deleted must stay away."""

    def __init__(self, server, seed):
        self.server, self.dice = server, random.Random(seed)
        self.kept, self.touched, self.count = {}, set(), 0

    def fill(self, number, size_max, keep_percent):
        """Puts `number` objects and deletes most of them again, with eight clients."""
        items = []
        for _ in range(number):
            self.count += 1
            items.append((f"o{self.count:06}", self.dice.randrange(1, size_max), self.dice.random()))
        self.touched = {key for key, _, _ in items}

        def work(some):
            with StoreClient(self.server) as client:
                for key, size, seed in some:
                    body = random.Random(seed).randbytes(size)
                    answer = client.put(BUCKET, key, body)
                    assert answer.status == 200, str(answer)
                    self.kept[key] = hashlib.sha256(body).hexdigest()

        self.parallel(work, items)
        drop = [key for key, _, _ in items if self.dice.randrange(100) >= keep_percent]

        def remove(some):
            with StoreClient(self.server) as client:
                for key in some:
                    assert client.delete(BUCKET, key).status == 204

        self.parallel(remove, drop)
        for key in drop:
            del self.kept[key]

    def settle(self):
        """After a death in the middle of a fill: of the keys it has touched, what is there now is what there is."""
        with StoreClient(self.server) as client:
            listed = client.list_all(BUCKET)
            for key in set(self.kept) - set(listed):
                assert key in self.touched, f"{key} is lost"
                del self.kept[key]
            for key in set(listed) - set(self.kept):
                assert key in self.touched, f"{key} has come back"
                self.kept[key] = hashlib.sha256(client.get(BUCKET, key).body).hexdigest()

    def check(self):
        def work(some):
            with StoreClient(self.server) as client:
                for key in some:
                    answer = client.get(BUCKET, key)
                    assert answer.status == 200, f"{key}: {answer}"
                    assert hashlib.sha256(answer.body).hexdigest() == self.kept[key], key

        self.parallel(work, sorted(self.kept))
        with StoreClient(self.server) as client:
            assert set(client.list_all(BUCKET)) == set(self.kept)

    @staticmethod
    def parallel(work, items):
        for result in run_parallel([lambda some=some: work(some) for some in split(items, 8)]):
            if isinstance(result, Exception):
                raise result


def allocated_bytes(server):
    """What the volume files take of the disk, but for the newest of each drive: its room is reserved whole while it is
    appended to, and would be a quarter of everything here, or nothing, as it happens."""
    total = 0
    for drive in server.data_dir.glob("drive-*/volumes"):
        full = sorted(drive.glob("*.ashlar"))[:-1]
        total += sum(path.stat().st_blocks * 512 for path in full)
    return total


def wait_until(what, condition, seconds=90):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.25)


def waiting_bytes(server):
    return sum(value for name, value in server.metrics().items() if name.startswith("ashlar_reclaim_waiting_bytes"))


def wait_until_nothing_waits(server):
    # Twice in a row: compaction may make new garbage.
    for _ in range(2):
        wait_until("everything is reclaimed", lambda: waiting_bytes(server) == 0)
        time.sleep(2)


def test_space_comes_back(new_server, seed):
    server = new_server("space", **OPTIONS)
    server.start()
    with StoreClient(server) as client:
        client.create_bucket(BUCKET)
    content = Content(server, seed)
    content.fill(1500, 60_000, 100)
    content.fill(30, 4 << 20, 100)
    peak = allocated_bytes(server)
    content.fill(1500, 2_000, 20)  # packed: only compaction gives these back
    doomed = [key for key in sorted(content.kept) if content.dice.randrange(100) < 80]

    def remove(some):
        with StoreClient(server) as client:
            for key in some:
                assert client.delete(BUCKET, key).status == 204

    content.parallel(remove, doomed[: len(doomed) // 2])
    server.restart(kill=True)
    content.parallel(remove, doomed[len(doomed) // 2 :])
    for key in doomed:
        del content.kept[key]
    wait_until("half of the space is back", lambda: allocated_bytes(server) < peak * 0.5)
    server.restart()
    content.check()
    wait_until_nothing_waits(server)
    content.check()
    # Compaction may have more to do than the reclaimer has seen yet.
    wait_until("more than half of the space is back", lambda: allocated_bytes(server) < peak * 0.45)
    assert metric(server, "ashlar_reclaim_refused") == 0
    server.stop()


def test_death_at_each_step(new_server, seed):
    server = new_server("steps", **OPTIONS)
    server.start()
    with StoreClient(server) as client:
        client.create_bucket(BUCKET)
    content = Content(server, seed)
    for step in STEPS:
        server.kill()
        server.extra_env["ASHLAR_FAILPOINTS"] = f"{step}=crash@1"
        server.spawn()
        work_until_dead(server, content, step)
        del server.extra_env["ASHLAR_FAILPOINTS"]
        server.start()
        content.settle()
        content.check()
    wait_until_nothing_waits(server)
    content.check()
    server.stop()


def work_until_dead(server, content, step, seconds=90):
    deadline = time.monotonic() + seconds
    try:
        server.wait_ready()
        while time.monotonic() < deadline:
            content.fill(200, 40_000, 15)
            content.fill(100, 2_000, 15)
    except (AssertionError, ServerError, *UNKNOWN_OUTCOME):
        wait_until("a server that fails is dead", lambda: not server.running, 5)
    if server.running:
        pytest.fail(f"the process never came to {step}")
    assert server.process.returncode == 137
