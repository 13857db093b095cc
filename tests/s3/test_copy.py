"""CopyObject (notes 4, 20, 32, 33, 34, 40)."""

import datetime

import pytest
from harness.checksums import checksum, md5_hex, multipart_etag
from harness.expect import assert_error, assert_status, s3_error
from harness.helpers import Upload, new_bucket_name
from harness.sigv4 import uri_encode

ILLEGAL_SELF_COPY = (
    "This copy request is illegal because it is trying to copy an object to itself "
    "without changing the "
    "object's metadata, storage class, website redirect location or encryption attributes."
)
BODY = b'{"key": "value"}'
WRONG = '"d41d8cd98f00b204e9800998ecf8427e"'


@pytest.fixture
def source(s3, bucket):
    s3.put_object(
        Bucket=bucket,
        Key="src",
        Body=BODY,
        ContentType="application/json",
        ContentLanguage="en-US",
        CacheControl="max-age=1",
        Metadata={"key": "value"},
    )
    return bucket


def copy(s3, bucket, key="dst", source=None, **options):
    source = source or {"Bucket": bucket, "Key": "src"}
    return s3.copy_object(Bucket=bucket, Key=key, CopySource=source, **options)


def head(s3, bucket, key="dst"):
    return s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")


def test_copy_keeps_content_metadata_and_system_headers(s3, source):
    """Note 34, L:test_s3_copy_content_type_and_metadata: directive COPY is the default."""
    answer = copy(s3, source)["CopyObjectResult"]
    assert answer["ETag"] == f'"{md5_hex(BODY)}"' and answer["LastModified"].year >= 2024
    shown = head(s3, source)
    assert shown["Metadata"] == {"key": "value"} and shown["ContentType"] == "application/json"
    assert shown["ContentLanguage"] == "en-US" and shown["CacheControl"] == "max-age=1"
    assert s3.get_object(Bucket=source, Key="dst")["Body"].read() == BODY


def test_copy_between_buckets(s3, source, bucket_factory):
    """CopyObject across buckets; the copy lives on when the source is overwritten and deleted."""
    other = bucket_factory()
    s3.copy_object(Bucket=other, Key="there", CopySource=f"{source}/src")
    s3.put_object(Bucket=source, Key="src", Body=b"changed")
    s3.delete_object(Bucket=source, Key="src")
    assert s3.get_object(Bucket=other, Key="there")["Body"].read() == BODY


def test_copy_of_a_large_object_is_independent(s3, bucket):
    """Design "Data model": a copy shares slices; deleting the source must not take them away."""
    body = bytes(range(256)) * 6000
    s3.put_object(Bucket=bucket, Key="src", Body=body)
    copy(s3, bucket)
    s3.delete_object(Bucket=bucket, Key="src")
    assert s3.get_object(Bucket=bucket, Key="dst")["Body"].read() == body
    copy(s3, bucket, "again", {"Bucket": bucket, "Key": "dst"})
    s3.delete_object(Bucket=bucket, Key="dst")
    assert s3.get_object(Bucket=bucket, Key="again")["Body"].read() == body


def test_copy_of_an_empty_object(s3, bucket):
    """Zero bytes can be copied."""
    s3.put_object(Bucket=bucket, Key="src", Body=b"")
    copy(s3, bucket)
    assert head(s3, bucket)["ContentLength"] == 0


def test_copy_directive_ignores_metadata_in_the_request(s3, source):
    """Note 34, L:test_s3_copy_metadata_directive_copy."""
    copy(s3, source, MetadataDirective="COPY", Metadata={"other": "x"}, ContentType="image/jpg")
    shown = head(s3, source)
    assert shown["Metadata"] == {"key": "value"} and shown["ContentType"] == "application/json"


def test_replace_directive_replaces_everything(s3, source):
    """Note 34, L:test_s3_copy_metadata_replace: also system headers (S#9721)."""
    copy(
        s3,
        source,
        MetadataDirective="REPLACE",
        Metadata={"another-key": "value"},
        ContentType="image/jpg",
    )
    shown = head(s3, source)
    assert shown["Metadata"] == {"another-key": "value"} and shown["ContentType"] == "image/jpg"
    assert "ContentLanguage" not in shown and "CacheControl" not in shown


def test_replace_directive_without_type_uses_the_default(s3, source):
    """L:test_s3_copy_object_in_place_metadata_directive head-replace-directive."""
    copy(s3, source, MetadataDirective="REPLACE")
    assert (
        head(s3, source)["ContentType"] == "binary/octet-stream"
        and head(s3, source)["Metadata"] == {}
    )


def test_unknown_metadata_directive_is_invalid_argument(raw, source):
    """An unknown directive is refused and nothing is copied."""
    headers = {"x-amz-copy-source": f"/{source}/src", "x-amz-metadata-directive": "MERGE"}
    assert_error(raw.call("PUT", f"/{source}/dst", headers=headers), 400, "InvalidArgument")
    assert_status(raw.call("HEAD", f"/{source}/dst"), 404)


def test_copy_onto_itself_without_change_is_invalid_request(s3, source):
    """Note 33, L:test_s3_copy_object_in_place: the long text."""
    with s3_error(400, "InvalidRequest", Message=ILLEGAL_SELF_COPY):
        copy(s3, source, "src")
    with s3_error(400, "InvalidRequest", Message=ILLEGAL_SELF_COPY):
        copy(s3, source, "src", MetadataDirective="COPY", Metadata={"other": "x"})
    assert s3.get_object(Bucket=source, Key="src")["Body"].read() == BODY


@pytest.mark.parametrize(
    "change, shown",
    [
        (
            {"MetadataDirective": "REPLACE", "Metadata": {"key2": "value2"}},
            {"Metadata": {"key2": "value2"}},
        ),
        (
            {"StorageClass": "STANDARD_IA"},
            {"StorageClass": "STANDARD_IA", "Metadata": {"key": "value"}},
        ),
    ],
)
def test_copy_onto_itself_with_a_change_is_allowed(s3, source, change, shown):
    """Note 33, L:test_s3_copy_object_in_place_metadata_directive, ..._storage_class: the data
    survives (R#5618)."""
    copy(s3, source, "src", **change)
    after = head(s3, source, "src")
    assert {name: after.get(name) for name in shown} == shown
    assert s3.get_object(Bucket=source, Key="src")["Body"].read() == BODY


def test_storage_class_is_not_carried_over(s3, bucket):
    """L:test_s3_copy_object_storage_class: a copy without label is STANDARD."""
    s3.put_object(Bucket=bucket, Key="src", Body=b"test", StorageClass="STANDARD_IA")
    copy(s3, bucket)
    assert "StorageClass" not in head(s3, bucket)


@pytest.mark.parametrize(
    "form", ["{bucket}/src", "/{bucket}/src", "{bucket}/%73rc", "{bucket}%2Fsrc"]
)
def test_copy_source_forms(raw, source, form):
    """Note 32: optional leading slash, URL-decoded once."""
    headers = {"x-amz-copy-source": form.format(bucket=source)}
    response = assert_status(raw.call("PUT", f"/{source}/dst", headers=headers), 200)
    assert (
        response.xml().tag == "CopyObjectResult" and response.text("ETag") == f'"{md5_hex(BODY)}"'
    )


@pytest.mark.parametrize(
    "key",
    [
        "file%2Fname",
        "test@key/",
        "test key/",
        "test key//",
        "a/%F0%9F%98%80/",
        "test+key",
        "ä/../ö",
        "100%",
    ],
)
def test_copy_of_strange_keys(raw, bucket, key):
    """Note 32, L:test_copy_object_special_character: '+' in the source is a plus."""
    encoded = uri_encode(key, keep_slash=True)
    assert_status(raw.call("PUT", f"/{bucket}/{encoded}", body=key.encode()), 200)
    assert_status(
        raw.call("PUT", f"/{bucket}/copied", headers={"x-amz-copy-source": f"{bucket}/{encoded}"}),
        200,
    )
    assert raw.call("GET", f"/{bucket}/copied").body == key.encode()


def test_plus_in_the_copy_source_is_a_plus(raw, bucket):
    """Note 32 (V:e702a486): never a space."""
    assert_status(raw.call("PUT", f"/{bucket}/a%20b", body=b"space"), 200)
    response = raw.call("PUT", f"/{bucket}/dst", headers={"x-amz-copy-source": f"{bucket}/a+b"})
    assert_error(response, 404, "NoSuchKey", Key="a+b")


@pytest.mark.parametrize("value", ["", "/", "no-slash", "/only-bucket", "bucket/"])
def test_malformed_copy_source_is_invalid_argument(raw, bucket, value):
    """Note 32, L:test_s3_copy_object_wrong_format."""
    response = raw.call("PUT", f"/{bucket}/dst", headers={"x-amz-copy-source": value})
    assert_error(response, 400, "InvalidArgument")
    assert_status(raw.call("HEAD", f"/{bucket}/dst"), 404)


@pytest.mark.parametrize("value", ["{bucket}/%", "{bucket}/%zz", "{bucket}/%FF"])
def test_badly_encoded_copy_source_fails(raw, bucket, value):
    """Note 32 (T:test_upload_part_copy_percent_encoded_key): '%' alone must fail."""
    response = raw.call(
        "PUT", f"/{bucket}/dst", headers={"x-amz-copy-source": value.format(bucket=bucket)}
    )
    assert 400 <= response.status < 500 and response.code, str(response)


def test_missing_source_bucket_and_key(s3, bucket):
    """Note 32, L:test_s3_copy_object_src_not_exists: NoSuchBucket and NoSuchKey (S#10332)."""
    absent = new_bucket_name()
    with s3_error(404, "NoSuchBucket", BucketName=absent):
        copy(s3, bucket, source={"Bucket": absent, "Key": "k"})
    with s3_error(404, "NoSuchKey", Key="random-src-key"):
        copy(s3, bucket, source={"Bucket": bucket, "Key": "random-src-key"})


def test_missing_destination_bucket(s3, source):
    """CopyObject into a bucket that is not there."""
    with s3_error(404, "NoSuchBucket"):
        s3.copy_object(Bucket=new_bucket_name(), Key="dst", CopySource=f"{source}/src")


def test_null_version_as_copy_source(s3, source):
    """Notes 32 and 47: ?versionId=null of an unversioned bucket."""
    copy(s3, source, source={"Bucket": source, "Key": "src", "VersionId": "null"})
    assert s3.get_object(Bucket=source, Key="dst")["Body"].read() == BODY


def last_modified(s3, bucket):
    return s3.head_object(Bucket=bucket, Key="src")["LastModified"]


@pytest.mark.parametrize(
    "condition, name",
    [
        (lambda date: {"CopySourceIfMatch": WRONG}, "x-amz-copy-source-If-Match"),
        (
            lambda date: {"CopySourceIfNoneMatch": f'"{md5_hex(BODY)}"'},
            "x-amz-copy-source-If-None-Match",
        ),
        (lambda date: {"CopySourceIfNoneMatch": md5_hex(BODY)}, "x-amz-copy-source-If-None-Match"),
        (
            lambda date: {"CopySourceIfUnmodifiedSince": date - datetime.timedelta(1)},
            "x-amz-copy-source-If-Unmodified-Since",
        ),
        (lambda date: {"CopySourceIfModifiedSince": date}, "x-amz-copy-source-If-Modified-Since"),
    ],
)
def test_false_conditions_on_the_source_are_412(s3, source, condition, name):
    """Note 20, L:test_s3_copy_object_preconditions: 412, never 304; Condition is named."""
    with s3_error(412, "PreconditionFailed", Condition=name):
        copy(s3, source, **condition(last_modified(s3, source)))
    assert s3.list_objects_v2(Bucket=source)["KeyCount"] == 1


@pytest.mark.parametrize(
    "condition",
    [
        lambda date: {"CopySourceIfMatch": md5_hex(BODY)},
        lambda date: {"CopySourceIfNoneMatch": WRONG},
        lambda date: {"CopySourceIfUnmodifiedSince": date},
        lambda date: {"CopySourceIfModifiedSince": date - datetime.timedelta(1)},
        lambda date: {"CopySourceIfModifiedSince": date + datetime.timedelta(1)},
        lambda date: {
            "CopySourceIfMatch": md5_hex(BODY),
            "CopySourceIfUnmodifiedSince": date - datetime.timedelta(1),
        },
    ],
)
def test_true_conditions_on_the_source_copy(s3, source, condition):
    """Note 20, L:test_s3_copy_object_preconditions copy-success; a true If-Match beats
    If-Unmodified-Since."""
    copy(s3, source, **condition(last_modified(s3, source)))
    assert s3.get_object(Bucket=source, Key="dst")["Body"].read() == BODY


def test_conditions_on_the_destination(s3, source):
    """Note 23, L:test_copy_object_if_none_match, test_copy_object_if_match."""
    etag = copy(s3, source, IfNoneMatch="*")["CopyObjectResult"]["ETag"]
    with s3_error(412, "PreconditionFailed", Condition="If-None-Match"):
        copy(s3, source, IfNoneMatch="*")
    with s3_error(412, "PreconditionFailed", Condition="If-Match"):
        copy(s3, source, IfMatch=WRONG)
    copy(s3, source, IfMatch=etag)
    with s3_error(404, "NoSuchKey"):
        copy(s3, source, "absent", IfMatch=etag)


@pytest.mark.parametrize(
    "options, named",
    [
        ({"IfNoneMatch": WRONG}, "If-None-Match"),
        ({"IfMatch": "*"}, "If-Match"),
        ({"IfMatch": WRONG, "IfNoneMatch": "*"}, "If-Match,If-None-Match"),
    ],
)
def test_destination_conditions_it_does_not_take_are_501(s3, source, options, named):
    """L:test_copy_object_precondition_write_validation."""
    with s3_error(501, "NotImplemented", Header=named):
        copy(s3, source, **options)


def test_copy_carries_the_checksum_over(s3, bucket):
    """Note 34, L:test_s3_copy_object_with_checksum: the algorithm and value of the source."""
    s3.put_object(Bucket=bucket, Key="src", Body=BODY, ChecksumAlgorithm="SHA256")
    answer = copy(s3, bucket)["CopyObjectResult"]
    assert (
        answer["ChecksumSHA256"] == checksum("SHA256", BODY) == head(s3, bucket)["ChecksumSHA256"]
    )


def test_copy_with_another_checksum_algorithm_computes_it(s3, source):
    """L:test_s3_copy_object_with_checksum copy-object-in-place-with-checksum."""
    answer = copy(s3, source, ChecksumAlgorithm="SHA1")["CopyObjectResult"]
    assert answer["ChecksumSHA1"] == checksum("SHA1", BODY) == head(s3, source)["ChecksumSHA1"]


def test_copy_of_a_multipart_object_has_a_plain_etag(s3, bucket):
    """Note 34, L:test_complete_multipart_parts_checksum_default copy-obj-checksum: MD5 ETag,
    FULL_OBJECT checksum."""
    upload = Upload(s3, bucket, "src").part(1, b"abc")
    assert upload.complete()["ETag"] == f'"{multipart_etag([b"abc"])}"'
    answer = copy(s3, bucket)["CopyObjectResult"]
    assert answer["ETag"] == f'"{md5_hex(b"abc")}"' == head(s3, bucket)["ETag"]
    assert head(s3, bucket)["ChecksumType"] == "FULL_OBJECT"


def test_copy_result_date_is_rfc3339_utc(raw, source):
    """Note 4: CopyObjectResult LastModified in RFC 3339 UTC (V:323717bc)."""
    response = raw.call("PUT", f"/{source}/dst", headers={"x-amz-copy-source": f"{source}/src"})
    date = response.text("LastModified")
    assert date.endswith("Z") and datetime.datetime.strptime(date, "%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.mark.http_only
def test_copy_source_on_other_methods_is_an_error(raw, source):
    """Note 6: x-amz-copy-source on GET, HEAD, POST, DELETE is refused, and nothing is done
    (V:c2c2306d)."""
    headers = {"x-amz-copy-source": f"{source}/src"}
    for method in ("GET", "DELETE"):
        assert_error(
            raw.call(method, f"/{source}/src", headers=headers),
            400,
            "InvalidArgument",
            "InvalidRequest",
        )
    assert_status(raw.call("HEAD", f"/{source}/src"), 200)


@pytest.mark.http_only
def test_body_on_copy_is_an_error(raw, source):
    """Note 6: non-empty body on CopyObject (V:9a01185b)."""
    response = raw.call(
        "PUT", f"/{source}/dst", headers={"x-amz-copy-source": f"{source}/src"}, body=b"body"
    )
    assert_error(response, 400, "InvalidRequest", "InvalidArgument")
    assert_status(raw.call("HEAD", f"/{source}/dst"), 404)
