"""The recorded answers of AWS S3 (see aws_records.py) to multipart uploads and lists."""

from aws_records import (
    ABSENT,
    ANY,
    CONDITION,
    MD5_DATA,
    NO_UPLOAD,
    Of,
    call,
    copy,
    crc32,
    fail,
    get,
    head,
    listed,
    put,
)

MIB = 1 << 20
TOO_FEW = {"Message": "You must specify at least one part"}
INVALID_PART = {
    "Message": "One or more of the specified parts could not be found.  The part may not have been "
    "uploaded, or the specified entity tag may not match the part's entity tag."
}


def create(key="k", **params):
    return call("create_multipart_upload", {"Key": key, **params}, {"Bucket": "<bucket>", "Key": key}).named("upload")


def part(number, body, key="k", **params):
    where = {"Key": key, "UploadId": Of("upload", "UploadId")}
    return call("upload_part", {**where, "PartNumber": number, "Body": body, **params}).named(f"part{number}")


def of_upload(key="k", **params):
    return {"Key": key, "UploadId": Of("upload", "UploadId"), **params}


def parts(*numbers, **wrong):
    chosen = [{"PartNumber": number, "ETag": Of(f"part{number}", "ETag"), **wrong} for number in numbers]
    return {"MultipartUpload": {"Parts": chosen}}


MULTIPART = {
    "test_multipart_copy_object_etag": [
        create(),
        part(1, b"test content 123"),
        call(
            "complete_multipart_upload",
            of_upload(**parts(1)),
            {
                "ETag": '"b972025bc34adf8d76d6d51e93c035cc-1"',
                "ChecksumCRC64NVME": "BsLNlKumA5I=",
                "ChecksumType": "FULL_OBJECT",
            },
        ),
        copy(
            "copied",
            "k",
            {"CopyObjectResult": {"ETag": '"eee506dd7ada7ded524c77e359a0e7c6"', "ChecksumCRC64NVME": "BsLNlKumA5I="}},
        ),
        copy(
            "k",
            "k",
            {"CopyObjectResult": {"ETag": '"eee506dd7ada7ded524c77e359a0e7c6"', "ChecksumType": "FULL_OBJECT"}},
            MetadataDirective="REPLACE",
        ),
        head(
            "k",
            {"ETag": '"eee506dd7ada7ded524c77e359a0e7c6"', "ChecksumCRC64NVME": "BsLNlKumA5I=", "ContentLength": 16},
            ChecksumMode="ENABLED",
        ),
    ],
    "test_multipart_overwrite_key": [
        put("k", b"test content 123", {"ETag": '"eee506dd7ada7ded524c77e359a0e7c6"', **crc32("B18g1g==")}),
        create(),
        part(1, b"test content 123"),
        call("complete_multipart_upload", of_upload(**parts(1)), {"ETag": '"b972025bc34adf8d76d6d51e93c035cc-1"'}),
        get("k", {"Body": b"test content 123", "ETag": '"b972025bc34adf8d76d6d51e93c035cc-1"'}),
    ],
    "test_multipart_with_unicode_character_location": [
        create("test-unicode_—_file"),
        part(1, b"data", "test-unicode_—_file"),
        call(
            "complete_multipart_upload",
            of_upload("test-unicode_—_file", **parts(1)),
            {"Key": "test-unicode_—_file", "Location": "<endpoint>/<bucket>/test-unicode_%E2%80%94_file"},
        ),
    ],
    "test_multipart_no_such_upload": [
        fail(
            "upload_part",
            {"Key": "k", "UploadId": "fakeid", "PartNumber": 1, "Body": b"x"},
            404,
            "NoSuchUpload",
            {**NO_UPLOAD, "UploadId": "fakeid"},
        ),
        fail(
            "complete_multipart_upload",
            {"Key": "k", "UploadId": "fakeid", "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": MD5_DATA}]}},
            404,
            "NoSuchUpload",
            {**NO_UPLOAD, "UploadId": "fakeid"},
        ),
        fail("abort_multipart_upload", {"Key": "k", "UploadId": "fakeid"}, 404, "NoSuchUpload", NO_UPLOAD),
    ],
    "test_multipart_key_validation": [
        create(),
        part(1, b"data"),
        fail(
            "upload_part",
            of_upload("other", PartNumber=1, Body=b"x"),
            404,
            "NoSuchUpload",
            {**NO_UPLOAD, "UploadId": Of("upload", "UploadId")},
        ),
        fail("complete_multipart_upload", of_upload("other", **parts(1)), 404, "NoSuchUpload", NO_UPLOAD),
        fail("list_parts", of_upload("other"), 404, "NoSuchUpload", NO_UPLOAD),
        fail("abort_multipart_upload", of_upload("other"), 404, "NoSuchUpload", NO_UPLOAD),
    ],
    "test_multipart_complete_multipart_too_small": [
        create(),
        part(1, b"data"),
        part(2, b"data"),
        fail("complete_multipart_upload", of_upload(), 400, "InvalidRequest", TOO_FEW),
        fail(
            "complete_multipart_upload",
            of_upload(**parts(1, 2)),
            400,
            "EntityTooSmall",
            {
                "ETag": MD5_DATA.strip('"'),
                "Message": "Your proposed upload is smaller than the minimum allowed size",
                "MinSizeAllowed": "5242880",
                "PartNumber": "1",
                "ProposedSize": "4",
            },
        ),
    ],
    "test_multipart_complete_multipart_wrong_part": [
        create(),
        part(1, b"data"),
        fail(
            "complete_multipart_upload",
            of_upload(MultipartUpload={"Parts": [{"PartNumber": 2, "ETag": MD5_DATA}]}),
            400,
            "InvalidPart",
            {**INVALID_PART, "PartNumber": "2", "ETag": MD5_DATA.strip('"'), "UploadId": Of("upload", "UploadId")},
        ),
        fail(
            "complete_multipart_upload",
            of_upload(MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": "d41d8cd98f00b204e9800998ecf8427e"}]}),
            400,
            "InvalidPart",
            {**INVALID_PART, "PartNumber": "1", "ETag": "d41d8cd98f00b204e9800998ecf8427e"},
        ),
    ],
    "test_complete_multipart_parts_order": [
        create(),
        fail(
            "upload_part",
            of_upload(PartNumber=-1, Body=b"x"),
            400,
            "InvalidArgument",
            {
                "ArgumentName": "partNumber",
                "ArgumentValue": "-1",
                "Message": "Part number must be an integer between 1 and 10000, inclusive",
            },
        ),
        *(part(number, bytes(5 * MIB)) for number in (2, 4)),
        fail(
            "complete_multipart_upload",
            of_upload(**parts(4, 2)),
            400,
            "InvalidPartOrder",
            {
                "Message": "The list of parts was not in ascending order. Parts must be ordered by part number.",
                "UploadId": Of("upload", "UploadId"),
            },
        ),
        call("complete_multipart_upload", of_upload(**parts(2, 4)), {"ETag": ANY, "ChecksumType": "FULL_OBJECT"}),
    ],
    "test_upload_part_copy_with_if_modified_since_failed": [
        put("source", b"data"),
        head("source").named("head"),
        create(),
        fail(
            "upload_part_copy",
            of_upload(
                PartNumber=1, CopySource="<bucket>/source", CopySourceIfModifiedSince=Of("head", "LastModified")
            ),
            412,
            "PreconditionFailed",
            {**CONDITION, "Condition": "x-amz-copy-source-If-Modified-Since"},
        ),
    ],
    "test_list_parts_via_object_attrs_pagination": [
        create(ChecksumAlgorithm="SHA256"),
        *(part(number, b"a" * (5 * MIB + 1), ChecksumAlgorithm="SHA256") for number in (1, 2)),
        call(
            "list_parts",
            of_upload(),
            {
                "ChecksumAlgorithm": "SHA256",
                "ChecksumType": "COMPOSITE",
                "IsTruncated": False,
                "MaxParts": 1000,
                "PartNumberMarker": 0,
                "NextPartNumberMarker": 2,
                "Parts": [
                    {"PartNumber": 1, "Size": 5242881, "ChecksumSHA256": Of("part1", "ChecksumSHA256")},
                    {"PartNumber": 2, "Size": 5242881, "ETag": Of("part2", "ETag")},
                ],
            },
        ),
        call(
            "complete_multipart_upload",
            of_upload(
                MultipartUpload={
                    "Parts": [
                        {
                            "PartNumber": number,
                            "ETag": Of(f"part{number}", "ETag"),
                            "ChecksumSHA256": Of(f"part{number}", "ChecksumSHA256"),
                        }
                        for number in (1, 2)
                    ]
                }
            ),
            {"ChecksumType": "COMPOSITE", "ChecksumSHA256": ANY},
        ),
        call(
            "get_object_attributes",
            {"Key": "k", "ObjectAttributes": ["ObjectParts"]},
            {
                "ObjectParts": {
                    "IsTruncated": False,
                    "MaxParts": 1000,
                    "PartNumberMarker": 0,
                    "NextPartNumberMarker": 2,
                    "TotalPartsCount": 2,
                    "Parts": [{"PartNumber": 1, "Size": 5242881}, {"PartNumber": 2, "ChecksumSHA256": ANY}],
                }
            },
        ),
        call(
            "get_object_attributes",
            {"Key": "k", "ObjectAttributes": ["ObjectParts"], "PartNumberMarker": 1, "MaxParts": 1},
            {
                "ObjectParts": {
                    "IsTruncated": False,
                    "MaxParts": 1,
                    "PartNumberMarker": 1,
                    "NextPartNumberMarker": 2,
                    "Parts": [{"PartNumber": 2}],
                }
            },
        ),
        call(
            "get_object_attributes",
            {"Key": "k", "ObjectAttributes": ["ObjectParts"], "PartNumberMarker": 10, "MaxParts": 1},
            {
                "ObjectParts": {
                    "IsTruncated": False,
                    "PartNumberMarker": 10,
                    "NextPartNumberMarker": 0,
                    "TotalPartsCount": 2,
                    "Parts": ABSENT,
                }
            },
        ),
    ],
    "test_list_multipart_uploads_marker_common_prefixes": [
        create("folder/aSubfolder/subFile1"),
        create("folder/aSubfolder/subFile2"),
        create("folder/file1"),
        create("folder/file2"),
        call(
            "list_multipart_uploads",
            {"Prefix": "folder/", "Delimiter": "/", "MaxUploads": 1},
            {
                "CommonPrefixes": [{"Prefix": "folder/aSubfolder/"}],
                "IsTruncated": True,
                "KeyMarker": "",
                "UploadIdMarker": "",
                "NextUploadIdMarker": "",
                "Uploads": ABSENT,  # AWS: NextKeyMarker "", with which no client can go on
            },
        ),
        *(
            call(
                "list_multipart_uploads",
                {"Prefix": "folder/", "Delimiter": "/", "MaxUploads": 1, "KeyMarker": marker},
                {
                    "CommonPrefixes": ABSENT,
                    "IsTruncated": True,
                    "KeyMarker": marker,
                    "NextKeyMarker": "folder/file1",
                    "Uploads": [{"Key": "folder/file1", "StorageClass": "STANDARD", "Owner": {"ID": ANY}}],
                },
            )
            for marker in ("folder/aSubfolder/", "folder/aSubfolder/subFile1")
        ),
    ],
}

FOLDERS = ["a/%F0%9F%98%80/", *(f"date=2026-0{month}-01/" for month in (1, 2, 3, 5))]
REST = ["file%2Fname", "test key/", "test key//", "test%123", "test%123/", "test%percent", "test@key/"]

LISTS = {
    "test_list_objects_v2_continuation_token_safe_chars": [
        *(put(key, b"") for key in [*FOLDERS, *REST]),
        call(
            "list_objects_v2",
            {"MaxKeys": 5},
            {**listed(FOLDERS, Size=0), "IsTruncated": True, "KeyCount": 5, "NextContinuationToken": ANY},
        ).named("first"),
        call(
            "list_objects_v2",
            {"ContinuationToken": Of("first", "NextContinuationToken")},
            {**listed(REST), "IsTruncated": False, "ContinuationToken": Of("first", "NextContinuationToken")},
        ),
        call(
            "list_objects_v2",
            {"StartAfter": "date=2026-02-01/", "MaxKeys": 2},
            {**listed(FOLDERS[3:]), "KeyCount": 2, "StartAfter": "date=2026-02-01/", "IsTruncated": True},
        ),
        call(
            "list_objects_v2",
            {"StartAfter": "date%3D2026-02-01/", "MaxKeys": 2},
            {**listed(FOLDERS[1:3]), "KeyCount": 2, "StartAfter": "date%3D2026-02-01/"},
        ),
    ],
    "test_list_buckets_with_max_buckets": [
        call(
            "list_buckets",
            {"MaxBuckets": 1, "Prefix": "<bucket>"},
            {"Buckets": [{"Name": "<bucket>", "BucketRegion": "<region>"}], "ContinuationToken": ABSENT},
        ),
    ],
    "test_list_parts_empty_part_number_marker": [
        create(),
        part(1, b"data"),
        call(
            "list_parts",
            of_upload(),
            {
                "IsTruncated": False,
                "MaxParts": 1000,
                "NextPartNumberMarker": 1,
                "Parts": [{"ETag": MD5_DATA, "Size": 4}],
            },
        ),
    ],
}
