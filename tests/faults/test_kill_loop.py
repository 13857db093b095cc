"""kill -9 in a loop, under concurrent writers, checked against what the clients were told.

Each cycle: start on the same data, check all that the last cycle touched (bytes, size, ETag, listing), write for a
random moment, SIGKILL. Sometimes the process is killed already while it starts. Every 20 cycles all keys are read,
and uploads left behind are aborted. KILL_CYCLES and ASHLAR_TEST_SEED choose length and dice. Volumes are small, so
that new ones are made under fire; the data directory is begun anew every CYCLES_A_STORE cycles, because nothing
reclaims deleted data yet.
"""

import os
import shutil
import subprocess
import time

import pytest

from harness.server import ServerError
from harness.store_client import StoreClient
from journal import Journal, Mismatch, check_key, check_listing
from writers import run_writers

CYCLES = int(os.environ.get("KILL_CYCLES") or 200)
CYCLES_A_STORE = 250
READ_ALL_EVERY = 20
BUCKET = "kills"
SETTINGS = {"ASHLAR_ACCESS_LOG": "false", "ASHLAR_VOLUME_SIZE": "24MiB"}

pytestmark = [pytest.mark.timeout(600 + 5 * CYCLES), pytest.mark.alone]


def verify(server, journal, keys):
    with StoreClient(server) as client:
        listed = check_listing(client, BUCKET, journal)
        for key in keys:
            check_key(client, BUCKET, journal, key)
        # Settled by the reads, the listing must still agree.
        if listed != client.list_all(BUCKET):
            raise Mismatch("two listings of a store at rest differ")
        check_listing(client, BUCKET, journal)


def abort_uploads_left_behind(server):
    with StoreClient(server) as client:
        for key, upload in client.uploads(BUCKET):
            answer = client.abort_upload(BUCKET, key, upload)
            assert answer.status == 204, f"abort of a leftover upload of {key}: {answer}"
        assert client.uploads(BUCKET) == []


def kill_during_start(server, dice):
    server.spawn()
    time.sleep(dice.uniform(0, 0.15))  # the random moment is the point
    server.kill()


def start(server):
    try:
        return server.start()
    except ServerError as error:
        raise Mismatch(f"does not start after a kill: {error}") from error


def one_store(server, dice, cycles, first_cycle):
    """`cycles` cycles on a fresh data directory. Returns the journal."""
    journal = Journal()
    start(server)
    with StoreClient(server) as client:
        client.create_bucket(BUCKET)
    for cycle in range(first_cycle, first_cycle + cycles):
        journal.cycle = cycle

        def kill_at_a_random_moment():
            time.sleep(dice.uniform(0.01, 0.4))
            server.kill()

        try:
            run_writers(server, BUCKET, journal, dice.random(), kill_at_a_random_moment)
            if dice.random() < 0.1:
                kill_during_start(server, dice)
            start(server)
            touched = journal.take_touched()
            whole = cycle % READ_ALL_EVERY == READ_ALL_EVERY - 1
            verify(server, journal, journal.keys() if whole else touched)
            if whole:
                abort_uploads_left_behind(server)
        except Exception as error:
            raise Mismatch(f"cycle {cycle}: {error}\n{server.log_tail()}") from error
    # A clean stop, and everything once more.
    server.restart()
    verify(server, journal, journal.keys())
    server.stop()
    return journal


def test_a_store_that_forgets_is_caught(new_server, dice):
    """The loop's own proof: a data directory put back to an earlier moment must not pass."""
    server = new_server(code="4+2", env=SETTINGS)
    journal = Journal()
    start(server)
    with StoreClient(server) as client:
        client.create_bucket(BUCKET)
    run_writers(server, BUCKET, journal, dice.random(), lambda: time.sleep(0.3))
    server.kill()
    earlier = server.data_dir.with_name("earlier")
    subprocess.run(["cp", "-a", "--sparse=always", str(server.data_dir), str(earlier)], check=True)
    start(server)
    run_writers(server, BUCKET, journal, dice.random(), lambda: time.sleep(0.3))
    server.kill()
    start(server)
    verify(server, journal, journal.keys())
    server.kill()
    shutil.rmtree(server.data_dir)
    earlier.rename(server.data_dir)
    start(server)
    with pytest.raises(Mismatch):
        verify(server, journal, journal.keys())


def test_kill_loop(new_server, dice, seed):
    started, done = time.monotonic(), 0
    totals = {"acknowledged": 0, "refused": 0, "unknown": 0}
    while done < CYCLES:
        cycles = min(CYCLES_A_STORE, CYCLES - done)
        server = new_server(f"store-{done}", code="4+2" if done // CYCLES_A_STORE % 2 else "10+4", env=SETTINGS)
        try:
            journal = one_store(server, dice, cycles, done)
        except Mismatch as error:
            pytest.fail(f"ASHLAR_TEST_SEED={seed}: {error}", pytrace=False)
        shutil.rmtree(server.data_dir)
        for name, count in journal.counts.items():
            totals[name] += count
        done += cycles
    seconds = (time.monotonic() - started) / CYCLES
    print(f"{CYCLES} kills, {seconds:.2f} s each: {totals}")
    # A loop that never catches a request in flight proves nothing.
    assert totals["acknowledged"] > 20 * CYCLES, totals
    assert totals["unknown"] > CYCLES // 4, totals
