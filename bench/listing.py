#!/usr/bin/env python3
"""What a page of a listing costs, against the number of keys: listing.py [--keys N]

Seeds a store with N keys (ashlar-seed) in one flat prefix, the same again as ten folders of many keys
beside ten folders of few, and a tenth of them with ten old versions or a delete marker each; then
measures pages of 1,000 keys or versions at random places and listings with a delimiter. The bars: a
page of 1,000 costs at most 1.5 ms of server CPU, one of versions half as much again; delimiter
listings cost the same over few keys as over many.

Rows go to build/bench/listing-N.json. Exit code: 0 all bars hold, 1 one does not, 2 nothing measured.
"""

import argparse
import json
import pathlib
import signal
import subprocess
import sys
import time

import bars

PAGE_BAR_US = 1500
# A listing of ten folders may cost this much more over N keys than over 100.
DELIMITER_RATIO_BAR = 2.0
VERSIONS_RATIO_BAR = 1.5
# An entry of ListObjectVersions is 1.6 times as long as one of ListObjectsV2: its id, its owner.
VERSIONS_LISTED_RATIO_BAR = 1.5
FOLDERS = 10
FEW_KEYS = 100
IDLE_SECONDS_MAX = 600
IDLE_TICKS_MAX = 10  # in two seconds: 5 % of a core
BUCKETS = ("flat", "folders", "versions")


def load(server, arguments):
    """One run of ashlar-bench against the server; its JSON row."""
    command = [bars.BIN / "ashlar-bench", "run", "--endpoint", server.endpoint, "--timeout", "120s",
               "--server-pid", str(server.process.pid), "--metrics-url", server.admin + "/metrics",
               "--verify-percent", "0", "--json", *arguments]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                            check=False, env=server.client_environment())
    if not result.stdout.startswith("{"):
        raise bars.BenchError(f"ashlar-bench ended with {result.returncode}")
    row = json.loads(result.stdout)
    if row["errors"]["total"]:
        raise bars.BenchError(f"{' '.join(arguments)}: {row['errors']['first']}")
    return row


def seed(bucket, prefix, keys, *more):
    subprocess.run([bars.BIN / "ashlar-seed", "--data", bars.DATA, "--bucket", bucket, "--source",
                    "source/4096/0000000000", "--prefix", prefix, "--keys", str(keys), *more],
                   check=True)


def make_sources(server):
    for bucket in BUCKETS:
        load(server, ["--bucket", bucket, "--op", "put", "--prefix", "source/", "--size", "4KiB",
                      "--objects", "1", "--concurrency", "1", "--requests", "1", "--warmup", "0s"])


def seed_all(keys):
    tenth = max(1, keys // 10)
    seed("flat", "all/4096/", keys)
    seed("folders", "many/", keys, "--per-folder", str(max(1, keys // FOLDERS)))
    seed("folders", "few/", FEW_KEYS, "--per-folder", str(FEW_KEYS // FOLDERS))
    seed("versions", "plain/4096/", tenth)
    seed("versions", "old/4096/", tenth, "--versions", "10")
    seed("versions", "gone/4096/", tenth, "--delete-markers")


def page(server, bucket, prefix, objects, operation="list"):
    return load(server, ["--bucket", bucket, "--op", operation, "--prefix", prefix, "--size", "4KiB",
                         "--objects", str(objects), "--concurrency", "4", "--duration", "3s",
                         "--warmup", "0.5s", "--no-create-bucket"])


def folders(server, prefix):
    return load(server, ["--bucket", "folders", "--op", "list", "--prefix", prefix, "--delimiter",
                         "/", "--concurrency", "4", "--duration", "2s", "--warmup", "0.5s",
                         "--no-create-bucket"])


def wait_idle(server):
    """Until the store has compacted what the seeding left, so that no page pays for it."""
    def cpu_ticks():
        fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text(encoding="ascii")
        return sum(int(field) for field in fields.rpartition(")")[2].split()[11:13])

    deadline = time.monotonic() + IDLE_SECONDS_MAX
    while time.monotonic() < deadline:
        before = cpu_ticks()
        time.sleep(2)
        if cpu_ticks() - before <= IDLE_TICKS_MAX:
            return
    raise bars.BenchError("the server does not come to rest")


def measure(keys):
    tenth = max(1, keys // 10)
    with bars.Server(keep_data=True) as server:
        make_sources(server)
    started = time.monotonic()
    seed_all(keys)
    print(f"seeded in {time.monotonic() - started:.0f} s", flush=True)
    with bars.Server(keep_data=False, fresh=False) as server:
        wait_idle(server)
        rows = {
            f"page of 1,000, {keys} keys": page(server, "flat", "all/", max(1, keys - 1000)),
            "page of 1,000 beside old versions": page(server, "versions", "plain/", tenth),
            "page of 1,000 with 10 versions each": page(server, "versions", "old/", tenth),
            "page of 1,000 versions, one each": page(server, "versions", "plain/", tenth, "list-versions"),
            "page of 1,000 versions, 10 each": page(server, "versions", "old/", tenth, "list-versions"),
            f"{tenth} delete markers, empty page": page(server, "versions", "gone/", 1),
            f"delimiter, 10 folders of {keys // FOLDERS}": folders(server, "many/"),
            f"delimiter, 10 folders of {FEW_KEYS // FOLDERS}": folders(server, "few/"),
        }
    return rows


def judge(rows):
    """[(title, measured, limit)]"""
    flat, plain, old, versions, versions_of_many, _, many, few = (
        row["server_cpu_us_per_op"] for row in rows.values())
    return [("server CPU us per page of 1,000 keys", flat, PAGE_BAR_US),
            ("page over 10 versions each / page over one", old / plain, VERSIONS_RATIO_BAR),
            ("page of 1,000 versions / page of keys", max(versions, versions_of_many) / plain,
             VERSIONS_LISTED_RATIO_BAR),
            ("delimiter listing, many keys / few keys", many / few, DELIMITER_RATIO_BAR)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keys", type=int, default=1_000_000)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    bars.RESULTS.mkdir(parents=True, exist_ok=True)
    try:
        rows = measure(options.keys)
    except (bars.BenchError, subprocess.CalledProcessError) as error:
        print(f"listing: {error}", file=sys.stderr)
        return 2
    for name, row in rows.items():
        print(f"{name:<44} {row['server_cpu_us_per_op']:>9.1f} us CPU  "
              f"p50 {row['latency_us']['p50'] / 1000:.2f} ms  "
              f"p99 {row['latency_us']['p99'] / 1000:.2f} ms")
    verdicts = judge(rows)
    print()
    for title, measured, limit in verdicts:
        print(f"{title:<44} {measured:>9.2f} {limit:>7g} {'PASS' if measured <= limit else 'FAIL'}")
    path = bars.RESULTS / f"listing-{options.keys}.json"
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0 if all(measured <= limit for _, measured, limit in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
