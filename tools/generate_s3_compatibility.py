#!/usr/bin/env python3
"""Writes docs/s3-compatibility.md from the route table of the server and the results of its tests.

    generate_s3_compatibility.py BINARY RESULTS            write the page
    generate_s3_compatibility.py BINARY RESULTS --check    fail when an operation that "works" has no test that
                                                           passed, or one that failed, or when the page says
                                                           something else of an operation's state

BINARY is the `ashlar` program; its command `routes` prints the table as JSON. RESULTS is the JUnit file of
`scripts/test s3` (build/test/s3.xml), in which each test names the operations that it asked for. The list of known
gaps is written by hand, in s3_known_gaps.md beside this file.
"""

import collections
import json
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

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

*Generated from the route table and the results of the tests by `tools/generate_s3_compatibility.py`; edit
`tools/s3_known_gaps.md` or the table, not this page.*

Every operation of the S3 API has a row in the route table and one of four states:

- **works**: built, and tested against the recorded answers of AWS (`tests/s3/`);
- **answers that nothing is set**: reads that tools make as a matter of course. What they ask for
  cannot be set yet, so the answer of S3 for "never configured" is the truth, and deleting it is done;
- **takes what holds anyway**: the one value that is the state already is answered as S3 does (payer
  `BucketOwner`, acceleration `Suspended`, no logging, no notification), every other one is a 501;
- **501 NotImplemented**: refused as a whole, never half done and never silently ignored.

The last column counts the tests of `tests/s3/` that asked for the operation and passed; none failed when the page was
written, and `make test` fails when an operation works that no test asks for.

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


def load_results(path):
    """{operation: [passed, failed]} by the tests that asked for it."""
    counts = collections.defaultdict(lambda: [0, 0])
    for test in ElementTree.parse(path).getroot().iter("testcase"):
        failed = any(test.find(kind) is not None for kind in ("failure", "error"))
        if not failed and test.find("skipped") is not None:
            continue
        for one in test.iter("property"):
            if one.get("name") == "operations":
                for operation in one.get("value").split():
                    counts[operation][failed] += 1
    return counts


def untested(routes, results):
    """What is wrong with the operations that are said to work."""
    problems = []
    for route in routes:
        name = route["operation"]
        if route["support"] != "works" or route["same_request_as"]:
            continue
        passed, failed = results[name]
        if passed == 0:
            problems.append(f"{name} works, and no test asks for it")
        if failed:
            problems.append(f"{name}: {failed} tests failed")
    return problems


def state_of(route, by_name):
    newer = route["same_request_as"]
    if newer:
        return f"same request as {newer}: {STATES[by_name[newer]['support']]}"
    return STATES[route["support"]]


def render(routes, results, gaps):
    by_name = {route["operation"]: route for route in routes}
    counts = collections.Counter(
        by_name[route["same_request_as"] or route["operation"]]["support"] for route in routes
    )
    out = INTRODUCTION
    summary = ", ".join(f"{counts[name]} {text}" for name, text in STATES.items())
    out += f"{len(routes)} operations: {summary}.\n"
    for level, title in LEVELS.items():
        out += f"\n## {title}\n\n| operation | request | permission | state | tests |\n|---|---|---|---|---|\n"
        for route in sorted(
            (route for route in routes if route["level"] == level),
            key=lambda route: (list(STATES).index(route["support"]), route["operation"]),
        ):
            out += (
                f"| {route['operation']} | {request_of(route)} | `{route['action']}` "
                f"| {state_of(route, by_name)} | {results[route['operation']][0] or ''} |\n"
            )
    return out + "\n" + gaps


def without_counts(page):
    return re.sub(r"\| \d* \|$", "|", page, flags=re.MULTILINE)


def main():
    arguments = sys.argv[1:]
    check = "--check" in arguments
    files = [word for word in arguments if word != "--check"]
    if len(files) != 2:
        sys.exit(__doc__)
    routes, results = load_routes(files[0]), load_results(files[1])
    problems = untested(routes, results)
    page = render(routes, results, GAPS.read_text())
    if not check and not problems:
        PAGE.write_text(page)
    elif check and (not PAGE.exists() or without_counts(PAGE.read_text()) != without_counts(page)):
        problems.append(f"{PAGE} is out of date: run tools/generate_s3_compatibility.py {' '.join(files)}")
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
