"""Reads and damages volume files, written from the format's description in src/model/shard_record.h and sharing no
code with the server.

    Volume: header of 4,096 bytes, magic "ASHVOLM1"; then shard records at multiples of 64.
    Record: header of 128 bytes, magic "ASHSHRD1"; 32 bytes a leaf digest; body; zeros up to a multiple of 64. A body of
    1 MiB and more begins at the next multiple of 4,096 in the file.
"""

import dataclasses
import hashlib
import pathlib
import struct

VOLUME_MAGIC, RECORD_MAGIC = b"ASHVOLM1", b"ASHSHRD1"
VOLUME_HEADER_BYTES, RECORD_HEADER_BYTES, ALIGNMENT, LEAF_BYTES = 4096, 128, 64, 16384
ALIGNED_BODY_BYTES_MIN, BODY_ALIGNMENT = 1 << 20, 4096


@dataclasses.dataclass(frozen=True)
class Record:
    offset: int
    extent: bytes
    shard: int
    data_shards: int
    parity_shards: int
    body_bytes: int
    leaf_count: int
    root: bytes

    @property
    def leaves_offset(self):
        return self.offset + RECORD_HEADER_BYTES

    @property
    def body_offset(self):
        behind_leaves = self.leaves_offset + 32 * self.leaf_count
        if self.body_bytes < ALIGNED_BODY_BYTES_MIN:
            return behind_leaves
        return -(-behind_leaves // BODY_ALIGNMENT) * BODY_ALIGNMENT

    @property
    def end(self):
        return self.body_offset + self.body_bytes


def parse_record(data, offset):
    """The record at `offset` of the volume's bytes, None when there is none."""
    header = data[offset : offset + RECORD_HEADER_BYTES]
    if len(header) < RECORD_HEADER_BYTES or header[:8] != RECORD_MAGIC:
        return None
    shard, data_shards, parity_shards = header[10:13]
    own_offset, _volume, _generation, body = struct.unpack_from("<QIIQ", header, 32)
    leaf_bytes, leaf_count = struct.unpack_from("<II", header, 72)
    if own_offset != offset or leaf_bytes != LEAF_BYTES or leaf_count != -(-body // LEAF_BYTES):
        return None
    record = Record(offset, header[16:32], shard, data_shards, parity_shards, body, leaf_count, header[80:112])
    return record if record.end <= len(data) else None


def records_of(path):
    """All records of a volume file, found by walking; gaps between records are skipped."""
    data = pathlib.Path(path).read_bytes()
    assert data[:8] == VOLUME_MAGIC, f"{path} is no volume"
    records, offset = [], VOLUME_HEADER_BYTES
    while True:
        record = parse_record(data, offset)
        if record is not None:
            records.append(record)
            offset = -(-record.end // ALIGNMENT) * ALIGNMENT
            continue
        offset = data.find(RECORD_MAGIC, offset + 1)
        if offset < 0:
            return records


def is_intact(path, record):
    """Do leaf digests, root and body agree?"""
    with open(path, "rb") as file:
        file.seek(record.leaves_offset)
        leaves = file.read(32 * record.leaf_count)
        file.seek(record.body_offset)
        body = file.read(record.body_bytes)
    found = b"".join(
        hashlib.sha256(body[begin : begin + LEAF_BYTES]).digest() for begin in range(0, len(body), LEAF_BYTES)
    )
    return found == leaves and hashlib.sha256(leaves).digest() == record.root


def volumes_of(drive):
    """The volume files of a drive folder that hold records, oldest first."""
    return sorted(path for path in pathlib.Path(drive, "volumes").iterdir() if path.name.startswith("volume-"))


def flip_bit(path, offset, bit=0):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ (1 << bit)]))


PARTS_OF_A_RECORD = ("header", "leaves", "body")


def flip_one_bit_in_each_record(drive, dice, part=None):
    """One bit of every record of the drive, in its header, leaf digests or body (`part`, or by dice). Returns how
    many."""
    flipped = 0
    for path in volumes_of(drive):
        for record in records_of(path):
            where = part or dice.choice(PARTS_OF_A_RECORD)
            begin, end = {
                "header": (record.offset, record.leaves_offset),
                "leaves": (record.leaves_offset, record.body_offset),
                "body": (record.body_offset, record.end),
            }[where]
            if begin == end:
                begin, end = record.offset, record.leaves_offset
            flip_bit(path, dice.randrange(begin, end), dice.randrange(8))
            flipped += 1
    return flipped


def truncate(path, how):
    """how: "byte" (one byte less than its data), "half" of its data, "zero"."""
    records = records_of(path)
    data_end = records[-1].end if records else VOLUME_HEADER_BYTES
    size = {"byte": data_end - 1, "half": data_end // 2, "zero": 0}[how]
    with open(path, "r+b") as file:
        file.truncate(size)
    return size
