"""Tags of objects, versions and buckets (notes 7, 30, 34; L:TestS3BucketObjectTagging)."""

import pytest
from harness.expect import assert_error, assert_status, s3_error
from harness.helpers import Upload

TWO = [{"Key": "tag1", "Value": "tag1"}, {"Key": "tag2", "Value": ""}]
THREE = [{"Key": "tag3", "Value": "tag3"}]


@pytest.fixture
def key(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"test-tagging")
    return {"Bucket": bucket, "Key": "k"}


def tags(s3, key, **options):
    return s3.get_object_tagging(**key, **options)["TagSet"]


def by_name(tag_set):
    return {tag["Key"]: tag["Value"] for tag in tag_set}


def tagging(*pairs):
    items = "".join(f"<Tag><Key>{k}</Key><Value>{v}</Value></Tag>" for k, v in pairs)
    return f"<Tagging><TagSet>{items}</TagSet></Tagging>".encode()


# --- objects


def test_object_tags_are_set_replaced_and_deleted(s3, key):
    """L:test_object_tagging_crud."""
    assert tags(s3, key) == []
    s3.put_object_tagging(**key, Tagging={"TagSet": TWO})
    assert by_name(tags(s3, key)) == by_name(TWO)
    s3.put_object_tagging(**key, Tagging={"TagSet": THREE})
    assert tags(s3, key) == THREE
    assert s3.get_object(**key)["TagCount"] == 1
    assert s3.delete_object_tagging(**key)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert tags(s3, key) == []
    assert "TagCount" not in s3.get_object(**key)


def test_tagging_changes_nothing_else(s3, key):
    """L:test_delete_object_tagging: bytes, ETag, date and version stay."""
    before = s3.head_object(**key)
    s3.put_object_tagging(**key, Tagging={"TagSet": TWO})
    after = s3.head_object(**key)
    for name in ("ETag", "LastModified", "ContentLength"):
        assert before[name] == after[name]
    assert s3.get_object(**key)["Body"].read() == b"test-tagging"


def test_an_empty_tag_set_removes_all(s3, key):
    """L:test_put_object_tagging_empty_list."""
    s3.put_object_tagging(**key, Tagging={"TagSet": TWO})
    s3.put_object_tagging(**key, Tagging={"TagSet": []})
    assert tags(s3, key) == []


def test_tags_in_the_header_of_a_put(s3, bucket):
    """Note 30: URL-encoded, letters of any script."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1&b=%C3%A4%20%2B&empty=&%E6%97%A5=x+y")
    shown = by_name(tags(s3, {"Bucket": bucket, "Key": "k"}))
    assert shown == {"a": "1", "b": "ä +", "empty": "", "日": "x y"}


def test_overwriting_drops_the_tags(s3, key):
    """A new object has the tags of its own request alone."""
    s3.put_object_tagging(**key, Tagging={"TagSet": TWO})
    s3.put_object(**key, Body=b"new")
    assert tags(s3, key) == []


def test_tags_of_an_upload_are_fixed_at_its_creation(s3, bucket):
    """Note 39."""
    Upload(s3, bucket, "k", Tagging="a=b").part(1, b"x").complete()
    assert by_name(tags(s3, {"Bucket": bucket, "Key": "k"})) == {"a": "b"}


def test_tags_belong_to_a_version(s3, bucket):
    """L:test_object_tagging_versioned."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    key = {"Bucket": bucket, "Key": "k"}
    first = s3.put_object(**key, Body=b"1", Tagging="test_tag=tagv1")["VersionId"]
    second = s3.put_object(**key, Body=b"2")["VersionId"]
    assert s3.put_object_tagging(**key, Tagging={"TagSet": THREE})["VersionId"] == second
    assert tags(s3, key) == THREE
    assert by_name(tags(s3, key, VersionId=first)) == {"test_tag": "tagv1"}
    answer = s3.put_object_tagging(**key, VersionId=first, Tagging={"TagSet": TWO})
    assert answer["VersionId"] == first
    assert by_name(tags(s3, key, VersionId=first)) == by_name(TWO)
    s3.delete_object_tagging(**key, VersionId=first)
    assert tags(s3, key, VersionId=first) == [] and tags(s3, key) == THREE


def test_tags_of_a_delete_marker_are_405(s3, bucket):
    """L:test_object_tagging_versioned: by its id, and as the newest version."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    key = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**key, Body=b"1")
    marker = s3.delete_object(**key)["VersionId"]
    for options in ({"VersionId": marker}, {}):
        with s3_error(405, "MethodNotAllowed", Method="PUT", ResourceType="DeleteMarker"):
            s3.put_object_tagging(**key, **options, Tagging={"TagSet": TWO})
        with s3_error(405, "MethodNotAllowed", Method="GET", ResourceType="DeleteMarker"):
            s3.get_object_tagging(**key, **options)
        with s3_error(405, "MethodNotAllowed", Method="DELETE", ResourceType="DeleteMarker"):
            s3.delete_object_tagging(**key, **options)


def test_tags_of_what_is_not_there(s3, bucket):
    """L:test_object_tagging_exc."""
    for name, options in (
        ("get_object_tagging", {}),
        ("delete_object_tagging", {}),
        ("put_object_tagging", {"Tagging": {"TagSet": TWO}}),
    ):
        with s3_error(404, "NoSuchKey", Key="none"):
            getattr(s3, name)(Bucket=bucket, Key="none", **options)
        with s3_error(404, "NoSuchBucket"):
            getattr(s3, name)(Bucket="no-such-bucket-here", Key="k", **options)


@pytest.mark.parametrize(
    "header", ["key1=val1&key1=val2", "key1=val1,key2=val2", "a=%zz", "a=b=c"]
)
def test_tagging_headers_of_a_wrong_form(raw, bucket, header):
    """L:test_object_tagging_exc: refused, and no object comes to be."""
    response = raw.call("PUT", f"/{bucket}/k", headers={"x-amz-tagging": header}, body=b"x")
    assert_error(
        response, 400, "InvalidArgument", ArgumentName="x-amz-tagging", ArgumentValue=header
    )
    assert_status(raw.call("HEAD", f"/{bucket}/k"), 404)


@pytest.mark.parametrize("level", ["bucket", "object"])
@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("Key1", "a"), ("Key1", "b")], "Cannot provide multiple Tags with the same key"),
        ([("Key1,Key2", "a")], "The TagKey you have provided is invalid"),
        ([("Key1", "Val1,Val2")], "The TagValue you have provided is invalid"),
        ([("", "a")], "The TagKey you have provided is invalid"),
        ([("k" * 129, "a")], "The TagKey you have provided is invalid"),
        ([("Key1", "v" * 257)], "The TagValue you have provided is invalid"),
    ],
)
def test_tags_that_are_invalid(raw, s3, key, level, pairs, message):
    """L:test_tagging_validation; characters are counted, not bytes."""
    path = f"/{key['Bucket']}" + ("/k" if level == "object" else "")
    response = raw.call("PUT", path, [("tagging", None)], body=tagging(*pairs))
    error = assert_error(response, 400, "InvalidTag", TagKey=pairs[-1][0])
    assert error["Message"] == message
    assert tags(s3, key) == []


def test_longest_tags_are_taken(s3, key):
    """Note 30: 128 and 256 characters, whatever their bytes."""
    longest = [{"Key": "ä" * 128, "Value": "日" * 256}]
    s3.put_object_tagging(**key, Tagging={"TagSet": longest})
    assert tags(s3, key) == longest


@pytest.mark.parametrize(("level", "most"), [("object", 10), ("bucket", 50)])
def test_too_many_tags(raw, key, level, most):
    """Note 30."""
    path = f"/{key['Bucket']}" + ("/k" if level == "object" else "")
    pairs = [(f"k{n}", "v") for n in range(most)]
    assert_status(raw.call("PUT", path, [("tagging", None)], body=tagging(*pairs)), 200, 204)
    response = raw.call("PUT", path, [("tagging", None)], body=tagging(*pairs, ("one", "more")))
    assert_error(response, 400, "BadRequest")


@pytest.mark.parametrize("level", ["bucket", "object"])
@pytest.mark.parametrize(
    "body",
    [
        b"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
        b"<Tagging><TagSet><Tag><Value>a</Value></Tag></TagSet></Tagging>",
        b"<Tagging/>",
        b"<TagSet/>",
        b"<Tagging><TagSet><Else/></TagSet></Tagging>",
        b"<Tagging><TagSet/><TagSet/></Tagging>",
        b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value>",
        b"",
    ],
)
def test_tagging_documents_that_are_malformed(raw, key, level, body):
    """L:test_tagging_validation."""
    path = f"/{key['Bucket']}" + ("/k" if level == "object" else "")
    assert_error(raw.call("PUT", path, [("tagging", None)], body=body), 400, "MalformedXML")


def test_reserved_keys_have_their_own_texts(raw, key):
    """L:test_tagging_validation."""
    for path, message in (
        (f"/{key['Bucket']}", "System tags cannot be added/updated by requester"),
        (f"/{key['Bucket']}/k", "Your TagKey cannot be prefixed with aws:"),
    ):
        body = tagging(("aws:prefixed", "x"))
        response = raw.call("PUT", path, [("tagging", None)], body=body)
        assert assert_error(response, 400, "InvalidTag", TagKey="aws:prefixed")["Message"] == message


# --- copies


@pytest.mark.parametrize("directive", ["COPY", None])
def test_a_copy_keeps_the_tags(s3, key, directive):
    """L:test_s3_copy_tagging_directive: tags of the request are ignored."""
    s3.put_object_tagging(**key, Tagging={"TagSet": TWO})
    options = {"TaggingDirective": directive} if directive else {}
    target = {"Bucket": key["Bucket"], "Key": "copy"}
    s3.copy_object(**target, CopySource=key, Tagging="other=1", **options)
    assert by_name(tags(s3, target)) == by_name(TWO)


def test_a_copy_replaces_the_tags(s3, key):
    """L:test_s3_copy_tagging_directive: REPLACE without tags leaves none."""
    s3.put_object_tagging(**key, Tagging={"TagSet": TWO})
    target = {"Bucket": key["Bucket"], "Key": "copy"}
    s3.copy_object(**target, CopySource=key, Tagging="key2=value2", TaggingDirective="REPLACE")
    assert by_name(tags(s3, target)) == {"key2": "value2"}
    s3.copy_object(**target, CopySource=key, TaggingDirective="REPLACE")
    assert tags(s3, target) == []


def test_an_unknown_tagging_directive(raw, key):
    """Never taken for COPY."""
    headers = {
        "x-amz-copy-source": f"/{key['Bucket']}/k",
        "x-amz-tagging-directive": "MERGE",
    }
    response = raw.call("PUT", f"/{key['Bucket']}/copy", headers=headers)
    assert_error(response, 400, "InvalidArgument", ArgumentName="x-amz-tagging-directive")


# --- buckets


def test_bucket_tags_are_set_replaced_and_deleted(s3, bucket):
    """L:test_bucket_tagging_crud."""
    with s3_error(404, "NoSuchTagSet", BucketName=bucket):
        s3.get_bucket_tagging(Bucket=bucket)
    answer = s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": TWO})
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert by_name(s3.get_bucket_tagging(Bucket=bucket)["TagSet"]) == by_name(TWO)
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": THREE})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == THREE
    assert s3.delete_bucket_tagging(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    with s3_error(404, "NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket=bucket)


def test_an_empty_set_of_bucket_tags_is_none(s3, bucket):
    """L:test_put_bucket_tagging_none_value."""
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": TWO})
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": []})
    with s3_error(404, "NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket=bucket)


def test_bucket_tags_of_a_missing_bucket(s3):
    """L:test_bucket_tagging_exc."""
    for name, options in (
        ("get_bucket_tagging", {}),
        ("delete_bucket_tagging", {}),
        ("put_bucket_tagging", {"Tagging": {"TagSet": TWO}}),
    ):
        with s3_error(404, "NoSuchBucket", BucketName="no-such-bucket-here"):
            getattr(s3, name)(Bucket="no-such-bucket-here", **options)


# --- website redirects


@pytest.mark.parametrize("target", ["/test/direct", "http://example.com/", "https://example.com/a"])
def test_a_website_redirect_is_kept_and_shown(s3, bucket, target):
    """L:test_s3_copy_object_in_place_website_redirect_location."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", WebsiteRedirectLocation=target)
    assert s3.head_object(Bucket=bucket, Key="k")["WebsiteRedirectLocation"] == target
    source = {"Bucket": bucket, "Key": "k"}
    s3.copy_object(Bucket=bucket, Key="k", CopySource=source, WebsiteRedirectLocation=target)
    assert s3.head_object(Bucket=bucket, Key="k")["WebsiteRedirectLocation"] == target
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)
    assert "WebsiteRedirectLocation" not in s3.head_object(Bucket=bucket, Key="copy")


def test_a_website_redirect_must_lead_somewhere(s3, bucket):
    """The error AWS documents."""
    with s3_error(400, "InvalidRedirectLocation"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", WebsiteRedirectLocation="elsewhere")
