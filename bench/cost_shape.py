#!/usr/bin/env python3
"""The shape of cost: CPU per operation and latency against object count, object size and concurrency.

    cost_shape.py measure [--keys-max N]   measures; keeps the data in docs/cost-shape.json
    cost_shape.py plot                     draws docs/cost-shape.svg from the data

Object counts are seeded (ashlar-seed: every key is a copy of one object, in random order), sizes and
concurrency are put and read for real. One server of its own, as bars.py does it; the generator shares
the cores with it. Exit code: 0 done, 2 nothing measured.
"""

import argparse
import json
import math
import os
import platform
import sys

import bars
import listing

DATA_FILE = bars.ROOT / "docs/cost-shape.json"
PLOT_FILE = bars.ROOT / "docs/cost-shape.svg"
COUNTS = [10**4, 10**5, 10**6, 10**7]
SIZES = ["1", "1KiB", "16KiB", "128KiB", "1MiB", "16MiB", "256MiB", "1GiB"]
BYTES = [1, 1 << 10, 16 << 10, 128 << 10, 1 << 20, 16 << 20, 256 << 20, 1 << 30]
CONCURRENCY = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]


def point(x, row):
    return {"x": x, "cpu_us": row["server_cpu_us_per_op"], "p50_us": row["latency_us"]["p50"],
            "p99_us": row["latency_us"]["p99"], "rate": row["rate"]}


def add(series, name, x, row):
    series.setdefault(name, []).append(point(x, row))
    print(f"{name:<22} {x:>12} {row['server_cpu_us_per_op']:>12.1f} us CPU "
          f"p50 {row['latency_us']['p50'] / 1000:.2f} ms p99 {row['latency_us']['p99'] / 1000:.2f} ms",
          flush=True)


def small(server, operation, prefix, concurrency, *more):
    return listing.load(server, ["--bucket", "flat", "--op", operation, "--prefix", prefix,
                                 "--size", "4KiB", "--concurrency", str(concurrency), *more])


def measure_counts(series, keys_max):
    with bars.Server(keep_data=True) as server:
        listing.make_sources(server)
    for keys in [count for count in COUNTS if count <= keys_max]:
        listing.seed("flat", "all/4096/", keys)
        with bars.Server(keep_data=True, fresh=False) as server:
            listing.wait_idle(server)
            timed = ["--duration", "4s", "--warmup", "2s"]
            add(series, "count get 4 KiB", keys,
                small(server, "get", "all/", 16, "--objects", str(keys), *timed))
            add(series, "count list 1,000", keys, listing.page(server, "flat", "all/", keys - 1000))
            add(series, "count put 4 KiB", keys, small(server, "put", f"new{keys}/", 16, *timed))


def measure_sizes(series, server):
    for text, size in zip(SIZES, BYTES):
        concurrency = 8 if size < 1 << 26 else 2
        requests = max(4, min(2000, (2 << 30) // size // 2))
        common = ["--bucket", "sizes", "--prefix", "s/", "--size", text,
                  "--concurrency", str(min(concurrency, requests)), "--warmup", "0s"]
        add(series, "size put", size,
            listing.load(server, [*common, "--op", "put", "--requests", str(requests)]))
        add(series, "size get", size,
            listing.load(server, [*common, "--op", "get", "--objects", str(requests),
                                  "--requests", str(2 * requests)]))


def measure_concurrency(series, server):
    small(server, "put", "read/", 64, "--requests", "1000", "--objects", "1000", "--warmup", "0s")
    for concurrency in CONCURRENCY:
        timed = ["--duration", "3s", "--warmup", "0.5s"]
        add(series, "concurrency put 4 KiB", concurrency,
            small(server, "put", f"c{concurrency}/", concurrency, *timed))
        add(series, "concurrency get 4 KiB", concurrency,
            small(server, "get", "read/", concurrency, "--objects", "100", *timed))


def measure(keys_max):
    series = {}
    bars.RESULTS.mkdir(parents=True, exist_ok=True)
    with bars.Server(keep_data=False) as server:
        measure_sizes(series, server)
    with bars.Server(keep_data=False) as server:
        measure_concurrency(series, server)
    measure_counts(series, keys_max)
    bars.Server(keep_data=False).remove_data()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}"
    DATA_FILE.write_text(json.dumps({"machine": machine, "series": series}, indent=1) + "\n",
                         encoding="utf-8")


# ---- drawing: six panels, logarithmic axes

PANEL_WIDTH, PANEL_HEIGHT, MARGIN_X, MARGIN_Y = 300, 210, 70, 60
COLOURS = {"get": "#2563a8", "put": "#b8541a", "list": "#3d7f4f"}
COLUMNS = [("count", "objects in the store"), ("size", "bytes of an object"),
           ("concurrency", "connections")]


class Axis:
    """Logarithmic, from the power of ten below the data to the one above."""

    def __init__(self, values, start, length):
        self.low = math.floor(math.log10(min(values)))
        self.high = max(self.low + 1, math.ceil(math.log10(max(values))))
        self.start, self.length = start, length

    def at(self, value):
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + share * self.length

    def ticks(self):
        step = max(1, (self.high - self.low) // 5)
        return [10**power for power in range(self.low, self.high + 1, step)]


def label(value):
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"


def panel(column, row, title, unit, lines):
    """SVG elements of one panel. `lines`: [(name, colour, dash, [(x, y)])]."""
    left = MARGIN_X + column * (PANEL_WIDTH + MARGIN_X)
    top = MARGIN_Y + row * (PANEL_HEIGHT + MARGIN_Y)
    points = [p for line in lines for p in line[3]]
    x_axis = Axis([x for x, _ in points], left, PANEL_WIDTH)
    y_axis = Axis([y for _, y in points], top + PANEL_HEIGHT, -PANEL_HEIGHT)
    parts = [f'<rect x="{left}" y="{top}" width="{PANEL_WIDTH}" height="{PANEL_HEIGHT}" '
             'fill="none" stroke="#999"/>',
             f'<text x="{left}" y="{top - 8}" class="title">{unit} by {title}</text>']
    for tick in x_axis.ticks():
        parts.append(f'<text x="{x_axis.at(tick):.0f}" y="{top + PANEL_HEIGHT + 16}" '
                     f'text-anchor="middle">{label(tick)}</text>')
    for tick in y_axis.ticks():
        y = y_axis.at(tick)
        parts.append(f'<line x1="{left}" x2="{left + PANEL_WIDTH}" y1="{y:.0f}" y2="{y:.0f}" '
                     f'stroke="#ddd"/><text x="{left - 6}" y="{y + 4:.0f}" '
                     f'text-anchor="end">{label(tick)}</text>')
    # Below the panel, where no line can run through it; the dashed ones have the same colours.
    names = "".join(f'<tspan fill="{colour}" dx="12">{name}</tspan>'
                    for name, colour, dash, _ in lines if not dash)
    parts.append(f'<text x="{left + PANEL_WIDTH / 2:.0f}" y="{top + PANEL_HEIGHT + 32}" '
                 f'text-anchor="middle">{names}</text>')
    for _, colour, dash, line in lines:
        path = " ".join(f"{x_axis.at(x):.1f},{y_axis.at(y):.1f}" for x, y in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" '
                     f'stroke-width="1.8" stroke-dasharray="{dash}"/>')
    return parts


def lines_of(series, kind, costs):
    lines = []
    for name, points in series.items():
        group, operation = name.split()[:2]
        if group != kind:
            continue
        for cost, suffix, dash in costs:
            lines.append((f"{' '.join(name.split()[1:])}{suffix}", COLOURS[operation], dash,
                          [(p["x"], max(p[cost], 0.1)) for p in points]))
    return lines


def plot():
    data = json.loads(DATA_FILE.read_text(encoding="utf-8"))
    width = MARGIN_X + len(COLUMNS) * (PANEL_WIDTH + MARGIN_X)
    height = MARGIN_Y + 2 * (PANEL_HEIGHT + MARGIN_Y)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             'font-family="sans-serif" font-size="11">',
             "<style>.title{font-size:13px;font-weight:bold}</style>",
             f'<rect width="{width}" height="{height}" fill="#fff"/>',
             f'<text x="{MARGIN_X}" y="24">{data["machine"]}; the load generator shares the '
             "cores. Solid: CPU or median, dashed: 99th percentile.</text>"]
    for column, (kind, title) in enumerate(COLUMNS):
        parts += panel(column, 0, title, "server CPU, us",
                       lines_of(data["series"], kind, [("cpu_us", "", "")]))
        parts += panel(column, 1, title, "latency, us",
                       lines_of(data["series"], kind, [("p50_us", "", ""),
                                                       ("p99_us", " p99", "4 3")]))
    parts.append("</svg>")
    PLOT_FILE.write_text("\n".join(parts) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["measure", "plot"])
    parser.add_argument("--keys-max", type=int, default=10**7)
    options = parser.parse_args()
    if options.command == "measure":
        try:
            measure(options.keys_max)
        except bars.BenchError as error:
            print(f"cost_shape: {error}", file=sys.stderr)
            return 2
    plot()
    return 0


if __name__ == "__main__":
    sys.exit(main())
