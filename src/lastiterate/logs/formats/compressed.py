"""Logs of any format inside gzip, bzip2, xz or Zstandard: told by their first bytes, read from a copy that is deleted afterwards.

What a cut file still holds is read, as other logs that a kill has cut are.
"""

import bz2
import gzip
import lzma
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pyarrow as arrow

from lastiterate.logs.formats.source import HEAD_BYTES, LogFile

CHUNK_BYTES = 1 << 20
MOST_BYTES = 1 << 34  # no log is larger: what unpacks to more was made to fill a disk
SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
_ERRORS = (OSError, EOFError, lzma.LZMAError, zlib.error, ValueError)


def _zstandard(opened: BinaryIO) -> BinaryIO:
    return arrow.CompressedInputStream(arrow.PythonFile(opened, "r"), "zstd")


_OPEN: dict[bytes, Callable[[BinaryIO], BinaryIO]] = {
    b"\x1f\x8b": lambda opened: gzip.GzipFile(fileobj=opened),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": _zstandard,
}


def _opener(head: bytes) -> Callable[[BinaryIO], BinaryIO] | None:
    return next((make for magic, make in _OPEN.items() if head.startswith(magic)), None)


def stem(path: Path) -> str:
    """The file's name without its suffix, and without that of a compressed one before."""
    name = path.name
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return name.removesuffix(Path(name).suffix) if Path(name).suffix != name else name


def head_of(path: Path) -> bytes:
    """The first bytes of what the file holds."""
    with path.open("rb") as opened:
        head = opened.read(HEAD_BYTES)
        make = _opener(head)
        if make is None:
            return head
        opened.seek(0)
        return b"".join(_chunks(make(opened), HEAD_BYTES, []))[:HEAD_BYTES]


@contextmanager
def unpacked(file: LogFile) -> Iterator[tuple[LogFile, list[str]]]:
    """The file, or a copy of what is compressed in it, with notes; LogError if nothing of it can be unpacked."""
    with tempfile.TemporaryDirectory(prefix="lastiterate-") as folder:
        notes: list[str] = []
        parts = [_copy(part, Path(folder) / str(number), notes) for number, part in enumerate([file, *file.beside])]
        yield replace(parts[0], beside=tuple(parts[1:])), notes


def _copy(file: LogFile, folder: Path, notes: list[str]) -> LogFile:
    with file.path.open("rb") as opened:
        make = _opener(opened.read(16))
        if make is None:
            return file
        opened.seek(0)
        inside = folder / file.path.resolve().parent.name  # some readers name a run by its folder
        inside.mkdir(parents=True)
        name = next((file.path.name.removesuffix(suffix) for suffix in SUFFIXES if file.path.name.endswith(suffix)), file.path.name)
        path, size, cut = inside / (name or "log"), 0, []
        with path.open("wb") as copy:
            for chunk in _chunks(make(opened), None, cut):
                size += copy.write(chunk)
                if size > MOST_BYTES:
                    raise file.error("content", f"unpacks to more than {MOST_BYTES >> 30} GiB, expected a log")
    if not size:
        raise file.error("content", f"cannot be unpacked ({cut[0] if cut else 'it is empty'}): the file is truncated or damaged")
    if cut:
        notes.append(f"ends early ({cut[0]}), as a killed writer leaves it: what comes before is read")
    return replace(file, path=path)


def _chunks(stream: BinaryIO, limit: int | None, cut: list[str]) -> Iterator[bytes]:
    """What a stream holds up to its end, or to where it is damaged, which `cut` then says."""
    size = min(limit or CHUNK_BYTES, CHUNK_BYTES)
    done = 0
    while limit is None or done < limit:
        try:
            chunk = stream.read(size)
        except _ERRORS as error:
            if size > 1:  # the last bytes before the damage, which a large read would lose
                size = size // 64
                continue
            cut.append("".join(str(error).splitlines()[:1]) or type(error).__name__)
            return
        if not chunk:
            return
        done += len(chunk)
        yield bytes(chunk)
