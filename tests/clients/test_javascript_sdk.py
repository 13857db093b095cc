"""The AWS SDK for JavaScript v3, as npm pins it in javascript/package-lock.json.

Each scenario of javascript/client.mjs is a test: it says there what is expected, and its process
fails when something else comes. Over both schemes, because the SDK signs bodies differently.
"""

import json
import os
import pathlib
import re
import subprocess

import pytest

from harness.helpers import empty_and_delete_bucket, new_bucket_name
from harness.programs import run

pytestmark = pytest.mark.timeout(120)

CLIENT = pathlib.Path(__file__).parent / "javascript/client.mjs"
REPOSITORY = pathlib.Path(__file__).parents[2]
INSTALL_TIMEOUT_S = 900  # npm may have to fetch a hundred packages
SCENARIOS = re.findall(r"^  async (\w+)\(\) \{$", CLIENT.read_text("utf-8"), re.MULTILINE)


@pytest.fixture(scope="session")
def sdk_folder():
    done = subprocess.run(
        [REPOSITORY / "scripts/javascript-environment"],
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(f"scripts/javascript-environment failed:\n{done.stderr}", pytrace=False)
    return done.stdout.strip()


@pytest.fixture
def scenario(server, s3, sdk_folder, plain_environment):
    """run(name): what the scenario printed, in a bucket of its own that is `run.bucket`."""
    bucket = new_bucket_name("js")
    s3.create_bucket(Bucket=bucket)
    environment = {
        **plain_environment,
        "SDK_FOLDER": sdk_folder,
        "S3_ENDPOINT": server.endpoint,
        "S3_ACCESS_KEY": server.access_key,
        "S3_SECRET_KEY": server.secret_key,
        "S3_BUCKET": bucket,
    }
    if server.ca_file:
        environment["NODE_EXTRA_CA_CERTS"] = server.ca_file

    def play(name):
        done = run(["node", CLIENT, name], environment, timeout_s=100)
        return json.loads(done.stdout.splitlines()[-1])

    play.bucket = bucket
    yield play
    for name in (bucket, f"{bucket}-own"):
        empty_and_delete_bucket(s3, name)


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(scenario, s3, raw, name):
    if name == "metadata_of_another_client":
        headers = {"x-amz-meta-a": "größe 日本語"}
        assert raw.call("PUT", f"/{scenario.bucket}/other", headers=headers).status == 200
    told = scenario(name)
    if name == "upload_of_a_stream":
        head = s3.head_object(Bucket=scenario.bucket, Key="big", ChecksumMode="ENABLED")
        assert head["ContentLength"] == told["size"] and head["ETag"].endswith('-3"')
        assert told["created"] == "CRC32" and head["ChecksumCRC32"]
    if name == "every_checksum":
        for algorithm, value in told.items():
            head = s3.head_object(Bucket=scenario.bucket, Key=f"Checksum{algorithm}", ChecksumMode="ENABLED")
            assert head[f"Checksum{algorithm}"] == value


def test_no_scenario_is_left_out(sdk_folder):
    listed = run(["node", CLIENT, "--list"], {**os.environ, "SDK_FOLDER": sdk_folder}).stdout
    assert json.loads(listed) == SCENARIOS and len(SCENARIOS) >= 15
