"""Reader of TensorBoard event files: scalars only, without the tensorboard package, which would bring twelve others for this.

A file is a sequence of records: length (8 bytes), its masked CRC-32C (4), data, the data's masked CRC-32C (4), all
little-endian. The data is a protocol buffer `Event` (wall_time = 1, step = 2, summary = 5), whose summary holds values (1)
with a tag (1) and a `simple_value` (2, float) or a `tensor` (8: dtype 1, content 4, floats 5, doubles 6). Numbers that a
writer put in as float32 have seven digits. The files of one folder are one run, in the order of their writing, as
TensorBoard has it; a last record that is cut off was not finished by a writer that was killed. How steps count: `convention`.
Source: tensorflow/core/lib/io/record_writer.h, core/util/event.proto, core/framework/summary.proto and tensor.proto.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import google_crc32c
import numpy as np

from lastiterate.logs.columns import fits
from lastiterate.logs.columns import recognise as recognise_columns
from lastiterate.logs.formats.rows import Rows, runs_of
from lastiterate.logs.formats.source import LogFile
from lastiterate.logs.run_log import RunLog

NAME = "TensorBoard events"
_FLOAT, _DOUBLE = 1, 2  # DataType of tensors
_WIDTH = {1: 8, 5: 4}  # wire types of fixed width


def masked_crc(data: bytes) -> int:
    """CRC-32C as records hold it: rotated and shifted, so that a CRC of data that holds CRCs is still one."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def recognise(path: Path, head: bytes) -> bool:
    """Whether the file begins with a record whose length is guarded by its CRC."""
    return len(head) >= 12 and struct.unpack("<I", head[8:12])[0] == masked_crc(head[:8])


@dataclass
class _Events:
    """The scalars of a file: by tag (rows, values), the step of each row, when it was written, and how it ends."""

    file: LogFile
    tags: dict[str, tuple[list[int], list[float]]] = field(default_factory=dict)
    steps: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    cut: str | None = None


def read(file: LogFile) -> Iterator[RunLog]:
    """Yield the run of a folder's event files; LogError that names the byte of a damaged record."""
    files = sorted((_events(one) for one in (file, *file.beside)), key=lambda events: (min(events.times, default=0.0), events.file.name))
    names = list(dict.fromkeys(tag for events in files for tag in events.tags))
    if not names:
        raise file.error("events", "hold no scalar" + "".join(f"; {events.cut}" for events in files if events.cut))
    used = set(recognise_columns(names, {r: n for r, n in file.stated.mapping.items() if n in names}, file.name).values())
    _refuse_at_once([events for events in files if events.tags.keys() & used], used)
    rows = Rows(file.watch)
    for events in files:
        for tag, (at, values) in events.tags.items():
            rows.add(tag, np.asarray(at, np.int64) + rows.count, values)
        rows.add("step", np.arange(len(events.steps)) + rows.count, events.steps)
        rows.count += len(events.steps)
    for tag in [tag for tag in names if fits("step", tag) and tag not in file.stated.mapping.values()]:
        if tag != "step":
            del rows.parts[tag]  # the event's own step counts
    for run in runs_of(rows, file, file.run_id, NAME, names=names, one_run=True):
        if len(files) > 1:
            run.note("events", f"{len(files)} files of one folder, taken for one run in the order of their writing")
        for events in files:
            if events.cut:
                run.note(events.file.path.name, events.cut)
        yield run


def _refuse_at_once(files: list[_Events], used: set[str]) -> None:
    """LogError if two writers wrote the same tag at the same time: they are two runs."""
    for first, second in pairwise(files):
        both = first.tags.keys() & second.tags.keys() & used
        if both and max(first.times) > max(second.times[0], min(second.times)) and len(first.times) > 1:
            both_write = f"hold {min(both)} while {first.file.path.name} does"
            raise second.file.error("events", f"{both_write}: two runs at once; give each a folder of its own")


def _events(file: LogFile) -> _Events:
    """All scalars of a file."""
    found = _Events(file)
    for offset, data in _records(file, found):
        try:
            time, step, scalars = _event(data)
        except (ValueError, IndexError, struct.error, UnicodeDecodeError, TypeError, AttributeError):
            raise file.error(f"byte {offset}", "is no event of a TensorBoard log: the file is damaged") from None
        for tag, value in scalars:
            at, values = found.tags.setdefault(tag, ([], []))
            at.append(len(found.steps))
            values.append(value)
        if scalars:
            found.steps.append(step)
            found.times.append(time)
    found.tags.pop("step", None)
    return found


def _records(file: LogFile, found: _Events) -> Iterator[tuple[int, bytes]]:
    """(byte, data) of each record; how a file ends that was cut off is said in `found`."""
    offset = 0
    with file.open() as opened:
        size = opened.seek(0, 2)
        opened.seek(0)
        while header := opened.read(12):
            left = size - offset - 12
            if left < 0 or not any(header):
                found.cut = f"byte {offset}: a record is cut off, as by a killed writer: what stands before it is read"
                return
            if struct.unpack("<I", header[8:])[0] != masked_crc(header[:8]):
                raise file.error(f"byte {offset}", "begins no record (its length fails its checksum): the file is damaged")
            (length,) = struct.unpack("<Q", header[:8])
            if length + 4 > left:
                found.cut = f"byte {offset}: a record of {length} bytes is cut off, as by a killed writer: what stands before it is read"
                return
            data, crc = opened.read(length), opened.read(4)
            if struct.unpack("<I", crc)[0] != masked_crc(data):
                raise file.error(f"byte {offset}", "a record fails its checksum: the file is damaged")
            yield offset, data
            offset += 16 + length


def _event(data: bytes) -> tuple[float, int, list[tuple[str, float]]]:
    """(wall time, step, [(tag, value)]) of an event."""
    time, step, scalars = 0.0, 0, []
    for number, value in protobuf_fields(data):
        if number == 1 and len(value) == 8:
            (time,) = struct.unpack("<d", value)
        elif number == 2 and isinstance(value, int):
            step = value - (1 << 64) if value >> 63 else value
        elif number == 5:
            for inner, content in protobuf_fields(value):
                if inner == 1 and (scalar := _scalar(content)) is not None:
                    scalars.append(scalar)
    return time, step, scalars


def _scalar(data: bytes) -> tuple[str, float] | None:
    tag, number = None, None
    for field_number, value in protobuf_fields(data):
        if field_number == 1:
            tag = value.decode()
        elif field_number == 2:
            (number,) = struct.unpack("<f", value)
        elif field_number == 8:
            number = _tensor(value)
    return None if tag is None or number is None else (tag, number)


def _tensor(data: bytes) -> float | None:
    """The number in a tensor of one float or double; None for anything else."""
    dtype, raw = 0, b""
    for number, value in protobuf_fields(data):
        if number == 1:
            dtype = value
        elif number in (4, 5, 6):
            raw = value
    layout = {_FLOAT: "<f4", _DOUBLE: "<f8"}.get(dtype)
    values = np.frombuffer(raw, layout) if layout and len(raw) % int(layout[-1]) == 0 else ()
    return float(values[0]) if len(values) == 1 else None


def protobuf_fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of each field of a protocol buffer: an int for varints, else bytes."""
    at, end = 0, len(data)
    while at < end:
        key = data[at]
        if key < 0x80:
            at += 1
        else:
            key, at = _varint(data, at)
        wire = key & 7
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
            if at > end:
                raise ValueError("field is cut off")
        yield key >> 3, value


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
