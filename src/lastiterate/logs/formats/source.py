"""What every format's reader is given, and what each may ask about a file."""

import csv
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from lastiterate.logs.assemble import Stated
from lastiterate.logs.limits import Exceeded, Watch
from lastiterate.logs.run_log import LogError

HEAD_BYTES = 1 << 16


@dataclass(frozen=True)
class LogFile:
    """A log: where it lies, its name in messages, the id of its run (or the beginning of its runs' ids), what the caller states.

    `beside` holds files of which each has only some columns of the same runs, as charts do; they are read with this one.
    """

    path: Path
    name: str
    run_id: str
    stated: Stated = field(default_factory=Stated)
    beside: tuple["LogFile", ...] = ()
    watch: Watch = field(default_factory=Watch, compare=False)

    def error(self, where: str, message: str) -> LogError:
        """The error to raise about this file."""
        return LogError(self.name, where, message)

    def open(self) -> BinaryIO:
        """The file's bytes, as every reader should ask for them."""
        return self.path.open("rb")

    def load_json(self):
        """The whole file as JSON; LogError that names the byte where it stops to be."""
        try:
            with self.open() as opened:
                self.watch.load(os.fstat(opened.fileno()).st_size)
                return json.loads(opened.read(), object_pairs_hook=self.once)
        except (LogError, Exceeded):
            raise
        except json.JSONDecodeError as error:
            raise self.error(f"byte {error.pos}", f"not valid JSON ({error.msg}): the file is truncated or damaged") from None
        except UnicodeDecodeError as error:
            raise self.error(f"byte {error.start}", "not valid UTF-8: the file is damaged") from None
        except ValueError:
            raise self.error("content", "holds an integer of thousands of digits, expected numbers") from None

    def once(self, pairs: list[tuple[str, object]]) -> dict:
        """An object of JSON; LogError if a key stands in it twice, of which one would be lost."""
        row = dict(pairs)
        if len(row) < len(pairs):
            twice = next(name for i, (name, _) in enumerate(pairs) if name in dict(pairs[:i]))
            raise self.error("content", f"an object holds {twice!r} twice: the file is damaged, or rename one of them")
        return row


def text_of(head: bytes) -> str | None:
    """The head's whole lines as text (all of it if it is a single line), ended by line feeds; None if it is not UTF-8 text."""
    whole = head if len(head) < HEAD_BYTES or b"\n" not in head else head[: head.rindex(b"\n") + 1]
    try:
        text = whole.decode("utf-8-sig", errors="strict" if len(head) < HEAD_BYTES or b"\n" in head else "ignore")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text.replace("\r\n", "\n").replace("\r", "\n")


def first_row(text: str | None, delimiter: str = ",") -> list[str]:
    """Names in the first line of a CSV file; none if it is no such line."""
    line = re.split(r"\r\n|\n|\r", text.lstrip("\r\n"), maxsplit=1)[0] if text else ""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def first_object(text: str) -> dict | None:
    """The first line as a JSON object, as in JSON lines; None if it is none."""
    try:
        value = json.loads(text.lstrip().split("\n", 1)[0])
    except json.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
