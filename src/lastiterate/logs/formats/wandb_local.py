"""Reader of run-*.wandb, which Weights & Biases keeps beside a run on its own machine (wandb/run-*/): the whole history, not sampled.

The file is a LevelDB log: 7 bytes (":W&B", 0xBEE1, version 0), then blocks of 32 KiB of records, each with the CRC-32 of its type and
data (4 bytes), its length (2) and its type (1: whole, 2: first part, 3: middle, 4: last), little-endian. The data is a protocol buffer
`Record`: history = 2 with items (key = 1, nested key = 2, value as JSON = 16) and step = 2 (num = 1); run = 17 with config = 4
and display name = 8; config = 5. Rows are then read as the history that the site exports.
W&B itself reads them no longer in Python: its datastore.py was removed after 0.25, and it refused cut files.
Source: wandb 0.19.11 wandb/sdk/internal/datastore.py; wandb 0.31 wandb/proto/wandb_internal.proto.
"""

import json
import struct
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lastiterate.logs.columns import setting_columns
from lastiterate.logs.formats import wandb_history
from lastiterate.logs.formats.source import LogFile
from lastiterate.logs.formats.tensorboard import protobuf_fields
from lastiterate.logs.run_log import RunLog

NAME = "Weights & Biases .wandb file"
HEADER = struct.pack("<4sHB", b":W&B", 0xBEE1, 0)
BLOCK, HEAD = 32768, 7
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def recognise(path: Path, head: bytes) -> bool:
    """Whether the file begins with W&B's mark."""
    return head.startswith(HEADER)


def read(file: LogFile) -> Iterator[RunLog]:
    """Yield the run; LogError as `wandb_history.read`, or if it holds no history."""
    cut: list[str] = []
    name, rows = None, 0
    with tempfile.TemporaryDirectory(prefix="lastiterate-") as folder:
        path = Path(folder) / "history.jsonl"
        config: dict[str, str] = {}
        with path.open("w", encoding="utf-8") as out:
            for data in _records(file, cut):
                try:
                    kind, row, told = _record(data)
                except (ValueError, IndexError):
                    cut.append("a record is no protocol buffer")
                    break
                name = told or name
                if kind == "config":
                    config |= row
                elif kind == "history" and row:
                    out.write(_line(row if rows else _settings(config, row) | row))
                    rows += 1
        if not rows:
            raise file.error("history", "is empty: the run has logged nothing" + (f" before the file is cut ({cut[0]})" if cut else ""))
        for run in wandb_history.read(replace(file, path=path)):
            run.log_format, run.name = NAME, name or run.name
            if cut:
                run.note("records", f"{cut[0]}: what comes before is read")
            yield run


def _settings(config: dict[str, str], row: dict[str, str]) -> dict[str, str]:
    """Settings of the configuration that the history has no column of."""
    return {name: config[name] for name in setting_columns(config).values() if name not in row}


def _line(row: dict[str, str]) -> str:
    return "{" + ", ".join(f"{json.dumps(key)}: {value}" for key, value in row.items()) + "}\n"


def _records(file: LogFile, cut: list[str]) -> Iterator[bytes]:
    """Data of the records up to the end, or to where the file is cut or damaged."""
    data = file.path.read_bytes()
    at, parts = len(HEADER), None
    while at < len(data):
        left = BLOCK - at % BLOCK
        if left < HEAD:
            at += left
            continue
        if at + HEAD > len(data):
            cut.append(f"byte {at}: the last record is cut short")
            return
        crc, length, kind = struct.unpack_from("<IHB", data, at)
        body = data[at + HEAD : at + HEAD + length]
        if len(body) < length:
            cut.append(f"byte {at}: the last record is cut short")
            return
        if not WHOLE <= kind <= LAST or zlib.crc32(body, zlib.crc32(bytes([kind]))) != crc:
            cut.append(f"byte {at}: a record fails its checksum")
            return
        at += HEAD + length
        if kind == WHOLE:
            yield body
        elif kind == FIRST:
            parts = [body]
        elif parts is not None:
            parts.append(body)
            if kind == LAST:
                yield b"".join(parts)
                parts = None


def _record(data: bytes) -> tuple[str | None, dict[str, str], str | None]:
    """What a record is, its values as JSON by key, and the run's name where it tells."""
    for number, value in protobuf_fields(data):
        if number == 2 and isinstance(value, bytes):
            return "history", _history(value), None
        if number == 5 and isinstance(value, bytes):
            return "config", _items(value), None
        if number == 17 and isinstance(value, bytes):
            fields = dict(protobuf_fields(value))
            name = fields.get(8)
            return "config", _items(fields.get(4, b"")), name.decode("utf-8", "replace") if isinstance(name, bytes) else None
    return None, {}, None


def _history(data: bytes) -> dict[str, str]:
    row = _items(data)
    for number, value in protobuf_fields(data):
        if number == 2 and isinstance(value, bytes):
            row["_step"] = str(dict(protobuf_fields(value)).get(1, 0))
    return row


def _items(data: bytes) -> dict[str, str]:
    """Items of numbers and text; JSON of W&B writes NaN and Infinity as they are in Python."""
    row = {}
    for number, value in protobuf_fields(data):
        if number != 1 or not isinstance(value, bytes):
            continue
        names, text = [], b""
        for inner, own in protobuf_fields(value):
            if inner in (1, 2) and isinstance(own, bytes):
                names.append(own.decode("utf-8", "replace"))
            elif inner == 16 and isinstance(own, bytes):
                text = own
        if names and text[:1] not in (b"", b"{", b"["):
            row[".".join(names)] = text.decode("utf-8", "replace").replace("\n", " ")
    return row
