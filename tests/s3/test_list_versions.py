"""ListObjectVersions on an unversioned bucket (note 14)."""

import pytest
from harness.expect import assert_error, assert_status

TREE = ["folder/aSubfolder/subFile1", "folder/aSubfolder/subFile2", "folder/file1", "folder/file2"]


@pytest.fixture(scope="module")
def tree(s3, module_bucket):
    for key in TREE:
        s3.put_object(Bucket=module_bucket, Key=key, Body=b"content 123")
    return module_bucket


def keys_of(page):
    return [item["Key"] for item in page.get("Versions", ())]


def test_versions_of_an_unversioned_bucket_are_null(s3, tree):
    """Note 14, L:test_list_object_versions_order_unversioned: one version a key, "null", latest."""
    page = s3.list_object_versions(Bucket=tree)
    assert keys_of(page) == TREE and "DeleteMarkers" not in page and page["IsTruncated"] is False
    for item in page["Versions"]:
        assert item["VersionId"] == "null" and item["IsLatest"] is True and item["Size"] == 11
        assert (
            item["StorageClass"] == "STANDARD"
            and item["Owner"]["ID"]
            and item["ETag"].startswith('"')
        )


def test_overwritten_key_has_one_version(s3, bucket):
    """An unversioned bucket keeps only the newest; a deleted key leaves no marker."""
    for body in (b"1", b"22", b"333"):
        s3.put_object(Bucket=bucket, Key="k", Body=body)
    page = s3.list_object_versions(Bucket=bucket)
    assert [(item["Key"], item["Size"]) for item in page["Versions"]] == [("k", 3)]
    s3.delete_object(Bucket=bucket, Key="k")
    page = s3.list_object_versions(Bucket=bucket)
    assert "Versions" not in page and "DeleteMarkers" not in page


def test_markers_are_echoed_even_when_empty(s3, tree):
    """L:test_list_objects_versions_markers: KeyMarker and VersionIdMarker always present."""
    page = s3.list_object_versions(Bucket=tree)
    assert page["KeyMarker"] == "" and page["VersionIdMarker"] == "" and page["MaxKeys"] == 1000
    assert "NextKeyMarker" not in page and "NextVersionIdMarker" not in page


def test_version_id_marker_without_key_marker_is_invalid_argument(raw, tree):
    """Note 14, L:test_list_objects_versions_markers list-objects-next-version-only."""
    response = raw.call("GET", f"/{tree}", [("versions", None), ("version-id-marker", "null")])
    error = assert_error(
        response, 400, "InvalidArgument", ArgumentName="version-id-marker", ArgumentValue="null"
    )
    assert error["Message"] == "A version-id marker cannot be specified without a key marker."


def test_key_marker_alone_skips_the_key(s3, tree):
    """Note 14: and the last page omits NextKeyMarker."""
    page = s3.list_object_versions(Bucket=tree, KeyMarker=TREE[1], MaxKeys=1)
    assert keys_of(page) == [TREE[2]] and page["IsTruncated"] is True
    assert page["NextKeyMarker"] == TREE[2] and page["NextVersionIdMarker"] == "null"
    page = s3.list_object_versions(Bucket=tree, KeyMarker=TREE[3], MaxKeys=1)
    assert keys_of(page) == [] and page["IsTruncated"] is False and "NextKeyMarker" not in page


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_pages_resume_after_the_null_version(s3, tree, size):
    """Note 14 (M:924699049): no duplicates when resuming at null."""
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=tree, PaginationConfig={"PageSize": size}
    )
    assert [key for page in pages for key in keys_of(page)] == TREE


def test_common_prefixes_page(s3, tree):
    """L:test_list_object_versions_pagination_common_prefixes."""
    options = {"Bucket": tree, "Prefix": "folder/", "Delimiter": "/", "MaxKeys": 1}
    page = s3.list_object_versions(**options)
    assert [item["Prefix"] for item in page["CommonPrefixes"]] == ["folder/aSubfolder/"] and page[
        "IsTruncated"
    ]
    assert page["NextKeyMarker"] == "folder/aSubfolder/"
    page = s3.list_object_versions(**options, KeyMarker=page["NextKeyMarker"])
    assert keys_of(page) == ["folder/file1"] and "CommonPrefixes" not in page
    page = s3.list_object_versions(**options, KeyMarker="folder/aSubfolder/subFile1")
    assert keys_of(page) == ["folder/file1"] and page["NextVersionIdMarker"] == "null"


def test_prefix_forms(s3, tree):
    """L:test_list_objects_versions_with_prefix."""
    page = s3.list_object_versions(Bucket=tree, Prefix="folder/a", Delimiter="/")
    assert [item["Prefix"] for item in page["CommonPrefixes"]] == [
        "folder/aSubfolder/"
    ] and not keys_of(page)
    assert keys_of(s3.list_object_versions(Bucket=tree, Prefix="folder/file1", Delimiter="/")) == [
        "folder/file1"
    ]


def test_root_element(raw, tree):
    """Note 6: `?versions` is never answered by a plain ListBucketResult (L: ListVersionsResult)."""
    assert (
        assert_status(raw.call("GET", f"/{tree}", [("versions", None)]), 200).xml().tag
        == "ListVersionsResult"
    )


def test_open_uploads_are_not_versions(s3, bucket):
    """Note 39: versions and lists must not show uploads."""
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x")
    assert "Versions" not in s3.list_object_versions(Bucket=bucket)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
