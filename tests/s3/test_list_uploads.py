"""ListMultipartUploads and ListParts (note 15)."""

import pytest
from harness.expect import assert_error, assert_status, s3_error


@pytest.fixture(scope="module")
def uploads(s3, module_bucket):
    """Five open uploads of three keys, in the order in which they were begun: {key: [upload
    ids]}."""
    begun = {"a": [], "b": [], "c": []}
    for key in ("c", "b", "a", "a", "a"):
        begun[key].append(s3.create_multipart_upload(Bucket=module_bucket, Key=key)["UploadId"])
    return module_bucket, begun


def shown(page):
    return [(item["Key"], item["UploadId"]) for item in page.get("Uploads", ())]


def expected(begun):
    return [(key, upload) for key in sorted(begun) for upload in begun[key]]


def test_no_uploads_is_an_empty_list_with_empty_markers(raw, bucket):
    """Note 15, L:test_list_multiparts_next_marker list-multiparts-empty."""
    page = assert_status(raw.call("GET", f"/{bucket}", [("uploads", None)]), 200)
    assert page.xml().tag == "ListMultipartUploadsResult" and page.texts("Upload") == []
    for name in ("KeyMarker", "UploadIdMarker", "NextKeyMarker", "NextUploadIdMarker"):
        assert page.text(name) == "", name
    assert (
        page.text("MaxUploads") == "1000"
        and page.text("IsTruncated") == "false"
        and page.text("Bucket") == bucket
    )


def test_uploads_are_ordered_by_key_then_initiation(s3, uploads):
    """Note 15 (R#5914), L:test_list_multiparts_next_marker: also NextKeyMarker when not
    truncated."""
    bucket, begun = uploads
    page = s3.list_multipart_uploads(Bucket=bucket)
    assert shown(page) == expected(begun)
    assert (
        page["NextKeyMarker"] == "c"
        and page["NextUploadIdMarker"] == begun["c"][0]
        and not page["IsTruncated"]
    )
    for item in page["Uploads"]:
        assert (
            item["Initiator"]["ID"] and item["Owner"]["ID"] and item["StorageClass"] == "STANDARD"
        )
        assert item["Initiated"].year >= 2024


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_upload_pages_show_each_upload_once(s3, uploads, size):
    """Note 15 (R#5195): key-marker and upload-id-marker together."""
    bucket, begun = uploads
    seen, markers = [], {}
    for _ in range(10):
        page = s3.list_multipart_uploads(Bucket=bucket, MaxUploads=size, **markers)
        seen += shown(page)
        if not page["IsTruncated"]:
            break
        assert len(shown(page)) == size
        markers = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
    assert seen == expected(begun)


def test_key_marker_alone_skips_all_uploads_of_the_key(s3, uploads):
    """L:test_list_multiparts_next_marker list-multiparts-next-key-only, -next-key-last."""
    bucket, begun = uploads
    page = s3.list_multipart_uploads(Bucket=bucket, KeyMarker="a", MaxUploads=1)
    assert shown(page) == [("b", begun["b"][0])] and page["IsTruncated"]
    page = s3.list_multipart_uploads(Bucket=bucket, KeyMarker="c", MaxUploads=1)
    assert shown(page) == [] and page["NextKeyMarker"] == "" and page["NextUploadIdMarker"] == ""


def test_upload_id_marker_without_key_marker_is_ignored(s3, uploads):
    """Note 15, L:test_list_multiparts_next_marker list-multiparts-next-upload-only."""
    bucket, begun = uploads
    page = s3.list_multipart_uploads(Bucket=bucket, UploadIdMarker=begun["a"][1], MaxUploads=1)
    assert shown(page) == [("a", begun["a"][0])] and page["UploadIdMarker"] == ""


def test_foreign_upload_id_marker_is_invalid_argument(s3, uploads):
    """Note 15, L:test_list_multiparts_next_marker list-multiparts-wrong-id-for-key."""
    bucket, begun = uploads
    with s3_error(
        400, "InvalidArgument", ArgumentName="upload-id-marker", ArgumentValue=begun["b"][0]
    ):
        s3.list_multipart_uploads(Bucket=bucket, KeyMarker="a", UploadIdMarker=begun["b"][0])


def test_uploads_by_prefix_and_delimiter(s3, bucket):
    """L:test_list_multiparts_with_prefix_and_delimiter,
    test_list_multipart_uploads_marker_common_prefixes."""
    for key in (
        "folder/aSubfolder/subFile1",
        "folder/aSubfolder/subFile2",
        "folder/file1",
        "folder/file2",
    ):
        s3.create_multipart_upload(Bucket=bucket, Key=key)
    page = s3.list_multipart_uploads(Bucket=bucket, Prefix="folder/", Delimiter="/")
    assert [key for key, _ in shown(page)] == ["folder/file1", "folder/file2"]
    assert [item["Prefix"] for item in page["CommonPrefixes"]] == ["folder/aSubfolder/"]
    for marker in ("folder/aSubfolder/", "folder/aSubfolder/subFile1"):
        page = s3.list_multipart_uploads(
            Bucket=bucket, Prefix="folder/", Delimiter="/", MaxUploads=1, KeyMarker=marker
        )
        assert [key for key, _ in shown(page)] == ["folder/file1"] and page[
            "NextKeyMarker"
        ] == "folder/file1"
        assert "CommonPrefixes" not in page and page["IsTruncated"]
    assert len(shown(s3.list_multipart_uploads(Bucket=bucket, Prefix="folder/aS"))) == 2


def test_finished_uploads_are_not_listed(s3, bucket):
    """L:test_multipart_and_list_parts list-all-uploads-completed; the same after an abort."""
    for number, finish in enumerate(("complete", "abort")):
        where = {"Bucket": bucket, "Key": f"k{number}"}
        where["UploadId"] = s3.create_multipart_upload(**where)["UploadId"]
        etag = s3.upload_part(**where, PartNumber=1, Body=b"x")["ETag"]
        assert len(s3.list_multipart_uploads(Bucket=bucket)["Uploads"]) == 1
        if finish == "complete":
            s3.complete_multipart_upload(
                **where, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}
            )
        else:
            s3.abort_multipart_upload(**where)
        assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
        with s3_error(404, "NoSuchUpload", UploadId=where["UploadId"]):
            s3.list_parts(**where)


# --- ListParts


@pytest.fixture(scope="module")
def parts(s3, module_bucket):
    """An upload with parts 1, 3, 7 (gaps are fine)."""
    where = {"Bucket": module_bucket, "Key": "parts"}
    where["UploadId"] = s3.create_multipart_upload(**where)["UploadId"]
    for number in (7, 1, 3):
        s3.upload_part(**where, PartNumber=number, Body=b"part-%d" % number)
    return where


def numbers(page):
    return [part["PartNumber"] for part in page.get("Parts", ())]


def test_parts_of_a_new_upload_are_none(s3, bucket):
    """Note 15, L:test_list_parts_pagination list-parts-empty: NextPartNumberMarker 0."""
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    page = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)
    assert (
        numbers(page) == [] and page["NextPartNumberMarker"] == 0 and page["PartNumberMarker"] == 0
    )
    assert (
        page["MaxParts"] == 1000
        and page["IsTruncated"] is False
        and page["StorageClass"] == "STANDARD"
    )


def test_parts_are_ordered_by_number(s3, parts):
    """L:test_list_parts_pagination list-parts-all: Size, ETag, LastModified, Owner, Initiator."""
    page = s3.list_parts(**parts)
    assert numbers(page) == [1, 3, 7] and page["NextPartNumberMarker"] == 7
    assert all(
        part["Size"] == 6 and part["ETag"].startswith('"') and part["LastModified"]
        for part in page["Parts"]
    )
    assert page["Initiator"]["ID"] and page["Owner"]["ID"]


def test_parts_page(s3, parts):
    """L:test_list_parts_pagination list-parts-1, list-parts-next."""
    page = s3.list_parts(**parts, MaxParts=2)
    assert numbers(page) == [1, 3] and page["IsTruncated"] and page["NextPartNumberMarker"] == 3
    page = s3.list_parts(**parts, MaxParts=2, PartNumberMarker=3)
    assert numbers(page) == [7] and not page["IsTruncated"] and page["PartNumberMarker"] == 3


def test_part_number_marker_beyond_the_last_is_tolerated(s3, parts):
    """Note 15, L:test_list_parts_pagination list-parts-wrong-part."""
    page = s3.list_parts(**parts, MaxParts=1, PartNumberMarker=10)
    assert (
        numbers(page) == [] and page["NextPartNumberMarker"] == 0 and page["PartNumberMarker"] == 10
    )


@pytest.mark.parametrize("name", ["part-number-marker", "max-parts"])
def test_empty_paging_parameters_are_tolerated(raw, parts, name):
    """L:test_list_parts_empty_part_number_marker."""
    query = [("uploadId", parts["UploadId"]), (name, "")]
    page = assert_status(raw.call("GET", f"/{parts['Bucket']}/parts", query), 200)
    assert page.texts("Part/PartNumber") == ["1", "3", "7"] and page.text("MaxParts") == "1000"


@pytest.mark.http_only
def test_max_parts_above_1000_is_tolerated(s3, parts):
    """Note 15: out of range values are tolerated."""
    assert numbers(s3.list_parts(**parts, MaxParts=5000)) == [1, 3, 7]


@pytest.mark.http_only
@pytest.mark.parametrize(
    "name, value", [("max-parts", "abc"), ("max-parts", "-1"), ("part-number-marker", "abc")]
)
def test_paging_parameters_that_are_no_numbers_are_refused(raw, parts, name, value):
    """Not a number: 400 InvalidArgument."""
    query = [("uploadId", parts["UploadId"]), (name, value)]
    assert_error(raw.call("GET", f"/{parts['Bucket']}/parts", query), 400, "InvalidArgument")
