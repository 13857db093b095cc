"""Puts .cc files into groups that can be compiled as one, so that headers are parsed once a group.

The sanitizer builds (cmake/ashlar.cmake) and clang-tidy (scripts/run-clang-tidy) work on groups: most
of the time of either goes into the headers, which are the same for every file. The release build
compiles each file by itself, so a missing include is found there.

Invariants:
 1. A name that a file keeps for itself (in an anonymous namespace, `static`, a macro) occurs in no
    other file of its group: neither does it clash there, nor can it be taken for another.
 2. A group has at most so many files and lines, unless a single file has more.
 3. The same files give the same groups, in the order of the files.

    source_groups.py FOLDER FILE...    writes FOLDER/group_N.cc, which include the FILEs; prints them
"""

import pathlib
import re
import sys

FILES_MAX = 10
LINES_MAX = 3000

TOKENS = re.compile(r'R"([^(\s]*)\(.*?\)\1"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'
                    r"(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.DOTALL)
# A word that is looked up from where it stands: no member, and not qualified.
WORD = re.compile(r"(?<![\w.])(?<!->)(?<!::)[A-Za-z_]\w*")
MACRO = re.compile(r"#\s*define\s+(\w+)")
TYPE = re.compile(r"(?:struct|class|union|enum(?: class| struct)?)\s+(?:alignas\(.*?\)\s*)?(\w+)"
                  r"\s*(?:final\s*)?(?:[;{]|:(?!:)|$)|(?:using|concept)\s+(\w+)\s*=|"
                  r"namespace\s+(\w+)\s*=")
MAIN = re.compile(r"^(?:int main\(|BENCHMARK_MAIN\()", re.MULTILINE)
USING = re.compile(r"using\b")
GTEST = re.compile(r"(?:TYPED_)?TEST(?:_F|_P)?$|INSTANTIATE_\w+$|RC_GTEST_\w+$")
# The name of a function or variable: the last word before what follows a name.
DECLARED = re.compile(r"[^(={;]*?(\w+)\s*(?:\[[^\]]*\]\s*)*[(={;]")
INNERMOST_TEMPLATE_ARGUMENTS = re.compile(r"<[^<>]*>")


def blank(match):
    return re.sub(r"[^\n]", " ", match[0])


class Source:
    """What matters of one file for grouping: the names it keeps for itself, and all its words."""

    def __init__(self, path):
        self.path = path
        text = pathlib.Path(path).read_text(encoding="utf-8")
        code = TOKENS.sub(blank, text)
        self.lines = text.count("\n")
        self.own = set(MACRO.findall(code)) | names_kept(text, code)
        if MAIN.search(code):
            self.own.add("main")
        self.words = set(WORD.findall(code)) | self.own

    def agrees(self, other):
        return self.own.isdisjoint(other.words) and other.own.isdisjoint(self.words)


def names_kept(text, code):
    """Names that are declared in an anonymous namespace or `static`. `code` is `text` without
    comments; both are clang-formatted, so that declarations begin in column 0."""
    names, anonymous = set(), False
    for line, bare in zip(text.split("\n"), code.split("\n")):
        if line == "namespace {":
            anonymous = True
        elif line == "}  // namespace":
            anonymous = False
        elif re.match(r"[A-Za-z_\[]", bare) and (anonymous or bare.startswith("static ")):
            while bare != (bare := INNERMOST_TEMPLATE_ARGUMENTS.sub("", bare)):
                pass
            match = TYPE.match(bare) or (not USING.match(bare) and DECLARED.match(bare))
            if match and not GTEST.match(match[match.lastindex]):
                names.add(match[match.lastindex])
    return names


def group(paths, files_max=FILES_MAX, lines_max=LINES_MAX):
    """Lists of the paths. Each file goes into the first group that has room and agrees with it."""
    groups = []
    for source in map(Source, paths):
        for members in groups:
            if len(members) < files_max and all(source.agrees(member) for member in members) and \
                    source.lines + sum(member.lines for member in members) <= lines_max:
                members.append(source)
                break
        else:
            groups.append([source])
    return [[member.path for member in members] for members in groups]


def write_groups(folder, groups):
    """One file a group, which includes its members; touched only when it changes. Their paths."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, members in enumerate(groups):
        path = folder / f"group_{number}.cc"
        text = "".join(f'#include "{member}"\n' for member in members)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
        written.append(str(path))
    for path in folder.glob("group_*.cc"):
        if str(path) not in written:
            path.unlink()
    return written


if __name__ == "__main__":
    print(";".join(write_groups(sys.argv[1], group(sys.argv[2:]))), end="")
