"""Fixtures of the fault tests: the seed of the run, and data directories that are removed again (volumes are
preallocated, so every store costs hundreds of megabytes of disk)."""

import os
import random
import shutil

import pytest

from harness.server import AshlarServer, binary_path


def pytest_collection_modifyitems(items):
    """The kill loop first, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: item.path.stem != "test_kill_loop")


@pytest.fixture(scope="session")
def seed():
    """ASHLAR_TEST_SEED, else a new one; printed, so that a failure can be repeated."""
    value = int(os.environ.get("ASHLAR_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"\nASHLAR_TEST_SEED={value}")
    return value


@pytest.fixture
def dice(seed, request):
    """A generator of this test's own, made from the seed and the test's name."""
    return random.Random(f"{seed}/{request.node.name}")


@pytest.fixture
def new_server(tmp_path):
    """make(name, **AshlarServer options): a server that is not started; killed and its data removed at the end."""
    if not binary_path().exists():
        pytest.fail(f"no server binary at {binary_path()}: run `make build`, or set ASHLAR_BIN", pytrace=False)
    made = []

    def make(name="data", **options):
        made.append(AshlarServer(tmp_path / name, **options))
        return made[-1]

    yield make
    for server in made:
        server.kill()
        shutil.rmtree(server.data_dir, ignore_errors=True)
