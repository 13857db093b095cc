"""Buckets: life, names, location, listing."""

import pytest
from harness.expect import assert_error, assert_status, s3_error
from harness.helpers import new_bucket_name


def test_create_bucket_answers_its_location(s3, bucket_factory):
    """L:test_create_bucket_head_bucket: Location is '/name' in us-east-1."""
    name = new_bucket_name()
    try:
        assert s3.create_bucket(Bucket=name)["Location"] == f"/{name}"
        assert s3.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 200
    finally:
        s3.delete_bucket(Bucket=name)


def test_create_bucket_again_in_us_east_1_is_done(s3, bucket):
    """Note 58, L:test_create_bucket_with_tags_us_east_1_idempotency: 200 there alone (other
    regions: test_regions.py), and neither content nor settings are reset."""
    s3.put_object(Bucket=bucket, Key="kept", Body=b"kept")
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    created = next(b for b in s3.list_buckets()["Buckets"] if b["Name"] == bucket)
    assert s3.create_bucket(Bucket=bucket)["Location"] == f"/{bucket}"
    assert s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"kept"
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "a", "Value": "b"}]
    assert created in s3.list_buckets()["Buckets"]


def test_create_bucket_again_gives_no_object_lock(s3, bucket):
    """What the bucket has not is not promised: 409 BucketAlreadyOwnedByYou with BucketName (note
    1)."""
    with s3_error(409, "BucketAlreadyOwnedByYou", BucketName=bucket):
        s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    with s3_error(404, "ObjectLockConfigurationNotFoundError"):
        s3.get_object_lock_configuration(Bucket=bucket)


@pytest.mark.http_only
@pytest.mark.parametrize(
    "name",
    [
        "ab",
        "a" * 64,
        "UpperCase",
        "under_score",
        "-leading",
        "trailing-",
        ".leading",
        "trailing.",
        "two..dots",
        "192.168.5.4",
        "xn--name",
        "name-s3alias",
        "name--ol-s3",
        "sthree-name",
        "amzn-s3-demo-name",
        "name.mrap",
        "name--x-s3",
        "name--table-s3",
        "sp%20ace",
        "%C3%A4%C3%B6%C3%BC",
    ],
)
def test_bad_bucket_name_is_invalid_bucket_name(raw, name):
    """Note 58: 3 to 63 characters, no IP form, no xn-- prefix, no -s3alias or --ol-s3 suffix."""
    assert_error(raw.call("PUT", f"/{name}"), 400, "InvalidBucketName")


@pytest.mark.http_only
@pytest.mark.parametrize("name", ["{:x<63}", "{}.with.dots", "{}-9", "0{}"])
def test_good_bucket_name_is_accepted(s3, name):
    """Note 58: the edges of the naming rules that are legal."""
    name = name.format(new_bucket_name("n")[:40])
    s3.create_bucket(Bucket=name)
    s3.delete_bucket(Bucket=name)


def test_bucket_url_may_end_in_a_slash(raw):
    """Note 55: trailing slash on bucket URLs."""
    name = new_bucket_name()
    assert_status(raw.call("PUT", f"/{name}/"), 200)
    assert_status(raw.call("HEAD", f"/{name}/"), 200)
    assert_status(raw.call("GET", f"/{name}/"), 200)
    assert_status(raw.call("DELETE", f"/{name}/"), 204)
    assert_status(raw.call("HEAD", f"/{name}"), 404)


def test_head_bucket_names_the_region(raw, bucket):
    """Note 16: x-amz-bucket-region on HeadBucket."""
    response = assert_status(raw.call("HEAD", f"/{bucket}"), 200)
    assert response.header("x-amz-bucket-region") == "us-east-1"


@pytest.mark.http_only
def test_head_bucket_names_the_region_even_when_refused(raw, bucket):
    """Note 16: x-amz-bucket-region even for 403."""
    response = assert_status(raw.call("HEAD", f"/{bucket}", sign=False), 403)
    assert response.header("x-amz-bucket-region") == "us-east-1"


def test_head_of_missing_bucket_is_404_without_body(s3, raw):
    """Note 2, L:test_create_bucket_head_bucket head_bucket_not_exist."""
    with s3_error(404, "404"):
        s3.head_bucket(Bucket=new_bucket_name())
    assert raw.call("HEAD", f"/{new_bucket_name()}").body == b""


def test_delete_empty_bucket(s3):
    """L:test_delete_bucket_with_objects delete-bucket: 204, and it is gone."""
    name = new_bucket_name()
    s3.create_bucket(Bucket=name)
    assert s3.delete_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 204
    with s3_error(404, "404"):
        s3.head_bucket(Bucket=name)


def test_delete_bucket_with_objects_is_bucket_not_empty(s3, bucket):
    """L:test_delete_bucket_with_objects: 409 BucketNotEmpty with BucketName; works when emptied."""
    s3.put_object(Bucket=bucket, Key="one", Body=b"1")
    with s3_error(409, "BucketNotEmpty", BucketName=bucket):
        s3.delete_bucket(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="one")
    s3.delete_bucket(Bucket=bucket)


def test_delete_bucket_with_open_uploads_works(s3):
    """Note 39: an open multipart upload does not keep a bucket alive, and does not come back with
    it."""
    name = new_bucket_name()
    s3.create_bucket(Bucket=name)
    upload = s3.create_multipart_upload(Bucket=name, Key="k")["UploadId"]
    s3.upload_part(Bucket=name, Key="k", UploadId=upload, PartNumber=1, Body=b"part")
    s3.delete_bucket(Bucket=name)
    s3.create_bucket(Bucket=name)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=name)
    with s3_error(404, "NoSuchUpload"):
        s3.list_parts(Bucket=name, Key="k", UploadId=upload)
    s3.delete_bucket(Bucket=name)


def test_delete_of_missing_bucket_is_no_such_bucket(s3):
    """L:test_delete_bucket_no_such_bucket."""
    name = new_bucket_name()
    with s3_error(404, "NoSuchBucket", BucketName=name):
        s3.delete_bucket(Bucket=name)


def test_recreated_bucket_is_empty(s3):
    """A bucket made again under an old name shows nothing of its predecessor."""
    name = new_bucket_name()
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="old", Body=b"old")
    s3.delete_object(Bucket=name, Key="old")
    s3.delete_bucket(Bucket=name)
    s3.create_bucket(Bucket=name)
    assert s3.list_objects_v2(Bucket=name)["KeyCount"] == 0
    with s3_error(404, "NoSuchKey"):
        s3.get_object(Bucket=name, Key="old")
    s3.delete_bucket(Bucket=name)


@pytest.mark.parametrize(
    "operation, arguments",
    [
        ("list_objects", {}),
        ("list_objects_v2", {}),
        ("list_object_versions", {}),
        ("list_multipart_uploads", {}),
        ("get_bucket_location", {}),
        ("get_bucket_versioning", {}),
        ("get_object", {"Key": "k"}),
        ("put_object", {"Key": "k", "Body": b"x"}),
        ("delete_object", {"Key": "k"}),
        ("delete_objects", {"Delete": {"Objects": [{"Key": "k"}]}}),
        ("create_multipart_upload", {"Key": "k"}),
    ],
)
@pytest.mark.http_only
def test_operations_on_a_missing_bucket_are_no_such_bucket(s3, operation, arguments):
    """L:test_get_object_no_such_bucket, test_delete_non_existing_keys_in_non_existing_bucket:
    BucketName named (note 1)."""
    name = new_bucket_name()
    with s3_error(404, "NoSuchBucket", BucketName=name):
        getattr(s3, operation)(Bucket=name, **arguments)


def test_location_of_us_east_1_is_empty(s3, raw, bucket):
    """L:test_different_location_constraint: an empty LocationConstraint element."""
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    root = assert_status(raw.call("GET", f"/{bucket}", [("location", None)]), 200).xml()
    assert root.tag == "LocationConstraint" and not root.text and len(root) == 0


@pytest.mark.http_only
def test_unknown_location_constraint_is_refused(s3):
    """L:test_create_bucket_with_invalid_location_constraint[us-east-1-foo]: 400, and no bucket."""
    name = new_bucket_name()
    with s3_error(400, "InvalidLocationConstraint", "IllegalLocationConstraintException"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "foo"})
    with s3_error(404, "404"):
        s3.head_bucket(Bucket=name)


@pytest.mark.http_only
def test_malformed_create_bucket_configuration_is_malformed_xml(raw):
    """Security notes 4.5: a body that is no XML creates nothing."""
    name = new_bucket_name()
    assert_error(
        raw.call("PUT", f"/{name}", body=b"<CreateBucketConfiguration><"), 400, "MalformedXML"
    )
    assert_status(raw.call("HEAD", f"/{name}"), 404)


def test_list_buckets_shows_names_in_order_with_dates_and_owner(s3, bucket_factory):
    """ListBuckets: own buckets, sorted by name, with CreationDate and Owner."""
    names = [bucket_factory("lb") for _ in range(3)]
    answer = s3.list_buckets()
    listed = [item["Name"] for item in answer["Buckets"]]
    assert set(names) <= set(listed) and listed == sorted(listed)
    assert all(item["CreationDate"].year >= 2024 for item in answer["Buckets"])
    assert answer["Owner"]["ID"]


def test_list_buckets_by_prefix_echoes_it(s3, bucket_factory):
    """Note 16, L:test_list_buckets_by_prefix_with_case_sensitivity: prefix is case-sensitive and
    echoed."""
    name = bucket_factory("prefixed")
    answer = s3.list_buckets(Prefix=name[:-1])
    assert [item["Name"] for item in answer["Buckets"]] == [name] and answer["Prefix"] == name[:-1]
    assert s3.list_buckets(Prefix=name.upper())["Buckets"] == []


def test_list_buckets_pages_by_continuation_token(s3, bucket_factory):
    """Note 16, L:test_list_buckets_with_max_buckets: max-buckets and continuation-token walk over
    all, once each."""
    prefix = new_bucket_name("page")[:14]
    names = sorted(bucket_factory(prefix) for _ in range(5))
    seen, token = [], None
    for _ in range(10):
        options = {"ContinuationToken": token} if token else {}
        answer = s3.list_buckets(Prefix=prefix, MaxBuckets=2, **options)
        assert len(answer["Buckets"]) <= 2
        seen += [item["Name"] for item in answer["Buckets"]]
        token = answer.get("ContinuationToken")
        if not token:
            break
    assert seen == names


def test_list_buckets_takes_an_empty_token_for_none(s3, bucket_factory):
    """L:test_list_buckets_when_continuation_token_is_empty."""
    prefix = new_bucket_name("page")[:14]
    names = sorted(bucket_factory(prefix) for _ in range(2))
    answer = s3.list_buckets(Prefix=prefix, MaxBuckets=1, ContinuationToken="")
    assert [item["Name"] for item in answer["Buckets"]] == names[:1]
    assert answer["ContinuationToken"]


@pytest.mark.http_only
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("continuation-token", "bad"),
        ("max-buckets", "0"),
        ("max-buckets", "10001"),
        ("max-buckets", "-1"),
        ("max-buckets", "many"),
        ("bucket-region", "eu-east-1"),
    ],
)
def test_list_buckets_refuses_what_it_cannot_read(raw, name, value):
    """Never the first page instead."""
    response = raw.call("GET", "/", [(name, value)])
    assert_error(response, 400, "InvalidArgument", ArgumentName=name)


@pytest.mark.http_only
def test_double_slash_is_not_list_buckets(raw):
    """Note 31: GET '//' must not be taken for ListBuckets (R#4336)."""
    response = raw.call("GET", "//")
    assert response.status >= 400, str(response)


def test_versioning_never_configured_is_an_empty_element(s3, raw, bucket):
    """Note 48, L:test_bucket_versioning_crud get-versioning-before."""
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    root = assert_status(raw.call("GET", f"/{bucket}", [("versioning", None)]), 200).xml()
    assert (
        root.tag == "VersioningConfiguration" and len(root) == 0 and not (root.text or "").strip()
    )
