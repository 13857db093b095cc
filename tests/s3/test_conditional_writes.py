"""Conditions on PutObject, CompleteMultipartUpload and DeleteObject (notes 23 and 24)."""

import pytest
from harness.checksums import md5_hex
from harness.expect import assert_error, s3_error
from harness.helpers import Upload

WRONG = '"d41d8cd98f00b204e9800998ecf8427e"'


def begun(s3, bucket, body=b"multipart"):
    return Upload(s3, bucket).part(1, body)


def read(s3, bucket, key="k"):
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def test_if_none_match_star_creates_only_once(s3, bucket):
    """Note 23, L:test_put_object_if_none_match: 412 with Condition while it exists, works again
    after DELETE."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"first", IfNoneMatch="*")
    with s3_error(412, "PreconditionFailed", Condition="If-None-Match"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"second", IfNoneMatch="*")
    assert read(s3, bucket) == b"first"
    s3.delete_object(Bucket=bucket, Key="k")
    s3.put_object(Bucket=bucket, Key="k", Body=b"third", IfNoneMatch="*")
    assert read(s3, bucket) == b"third"


def test_if_none_match_with_an_etag_is_501(s3, bucket):
    """Note 23, L:test_put_object_if_none_match_validation: Header is named."""
    with s3_error(501, "NotImplemented", Header="If-None-Match"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", IfNoneMatch=WRONG)


def test_if_match_star_is_501(s3, bucket):
    """Note 23, L:test_put_object_if_match_validation."""
    with s3_error(501, "NotImplemented", Header="If-Match"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", IfMatch="*")


def test_both_conditions_are_501(s3, bucket):
    """Note 23, L:test_put_object_if_match_and_if_none_match_validation."""
    with s3_error(501, "NotImplemented", Header="If-Match,If-None-Match"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", IfMatch=WRONG, IfNoneMatch="*")


@pytest.mark.parametrize("quoted", [True, False])
def test_if_match_replaces_only_what_was_seen(s3, bucket, quoted):
    """Note 23, L:test_put_object_if_match."""
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"test")["ETag"]
    with s3_error(412, "PreconditionFailed", Condition="If-Match"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"lost", IfMatch=WRONG)
    assert read(s3, bucket) == b"test"
    s3.put_object(Bucket=bucket, Key="k", Body=b"won", IfMatch=etag if quoted else etag.strip('"'))
    assert read(s3, bucket) == b"won"


def test_if_match_on_a_missing_key_is_no_such_key(s3, bucket):
    """Note 23, L:test_put_object_if_match put-obj-if-match-key-not-exists: and nothing is
    created."""
    with s3_error(404, "NoSuchKey", Key="k"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", IfMatch=WRONG)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_if_match_on_a_deleted_key_is_no_such_key(s3, bucket):
    """L:test_put_object_if_match: after DELETE the old ETag matches nothing."""
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    s3.delete_object(Bucket=bucket, Key="k")
    with s3_error(404, "NoSuchKey"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"y", IfMatch=etag)


def test_one_of_many_concurrent_creations_wins(s3, bucket, parallel):
    """Design "Consistency": conditional writes are linearizable: exactly one If-None-Match:*
    succeeds."""
    for attempt in range(3):
        key = f"race-{attempt}"
        bodies = [b"writer-%d" % number for number in range(8)]
        results = parallel(
            [
                lambda b=b: s3.put_object(Bucket=bucket, Key=key, Body=b, IfNoneMatch="*")
                for b in bodies
            ]
        )
        winners = [body for body, result in zip(bodies, results) if isinstance(result, dict)]
        losers = [
            result.response["Error"]["Code"] for result in results if not isinstance(result, dict)
        ]
        assert len(winners) == 1 and set(losers) <= {
            "PreconditionFailed",
            "ConditionalRequestConflict",
        }, results
        assert read(s3, bucket, key) == winners[0]


def test_concurrent_if_match_loses_no_update(s3, bucket, parallel):
    """Design "Consistency": a counter kept by compare-and-swap from eight threads misses no
    increment."""
    s3.put_object(Bucket=bucket, Key="counter", Body=b"0")

    def increment():
        for _ in range(200):
            got = s3.get_object(Bucket=bucket, Key="counter")
            value = int(got["Body"].read())
            try:
                s3.put_object(
                    Bucket=bucket, Key="counter", Body=b"%d" % (value + 1), IfMatch=got["ETag"]
                )
                return True
            except s3.exceptions.ClientError as error:
                assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (409, 412), error
        return False

    assert parallel([increment] * 24) == [True] * 24
    assert read(s3, bucket, "counter") == b"24"


def test_complete_with_if_none_match(s3, bucket):
    """L:test_multipart_if_none_match_with_delete: 412 while the key exists; right after a
    restart."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"there")
    with s3_error(412, "PreconditionFailed", Condition="If-None-Match"):
        begun(s3, bucket).complete(IfNoneMatch="*")
    s3.delete_object(Bucket=bucket, Key="k")
    begun(s3, bucket).complete(IfNoneMatch="*")
    assert read(s3, bucket) == b"multipart"


def test_complete_if_none_match_after_a_delete_during_the_upload_conflicts(s3, bucket):
    """Note 24, L:test_multipart_if_none_match_with_delete: 409 ConditionalRequestConflict with
    Key."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"there")
    upload = begun(s3, bucket)
    s3.delete_object(Bucket=bucket, Key="k")
    with s3_error(409, "ConditionalRequestConflict", Condition="If-None-Match", Key="k"):
        upload.complete(IfNoneMatch="*")


def test_complete_if_none_match_after_a_put_during_the_upload_fails(s3, bucket):
    """L:test_multipart_if_none_match_with_put: the key exists, so 412."""
    upload = begun(s3, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"between")
    with s3_error(412, "PreconditionFailed", Condition="If-None-Match"):
        upload.complete(IfNoneMatch="*")
    assert read(s3, bucket) == b"between"


def test_complete_with_if_match(s3, bucket):
    """L:test_multipart_if_match_etag: right ETag completes; that of an older object fails."""
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"test")["ETag"]
    done = begun(s3, bucket).complete(IfMatch=first)
    second = begun(s3, bucket, body=b"again")
    with s3_error(412, "PreconditionFailed", Condition="If-Match"):
        second.complete(IfMatch=first)
    second.complete(IfMatch=done["ETag"])
    assert read(s3, bucket) == b"again"


@pytest.mark.parametrize("between", [b"changed", b"test"])
def test_complete_if_match_after_a_put_during_the_upload_conflicts(s3, bucket, between):
    """Note 24, L:test_multipart_if_match_with_put, ..._identical: 409 even with identical
    content; a restart works."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"test")
    upload = begun(s3, bucket)
    etag = s3.put_object(Bucket=bucket, Key="k", Body=between)["ETag"]
    with s3_error(409, "ConditionalRequestConflict", Condition="If-Match", Key="k"):
        upload.complete(IfMatch=etag)
    assert read(s3, bucket) == between
    begun(s3, bucket).complete(IfMatch=etag)
    assert read(s3, bucket) == b"multipart"


def test_complete_if_match_with_the_etag_from_before_fails(s3, bucket):
    """L:test_multipart_if_match_with_put complete-multipart-if-match-put-before."""
    before = s3.put_object(Bucket=bucket, Key="k", Body=b"test")["ETag"]
    upload = begun(s3, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"changed")
    with s3_error(412, "PreconditionFailed", Condition="If-Match"):
        upload.complete(IfMatch=before)


def test_complete_if_match_after_a_delete_is_no_such_key(s3, bucket):
    """L:test_multipart_if_match_with_delete: 404; after a new PUT the same upload conflicts."""
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"test")["ETag"]
    upload = begun(s3, bucket)
    s3.delete_object(Bucket=bucket, Key="k")
    with s3_error(404, "NoSuchKey", Key="k"):
        upload.complete(IfMatch=etag)
    s3.put_object(Bucket=bucket, Key="k", Body=b"test")
    with s3_error(409, "ConditionalRequestConflict"):
        upload.complete(IfMatch=etag)


def test_failed_condition_keeps_the_upload(s3, bucket):
    """L:test_multipart_if_match_etag: after a 412 the same upload can be completed."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"there")
    upload = begun(s3, bucket)
    with s3_error(412, "PreconditionFailed"):
        upload.complete(IfNoneMatch="*")
    upload.complete()
    assert read(s3, bucket) == b"multipart"


def test_delete_if_match(s3, raw, bucket):
    """L:TestS3DeletePrecondition (non express): wrong ETag 412 and the object stays; the right
    one deletes."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert_error(
        raw.call("DELETE", f"/{bucket}/k", headers={"If-Match": WRONG}),
        412,
        "PreconditionFailed",
        Condition="If-Match",
    )
    assert read(s3, bucket) == b"x"
    assert (
        raw.call("DELETE", f"/{bucket}/k", headers={"If-Match": f'"{md5_hex(b"x")}"'}).status == 204
    )


@pytest.mark.http_only
@pytest.mark.parametrize(
    "name, value",
    [
        ("x-amz-if-match-size", "10"),
        ("x-amz-if-match-last-modified-time", "Sat, 01 Jan 2022 00:00:00 GMT"),
    ],
)
def test_delete_conditions_of_directory_buckets_are_501(s3, raw, bucket, name, value):
    """L:TestS3DeletePrecondition: 501 with Header, and the object stays."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert_error(
        raw.call("DELETE", f"/{bucket}/k", headers={name: value}),
        501,
        "NotImplemented",
        Header=name,
    )
    assert read(s3, bucket) == b"x"


RACERS = 64


def winners(results):
    """The numbers of the calls that succeeded; all others must have been refused for their condition."""
    lost = [result for result in results if not isinstance(result, dict)]
    answers = [error.response for error in lost]
    refused = {(answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) for answer in answers}
    assert refused <= {(412, "PreconditionFailed"), (409, "ConditionalRequestConflict"), (404, "NoSuchKey")}, refused
    return [number for number, result in enumerate(results) if isinstance(result, dict)]


@pytest.mark.http_only
@pytest.mark.parametrize("how", ["create", "replace", "complete", "copy", "delete"])
def test_exactly_one_of_64_concurrent_writers_wins(server, bucket, parallel, how):
    """Issue 4.3: If-None-Match and If-Match on PUT, Complete, Copy and Delete."""
    s3 = server.client(max_pool_connections=RACERS)
    s3.put_object(Bucket=bucket, Key="source", Body=b"source")
    etag = None
    if how in ("replace", "delete"):
        etag = s3.put_object(Bucket=bucket, Key="k", Body=b"before")["ETag"]
    body = [b"writer %d" % number for number in range(RACERS)]

    def upload(number):
        started = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
        part = s3.upload_part(Bucket=bucket, Key="k", UploadId=started, PartNumber=1, Body=body[number])
        return {"UploadId": started, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}}

    uploads = parallel([lambda n=n: upload(n) for n in range(RACERS)], 16) if how == "complete" else []
    race = {
        "create": lambda n: s3.put_object(Bucket=bucket, Key="k", Body=body[n], IfNoneMatch="*"),
        "replace": lambda n: s3.put_object(Bucket=bucket, Key="k", Body=body[n], IfMatch=etag),
        "complete": lambda n: s3.complete_multipart_upload(Bucket=bucket, Key="k", IfNoneMatch="*", **uploads[n]),
        "copy": lambda n: s3.copy_object(
            Bucket=bucket, Key="k", CopySource=f"{bucket}/source", MetadataDirective="REPLACE",
            Metadata={"writer": str(n)}, IfNoneMatch="*",
        ),
        "delete": lambda n: s3.delete_object(Bucket=bucket, Key="k", IfMatch=etag),
    }[how]
    won = winners(parallel([lambda n=n: race(n) for n in range(RACERS)], RACERS))
    assert len(won) == 1, won
    if how == "delete":
        with s3_error(404, "NoSuchKey"):
            s3.get_object(Bucket=bucket, Key="k")
    elif how == "copy":
        assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"writer": str(won[0])}
    else:
        assert read(s3, bucket, "k") == body[won[0]]
