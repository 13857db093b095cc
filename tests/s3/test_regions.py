"""A store of another region than us-east-1, and what a client learns that signs for a wrong one
(notes 16, 52, 58; L:test_different_location_constraint)."""

import pytest
from harness.expect import assert_error, assert_status, s3_error
from harness.helpers import new_bucket_name
from harness.raw_http import RawClient
from harness.server import s3_client

pytestmark = pytest.mark.http_only

HERE = "eu-west-1"


@pytest.fixture(scope="module")
def server_there(server_factory):
    return server_factory("region", extra_args=("--region", HERE))


@pytest.fixture(scope="module")
def there(server_there):
    return server_there.client(region=HERE)


@pytest.fixture
def bucket_there(there):
    name = new_bucket_name()
    there.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": HERE})
    yield name
    there.delete_bucket(Bucket=name)


def raw_client(server, region):
    return RawClient(server.host, server.port, server.access_key, server.secret_key, None, region)


def test_a_bucket_tells_where_it_is(there, bucket_there):
    """L:test_create_bucket_head_bucket, test_region_header_exists_outside_us_east_1."""
    assert there.get_bucket_location(Bucket=bucket_there)["LocationConstraint"] == HERE
    assert there.head_bucket(Bucket=bucket_there)["BucketRegion"] == HERE
    for answer in (
        there.list_objects_v2(Bucket=bucket_there),
        there.head_bucket(Bucket=bucket_there),
    ):
        assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == HERE
    (listed,) = there.list_buckets(Prefix=bucket_there)["Buckets"]
    assert listed["BucketRegion"] == HERE


def test_the_older_name_of_ireland_is_kept_and_told(there):
    """L:test_create_bucket_with_eu_location_constraint: s3cmd still names it."""
    name = new_bucket_name()
    there.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "EU"})
    assert there.get_bucket_location(Bucket=name)["LocationConstraint"] == "EU"
    assert there.head_bucket(Bucket=name)["BucketRegion"] == HERE
    (listed,) = there.list_buckets(Prefix=name)["Buckets"]
    assert listed["BucketRegion"] == HERE
    there.delete_bucket(Bucket=name)


@pytest.mark.parametrize(
    ("constraint", "named"),
    [
        (None, "unspecified"),
        ("eu", "eu"),
        ("us-east-1", "us-east-1"),
        ("us-west-1", "us-west-1"),
        ("aws-global", "aws-global"),
        ("bar", "bar"),
    ],
)
def test_a_bucket_of_another_region_is_refused(there, constraint, named):
    """L:test_different_location_constraint, test_bucket_constraint_aws_global[us-west-1]."""
    name = new_bucket_name()
    options = (
        {"CreateBucketConfiguration": {"LocationConstraint": constraint}} if constraint else {}
    )
    with s3_error(400, "IllegalLocationConstraintException") as caught:
        there.create_bucket(Bucket=name, **options)
    assert caught.error["Message"] == (
        f"The {named} location constraint is incompatible for the region specific endpoint this "
        "request was sent to."
    )
    with s3_error(404, "404"):
        there.head_bucket(Bucket=name)


@pytest.mark.parametrize("constraint", ["us-east-1", "us-west-2", "aws-global", "foo", "EU"])
def test_us_east_1_takes_no_constraint(s3, constraint):
    """L:test_create_bucket_with_invalid_location_constraint."""
    with s3_error(400, "InvalidLocationConstraint", LocationConstraint=constraint):
        s3.create_bucket(
            Bucket=new_bucket_name(),
            CreateBucketConfiguration={"LocationConstraint": constraint},
        )


def test_a_bucket_again_is_a_conflict_outside_us_east_1(there, bucket_there):
    """L:test_create_bucket_with_existing_name; the content stays."""
    there.put_object(Bucket=bucket_there, Key="kept", Body=b"kept")
    with s3_error(409, "BucketAlreadyOwnedByYou", BucketName=bucket_there):
        there.create_bucket(
            Bucket=bucket_there, CreateBucketConfiguration={"LocationConstraint": HERE}
        )
    assert there.get_object(Bucket=bucket_there, Key="kept")["Body"].read() == b"kept"
    there.delete_object(Bucket=bucket_there, Key="kept")


@pytest.mark.parametrize("path", ["", "/k"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_whoever_signs_for_a_wrong_region_is_told_the_right_one(
    server_there, bucket_there, method, path
):
    """L:test_create_bucket_aws_global: in the document, and where HEAD can read it too."""
    response = raw_client(server_there, "us-east-1").call(method, f"/{bucket_there}{path}")
    assert_status(response, 400)
    assert response.header("x-amz-bucket-region") == HERE
    if method != "HEAD":
        error = assert_error(response, 400, "AuthorizationHeaderMalformed", Region=HERE)
        assert error["Message"] == (
            "The authorization header is malformed; the region 'us-east-1' is wrong; expecting "
            f"'{HERE}'"
        )


def test_boto3_finds_the_region_by_itself(server_there, there, bucket_there):
    """What the header is for: a client of us-east-1 reads and writes all the same."""
    there.put_object(Bucket=bucket_there, Key="k", Body=b"x")
    lost = s3_client(
        server_there.endpoint, server_there.access_key, server_there.secret_key, region="us-east-1"
    )
    assert lost.get_object(Bucket=bucket_there, Key="k")["Body"].read() == b"x"
    lost.delete_object(Bucket=bucket_there, Key="k")


def test_head_of_a_bucket_tells_the_region_to_strangers(server_there, bucket_there):
    """Note 16."""
    response = raw_client(server_there, HERE).call("HEAD", f"/{bucket_there}", sign=False)
    assert_status(response, 403)
    assert response.header("x-amz-bucket-region") == HERE


def test_buckets_by_region(there, bucket_there):
    """L:test_list_buckets_by_bucket_region, test_list_buckets_region_validation."""

    def names(region):
        answer = there.list_buckets(Prefix=bucket_there, BucketRegion=region)
        assert answer["Prefix"] == bucket_there
        return [bucket["Name"] for bucket in answer["Buckets"]]

    assert names(HERE) == [bucket_there]
    assert names("us-east-1") == []
    with s3_error(400, "InvalidArgument", ArgumentName="bucket-region") as caught:
        names("eu-east-1")
    assert caught.error["Message"] == "Argument value eu-east-1 is not a valid AWS Region"
    assert "ArgumentValue" not in caught.error
