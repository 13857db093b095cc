"""The five S3 checksum algorithms in plain Python (the CRCs are slow: about 5 MB/s; meant for
small bodies).

CRC parameters: CRC-32 as in zlib; CRC-32C polynomial 0x1EDC6F41; CRC-64/NVME polynomial
0xAD93D23594C93659 (NVM Express specification); all reflected, initial value and final xor all
ones. Values are big-endian bytes in base64.
"""

import base64
import hashlib
import zlib

ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")


def _table(polynomial_reversed):
    table = []
    for index in range(256):
        for _ in range(8):
            index = (index >> 1) ^ (polynomial_reversed if index & 1 else 0)
        table.append(index)
    return table


_CRC32C = _table(0x82F63B78)
_CRC64NVME = _table(0x9A6C9329AC4BC9B5)


def _crc(table, bits, data):
    crc = ones = (1 << bits) - 1
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return (crc ^ ones).to_bytes(bits // 8, "big")


def digest(algorithm, data):
    """Raw bytes of the checksum."""
    if algorithm == "CRC32":
        return zlib.crc32(data).to_bytes(4, "big")
    if algorithm == "CRC32C":
        return _crc(_CRC32C, 32, data)
    if algorithm == "CRC64NVME":
        return _crc(_CRC64NVME, 64, data)
    return hashlib.new(algorithm.lower(), data).digest()


def checksum(algorithm, data):
    """The value as it stands in x-amz-checksum-<algorithm>."""
    return base64.b64encode(digest(algorithm, data)).decode()


def composite(algorithm, parts):
    """Checksum of checksums of a multipart object, with the '-N' suffix."""
    return (
        checksum(algorithm, b"".join(digest(algorithm, part) for part in parts)) + f"-{len(parts)}"
    )


def header(algorithm):
    return f"x-amz-checksum-{algorithm.lower()}"


def md5_base64(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def md5_hex(data):
    return hashlib.md5(data).hexdigest()


def multipart_etag(parts):
    """The ETag of a multipart object, without quotes."""
    return (
        hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest()
        + f"-{len(parts)}"
    )
