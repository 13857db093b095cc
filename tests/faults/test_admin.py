"""`ashlar admin` on a real server: what it shows, who may ask, and what it changes: a drive that is lost and replaced,
one that is drained, a bit that scrubbing finds and healing mends. What it tells is compared with what an independent
reader counts on the disks."""

import http.client
import json
import os
import shutil
import stat
import struct
import subprocess
import time

import pytest

from harness.server import free_port
from offline_tools import fsck, wait_for_journal
from stores import FilledStore
from volume_files import flip_bit, records_of, volumes_of

pytestmark = pytest.mark.timeout(300)

SETTINGS = {"ASHLAR_ACCESS_LOG": "false"}
# What depends on the machine that the tests run on, not on the store.
OF_THE_MACHINE = {"runs_as_root", "drive_nearly_full", "metadata_disk_nearly_full", "open_files_limit"}


@pytest.fixture
def filled(new_server, seed):
    """make(code, drives=N): a running store with some objects."""
    made = []

    def make(code="4+2", drives=0):
        server = new_server(code=code, env=dict(SETTINGS))
        server.drives = [server.data_dir / f"drive-{number:02}" for number in range(1, drives + 1)]
        store = FilledStore(server, seed, small=30, medium=10, large=8).fill()
        server.start()
        wait_for_journal(server)
        made.append(store)
        return store

    yield make
    for store in made:
        store.remove()


def run_admin(server, *words, options=None, environment=None):
    options = ["--data", str(server.data_dir)] if options is None else options
    if "--endpoint" not in options:
        options = ["--endpoint", f"{server.host}:{server.admin_port}", *options]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ASHLAR_")}
    return subprocess.run(
        [str(server.binary), "admin", *options, *words],
        env={**clean, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def admin(server, *words, expect=0):
    """What the command prints, as JSON. `expect` None: whatever the exit code."""
    done = run_admin(server, *words, "--json")
    assert expect in (None, done.returncode), f"{words} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


def admin_text(server, *words, expect=0):
    done = run_admin(server, *words)
    assert done.returncode == expect, f"{words} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def findings_of(answer):
    return {finding["id"]: finding for finding in answer["findings"] if finding["id"] not in OF_THE_MACHINE}


def doctor(server):
    """The findings by their ids. Whether the exit code tells the same depends on the machine too."""
    done = run_admin(server, "doctor", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == (0 if answer["health"] == "healthy" else 1)
    return findings_of(answer)


def ask(server, path, method="GET", **headers):
    """(status, JSON) of a request to the API itself."""
    connection = http.client.HTTPConnection(server.host, server.admin_port, timeout=20)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    return answer.status, body


def token_of(server):
    return (server.data_dir / "admin-token").read_text().strip()


def wait_until(condition, deadline_s=20):
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < deadline_s
        time.sleep(0.1)


def generations_on(drive):
    """Generation of each record on the drive, from its header."""
    found = []
    for path in volumes_of(drive):
        data = path.read_bytes()
        found += [struct.unpack_from("<I", data, record.offset + 44)[0] for record in records_of(path)]
    return found


def test_every_command_in_both_forms(filled):
    store = filled()
    server = store.server
    status = run_admin(server, "status", "--json")
    shown = json.loads(status.stdout)
    assert status.returncode == (0 if shown["health"] == "healthy" else 1)
    assert findings_of(shown) == {} == doctor(server)
    assert shown["code"] == "4+2"
    assert [drive["state"] for drive in shown["drives"]] == ["online"] * 6
    assert "6 of 6 online" in run_admin(server, "status").stdout

    drives = admin(server, "drive", "list")["drives"]
    assert [drive["drive"] for drive in drives] == [1, 2, 3, 4, 5, 6]
    assert drives[0]["path"] == str(store.drives[0])
    table = admin_text(server, "drive", "list").splitlines()
    assert table[0].split()[:3] == ["DRIVE", "STATE", "ROLE"] and len(table) == 7

    with_sizes = [server.client().head_object(Bucket="objects", Key=key)["ContentLength"] for key in store.sha256]
    usage = admin(server, "usage")
    mine = [bucket for bucket in usage["buckets"] if not bucket["internal"]]
    assert len(mine) == 1
    assert mine[0]["objects"] == len(store.sha256)
    assert mine[0]["bytes"] == sum(with_sizes)
    assert usage["extents_now"]["unreadable"] == 0
    assert usage["extents_now"]["by_parities_left"][2] == usage["extents"]
    for drive, shown in zip(store.drives, usage["drives"], strict=True):
        waiting = sum(item["items"] for item in usage["reclaim"])
        assert shown["shards"] <= len(generations_on(drive)) <= shown["shards"] + waiting
    assert "objects" in admin_text(server, "usage")

    heal = admin(server, "heal", "--follow")
    assert heal["done"] and heal["unreadable_extents"] == 0
    assert "nothing to do" in admin_text(server, "heal")
    assert admin(server, "reclaim")["braked"] is False
    assert "Reclaiming" in admin_text(server, "reclaim")
    assert admin(server, "reclaim", "--unfreeze")["orphans_stay"] == ""
    assert admin(server, "scrub", "--pause")["paused"] is True
    assert "scrub_paused" in doctor(server)
    assert admin(server, "scrub", "--resume")["paused"] is False
    scrub = admin(server, "scrub", "--follow")
    assert scrub["round_ended_ms"] > 0
    assert scrub["findings"]["corrupt"] == scrub["findings"]["missing"] == 0
    assert "Scrubbing" in admin_text(server, "scrub", "--status")
    assert run_admin(server, "nonsense").returncode == 2
    assert run_admin(server, "drive", "replace", "0").returncode == 2


def test_only_the_token_opens_the_api(new_server):
    server = new_server(code="2+1", env=dict(SETTINGS)).start()
    token, token_file = token_of(server), server.data_dir / "admin-token"
    assert len(token) == 64
    assert stat.S_IMODE(token_file.stat().st_mode) == 0o600

    right = f"Bearer {token}"
    assert ask(server, "/admin/v1/drives", Authorization=right)[0] == 200
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": right[:-1]}, {"Authorization": token}):
        for method, path in (("GET", "/admin/v1/status"), ("POST", "/admin/v1/scrub/pause"), ("GET", "/admin/v1/none")):
            status, body = ask(server, path, method, **headers)
            assert (status, body["error"]["code"]) == (401, "unauthorized")
    status, body = ask(server, "/admin/v1/status", Authorization=right, Origin="http://127.0.0.1:9001")
    assert (status, body["error"]["code"]) == (403, "origin_refused")
    assert ask(server, "/admin/v1/none", Authorization=right)[1]["error"]["code"] == "not_found"
    assert ask(server, "/admin/v1/drives/1/burn", "POST", Authorization=right)[0] == 404
    assert ask(server, "/admin/v1/drives/9/drain", "POST", Authorization=right)[0] == 400
    assert ask(server, "/admin/v1/status", "DELETE", Authorization=right)[0] == 405
    assert admin(server, "scrub", "--status")["paused"] is False
    for path in ("/healthz", "/readyz", "/metrics"):
        assert server.admin_get(path)[0] == 200

    # The ways to give it, and what is said when it is wrong.
    elsewhere = ["--data", "/nowhere"]
    assert run_admin(server, "heal", options=elsewhere, environment={"ASHLAR_ADMIN_TOKEN": token}).returncode == 0
    assert run_admin(server, "heal", options=["--token-file", str(token_file)]).returncode == 0
    done = run_admin(server, "heal", options=elsewhere)
    assert done.returncode == 2 and "/nowhere/admin-token" in done.stderr and "ASHLAR_ADMIN_TOKEN" in done.stderr
    done = run_admin(server, "heal", options=elsewhere, environment={"ASHLAR_ADMIN_TOKEN": "f" * 64})
    assert done.returncode == 2 and "not the admin token" in done.stderr
    given = ["--data", str(server.data_dir)]
    done = run_admin(server, "heal", options=["--endpoint", f"127.0.0.1:{free_port()}", *given])
    assert done.returncode == 2 and "Is the server running?" in done.stderr
    done = run_admin(server, "heal", options=["--endpoint", f"127.0.0.1:{server.port}", *given])
    assert done.returncode == 2 and "not the admin address" in done.stderr

    token_file.chmod(0o644)
    assert "token_readable" in doctor(server)
    token_file.chmod(0o600)
    assert doctor(server) == {}
    server.restart()
    assert token_of(server) == token
    assert token not in server.log_path.read_text()


def test_a_lost_drive_is_replaced_and_filled_again(filled):
    store = filled()
    server, lost = store.server, store.drives[2]
    shards = len(generations_on(lost))
    assert run_admin(server, "drive", "replace", "3", "--yes").returncode == 2, "it is there"
    done = run_admin(server, "drive", "drain", "3")
    assert done.returncode == 2 and "nothing was changed" in done.stderr

    shutil.rmtree(lost)
    wait_until(lambda: admin(server, "drive", "list")["drives"][2]["state"] == "offline")
    store.assert_all_read_right()
    status = admin(server, "status", expect=1)
    assert status["drives"][2]["at_path"] == "missing"
    assert "drive 3 offline" in admin_text(server, "status", expect=1)
    found = doctor(server)
    assert found["drive_offline"]["severity"] == "warning"
    assert "drive replace 3" in found["drive_offline"]["action"]
    assert "redundancy_reduced" in found
    assert "redundancy_reduced" in admin_text(server, "doctor", "--json", expect=1)
    assert "  do    " in admin_text(server, "doctor", expect=1)

    done = run_admin(server, "drive", "replace", "3")
    assert done.returncode == 2 and "--yes" in done.stderr and not lost.exists()
    heal = admin(server, "drive", "replace", "3", "--yes", "--follow")
    assert heal["done"]
    # What it says it made is what lies there; a rebuilt shard has a generation above zero.
    made = [generation for generation in generations_on(lost) if generation > 0]
    assert heal["shards_made"] == len(made)
    assert 0 < len(made) <= shards
    assert doctor(server) == {}
    store.assert_all_read_right()
    server.stop()
    report = fsck(server, "--verify", expect=0)
    assert report["extents_by_parity_left"] in ({}, [])


def test_a_drained_drive_is_no_longer_needed(filled):
    store = filled(code="2+1", drives=5)
    server, drained = store.server, store.drives[1]
    heal = admin(server, "drive", "drain", "2", "--follow")
    assert heal["done"]
    drives = admin(server, "drive", "list")["drives"]
    assert [drive["role"] for drive in drives] == ["active", "removed", "active", "active", "active"]
    assert admin(server, "usage")["drives"][1]["shards"] == 0
    assert run_admin(server, "drive", "drain", "3").returncode == 0
    assert run_admin(server, "drive", "drain", "4").returncode == 2
    assert run_admin(server, "drive", "activate", "3").returncode == 0
    shutil.rmtree(drained)
    store.assert_all_read_right()
    assert doctor(server) == {}
    server.restart()
    store.assert_all_read_right()


def test_scrubbing_finds_a_flipped_bit_and_healing_mends_it(filled, dice):
    store = filled()
    server = store.server
    server.stop()
    path = dice.choice(volumes_of(store.drives[0]))
    record = dice.choice(records_of(path))
    flip_bit(path, dice.randrange(record.body_offset, record.end), dice.randrange(8))
    fsck(server, "--verify", expect=1)
    server.start()
    scrub = admin(server, "scrub", "--follow", expect=1)
    assert scrub["findings"]["corrupt"] == 1
    assert scrub["findings"]["missing"] == 0
    heal = admin(server, "heal", "--follow")
    assert heal["done"] and heal["shards_made"] == 1
    assert doctor(server) == {}
    store.assert_all_read_right()
    server.stop()
    fsck(server, "--verify", expect=0)
