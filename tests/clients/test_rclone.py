"""rclone (Debian 1.60): sync and check of the real tree, multipart, listing, deletion."""

import os
import time

import pytest

from harness.programs import assert_same_tree, run

pytestmark = [pytest.mark.http_only, pytest.mark.timeout(300)]


@pytest.fixture
def rclone(server, plain_environment, home):
    """rclone(word, ...): remote "store:" is the server."""
    environment = {
        **plain_environment,
        "RCLONE_CONFIG": str(home / "rclone.conf"),
        "RCLONE_CONFIG_STORE_TYPE": "s3",
        "RCLONE_CONFIG_STORE_PROVIDER": "Other",
        "RCLONE_CONFIG_STORE_ENDPOINT": server.endpoint,
        "RCLONE_CONFIG_STORE_ACCESS_KEY_ID": server.access_key,
        "RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY": server.secret_key,
        "RCLONE_CONFIG_STORE_REGION": "us-east-1",
        "RCLONE_CONFIG_STORE_FORCE_PATH_STYLE": "true",
        "RCLONE_LOW_LEVEL_RETRIES": "1",
        "RCLONE_RETRIES": "1",
    }
    (home / "rclone.conf").write_text("")

    def call(*words, **options):
        return run(["rclone", *words], environment, **options)

    return call


@pytest.mark.slow
def test_sync_and_check_of_a_real_tree(rclone, bucket_name, real_tree, tmp_path):
    remote = f"store:{bucket_name}/tree"
    rclone("mkdir", f"store:{bucket_name}")
    rclone("sync", str(real_tree), remote, "--transfers", "8", "--checkers", "8")
    checked = rclone("check", str(real_tree), remote, "--checkers", "8").stderr
    assert "0 differences found" in checked, checked

    part = next(path for path in sorted(real_tree.glob("usr/share/doc/*")) if path.is_dir())
    name = part.relative_to(real_tree)
    assert "0 differences found" in rclone("check", "--download", str(part), f"{remote}/{name}").stderr

    files = [path for path in real_tree.rglob("*") if path.is_file()]
    listed = rclone("lsf", "-R", "--files-only", remote).stdout.splitlines()
    assert sorted(listed) == sorted(str(path.relative_to(real_tree)) for path in files)

    # A second run has nothing to do; a change is noticed by check and repaired by sync.
    assert (
        "Transferred:            0 / 0" in rclone("sync", "-v", "--stats-one-line=false", str(real_tree), remote).stderr
        or "There was nothing to transfer" in rclone("sync", "-v", str(real_tree), remote).stderr
    )
    (tmp_path / "changed").write_bytes(b"other bytes")
    rclone("copyto", str(tmp_path / "changed"), f"{remote}/{files[0].relative_to(real_tree)}")
    assert "1 differences found" in rclone("check", str(real_tree), remote, expect=1).stderr
    rclone("sync", str(real_tree), remote)
    assert "0 differences found" in rclone("check", str(real_tree), remote).stderr

    down = tmp_path / "down"
    rclone("sync", remote, str(down), "--transfers", "8")
    assert_same_tree(real_tree, down)

    rclone("delete", remote)
    assert rclone("lsf", "-R", f"store:{bucket_name}").stdout == ""
    rclone("rmdir", f"store:{bucket_name}")


def test_multipart_in_small_chunks(rclone, bucket_name, tmp_path, client):
    body = os.urandom(23 << 20)
    (tmp_path / "big").write_bytes(body)
    rclone("mkdir", f"store:{bucket_name}")
    rclone(
        "copyto",
        str(tmp_path / "big"),
        f"store:{bucket_name}/big",
        "--s3-chunk-size",
        "5Mi",
        "--s3-upload-cutoff",
        "5Mi",
        "--s3-upload-concurrency",
        "3",
    )
    size, etag = client.list_all(bucket_name)["big"]
    assert size == len(body) and etag.endswith("-5"), (size, etag)
    assert (
        "0 differences found"
        in rclone("check", "--download", str(tmp_path), f"store:{bucket_name}", "--include", "big").stderr
    )
    # From the middle of the object, by range.
    assert (
        rclone("cat", "--offset", "7000000", "--count", "13", f"store:{bucket_name}/big", binary=True).stdout
        == body[7000000:7000013]
    )
    rclone("purge", f"store:{bucket_name}")


def test_server_side_copy_and_names(rclone, bucket_name, tmp_path):
    rclone("mkdir", f"store:{bucket_name}")
    names = [
        "plain",
        "with space",
        "plus+sign",
        "percent%2Fsign",
        "ünï/cödé",
        "deep/er/and/deeper",
        "a//b",
        "quote'\"s",
    ]
    for number, name in enumerate(names):
        (tmp_path / "one").write_bytes(f"{number} {name}".encode())
        rclone("copyto", str(tmp_path / "one"), f"store:{bucket_name}/from/{name}")
    rclone("copy", f"store:{bucket_name}/from", f"store:{bucket_name}/to")
    for number, name in enumerate(names):
        assert rclone("cat", f"store:{bucket_name}/to/{name}").stdout == f"{number} {name}"
    rclone("deletefile", f"store:{bucket_name}/to/with space")
    assert "with space" not in rclone("lsf", "-R", f"store:{bucket_name}/to").stdout
    rclone("purge", f"store:{bucket_name}")


def test_versions(rclone, bucket_name, tmp_path, server):
    """--s3-versions shows every version of a file and restores an old one."""
    remote = f"store:{bucket_name}"
    rclone("mkdir", remote)
    s3 = server.client()
    s3.put_bucket_versioning(Bucket=bucket_name, VersioningConfiguration={"Status": "Enabled"})
    for text in ("first", "second"):
        (tmp_path / "file.txt").write_text(text)
        rclone("copyto", "--ignore-times", str(tmp_path / "file.txt"), f"{remote}/file.txt")
        time.sleep(1.1)  # rclone names versions by the second
    assert rclone("cat", f"{remote}/file.txt").stdout == "second"
    names = sorted(rclone("lsf", "--s3-versions", remote).stdout.split())
    assert len(names) == 2 and "file.txt" in names, names
    old = next(name for name in names if name != "file.txt")
    assert rclone("cat", "--s3-versions", f"{remote}/{old}").stdout == "first"
    rclone("deletefile", f"{remote}/file.txt")
    assert rclone("lsf", remote).stdout == ""
    assert len(rclone("lsf", "--s3-versions", remote).stdout.split()) >= 2
