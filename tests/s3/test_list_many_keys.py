"""Listing of 2,500 keys: pages, clamps, tokens (notes 11 and 12). Own file, so that one worker
makes the keys once."""

import pytest

COUNT = 2500
KEYS = sorted(f"dir{number % 25:02d}/key{number:05d}" for number in range(COUNT))

pytestmark = [pytest.mark.http_only, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def many(s3, module_bucket, parallel):
    results = parallel(
        [lambda k=k: s3.put_object(Bucket=module_bucket, Key=k, Body=b"") for k in KEYS], 16
    )
    failed = [result for result in results if not isinstance(result, dict)]
    assert not failed, failed[:3]
    return module_bucket


def keys_of(page):
    return [item["Key"] for item in page.get("Contents", ())]


def test_a_page_holds_at_most_1000(s3, many):
    """Note 12: max-keys above 1000 is clamped; V1, V2 and versions."""
    for call, item in (
        (s3.list_objects, "Contents"),
        (s3.list_objects_v2, "Contents"),
        (s3.list_object_versions, "Versions"),
    ):
        page = call(Bucket=many, MaxKeys=5000)
        assert len(page[item]) == 1000 and page["IsTruncated"] and page["MaxKeys"] == 1000


@pytest.mark.parametrize("size", [1000, 999, 333])
def test_v2_pages_show_every_key_once(s3, many, size):
    """Note 12: continuation tokens over the whole bucket."""
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=many, PaginationConfig={"PageSize": size}
    )
    assert [key for page in pages for key in keys_of(page)] == KEYS


def test_v1_pages_show_every_key_once(s3, many):
    """Note 11: without delimiter the last key is the next marker."""
    pages = s3.get_paginator("list_objects").paginate(
        Bucket=many, PaginationConfig={"PageSize": 700}
    )
    assert [key for page in pages for key in keys_of(page)] == KEYS


def test_versions_pages_show_every_key_once(s3, many):
    """Note 14: key-marker and version-id-marker over the whole bucket."""
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=many, PaginationConfig={"PageSize": 800}
    )
    assert [item["Key"] for page in pages for item in page["Versions"]] == KEYS


def test_exactly_full_last_page_is_not_truncated(s3, many):
    """Note 11: truncated is false when nothing is left."""
    page = s3.list_objects_v2(Bucket=many, MaxKeys=100, Prefix="dir07/")
    assert (
        len(keys_of(page)) == 100
        and page["IsTruncated"] is False
        and "NextContinuationToken" not in page
    )


def test_common_prefixes_skip_their_keys(s3, many):
    """Note 11: 25 prefixes over 2,500 keys, by pages of 10."""
    pages = list(
        s3.get_paginator("list_objects_v2").paginate(
            Bucket=many, Delimiter="/", PaginationConfig={"PageSize": 10}
        )
    )
    shown = [item["Prefix"] for page in pages for item in page["CommonPrefixes"]]
    assert shown == [f"dir{number:02d}/" for number in range(25)] and len(pages) == 3


def test_delete_objects_takes_a_thousand(s3, many):
    """Note 49: exactly 1,000 keys in one request. (Keeps the module's keys: these never
    existed.)"""
    names = [f"absent/{number}" for number in range(1000)]
    answer = s3.delete_objects(Bucket=many, Delete={"Objects": [{"Key": name} for name in names]})
    assert sorted(item["Key"] for item in answer["Deleted"]) == sorted(names)
