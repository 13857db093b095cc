#!/usr/bin/env python3
"""Runs the workloads against a server of its own and judges the bars: bars.py [--quick]

The server gets new data under build/bench-data, free loopback ports and generated keys, and is
stopped by its pid at the end. Each workload is one run of ashlar-bench, which reads the server's CPU
from /proc and its counters from /metrics before and after. A bar whose counter is absent fails: what
is not measured is not proven. All rows go to build/bench/results.json.

CPU time of a shared machine is the cost and what the neighbours add to it, and they never take
anything away. A row that misses a bar of CPU is therefore run up to twice more; the run with the
least CPU counts, and all are printed and kept. Counts must hold in every run, and what can be
measured only once (cold reads) gets one.

Exit code: 0 all bars hold, 1 a bar or a request failed, 2 the server or the generator did not start.

The generator shares the cores with the server, so rates are those of a whole machine doing both.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import platform
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import special_costs

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = ROOT / "build/release/bin"
RESULTS = ROOT / "build/bench"
DATA = ROOT / "build/bench-data"
READY_SECONDS = 60
STOP_SECONDS = 60
GET_OBJECTS_MAX = 20_000
# The share of its own closed-loop rate at which a workload's open-loop latency is taken.
OPEN_LOOP_SHARE = 0.5
# Volumes are made ahead of their use, so a long run may make one; that is not "a file for a PUT".
FILES_PER_PUT_NOISE = 0.001


class BenchError(Exception):
    """Nothing could be measured."""


@dataclasses.dataclass(frozen=True)
class Workload:
    """One run of ashlar-bench. `reads` and `paced_by` name an earlier workload: the one whose
    objects are read, and the one whose rate sets the open-loop rate."""

    name: str
    operation: str
    size: str
    concurrency: int
    seconds: float = 0
    requests: int = 0
    quick_requests: int = 0
    reads: str = ""
    objects: int = 0  # of those read: how many; 0: all
    warmup: float = 1
    paced_by: str = ""
    payload: str = "unsigned"  # how bodies are signed
    repeatable: bool = True  # a second run costs what the first one costs


WORKLOADS = [
    Workload("put 4 KiB C=1", "put", "4KiB", 1, seconds=6),
    Workload("put 4 KiB C=64", "put", "4KiB", 64, seconds=6),
    Workload("put 4 KiB C=32", "put", "4KiB", 32, seconds=8),
    Workload("get 4 KiB C=32", "get", "4KiB", 32, seconds=8, reads="put 4 KiB C=32"),
    Workload("put 4 KiB open loop", "put", "4KiB", 64, seconds=6, paced_by="put 4 KiB C=32"),
    Workload("get 4 KiB open loop", "get", "4KiB", 64, seconds=6, reads="put 4 KiB C=32",
             paced_by="get 4 KiB C=32"),
    Workload("put 1 MiB C=32", "put", "1MiB", 32, seconds=8),
    Workload("get 4 KiB C=64", "get", "4KiB", 64, seconds=6, reads="put 4 KiB C=64"),
    Workload("put 1 MiB C=512", "put", "1MiB", 512, requests=1024, quick_requests=512),
    Workload("put 64 MiB signed C=8", "put", "64MiB", 8, requests=48, quick_requests=16,
             payload="signed"),
    Workload("put 64 MiB C=32", "put", "64MiB", 32, requests=96, quick_requests=32),
    # Large PUTs leave nothing in the page cache, so the first reads come from the drives.
    Workload("get 64 MiB C=32 cold", "get", "64MiB", 32, requests=32, quick_requests=16,
             reads="put 64 MiB C=32", repeatable=False),
    Workload("get 64 MiB C=32", "get", "64MiB", 32, seconds=8, reads="put 64 MiB C=32",
             objects=16, warmup=4),
    Workload("range 64 KiB of 64 MiB", "range-get", "64MiB", 8, seconds=4,
             reads="put 64 MiB C=32", objects=16),
]

# Of servers of their own: one whose allocations are counted, one that loses four drives.
PUT_COUNTED = Workload("put counted", "put", "4KiB", 64, requests=4000, quick_requests=4000)
GET_COUNTED = Workload("get counted", "get", "4KiB", 64, requests=20_000, quick_requests=10_000,
                       reads="put counted")
PUT_DEGRADED = Workload("put degraded", "put", "64MiB", 8, requests=16, quick_requests=16)
GET_DEGRADED = Workload("get degraded", "get", "64MiB", 8, requests=96, quick_requests=40,
                        reads="put degraded", objects=8)
DRIVES_MISSING = 4
# Within a period and a quarter everything is in the metadata journal.
JOURNAL_SECONDS = 2.5
# Enough that a compaction of the metadata, which comes when it wants to, costs little a key.
DELETE_BATCHES_MAX = 50
# Runs of a row whose CPU misses a bar.
RUNS_MAX = 3

# A second on a machine that others use too says little about CPU; the full run has no slack.
QUICK_CPU_SLACK = 1.5


@dataclasses.dataclass(frozen=True)
class Bar:
    """A cost (a key of costs()) of a workload and its limit."""

    title: str
    workload: str
    cost: str
    limit: float


BARS = [
    Bar("syncs per 4 KiB PUT, C=1", "put 4 KiB C=1", "syncs", 15),
    Bar("syncs per 4 KiB PUT, C=64", "put 4 KiB C=64", "syncs", 0.5),
    Bar("files created per PUT, C=1", "put 4 KiB C=1", "files", 0),
    Bar("files created per PUT, C=64", "put 4 KiB C=64", "files", 0),
    Bar("bytes written per user byte, 4 KiB C=32", "put 4 KiB C=32", "written", 2.2),
    Bar("bytes written per user byte, 1 MiB C=32", "put 1 MiB C=32", "written", 1.45),
    Bar("bytes written per user byte, 64 MiB C=32", "put 64 MiB C=32", "written", 1.42),
    Bar("server CPU us per 4 KiB GET, C=32", "get 4 KiB C=32", "cpu_us", 80),
    Bar("server CPU us per 4 KiB PUT, C=32", "put 4 KiB C=32", "cpu_us", 200),
    Bar("server CPU us per 4 KiB GET, C=64", "get 4 KiB C=64", "cpu_us", 35),
    Bar("server CPU us per 4 KiB PUT, C=64", "put 4 KiB C=64", "cpu_us", 90),
    Bar("server CPU us per 64 KiB range, hot", "range 64 KiB of 64 MiB", "cpu_us", 90),
    Bar("server CPU ns per byte, 64 MiB GET cold", "get 64 MiB C=32 cold", "cpu_ns_per_byte", 1.0),
    Bar("server CPU ns per byte, 64 MiB GET hot", "get 64 MiB C=32", "cpu_ns_per_byte", 0.65),
    Bar("server CPU ns per byte, 64 MiB signed PUT", "put 64 MiB signed C=8",
        "cpu_ns_per_byte", 1.5),
    Bar("server CPU ns per byte, 64 MiB PUT", "put 64 MiB C=32", "cpu_ns_per_byte", 2.4),
    Bar("KiB read per 64 KiB range of 64 MiB", "range 64 KiB of 64 MiB", "read_kib", 192),
]

# Titles of what special_costs.py measures, with their limits.
SPECIAL_BARS = {
    "resident MB, idle": 60,
    "resident MB at most, 512 connections": 256,
    "server CPU us per key, DELETE of 1,000": 30,
    "heap allocations per 4 KiB GET": 4,
}
DEGRADED_TITLE = "share of healthy 64 MiB GET per CPU, 4 drives gone"
DEGRADED_MIN = 0.85


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """`ashlar server` for the length of a with-block, with new data unless `fresh` is false."""

    def __init__(self, keep_data, fresh=True, environment=None):
        self.keep_data = keep_data
        self.fresh = fresh
        self.environment = environment or {}
        self.data = DATA
        self.certificate = None  # as StoreClient of the tests wants it
        port, admin_port = free_port(), free_port()
        self.host, self.port = "127.0.0.1", port
        self.endpoint = f"http://127.0.0.1:{port}"
        self.admin = f"http://127.0.0.1:{admin_port}"
        self.access_key = "BENCH" + secrets.token_hex(8).upper()
        self.secret_key = secrets.token_hex(20)
        self.command = [BIN / "ashlar", "server", "--data", DATA, "--listen", f"127.0.0.1:{port}",
                        "--admin-listen", f"127.0.0.1:{admin_port}"]
        self.process = None
        self.log = None

    def __enter__(self):
        if self.fresh:
            shutil.rmtree(DATA, ignore_errors=True)
            DATA.mkdir(parents=True)
        (RESULTS / "server.log").unlink(missing_ok=True)
        self.start("/readyz")
        return self

    def start(self, until):
        """`until`: the page of the admin listener that must answer 200."""
        self.log = open(RESULTS / "server.log", "ab")
        environment = {**os.environ, **self.environment, "ASHLAR_ROOT_ACCESS_KEY": self.access_key,
                       "ASHLAR_ROOT_SECRET_KEY": self.secret_key}
        self.process = subprocess.Popen(self.command, env=environment, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=subprocess.STDOUT)
        try:
            self.wait_for(until)
        except BaseException:
            self.__exit__()
            raise

    def client_environment(self):
        return {**os.environ, "AWS_ACCESS_KEY_ID": self.access_key,
                "AWS_SECRET_ACCESS_KEY": self.secret_key}

    def wait_for(self, page):
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(self.admin + page, timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise BenchError(f"the server did not become ready; see {RESULTS / 'server.log'}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def __exit__(self, *_):
        self.stop()
        if not self.keep_data:
            self.remove_data()

    @staticmethod
    def remove_data():
        shutil.rmtree(DATA, ignore_errors=True)


def sync_latency_us():
    """Median of a 4 KiB write with fdatasync on the device under test: what no server can beat."""
    path = DATA / "sync-probe"
    times = []
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        for i in range(64):
            started = time.perf_counter()
            os.pwrite(descriptor, b"x" * 4096, i * 4096)
            os.fdatasync(descriptor)
            times.append(time.perf_counter() - started)
    finally:
        os.close(descriptor)
        path.unlink()
    return sorted(times)[len(times) // 2] * 1e6


def count_files():
    return sum(len(files) for _, _, files in os.walk(DATA))


def run_workload(server, workload, rows, quick, run=1):
    """The JSON row of ashlar-bench, with the count of new files under the data folder added."""
    name = workload.name.replace(" ", "-").replace("=", "")
    prefix = rows[workload.reads]["prefix"] if workload.reads else f"{name}-{run}/"
    command = [BIN / "ashlar-bench", "run", "--endpoint", server.endpoint, "--bucket", "bench",
               "--prefix", prefix,
               "--op", workload.operation, "--size", workload.size,
               "--payload", workload.payload,
               "--concurrency", str(workload.concurrency), "--timeout", "60s",
               "--server-pid", str(server.process.pid),
               "--metrics-url", server.admin + "/metrics", "--json"]
    if workload.requests:
        requests = workload.quick_requests if quick else workload.requests
        command += ["--requests", str(requests), "--warmup", "0s"]
    else:
        command += ["--duration", f"{1 if quick else workload.seconds}s",
                    "--warmup", "0.3s" if quick and workload.warmup <= 1 else f"{workload.warmup}s"]
    if workload.reads:
        # A PUT run without failures wrote the keys 0 to operations - 1, and those of its warm-up.
        written = rows[workload.reads]["operations"]
        command += ["--objects", str(min(workload.objects or GET_OBJECTS_MAX, written))]
    if workload.paced_by:
        rate = max(1.0, rows[workload.paced_by]["rate"] * OPEN_LOOP_SHARE)
        command += ["--rate", f"{rate:.1f}", "--poisson"]
    files_before = count_files()
    result = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False,
        env=server.client_environment())
    if not result.stdout.startswith("{"):
        raise BenchError(f"{workload.name}: ashlar-bench ended with {result.returncode}; "
                         f"see {RESULTS / 'server.log'}")
    row = json.loads(result.stdout)
    row["new_files_in_data"] = count_files() - files_before
    row["prefix"] = prefix
    return row


def run_until_calm(server, workload, rows, quick):
    """The run with the least CPU among those that were needed; the others are in its "others"."""
    bars = [bar for bar in BARS if bar.workload == workload.name and bar.cost.startswith("cpu")]
    runs = []
    while True:
        runs.append(run_workload(server, workload, rows, quick, run=len(runs) + 1))
        print_workload(workload.name if len(runs) == 1 else f"  run {len(runs)}", runs[-1])
        best = min(runs, key=lambda row: row["server_cpu_us_per_op"])
        missed = [bar for bar in bars if not judge(bar, {bar.workload: best}, quick)["passed"]]
        runs_max = RUNS_MAX if workload.repeatable else 1
        if not missed or len(runs) == runs_max or any(row["errors"]["total"] for row in runs):
            others = [row for row in runs if row is not best]
            return {**best, "others": others}


def costs(row):
    """What an operation cost the server, under the names that the bars use; None: not known."""
    totals = {name: cost["total"] for name, cost in row["server"].items()}

    def ratio(divisor, *names):
        values = [totals[name] for name in names]
        return None if None in values or not divisor else sum(values) / divisor

    operations = row["operations"]
    read = ratio(operations, "ashlar_disk_bytes_read_total")
    return {
        "syncs": ratio(operations, "ashlar_disk_syncs_total", "ashlar_metadata_syncs_total"),
        "files": ratio(operations, "ashlar_disk_files_created_total"),
        "written": ratio(row["bytes_up"], "ashlar_disk_bytes_written_total",
                         "ashlar_metadata_bytes_written_total"),
        "read_kib": None if read is None else read / 1024,
        "cpu_us": row["server_cpu_us_per_op"],
        "cpu_ns_per_byte": row["server_cpu_ns_per_byte"],
    }


def judge(bar, rows, quick):
    row = rows[bar.workload]
    measured = costs(row)[bar.cost]
    if not bar.cost.startswith("cpu"):  # one chance: the worst of all runs
        counted = [costs(run)[bar.cost] for run in (row, *row.get("others", []))]
        measured = None if None in counted else max(counted)
    limit = bar.limit + (FILES_PER_PUT_NOISE if bar.cost == "files" else 0)
    if quick and bar.cost.startswith("cpu"):
        limit *= QUICK_CPU_SLACK
    passed = measured is not None and measured <= limit and row["errors"]["total"] == 0
    return {"bar": bar.title, "measured": measured, "limit": bar.limit, "passed": passed,
            "rate": row["rate"], "p50_ms": row["latency_us"]["p50"] / 1000,
            "p99_ms": row["latency_us"]["p99"] / 1000, "errors": row["errors"]["total"],
            "runs": 1 + len(row.get("others", [])) if bar.cost.startswith("cpu") else 1}


def judge_special(title, measured, limit, at_least, slack):
    passed = measured is not None and (measured >= limit / slack if at_least
                                       else measured <= limit * slack)
    return {"bar": title, "measured": measured, "limit": limit, "passed": passed}


def number(value):
    if value is None:
        return "n/a"
    return f"{value:.3f}" if abs(value) < 20 else f"{value:.1f}"


def print_workload(name, row):
    cost = costs(row)
    latency = row["latency_us"]
    print(f"{name:<24} {row['rate']:>9.1f} {row['mb_per_s']:>8.1f} {latency['p50'] / 1000:>8.2f} "
          f"{latency['p99'] / 1000:>8.2f} {latency['max'] / 1000:>8.1f} "
          f"{number(cost['cpu_us']):>9} {number(cost['cpu_ns_per_byte']):>7} "
          f"{number(cost['syncs']):>7} {number(cost['written']):>7} {number(cost['read_kib']):>9} "
          f"{row['new_files_in_data']:>6} {row['client_cpu_us_per_op']:>9.1f} "
          f"{row['errors']['total']:>6}", flush=True)
    if row["errors"]["total"]:
        print(f"    first error: {row['errors']['first']}", flush=True)


def print_bars(results):
    print(f"\n{'bar':<50} {'measured':>9} {'limit':>7} {'':<4} {'op/s':>10} {'p50 ms':>8} "
          f"{'p99 ms':>8}")
    for result in results:
        verdict = "PASS" if result["passed"] else "FAIL"
        line = f"{result['bar']:<50} {number(result['measured']):>9} {result['limit']:>7g} {verdict}"
        if "rate" in result:
            line += f" {result['rate']:>10.1f} {result['p50_ms']:>8.2f} {result['p99_ms']:>8.2f}"
            line += f"  least of {result['runs']} runs" if result["runs"] > 1 else ""
        print(line)


def selected(words):
    """The workloads whose name has one of `words`, and those that they depend on."""
    wanted = {w.name for w in WORKLOADS if not words or any(word in w.name for word in words)}
    for workload in reversed(WORKLOADS):
        if workload.name in wanted:
            wanted |= {workload.reads, workload.paced_by}
    return [w for w in WORKLOADS if w.name in wanted]


def measure_allocations(quick):
    count = special_costs.AllocationCount(RESULTS, ROOT / "build/release/bench/count_allocations.so")
    rows = {}
    with Server(keep_data=False, environment=count.environment) as server:
        rows[PUT_COUNTED.name] = run_workload(server, PUT_COUNTED, rows, quick)
        # The first GETs make pools and caches, and the metadata journal tells of the PUTs; what is
        # counted comes after both.
        run_workload(server, GET_COUNTED, rows, quick)
        time.sleep(JOURNAL_SECONDS)
        return special_costs.allocations_per_operation(
            count, lambda: run_workload(server, GET_COUNTED, rows, quick))


def measure_degraded(quick):
    rows = {}
    with Server(keep_data=False) as server:
        rows[PUT_DEGRADED.name] = run_workload(server, PUT_DEGRADED, rows, quick)
        return special_costs.degraded_share(
            server, lambda: run_workload(server, GET_DEGRADED, rows, quick), DRIVES_MISSING)


def measure_special(options, special):
    """The bars that are not a cost of one workload."""
    if not options.only:
        special["heap allocations per 4 KiB GET"] = measure_allocations(options.quick)
    slack = QUICK_CPU_SLACK if options.quick else 1
    results = [judge_special(title, special[title], limit, False, slack if "CPU" in title else 1)
               for title, limit in SPECIAL_BARS.items() if title in special]
    if not options.only:
        results.append(judge_special(DEGRADED_TITLE, measure_degraded(options.quick), DEGRADED_MIN,
                                     True, slack))
    return results


def measure(options, special):
    rows = {}
    with Server(options.keep_data) as server:
        special["resident MB, idle"] = special_costs.memory_mb(server, "VmRSS")
        print(f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}; "
              f"4 KiB write + fdatasync {sync_latency_us():.0f} us\n")
        print(f"{'workload':<24} {'op/s':>9} {'MB/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8} "
              f"{'cpu us/op':>9} {'ns/B':>7} {'syncs':>7} {'wr B/B':>7} {'rd KiB/op':>9} "
              f"{'files':>6} {'client us':>9} {'errors':>6}")
        for workload in selected(options.only):
            rows[workload.name] = run_until_calm(server, workload, rows, options.quick)
        if not options.only:
            special["resident MB at most, 512 connections"] = special_costs.memory_mb(
                server, "VmHWM")
            special["server CPU us per key, DELETE of 1,000"] = special_costs.delete_cpu_us_per_key(
                server, "bench", rows["put 4 KiB C=64"]["prefix"], DELETE_BATCHES_MAX)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a second each: a check, not a number")
    parser.add_argument("--only", nargs="+", metavar="WORD", default=[],
                        help="workloads whose name has one of the words, and what they need")
    parser.add_argument("--keep-data", action="store_true", help="do not delete the server's data")
    options = parser.parse_args()
    # So that a kill runs the with-blocks and the server does not stay behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    RESULTS.mkdir(parents=True, exist_ok=True)
    try:
        special = {}
        rows = measure(options, special)
        special_results = measure_special(options, special)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    bars = [judge(bar, rows, options.quick) for bar in BARS if bar.workload in rows]
    bars += special_results
    print_bars(bars)
    if options.quick:
        print(f"(quick: CPU may be {QUICK_CPU_SLACK} times the limit, counts may not)")
    errors = sum(row["errors"]["total"] for row in rows.values())
    failed = sum(not bar["passed"] for bar in bars)
    print(f"\n{len(bars) - failed} of {len(bars)} bars hold, {errors} failed requests")
    (RESULTS / "results.json").write_text(
        json.dumps({"quick": options.quick, "bars": bars, "workloads": rows}, indent=1) + "\n",
        encoding="utf-8")
    return 1 if failed or errors else 0


if __name__ == "__main__":
    sys.exit(main())
