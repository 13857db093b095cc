"""boto3's own transfer manager (multipart in threads) over http and https; curl on the health pages."""

import hashlib
import os

import pytest

from harness.programs import run

pytestmark = pytest.mark.timeout(120)

SIZES = [0, 1, (5 << 20) - 1, 5 << 20, (5 << 20) + 1, 33_000_001]


@pytest.fixture
def transfer():
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20, max_concurrency=4)


@pytest.mark.parametrize("size", SIZES)
def test_upload_and_download_file(s3, bucket, transfer, tmp_path, size):
    body = os.urandom(size)
    (tmp_path / "in").write_bytes(body)
    s3.upload_file(str(tmp_path / "in"), bucket, "key", Config=transfer, ExtraArgs={"Metadata": {"size": str(size)}})
    head = s3.head_object(Bucket=bucket, Key="key")
    assert head["ContentLength"] == size and head["Metadata"] == {"size": str(size)}
    assert ("-" in head["ETag"]) == (size >= 5 << 20)
    s3.download_file(bucket, "key", str(tmp_path / "out"), Config=transfer)
    assert hashlib.sha256((tmp_path / "out").read_bytes()).digest() == hashlib.sha256(body).digest()


def test_managed_copy_of_a_large_object(s3, bucket, transfer, tmp_path):
    body = os.urandom(16_000_000)
    (tmp_path / "in").write_bytes(body)
    s3.upload_file(str(tmp_path / "in"), bucket, "from", Config=transfer)
    s3.copy({"Bucket": bucket, "Key": "from"}, bucket, "to", Config=transfer)
    s3.delete_object(Bucket=bucket, Key="from")
    s3.download_file(bucket, "to", str(tmp_path / "out"), Config=transfer)
    assert (tmp_path / "out").read_bytes() == body


@pytest.mark.http_only
def test_curl_on_the_admin_pages(server):
    for page, wanted in (("/healthz", ""), ("/readyz", ""), ("/metrics", "ashlar_http_requests_total")):
        done = run(["curl", "-sS", "-i", server.admin_endpoint + page])
        assert done.stdout.startswith("HTTP/1.1 200"), f"{page}: {done.stdout}"
        assert wanted in done.stdout
    assert (
        run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", server.admin_endpoint + "/nothing"]).stdout
        == "404"
    )


@pytest.mark.https_only
def test_curl_over_tls(server):
    done = run(
        ["curl", "-sS", "--cacert", server.ca_file, "-o", "/dev/null", "-w", "%{http_code}", server.endpoint + "/"]
    )
    assert done.stdout == "403"  # unsigned, but heard
    assert run(["curl", "-sS", server.endpoint + "/"], expect=60).stdout == ""  # not trusted without the certificate
