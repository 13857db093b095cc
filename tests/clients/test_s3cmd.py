"""s3cmd (Debian 2.3): every everyday command, multipart included."""

import json
import os
import urllib.error
import urllib.request

import pytest

from harness.programs import run

pytestmark = [pytest.mark.http_only, pytest.mark.timeout(120)]


@pytest.fixture
def s3cmd(server, plain_environment, home):
    config = home / "s3cfg"
    address = f"{server.host}:{server.port}"
    config.write_text(
        f"[default]\naccess_key = {server.access_key}\nsecret_key = {server.secret_key}\n"
        f"host_base = {address}\nhost_bucket = {address}\nuse_https = False\nbucket_location = us-east-1\n"
        "signature_v2 = False\nmax_retries = 0\n"
    )

    def call(*words, **options):
        return run(["s3cmd", "--config", str(config), "--no-progress", *words], plain_environment, **options)

    return call


def test_every_command(s3cmd, bucket_name, tmp_path, client):
    bucket = f"s3://{bucket_name}"
    small, large = os.urandom(9000), os.urandom(17_000_000)
    (tmp_path / "small").write_bytes(small)
    (tmp_path / "large").write_bytes(large)
    s3cmd("mb", bucket)
    assert bucket in s3cmd("ls").stdout
    s3cmd("put", str(tmp_path / "small"), f"{bucket}/folder/small")
    s3cmd("put", "--multipart-chunk-size-mb", "5", str(tmp_path / "large"), f"{bucket}/large")

    listing = s3cmd("ls", "--recursive", bucket).stdout
    assert f"{bucket}/folder/small" in listing and "17000000" in listing
    assert f"DIR  {bucket}/folder/" in s3cmd("ls", bucket).stdout
    info = s3cmd("info", f"{bucket}/large").stdout
    assert "File size: 17000000" in info, info
    size, etag = client.list_all(bucket_name)["large"]
    assert size == 17_000_000 and etag.endswith("-4")

    for name, body in (("folder/small", small), ("large", large)):
        s3cmd("get", "--force", f"{bucket}/{name}", str(tmp_path / "back"))
        assert (tmp_path / "back").read_bytes() == body

    s3cmd("cp", f"{bucket}/folder/small", f"{bucket}/copy of small")
    s3cmd("mv", f"{bucket}/copy of small", f"{bucket}/moved")
    s3cmd("get", "--force", f"{bucket}/moved", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == small
    assert "copy of small" not in s3cmd("ls", bucket).stdout

    assert "BucketNotEmpty" in s3cmd("rb", bucket, expect=None).stderr
    s3cmd("del", f"{bucket}/large")
    s3cmd("del", "--recursive", "--force", bucket)
    assert s3cmd("ls", "--recursive", bucket).stdout == ""
    s3cmd("rb", bucket)
    assert bucket not in s3cmd("ls").stdout


def test_sync_both_ways(s3cmd, bucket_name, tmp_path):
    source, back = tmp_path / "source", tmp_path / "back"
    for number in range(40):
        path = source / f"d{number % 4}/f{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(number * 700))
    back.mkdir()
    s3cmd("mb", f"s3://{bucket_name}")
    s3cmd("sync", f"{source}/", f"s3://{bucket_name}/tree/")
    s3cmd("sync", f"s3://{bucket_name}/tree/", f"{back}/")
    run(["diff", "-r", str(source), str(back)])
    s3cmd("rb", "--recursive", "--force", f"s3://{bucket_name}")


def test_access_control(s3cmd, bucket_name, tmp_path, server):
    """--acl-public on upload, setacl back and forth, and what a browser without keys then sees."""
    bucket = f"s3://{bucket_name}"
    (tmp_path / "file").write_bytes(b"for everybody")

    def status():
        try:
            with urllib.request.urlopen(f"{server.endpoint}/{bucket_name}/file", timeout=10) as answer:
                assert answer.read() == b"for everybody"
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    s3cmd("mb", bucket)
    s3cmd("put", "--acl-public", str(tmp_path / "file"), f"{bucket}/file")
    assert status() == 200
    info = s3cmd("info", f"{bucket}/file").stdout
    assert "*anon*: READ" in info and "root: FULL_CONTROL" in info, info
    s3cmd("setacl", "--acl-private", f"{bucket}/file")
    assert status() == 403
    s3cmd("setacl", "--acl-public", "--recursive", bucket)
    assert status() == 200
    s3cmd("setacl", "--acl-revoke=all:anon", f"{bucket}/file", expect=None)

    (tmp_path / "policy.json").write_text(
        json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:GetObject",
                        "Resource": f"arn:aws:s3:::{bucket_name}/*",
                    }
                ],
            }
        )
    )
    s3cmd("setpolicy", str(tmp_path / "policy.json"), bucket)
    assert status() == 403
    assert "Deny" in s3cmd("info", bucket).stdout
    s3cmd("delpolicy", bucket)
    s3cmd("del", "--recursive", "--force", bucket)
    s3cmd("rb", bucket)
