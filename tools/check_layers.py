"""Checks the includes of the C++ files against tools/layers.toml.

Fails on an edge that the table does not allow, on an include of another component's private folder,
on a cycle (of files or of the table itself), on an include that names no file, and on code outside
`runtime` that touches clock, random, disk, socket or thread without a listed exception.

    check_layers.py [--root DIR] [--table FILE]
"""

import argparse
import fnmatch
import pathlib
import re
import sys
import tomllib

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
COMMENT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)
SUFFIXES = {".h", ".cc"}


class Source:
    """One file: its path, its owner and whether it lies in a test folder."""

    def __init__(self, root, path):
        self.path = path
        parts = path.relative_to(root).parts
        self.name = "/".join(parts)
        self.in_src = parts[0] == "src"
        self.owner = parts[1] if self.in_src and len(parts) > 2 else parts[0]
        self.is_test = self.in_src and len(parts) > 3 and parts[2] in ("tests", "fuzz")
        self.text = path.read_text(encoding="utf-8", errors="replace")

    def includes(self):
        """(line, is_quoted, target) of every include."""
        for match in INCLUDE.finditer(self.text):
            yield self.text.count("\n", 0, match.start()) + 1, match[1] == '"', match[2]


def find_sources(root, outside):
    folders = [root / "src"] + [root / name for name in outside]
    paths = (path for folder in folders if folder.is_dir() for path in folder.rglob("*"))
    return [Source(root, path) for path in sorted(paths) if path.suffix in SUFFIXES]


def find_cycle(graph):
    """A list of nodes that closes a cycle in {node: nodes}, or None."""
    state = {}
    for start in graph:
        if start in state:
            continue
        state[start] = "open"
        stack = [(start, iter(graph[start]))]
        while stack:
            node, successors = stack[-1]
            for successor in successors:
                if state.get(successor) == "open":
                    trail = [entry for entry, _ in stack]
                    return trail[trail.index(successor):] + [successor]
                if successor in graph and successor not in state:
                    state[successor] = "open"
                    stack.append((successor, iter(graph[successor])))
                    break
            else:
                state[node] = "done"
                stack.pop()
    return None


class Checker:
    def __init__(self, root, table):
        self.root = root
        self.components = table["components"]
        self.outside = table.get("outside", {})
        self.test_extras = table.get("tests", {})
        self.platform = table.get("platform", {})
        self.exceptions = self.platform.get("exception", [])
        self.used_exceptions = set()
        self.errors = []
        self.graph = {}

    def error(self, place, text):
        self.errors.append(f"{place}: {text}")

    def run(self):
        cycle = find_cycle(self.components)
        if cycle:
            self.error("the table", "cycle: " + " -> ".join(cycle))
        for source in find_sources(self.root, self.outside):
            self.check_file(source)
        cycle = find_cycle(self.graph)
        if cycle:
            self.error(cycle[0], "include cycle: " + " -> ".join(cycle))
        for index, exception in enumerate(self.exceptions):
            for item in exception["may"]:
                if (index, item) not in self.used_exceptions:
                    self.error(exception["path"], f"nobody uses the exception '{item}' any more")
        return self.errors

    def allowed(self, source):
        """The components whose public headers `source` may include; None for all."""
        if not source.in_src:
            names = self.outside.get(source.owner, [])
            return None if "*" in names else set(names)
        names = {source.owner, *self.components.get(source.owner, [])}
        if source.is_test:
            names.update(self.test_extras.get(source.owner, []))
        return names

    def check_file(self, source):
        if source.in_src and source.owner not in self.components:
            self.error(source.name, f"component '{source.owner}' is not in the table")
            return
        targets = self.graph.setdefault(source.name, [])
        for line, quoted, target in source.includes():
            place = f"{source.name}:{line}"
            if not quoted:
                if (self.root / "src" / target).is_file():
                    self.error(place, f"<{target}> is ours: include it with quotes")
                self.check_platform(source, place, target)
                continue
            self.check_edge(source, place, target, targets)
        code = COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source.text)
        for call in self.platform.get("calls", []):
            position = code.find(call)
            if position >= 0:
                line = code.count("\n", 0, position) + 1
                self.check_rule(source, f"{source.name}:{line}", call)

    def check_edge(self, source, place, target, targets):
        path = self.root / "src" / target
        if not path.is_file():
            beside = self.root / source.owner / target
            if not source.in_src and beside.is_file():
                targets.append(f"{source.owner}/{target}")
                return
            lender = target.split("/")[0]
            if lender in self.outside.get(source.owner, []) and (self.root / target).is_file():
                targets.append(target)
                return
            self.error(place, f'"{target}" is no file of src/ (third-party headers go in <>)')
            return
        targets.append("src/" + target)
        owner = target.split("/")[0]
        allowed = self.allowed(source)
        if allowed is not None and owner not in allowed:
            self.error(place, f"{source.owner} may not include {owner} ({target})")
        elif target.count("/") > 1 and not (source.in_src and owner == source.owner):
            self.error(place, f"{target} is private to {owner}")
        elif "/tests/" in target and not source.is_test:
            self.error(place, f"{target}: only tests include what lies in tests/")

    def check_platform(self, source, place, target):
        if target in self.platform.get("harmless", []):
            return
        for pattern in self.platform.get("includes", []):
            if fnmatch.fnmatch(target, pattern):
                self.check_rule(source, place, pattern)

    def check_rule(self, source, place, rule):
        if not source.in_src or source.is_test or source.owner == self.platform["owner"]:
            return
        for index, exception in enumerate(self.exceptions):
            if rule in exception["may"] and fnmatch.fnmatch(source.name, exception["path"]):
                self.used_exceptions.add((index, rule))
                return
        self.error(place, f"only {self.platform['owner']} may use '{rule}'")


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=here.parent)
    parser.add_argument("--table", type=pathlib.Path, default=here / "layers.toml")
    options = parser.parse_args()
    checker = Checker(options.root, tomllib.loads(options.table.read_text(encoding="utf-8")))
    errors = checker.run()
    for error in errors:
        print(error)
    print(f"layers: {len(checker.graph)} files, {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
