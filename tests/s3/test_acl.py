"""Access control lists (issue 4.10): canned and explicit grants on buckets and objects, who they admit, and what AWS
answers to malformed ones (R: a record in aws-records)."""

import pytest
from harness.expect import assert_error, assert_status, s3_error

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"


@pytest.fixture
def key(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"content")
    return {"Bucket": bucket, "Key": "k"}


@pytest.fixture(scope="session")
def owner_id(s3):
    return s3.list_buckets()["Owner"]["ID"]


def grants(acl):
    """[(who, permission)] of a GetBucketAcl or GetObjectAcl."""
    return [
        (grant["Grantee"].get("URI", grant["Grantee"].get("ID")).rsplit("/", 1)[-1], grant["Permission"])
        for grant in acl["Grants"]
    ]


def group(uri, permission):
    return {"Grantee": {"Type": "Group", "URI": uri}, "Permission": permission}


def account(canonical_id, permission):
    return {"Grantee": {"Type": "CanonicalUser", "ID": canonical_id}, "Permission": permission}


def anonymous(raw, method, target, body=b"", headers=()):
    """Without credentials."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {raw.authority}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return raw.send_raw("\r\n".join([*lines, "", ""]).encode() + body, method)


# --- what is set is returned


def test_a_new_bucket_belongs_to_its_owner_alone(s3, bucket, owner_id):
    acl = s3.get_bucket_acl(Bucket=bucket)
    assert acl["Owner"]["ID"] == owner_id
    assert grants(acl) == [(owner_id, "FULL_CONTROL")]


def test_a_new_object_belongs_to_its_owner_alone(s3, key, owner_id):
    """R:test_s3_object_acl get-object-acl-default."""
    acl = s3.get_object_acl(**key)
    assert acl["Owner"]["ID"] == owner_id and grants(acl) == [(owner_id, "FULL_CONTROL")]


CANNED = {
    "private": [],
    "public-read": [("AllUsers", "READ")],
    "public-read-write": [("AllUsers", "READ"), ("AllUsers", "WRITE")],
    "authenticated-read": [("AuthenticatedUsers", "READ")],
}


@pytest.mark.parametrize("canned", CANNED)
def test_canned_acl_of_a_bucket(s3, bucket, owner_id, canned):
    """R:test_s3_bucket_acl."""
    s3.put_bucket_acl(Bucket=bucket, ACL=canned)
    assert grants(s3.get_bucket_acl(Bucket=bucket)) == [(owner_id, "FULL_CONTROL"), *CANNED[canned]]


@pytest.mark.parametrize("canned", CANNED)
def test_canned_acl_of_an_object(s3, key, owner_id, canned):
    """R:test_s3_object_acl."""
    s3.put_object_acl(**key, ACL=canned)
    assert grants(s3.get_object_acl(**key)) == [(owner_id, "FULL_CONTROL"), *CANNED[canned]]


def test_log_delivery_may_be_granted_writing(s3, bucket):
    s3.put_bucket_acl(Bucket=bucket, ACL="log-delivery-write")
    assert grants(s3.get_bucket_acl(Bucket=bucket))[1:] == [("LogDelivery", "WRITE"), ("LogDelivery", "READ_ACP")]


@pytest.mark.parametrize("canned", ["bucket-owner-read", "bucket-owner-full-control"])
def test_canned_acls_for_the_bucket_owner_add_nothing_to_his_own_object(s3, key, owner_id, canned):
    s3.put_object_acl(**key, ACL=canned)
    assert grants(s3.get_object_acl(**key)) == [(owner_id, "FULL_CONTROL")]


def test_grant_headers_replace_all_grants(s3, bucket):
    """R:test_s3_bucket_acl get-bucket-grant-acl: not even the owner is left in the list."""
    s3.put_bucket_acl(Bucket=bucket, GrantRead=f'uri="{LOG_DELIVERY}"')
    assert grants(s3.get_bucket_acl(Bucket=bucket)) == [("LogDelivery", "READ")]


def test_grant_headers_of_an_object(s3, key):
    s3.put_object_acl(**key, GrantRead=f'uri="{LOG_DELIVERY}"')
    assert grants(s3.get_object_acl(**key)) == [("LogDelivery", "READ")]


def test_several_grantees_in_one_header(s3, bucket, owner_id):
    s3.put_bucket_acl(Bucket=bucket, GrantRead=f'uri="{ALL_USERS}", id="{owner_id}"', GrantWriteACP=f"id={owner_id}")
    assert grants(s3.get_bucket_acl(Bucket=bucket)) == [
        ("AllUsers", "READ"),
        (owner_id, "READ"),
        (owner_id, "WRITE_ACP"),
    ]


def test_acl_document_of_a_bucket(s3, bucket, owner_id):
    """R:test_s3_bucket_acl get-bucket-acp-acl."""
    policy = {
        "Owner": {"ID": owner_id},
        "Grants": [account(owner_id, "FULL_CONTROL"), group(LOG_DELIVERY, "WRITE")],
    }
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=policy)
    assert grants(s3.get_bucket_acl(Bucket=bucket)) == [(owner_id, "FULL_CONTROL"), ("LogDelivery", "WRITE")]


def test_an_acl_without_grants(s3, key, owner_id):
    """The owner still reads and writes the ACL; the object he can read because it is his."""
    s3.put_object_acl(**key, AccessControlPolicy={"Owner": {"ID": owner_id}, "Grants": []})
    assert s3.get_object_acl(**key)["Grants"] == []
    assert s3.get_object(**key)["Body"].read() == b"content"
    s3.put_object_acl(**key, ACL="private")


def test_put_object_with_an_acl(s3, bucket, owner_id):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    assert grants(s3.get_object_acl(Bucket=bucket, Key="k")) == [(owner_id, "FULL_CONTROL"), ("AllUsers", "READ")]


def test_create_bucket_with_an_acl(s3, bucket_factory, owner_id):
    name = bucket_factory() + "-acl"
    s3.create_bucket(Bucket=name, ACL="public-read")
    try:
        assert grants(s3.get_bucket_acl(Bucket=name)) == [(owner_id, "FULL_CONTROL"), ("AllUsers", "READ")]
    finally:
        s3.delete_bucket(Bucket=name)


def test_multipart_upload_with_an_acl(s3, bucket, owner_id):
    """R:test_s3_multipart_upload_acls: that of the upload, not of the bucket."""
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    for name, canned in (("default", None), ("private", "private"), ("open", "public-read-write")):
        extra = {"ACL": canned} if canned else {}
        upload = s3.create_multipart_upload(Bucket=bucket, Key=name, **extra)["UploadId"]
        etag = s3.upload_part(Bucket=bucket, Key=name, UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
        s3.complete_multipart_upload(
            Bucket=bucket, Key=name, UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}
        )
        wanted = [("AllUsers", "READ"), ("AllUsers", "WRITE")] if name == "open" else []
        assert grants(s3.get_object_acl(Bucket=bucket, Key=name)) == [(owner_id, "FULL_CONTROL"), *wanted]


def test_a_copy_does_not_take_the_acl_along(s3, key, owner_id):
    """Note 34."""
    s3.put_object_acl(**key, ACL="public-read")
    s3.copy_object(Bucket=key["Bucket"], Key="copy", CopySource=f"{key['Bucket']}/k")
    assert grants(s3.get_object_acl(Bucket=key["Bucket"], Key="copy")) == [(owner_id, "FULL_CONTROL")]


def test_an_overwrite_does_not_keep_the_acl(s3, key, owner_id):
    s3.put_object_acl(**key, ACL="public-read")
    s3.put_object(**key, Body=b"new")
    assert grants(s3.get_object_acl(**key)) == [(owner_id, "FULL_CONTROL")]


def test_acls_of_versions_are_apart(s3, bucket, owner_id):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"2")
    s3.put_object_acl(Bucket=bucket, Key="k", VersionId=first, ACL="public-read")
    assert len(s3.get_object_acl(Bucket=bucket, Key="k", VersionId=first)["Grants"]) == 2
    assert grants(s3.get_object_acl(Bucket=bucket, Key="k")) == [(owner_id, "FULL_CONTROL")]


def test_an_acl_changes_nothing_else(s3, key):
    before = s3.head_object(**key)
    s3.put_object_acl(**key, ACL="public-read")
    after = s3.head_object(**key)
    assert before["ETag"] == after["ETag"] and before["LastModified"] == after["LastModified"]


# --- delete markers and what is missing


def test_acl_of_a_delete_marker(s3, bucket):
    """R:test_put_object_acl_on_delete_marker."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    with s3_error(405, "MethodNotAllowed", Method="PUT", ResourceType="DeleteMarker"):
        s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
    with s3_error(404, "NoSuchKey", Key="k"):
        s3.get_object_acl(Bucket=bucket, Key="k")
    with s3_error(405, "MethodNotAllowed", Method="PUT", ResourceType="DeleteMarker"):
        s3.put_object_acl(Bucket=bucket, Key="k", VersionId=marker, ACL="public-read")
    with s3_error(405, "MethodNotAllowed", Method="GET", ResourceType="DeleteMarker"):
        s3.get_object_acl(Bucket=bucket, Key="k", VersionId=marker)


def test_acl_of_a_missing_object(s3, bucket):
    with s3_error(404, "NoSuchKey"):
        s3.put_object_acl(Bucket=bucket, Key="missing", ACL="private")
    with s3_error(404, "NoSuchKey"):
        s3.get_object_acl(Bucket=bucket, Key="missing")


# --- what is refused


def put_acl(s3, kind, key, **options):
    if kind == "bucket":
        return s3.put_bucket_acl(Bucket=key["Bucket"], **options)
    return s3.put_object_acl(**key, **options)


KINDS = pytest.mark.parametrize("kind", ["bucket", "object"])


@KINDS
def test_unknown_canned_acl(s3, key, kind):
    """R:test_s3_bucket_acl_exceptions, test_s3_object_acl_exceptions."""
    with s3_error(400, "InvalidArgument", ArgumentName="x-amz-acl", ArgumentValue="fake-acl"):
        put_acl(s3, kind, key, ACL="fake-acl")


def test_unknown_canned_acl_of_a_put(s3, key):
    with s3_error(400, "InvalidArgument", ArgumentName="x-amz-acl", ArgumentValue="fake-acl"):
        s3.put_object(**key, Body=b"new", ACL="fake-acl")
    assert s3.get_object(**key)["Body"].read() == b"content"


@KINDS
@pytest.mark.parametrize(
    "value,name,shown,message",
    [
        ('uri="http://acs.amazonaws.com/groups/s3/FakeGroup"', "uri", None, "Invalid group uri"),
        ('fakekey="1234"', "x-amz-grant-write", 'fakekey="1234"', "Argument format not recognized"),
        ('id="wrong-id"', "id", "wrong-id", "Invalid id"),
    ],
)
def test_grants_to_nobody(s3, key, kind, value, name, shown, message):
    shown = shown or "http://acs.amazonaws.com/groups/s3/FakeGroup"
    with s3_error(400, "InvalidArgument", ArgumentName=name, ArgumentValue=shown, Message=message):
        put_acl(s3, kind, key, GrantWrite=value)


@KINDS
def test_canned_and_granted_together(s3, key, kind):
    with s3_error(400, "InvalidRequest", Message="Specifying both Canned ACLs and Header Grants is not allowed"):
        put_acl(s3, kind, key, ACL="public-read", GrantRead=f'uri="{ALL_USERS}"')


@KINDS
def test_header_and_document_together(s3, key, owner_id, kind):
    policy = {"Owner": {"ID": owner_id}, "Grants": [account(owner_id, "FULL_CONTROL")]}
    with s3_error(400, "UnexpectedContent"):
        put_acl(s3, kind, key, ACL="public-read", AccessControlPolicy=policy)


@KINDS
def test_nothing_said(s3, key, kind):
    with s3_error(400, "MissingSecurityHeader", MissingHeaderName="x-amz-acl"):
        put_acl(s3, kind, key)


@KINDS
def test_grant_by_email_finds_nobody(s3, key, kind):
    with s3_error(400, "UnresolvableGrantByEmailAddress"):
        put_acl(s3, kind, key, GrantRead='emailAddress="somebody@example.com"')


MALFORMED = {
    "no owner": "<AccessControlList/>",
    "no list": "<Owner><ID>{id}</ID></Owner>",
    "owner without id": "<Owner/><AccessControlList/>",
    "no grantee": "<Owner><ID>{id}</ID></Owner><AccessControlList><Grant><Permission>READ</Permission></Grant>"
    "</AccessControlList>",
    "no permission": "<Owner><ID>{id}</ID></Owner><AccessControlList><Grant>{grantee}</Grant></AccessControlList>",
    "unknown permission": "<Owner><ID>{id}</ID></Owner><AccessControlList><Grant>{grantee}"
    "<Permission>READALL</Permission></Grant></AccessControlList>",
    "unknown element": "<Owner><ID>{id}</ID></Owner><AccessControlList><Grants/></AccessControlList>",
    "grantee without type": "<Owner><ID>{id}</ID></Owner><AccessControlList><Grant><Grantee><ID>{id}</ID></Grantee>"
    "<Permission>READ</Permission></Grant></AccessControlList>",
    "two lists": "<Owner><ID>{id}</ID></Owner><AccessControlList/><AccessControlList/>",
}
GRANTEE = (
    '<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>{id}</ID></Grantee>'
)


@pytest.mark.parametrize("what", MALFORMED)
@KINDS
def test_malformed_documents(raw, key, owner_id, what, kind):
    body = MALFORMED[what].format(id=owner_id, grantee=GRANTEE.format(id=owner_id))
    target = f"/{key['Bucket']}" + ("/k" if kind == "object" else "")
    document = f"<AccessControlPolicy>{body}</AccessControlPolicy>".encode()
    response = raw.call("PUT", target, [("acl", None)], body=document)
    assert_error(response, 400, "MalformedACLError")


@KINDS
def test_no_xml_at_all(raw, key, kind):
    target = f"/{key['Bucket']}" + ("/k" if kind == "object" else "")
    assert_error(raw.call("PUT", target, [("acl", None)], body=b"FULL_CONTROL"), 400, "MalformedACLError")


@KINDS
def test_documents_with_unknown_names(s3, key, owner_id, kind):
    """R: put-bucket-acp-acl-3, 4, 5."""
    with s3_error(400, "InvalidArgument", ArgumentName="CanonicalUser/ID", ArgumentValue="wrong-id"):
        put_acl(s3, kind, key, AccessControlPolicy={"Owner": {"ID": "wrong-id"}, "Grants": []})
    wrong = {"Owner": {"ID": owner_id}, "Grants": [account("wrong-id", "READ")]}
    with s3_error(400, "InvalidArgument", ArgumentName="CanonicalUser/ID", ArgumentValue="wrong-id"):
        put_acl(s3, kind, key, AccessControlPolicy=wrong)
    fake = "http://acs.amazonaws.com/groups/s3/FakeGroup"
    wrong = {"Owner": {"ID": owner_id}, "Grants": [group(fake, "READ")]}
    with s3_error(400, "InvalidArgument", ArgumentName="Group/URI", ArgumentValue=fake):
        put_acl(s3, kind, key, AccessControlPolicy=wrong)


# --- whom an ACL admits: anonymous callers


def test_anonymous_reads_a_public_object_alone(s3, raw, key):
    target = f"/{key['Bucket']}/k"
    assert_error(anonymous(raw, "GET", target), 403, "AccessDenied")
    s3.put_object_acl(**key, ACL="public-read")
    assert assert_status(anonymous(raw, "GET", target), 200).body == b"content"
    assert_status(anonymous(raw, "HEAD", target), 200)
    assert_error(anonymous(raw, "GET", target + "?acl"), 403, "AccessDenied")
    assert_error(anonymous(raw, "GET", target + "?tagging"), 403, "AccessDenied")
    assert_error(anonymous(raw, "PUT", target, b"new"), 403, "AccessDenied")
    assert_error(anonymous(raw, "DELETE", target), 403, "AccessDenied")
    assert_error(anonymous(raw, "GET", f"/{key['Bucket']}"), 403, "AccessDenied")
    assert s3.get_object(**key)["Body"].read() == b"content"


def test_authenticated_read_is_not_for_anonymous_callers(s3, raw, key):
    """CVE-2016-7031 (Ceph): authenticated-read that admitted everybody."""
    s3.put_object_acl(**key, ACL="authenticated-read")
    s3.put_bucket_acl(Bucket=key["Bucket"], ACL="authenticated-read")
    assert_error(anonymous(raw, "GET", f"/{key['Bucket']}/k"), 403, "AccessDenied")
    assert_error(anonymous(raw, "GET", f"/{key['Bucket']}"), 403, "AccessDenied")


def test_a_public_bucket_lists_but_does_not_open_its_objects(s3, raw, key):
    s3.put_bucket_acl(Bucket=key["Bucket"], ACL="public-read")
    assert "k" in assert_status(anonymous(raw, "GET", f"/{key['Bucket']}"), 200).text("Contents/Key")
    assert_status(anonymous(raw, "HEAD", f"/{key['Bucket']}"), 200)
    assert_error(anonymous(raw, "GET", f"/{key['Bucket']}/k"), 403, "AccessDenied")


def test_missing_keys_are_told_to_those_who_may_list(s3, raw, key):
    """Security notes 4.4: 404 only with ListBucket."""
    target = f"/{key['Bucket']}/missing"
    assert_error(anonymous(raw, "GET", target), 403, "AccessDenied")
    assert_status(anonymous(raw, "HEAD", target), 403)
    s3.put_bucket_acl(Bucket=key["Bucket"], ACL="public-read")
    assert_error(anonymous(raw, "GET", target), 404, "NoSuchKey")
    assert_status(anonymous(raw, "HEAD", target), 404)


def test_conditions_tell_nothing_to_those_who_may_not_read(raw, key):
    """CVE-2024-36107 (MinIO): If-Modified-Since told anonymous callers that a key exists."""
    for header in ("If-Modified-Since", "If-Unmodified-Since"):
        for date in ("Mon, 01 Jan 2001 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"):
            for name in ("k", "missing"):
                answer = anonymous(raw, "GET", f"/{key['Bucket']}/{name}", headers=[(header, date)])
                assert_error(answer, 403, "AccessDenied")


def test_a_public_writable_bucket(s3, raw, bucket):
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    assert_status(anonymous(raw, "PUT", f"/{bucket}/theirs", b"by nobody"), 200)
    # The object belongs to who wrote it; its bucket's owner is the operator here, who reads all.
    assert s3.get_object(Bucket=bucket, Key="theirs")["Body"].read() == b"by nobody"
    assert s3.get_object_acl(Bucket=bucket, Key="theirs")["Owner"]["ID"].startswith("65a011a29cdf8ec533ec3d1ccaae921c")
    assert_status(anonymous(raw, "DELETE", f"/{bucket}/theirs"), 204)
    assert_error(anonymous(raw, "PUT", f"/{bucket}?acl", headers=[("x-amz-acl", "private")]), 403, "AccessDenied")
    assert_error(anonymous(raw, "DELETE", f"/{bucket}"), 403, "AccessDenied")


def test_grants_on_the_acl_itself(s3, raw, key):
    s3.put_object_acl(**key, GrantReadACP=f'uri="{ALL_USERS}"')
    assert_status(anonymous(raw, "GET", f"/{key['Bucket']}/k?acl"), 200)
    assert_error(anonymous(raw, "GET", f"/{key['Bucket']}/k"), 403, "AccessDenied")
    s3.put_object_acl(**key, GrantWriteACP=f'uri="{ALL_USERS}"')
    assert_error(anonymous(raw, "GET", f"/{key['Bucket']}/k?acl"), 403, "AccessDenied")
    taken = anonymous(raw, "PUT", f"/{key['Bucket']}/k?acl", headers=[("x-amz-acl", "public-read")])
    assert_status(taken, 200)
    assert_status(anonymous(raw, "GET", f"/{key['Bucket']}/k"), 200)


def test_a_version_is_as_open_as_its_own_acl(s3, raw, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1", ACL="public-read")["VersionId"]
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"]
    assert assert_status(anonymous(raw, "GET", f"/{bucket}/k?versionId={first}"), 200).body == b"1"
    assert_error(anonymous(raw, "GET", f"/{bucket}/k?versionId={second}"), 403, "AccessDenied")
    assert_error(anonymous(raw, "GET", f"/{bucket}/k"), 403, "AccessDenied")


# --- and other accounts


def test_another_account_is_a_stranger(s3, other, key):
    with s3_error(403, "AccessDenied"):
        other.s3.get_object(**key)
    with s3_error(403, "AccessDenied"):
        other.s3.put_object(**key, Body=b"new")
    with s3_error(403, "AccessDenied"):
        other.s3.list_objects_v2(Bucket=key["Bucket"])
    with s3_error(403, "AccessDenied"):
        other.s3.delete_object(**key)
    with s3_error(403, "AccessDenied"):
        other.s3.get_bucket_acl(Bucket=key["Bucket"])
    with s3_error(403, "AccessDenied"):
        other.s3.put_bucket_acl(Bucket=key["Bucket"], ACL="public-read")
    with s3_error(403):
        other.s3.head_bucket(Bucket=key["Bucket"])


def test_authenticated_read_admits_another_account(s3, other, key):
    s3.put_object_acl(**key, ACL="authenticated-read")
    assert other.s3.get_object(**key)["Body"].read() == b"content"


def test_a_grant_to_one_account(s3, raw, other, key):
    s3.put_object_acl(**key, GrantRead=f'id="{other.canonical_id}"')
    assert other.s3.get_object(**key)["Body"].read() == b"content"
    with s3_error(403, "AccessDenied"):
        other.s3.get_object_acl(**key)
    assert_error(anonymous(raw, "GET", f"/{key['Bucket']}/k"), 403, "AccessDenied")


def test_full_control_granted_to_another_account(s3, other, key):
    s3.put_object_acl(**key, GrantFullControl=f'id="{other.canonical_id}"')
    assert other.s3.get_object(**key)["Body"].read() == b"content"
    assert grants(other.s3.get_object_acl(**key)) == [(other.canonical_id, "FULL_CONTROL")]
    other.s3.put_object_acl(**key, ACL="private")
    with s3_error(403, "AccessDenied"):
        other.s3.get_object(**key)


def test_what_others_write_is_theirs(s3, other, bucket):
    """ObjectWriter, the ownership before 2023: the writer owns the object and decides who reads it."""
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    other.s3.put_object(Bucket=bucket, Key="theirs", Body=b"theirs")
    acl = other.s3.get_object_acl(Bucket=bucket, Key="theirs")
    assert acl["Owner"]["ID"] == other.canonical_id and grants(acl) == [(other.canonical_id, "FULL_CONTROL")]
    assert other.s3.get_object(Bucket=bucket, Key="theirs")["Body"].read() == b"theirs"
    listed = s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"][0]
    assert listed["Owner"]["ID"] == other.canonical_id and listed["Owner"]["DisplayName"] == other.name


def test_the_bucket_owner_reads_the_objects_of_others_by_their_acl(s3, other, bucket_of, account_pair):
    owner, writer = account_pair
    name = bucket_of(owner)
    owner.s3.put_bucket_acl(Bucket=name, ACL="public-read-write")
    writer.s3.put_object(Bucket=name, Key="k", Body=b"theirs")
    with s3_error(403, "AccessDenied"):
        owner.s3.get_object(Bucket=name, Key="k")
    writer.s3.put_object(Bucket=name, Key="k", Body=b"given", ACL="bucket-owner-read")
    assert owner.s3.get_object(Bucket=name, Key="k")["Body"].read() == b"given"
    with s3_error(403, "AccessDenied"):
        owner.s3.get_object_acl(Bucket=name, Key="k")
    writer.s3.put_object(Bucket=name, Key="k", Body=b"given", ACL="bucket-owner-full-control")
    assert len(owner.s3.get_object_acl(Bucket=name, Key="k")["Grants"]) == 2
    owner.s3.delete_object(Bucket=name, Key="k")  # his bucket all the same


def test_a_name_of_another_account_is_taken(other, bucket):
    """Note 58."""
    with s3_error(409, "BucketAlreadyExists", BucketName=bucket):
        other.s3.create_bucket(Bucket=bucket)


def test_each_account_lists_its_own_buckets(s3, other, bucket, bucket_of):
    own = bucket_of(other)
    listing = other.s3.list_buckets()
    assert [entry["Name"] for entry in listing["Buckets"]] == [own]
    assert listing["Owner"] == {"ID": other.canonical_id, "DisplayName": other.name}


def test_nobody_gives_ownership_away(s3, other, key, owner_id):
    with s3_error(403, "AccessDenied"):
        s3.put_object_acl(**key, AccessControlPolicy={"Owner": {"ID": other.canonical_id}, "Grants": []})
    assert s3.get_object_acl(**key)["Owner"]["ID"] == owner_id


def test_copying_needs_to_read_the_source(s3, other, key, bucket_of):
    """CVE class of UploadPartCopy without a check of its source."""
    own = bucket_of(other)
    source = f"{key['Bucket']}/k"
    with s3_error(403, "AccessDenied"):
        other.s3.copy_object(Bucket=own, Key="copy", CopySource=source)
    upload = other.s3.create_multipart_upload(Bucket=own, Key="part")["UploadId"]
    with s3_error(403, "AccessDenied"):
        other.s3.upload_part_copy(Bucket=own, Key="part", UploadId=upload, PartNumber=1, CopySource=source)
    with s3_error(403, "AccessDenied"):
        other.s3.copy_object(Bucket=own, Key="copy", CopySource=f"{key['Bucket']}/missing")
    s3.put_object_acl(**key, ACL="authenticated-read")
    other.s3.copy_object(Bucket=own, Key="copy", CopySource=source)
    copied = other.s3.get_object(Bucket=own, Key="copy")
    assert copied["Body"].read() == b"content"
    other.s3.abort_multipart_upload(Bucket=own, Key="part", UploadId=upload)


def test_deleting_many_is_decided_key_by_key(s3, other, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"a")
    answer = other.s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "b"}]})
    assert {error["Key"]: error["Code"] for error in answer["Errors"]} == {"a": "AccessDenied", "b": "AccessDenied"}
    assert "Deleted" not in answer
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"a"


def test_a_bucket_that_others_may_write_does_not_let_them_delete_versions(s3, other, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    with s3_error(403, "AccessDenied"):
        other.s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    assert "DeleteMarker" in other.s3.delete_object(Bucket=bucket, Key="k")


def test_the_operator_reaches_everything(s3, other, bucket_of):
    own = bucket_of(other)
    other.s3.put_object(Bucket=own, Key="k", Body=b"theirs")
    assert s3.get_object(Bucket=own, Key="k")["Body"].read() == b"theirs"
    assert own in [entry["Name"] for entry in s3.list_buckets()["Buckets"]]
