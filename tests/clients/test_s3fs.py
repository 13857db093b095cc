"""s3fs (Debian 1.90): a bucket mounted as a file system. Needs /dev/fuse and the right to mount."""

import os
import pathlib
import time

import pytest

from harness.programs import program, run

pytestmark = [pytest.mark.http_only, pytest.mark.timeout(180)]

MOUNT_DEADLINE_S = 20


def is_mounted(path):
    return any(line.split()[1] == str(path) for line in pathlib.Path("/proc/self/mounts").read_text().splitlines())


@pytest.fixture
def mounted(server, client, bucket_name, plain_environment, home, tmp_path):
    """The folder where the bucket is mounted."""
    assert pathlib.Path("/dev/fuse").exists(), "/dev/fuse is missing: this test needs FUSE"
    program("fusermount")
    client.create_bucket(bucket_name)
    passwords, folder = home / "passwd-s3fs", tmp_path / "mounted"
    passwords.write_text(f"{server.access_key}:{server.secret_key}\n")
    passwords.chmod(0o600)
    folder.mkdir()
    run(
        [
            "s3fs",
            bucket_name,
            str(folder),
            "-o",
            f"url={server.endpoint}",
            "-o",
            "use_path_request_style",
            "-o",
            f"passwd_file={passwords}",
            "-o",
            "endpoint=us-east-1",
            "-o",
            "multipart_size=5",
            "-o",
            "retries=1",
        ],
        plain_environment,
    )
    deadline = time.monotonic() + MOUNT_DEADLINE_S
    while not is_mounted(folder):
        assert time.monotonic() < deadline, "s3fs did not mount"
        time.sleep(0.05)
    yield folder
    unmount(folder)


def unmount(folder):
    """s3fs answers `fusermount -u` at once and ends when its last file is flushed."""
    deadline = time.monotonic() + MOUNT_DEADLINE_S
    while is_mounted(folder):
        run(["fusermount", "-u", str(folder)], expect=None)
        assert time.monotonic() < deadline, f"{folder} cannot be unmounted"
        time.sleep(0.05)


def test_files_live_in_the_bucket(mounted, client, bucket_name):
    (mounted / "hello.txt").write_text("hello")
    assert (mounted / "hello.txt").read_text() == "hello"
    assert client.get(bucket_name, "hello.txt").body == b"hello"

    with open(mounted / "hello.txt", "a") as file:
        file.write(", world")
    assert (mounted / "hello.txt").read_text() == "hello, world"
    assert client.get(bucket_name, "hello.txt").body == b"hello, world"

    folder = mounted / "folder/inner"
    folder.mkdir(parents=True)
    (mounted / "hello.txt").rename(folder / "renamed.txt")
    assert os.listdir(folder) == ["renamed.txt"]
    assert not (mounted / "hello.txt").exists()
    assert client.get(bucket_name, "hello.txt").status == 404
    assert client.get(bucket_name, "folder/inner/renamed.txt").body == b"hello, world"

    large = os.urandom(12 << 20)
    (mounted / "large.bin").write_bytes(large)
    assert client.get(bucket_name, "large.bin").body == large
    with open(mounted / "large.bin", "r+b") as file:
        file.seek(6_000_000)
        file.write(b"changed in the middle")
    large = large[:6_000_000] + b"changed in the middle" + large[6_000_021:]
    assert client.get(bucket_name, "large.bin").body == large
    assert (mounted / "large.bin").read_bytes() == large
    (mounted / "large.bin").chmod(0o640)
    assert (mounted / "large.bin").stat().st_mode & 0o777 == 0o640

    assert sorted(os.listdir(mounted)) == ["folder", "large.bin"]
    (mounted / "large.bin").unlink()
    (folder / "renamed.txt").unlink()
    folder.rmdir()
    folder.parent.rmdir()
    assert os.listdir(mounted) == []
    assert client.list_all(bucket_name) == {}


def test_what_others_put_is_seen(mounted, client, bucket_name):
    client.put(bucket_name, "from/outside.bin", os.urandom(70_000))
    body = client.get(bucket_name, "from/outside.bin").body
    assert (mounted / "from/outside.bin").read_bytes() == body
    assert [entry.name for entry in mounted.iterdir()] == ["from"]


def test_many_small_files(mounted, client, bucket_name):
    for number in range(60):
        (mounted / f"f{number:02}").write_text(f"file {number}")
    assert sorted(os.listdir(mounted)) == [f"f{number:02}" for number in range(60)]
    unmount(mounted)
    assert len(client.list_all(bucket_name)) == 60
    assert client.get(bucket_name, "f59").body == b"file 59"
