"""The cases of the SigV4 matrix, and the bytes of each (security notes 4.3).

A case is a row of the server's own route table x where the credentials are x how the payload is
declared x one thing done to the request. What is made is a request that would be served (real
bucket, object and upload, a body that the operation takes) but for that one thing, so that an
answer of 2xx to a mutated one is a hole. Combinations without a meaning are left out by the rules
in `applies`.

Not here: credentials in the fields of a browser form (POST object has tests of its own; any other
operation must not look there at all, which is one case a route and mode), and CORS preflights,
which carry no credentials by design.
"""

import base64
import dataclasses
import datetime
import hashlib
import json

from harness import sigv4
from harness.checksums import checksum, header
from harness.raw_http import request_bytes

LOCATIONS = ("none", "header", "query", "form", "header+query")
HASH, EMPTY, UNSIGNED, ABSENT = "hash", "empty", "unsigned", "absent"
SIGNED, SIGNED_TRAILER = "streaming", "streaming-trailer"
UNSIGNED_TRAILER = "unsigned-trailer"
MODES = (HASH, EMPTY, UNSIGNED, ABSENT, SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER)
STREAMING = {
    SIGNED: sigv4.STREAMING_SIGNED,
    SIGNED_TRAILER: sigv4.STREAMING_SIGNED_TRAILER,
    UNSIGNED_TRAILER: sigv4.STREAMING_UNSIGNED_TRAILER,
}
TRAILER_MODES = (SIGNED_TRAILER, UNSIGNED_TRAILER)

# Every chunk but the last has at least 8192 bytes. Small enough to be checked before a shard is
# written.
UPLOAD = b"a" * 8192 + b"b" * 100
UPLOADS = ("PutObject", "UploadPart")
PROBE = ("x-amz-meta-probe", "1")  # a signed header that may be taken away
PARAMETER_VALUES = {"partNumber": "1", "id": "x", "annotationName": "x"}
FORM_TYPE = "multipart/form-data; boundary=b"

NOT_MATCHING = (403, "SignatureDoesNotMatch")
DENIED = (403, "AccessDenied")


@dataclasses.dataclass(frozen=True)
class Target:
    """What the requests of a run are aimed at."""

    host: str
    bucket: str
    spare: str  # a name that no bucket has
    upload_id: str
    etag: str  # of the upload's only part
    strangers: dict  # of STRANGERS, who signs
    key: str = "k"


@dataclasses.dataclass(frozen=True)
class Case:
    route: dict
    location: str
    mode: str
    mutation: str

    @property
    def operation(self):
        return self.route["operation"]

    def __str__(self):
        return f"{self.operation} / {self.location} / {self.mode} / {self.mutation}"


@dataclasses.dataclass
class Draft:
    """A request between signing and sending."""

    method: str
    path: str
    query: list
    headers: list
    body: bytes

    def wire(self):
        target = self.path + ("?" + sigv4.encode_query(self.query) if self.query else "")
        headers = self.headers
        if self.body or self.method in ("PUT", "POST"):
            headers = [*headers, ("Content-Length", str(len(self.body)))]
        return request_bytes(self.method, target, headers, self.body)

    def edit_header(self, name, change):
        """`change` gives the new value, None to take the header away."""
        edited = [(n, change(v) if n.lower() == name else v) for n, v in self.headers]
        self.headers = [(n, v) for n, v in edited if v is not None]

    def edit_parameter(self, name, change):
        self.query = [(n, change(v) if n == name else v) for n, v in self.query]


class OtherDaySigner(sigv4.Signer):
    """Signs properly, but with a credential scope of the day before the request's date."""

    def scope(self, moment):
        return super().scope(moment - datetime.timedelta(days=1))

    def signing_key(self, moment):
        return super().signing_key(moment - datetime.timedelta(days=1))


# ---- what is done to a request

BEFORE = {  # how the signer or the clock of the client is wrong
    "wrong_secret": lambda s: dataclasses.replace(s, secret_key=s.secret_key[::-1] + "x"),
    "unknown_key": lambda s: dataclasses.replace(s, access_key="AKIAUNKNOWNUNKNOWN00"),
    "wrong_region": lambda s: dataclasses.replace(s, region="eu-central-1"),
    "wrong_service": lambda s: dataclasses.replace(s, service="iam"),
    "wrong_date": lambda s: OtherDaySigner(s.access_key, s.secret_key, s.region),
}
# Whose signature is right and does not help: a key that was switched off, of a user who may do
# everything here; an account that may do nothing here.
STRANGERS = ("disabled_key", "other_account")
MINUTES = {"expired": -16, "future": 16}
ALTERED = ("signature_bit", "empty_signature", "unsigned_amz_header", "removed_signed_header")
ALTERED += ("duplicate_header", "duplicate_credential", "altered_query", "altered_path")
FOR_BODIES = ("altered_body_byte", "altered_chunk_signature", "missing_final_chunk")
FOR_BODIES += ("wrong_decoded_length", "extra_trailer")
MUTATIONS = ("none", *BEFORE, *STRANGERS, *MINUTES, *ALTERED, *FOR_BODIES)


def flip_last_digit(text):
    return text[:-1] + ("0" if text[-1] != "0" else "1")


def alter_signature(draft, case, change):
    if case.location == "query":
        draft.edit_parameter("X-Amz-Signature", change)
        return

    def in_header(value):
        head, signature = value.rsplit("=", 1)
        return f"{head}={change(signature)}"

    draft.edit_header("authorization", in_header)


def alter(draft, case):
    """What happens to the request after it was signed."""
    name = case.mutation
    if name == "signature_bit":
        alter_signature(draft, case, flip_last_digit)
    elif name == "empty_signature":
        alter_signature(draft, case, lambda _: "")
    elif name == "unsigned_amz_header":
        draft.headers.append(("x-amz-meta-smuggled", "1"))
    elif name == "removed_signed_header":
        draft.edit_header(PROBE[0], lambda _: None)
    elif name == "duplicate_header":
        draft.headers.append(PROBE)
    elif name == "duplicate_credential" and case.location == "query":
        draft.query.append(next(pair for pair in draft.query if pair[0] == "X-Amz-Signature"))
    elif name == "duplicate_credential":
        draft.headers.append(next(h for h in draft.headers if h[0] == "Authorization"))
    elif name == "altered_query":
        draft.query.append(("x-added", "1"))
    elif name == "altered_path":
        # Another key, or the name of the bucket written as S3 reads it but nobody signed it.
        draft.path = draft.path[:-1] + "%256B" if case.route["level"] == "object" else draft.path + "/"
    elif name == "altered_body_byte":
        at = draft.body.index(b"aaaa") if b"aaaa" in draft.body else len(draft.body) // 2
        draft.body = draft.body[:at] + bytes([draft.body[at] ^ 1]) + draft.body[at + 1 :]
    elif name == "altered_chunk_signature":
        at = draft.body.index(b"chunk-signature=") + 20
        digit = b"0" if draft.body[at : at + 1] != b"0" else b"1"
        draft.body = draft.body[:at] + digit + draft.body[at + 1 :]


def applies(case):
    """Whether the combination means something. Each `return` is one rule."""
    operation, mutation, method = case.operation, case.mutation, case.route["method"]
    if case.location in ("none", "header+query"):
        return mutation == "none"
    if case.location == "form":
        # Only POST object reads a form; elsewhere credentials in one are no credentials.
        return mutation == "none" and method in ("PUT", "POST") and operation != "PostObject"
    if case.location == "header" and case.mode == ABSENT:
        return mutation == "none"  # refused for that alone
    if mutation == "altered_path" and case.route["level"] == "service":
        return False  # there is no name to write in another way
    if mutation == "other_account" and (case.route["level"] == "service" or operation == "CreateBucket"):
        return False  # those it may do: its own buckets are meant
    if mutation == "other_account" and operation == "DeleteObjects":
        return False  # refuses key by key (test_acl.py)
    if mutation in FOR_BODIES:
        return body_mutation_applies(case)
    return True


def body_mutation_applies(case):
    operation, mutation, mode = case.operation, case.mutation, case.mode
    if operation in UPLOADS:
        if mutation == "altered_body_byte":
            # In the mode "unsigned" the header with the checksum is signed, and covers the body.
            return mode in (HASH, UNSIGNED, *STREAMING)
        if mutation == "altered_chunk_signature":
            return mode in (SIGNED, SIGNED_TRAILER)
        if mutation == "extra_trailer":
            return mode in TRAILER_MODES
        return mode in STREAMING
    return operation in SMALL_BODIES and mutation == "altered_body_byte" and mode == HASH


# ---- requests

TAGS = b"<Tagging><TagSet><Tag><Key>aaaa</Key><Value>b</Value></Tag></TagSet></Tagging>"
# Operations that read a small document, and one they would act on.
SMALL_BODIES = {
    "CreateBucket": b"<CreateBucketConfiguration><LocationConstraint></LocationConstraint>"
    b"</CreateBucketConfiguration>",
    "PutBucketTagging": TAGS,
    "PutObjectTagging": TAGS,
    "PutBucketVersioning": b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
    "PutObjectLockConfiguration": b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>"
    b"</ObjectLockConfiguration>",
    "PutObjectLegalHold": b"<LegalHold><Status>ON</Status></LegalHold>",
    "PutObjectRetention": b"<Retention><Mode>GOVERNANCE</Mode>"
    b"<RetainUntilDate>2099-01-01T00:00:00Z</RetainUntilDate></Retention>",
    "DeleteObjects": b"<Delete><Object><Key>k</Key></Object></Delete>",
    "CompleteMultipartUpload": b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
    b"<ETag>%s</ETag></Part></CompleteMultipartUpload>",
}


def body_of(route, target):
    if route["method"] not in ("PUT", "POST"):
        return b""
    operation = route["operation"]
    if operation in UPLOADS:
        return UPLOAD
    if operation == "CompleteMultipartUpload":
        return SMALL_BODIES[operation] % target.etag.encode()
    if operation in ("CopyObject", "UploadPartCopy", "CreateMultipartUpload"):
        return b""
    return SMALL_BODIES.get(operation, b"<x/>")


def address_of(route, target):
    """(path, query, headers) that the router takes for this row."""
    bucket = target.spare if route["operation"] == "CreateBucket" else target.bucket
    path = {"service": "/", "bucket": f"/{bucket}", "object": f"/{bucket}/{target.key}"}[route["level"]]
    query, headers = [], []
    for mark in route["marks"].split(" ") if route["marks"] else ():
        if not mark.startswith("?"):
            name, value = mark.split(":", 1)
            value = {"x-amz-copy-source": f"{target.bucket}/{target.key}", "content-type": FORM_TYPE}.get(name, value)
            headers.append((name, value or "x"))
            continue
        name, _, value = mark[1:].partition("=")
        known = {**PARAMETER_VALUES, "uploadId": target.upload_id}
        query.append((name, value or known.get(name)))
    if route["operation"] == "GetObjectAttributes":
        headers.append(("x-amz-object-attributes", "ETag"))
    return path, query, headers


def payload_headers(case, body):
    """Headers that the payload mode brings along, all of them signed."""
    headers = []
    if case.operation == "DeleteObjects":
        headers.append(("Content-MD5", base64.b64encode(hashlib.md5(body).digest()).decode()))
    if case.mode == UNSIGNED and case.operation in UPLOADS:
        headers.append((header("CRC32"), checksum("CRC32", body)))
    if case.mode in STREAMING:
        wrong = case.mutation == "wrong_decoded_length"
        headers.append(("x-amz-decoded-content-length", str(len(body) + wrong)))
    if case.mode in TRAILER_MODES:
        headers.append(("x-amz-trailer", header("CRC32")))
    return headers


def payload_hash(case, body):
    if case.mode == HASH:
        return sigv4.sha256_hex(body)
    if case.mode == EMPTY:
        return sigv4.EMPTY_SHA256
    if case.mode == UNSIGNED:
        return sigv4.UNSIGNED_PAYLOAD
    return STREAMING.get(case.mode)


def framed(case, signer, moment, seed, body):
    """The body as it is sent."""
    if case.mode == EMPTY or case.route["method"] not in ("PUT", "POST"):
        return b""
    if case.mode not in STREAMING:
        return body
    final = case.mutation != "missing_final_chunk"
    pieces = [piece for piece in (body[:8192], body[8192:]) if piece]
    trailers = [(header("CRC32"), checksum("CRC32", body))] if final else []
    if case.mutation == "extra_trailer":
        trailers.append(("x-amz-meta-smuggled", "1"))
    if case.mode == UNSIGNED_TRAILER:
        return sigv4.unsigned_chunks(pieces, trailers, final)
    return signer.signed_chunks(moment, seed, pieces, trailers if case.mode == SIGNED_TRAILER else None, final)


def form_body(signer, moment):
    """Valid credentials where only POST object may look for them."""
    policy = base64.b64encode(json.dumps({"expiration": "2099-01-01T00:00:00Z", "conditions": []}).encode()).decode()
    fields = {
        "key": "k",
        "policy": policy,
        "x-amz-algorithm": sigv4.ALGORITHM,
        "x-amz-credential": f"{signer.access_key}/{signer.scope(moment)}",
        "x-amz-date": sigv4.amz_date(moment),
        "x-amz-signature": signer.mac(moment, policy),
        "file": "new",
    }
    parts = (f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items())
    return "".join(parts).encode() + b"--b--\r\n"


def request_of(case, target, signer, now=None):
    """The bytes of the case's request."""
    moment = (now or sigv4.utc_now()) + datetime.timedelta(minutes=MINUTES.get(case.mutation, 0))
    signer = target.strangers.get(case.mutation) or BEFORE.get(case.mutation, lambda s: s)(signer)
    body = body_of(case.route, target)
    path, query, headers = address_of(case.route, target)
    headers = [("Host", target.host), PROBE, *headers, *payload_headers(case, body)]
    digest, seed = payload_hash(case, body), "0" * 64
    if case.location == "form":
        headers = [h for h in headers if h[0] != "content-type"] + [("Content-Type", FORM_TYPE)]
        return Draft(case.route["method"], path, query, headers, form_body(signer, moment)).wire()
    if case.location in ("query", "header+query"):
        in_header = [] if digest is None else [("x-amz-content-sha256", digest)]
        headers = [*headers, *in_header]
        query = signer.presign(
            case.route["method"], path, query, headers, 300, moment, digest or sigv4.UNSIGNED_PAYLOAD
        )
        seed = query[-1][1]
    if case.location in ("header", "header+query"):
        headers, seed = signer.authorize(
            case.route["method"], path, query, [h for h in headers if h[0] != "x-amz-content-sha256"], digest, moment
        )
    if case.location == "none" and digest is not None:
        headers.append(("x-amz-content-sha256", digest))
    draft = Draft(case.route["method"], path, list(query), list(headers), framed(case, signer, moment, seed, body))
    alter(draft, case)
    return draft.wire()


# ---- answers

FOR_BODY_ANSWERS = {
    ("altered_body_byte", HASH): {(400, "XAmzContentSHA256Mismatch")},
    ("altered_body_byte", UNSIGNED): {(400, "BadDigest")},
    ("altered_body_byte", UNSIGNED_TRAILER): {(400, "BadDigest")},
    ("altered_body_byte", SIGNED): {NOT_MATCHING},
    ("altered_body_byte", SIGNED_TRAILER): {NOT_MATCHING},
    ("altered_chunk_signature", SIGNED): {NOT_MATCHING},
    ("altered_chunk_signature", SIGNED_TRAILER): {NOT_MATCHING},
    ("missing_final_chunk", SIGNED): {(400, "IncompleteBody")},
    ("missing_final_chunk", SIGNED_TRAILER): {(400, "IncompleteBody")},
    ("missing_final_chunk", UNSIGNED_TRAILER): {(400, "IncompleteBody")},
    ("wrong_decoded_length", SIGNED): {(400, "IncompleteBody")},
    ("wrong_decoded_length", SIGNED_TRAILER): {(400, "IncompleteBody")},
    ("wrong_decoded_length", UNSIGNED_TRAILER): {(400, "IncompleteBody")},
    ("extra_trailer", SIGNED_TRAILER): {(400, "MalformedTrailerError")},
    ("extra_trailer", UNSIGNED_TRAILER): {(400, "MalformedTrailerError")},
}


def refusals(case):
    """The (status, code) pairs that may answer a case; empty when it must be accepted."""
    if case.location in ("none", "form"):
        return {DENIED}
    # The credentials of a POST upload lie in its form: any others are one method too many.
    if case.location == "header+query" or case.operation == "PostObject":
        return {(400, "InvalidArgument")}
    in_query = case.location == "query"
    malformed = {(400, "AuthorizationQueryParametersError" if in_query else "AuthorizationHeaderMalformed")}
    if case.mutation == "none":
        return {(400, "InvalidRequest")} if case.mode == ABSENT and not in_query else set()
    if case.mutation in FOR_BODIES:
        return FOR_BODY_ANSWERS[case.mutation, case.mode]
    if case.mutation == "other_account":
        # What nobody can do is told to whoever has keys, and says nothing about the bucket.
        return {DENIED} if case.route["support"] != "not built" else {(501, "NotImplemented")}
    if case.mutation in ("unknown_key", "disabled_key"):
        return {(403, "InvalidAccessKeyId")}
    if case.mutation in ("wrong_region", "wrong_service", "wrong_date"):
        return malformed
    if case.mutation in MINUTES:
        return {DENIED if in_query else (403, "RequestTimeTooSkewed")}
    if case.mutation == "unsigned_amz_header":
        return {DENIED}
    if case.mutation == "duplicate_credential":
        return malformed if in_query else {(400, "InvalidArgument")}
    return {NOT_MATCHING}


def is_refused_by_its_body(case):
    """Such a request is authenticated: its operation has begun when its body shows to be wrong."""
    return case.mutation in FOR_BODIES


def cases(routes):
    """All cases of a route table, as `ashlar routes` prints it."""
    for route in routes:
        if route["same_request_as"] or route["method"] == "OPTIONS":
            continue
        for location in LOCATIONS:
            for mode in MODES:
                for mutation in MUTATIONS:
                    case = Case(route, location, mode, mutation)
                    if applies(case):
                        yield case
