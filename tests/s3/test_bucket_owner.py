"""x-amz-expected-bucket-owner: nothing is done to a bucket of somebody else
(L:test_put_bucket_policy_expected_bucket_owner, test_get_bucket_policy_invalid_account_id)."""

import pytest
from harness.expect import assert_error, assert_status, s3_error

STRANGER = "000000000002"


@pytest.fixture(scope="module")
def owner(s3):
    """The account of the test's keys: digits made of its canonical id."""
    canonical = bytes.fromhex(s3.list_buckets()["Owner"]["ID"])
    return "".join(str(byte % 10) for byte in canonical[:12])


@pytest.fixture
def key(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"kept")
    return {"Bucket": bucket, "Key": "k"}


OPERATIONS = [
    ("head_bucket", {}),
    ("delete_bucket", {}),
    ("list_objects", {}),
    ("list_objects_v2", {}),
    ("list_object_versions", {}),
    ("list_multipart_uploads", {}),
    ("get_bucket_location", {}),
    ("get_bucket_versioning", {}),
    ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Enabled"}}),
    ("get_bucket_tagging", {}),
    ("delete_bucket_tagging", {}),
    ("get_bucket_cors", {}),
    ("delete_bucket_cors", {}),
    ("get_bucket_logging", {}),
    ("put_bucket_logging", {"BucketLoggingStatus": {}}),
    ("get_object_lock_configuration", {}),
    ("delete_objects", {"Delete": {"Objects": [{"Key": "k"}]}}),
    ("get_object", {"Key": "k"}),
    ("head_object", {"Key": "k"}),
    ("put_object", {"Key": "k", "Body": b"other"}),
    ("delete_object", {"Key": "k"}),
    ("get_object_attributes", {"Key": "k", "ObjectAttributes": ["ETag"]}),
    ("get_object_tagging", {"Key": "k"}),
    ("put_object_tagging", {"Key": "k", "Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}),
    ("delete_object_tagging", {"Key": "k"}),
    ("create_multipart_upload", {"Key": "k"}),
]


@pytest.mark.parametrize(("operation", "arguments"), OPERATIONS, ids=lambda value: str(value)[:30])
def test_operations_on_a_bucket_of_somebody_else_are_refused(s3, key, operation, arguments):
    """403, and nothing has changed."""
    with s3_error(403, "AccessDenied", "403"):
        getattr(s3, operation)(Bucket=key["Bucket"], **arguments, ExpectedBucketOwner=STRANGER)
    assert s3.get_object(**key)["Body"].read() == b"kept"
    assert s3.get_object_tagging(**key)["TagSet"] == []
    assert "Status" not in s3.get_bucket_versioning(Bucket=key["Bucket"])
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=key["Bucket"])


def test_the_owner_passes(s3, key, owner):
    """L:test_put_bucket_policy_expected_bucket_owner."""
    assert s3.head_bucket(Bucket=key["Bucket"], ExpectedBucketOwner=owner)
    assert s3.get_object(**key, ExpectedBucketOwner=owner)["Body"].read() == b"kept"
    s3.delete_object(**key, ExpectedBucketOwner=owner)
    with s3_error(404, "NoSuchKey"):
        s3.get_object(**key, ExpectedBucketOwner=owner)


@pytest.mark.parametrize(
    "value", ["0000", "0000000000020", "abcd", "aa000000000$", "", "00000000000a"]
)
def test_what_is_no_account_number(raw, key, value):
    """L:test_get_bucket_policy_invalid_account_id."""
    headers = {"x-amz-expected-bucket-owner": value}
    for method, path in (("GET", "/k"), ("PUT", "/k"), ("GET", "")):
        response = raw.call(method, f"/{key['Bucket']}{path}", headers=headers)
        error = assert_error(response, 400, "InvalidBucketOwnerAWSAccountID")
        assert error["Message"] == (
            "The value of the expected bucket owner parameter must be an AWS Account ID... "
            f"[{value}]"
        )


def test_the_source_of_a_copy_has_a_header_of_its_own(s3, key, owner):
    """Each names the owner of its bucket."""
    target = {"Bucket": key["Bucket"], "Key": "copy"}
    with s3_error(403, "AccessDenied"):
        s3.copy_object(**target, CopySource=key, ExpectedSourceBucketOwner=STRANGER)
    with s3_error(403, "AccessDenied"):
        s3.copy_object(**target, CopySource=key, ExpectedBucketOwner=STRANGER)
    with s3_error(400, "InvalidBucketOwnerAWSAccountID"):
        s3.copy_object(**target, CopySource=key, ExpectedSourceBucketOwner="nobody")
    with s3_error(404, "404"):
        s3.head_object(**target)
    s3.copy_object(
        **target, CopySource=key, ExpectedSourceBucketOwner=owner, ExpectedBucketOwner=owner
    )
    assert s3.get_object(**target)["Body"].read() == b"kept"


def test_a_presigned_url_may_name_the_owner(raw, key):
    """What stands in the query counts as the header."""
    query = [("x-amz-expected-bucket-owner", STRANGER)]
    response = raw.call_presigned("GET", f"/{key['Bucket']}/k", query)
    assert_error(response, 403, "AccessDenied")
    assert_status(raw.call("GET", f"/{key['Bucket']}/k"), 200)
