"""IAM and STS on the endpoint of S3, by boto3's own clients: users, keys and policies of an account, who may do what
with them, and what a refused, altered or unsigned request gets."""

import contextlib
import dataclasses
import datetime
import json
import secrets
import urllib.parse

import boto3
import pytest
from botocore.config import Config
from harness import sigv4
from harness.expect import s3_error
from harness.helpers import new_bucket_name
from harness.raw_http import request_bytes
from harness.server import s3_client

VERSION = "2010-05-08"
# Every action of the IAM API, with what it needs; src/api_gateway/tests/iam_api_test.cc holds the same list.
ACTIONS = {
    "create_user": {"UserName": "another"},
    "get_user": {"UserName": "NAME"},
    "list_users": {},
    "delete_user": {"UserName": "NAME"},
    "create_access_key": {"UserName": "NAME"},
    "list_access_keys": {"UserName": "NAME"},
    "update_access_key": {"UserName": "NAME", "AccessKeyId": "A" * 20, "Status": "Inactive"},
    "delete_access_key": {"UserName": "NAME", "AccessKeyId": "A" * 20},
    "put_user_policy": {"UserName": "NAME", "PolicyName": "p", "PolicyDocument": "{}"},
    "get_user_policy": {"UserName": "NAME", "PolicyName": "p"},
    "list_user_policies": {"UserName": "NAME"},
    "delete_user_policy": {"UserName": "NAME", "PolicyName": "p"},
}


def operation_of(method):
    return "".join(word.capitalize() for word in method.split("_"))


def allow(*actions, resource="*", effect="Allow"):
    statement = {"Effect": effect, "Action": list(actions), "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def client_of(server, service, access_key, secret_key, region="us-east-1"):
    return boto3.session.Session().client(
        service,
        endpoint_url=server.endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        verify=server.ca_file,
        config=Config(retries={"total_max_attempts": 1}),
    )


class User:
    """A user of the root's account, with a key."""

    def __init__(self, server, iam, name=None, path="/"):
        self.server, self.iam = server, iam
        self.name = name or f"user-{secrets.token_hex(4)}"
        self.arn = iam.create_user(UserName=self.name, Path=path)["User"]["Arn"]
        key = iam.create_access_key(UserName=self.name)["AccessKey"]
        self.access_key, self.secret_key = key["AccessKeyId"], key["SecretAccessKey"]

    def client(self, service):
        return client_of(self.server, service, self.access_key, self.secret_key)

    def s3(self):
        return s3_client(self.server.endpoint, self.access_key, self.secret_key, self.server.ca_file)

    def may(self, *actions, name="policy", **options):
        self.iam.put_user_policy(
            UserName=self.name, PolicyName=name, PolicyDocument=allow(*actions, **options)
        )

    def remove(self):
        with contextlib.suppress(self.iam.exceptions.NoSuchEntityException):
            for key in self.iam.list_access_keys(UserName=self.name)["AccessKeyMetadata"]:
                self.iam.delete_access_key(UserName=self.name, AccessKeyId=key["AccessKeyId"])
            for name in self.iam.list_user_policies(UserName=self.name)["PolicyNames"]:
                self.iam.delete_user_policy(UserName=self.name, PolicyName=name)
            self.iam.delete_user(UserName=self.name)


@pytest.fixture(scope="module")
def iam(server):
    return client_of(server, "iam", server.access_key, server.secret_key)


@pytest.fixture
def new_user(server, iam):
    made = []

    def make(**options):
        made.append(User(server, iam, **options))
        return made[-1]

    yield make
    for user in made:
        user.remove()


@pytest.fixture
def user(new_user):
    return new_user()


def test_a_user_is_made_found_listed_and_removed(iam):
    name = f"bob+{secrets.token_hex(3)}@example.com"
    made = iam.create_user(UserName=name, Path="/staff/eu/")["User"]
    try:
        account = made["Arn"].split(":")[4]
        assert made["Arn"] == f"arn:aws:iam::{account}:user/staff/eu/{name}"
        assert made["UserName"] == name and made["Path"] == "/staff/eu/" and made["UserId"].startswith("AIDA")
        age = datetime.datetime.now(datetime.timezone.utc) - made["CreateDate"]
        assert abs(age.total_seconds()) < 60
        assert iam.get_user(UserName=name)["User"] == made
        assert made in iam.list_users()["Users"]
        assert [user["UserName"] for user in iam.list_users(PathPrefix="/staff/eu/")["Users"]] == [name]
        assert iam.list_users(PathPrefix="/staff/us/")["Users"] == []
        with s3_error(409, "EntityAlreadyExists"):
            iam.create_user(UserName=name)
    finally:
        iam.delete_user(UserName=name)
    with s3_error(404, "NoSuchEntity"):
        iam.get_user(UserName=name)
    with s3_error(404, "NoSuchEntity"):
        iam.delete_user(UserName=name)


def test_users_are_listed_by_pages(iam, new_user):
    path = f"/{secrets.token_hex(4)}/"
    names = sorted(new_user(path=path).name for _ in range(5))
    pages = list(iam.get_paginator("list_users").paginate(PathPrefix=path, PaginationConfig={"PageSize": 2}))
    assert [len(page["Users"]) for page in pages] == [2, 2, 1]
    assert [user["UserName"] for page in pages for user in page["Users"]] == names
    assert [page["IsTruncated"] for page in pages] == [True, True, False]


def test_errors_have_the_form_of_iam(server, iam):
    """What boto3 parses, and the Type that it does not look at."""
    with pytest.raises(iam.exceptions.NoSuchEntityException) as caught:
        iam.get_user(UserName="nobody")
    answer = caught.value.response
    assert answer["Error"]["Type"] == "Sender"
    assert answer["Error"]["Message"] == "The user with name nobody cannot be found."
    assert answer["ResponseMetadata"]["RequestId"] == answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-request-id"]


def test_keys_work_until_they_are_switched_off_or_deleted(iam, user, bucket):
    """A change holds for the very next request."""
    user.may("s3:*")
    s3 = user.s3()
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for _ in range(3):
        iam.update_access_key(UserName=user.name, AccessKeyId=user.access_key, Status="Inactive")
        with s3_error(403, "InvalidAccessKeyId"):
            s3.get_object(Bucket=bucket, Key="k")
        [row] = iam.list_access_keys(UserName=user.name)["AccessKeyMetadata"]
        assert row["Status"] == "Inactive" and row["AccessKeyId"] == user.access_key
        assert row["UserName"] == user.name and "SecretAccessKey" not in row
        iam.update_access_key(UserName=user.name, AccessKeyId=user.access_key, Status="Active")
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    iam.delete_access_key(UserName=user.name, AccessKeyId=user.access_key)
    with s3_error(403, "InvalidAccessKeyId"):
        s3.get_object(Bucket=bucket, Key="k")
    with s3_error(404, "NoSuchEntity"):
        iam.delete_access_key(UserName=user.name, AccessKeyId=user.access_key)


def test_two_keys_are_the_most(iam, user):
    second = iam.create_access_key(UserName=user.name)["AccessKey"]
    assert second["UserName"] == user.name and second["Status"] == "Active"
    assert len(second["AccessKeyId"]) == 20 and len(second["SecretAccessKey"]) == 40
    with s3_error(409, "LimitExceeded"):
        iam.create_access_key(UserName=user.name)


def test_a_user_with_keys_or_policies_is_not_deleted(iam, user):
    user.may("s3:GetObject")
    with s3_error(409, "DeleteConflict"):
        iam.delete_user(UserName=user.name)
    iam.delete_access_key(UserName=user.name, AccessKeyId=user.access_key)
    with s3_error(409, "DeleteConflict"):
        iam.delete_user(UserName=user.name)
    iam.delete_user_policy(UserName=user.name, PolicyName="policy")
    iam.delete_user(UserName=user.name)


def test_a_user_made_again_does_not_regain_keys_or_rights(server, iam, new_user, bucket):
    """CVE-2024-43784 of lakeFS."""
    old = new_user()
    old.may("s3:*")
    old_s3 = old.s3()
    old_s3.list_objects_v2(Bucket=bucket)
    old_id = iam.get_user(UserName=old.name)["User"]["UserId"]
    old.remove()
    new = new_user(name=old.name)
    assert iam.get_user(UserName=new.name)["User"]["UserId"] != old_id
    assert iam.list_user_policies(UserName=new.name)["PolicyNames"] == []
    with s3_error(403, "InvalidAccessKeyId"):
        old_s3.list_objects_v2(Bucket=bucket)
    with s3_error(403, "AccessDenied"):
        new.s3().list_objects_v2(Bucket=bucket)


def test_policies_are_kept_as_they_were_written(iam, user):
    document = '{ "Version":"2012-10-17",\n "Statement": {"Effect":"Allow", "Action":"s3:Get*",\t"Resource":"*"}}'
    iam.put_user_policy(UserName=user.name, PolicyName="a+b@c", PolicyDocument=document)
    answer = iam.get_user_policy(UserName=user.name, PolicyName="a+b@c")
    assert answer["UserName"] == user.name and answer["PolicyName"] == "a+b@c"
    assert answer["PolicyDocument"] == json.loads(document)  # boto3 decodes it
    user.may("s3:PutObject", name="b")
    assert iam.list_user_policies(UserName=user.name)["PolicyNames"] == ["a+b@c", "b"]
    assert iam.list_user_policies(UserName=user.name, MaxItems=1)["PolicyNames"] == ["a+b@c"]
    iam.delete_user_policy(UserName=user.name, PolicyName="a+b@c")
    for call in (iam.get_user_policy, iam.delete_user_policy):
        with s3_error(404, "NoSuchEntity"):
            call(UserName=user.name, PolicyName="a+b@c")


@pytest.mark.parametrize(
    "document",
    [
        "{}",
        "no json",
        '{"Version":"2012-10-17","Statement":[{"Effect":"Maybe","Action":"s3:*","Resource":"*"}]}',
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Prinzipal":1}]}',
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}',
    ],
)
def test_a_policy_that_is_not_understood_is_refused(iam, user, document):
    with s3_error(400, "MalformedPolicyDocument"):
        iam.put_user_policy(UserName=user.name, PolicyName="p", PolicyDocument=document)
    assert iam.list_user_policies(UserName=user.name)["PolicyNames"] == []


def test_a_policy_that_is_too_long_is_limit_exceeded(iam, user):
    with s3_error(409, "LimitExceeded"):
        user.may("s3:*", resource=[f"arn:aws:s3:::bucket-{number}/*" for number in range(100)])


def test_a_policy_holds_for_the_next_request(user, bucket, iam):
    s3 = user.s3()
    with s3_error(403, "AccessDenied"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    user.may("s3:PutObject", resource=f"arn:aws:s3:::{bucket}/*")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with s3_error(403, "AccessDenied"):
        s3.get_object(Bucket=bucket, Key="k")
    user.may("s3:*", effect="Deny", name="no")
    with s3_error(403, "AccessDenied"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    iam.delete_user_policy(UserName=user.name, PolicyName="no")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")


def test_a_new_user_has_no_rights(user, bucket):
    s3 = user.s3()
    for call in (
        lambda: s3.list_objects_v2(Bucket=bucket),
        lambda: s3.put_object(Bucket=bucket, Key="k", Body=b""),
        lambda: s3.create_bucket(Bucket=new_bucket_name()),
        s3.list_buckets,
    ):
        with s3_error(403, "AccessDenied"):
            call()


@pytest.mark.parametrize("method", ACTIONS)
def test_every_action_asks_for_its_own_right(iam, new_user, method):
    """A user without rights, one with every right but this, one with a Deny beside every right, and one with this
    right alone."""
    user, victim = new_user(), new_user()
    words = {name: victim.name if value == "NAME" else value for name, value in ACTIONS[method].items()}
    operation = operation_of(method)
    if method == "create_user":
        words["UserName"] = f"made-{secrets.token_hex(4)}"
    users = victim.arn.split(":user/")[0] + ":user/"
    resource = users if method == "list_users" else users + words.get("UserName", "")

    def call():
        return getattr(user.client("iam"), method)(**words)

    before = [iam.get_user(UserName=victim.name), iam.list_access_keys(UserName=victim.name)["AccessKeyMetadata"]]
    with s3_error(403, "AccessDenied") as caught:
        call()
    assert caught.error["Message"] == (
        f"User: {user.arn} is not authorized to perform: iam:{operation} on resource: {resource} because no "
        f"identity-based policy allows the iam:{operation} action"
    )
    user.may("iam:*")
    user.may(f"iam:{operation}", effect="Deny", name="deny")
    with s3_error(403, "AccessDenied") as caught:
        call()
    assert caught.error["Message"].endswith("with an explicit deny in an identity-based policy")
    others = [f"iam:{operation_of(other)}" for other in ACTIONS if other != method]
    user.may(*others)
    iam.delete_user_policy(UserName=user.name, PolicyName="deny")
    with s3_error(403, "AccessDenied"):
        call()
    user.may(f"iam:{operation}", resource="arn:aws:iam::*:user/somebody-else")
    with s3_error(403, "AccessDenied"):
        call()
    after = [iam.get_user(UserName=victim.name), iam.list_access_keys(UserName=victim.name)["AccessKeyMetadata"]]
    assert [before[0]["User"], before[1]] == [after[0]["User"], after[1]]
    # What is answered now is the action itself, whatever it says of these words.
    user.may(f"iam:{operation}", resource=resource)
    try:
        call()
    except user.client("iam").exceptions.ClientError as error:
        assert error.response["Error"]["Code"] in ("NoSuchEntity", "DeleteConflict", "MalformedPolicyDocument")
    if method == "create_user":
        iam.delete_user(UserName=words["UserName"])


@pytest.mark.parametrize("mine", [True, False])
def test_a_user_cannot_help_itself(user, mine):
    """CVE-2021-43858 of MinIO: what a user may do is not for the user to say, nor by a key of its own."""
    client = user.client("iam")
    words = {"UserName": user.name} if mine else {}
    with s3_error(403, "AccessDenied"):
        client.put_user_policy(UserName=user.name, PolicyName="all", PolicyDocument=allow("s3:*", "iam:*"))
    with s3_error(403, "AccessDenied"):
        client.create_access_key(**words)
    with s3_error(403, "AccessDenied"):
        client.get_user(**words)
    with s3_error(403, "AccessDenied"):
        client.delete_user(UserName=user.name)


def test_without_a_name_the_caller_is_meant(iam, user):
    user.may(
        "iam:GetUser", "iam:*AccessKey*", resource="arn:aws:iam::*:user/${aws:username}"
    )
    client = user.client("iam")
    assert client.get_user()["User"]["UserName"] == user.name
    second = client.create_access_key()["AccessKey"]
    assert second["UserName"] == user.name
    assert {row["AccessKeyId"] for row in client.list_access_keys()["AccessKeyMetadata"]} == {
        user.access_key,
        second["AccessKeyId"],
    }
    client.update_access_key(AccessKeyId=second["AccessKeyId"], Status="Inactive")
    client.delete_access_key(AccessKeyId=second["AccessKeyId"])
    with s3_error(403, "AccessDenied"):  # the variable stands for this user and no other
        client.list_access_keys(UserName="somebody")


def test_the_root_user(iam, server):
    root = iam.get_user()["User"]
    assert root["Arn"].endswith(":root") and root["UserId"] == root["Arn"].split(":")[4]
    with s3_error(403, "AccessDenied"):
        iam.create_access_key()
    for call in (iam.update_access_key, iam.delete_access_key):
        status = {"Status": "Inactive"} if call == iam.update_access_key else {}
        with s3_error(404, "NoSuchEntity"):
            call(AccessKeyId="ASHLARROOTKEY00000000", **status)
    assert iam.list_access_keys()["AccessKeyMetadata"] == []


def test_who_am_i(server, user, iam):
    """Needs no right, as with AWS."""
    user.may("*", effect="Deny")
    answer = user.client("sts").get_caller_identity()
    assert answer["Arn"] == user.arn and answer["Account"] == user.arn.split(":")[4]
    assert answer["UserId"].startswith("AIDA")
    root = client_of(server, "sts", server.access_key, server.secret_key).get_caller_identity()
    assert root["Arn"] == f"arn:aws:iam::{answer['Account']}:root" and root["UserId"] == answer["Account"]


def test_what_is_not_built_is_refused(server, iam):
    for call in (
        lambda: iam.create_group(GroupName="g"),
        lambda: iam.list_roles(),
        lambda: iam.get_access_key_last_used(AccessKeyId="A" * 20),
        lambda: client_of(server, "sts", server.access_key, server.secret_key).get_session_token(),
    ):
        with s3_error(400, "InvalidAction"):
            call()


def test_a_parameter_that_would_be_ignored_is_refused(iam):
    """A boundary that is skipped would widen what a user may do."""
    with s3_error(400, "ValidationError") as caught:
        iam.create_user(UserName="bounded", PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess")
    assert "PermissionsBoundary" in caught.error["Message"]
    with s3_error(404, "NoSuchEntity"):
        iam.get_user(UserName="bounded")


@pytest.mark.parametrize("name", ["a b", "a/b", "*", "ä", "${aws:username}", "x" * 65])
def test_user_names_are_checked(iam, name):
    with s3_error(400, "ValidationError"):
        iam.create_user(UserName=name)


@pytest.mark.parametrize("path", ["x", "/x", "x/", "/*/", "/a b/", "/" + "x" * 511 + "/"])
def test_paths_are_checked(iam, path):
    with s3_error(400, "ValidationError"):
        iam.create_user(UserName="with-a-path", Path=path)


def test_the_region_of_the_signature(server):
    """us-east-1 as IAM has it, or the store's; here they are the same."""
    client_of(server, "iam", server.access_key, server.secret_key).list_users()
    with s3_error(403, "SignatureDoesNotMatch"):
        client_of(server, "iam", server.access_key, server.secret_key, region="eu-west-9").list_users()


def test_wrong_credentials(server):
    with s3_error(403, "InvalidClientTokenId"):
        client_of(server, "iam", "NOBODYSACCESSKEY0000", "x" * 40).list_users()
    with s3_error(403, "SignatureDoesNotMatch"):
        client_of(server, "iam", server.access_key, "x" * 40).list_users()
    with s3_error(403, "SignatureDoesNotMatch"):
        client_of(server, "sts", server.access_key, "x" * 40).get_caller_identity()


# ---- requests that no SDK sends


def form(**words):
    return urllib.parse.urlencode({"Version": VERSION, **words}).encode()


def post(raw, body, *, service="iam", signed_body=None, drop=(), extra=(), age_s=0, target="/", **signer):
    """The answer to a form; signed as an SDK does (no x-amz-content-sha256, the hash is in the signature alone)."""
    headers = [("Host", raw.authority), ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")]
    moment = sigv4.utc_now() - datetime.timedelta(seconds=age_s)
    headers.append(("X-Amz-Date", sigv4.amz_date(moment)))
    headers += extra
    who = dataclasses.replace(raw.signer, service=service, **signer)
    signed = sorted(name.lower() for name, _ in headers)
    digest = sigv4.sha256_hex(body if signed_body is None else signed_body)
    for name, value in extra:
        if name.lower() == "x-amz-content-sha256":
            digest = value
            signed.remove("x-amz-content-sha256")
    signature = who.signature("POST", "/", [], headers, signed, digest, moment)
    headers.append(
        (
            "Authorization",
            f"{who.algorithm} Credential={who.access_key}/{who.scope(moment)}, SignedHeaders={';'.join(signed)}, "
            f"Signature={signature}",
        )
    )
    headers.append(("Content-Length", str(len(body))))
    headers = [(name, value) for name, value in headers if name not in drop]
    return raw.send_raw(request_bytes("POST", target, headers, body), "POST")


def code_of(answer):
    """Of an error document of IAM."""
    root = answer.xml()
    assert root.tag == "ErrorResponse" and root.findtext("RequestId") == answer.header("x-amz-request-id"), str(answer)
    assert root.findtext("Error/Type") == ("Sender" if answer.status < 500 else "Receiver")
    return answer.status, root.findtext("Error/Code")


def test_the_plain_request_is_answered(raw):
    answer = post(raw, form(Action="ListUsers"))
    assert answer.status == 200 and answer.xml().tag == "ListUsersResponse", str(answer)
    assert answer.body.startswith(b'<ListUsersResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">')


def test_the_body_is_signed(raw, iam):
    """Another body under the signature of a harmless one."""
    harmless = form(Action="ListUsers")
    answer = post(raw, form(Action="CreateUser", UserName="smuggled"), signed_body=harmless)
    assert code_of(answer) == (403, "SignatureDoesNotMatch")
    digest = sigv4.sha256_hex(harmless)
    answer = post(
        raw, form(Action="CreateUser", UserName="smuggled"), extra=[("x-amz-content-sha256", digest)]
    )
    assert code_of(answer) == (403, "SignatureDoesNotMatch")
    for mode in ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"):
        answer = post(raw, form(Action="CreateUser", UserName="smuggled"), extra=[("x-amz-content-sha256", mode)])
        assert code_of(answer) == (403, "SignatureDoesNotMatch"), mode
    with s3_error(404, "NoSuchEntity"):
        iam.get_user(UserName="smuggled")
    # A client that sends the right hash is as good as one that sends none.
    assert post(raw, harmless, extra=[("x-amz-content-sha256", digest)]).status == 200


def test_nobody_comes_in_without_a_signature(raw):
    assert code_of(post(raw, form(Action="ListUsers"), drop=("Authorization",))) == (403, "MissingAuthenticationToken")
    for value in ("", "Bearer x", "AWS a:b", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b/c", "x" * 4000):
        answer = post(raw, form(Action="ListUsers"), drop=("Authorization",), extra=[("authorization", value)])
        assert answer.status in (400, 403), value
        code_of(answer)


@pytest.mark.parametrize(
    "words, expected",
    [
        ({"service": "s3"}, (403, "SignatureDoesNotMatch")),
        ({"service": "ec2"}, (403, "SignatureDoesNotMatch")),
        ({"service": "sts"}, (400, "InvalidAction")),
        ({"age_s": 1000}, (403, "SignatureDoesNotMatch")),
        ({"age_s": -1000}, (403, "SignatureDoesNotMatch")),
        ({"extra": [("x-amz-security-token", "t")]}, (403, "InvalidClientTokenId")),
        ({"secret_key": "wrong"}, (403, "SignatureDoesNotMatch")),
    ],
)
def test_the_signature_is_for_this_service_and_time(raw, words, expected):
    assert code_of(post(raw, form(Action="ListUsers"), **words)) == expected


@pytest.mark.parametrize(
    "body, expected",
    [
        (b"", (400, "InvalidAction")),
        (b"Action=ListUsers", (400, "InvalidAction")),
        (b"Action=ListUsers&Version=2009-01-01", (400, "InvalidAction")),
        (b"Action=listusers&Version=2010-05-08", (400, "InvalidAction")),
        (b"Action=GetCallerIdentity&Version=2010-05-08", (400, "InvalidAction")),
        (b"Action=ListUsers&Action=DeleteUser&Version=2010-05-08", (400, "MalformedQueryString")),
        (b"Action=ListUsers&Version=2010-05-08&", (400, "MalformedQueryString")),
        (b"Action=ListUsers&Version=2010-05-08&=x", (400, "MalformedQueryString")),
        (b"Action=ListUsers&Version=2010-05-08&Marker=%zz", (400, "MalformedQueryString")),
        (b"Action=ListUsers&Version=2010-05-08&Marker=%ff", (400, "MalformedQueryString")),
        (b"Action=ListUsers&Version=2010-05-08&Nonsense=1", (400, "ValidationError")),
        (b"Action=ListUsers&Version=2010-05-08&MaxItems=0", (400, "ValidationError")),
        (b"Action=ListUsers&Version=2010-05-08&MaxItems=1001", (400, "ValidationError")),
        (b"Action=ListUsers&Version=2010-05-08&MaxItems=-1", (400, "ValidationError")),
        (b"Action=ListUsers&Version=2010-05-08&PathPrefix=x", (400, "ValidationError")),
        (b"Action=DeleteUser&Version=2010-05-08", (400, "ValidationError")),
        (b"Action=DeleteUser&Version=2010-05-08&UserName=", (400, "ValidationError")),
        (b"Action=" + b"x" * 65536, (413, "RequestEntityTooLarge")),
    ],
)
def test_forms_that_are_refused(raw, body, expected):
    answer = post(raw, body)
    assert code_of(answer) == expected
    assert answer.header("cache-control") == "no-store"


def test_other_posts_are_of_s3(raw):
    """A form with a query, or to another path, is not for IAM."""
    for target in ("/?x=1", "//", "/bucket"):
        answer = post(raw, form(Action="ListUsers"), target=target)
        assert answer.status >= 400 and answer.xml().tag == "Error", target


def test_secrets_reach_no_log_and_no_other_answer(server, iam, user, bucket):
    """A canary: the secret and the policies of a user, in everything that the server has said since."""
    if getattr(server, "log_path", None) is None:
        pytest.skip("the log of the server is not at hand")
    user.may("s3:GetObject", "iam:GetUser", resource="arn:aws:s3:::canary-in-a-policy/*")
    client = user.client("iam")
    with s3_error(403, "AccessDenied"):
        client.list_users()
    with s3_error(403, "SignatureDoesNotMatch"):
        client_of(server, "iam", user.access_key, user.secret_key[:-1] + "!").list_users()
    with s3_error(403, "AccessDenied"):
        user.s3().get_object(Bucket=bucket, Key="k")
    shown = str([iam.list_users(), iam.get_user(UserName=user.name), iam.list_access_keys(UserName=user.name)])
    assert user.secret_key not in shown
    log = server.log_path.read_text(errors="replace")
    assert "operation=CreateAccessKey" in log and "operation=PutUserPolicy" in log
    assert user.secret_key not in log and "canary-in-a-policy" not in log and user.name not in log
