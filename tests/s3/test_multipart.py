"""Multipart uploads (notes 35 to 39)."""

import random
import threading

import pytest
from harness import sigv4
from harness.checksums import md5_hex, multipart_etag
from harness.expect import assert_error, assert_status, s3_error
from harness.helpers import Upload
from harness.raw_http import request_bytes

MIN_PART = 5 * 1024 * 1024
BIG = random.Random(5).randbytes(MIN_PART)
BIG_2 = random.Random(6).randbytes(MIN_PART + 4321)


def read(s3, bucket, key="k"):
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def test_parts_become_one_object(s3, bucket):
    """Note 35: content in part order; ETag is md5 of md5s, -N, quoted, in XML and headers."""
    upload = Upload(s3, bucket, "dir/k").part(2, BIG_2).part(3, b"tail").part(1, BIG)
    done = upload.complete()
    etag = f'"{multipart_etag([BIG, BIG_2, b"tail"])}"'
    assert done["ETag"] == etag and done["Bucket"] == bucket and done["Key"] == "dir/k"
    assert done["Location"].endswith("dir/k") or done["Location"].endswith("dir%2Fk")
    shown = s3.head_object(Bucket=bucket, Key="dir/k")
    assert shown["ETag"] == etag and shown["ContentLength"] == len(BIG) + len(BIG_2) + 4
    assert read(s3, bucket, "dir/k") == BIG + BIG_2 + b"tail"
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["ETag"] == etag


def test_part_etag_is_the_md5_of_the_part(s3, bucket):
    """Note 35: 32 hexadecimal digits, quoted."""
    assert Upload(s3, bucket).part(1, b"part").answers[1]["ETag"] == f'"{md5_hex(b"part")}"'


def test_ranges_across_part_borders(s3, bucket):
    """Notes 17 and 35: a range does not care where a part ends."""
    Upload(s3, bucket).part(1, BIG).part(2, BIG_2).part(3, b"tail").complete()
    whole = BIG + BIG_2 + b"tail"
    for first, last in (
        (MIN_PART - 1, MIN_PART),
        (MIN_PART - 70000, MIN_PART + 70000),
        (len(whole) - 6, len(whole) - 1),
        (MIN_PART, MIN_PART),
    ):
        got = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={first}-{last}")
        assert got["Body"].read() == whole[first : last + 1], (first, last)


def test_single_small_part_and_empty_part(s3, bucket):
    """Note 36: only the last part may be small, and the only part is the last; it may even be
    empty."""
    assert Upload(s3, bucket).part(1, b"x").complete()["ETag"] == f'"{multipart_etag([b"x"])}"'
    assert read(s3, bucket) == b"x"
    Upload(s3, bucket).part(1, b"").complete()
    assert read(s3, bucket) == b""


def test_gaps_in_part_numbers_are_fine(s3, bucket):
    """Note 36, L:test_complete_multipart_parts_order complete-multipart-with-step-2; numbers up
    to 10000."""
    done = Upload(s3, bucket).part(10000, b"end").part(7, BIG).complete()
    assert done["ETag"] == f'"{multipart_etag([BIG, b"end"])}"' and read(s3, bucket) == BIG + b"end"


def test_parts_not_named_at_complete_are_dropped(s3, bucket):
    """CompleteMultipartUpload names the parts; the others vanish."""
    upload = Upload(s3, bucket).part(1, b"kept").part(2, b"dropped")
    upload.complete(upload.part_list()[:1])
    assert read(s3, bucket) == b"kept"


@pytest.mark.parametrize("order", [[2, 1], [1, 1], [1, 2, 2]])
def test_parts_out_of_order_are_invalid_part_order(s3, bucket, order):
    """Note 36, L:test_complete_multipart_parts_order complete-multipart-unordered: UploadId
    named; upload lives on."""
    upload = Upload(s3, bucket).part(1, b"a").part(2, b"b")
    with s3_error(400, "InvalidPartOrder", UploadId=upload.id):
        upload.complete([upload.part_list()[number - 1] for number in order])
    assert len(s3.list_parts(**upload.where)["Parts"]) == 2


@pytest.mark.parametrize("number", ["0", "-1", "10001", "abc", ""])
def test_part_number_out_of_bounds_is_invalid_argument(raw, s3, bucket, number):
    """Note 36, L:test_complete_multipart_parts_order upload-part-negative-part-number."""
    upload = Upload(s3, bucket)
    response = raw.call(
        "PUT", f"/{bucket}/k", [("partNumber", number), ("uploadId", upload.id)], body=b"x"
    )
    assert_error(response, 400, "InvalidArgument")


def test_small_part_before_the_last_is_entity_too_small(s3, bucket):
    """Notes 1 and 36, L:test_multipart_complete_multipart_too_small: sizes, part and ETag are
    named."""
    upload = Upload(s3, bucket).part(1, b"data").part(2, b"data")
    with s3_error(
        400,
        "EntityTooSmall",
        ProposedSize="4",
        MinSizeAllowed="5242880",
        PartNumber="1",
        ETag=md5_hex(b"data"),
    ):
        upload.complete()


def test_complete_without_parts_is_invalid_request(raw, s3, bucket):
    """L:test_multipart_complete_multipart_too_small complete-exc-no-parts."""
    upload = Upload(s3, bucket).part(1, b"data")
    assert_error(
        raw.call("POST", f"/{bucket}/k", [("uploadId", upload.id)]),
        400,
        "InvalidRequest",
        "MalformedXML",
    )
    body = b"<CompleteMultipartUpload></CompleteMultipartUpload>"
    assert_error(
        raw.call("POST", f"/{bucket}/k", [("uploadId", upload.id)], body=body),
        400,
        "InvalidRequest",
        "MalformedXML",
    )


@pytest.mark.parametrize(
    "number, etag", [(2, md5_hex(b"data")), (1, "d41d8cd98f00b204e9800998ecf8427e")]
)
def test_unknown_part_or_wrong_etag_is_invalid_part(s3, bucket, number, etag):
    """Note 35 (M:b04c0697e), L:test_multipart_complete_multipart_wrong_part: PartNumber, ETag,
    UploadId are named."""
    upload = Upload(s3, bucket).part(1, b"data")
    with s3_error(400, "InvalidPart", PartNumber=str(number), ETag=etag, UploadId=upload.id):
        upload.complete([{"PartNumber": number, "ETag": etag}])
    assert upload.complete()["ETag"]


@pytest.mark.parametrize("form", ['"{}"', "{}", "&quot;{}&quot;"])
def test_part_etags_with_or_without_quotes(raw, s3, bucket, form):
    """Note 35: request part ETags may come with or without quotes."""
    upload = Upload(s3, bucket).part(1, b"data")
    body = (
        "<CompleteMultipartUpload xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>"
        "<Part><PartNumber>1</PartNumber>"
        f"<ETag>{form.format(md5_hex(b'data'))}</ETag></Part></CompleteMultipartUpload>"
    ).encode()
    response = assert_status(
        raw.call("POST", f"/{bucket}/k", [("uploadId", upload.id)], body=body), 200
    )
    assert response.xml().tag == "CompleteMultipartUploadResult", str(response)
    assert response.text("ETag") == f'"{multipart_etag([b"data"])}"'


def test_uploaded_again_part_replaces_the_old(s3, bucket):
    """Note 36: the second upload of a part number counts; the first one's ETag no longer fits."""
    upload = Upload(s3, bucket).part(1, b"old")
    old = upload.part_list()
    upload.part(1, b"new")
    assert [part["Size"] for part in s3.list_parts(**upload.where)["Parts"]] == [3]
    with s3_error(400, "InvalidPart"):
        upload.complete(old)
    upload.complete()
    assert read(s3, bucket) == b"new"


def test_older_upload_of_a_part_does_not_win_by_finishing_last(raw, s3, bucket):
    """Note 36 (T:test_multipart_resend_first_finishes_last): a client that sends a part again
    after a time-out must get the newer one, whenever the older one ends."""
    upload = Upload(s3, bucket)
    old, new = b"A" * 100_000, b"B" * 100_000
    query = [("partNumber", "1"), ("uploadId", upload.id)]
    target, headers = raw.prepare("PUT", f"/{bucket}/k", query, {"Expect": "100-continue"}, old)
    with raw.connect() as connection:
        connection.send(request_bytes("PUT", target, headers))
        assert connection.read_interim() == 100  # the server has begun with it
        connection.send(old[:50_000])
        upload.part(1, new)
        connection.send(old[50_000:])
        assert connection.read_response("PUT").status < 500
    upload.complete()
    assert read(s3, bucket) == new


@pytest.mark.http_only
def test_concurrent_parts_arrive_whole(s3, bucket, parallel):
    """Mission "Multipart": parts uploaded independently and in parallel."""
    upload = Upload(s3, bucket)
    bodies = {number: random.Random(number).randbytes(MIN_PART + number) for number in range(1, 5)}
    results = parallel([lambda n=n, b=b: upload.part(n, b) for n, b in bodies.items()], 4)
    assert not [result for result in results if isinstance(result, Exception)], results
    upload.complete()
    assert read(s3, bucket) == b"".join(bodies[number] for number in sorted(bodies))


def test_complete_is_idempotent(s3, bucket):
    """Note 37 (ceph/s3-tests#739): a retry with the same parts returns the same ETag and
    checksum."""
    upload = Upload(s3, bucket).part(1, b"data")
    first, second = upload.complete(), upload.complete()
    for name in ("ETag", "ChecksumCRC64NVME", "ChecksumType", "Key", "Bucket"):
        assert first[name] == second[name], name
    assert read(s3, bucket) == b"data"


def test_late_retry_of_complete_does_not_undo_a_newer_object(s3, bucket):
    """Note 37: the retry must not write again over what came later."""
    upload = Upload(s3, bucket).part(1, b"data")
    upload.complete()
    s3.put_object(Bucket=bucket, Key="k", Body=b"newer")
    try:
        upload.complete()
    except s3.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "NoSuchUpload"
    assert read(s3, bucket) == b"newer"


@pytest.mark.http_only
def test_concurrent_completes_agree(s3, bucket, parallel):
    """Note 37: concurrent Completes are serialised and all report the same object."""
    upload = Upload(s3, bucket).part(1, b"data")
    results = parallel([upload.complete] * 6, 6)
    etags = [result["ETag"] if isinstance(result, dict) else repr(result) for result in results]
    assert set(etags) == {f'"{multipart_etag([b"data"])}"'}


@pytest.mark.http_only
def test_complete_and_abort_at_once_leave_one_outcome(s3, bucket):
    """Note 37 (R#5356): either the object exists and the abort failed, or there is no object."""
    for number in range(6):
        key = f"k{number}"
        upload = Upload(s3, bucket, key).part(1, b"data")
        outcome = {}

        def attempt(name, call):
            try:
                call()
                outcome[name] = True
            except s3.exceptions.ClientError as error:
                assert error.response["Error"]["Code"] == "NoSuchUpload", error
                outcome[name] = False

        threads = [
            threading.Thread(target=attempt, args=("complete", upload.complete)),
            threading.Thread(target=attempt, args=("abort", upload.abort)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        exists = s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == 1
        assert exists == outcome["complete"] and (outcome["complete"] or outcome["abort"]), outcome
        assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_abort_is_204_once_then_404(s3, bucket):
    """Note 39: and the parts are gone, a late part fails (S#8768)."""
    upload = Upload(s3, bucket).part(1, b"data")
    assert upload.abort()["ResponseMetadata"]["HTTPStatusCode"] == 204
    for call in (
        upload.abort,
        upload.complete,
        lambda: upload.part(2, b"late"),
        lambda: s3.list_parts(**upload.where),
    ):
        with s3_error(404, "NoSuchUpload", UploadId=upload.id):
            call()
    with s3_error(404, "404"):
        s3.head_object(Bucket=bucket, Key="k")


@pytest.mark.parametrize("upload_id", ["fakeid", "", "../../x", "A" * 200])
def test_unknown_upload_is_no_such_upload(raw, bucket, upload_id):
    """Note 1, L:test_multipart_no_such_upload: for UploadPart, Complete, Abort and ListParts."""
    query = [("uploadId", upload_id)]
    part = b"<Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>"
    complete = b"<CompleteMultipartUpload>" + part + b"</CompleteMultipartUpload>"
    path = f"/{bucket}/k"
    for response in (
        raw.call("PUT", path, [("partNumber", "1"), *query], body=b"x"),
        raw.call("POST", path, query, body=complete),
        raw.call("DELETE", path, query),
        raw.call("GET", path, query),
    ):
        if upload_id:
            assert_error(response, 404, "NoSuchUpload", UploadId=upload_id)
        else:
            assert 400 <= response.status < 500, str(response)
    assert_status(raw.call("HEAD", path), 404)


def test_upload_of_another_key_is_no_such_upload(s3, bucket):
    """Note 39, L:test_multipart_key_validation."""
    upload = Upload(s3, bucket, "right").part(1, b"data")
    upload.where["Key"] = "wrong"
    for call in (
        lambda: upload.part(2, b"x"),
        upload.complete,
        upload.abort,
        lambda: s3.list_parts(**upload.where),
    ):
        with s3_error(404, "NoSuchUpload", UploadId=upload.id):
            call()
    upload.where["Key"] = "right"
    assert len(s3.list_parts(**upload.where)["Parts"]) == 1


def test_upload_of_another_bucket_is_no_such_upload(s3, bucket, bucket_factory):
    """Security notes, GHSA-99q7-x53r-6j4g: an upload belongs to its bucket."""
    upload = Upload(s3, bucket).part(1, b"data")
    upload.where["Bucket"] = bucket_factory()
    for call in (
        lambda: upload.part(2, b"x"),
        upload.complete,
        upload.abort,
        lambda: s3.list_parts(**upload.where),
    ):
        with s3_error(404, "NoSuchUpload"):
            call()


def test_metadata_is_fixed_at_create(s3, bucket):
    """Note 39 (R#5170, S#7884): metadata, system headers and storage class appear on the object."""
    Upload(
        s3,
        bucket,
        Metadata={"a": "b"},
        ContentType="text/plain",
        CacheControl="no-store",
        StorageClass="STANDARD_IA",
        ContentDisposition="inline",
        ContentLanguage="de",
    ).part(1, b"x").complete()
    shown = s3.head_object(Bucket=bucket, Key="k")
    assert shown["Metadata"] == {"a": "b"} and shown["ContentType"] == "text/plain"
    assert (shown["CacheControl"], shown["StorageClass"]) == ("no-store", "STANDARD_IA")
    assert (shown["ContentDisposition"], shown["ContentLanguage"]) == ("inline", "de")


def test_content_type_of_an_upload_defaults(s3, bucket):
    """Note 22 for multipart objects."""
    Upload(s3, bucket).part(1, b"x").complete()
    assert s3.head_object(Bucket=bucket, Key="k")["ContentType"] == "binary/octet-stream"


def test_upload_ids_are_unique_and_url_safe(s3, bucket):
    """Note 39 (M:5f1999cc7)."""
    ids = {s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"] for _ in range(5)}
    assert len(ids) == 5 and all(sigv4.uri_encode(upload) == upload for upload in ids), ids


def test_open_upload_does_not_change_the_object(s3, bucket):
    """Notes 38 and 39: the object appears with Complete, whole, and replaces the old one
    (L:test_multipart_overwrite_key)."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"old")
    upload = Upload(s3, bucket).part(1, b"new")
    assert read(s3, bucket) == b"old"
    upload.complete()
    assert read(s3, bucket) == b"new"


@pytest.mark.parametrize("size, status", [(5, 400), (3, 400), (4, 200)])
def test_announced_object_size_is_checked(s3, bucket, size, status):
    """Note 36, L:test_multipart_size_validation: x-amz-mp-object-size."""
    upload = Upload(s3, bucket).part(1, b"data")
    if status == 200:
        upload.complete(MpuObjectSize=size)
        return
    with s3_error(400, "InvalidRequest") as caught:
        upload.complete(MpuObjectSize=size)
    assert caught.error["Message"] == (
        f"The provided 'x-amz-mp-object-size' header value {size} does not match "
        "what was computed: 4"
    )


@pytest.mark.parametrize(
    "body",
    [
        b"<CompleteMultipartUpload><Part>",
        b"<Other><Part/></Other>",
        b"no xml",
        b"<CompleteMultipartUpload><Part><PartNumber>x</PartNumber><ETag>y</ETag></Part>"
        b"</CompleteMultipartUpload>",
        b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part>"
        b"</CompleteMultipartUpload>",
    ],
    ids=repr,
)
def test_malformed_complete_document_is_malformed_xml(raw, s3, bucket, body):
    """Security notes 4.5; note 38: cheap checks come before the 200."""
    upload = Upload(s3, bucket).part(1, b"data")
    response = raw.call("POST", f"/{bucket}/k", [("uploadId", upload.id)], body=body)
    assert_error(response, 400, "MalformedXML", "InvalidPart")
    assert_status(raw.call("HEAD", f"/{bucket}/k"), 404)


@pytest.mark.http_only
def test_part_with_wrong_md5_is_not_stored(s3, bucket):
    """Note 25, L:test_s3_invalid_content_md5 upload-part-md5-bad-digest."""
    upload = Upload(s3, bucket)
    with s3_error(400, "BadDigest"):
        upload.part(1, b"something", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
    assert "Parts" not in s3.list_parts(**upload.where)


def test_create_answers_the_upload_document(raw, bucket):
    """Note 4: InitiateMultipartUploadResult with Bucket, Key, UploadId."""
    response = assert_status(raw.call("POST", f"/{bucket}/a%20b", [("uploads", None)]), 200)
    assert response.xml().tag == "InitiateMultipartUploadResult"
    assert (
        response.text("Bucket") == bucket
        and response.text("Key") == "a b"
        and response.text("UploadId")
    )
