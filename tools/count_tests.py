"""Prints "passed failed skipped" of a JUnit file, as ctest and pytest write them."""

import sys
import xml.etree.ElementTree as ElementTree


def count(path):
    """Counts the test cases of the file at `path`: (passed, failed, skipped)."""
    passed = failed = skipped = 0
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        kinds = {child.tag for child in case}
        if "failure" in kinds or "error" in kinds or case.get("status") == "fail":
            failed += 1
        elif "skipped" in kinds or case.get("status") in ("notrun", "disabled"):
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


if __name__ == "__main__":
    print(*count(sys.argv[1]))
