"""What AWS S3 answered, as data: the facts (statuses, codes, messages, fields) of recorded
situations, each under the name it has in the records. test_aws_records.py replays them.

A situation is a list of steps. `call(operation, params, expected)` must succeed and its answer hold
`expected`; `fail(operation, params, status, code, expected)` must fail so. The bucket is filled in.
  "<name>"       in a string: the bucket of the situation ("<bucket>"), a bucket that does not exist
                 ("<absent>"), the store's region and address ("<region>", "<endpoint>")
  Of("n", "F")   field F of the answer of the step whose name is n (step.named("n"))
  ABSENT, ANY    the field must not be there; must be there, with whatever value
A dictionary may hold more than is expected; a list must have just the expected elements.
Not replayed: test_list_buckets_region_validation (regions here are names of one's own, so none is
invalid), a key twice among the tags of a new bucket (500 InternalError there, InvalidTag here), and
what needs policies, ACLs, CORS, forms, websites, notifications or encryption.
Recorded by the LocalStack project (Apache-2.0) on AWS in 2023 to 2026.
"""

import dataclasses
import datetime
import gzip

ABSENT, ANY = object(), object()


@dataclasses.dataclass(frozen=True)
class Of:
    """A field of an earlier answer; `path` may go deeper: Of("copy", "CopyObjectResult", "ETag")."""

    step: str
    path: tuple

    def __init__(self, step, *path):
        object.__setattr__(self, "step", step)
        object.__setattr__(self, "path", path)


@dataclasses.dataclass
class Step:
    operation: str
    params: dict
    status: int
    code: str | None
    expected: dict
    name: str | None = None

    def named(self, name):
        self.name = name
        return self


def call(operation, params=None, expected=None, status=None):
    return Step(operation, params or {}, status, None, expected or {})


def fail(operation, params, status, code, expected=None):
    return Step(operation, params, status, code, expected or {})


def tags(*pairs):
    return {"TagSet": [{"Key": key, "Value": value} for key, value in pairs]}


def crc32(value):
    return {"ChecksumCRC32": value, "ChecksumType": "FULL_OBJECT"}


def put(key, body=b"", expected=None, **params):
    return call("put_object", {"Key": key, "Body": body, **params}, expected)


def get(key, expected=None, status=None, **params):
    return call("get_object", {"Key": key, **params}, expected, status)


def head(key, expected=None, **params):
    return call("head_object", {"Key": key, **params}, expected)


def copy(key, source, expected=None, **params):
    return call("copy_object", {"Key": key, "CopySource": f"<bucket>/{source}", **params}, expected)


def listed(keys, **fields):
    return {"Contents": [{"Key": key, **fields} for key in keys]}


VERSIONED = call("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Enabled"}})
SUSPENDED = call("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Suspended"}})
NOT_THERE = {"Message": "The specified key does not exist."}
NO_BUCKET = {"BucketName": "<absent>", "Message": "The specified bucket does not exist"}
NO_UPLOAD = {
    "Message": "The specified upload does not exist. The upload ID may be invalid, or the upload may "
    "have been aborted or completed."
}
CONDITION = {"Message": "At least one of the pre-conditions you specified did not hold"}
LONG_AGO = datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)
FAR_OFF = datetime.datetime(2090, 1, 1, tzinfo=datetime.timezone.utc)
LATER = datetime.datetime(2095, 1, 1, tzinfo=datetime.timezone.utc)
DATA_CRC32, TEST_CRC32 = crc32("rfPzYw=="), crc32("2H9+DA==")  # of "data", "test"
MD5_DATA = '"8d777f385d3dfec8815d20f7496026dc"'
MD5_TEST = '"098f6bcd4621d373cade4e832627b4f6"'
MD5_SOMETHING = '"437b930db84b8079c2dd804a71936b5f"'
GZIP = gzip.compress(b"1234567890 " * 3, mtime=0)
BINARY = {"ContentType": "binary/octet-stream", "AcceptRanges": "bytes", "Metadata": {}}
MD5_LOREM = '"c289c6e309be295fe68af649d1e6c6ec"'
FILE_NAME = 'attachment; filename="foo.jpg"'
LOCKED_OUT = {"Message": "Access Denied because object protected by object lock."}

OBJECTS = {
    "test_put_and_get_object_with_utf8_key": [
        put("Ā0Ä", b"abc123", {**crc32("zwK7XA=="), "ETag": '"e99a18c428cb38d5f260853678922e03"'}),
        get("Ā0Ä", {**crc32("zwK7XA=="), **BINARY, "ContentLength": 6}),
    ],
    "test_put_and_get_object_with_hash_prefix": [
        put("#key-with-hash-prefix", b"test 123", crc32("wmkP3w==")),
        get("#key-with-hash-prefix", {**crc32("wmkP3w=="), **BINARY, "ContentLength": 8, "Body": b"test 123"}),
        head("#key-with-hash-prefix", {"ETag": '"39d0d586a701e199389d954f2d592720"'}),
    ],
    "test_upload_file_with_xml_preamble": [
        put("k", b'<?xml version="1.0" encoding="UTF-8"?><test/>'),
        get("k", {**crc32("hkzSQw=="), **BINARY, "ETag": '"8a793423f1e69103a7056b99e4ad6c0b"', "ContentLength": 45}),
    ],
    "test_putobject_with_multiple_keys": [
        put("a/b/c", b"test"),
        get("a/b/c", {**TEST_CRC32, **BINARY, "ETag": MD5_TEST, "Body": b"test"}),
    ],
    "test_put_get_object_single_character_trailing_slash": [
        *(put(f"{letter}/", b"test", {**TEST_CRC32, "ETag": MD5_TEST}) for letter in "atu"),
        *(get(f"{letter}/", {"Body": b"test", "ContentLength": 4}) for letter in "atu"),
        call("list_objects_v2", {}, {**listed(["a/", "t/", "u/"], ETag=MD5_TEST, Size=4), "KeyCount": 3}),
    ],
    "test_object_with_slashes_in_key": [
        put("/foo", b"foobar", {"ETag": '"3858f62230ac3c915f300c664312c63f"'}),
        put("bar", b"barfoo", {"ETag": '"96948aad3fcae80c08a35c9b5958cd89"'}),
        put("/bar/foo/", b"test", {"ETag": MD5_TEST}),
        call("list_objects_v2", {}, {**listed(["/bar/foo/", "/foo", "bar"]), "KeyCount": 3, "Prefix": ""}),
        get("/foo", {"Body": b"foobar"}),
        get("bar", {"Body": b"barfoo"}),
        get("/bar/foo/", {"Body": b"test"}),
    ],
    "test_url_encoded_key": [
        put("test@key/", b"1"),
        put("test%40key", b"2"),
        put("test%40key/", b"3"),
        call("list_objects_v2", {}, {**listed(["test%40key", "test%40key/", "test@key/"]), "KeyCount": 3}),
        get("test@key/", {"Body": b"1"}),
        get("test%40key", {"Body": b"2"}),
        get("test%40key/", {"Body": b"3"}),
    ],
    "test_put_and_get_object_with_content_language_disposition": [
        put(
            "k",
            b"abc123",
            {**crc32("zwK7XA=="), "ETag": '"e99a18c428cb38d5f260853678922e03"'},
            ContentLanguage="de",
            ContentDisposition=FILE_NAME,
            CacheControl="no-cache",
        ),
        get(
            "k",
            {"ContentLanguage": "de", "CacheControl": "no-cache", "ContentDisposition": FILE_NAME},
        ),
    ],
    "test_s3_upload_download_gzip": [
        put("k.gz", GZIP, {"ChecksumCRC32": ANY, "ChecksumType": "FULL_OBJECT"}, ContentEncoding="gzip"),
        get("k.gz", {"ContentEncoding": "gzip", "ContentLength": len(GZIP), "Body": GZIP, "ChecksumCRC32": ANY}),
    ],
    "test_s3_checksum_with_content_encoding": [
        put("k.gz", GZIP, {"ChecksumSHA256": ANY}, ContentEncoding="gzip", ChecksumAlgorithm="SHA256").named("put"),
        get("k.gz", {"ContentEncoding": "gzip", "ChecksumSHA256": Of("put", "ChecksumSHA256"), "Body": GZIP}),
        call(
            "get_object_attributes",
            {"Key": "k.gz", "ObjectAttributes": ["Checksum"]},
            {
                "Checksum": {"ChecksumSHA256": Of("put", "ChecksumSHA256"), "ChecksumType": "FULL_OBJECT"},
                "ETag": ABSENT,
            },
        ),
    ],
    "test_s3_object_expires": [
        put("future", b"foo", crc32("jHNlIQ=="), Expires=FAR_OFF),
        head("future", {"ExpiresString": "Sun, 01 Jan 2090 00:00:00 GMT", "ChecksumCRC32": ABSENT}),
        get("future", {"ExpiresString": "Sun, 01 Jan 2090 00:00:00 GMT", "Body": b"foo"}),
        put("past", b"foo", {"ETag": '"acbd18db4cc2f85cedef654fccc4a4d8"'}, Expires=LONG_AGO),
        head("past", {"ExpiresString": "Sat, 01 Jan 2000 00:00:00 GMT"}),
        get("past", {"Body": b"foo"}),
    ],
    "test_upload_big_file": [
        put("a", b"a" * 10_000_000, {"ETag": ANY, "ChecksumCRC32": ANY}).named("a"),
        put("b", b"b" * 10_000_000, {"ETag": ANY}),
        head("a", {"ContentLength": 10_000_000, "ETag": Of("a", "ETag"), "ChecksumCRC32": ABSENT, **BINARY}),
    ],
    "test_etag_on_get_object_call": [
        put("k", b"Lorem ipsum dolor sit amet, ... " * 30),
        get("k", {"ETag": MD5_LOREM, "ContentLength": 960}),
        get(
            "k",
            {"Body": b"Lorem ipsum dolor", "ContentRange": "bytes 0-16/960", "ETag": MD5_LOREM},
            206,
            Range="bytes=0-16",
        ),
    ],
    "test_range_header_body_length": [
        put("k", bytes(2048)).named("put"),
        get(
            "k",
            {
                "ContentLength": 1024,
                "ContentRange": "bytes 0-1023/2048",
                "ETag": Of("put", "ETag"),
                "ChecksumCRC32": ABSENT,
            },
            206,
            Range="bytes=0-1023",
        ),
        get("k", {"ContentLength": 1024, "ContentRange": "bytes 1024-2047/2048"}, 206, Range="bytes=1024-2048"),
    ],
    "test_invalid_range_error": [
        put("k", b"t" * 8),
        fail(
            "get_object",
            {"Key": "k", "Range": "bytes=1024-4096"},
            416,
            "InvalidRange",
            {
                "ActualObjectSize": "8",
                "RangeRequested": "bytes=1024-4096",
                "Message": "The requested range is not satisfiable",
            },
        ),
    ],
    "test_range_key_not_exists": [
        fail("get_object", {"Key": "k", "Range": "bytes=1024-4096"}, 404, "NoSuchKey", {**NOT_THERE, "Key": "k"}),
    ],
    "test_precondition_failed_error": [
        put("k", b"data"),
        fail(
            "get_object",
            {"Key": "k", "IfMatch": '"not good etag"'},
            412,
            "PreconditionFailed",
            {**CONDITION, "Condition": "If-Match"},
        ),
    ],
    "test_s3_get_object_headers": [
        put("k", b"data").named("put"),
        fail("get_object", {"Key": "k", "IfNoneMatch": MD5_DATA}, 304, "304", {"Message": "Not Modified"}),
        fail("get_object", {"Key": "k", "IfNoneMatch": MD5_DATA.strip('"')}, 304, "304"),
        get("k", {}, 200, IfNoneMatch='"etag"'),
        get("k", {}, 200, IfMatch=MD5_DATA),
        get("k", {}, 200, IfMatch=MD5_DATA.strip('"')),
        fail("get_object", {"Key": "k", "IfMatch": '"etag"'}, 412, "PreconditionFailed", {"Condition": "If-Match"}),
    ],
    "test_head_object_fields": [
        put("k", b"abcdefgh"),
        head("k", {**BINARY, "ContentLength": 8, "ETag": '"e8dc4081b13434b45189a720b77b6818"', "VersionId": ABSENT}),
        fail("head_object", {"Key": "absent"}, 404, "404", {"Message": "Not Found"}),
    ],
}

BUCKETS = {
    "test_bucket_availability": [
        fail("get_bucket_lifecycle_configuration", {"Bucket": "<absent>"}, 404, "NoSuchBucket", NO_BUCKET),
        fail("get_bucket_replication", {"Bucket": "<absent>"}, 404, "NoSuchBucket", NO_BUCKET),
    ],
    "test_bucket_exists": [
        call(
            "get_bucket_acl",
            {},
            {"Grants": [{"Grantee": {"Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}]},
        ),
        fail("get_bucket_acl", {"Bucket": "<absent>"}, 404, "NoSuchBucket", NO_BUCKET),
    ],
    "test_bucket_does_not_exist": [
        fail("list_objects", {"Bucket": "<absent>"}, 404, "NoSuchBucket", NO_BUCKET),
    ],
    "test_get_object_no_such_bucket": [
        fail("get_object", {"Bucket": "<absent>", "Key": "k"}, 404, "NoSuchBucket", NO_BUCKET),
    ],
    "test_delete_bucket_no_such_bucket": [
        fail("delete_bucket", {"Bucket": "<absent>"}, 404, "NoSuchBucket", NO_BUCKET),
    ],
    "test_get_bucket_notification_configuration_no_such_bucket": [
        fail("get_bucket_notification_configuration", {"Bucket": "<absent>"}, 404, "NoSuchBucket", NO_BUCKET),
    ],
    "test_delete_bucket_with_content": [
        put("test-key-0", b"test-0"),
        put("test-key-1", b"test-1"),
        call(
            "list_objects",
            {},
            {
                "Contents": [
                    {"Key": "test-key-0", "ETag": '"86639701cdcc5b39438a5f009bd74cb1"', "Owner": {"ID": ANY}},
                    {"Key": "test-key-1", "ETag": '"70a37754eb5a2e7db8cd887aaf11cda7"', "StorageClass": "STANDARD"},
                ]
            },
        ),
        fail("delete_bucket", {}, 409, "BucketNotEmpty", {"BucketName": "<bucket>"}),
    ],
    "test_region_header_exists_outside_us_east_1": [
        call("head_bucket", {}, {"BucketRegion": "<region>"}),
        call(
            "list_objects_v2",
            {},
            {"KeyCount": 0, "Prefix": "", "MaxKeys": 1000, "IsTruncated": False, "Contents": ABSENT},
        ),
    ],
    "test_bucket_constraint_aws_global[us-east-1]": [
        fail(
            "create_bucket",
            {"Bucket": "<absent>", "CreateBucketConfiguration": {"LocationConstraint": "aws-global"}},
            400,
            "InvalidLocationConstraint",
            {"LocationConstraint": "aws-global", "Message": "The specified location-constraint is not valid"},
        ),
    ],
    "test_get_object_lock_configuration_exc": [
        fail(
            "get_object_lock_configuration",
            {},
            404,
            "ObjectLockConfigurationNotFoundError",
            {"BucketName": "<bucket>", "Message": "Object Lock configuration does not exist for this bucket"},
        ),
        fail("get_object_lock_configuration", {"Bucket": "<absent>"}, 404, "NoSuchBucket", NO_BUCKET),
    ],
    "test_list_buckets_by_prefix_with_case_sensitivity": [
        call("list_buckets", {"Prefix": "<BUCKET>"}, {"Buckets": [], "Prefix": "<BUCKET>"}),
        call("list_buckets", {"Prefix": "<bucket>"}, {"Buckets": [{"Name": "<bucket>", "BucketRegion": "<region>"}]}),
    ],
    "test_list_buckets_by_bucket_region": [
        call("list_buckets", {"Prefix": "<bucket>", "BucketRegion": "eu-south-1"}, {"Buckets": []}),
        call("list_buckets", {"Prefix": "<bucket>", "BucketRegion": "<region>"}, {"Buckets": [{"Name": "<bucket>"}]}),
    ],
}

VERSIONS = {
    "test_get_object_after_deleted_in_versioned_bucket": [
        VERSIONED,
        put("my-key", b"abcdefgh").named("put"),
        get("my-key", {**crc32("ru8qUA=="), "Body": b"abcdefgh", "VersionId": Of("put", "VersionId")}),
        call("delete_object", {"Key": "my-key"}, {"DeleteMarker": True, "VersionId": ANY}, 204),
        fail("get_object", {"Key": "my-key"}, 404, "NoSuchKey", {**NOT_THERE, "Key": "my-key"}),
    ],
    "test_object_version_id_format": [
        VERSIONED,
        put("k", b"", {**crc32("AAAAAA=="), "VersionId": ANY, "ETag": '"d41d8cd98f00b204e9800998ecf8427e"'}),
    ],
    "test_get_bucket_versioning_order": [
        call("list_object_versions", {}, {"Versions": ABSENT, "KeyMarker": "", "VersionIdMarker": "", "Prefix": ""}),
        VERSIONED,
        call("get_bucket_versioning", {}, {"Status": "Enabled", "MFADelete": ABSENT}),
        put("test", b"body").named("1"),
        put("test", b"body").named("2"),
        put("test2", b"body").named("3"),
        call(
            "list_object_versions",
            {},
            {
                "Versions": [
                    {"Key": "test", "IsLatest": True, "VersionId": Of("2", "VersionId"), "StorageClass": "STANDARD"},
                    {"Key": "test", "IsLatest": False, "VersionId": Of("1", "VersionId"), "Owner": {"ID": ANY}},
                    {"Key": "test2", "IsLatest": True, "VersionId": Of("3", "VersionId"), "Size": 4},
                ],
                "DeleteMarkers": ABSENT,
                "IsTruncated": False,
            },
        ),
    ],
    "test_s3_delete_object_with_version_id": [
        VERSIONED,
        put("aws/s3/testkey1.txt", b"x" * 960).named("1"),
        put("aws/s3/testkey2.txt", b"x" * 960).named("2"),
        call(
            "delete_objects",
            {"Delete": {"Objects": [{"Key": "aws/s3/testkey1.txt", "VersionId": Of("1", "VersionId")}]}},
            {"Deleted": [{"Key": "aws/s3/testkey1.txt", "VersionId": Of("1", "VersionId"), "DeleteMarker": ABSENT}]},
        ),
        call(
            "list_object_versions",
            {},
            {"Versions": [{"Key": "aws/s3/testkey2.txt", "IsLatest": True, "VersionId": Of("2", "VersionId")}]},
        ),
        SUSPENDED,
        call("get_bucket_versioning", {}, {"Status": "Suspended"}),
    ],
    "test_s3_put_object_versioned": [
        put("plain", b"non-versioned-key", {**crc32("uQZ0CQ=="), "VersionId": ABSENT}),
        get("plain", {"VersionId": ABSENT, "ETag": '"e1474add07e050008472599be0883b17"'}),
        call("list_object_versions", {}, {"Versions": [{"Key": "plain", "VersionId": "null", "IsLatest": True}]}),
        VERSIONED,
        get("plain", {"VersionId": "null", "Body": b"non-versioned-key"}),
        put("versioned", b"versioned-key", crc32("LyTTBg==")).named("1"),
        put("versioned", b"versioned-key-updated", crc32("304OzQ==")).named("2"),
        get("versioned", {"VersionId": Of("2", "VersionId"), "ETag": '"a26fe9d9854f719b8865291904326b58"'}),
        SUSPENDED,
        call(
            "list_object_versions",
            {},
            {
                "Versions": [
                    {"Key": "plain", "VersionId": "null", "IsLatest": True},
                    {"Key": "versioned", "VersionId": Of("2", "VersionId"), "IsLatest": True},
                    {"Key": "versioned", "VersionId": Of("1", "VersionId"), "IsLatest": False},
                ]
            },
        ),
        get("versioned", {"VersionId": Of("2", "VersionId")}),
        put("plain", b"non-versioned-key-post", {**crc32("XHqTwA=="), "VersionId": ABSENT}),
        get("plain", {"VersionId": "null", "Body": b"non-versioned-key-post"}),
    ],
    "test_delete_keys_in_versioned_bucket": [
        VERSIONED,
        put("k", b"something").named("1"),
        put("k", b"something-v2").named("2"),
        call("list_objects_v2", {}, {"Contents": [{"Key": "k", "Size": 12}]}),
        call(
            "delete_objects",
            {"Delete": {"Objects": [{"Key": "k"}]}},
            {"Deleted": [{"Key": "k", "DeleteMarker": True, "DeleteMarkerVersionId": ANY, "VersionId": ABSENT}]},
        ),
        call("list_objects_v2", {}, {"KeyCount": 0}),
        call(
            "list_object_versions",
            {},
            {
                "DeleteMarkers": [{"Key": "k", "IsLatest": True, "Owner": {"ID": ANY}}],
                "Versions": [
                    {"VersionId": Of("2", "VersionId"), "IsLatest": False},
                    {"VersionId": Of("1", "VersionId"), "IsLatest": False},
                ],
            },
        ),
        call(
            "delete_objects",
            {
                "Delete": {
                    "Objects": [
                        {"Key": "k", "VersionId": Of("1", "VersionId")},
                        {"Key": "k", "VersionId": Of("2", "VersionId")},
                    ]
                }
            },
            {"Deleted": [{"VersionId": ANY, "DeleteMarker": ABSENT}, {"VersionId": ANY, "DeleteMarker": ABSENT}]},
        ),
        call("list_object_versions", {}, {"DeleteMarkers": [{"Key": "k"}], "Versions": ABSENT}).named("left"),
    ],
    "test_get_object_attributes_versioned": [
        VERSIONED,
        put("k", b"version").named("1"),
        put("k", b"version-2").named("2"),
        call(
            "get_object_attributes",
            {"Key": "k", "ObjectAttributes": ["StorageClass", "ETag", "ObjectSize", "ObjectParts", "Checksum"]},
            {
                "VersionId": Of("2", "VersionId"),
                "ObjectSize": 9,
                "StorageClass": "STANDARD",
                "ObjectParts": ABSENT,
                "Checksum": {"ChecksumType": "FULL_OBJECT", "ChecksumCRC32": Of("2", "ChecksumCRC32")},
            },
        ),
        call("delete_object", {"Key": "k"}, {"DeleteMarker": True}, 204),
        fail("get_object_attributes", {"Key": "k", "ObjectAttributes": ["ETag"]}, 404, "NoSuchKey", NOT_THERE),
        call(
            "get_object_attributes",
            {"Key": "k", "VersionId": Of("1", "VersionId"), "ObjectAttributes": ["ETag", "ObjectSize"]},
            {"VersionId": Of("1", "VersionId"), "ObjectSize": 7, "Checksum": ABSENT},
        ),
    ],
}

DELETES = {
    "test_delete_non_existing_keys": [
        put("dummy1", b"dummy"),
        put("dummy2", b"dummy"),
        call(
            "delete_objects",
            {"Delete": {"Objects": [{"Key": "dummy1"}, {"Key": "dummy2"}, {"Key": "test-key-nonexistent"}]}},
            {"Deleted": [{"Key": "dummy1"}, {"Key": "dummy2"}, {"Key": "test-key-nonexistent"}], "Errors": ABSENT},
        ),
    ],
    "test_delete_non_existing_keys_quiet": [
        put("dummy1", b"dummy"),
        call(
            "delete_objects",
            {"Delete": {"Quiet": True, "Objects": [{"Key": "dummy1"}, {"Key": "test-key-nonexistent"}]}},
            {"Deleted": ABSENT, "Errors": ABSENT},
        ),
    ],
    "test_delete_non_existing_keys_in_non_existing_bucket": [
        fail(
            "delete_objects",
            {"Bucket": "<absent>", "Delete": {"Objects": [{"Key": "dummy1"}]}},
            404,
            "NoSuchBucket",
            NO_BUCKET,
        ),
    ],
    "test_s3_batch_delete_objects": [
        *(put(f"k{number}", b"x") for number in range(5)),
        call(
            "delete_objects",
            {"Delete": {"Objects": [{"Key": f"k{number}"} for number in range(5)]}},
            {"Deleted": [{"Key": f"k{number}"} for number in range(5)]},
        ),
        call("list_objects", {}, {"Contents": ABSENT, "Marker": "", "MaxKeys": 1000, "IsTruncated": False}),
    ],
}
