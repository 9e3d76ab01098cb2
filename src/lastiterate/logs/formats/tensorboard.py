"""Reader of TensorBoard event files: scalars only, without the tensorboard package, which would bring twelve others for this.

A file is a sequence of records: length (8 bytes), its masked CRC-32C (4), data, the data's masked CRC-32C (4), all
little-endian. The data is a protocol buffer `Event` (step = 2, summary = 5), whose summary holds values (1) with a tag (1)
and a `simple_value` (2, float) or a `tensor` (8: dtype 1, content 4, floats 5, doubles 6). Numbers that a writer put in as
float32 have seven digits. Steps are the trainer's own: Hugging Face's are the updates done (tag train/global_step or
steps beginning above 0), Lightning's count from 0: `assemble.convention_of`.
Source: tensorflow/core/lib/io/record_writer.h, core/util/event.proto, core/framework/summary.proto and tensor.proto.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lastiterate.logs.columns import plain
from lastiterate.logs.formats.rows import Rows, run_of
from lastiterate.logs.formats.source import LogFile
from lastiterate.logs.run_log import RunLog

NAME = "TensorBoard events"
_FLOAT, _DOUBLE = 1, 2  # DataType of tensors
_WIDTH = {1: 8, 5: 4}  # wire types of fixed width
_POLYNOMIAL = 0x82F63B78


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_CRC = _table()


def masked_crc(data: bytes) -> int:
    """CRC-32C as records hold it: rotated and shifted, so that a CRC of data that holds CRCs is still one."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def recognise(path: Path, head: bytes) -> bool:
    """Whether the file begins with a record whose length is guarded by its CRC."""
    return len(head) >= 12 and struct.unpack("<I", head[8:12])[0] == masked_crc(head[:8])


def read(file: LogFile) -> Iterator[RunLog]:
    """Yield the run of an event file; LogError that names the byte of a damaged record."""
    rows, seen = Rows(), {}
    lists: dict[str, tuple[list[int], list[float]]] = {}
    for offset, data in _records(file):
        try:
            step, scalars = _event(data)
        except (ValueError, IndexError, struct.error, UnicodeDecodeError):
            raise file.error(f"byte {offset}", "is no event of a TensorBoard log: the file is damaged") from None
        for tag, value in scalars:
            at, values = lists.setdefault(tag, ([], []))
            at.append(rows.count)
            values.append(value)
        if scalars:
            seen[rows.count] = step
            rows.count += 1
    if not lists:
        raise file.error("events", "hold no scalar")
    for tag, (at, values) in lists.items():
        rows.add(tag, at, values)
    rows.parts.pop("step", None)  # the event's own step counts
    rows.add("step", list(seen), list(seen.values()))
    trainers = ("train/global_step", "trainer/global_step")
    for name in trainers:
        rows.parts.pop(name, None)
    epoch = any(plain(tag).endswith("epoch") for tag in lists)
    yield run_of(rows, file, file.run_id, NAME, names=list(lists), epoch=epoch)


def _records(file: LogFile) -> Iterator[tuple[int, bytes]]:
    offset = 0
    with file.path.open("rb") as opened:
        while header := opened.read(12):
            if len(header) < 12 or struct.unpack("<I", header[8:])[0] != masked_crc(header[:8]):
                raise file.error(f"byte {offset}", "begins no record (its length fails its checksum): the file is truncated or damaged")
            (length,) = struct.unpack("<Q", header[:8])
            body = opened.read(length + 4)
            if len(body) < length + 4:
                raise file.error(
                    f"byte {offset}", f"a record of {length} bytes is cut off: the file is truncated; the writer may not have closed it"
                )
            if struct.unpack("<I", body[length:])[0] != masked_crc(body[:length]):
                raise file.error(f"byte {offset}", "a record fails its checksum: the file is damaged")
            yield offset, body[:length]
            offset += 16 + length


def _event(data: bytes) -> tuple[int, list[tuple[str, float]]]:
    """(step, [(tag, value)]) of an event."""
    step, scalars = 0, []
    for field, value in _fields(data):
        if field == 2 and isinstance(value, int):
            step = value - (1 << 64) if value >> 63 else value
        elif field == 5:
            for inner, content in _fields(value):
                if inner == 1 and (scalar := _scalar(content)) is not None:
                    scalars.append(scalar)
    return step, scalars


def _scalar(data: bytes) -> tuple[str, float] | None:
    tag, number = None, None
    for field, value in _fields(data):
        if field == 1:
            tag = value.decode()
        elif field == 2:
            (number,) = struct.unpack("<f", value)
        elif field == 8:
            number = _tensor(value)
    return None if tag is None or number is None else (tag, number)


def _tensor(data: bytes) -> float | None:
    """The number in a tensor of one float or double; None for anything else."""
    dtype, raw = 0, b""
    for field, value in _fields(data):
        if field == 1:
            dtype = value
        elif field in (4, 5, 6):
            raw = value
    layout = {_FLOAT: "<f4", _DOUBLE: "<f8"}.get(dtype)
    values = np.frombuffer(raw, layout) if layout and len(raw) % int(layout[-1]) == 0 else ()
    return float(values[0]) if len(values) == 1 else None


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of each field of a protocol buffer: an int for varints, else bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        field, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
        else:
            if wire == 2:
                length, at = _varint(data, at)
            elif wire in _WIDTH:
                length = _WIDTH[wire]
            else:
                raise ValueError(f"wire type {wire}")
            value, at = data[at : at + length], at + length
            if len(value) < length:
                raise ValueError("field is cut off")
        yield field, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("varint is too long")
