"""The power goes: the server dies and, at the same moment, everything that it had not synced is gone (files, pages,
names), or what chance takes of it. After every cut the store shows what it had acknowledged. Needs FUSE; the file
system is `ashlar-powercut` (tests/powercut). POWER_CUTS and ASHLAR_TEST_SEED choose length and dice."""

import os
import pathlib
import re
import subprocess
import time

import pytest

from harness.raw_http import ConnectionEnded
from harness.server import REPOSITORY, AshlarServer, ServerError
from harness.store_client import StoreClient
from journal import Journal, Mismatch
from test_kill_loop import verify
from writers import run_writers

CUTS = int(os.environ.get("POWER_CUTS") or 50)
CUTS_A_STORE = 100
READ_ALL_EVERY = 10
BUCKET = "kills"  # of the kill loop's verify
SETTINGS = {"ASHLAR_ACCESS_LOG": "false", "ASHLAR_VOLUME_SIZE": "24MiB"}
PERIODS = ["--reclaim-grace", "1s", "--trash-period", "1s", "--orphan-grace", "30s"]
PROGRAM = REPOSITORY / "build/release/bin/ashlar-powercut"

pytestmark = [
    pytest.mark.timeout(300 + 6 * CUTS),
    pytest.mark.skipif(
        not pathlib.Path("/dev/fuse").exists() or os.geteuid() != 0,
        reason="SKIPPED, nothing is known of power cuts: mounting FUSE needs /dev/fuse and root on this machine",
    ),
]


class PowerCut:
    """The mounted file system."""

    def __init__(self, folder, *words):
        folder.mkdir()
        self.folder = folder
        self.lost = {"pages": 0, "names": 0}
        self.process = subprocess.Popen(
            [str(PROGRAM), str(folder), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.wait_mounted()

    def wait_mounted(self):
        line = self.process.stdout.readline()
        if not line.startswith("mounted"):
            raise ServerError(f"ashlar-powercut is not mounted: {line!r}")
        for what, count in re.findall(r"(pages|names) (\d+) lost", line):
            self.lost[what] += int(count)

    def cut(self, seed=None):
        """Requires that the server is dead."""
        self.process.stdin.write("cut\n" if seed is None else f"cut {seed}\n")
        self.process.stdin.flush()
        self.wait_mounted()

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            subprocess.run(["umount", "-l", str(self.folder)], check=False)
        self.folder.rmdir()


@pytest.fixture(scope="module", autouse=True)
def program():
    subprocess.run([str(REPOSITORY / "scripts/build"), "release", "ashlar-powercut"], check=True, capture_output=True)


@pytest.fixture
def new_store(tmp_path):
    """make(name, code, words of the file system): (power, server); the server is not started."""
    made = []

    def make(name, code, *words):
        power = PowerCut(tmp_path / name, *words)
        log = tmp_path / f"{name}.log"
        server = AshlarServer(power.folder / "data", code=code, env=SETTINGS, extra_args=PERIODS, log_path=log)
        made.append((power, server))
        return power, server

    yield make
    for power, server in made:
        server.kill()
        if power.process.poll() is None:
            power.end()


class Cuts:
    """Cycles of one store: write, cut, start, verify."""

    def __init__(self, power, server, dice):
        self.power, self.server, self.dice = power, server, dice
        self.journal = Journal()
        server.start()
        with StoreClient(server) as client:
            client.create_bucket(BUCKET)

    def cut(self):
        self.server.kill()
        self.power.cut(self.dice.choice([None, self.dice.randrange(1 << 32)]))

    def one(self, cycle):
        self.journal.cycle = cycle

        def cut_at_a_random_moment():
            time.sleep(self.dice.uniform(0.02, 0.5))
            self.cut()

        run_writers(self.server, BUCKET, self.journal, self.dice.random(), cut_at_a_random_moment)
        if self.dice.random() < 0.2:
            # Once more while it recovers; what was recovered is no less durable.
            self.server.spawn()
            time.sleep(self.dice.uniform(0, 0.2))
            self.cut()
        self.server.start()
        touched = self.journal.take_touched()
        whole = cycle % READ_ALL_EVERY == READ_ALL_EVERY - 1
        verify(self.server, self.journal, self.journal.keys() if whole else touched)


def tell(server, error, cycle):
    return Mismatch(f"cut {cycle}: {error}\n{server.log_tail()}")


@pytest.mark.slow
def test_power_cuts(new_store, dice, seed):
    done, began = 0, time.monotonic()
    acknowledged = unknown = pages = names = 0
    while done < CUTS:
        count = min(CUTS_A_STORE, (CUTS + 1) // 2, CUTS - done)
        code = "4+2" if done == 0 else dice.choice(["4+2", "10+4", "2+1"])
        power, server = new_store(f"store-{done}", code)
        cuts = Cuts(power, server, dice)
        for cycle in range(done, done + count):
            try:
                cuts.one(cycle)
            except Exception as error:
                pytest.fail(f"ASHLAR_TEST_SEED={seed}: {tell(server, error, cycle)}", pytrace=False)
        server.stop()
        power.end()
        done += count
        acknowledged += cuts.journal.counts["acknowledged"]
        unknown += cuts.journal.counts["unknown"]
        pages += power.lost["pages"]
        names += power.lost["names"]
    print(
        f"{CUTS} cuts, {(time.monotonic() - began) / CUTS:.2f} s each: {acknowledged} acknowledged, {unknown} unknown; "
        f"lost {pages} pages and {names} names that were not synced"
    )
    # Cuts that take nothing away prove nothing.
    assert acknowledged > 10 * CUTS and unknown > CUTS // 4 and pages > CUTS


@pytest.mark.parametrize("what", ["files", "folders"])
def test_a_disk_that_lies_is_caught(new_store, dice, what):
    """The proof that it can fail: fsync answers and does nothing."""
    power, server = new_store("liar", "2+1", f"--lie-about-{what}")
    cuts = Cuts(power, server, dice)
    # Lost objects, a large one whose answer breaks off where its bytes are gone, a lost bucket, or a store that does
    # not start.
    with pytest.raises((AssertionError, ServerError, ConnectionEnded)) as found:
        for cycle in range(5):
            cuts.one(cycle)
    print(str(found.value)[:300])
    if isinstance(found.value, ConnectionEnded):  # by a server that stands, and says why
        assert server.metrics()["ashlar_unreadable_stripes_total"] > 0
