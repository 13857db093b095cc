"""A full file system: refused with a clear code and nothing lost, deletes go on, reads go on, a restart works; and
when space returns, writing works again without a restart."""

import os
import pathlib
import time

import pytest

from harness.programs import run, unmount
from harness.store_client import StoreClient
from journal import Journal, check_key, check_listing
from stores import start_serving

pytestmark = pytest.mark.timeout(180)

BUCKET = "full"
SMALL_MIB, LARGE_MIB = 600, 900
MIB = 1 << 20
DEADLINE_S = 30
# What a refused write may answer: 507 by the table of codes.
REFUSED = (507, "InsufficientStorage")


@pytest.fixture
def small_disk(tmp_path):
    """A tmpfs of SMALL_MIB, which resize() changes."""
    folder = tmp_path / "small-disk"
    folder.mkdir()
    run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_MIB}m", "ashlar-test", str(folder)])
    yield folder
    unmount(folder)


def resize(folder, mib):
    run(["mount", "-o", f"remount,size={mib}m", str(folder)])


@pytest.fixture
def server(new_server, small_disk, tmp_path):
    made = new_server("unused", log_path=tmp_path / "server.log", env={"ASHLAR_ACCESS_LOG": "false"})
    made.data_dir = small_disk / "data"
    yield made
    made.kill()


class Filler:
    """PUTs with a journal: a refusal must have no effect, an acknowledgement must last."""

    def __init__(self, server, journal):
        self.client, self.journal = StoreClient(server), journal
        self.number = 0

    def put(self, size, otherwise=()):
        """True when taken. A refusal is InsufficientStorage; a status of `otherwise` leaves the outcome unknown."""
        self.number += 1
        change = self.journal.begin(f"o{self.number:05}", self.journal.new_content([size]), "PUT")
        answer = self.client.put(BUCKET, change.key, change.content.bytes())
        if answer.status == 200:
            self.journal.acknowledge(change)
            return True
        if answer.status in otherwise:
            return False
        assert (answer.status, answer.code) == REFUSED, f"object {self.number} of {size} bytes: {answer}"
        self.journal.refuse(change)
        return False

    def fill(self, size, refusals=5):
        """PUT until `refusals` in a row are refused. Returns how many were taken."""
        taken = in_a_row = 0
        while in_a_row < refusals:
            if self.put(size):
                taken, in_a_row = taken + 1, 0
            else:
                in_a_row += 1
        return taken

    def fill_by_multipart(self):
        answer, upload = self.client.create_upload(BUCKET, "parts")
        if answer.status != 200:
            assert (answer.status, answer.code) == REFUSED, str(answer)
            return
        for number in range(1, 40):
            answer = self.client.upload_part(BUCKET, "parts", upload, number, os.urandom(5 * MIB))
            if answer.status != 200:
                break
        assert (answer.status, answer.code) == REFUSED, str(answer)

    def delete(self, key):
        change = self.journal.begin(key, None, "DELETE")
        answer = self.client.delete(BUCKET, key)
        if answer.status == 204:
            self.journal.acknowledge(change)
            return True
        assert (answer.status, answer.code) in (REFUSED, (503, "ServiceUnavailable")), str(answer)
        self.journal.refuse(change)
        return False


def verify(server, journal):
    with StoreClient(server) as client:
        check_listing(client, BUCKET, journal)
        for key in journal.keys():
            check_key(client, BUCKET, journal, key)


def free_bytes(folder):
    info = os.statvfs(folder)
    return info.f_bavail * info.f_frsize


@pytest.mark.slow
def test_filled_to_the_brim(server, small_disk):
    server.start()
    journal = Journal()
    filler = Filler(server, journal)
    filler.client.create_bucket(BUCKET)
    taken = filler.fill(2 * MIB)
    assert taken >= 20, f"only {taken} objects of 2 MiB fit in {SMALL_MIB} MiB"
    filler.fill_by_multipart()
    filler.fill(50_000)
    filler.fill(100, refusals=50)
    assert free_bytes(small_disk) > 0, "the reserve for deletes is gone"
    verify(server, journal)

    deleted = [filler.delete(key) for key in journal.keys()[:10]]
    assert all(deleted), "the reserve exists so that deletes can be recorded"
    verify(server, journal)
    # The metadata engine may have given back a file meanwhile: full again.
    filler.fill(100, refusals=50)
    status, body = server.admin_get("/readyz")
    assert status == 503 and (b"full" in body or b"space" in body), f"/readyz: {status} {body!r}"

    # Also a restart while full, after a kill.
    server.kill()
    start_serving(server)
    filler = Filler(server, journal)
    filler.number = 50_000
    verify(server, journal)
    # A restart may find a little room behind the last record; then it is full again.
    assert filler.fill(2 * MIB) < 10
    verify(server, journal)

    # Space returns: no restart is needed.
    resize(small_disk, LARGE_MIB)
    deadline = time.monotonic() + DEADLINE_S
    while not filler.put(MIB):
        assert time.monotonic() < deadline, "space has returned, but writes are still refused"
        time.sleep(0.1)
    assert filler.fill(2 * MIB, refusals=1) >= 10
    verify(server, journal)
    filler.client.close()
    assert server.stop() == 0


@pytest.mark.slow
def test_somebody_else_fills_the_disk(server, small_disk):
    """Not a byte is left, not even the reserve: nothing acknowledged is lost, and all works again afterwards."""
    server.start()
    journal = Journal()
    filler = Filler(server, journal)
    filler.client.create_bucket(BUCKET)
    for _ in range(10):
        assert filler.put(MIB) and filler.put(3000)
    hog = small_disk / "somebody-elses-file"
    fill_completely(hog)
    for size in (3000, MIB, 3 * MIB):
        for _ in range(4):
            filler.put(size, otherwise=(500, 503))  # space allocated before may still take some
    verify(server, journal)
    hog.unlink()
    deadline = time.monotonic() + DEADLINE_S
    while True:
        change = journal.begin("afterwards", journal.new_content([MIB]), "PUT")
        answer = filler.client.put(BUCKET, "afterwards", change.content.bytes())
        if answer.status == 200:
            journal.acknowledge(change)
            break
        assert answer.status in (500, 503, 507), str(answer)
        assert time.monotonic() < deadline, f"space has returned, but writes are still refused: {answer}"
        time.sleep(0.1)
    verify(server, journal)
    server.restart()
    verify(server, journal)


def fill_completely(path: pathlib.Path):
    block = bytes(MIB)
    with open(path, "wb", buffering=0) as out:
        for piece in (block, block[:4096]):
            while True:
                try:
                    out.write(piece)
                except OSError:
                    break


def test_too_small_from_the_start(server, small_disk):
    """No room for the first volumes: refused, or started and refusing; never a broken store that cannot be used
    later."""
    resize(small_disk, 20)
    server.spawn()
    deadline = time.monotonic() + DEADLINE_S
    while server.running and time.monotonic() < deadline:
        try:
            status, body = server.admin_get("/readyz", timeout_s=10)
        except OSError:
            time.sleep(0.05)
            continue
        assert status == 503 and (b"full" in body or b"space" in body), f"/readyz: {status} {body!r}"
        break
    if not server.running:
        assert server.process.returncode > 0
        assert "space" in server.log_tail() or "full" in server.log_tail(), server.log_tail()
    server.kill()
    resize(small_disk, LARGE_MIB)
    server.start()
    with StoreClient(server) as client:
        client.create_bucket(BUCKET)
        assert client.put(BUCKET, "k", b"v").status == 200
