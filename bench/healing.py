#!/usr/bin/env python3
"""How fast a lost drive is filled again: healing.py

Puts objects, removes the folder of one of fourteen drives while the server runs, and times `ashlar admin
drive replace N --yes --follow`: once for large objects (bytes of shards made a second), once for small ones
(objects a second whose shard was made). No clients meanwhile, no limit on the bandwidth.
Exit code: 0 both bars hold, 1 one does not, 2 nothing measured.
"""

import shutil
import signal
import subprocess
import sys
import time

import bars

DRIVE = 3
BANDWIDTH_MAX = str(1 << 40)
# Enough that the start of the command and its polling (0.3 s) do not count.
LARGE = bars.Workload("heal large", "put", "64MiB", 16, requests=192, quick_requests=192)
SMALL = bars.Workload("heal small", "put", "4KiB", 64, requests=200_000, quick_requests=200_000)
LARGE_BAR_MB = 100
SMALL_BAR_OBJECTS = 30_000
OFFLINE_SECONDS_MAX = 60


def admin(server, *words):
    endpoint = server.admin.removeprefix("http://")
    return subprocess.run([bars.BIN / "ashlar", "admin", "--endpoint", endpoint, "--data", bars.DATA, *words],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def lose_and_replace(server):
    """Seconds that the refill of the drive took."""
    shutil.rmtree(bars.DATA / f"drive-{DRIVE:02d}")
    deadline = time.monotonic() + OFFLINE_SECONDS_MAX
    while True:
        started = time.monotonic()
        done = admin(server, "drive", "replace", str(DRIVE), "--yes", "--follow")
        if done.returncode == 0:
            return time.monotonic() - started
        # Until the server has seen that the drive is gone it refuses.
        if time.monotonic() > deadline:
            raise bars.BenchError(f"drive replace: {done.stdout}{done.stderr}")
        time.sleep(1)


def measure(workload):
    """(row of the PUTs, seconds of the refill)"""
    with bars.Server(keep_data=False, environment={"ASHLAR_HEAL_BANDWIDTH": BANDWIDTH_MAX}) as server:
        row = bars.run_workload(server, workload, {}, quick=False)
        return row, lose_and_replace(server)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    bars.RESULTS.mkdir(parents=True, exist_ok=True)
    try:
        large, large_seconds = measure(LARGE)
        small, small_seconds = measure(SMALL)
    except bars.BenchError as error:
        print(f"healing: {error}", file=sys.stderr)
        return 2
    megabytes = large["bytes_up"] / 10 / 1e6 / large_seconds
    objects = small["operations"] / small_seconds
    results = [("MB of shards made a second, 64 MiB objects", megabytes, LARGE_BAR_MB),
               ("4 KiB objects healed a second", objects, SMALL_BAR_OBJECTS)]
    for title, measured, limit in results:
        print(f"{title:<50} {measured:>9.0f} {limit:>7} {'PASS' if measured >= limit else 'FAIL'}")
    return 0 if all(measured >= limit for _, measured, limit in results) else 1


if __name__ == "__main__":
    sys.exit(main())
