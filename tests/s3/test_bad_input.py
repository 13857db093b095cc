"""Bad input, operation by operation (issue 4): every operation that reads a document is sent documents that are none,
too long, of another kind, with an element too many or a value of the wrong type, and with headers that say something
false of them. Each is refused with the code that S3 has for it, and nothing has changed afterwards."""

import base64
import hashlib
import itertools

import pytest
from harness.expect import assert_error, assert_status
from harness.helpers import Upload

pytestmark = pytest.mark.http_only

# operation -> (method, of an object?, sub-resource, root element, a field that it knows, the code for what is no such
# document). The fields are wrong in value below, never right.
DOCUMENTS = {
    "PutBucketVersioning": ("PUT", False, "versioning", "VersioningConfiguration", "Status", "MalformedXML"),
    "PutBucketTagging": ("PUT", False, "tagging", "Tagging", "TagSet", "MalformedXML"),
    "PutBucketCors": ("PUT", False, "cors", "CORSConfiguration", "CORSRule", "MalformedXML"),
    "PutBucketLifecycleConfiguration": ("PUT", False, "lifecycle", "LifecycleConfiguration", "Rule", "MalformedXML"),
    "PutBucketAcl": ("PUT", False, "acl", "AccessControlPolicy", "Owner", "MalformedACLError"),
    "PutPublicAccessBlock": (
        "PUT",
        False,
        "publicAccessBlock",
        "PublicAccessBlockConfiguration",
        "BlockPublicAcls",
        "MalformedXML",
    ),
    "PutBucketOwnershipControls": ("PUT", False, "ownershipControls", "OwnershipControls", "Rule", "MalformedXML"),
    "PutObjectLockConfiguration": ("PUT", False, "object-lock", "ObjectLockConfiguration", "Rule", "MalformedXML"),
    "PutBucketRequestPayment": (
        "PUT",
        False,
        "requestPayment",
        "RequestPaymentConfiguration",
        "Payer",
        "MalformedXML",
    ),
    "PutBucketAccelerateConfiguration": (
        "PUT",
        False,
        "accelerate",
        "AccelerateConfiguration",
        "Status",
        "MalformedXML",
    ),
    "DeleteObjects": ("POST", False, "delete", "Delete", "Object", "MalformedXML"),
    "PutObjectTagging": ("PUT", True, "tagging", "Tagging", "TagSet", "MalformedXML"),
    "PutObjectAcl": ("PUT", True, "acl", "AccessControlPolicy", "Owner", "MalformedACLError"),
    "PutObjectRetention": ("PUT", True, "retention", "Retention", "Mode", "MalformedXML"),
    "PutObjectLegalHold": ("PUT", True, "legal-hold", "LegalHold", "Status", "MalformedXML"),
    "CompleteMultipartUpload": ("POST", True, "uploadId", "CompleteMultipartUpload", "Part", "MalformedXML"),
}
ENTITY = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
BODIES = {
    "no XML": lambda root, field: "this is no XML",
    "JSON": lambda root, field: '{"Status": "Enabled"}',
    "another root": lambda root, field: f"<Something><{field}/></Something>",
    "root in small letters": lambda root, field: f"<{root.lower()}/>",
    "never closed": lambda root, field: f"<{root}><{field}>",
    "closed twice": lambda root, field: f"<{root}></{root}></{root}>",
    "two roots": lambda root, field: f"<{root}/><{root}/>",
    "an entity": lambda root, field: f"{ENTITY}<{root}><{field}>&e;</{field}></{root}>",
    "an unknown entity": lambda root, field: f"<{root}><{field}>&nbsp;</{field}></{root}>",
    "an unknown element": lambda root, field: f"<{root}><Unheard>1</Unheard></{root}>",
    "a text between": lambda root, field: f"<{root}>text</{root}>",
    "a wrong value": lambda root, field: f"<{root}><{field}>\N{SNOWMAN}</{field}></{root}>",
    "a NUL": lambda root, field: f"<{root}>\0</{root}>",
    "no UTF-8": lambda root, field: f"<{root}><{field}>\udcff</{field}></{root}>",
    "too deep": lambda root, field: f"<{root}>" + f"<{field}>" * 40 + f"</{field}>" * 40 + f"</{root}>",
    "too many attributes": lambda root, field: f"<{root} " + " ".join(f'a{n}="1"' for n in range(40)) + "/>",
}


class Target:
    """A bucket with object lock, an object with tags, an open upload, and how they look."""

    def __init__(self, s3, raw, bucket):
        self.s3, self.raw, self.bucket = s3, raw, bucket
        s3.put_object(Bucket=bucket, Key="k", Body=b"content", Tagging="a=b", Metadata={"m": "1"})
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
        self.upload = Upload(s3, bucket, "k")
        self.upload.part(1, b"part")
        self.before = self.look()

    def request(self, operation, body, headers=()):
        method, of_object, name, *_ = DOCUMENTS[operation]
        target = f"/{self.bucket}" + ("/k" if of_object else "")
        query = [(name, self.upload.id if name == "uploadId" else None)]
        headers = dict(headers)
        if operation == "DeleteObjects":
            headers.setdefault("Content-MD5", base64.b64encode(hashlib.md5(body).digest()).decode())
        return self.raw.call(method, target, query, headers, body)

    def look(self):
        """Everything that one of the operations could have changed."""
        shown = []
        for name in ("versioning", "tagging", "cors", "lifecycle", "acl", "publicAccessBlock", "ownershipControls"):
            shown.append(self.raw.call("GET", f"/{self.bucket}", [(name, None)]))
        for name in ("object-lock", "requestPayment", "accelerate", "versions", "uploads", "policy"):
            shown.append(self.raw.call("GET", f"/{self.bucket}", [(name, None)]))
        for query in ([], [("tagging", None)], [("acl", None)], [("retention", None)], [("legal-hold", None)]):
            shown.append(self.raw.call("GET", f"/{self.bucket}/k", query))
        return [(answer.status, answer.body if answer.status == 200 else answer.code) for answer in shown]


@pytest.fixture
def target(s3, raw, bucket):
    name = bucket + "-bad"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    made = Target(s3, raw, name)
    yield made
    s3.abort_multipart_upload(Bucket=name, Key="k", UploadId=made.upload.id)
    for version in s3.list_object_versions(Bucket=name).get("Versions", []):
        s3.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])
    s3.delete_bucket(Bucket=name)


@pytest.mark.parametrize("operation", DOCUMENTS)
def test_documents_that_are_none(target, operation):
    _, _, _, root, field, code = DOCUMENTS[operation]
    for what, make in BODIES.items():
        body = make(root, field).encode("utf-8", "surrogateescape")
        answer = target.request(operation, body)
        assert answer.status == 400 and answer.code == code, f"{operation}, {what}: {answer}"
    assert target.look() == target.before


@pytest.mark.parametrize("operation", DOCUMENTS)
def test_documents_that_are_too_long(target, operation):
    """More than the operation will ever read: refused by its length, whatever is in it."""
    root = DOCUMENTS[operation][3]
    filling = b"<!--" + b"x" * (5 << 20) + b"-->"
    answer = target.request(operation, f"<{root}>".encode() + filling + f"</{root}>".encode())
    assert_error(answer, 400, "MaxMessageLengthExceeded", "EntityTooLarge")
    assert target.look() == target.before


@pytest.mark.parametrize("operation", DOCUMENTS)
def test_headers_that_say_something_else_of_a_document(target, operation):
    root = DOCUMENTS[operation][3]
    body = f"<{root}/>".encode()
    other = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    wrong = {
        "BadDigest": [{"Content-MD5": other}, {"x-amz-checksum-crc32": "AAAAAA=="}],
        "InvalidDigest": [{"Content-MD5": "this is none"}],
        "InvalidRequest": [{"x-amz-checksum-crc32": "this is none"}],
    }
    for code, all_headers in wrong.items():
        for headers in all_headers:
            # Of the object that a Complete makes, not of its document.
            if operation == "CompleteMultipartUpload" and "Content-MD5" not in headers:
                continue
            answer = target.request(operation, body, headers)
            assert answer.status == 400 and answer.code == code, f"{operation}, {headers}: {answer}"
    assert target.look() == target.before


@pytest.mark.parametrize("operation", DOCUMENTS)
def test_no_document_at_all(target, operation):
    answer = target.request(operation, b"")
    codes = ("MalformedXML", "MissingRequestBodyError", "MissingSecurityHeader", "InvalidRequest")
    assert answer.status == 400 and answer.code in codes, f"{operation}: {answer}"
    assert target.look() == target.before


# --- headers and parameters

HEADERS = {
    "PUT": {
        "x-amz-storage-class": ("x" * 300, "InvalidStorageClass"),
        "x-amz-tagging": ("a=b&a=c", "InvalidArgument"),
        "x-amz-acl": ("everybody", "InvalidArgument"),
        "x-amz-grant-read": ("everybody", "InvalidArgument"),
        "x-amz-object-lock-mode": ("FOREVER", "InvalidArgument"),
        "x-amz-object-lock-legal-hold": ("PERHAPS", "InvalidArgument"),
        "x-amz-website-redirect-location": ("elsewhere", "InvalidRedirectLocation"),
        "Content-MD5": ("x" * 24, "InvalidDigest"),
        "x-amz-checksum-sha256": ("short", "InvalidRequest"),
        "x-amz-meta-long": ("x" * 2049, "MetadataTooLarge"),
        "If-None-Match": ('"an-etag"', "NotImplemented"),
    },
    "GET": {
        "Range": ("bytes=100-", "InvalidRange"),
        "x-amz-expected-bucket-owner": ("me", "InvalidBucketOwnerAWSAccountID"),
    },
}
HEADER_CASES = [(method, name) for method, names in HEADERS.items() for name in names]


@pytest.mark.parametrize("method, name", HEADER_CASES, ids=[f"{m}-{n}" for m, n in HEADER_CASES])
def test_headers_with_values_that_are_none(raw, target, method, name):
    value, code = HEADERS[method][name]
    headers = {name: value}
    if name == "x-amz-object-lock-mode":
        headers["x-amz-object-lock-retain-until-date"] = "2100-01-01T00:00:00Z"
    answer = raw.call(method, f"/{target.bucket}/k", [], headers, b"new" if method == "PUT" else b"")
    assert 400 <= answer.status < 600 and answer.code == code, str(answer)
    assert target.look() == target.before


PARAMETERS = {
    "": {"max-keys": ("-1", "x", "99999999999999999999"), "encoding-type": ("base64",)},
    "list-type=2": {"max-keys": ("-1", "x"), "continuation-token": ("made up",)},
    "versions": {"max-keys": ("x",), "version-id-marker": ("made up",)},
    "uploads": {"max-uploads": ("-1", "x")},
}
PARAMETER_CASES = [
    (listing, name, value)
    for listing, names in PARAMETERS.items()
    for name, values in names.items()
    for value in values
]


@pytest.mark.parametrize("listing, name, value", PARAMETER_CASES)
def test_parameters_of_listings_that_are_none(raw, bucket, listing, name, value):
    query = [tuple(listing.split("=")) if "=" in listing else (listing, None)] if listing else []
    if name == "version-id-marker":
        query.append(("key-marker", "k"))
    assert_error(raw.call("GET", f"/{bucket}", [*query, (name, value)]), 400, "InvalidArgument")


OBJECT_PARAMETERS = list(itertools.product(["GET", "HEAD", "DELETE"], ["", "made-up", "null ", "x" * 2000]))


@pytest.mark.parametrize("method, version", OBJECT_PARAMETERS)
def test_version_ids_that_are_none(raw, target, method, version):
    answer = raw.call(method, f"/{target.bucket}/k", [("versionId", version)])
    assert_status(answer, 400)
    assert method == "HEAD" or answer.code in ("InvalidArgument", "InvalidURI"), str(answer)
    assert target.look() == target.before


@pytest.mark.parametrize("number", ["0", "10001", "-1", "x", "1.5", "", "99999999999999999999"])
def test_part_numbers_that_are_none(raw, target, number):
    query = [("partNumber", number), ("uploadId", target.upload.id)]
    assert_error(raw.call("PUT", f"/{target.bucket}/k", query, body=b"x"), 400, "InvalidArgument")
    assert target.look() == target.before
