"""CORS: the document of a bucket, preflights, and what browsers read on answers (note 56;
L:TestS3Cors)."""

import pytest
from harness.expect import assert_error, assert_status, s3_error
from harness.raw_http import request_bytes

PAGE = "https://localhost:4200"
VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
NOT_ALLOWED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of "
    "Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are "
    "not whitelisted by the resource's CORS spec."
)


def rule(**changes):
    base = {"AllowedOrigins": [PAGE], "AllowedMethods": ["GET", "PUT"], "MaxAgeSeconds": 3000}
    return {**base, **changes}


def set_rules(s3, bucket, *rules):
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": list(rules)})


def cors_headers(response):
    """What of the answer is for browsers."""
    return {
        name.lower(): value
        for name, value in response.headers
        if name.lower().startswith("access-control-") or name.lower() == "vary"
    }


def preflight(raw, path, origin=PAGE, method=None, headers=None):
    """An OPTIONS request as browsers send it: unsigned."""
    wire = [("Host", raw.authority)]
    for name, value in (
        ("Origin", origin),
        ("Access-Control-Request-Method", method),
        ("Access-Control-Request-Headers", headers),
    ):
        if value is not None:
            wire.append((name, value))
    return raw.send_raw(request_bytes("OPTIONS", path, wire))


@pytest.fixture
def key(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"test-cors")
    return f"/{bucket}/k"


# --- the document


def test_rules_are_kept_and_given_back_as_sent(s3, bucket):
    """L:test_put_cors, test_cors_match_headers: order and case of everything stay."""
    rules = [
        rule(
            ID="first",
            AllowedOrigins=["https://test.com", "https://app.test.com", "http://test.com:80"],
            AllowedMethods=["GET", "PUT", "HEAD"],
            AllowedHeaders=["x-amz-expected-bucket-owner", "x-AMZ-server-SIDE-encryption"],
            ExposeHeaders=["ETag", "x-amz-request-id"],
        ),
        {"AllowedMethods": ["DELETE", "POST"], "AllowedOrigins": ["*"]},
    ]
    set_rules(s3, bucket, *rules)
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == rules


def test_an_empty_origin_is_kept(s3, bucket):
    """L:test_put_cors_empty_origin."""
    set_rules(s3, bucket, rule(AllowedOrigins=[""]))
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"][0]["AllowedOrigins"] == [""]


def test_rules_are_replaced_and_deleted(s3, bucket):
    """L:test_get_cors, test_delete_cors."""
    with s3_error(404, "NoSuchCORSConfiguration", BucketName=bucket) as caught:
        s3.get_bucket_cors(Bucket=bucket)
    assert caught.error["Message"] == "The CORS configuration does not exist"
    deleted = s3.delete_bucket_cors(Bucket=bucket)
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    set_rules(s3, bucket, rule())
    set_rules(s3, bucket, rule(AllowedMethods=["HEAD"]))
    (only,) = s3.get_bucket_cors(Bucket=bucket)["CORSRules"]
    assert only["AllowedMethods"] == ["HEAD"]
    s3.delete_bucket_cors(Bucket=bucket)
    with s3_error(404, "NoSuchCORSConfiguration"):
        s3.get_bucket_cors(Bucket=bucket)


def test_cors_of_a_missing_bucket(s3):
    """L:test_get_cors."""
    name = "no-such-bucket-here"
    for call in (s3.get_bucket_cors, s3.delete_bucket_cors):
        with s3_error(404, "NoSuchBucket", BucketName=name):
            call(Bucket=name)
    with s3_error(404, "NoSuchBucket", BucketName=name):
        set_rules(s3, name, rule())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"AllowedMethods": ["MYMETHOD"]},
            "Found unsupported HTTP method in CORS config. Unsupported method is MYMETHOD",
        ),
        (
            {"AllowedMethods": ["OPTIONS"]},
            "Found unsupported HTTP method in CORS config. Unsupported method is OPTIONS",
        ),
        (
            {"AllowedOrigins": ["*example*.com"]},
            'AllowedOrigin "*example*.com" can not have more than one wildcard.',
        ),
        (
            {"AllowedHeaders": ["*-*"]},
            'AllowedHeader "*-*" can not have more than one wildcard.',
        ),
        (
            {"ExposeHeaders": ["*"]},
            'ExposeHeader "*" contains wildcard. We currently do not support wildcard for '
            "ExposeHeader.",
        ),
    ],
)
def test_rules_that_are_not_allowed(s3, bucket, changes, message):
    """L:test_put_cors_invalid_rules: refused as a whole, what was set before stays."""
    set_rules(s3, bucket, rule())
    with s3_error(400, "InvalidRequest") as caught:
        set_rules(s3, bucket, rule(AllowedMethods=["HEAD"]), rule(**changes))
    assert caught.error["Message"] == message
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [rule()]


def test_no_more_than_a_hundred_rules(s3, bucket):
    """The limit that AWS documents."""
    set_rules(s3, bucket, *[rule()] * 100)
    with s3_error(400, "InvalidRequest"):
        set_rules(s3, bucket, *[rule()] * 101)
    assert len(s3.get_bucket_cors(Bucket=bucket)["CORSRules"]) == 100


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<CORSConfiguration/>",
        b"<CORSConfiguration><CORSRule/></CORSConfiguration>",
        b"<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod></CORSRule>"
        b"</CORSConfiguration>",
        b"<CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>",
        b"<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod>"
        b"<AllowedOrigin>*</AllowedOrigin><MaxAgeSeconds>soon</MaxAgeSeconds></CORSRule>"
        b"</CORSConfiguration>",
    ],
)
def test_documents_that_are_malformed(raw, bucket, body):
    """L:test_put_cors_invalid_rules."""
    assert_error(raw.call("PUT", f"/{bucket}", [("cors", None)], body=body), 400, "MalformedXML")


# --- preflights


def test_a_preflight_is_allowed_by_a_rule(raw, s3, key, bucket):
    """L:test_cors_match_origins: unsigned, and the key need not be there."""
    set_rules(s3, bucket, rule(AllowedHeaders=["*"]))
    for path in (key, f"/{bucket}/not-there", f"/{bucket}"):
        response = assert_status(preflight(raw, path, method="PUT"), 200)
        assert response.body == b"" and response.header("content-length") == "0"
        assert cors_headers(response) == {
            "access-control-allow-credentials": "true",
            "access-control-allow-methods": "GET, PUT",
            "access-control-allow-origin": PAGE,
            "access-control-max-age": "3000",
            "vary": VARY,
        }


def test_a_rule_for_everybody_names_no_origin(raw, s3, key, bucket):
    """L:test_cors_match_origins, test_put_cors_default_values: and no credentials."""
    set_rules(s3, bucket, {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]})
    assert cors_headers(preflight(raw, key, "http://random:1234", "GET")) == {
        "access-control-allow-methods": "GET",
        "access-control-allow-origin": "*",
        "vary": VARY,
    }


@pytest.mark.parametrize(
    ("pattern", "origin", "allowed"),
    [
        ("http://*.origin.com", "http://test.origin.com", True),
        ("http://*.origin.com", "http://test.origin.com/", False),
        ("start*end", "startend", True),
        ("start*end", "start12end", True),
        ("start*end", "0start12end", False),
        ("*suffix", "foo.suffix.get", False),
        (PAGE, "http://localhost:4200", False),
    ],
)
def test_origins_match_as_a_whole(raw, s3, bucket, pattern, origin, allowed):
    """L:test_cors_options_match_partial_origin, T:test_cors_origin_response."""
    set_rules(s3, bucket, rule(AllowedOrigins=[pattern]))
    response = preflight(raw, f"/{bucket}", origin, "GET")
    if allowed:
        assert_status(response, 200)
        assert response.header("access-control-allow-origin") == origin
    else:
        error = assert_error(
            response, 403, "AccessForbidden", Method="GET", ResourceType="BUCKET"
        )
        assert error["Message"] == NOT_ALLOWED and cors_headers(response) == {}


def test_a_method_that_no_rule_allows(raw, s3, key, bucket):
    """L:test_cors_match_methods."""
    set_rules(s3, bucket, rule(AllowedMethods=["GET"]))
    response = preflight(raw, key, method="PUT")
    error = assert_error(response, 403, "AccessForbidden", Method="PUT", ResourceType="OBJECT")
    assert error["Message"] == NOT_ALLOWED
    assert list(error)[:4] == ["Code", "Message", "Method", "ResourceType"]


def test_requested_headers_are_answered_in_lower_case(raw, s3, key, bucket):
    """L:test_cors_match_headers."""
    set_rules(
        s3, bucket, rule(AllowedHeaders=["x-amz-expected-bucket-owner", "x-AMZ-server-*"])
    )
    name = "access-control-allow-headers"
    for asked in (
        "x-AMZ-expected-BUCKET-owner, x-amz-server-side-encryption",
        "x-amz-expected-bucket-owner,x-amz-server-side-encryption",
    ):
        response = assert_status(preflight(raw, key, method="GET", headers=asked), 200)
        assert response.header(name) == (
            "x-amz-expected-bucket-owner, x-amz-server-side-encryption"
        )
    refused = preflight(raw, key, method="GET", headers="x-amz-request-payer")
    assert_error(refused, 403, "AccessForbidden", Method="GET", ResourceType="OBJECT")


def test_a_rule_without_headers_allows_none(raw, s3, key, bucket):
    """L:test_put_cors_default_values."""
    set_rules(s3, bucket, rule())
    assert_error(preflight(raw, key, method="GET", headers="x-a"), 403, "AccessForbidden")


def test_exposed_headers_are_told(raw, s3, key, bucket):
    """L:test_cors_expose_headers."""
    set_rules(s3, bucket, rule(ExposeHeaders=["x-amz-id-2", "x-amz-request-id"]))
    response = preflight(raw, key, method="GET")
    assert response.header("access-control-expose-headers") == "x-amz-id-2, x-amz-request-id"


def test_a_preflight_without_an_origin(raw, bucket):
    """L:test_cors_http_options_no_config: whatever the bucket."""
    for path in (f"/{bucket}", f"/{bucket}/k", "/no-such-bucket-here/k"):
        error = assert_error(preflight(raw, path, origin=None), 400, "BadRequest")
        assert error["Message"] == "Insufficient information. Origin request header needed."


def test_a_preflight_without_a_method(raw, s3, bucket):
    """T:test_cors_origin_response."""
    set_rules(s3, bucket, rule())
    error = assert_error(preflight(raw, f"/{bucket}"), 400, "BadRequest")
    assert error["Message"] == "Invalid Access-Control-Request-Method: null"


@pytest.mark.parametrize(("method", "shown"), [("PUT", "PUT"), (None, "OPTIONS")])
def test_a_preflight_where_nothing_is_set(raw, key, method, shown):
    """L:test_cors_http_options_no_config: of a bucket, even when a key is asked for."""
    response = preflight(raw, key, method=method)
    error = assert_error(response, 403, "AccessForbidden", Method=shown, ResourceType="BUCKET")
    assert error["Message"] == "CORSResponse: CORS is not enabled for this bucket."
    assert cors_headers(response) == {}


@pytest.mark.parametrize("path", ["/no-such-bucket-here/k", "/Not_A_Bucket", "/"])
def test_a_preflight_of_a_missing_bucket(raw, path):
    """L:test_cors_http_options_non_existent_bucket."""
    error = assert_error(
        preflight(raw, path), 403, "AccessForbidden", Method="OPTIONS", ResourceType="BUCKET"
    )
    assert error["Message"] == "CORSResponse: Bucket not found"


def test_a_preflight_of_a_presigned_url(raw, s3, bucket):
    """T:test_cors_presigned_put_object: what the query signs is the call to come."""
    set_rules(s3, bucket, rule())
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
    target = url[url.index(f"/{bucket}") :]
    assert_status(preflight(raw, target, method="PUT"), 200)
    assert_error(preflight(raw, target, method="DELETE"), 403, "AccessForbidden")


# --- calls of pages


def from_page(raw, method, path, origin=PAGE, more=None, **options):
    return raw.call(method, path, headers={"Origin": origin, **(more or {})}, **options)


def test_a_page_that_is_allowed_may_read_the_answer(raw, s3, key, bucket):
    """L:test_cors_match_origins."""
    set_rules(s3, bucket, rule(ExposeHeaders=["ETag"]))
    response = assert_status(from_page(raw, "GET", key), 200)
    assert response.body == b"test-cors"
    assert cors_headers(response) == {
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET, PUT",
        "access-control-allow-origin": PAGE,
        "access-control-expose-headers": "ETag",
        "access-control-max-age": "3000",
        "vary": VARY,
    }


@pytest.mark.parametrize("method", ["PUT", "HEAD", "DELETE", "POST"])
def test_every_kind_of_answer_is_marked(raw, s3, key, bucket, method):
    """Bodies that are streamed, small, empty or absent."""
    set_rules(s3, bucket, rule(AllowedMethods=["PUT", "HEAD", "DELETE", "POST"]))
    query = [("uploads", None)] if method == "POST" else ()
    response = assert_status(from_page(raw, method, key, query=query), 200, 204)
    assert response.header("access-control-allow-origin") == PAGE


def test_a_page_that_is_not_allowed_is_served_and_not_marked(raw, s3, key, bucket):
    """L:test_cors_match_origins, test_cors_match_methods: the browser is what keeps it away."""
    set_rules(s3, bucket, rule(AllowedMethods=["GET"]))
    for response in (
        from_page(raw, "GET", key, origin="http://localhost:4200"),
        from_page(raw, "PUT", key, body=b"test-cors"),
        from_page(raw, "GET", key, more={"Access-Control-Request-Method": "PUT"}),
        from_page(raw, "GET", key, more={"Access-Control-Request-Headers": "x-a"}),
        raw.call("GET", key),
    ):
        assert_status(response, 200)
        assert cors_headers(response) == {}


def test_without_rules_no_answer_is_marked(raw, key):
    """L:test_cors_http_get_no_config."""
    response = assert_status(from_page(raw, "GET", key), 200)
    assert cors_headers(response) == {}


def test_pages_may_read_why_they_were_refused(raw, s3, key, bucket):
    """T:test_cors_origin_response: what is missing, unsigned or wrongly signed."""
    set_rules(s3, bucket, rule())
    missing = from_page(raw, "GET", f"/{bucket}/not-there")
    assert_error(missing, 404, "NoSuchKey")
    unsigned = from_page(raw, "GET", key, sign=False)
    assert_error(unsigned, 403, "AccessDenied")
    unknown = from_page(raw, "PUT", key, query=[("torrent", None)])
    assert unknown.status in (405, 501)
    for response in (missing, unsigned, unknown):
        assert response.header("access-control-allow-origin") == PAGE
        assert response.header("vary") == VARY


def test_a_cached_answer_of_a_304_is_marked(raw, s3, key, bucket):
    """A browser checks the headers of the 304 too."""
    set_rules(s3, bucket, rule())
    etag = raw.call("HEAD", key).header("etag")
    response = from_page(raw, "GET", key, more={"If-None-Match": etag})
    assert_status(response, 304)
    assert response.header("access-control-allow-origin") == PAGE


def test_rules_take_effect_at_once(raw, s3, key, bucket):
    """No answer is made by rules that are gone."""
    set_rules(s3, bucket, rule())
    assert cors_headers(from_page(raw, "GET", key))
    set_rules(s3, bucket, rule(AllowedOrigins=["https://other"]))
    assert not cors_headers(from_page(raw, "GET", key))
    assert_error(preflight(raw, key, method="GET"), 403, "AccessForbidden")
    s3.delete_bucket_cors(Bucket=bucket)
    assert not cors_headers(from_page(raw, "GET", key, origin="https://other"))
