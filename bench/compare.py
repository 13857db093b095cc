#!/usr/bin/env python3
"""Two builds side by side: compare.py OLD NEW [--rounds N] [--workload NAME]

OLD and NEW are `ashlar` programs, each linked in a build folder of its own (a copy may cost more,
docs/performance.md). Their servers take turns, each with a new store, so that what the neighbours of
the machine do meets both. Prints medians, and where the CPU of the threads that still live went.

Exit code: 0, or 2 when a server did not start or a request failed.
"""

import argparse
import collections
import os
import pathlib
import statistics
import sys

import bars


def thread_seconds(pid):
    """{(name of a kind of thread, "user" or "system"): seconds}"""
    seconds = collections.Counter()
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        head, _, rest = (task / "stat").read_text(encoding="ascii").rpartition(")")
        kind, fields = head.partition("(")[2].split("-")[0], rest.split()
        seconds[kind, "user"] += int(fields[11]) / os.sysconf("SC_CLK_TCK")
        seconds[kind, "system"] += int(fields[12]) / os.sysconf("SC_CLK_TCK")
    return seconds


def measure(program, workload):
    """(row, seconds of its threads) of one run."""
    server = bars.Server(keep_data=False)
    server.command[0] = program
    with server:
        row = bars.run_workload(server, workload, {}, quick=False)
        return row, thread_seconds(server.process.pid)


def show(name, runs):
    rows = [row for row, _ in runs]
    if any(row["errors"]["total"] for row in rows):
        raise bars.BenchError(f"{name}: requests failed")
    cpu = [row["server_cpu_us_per_op"] for row in rows]
    print(f"{name}: {statistics.median(cpu):.1f} us of CPU ({min(cpu):.1f} to {max(cpu):.1f}), "
          f"{statistics.median(row['server_cpu_ns_per_byte'] for row in rows):.3f} ns/B, "
          f"{statistics.median(row['rate'] for row in rows):.0f} /s, "
          f"p50 {statistics.median(row['latency_us']['p50'] for row in rows) / 1000:.2f} ms, "
          f"generator {statistics.median(row['client_cpu_us_per_op'] for row in rows):.1f} us")
    threads = sum((seconds for _, seconds in runs), collections.Counter())
    whole = sum(threads.values())
    shares = [f"{kind} {mode} {100 * value / whole:.0f} %"
              for (kind, mode), value in threads.most_common() if value > whole / 100]
    print("    " + ", ".join(shares))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=pathlib.Path)
    parser.add_argument("new", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=4)
    writing = [workload.name for workload in bars.WORKLOADS if not workload.reads]
    parser.add_argument("--workload", default="put 4 KiB C=64", choices=writing)
    options = parser.parse_args()
    workload = next(item for item in bars.WORKLOADS if item.name == options.workload)
    bars.RESULTS.mkdir(parents=True, exist_ok=True)
    runs = {"old": [], "new": []}
    try:
        for turn in range(options.rounds):
            for name in sorted(runs, reverse=turn % 2 == 0):
                runs[name].append(measure(getattr(options, name).resolve(), workload))
        for name, measured in runs.items():
            show(name, measured)
    except bars.BenchError as error:
        print(f"compare: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
