"""POST Object: what is refused, and that nothing is stored then (note 57; L:TestS3PresignedPost;
CVE-2021-21362, CVE-2023-28434, CVE-2023-43040)."""

import pytest
from harness.expect import assert_error, assert_status
from harness.post_form import BOUNDARY, end, form, keys, policy, presign, send, sign


# --- the policy refuses


def test_expired(s3, raw, nothing_stored):
    """L:test_post_request_expires."""
    document = policy(nothing_stored, expires_s=-1)
    error = assert_error(send(raw, nothing_stored, form(sign(raw, document))), 403, "AccessDenied")
    assert error["Message"] == "Invalid according to Policy: Policy expired."


def test_a_changed_policy(s3, raw, nothing_stored):
    """L:test_post_request_malformed_policy."""
    fields = {**presign(s3, nothing_stored), "policy": "invalid"}
    error = assert_error(
        send(raw, nothing_stored, form(fields)),
        403,
        "SignatureDoesNotMatch",
        AWSAccessKeyId=raw.signer.access_key,
        StringToSign="invalid",
        StringToSignBytes="69 6e 76 61 6c 69 64",
        SignatureProvided=fields["x-amz-signature"],
    )
    assert "CanonicalRequest" not in error


@pytest.mark.parametrize(
    "name", ["X-Amz-Signature", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "policy", "key"]
)
def test_missing_fields(s3, raw, nothing_stored, name):
    """L:test_post_request_missing_signature, L:test_post_request_missing_fields."""
    fields = presign(s3, nothing_stored)
    del fields[name.lower() if name != "key" else "key"]
    error = assert_error(
        send(raw, nothing_stored, form(fields)),
        400,
        "InvalidArgument",
        ArgumentName=name,
        ArgumentValue="",
    )
    assert error["Message"] == (
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the "
        "order of the fields."
    )


def test_without_credentials_it_is_anonymous(s3, raw, nothing_stored):
    """L:test_post_request_missing_fields: the policy alone proves nothing."""
    fields = {"key": "k", "policy": presign(s3, nothing_stored)["policy"]}
    error = assert_error(send(raw, nothing_stored, form(fields)), 403, "AccessDenied")
    assert error["Message"] == "Access Denied"


@pytest.mark.http_only
@pytest.mark.parametrize(
    "fields, code, name",
    [
        ({"AWSAccessKeyId": "a"}, "InvalidArgument", "Signature"),
        ({"Signature": "a"}, "InvalidArgument", "AWSAccessKeyId"),
        ({"AWSAccessKeyId": "a", "Signature": "b"}, "InvalidRequest", None),
    ],
)
def test_signature_version_2_is_refused(s3, raw, nothing_stored, fields, code, name):
    fields = {"key": "k", "policy": "x", **fields}
    assert_error(send(raw, nothing_stored, form(fields)), 400, code, ArgumentName=name)


@pytest.mark.http_only
def test_unknown_keys_and_wrong_regions(s3, raw, nothing_stored):
    fields = presign(s3, nothing_stored)
    good = fields["x-amz-credential"]
    fields["x-amz-credential"] = good.replace(raw.signer.access_key, "AKIANOBODY")
    response = send(raw, nothing_stored, form(fields))
    assert_error(response, 403, "InvalidAccessKeyId", AWSAccessKeyId="AKIANOBODY")
    fields["x-amz-credential"] = good.replace("us-east-1", "eu-west-1")
    response = send(raw, nothing_stored, form(fields))
    assert_error(response, 400, "InvalidArgument", ArgumentName="X-Amz-Credential", Region="us-east-1")
    fields["x-amz-credential"] = good
    fields["x-amz-date"] = "19700101T000000Z"
    assert_error(send(raw, nothing_stored, form(fields)), 400, "InvalidArgument")


REDIRECT = "http://localhost.test/random"


@pytest.mark.parametrize(
    "condition, code, detail",
    [
        (
            ["eq", "$success_action_redirect", "http://localhost.test/other"],
            "AccessDenied",
            'Invalid according to Policy: Policy Condition failed: ["eq", '
            '"$success_action_redirect", "http://localhost.test/other"]',
        ),
        (
            ["eq", "success_action_redirect", REDIRECT],
            "AccessDenied",
            'Invalid according to Policy: Policy Condition failed: ["eq", '
            '"success_action_redirect", "http://localhost.test/random"]',
        ),
        (
            {"a": "b", "success_action_redirect": REDIRECT},
            "InvalidPolicyDocument",
            "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one "
            "property specified.",
        ),
        (
            ["eq", "$success_action_redirect", REDIRECT.replace("http", "HTTP")],
            "AccessDenied",
            'Invalid according to Policy: Policy Condition failed: ["eq", '
            '"$success_action_redirect", "HTTP://localhost.test/random"]',
        ),
        (
            ["starts-with", "$success_action_redirect", "http://elsewhere"],
            "AccessDenied",
            'Invalid according to Policy: Policy Condition failed: ["starts-with", '
            '"$success_action_redirect", "http://elsewhere"]',
        ),
        (
            {"success_action_redirect": "x"},
            "AccessDenied",
            'Invalid according to Policy: Policy Condition failed: ["eq", '
            '"$success_action_redirect", "x"]',
        ),
        (
            ["starts-with", "$x-amz-meta-absent", "a"],
            "AccessDenied",
            'Invalid according to Policy: Policy Condition failed: ["starts-with", '
            '"$x-amz-meta-absent", "a"]',
        ),
    ],
)
def test_conditions_that_fail(s3, raw, nothing_stored, condition, code, detail):
    """L:test_post_object_policy_conditions_validation_eq and ..._starts_with."""
    fields = presign(
        s3, nothing_stored, "k", {"success_action_redirect": REDIRECT}, conditions=[condition]
    )
    status = 403 if code == "AccessDenied" else 400
    assert assert_error(send(raw, nothing_stored, form(fields)), status, code)["Message"] == detail


@pytest.mark.http_only
@pytest.mark.parametrize(
    "name, value",
    [
        ("acl", "public-read"),
        ("x-amz-meta-a", "1"),
        ("Content-Type", "text/html"),
        ("tagging", "<Tagging/>"),
        ("x-amz-storage-class", "STANDARD"),
        ("success_action_redirect", "http://evil.test/"),
        ("utf8", "x"),
        ("x-ignorant", "x"),
    ],
)
def test_every_field_needs_a_condition(s3, raw, nothing_stored, name, value):
    """CVE-2023-28434 and S#9124: what the policy does not name, the form cannot say."""
    fields = {**presign(s3, nothing_stored), name: value}
    error = assert_error(send(raw, nothing_stored, form(fields)), 403, "AccessDenied")
    assert error["Message"] == f"Invalid according to Policy: Extra input fields: {name.lower()}"


@pytest.mark.http_only
def test_the_policy_names_the_bucket(s3, raw, nothing_stored, bucket_factory):
    """T:test_post_object_missing_policy_condition, CVE-2023-43040: neither form nor policy leads
    into another bucket than the URL's."""
    document = policy(nothing_stored)
    del document["conditions"][0]
    error = assert_error(send(raw, nothing_stored, form(sign(raw, document))), 403, "AccessDenied")
    assert error["Message"] == "Invalid according to Policy: Extra input fields: bucket"
    other = bucket_factory()
    fields = presign(s3, other)
    error = assert_error(send(raw, nothing_stored, form(fields)), 403, "AccessDenied")
    assert f'["eq", "$bucket", "{other}"]' in error["Message"]
    for name in ("bucket", "BUCKET"):
        fields = sign(raw, policy(nothing_stored), **{name: other})
        response = send(raw, nothing_stored, form(fields))
        assert_error(response, 400, "InvalidArgument", ArgumentName="bucket")
    assert keys(s3, other) == []
    fields = sign(raw, policy(other), bucket=other)
    assert_status(send(raw, other, form(fields)), 204)


@pytest.mark.http_only
@pytest.mark.parametrize(
    "document",
    [
        "no json",
        "[]",
        '{"conditions": []}',
        '{"expiration": "2033-01-01T00:00:00Z"}',
        '{"expiration": "soon", "conditions": []}',
        '{"expiration": "2033-01-01T00:00:00Z", "conditions": [{}]}',
        '{"expiration": "2033-01-01T00:00:00Z", "conditions": [["eq", "$key"]]}',
        '{"expiration": "2033-01-01T00:00:00Z", "conditions": [["content-length-range", 1]]}',
        '{"expiration": "2033-01-01T00:00:00Z", "conditions": [["is", "$key", "k"]]}',
        '{"expiration": "2033-01-01T00:00:00Z", "conditions": [' + "[" * 5000 + "]}",
    ],
)
def test_documents_that_are_no_policy(s3, raw, nothing_stored, document):
    response = send(raw, nothing_stored, form(sign(raw, document)))
    error = assert_error(response, 400, "InvalidPolicyDocument")
    assert error["Message"].startswith("Invalid Policy: ")



# --- broken forms


@pytest.mark.http_only
@pytest.mark.parametrize(
    "change",
    [
        lambda body: b"",
        lambda body: b"x" + body,
        lambda body: b"\r\n" + body,
        lambda body: body[: -len(end())],
        lambda body: body.replace(b"form-data; name", b"attachment; name", 1),
        lambda body: body.replace(b"; name", b"; nam", 1),
        lambda body: body.replace(b"\r\n", b"\n"),
        lambda body: body.replace(BOUNDARY.encode(), b"other"),
        lambda body: body.replace(b'; filename="my-file"', b'; filename="my-file'),
        lambda body: body.replace(b'"my-file"\r\n', b'"my-file"\r\n folded\r\n'),
        lambda body: body.replace(
            b'"my-file"\r\n', b'"my-file"\r\nContent-Transfer-Encoding: base64\r\n'
        ),
    ],
)
def test_malformed_forms(s3, raw, nothing_stored, change):
    body = change(form(presign(s3, nothing_stored)))
    error = assert_error(send(raw, nothing_stored, body), 400, "MalformedPOSTRequest")
    assert error["Message"].startswith(
        "The body of your POST request is not well-formed multipart/form-data."
    )


@pytest.mark.http_only
@pytest.mark.parametrize(
    "content_type, status, code",
    [
        ("multipart/form-data", 400, "MalformedPOSTRequest"),
        ("multipart/form-data; boundary=", 400, "MalformedPOSTRequest"),
        ("multipart/form-data; boundary=" + "b" * 71, 400, "MalformedPOSTRequest"),
        (f"multipart/form-data; boundary={BOUNDARY}; boundary=x", 400, "MalformedPOSTRequest"),
        (f"multipart/form-datax; boundary={BOUNDARY}", 412, "PreconditionFailed"),
        ("application/x-www-form-urlencoded", 412, "PreconditionFailed"),
        ("text/plain", 412, "PreconditionFailed"),
    ],
)
def test_content_types(s3, raw, nothing_stored, content_type, status, code):
    """L:test_post_object_with_wrong_content_type."""
    response = send(raw, nothing_stored, form(presign(s3, nothing_stored)), content_type)
    error = assert_error(response, status, code)
    if status == 412:
        assert error["Condition"] == (
            "Bucket POST must be of the enclosure-type multipart/form-data"
        )
        assert error["Message"] == "At least one of the pre-conditions you specified did not hold"


@pytest.mark.http_only
def test_no_file(s3, raw, nothing_stored):
    response = send(raw, nothing_stored, form(presign(s3, nothing_stored), file=None))
    error = assert_error(response, 400, "InvalidArgument", ArgumentName="file", ArgumentValue="0")
    assert error["Message"] == "POST requires exactly one file upload per request."


@pytest.mark.http_only
def test_fields_behind_the_file_are_not_there(s3, raw, nothing_stored):
    fields = presign(s3, nothing_stored)
    late = [("x-amz-signature", fields.pop("x-amz-signature"))]
    response = send(raw, nothing_stored, form(fields, late=late))
    assert_error(response, 400, "InvalidArgument", ArgumentName="X-Amz-Signature")


@pytest.mark.http_only
@pytest.mark.parametrize("name", ["key", "KEY", "Policy", "acl"])
def test_a_field_twice(s3, raw, nothing_stored, name):
    """Two readers could take different ones."""
    fields = presign(s3, nothing_stored, "k", {"acl": "private"})
    pairs = [*fields.items(), (name, "other")]
    response = send(raw, nothing_stored, form(pairs))
    assert_error(response, 400, "InvalidArgument", ArgumentName=name.lower())


@pytest.mark.http_only
@pytest.mark.parametrize(
    "pairs",
    [
        [("x-ignore-a", "v" * (20 * 1024 + 1))],
        [(f"x-ignore-{i}", "") for i in range(101)],
        [(f"x-ignore-{i}", "v" * 20 * 1024) for i in range(4)],
        [("x-ignore-" + "n" * 9000, "")],
    ],
)
def test_fields_are_bounded(s3, raw, nothing_stored, pairs):
    response = send(raw, nothing_stored, form([*pairs, *presign(s3, nothing_stored).items()]))
    assert_error(response, 400, "MaxPostPreDataLengthExceeded")


@pytest.mark.http_only
def test_a_form_has_a_length(s3, raw, nothing_stored):
    body = form(presign(s3, nothing_stored))
    chunked = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    headers = [("Transfer-Encoding", "chunked")]
    response = send(raw, nothing_stored, chunked, headers=headers, length=False)
    assert_error(response, 411, "MissingContentLength")


@pytest.mark.http_only
@pytest.mark.parametrize(
    "key, code",
    [("", "InvalidArgument"), ("k" * 1025, "KeyTooLongError"), (b"\xff", "InvalidArgument")],
)
def test_keys_that_are_none(s3, raw, nothing_stored, key, code):
    fields = {**presign(s3, nothing_stored, conditions=[["starts-with", "$key", ""]]), "key": key}
    assert_error(send(raw, nothing_stored, form(fields)), 400, code)


@pytest.mark.http_only
@pytest.mark.parametrize(
    "name, value",
    [
        ("Content-Type", "text/html\r\nX-Evil: 1"),
        ("x-amz-website-redirect-location", "/a\r\nX-Evil: 1"),
        ("x-amz-meta-a b", "1"),
        ("x-amz-meta-a:b", "1"),
    ],
)
def test_what_no_header_can_hold(s3, raw, nothing_stored, name, value):
    fields = presign(s3, nothing_stored, "k", {name: value})
    assert_error(send(raw, nothing_stored, form(fields)), 400, "InvalidArgument")



# --- more than one way to say it


@pytest.mark.http_only
def test_one_place_of_credentials(s3, raw, nothing_stored):
    """Credentials in header or query beside (or in place of) those of the form."""
    for fields in (presign(s3, nothing_stored), {"key": "k"}):
        body = form(fields)
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        response = raw.call("POST", f"/{nothing_stored}", headers=headers, body=body)
        assert_error(response, 400, "InvalidArgument", ArgumentName="Authorization")
        for query in ("?X-Amz-Signature=a", "?Signature=a", "?x-amz-credential=a"):
            response = send(raw, nothing_stored, body, query=query)
            assert response.status in (400, 501), str(response)


@pytest.mark.http_only
@pytest.mark.parametrize(
    "name", ["x-amz-acl", "x-amz-meta-a", "x-amz-tagging", "x-amz-content-sha256", "Content-MD5"]
)
def test_headers_that_no_policy_names(s3, raw, nothing_stored, name):
    """CVE-2021-21362's kind: what the policy forbids cannot come by a header."""
    response = send(raw, nothing_stored, form(presign(s3, nothing_stored)), headers=[(name, "x")])
    assert_error(response, 403, "AccessDenied", HeadersNotSigned=name.lower())


@pytest.mark.http_only
@pytest.mark.parametrize(
    "fields, status, code",
    [
        ({"x-amz-server-side-encryption": "AES256"}, 501, "NotImplemented"),
        ({"x-amz-copy-source": "a/b"}, 400, "InvalidArgument"),
        ({"acl": "no-such-acl"}, 400, "InvalidArgument"),
        ({"acl": "private", "x-amz-acl": "private"}, 400, "InvalidArgument"),
        ({"x-amz-object-lock-mode": "GOVERNANCE"}, 400, "InvalidArgument"),
        ({"x-amz-meta-a": "v" * 2048}, 400, "MetadataTooLarge"),
        ({"x-amz-security-token": "t"}, 400, "InvalidToken"),
        ({"x-amz-trailer": "x-amz-checksum-crc32"}, 400, "InvalidRequest"),
    ],
)
def test_fields_that_an_upload_refuses(s3, raw, nothing_stored, fields, status, code):
    response = send(raw, nothing_stored, form(presign(s3, nothing_stored, "k", fields)))
    assert response.status == status and response.code == code, str(response)


def test_a_bucket_that_is_not_there(s3, raw):
    name = "no-such-bucket-at-all"
    assert_error(send(raw, name, form(presign(s3, name))), 404, "NoSuchBucket")


@pytest.mark.http_only
def test_signed_queries_and_deletes_are_no_forms(s3, raw, nothing_stored):
    """Another operation's POST with the type of a form."""
    response = send(raw, nothing_stored, form({"key": "k"}), query="?delete")
    assert response.status in (400, 403), str(response)
