"""Bounded memory: many large uploads at once, many connections at once, and everything given back afterwards.

The loads use one asyncio loop and UNSIGNED-PAYLOAD bodies cut from one random block, so that a Python client can keep
hundreds of connections busy. An answer is 200, or 503 SlowDown: never anything else, never a cut connection.
"""

import asyncio
import hashlib
import os
import random
import threading
import time
import xml.etree.ElementTree as ElementTree

import pytest

from harness import sigv4
from harness.raw_http import request_bytes
from harness.store_client import StoreClient

pytestmark = pytest.mark.timeout(300)

MIB = 1 << 20
BLOCK = os.urandom(MIB)
SETTLE_DEADLINE_S = 20
# The bars, in bytes of resident set.
RSS_IDLE_MAX = 60_000_000
RSS_512_CONNECTIONS_MAX = 256_000_000


class RssSampler:
    """The largest resident set of the server while the block runs."""

    def __init__(self, server):
        self.server, self.peak, self.done = server, 0, threading.Event()
        self.thread = threading.Thread(target=self.sample)

    def sample(self):
        while not self.done.is_set():
            self.peak = max(self.peak, self.server.rss_bytes())
            self.done.wait(0.02)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


class Answer:
    def __init__(self, status, size=0, digest=None, head=b"", body=b""):
        self.status, self.size, self.digest, self.head, self.body = status, size, digest, head, body

    @property
    def slow_down(self):
        return self.status == 503 and b"<Code>SlowDown</Code>" in self.body


class AsyncClient:
    """One connection of an asyncio load."""

    def __init__(self, server, signer):
        self.server, self.signer = server, signer
        self.reader = self.writer = None

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection(self.server.host, self.server.port, limit=1 << 18)

    def close(self):
        if self.writer is not None:
            self.writer.close()
            self.writer = None

    def head_bytes(self, method, path, size):
        headers = [("Host", f"{self.server.host}:{self.server.port}")]
        headers, _ = self.signer.authorize(method, path, [], headers, sigv4.UNSIGNED_PAYLOAD)
        if size is not None:
            headers.append(("Content-Length", str(size)))
        return request_bytes(method, path, headers)

    async def send_body(self, size, answer):
        left = size
        while left > 0 and not answer.done():
            self.writer.write(BLOCK[: min(left, MIB)])
            left -= MIB
            await self.writer.drain()

    async def put(self, path, size):
        self.writer.write(self.head_bytes("PUT", path, size))
        # Read while sending: a refusal may come before the body is through.
        answer = asyncio.create_task(self.answer())
        try:
            await self.send_body(size, answer)
        except ConnectionError:
            pass
        return await answer

    async def begin_put(self, path, size, sent):
        """Sends the head and the first `sent` bytes of the body, no more; the task that waits for the answer."""
        self.writer.write(self.head_bytes("PUT", path, size))
        self.writer.write(BLOCK[:sent])
        return asyncio.create_task(self.answer())

    async def get(self, path):
        self.writer.write(self.head_bytes("GET", path, None))
        return await self.answer()

    async def answer(self):
        head = await self.reader.readuntil(b"\r\n\r\n")
        status = int(head.split(None, 2)[1])
        size = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
        )
        digest, left, kept = hashlib.md5(), size, b""
        while left > 0:
            piece = await self.reader.read(min(left, 1 << 18))
            if not piece:
                raise ConnectionError(f"cut {left} bytes before the end of a body with status {status}")
            digest.update(piece)
            kept = piece if len(kept) == 0 and status != 200 else kept
            left -= len(piece)
        if b"connection: close" in head.lower():
            self.close()
        return Answer(status, size, digest.hexdigest(), head, kept)


@pytest.fixture(scope="module")
def memory_server(server_factory):
    return server_factory("memory")


@pytest.fixture
def memory_bucket(memory_server):
    with StoreClient(memory_server) as client:
        name = f"memory-{random.randrange(1 << 30)}"
        client.create_bucket(name)
        yield name


def open_files(server):
    return len(os.listdir(f"/proc/{server.pid}/fd"))


def assert_back_to_normal(server, bucket, files_before):
    """The server answers, and lets go of connections and buffers."""
    deadline = time.monotonic() + SETTLE_DEADLINE_S
    while True:
        lent = server.metrics().get("ashlar_buffer_bytes")
        assert lent is not None, "the metric ashlar_buffer_bytes is missing"
        # A drive may have gone on to its next volume, and opened it a second time for large writes.
        if lent == 0 and open_files(server) <= files_before + 8 + 2 * 14:
            break
        assert time.monotonic() < deadline, (
            f"{lent} buffer bytes still lent, {open_files(server)} files open, " f"{files_before} before"
        )
        time.sleep(0.1)
    with StoreClient(server) as client:
        body = os.urandom(3 * MIB)
        assert client.put(bucket, "afterwards", body).status == 200
        assert client.get(bucket, "afterwards").body == body
    assert server.admin_get("/readyz")[0] == 200


def test_idle(server_factory):
    server = server_factory("idle")
    with StoreClient(server) as client:
        client.create_bucket("idle")
        assert client.put("idle", "small", b"x").status == 200
    rss = server.rss_bytes()
    print(f"idle RSS {rss / MIB:.0f} MiB")
    assert rss < RSS_IDLE_MAX, f"resident set of {rss / MIB:.0f} MiB"


@pytest.mark.slow
def test_64_uploads_of_64_mib_at_once(memory_server, memory_bucket):
    server = memory_server
    signer = sigv4.Signer(server.access_key, server.secret_key)
    files_before, size, answers = open_files(server), 64 * MIB, {}

    async def upload(number):
        client = AsyncClient(server, signer)
        await client.open()
        try:
            answers[number] = await client.put(f"/{memory_bucket}/upload-{number}", size)
        finally:
            client.close()

    async def load():
        await asyncio.gather(*(upload(number) for number in range(64)))

    with RssSampler(server) as rss:
        asyncio.run(load())
    stored = [number for number, answer in answers.items() if answer.status == 200]
    refused = [answer for number, answer in answers.items() if answer.status != 200]
    assert all(answer.slow_down for answer in refused), [(answer.status, answer.body[:200]) for answer in refused]
    assert len(stored) >= 16, f"only {len(stored)} of 64 uploads were taken"
    assert rss.peak < RSS_512_CONNECTIONS_MAX, f"resident set reached {rss.peak / MIB:.0f} MiB"
    with StoreClient(server) as client:
        listed = client.list_all(memory_bucket)
        assert set(listed) == {f"upload-{number}" for number in stored}
        wanted = hashlib.md5(BLOCK * 64).hexdigest()
        assert all(entry == (size, wanted) for entry in listed.values())
        body = client.get(memory_bucket, f"upload-{stored[0]}").body
        assert hashlib.md5(body).hexdigest() == wanted
    assert_back_to_normal(server, memory_bucket, files_before)
    print(f"peak RSS {rss.peak / MIB:.0f} MiB, {len(stored)} of 64 stored")


@pytest.mark.slow
def test_512_connections(memory_server, memory_bucket):
    server = memory_server
    signer = sigv4.Signer(server.access_key, server.secret_key)
    random_numbers = random.Random(512)
    with StoreClient(server) as client:
        assert client.put(memory_bucket, "sixteen", BLOCK * 16).status == 200
    wanted, files_before = hashlib.md5(BLOCK * 16).hexdigest(), open_files(server)
    problems, counts = [], {"get": 0, "put": 0, "idle": 0, "slow": 0}

    def judge(kind, answer, right):
        if answer.slow_down:
            counts["slow"] += 1
        elif answer.status == 200 and right(answer):
            counts[kind] += 1
        else:
            problems.append(f"{kind}: {answer.status} {answer.size} {answer.body[:200]}")

    async def connection(number, everybody):
        client = AsyncClient(server, signer)
        try:
            await client.open()
            await everybody.wait()  # all 512 are open before the first request
            if number % 4 == 0:
                judge("idle", await client.get(f"/{memory_bucket}/sixteen"), lambda answer: answer.digest == wanted)
                await idle_done.wait()
            elif number % 4 == 1:
                judge("get", await client.get(f"/{memory_bucket}/sixteen"), lambda answer: answer.digest == wanted)
            else:
                size = random_numbers.randrange(MIB, 8 * MIB)
                judge("put", await client.put(f"/{memory_bucket}/put-{number}", size), lambda answer: True)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            problems.append(f"connection {number}: {error!r}")
        finally:
            client.close()

    async def load():
        nonlocal idle_done
        idle_done = asyncio.Event()
        everybody = asyncio.Barrier(512)
        tasks = [asyncio.create_task(connection(number, everybody)) for number in range(512)]
        busy = [task for number, task in enumerate(tasks) if number % 4]
        await asyncio.gather(*busy)
        idle_done.set()
        await asyncio.gather(*tasks)

    idle_done = None
    with RssSampler(server) as rss:
        asyncio.run(load())
    print(f"peak RSS {rss.peak / MIB:.0f} MiB, {counts}")
    assert not problems, f"{len(problems)} problems: {problems[:10]}"
    assert rss.peak < RSS_512_CONNECTIONS_MAX, f"resident set reached {rss.peak / MIB:.0f} MiB"
    assert counts["get"] + counts["put"] + counts["idle"] >= 128, counts
    assert_back_to_normal(server, memory_bucket, files_before)


# --- clients that stop inside of their bodies


BUDGET = 16 * MIB  # the least the server takes
PATIENCE_S = 5  # ObjectServiceOptions::buffer_patience
ANSWER_MARGIN_S = 4
SLOW_UPLOADS = 256
# What the process may need besides the budget for SLOW_UPLOADS connections and everything else it does.
RSS_MARGIN = 48 * MIB


@pytest.fixture
def small_budget_server(server_factory):
    return server_factory("budget", code="4+2", extra_args=["--memory-budget", str(BUDGET)])


def volume_bytes(server):
    return sum(path.stat().st_size for path in server.data_dir.glob("drive-*/volumes/volume-*"))


async def begin_slow_uploads(server, signer, bucket, size, sent):
    """{client: task of its answer}; each has sent `sent` bytes of its body."""
    uploads = {}
    for number in range(SLOW_UPLOADS):
        client = AsyncClient(server, signer)
        await client.open()
        uploads[client] = await client.begin_put(f"/{bucket}/slow-{number}", size, sent)
    return uploads


async def timed_put(server, signer, path, size):
    client = AsyncClient(server, signer)
    await client.open()
    begin = time.monotonic()
    try:
        return await client.put(path, size), time.monotonic() - begin
    finally:
        client.close()


def assert_slow_down(answer):
    assert answer.status == 503, (answer.status, answer.body[:300])
    assert b"application/xml" in answer.head
    root = ElementTree.fromstring(answer.body)
    assert (root.tag, root.findtext("Code")) == ("Error", "SlowDown")
    assert root.findtext("Message") and root.findtext("RequestId")


@pytest.mark.slow
def test_slow_uploads_that_hold_the_whole_budget(small_budget_server):
    server, bucket, size, sent = small_budget_server, "slow", 16 * MIB, 200_000
    signer = sigv4.Signer(server.access_key, server.secret_key)
    with StoreClient(server) as client:
        client.create_bucket(bucket)
        assert client.put(bucket, "before", BLOCK).status == 200
    files_before, rss_before, volumes_before = open_files(server), server.rss_bytes(), volume_bytes(server)

    async def load():
        uploads = await begin_slow_uploads(server, signer, bucket, size, sent)
        await asyncio.wait(uploads.values(), timeout=PATIENCE_S + ANSWER_MARGIN_S)
        # Who got a buffer waits for the client; the others are told, although they have not sent their bodies.
        refused = [answer.result() for answer in uploads.values() if answer.done()]
        holders = [client for client, answer in uploads.items() if not answer.done()]
        for answer in refused:
            assert_slow_down(answer)
        assert 8 <= len(holders) <= SLOW_UPLOADS // 4, f"{len(holders)} uploads hold the budget"
        lent = server.metrics()["ashlar_buffer_bytes"]
        assert BUDGET // 2 < lent <= BUDGET, f"{lent / MIB:.1f} MiB are lent"

        puts = [timed_put(server, signer, f"/{bucket}/late-{number}", 16 * MIB) for number in range(8)]
        for answer, seconds in await asyncio.gather(*puts):
            assert_slow_down(answer)
            assert seconds < PATIENCE_S + ANSWER_MARGIN_S, f"answered after {seconds:.1f} s"
        assert volume_bytes(server) == volumes_before, "refused, but space on the drives is taken"
        # What needs no buffer goes on.
        with StoreClient(server) as client:
            assert client.head(bucket, "before").status == 200
            assert set(client.list_all(bucket)) == {"before"}

        # A slow client that goes on is served to its end.
        last = holders.pop()
        await last.send_body(size - sent, uploads[last])
        assert (await uploads[last]).status == 200
        for client in holders:
            client.close()
        await asyncio.gather(*uploads.values(), return_exceptions=True)
        return len(holders) + 1

    with RssSampler(server) as rss:
        held = asyncio.run(load())
    grown = rss.peak - rss_before
    print(f"{held} of {SLOW_UPLOADS} held the budget; RSS grew by {grown / MIB:.0f} MiB")
    assert grown < BUDGET + RSS_MARGIN, f"resident set grew by {grown / MIB:.0f} MiB"
    assert_back_to_normal(server, bucket, files_before)
    with StoreClient(server) as client:
        assert set(client.list_all(bucket)) >= {"before", "afterwards"}
        assert client.put(bucket, "large", BLOCK * 16).status == 200
        assert client.get(bucket, "large").body == BLOCK * 16
