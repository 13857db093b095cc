"""Runs `ashlar fsck` and `ashlar rebuild-metadata` on a stopped server's data, and takes a picture of everything a
client can see of a store, to compare before and after."""

import hashlib
import json
import shutil
import subprocess
import time
import urllib.parse

from harness.store_client import StoreClient

TOOL_TIMEOUT_S = 240


def run_tool(server, *words):
    """The finished process of `ashlar WORDS --data ...`, with the server's drives."""
    command = [str(server.binary), *words, "--data", str(server.data_dir)]
    for drive in server.drives:
        command += ["--drive", str(drive)]
    return subprocess.run(
        command,
        env=server.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TOOL_TIMEOUT_S,
        check=False,
    )


def fsck(server, *words, expect):
    """The report; the exit code must be the expected one."""
    done = run_tool(server, "fsck", "--json", *words)
    assert done.returncode == expect, f"fsck exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


def rebuild(server, expect=0):
    """Removes the metadata and rebuilds them. The report's text."""
    shutil.rmtree(server.data_dir / "metadata")
    done = run_tool(server, "rebuild-metadata")
    assert done.returncode == expect, f"exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def wait_for_journal(server, deadline_s=30):
    """Until everything that was answered stands in the journal: two rounds have gone by, and it does not lag."""
    started = time.monotonic()
    rounds = journal_updates(server)
    while True:
        metrics = server.metrics()
        if metrics.get("ashlar_journal_lag_seconds", 1) == 0 and time.monotonic() - started > 2.5:
            return
        assert time.monotonic() - started < deadline_s, f"the journal lags ({rounds} updates)\n{server.log_tail()}"
        time.sleep(0.1)


def journal_updates(server):
    return server.metrics().get("ashlar_journal_updates_total", 0)


HEADERS_LEFT_OUT = {"date", "x-amz-request-id", "x-amz-id-2", "server", "connection"}


def picture(server):
    """{bucket: {what: value}}: the listing, every object's headers, body digest and parts, and the open uploads."""
    s3 = server.client()
    result = {}
    for bucket in s3.list_buckets()["Buckets"]:
        name = bucket["Name"]
        with StoreClient(server) as client:
            listing = client.list_all(name)
            objects = {key: picture_of(client, name, key) for key in sorted(listing)}
        uploads = s3.list_multipart_uploads(Bucket=name).get("Uploads", [])
        result[name] = {
            "created": bucket["CreationDate"],
            "region": s3.get_bucket_location(Bucket=name)["LocationConstraint"],
            "listing": listing,
            "objects": objects,
            "versions": [
                (item["Key"], item["VersionId"], item["IsLatest"], item["ETag"], item["LastModified"])
                for item in s3.list_object_versions(Bucket=name).get("Versions", [])
            ],
            "uploads": {
                (upload["Key"], upload["UploadId"]): [
                    (part["PartNumber"], part["ETag"], part["Size"])
                    for part in s3.list_parts(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"]).get(
                        "Parts", []
                    )
                ]
                for upload in uploads
            },
        }
    return result


def picture_of(client, bucket, key):
    quoted = urllib.parse.quote(key)
    answer = client.call("GET", f"/{bucket}/{quoted}", headers=[("x-amz-checksum-mode", "ENABLED")])
    assert answer.status == 200, f"{bucket}/{key}: {answer}"
    headers = sorted((name.lower(), value) for name, value in answer.headers if name.lower() not in HEADERS_LEFT_OUT)
    parts = []
    etag = answer.header("etag").strip('"')
    for number in range(1, int(etag.split("-")[1]) + 1 if "-" in etag else 0):
        part = client.call("GET", f"/{bucket}/{quoted}", [("partNumber", str(number))])
        assert part.status == 206, f"{bucket}/{key} part {number}: {part}"
        parts.append(hashlib.sha256(part.body).hexdigest())
    return headers, hashlib.sha256(answer.body).hexdigest(), parts
