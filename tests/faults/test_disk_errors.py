"""Drives that answer errors or are slow: nothing is acknowledged with fewer durable shards than promised, nothing
reads wrong."""

import shutil
import time

import pytest

from harness.store_client import StoreClient
from journal import Journal, check_key, check_listing
from stores import metric, start_serving
from volume_files import is_intact, records_of, volumes_of

pytestmark = pytest.mark.timeout(180)

BUCKET = "errors"
SIZES = [0, 1, 3000, 100_000, 200_000, 1_500_000, 6_000_000]
DURABLE_MIN = 12


@pytest.fixture
def failing(new_server):
    """make(failpoints): a started 10+4 server with these failpoints; writes settle as the journal says."""

    def make(failpoints):
        server = new_server(env={"ASHLAR_ACCESS_LOG": "false", "ASHLAR_FAILPOINTS": failpoints})
        return start_serving(server)

    return make


def write_all(server, journal, rounds=3):
    """PUTs of all sizes and a multipart upload. Returns the statuses met."""
    statuses = []
    with StoreClient(server) as client:
        client.call("PUT", f"/{BUCKET}")
        for number in range(rounds):
            for size in SIZES:
                change = journal.begin(f"{number}-{size}", journal.new_content([size]), "PUT")
                answer = client.put(BUCKET, change.key, change.content.bytes())
                statuses.append(note(journal, change, answer))
    return statuses


def note(journal, change, answer):
    if answer.status == 200:
        journal.acknowledge(change)
    else:
        assert answer.status in (500, 503), str(answer)
        if answer.code == "ServiceUnavailable":  # "nothing was changed"
            journal.refuse(change)
    return answer.status


def verify(server, journal):
    with StoreClient(server) as client:
        check_listing(client, BUCKET, journal)
        for key in journal.keys():
            check_key(client, BUCKET, journal, key)


def restart_clean(server):
    server.stop()
    del server.extra_env["ASHLAR_FAILPOINTS"]
    return start_serving(server)


def shards_on_disk(server, without=()):
    """extent -> number of intact shards, counted from the files by a reader of our own."""
    counts = {}
    for drive in sorted(server.data_dir.glob("drive-*")):
        if drive.name in without:
            continue
        for path in volumes_of(drive):
            for record in records_of(path):
                if is_intact(path, record):
                    counts.setdefault(record.extent, set()).add(record.shard)
    return {extent: len(shards) for extent, shards in counts.items()}


@pytest.mark.parametrize("operation", ["disk.sync", "disk.write", "disk.persist"])
def test_one_or_two_failing_drives_are_written_around(failing, operation):
    """An error from the third hit on, on two drives: acknowledged with the twelve others, which are durable and
    enough."""
    server = failing(f"{operation}/drive-02/volumes=error@3+;{operation}/drive-11/volumes=error@3+")
    journal = Journal()
    assert set(write_all(server, journal)) == {200}
    assert metric(server, "ashlar_shards_not_written_total") > 0
    verify(server, journal)
    restart_clean(server)
    counts = shards_on_disk(server, without=("drive-02", "drive-11"))
    assert counts and min(counts.values()) >= DURABLE_MIN, counts
    # What failed is not needed: the two drives and two more may go.
    server.kill()
    for name in ("drive-02", "drive-11", "drive-05", "drive-06"):
        shutil.rmtree(server.data_dir / name)
    start_serving(server)
    verify(server, journal)


def test_three_failing_drives_are_too_many(failing):
    """Never acknowledged with eleven: refused, and no trace of it is seen."""
    server = failing(";".join(f"disk.sync/drive-0{number}/volumes=error@4+" for number in (2, 4, 8)))
    journal = Journal()
    statuses = write_all(server, journal)
    assert 200 not in statuses[-len(SIZES) + 1 :] and 503 in statuses, statuses
    verify(server, journal)
    restart_clean(server)
    verify(server, journal)
    # Errors may pass: with the drives in order again, writing goes on.
    assert set(write_all(server, journal, rounds=1)) == {200}
    verify(server, journal)


def test_one_error_does_not_take_a_drive_away_for_ever(failing):
    """A single failed sync: that write goes without the drive; later the drive is used again."""
    server = failing("disk.sync/drive-07/volumes=error@3")
    journal = Journal()
    assert set(write_all(server, journal)) == {200}
    missed = metric(server, "ashlar_shards_not_written_total")
    assert missed > 0
    deadline = time.monotonic() + 60
    while True:
        before = metric(server, "ashlar_shards_not_written_total")
        assert set(write_all(server, journal, rounds=1)) == {200}
        if metric(server, "ashlar_shards_not_written_total") == before:
            break
        server.admin_get("/readyz")
        assert time.monotonic() < deadline, "the drive is never written to again"
        time.sleep(0.2)
    verify(server, journal)


def test_read_errors_and_wrong_bytes_from_the_disk(failing):
    """Four drives that fail or lie on every read; right bytes, and damage noted."""
    server = failing(
        "disk.read/drive-01/volumes=error@20+;disk.read/drive-04/volumes=error@20+;"
        "disk.read/drive-09/volumes=corrupt@20+;disk.read/drive-13/volumes=corrupt@20+"
    )
    journal = Journal()
    assert set(write_all(server, journal)) == {200}
    for _ in range(3):
        verify(server, journal)
    assert metric(server, "ashlar_damaged_shards_total") > 0
    assert metric(server, "ashlar_chunk_store_verify_failures_total") > 0
    restart_clean(server)
    verify(server, journal)


def test_two_slow_drives_do_not_hold_up_writes(failing):
    """Two drives that need five seconds a sync: acknowledged without waiting for them."""
    server = failing("disk.sync/drive-03/volumes=delay:5000@5+;disk.sync/drive-10/volumes=delay:5000@5+")
    journal = Journal()
    started = time.monotonic()
    assert set(write_all(server, journal, rounds=1)) == {200}
    assert time.monotonic() - started < 4.5 * len(SIZES)
    verify(server, journal)
    server.kill()
    del server.extra_env["ASHLAR_FAILPOINTS"]
    start_serving(server)
    verify(server, journal)


def test_failing_metadata_commits_are_not_acknowledged(new_server):
    """An error before the commit: refused and no trace. An error after it: unknown, and then as it was seen."""
    server = new_server(code="4+2", env={"ASHLAR_ACCESS_LOG": "false"}).start()
    journal = Journal()
    assert set(write_all(server, journal, rounds=1)) == {200}
    for place, permitted in (
        ("metadata.before_commit=error@3+", {503}),
        ("metadata.after_commit=error@3+", {500, 503}),
    ):
        server.stop()
        server.extra_env["ASHLAR_FAILPOINTS"] = place
        start_serving(server)
        with StoreClient(server) as client:
            for number in range(8):
                change = journal.begin("0-3000", journal.new_content([2000 + number]), "PUT")
                answer = client.put(BUCKET, "0-3000", change.content.bytes())
                if answer.status == 200:
                    journal.acknowledge(change)
                else:
                    assert answer.status in permitted, str(answer)
                    if "before" in place:
                        journal.refuse(change)
        del server.extra_env["ASHLAR_FAILPOINTS"]
        server.kill()
        server.start()
        verify(server, journal)


def test_random_errors_under_load(failing, dice, seed):
    """A few errors and delays sprinkled over all drives while several writers work."""
    from writers import run_writers

    rules = [
        f"disk.{kind}/drive-{drive:02}/volumes={action}@{dice.randrange(5, 400)}"
        for drive in range(1, 15)
        for kind, action in dice.sample(
            [("sync", "error"), ("write", "error"), ("read", "error"), ("read", "corrupt"), ("sync", "delay:300")], 2
        )
    ]
    server = failing(";".join(rules))
    journal = Journal()
    with StoreClient(server) as client:
        client.create_bucket(BUCKET)
    try:
        run_writers(server, BUCKET, journal, dice.random(), lambda: time.sleep(6))
        verify(server, journal)
        restart_clean(server)
        verify(server, journal)
    except AssertionError as error:
        raise AssertionError(f"ASHLAR_TEST_SEED={seed}: {error}") from error
    assert journal.counts["acknowledged"] > 100, journal.counts
