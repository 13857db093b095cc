"""The tester's own tools tested: our signer against the examples AWS publishes, our checksums
against the CRC catalogue."""

import datetime
import hashlib
import random

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from harness import checksums, server, sigv4

EXAMPLE_SIGNER = sigv4.Signer("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
EXAMPLE_TIME = datetime.datetime(2013, 5, 24, tzinfo=datetime.timezone.utc)
EXAMPLE_HOST = ("Host", "examplebucket.s3.amazonaws.com")
CHUNKS = [b"a" * 65536, b"a" * 1024]


def chunk_signatures(seed):
    first = EXAMPLE_SIGNER.chunk_signature(EXAMPLE_TIME, seed, CHUNKS[0])
    second = EXAMPLE_SIGNER.chunk_signature(EXAMPLE_TIME, first, CHUNKS[1])
    return [first, second, EXAMPLE_SIGNER.chunk_signature(EXAMPLE_TIME, second, b"")]


def test_signed_get_of_the_aws_example():
    """S3 API reference, "Authenticating requests: using the Authorization header", example GET
    Object."""
    _, signature = EXAMPLE_SIGNER.authorize(
        "GET",
        "/test.txt",
        [],
        [EXAMPLE_HOST, ("Range", "bytes=0-9")],
        sigv4.EMPTY_SHA256,
        EXAMPLE_TIME,
    )
    assert signature == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"


def test_signed_list_of_the_aws_example():
    """The same page, example GET Bucket (List Objects): query parameters."""
    _, signature = EXAMPLE_SIGNER.authorize(
        "GET",
        "/",
        [("max-keys", "2"), ("prefix", "J")],
        [EXAMPLE_HOST],
        sigv4.EMPTY_SHA256,
        EXAMPLE_TIME,
    )
    assert signature == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"


def test_presigned_get_of_the_aws_example():
    """S3 API reference, "Authenticating requests: using query parameters"."""
    pairs = EXAMPLE_SIGNER.presign(
        "GET", "/test.txt", [], [EXAMPLE_HOST], expires=86400, moment=EXAMPLE_TIME
    )
    assert (
        dict(pairs)["X-Amz-Signature"]
        == "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


def test_chunk_signatures_of_the_aws_example():
    """S3 API reference, "Transferring payload in multiple chunks (chunked upload)"."""
    assert chunk_signatures("4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9") == [
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ]


def test_trailer_signature_of_the_aws_example():
    """S3 API reference, "Including trailing headers"."""
    signatures = chunk_signatures(
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
    )
    assert signatures[2] == "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"
    trailer = [("x-amz-checksum-crc32c", "sOO8/Q==")]
    assert EXAMPLE_SIGNER.trailer_signature(EXAMPLE_TIME, signatures[2], trailer) == (
        "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"
    )


def test_checksums_of_the_check_string():
    """The CRC catalogue's check values of "123456789"; and what AWS recorded for a 3-part
    composite."""
    check = b"123456789"
    assert checksums.digest("CRC32", check).hex() == "cbf43926"
    assert checksums.digest("CRC32C", check).hex() == "e3069283"
    assert checksums.digest("CRC64NVME", check).hex() == "ae8b14860a799888"
    assert checksums.digest("SHA256", check) == hashlib.sha256(check).digest()
    parts = [b"a" * 5242881, b"a" * 5242881, b"a" * 10]
    assert checksums.composite("CRC32", parts) == "5FRUiw==-3"
    assert checksums.multipart_etag(parts) == "4d45984fc3feb2ac9b22683c49674b56-3"


def test_metrics_parser_reads_labels_and_values():
    text = '# HELP a b\na_total{x="1 2",y="}"} 3\nb 4.5 1700000000\n'
    assert server.parse_metrics(text) == {'a_total{x="1 2",y="}"}': 3.0, "b": 4.5}


def test_our_signer_and_botocore_agree():
    """Two independent implementations compute one signature for 200 random requests."""
    generator = random.Random(4)
    letters = "abc /+%&=~-_.é😀?*'()!:,;@"
    credentials = Credentials("AKIDEXAMPLE", "secret/+x")
    signer = sigv4.Signer("AKIDEXAMPLE", "secret/+x")
    for _ in range(200):
        word = lambda: "".join(generator.choices(letters, k=generator.randint(0, 8)))  # noqa: E731
        path = "/bucket/" + sigv4.uri_encode(word(), keep_slash=True)
        query = [(f"q{number}{word()}", word()) for number in range(generator.randint(0, 3))]
        headers = [(f"x-amz-meta-{number}", word().strip()) for number in range(2)]
        url = "http://127.0.0.1:9000" + path
        url += "?" + sigv4.encode_query(query) if query else ""
        request = AWSRequest("PUT", url, data=b"body", headers=dict(headers))
        S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(request)
        sent = dict(request.headers.items())
        moment = datetime.datetime.strptime(sent["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
        signed = [("host", "127.0.0.1:9000"), *headers]
        digest = sent["X-Amz-Content-SHA256"]
        authorized, _ = signer.authorize("PUT", path, query, signed, digest, moment)
        assert dict(authorized)["Authorization"] == sent["Authorization"], url
