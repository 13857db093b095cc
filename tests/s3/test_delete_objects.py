"""DeleteObjects (notes 25 and 49)."""

import base64
import hashlib

import pytest
from harness.checksums import ALGORITHMS, checksum, header, md5_base64
from harness.expect import assert_error, assert_status, s3_error
from harness.sigv4 import uri_encode


def document(keys, quiet=False):
    items = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
    return f"<Delete>{'<Quiet>true</Quiet>' if quiet else ''}{items}</Delete>".encode()


def post(raw, bucket, body, headers="md5"):
    if headers == "md5":
        headers = {"Content-MD5": md5_base64(body)}
    return raw.call("POST", f"/{bucket}", [("delete", None)], headers, body)


def listed(s3, bucket):
    return [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]


@pytest.fixture
def filled(s3, bucket):
    for key in ("a", "b", "c/d"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    return bucket


def test_delete_objects_deletes_and_reports_each(s3, filled):
    """Note 49, L:test_delete_objects: keys that do not exist are reported Deleted too."""
    answer = s3.delete_objects(
        Bucket=filled, Delete={"Objects": [{"Key": "a"}, {"Key": "absent"}, {"Key": "c/d"}]}
    )
    assert (
        sorted(item["Key"] for item in answer["Deleted"]) == ["a", "absent", "c/d"]
        and "Errors" not in answer
    )
    assert listed(s3, filled) == ["b"]


def test_quiet_hides_deleted(s3, filled):
    """Note 49, L:test_delete_non_existing_keys_quiet."""
    objects = [{"Key": "a"}, {"Key": "absent"}]
    answer = s3.delete_objects(Bucket=filled, Delete={"Objects": objects, "Quiet": True})
    assert "Deleted" not in answer and "Errors" not in answer
    assert listed(s3, filled) == ["b", "c/d"]


def test_unknown_version_is_an_error_of_its_key(s3, filled):
    """Note 45, L:test_delete_objects delete-object-wrong-version-id: NoSuchVersion, also when
    quiet; others go on."""
    version = "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"
    objects = [{"Key": "a", "VersionId": version}, {"Key": "b"}]
    answer = s3.delete_objects(Bucket=filled, Delete={"Objects": objects, "Quiet": True})
    assert [(item["Key"], item["Code"], item["VersionId"]) for item in answer["Errors"]] == [
        ("a", "NoSuchVersion", version)
    ]
    assert listed(s3, filled) == ["a", "c/d"]


def test_null_version_is_deleted(s3, filled):
    """Note 47: VersionId null names the only version of an unversioned bucket."""
    s3.delete_objects(Bucket=filled, Delete={"Objects": [{"Key": "a", "VersionId": "null"}]})
    assert listed(s3, filled) == ["b", "c/d"]


def test_duplicates_are_allowed(s3, filled):
    """Note 49."""
    answer = s3.delete_objects(Bucket=filled, Delete={"Objects": [{"Key": "a"}, {"Key": "a"}]})
    assert {item["Key"] for item in answer["Deleted"]} == {"a"} and "Errors" not in answer


def test_keys_are_taken_literally(s3, raw, bucket):
    """Note 49, L:test_delete_objects_encoding: %2F stays %2F; '..' and '+' too."""
    keys = ["a%2Fb", "a/b", "a/%F0%9F%98%80", "a/😀", "x/../y", "x y", "x+y", "<&>"]
    for key in keys:
        assert_status(
            raw.call("PUT", f"/{bucket}/{uri_encode(key, keep_slash=True)}", body=b"x"), 200
        )
    gone = ["a%2Fb", "a/😀", "x/../y", "x+y", "<&>"]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in gone]})
    assert sorted(item["Key"] for item in answer["Deleted"]) == sorted(gone)
    assert listed(s3, bucket) == ["a/%F0%9F%98%80", "a/b", "x y"]


def test_more_than_1000_keys_is_malformed_xml(s3, raw, filled):
    """Note 49: and nothing is deleted."""
    response = post(raw, filled, document(["a"] + [f"k{number}" for number in range(1000)]))
    assert_error(response, 400, "MalformedXML")
    assert "a" in listed(s3, filled)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<Delete",
        b"<Delete></Delete>",
        b"<Other/>",
        b"no xml",
        b"<Delete><Object></Object></Delete>",
    ],
    ids=repr,
)
def test_malformed_documents_are_malformed_xml(raw, filled, body):
    """Note 49, security notes 4.5."""
    assert_error(post(raw, filled, body), 400, "MalformedXML", "MissingRequestBodyError")


@pytest.mark.http_only
@pytest.mark.parametrize(
    "prolog",
    [
        b'<!DOCTYPE d [<!ENTITY e "a">]>',
        b'<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/hostname">]>',
        b'<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY e "&a;&a;&a;&a;">]>',
    ],
)
def test_entities_and_doctypes_are_refused(s3, raw, filled, prolog):
    """Security notes 4.5: no DTD, no entities beyond the five, nothing external."""
    response = post(raw, filled, prolog + document(["&e;"]))
    assert_error(response, 400, "MalformedXML")
    assert listed(s3, filled) == ["a", "b", "c/d"]


def test_a_body_checksum_is_required(s3, raw, filled):
    """Note 25: neither Content-MD5 nor a checksum: 400 and nothing deleted."""
    assert_error(post(raw, filled, document(["a"]), headers={}), 400, "InvalidRequest")
    assert "a" in listed(s3, filled)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_any_checksum_header_will_do(s3, raw, filled, algorithm):
    """Note 25: SDKs since 2025 send no MD5 (boto3#4392)."""
    body = document(["a"])
    response = assert_status(
        post(raw, filled, body, {header(algorithm): checksum(algorithm, body)}), 200
    )
    assert response.xml().tag == "DeleteResult" and response.texts("Deleted/Key") == ["a"]
    assert "a" not in listed(s3, filled)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-MD5": base64.b64encode(hashlib.md5(b"other").digest()).decode()},
        {header("CRC32"): checksum("CRC32", b"other")},
        {header("SHA256"): checksum("SHA256", b"other")},
    ],
)
def test_wrong_body_checksum_deletes_nothing(s3, raw, filled, headers):
    """Notes 25 and 43: BadDigest, no effect."""
    assert_error(post(raw, filled, document(["a"]), headers), 400, "BadDigest")
    assert "a" in listed(s3, filled)


@pytest.mark.http_only
def test_too_long_a_key_is_an_error_of_that_key_alone(s3, raw, filled):
    """Note 31 inside DeleteObjects: either the whole request is refused or that key alone; the
    store is not harmed."""
    response = post(raw, filled, document(["k" * 1025, "a"]))
    if response.status == 200:
        assert response.texts("Error/Code") == ["KeyTooLongError"] and "a" not in listed(s3, filled)
    else:
        assert_error(response, 400, "KeyTooLongError", "MalformedXML")


def test_delete_objects_in_a_missing_bucket(s3):
    """L:test_delete_non_existing_keys_in_non_existing_bucket."""
    with s3_error(404, "NoSuchBucket"):
        s3.delete_objects(Bucket="no-such-bucket-anywhere", Delete={"Objects": [{"Key": "k"}]})
