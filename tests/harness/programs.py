"""Running the real programs of the tests: a missing one is a failure, never a skip."""

import pathlib
import shutil
import subprocess
import time

import pytest

# The Debian packages' own programs, not what a developer may have put in front of them.
SYSTEM_FOLDERS = "/usr/bin:/usr/sbin:/bin:/sbin"
OUTPUT_SHOWN_MAX = 4000
UNMOUNT_DEADLINE_S = 20


def program(name):
    """The path of a program of a Debian package."""
    found = shutil.which(name, path=SYSTEM_FOLDERS)
    if found is None:
        pytest.fail(f"{name} is not installed: run make deps", pytrace=False)
    return found


def run(words, environment=None, expect=0, timeout_s=300, binary=False, **options):
    """Run to the end; fails the test with the output when the exit code is another one
    (expect=None takes any). Output is text, or bytes when `binary`."""
    words = [program(words[0]), *map(str, words[1:])]
    done = subprocess.run(
        words,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=not binary,
        errors=None if binary else "replace",
        timeout=timeout_s,
        check=False,
        **options,
    )
    if expect is not None and done.returncode != expect:
        pytest.fail(
            f"{' '.join(words)}\nexited with {done.returncode}, expected {expect}\n"
            f"{done.stdout[-OUTPUT_SHOWN_MAX:]}\n{done.stderr[-OUTPUT_SHOWN_MAX:]}",
            pytrace=False,
        )
    return done


def unmount(folder):
    """Unmounts what a server has used. The kernel lets go of the files of an io_uring a moment after the end of their
    process, so a mount may be busy for a while though nobody is there."""
    deadline = time.monotonic() + UNMOUNT_DEADLINE_S
    while "busy" in (done := run(["umount", folder], expect=None)).stderr and time.monotonic() < deadline:
        time.sleep(0.05)
    if done.returncode != 0:
        pytest.fail(f"umount {folder}: {done.stderr}", pytrace=False)


def assert_same_tree(left, right):
    done = run(["diff", "-r", "--no-dereference", left, right], expect=None)
    assert done.returncode == 0, f"{left} and {right} differ:\n{done.stdout[:OUTPUT_SHOWN_MAX]}{done.stderr[:1000]}"
    assert count_files(left) == count_files(right)


def count_files(folder):
    return sum(1 for path in pathlib.Path(folder).rglob("*") if path.is_file())
