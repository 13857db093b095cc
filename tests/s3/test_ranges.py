"""Ranges on GET and HEAD: every row of note 17."""

import random

import pytest
from harness.expect import assert_error, assert_status, s3_error

TEN = b"0123456789"
PARTIAL = [
    ("bytes=0-8", 0, 8),
    ("bytes=1-1", 1, 1),
    ("bytes=0-0", 0, 0),
    ("bytes=1-", 1, 9),
    ("bytes=9-9", 9, 9),
    ("bytes=0-100", 0, 9),
    ("bytes=5-18446744073709551615", 5, 9),
    ("bytes=-2", 8, 9),
    ("bytes=-9", 1, 9),
    ("bytes=-15", 0, 9),
    ("bytes=-9223372036854775809", 0, 9),
    ("bytes=-1", 9, 9),
]
IGNORED = [
    "bytes=1-0",
    "bytes=0--1",
    "bytes=-",
    "bytes=-1-",
    "bytes=abc",
    "abc",
    "foo=0-1",
    "bytes=0-0,1-2",
    "bytes=",
    "bytes=0-1,3-4,7-9",
]
UNSATISFIABLE = ["bytes=-0", "bytes=100-200", "bytes=10-", "bytes=10-10"]


@pytest.fixture(scope="module")
def digits(s3, module_bucket):
    s3.put_object(Bucket=module_bucket, Key="digits", Body=TEN)
    return f"/{module_bucket}/digits"


@pytest.fixture(scope="module")
def empty(s3, module_bucket):
    s3.put_object(Bucket=module_bucket, Key="empty", Body=b"")
    return f"/{module_bucket}/empty"


@pytest.mark.parametrize("value, first, last", PARTIAL)
def test_range_is_206_with_its_bytes(raw, digits, value, first, last):
    """Note 17, L:test_get_object_range: also suffixes beyond the size and beyond 2^63 (R#4921)."""
    response = assert_status(raw.call("GET", digits, headers={"Range": value}), 206)
    assert response.header("content-range") == f"bytes {first}-{last}/10"
    assert response.body == TEN[first : last + 1]
    assert response.header("content-length") == str(last + 1 - first)


@pytest.mark.parametrize("value", IGNORED)
def test_range_it_cannot_serve_is_ignored(raw, digits, value):
    """Note 17: malformed, inverted and multiple ranges answer the whole object with 200."""
    response = assert_status(raw.call("GET", digits, headers={"Range": value}), 200)
    assert response.body == TEN and response.header("content-range") is None


@pytest.mark.parametrize("value", UNSATISFIABLE)
def test_unsatisfiable_range_is_416(raw, digits, value):
    """Note 17 and 1, L:test_get_object_range, test_invalid_range_error: sizes are told."""
    assert_error(
        raw.call("GET", digits, headers={"Range": value}),
        416,
        "InvalidRange",
        ActualObjectSize="10",
        RangeRequested=value,
    )


@pytest.mark.parametrize("value, first, last", PARTIAL[:3] + PARTIAL[-4:])
def test_head_honours_range(raw, digits, value, first, last):
    """Note 17: HEAD honours Range too."""
    response = assert_status(raw.call("HEAD", digits, headers={"Range": value}), 206)
    assert response.header("content-range") == f"bytes {first}-{last}/10"
    assert response.header("content-length") == str(last + 1 - first)


def test_head_of_unsatisfiable_range_is_416_without_body(raw, digits):
    """Notes 2 and 17."""
    assert assert_status(raw.call("HEAD", digits, headers={"Range": "bytes=10-"}), 416).body == b""


def test_suffix_of_an_empty_object_is_200_without_content_range(raw, empty):
    """Note 17: zero-byte object, `-1`."""
    response = assert_status(raw.call("GET", empty, headers={"Range": "bytes=-1"}), 200)
    assert response.body == b"" and response.header("content-range") is None


@pytest.mark.parametrize("value", ["bytes=0-", "bytes=0-0", "bytes=-0"])
def test_other_ranges_of_an_empty_object_are_416(raw, empty, value):
    """Note 17: zero-byte object."""
    assert_error(
        raw.call("GET", empty, headers={"Range": value}), 416, "InvalidRange", ActualObjectSize="0"
    )


def test_range_of_a_missing_key_is_no_such_key(s3, module_bucket):
    """L:test_range_key_not_exists."""
    with s3_error(404, "NoSuchKey", Key="my-key"):
        s3.get_object(Bucket=module_bucket, Key="my-key", Range="bytes=1024-4096")


def test_partial_range_carries_no_checksum(raw, digits):
    """Note 17: checksum headers only when the full object is returned."""
    headers = {"Range": "bytes=0-8", "x-amz-checksum-mode": "ENABLED"}
    response = assert_status(raw.call("GET", digits, headers=headers), 206)
    assert not [name for name, _ in response.headers if name.lower().startswith("x-amz-checksum-")]


def test_range_over_the_whole_object_carries_its_checksum(raw, digits):
    """Note 17, L:test_get_object_range get-0-100: also for a 206 that covers all."""
    headers = {"Range": "bytes=0-100", "x-amz-checksum-mode": "ENABLED"}
    response = assert_status(raw.call("GET", digits, headers=headers), 206)
    assert response.header("x-amz-checksum-crc32") == "poTHxg=="
    assert response.header("x-amz-checksum-type") == "FULL_OBJECT"


def test_random_ranges_across_units_and_stripes(s3, module_bucket):
    """Design "Layout on disk": ranges that start and end anywhere in stripes of ten 64 KiB
    units."""
    generator = random.Random(17)
    size = 3 * 640 * 1024 + 12345
    body = generator.randbytes(size)
    s3.put_object(Bucket=module_bucket, Key="stripes", Body=body)
    edges = [unit * 65536 for unit in range(30)] + [leaf * 16384 for leaf in range(0, 100, 7)]
    for number in range(60):
        first = (
            generator.randrange(size)
            if number % 2
            else max(0, generator.choice(edges) - generator.randrange(2))
        )
        last = min(
            size - 1, first + generator.choice([0, 1, 100, 16383, 16384, 65536, 700_000, size])
        )
        got = s3.get_object(Bucket=module_bucket, Key="stripes", Range=f"bytes={first}-{last}")
        assert got["ContentRange"] == f"bytes {first}-{last}/{size}"
        assert got["Body"].read() == body[first : last + 1], (first, last)
    assert (
        s3.get_object(Bucket=module_bucket, Key="stripes", Range="bytes=-1")["Body"].read()
        == body[-1:]
    )


def test_failed_range_leaves_the_connection_usable(raw, digits):
    """L:test_get_object_range put-after-failed: a 416 does not break the connection."""
    with raw.connect() as connection:
        assert_status(
            raw.call("GET", digits, headers={"Range": "bytes=100-200"}, connection=connection), 416
        )
        assert raw.call("GET", digits, connection=connection).body == TEN
