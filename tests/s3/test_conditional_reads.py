"""Conditions on GET and HEAD (notes 20 and 21)."""

import datetime
import email.utils

import pytest
from harness.expect import assert_error, assert_status

ETAG = '"8d777f385d3dfec8815d20f7496026dc"'
WRONG = '"d41d8cd98f00b204e9800998ecf8427e"'
METHODS = pytest.mark.parametrize("method", ["GET", "HEAD"])


@pytest.fixture(scope="module")
def data(s3, module_bucket):
    """(path, Last-Modified as datetime) of an object 'data'."""
    s3.put_object(Bucket=module_bucket, Key="data", Body=b"data", CacheControl="max-age=74")
    return f"/{module_bucket}/data", s3.head_object(Bucket=module_bucket, Key="data")[
        "LastModified"
    ]


def http_date(moment):
    return email.utils.format_datetime(moment.astimezone(datetime.timezone.utc), usegmt=True)


def seconds(moment, delta):
    return http_date(moment + datetime.timedelta(seconds=delta))


def check(raw, data, method, headers, status, condition=None):
    response = assert_status(raw.call(method, data[0], headers=headers), status)
    if method == "HEAD" or status == 304:
        assert response.body == b""
    elif status == 412:
        assert_error(response, 412, "PreconditionFailed", Condition=condition)
    else:
        assert response.body == b"data"
    return response


@METHODS
@pytest.mark.parametrize(
    "value, status",
    [
        (ETAG, 200),
        (ETAG.strip('"'), 200),
        ("*", 200),
        (f"{WRONG}, {ETAG}", 200),
        (WRONG, 412),
        (WRONG.strip('"'), 412),
    ],
)
def test_if_match(raw, data, method, value, status):
    """Note 20, L:test_s3_get_object_preconditions: quotes optional, '*' allowed, lists allowed."""
    check(raw, data, method, {"If-Match": value}, status, "If-Match")


@METHODS
@pytest.mark.parametrize(
    "value, status",
    [(ETAG, 304), (ETAG.strip('"'), 304), ("*", 304), (WRONG, 200), (f"{WRONG}, {ETAG}", 304)],
)
def test_if_none_match(raw, data, method, value, status):
    """Note 20, L:test_s3_get_object_preconditions etag-missing-quotes."""
    check(raw, data, method, {"If-None-Match": value}, status)


@METHODS
@pytest.mark.parametrize("delta, status", [(-3600, 200), (-1, 200), (0, 304)])
def test_if_modified_since(raw, data, method, delta, status):
    """Note 20: whole seconds; equal to Last-Modified is not modified."""
    check(raw, data, method, {"If-Modified-Since": seconds(data[1], delta)}, status)


@METHODS
def test_future_if_modified_since_is_ignored(raw, data, method):
    """Note 20, L:test_s3_get_object_preconditions obj-ignore-future-modified-since."""
    check(raw, data, method, {"If-Modified-Since": seconds(data[1], 86400)}, 200)


@METHODS
@pytest.mark.parametrize("delta, status", [(-3600, 412), (-1, 412), (0, 200), (3600, 200)])
def test_if_unmodified_since(raw, data, method, delta, status):
    """Note 20: equal to Last-Modified is unmodified."""
    check(
        raw,
        data,
        method,
        {"If-Unmodified-Since": seconds(data[1], delta)},
        status,
        "If-Unmodified-Since",
    )


@pytest.mark.parametrize("form", ["rfc1123", "rfc850", "asctime"])
def test_all_three_http_date_formats_are_understood(raw, data, form):
    """Note 20 (S#9863)."""
    moment = data[1].astimezone(datetime.timezone.utc)
    formats = {
        "rfc1123": "%a, %d %b %Y %H:%M:%S GMT",
        "rfc850": "%A, %d-%b-%y %H:%M:%S GMT",
        "asctime": f"%a %b {moment.day:2d} %H:%M:%S %Y",
    }
    check(raw, data, "GET", {"If-Modified-Since": moment.strftime(formats[form])}, 304)
    earlier = moment - datetime.timedelta(days=365)
    if form == "asctime":
        formats["asctime"] = f"%a %b {earlier.day:2d} %H:%M:%S %Y"
    check(
        raw,
        data,
        "GET",
        {"If-Unmodified-Since": earlier.strftime(formats[form])},
        412,
        "If-Unmodified-Since",
    )


def test_true_if_match_beats_if_unmodified_since(raw, data):
    """Note 20: If-Unmodified-Since is ignored when If-Match is present and true (M:69258d594)."""
    check(raw, data, "GET", {"If-Match": ETAG, "If-Unmodified-Since": seconds(data[1], -3600)}, 200)


def test_false_if_match_beats_true_if_unmodified_since(raw, data):
    """Note 20: the order If-Match, then If-Unmodified-Since."""
    check(
        raw,
        data,
        "GET",
        {"If-Match": WRONG, "If-Unmodified-Since": seconds(data[1], 3600)},
        412,
        "If-Match",
    )


def test_if_none_match_beats_if_modified_since(raw, data):
    """Note 20: If-Modified-Since is ignored when If-None-Match is present."""
    check(raw, data, "GET", {"If-None-Match": WRONG, "If-Modified-Since": seconds(data[1], 0)}, 200)
    check(
        raw, data, "GET", {"If-None-Match": ETAG, "If-Modified-Since": seconds(data[1], -3600)}, 304
    )


def test_if_match_is_checked_before_if_none_match(raw, data):
    """Note 20: If-Match first, so 412 and not 304."""
    check(raw, data, "GET", {"If-Match": WRONG, "If-None-Match": ETAG}, 412, "If-Match")


def test_not_modified_has_no_body_but_validators(raw, data):
    """Note 21: 304 keeps ETag, Last-Modified, Cache-Control."""
    response = check(raw, data, "GET", {"If-None-Match": ETAG}, 304)
    assert response.header("etag") == ETAG and response.header("last-modified") == http_date(
        data[1]
    )
    assert response.header("cache-control") == "max-age=74"


def test_connection_is_usable_after_not_modified(raw, data):
    """Note 21: a 304 without body does not shift the next response."""
    with raw.connect() as connection:
        assert_status(
            raw.call("GET", data[0], headers={"If-None-Match": ETAG}, connection=connection), 304
        )
        assert raw.call("GET", data[0], connection=connection).body == b"data"


def test_range_errors_come_after_preconditions(raw, data):
    """Note 20 (M:14b1c9f8e)."""
    out_of_range = {"Range": "bytes=100-200"}
    assert_status(raw.call("GET", data[0], headers={**out_of_range, "If-None-Match": ETAG}), 304)
    assert_error(
        raw.call("GET", data[0], headers={**out_of_range, "If-Match": WRONG}),
        412,
        "PreconditionFailed",
    )
    assert_error(
        raw.call("GET", data[0], headers={**out_of_range, "If-Match": ETAG}), 416, "InvalidRange"
    )


def test_range_with_true_condition_is_206(raw, data):
    """Notes 17 and 20 together."""
    response = assert_status(
        raw.call("GET", data[0], headers={"Range": "bytes=1-2", "If-Match": ETAG}), 206
    )
    assert response.body == b"at"


def test_condition_on_a_missing_key_is_no_such_key(raw, module_bucket):
    """A condition cannot hold or fail on what does not exist: 404."""
    for name in ("If-Match", "If-None-Match"):
        assert_error(
            raw.call("GET", f"/{module_bucket}/absent", headers={name: ETAG}), 404, "NoSuchKey"
        )


@pytest.mark.http_only
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"If-Match": WRONG},
        {"If-None-Match": ETAG},
        {"If-Unmodified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"},
    ],
)
def test_anonymous_learns_nothing_from_conditions(raw, data, module_bucket, headers):
    """Note 20 (M:e0fe7cc39), security notes CVE 2024-36107: authorization before preconditions,
    before 404."""
    for path in (data[0], f"/{module_bucket}/absent"):
        assert_error(raw.call("GET", path, headers=headers, sign=False), 403, "AccessDenied")
