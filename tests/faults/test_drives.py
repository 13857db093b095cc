"""Up to four drives (10+4) or two (4+2) deleted, cut short, damaged bit by bit or slow, alone and mixed, before the
start and in the middle of a read: every object reads back right, and the damage is noted for healing."""

import hashlib
import os
import shutil
import threading
import time

import pytest

from harness.server import AshlarServer, binary_path
from harness.store_client import StoreClient
from stores import BUCKET, FilledStore, metric, start_serving
from volume_files import (
    PARTS_OF_A_RECORD,
    flip_bit,
    flip_one_bit_in_each_record,
    is_intact,
    records_of,
    truncate,
    volumes_of,
)

pytestmark = pytest.mark.timeout(300)

SETTINGS = {"ASHLAR_ACCESS_LOG": "false"}
DEADLINE_S = 30


@pytest.fixture(scope="module", params=["10+4", "4+2"])
def filled(request, seed, tmp_path_factory):
    if not binary_path().exists():
        pytest.fail(f"no server binary at {binary_path()}: run `make build`, or set ASHLAR_BIN", pytrace=False)
    server = AshlarServer(tmp_path_factory.mktemp("drives") / "data", code=request.param, env=dict(SETTINGS))
    store = FilledStore(server, seed)
    yield store.fill()
    store.remove()


@pytest.fixture
def store(filled):
    """The store, as it was filled and stopped."""
    filled.reset()
    yield filled
    filled.server.kill()


@pytest.fixture
def losses(store):
    """How many drives may be lost."""
    return int(store.server.code.split("+")[1])


def some_drives(store, dice, count):
    return dice.sample(store.drives, count)


def assert_damage_noted(store, least=1):
    """Notes are made behind the answer, so they may take a moment."""
    deadline = time.monotonic() + DEADLINE_S
    while metric(store.server, "ashlar_damaged_shards_total") < least:
        assert time.monotonic() < deadline, "damage was read around, but not noted"
        time.sleep(0.05)


def test_the_store_really_holds_all_shards(store):
    """The ground of the other tests: records on every drive, all intact, by a reader of our own."""
    for drive in store.drives:
        found = [(path, record) for path in volumes_of(drive) for record in records_of(path)]
        assert len(found) >= 40, f"{drive.name} holds {len(found)} records"
        assert all(is_intact(path, record) for path, record in found)
    by_extent = {}
    for drive in store.drives:
        for path in volumes_of(drive):
            for record in records_of(path):
                by_extent.setdefault(record.extent, set()).add(record.shard)
    total = sum(map(int, store.server.code.split("+")))
    assert all(shards == set(range(total)) for shards in by_extent.values())
    # Small objects that arrived together share extents.
    assert len(by_extent) < len(store.sha256)


def test_drives_deleted_before_the_start(store, losses, dice):
    for count in range(1, losses + 1):
        store.reset()
        for drive in some_drives(store, dice, count):
            shutil.rmtree(drive)
        start_serving(store.server)
        store.assert_all_read_right()


def test_drives_deleted_while_running(store, losses, dice):
    start_serving(store.server)
    for drive in some_drives(store, dice, losses):
        shutil.rmtree(drive)
        store.assert_all_read_right()
    # Files that were open are still read; when the server has looked at its drives, it does without them.
    store.server.admin_get("/readyz")
    store.assert_all_read_right()
    assert metric(store.server, "ashlar_degraded_reads_total") > 0


@pytest.mark.parametrize("how", ["byte", "half", "zero"])
def test_volumes_cut_short(store, losses, dice, how):
    for drive in some_drives(store, dice, losses):
        for path in volumes_of(drive):
            truncate(path, how)
    start_serving(store.server)
    store.assert_all_read_right()
    if how != "byte":  # the last byte may be that of a padding or of an extent nobody reads
        assert_damage_noted(store)
    # Writing goes on behind the damage, and what is written is right.
    with StoreClient(store.server) as client:
        body = os.urandom(700_000)
        answer = client.put(BUCKET, "after-the-cut", body)
        assert answer.status in (200, 503), str(answer)
        if answer.status == 200:
            assert client.get(BUCKET, "after-the-cut").body == body
            client.delete(BUCKET, "after-the-cut")


def test_volumes_cut_short_while_running(store, losses, dice):
    start_serving(store.server)
    store.assert_all_read_right()
    for drive in some_drives(store, dice, losses):
        for path in volumes_of(drive):
            truncate(path, "half")
    store.assert_all_read_right()
    assert_damage_noted(store)


@pytest.mark.parametrize("part", PARTS_OF_A_RECORD)
def test_one_bit_flipped_in_each_record(store, losses, dice, part):
    """In rounds of as many drives as may be lost, until each record of the store has been damaged once."""
    drives = list(store.drives)
    dice.shuffle(drives)
    rounds = [drives[begin : begin + losses] for begin in range(0, len(drives), losses)]
    for group in rounds:
        store.reset()
        flipped = sum(flip_one_bit_in_each_record(drive, dice, part) for drive in group)
        assert flipped >= 40 * len(group)
        start_serving(store.server)
        store.assert_all_read_right()
        assert_damage_noted(store, least=10)
        assert metric(store.server, "ashlar_chunk_store_verify_failures_total") > 0


def test_bits_flipped_while_running(store, losses, dice):
    start_serving(store.server)
    store.assert_all_read_right()
    for drive in some_drives(store, dice, losses):
        flip_one_bit_in_each_record(drive, dice)
    store.assert_all_read_right()


def test_damaged_volume_headers(store, losses, dice):
    """A volume header that cannot be trusted hides no object."""
    for drive in some_drives(store, dice, losses):
        for path in volumes_of(drive):
            flip_bit(path, dice.randrange(0, 60), dice.randrange(8))
    start_serving(store.server)
    store.assert_all_read_right()


def test_mixed_damage_with_a_slow_drive(store, losses, dice):
    """One drive missing, one cut short, one full of flipped bits, one slow (of 4+2: two of these at a time)."""
    drives = store.drives
    slow = dice.choice(drives)
    others = dice.sample([drive for drive in drives if drive != slow], 3)
    kinds = dice.sample(["missing", "cut", "flipped"], losses - 1)
    for kind, drive in zip(kinds, others):
        if kind == "missing":
            shutil.rmtree(drive)
        elif kind == "cut":
            for path in volumes_of(drive):
                truncate(path, "half")
        else:
            flip_one_bit_in_each_record(drive, dice)
    store.server.extra_env["ASHLAR_FAILPOINTS"] = f"disk.read/{slow.name}=delay:2000"
    start_serving(store.server)
    large = [key for key in store.sha256 if key.startswith(("multipart", "copied"))]
    keys = large + dice.sample(sorted(set(store.sha256) - set(large)), 24)
    started = time.monotonic()
    store.assert_all_read_right(keys, threads=12)
    seconds = time.monotonic() - started
    print(f"{kinds} and slow: {len(keys)} objects in {seconds:.1f} s")
    assert metric(store.server, "ashlar_hedged_reads_total") > 0
    # Nobody waits out two seconds for each object.
    assert seconds < 2.0 * len(keys) / 4


def test_damage_in_the_middle_of_a_large_read(store, losses, dice):
    """Drives go while the body is on its way; the body is right to the last byte."""
    server = start_serving(store.server)
    body = os.urandom(1 << 20) * 48
    with StoreClient(server) as client:
        assert client.put(BUCKET, "large", body).status == 200
        for round_number, kind in enumerate(["missing", "cut", "flipped"][: losses + 1]):
            connection = client.send("GET", f"/{BUCKET}/large")
            while len(connection.buffer) < 2 << 20:
                connection._more()
            if round_number < losses:
                drive = store.drives[round_number]
                if kind == "missing":
                    drive.rename(drive.with_name(f"gone-{drive.name}"))
                elif kind == "cut":
                    for path in volumes_of(drive):
                        truncate(path, "half")
                else:
                    flip_one_bit_in_each_record(drive, dice)
            answer = connection.read_response("GET")
            assert answer.status == 200
            assert hashlib.sha256(answer.body).digest() == hashlib.sha256(body).digest(), f"wrong bytes after {kind}"
            if kind == "missing":
                drive.with_name(f"gone-{drive.name}").rename(drive)
        client.delete(BUCKET, "large")


def test_one_drive_too_many_and_back(store, losses, dice):
    """A clear 503, nothing deleted; whole again when one drive is back, without a restart."""
    server = start_serving(store.server)
    gone = [(drive, drive.with_name(f"gone-{drive.name}")) for drive in some_drives(store, dice, losses + 1)]
    for drive, away in gone:
        drive.rename(away)
    with StoreClient(server) as client:
        deadline = time.monotonic() + DEADLINE_S
        while True:  # open files are still read, and rightly, until the server looks at its drives
            server.admin_get("/readyz")
            answer = client.get(BUCKET, "multipart-large")
            if answer.status != 200:
                break
            assert hashlib.sha256(answer.body).hexdigest() == store.sha256["multipart-large"]
            assert time.monotonic() < deadline, "still reads without its drives"
            time.sleep(0.05)
        assert (answer.status, answer.code) == (503, "ServiceUnavailable"), str(answer)
        for key in dice.sample(sorted(store.sha256), 40):
            answer = client.get(BUCKET, key)
            assert (
                answer.status == 503 or hashlib.sha256(answer.body).hexdigest() == store.sha256[key]
            ), f"{key}: {answer}"
            assert client.head(BUCKET, key).status == 200, "what cannot be read is not absent"
        assert set(client.list_all(BUCKET)) == set(store.sha256)
        assert server.admin_get("/healthz")[0] == 200

        drive, away = gone[0]
        away.rename(drive)
        wait_until_readable(client, "multipart-large")
    store.assert_all_read_right()
    for drive, away in gone[1:]:
        away.rename(drive)
    server.restart()
    store.assert_all_read_right()


def wait_until_readable(client, key):
    deadline = time.monotonic() + DEADLINE_S
    while client.get(BUCKET, key).status != 200:
        assert time.monotonic() < deadline, "a drive came back, but the object stays unreadable"
        time.sleep(0.1)


def test_start_with_one_drive_too_many_gone(store, losses, dice):
    """It starts (to tell, to list), answers 503, deletes nothing; a start with all drives reads everything."""
    gone = [(drive, drive.with_name(f"gone-{drive.name}")) for drive in some_drives(store, dice, losses + 1)]
    for drive, away in gone:
        drive.rename(away)
    server = store.server
    start_serving(server)
    assert server.admin_get("/readyz")[0] == 503
    with StoreClient(server) as client:
        answer = client.get(BUCKET, "multipart-large")
        assert (answer.status, answer.code) == (503, "ServiceUnavailable"), str(answer)
        assert set(client.list_all(BUCKET)) == set(store.sha256)
    server.stop()
    for drive, away in gone:
        assert not drive.exists(), "a missing drive was made anew"
        away.rename(drive)
    server.start()
    store.assert_all_read_right()


def test_writes_with_drives_gone(store, losses, dice):
    """10+4 writes with two drives gone, 4+2 with one (never less than k+1 shards), and notes what is missing. One
    more: 503, and nothing is left behind."""
    spare = {4: 2, 2: 1}[losses]
    server = start_serving(store.server)
    drives, written = some_drives(store, dice, spare + 1), {}
    for number, drive in enumerate(drives[:spare]):
        shutil.rmtree(drive)
        before = metric(server, "ashlar_shards_not_written_total")
        for size in (10, 100_000, 900_000, 6 << 20):
            written[f"degraded-{number}-{size}"] = put_random(server, f"degraded-{number}-{size}", size)
        wait_for(lambda: put_random(server, "more", 10) and metric(server, "ashlar_shards_not_written_total") > before)
    shutil.rmtree(drives[spare])
    # What is acknowledged before the loss is noticed has lost no more than the code allows: it must stay.
    early = 0
    with StoreClient(server) as client:
        while True:
            key, body = f"early-{early}", os.urandom(1000 + early)
            if client.put(BUCKET, key, body).status != 200:
                break
            written[key] = body
            early += 1
            assert early < 20_000, "writes go on with too few drives"
    assert_writes_refused(server)
    server.stop()
    start_serving(server)
    assert_writes_refused(server)
    with StoreClient(server) as client:
        for key, body in written.items():
            assert client.get(BUCKET, key).body == body
        keys = [key for key in client.list_all(BUCKET) if key not in store.sha256]
        assert set(written) <= set(keys)
        for begin in range(0, len(keys), 1000):
            assert client.delete_many(BUCKET, keys[begin : begin + 1000]).status == 200
    store.assert_all_read_right()


def put_random(server, key, size):
    body = os.urandom(size)
    with StoreClient(server) as client:
        answer = client.put(BUCKET, key, body)
    assert answer.status == 200, f"{key}: {answer}"
    return body


def wait_for(condition):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def assert_writes_refused(server):
    with StoreClient(server) as client:
        for size in (10, 100_000, 900_000, 6 << 20):
            answer = client.put(BUCKET, f"refused-{size}", os.urandom(size))
            assert (answer.status, answer.code) == (503, "ServiceUnavailable"), f"{size} bytes: {answer}"
            assert client.get(BUCKET, f"refused-{size}").status == 404
            assert client.put(BUCKET, "o001", os.urandom(size)).status == 503
        assert not [key for key in client.list_all(BUCKET) if key.startswith("refused")]


def test_many_readers_while_drives_come_and_go(store, losses, dice):
    """Renaming a drive away and back under load: a moment of 503 is allowed with one too many, wrong bytes never."""
    server = start_serving(store.server)
    stop, problems, reads = threading.Event(), [], [0]

    def reader(number):
        keys = sorted(store.sha256)[number::4]
        with StoreClient(server) as client:
            while not stop.is_set():
                for key in keys:
                    answer = client.get(BUCKET, key)
                    if answer.status != 200 or hashlib.sha256(answer.body).hexdigest() != store.sha256[key]:
                        problems.append(f"{key}: {answer}")
                        return
                    reads[0] += 1
                    if stop.is_set():
                        return

    readers = [threading.Thread(target=reader, args=(number,)) for number in range(4)]
    for thread in readers:
        thread.start()
    try:
        for _ in range(3):
            away = some_drives(store, dice, losses)
            for drive in away:
                drive.rename(drive.with_name(f"gone-{drive.name}"))
            wait_for_reads(reads, problems, 150)
            for drive in away:
                drive.with_name(f"gone-{drive.name}").rename(drive)
            # Back means opened again, before the next ones go.
            deadline = time.monotonic() + DEADLINE_S
            while server.admin_get("/readyz")[0] != 200 and time.monotonic() < deadline:
                time.sleep(0.05)
    finally:
        stop.set()
        for thread in readers:
            thread.join()
    assert not problems, problems[:3]


def wait_for_reads(reads, problems, count):
    begin, deadline = reads[0], time.monotonic() + DEADLINE_S
    while reads[0] < begin + count and not problems:
        assert time.monotonic() < deadline, "reads stall"
        time.sleep(0.02)
