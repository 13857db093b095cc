"""Costs that one run of ashlar-bench cannot tell: memory, batches of deletes, heap allocations, reads without drives.

Each function gets a running bars.Server and gives a number, or None when it could not be measured. `run` runs a
workload of bars.py against the server and gives its row.
"""

import mmap
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from harness.store_client import StoreClient  # noqa: E402  (found by the path above)

BATCH_KEYS = 1000


def memory_mb(server, field):
    """VmRSS (now) or VmHWM (the most so far) of the server."""
    for line in pathlib.Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    return None


def cpu_seconds(server):
    fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def delete_cpu_us_per_key(server, bucket, prefix, batches):
    """DeleteObjects with 1,000 keys a call, one call after the other."""
    with StoreClient(server) as client:
        keys = list(client.list_all(bucket, prefix))[: batches * BATCH_KEYS]
        if len(keys) < BATCH_KEYS:
            return None
        before = cpu_seconds(server)
        for first in range(0, len(keys), BATCH_KEYS):
            answer = client.delete_many(bucket, keys[first : first + BATCH_KEYS])
            if answer.status != 200 or b"<Error>" in answer.body:
                return None
        return (cpu_seconds(server) - before) * 1e6 / len(keys)


class AllocationCount:
    """The file in which count_allocations.so counts, and the environment that makes it do so."""

    def __init__(self, folder, library):
        self.path = folder / "allocations"
        self.path.write_bytes(bytes(8))
        self.environment = {"LD_PRELOAD": str(library), "ASHLAR_ALLOCATIONS_FILE": str(self.path)}
        with open(self.path, "rb") as file:
            self.memory = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)

    def value(self):
        return int.from_bytes(self.memory[:8], "little")


def allocations_per_operation(count, run):
    """`run` sends requests without warm-up."""
    before = count.value()
    row = run()
    if before == 0 or row["errors"]["total"]:
        return None
    return (count.value() - before) / row["operations"]


def degraded_share(server, run, drives):
    """CPU of a healthy large GET by that of one with drives missing, both from the page cache and the
    least of three runs: throughput a CPU."""
    healthy = least_cpu(run)
    server.stop()
    for folder in sorted(pathlib.Path(server.data).glob("drive-*"))[:drives]:
        folder.rename(folder.with_name("gone-" + folder.name))
    server.start("/healthz")  # not ready: nothing can be written with so few
    degraded = least_cpu(run)
    return None if healthy is None or degraded is None else healthy / degraded


def least_cpu(run, runs=3):
    """us of CPU an operation; None when one failed. A first run, not counted, fills the page cache."""
    run()
    rows = [run() for _ in range(runs)]
    if any(row["errors"]["total"] for row in rows):
        return None
    return min(row["server_cpu_us_per_op"] for row in rows)
