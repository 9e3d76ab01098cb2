"""Standard input, which is "-" wherever a file to read is named: it can be read once."""

import atexit
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

NAME = "standard input"  # in messages
_read: list[Any] = []  # the streams that were read


def read_bytes() -> bytes:
    """All of it; ValueError if it was read before, or there is none."""
    if sys.stdin is None or sys.stdin.closed:
        raise ValueError(f"- is {NAME}, which is closed: name a file, or pipe something in")
    if any(stream is sys.stdin for stream in _read):
        raise ValueError(f"- is {NAME}, which was read already: name files for the others")
    _read.append(sys.stdin)
    binary = getattr(sys.stdin, "buffer", None)
    return binary.read() if binary else sys.stdin.read().encode()


def read_text() -> str:
    """All of it as UTF-8; UnicodeDecodeError (a ValueError) if it is not."""
    return read_bytes().decode("utf-8-sig")


def is_stdin(path: Path | str) -> bool:
    """Whether a path means standard input."""
    return str(path) == "-"


def copied() -> Path:
    """A file with all of it, for readers that need one; it is deleted when the process ends."""
    path = Path(_folder().name) / f"stdin_{len(_read)}"
    path.write_bytes(read_bytes())
    return path


@cache
def _folder() -> TemporaryDirectory[str]:
    folder = TemporaryDirectory(prefix="lastiterate_")
    atexit.register(folder.cleanup)
    return folder
