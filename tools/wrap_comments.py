"""Moves the words of `//` comments that stand beyond the last column to the next line.

Unlike a formatter's reflow it touches nothing that fits: tables, diagrams and lists keep their shape.
A comment behind code that is too long moves to its own line above. Used by `make format`.

    wrap_comments.py FILE...
"""

import pathlib
import re
import sys

COLUMNS_MAX = 100
COMMENT = re.compile(r"^(\s*//[/!]?)( *)(.*)$")
ITEM = re.compile(r"(?:[-*]|\(?[0-9a-z]{1,2}[.)])\s+")
# Code, then a comment; no quote, so that "//" inside a string is never taken for one.
TRAILING = re.compile(r"""^(\s*)([^\s/"'][^"']*?)\s+(//\s.*)$""")


def hanging_indent(spaces, text):
    """The spaces under which a continuation of the comment line `text` stands."""
    item = ITEM.match(text)
    return spaces + " " * len(item[0]) if item else spaces


def wrap(lines):
    """The same lines with no comment beyond COLUMNS_MAX, where words allow it."""
    queue, out = list(reversed(lines)), []
    while queue:
        line = queue.pop()
        if len(line) <= COLUMNS_MAX:
            out.append(line)
            continue
        trailing = TRAILING.match(line)
        if trailing and "NOLINT" not in line:
            queue.append(trailing[1] + trailing[2])
            queue.append(trailing[1] + trailing[3])
            continue
        comment = COMMENT.match(line)
        cut = line.rfind(" ", 0, COLUMNS_MAX + 1)
        if not comment or cut <= len(comment[1] + comment[2]):
            out.append(line)
            continue
        prefix, spaces, text = comment.groups()
        spaces = hanging_indent(spaces, text)
        overflow = line[cut + 1:]
        out.append(line[:cut].rstrip())
        following = COMMENT.match(queue[-1]) if queue else None
        if following and following[1] == prefix and following[2] == spaces and following[3] and \
                not ITEM.match(following[3]):
            queue[-1] = f"{prefix}{spaces}{overflow} {following[3]}"
        else:
            queue.append(f"{prefix}{spaces}{overflow}")
    return out


def main():
    for name in sys.argv[1:]:
        path = pathlib.Path(name)
        text = path.read_text(encoding="utf-8")
        wrapped = "\n".join(wrap(text.split("\n")))
        if wrapped != text:
            path.write_text(wrapped, encoding="utf-8")


if __name__ == "__main__":
    main()
