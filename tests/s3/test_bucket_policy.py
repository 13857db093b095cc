"""Bucket policies, public access block, ownership controls (issue 4.9; notes-security 4.4). What the language means is
tested in src/iam; here it is asked by real requests."""

import json

import pytest
from harness.accounts import allow, new_user
from harness.expect import assert_error, assert_status, s3_error
from test_acl import anonymous

EVERYTHING = ["s3:*"]


def arn(bucket, key=""):
    return f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else "")


def statement(effect="Allow", principal="*", action="s3:GetObject", resource=None, **more):
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": resource, **more}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture
def key(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"content")
    return {"Bucket": bucket, "Key": "k"}


@pytest.fixture
def put(s3, bucket):
    """Sets a policy of these statements, whose resource is by default every object of the bucket."""

    def put_policy(*statements):
        for one in statements:
            one["Resource"] = one["Resource"] or arn(bucket, "*")
        return s3.put_bucket_policy(Bucket=bucket, Policy=policy(*statements))

    yield put_policy
    s3.delete_bucket_policy(Bucket=bucket)


# --- the document


def test_policy_is_kept_returned_and_deleted(s3, bucket):
    """R:test_bucket_policy_crud."""
    with s3_error(404, "NoSuchBucketPolicy", BucketName=bucket):
        s3.get_bucket_policy(Bucket=bucket)
    text = policy(statement(resource=arn(bucket, "*"))) + "\n "
    answer = s3.put_bucket_policy(Bucket=bucket, Policy=text)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == text, "to the letter"
    assert s3.delete_bucket_policy(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    with s3_error(404, "NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=bucket)
    s3.delete_bucket_policy(Bucket=bucket)


def test_policy_is_json(raw, s3, bucket):
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(statement(resource=arn(bucket, "*"))))
    assert raw.call("GET", f"/{bucket}", [("policy", None)]).header("content-type") == "application/json"


WRONG = {
    "no json": "{",
    "empty": "",
    "not an object": "[]",
    "no statement": '{"Version": "2012-10-17"}',
    "unknown version": '{"Version": "2020-01-01", "Statement": []}',
    "unknown field": '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",'
    '"Resource":"arn:aws:s3:::BUCKET/*","Color":"red"}]}',
    "no principal": '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject",'
    '"Resource":"arn:aws:s3:::BUCKET/*"}]}',
    "another bucket": '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",'
    '"Resource":"arn:aws:s3:::another/*"}]}',
    "another service": '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",'
    '"Action":"iam:CreateUser","Resource":"arn:aws:s3:::BUCKET/*"}]}',
    "unknown effect": '{"Version":"2012-10-17","Statement":[{"Effect":"Maybe","Principal":"*","Action":"s3:GetObject",'
    '"Resource":"arn:aws:s3:::BUCKET/*"}]}',
    "unknown operator": '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject",'
    '"Resource":"arn:aws:s3:::BUCKET/*","Condition":{"StringIs":{"aws:UserAgent":"x"}}}]}',
    "unknown condition key": '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*",'
    '"Action":"s3:GetObject","Resource":"arn:aws:s3:::BUCKET/*","Condition":{"StringEquals":{"aws:Weather":"x"}}}]}',
    "field twice": '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Effect":"Allow","Principal":"*",'
    '"Action":"s3:GetObject","Resource":"arn:aws:s3:::BUCKET/*"}]}',
}


@pytest.mark.parametrize("what", WRONG)
def test_malformed_policies(raw, s3, bucket, what):
    """What is not understood is refused when it is set, never ignored; the policy before stays."""
    before = policy(statement(resource=arn(bucket, "*")))
    s3.put_bucket_policy(Bucket=bucket, Policy=before)
    response = raw.call("PUT", f"/{bucket}", [("policy", None)], body=WRONG[what].replace("BUCKET", bucket).encode())
    assert_error(response, 400, "MalformedPolicy")
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == before


def test_a_policy_of_20_kib_is_the_largest(s3, bucket):
    text = policy(statement(resource=arn(bucket, "*")))
    s3.put_bucket_policy(Bucket=bucket, Policy=text + " " * (20 * 1024 - len(text)))
    with s3_error(400, "MalformedPolicy"):
        s3.put_bucket_policy(Bucket=bucket, Policy=text + " " * (20 * 1024 - len(text) + 1))


def test_policy_goes_with_its_bucket(s3, bucket):
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(statement(resource=arn(bucket, "*"))))
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    with s3_error(404, "NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=bucket)


# --- anonymous callers


def test_public_read_by_policy(raw, key, put):
    target = f"/{key['Bucket']}/k"
    assert_error(anonymous(raw, "GET", target), 403, "AccessDenied")
    put(statement())
    assert assert_status(anonymous(raw, "GET", target), 200).body == b"content"
    assert_error(anonymous(raw, "PUT", target, b"new"), 403, "AccessDenied")
    assert_error(anonymous(raw, "GET", f"/{key['Bucket']}"), 403, "AccessDenied")


def test_a_versioned_read_needs_its_own_action(s3, raw, bucket, put):
    """Note 60: GetObject is not GetObjectVersion."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    put(statement())
    assert_status(anonymous(raw, "GET", f"/{bucket}/k"), 200)
    assert_error(anonymous(raw, "GET", f"/{bucket}/k?versionId={version}"), 403, "AccessDenied")
    put(statement(action=["s3:GetObjectVersion"]))
    assert_status(anonymous(raw, "GET", f"/{bucket}/k?versionId={version}"), 200)
    assert_error(anonymous(raw, "GET", f"/{bucket}/k"), 403, "AccessDenied")


@pytest.mark.parametrize("name", ["response-content-type", "response-content-disposition", "response-expires"])
def test_anonymous_readers_do_not_choose_headers(raw, key, put, name):
    """CVE-2020-1760 (Ceph): response-* needs a signature, or a link makes a page of a public file."""
    put(statement())
    answer = anonymous(raw, "GET", f"/{key['Bucket']}/k?{name}=text%2Fhtml")
    assert_error(answer, 400, "InvalidRequest")
    assert b"content" not in answer.body


def test_attributes_need_the_right_to_read(raw, key, put):
    headers = [("x-amz-object-attributes", "ETag,ObjectSize")]
    target = f"/{key['Bucket']}/k?attributes"
    put(statement(action="s3:GetObjectAttributes"))
    assert_error(anonymous(raw, "GET", target, headers=headers), 403, "AccessDenied")
    put(statement(action=["s3:GetObjectAttributes", "s3:GetObject"]))
    assert_status(anonymous(raw, "GET", target, headers=headers), 200)


def test_a_policy_is_for_the_buckets_own_account(s3, other, bucket, put):
    """Not even the policy itself gives another account the right to replace it."""
    put(statement(principal={"AWS": other.arn}, action="s3:*", resource=[arn(bucket), arn(bucket, "*")]))
    for call in (
        lambda: other.s3.get_bucket_policy(Bucket=bucket),
        lambda: other.s3.put_bucket_policy(Bucket=bucket, Policy=policy(statement(resource=arn(bucket, "*")))),
        lambda: other.s3.delete_bucket_policy(Bucket=bucket),
    ):
        with s3_error(405, "MethodNotAllowed", ResourceType="BUCKETPOLICY"):
            call()
    assert other.arn in s3.get_bucket_policy(Bucket=bucket)["Policy"]


def test_anonymous_upload_by_policy(s3, raw, bucket, put):
    put(statement(action="s3:PutObject", resource=arn(bucket, "in/*")))
    assert_status(anonymous(raw, "PUT", f"/{bucket}/in/x", b"1"), 200)
    assert_error(anonymous(raw, "PUT", f"/{bucket}/out/x", b"1"), 403, "AccessDenied")
    assert_error(anonymous(raw, "GET", f"/{bucket}/in/x"), 403, "AccessDenied")
    assert_error(anonymous(raw, "PUT", f"/{bucket}/in/x", b"1", [("x-amz-tagging", "a=b")]), 403, "AccessDenied")
    assert_error(anonymous(raw, "PUT", f"/{bucket}/in/x", b"1", [("x-amz-acl", "public-read")]), 403, "AccessDenied")


def test_anonymous_listing_of_a_prefix(s3, raw, key, put):
    put(
        statement(
            action="s3:ListBucket",
            resource=arn(key["Bucket"]),
            Condition={"StringEquals": {"s3:prefix": ["", "public/"]}},
        )
    )
    bucket = key["Bucket"]
    assert_status(anonymous(raw, "GET", f"/{bucket}?list-type=2&prefix=public%2F"), 200)
    assert_error(anonymous(raw, "GET", f"/{bucket}?list-type=2&prefix=private%2F"), 403, "AccessDenied")
    assert_error(anonymous(raw, "GET", f"/{bucket}?list-type=2"), 403, "AccessDenied")


# --- Deny


def test_deny_binds_the_owner_too(s3, key, put):
    """Explicit deny beats everything."""
    put(statement("Deny"))
    with s3_error(403, "AccessDenied"):
        s3.get_object(**key)
    s3.put_object(**key, Body=b"new")


def test_nobody_is_locked_out(s3, bucket, put):
    """The owner may always read, replace and delete the policy."""
    put(statement("Deny", action=EVERYTHING, resource=[arn(bucket), arn(bucket, "*")]))
    with s3_error(403, "AccessDenied"):
        s3.list_objects_v2(Bucket=bucket)
    assert "Deny" in s3.get_bucket_policy(Bucket=bucket)["Policy"]
    put(statement("Deny", action=EVERYTHING, resource=[arn(bucket), arn(bucket, "*")]))
    s3.delete_bucket_policy(Bucket=bucket)
    s3.list_objects_v2(Bucket=bucket)


def test_deny_beats_a_public_acl(s3, raw, key, put):
    """V:ed1ad6b6."""
    s3.put_object_acl(**key, ACL="public-read")
    assert_status(anonymous(raw, "GET", f"/{key['Bucket']}/k"), 200)
    put(statement("Deny"))
    assert_error(anonymous(raw, "GET", f"/{key['Bucket']}/k"), 403, "AccessDenied")


def test_deny_of_plain_http(raw, s3, key, put, scheme):
    put(statement("Deny", Condition={"Bool": {"aws:SecureTransport": "false"}}))
    if scheme == "https":
        assert s3.get_object(**key)["Body"].read() == b"content"
    else:
        with s3_error(403, "AccessDenied"):
            s3.get_object(**key)


def test_source_address(s3, key, put):
    put(statement("Deny", Condition={"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))
    with s3_error(403, "AccessDenied"):
        s3.get_object(**key)
    put(statement("Deny", Condition={"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}))
    s3.get_object(**key)


def test_old_signatures_may_be_refused(s3, raw, key, put):
    """s3:signatureAge, in milliseconds, of presigned URLs above all."""
    put(statement("Deny", Condition={"NumericGreaterThan": {"s3:signatureAge": "600000"}}))
    s3.get_object(**key)
    put(statement("Deny", Condition={"NumericGreaterThanEquals": {"s3:signatureAge": "0"}}))
    with s3_error(403, "AccessDenied"):
        s3.get_object(**key)


def test_the_account_of_the_bucket(s3, key, put):
    put(statement("Deny", Condition={"StringNotEquals": {"aws:ResourceAccount": "123456789012"}}))
    with s3_error(403, "AccessDenied"):
        s3.get_object(**key)


def test_a_client_does_not_choose_its_address(raw, key, put):
    """CVE-2026-21862 (RustFS): X-Forwarded-For was believed."""
    put(statement(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))
    for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded"):
        value = "for=10.1.2.3" if header == "Forwarded" else "10.1.2.3"
        answer = anonymous(raw, "GET", f"/{key['Bucket']}/k", headers=[(header, value)])
        assert_error(answer, 403, "AccessDenied")


def test_deny_of_uploads_without_a_header(s3, bucket, put):
    put(statement("Deny", action="s3:PutObject", Condition={"StringNotEquals": {"s3:x-amz-storage-class": "GLACIER"}}))
    with s3_error(403, "AccessDenied"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", StorageClass="GLACIER")


def test_deny_by_the_tags_of_the_object(s3, raw, key, put):
    put(
        statement(),
        statement("Deny", Condition={"StringEquals": {"s3:ExistingObjectTag/secret": "yes"}}),
    )
    assert_status(anonymous(raw, "GET", f"/{key['Bucket']}/k"), 200)
    s3.put_object_tagging(**key, Tagging={"TagSet": [{"Key": "secret", "Value": "yes"}]})
    assert_error(anonymous(raw, "GET", f"/{key['Bucket']}/k"), 403, "AccessDenied")
    with s3_error(403, "AccessDenied"):
        s3.get_object(**key)


def test_allow_by_the_tags_of_the_request(s3, raw, bucket, put):
    put(
        statement(
            action=["s3:PutObject", "s3:PutObjectTagging"],
            Condition={"StringEquals": {"s3:RequestObjectTag/team": "blue"}},
        )
    )
    assert_status(anonymous(raw, "PUT", f"/{bucket}/k", b"1", [("x-amz-tagging", "team=blue")]), 200)
    assert_error(anonymous(raw, "PUT", f"/{bucket}/k", b"1", [("x-amz-tagging", "team=red")]), 403, "AccessDenied")
    assert_error(anonymous(raw, "PUT", f"/{bucket}/k", b"1"), 403, "AccessDenied")


def test_deny_of_deleting_binds_each_key_of_many(s3, bucket, put):
    for name in ("a", "keep/b"):
        s3.put_object(Bucket=bucket, Key=name, Body=b"1")
    put(statement("Deny", action="s3:DeleteObject", resource=arn(bucket, "keep/*")))
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "keep/b"}]})
    assert [row["Key"] for row in answer["Deleted"]] == ["a"]
    assert [(row["Key"], row["Code"]) for row in answer["Errors"]] == [("keep/b", "AccessDenied")]
    assert s3.head_object(Bucket=bucket, Key="keep/b")


def test_deny_of_bypassing_a_retention(s3, bucket_factory):
    """CVE-2023-25812 (MinIO): a Deny of BypassGovernanceRetention was not honoured."""
    name = bucket_factory() + "-lock"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    version = s3.put_object(
        Bucket=name, Key="k", Body=b"1", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate="2100-01-01T00:00:00Z"
    )["VersionId"]
    denied = statement("Deny", action="s3:BypassGovernanceRetention", resource=arn(name, "*"))
    s3.put_bucket_policy(Bucket=name, Policy=policy(denied))
    with s3_error(403, "AccessDenied"):
        s3.delete_object(Bucket=name, Key="k", VersionId=version, BypassGovernanceRetention=True)
    answer = s3.delete_objects(
        Bucket=name, Delete={"Objects": [{"Key": "k", "VersionId": version}]}, BypassGovernanceRetention=True
    )
    assert answer["Errors"][0]["Code"] == "AccessDenied"
    s3.delete_bucket_policy(Bucket=name)
    s3.delete_object(Bucket=name, Key="k", VersionId=version, BypassGovernanceRetention=True)
    s3.delete_bucket(Bucket=name)


# --- other accounts and users


def test_another_account_by_policy(s3, other, key, put):
    for principal in ({"AWS": other.arn}, {"AWS": other.account_id}, {"CanonicalUser": other.canonical_id}):
        with s3_error(403, "AccessDenied"):
            other.s3.get_object(**key)
        put(statement(principal=principal))
        assert other.s3.get_object(**key)["Body"].read() == b"content"
        s3.delete_bucket_policy(Bucket=key["Bucket"])


def test_a_policy_for_one_account_admits_no_other(raw, account_pair, key, put):
    owner, other = account_pair
    put(statement(principal={"AWS": owner.arn}))
    owner.s3.get_object(**key)
    with s3_error(403, "AccessDenied"):
        other.s3.get_object(**key)
    assert_error(anonymous(raw, "GET", f"/{key['Bucket']}/k"), 403, "AccessDenied")


def test_a_user_of_another_account_needs_both(other, key, put):
    """Cross account: the bucket's policy and the user's own."""
    idle = new_user(other)
    able = new_user(other, allow("s3:GetObject"))
    with s3_error(403, "AccessDenied"):
        able.s3.get_object(**key)
    put(statement(principal={"AWS": other.arn}))
    assert able.s3.get_object(**key)["Body"].read() == b"content"
    with s3_error(403, "AccessDenied"):
        idle.s3.get_object(**key)


def test_a_user_at_home_needs_one(other, bucket_of):
    """Same account: the user's policy or the bucket's."""
    name = bucket_of(other)
    other.s3.put_object(Bucket=name, Key="k", Body=b"1")
    idle = new_user(other)
    able = new_user(other, allow("s3:GetObject", arn(name, "*")))
    with s3_error(403, "AccessDenied"):
        idle.s3.get_object(Bucket=name, Key="k")
    able.s3.get_object(Bucket=name, Key="k")
    user_arn = f"arn:aws:iam::{other.account_id}:user/{idle.name}"
    other.s3.put_bucket_policy(
        Bucket=name, Policy=policy(statement(principal={"AWS": user_arn}, resource=arn(name, "*")))
    )
    idle.s3.get_object(Bucket=name, Key="k")
    with s3_error(403, "AccessDenied"):
        idle.s3.put_object(Bucket=name, Key="k", Body=b"2")


def test_a_users_deny_is_final(other, bucket_of):
    name = bucket_of(other)
    other.s3.put_object(Bucket=name, Key="k", Body=b"1", ACL="public-read")
    both = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
            {"Effect": "Deny", "Action": "s3:GetObject", "Resource": arn(name, "k")},
        ],
    }
    user = new_user(other, both)
    user.s3.put_object(Bucket=name, Key="other", Body=b"1")
    user.s3.get_object(Bucket=name, Key="other")
    with s3_error(403, "AccessDenied"):
        user.s3.get_object(Bucket=name, Key="k")


def test_a_users_own_folder(other, bucket_of):
    """The variable of every tutorial: ${aws:username}."""
    name = bucket_of(other)
    user = new_user(other, allow(["s3:PutObject", "s3:GetObject"], arn(name, "home/${aws:username}/*")))
    user.s3.put_object(Bucket=name, Key=f"home/{user.name}/x", Body=b"1")
    with s3_error(403, "AccessDenied"):
        user.s3.put_object(Bucket=name, Key="home/somebody/x", Body=b"1")


def test_users_see_403_for_missing_keys_unless_they_may_list(other, bucket_of):
    name = bucket_of(other)
    reader = new_user(other, allow("s3:GetObject", arn(name, "*")))
    lister = new_user(other, allow(["s3:GetObject", "s3:ListBucket"]))
    with s3_error(403):
        reader.s3.head_object(Bucket=name, Key="missing")
    with s3_error(404):
        lister.s3.head_object(Bucket=name, Key="missing")


def test_a_user_may_create_and_list_buckets_when_allowed(other):
    user = new_user(other, allow("s3:GetObject"))
    with s3_error(403, "AccessDenied"):
        user.s3.list_buckets()
    with s3_error(403, "AccessDenied"):
        user.s3.create_bucket(Bucket="never-made-by-this-user")
    able = new_user(other, allow(["s3:ListAllMyBuckets", "s3:CreateBucket", "s3:DeleteBucket"]))
    name = f"made-by-{able.name}"
    able.s3.create_bucket(Bucket=name)
    assert name in [entry["Name"] for entry in other.s3.list_buckets()["Buckets"]], "the account's, not the user's"
    with s3_error(403, "AccessDenied"):
        able.s3.create_bucket(Bucket=name + "-open", ACL="public-read")
    able.s3.delete_bucket(Bucket=name)


def test_tags_of_a_new_bucket_need_the_right_to_tag(other):
    wanted = {"Tags": [{"Key": "team", "Value": "red"}]}
    creator = new_user(other, allow(["s3:CreateBucket", "s3:DeleteBucket", "s3:GetBucketTagging"]))
    name = f"made-by-{creator.name}"
    with s3_error(403, "AccessDenied"):
        creator.s3.create_bucket(Bucket=name, CreateBucketConfiguration=wanted)
    with s3_error(404, "NoSuchBucket"):
        creator.s3.delete_bucket(Bucket=name)
    tagger = new_user(other, allow(["s3:CreateBucket", "s3:TagResource"]))
    tagger.s3.create_bucket(Bucket=name, CreateBucketConfiguration=wanted)
    assert creator.s3.get_bucket_tagging(Bucket=name)["TagSet"] == wanted["Tags"]
    creator.s3.delete_bucket(Bucket=name)


# --- public access block


BLOCK = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]


def block(*names):
    return {name: name in names for name in BLOCK}


def test_public_access_block_is_kept_returned_and_deleted(s3, bucket):
    """R:test_crud_public_access_block; a new bucket has none, as before 2023."""
    with s3_error(404, "NoSuchPublicAccessBlockConfiguration", BucketName=bucket):
        s3.get_public_access_block(Bucket=bucket)
    for wanted in (block(), block(*BLOCK), block("IgnorePublicAcls")):
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=wanted)
        assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == wanted
    assert s3.delete_public_access_block(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    with s3_error(404, "NoSuchPublicAccessBlockConfiguration"):
        s3.get_public_access_block(Bucket=bucket)
    s3.delete_public_access_block(Bucket=bucket)


def test_block_public_acls(s3, key):
    s3.put_public_access_block(Bucket=key["Bucket"], PublicAccessBlockConfiguration=block("BlockPublicAcls"))
    with s3_error(403, "AccessDenied"):
        s3.put_object_acl(**key, ACL="public-read")
    with s3_error(403, "AccessDenied"):
        s3.put_bucket_acl(Bucket=key["Bucket"], ACL="authenticated-read")
    with s3_error(403, "AccessDenied"):
        s3.put_object(**key, Body=b"new", ACL="public-read")
    s3.put_object_acl(**key, ACL="private")
    s3.put_object(**key, Body=b"new", ACL="bucket-owner-full-control")


def test_ignore_public_acls(s3, raw, key):
    s3.put_object_acl(**key, ACL="public-read")
    s3.put_public_access_block(Bucket=key["Bucket"], PublicAccessBlockConfiguration=block("IgnorePublicAcls"))
    assert_error(anonymous(raw, "GET", f"/{key['Bucket']}/k"), 403, "AccessDenied")
    assert len(s3.get_object_acl(**key)["Grants"]) == 2, "kept, not obeyed"
    s3.delete_public_access_block(Bucket=key["Bucket"])
    assert_status(anonymous(raw, "GET", f"/{key['Bucket']}/k"), 200)


def test_block_public_policy(s3, bucket, put):
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block("BlockPublicPolicy"))
    with s3_error(403, "AccessDenied"):
        put(statement())
    put(statement(principal={"AWS": "123456789012"}))


def test_restrict_public_buckets(s3, raw, other, key, put):
    put(statement())
    assert_status(anonymous(raw, "GET", f"/{key['Bucket']}/k"), 200)
    s3.put_public_access_block(Bucket=key["Bucket"], PublicAccessBlockConfiguration=block("RestrictPublicBuckets"))
    assert_error(anonymous(raw, "GET", f"/{key['Bucket']}/k"), 403, "AccessDenied")
    with s3_error(403, "AccessDenied"):
        other.s3.get_object(**key)
    s3.get_object(**key)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<x/>",
        b"<PublicAccessBlockConfiguration><BlockAll>true</BlockAll></PublicAccessBlockConfiguration>",
        b"<PublicAccessBlockConfiguration><BlockPublicAcls>maybe</BlockPublicAcls></PublicAccessBlockConfiguration>",
    ],
)
def test_malformed_public_access_block(raw, bucket, body):
    assert_error(raw.call("PUT", f"/{bucket}", [("publicAccessBlock", None)], body=body), 400, "MalformedXML")


def test_policy_status(s3, bucket, put):
    with s3_error(404, "NoSuchBucketPolicy"):
        s3.get_bucket_policy_status(Bucket=bucket)
    put(statement())
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True
    put(statement(principal={"AWS": "123456789012"}))
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is False


# --- ownership controls


def controls(value):
    return {"Rules": [{"ObjectOwnership": value}]}


def test_ownership_controls_are_kept_returned_and_deleted(s3, bucket):
    """R:test_crud_bucket_ownership_controls; a new bucket has none, as before 2023."""
    with s3_error(404, "OwnershipControlsNotFoundError", BucketName=bucket):
        s3.get_bucket_ownership_controls(Bucket=bucket)
    for value in ("ObjectWriter", "BucketOwnerPreferred", "BucketOwnerEnforced"):
        s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=controls(value))
        assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"] == controls(value)
    assert s3.delete_bucket_ownership_controls(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    with s3_error(404, "OwnershipControlsNotFoundError"):
        s3.get_bucket_ownership_controls(Bucket=bucket)
    s3.delete_bucket_ownership_controls(Bucket=bucket)


def test_ownership_at_creation(s3, bucket):
    name = bucket + "-owned"
    s3.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerPreferred")
    assert s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"] == controls("BucketOwnerPreferred")
    s3.delete_bucket(Bucket=name)


@pytest.mark.parametrize("value", ["RandomValue", ""])
def test_wrong_ownership_at_creation(raw, bucket, value):
    """R:test_bucket_ownership_controls_exc."""
    response = raw.call("PUT", f"/{bucket}-x", headers={"x-amz-object-ownership": value})
    error = assert_error(response, 400, "InvalidArgument", ArgumentName="x-amz-object-ownership")
    assert error["Message"] == f"Invalid x-amz-object-ownership header: {value}"


RULE = "<Rule><ObjectOwnership>{}</ObjectOwnership></Rule>"


@pytest.mark.parametrize(
    "rules", ["", RULE.format("Wrong"), RULE.format("ObjectWriter") * 2, "<Rule/>", "<Rule><Owner>x</Owner></Rule>"]
)
def test_malformed_ownership_controls(raw, bucket, rules):
    body = f"<OwnershipControls>{rules}</OwnershipControls>".encode()
    assert_error(raw.call("PUT", f"/{bucket}", [("ownershipControls", None)], body=body), 400, "MalformedXML")


def test_enforced_ownership_switches_acls_off(s3, raw, key):
    bucket = key["Bucket"]
    s3.put_object_acl(**key, ACL="public-read")
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=controls("BucketOwnerEnforced"))
    assert_error(anonymous(raw, "GET", f"/{bucket}/k"), 403, "AccessDenied")
    for call in (
        lambda: s3.put_object_acl(**key, ACL="public-read"),
        lambda: s3.put_bucket_acl(Bucket=bucket, ACL="public-read"),
        lambda: s3.put_object(**key, Body=b"new", ACL="public-read"),
        lambda: s3.create_multipart_upload(**key, ACL="public-read"),
        lambda: s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", ACL="public-read"),
    ):
        with s3_error(400, "AccessControlListNotSupported"):
            call()
    assert s3.get_object(**key)["Body"].read() == b"content"
    s3.put_object(**key, Body=b"new", ACL="bucket-owner-full-control")


def test_enforced_ownership_owns_what_others_write(s3, other, bucket, put):
    put(statement(principal={"AWS": other.arn}, action="s3:PutObject"))
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=controls("BucketOwnerEnforced"))
    other.s3.put_object(Bucket=bucket, Key="k", Body=b"theirs")
    assert s3.get_object_acl(Bucket=bucket, Key="k")["Owner"]["ID"] == s3.list_buckets()["Owner"]["ID"]
    with s3_error(403, "AccessDenied"):
        other.s3.get_object(Bucket=bucket, Key="k")


def test_preferred_ownership_takes_what_is_given(s3, other, bucket, put):
    put(statement(principal={"AWS": other.arn}, action=["s3:PutObject", "s3:PutObjectAcl"]))
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=controls("BucketOwnerPreferred"))
    other.s3.put_object(Bucket=bucket, Key="given", Body=b"1", ACL="bucket-owner-full-control")
    other.s3.put_object(Bucket=bucket, Key="kept", Body=b"1")
    me = s3.list_buckets()["Owner"]["ID"]
    owners = {row["Key"]: row["Owner"]["ID"] for row in s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"]}
    assert owners == {"given": me, "kept": other.canonical_id}


def test_a_bucket_with_an_acl_cannot_enforce_ownership(s3, bucket):
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    with s3_error(400, "InvalidBucketAclWithObjectOwnership"):
        s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=controls("BucketOwnerEnforced"))
    with s3_error(400, "InvalidBucketAclWithObjectOwnership"):
        s3.create_bucket(Bucket=bucket + "-x", ACL="public-read", ObjectOwnership="BucketOwnerEnforced")
