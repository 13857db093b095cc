"""aws cli v2 (Debian): sync of a tree of thousands of files, a 2 GiB multipart copy, presigned URLs, everyday
commands."""

import hashlib
import os
import random
import shutil

import pytest

from harness.programs import assert_same_tree, run

pytestmark = [pytest.mark.http_only, pytest.mark.timeout(600)]

LARGE_BYTES = 2 << 30
LARGE_BLOCK = 8 << 20
DISK_NEEDED_BYTES = 9 << 30

CONFIG = """[default]
region = us-east-1
s3 =
    max_concurrent_requests = 4
    multipart_chunksize = 16MB
    addressing_style = path
"""


@pytest.fixture
def aws(server, plain_environment, home):
    """aws(word, ...): runs the command against the server."""
    (home / "config").write_text(CONFIG)
    environment = {
        **plain_environment,
        "AWS_CONFIG_FILE": str(home / "config"),
        "AWS_PAGER": "",
        "AWS_SHARED_CREDENTIALS_FILE": str(home / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_MAX_ATTEMPTS": "1",
    }

    def call(*words, **options):
        return run(["aws", "--endpoint-url", server.endpoint, *words], environment, **options)

    return call


@pytest.fixture
def aws_bucket(aws, bucket_name):
    aws("s3", "mb", f"s3://{bucket_name}")
    yield bucket_name
    aws("s3", "rb", "--force", f"s3://{bucket_name}", expect=None)


def write_incompressible(path, size, seed):
    """A file of pseudo-random bytes, and its SHA-256. Blocks differ, so swapped parts would be noticed."""
    block = random.Random(seed).randbytes(LARGE_BLOCK)
    digest = hashlib.sha256()
    with open(path, "wb", buffering=0) as out:
        for number in range(size // LARGE_BLOCK):
            piece = number.to_bytes(16, "big") + block[16:]
            digest.update(piece)
            out.write(piece)
    return digest.hexdigest()


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.mark.slow
def test_sync_of_a_real_tree_up_and_down(aws, aws_bucket, real_tree, tmp_path, client):
    aws("s3", "sync", "--only-show-errors", str(real_tree), f"s3://{aws_bucket}/tree")
    listed = client.list_all(aws_bucket)
    local = {
        f"tree/{path.relative_to(real_tree)}": path.stat().st_size for path in real_tree.rglob("*") if path.is_file()
    }
    assert {key: size for key, (size, _) in listed.items()} == local

    down = tmp_path / "down"
    aws("s3", "sync", "--only-show-errors", f"s3://{aws_bucket}/tree", str(down))
    assert_same_tree(real_tree, down)
    # Nothing is left to do: sizes and times agree.
    again = aws("s3", "sync", "--dryrun", f"s3://{aws_bucket}/tree", str(down))
    assert again.stdout.strip() == ""

    summary = aws("s3", "ls", "--recursive", "--summarize", f"s3://{aws_bucket}").stdout
    assert f"Total Objects: {len(local)}" in summary
    assert f"Total Size: {sum(local.values())}" in summary

    aws("s3", "rm", "--recursive", "--only-show-errors", f"s3://{aws_bucket}/tree")
    assert client.list_all(aws_bucket) == {}
    shutil.rmtree(down)


@pytest.mark.slow
def test_two_gibibytes_by_multipart(aws, aws_bucket, tmp_path):
    free = shutil.disk_usage(tmp_path).free
    assert (
        free >= DISK_NEEDED_BYTES
    ), f"this test needs {DISK_NEEDED_BYTES >> 30} GiB of disk, {free >> 30} GiB are free"
    source, target = tmp_path / "large.bin", tmp_path / "back.bin"
    try:
        wanted = write_incompressible(source, LARGE_BYTES, seed=1)
        aws("s3", "cp", "--only-show-errors", str(source), f"s3://{aws_bucket}/large.bin")
        source.unlink()
        etag = aws(
            "s3api",
            "head-object",
            "--bucket",
            aws_bucket,
            "--key",
            "large.bin",
            "--query",
            "[ContentLength,ETag]",
            "--output",
            "text",
        ).stdout.split()
        assert etag[0] == str(LARGE_BYTES)
        assert etag[1].strip('"').endswith(f"-{LARGE_BYTES // (16 << 20)}"), etag
        aws("s3", "cp", "--only-show-errors", f"s3://{aws_bucket}/large.bin", str(target))
        assert target.stat().st_size == LARGE_BYTES
        assert sha256_of(target) == wanted
    finally:
        source.unlink(missing_ok=True)
        target.unlink(missing_ok=True)


def test_everyday_commands(aws, bucket_name, tmp_path):
    folder = tmp_path / "some"
    (folder / "deep/er").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"alpha")
    (folder / "empty").write_bytes(b"")
    (folder / "deep/er/with space + plus%2F.txt").write_bytes(b"beta" * 1000)
    aws("s3", "mb", f"s3://{bucket_name}")
    assert bucket_name in aws("s3", "ls").stdout
    aws("s3", "cp", "--recursive", str(folder), f"s3://{bucket_name}/x/")
    listing = aws("s3", "ls", f"s3://{bucket_name}/x/").stdout
    assert "PRE deep/" in listing and "a.txt" in listing and "empty" in listing

    aws("s3", "mv", f"s3://{bucket_name}/x/a.txt", f"s3://{bucket_name}/y/moved.txt")
    assert aws("s3", "cp", f"s3://{bucket_name}/y/moved.txt", "-").stdout == "alpha"
    assert "a.txt" not in aws("s3", "ls", f"s3://{bucket_name}/x/").stdout

    # A changed file is sent, one that is gone is deleted.
    (folder / "empty").write_bytes(b"no longer")
    (folder / "a.txt").unlink()
    done = aws("s3", "sync", "--delete", str(folder), f"s3://{bucket_name}/x").stdout
    assert "upload: " in done and "deep" not in done
    aws("s3", "sync", f"s3://{bucket_name}/x", str(tmp_path / "back"))
    assert_same_tree(folder, tmp_path / "back")

    refused = aws("s3", "rb", f"s3://{bucket_name}", expect=1)
    assert "BucketNotEmpty" in refused.stderr
    aws("s3", "rm", "--recursive", f"s3://{bucket_name}")
    aws("s3", "rb", f"s3://{bucket_name}")
    assert bucket_name not in aws("s3", "ls").stdout
    assert "NoSuchBucket" in aws("s3", "ls", f"s3://{bucket_name}", expect=254).stderr


def test_pipe_of_unknown_length(aws, aws_bucket, tmp_path, server, plain_environment):
    """`aws s3 cp - s3://...` does not know the size when it begins."""
    body = os.urandom(20 << 20)
    (tmp_path / "in").write_bytes(body)
    words = f"cat '{tmp_path}/in' | aws --endpoint-url {server.endpoint} s3 cp - s3://{aws_bucket}/piped"
    environment = {
        **plain_environment,
        "AWS_ACCESS_KEY_ID": server.access_key,
        "PATH": "/usr/bin:/bin",
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    run(["sh", "-c", words], environment)
    aws("s3", "cp", "--only-show-errors", f"s3://{aws_bucket}/piped", str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == body


def test_presigned_url_with_curl(aws, aws_bucket, tmp_path):
    body = os.urandom(100_000)
    (tmp_path / "in").write_bytes(body)
    aws("s3", "cp", str(tmp_path / "in"), f"s3://{aws_bucket}/a/presigned key+1")
    url = aws("s3", "presign", "--expires-in", "60", f"s3://{aws_bucket}/a/presigned key+1").stdout.strip()
    run(["curl", "-sSf", "-o", str(tmp_path / "out"), url])
    assert (tmp_path / "out").read_bytes() == body
    done = run(
        [
            "curl",
            "-sS",
            "-o",
            str(tmp_path / "refusal"),
            "-w",
            "%{http_code}",
            url[:-1] + ("0" if url[-1] != "0" else "1"),
        ]
    )
    assert done.stdout == "403"
    assert "SignatureDoesNotMatch" in (tmp_path / "refusal").read_text()


def test_s3api_round_trip_of_metadata(aws, aws_bucket, tmp_path):
    (tmp_path / "in").write_bytes(b"x" * 5000)
    aws(
        "s3api",
        "put-object",
        "--bucket",
        aws_bucket,
        "--key",
        "m",
        "--body",
        str(tmp_path / "in"),
        "--metadata",
        "colour=blue,shape=round",
        "--content-type",
        "text/x-test",
        "--checksum-algorithm",
        "SHA256",
    )
    head = aws(
        "s3api",
        "head-object",
        "--bucket",
        aws_bucket,
        "--key",
        "m",
        "--checksum-mode",
        "ENABLED",
        "--query",
        "[ContentType,Metadata.colour,Metadata.shape,ChecksumSHA256]",
        "--output",
        "text",
    ).stdout.split()
    assert head[:3] == ["text/x-test", "blue", "round"]
    assert head[3] != "None"
    uploads = aws(
        "s3api", "list-multipart-uploads", "--bucket", aws_bucket, "--query", "Uploads", "--output", "text"
    ).stdout
    assert uploads.strip() == "None"
