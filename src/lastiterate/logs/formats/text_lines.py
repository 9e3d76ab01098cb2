"""Lines of a text log, in blocks and without a Python object for each: what a terminal would show of them.

Carriage returns of progress bars end lines, colour codes go. Patterns are RE2's, which take linear time on any line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pyarrow.compute as compute

BLOCK_BYTES = 1 << 20
LONGEST_LINE = 1 << 24  # bytes; of a longer one the end is read
_COLOUR = re.compile(rb"\x1b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)|[()][A-Z0-9])")
_INDENT = b"\n    "


@dataclass(frozen=True)
class Block:
    """Whole lines of a file: the number of the first, and the lines, each with its line end."""

    start: int
    data: bytes
    lines: arrow.BinaryArray
    whole: bool = True  # False: the file's last line, which has no line end

    def having(self, literal: str) -> np.ndarray:
        """Which lines have a text in them."""
        if literal.encode() not in self.data:
            return np.zeros(0, np.int64)
        return np.flatnonzero(bools(compute.match_substring(self.lines, literal)))


def blocks(path: Path, joined: bool = False, limit: int | None = None) -> Iterator[Block]:
    """The file's lines; `joined`: with lines that begin with four spaces put to the end of the one before."""
    rest, start, done = b"", 0, 0
    with path.open("rb") as opened:
        while chunk := opened.read(BLOCK_BYTES):
            rest = _plain(rest + chunk)
            cut = _last_record(rest) if joined else rest.rfind(b"\n") + 1
            if cut:
                block = _block(start, rest[:cut], joined)
                yield block
                start, rest = start + len(block.lines), rest[cut:]
            rest = rest[-LONGEST_LINE:]
            done += len(chunk)
            if limit is not None and done >= limit:
                return
    cut = rest.rfind(b"\n") + 1
    if rest.endswith(b"\r"):
        rest, cut = rest[:-1] + b"\n", len(rest)
    if cut:
        block = _block(start, rest[:cut], joined)
        yield block
        start += len(block.lines)
    if rest[cut:]:
        yield replace(_block(start, rest[cut:] + b"\n", joined=False), whole=False)


def _plain(data: bytes) -> bytes:
    if b"\r" in data:
        held = data.endswith(b"\r")  # its line feed may be in the next block
        data = data[: len(data) - held].replace(b"\r\n", b"\n").replace(b"\r", b"\n") + b"\r" * held
    return _COLOUR.sub(b"", data) if b"\x1b" in data else data


def _last_record(data: bytes) -> int:
    """Where the last line begins that is not indented; 0 if there is none before it."""
    at = data.rfind(b"\n")
    while at >= 0 and (data.startswith(_INDENT, at) or at == len(data) - 1):
        at = data.rfind(b"\n", 0, at)
    return at + 1


def _block(start: int, data: bytes, joined: bool) -> Block:
    if joined:
        data = data.replace(_INDENT, b"    ")
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == 10) + 1
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    return Block(start, data, arrow.Array.from_buffers(arrow.binary(), len(ends), [None, arrow.py_buffer(offsets), arrow.py_buffer(data)]))


def take(lines: arrow.Array, at: np.ndarray) -> arrow.Array:
    """Some of the lines, by their place."""
    return lines.take(arrow.Array.from_buffers(arrow.int64(), at.size, [None, arrow.py_buffer(np.ascontiguousarray(at, np.int64))]))


def extract(lines: arrow.BinaryArray, pattern: str) -> dict[str, arrow.StringArray]:
    """A pattern's named groups in each line; null where it does not match."""
    found = compute.extract_regex(lines, pattern)
    return {one.name: compute.struct_field(found, [i]) for i, one in enumerate(found.type)}


def valid(texts: arrow.Array) -> np.ndarray:
    """Which are not null."""
    return bools(texts.is_valid())


def bools(array: arrow.BooleanArray) -> np.ndarray:
    """Without nulls, as numpy's; Arrow's own conversions from and to numpy import pandas, 46 MB."""
    bits = np.unpackbits(np.frombuffer(array.buffers()[1], np.uint8), bitorder="little") if len(array) else np.zeros(0, np.uint8)
    return bits[array.offset : array.offset + len(array)].astype(bool)


def plain_numbers(array: arrow.Array, kind: type) -> np.ndarray:
    """An array of a fixed width as numpy's, whatever stands at nulls."""
    return np.frombuffer(array.buffers()[1], kind)[array.offset : array.offset + len(array)] if len(array) else np.zeros(0, kind)


def integers(texts: arrow.BinaryArray) -> np.ndarray:
    """Digits, with "," or "_" between thousands or without, as int64; anything where null."""
    text = texts.cast(arrow.string())
    try:
        values = text.cast(arrow.int64())
    except arrow.ArrowInvalid:  # 1,024
        values = compute.replace_substring_regex(text, "[,_]", "").cast(arrow.int64())
    return plain_numbers(values, np.int64)


def numbers(texts: arrow.BinaryArray) -> tuple[np.ndarray, np.ndarray]:
    """Texts as float64 (NaN where null), and which are not null."""
    known = valid(texts)
    text = texts.cast(arrow.string())
    try:
        values = text.cast(arrow.float64())
    except arrow.ArrowInvalid:  # 2.05K, 1,024
        values = arrow.array([None if one is None else _scaled(one) for one in text.to_pylist()], arrow.float64())
    return np.where(known, plain_numbers(values, np.float64), np.nan), known


def _scaled(text: str) -> float:
    factor = {"K": 1e3, "M": 1e6, "B": 1e9}.get(text[-1:], 1.0)
    return float((text if factor == 1.0 else text[:-1]).replace(",", "")) * factor


def layout(text: bytes, head: str, pairs: list[str], number: str) -> str | None:
    """A pattern for lines that differ from this one in nothing but numbers; it finds what the head and pairs find, but faster.

    Its groups are the head's and, for each pair, ``key0``, ``key1``, ...
    """
    if len(text) > 2000 or (match := re.match(head.encode(), text)) is None:
        return None
    spans = {name: match.span(name) for name in match.groupdict() if match.start(name) >= 0}
    for i, pair in enumerate(pairs):
        if found := re.search(pair.encode(), text):
            spans[f"key{i}"] = found.span("value")
    pattern, at = "(?s)^", 0
    for name, (start, stop) in sorted(spans.items(), key=lambda item: item[1]):
        if start < at:
            return None
        inside = _alike(text[start:stop]) if name == "prefix" else number if name.startswith("key") else r"\d{1,15}"
        pattern, at = f"{pattern}{_alike(text[at:start])}(?P<{name}>{inside})", stop
    return f"{pattern}{_alike(text[at:])}$"


def _alike(text: bytes) -> str:
    """A pattern for text that differs in its numbers alone."""
    try:
        parts = re.split(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?|nan|inf", text.decode("ascii"))
    except UnicodeDecodeError:
        return r"[^\n]*"
    return r"[-+.,\w]+".join(re.escape(part) for part in parts)
