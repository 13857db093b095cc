"""Concurrent histories of the real server: 64 clients on 16 keys, killed with -9 and started again under them, and
every answer explained afterwards by `ashlar-histories` (tests/histories). HISTORY_SECONDS and HISTORY_RUNS choose the
length."""

import os
import shutil
import subprocess
import time

import pytest

from harness.server import REPOSITORY
from harness.store_client import StoreClient

SECONDS = float(os.environ.get("HISTORY_SECONDS") or 34)
RUNS = int(os.environ.get("HISTORY_RUNS") or 1)
KILL_EVERY_S = 3.5
KILLS_AT_LEAST = 6
OPERATIONS_A_SECOND_MIN = 200
BUCKET = "histories"
PROGRAM = REPOSITORY / "build/release/bin/ashlar-histories"

pytestmark = [pytest.mark.timeout(300 + RUNS * (3 * SECONDS + 120)), pytest.mark.alone]


class Histories:
    """The program at work against a server. It is told when the server is gone, and when it is back."""

    def __init__(self, server, seconds, seed):
        words = ["--endpoint", server.endpoint, "--bucket", BUCKET, "--seconds", str(seconds), "--seed", str(seed)]
        self.process = subprocess.Popen(
            [str(PROGRAM), *words],
            env=server.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.expect("running")

    def tell(self, what, answer):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        self.expect(answer)

    def expect(self, answer):
        line = self.process.stdout.readline().strip()
        if line != answer:
            rest = self.process.communicate()[0]
            pytest.fail(f"instead of '{answer}': {line}\n{rest}", pytrace=False)

    def result(self):
        """(exit code, report)"""
        report = self.process.communicate()[0]
        return self.process.returncode, report

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def histories():
    made = []

    def make(*words):
        made.append(Histories(*words))
        return made[-1]

    yield make
    for one in made:
        one.end()


@pytest.fixture(scope="module", autouse=True)
def program():
    subprocess.run([str(REPOSITORY / "scripts/build"), "release", "ashlar-histories"], check=True, capture_output=True)


def kill_and_restart(server, running, while_down=lambda: None):
    server.kill()
    running.tell("down", "paused")
    while_down()
    server.start()
    running.tell("up", "running")


def one_history(server, histories, dice, seconds):
    server.start()
    seed = dice.randrange(1 << 32)
    began, kills = time.monotonic(), 0
    running = histories(server, seconds, seed)
    while time.monotonic() - began < seconds - KILL_EVERY_S:
        time.sleep(dice.uniform(0.5, 1.5) * KILL_EVERY_S)
        if time.monotonic() - began > seconds - 1:
            break
        kill_and_restart(server, running)
        kills += 1
    code, report = running.result()
    print(f"{kills} kills\n{report}")
    assert code == 0, f"{report}\n{server.log_tail()}"
    operations = int(report.rsplit("histories: ", 1)[1].split(" operations")[0].split()[-1])
    assert operations > OPERATIONS_A_SECOND_MIN * seconds, report
    return kills


@pytest.mark.slow
def test_histories(new_server, dice, histories):
    kills = 0
    for run in range(RUNS):
        options = {"ASHLAR_ACCESS_LOG": "false", "ASHLAR_VOLUME_SIZE": "64MiB"}
        server = new_server(f"run-{run}", code="4+2" if run % 2 == 0 else "10+4", env=options)
        kills += one_history(server, histories, dice, SECONDS)
        server.stop()
        shutil.rmtree(server.data_dir)
    assert kills >= KILLS_AT_LEAST * RUNS or SECONDS < 30


def test_a_store_that_forgets_is_refused(new_server, dice, histories):
    """The proof that the whole chain can fail: while the server is down its data are put back to an earlier moment."""
    server = new_server(code="2+1", env={"ASHLAR_ACCESS_LOG": "false"})
    server.start()
    with StoreClient(server) as client:
        client.create_bucket(BUCKET)
    server.kill()
    earlier = server.data_dir.with_name("earlier")
    subprocess.run(["cp", "-a", "--sparse=always", str(server.data_dir), str(earlier)], check=True)
    server.start()
    running = histories(server, 3, dice.randrange(1 << 32))
    time.sleep(1)

    def forget():
        shutil.rmtree(server.data_dir)
        earlier.rename(server.data_dir)

    kill_and_restart(server, running, forget)
    code, report = running.result()
    assert code == 1 and "VIOLATION (requests)" in report, report
