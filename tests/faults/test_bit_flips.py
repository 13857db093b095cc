"""One bit is flipped in every shard record of a store with a thousand objects, on at most as many drives at a time as
the code can lose. No read ever gives a wrong byte, one scrub finds all that is wrong, healing mends all of it, and an
independent check counts the same."""

import pytest

from offline_tools import fsck, wait_for_journal
from stores import FilledStore
from test_admin import admin, doctor
from volume_files import flip_bit, records_of, volumes_of

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]

DATA, PARITY = 4, 2
OBJECTS = {"small": 860, "medium": 100, "large": 25}  # with those at the edges and the multipart ones: a thousand


@pytest.fixture
def store(new_server, seed):
    server = new_server(code=f"{DATA}+{PARITY}", env={"ASHLAR_ACCESS_LOG": "false", "ASHLAR_HEAL_BANDWIDTH": "1GiB"})
    filled = FilledStore(server, seed, **OBJECTS)
    filled.fill()
    yield filled
    filled.remove()


def places_in(record):
    """What is covered by a digest: not the zeros between the leaf digests and an aligned body."""
    return {
        "header": (record.offset, record.leaves_offset),
        "leaves": (record.leaves_offset, record.leaves_offset + 32 * record.leaf_count),
        "body": (record.body_offset, record.end),
    }


def flip_all(drive, dice):
    """One bit of each record of the drive, all three places alike. How many."""
    flipped = 0
    for path in volumes_of(drive):
        for record in records_of(path):
            begin, end = dice.choice(list(places_in(record).values()))
            flip_bit(path, dice.randrange(begin, end), dice.randrange(8))
            flipped += 1
    return flipped


def wrong_shards(report):
    return report["shards"]["missing"] + report["shards"]["corrupt"]


def test_every_shard_record_is_hit_once(store, dice):
    server = store.server
    assert len(store.sha256) >= 1000
    drives, flips, wrong = store.drives, 0, 0
    assert len(drives) == DATA + PARITY
    for number, begin in enumerate(range(0, len(drives), PARITY)):
        flipped = sum(flip_all(drive, dice) for drive in drives[begin : begin + PARITY])
        counted = wrong_shards(fsck(server, "--verify", expect=1))
        # Shards that wait to be reclaimed (of the metadata journal's old segments) are nobody's data.
        assert 0.9 * flipped <= counted <= flipped
        server.start()
        # Reads first: what they stumble over is healed before the scrub comes. Scrub first: it has to find everything.
        if number % 2 == 0:
            store.assert_all_read_right()
        scrub = admin(server, "scrub", "--follow", expect=None)
        if number % 2 == 1:
            found = scrub["findings"]["corrupt"] + scrub["findings"]["missing"]
            assert found == counted, (scrub, counted)
        heal = admin(server, "heal", "--follow")
        assert heal["done"] and heal["shards_made"] == counted, (heal, counted)
        store.assert_all_read_right()
        assert doctor(server) == {}
        wait_for_journal(server)
        server.stop()
        assert wrong_shards(fsck(server, "--verify", expect=0)) == 0
        flips, wrong = flips + flipped, wrong + counted
    print(f"{flips} bits flipped, {wrong} of them in live shards, all found and mended")
