"""Fixtures of the tests with real client programs: a settings folder of their own, a tree of real files."""

import os
import pathlib
import shutil

import pytest

from harness.helpers import new_bucket_name
from harness.store_client import StoreClient

TREE_FILES = 5200
TREE_BYTES_MAX = 150 << 20
FILE_BYTES_MAX = 8 << 20
# In this order until there are enough files; every Debian machine that can build Ashlar has them.
TREE_SOURCES = (
    "/usr/share/doc",
    "/usr/include",
    "/usr/share/man",
    "/usr/lib/python3",
    "/usr/share/perl",
    "/usr/share/zoneinfo",
)


def regular_files(source):
    """Regular files below `source` in a stable order; symbolic links and what cannot be read are left out."""
    for folder, folders, names in os.walk(source):
        folders.sort()
        for name in sorted(names):
            path = pathlib.Path(folder, name)
            if path.is_file() and not path.is_symlink() and os.access(path, os.R_OK):
                yield path


@pytest.fixture(scope="session")
def real_tree(tmp_path_factory):
    """A folder with TREE_FILES files of this machine under their own names, at most TREE_BYTES_MAX bytes."""
    root = tmp_path_factory.mktemp("tree") / "files"
    count = size = 0
    for source in TREE_SOURCES:
        for path in regular_files(source) if count < TREE_FILES else ():
            length = path.stat().st_size
            if length > FILE_BYTES_MAX or size + length > TREE_BYTES_MAX:
                continue
            target = root / path.relative_to("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            count, size = count + 1, size + length
            if count == TREE_FILES:
                break
    assert count >= 5000, f"only {count} files found on this machine"
    yield root
    shutil.rmtree(root)


@pytest.fixture
def home(tmp_path):
    """A home directory without anybody's settings."""
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def plain_environment(home):
    """An environment without AWS settings, proxies or user configuration; os.environ is left alone."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("AWS_", "RCLONE_", "RESTIC_")) and not name.lower().endswith("_proxy")
    }
    return {**kept, "HOME": str(home), "LC_ALL": "C.UTF-8"}


@pytest.fixture
def client(server):
    with StoreClient(server) as made:
        yield made


@pytest.fixture
def bucket_name():
    """A name only: the client under test creates the bucket."""
    return new_bucket_name("c")
