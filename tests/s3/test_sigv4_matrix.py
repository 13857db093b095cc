"""The SigV4 matrix of the security notes (4.3): every operation of the route table x where the
credentials are x payload mode x one mutation.

Only an unmutated, signed request of whoever has rights gets past authentication and
authorisation. For every refusal the status and the
error code must be the documented ones, and nothing may have been touched: no shard read or
written, no metadata committed, not so much as a look into the metadata cache (servers of their own,
so that the counters of /metrics move for nobody else), and the bucket, its objects, its upload and
its settings are as before. A request that is refused for its body is authenticated, so its
operation may look its bucket up; it still may write nothing.
"""

import dataclasses
import json
import re
import subprocess
import time

import pytest
import sigv4_matrix
from harness.accounts import Caller, allow, new_account, new_user
from harness.raw_http import Connection, ConnectionEnded
from harness.server import binary_path
from harness.sigv4 import Signer

pytestmark = [pytest.mark.http_only, pytest.mark.timeout(180)]

CASES_MIN = 5000
FAILURES_SHOWN_MAX = 25
QUIET_S = 2.5  # background work of a fresh store (journal, reclaim) ends within about four seconds
QUIET_DEADLINE_S = 30
WRITES = ("ashlar_metadata_commit_transactions_sum", "ashlar_metadata_bytes_written_total", "ashlar_chunk_store_writes")
CALLS = (*WRITES, "ashlar_chunk_store_reads", "ashlar_index_cache_hits", "ashlar_index_cache_misses")
# What a gateway says before it knows who asks.
OF_AUTHENTICATION = {
    "AccessDenied",
    "AuthorizationHeaderMalformed",
    "AuthorizationQueryParametersError",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "XAmzContentSHA256Mismatch",
}


@pytest.fixture(scope="module")
def all_cases():
    routes = json.loads(subprocess.run([binary_path(), "routes"], check=True, capture_output=True).stdout)
    return list(sigv4_matrix.cases(routes))


def signer_of(caller):
    return Signer(caller.access_key, caller.secret_key)


def disabled_key(server):
    """Of a user who could do everything."""
    root = Caller(server, server.access_key, server.secret_key, None, None, "root")
    user = new_user(root, allow("s3:*"))
    user.s3.list_buckets()
    root.iam.update_access_key(UserName=user.name, AccessKeyId=user.access_key, Status="Inactive")
    return signer_of(user)


class Prepared:
    """A server with a bucket of which every kind of thing exists that a request could change."""

    def __init__(self, server):
        self.server, self.s3 = server, server.client()
        bucket = "matrix"
        self.s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
        self.s3.put_object(Bucket=bucket, Key="k", Body=b"old", Metadata={"a": "b"}, Tagging="old=1")
        self.s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "old", "Value": "1"}]})
        upload = self.new_upload(bucket)
        strangers = {"disabled_key": disabled_key(server), "other_account": signer_of(new_account(server))}
        self.target = sigv4_matrix.Target(f"{server.host}:{server.port}", bucket, "spare", *upload, strangers)
        self.signer = Signer(server.access_key, server.secret_key)
        self.connection = None

    def new_upload(self, bucket):
        """(upload id, ETag of its only part)"""
        upload = self.s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
        part = self.s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"old")
        return upload, part["ETag"]

    def renew_upload(self):
        upload, etag = self.new_upload(self.target.bucket)
        self.target = dataclasses.replace(self.target, upload_id=upload, etag=etag)

    def state(self):
        """All that a request could have changed."""
        s3, bucket = self.s3, self.target.bucket
        got = s3.get_object(Bucket=bucket, Key="k")
        facts = {
            "buckets": [item["Name"] for item in s3.list_buckets()["Buckets"]],
            "body": got.pop("Body").read(),
            "object": got,
            "versions": s3.list_object_versions(Bucket=bucket),
            "tags": s3.get_object_tagging(Bucket=bucket, Key="k"),
            "bucket tags": s3.get_bucket_tagging(Bucket=bucket),
            "versioning": s3.get_bucket_versioning(Bucket=bucket),
            "lock": s3.get_object_lock_configuration(Bucket=bucket),
            "uploads": s3.list_multipart_uploads(Bucket=bucket),
            "parts": s3.list_parts(Bucket=bucket, Key="k", UploadId=self.target.upload_id),
        }
        for fact in facts.values():
            if isinstance(fact, dict):
                fact.pop("ResponseMetadata", None)
        return facts

    def counters(self, names):
        return {name: value for name, value in self.server.metrics().items() if name.startswith(names)}

    def wait_until_quiet(self):
        deadline, since, before = time.monotonic() + QUIET_DEADLINE_S, time.monotonic(), self.counters(CALLS)
        while time.monotonic() - since < QUIET_S:
            assert time.monotonic() < deadline, "the store never comes to rest"
            time.sleep(0.1)
            after = self.counters(CALLS)
            if after != before:
                since, before = time.monotonic(), after

    def send(self, case):
        """(status, error code) of a case. The code of a HEAD, which has no body, is None."""
        data = sigv4_matrix.request_of(case, self.target, self.signer)
        if self.connection is None:
            self.connection = Connection(self.server.host, self.server.port)
        try:
            self.connection.send(data)
            response = self.connection.read_response(case.route["method"])
        except (ConnectionEnded, BrokenPipeError, ConnectionResetError) as error:
            self.connection = None
            return 0, f"no answer: {error}"
        if (response.header("connection") or "").lower() == "close":
            self.connection.close()
            self.connection = None
        code = re.search(rb"<Error><Code>(\w+)</Code>", response.body)
        return response.status, code[1].decode() if code else None


@pytest.fixture(scope="module")
def victim(server_factory):
    """Refused requests go here. Nothing that they are aimed at may ever change."""
    prepared = Prepared(server_factory("victim"))
    prepared.wait_until_quiet()
    return prepared


@pytest.fixture(scope="module")
def sandbox(server_factory):
    """Accepted requests go here and do what they do."""
    return Prepared(server_factory("sandbox"))


def report(failures, total):
    assert not failures, f"{len(failures)} of {total} cases:\n" + "\n".join(failures[:FAILURES_SHOWN_MAX])


def moved(before, after):
    return {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}


def may_look(case):
    """Whether the bucket may be looked up before the refusal: for the anonymous and for others its
    policy decides."""
    stranger = case.location in ("none", "form") or case.mutation == "other_account"
    return stranger or sigv4_matrix.is_refused_by_its_body(case)


def by_route(cases):
    groups = {}
    for case in cases:
        groups.setdefault((case.operation, may_look(case)), []).append(case)
    return groups


def test_the_matrix_is_as_large_as_promised(all_cases):
    """Issue 4, proof: at least 5,000 cases, of every operation, location, mode and mutation."""
    assert len(all_cases) >= CASES_MIN
    assert {case.location for case in all_cases} == set(sigv4_matrix.LOCATIONS)
    assert {case.mode for case in all_cases} == set(sigv4_matrix.MODES)
    assert {case.mutation for case in all_cases} == set(sigv4_matrix.MUTATIONS)


@pytest.mark.parametrize("location", sigv4_matrix.LOCATIONS)
def test_whatever_was_tampered_with_is_refused_and_touches_nothing(all_cases, victim, location):
    """Security notes 4.3; CVE-2025-31489, -2026-40344, -2026-41145, -2026-54330 are cells of it."""
    chosen = [case for case in all_cases if case.location == location and sigv4_matrix.refusals(case)]
    state, failures = victim.state(), []
    for (_, may_look_up), group in by_route(chosen).items():
        names = WRITES if may_look_up else CALLS
        before = victim.counters(names)
        for case in group:
            status, code = victim.send(case)
            wanted = sigv4_matrix.refusals(case)
            if case.route["method"] == "HEAD":
                fits = status in {wanted_status for wanted_status, _ in wanted}
            else:
                fits = (status, code) in wanted
            if not fits:
                failures.append(f"{case}: {status} {code}, expected {wanted}")
        touched = moved(before, victim.counters(names))
        if touched:
            failures.append(f"{group[0].operation} / {location}: refused, but {touched}")
    report(failures, len(chosen))
    assert victim.state() == state


@pytest.mark.parametrize("location", ["header", "query"])
def test_what_nobody_tampered_with_is_accepted(all_cases, sandbox, location):
    """The other half of the oracle: without it, a server that refuses all would pass."""
    chosen = [case for case in all_cases if case.location == location and not sigv4_matrix.refusals(case)]
    assert {case.mutation for case in chosen} == {"none"}
    failures = []
    for case in chosen:
        if "?uploadId" in case.route["marks"]:
            sandbox.renew_upload()
        status, code = sandbox.send(case)
        answered = 200 <= status < 500 or (status == 501 and code == "NotImplemented")
        # A lock may forbid what the signature allows.
        of_lock = code == "AccessDenied" and case.operation in ("DeleteObject", "PutObjectRetention")
        if not answered or (status == 403 and not of_lock) or (code in OF_AUTHENTICATION and not of_lock):
            failures.append(f"{case}: {status} {code}")
        if case.operation in sigv4_matrix.UPLOADS and case.mode != sigv4_matrix.EMPTY and status != 200:
            failures.append(f"{case}: {status} {code}, expected 200")
    report(failures, len(chosen))
