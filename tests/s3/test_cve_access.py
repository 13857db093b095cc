"""Published vulnerabilities of other S3 stores around users, rights and forms (security notes 4.1), each with a test of
its name. Those of the connection and of signatures are in test_cve_regressions.py, which has the whole table."""

import time

import pytest
from harness.accounts import allow, new_account, new_user
from harness.expect import assert_error, assert_status, s3_error
from harness.post_form import BOUNDARY, form, presign, send
from harness.raw_http import request_bytes
from test_acl import anonymous

pytestmark = pytest.mark.http_only


@pytest.fixture
def own(other, bucket_of):
    """A bucket of another account, with an object in it."""
    name = bucket_of(other)
    other.s3.put_object(Bucket=name, Key="k", Body=b"old")
    return name


def test_cve_2021_21362_a_reader_does_not_upload_through_a_form(other, own):
    """MinIO: a user who might only read could upload through a POST form."""
    reader = new_user(other, allow("s3:GetObject"))
    assert reader.s3.get_object(Bucket=own, Key="k")["Body"].read() == b"old"
    assert_error(send(reader.raw, own, form(presign(reader.s3, own, "k"))), 403, "AccessDenied")
    assert other.s3.get_object(Bucket=own, Key="k")["Body"].read() == b"old"


def test_cve_2021_41137_and_2021_43858_a_user_does_not_change_its_own_policy(other, own):
    """MinIO (twice): policies were not applied to ordinary users, who could update their own."""
    user = new_user(other, allow("s3:GetObject"))
    wider = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
    with s3_error(403, "AccessDenied"):
        user.iam.put_user_policy(UserName=user.name, PolicyName="p", PolicyDocument=wider)
    with s3_error(403, "AccessDenied"):
        user.iam.delete_user_policy(UserName=user.name, PolicyName="p")
    with s3_error(403, "AccessDenied"):
        user.s3.put_object(Bucket=own, Key="k", Body=b"new")


def test_cve_2022_24842_a_user_makes_no_key_for_somebody_else(other):
    """MinIO: anybody could make a service account for root. Here no name leads out of the caller's account."""
    admin_of_users = new_user(other, allow("iam:*"))
    for name in ("root", "nobody-of-this-name"):
        with s3_error(404, "NoSuchEntity"):
            admin_of_users.iam.create_access_key(UserName=name)
    stranger = new_user(new_account(other.server, "stranger"))
    with s3_error(404, "NoSuchEntity"):
        admin_of_users.iam.create_access_key(UserName=stranger.name)


def test_cve_2023_27589_nobody_takes_the_roots_key(server, other):
    """MinIO: a user could be made with root's access key as its name, and took its place. Names are no keys here."""
    name = server.access_key
    other.iam.create_user(UserName=name)
    key = other.iam.create_access_key(UserName=name)["AccessKey"]
    assert key["AccessKeyId"] != server.access_key
    assert server.client().list_buckets()["Owner"]["DisplayName"] == "root"
    other.iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    other.iam.delete_user(UserName=name)


def test_a_key_that_is_switched_off_while_a_form_is_under_way(other, own):
    """No CVE of others, but one of our own making: the key was looked up as it was when the request began."""
    user = new_user(other, allow("s3:PutObject"))
    body = form(presign(user.s3, own, "late"))
    headers = [("Host", user.raw.authority), ("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")]
    wire = request_bytes("POST", f"/{own}", [*headers, ("Content-Length", str(len(body)))], body)
    with user.raw.connect() as connection:
        connection.send(wire[: -len(body) + 50])
        time.sleep(0.3)  # nothing tells that the server has read the head
        other.iam.update_access_key(UserName=user.name, AccessKeyId=user.access_key, Status="Inactive")
        connection.send(wire[-len(body) + 50 :])
        assert_error(connection.read_response("POST"), 403, "InvalidAccessKeyId")
    assert [entry["Key"] for entry in other.s3.list_objects_v2(Bucket=own)["Contents"]] == ["k"]


@pytest.mark.parametrize("name", [".ashlar", "..", ".metadata", "-internal"])
def test_cve_2023_28434_a_form_names_no_hidden_bucket(s3, raw, bucket, name):
    """MinIO: a form named the bucket in another way than its address, and wrote into a system bucket."""
    fields = presign(s3, bucket, "k")
    response = send(raw, name, form(fields))
    assert 400 <= response.status < 500, str(response)
    response = send(raw, bucket, form({**fields, "bucket": name}))
    assert_error(response, 400, "InvalidArgument", ArgumentName="bucket")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_cve_2023_43040_a_form_is_for_the_bucket_of_its_policy(s3, raw, bucket, bucket_factory):
    """Ceph: a form that was signed for one bucket wrote into another."""
    second = bucket_factory()
    assert_error(send(raw, second, form(presign(s3, bucket, "k"))), 403, "AccessDenied")
    assert "Contents" not in s3.list_objects_v2(Bucket=second)


def test_cve_2024_24747_a_new_key_has_the_rights_of_its_user(other, own):
    """MinIO: an access key inherited the rights of root. A second key has those of its user, which has none."""
    user = new_user(other)
    other.iam.create_access_key(UserName=user.name)
    for call in (
        lambda: user.s3.list_buckets(),
        lambda: user.s3.get_object(Bucket=own, Key="k"),
        lambda: user.s3.put_object(Bucket=own, Key="k", Body=b"new"),
        lambda: user.iam.list_users(),
    ):
        with s3_error(403, "AccessDenied"):
            call()


def test_cve_2025_62506_a_deny_holds_in_ones_own_account(other, own):
    """MinIO: for calls about the own account only Deny was looked at, so what was not denied was allowed."""
    user = new_user(other, allow("s3:ListBucket"))
    with s3_error(403, "AccessDenied"):
        user.iam.create_user(UserName="made-by-nobody")
    with s3_error(403, "AccessDenied"):
        user.iam.create_access_key(UserName=user.name)


def test_seaweedfs_2026_55873_what_cannot_be_told_is_nobody(raw, own):
    """SeaweedFS: one API took callers whom it could not tell for admin. Without credentials nobody is anybody."""
    calls = [("GET", "/"), ("PUT", "/made-by-nobody-at-all"), ("DELETE", f"/{own}"), ("GET", f"/{own}?acl")]
    for method, target in calls:
        assert_error(anonymous(raw, method, target), 403, "AccessDenied")
    response = anonymous(
        raw,
        "POST",
        "/",
        b"Action=ListUsers&Version=2010-05-08",
        [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")],
    )
    assert assert_status(response, 400, 403).body.find(b"<ErrorResponse") >= 0, str(response)
