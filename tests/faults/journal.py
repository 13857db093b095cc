"""What the clients were told: a journal of invoked and answered changes, and which states of a key it permits.

Rules
 1. A change is noted before its first byte is sent, and its answer when it has been read.
 2. Acknowledged: it happened, at some moment between the two. Refused (4xx, or 5xx that says so): it never happens.
    Neither: unknown; it may take effect once, whole, or never, at any moment after its begin.
 3. The final state of a key is that of a change that no acknowledged change replaced: P is replaced when an
 acknowledged Q
    began after P was acknowledged.
 4. settle() makes what was observed the only permitted state: an unknown outcome that was seen stays as it was seen.

Contents are made from a number, so the journal needs no memory for them and a comparison is byte by byte. Thread-safe.
"""

import dataclasses
import hashlib
import itertools
import random
import threading
import time


@dataclasses.dataclass(frozen=True)
class Content:
    """The bytes of an object: `numbers` name its pieces (one for a PUT, one a part of a multipart upload)."""

    numbers: tuple
    sizes: tuple
    multipart: bool = False

    @property
    def size(self):
        return sum(self.sizes)

    def pieces(self):
        return [piece_bytes(number, size) for number, size in zip(self.numbers, self.sizes)]

    def bytes(self):
        return b"".join(self.pieces())

    def etag(self):
        if not self.multipart:
            return hashlib.md5(self.bytes()).hexdigest()
        digests = [hashlib.md5(piece) for piece in self.pieces()]
        return hashlib.md5(b"".join(digest.digest() for digest in digests)).hexdigest() + f"-{len(digests)}"

    def etags(self):
        """Those it may have: a server-side copy of a multipart object may keep the ETag or get that of a PUT."""
        return {self.etag(), dataclasses.replace(self, multipart=False).etag()} if self.multipart else {self.etag()}

    def __str__(self):
        return f"content {self.numbers} of {self.size} bytes"


def piece_bytes(number, size):
    return random.Random(number).randbytes(size)


@dataclasses.dataclass
class Change:
    """Puts `content` at `key`, or deletes it when content is None."""

    key: str
    content: Content | None
    what: str
    began: float
    ended: float | None = None  # acknowledged at
    cycle: int = 0

    def __str__(self):
        answer = "unknown outcome" if self.ended is None else "acknowledged"
        return f"{self.what} {self.content or 'nothing'} ({answer}, cycle {self.cycle})"


class Journal:
    def __init__(self):
        self.lock = threading.Lock()
        self.changes = {}  # key -> changes that may still matter
        self.touched = set()
        self.numbers = itertools.count(1)
        self.cycle = 0
        self.counts = {"acknowledged": 0, "refused": 0, "unknown": 0}

    def new_content(self, sizes, multipart=False):
        return Content(tuple(next(self.numbers) for _ in sizes), tuple(sizes), multipart)

    def begin(self, key, content, what):
        change = Change(key, content, what, time.monotonic(), cycle=self.cycle)
        with self.lock:
            # Before the journal nothing was there.
            chain = self.changes.setdefault(key, [Change(key, None, "nothing yet", -1.0, 0.0)])
            chain.append(change)
            self.touched.add(key)
            self.counts["unknown"] += 1
        return change

    def acknowledge(self, change):
        change.ended = time.monotonic()
        with self.lock:
            self.counts["acknowledged"] += 1
            self.counts["unknown"] -= 1

    def refuse(self, change):
        with self.lock:
            self.changes[change.key].remove(change)
            self.counts["refused"] += 1
            self.counts["unknown"] -= 1

    def permitted(self, key):
        """The changes one of which must be what a reader sees now."""
        with self.lock:
            chain = list(self.changes.get(key, ()))
        answered = [change for change in chain if change.ended is not None]
        return [
            change
            for change in chain
            if change.ended is None or not any(other.began >= change.ended for other in answered if other is not change)
        ]

    def known(self, key):
        """The content of a key that can only have one (None: absent). Raises LookupError when there are several."""
        permitted = self.permitted(key)
        if not permitted:
            return None
        if len(permitted) > 1:
            raise LookupError(key)
        return permitted[0].content

    def settle(self, key, content):
        """The reader saw this: from now on nothing else is permitted until a new change begins."""
        with self.lock:
            self.changes[key] = [Change(key, content, "settled as", -1.0, 0.0, self.cycle)]

    def keys(self):
        with self.lock:
            return sorted(self.changes)

    def take_touched(self):
        with self.lock:
            touched, self.touched = self.touched, set()
        return sorted(touched)


class Mismatch(AssertionError):
    """The store shows what the journal does not permit."""


def check_key(client, bucket, journal, key):
    """GET the key, compare with the journal, settle. Raises Mismatch."""
    answer = client.get(bucket, key)
    permitted = journal.permitted(key)

    def complain(seen):
        raise Mismatch(f"{key}: {seen}; permitted: " + "; ".join(map(str, permitted)))

    if answer.status == 404 and answer.code == "NoSuchKey":
        if not any(change.content is None for change in permitted):
            complain("absent (an acknowledged object is lost)")
        return journal.settle(key, None)
    if answer.status != 200:
        complain(f"GET answers {answer}")
    for change in permitted:
        content = change.content
        if content is None or content.size != len(answer.body) or content.bytes() != answer.body:
            continue
        etag = (answer.header("etag") or "").strip('"')
        if etag not in content.etags():
            complain(f"right bytes of {content}, but ETag {etag} instead of {content.etags()}")
        return journal.settle(key, content)
    return complain(
        f"{len(answer.body)} bytes with MD5 {hashlib.md5(answer.body).hexdigest()}, ETag {answer.header('etag')}: "
        "no permitted content"
    )


def listing_states(content):
    return [None] if content is None else [(content.size, etag) for etag in sorted(content.etags())]


def check_listing(client, bucket, journal):
    """LIST shows every key of the journal that must be there, none that must not, with right sizes and ETags."""
    listed = client.list_all(bucket)
    strangers = set(listed) - set(journal.keys())
    if strangers:
        raise Mismatch(f"listed, but never written: {sorted(strangers)[:5]}")
    for key in journal.keys():
        permitted = journal.permitted(key)
        allowed = [state for change in permitted for state in listing_states(change.content)]
        if listed.get(key) not in allowed:
            raise Mismatch(
                f"{key}: LIST shows {listed.get(key)}, permitted {allowed}: " + "; ".join(map(str, permitted))
            )
    return listed
