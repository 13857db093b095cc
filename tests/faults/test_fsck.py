"""`ashlar fsck` on a filled store: clean when nothing was done to it, and exact counts of what was."""

import hashlib
import shutil

import pytest

from harness.server import AshlarServer, binary_path
from offline_tools import fsck, run_tool
from stores import FilledStore
from volume_files import VOLUME_HEADER_BYTES, flip_bit, records_of, truncate, volumes_of

pytestmark = pytest.mark.timeout(300)

SETTINGS = {"ASHLAR_ACCESS_LOG": "false"}
DATA, TOTAL = 4, 6


@pytest.fixture(scope="module")
def filled(seed, tmp_path_factory):
    if not binary_path().exists():
        pytest.fail(f"no server binary at {binary_path()}: run `make build`, or set ASHLAR_BIN", pytrace=False)
    server = AshlarServer(tmp_path_factory.mktemp("fsck") / "data", code=f"{DATA}+2", env=dict(SETTINGS))
    store = FilledStore(server, seed, small=80, medium=30, large=15)
    yield store.fill()
    store.remove()


@pytest.fixture
def store(filled):
    filled.reset()
    yield filled
    filled.server.kill()


def all_records(drive):
    return [(path, record) for path in volumes_of(drive) for record in records_of(path)]


def tree_digest(folder):
    """Names and bytes of all files below, but for the lock, which names the process that holds it."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(str(path.relative_to(folder)).encode())
        if path.is_file() and path.name != "ashlar.lock":
            with open(path, "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def test_a_store_that_was_stopped_is_clean_and_untouched(store):
    before = tree_digest(store.server.data_dir)
    report = fsck(store.server, "--verify", expect=0)
    assert tree_digest(store.server.data_dir) == before
    assert report["objects"] == len(store.sha256)
    assert report["buckets"] == 1
    assert report["code"] == f"{DATA}+2"
    assert report["book_errors"] == 0
    # Counted by a reader of our own: every record is the live shard of an extent in use, or waits to be reclaimed.
    records = sum(len(all_records(drive)) for drive in store.drives)
    strays = report["strays"]
    assert report["shards"]["live"] + strays["in_grace"] + strays["purged"] == records
    assert report["shards"]["missing"] == report["shards"]["corrupt"] == report["shards"]["not_written"] == 0


def test_refuses_while_the_server_runs(store):
    store.server.start()
    done = run_tool(store.server, "fsck")
    assert done.returncode == 3
    assert "the server runs" in done.stderr


def test_missing_drives_are_counted_shard_by_shard(store, dice):
    clean = fsck(store.server, expect=0)
    extents = clean["shards"]["live"] // TOTAL
    for count in (1, 2):
        store.reset()
        for drive in dice.sample(store.drives, count):
            shutil.rmtree(drive)
        report = fsck(store.server, expect=1)
        assert report["drives_missing"] == count
        assert report["shards"]["missing"] == count * extents
        assert report["shards"]["live"] == (TOTAL - count) * extents
        assert report["extents_by_parity_left"] == {str(2 - count): extents}
        assert report["objects_lost"] == 0
        # All but the empty one, and the store's own.
        assert report["objects_degraded"] >= len(store.sha256) - 1


def test_more_than_m_drives_missing_is_loss_and_names_it(store):
    for drive in store.drives[:3]:
        shutil.rmtree(drive)
    report = fsck(store.server, "--list", expect=2)
    lost = {entry["key"] for entry in report["lost"] if entry["bucket"] == "objects"}
    with_content = {key for key in store.sha256 if store.sha256[key] != hashlib.sha256(b"").hexdigest()}
    assert lost == with_content
    assert report["objects_lost"] >= len(with_content)
    assert all(entry["good_shards"] == 3 and entry["needed_shards"] == DATA for entry in report["lost"])


@pytest.mark.parametrize("part", ["header", "leaves", "body"])
def test_flipped_bits_are_found_one_by_one(store, dice, part):
    drive = dice.choice(store.drives)
    path, record = dice.choice(all_records(drive))
    begin, end = {
        "header": (record.offset, record.leaves_offset),
        "leaves": (record.leaves_offset, record.body_offset),
        "body": (record.body_offset, record.end),
    }[part]
    if part == "leaves":
        end = begin + 32 * record.leaf_count
    flip_bit(path, dice.randrange(begin, end), dice.randrange(8))
    report = fsck(store.server, "--verify", expect=1)
    wrong = "missing" if part == "header" else "corrupt"
    assert report["shards"][wrong] == 1
    assert report["shards"]["missing"] + report["shards"]["corrupt"] == 1
    assert report["extents_by_parity_left"] == {"1": 1}
    if part != "header":  # what lies in leaves and bodies is only seen by who reads them
        fsck(store.server, expect=0)


@pytest.mark.parametrize("how", ["half", "zero"])
def test_a_volume_cut_short(store, dice, how):
    drive = dice.choice(store.drives)
    records = all_records(drive)
    path = records[0][0]
    size = truncate(path, how)
    gone = sum(1 for where, record in records if where == path and record.end > size)
    assert gone > 0
    report = fsck(store.server, expect=1)
    assert report["shards"]["missing"] == gone
    assert len(report["volume_problems"]) == (1 if how == "zero" else 0)


def test_a_record_at_another_place_is_misplaced_or_a_duplicate(store, dice):
    """The bytes of a record, with its header saying so, cannot be moved (the header names its place): a copy of the
    bytes elsewhere is misdirected."""
    drive = dice.choice(store.drives)
    path, record = dice.choice([entry for entry in all_records(drive) if entry[1].body_bytes < 100_000])
    data = path.read_bytes()
    end_of_data = max(entry.end for entry in records_of(path))
    target = -(-end_of_data // 4096) * 4096 + 4096
    with open(path, "r+b") as file:
        file.seek(target)
        file.write(data[record.offset : record.end])
    report = fsck(store.server, expect=1)
    assert report["strays"]["misplaced"] == 1
    assert report["shards"]["missing"] == 0


def test_a_drive_put_back_as_it_was_before_has_orphans_and_gaps(store, dice):
    """Stale content: a drive of another moment of the same store."""
    drive = dice.choice(store.drives)
    copy = store.server.data_dir / "copy"
    shutil.copytree(drive, copy)
    store.server.start()
    from harness.store_client import StoreClient

    with StoreClient(store.server) as client:
        assert client.put("objects", "later", b"x" * 300_000).status == 200
    store.server.stop()
    shutil.rmtree(drive)
    copy.rename(drive)
    report = fsck(store.server, expect=1)
    assert report["shards"]["missing"] >= 1
    assert report["objects_degraded"] >= 1


def test_a_volume_header_that_is_damaged_is_named(store, dice):
    path = volumes_of(dice.choice(store.drives))[0]
    flip_bit(path, dice.randrange(0, 60), dice.randrange(8))
    report = fsck(store.server, expect=1)
    assert [str(path) in problem for problem in report["volume_problems"]] == [True]
    assert report["shards"]["missing"] == 0
    assert path.stat().st_size > VOLUME_HEADER_BYTES


def test_a_drive_of_another_store_is_not_looked_at(store):
    identity = store.drives[0] / "ashlar-drive.json"
    identity.write_text(identity.read_text().replace('"cluster_id": "', '"cluster_id": "00'))
    report = fsck(store.server, expect=1)
    assert report["drives_missing"] == 1
    assert len(report["drive_problems"]) == 1
