"""Object lock: retention, legal hold, the bucket's default (L:TestS3ObjectLock*)."""

import datetime
import time

import pytest
from harness.expect import assert_error, assert_status, s3_error
from harness.helpers import empty_and_delete_bucket, new_bucket_name

LOCKED_TEXT = "Access Denied because object protected by object lock."


def in_future(**delta):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**delta)


@pytest.fixture
def locked(s3):
    """A bucket with object lock."""
    name = new_bucket_name("lock")
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    yield name
    empty_and_delete_bucket(s3, name)


def put(s3, bucket, **options):
    return s3.put_object(Bucket=bucket, Key="k", Body=b"test", **options)["VersionId"]


def retain(s3, bucket, version, mode, until, **options):
    retention = {"Mode": mode, "RetainUntilDate": until} if mode else {}
    s3.put_object_retention(
        Bucket=bucket, Key="k", VersionId=version, Retention=retention, **options
    )


# --- the bucket


def test_a_lock_bucket_is_versioned_from_the_start(s3, locked):
    """L:test_get_put_object_lock_configuration."""
    assert s3.get_bucket_versioning(Bucket=locked)["Status"] == "Enabled"
    shown = s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"]
    assert shown == {"ObjectLockEnabled": "Enabled"}


@pytest.mark.parametrize("period", [{"Days": 1}, {"Years": 2}])
def test_default_retention_is_kept_and_taken_off(s3, locked, period):
    """L:test_get_put_object_lock_configuration."""
    wanted = {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", **period}},
    }
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=wanted)
    shown = s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"]
    assert shown == wanted
    s3.put_object_lock_configuration(
        Bucket=locked, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
    )
    shown = s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"]
    assert shown == {"ObjectLockEnabled": "Enabled"}


@pytest.mark.parametrize(
    "document",
    [
        "<Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule>",
        "",
        "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule/>",
        "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention/></Rule>",
        "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>GOVERNANCE</Mode>"
        "</DefaultRetention></Rule>",
        "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>BAD</Mode>"
        "<Days>1</Days></DefaultRetention></Rule>",
        "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>GOVERNANCE</Mode>"
        "<Days>1</Days><Years>1</Years></DefaultRetention></Rule>",
        "<ObjectLockEnabled>enabled</ObjectLockEnabled>",
    ],
)
def test_lock_configurations_that_are_malformed(raw, locked, document):
    """L:test_put_object_lock_configuration_exc."""
    body = f"<ObjectLockConfiguration>{document}</ObjectLockConfiguration>".encode()
    response = raw.call("PUT", f"/{locked}", [("object-lock", None)], body=body)
    assert_error(response, 400, "MalformedXML")


@pytest.mark.parametrize("days", ["0", "-1", "36501"])
def test_a_default_period_must_be_positive_and_possible(raw, locked, days):
    """T:test_object_lock_put_obj_lock_invalid_days."""
    body = (
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
        f"<DefaultRetention><Mode>GOVERNANCE</Mode><Days>{days}</Days></DefaultRetention></Rule>"
        "</ObjectLockConfiguration>"
    ).encode()
    response = raw.call("PUT", f"/{locked}", [("object-lock", None)], body=body)
    assert_error(response, 400, "InvalidArgument")


def test_lock_on_an_existing_bucket_needs_versioning(s3, bucket):
    """L:test_put_object_lock_configuration_on_existing_bucket."""
    wanted = {"ObjectLockEnabled": "Enabled"}
    with s3_error(404, "ObjectLockConfigurationNotFoundError", BucketName=bucket):
        s3.get_object_lock_configuration(Bucket=bucket)
    with s3_error(409, "InvalidBucketState"):
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=wanted)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    with s3_error(409, "InvalidBucketState"):
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=wanted)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=wanted)
    shown = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    assert shown == wanted


def test_versioning_of_a_lock_bucket_stays_on(s3, locked):
    """L:test_disable_versioning_on_locked_bucket."""
    with s3_error(409, "InvalidBucketState"):
        s3.put_bucket_versioning(Bucket=locked, VersioningConfiguration={"Status": "Suspended"})
    s3.put_bucket_versioning(Bucket=locked, VersioningConfiguration={"Status": "Enabled"})


# --- retention


def test_governance_holds_until_it_is_bypassed(s3, locked):
    """L:test_s3_object_retention."""
    version = put(s3, locked)
    until = in_future(hours=1)
    retain(s3, locked, version, "GOVERNANCE", until)
    shown = s3.get_object_retention(Bucket=locked, Key="k", VersionId=version)["Retention"]
    assert shown["Mode"] == "GOVERNANCE"
    assert shown["RetainUntilDate"] == until.replace(microsecond=0)
    head = s3.head_object(Bucket=locked, Key="k")
    assert head["ObjectLockMode"] == "GOVERNANCE"
    assert head["ObjectLockRetainUntilDate"] == until.replace(microsecond=0)
    with s3_error(403, "AccessDenied") as caught:
        s3.delete_object(Bucket=locked, Key="k", VersionId=version)
    assert caught.error["Message"] == LOCKED_TEXT
    s3.delete_object(Bucket=locked, Key="k", VersionId=version, BypassGovernanceRetention=True)
    with s3_error(404, "NoSuchVersion"):
        s3.get_object(Bucket=locked, Key="k", VersionId=version)


def test_governance_is_shortened_and_removed_only_with_bypass(s3, locked):
    """L:test_s3_object_retention, test_object_lock_extend_duration."""
    version = put(s3, locked)
    retain(s3, locked, version, "GOVERNANCE", in_future(hours=1))
    retain(s3, locked, version, "GOVERNANCE", in_future(hours=2))
    for mode, until in (
        ("GOVERNANCE", in_future(hours=1)),
        ("COMPLIANCE", in_future(hours=3)),
        (None, None),
    ):
        with s3_error(403, "AccessDenied"):
            retain(s3, locked, version, mode, until)
    retain(s3, locked, version, None, None, BypassGovernanceRetention=True)
    with s3_error(404, "NoSuchObjectLockConfiguration"):
        s3.get_object_retention(Bucket=locked, Key="k", VersionId=version)
    s3.delete_object(Bucket=locked, Key="k", VersionId=version)


def test_compliance_yields_to_nobody_and_ends_by_itself(s3, locked):
    """L:test_s3_object_retention_compliance_mode."""
    version = put(s3, locked)
    retain(s3, locked, version, "COMPLIANCE", in_future(seconds=4))
    with s3_error(403, "AccessDenied"):
        s3.delete_object(
            Bucket=locked, Key="k", VersionId=version, BypassGovernanceRetention=True
        )
    marker = s3.delete_object(Bucket=locked, Key="k")
    assert marker["DeleteMarker"] is True
    for mode, until in (("COMPLIANCE", in_future(seconds=1)), ("GOVERNANCE", in_future(hours=1))):
        with s3_error(403, "AccessDenied"):
            retain(s3, locked, version, mode, until, BypassGovernanceRetention=True)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            s3.delete_object(Bucket=locked, Key="k", VersionId=version)
            break
        except s3.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDenied"
            time.sleep(0.5)
    with s3_error(404, "NoSuchVersion"):
        s3.get_object(Bucket=locked, Key="k", VersionId=version)


def test_the_default_retention_is_given_to_new_versions(s3, locked):
    """L:test_bucket_config_default_retention; an object's own retention wins."""
    s3.put_object_lock_configuration(
        Bucket=locked,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}},
        },
    )
    version = put(s3, locked)
    head = s3.head_object(Bucket=locked, Key="k", VersionId=version)
    assert head["ObjectLockMode"] == "GOVERNANCE"
    left = head["ObjectLockRetainUntilDate"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(hours=23) < left <= datetime.timedelta(hours=24, seconds=5)
    with s3_error(403, "AccessDenied"):
        s3.delete_object(Bucket=locked, Key="k", VersionId=version)
    until = in_future(minutes=5)
    own = put(s3, locked, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
    head = s3.head_object(Bucket=locked, Key="k", VersionId=own)
    assert head["ObjectLockRetainUntilDate"] == until.replace(microsecond=0)
    upload = s3.create_multipart_upload(Bucket=locked, Key="m")["UploadId"]
    part = s3.upload_part(Bucket=locked, Key="m", UploadId=upload, PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(
        Bucket=locked,
        Key="m",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    assert s3.head_object(Bucket=locked, Key="m")["ObjectLockMode"] == "GOVERNANCE"


def test_retention_errors(s3, locked, bucket):
    """L:test_s3_object_retention_exc."""
    until = in_future(hours=1)
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": until}
    with s3_error(404, "NoSuchBucket"):
        s3.put_object_retention(Bucket="no-such-bucket-here", Key="k", Retention=retention)
    with s3_error(404, "NoSuchKey", Key="none"):
        s3.put_object_retention(Bucket=locked, Key="none", Retention=retention)
    version = put(s3, locked)
    with s3_error(404, "NoSuchObjectLockConfiguration"):
        s3.get_object_retention(Bucket=locked, Key="k")
    with s3_error(400, "InvalidArgument", ArgumentName="RetainUntilDate"):
        retain(s3, locked, version, "GOVERNANCE", in_future(hours=-1))
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for call in (
        lambda: s3.put_object_retention(Bucket=bucket, Key="k", Retention=retention),
        lambda: s3.get_object_retention(Bucket=bucket, Key="k"),
    ):
        with s3_error(400, "InvalidRequest"):
            call()


@pytest.mark.parametrize(
    "document",
    [
        "<Mode>GOVERNANCE</Mode>",
        "<RetainUntilDate>2099-01-01T00:00:00Z</RetainUntilDate>",
        "<Mode>BAD-VALUE</Mode><RetainUntilDate>2099-01-01T00:00:00Z</RetainUntilDate>",
        "<Mode>GOVERNANCE</Mode><RetainUntilDate>soon</RetainUntilDate>",
        "<Mode>GOVERNANCE</Mode><RetainUntilDate>2099-01-01T00:00:00Z</RetainUntilDate><Else/>",
    ],
)
def test_retention_documents_that_are_malformed(raw, s3, locked, document):
    """L:test_s3_object_retention_exc; a typo never changes a retention."""
    put(s3, locked)
    body = f"<Retention>{document}</Retention>".encode()
    response = raw.call("PUT", f"/{locked}/k", [("retention", None)], body=body)
    assert_error(response, 400, "MalformedXML")
    with s3_error(404, "NoSuchObjectLockConfiguration"):
        s3.get_object_retention(Bucket=locked, Key="k")


def test_locks_do_not_reach_delete_markers(s3, locked):
    """L:test_object_lock_delete_markers."""
    put(s3, locked, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=in_future(hours=1))
    marker = s3.delete_object(Bucket=locked, Key="k")["VersionId"]
    with s3_error(405, "MethodNotAllowed", Method="PUT", ResourceType="DeleteMarker"):
        retain(s3, locked, marker, "GOVERNANCE", in_future(hours=1))
    with s3_error(405, "MethodNotAllowed", Method="GET", ResourceType="DeleteMarker"):
        s3.get_object_retention(Bucket=locked, Key="k", VersionId=marker)
    s3.delete_object(Bucket=locked, Key="k", VersionId=marker)
    assert s3.get_object(Bucket=locked, Key="k")["Body"].read() == b"test"


# --- legal hold


def test_a_legal_hold_holds_until_it_is_off(s3, locked):
    """L:test_delete_locked_object, test_put_get_object_legal_hold."""
    version = put(s3, locked)
    with s3_error(404, "NoSuchObjectLockConfiguration"):
        s3.get_object_legal_hold(Bucket=locked, Key="k")
    s3.put_object_legal_hold(Bucket=locked, Key="k", LegalHold={"Status": "ON"})
    assert s3.get_object_legal_hold(Bucket=locked, Key="k")["LegalHold"] == {"Status": "ON"}
    assert s3.head_object(Bucket=locked, Key="k")["ObjectLockLegalHoldStatus"] == "ON"
    with s3_error(403, "AccessDenied"):
        s3.delete_object(
            Bucket=locked, Key="k", VersionId=version, BypassGovernanceRetention=True
        )
    names = [{"Key": "k", "VersionId": version}]
    errors = s3.delete_objects(Bucket=locked, Delete={"Objects": names})["Errors"]
    assert errors == [
        {"Key": "k", "VersionId": version, "Code": "AccessDenied", "Message": LOCKED_TEXT}
    ]
    s3.put_object_legal_hold(Bucket=locked, Key="k", LegalHold={"Status": "OFF"})
    assert s3.head_object(Bucket=locked, Key="k")["ObjectLockLegalHoldStatus"] == "OFF"
    s3.delete_object(Bucket=locked, Key="k", VersionId=version)


def test_legal_hold_is_of_one_version(s3, locked):
    """L:test_s3_legal_hold_lock_versioned."""
    first, second = put(s3, locked), put(s3, locked)
    s3.put_object_legal_hold(
        Bucket=locked, Key="k", VersionId=first, LegalHold={"Status": "ON"}
    )
    assert "ObjectLockLegalHoldStatus" not in s3.head_object(Bucket=locked, Key="k")
    s3.delete_object(Bucket=locked, Key="k", VersionId=second)
    with s3_error(403, "AccessDenied"):
        s3.delete_object(Bucket=locked, Key="k", VersionId=first)
    s3.put_object_legal_hold(
        Bucket=locked, Key="k", VersionId=first, LegalHold={"Status": "OFF"}
    )


@pytest.mark.parametrize("document", ["", "<Status>on</Status>", "<Status>ON</Status><Else/>"])
def test_legal_hold_documents_that_are_malformed(raw, s3, locked, document):
    """L:test_put_object_legal_hold_exc."""
    put(s3, locked)
    body = f"<LegalHold>{document}</LegalHold>".encode()
    response = raw.call("PUT", f"/{locked}/k", [("legal-hold", None)], body=body)
    assert_error(response, 400, "MalformedXML")


# --- headers


def test_an_object_is_put_with_its_lock(s3, locked):
    """L:test_put_object_with_legal_hold."""
    until = in_future(hours=1)
    put(
        s3,
        locked,
        ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=until,
        ObjectLockLegalHoldStatus="OFF",
    )
    got = s3.get_object(Bucket=locked, Key="k")
    assert got["ObjectLockMode"] == "GOVERNANCE" and got["ObjectLockLegalHoldStatus"] == "OFF"


@pytest.mark.parametrize("subresource", [[], [("uploads", None)]], ids=["put", "create-upload"])
@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"x-amz-object-lock-mode": "GOVERNANCE"}, "x-amz-object-lock-retain-until-date"),
        (
            {"x-amz-object-lock-retain-until-date": "2099-01-01T00:00:00Z"},
            "x-amz-object-lock-mode",
        ),
        (
            {
                "x-amz-object-lock-mode": "BAD-VALUE",
                "x-amz-object-lock-retain-until-date": "2099-01-01T00:00:00Z",
            },
            "x-amz-object-lock-mode",
        ),
        (
            {
                "x-amz-object-lock-mode": "GOVERNANCE",
                "x-amz-object-lock-retain-until-date": "2001-01-01T00:00:00Z",
            },
            "x-amz-object-lock-retain-until-date",
        ),
        ({"x-amz-object-lock-legal-hold": "on"}, "x-amz-object-lock-legal-hold"),
    ],
)
def test_lock_headers_that_are_refused(raw, locked, subresource, headers, name):
    """L:test_s3_object_lock_mode_validation."""
    method = "POST" if subresource else "PUT"
    response = raw.call(method, f"/{locked}/k", subresource, headers, b"")
    assert_error(response, 400, "InvalidArgument", ArgumentName=name)
    assert_status(raw.call("HEAD", f"/{locked}/k"), 404)


def test_a_lock_without_a_lock_bucket_is_refused(raw, bucket):
    """The object must not come to be without the lock its owner asked for."""
    for method, query in (("PUT", []), ("POST", [("uploads", None)])):
        response = raw.call(
            method, f"/{bucket}/k", query, {"x-amz-object-lock-legal-hold": "ON"}, b""
        )
        assert_error(response, 400, "InvalidRequest")
    assert_status(raw.call("HEAD", f"/{bucket}/k"), 404)


@pytest.mark.parametrize("value", ["true", "false"])
def test_bypass_needs_a_lock_bucket(raw, bucket, value):
    """L:test_delete_object_with_no_locking."""
    headers = {"x-amz-bypass-governance-retention": value}
    response = raw.call("DELETE", f"/{bucket}/k", headers=headers)
    assert_error(
        response, 400, "InvalidArgument", ArgumentName="x-amz-bypass-governance-retention"
    )


def test_copies_do_not_inherit_locks(s3, locked):
    """L:test_s3_copy_object_retention_lock, test_s3_copy_object_legal_hold."""
    put(
        s3,
        locked,
        ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=in_future(hours=1),
        ObjectLockLegalHoldStatus="OFF",
    )
    s3.copy_object(Bucket=locked, Key="copy", CopySource={"Bucket": locked, "Key": "k"})
    head = s3.head_object(Bucket=locked, Key="copy")
    assert "ObjectLockMode" not in head and "ObjectLockLegalHoldStatus" not in head


def test_overwriting_and_deleting_leave_the_locked_version(s3, locked):
    """I12: no path deletes or alters a locked version."""
    version = put(s3, locked, ObjectLockLegalHoldStatus="ON")
    s3.put_object(Bucket=locked, Key="k", Body=b"other")
    s3.delete_object(Bucket=locked, Key="k")
    got = s3.get_object(Bucket=locked, Key="k", VersionId=version)
    assert got["Body"].read() == b"test"
    with s3_error(409, "BucketNotEmpty"):
        s3.delete_bucket(Bucket=locked)
    s3.put_object_legal_hold(
        Bucket=locked, Key="k", VersionId=version, LegalHold={"Status": "OFF"}
    )
