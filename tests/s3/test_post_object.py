"""POST Object: uploads of browsers' forms (note 57; L:TestS3PresignedPost), signed by a policy or
anonymous: what works, sizes, and who may. Refusals are in test_post_refusals.py."""

import hashlib
import json
import os
import urllib.parse

import pytest
from harness.checksums import checksum, header, md5_base64, md5_hex
from harness.expect import assert_error, assert_status
from harness.post_form import BODY, BOUNDARY, end, form, keys, part, policy, presign, read, send, sign
from harness.raw_http import request_bytes

MIB = 1 << 20
ONE_TAG = "<Tag><Key>TagName</Key><Value>TagValue</Value></Tag>"
SECOND_TAG = "<Tag><Key>TagName2</Key><Value>&amp;=+ ä</Value></Tag>"


@pytest.fixture
def public(s3, raw, bucket):
    """Anybody may write into it."""
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    )
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    return bucket


# --- what works


def test_a_signed_form_is_stored(s3, raw, bucket):
    response = assert_status(send(raw, bucket, form(presign(s3, bucket))), 204)
    assert response.body == b"" and response.header("etag") == f'"{md5_hex(BODY)}"'
    assert response.header("location") == f"{raw.scheme}://{raw.authority}/{bucket}/k"
    shown = s3.get_object(Bucket=bucket, Key="k")
    assert shown["Body"].read() == BODY and shown["ContentType"] == "binary/octet-stream"


def test_success_action_status_201_tells_all(s3, raw, bucket):
    """L:test_s3_presigned_post_success_action_status_201_response."""
    fields = presign(s3, bucket, "key-${filename}", {"success_action_status": "201"})
    response = assert_status(send(raw, bucket, form(fields)), 201)
    location = f"{raw.scheme}://{raw.authority}/{bucket}/key-my-file"
    assert response.xml().tag == "PostResponse" and response.text("Location") == location
    assert response.text("Bucket") == bucket and response.text("Key") == "key-my-file"
    assert response.text("ETag") == '"43281e21fce675ac3bcb3524b38ca4ed"' == response.header("etag")
    assert response.header("location") == location


@pytest.mark.parametrize("asked, status", [("200", 200), ("204", 204), ("404", 204), ("x", 204)])
def test_success_action_status(s3, raw, bucket, asked, status):
    response = send(raw, bucket, form(presign(s3, bucket, "k", {"success_action_status": asked})))
    assert assert_status(response, status).body == b""


def test_success_action_redirect(s3, raw, bucket):
    """L:test_s3_presigned_post_success_action_redirect; an address that is none is ignored."""
    for target, separator in (("http://localhost.test/random", "?"), ("https://a.test/?x=1", "&")):
        fields = presign(s3, bucket, "a b", {"success_action_redirect": target})
        response = assert_status(send(raw, bucket, form(fields)), 303)
        location = response.header("location")
        assert location.startswith(target + separator) and response.body == b""
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)
        assert query["bucket"] == [bucket] and query["key"] == ["a b"]
        assert query["etag"] == [f'"{md5_hex(BODY)}"']
    for target in ("/wrong/redirect/relative", "javascript:alert(1)", "http://a\r\nX-Evil: 1"):
        fields = presign(s3, bucket, "k", {"success_action_redirect": target})
        response = assert_status(send(raw, bucket, form(fields)), 204)
        assert response.header("x-evil") is None


def test_metadata_and_headers_are_kept(s3, raw, bucket):
    """L:test_post_object_with_metadata, and the other headers of an object."""
    fields = {
        "x-amz-meta-test-1": "test-meta-1",
        "x-amz-meta-TEST-2": "test-meta-2",
        "Content-Type": "text/plain",
        "Expires": "Thu, 01 Dec 2033 16:00:00 GMT",
        "Cache-Control": "max-age=7",
        "Content-Disposition": 'attachment; filename="x"',
        "Content-Encoding": "identity",
        "x-amz-website-redirect-location": "/other",
    }
    assert_status(send(raw, bucket, form(presign(s3, bucket, "k", fields))), 204)
    shown = s3.head_object(Bucket=bucket, Key="k")
    assert shown["Metadata"] == {"test-1": "test-meta-1", "test-2": "test-meta-2"}
    assert shown["ContentType"] == "text/plain" and shown["CacheControl"] == "max-age=7"
    assert shown["ContentDisposition"] == 'attachment; filename="x"'
    assert shown["ContentEncoding"] == "identity" and shown["WebsiteRedirectLocation"] == "/other"
    assert shown["ExpiresString"] == fields["Expires"]


def test_unicode_metadata(s3, raw, bucket):
    """L:test_post_object_with_unicode_metadata: fields mean what they say, encoded words too."""
    letters = "".join(chr(c) for c in range(ord("@"), 0x7F))
    safe = "! \"#$%&'()*+,-./0123456789:;<>'?" + letters + "\t"
    fields = {
        "success_action_status": "201",
        "Cache-Control": "non-ascii-%E2%80%94_—_é_",
        "x-amz-meta-b-encoded": "=?UTF-8?B?YWJj?=",
        "x-amz-meta-q-encoded": "=?UTF-8?Q?actually-ascii?=",
        "x-amz-meta-nonascii": "ÄMÄZÕÑ S3",
        "x-amz-meta-nonascii-2": "test_—_file%E2%80%94_é_2👑.pdf",
        "x-amz-meta-utf-8": "\x00\x01\x02\x03\x04",
        "x-amz-meta-safe-chars": safe,
    }
    key = "test_unicode—_file.pdf"
    response = assert_status(send(raw, bucket, form(presign(s3, bucket, key, fields))), 201)
    assert response.header("location").endswith(f"/{bucket}/test_unicode%E2%80%94_file.pdf")
    assert response.text("Location") == response.header("location")
    assert response.text("Key") == key
    shown = s3.head_object(Bucket=bucket, Key=key)
    assert shown["CacheControl"] == "non-ascii-%E2%80%94_ _é_"
    assert shown["Metadata"] == {
        "b-encoded": "=?UTF-8?B?YWJj?=",
        "nonascii": "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?=",
        "nonascii-2": "=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=F0=9F=91=91.pdf?=",
        "q-encoded": "=?UTF-8?Q?actually-ascii?=",
        "safe-chars": safe,
        "utf-8": "=?UTF-8?B?AAECAwQ=?=",
    }


def test_storage_class(s3, raw, bucket):
    """L:test_post_object_with_storage_class."""
    fields = presign(s3, bucket, "k", {"x-amz-storage-class": "STANDARD_IA"})
    assert_status(send(raw, bucket, form(fields)), 204)
    assert s3.head_object(Bucket=bucket, Key="k")["StorageClass"] == "STANDARD_IA"
    fields = presign(s3, bucket, "other", {"x-amz-storage-class": "FakeClass"})
    response = send(raw, bucket, form(fields))
    assert_error(response, 400, "InvalidStorageClass", StorageClassRequested="FakeClass")
    assert keys(s3, bucket) == ["k"]


@pytest.mark.parametrize(
    "document, tags",
    [
        (f"<Tagging><TagSet>{ONE_TAG}</TagSet></Tagging>", {"TagName": "TagValue"}),
        ("<Tagging><TagSet/></Tagging>", {}),
        ("<InvalidXmlTagging></InvalidXmlTagging>", {}),
        (
            f"<Tagging><TagSet>{ONE_TAG}{SECOND_TAG.replace('&amp;', '')}</TagSet></Tagging>",
            {"TagName": "TagValue", "TagName2": "=+ ä"},
        ),
    ],
)
def test_tags(s3, raw, bucket, document, tags):
    """L:test_post_object_with_tags."""
    assert_status(send(raw, bucket, form(presign(s3, bucket, "k", {"tagging": document}))), 204)
    shown = s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in shown} == tags


@pytest.mark.http_only
@pytest.mark.parametrize(
    "document, code",
    [
        ("not-xml", "MalformedXML"),
        ("<a></b>", "MalformedXML"),
        (f"<Tagging><TagSet>{ONE_TAG}{ONE_TAG}</TagSet></Tagging>", "InvalidTag"),
        (f"<Tagging><TagSet>{SECOND_TAG}</TagSet></Tagging>", "InvalidTag"),
    ],
)
def test_tags_that_are_none(s3, raw, nothing_stored, document, code):
    fields = presign(s3, nothing_stored, "k", {"tagging": document})
    assert_error(send(raw, nothing_stored, form(fields)), 400, code)


def test_checksums(s3, raw, bucket):
    """L:test_post_object_default_checksum, and those of the client."""
    assert_status(send(raw, bucket, form(presign(s3, bucket))), 204)
    shown = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert shown["ChecksumCRC64NVME"] == checksum("CRC64NVME", BODY)
    for algorithm in ("CRC32", "SHA256"):
        right = {header(algorithm): checksum(algorithm, BODY)}
        assert_status(send(raw, bucket, form(presign(s3, bucket, algorithm, right))), 204)
        shown = s3.head_object(Bucket=bucket, Key=algorithm, ChecksumMode="ENABLED")
        assert shown[f"Checksum{algorithm}"] == checksum(algorithm, BODY)
        wrong = {header(algorithm): checksum(algorithm, b"else")}
        response = send(raw, bucket, form(presign(s3, bucket, "wrong", wrong)))
        assert_error(response, 400, "BadDigest")
    response = send(raw, bucket, form(presign(s3, bucket, "w", {"Content-MD5": md5_base64(b"")})))
    assert_error(response, 400, "BadDigest")
    assert sorted(keys(s3, bucket)) == ["CRC32", "SHA256", "k"]


def test_file_as_a_field(s3, raw, bucket):
    """L:test_post_object_with_file_as_string: without a file name ${filename} stays."""
    fields = presign(s3, bucket, "file-as-field-${filename}")
    assert_status(send(raw, bucket, form(fields, file_name=None)), 204)
    assert keys(s3, bucket) == ["file-as-field-${filename}"]


@pytest.mark.http_only
@pytest.mark.parametrize(
    "key, file_name, stored",
    [
        ("a/${filename}", "C:\\\\photos\\\\cat.jpg", "a/cat.jpg"),
        ("a/${filename}", "/etc/../../passwd", "a/passwd"),
        ("${filename}", "ä b.txt", "ä b.txt"),
        ("../x//${filename}", "..", "../x//.."),
    ],
)
def test_file_names_in_keys(s3, raw, bucket, key, file_name, stored):
    """V:eecc1a77: a path in a file name is no path."""
    fields = presign(s3, bucket, key, conditions=[["starts-with", "$key", ""]])
    assert_status(send(raw, bucket, form(fields, file_name=file_name)), 204)
    assert keys(s3, bucket) == [stored] and read(s3, bucket, stored) == BODY


@pytest.mark.http_only
def test_names_compare_without_regard_to_case(s3, raw, bucket):
    """T:test_post_object_case_insensitive_condition_fields."""
    document = policy("x", ["StArTs-WiTh", "$CoNtEnT-TyPe", "text/"], {"AcL": "private"})
    document["conditions"][0] = {"bUcKeT": bucket}
    fields = sign(raw, document)
    fields = {name.upper(): value for name, value in fields.items()}
    fields.update({"aCl": "private", "CONTENT-type": "text/plain"})
    assert_status(send(raw, bucket, form(fields)), 204)
    assert s3.head_object(Bucket=bucket, Key="k")["ContentType"] == "text/plain"


@pytest.mark.http_only
def test_our_own_signer_and_an_escaped_key(s3, raw, bucket):
    """T:test_post_object_escaped_field_values."""
    document = policy(bucket, ["starts-with", "$key", "\\$foo"])
    assert_status(send(raw, bucket, form(sign(raw, document, "\\$foo.txt"))), 204)
    assert keys(s3, bucket) == ["\\$foo.txt"]


@pytest.mark.http_only
def test_ignored_fields_and_late_ones(s3, raw, bucket):
    fields = {"x-ignore-foo": "bar", **presign(s3, bucket), "X-Ignore-Bar": "1"}
    body = form(fields, late=[("acl", "public-read"), ("key", "other"), ("submit", "Upload")])
    assert_status(send(raw, bucket, body), 204)
    assert keys(s3, bucket) == ["k"]


@pytest.mark.http_only
@pytest.mark.parametrize("boundary", ["-", "--", "----b", "b" * 70, "a'()+_,./:=?z"])
def test_boundaries(s3, raw, bucket, boundary):
    """V:a25408c2: a boundary may begin with dashes."""
    tricky = b"\r\n--\r\n--" + boundary[:-1].encode() + b"\r\n--" + boundary.encode() + b"x\r\n-"
    fields = presign(s3, bucket)
    body = b"".join(part(name, value, boundary=boundary) for name, value in fields.items())
    body += part("file", tricky, "f", boundary=boundary) + end(boundary)
    response = send(raw, bucket, body, f'multipart/form-data; boundary="{boundary}"')
    assert_status(response, 204)
    assert read(s3, bucket) == tricky


@pytest.mark.parametrize("size", [0, 1, 128 * 1024, 128 * 1024 + 1, 3 * MIB])
def test_sizes(s3, raw, bucket, size):
    data = os.urandom(size)
    assert_status(send(raw, bucket, form(presign(s3, bucket), data)), 204)
    assert read(s3, bucket) == data


@pytest.mark.http_only
def test_versions_and_conditions(s3, raw, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    response = assert_status(send(raw, bucket, form(presign(s3, bucket))), 204)
    assert response.header("x-amz-version-id") == s3.head_object(Bucket=bucket, Key="k")["VersionId"]
    response = send(raw, bucket, form(presign(s3, bucket)), headers=[("If-None-Match", "*")])
    assert_error(response, 412, "PreconditionFailed")


@pytest.mark.http_only
def test_headers_of_the_form_are_not_the_objects(s3, raw, bucket):
    """A browser sends Cache-Control with its form, and its Content-Type is the form's."""
    headers = [("Cache-Control", "max-age=0"), ("Content-Language", "de"), ("Expires", "0")]
    assert_status(send(raw, bucket, form(presign(s3, bucket)), headers=headers), 204)
    shown = s3.head_object(Bucket=bucket, Key="k")
    assert not {"CacheControl", "ContentLanguage", "ExpiresString"} & set(shown)
    assert shown["ContentType"] == "binary/octet-stream"



# --- sizes


def test_content_length_range(s3, raw, bucket):
    """L:test_post_object_policy_validation_size."""
    fields = presign(s3, bucket, conditions=[["content-length-range", 5, 10]])
    response = send(raw, bucket, form(fields, b"a" * 12))
    assert_error(response, 400, "EntityTooLarge", ProposedSize="12", MaxSizeAllowed="10")
    response = send(raw, bucket, form(fields, b"a"))
    assert_error(response, 400, "EntityTooSmall", ProposedSize="1", MinSizeAllowed="5")
    assert keys(s3, bucket) == []
    assert_status(send(raw, bucket, form(fields, b"a" * 10)), 204)
    shown = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert shown["ETag"] == '"e09c80c42fda55f9d992e59ca6b3307d"'
    assert shown["ChecksumCRC64NVME"] == "DBqAA21lxVU="


def test_a_length_range_that_is_none(s3, raw, nothing_stored):
    fields = presign(s3, nothing_stored, conditions=[["content-length-range", "test", "10"]])
    error = assert_error(send(raw, nothing_stored, form(fields)), 403, "AccessDenied")
    assert error["Message"] == (
        "Invalid according to Policy: Policy Condition failed: "
        '["content-length-range", "test", "10"]'
    )


@pytest.mark.http_only
def test_content_length_range_of_a_streamed_file(s3, raw, nothing_stored):
    fields = presign(s3, nothing_stored, conditions=[["content-length-range", 0, 9 * MIB - 1]])
    response = send(raw, nothing_stored, form(fields, bytes(9 * MIB)), sent=MIB)
    assert_error(response, 400, "EntityTooLarge", ProposedSize=str(9 * MIB))


def test_a_large_file_is_streamed(s3, raw, server, bucket):
    """64 MiB in bounded memory, among it what begins like the boundary."""
    data = bytearray(os.urandom(64 * MIB))
    for at in range(0, len(data) - 100, 65521):
        mark = f"\r\n--{BOUNDARY}"[: 3 + at % 40].encode()
        data[at : at + len(mark)] = mark
    before = server.rss_bytes()
    response = assert_status(send(raw, bucket, form(presign(s3, bucket), bytes(data))), 204)
    grown = server.rss_bytes() - before
    assert response.header("etag") == f'"{md5_hex(data)}"'
    assert hashlib.sha256(read(s3, bucket)).digest() == hashlib.sha256(data).digest()
    # Less than the file: it never lay in memory whole.
    assert grown < 48 * MIB, grown


@pytest.mark.http_only
@pytest.mark.parametrize("case", ["late field", "epilogue", "no newline", "no end", "early end"])
def test_a_large_file_that_is_not_last(s3, raw, nothing_stored, case):
    fields, data = presign(s3, nothing_stored), bytes(9 * MIB)
    body = form(fields, data)
    if case == "late field":
        body = form(fields, data, late=[("submit", "Upload")])
    elif case == "epilogue":
        body += b"\r\n"
    elif case == "no newline":
        body = body[:-2]
    elif case == "no end":
        body = body[: -len(end())] + b"x" * len(end())
    else:
        body = form(fields, data + b"\r\n" + end() + bytes(MIB // 8))
    error = assert_error(send(raw, nothing_stored, body), 400, "MalformedPOSTRequest")
    assert "Nothing was stored" in error["Message"]


@pytest.mark.http_only
def test_a_file_that_breaks_off(s3, raw, nothing_stored):
    """Fewer bytes than announced, before and behind the file's head."""
    body = form(presign(s3, nothing_stored), bytes(9 * MIB))
    head = [
        ("Host", raw.authority),
        ("Content-Type", f"multipart/form-data; boundary={BOUNDARY}"),
        ("Content-Length", str(len(body))),
    ]
    for count in (100, 3000, MIB):
        with raw.connect() as connection:
            connection.send(request_bytes("POST", f"/{nothing_stored}", head, body[:count]))
    # The server is alive and the form as good as ever.
    small = form(presign(s3, nothing_stored), b"")
    assert_status(send(raw, nothing_stored, small), 204)
    assert keys(s3, nothing_stored) == ["k"]
    s3.delete_object(Bucket=nothing_stored, Key="k")



# --- anonymous


def test_anonymous_into_a_private_bucket(s3, raw, nothing_stored):
    assert_error(send(raw, nothing_stored, form({"key": "k"})), 403, "AccessDenied")
    big = form({"key": "k"}, bytes(9 * MIB))
    assert_error(send(raw, nothing_stored, big, sent=MIB), 403, "AccessDenied")


def test_anonymous_into_a_public_bucket(s3, raw, public):
    """T:test_post_object_anonymous_request: the bucket's ACL decides, no policy is needed."""
    fields = {"key": "a/${filename}", "Content-Type": "text/plain", "acl": "public-read"}
    assert_status(send(raw, public, form(fields)), 204)
    shown = raw.send_raw(request_bytes("GET", f"/{public}/a/my-file", [("Host", raw.authority)]))
    assert assert_status(shown, 200).body == BODY and shown.header("content-type") == "text/plain"
    large = os.urandom(9 * MIB)
    assert_status(send(raw, public, form({"key": "large", "acl": "public-read"}, large)), 204)
    shown = raw.send_raw(request_bytes("GET", f"/{public}/large", [("Host", raw.authority)]))
    assert assert_status(shown, 200).body == large


@pytest.mark.http_only
def test_anonymous_refusals(s3, raw, public):
    for fields in (
        {"key": "k", "x-amz-server-side-encryption": "AES256"},
        {"key": "k", "tagging": "not-xml"},
        {"key": "k", "bucket": "other"},
        {"key": "k", "x-amz-signature": "a"},
        {"key": "k", "tagging": f"<Tagging><TagSet>{ONE_TAG}</TagSet></Tagging>"},
    ):
        response = send(raw, public, form(fields))
        assert response.status in (400, 403, 501) and response.code, str(response)
    assert keys(s3, public) == []


@pytest.mark.http_only
def test_a_policy_of_the_bucket_sees_a_form(s3, raw, bucket):
    """s3:authType is POST; a Deny of it stops forms alone."""
    deny = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{bucket}/denied/*",
                "Condition": {"StringEquals": {"s3:authType": "POST"}},
            }
        ],
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(deny))
    s3.put_object(Bucket=bucket, Key="denied/put", Body=b"x")
    assert_status(send(raw, bucket, form(presign(s3, bucket, "free"))), 204)
    response = send(raw, bucket, form(presign(s3, bucket, "denied/${filename}")))
    assert_error(response, 403, "AccessDenied")
    assert sorted(keys(s3, bucket)) == ["denied/put", "free"]
