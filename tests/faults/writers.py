"""Concurrent writers that note every change in a journal: put, overwrite, delete, copy, multipart, batch delete, and
reads of what they know. They end when told to, or when the server dies under them."""

import math
import random
import threading

from harness.store_client import UNKNOWN_OUTCOME, StoreClient, honest
from journal import Mismatch

KEYS_OF_ITS_OWN = 40
SHARED_KEYS = 8
SIZE_MAX = 2 << 20
PART_BYTES_MIN = 5 << 20
# Around the limits of packing, of a stripe of 10 units of 64 KiB, and of a leaf.
EDGES = [0, 1, 16383, 16384, 65536, 131071, 131072, 131073, 655359, 655360, 655361, 1310721]
WEIGHTS = {"put": 45, "delete": 14, "copy": 10, "multipart": 6, "delete_many": 4, "read": 20, "large_multipart": 1}


class Writer(threading.Thread):
    """One thread with one connection. Its own keys are changed by it alone; the shared ones by all."""

    def __init__(self, server, bucket, journal, number, seed, stop):
        super().__init__(name=f"writer-{number}")
        self.client = StoreClient(server, timeout_s=30)
        self.bucket, self.journal, self.stop = bucket, journal, stop
        self.dice = random.Random(seed)
        self.own = [f"own-{number}/{index:02}" for index in range(KEYS_OF_ITS_OWN)]
        self.shared = [f"shared/{index}" for index in range(SHARED_KEYS)]
        self.problem = None

    def run(self):
        try:
            while not self.stop.is_set():
                kind = self.dice.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
                getattr(self, kind)()
        except UNKNOWN_OUTCOME:
            pass  # the server died; what was under way stays unknown
        except Exception as error:  # noqa: BLE001 - told by the main thread
            self.problem = error
        finally:
            self.client.close()

    # --- choices

    def any_key(self):
        return self.dice.choice(self.shared if self.dice.random() < 0.15 else self.own)

    def size(self):
        if self.dice.random() < 0.2:
            return self.dice.choice(EDGES)
        return int(math.exp(self.dice.uniform(0, math.log(SIZE_MAX))))

    def known_source(self):
        """(key, content) of an own object that certainly exists, or (None, None)."""
        for key in self.dice.sample(self.own, 8):
            try:
                content = self.journal.known(key)
            except LookupError:
                continue
            if content is not None:
                return key, content
        return None, None

    # --- answers

    def judge(self, change, answer, *good):
        """Notes the answer of a change; any answer but these, 503 and 507 is a finding."""
        if answer.status in good:
            self.journal.acknowledge(change)
        elif answer.status == 503 and answer.code == "SlowDown":
            self.journal.refuse(change)
        elif answer.status < 500:
            raise Mismatch(f"{change}: answered {answer}")
        # Other 5xx: unknown.

    def expect_etag(self, change, answer):
        etag = (answer.header("etag") or answer.text("ETag") or "").strip('"')
        if answer.status == 200 and etag not in change.content.etags():
            raise Mismatch(f"{change}: acknowledged with ETag {etag}, sent {change.content.etags()}")

    # --- operations

    def put(self):
        change = self.journal.begin(self.any_key(), self.journal.new_content([self.size()]), "PUT")
        answer = self.client.put(self.bucket, change.key, change.content.bytes())
        self.judge(change, answer, 200)
        if answer.status == 200:
            self.expect_etag(change, answer)

    def delete(self):
        change = self.journal.begin(self.any_key(), None, "DELETE")
        self.judge(change, self.client.delete(self.bucket, change.key), 204)

    def delete_many(self):
        changes = [self.journal.begin(key, None, "DeleteObjects") for key in self.dice.sample(self.own, 5)]
        answer = self.client.delete_many(self.bucket, [change.key for change in changes])
        if answer.status != 200:
            raise Mismatch(f"DeleteObjects answered {answer}")
        deleted = {item.findtext("Key") for item in answer.xml().findall("Deleted")}
        for change in changes:
            if change.key in deleted:
                self.journal.acknowledge(change)

    def copy(self):
        source, content = self.known_source()
        if source is None:
            return
        target = self.any_key()
        if target == source:
            return
        change = self.journal.begin(target, content, f"copy of {source}")
        self.judge(change, honest(self.client.copy(self.bucket, source, target)), 200)

    def multipart(self, sizes=None):
        key = self.any_key()
        sizes = sizes or [self.size() + 1]
        content = self.journal.new_content(sizes, multipart=True)
        answer, upload = self.client.create_upload(self.bucket, key)
        if answer.status != 200:
            return
        etags = []
        for number, piece in enumerate(content.pieces(), 1):
            answer = self.client.upload_part(self.bucket, key, upload, number, piece)
            if answer.status != 200:
                return
            etags.append(answer.header("etag"))
        if self.dice.random() < 0.15:
            self.client.abort_upload(self.bucket, key, upload)
            return
        change = self.journal.begin(key, content, "CompleteMultipartUpload")
        answer = self.client.complete_upload(self.bucket, key, upload, etags)
        self.judge(change, answer, 200)
        if answer.status == 200:
            self.expect_etag(change, answer)

    def large_multipart(self):
        self.multipart([PART_BYTES_MIN, self.size() + 1])

    def read(self):
        key = self.dice.choice(self.own)
        try:
            content = self.journal.known(key)
        except LookupError:
            return
        answer = self.client.get(self.bucket, key)
        if answer.status not in (200, 404):
            return
        if (answer.body if answer.status == 200 else None) != (None if content is None else content.bytes()):
            raise Mismatch(f"{key}: reads {answer.status} with {len(answer.body)} bytes, known is {content}")


def run_writers(server, bucket, journal, seed, while_running, count=4):
    """Starts the writers, calls while_running(), which ends the load (for example by killing the server), and joins
    them."""
    stop = threading.Event()
    writers = [Writer(server, bucket, journal, number, f"{seed}/{number}", stop) for number in range(count)]
    for writer in writers:
        writer.start()
    try:
        while_running()
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    for writer in writers:
        if writer.problem is not None:
            raise writer.problem
