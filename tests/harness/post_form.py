"""Forms of POST uploads: made as browsers make them, sent as they are."""

import base64
import datetime
import hashlib
import hmac
import json

from harness import sigv4
from harness.raw_http import request_bytes

BOUNDARY = "----ashlar7MA4YWxkTrZu0gW"
BODY = b"something body"


def part(name, value, file_name=None, boundary=BOUNDARY, extra=b""):
    value = value.encode() if isinstance(value, str) else value
    disposition = f'form-data; name="{name}"'
    if file_name is not None:
        disposition += f'; filename="{file_name}"'
    head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n".encode()
    return head + extra + b"\r\n" + value + b"\r\n"


def end(boundary=BOUNDARY):
    return f"--{boundary}--\r\n".encode()


def form(fields, file=BODY, file_name="my-file", late=()):
    pairs = fields.items() if isinstance(fields, dict) else fields
    body = b"".join(part(name, value) for name, value in pairs)
    if file is not None:
        body += part("file", file, file_name)
    return body + b"".join(part(name, value) for name, value in late) + end()


def send(raw, bucket, body, content_type=None, headers=(), query="", length=True, sent=None):
    """`sent`: so many bytes of the body alone, of one that is refused before its end."""
    content_type = content_type or f"multipart/form-data; boundary={BOUNDARY}"
    headers = [("Host", raw.authority), ("Content-Type", content_type), *headers]
    if length:
        headers.append(("Content-Length", str(len(body))))
    data = request_bytes("POST", f"/{bucket}{query}", headers, body[:sent])
    return raw.send_raw(data, "POST")


def presign(s3, bucket, key="k", fields=None, conditions=None, expires=60):
    """The fields that boto3 makes; by default every field given is allowed as it is."""
    fields = dict(fields or {})
    if conditions is None:
        conditions = [["eq", f"${name}", value] for name, value in fields.items()]
    made = s3.generate_presigned_post(
        Bucket=bucket, Key=key, Fields=fields, Conditions=conditions, ExpiresIn=expires
    )
    return made["fields"]


def sign(raw, policy, key="k", moment=None, **changes):
    """Fields for a policy document of our own (a dict, or text to sign as it is)."""
    moment = moment or sigv4.utc_now()
    text = policy if isinstance(policy, str) else json.dumps(policy)
    encoded = base64.b64encode(text.encode()).decode()
    signer = raw.signer
    signature = hmac.new(signer.signing_key(moment), encoded.encode(), hashlib.sha256).hexdigest()
    fields = {
        "key": key,
        "x-amz-algorithm": sigv4.ALGORITHM,
        "x-amz-credential": f"{raw.signer.access_key}/{signer.scope(moment)}",
        "x-amz-date": sigv4.amz_date(moment),
        "policy": encoded,
        "x-amz-signature": signature,
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def policy(bucket, *conditions, expires_s=60):
    end_of_it = sigv4.utc_now() + datetime.timedelta(seconds=expires_s)
    return {
        "expiration": end_of_it.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "conditions": [
            {"bucket": bucket},
            ["starts-with", "$key", ""],
            ["starts-with", "$x-amz-algorithm", ""],
            ["starts-with", "$x-amz-credential", ""],
            ["starts-with", "$x-amz-date", ""],
            *conditions,
        ],
    }


def keys(s3, bucket):
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]


def read(s3, bucket, key="k"):
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
