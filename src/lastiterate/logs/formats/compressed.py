"""Logs of any format inside gzip, bzip2, xz or Zstandard: told by their first bytes, read from a copy that is deleted afterwards.

What a cut file still holds is read, as other logs that a kill has cut are.
"""

import bz2
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
from lastiterate.logs.limits import Exceeded

CHUNK_BYTES = 1 << 14  # may unpack to thousands of times as much
FLUSH_BYTES = 1 << 12  # of a damaged Zstandard stream at most as much before the damage is lost
MOST_HEAD = 1 << 20  # of a first line that is longer than HEAD_BYTES, as W&B's with a configuration in it
MOST_TIMES = 300  # beyond the limit of bytes, what unpacks to more times its size was made to fill a disk
SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
_ERRORS = (OSError, EOFError, lzma.LZMAError, zlib.error, ValueError)


class _Zstandard:
    """Arrow's decoder in the form of the standard library's, which has none before Python 3.14."""

    def __init__(self):
        self.waiting, self.eof, self.unused_data = bytearray(), False, b""

    def decompress(self, data: bytes) -> bytes:
        """Nothing: the whole stream is decoded at its end, a piece at a time, by `flush`."""
        self.waiting += data
        return b""

    def flush(self) -> Iterator[bytes]:
        """What the stream holds."""
        stream = arrow.CompressedInputStream(arrow.BufferReader(bytes(self.waiting)), "zstd")
        while chunk := stream.read(FLUSH_BYTES):
            yield bytes(chunk)
        self.eof = True


_DECODERS: dict[bytes, Callable] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(31),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\x00": lzma.LZMADecompressor,
    b"\x28\xb5\x2f\xfd": _Zstandard,
}


def _decoder(head: bytes) -> Callable | None:
    return next((make for magic, make in _DECODERS.items() if head.startswith(magic)), None)


def stem(path: Path) -> str:
    """The file's name without its suffix, and without that of a compressed one before."""
    name = path.name
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return name.removesuffix(Path(name).suffix) if Path(name).suffix != name else name


def head_of(path: Path) -> bytes:
    """The first bytes of what the file holds: HEAD_BYTES, or as many more as its first line has, up to MOST_HEAD."""
    with path.open("rb") as opened:
        make = _decoder(opened.read(16))
        opened.seek(0)
        chunks = iter(lambda: opened.read(HEAD_BYTES), b"") if make is None else _chunks(opened, make, MOST_HEAD, [])
        head = b""
        for chunk in chunks:
            head += chunk
            if len(head) >= MOST_HEAD or (len(head) >= HEAD_BYTES and b"\n" in head):
                break
    return head[: HEAD_BYTES if b"\n" in head[:HEAD_BYTES] else MOST_HEAD]


@contextmanager
def unpacked(file: LogFile) -> Iterator[tuple[LogFile, list[str]]]:
    """The file, or a copy of what is compressed in it, with notes; LogError if nothing of it can be unpacked."""
    if not any(map(_is_compressed, (file, *file.beside))):
        yield file, []
        return
    with tempfile.TemporaryDirectory(prefix="lastiterate-") as folder:
        notes: list[str] = []
        parts = [_copy(part, Path(folder) / str(number), notes) for number, part in enumerate([file, *file.beside])]
        yield replace(parts[0], beside=tuple(parts[1:])), notes


def _is_compressed(file: LogFile) -> bool:
    with file.path.open("rb") as opened:
        return _decoder(opened.read(16)) is not None


def _copy(file: LogFile, folder: Path, notes: list[str]) -> LogFile:
    with file.path.open("rb") as opened:
        make = _decoder(opened.read(16))
        if make is None:
            return file
        opened.seek(0)
        inside = folder / file.path.resolve().parent.name  # some readers name a run by its folder
        inside.mkdir(parents=True)
        name = next((file.path.name.removesuffix(suffix) for suffix in SUFFIXES if file.path.name.endswith(suffix)), file.path.name)
        path, size, cut = inside / (name or "log"), 0, []
        with path.open("wb") as copy:
            for chunk in _chunks(opened, make, None, cut):
                size += copy.write(chunk)
                file.watch.tick()
                if size > max(file.stated.limits.bytes, MOST_TIMES * file.path.stat().st_size):
                    raise Exceeded("bytes", f"unpacks to more than {size} bytes, {MOST_TIMES} times its size")
    if not size:
        raise file.error("content", f"cannot be unpacked ({cut[0] if cut else 'it is empty'}): the file is truncated or damaged")
    if cut:
        notes.append(f"ends early ({cut[0]}), as a killed writer leaves it: what comes before is read")
    return replace(file, path=path)


def _chunks(opened: BinaryIO, make: Callable, limit: int | None, cut: list[str]) -> Iterator[bytes]:
    """What the streams in a file hold, up to the end or to where it is damaged, which `cut` then says."""
    decoder, data, done = make(), b"", 0
    try:
        while (limit is None or done < limit) and (data := data or opened.read(CHUNK_BYTES)):
            if decoder.eof:  # another stream follows, as where logs were appended
                decoder = make()
            chunk = decoder.decompress(data)
            data = decoder.unused_data.lstrip(b"\0") if decoder.eof else b""
            done += len(chunk)
            yield chunk
        if limit is not None and done >= limit:
            return
        if isinstance(decoder, _Zstandard):
            yield from decoder.flush()
        if not decoder.eof:
            cut.append("its stream has no end")
    except _ERRORS as error:
        cut.append("".join(str(error).splitlines()[:1]) or type(error).__name__)
