"""The metadata folder is lost and made anew from the drives: everything a client sees is as before."""

import hashlib
import shutil

import pytest

from harness.store_client import StoreClient
from offline_tools import fsck, picture, rebuild, run_tool, wait_for_journal
from stores import start_serving

pytestmark = pytest.mark.timeout(420)

CODE, LOSSES = "4+2", 2
MIB = 1 << 20
ODD_KEYS = ["a b", "dir/sub//x", "ünïcödé/日本", "%41%zz", "plus+plus", "trailing/", "~-._!*'()", "x" * 1000]


@pytest.fixture
def server(new_server):
    return new_server(code=CODE, env={"ASHLAR_ACCESS_LOG": "false", "ASHLAR_JOURNAL_PERIOD": "200"})


def fill(server, dice):
    """Objects of all shapes, some of them overwritten, copied or deleted again; two open uploads."""
    s3 = server.client()
    for bucket in ("first", "second-bucket", "empty-bucket", "deleted-bucket"):
        s3.create_bucket(Bucket=bucket)
    s3.delete_bucket(Bucket="deleted-bucket")
    for number, size in enumerate([0, 1, 100, 65536, 131072, 131073, 655361, 3 * MIB, 20 * MIB]):
        s3.put_object(Bucket="first", Key=f"size-{number}", Body=dice.randbytes(size))
    for number, key in enumerate(ODD_KEYS):
        s3.put_object(
            Bucket="second-bucket",
            Key=key,
            Body=dice.randbytes(1000 + number),
            ContentType="text/x-odd",
            CacheControl="no-store",
            Metadata={"name": f"value {number}", "other": "x"},
        )
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        for size in (500, 400_000):
            s3.put_object(
                Bucket="first", Key=f"sum-{algorithm}-{size}", Body=dice.randbytes(size), ChecksumAlgorithm=algorithm
            )
    for number in range(4):
        s3.put_object(Bucket="first", Key="overwritten", Body=dice.randbytes(10_000 + number))
        s3.put_object(Bucket="first", Key="overwritten-large", Body=dice.randbytes(2 * MIB + number))
    multipart(s3, "multipart-composite", [5 * MIB, 5 * MIB + 1, 70_000], dice, "SHA256")
    multipart(s3, "multipart-plain", [5 * MIB, 1], dice, None)
    s3.copy_object(Bucket="second-bucket", Key="copy", CopySource="first/size-6")
    s3.copy_object(Bucket="second-bucket", Key="copy-of-multipart", CopySource="first/multipart-plain")
    s3.copy_object(
        Bucket="first",
        Key="size-2",
        CopySource="first/size-2",
        MetadataDirective="REPLACE",
        Metadata={"replaced": "yes"},
    )
    for number in range(20):
        s3.put_object(Bucket="first", Key=f"deleted-{number}", Body=dice.randbytes(2000 * number))
    s3.put_object(Bucket="first", Key="copied-then-deleted", Body=dice.randbytes(5000))
    s3.copy_object(Bucket="first", Key="survives-its-source", CopySource="first/copied-then-deleted")
    for number in range(20):
        s3.delete_object(Bucket="first", Key=f"deleted-{number}")
    s3.delete_object(Bucket="first", Key="copied-then-deleted")
    for key in ("open-upload", "open-with-small-part"):
        upload = s3.create_multipart_upload(Bucket="first", Key=key, Metadata={"of": "an upload"})["UploadId"]
        size = 5 * MIB if key == "open-upload" else 3000
        s3.upload_part(Bucket="first", Key=key, UploadId=upload, PartNumber=1, Body=dice.randbytes(size))
        s3.upload_part(Bucket="first", Key=key, UploadId=upload, PartNumber=1, Body=dice.randbytes(size))
        s3.upload_part(Bucket="first", Key=key, UploadId=upload, PartNumber=3, Body=dice.randbytes(1234))


def multipart(s3, key, sizes, dice, algorithm):
    extra = {"ChecksumAlgorithm": algorithm} if algorithm else {}
    upload = s3.create_multipart_upload(Bucket="first", Key=key, ContentType="video/x", **extra)["UploadId"]
    parts = []
    for number, size in enumerate(sizes, 1):
        answer = s3.upload_part(
            Bucket="first", Key=key, UploadId=upload, PartNumber=number, Body=dice.randbytes(size), **extra
        )
        part = {"PartNumber": number, "ETag": answer["ETag"]}
        if algorithm:
            part[f"Checksum{algorithm}"] = answer[f"Checksum{algorithm}"]
        parts.append(part)
    s3.complete_multipart_upload(Bucket="first", Key=key, UploadId=upload, MultipartUpload={"Parts": parts})


def test_everything_comes_back_as_it_was(server, dice):
    server.start()
    fill(server, dice)
    before = picture(server)
    wait_for_journal(server)
    server.stop()
    assert fsck(server, expect=0)["objects"] == sum(len(bucket["objects"]) for bucket in before.values())

    report = rebuild(server)
    assert "NOT RESTORED" not in report
    assert fsck(server, "--verify", expect=0)["book_errors"] == 0
    server.start()
    after = picture(server)
    assert after == before

    # Life goes on, and a second loss is mended as well.
    s3 = server.client()
    s3.put_object(Bucket="first", Key="after-the-rebuild", Body=b"new")
    s3.delete_object(Bucket="first", Key="size-3")
    key, upload = next(entry for entry in before["first"]["uploads"] if entry[0] == "open-upload")
    uploaded = s3.list_parts(Bucket="first", Key=key, UploadId=upload)["Parts"]
    parts = [{name: part[name] for name in ("PartNumber", "ETag", "ChecksumCRC32")} for part in uploaded]
    s3.complete_multipart_upload(Bucket="first", Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
    again = picture(server)
    assert "size-3" not in again["first"]["objects"] and "open-upload" in again["first"]["objects"]
    server.stop()
    rebuild(server)
    server.start()
    assert picture(server) == again


def test_with_as_many_drives_missing_as_the_code_bears(server, dice):
    server.start()
    fill(server, dice)
    before = picture(server)
    server.stop()
    missing = dice.sample(sorted(server.data_dir.glob("drive-*")), LOSSES)
    aside = server.data_dir.with_name("aside")
    aside.mkdir()
    for drive in missing:
        drive.rename(aside / drive.name)
    rebuild(server)
    start_serving(server)  # too few drives for writing
    assert picture(server) == before
    server.stop()
    assert fsck(server, expect=1)["drives_missing"] == LOSSES
    # They come back as the drives that they were: the registration was kept on the others.
    for drive in missing:
        (aside / drive.name).rename(drive)
    shutil.rmtree(aside)
    server.start()
    assert picture(server) == before


@pytest.mark.parametrize("period_ms", ["200", "3600000"])
def test_kill_9_without_waiting_for_the_journal_loses_no_acknowledged_put(server, dice, period_ms):
    """With a period of an hour the journal has written nothing at all: the directories tell everything."""
    server.extra_env["ASHLAR_JOURNAL_PERIOD"] = period_ms
    server.start()
    sha256 = {}
    with StoreClient(server) as client:
        client.create_bucket("kept")
        for number in range(150):
            size = dice.choice([1, 300, 20_000, 131_073, 700_000, 2 * MIB])
            key = f"key-{dice.randrange(100)}"
            body = dice.randbytes(size)
            assert client.put("kept", key, body, x_amz_meta_number=number).status == 200
            sha256[key] = (hashlib.sha256(body).hexdigest(), number)
    server.kill()
    rebuild_any(server)
    server.start()
    with StoreClient(server) as client:
        assert set(client.list_all("kept")) == set(sha256)
        for key, (digest, number) in sha256.items():
            answer = client.get("kept", key)
            assert hashlib.sha256(answer.body).hexdigest() == digest, key
            assert answer.header("x-amz-meta-number") == str(number)


def rebuild_any(server):
    shutil.rmtree(server.data_dir / "metadata")
    done = run_tool(server, "rebuild-metadata")
    assert done.returncode in (0, 1), f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_a_refused_write_does_not_come_back(server, dice):
    """A PUT that answered 412 wrote its shards before it was refused."""
    server.start()
    s3 = server.client()
    s3.create_bucket(Bucket="first")
    for size in (1000, 300_000):
        s3.put_object(Bucket="first", Key=f"key-{size}", Body=dice.randbytes(size))
    before = picture(server)
    for size in (1000, 300_000):
        with pytest.raises(s3.exceptions.ClientError) as refused:
            s3.put_object(Bucket="first", Key=f"key-{size}", Body=dice.randbytes(size), IfNoneMatch="*")
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    wait_for_journal(server)
    server.kill()
    report = rebuild(server)
    assert "from directories" not in report.split("Not in use")[1]
    server.start()
    assert picture(server) == before


def test_refuses_metadata_that_are_there_and_a_running_server(server):
    server.start()
    done = run_tool(server, "rebuild-metadata")
    assert done.returncode == 3 and "the server runs" in done.stderr
    server.stop()
    done = run_tool(server, "rebuild-metadata")
    assert done.returncode == 3 and "move it away first" in done.stderr
    server.start()


def test_the_start_without_metadata_points_to_the_rebuild(server):
    server.start()
    server.stop()
    shutil.rmtree(server.data_dir / "metadata")
    with pytest.raises(Exception, match="rebuild-metadata"):
        server.start()


def test_a_rebuild_that_is_broken_off_is_begun_anew(server, dice):
    server.start()
    s3 = server.client()
    s3.create_bucket(Bucket="first")
    s3.put_object(Bucket="first", Key="key", Body=dice.randbytes(1000))
    before = picture(server)
    server.stop()
    shutil.rmtree(server.data_dir / "metadata")
    server.extra_env["ASHLAR_FAILPOINTS"] = "metadata.before_commit=crash@4"
    done = run_tool(server, "rebuild-metadata")
    assert done.returncode == 137, f"{done.returncode}\n{done.stderr}"
    del server.extra_env["ASHLAR_FAILPOINTS"]
    assert not (server.data_dir / "metadata").exists()
    (server.data_dir / "metadata").mkdir()  # an empty one is no obstacle
    rebuild(server)
    assert not list(server.data_dir.glob("metadata.*"))
    server.start()
    assert picture(server) == before


def test_nobody_can_name_the_journal(server):
    server.start()
    wait_for_journal(server)
    s3 = server.client()
    assert s3.list_buckets()["Buckets"] == []
    s3.create_bucket(Bucket="first")
    hidden = ".ashlar-journal"
    with StoreClient(server) as client:
        for method, path, query in [
            ("GET", f"/{hidden}", []),
            ("GET", f"/{hidden}", [("list-type", "2")]),
            ("HEAD", f"/{hidden}", []),
            ("PUT", f"/{hidden}", []),
            ("DELETE", f"/{hidden}", []),
            ("PUT", f"/{hidden}/x", []),
            ("POST", f"/{hidden}/x", [("uploads", "")]),
        ]:
            answer = client.call(method, path, query)
            assert answer.status == 400, f"{method} {path}: {answer}"
        answer = client.call("PUT", "/first/x", headers=[("x-amz-copy-source", f"/{hidden}/x")])
        assert answer.status == 400, str(answer)
        answer = client.call("GET", "/", [("prefix", ".")])
        assert answer.status == 200 and b"<Bucket>" not in answer.body
