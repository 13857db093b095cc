#!/usr/bin/env python3
"""Writes docs/s3-compatibility.md from the route table of the server.

    generate_s3_compatibility.py BINARY            write the page
    generate_s3_compatibility.py BINARY --check    fail when the page is not what would be written

BINARY is the `ashlar` program; its command `routes` prints the table as JSON. The list of known gaps
is written by hand, in s3_known_gaps.md beside this file.
"""

import collections
import json
import pathlib
import subprocess
import sys

TOOLS = pathlib.Path(__file__).resolve().parent
PAGE = TOOLS.parent / "docs" / "s3-compatibility.md"
GAPS = TOOLS / "s3_known_gaps.md"

STATES = {
    "works": "works",
    "nothing set": "answers that nothing is set",
    "fixed": "takes what holds anyway",
    "not built": "501 NotImplemented",
}
LEVELS = {
    "service": "Service",
    "bucket": "Buckets",
    "object": "Objects",
    "any": "Preflight",
}
INTRODUCTION = """\
# S3 compatibility

*Generated from the route table by `tools/generate_s3_compatibility.py`; edit
`tools/s3_known_gaps.md` or the table, not this page.*

Every operation of the S3 API has a row in the route table and one of four states:

- **works**: built, and tested against the recorded answers of AWS (`tests/s3/`);
- **answers that nothing is set**: reads that tools make as a matter of course. What they ask for
  cannot be set yet, so the answer of S3 for "never configured" is the truth, and deleting it is done;
- **takes what holds anyway**: the one value that is the state already is answered as S3 does (payer
  `BucketOwner`, acceleration `Suspended`, no logging, no notification), every other one is a 501;
- **501 NotImplemented**: refused as a whole, never half done and never silently ignored.

"""


def load_routes(binary):
    result = subprocess.run([binary, "routes"], check=True, capture_output=True, text=True)
    return json.loads(result.stdout)


def request_of(route):
    """The method, address and marks of a route, as a person writes them."""
    address = {"service": "/", "bucket": "/bucket", "object": "/bucket/key", "any": "*"}
    marks = route["marks"].split()
    query = "&".join(mark[1:] for mark in marks if mark.startswith("?"))
    headers = [mark.partition(":") for mark in marks if not mark.startswith("?")]
    text = f"`{route['method']} {address[route['level']]}{'?' + query if query else ''}`"
    for name, _, value in headers:
        text += f" with `{name}{': ' + value if value else ''}`"
    return text


def state_of(route, by_name):
    newer = route["same_request_as"]
    if newer:
        return f"same request as {newer}: {STATES[by_name[newer]['support']]}"
    return STATES[route["support"]]


def render(routes, gaps):
    by_name = {route["operation"]: route for route in routes}
    counts = collections.Counter(
        by_name[route["same_request_as"] or route["operation"]]["support"] for route in routes
    )
    out = INTRODUCTION
    summary = ", ".join(f"{counts[name]} {text}" for name, text in STATES.items())
    out += f"{len(routes)} operations: {summary}.\n"
    for level, title in LEVELS.items():
        out += f"\n## {title}\n\n| operation | request | permission | state |\n|---|---|---|---|\n"
        for route in sorted(
            (route for route in routes if route["level"] == level),
            key=lambda route: (list(STATES).index(route["support"]), route["operation"]),
        ):
            out += (
                f"| {route['operation']} | {request_of(route)} | `{route['action']}` "
                f"| {state_of(route, by_name)} |\n"
            )
    return out + "\n" + gaps


def main():
    arguments = sys.argv[1:]
    check = "--check" in arguments
    binaries = [word for word in arguments if word != "--check"]
    if len(binaries) != 1:
        sys.exit(__doc__)
    page = render(load_routes(binaries[0]), GAPS.read_text())
    if not check:
        PAGE.write_text(page)
    elif not PAGE.exists() or PAGE.read_text() != page:
        sys.exit(f"{PAGE} is out of date: run tools/generate_s3_compatibility.py {binaries[0]}")


if __name__ == "__main__":
    main()
