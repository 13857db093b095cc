"""Object operations over one keep-alive connection, cheap enough to load a server from Python.

Bodies are sent as UNSIGNED-PAYLOAD, so that hashing does not slow the sender down. Every method answers the Response,
of whatever status; `OSError` and `ConnectionEnded` mean that the outcome is unknown. The connection is opened on
first use and after a failure opened again by the next call. Not thread-safe: one client a thread.
"""

import re
from xml.sax.saxutils import escape

from harness import sigv4
from harness.raw_http import ConnectionEnded, RawClient, request_bytes

# What a client sees when a server dies under it: the outcome is unknown.
UNKNOWN_OUTCOME = (OSError, ConnectionEnded)


class StoreClient:
    def __init__(self, server, timeout_s=60):
        context = server.certificate.client_context() if server.certificate else None
        self.raw = RawClient(server.host, server.port, server.access_key, server.secret_key, context)
        self.timeout_s = timeout_s
        self.connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def send(self, method, path, query=(), headers=(), body=b""):
        """Send a request and leave the answer on the connection, which is returned."""
        target, all_headers = self.raw.prepare(method, path, query, headers, body, payload=sigv4.UNSIGNED_PAYLOAD)
        if self.connection is None:
            self.connection = self.raw.connect(self.timeout_s)
        try:
            self.connection.send(request_bytes(method, target, all_headers, body))
        except OSError:
            # A refusal (503, 507) may have been sent before the body was read: then it is still to be read.
            pass
        return self.connection

    def call(self, method, path, query=(), headers=(), body=b""):
        try:
            connection = self.send(method, path, query, headers, body)
            response = connection.read_response(method)
        except BaseException:
            self.close()
            raise
        if (response.header("connection") or "").lower() == "close":
            self.close()
        return response

    # --- objects

    def put(self, bucket, key, body, **headers):
        return self.call("PUT", f"/{bucket}/{key}", headers=_header_pairs(headers), body=body)

    def get(self, bucket, key, **headers):
        return self.call("GET", f"/{bucket}/{key}", headers=_header_pairs(headers))

    def head(self, bucket, key):
        return self.call("HEAD", f"/{bucket}/{key}")

    def delete(self, bucket, key):
        return self.call("DELETE", f"/{bucket}/{key}")

    def delete_many(self, bucket, keys):
        items = "".join(f"<Object><Key>{escape(key)}</Key></Object>" for key in keys)
        body = f"<Delete>{items}</Delete>".encode()
        from harness.checksums import md5_base64

        return self.call("POST", f"/{bucket}", [("delete", "")], [("Content-MD5", md5_base64(body))], body)

    def copy(self, bucket, source, target):
        return self.call("PUT", f"/{bucket}/{target}", headers=[("x-amz-copy-source", f"/{bucket}/{source}")])

    # --- buckets

    def create_bucket(self, bucket):
        response = self.call("PUT", f"/{bucket}")
        assert response.status == 200, str(response)
        return bucket

    def list_all(self, bucket, prefix=""):
        """{key: (size, etag)} of all pages."""
        found, token = {}, None
        while True:
            query = [("list-type", "2"), ("prefix", prefix)] + ([("continuation-token", token)] if token else [])
            response = self.call("GET", f"/{bucket}", query)
            assert response.status == 200, str(response)
            root = response.xml()
            for item in root.findall("Contents"):
                key = item.findtext("Key")
                assert key not in found, f"{key} is listed twice"
                found[key] = (int(item.findtext("Size")), item.findtext("ETag").strip('"'))
            token = root.findtext("NextContinuationToken")
            if root.findtext("IsTruncated") != "true":
                return found

    # --- multipart

    def create_upload(self, bucket, key):
        """(response, upload id or None)"""
        response = self.call("POST", f"/{bucket}/{key}", [("uploads", "")])
        return response, response.text("UploadId") if response.status == 200 else None

    def upload_part(self, bucket, key, upload_id, number, body):
        return self.call("PUT", f"/{bucket}/{key}", [("partNumber", str(number)), ("uploadId", upload_id)], body=body)

    def complete_upload(self, bucket, key, upload_id, etags):
        """The 200 of a Complete may carry an <Error>: then the status of the returned response is set to 500."""
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etag)}</ETag></Part>"
            for number, etag in enumerate(etags, 1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        return honest(self.call("POST", f"/{bucket}/{key}", [("uploadId", upload_id)], body=body))

    def abort_upload(self, bucket, key, upload_id):
        return self.call("DELETE", f"/{bucket}/{key}", [("uploadId", upload_id)])

    def uploads(self, bucket):
        """[(key, upload id)] of the uploads in progress (first 1,000)."""
        response = self.call("GET", f"/{bucket}", [("uploads", "")])
        assert response.status == 200, str(response)
        return [(item.findtext("Key"), item.findtext("UploadId")) for item in response.xml().findall("Upload")]


def honest(response):
    """Copy and Complete may answer 200 and an error document: such a response gets the status 500."""
    if response.status == 200 and re.search(rb"<Error[ >]", response.body):
        response.status = 500
    return response


def _header_pairs(headers):
    return [(name.replace("_", "-"), str(value)) for name, value in headers.items()]
