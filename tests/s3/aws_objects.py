"""The recorded answers of AWS S3 (see aws_records.py) to longer lives of one object or bucket:
ranges, versions and their markers, tags."""

from aws_copies import LOCKED_BUCKET
from aws_records import (
    ABSENT,
    ANY,
    CONDITION,
    FAR_OFF,
    NO_BUCKET,
    NOT_THERE,
    SUSPENDED,
    VERSIONED,
    Of,
    call,
    crc32,
    fail,
    get,
    put,
    tags,
)


def tagged(*pairs):
    """Parameters of a create_bucket with tags."""
    return {**NEW, "CreateBucketConfiguration": {"Tags": tags(*pairs)["TagSet"]}}


def make(expected, *pairs):
    return call("create_bucket", tagged(*pairs), expected)


DIGITS = b"0123456789"
DIGITS_CRC32 = crc32("poTHxg==")
TAGGED = [tags(("tag1", "tag1"), ("tag2", "")), tags(("tag3", "tag3"))]
NEW = {"Bucket": "<absent>"}
MADE = {"Location": "/<absent>", "BucketArn": "arn:aws:s3:::<absent>"}
OWNED = {"Message": "Your previous request to create the named bucket succeeded and you already own it."}
MALFORMED = {
    "Message": "The XML you provided was not well-formed or did not validate against our published schema"
}
NOT_ALLOWED = {
    "Message": "The specified method is not allowed against this resource.",
    "ResourceType": "DeleteMarker",
}
TAG_HEADER = {
    "ArgumentName": "x-amz-tagging",
    "Message": "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters "
    "without tag name duplicates.",
}


def ranged(value, first, last):
    """A part of the ten digits; a checksum is told only when it is all of them."""
    told = DIGITS_CRC32 if (first, last) == (0, 9) else {"ChecksumCRC32": ABSENT}
    facts = {"Body": DIGITS[first : last + 1], "ContentRange": f"bytes {first}-{last}/10", **told}
    return get("k", facts, 206, Range=value)


def whole(value):
    """A range that is none is ignored."""
    return get("k", {"Body": DIGITS, "ContentRange": ABSENT, **DIGITS_CRC32}, 200, Range=value)


def outside(value):
    facts = {"ActualObjectSize": "10", "RangeRequested": value, "Message": "The requested range is not satisfiable"}
    return fail("get_object", {"Key": "k", "Range": value}, 416, "InvalidRange", facts)


def versioning(status, code=None, expected=None, bucket="<bucket>"):
    params = {"Bucket": bucket, "VersioningConfiguration": {"Status": status} if status else {}}
    if code is None:
        return call("put_bucket_versioning", params)
    return fail("put_bucket_versioning", params, 404 if code == "NoSuchBucket" else 400, code, expected)


def of_marker(operation, method, **params):
    return fail(operation, {"Key": "k", **params}, 405, "MethodNotAllowed", {**NOT_ALLOWED, "Method": method})


def tagging_of_markers(**version):
    return [
        of_marker("put_object_tagging", "PUT", Tagging=TAGGED[0], **version),
        of_marker("get_object_tagging", "GET", **version),
        of_marker("delete_object_tagging", "DELETE", **version),
    ]


LIVES = {
    "test_get_object_range": [
        put("k", DIGITS, DIGITS_CRC32),
        ranged("bytes=0-8", 0, 8),
        ranged("bytes=1-1", 1, 1),
        whole("bytes=1-0"),
        ranged("bytes=1-", 1, 9),
        whole("bytes=-1-"),
        ranged("bytes=-2", 8, 9),
        ranged("bytes=-9", 1, 9),
        ranged("bytes=-15", 0, 9),
        ranged("bytes=0-100", 0, 9),
        ranged("bytes=0-0", 0, 0),
        whole("bytes=0--1"),
        whole("bytes=0-1,3-4,7-9"),
        whole("0-8"),
        whole("bytes=-"),
        outside("bytes=-0"),
        outside("bytes=100-200"),
    ],
    "test_put_object_if_none_match": [
        put("k", b"", {**crc32("AAAAAA=="), "ETag": '"d41d8cd98f00b204e9800998ecf8427e"'}, IfNoneMatch="*"),
        fail(
            "put_object",
            {"Key": "k", "IfNoneMatch": "*"},
            412,
            "PreconditionFailed",
            {**CONDITION, "Condition": "If-None-Match"},
        ),
        call("delete_object", {"Key": "k"}, {"DeleteMarker": ABSENT, "VersionId": ABSENT}, 204),
        put("k", b"", {"ETag": ANY}, IfNoneMatch="*"),
    ],
    "test_delete_object_versioned": [
        VERSIONED,
        put("k", b"test-delete", {**crc32("1jy6qw=="), "VersionId": ANY}).named("put"),
        call("delete_object", {"Key": "k"}, {"DeleteMarker": True, "VersionId": ANY}, 204).named("1"),
        fail("get_object", {"Key": "k"}, 404, "NoSuchKey", {**NOT_THERE, "Key": "k"}),
        get("k", {"VersionId": Of("put", "VersionId"), "Body": b"test-delete"}, VersionId=Of("put", "VersionId")),
        of_marker("get_object", "GET", VersionId=Of("1", "VersionId")),
        call("delete_object", {"Key": "k"}, {"DeleteMarker": True, "VersionId": ANY}, 204).named("2"),
        call(
            "list_object_versions",
            {"Prefix": "k"},
            {
                "DeleteMarkers": [
                    {"VersionId": Of("2", "VersionId"), "IsLatest": True},
                    {"VersionId": Of("1", "VersionId"), "IsLatest": False},
                ],
                "Versions": [{"VersionId": Of("put", "VersionId"), "IsLatest": False}],
            },
        ),
        call(
            "delete_object",
            {"Key": "k", "VersionId": Of("1", "VersionId")},
            {"DeleteMarker": True, "VersionId": Of("1", "VersionId")},
            204,
        ),
        call(
            "delete_object",
            {"Key": "k", "VersionId": Of("put", "VersionId")},
            {"DeleteMarker": ABSENT, "VersionId": Of("put", "VersionId")},
            204,
        ),
        fail(
            "get_object",
            {"Key": "k", "VersionId": Of("put", "VersionId")},
            404,
            "NoSuchVersion",
            {
                "Key": "k",
                "VersionId": Of("put", "VersionId"),
                "Message": "The specified version does not exist.",
            },
        ),
        fail(
            "delete_object",
            {"Key": "k", "VersionId": "badversion"},
            400,
            "InvalidArgument",
            {
                "ArgumentName": "versionId",
                "ArgumentValue": "badversion",
                "Message": "Invalid version id specified",
            },
        ),
        call("delete_object", {"Key": "never-there"}, {"DeleteMarker": True, "VersionId": ANY}, 204),
    ],
    "test_bucket_versioning_crud": [
        call("get_bucket_versioning", {}, {"Status": ABSENT}),
        SUSPENDED,
        call("get_bucket_versioning", {}, {"Status": "Suspended"}),
        versioning("enabled", "MalformedXML", MALFORMED),
        versioning("Enabled"),
        call("get_bucket_versioning", {}, {"Status": "Enabled"}),
        SUSPENDED,
        versioning("Disabled", "MalformedXML", MALFORMED),
        versioning(
            None,
            "IllegalVersioningConfigurationException",
            {"Message": "The Versioning element must be specified"},
        ),
        versioning("Suspended", "NoSuchBucket", NO_BUCKET, "<absent>"),
        fail("get_bucket_versioning", {"Bucket": "<absent>"}, 404, "NoSuchBucket", NO_BUCKET),
    ],
    "test_object_lock_delete_markers": [
        LOCKED_BUCKET,
        put("k", b"test", {"VersionId": ANY}, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=FAR_OFF),
        call("delete_object", {"Key": "k"}, {"DeleteMarker": True}, 204).named("gone"),
        of_marker(
            "put_object_retention",
            "PUT",
            VersionId=Of("gone", "VersionId"),
            Retention={"Mode": "GOVERNANCE", "RetainUntilDate": FAR_OFF},
        ),
        of_marker("get_object_retention", "GET", VersionId=Of("gone", "VersionId")),
        fail("head_object", {"Key": "k", "VersionId": Of("gone", "VersionId")}, 405, "405"),
    ],
    "test_object_tagging_crud": [
        put("k", b"test-tagging"),
        call("get_object_tagging", {"Key": "k"}, tags()),
        call("put_object_tagging", {"Key": "k", "Tagging": TAGGED[0]}),
        call("get_object_tagging", {"Key": "k"}, TAGGED[0]),
        call("put_object_tagging", {"Key": "k", "Tagging": TAGGED[1]}),
        call("get_object_tagging", {"Key": "k"}, TAGGED[1]),
        get("k", {"TagCount": 1, **crc32("lpqTBg==")}),
        call("delete_object_tagging", {"Key": "k"}, {}, 204),
        call("get_object_tagging", {"Key": "k"}, tags()),
        get("k", {"TagCount": ABSENT}),
    ],
    "test_object_tagging_versioned": [
        VERSIONED,
        put("k", b"test-0", crc32("XCKz9A=="), Tagging="test_tag=tagv1").named("0"),
        put("k", b"test-1", crc32("KyWDYg=="), Tagging="test_tag=tagv2").named("1"),
        call("put_object_tagging", {"Key": "k", "Tagging": TAGGED[1]}, {"VersionId": Of("1", "VersionId")}),
        call("get_object_tagging", {"Key": "k"}, {**TAGGED[1], "VersionId": Of("1", "VersionId")}),
        call(
            "get_object_tagging",
            {"Key": "k", "VersionId": Of("0", "VersionId")},
            {**tags(("test_tag", "tagv1")), "VersionId": Of("0", "VersionId")},
        ),
        call(
            "put_object_tagging",
            {"Key": "k", "VersionId": Of("0", "VersionId"), "Tagging": TAGGED[0]},
            {"VersionId": Of("0", "VersionId")},
        ),
        call("get_object_tagging", {"Key": "k", "VersionId": Of("0", "VersionId")}, TAGGED[0]),
        call("delete_object_tagging", {"Key": "k"}, {"VersionId": Of("1", "VersionId")}, 204),
        call("get_object_tagging", {"Key": "k"}, tags()),
        call("delete_object", {"Key": "k"}, {"DeleteMarker": True}, 204).named("gone"),
        *tagging_of_markers(VersionId=Of("gone", "VersionId")),
        *tagging_of_markers(),
    ],
    "test_object_tagging_exc": [
        *(
            fail(operation, {"Bucket": "<absent>", "Key": "k", **params}, 404, "NoSuchBucket", NO_BUCKET)
            for operation, params in (
                ("get_object_tagging", {}),
                ("delete_object_tagging", {}),
                ("put_object_tagging", {"Tagging": TAGGED[0]}),
            )
        ),
        fail("get_object_tagging", {"Key": "k"}, 404, "NoSuchKey", NOT_THERE),
        fail("delete_object_tagging", {"Key": "k"}, 404, "NoSuchKey", {**NOT_THERE, "Key": "k"}),
        fail("put_object_tagging", {"Key": "k", "Tagging": TAGGED[0]}, 404, "NoSuchKey", {**NOT_THERE, "Key": "k"}),
        *(
            fail(
                "put_object",
                {"Key": "k", "Tagging": value},
                400,
                "InvalidArgument",
                {**TAG_HEADER, "ArgumentValue": value},
            )
            for value in ("key1=val1&key1=val2", "key1=val1,key2=val2")
        ),
    ],
    "test_bucket_tagging_crud": [
        fail(
            "get_bucket_tagging",
            {},
            404,
            "NoSuchTagSet",
            {"BucketName": "<bucket>", "Message": "The TagSet does not exist"},
        ),
        call("put_bucket_tagging", {"Tagging": TAGGED[0]}, {}, 204),
        call("get_bucket_tagging", {}, TAGGED[0]),
        call("put_bucket_tagging", {"Tagging": TAGGED[1]}, {}, 204),
        call("get_bucket_tagging", {}, TAGGED[1]),
        call("delete_bucket_tagging", {}, {}, 204),
        call("put_bucket_tagging", {"Tagging": {"TagSet": []}}, {}, 204),
    ],
    "test_bucket_tagging_exc": [
        fail("get_bucket_tagging", {"Bucket": "<absent>"}, 404, "NoSuchBucket", NO_BUCKET),
        fail("delete_bucket_tagging", {"Bucket": "<absent>"}, 404, "NoSuchBucket", NO_BUCKET),
        fail("put_bucket_tagging", {"Bucket": "<absent>", "Tagging": TAGGED[0]}, 404, "NoSuchBucket", NO_BUCKET),
    ],
    "test_create_bucket_with_tags": [
        make(MADE, ("tag1", "value1")),
        call("get_bucket_tagging", NEW, tags(("tag1", "value1"))),
        call("delete_bucket", NEW, {}, 204),
    ],
    "test_create_bucket_with_tags_us_east_1_idempotency": [
        make(MADE, ("tag1", "value1")),
        call("get_bucket_tagging", NEW, tags(("tag1", "value1"))),
        fail("create_bucket", tagged(("tag2", "value2")), 409, "BucketAlreadyOwnedByYou", OWNED),
        call("create_bucket", NEW, MADE),
        call("get_bucket_tagging", NEW, tags(("tag1", "value1"))),
        fail("create_bucket", tagged(("tag1", "value1")), 409, "BucketAlreadyOwnedByYou", OWNED),
        make(MADE),
        call("get_bucket_tagging", NEW, tags(("tag1", "value1"))),
        call("delete_bucket", NEW, {}, 204),
    ],
    "test_create_bucket_with_tags_exc": [
        fail(
            "create_bucket",
            tagged(("aws:a", "value1")),
            400,
            "InvalidTag",
            {
                "Message": "User-defined tag keys can't start with \"aws:\". This prefix is reserved for "
                'system tags. Remove "aws:" from your tag keys and try again.'
            },
        ),
        fail(
            "create_bucket",
            tagged(("test", "value1,value2")),
            400,
            "InvalidTag",
            {"Message": "The TagValue you have provided is invalid", "TagKey": "test", "TagValue": "value1,value2"},
        ),
        fail(
            "create_bucket",
            tagged(("test,test2", "value1")),
            400,
            "InvalidTag",
            {"Message": "The TagKey you have provided is invalid", "TagKey": "test,test2"},
        ),
        fail("head_bucket", NEW, 404, "404"),
    ],
    "test_create_bucket_with_empty_tags": [
        make(MADE),
        fail("get_bucket_tagging", NEW, 404, "NoSuchTagSet", {"Message": "The TagSet does not exist"}),
        call("create_bucket", NEW, MADE),
        call("delete_bucket", NEW, {}, 204),
    ],
}
