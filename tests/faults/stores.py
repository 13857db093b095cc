"""A store filled once and damaged many times: its objects, a pristine copy of its data, and parallel checks."""

import hashlib
import random
import shutil
import socket
import subprocess
import time

from harness.helpers import run_parallel
from harness.server import ServerError
from harness.store_client import StoreClient

BUCKET = "objects"
SIZES_AT_EDGES = [
    0,
    1,
    2,
    100,
    16384,
    65535,
    65536,
    65537,
    131071,
    131072,
    131073,
    262144,
    655359,
    655360,
    655361,
    1310720,
    1310721,
    3 << 20,
]


class FilledStore:
    """`sha256` maps each key to its digest. The server is stopped after fill(); reset() puts the data back as it was
    then."""

    def __init__(self, server, seed, small=120, medium=60, large=40):
        self.server, self.seed = server, seed
        self.counts = (small, medium, large)
        self.sha256 = {}
        self.pristine = server.data_dir.with_name(server.data_dir.name + ".pristine")

    @property
    def drives(self):
        return sorted(self.server.data_dir.glob("drive-*"))

    def fill(self):
        self.server.start()
        dice = random.Random(self.seed)
        small, medium, large = self.counts
        sizes = (
            SIZES_AT_EDGES
            + [dice.randrange(1, 16_000) for _ in range(small)]
            + [dice.randrange(16_000, 300_000) for _ in range(medium)]
            + [dice.randrange(300_000, 3 << 20) for _ in range(large)]
        )
        with StoreClient(self.server) as client:
            client.create_bucket(BUCKET)
        self.put_all((f"o{number:03}", size, dice.getrandbits(64)) for number, size in enumerate(sizes))
        self.put_multipart("multipart-small", [70_000], dice)
        self.put_multipart("multipart-large", [5 << 20, (5 << 20) + 1, 1], dice)
        with StoreClient(self.server) as client:
            assert client.copy(BUCKET, "multipart-large", "copied").status == 200
            self.sha256["copied"] = self.sha256["multipart-large"]
        self.server.stop()
        subprocess.run(["cp", "-a", "--sparse=always", str(self.server.data_dir), str(self.pristine)], check=True)
        return self

    def put_all(self, items):
        """Many PUTs at once, so that small objects share extents."""

        def put(key, size, seed):
            body = random.Random(seed).randbytes(size)
            with StoreClient(self.server) as client:
                answer = client.put(BUCKET, key, body)
            assert answer.status == 200, f"{key}: {answer}"
            self.sha256[key] = hashlib.sha256(body).hexdigest()

        raise_first(run_parallel([lambda item=item: put(*item) for item in items], threads=12))

    def put_multipart(self, key, sizes, dice):
        pieces = [dice.randbytes(size) for size in sizes]
        with StoreClient(self.server) as client:
            _, upload = client.create_upload(BUCKET, key)
            etags = [
                client.upload_part(BUCKET, key, upload, number, piece).header("etag")
                for number, piece in enumerate(pieces, 1)
            ]
            assert client.complete_upload(BUCKET, key, upload, etags).status == 200
        self.sha256[key] = hashlib.sha256(b"".join(pieces)).hexdigest()

    def reset(self):
        """Kills the server if it runs and puts the data back."""
        self.server.kill()
        shutil.rmtree(self.server.data_dir, ignore_errors=True)
        subprocess.run(["cp", "-a", "--sparse=always", str(self.pristine), str(self.server.data_dir)], check=True)
        self.server.extra_env.pop("ASHLAR_FAILPOINTS", None)

    def remove(self):
        self.server.kill()
        shutil.rmtree(self.server.data_dir, ignore_errors=True)
        shutil.rmtree(self.pristine, ignore_errors=True)

    def assert_all_read_right(self, keys=None, threads=4):
        """Every object by a whole GET and its SHA-256, and by a LIST."""
        keys = sorted(self.sha256 if keys is None else keys)
        raise_first(run_parallel([lambda share=share: self.check(share) for share in split(keys, threads)], threads))
        with StoreClient(self.server) as client:
            assert set(client.list_all(BUCKET)) == set(self.sha256)

    def check(self, keys):
        with StoreClient(self.server) as client:
            for key in keys:
                answer = client.get(BUCKET, key)
                assert answer.status == 200, f"{key}: {answer}"
                assert hashlib.sha256(answer.body).hexdigest() == self.sha256[key], f"{key}: wrong bytes"


def start_serving(server, deadline_s=20):
    """Start and wait until the S3 address answers, ready or not: with too few drives for writing, /readyz says 503."""
    server.spawn()
    deadline = time.monotonic() + deadline_s
    while True:
        if not server.running:
            raise ServerError(f"ashlar exited with {server.process.returncode}\n{server.log_tail()}")
        try:
            socket.create_connection((server.host, server.port), timeout=2).close()
            return server
        except OSError:
            if time.monotonic() > deadline:
                raise ServerError(f"nobody listens\n{server.log_tail()}") from None
        time.sleep(0.02)


def split(items, count):
    return [items[number::count] for number in range(count) if items[number::count]]


def raise_first(results):
    for result in results:
        if isinstance(result, Exception):
            raise result


def metric(server, name):
    """The sum of a metric over its labels."""
    return sum(value for sample, value in server.metrics().items() if sample == name or sample.startswith(name + "{"))
