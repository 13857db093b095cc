"""restic (Debian 0.14): the life of a backup repository on the store."""

import os
import shutil

import pytest

from harness.programs import assert_same_tree, run

pytestmark = [pytest.mark.http_only, pytest.mark.timeout(300)]


@pytest.fixture
def restic(server, plain_environment, home, bucket_name):
    environment = {
        **plain_environment,
        "RESTIC_REPOSITORY": f"s3:{server.endpoint}/{bucket_name}/repository",
        "RESTIC_PASSWORD": "only a test",
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "RESTIC_CACHE_DIR": str(home / "cache"),
    }

    def call(*words, **options):
        return run(["restic", *words], environment, **options)

    return call


@pytest.mark.slow
def test_backup_check_restore_and_prune(restic, real_tree, tmp_path):
    source = tmp_path / "source"
    shutil.copytree(real_tree, source)
    restic("init")
    restic("backup", "--quiet", ".", cwd=source)
    restic("check", "--read-data")
    restic("restore", "latest", "--quiet", "--target", str(tmp_path / "first"))
    assert_same_tree(source, tmp_path / "first")
    shutil.rmtree(tmp_path / "first")

    # The second backup sends only what changed.
    changed = sorted(path for path in source.rglob("*") if path.is_file())[::50]
    for path in changed:
        path.write_bytes(os.urandom(2000))
    (source / "new file").write_bytes(os.urandom(3 << 20))
    summary = restic("backup", ".", cwd=source).stdout
    assert f"1 new, {len(changed):>5} changed" in summary, summary

    restic("forget", "--keep-last", "1", "--prune", "--quiet")
    restic("check", "--read-data")
    assert (
        len([line for line in restic("snapshots", "--compact").stdout.splitlines() if " 20" in line or "/" in line])
        >= 1
    )
    restic("restore", "latest", "--quiet", "--target", str(tmp_path / "second"))
    assert_same_tree(source, tmp_path / "second")
