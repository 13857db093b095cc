"""Checks what clang-format and clang-tidy do not: sizes, opening comments, leftovers.

Rules: a line has at most 100 columns (Python 120), a file 700 lines (warning from 600), a header
350, a function 100 (warning from 70); no tabs, no space at a line's end, a line feed at the file's
end; headers have `#pragma once`; a file opens with a comment; no marks of unfinished work; no paths
of one developer's machine; in a .cc no `using a::b;` and no namespace alias that the file does not
use, and no include of another .cc (clang-tidy does not see these in a group of files). An
implementation file whose own header opens with a comment needs none, nor does a unit test.

    check_style.py [--root DIR] [FILE...]
"""

import argparse
import pathlib
import re
import sys

COLUMNS_MAX, PYTHON_COLUMNS_MAX = 100, 120
FILE_LINES_MAX, FILE_LINES_WARN = 700, 600
HEADER_LINES_MAX = 350
FUNCTION_LINES_MAX, FUNCTION_LINES_WARN = 100, 70

CPP = {".h", ".cc"}
SKIPPED_FOLDERS = {"build", "data", ".git", ".venv", "venv", "node_modules", "__pycache__",
                   ".pytest_cache", "corpus", "golden"}
CHECKED_SUFFIXES = {".h", ".cc", ".py", ".sh", ".cmake", ".toml", ".ts", ".tsx", ".css", ".yml"}
CHECKED_NAMES = {"CMakeLists.txt", "Makefile", ".clang-format", ".clang-tidy"}
# Written in pieces, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b")
MACHINE_PATH = re.compile(r"(?<![\w/.:$}-])/(work|root|home/\w+|tmp/build[\w-]*)/")
# A brace after one of these opens no function.
NOT_A_FUNCTION = re.compile(r"\b(if|for|while|switch|catch|namespace|class|struct|union|enum|do|"
                            r"else|try|return|co_return|extern|export)\b")
SCOPE = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")
TOKENS = re.compile(r'R"([^(\s]*)\(.*?\)\1"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'
                    r"(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.DOTALL)
# Either declaration makes a name that only its file uses.
ALIAS = re.compile(r"^[ \t]*(?:using (?:\w+|::)*::(\w+)|namespace (\w+) = [\w:]+);", re.MULTILINE)
CC_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*["<][^">]*\.cc[">]', re.MULTILINE)
PREPROCESSOR = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)


def blank(match):
    """As many lines, no content: positions keep their line numbers."""
    return re.sub(r"[^\n]", " ", match[0])


def find_functions(text):
    """(name, first line, number of lines) of the functions in C++ `text`.

    A heuristic: a brace block in namespace or class scope whose head holds a parameter list; what
    lies inside it (lambdas, local classes) belongs to it.
    """
    code = PREPROCESSOR.sub(blank, TOKENS.sub(blank, text))
    head_start, scopes, inside = 0, [], 0
    start = name = None
    for match in re.finditer(r"[{};]|(?:public|private|protected):", code):
        token, position = match[0], match.start()
        if inside:
            inside += (token == "{") - (token == "}")
            if not inside:
                if name:
                    first = code.count("\n", 0, start) + 1
                    yield name, first, code.count("\n", 0, position) + 2 - first
                head_start = position + 1
            continue
        if token == "{":
            head = code[head_start:position]
            # A template's <class T> is no class.
            bare = re.sub(r"template\s*<[^{}]*?>\s*(?=[\w\[:~])", "", head)
            declared = re.search(r"([\w:~]+|operator[^\w\s(]+)\s*\(", bare)
            is_function = declared and not NOT_A_FUNCTION.match(bare.lstrip()) and "=" not in \
                bare.split("(")[0].replace("operator=", "").replace("operator==", "")
            if not is_function and SCOPE.search(bare):
                scopes.append(position)
                head_start = position + 1
                continue
            # Also skips initializers: `name` is None for them.
            name = declared[1] if is_function else None
            start = head_start + len(head) - len(head.lstrip())
            inside = 1
        else:
            if token == "}" and scopes:
                scopes.pop()
            head_start = match.end()


def unused_aliases(text):
    """(name, line) of `using a::name;` and `namespace name = ...;` that `text` does not use."""
    code = TOKENS.sub(blank, text)
    for match in ALIAS.finditer(code):
        name = match[1] or match[2]
        uses = len(re.findall(rf"(?<![\w.])(?<!->)(?<!::){name}\b", code))
        if uses == (0 if match[1] else 1):
            yield name, code.count("\n", 0, match.start()) + 1


class Checker:
    def __init__(self, root):
        self.root = root
        self.errors = []
        self.warnings = []

    def check(self, path):
        name = path.relative_to(self.root).as_posix()
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            self.errors.append(f"{name}: not UTF-8")
            return
        lines = text.split("\n")
        for number, line in enumerate(lines, 1):
            self.check_line(f"{name}:{number}", line, name)
        if text and not text.endswith("\n"):
            self.errors.append(f"{name}: no line feed at the end")
        if path.suffix in CPP or path.suffix == ".py":
            self.check_size(name, path, len(lines) - 1)
        if path.suffix in CPP:
            self.check_cpp(name, path, text)
        elif path.suffix == ".py" and text.strip() and not re.match(r'(#!|#|"""|r""")', text):
            self.errors.append(f"{name}:1: opens with no docstring or comment")

    def check_line(self, place, line, name):
        columns_max = PYTHON_COLUMNS_MAX if name.endswith(".py") else COLUMNS_MAX
        if len(line) > columns_max:
            self.errors.append(f"{place}: {len(line)} columns (at most {columns_max})")
        if "\t" in line and not name.endswith("Makefile"):
            self.errors.append(f"{place}: tab")
        if line != line.rstrip():
            self.errors.append(f"{place}: space at the end")
        if UNFINISHED.search(line):
            self.errors.append(f"{place}: unfinished work ({UNFINISHED.search(line)[1]})")
        if MACHINE_PATH.search(line):
            self.errors.append(f"{place}: path of one machine ({MACHINE_PATH.search(line)[0]})")

    def check_size(self, name, path, count):
        if path.suffix == ".h" and count > HEADER_LINES_MAX:
            self.errors.append(f"{name}: {count} lines in a header (at most {HEADER_LINES_MAX})")
        elif count > FILE_LINES_MAX:
            self.errors.append(f"{name}: {count} lines (at most {FILE_LINES_MAX})")
        elif count > FILE_LINES_WARN:
            self.warnings.append(f"{name}: {count} lines (better at most {FILE_LINES_WARN})")

    def check_cpp(self, name, path, text):
        if path.suffix == ".h" and not re.search(r"^#pragma once$", text, re.MULTILINE):
            self.errors.append(f"{name}:1: no #pragma once")
        if not opens_with_comment(text):
            header = path.with_suffix(".h")
            has_header = path.suffix == ".cc" and header.is_file() and \
                opens_with_comment(header.read_text(encoding="utf-8"))
            if not has_header and not path.stem.endswith("_test"):
                self.errors.append(f"{name}:1: opens with no comment")
        if path.suffix == ".cc":
            for alias, line in unused_aliases(text):
                self.errors.append(f"{name}:{line}: {alias} is not used in this file")
            for match in CC_INCLUDE.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                self.errors.append(f"{name}:{line}: includes a .cc")
        for function, line, count in find_functions(text):
            if count > FUNCTION_LINES_MAX:
                self.errors.append(f"{name}:{line}: {function} has {count} lines "
                                   f"(at most {FUNCTION_LINES_MAX})")
            elif count > FUNCTION_LINES_WARN:
                self.warnings.append(f"{name}:{line}: {function} has {count} lines "
                                     f"(better at most {FUNCTION_LINES_WARN})")


def opens_with_comment(text):
    return text.startswith(("//", "/*"))


def is_checked(path):
    if path.suffix in CHECKED_SUFFIXES or path.name in CHECKED_NAMES:
        return True
    if path.suffix or not path.stat().st_mode & 0o100:
        return False
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def find_files(root):
    for path in sorted(root.iterdir()):
        if path.is_symlink():
            continue
        if path.is_dir():
            if path.name not in SKIPPED_FOLDERS:
                yield from find_files(path)
        elif is_checked(path):
            yield path


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    checker = Checker(options.root.resolve())
    files = [path.resolve() for path in options.files] or list(find_files(checker.root))
    for path in files:
        checker.check(path)
    for warning in checker.warnings:
        print("warning:", warning)
    for error in checker.errors:
        print(error)
    print(f"style: {len(files)} files, {len(checker.errors)} errors, "
          f"{len(checker.warnings)} warnings")
    return 1 if checker.errors else 0


if __name__ == "__main__":
    sys.exit(main())
