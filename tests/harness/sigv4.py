"""AWS Signature Version 4 written from its specification, sharing no code with botocore.

Two independent signers (this one and botocore's) that the server must both accept; and one that
can sign wrongly on purpose. A request is a method, a raw (already percent-encoded) path, query
pairs and header pairs: nothing is normalised, what is given is what is signed and sent.

Source: "Signature Version 4 signing process", "Authenticating requests: using the Authorization
header", "... using query parameters" and "Transferring payload in multiple chunks" of the S3 API
reference.
"""

import dataclasses
import datetime
import hashlib
import hmac

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
STREAMING_SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
STREAMING_SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
STREAMING_UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def sha256_hex(data):
    return hashlib.sha256(data).hexdigest()


def uri_encode(text, keep_slash=False):
    """Percent-encode all but the unreserved characters (and "/" when asked), upper-case hex."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    return "".join(
        chr(b) if b in UNRESERVED or (keep_slash and b == 0x2F) else f"%{b:02X}" for b in data
    )


def encode_query(pairs):
    """The query as sent: in the given order; a value of None is a bare name without '='."""
    return "&".join(
        uri_encode(name) if value is None else f"{uri_encode(name)}={uri_encode(value)}"
        for name, value in pairs
    )


def canonical_query(pairs):
    return "&".join(
        "=".join(pair) for pair in sorted((uri_encode(n), uri_encode(v or "")) for n, v in pairs)
    )


def canonical_headers(headers, signed):
    """The block of canonical headers for the (lower-case, sorted) names in `signed`; repeated
    headers joined with ','."""
    lines = []
    for name in signed:
        values = [" ".join(value.split()) for key, value in headers if key.lower() == name]
        lines.append(f"{name}:{','.join(values)}\n")
    return "".join(lines)


def amz_date(moment):
    return moment.strftime("%Y%m%dT%H%M%SZ")


def utc_now():
    return datetime.datetime.now(datetime.timezone.utc)


@dataclasses.dataclass
class Signer:
    access_key: str
    secret_key: str
    region: str = "us-east-1"
    service: str = "s3"
    algorithm: str = ALGORITHM

    def scope(self, moment):
        return f"{moment.strftime('%Y%m%d')}/{self.region}/{self.service}/aws4_request"

    def signing_key(self, moment):
        key = ("AWS4" + self.secret_key).encode()
        for word in (moment.strftime("%Y%m%d"), self.region, self.service, "aws4_request"):
            key = hmac.new(key, word.encode(), hashlib.sha256).digest()
        return key

    def mac(self, moment, string_to_sign):
        return hmac.new(
            self.signing_key(moment), string_to_sign.encode(), hashlib.sha256
        ).hexdigest()

    def canonical_request(self, method, path, query, headers, signed, payload_hash):
        return "\n".join(
            [
                method,
                path,
                canonical_query(query),
                canonical_headers(headers, signed),
                ";".join(signed),
                payload_hash,
            ]
        )

    def signature(self, method, path, query, headers, signed, payload_hash, moment):
        request = self.canonical_request(method, path, query, headers, signed, payload_hash)
        return self.mac(
            moment,
            "\n".join(
                [
                    self.algorithm,
                    amz_date(moment),
                    self.scope(moment),
                    sha256_hex(request.encode("utf-8", "surrogateescape")),
                ]
            ),
        )

    def authorize(
        self,
        method,
        path,
        query,
        headers,
        payload_hash,
        moment=None,
        leave_unsigned=(),
        add_date=True,
    ):
        """Headers plus x-amz-date, x-amz-content-sha256 and Authorization. `headers` must hold
        Host.

        `leave_unsigned`: lower-case names that are sent but not signed. payload_hash None: no
        x-amz-content-sha256 header is sent, and the empty hash is signed.
        """
        moment = moment or utc_now()
        headers = list(headers)
        if add_date:
            headers.append(("x-amz-date", amz_date(moment)))
        if payload_hash is not None:
            headers.append(("x-amz-content-sha256", payload_hash))
        signed = sorted({name.lower() for name, _ in headers} - set(leave_unsigned))
        signature = self.signature(
            method, path, query, headers, signed, payload_hash or EMPTY_SHA256, moment
        )
        headers.append(
            (
                "Authorization",
                f"{self.algorithm} Credential={self.access_key}/{self.scope(moment)}, "
                f"SignedHeaders={';'.join(signed)}, Signature={signature}",
            )
        )
        return headers, signature

    def presign(
        self,
        method,
        path,
        query,
        headers,
        expires=300,
        moment=None,
        payload_hash=UNSIGNED_PAYLOAD,
        drop=(),
        replace=None,
    ):
        """The query pairs of a presigned URL; every header given is signed. `drop` leaves
        parameters out and `replace` changes them before signing, to make bad URLs whose signature
        is right."""
        moment = moment or utc_now()
        signed = sorted({name.lower() for name, _ in headers})
        parameters = {
            "X-Amz-Algorithm": self.algorithm,
            "X-Amz-Credential": f"{self.access_key}/{self.scope(moment)}",
            "X-Amz-Date": amz_date(moment),
            "X-Amz-Expires": str(expires),
            "X-Amz-SignedHeaders": ";".join(signed),
            **(replace or {}),
        }
        pairs = list(query) + [(n, v) for n, v in parameters.items() if n not in drop]
        signature = self.signature(method, path, pairs, headers, signed, payload_hash, moment)
        return pairs if "X-Amz-Signature" in drop else pairs + [("X-Amz-Signature", signature)]

    def chunk_signature(self, moment, previous, data):
        return self.mac(
            moment,
            "\n".join(
                [
                    f"{ALGORITHM}-PAYLOAD",
                    amz_date(moment),
                    self.scope(moment),
                    previous,
                    EMPTY_SHA256,
                    sha256_hex(data),
                ]
            ),
        )

    def trailer_signature(self, moment, previous, trailers):
        block = "".join(f"{name.lower()}:{value.strip()}\n" for name, value in trailers)
        return self.mac(
            moment,
            "\n".join(
                [
                    f"{ALGORITHM}-TRAILER",
                    amz_date(moment),
                    self.scope(moment),
                    previous,
                    sha256_hex(block.encode()),
                ]
            ),
        )

    def signed_chunks(self, moment, seed, pieces, trailers=None, final=True):
        """The framed body of a signed streaming upload: one chunk a piece, the zero chunk, then
        the signed trailers."""
        out, previous = bytearray(), seed
        for piece in [*pieces, b""] if final else pieces:
            previous = self.chunk_signature(moment, previous, piece)
            out += f"{len(piece):x};chunk-signature={previous}\r\n".encode() + piece
            out += b"\r\n" if piece or trailers is None else b""
        if trailers is not None:
            for name, value in trailers:
                out += f"{name}:{value}\r\n".encode()
            signature = self.trailer_signature(moment, previous, trailers)
            out += f"x-amz-trailer-signature:{signature}\r\n\r\n".encode()
        return bytes(out)


def unsigned_chunks(pieces, trailers=(), final=True):
    """The framed body of STREAMING-UNSIGNED-PAYLOAD-TRAILER."""
    out = b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces)
    if final:
        out += (
            b"0\r\n"
            + b"".join(f"{name}:{value}\r\n".encode() for name, value in trailers)
            + b"\r\n"
        )
    return out
