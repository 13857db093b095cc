"""A raw HTTP/1.1 client: it sends exactly the bytes it is told to, and shows exactly what came
back.

For requests that a well-behaved library refuses to send. One Connection is one socket; RawClient
signs and sends one request on a fresh connection unless it is given one. No retries, no
redirects, no normalisation.
"""

import dataclasses
import re
import socket
import xml.etree.ElementTree as ElementTree

from harness import sigv4

DEFAULT_TIMEOUT_S = 20.0


class ConnectionEnded(OSError):
    """The peer closed (or reset) the connection before a complete response."""


@dataclasses.dataclass
class Response:
    status: int
    reason: str
    headers: list
    body: bytes
    interim: list = dataclasses.field(
        default_factory=list
    )  # status codes of the 1xx responses before it

    def header(self, name, default=None):
        """The value of a header (repeated ones joined with ','), or default."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ",".join(values) if values else default

    def xml(self):
        """The root element, name spaces removed."""
        root = ElementTree.fromstring(self.body)
        for element in root.iter():
            element.tag = re.sub(r"^\{[^}]*\}", "", element.tag)
        return root

    def text(self, path):
        """Text of the first element at `path` below the root, None when absent, '' when empty."""
        found = self.xml().find(path)
        return None if found is None else found.text or ""

    def texts(self, path):
        return [element.text or "" for element in self.xml().findall(path)]

    def error(self):
        """The fields of an S3 <Error> document as a dict; {} when the body is something else."""
        try:
            root = self.xml()
        except ElementTree.ParseError:
            return {}
        return {child.tag: child.text or "" for child in root} if root.tag == "Error" else {}

    @property
    def code(self):
        return self.error().get("Code")

    def __str__(self):
        return f"{self.status} {self.reason} {self.headers} {self.body[:1500]!r}"


class Connection:
    def __init__(
        self, host, port, tls_context=None, timeout_s=DEFAULT_TIMEOUT_S, server_name="localhost"
    ):
        self.socket = socket.create_connection((host, port), timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls_context is not None:
            self.socket = tls_context.wrap_socket(self.socket, server_hostname=server_name)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def _more(self):
        try:
            data = self.socket.recv(1 << 18)
        except (ConnectionResetError, BrokenPipeError) as error:
            raise ConnectionEnded(str(error)) from error
        except OSError as error:
            if "EOF occurred" in str(error):  # TLS closed without close_notify
                raise ConnectionEnded(str(error)) from error
            raise
        if not data:
            raise ConnectionEnded("closed by the peer")
        self.buffer += data

    def _until(self, mark):
        while mark not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(mark, 1)
        return head

    def _exactly(self, count):
        pieces = [self.buffer]
        have = len(self.buffer)
        while have < count:
            self.buffer = b""
            self._more()
            pieces.append(self.buffer)
            have += len(self.buffer)
        data = b"".join(pieces)
        self.buffer = data[count:]
        return data[:count]

    def _head(self):
        lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        match = re.fullmatch(r"HTTP/1\.[01] (\d{3})(?: (.*))?", lines[0])
        assert match, f"not a status line: {lines[0]!r}"
        headers = []
        for line in lines[1:]:
            name, separator, value = line.partition(":")
            assert separator and name == name.strip(), f"malformed response header {line!r}"
            headers.append((name, value.strip()))
        return int(match[1]), match[2] or "", headers

    def read_interim(self):
        """Read one 1xx head; returns its status. Fails the test when a final status comes
        instead."""
        status, _, _ = self._head()
        assert 100 <= status < 200, f"expected an interim response, got {status}"
        return status

    def read_response(self, method="GET"):
        """The next final response; interim ones are collected in .interim."""
        interim = []
        while True:
            status, reason, headers = self._head()
            if status >= 200:
                break
            interim.append(status)
        response = Response(status, reason, headers, b"", interim)
        if method == "HEAD" or status in (204, 304):
            return response
        length = response.header("content-length")
        if (response.header("transfer-encoding") or "").lower() == "chunked":
            response.body = self._read_chunked()
        elif length is not None:
            response.body = self._exactly(int(length))
        else:
            response.body = self._read_to_end()
        return response

    def _read_chunked(self):
        body = b""
        while True:
            size = int(self._until(b"\r\n").split(b";")[0], 16)
            body += self._exactly(size)
            assert self._exactly(2) == b"\r\n"
            if size == 0:
                return body

    def _read_to_end(self):
        try:
            while True:
                self._more()
        except ConnectionEnded:
            body, self.buffer = self.buffer, b""
            return body

    def at_end(self):
        """True when the peer closes without sending anything more."""
        if self.buffer:
            return False
        try:
            self._more()
            return False
        except ConnectionEnded:
            return True
        except TimeoutError:
            return False


def request_bytes(method, target, headers, body=b"", version="HTTP/1.1"):
    head = (
        f"{method} {target} {version}\r\n"
        + "".join(f"{name}: {value}\r\n" for name, value in headers)
        + "\r\n"
    )
    return head.encode("utf-8", "surrogateescape") + body


class RawClient:
    """Signs with our own signer and sends over raw sockets. Paths are given raw, that is already
    percent-encoded."""

    def __init__(self, host, port, access_key, secret_key, tls_context=None, region="us-east-1"):
        self.host, self.port, self.tls_context = host, port, tls_context
        self.signer = sigv4.Signer(access_key, secret_key, region)

    @property
    def scheme(self):
        return "https" if self.tls_context else "http"

    @property
    def authority(self):
        return f"{self.host}:{self.port}"

    def connect(self, timeout_s=DEFAULT_TIMEOUT_S):
        return Connection(self.host, self.port, self.tls_context, timeout_s)

    def send_raw(self, data, method="GET", timeout_s=DEFAULT_TIMEOUT_S):
        """Send bytes on a fresh connection and read one response."""
        with self.connect(timeout_s) as connection:
            connection.send(data)
            return connection.read_response(method)

    def prepare(
        self,
        method,
        path,
        query=(),
        headers=(),
        body=b"",
        payload="auto",
        sign=True,
        signer=None,
        moment=None,
        leave_unsigned=(),
        host=None,
        content_length="auto",
    ):
        """(target, headers) of a request. payload: 'auto' hashes the body, None sends no
        x-amz-content-sha256, else the value to send. sign=False: neither date nor
        authorization."""
        headers = [("Host", host or self.authority), *_pairs(headers)]
        query = _pairs(query)
        if content_length == "auto":
            content_length = len(body) if body or method in ("PUT", "POST") else None
        if sign:
            digest = sigv4.sha256_hex(body) if payload == "auto" else payload
            headers, _ = (signer or self.signer).authorize(
                method, path, query, headers, digest, moment, leave_unsigned
            )
        if content_length is not None:
            headers.append(("Content-Length", str(content_length)))
        return path + ("?" + sigv4.encode_query(query) if query else ""), headers

    def call(self, method, path, query=(), headers=(), body=b"", connection=None, **options):
        """Sign, send, and read the response."""
        target, all_headers = self.prepare(method, path, query, headers, body, **options)
        data = request_bytes(method, target, all_headers, body)
        if connection is None:
            return self.send_raw(data, method)
        connection.send(data)
        return connection.read_response(method)

    def call_presigned(
        self,
        method,
        path,
        query=(),
        headers=(),
        body=b"",
        unsigned_headers=(),
        signer=None,
        **options,
    ):
        """A presigned request; `headers` are signed with Host, `unsigned_headers` only sent."""
        signed_headers = [("Host", self.authority), *_pairs(headers)]
        pairs = (signer or self.signer).presign(
            method, path, _pairs(query), signed_headers, **options
        )
        wire = signed_headers + _pairs(unsigned_headers)
        if body or method in ("PUT", "POST"):
            wire.append(("Content-Length", str(len(body))))
        return self.send_raw(
            request_bytes(method, f"{path}?{sigv4.encode_query(pairs)}", wire, body), method
        )

    def stream(
        self,
        method,
        path,
        pieces,
        mode=sigv4.STREAMING_SIGNED,
        trailers=None,
        headers=(),
        query=(),
        decoded_length="auto",
        tamper=None,
        final=True,
        signer=None,
        announce=True,
        declared=None,
    ):
        """An aws-chunked upload. `tamper` maps the framed body to what is really sent; `announce`
        sends x-amz-trailer with the trailers' names, or with `declared`."""
        signer = signer or self.signer
        moment = sigv4.utc_now()
        headers = [("Host", self.authority), ("Content-Encoding", "aws-chunked"), *_pairs(headers)]
        if decoded_length == "auto":
            decoded_length = sum(map(len, pieces))
        if decoded_length is not None:
            headers.append(("x-amz-decoded-content-length", str(decoded_length)))
        names = declared if declared is not None else ",".join(name for name, _ in trailers or ())
        if announce and names:
            headers.append(("x-amz-trailer", names))
        headers, seed = signer.authorize(method, path, _pairs(query), headers, mode, moment)
        if mode == sigv4.STREAMING_UNSIGNED_TRAILER:
            body = sigv4.unsigned_chunks(pieces, trailers or (), final)
        else:
            signed_trailers = (trailers or []) if mode == sigv4.STREAMING_SIGNED_TRAILER else None
            body = signer.signed_chunks(moment, seed, pieces, signed_trailers, final)
        if tamper:
            body = tamper(body)
        headers.append(("Content-Length", str(len(body))))
        target = path + ("?" + sigv4.encode_query(_pairs(query)) if query else "")
        return self.send_raw(request_bytes(method, target, headers, body), method)


def _pairs(items):
    return list(items.items()) if isinstance(items, dict) else list(items)
