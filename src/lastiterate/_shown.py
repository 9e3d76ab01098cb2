"""Text of others (logs, tables, names of files) as a terminal may be given it: what it would obey is written out."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_OWN = re.compile(r"(\r\x1b\[2K|\n|\t|\r|\x1b\[[01]m)")  # what this program writes itself: progress, lines, tabs, bold and its end


def shown(text: str) -> str:
    r"""The text with every character that is not printable as an escape: control characters, marks of direction, surrogates.

    >>> shown("a\x1b[31m\nb\u202e")
    'a\\x1b[31m\\nb\\u202e'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


class _Shown:
    """A stream that writes out what a terminal would obey, but for what this program says to it."""

    def __init__(self, stream):
        self.stream = stream

    def write(self, text: str) -> int:
        return self.stream.write("".join(part if _OWN.fullmatch(part) else shown(part) for part in _OWN.split(text)))

    def __getattr__(self, name: str):
        return getattr(self.stream, name)


@contextmanager
def shown_output() -> Iterator[None]:
    """Standard output and error through `shown`, line by line."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (stream and _Shown(stream) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
