"""HTTP/1.1 itself: keep-alive, Expect, malformed requests, smuggling (notes 3, 53, 54; security
notes 4.5)."""

import threading

import pytest
from harness.expect import assert_error, assert_status
from harness.raw_http import ConnectionEnded, request_bytes

OLD = b"old"


@pytest.fixture
def path(raw, bucket):
    assert_status(raw.call("PUT", f"/{bucket}/k", body=OLD), 200)
    return f"/{bucket}/k"


def unchanged(raw, path):
    assert raw.call("GET", path).body == OLD


def assert_refused(raw, data):
    """The bytes get an S3-shaped 4xx (or 5xx 'not implemented'), or at worst a closed connection;
    the server lives on."""
    with raw.connect() as connection:
        try:
            connection.send(data)
            response = connection.read_response()
        except ConnectionEnded:
            pytest.fail("the connection was closed without an answer")
        assert 400 <= response.status < 600 and response.status != 500, str(response)
        assert response.error().get("Code"), f"no S3 error document: {response}"
        return response


# --- connections


def test_keep_alive_serves_many_requests(raw, path):
    """Issue 2.5: HTTP/1.1 with keep-alive."""
    with raw.connect() as connection:
        for number in range(20):
            body = b"%d" % number
            assert_status(raw.call("PUT", path, body=body, connection=connection), 200)
            assert raw.call("GET", path, connection=connection).body == body


def test_connection_is_reused_after_an_error(raw, path):
    """Issue 2.5: 404, 412, 403, 400 leave a connection that works, or close it; never a shifted
    answer."""
    with raw.connect() as connection:
        assert_status(raw.call("GET", path + "absent", connection=connection), 404)
        assert_status(
            raw.call("GET", path, headers={"If-Match": '"0"'}, connection=connection), 412
        )
        assert_status(
            raw.call("GET", path.rsplit("/", 1)[0], [("max-keys", "x")], connection=connection), 400
        )
        assert raw.call("GET", path, connection=connection).body == OLD


@pytest.mark.parametrize("size", [10, 100_000])
def test_refused_body_is_never_read_as_the_next_request(raw, path, size):
    """Note 53: after a refusal the rest of the body is drained or the connection closed."""
    smuggled = request_bytes("DELETE", *raw.prepare("DELETE", path)).ljust(size, b"\n")
    target, headers = raw.prepare(
        "PUT", path, headers={"x-amz-storage-class": "WRONG"}, body=smuggled
    )
    with raw.connect() as connection:
        connection.send(request_bytes("PUT", target, headers, smuggled))
        assert_status(connection.read_response("PUT"), 400)
        try:
            response = raw.call("GET", path, connection=connection)
            assert response.status == 200 and response.body == OLD, str(response)
        except OSError:
            pass  # closed: as good
    unchanged(raw, path)


def test_pipelined_requests_are_answered_in_order(raw, path):
    """HTTP/1.1: two requests in one packet."""
    first = request_bytes("GET", *raw.prepare("GET", path))
    second = request_bytes("GET", *raw.prepare("GET", path + "absent"))
    with raw.connect() as connection:
        connection.send(first + second + first)
        assert connection.read_response().body == OLD
        assert connection.read_response().status == 404
        assert connection.read_response().body == OLD


def test_connection_close_is_honoured(raw, path):
    """HTTP/1.1: Connection: close."""
    target, headers = raw.prepare("GET", path)
    with raw.connect(timeout_s=5) as connection:
        connection.send(request_bytes("GET", target, [*headers, ("Connection", "close")]))
        assert connection.read_response().body == OLD
        assert connection.at_end()


def test_http_1_0_is_answered_and_closed(raw, path):
    """HTTP/1.0 without keep-alive."""
    target, headers = raw.prepare("GET", path)
    with raw.connect(timeout_s=5) as connection:
        connection.send(request_bytes("GET", target, headers, version="HTTP/1.0"))
        assert connection.read_response().body == OLD
        assert connection.at_end()


def test_request_in_single_bytes(raw, path):
    """A slow but correct client is served."""
    target, headers = raw.prepare("PUT", path, body=b"slow")
    with raw.connect() as connection:
        for byte in request_bytes("PUT", target, headers, b"slow"):
            connection.send(bytes([byte]))
        assert_status(connection.read_response("PUT"), 200)
    assert raw.call("GET", path).body == b"slow"


def test_client_that_goes_away_leaves_nothing(raw, path):
    """Note 54 (V:e137e8d3): a body that never ends is not stored."""
    body = b"x" * 500_000
    target, headers = raw.prepare("PUT", path, body=body)
    for sent in (0, 1, 250_000, 499_999):
        with raw.connect() as connection:
            connection.send(request_bytes("PUT", target, headers, body[:sent]))
    unchanged(raw, path)


@pytest.mark.parametrize("size", [1_000_000, 8_000_000])
def test_refusal_of_a_large_upload_reaches_the_client(raw, path, size):
    """Note 54: answer, stop writing, drain: no 'connection reset' instead of the error."""
    body = bytes(size)
    target, headers = raw.prepare("PUT", path, body=body)
    headers = [(n, v[:-4] + "0000" if n == "Authorization" else v) for n, v in headers]
    with raw.connect() as connection:

        def send():
            try:
                connection.send(request_bytes("PUT", target, headers, body))
            except OSError:
                pass

        if (
            raw.scheme == "https"
        ):  # a TLS socket cannot be used from two threads: send what fits, then read
            connection.send(request_bytes("PUT", target, headers, body[:200_000]))
            response = connection.read_response("PUT")
        else:
            sender = threading.Thread(target=send)
            sender.start()
            response = connection.read_response("PUT")
            sender.join(10)
    assert_error(response, 403, "SignatureDoesNotMatch")
    unchanged(raw, path)


# --- Expect


def test_expect_continue_is_accepted(raw, path):
    """Issue 2.5, note 53 (T:test_100_continue): 100 first, then the body, then 200."""
    target, headers = raw.prepare("PUT", path, headers={"Expect": "100-continue"}, body=b"new")
    with raw.connect() as connection:
        connection.send(request_bytes("PUT", target, headers))
        assert connection.read_interim() == 100
        connection.send(b"new")
        assert_status(connection.read_response("PUT"), 200)
        assert raw.call("GET", path, connection=connection).body == b"new"


@pytest.mark.parametrize(
    "break_it, status",
    [("signature", 403), ("key", 403), ("bucket", 404), ("condition", 412), ("storage-class", 400)],
)
def test_expect_is_refused_before_the_100(raw, path, break_it, status):
    """Note 53: authenticated first; on refusal the final status comes instead of the 100."""
    target_path = path.replace("/t-", "/absent-") if break_it == "bucket" else path
    extra = {"Expect": "100-continue"}
    if break_it == "condition":
        extra["If-None-Match"] = "*"
    if break_it == "storage-class":
        extra["x-amz-storage-class"] = "WRONG"
    target, headers = raw.prepare("PUT", target_path, headers=extra, body=b"new")
    if break_it == "signature":
        headers = [(n, v[:-4] + "0000" if n == "Authorization" else v) for n, v in headers]
    if break_it == "key":
        headers = [
            (n, v.replace(raw.signer.access_key, "AKIAUNKNOWN") if n == "Authorization" else v)
            for n, v in headers
        ]
    with raw.connect() as connection:
        connection.send(request_bytes("PUT", target, headers))
        if (
            break_it == "condition"
        ):  # whether a condition is looked at before or after the body is the server's choice
            connection.send(b"new")
            assert_status(connection.read_response("PUT"), status)
        else:
            response = assert_status(connection.read_response("PUT"), status)
            assert response.interim == []
    unchanged(raw, path)


def test_connection_after_a_refused_expect(raw, path):
    """Note 53 (T:test_100_continue_error_retry): the client did not send the body; the next
    request on the connection is answered, or the connection was closed."""
    target, headers = raw.prepare(
        "PUT", path, headers={"Expect": "100-continue", "x-amz-storage-class": "WRONG"}, body=b"n"
    )
    with raw.connect() as connection:
        connection.send(request_bytes("PUT", target, headers))
        first = assert_status(connection.read_response("PUT"), 400)
        try:
            second = raw.call("GET", path, connection=connection)
            assert second.status == 200 and second.body == OLD
        except OSError:
            assert (first.header("connection") or "").lower() == "close"


def test_expect_with_the_body_sent_at_once(raw, path):
    """A client that does not wait for the 100."""
    response = raw.call("PUT", path, headers={"Expect": "100-continue"}, body=b"new")
    assert_status(response, 200)
    assert raw.call("GET", path).body == b"new"


@pytest.mark.parametrize("value", ["200-ok", "100-continue-please", ""])
def test_unknown_expectation_is_no_417(raw, path, value):
    """Note 53 (T:test_object_create_bad_expect_mismatch)."""
    assert_status(raw.call("PUT", path, headers={"Expect": value}, body=b"new"), 200)


# --- malformed HTTP


@pytest.mark.parametrize(
    "data",
    [
        b"GET\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET / HTTQ/1.1\r\nHost: x\r\n\r\n",
        b"G@T{} / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nno colon here\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nSpace : before colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n folded: c\r\n\r\n",
        b"GET / HTTP/1.1\r\n: no name\r\n\r\n",
        b"GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello\r\n\r\n",
        b"GET / / HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=lambda data: repr(data[:24]),
)
@pytest.mark.http_only
def test_malformed_http_is_an_s3_shaped_400(raw, data):
    """Note 3 (V:27dc84b5), security notes 4.5."""
    response = assert_refused(raw, data)
    assert response.status in (400, 501, 505), str(response)


@pytest.mark.http_only
def test_missing_host_is_400(raw, path):
    """HTTP/1.1 needs Host."""
    assert assert_refused(raw, f"GET {path} HTTP/1.1\r\n\r\n".encode()).status == 400


@pytest.mark.http_only
@pytest.mark.parametrize(
    "headers",
    [
        [("X-Big", "x" * 70_000)],
        [(f"X-{number}", "y" * 100) for number in range(700)],
        [(f"X-{number}", "y") for number in range(5000)],
    ],
    ids=["one", "sum", "count"],
)
def test_headers_beyond_the_limit_are_refused(raw, headers):
    """Note 5, security notes 4.5: a limit on header bytes and number; 400 or 431, no growth."""
    response = assert_refused(raw, request_bytes("GET", "/", [("Host", raw.authority), *headers]))
    assert response.status in (400, 431), str(response)


@pytest.mark.http_only
def test_request_line_beyond_the_limit_is_refused(raw):
    """Security notes 4.5: request line of at most 8 KiB."""
    response = assert_refused(
        raw, request_bytes("GET", "/" + "a" * 100_000, [("Host", raw.authority)])
    )
    assert response.status in (400, 414, 431), str(response)


@pytest.mark.http_only
@pytest.mark.parametrize(
    "framing",
    [
        [("Content-Length", "3"), ("Transfer-Encoding", "chunked")],
        [("Transfer-Encoding", "chunked"), ("Content-Length", "3")],
        [("Content-Length", "3"), ("Content-Length", "4")],
        [("Content-Length", "3, 4")],
        [("Content-Length", "abc")],
        [("Content-Length", "-3")],
        [("Content-Length", "+3")],
        [("Content-Length", "0x3")],
        [("Content-Length", "")],
        [("Content-Length", "99999999999999999999999")],
        [("Transfer-Encoding", "gzip")],
        [("Transfer-Encoding", "xchunked")],
        [("Transfer-Encoding", "chunked, identity")],
        [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "identity")],
        [("Content-Length", "3"), ("Transfer-Encoding", "\x0bchunked")],
        [("Content-Length", "3"), ("Transfer-encoding ", "chunked")],
    ],
    ids=lambda framing: " ".join(f"{name}={value}" for name, value in framing).replace(
        "\x0b", "VT"
    ),
)
def test_ambiguous_framing_is_refused_and_closed(raw, path, framing):
    """Security notes 4.5: CL+TE, differing CL, unknown TE: never a body that two readers see
    differently; then close."""
    target, headers = raw.prepare("PUT", path, body=b"new", content_length=None)
    with raw.connect(timeout_s=5) as connection:
        connection.send(request_bytes("PUT", target, [*headers, *framing], b"new"))
        response = connection.read_response("PUT")
        assert response.status in (400, 411, 413, 501) and response.code, str(response)
        assert connection.at_end(), "the connection must be closed after ambiguous framing"
    unchanged(raw, path)


@pytest.mark.http_only
def test_chunked_request_body_is_stored_right_or_refused(raw, path):
    """Note 3 (T:test_object_write_with_chunked_transfer_encoding): Transfer-Encoding: chunked
    without Content-Length."""
    target, headers = raw.prepare("PUT", path, body=b"chunked", content_length=None)
    wire = request_bytes(
        "PUT",
        target,
        [*headers, ("Transfer-Encoding", "chunked")],
        b"4\r\nchun\r\n3\r\nked\r\n0\r\n\r\n",
    )
    response = raw.send_raw(wire, "PUT")
    if response.status == 200:
        assert raw.call("GET", path).body == b"chunked"
    else:
        assert response.status in (411, 501) and response.code in (
            "MissingContentLength",
            "NotImplemented",
        ), str(response)
        unchanged(raw, path)


@pytest.mark.https_only
def test_plain_http_on_the_tls_port_does_no_harm(raw, path):
    """A client that forgot TLS: some refusal, and the server goes on."""
    import socket

    with socket.create_connection((raw.host, raw.port), timeout=5) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        plain.recv(1000)
    unchanged(raw, path)


@pytest.mark.http_only
def test_many_idle_connections_do_no_harm(raw, path):
    """Security notes 4.5: 200 connections that say nothing, or half a request line, do not stop
    the others."""
    idle = [raw.connect() for _ in range(200)]
    try:
        for number, connection in enumerate(idle):
            if number % 2:
                connection.send(b"GET / HT")
        unchanged(raw, path)
    finally:
        for connection in idle:
            connection.close()
    unchanged(raw, path)


def test_head_announces_the_length_without_a_body(raw, path):
    """HTTP: HEAD has the Content-Length of GET and no body; the connection goes on."""
    with raw.connect() as connection:
        assert raw.call("HEAD", path, connection=connection).header("content-length") == "3"
        assert raw.call("GET", path, connection=connection).body == OLD


def test_answers_carry_a_date(raw, path):
    """HTTP: Date on every answer (SDKs correct their clocks by it)."""
    for response in (raw.call("GET", path), raw.call("GET", path + "absent")):
        assert (response.header("date") or "").endswith(" GMT")
