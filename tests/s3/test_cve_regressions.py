"""One test for each published vulnerability of another S3 store whose class exists here, named
after it (security notes 4.1). "M" is MinIO, "C" Ceph RGW, "S" SeaweedFS, "R" RustFS.

Here, below:
  M CVE-2018-1000538, M CVE-2022-31028, M CVE-2022-35919, M CVE-2023-28432, M CVE-2023-28433,
  M CVE-2024-36107, M CVE-2026-34204, M CVE-2026-40344, C CVE-2023-46159 (and six alike),
  C CVE-2020-1700 and -2019-3821, C CVE-2015-5245, -2020-10753 and -2021-3524, C CVE-2020-1760,
  C CVE-2018-16889, S CVE-2024-40120, S CVE-2026-73080, S CVE-2026-54917, S CVE-2026-55874,
  S GHSA-99q7-x53r-6j4g, S issue 2180, R CVE-2025-68926, R CVE-2026-46685, R a typo in XML changes
  retention, lakeFS CVE-2026-26187, lakeFS CVE-2025-27100, lakeFS GHSA-4rgc, s3-proxy
  CVE-2026-42882, quick-xml RUSTSEC-2026-0194.
Elsewhere:
  M CVE-2021-21390           auth_regression_test.cc, test_auth_streaming.py (chunk data, signatures)
  M CVE-2025-31489           auth_regression_test.cc, test_auth_streaming.py, test_sigv4_matrix.py
  M CVE-2026-41145           auth_regression_test.cc, test_auth_header.py, test_sigv4_matrix.py
  C CVE-2026-54330           auth_regression_test.cc, test_auth_presigned.py, test_sigv4_matrix.py
  M CVE-2020-11012           faults/test_admin.py (only the token opens the admin API)
  lakeFS CVE-2025-68671      auth_regression_test.cc
  versitygw GHSA-v2ch        test_auth_streaming.py (malformed framing), aws_chunked_fuzzer
  R no default secret        clients/test_startup.py (bad keys), and CVE-2025-68926 below
  M CVE-2021-21362, -2021-41137, -2021-43858, -2022-24842, -2023-27589, -2023-28434, -2024-24747,
  -2025-62506, C CVE-2023-43040, S CVE-2026-55873
                             test_cve_access.py
  M CVE-2023-25812           test_bucket_policy.py (a Deny of bypassing a retention)
  M CVE-2024-55949           test_iam.py (every action asks for its own right)
  C CVE-2016-7031            test_acl.py (authenticated-read)
  C CVE-2020-1760            also test_bucket_policy.py (anonymous readers do not choose headers)
  R CVE-2026-21862           test_bucket_policy.py (a client does not choose its address)
  lakeFS CVE-2024-43784      test_iam.py (a user made again does not regain keys or rights)
Nothing here that could have it yet (STS, OIDC, LDAP, KMS, notifications, console, select, a protocol
between nodes): to be added with the feature
  M 2021-21287 2023-33955 2025-27414 2026-33322 2026-33419 2026-39414 2026-42600
  C 2018-1128 2018-1129 2020-1699 2020-1759 2020-25660 2020-25678 2021-3509 2021-20288 2024-48916
    2026-39944 2026-50152
  S 2026-72920; R 2025-68705 2026-27822 2026-45039 2026-47136 2026-62378;
  etcd 2026-33343 2026-33413
"""

import base64
import dataclasses
import hashlib
import os
import re
import socket
import struct
import time
import urllib.parse

import pytest
from harness import sigv4
from harness.expect import assert_error, assert_status
from harness.helpers import Upload, empty_and_delete_bucket, new_bucket_name
from harness.raw_http import request_bytes

pytestmark = pytest.mark.http_only

MIB = 1 << 20
UNSIGNED_TRAILER = sigv4.STREAMING_UNSIGNED_TRAILER
PASSWORDS_OF_OTHERS = [
    ("minioadmin", "minioadmin"),
    ("minio", "minio123"),
    ("rustfsadmin", "rustfsadmin"),
    ("admin", "admin"),
    ("ashlar", "ashlar"),
    ("test", "test"),
    ("", ""),
]


@pytest.fixture
def path(raw, bucket):
    assert_status(raw.call("PUT", f"/{bucket}/k", body=b"old"), 200)
    return f"/{bucket}/k"


def unchanged(raw, path):
    assert raw.call("GET", path).body == b"old"


def anonymous(raw, method, target, headers=(), body=b""):
    wire = [("Host", raw.authority), *headers]
    if body:
        wire.append(("Content-Length", str(len(body))))
    return raw.send_raw(request_bytes(method, target, wire, body), method)


def own_process(server):
    """Skips where the suite runs against somebody else's process."""
    if not hasattr(server, "pid"):
        pytest.skip("needs the server's process")
    return server


def open_files(server):
    return len(os.listdir(f"/proc/{server.pid}/fd"))


def content_md5(body):
    return base64.b64encode(hashlib.md5(body).digest()).decode()


# ---- limits of memory and connections


def test_cve_2018_1000538_large_body_on_a_presigned_url_is_not_held_in_memory(raw, server, bucket):
    """MinIO read the whole body of a presigned PUT into memory. 192 MiB come; a third of that may
    be added."""
    own_process(server)
    size, piece = 192 * MIB, bytes(MIB)
    headers = [("Host", raw.authority)]
    query = raw.signer.presign("PUT", f"/{bucket}/large", [], headers)
    target = f"/{bucket}/large?{sigv4.encode_query(query)}"
    before = highest = server.rss_bytes()
    with raw.connect(timeout_s=50) as connection:
        connection.send(request_bytes("PUT", target, [*headers, ("Content-Length", str(size))]))
        for _ in range(size // len(piece)):
            connection.send(piece)
            highest = max(highest, server.rss_bytes())
        assert_status(connection.read_response(), 200)
    assert highest - before < size // 3, f"{before} -> {highest} bytes"


def test_cve_2022_31028_cve_2020_1700_cve_2019_3821_aborted_connections_are_given_back(raw, server, path):
    """MinIO never closed connections, RGW leaked the sockets of clients that went away: 1,200 of
    them, cut in the middle of a head, of a body and of an answer."""
    own_process(server)
    target, headers = raw.prepare("PUT", path, body=b"x" * 1000)
    whole = request_bytes("PUT", target, headers, b"x" * 1000)
    reading = request_bytes("GET", *raw.prepare("GET", path))
    before = open_files(server)
    for number in range(1200):
        connection = raw.connect()
        connection.send((whole[:60], whole[:-500], reading)[number % 3])
        # A reset, not an orderly end.
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    deadline = time.monotonic() + 20
    while open_files(server) > before + 8 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert open_files(server) <= before + 8
    unchanged(raw, path)


@pytest.mark.parametrize(
    "query",
    [
        [("max-keys", "-1")],
        [("max-keys", "99999999999999999999999")],
        [("max-keys", "0x10")],
        [("max-keys", "")],
        [("max-uploads", "-1"), ("uploads", None)],
        [("list-type", "2"), ("continuation-token", "\x00\xff%/=")],
        [("list-type", "2"), ("continuation-token", "A" * 6000)],
        [("versions", None), ("version-id-marker", "../.."), ("key-marker", "\x01")],
        [("encoding-type", "\x00")],
        [("delimiter", "/" * 5000)],
        [("partNumber", "-1")],
    ],
)
def test_cve_2021_3531_and_alike_malformed_parameters_crash_nothing(raw, path, query):
    """CVE-2023-46159, -2021-3531, -2020-12059, -2019-19337, -2019-10222, -2018-16846, -2016-8626
    of RGW: a single odd request ended the process. Here an answer, and not a 5xx."""
    response = raw.call("GET", path.rsplit("/", 1)[0], query)
    assert response.status < 500, str(response)
    unchanged(raw, path)


@pytest.mark.parametrize("target", ["//", "//k", "/%00/k", "/?//", "/;/k", "/%2e%2e/k", "/.", "/" * 4000])
def test_cve_2018_7262_odd_targets_crash_nothing(raw, path, target):
    """RGW fell over a request line that began with two slashes."""
    _, headers = raw.prepare("GET", target)
    response = raw.send_raw(request_bytes("GET", target, headers))
    assert 400 <= response.status < 500, str(response)
    unchanged(raw, path)


def test_rustsec_2026_0194_xml_with_entities_and_depth_is_refused(raw, path):
    """quick-xml, and every parser before it: entities that expand, a document without end."""
    bombs = [
        b'<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'
        b"<Delete><Object><Key>&b;</Key></Object></Delete>",
        b'<!DOCTYPE d SYSTEM "file:///etc/passwd"><Delete><Object><Key>k</Key></Object></Delete>',
        b"<Delete>" + b"<a>" * 20000 + b"</a>" * 20000 + b"</Delete>",
        b"<Delete><Object " + b" ".join(b"a%d='x'" % n for n in range(5000)) + b"><Key>k</Key></Object></Delete>",
    ]
    for body in bombs:
        headers = {"Content-MD5": content_md5(body)}
        response = raw.call("POST", path.rsplit("/", 1)[0], [("delete", None)], headers, body)
        assert_error(response, 400, "MalformedXML", "MaxMessageLengthExceeded")
        assert b"root:" not in response.body
    unchanged(raw, path)


def test_cve_2025_27100_lakefs_small_documents_have_a_limit(raw, server, path):
    """A document of 64 MiB where a small one is expected is refused by its announced length; it is
    not collected first."""
    size = 64 * MIB
    bucket = path.rsplit("/", 1)[0]
    target, headers = raw.prepare(
        "POST", bucket, [("delete", None)], {"Content-MD5": content_md5(b"")}, content_length=size
    )
    with raw.connect() as connection:
        connection.send(request_bytes("POST", target, headers))
        assert_error(connection.read_response(), 400, "MaxMessageLengthExceeded", "EntityTooLarge", "MalformedXML")
    unchanged(raw, path)


# ---- what is told to whom


def test_cve_2022_35919_errors_hold_nothing_of_the_file_system(raw, server, path):
    """MinIO's ServerUpdate echoed the file that it could not parse. No error of ours names a path
    of the machine."""
    own_process(server)
    passwd = "../../../../etc/passwd"
    part = [("partNumber", "1"), ("uploadId", passwd)]
    answers = [
        raw.call("GET", path, [("versionId", passwd)]),
        raw.call("GET", path, [("uploadId", "/etc/passwd")]),
        raw.call("GET", "/%2Fetc%2Fpasswd"),
        raw.call("PUT", path, part, body=b"x"),
        raw.call("PUT", path, part, {"x-amz-copy-source": passwd}),
        raw.call("POST", path, [("uploadId", passwd)], body=b"<CompleteMultipartUpload/>"),
        raw.call("PUT", path, [("tagging", None)], body=b"<Tagging>"),
    ]
    for response in answers:
        assert 400 <= response.status < 500, str(response)
        for word in (str(server.data_dir).encode(), b"root:x:", b".cc:", b"No such file"):
            assert word not in response.body, str(response)
    unchanged(raw, path)


def test_cve_2023_28432_no_address_tells_the_environment(raw, server):
    """MinIO's bootstrap endpoint answered the unauthenticated with all environment variables, the
    root secret among them."""
    own_process(server)
    guesses = ["/", "/metrics", "/healthz", "/readyz", "/livez", "/env", "/config", "/version", "/debug/vars"]
    guesses += ["/admin/v1/status", "/admin/v1/environment", "/minio/bootstrap/v1/verify", "/debug/pprof/cmdline"]
    secret = server.secret_key.encode()
    for where in guesses:
        status, body = server.admin_get(where)
        assert secret not in body and b"ASHLAR_ROOT_SECRET_KEY" not in body, where
        for method in ("GET", "POST"):
            response = anonymous(raw, method, where, body=b"{}" if method == "POST" else b"")
            assert response.status in (400, 403, 404, 405, 412), f"{method} {where}: {response}"
            assert secret not in response.body


def test_cve_2024_36107_conditions_tell_an_anonymous_nothing(raw, path):
    """MinIO evaluated If-Modified-Since before it asked who wants to know: 304 for what exists."""
    conditions = [
        ("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"),
        ("If-Unmodified-Since", "Sat, 01 Jan 2000 00:00:00 GMT"),
        ("If-None-Match", "*"),
        ("If-Match", '"0"'),
        ("Range", "bytes=9999999-"),
    ]
    for condition in conditions:
        for method in ("GET", "HEAD"):
            there = anonymous(raw, method, path, [condition])
            absent = anonymous(raw, method, path + "-absent", [condition])
            assert there.status == absent.status == 403, f"{condition}: {there} {absent}"
            assert there.code == absent.code == ("AccessDenied" if method == "GET" else None)
            known = {"etag", "last-modified", "x-amz-version-id", "content-range"}
            assert not known & {name.lower() for name, _ in there.headers}


def test_cve_2018_16889_ghsa_4rgc_the_log_holds_no_secret(raw, server, path):
    """RGW logged the keys of SSE-C, lakeFS credentials: canaries in every place of a secret, and
    then the log is read."""
    own_process(server)
    canary = "canary" + os.urandom(9).hex()
    customer = {
        "x-amz-server-side-encryption-customer-algorithm": "AES256",
        "x-amz-server-side-encryption-customer-key": f"{canary}1",
        "x-amz-server-side-encryption-customer-key-MD5": f"{canary}2",
    }
    raw.call("PUT", path, headers=customer, body=b"new")
    raw.call("GET", path, headers={"x-amz-security-token": f"{canary}3"})
    raw.call("GET", path, headers={"Cookie": f"session={canary}4", "X-Custom": f"{canary}5"})
    anonymous(raw, "GET", path, [("Authorization", f"Bearer {canary}6")])
    anonymous(raw, "GET", path, [("Authorization", f"AWS AKIA:{canary}7")])
    raw.call_presigned("GET", path, [("X-Amz-Security-Token", f"{canary}8")])
    _, headers = raw.prepare("GET", path)
    signature = dict(headers)["Authorization"].rsplit("=", 1)[1]
    anonymous(raw, "GET", path, headers[1:])
    query = dict(raw.signer.presign("GET", path, [], [("Host", raw.authority)]))
    anonymous(raw, "GET", f"{path}?{sigv4.encode_query(query.items())}")
    time.sleep(0.3)
    log = server.log_path.read_text("utf-8", "replace")
    assert canary not in log, re.findall(f".*{canary}.*", log)[:3]
    for secret in (server.secret_key, signature, query["X-Amz-Signature"]):
        assert secret not in log
    unchanged(raw, path)


@pytest.mark.parametrize("access_key, secret_key", PASSWORDS_OF_OTHERS)
def test_cve_2025_68926_no_well_known_password_opens(raw, path, access_key, secret_key):
    """RustFS shipped a token in its source, MinIO a default password: there is no second way in."""
    signer = sigv4.Signer(access_key, secret_key)
    response = raw.call("GET", path, signer=signer)
    assert response.status in (400, 403) and b"old" not in response.body, str(response)
    header = [("Authorization", f"Bearer {access_key}:{secret_key}"), ("X-Admin-Token", secret_key or "x")]
    assert anonymous(raw, "GET", path, header).status in (400, 403)


def test_cve_2026_46685_no_origin_is_let_in_with_credentials(raw, path):
    """RustFS reflected any Origin together with Allow-Credentials: every web page could read."""
    for origin in ("https://evil.example", "null", "http://" + raw.authority):
        response = raw.call("GET", path, headers={"Origin": origin})
        assert response.header("access-control-allow-origin") is None, str(response)
        assert response.header("access-control-allow-credentials") is None, str(response)


# ---- names


HOSTILE_KEYS = ["..\\other\\k", "C:\\k", "\\\\host\\share\\k", "a\\..\\..\\k", "k::$DATA", "CON", "k.", "k "]


@pytest.mark.parametrize("key", HOSTILE_KEYS)
def test_cve_2023_28433_a_backslash_is_a_letter(s3, bucket_factory, key):
    """MinIO on Windows: a backslash in a key crossed into another bucket."""
    bucket, other = bucket_factory(), bucket_factory()
    s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [item["Key"] for item in listed] == [key]
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"x"
    assert s3.list_objects_v2(Bucket=other)["KeyCount"] == 0


CLIMBS = ["../{other}/k", "..%2F{other}%2Fk", "x/../../{other}/k", "./../{other}/k", "%2e%2e/{other}/k"]


@pytest.mark.parametrize("climb", CLIMBS)
def test_cve_2026_54917_a_key_never_climbs_out_of_its_bucket(raw, bucket_factory, climb):
    """SeaweedFS resolved ".." in keys: other buckets could be read, written and deleted."""
    bucket, other = bucket_factory(), bucket_factory()
    assert_status(raw.call("PUT", f"/{other}/k", body=b"old"), 200)
    target = f"/{bucket}/{climb.format(other=other)}"
    assert_error(raw.call("GET", target), 404, "NoSuchKey")
    assert_status(raw.call("PUT", target, body=b"new"), 200)
    unchanged(raw, f"/{other}/k")
    assert_status(raw.call("DELETE", target), 204)
    unchanged(raw, f"/{other}/k")


@pytest.mark.parametrize("climb", CLIMBS)
def test_cve_2026_55874_nor_does_a_copy_source(raw, bucket_factory, climb):
    """The same hole in SeaweedFS by x-amz-copy-source, which the first repair forgot."""
    bucket, other = bucket_factory(), bucket_factory()
    assert_status(raw.call("PUT", f"/{other}/k", body=b"old"), 200)
    source = f"/{bucket}/{climb.format(other=other)}"
    response = raw.call("PUT", f"/{bucket}/copied", headers={"x-amz-copy-source": source})
    assert_error(response, 404, "NoSuchKey")
    upload = raw.call("POST", f"/{bucket}/mp", [("uploads", None)]).text("UploadId")
    part = [("partNumber", "1"), ("uploadId", upload)]
    response = raw.call("PUT", f"/{bucket}/mp", part, headers={"x-amz-copy-source": source})
    assert_error(response, 404, "NoSuchKey")
    assert_status(raw.call("DELETE", f"/{bucket}/mp", [("uploadId", upload)]), 204)


@pytest.mark.parametrize(
    "source",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://127.0.0.1:9001/metrics",
        "//127.0.0.1/k",
        "file:///etc/passwd",
        "@localhost/k",
    ],
)
def test_cve_2026_73080_a_copy_source_is_never_an_address(raw, bucket, source):
    """SeaweedFS fetched whatever address it was given and gave the answer back."""
    response = raw.call("PUT", f"/{bucket}/k", headers={"x-amz-copy-source": source})
    assert 400 <= response.status < 500 and response.code, str(response)
    assert_status(raw.call("HEAD", f"/{bucket}/k"), 404)


def test_cve_2024_40120_a_quote_in_a_name_is_a_letter(s3, bucket):
    """SeaweedFS built SQL out of keys."""
    keys = ["'; DROP TABLE objects; --", '" OR 1=1 --', "k' AND 'a'='a", "%' OR '%'='", "k\\' --"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"old")
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])
        assert [item["Key"] for item in listed] == [key]
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
        s3.delete_object(Bucket=bucket, Key=key)
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k"]


def test_cve_2026_26187_lakefs_a_name_is_not_its_beginning(s3, bucket):
    """A prefix was compared without its end: the neighbour whose name begins alike was let in."""
    neighbour = bucket + "-b"
    s3.create_bucket(Bucket=neighbour)
    try:
        s3.put_object(Bucket=neighbour, Key="k", Body=b"old")
        assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
        assert s3.list_object_versions(Bucket=bucket).get("Versions") is None
        upload = Upload(s3, neighbour, "mp")
        assert s3.list_multipart_uploads(Bucket=bucket).get("Uploads") is None
        upload.abort()
    finally:
        s3.delete_object(Bucket=neighbour, Key="k")
        s3.delete_bucket(Bucket=neighbour)


def test_cve_2026_42882_s3_proxy_one_parse_of_the_path(raw, path):
    """The gate saw "%2F", the handler "/". A signature is for the target as it was sent, and the
    object that answers is the one whose name was checked."""
    bucket = path.rsplit("/", 1)[0]
    assert_status(raw.call("PUT", f"{bucket}/a/b", body=b"old"), 200)
    for signed, sent in ((f"{bucket}/a%2Fb", f"{bucket}/a/b"), (f"{bucket}/a/b", f"{bucket}/a%2Fb")):
        _, headers = raw.prepare("DELETE", signed)
        response = raw.send_raw(request_bytes("DELETE", sent, headers))
        assert_error(response, 403, "SignatureDoesNotMatch")
    unchanged(raw, f"{bucket}/a/b")


# ---- headers


def test_cve_2026_34204_internal_headers_of_stores_mean_nothing(raw, path):
    """MinIO took the headers of its replication from any client and wrote them into the metadata
    of encryption: the object could never be read again."""
    names = ["X-Minio-Replication-Server-Side-Encryption-Sealed-Key", "X-Minio-Replication-Actual-Object-Size"]
    names += ["X-Minio-Internal-compression", "X-Minio-Source-Mtime", "X-Ashlar-Internal-Manifest"]
    names += ["X-Amz-Replication-Status", "X-Amz-Meta-X-Minio-Internal-Key", "X-Rustfs-Internal-Key"]
    headers = {name: "evil" for name in names}
    assert_status(raw.call("PUT", path, headers=headers, body=b"old"), 200)
    unchanged(raw, path)
    head = raw.call("HEAD", path)
    assert head.header("content-length") == "3" and head.header("x-amz-replication-status") is None
    told = {name.lower() for name, value in head.headers if value == "evil"}
    assert told == {"x-amz-meta-x-minio-internal-key"}


@pytest.mark.parametrize("sign_wrongly", [True, False])
def test_cve_2026_40344_snowball_archives_need_the_signature_too(raw, path, sign_wrongly):
    """MinIO's extraction of archives with an unsigned trailer looked at no signature. Here the
    header is metadata like any other, and the upload is verified like any other."""
    signer = raw.signer
    if sign_wrongly:
        signer = dataclasses.replace(signer, secret_key="wrong" * 8)
    target = path.replace("/k", "/archive.tar")
    headers = [("x-amz-meta-snowball-auto-extract", "true"), ("X-Amz-Meta-Minio-Snowball-Prefix", "k")]
    response = raw.stream("PUT", target, [b"no archive"], UNSIGNED_TRAILER, [], headers=headers, signer=signer)
    if sign_wrongly:
        assert_error(response, 403, "SignatureDoesNotMatch")
        assert_status(raw.call("HEAD", target), 404)
    else:
        assert response.status in (200, 400), str(response)
    unchanged(raw, path)


def test_seaweedfs_2180_anonymous_streaming_is_refused(raw, path):
    """SeaweedFS authorised no streaming PUT from 2018 to 2021."""
    for mode in (sigv4.STREAMING_SIGNED, sigv4.STREAMING_SIGNED_TRAILER, UNSIGNED_TRAILER):
        body = raw.signer.signed_chunks(sigv4.utc_now(), "0" * 64, [b"new"])
        if mode == UNSIGNED_TRAILER:
            body = sigv4.unsigned_chunks([b"new"])
        headers = [("x-amz-content-sha256", mode), ("x-amz-decoded-content-length", "3")]
        assert_error(anonymous(raw, "PUT", path, headers, body), 403, "AccessDenied")
    unchanged(raw, path)


LINE_BREAKS = ["\r\nSet-Cookie: evil=1", "\nSet-Cookie: evil=1", "\rSet-Cookie: evil=1"]


@pytest.mark.parametrize("tail", LINE_BREAKS, ids=["crlf", "lf", "cr"])
def test_cve_2015_5245_cve_2020_10753_cve_2021_3524_no_line_break_gets_into_a_header(raw, path, tail):
    """RGW let a line break through three times: by the bucket's name, then "\\n" and, after the
    repair, "\\r" by a header that CORS exposed. By every value that comes back in a header."""
    bucket = path.rsplit("/", 1)[0]
    overrides = ["content-type", "content-disposition", "cache-control", "content-language", "expires"]
    answers = [raw.call("GET", path, [(f"response-{name}", "a" + tail)]) for name in overrides]
    answers.append(raw.call("GET", "/" + urllib.parse.quote("b" + tail, safe=""), ()))
    answers.append(raw.call_presigned("PUT", path, [("x-amz-meta-a", "b" + tail)], body=b"old"))
    answers.append(raw.call("GET", bucket, [("prefix", "a" + tail), ("delimiter", tail)]))
    answers.append(raw.call("GET", path, headers={"Origin": "http://a"}))
    answers.append(raw.call("HEAD", path))
    for response in answers:
        assert response.header("set-cookie") is None, str(response)
        assert response.status < 500
    assert all(answer.status == 400 for answer in answers[: len(overrides) + 2])
    unchanged(raw, path)


def test_cve_2020_1760_response_overrides_are_for_the_signed(raw, path):
    """RGW set headers of an answer as anybody asked: HTML from the store's own origin."""
    response = anonymous(raw, "GET", path + "?response-content-type=text%2Fhtml")
    assert response.status in (400, 403) and response.header("content-type") == "application/xml"


# ---- uploads and documents


def test_ghsa_99q7_x53r_6j4g_an_upload_belongs_to_its_bucket_and_key(s3, raw, bucket_factory):
    """SeaweedFS served an upload's id to whoever had it, in any bucket."""
    bucket, other = bucket_factory(), bucket_factory()
    upload = Upload(s3, bucket, "k").part(1, b"old")
    part = upload.part_list()[0]
    body = (
        f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{part['ETag']}</ETag></Part>"
        "</CompleteMultipartUpload>"
    ).encode()
    of_upload = [("uploadId", upload.id)]
    for where in (f"/{other}/k", f"/{bucket}/other"):
        for response in (
            raw.call("GET", where, of_upload),
            raw.call("PUT", where, [("partNumber", "2"), *of_upload], body=b"new"),
            raw.call("POST", where, of_upload, body=body),
            raw.call("DELETE", where, of_upload),
        ):
            assert_error(response, 404, "NoSuchUpload")
    upload.complete()
    unchanged(raw, f"/{bucket}/k")


@pytest.mark.parametrize(
    "document",
    [
        "<Retention><Mode>GOVERNANCE</Mode><RetainUntildate>2099-01-01T00:00:00Z</RetainUntildate></Retention>",
        "<Retention><Mode>GOVERNANCE</Mode></Retention>",
        "<Retention><RetainUntilDate>2099-01-01T00:00:00Z</RetainUntilDate></Retention>",
        "<Retention><Mode>governance</Mode><RetainUntilDate>2099-01-01T00:00:00Z</RetainUntilDate></Retention>",
    ],
    ids=["typo", "no date", "no mode", "lower case"],
)
def test_rustfs_a_typo_in_a_document_never_changes_retention(s3, raw, document):
    """RustFS ignored unknown elements, so that a mistyped retention lifted the old one."""
    bucket = new_bucket_name("lock")
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    try:
        retention = {"Mode": "GOVERNANCE", "RetainUntilDate": "2090-01-01T00:00:00Z"}
        s3.put_object(Bucket=bucket, Key="k", Body=b"old")
        s3.put_object_retention(Bucket=bucket, Key="k", Retention=retention)
        body = document.encode()
        headers = {"Content-MD5": content_md5(body), "x-amz-bypass-governance-retention": "true"}
        response = raw.call("PUT", f"/{bucket}/k", [("retention", None)], headers, body)
        assert_error(response, 400, "MalformedXML")
        kept = s3.get_object_retention(Bucket=bucket, Key="k")["Retention"]
        assert kept["Mode"] == "GOVERNANCE" and kept["RetainUntilDate"].year == 2090
    finally:
        empty_and_delete_bucket(s3, bucket)
