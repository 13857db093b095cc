"""The recorded answers of AWS S3 (see aws_records.py) to copies, tagging and object lock."""

from aws_records import (
    ABSENT,
    ANY,
    CONDITION,
    DATA_CRC32,
    FAR_OFF,
    LATER,
    LOCKED_OUT,
    LONG_AGO,
    MD5_DATA,
    MD5_SOMETHING,
    MD5_TEST,
    NOT_THERE,
    TEST_CRC32,
    VERSIONED,
    Of,
    call,
    copy,
    crc32,
    fail,
    get,
    head,
    put,
    tags,
)
from harness.checksums import checksum

IF_MATCH = {"Condition": "If-Match"}
LOCKED_BUCKET = "the bucket is made with object lock"
ILLEGAL_COPY = {
    "Message": "This copy request is illegal because it is trying to copy an object to itself without "
    "changing the object's metadata, storage class, website redirect location or encryption attributes."
}
BODY = b'{"test": "data"}'
ALL_CHECKSUMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")


def source(key, **params):
    return {"Key": key, "CopySource": "<bucket>/source", **params}


def default_checksum(algorithm):
    """A copy has the checksum of its source when none is asked for."""
    field = f"Checksum{algorithm}"
    same = {field: Of("put", field), "ChecksumType": "FULL_OBJECT"}
    attributes = {"ObjectAttributes": ["Checksum"]}
    return [
        put("source", BODY, {field: checksum(algorithm, BODY)}, **{field: checksum(algorithm, BODY)}).named("put"),
        call("get_object_attributes", {"Key": "source", **attributes}, {"Checksum": same}),
        copy("source", "source", {"CopyObjectResult": same}, MetadataDirective="REPLACE", Metadata={"a": "b"}),
        call("get_object_attributes", {"Key": "source", **attributes}, {"Checksum": same}),
        copy("target", "source", {"CopyObjectResult": same}),
        call("get_object_attributes", {"Key": "target", **attributes}, {"Checksum": same}),
    ]


def tagging_directive(directive, copied, copied_without_tags):
    """Tags of a copy: those of the source unless REPLACE says otherwise."""
    chosen = {"TaggingDirective": directive} if directive else {}
    return [
        put("source", b"test", TEST_CRC32, Tagging="key1=value1"),
        call("get_object_tagging", {"Key": "source"}, tags(("key1", "value1"))),
        copy("a", "source", {"CopyObjectResult": TEST_CRC32}, Tagging="key2=value2", **chosen),
        call("get_object_tagging", {"Key": "a"}, tags(*copied)),
        copy("b", "source", {"CopyObjectResult": TEST_CRC32}, **chosen),
        call("get_object_tagging", {"Key": "b"}, tags(*copied_without_tags)),
    ]


COPIES = {
    "test_s3_copy_md5": [
        put("source", b"something"),
        copy("copied", "source", {"CopyObjectResult": {**crc32("Cdox+w=="), "ETag": MD5_SOMETHING}}),
        get("copied", {"ETag": MD5_SOMETHING}),
    ],
    "test_copy_object_if_match": [
        put("source", b"source"),
        put("k", b"data"),
        copy("k", "source", {"CopyObjectResult": {"ETag": ANY}}, IfMatch=MD5_DATA),
        fail("copy_object", source("k", IfMatch='"0"'), 412, "PreconditionFailed", {**CONDITION, **IF_MATCH}),
        fail("copy_object", source("absent", IfMatch=MD5_DATA), 404, "NoSuchKey", {**NOT_THERE, "Key": "absent"}),
    ],
    "test_copy_object_if_match_versioned_bucket": [
        VERSIONED,
        put("source", b"source", {"VersionId": ANY}).named("source"),
        put("k", b"data").named("1"),
        fail("copy_object", source("k", IfMatch='"0"'), 412, "PreconditionFailed", IF_MATCH),
        call("delete_object", {"Key": "k"}, {"DeleteMarker": True}, 204).named("gone"),
        fail("copy_object", source("k", IfMatch=MD5_DATA), 404, "NoSuchKey", {**NOT_THERE, "Key": "k"}),
        put("k", b"data").named("2"),
        copy(
            "k",
            "source",
            {"CopySourceVersionId": Of("source", "VersionId"), "VersionId": ANY},
            IfMatch=MD5_DATA,
        ).named("3"),
        call(
            "list_object_versions",
            {"Prefix": "k"},
            {
                "Versions": [
                    {"VersionId": Of("3", "VersionId"), "IsLatest": True},
                    {"VersionId": Of("2", "VersionId"), "IsLatest": False},
                    {"VersionId": Of("1", "VersionId"), "IsLatest": False},
                ],
                "DeleteMarkers": [{"VersionId": Of("gone", "VersionId"), "IsLatest": False}],
            },
        ),
    ],
    "test_copy_object_if_match_in_place": [
        put("k", b"data"),
        copy(
            "k",
            "k",
            {"CopyObjectResult": {**DATA_CRC32, "ETag": MD5_DATA}},
            IfMatch=MD5_DATA,
            MetadataDirective="REPLACE",
            Metadata={"a": "b"},
        ),
    ],
    "test_s3_copy_object_if_source_modified_since_versioned": [
        VERSIONED,
        put("source", b"data").named("put"),
        head("source", {"VersionId": Of("put", "VersionId")}).named("head"),
        copy(
            "k",
            "source",
            {"CopyObjectResult": {**DATA_CRC32, "ETag": MD5_DATA}, "CopySourceVersionId": Of("put", "VersionId")},
            CopySourceIfModifiedSince=LONG_AGO,
        ),
        fail(
            "copy_object",
            source("k", CopySourceIfModifiedSince=Of("head", "LastModified")),
            412,
            "PreconditionFailed",
            {**CONDITION, "Condition": "x-amz-copy-source-If-Modified-Since"},
        ),
    ],
    "test_s3_copy_object_if_source_unmodified_since_versioned": [
        VERSIONED,
        put("source", b"data").named("put"),
        head("source").named("head"),
        copy(
            "k",
            "source",
            {"CopySourceVersionId": Of("put", "VersionId"), "VersionId": ANY},
            CopySourceIfUnmodifiedSince=Of("head", "LastModified"),
        ),
        fail(
            "copy_object",
            source("k", CopySourceIfUnmodifiedSince=LONG_AGO),
            412,
            "PreconditionFailed",
            {**CONDITION, "Condition": "x-amz-copy-source-If-Unmodified-Since"},
        ),
    ],
    "test_s3_copy_metadata_replace": [
        put("source", b"test", Metadata={"key": "value"}, ContentType="application/json", ContentLanguage="en-US"),
        head("source", {"Metadata": {"key": "value"}, "ContentLanguage": "en-US"}),
        copy(
            "k",
            "source",
            {"CopyObjectResult": {"ETag": MD5_TEST}},
            Metadata={"another-key": "value"},
            ContentType="image/jpg",
            MetadataDirective="REPLACE",
        ),
        head("k", {"ContentType": "image/jpg", "ContentLanguage": ABSENT}),
        head("k", {"Metadata": {"another-key": "value", "key": ABSENT}}),
    ],
    "test_s3_copy_metadata_directive_copy": [
        put("source", b"test", Metadata={"key": "value"}, ContentLanguage="en-US"),
        copy(
            "k",
            "source",
            {"CopyObjectResult": TEST_CRC32},
            Metadata={"another-key": "value"},
            ContentLanguage="en-GB",
            MetadataDirective="COPY",
        ),
        head("k", {"Metadata": {"key": "value", "another-key": ABSENT}, "ContentLanguage": "en-US"}),
    ],
    "test_s3_copy_content_type_and_metadata": [
        put("source", b"test", Metadata={"key": "value"}, ContentType="application/json"),
        copy("k", "source"),
        head("k", {"ContentType": "application/json", "Metadata": {"key": "value"}}),
        copy("k", "source", Metadata={"another-key": "value"}, ContentType="image/jpg"),
        head("k", {"ContentType": "application/json", "Metadata": {"key": "value", "another-key": ABSENT}}),
    ],
    "test_s3_copy_object_in_place": [
        put("source", b"test"),
        fail("copy_object", source("source"), 400, "InvalidRequest", ILLEGAL_COPY),
        fail("copy_object", source("source", Metadata={"a": "b"}), 400, "InvalidRequest", ILLEGAL_COPY),
        copy("source", "source", {}, Metadata={"a": "b"}, MetadataDirective="REPLACE"),
        head("source", {"Metadata": {"a": "b"}}),
    ],
    "test_s3_copy_object_in_place_website_redirect_location": [
        put("source", b"test", TEST_CRC32, WebsiteRedirectLocation="/test/direct"),
        head("source", {"WebsiteRedirectLocation": "/test/direct"}),
        copy("source", "source", {"CopyObjectResult": {"ETag": MD5_TEST}}, WebsiteRedirectLocation="/test/direct"),
        head("source", {"WebsiteRedirectLocation": "/test/direct"}),
    ],
    "test_s3_copy_object_src_not_exists": [
        fail(
            "copy_object",
            {"Key": "k", "CopySource": "<absent>/source"},
            404,
            "NoSuchBucket",
            {"BucketName": "<absent>", "Message": "The specified bucket does not exist"},
        ),
        fail("copy_object", source("k"), 404, "NoSuchKey", {**NOT_THERE, "Key": "source"}),
        VERSIONED,
        put("source", b"").named("put"),
        call("delete_object", {"Key": "source"}, {"DeleteMarker": True}, 204).named("gone"),
        fail("copy_object", source("k"), 404, "NoSuchKey", {**NOT_THERE, "Key": "source"}),
        fail(
            "copy_object",
            {"Key": "k", "CopySource": {"Bucket": "<bucket>", "Key": "source", "VersionId": Of("gone", "VersionId")}},
            400,
            "InvalidRequest",
            {"Message": "The source of a copy request may not specifically refer to a delete marker by version id."},
        ),
        call(
            "copy_object",
            {"Key": "k", "CopySource": {"Bucket": "<bucket>", "Key": "source", "VersionId": Of("put", "VersionId")}},
            {"CopySourceVersionId": Of("put", "VersionId"), "VersionId": ANY},
        ),
    ],
    "test_s3_copy_object_wrong_format": [
        fail(
            "copy_object",
            {"Key": "k", "CopySource": "wrongformat"},
            400,
            "InvalidArgument",
            {
                "ArgumentName": "x-amz-copy-source",
                "ArgumentValue": "x-amz-copy-source",
                "Message": "Invalid copy source object key",
            },
        ),
    ],
    **{f"test_s3_copy_object_with_default_checksum[{name}]": default_checksum(name) for name in ALL_CHECKSUMS},
    "test_s3_copy_tagging_directive[COPY]": tagging_directive("COPY", [("key1", "value1")], [("key1", "value1")]),
    "test_s3_copy_tagging_directive[REPLACE]": tagging_directive("REPLACE", [("key2", "value2")], []),
    "test_s3_copy_tagging_directive[None]": tagging_directive(None, [("key1", "value1")], [("key1", "value1")]),
}


TAGGING = {
    "test_put_object_with_tags": [
        put("k", b"test-tagging", crc32("lpqTBg=="), Tagging="tag=&tag1=tag1&tag2=tag2"),
        call("get_object_tagging", {"Key": "k"}, tags(("tag", ""), ("tag1", "tag1"), ("tag2", "tag2"))),
        call("put_object_tagging", {"Key": "k", "Tagging": tags(("tag3", "tag3"))}),
        call("get_object_tagging", {"Key": "k"}, tags(("tag3", "tag3"))),
        head("k", {"TagCount": 1}),
        get("k", {"TagCount": 1, "Body": b"test-tagging"}),
    ],
    "test_head_object_with_tags": [
        put("k", b"test-tagging", Tagging="tag=&tag1=tag1&tag2=tag2"),
        head("k", {"TagCount": 3}),
        call("put_object_tagging", {"Key": "k", "Tagging": tags(("tag3", "tag3"))}),
        head("k", {"TagCount": 1}),
        put("k", b"test-tagging", Tagging="tag=&tag1=tag1&tag2=tag2"),
        head("k", {"TagCount": 3}),
        call("delete_object_tagging", {"Key": "k"}, {}, 204),
        head("k", {"TagCount": ABSENT}),
    ],
    "test_object_tags_delete_or_overwrite_object": [
        put("k", b"", Tagging="tag1=val1"),
        call("get_object_tagging", {"Key": "k"}, tags(("tag1", "val1"))),
        put("k", b""),
        call("get_object_tagging", {"Key": "k"}, tags()),
        call("delete_object", {"Key": "k"}, {}, 204),
        put("k", b""),
        call("get_object_tagging", {"Key": "k"}, tags()),
    ],
    "test_put_object_tagging_empty_list": [
        put("k", b"", Tagging="tag1=val1"),
        call("put_object_tagging", {"Key": "k", "Tagging": {"TagSet": []}}),
        call("get_object_tagging", {"Key": "k"}, tags()),
    ],
    "test_delete_object_tagging": [
        put("k", b"something", {"ETag": MD5_SOMETHING, **crc32("Cdox+w==")}),
        call("delete_object_tagging", {"Key": "k"}, {}, 204),
        get("k", {"Body": b"something", "TagCount": ABSENT}),
    ],
}

LOCKS = {
    "test_object_lock_extend_duration": [
        LOCKED_BUCKET,
        put("k", b"test", {"VersionId": ANY}, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=FAR_OFF),
        head("k", {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": FAR_OFF}),
        call(
            "put_object_retention",
            {"Key": "k", "Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": LATER}},
        ),
        head("k", {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": LATER}),
        fail(
            "put_object_retention",
            {"Key": "k", "Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": FAR_OFF}},
            403,
            "AccessDenied",
            LOCKED_OUT,
        ),
    ],
    "test_put_get_object_legal_hold": [
        LOCKED_BUCKET,
        put("k", b"test", {**TEST_CRC32, "VersionId": ANY}),
        fail(
            "get_object_legal_hold",
            {"Key": "k"},
            404,
            "NoSuchObjectLockConfiguration",
            {"Message": "The specified object does not have a ObjectLock configuration"},
        ),
        call("put_object_legal_hold", {"Key": "k", "LegalHold": {"Status": "ON"}}),
        head("k", {"ObjectLockLegalHoldStatus": "ON", "ObjectLockMode": ABSENT}),
        call("get_object_legal_hold", {"Key": "k"}, {"LegalHold": {"Status": "ON"}}),
        call("put_object_legal_hold", {"Key": "k", "LegalHold": {"Status": "OFF"}}),
    ],
    "test_s3_copy_object_legal_hold": [
        LOCKED_BUCKET,
        put("source", b"test", ObjectLockLegalHoldStatus="ON").named("put"),
        head("source", {"ObjectLockLegalHoldStatus": "ON"}),
        copy("k", "source", {"CopySourceVersionId": Of("put", "VersionId"), "VersionId": ANY}),
        head("k", {"ObjectLockLegalHoldStatus": ABSENT}),
        call("put_object_legal_hold", {"Key": "source", "LegalHold": {"Status": "OFF"}}),
    ],
    "test_delete_locked_object": [
        LOCKED_BUCKET,
        put("k", b"test", ObjectLockLegalHoldStatus="ON").named("put"),
        fail("delete_object", {"Key": "k", "VersionId": Of("put", "VersionId")}, 403, "AccessDenied", LOCKED_OUT),
        call(
            "delete_objects",
            {"Delete": {"Objects": [{"Key": "k", "VersionId": Of("put", "VersionId")}]}},
            {"Errors": [{"Code": "AccessDenied", "Key": "k", **LOCKED_OUT}], "Deleted": ABSENT},
        ),
        call("put_object_legal_hold", {"Key": "k", "LegalHold": {"Status": "OFF"}}),
        call("delete_object", {"Key": "k", "VersionId": Of("put", "VersionId")}, {}, 204),
    ],
}
