"""Reader of console output of trainers that `text_writers` does not know: lines that name a step and a loss.

    [rank 0] Step: 20 | Loss: 9.12 | lr: 3e-4 | grad norm 1.2
    epoch 0, iter 100, loss = 3.4

What the numbers are is told by their names, as in a table (`columns.py`), and how steps count by the rule for tables of
unknown origin. A step that falls back while the lines name an epoch may count within it: such a log is refused.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from lastiterate.logs.columns import plain, shortened
from lastiterate.logs.columns import recognise as recognise_columns
from lastiterate.logs.convention import convention_of
from lastiterate.logs.formats.source import LogFile
from lastiterate.logs.formats.text import SEARCHED_BYTES, read_lines
from lastiterate.logs.formats.text_rows import count_records, scan
from lastiterate.logs.formats.text_writers import PLAIN, Line, Writer
from lastiterate.logs.run_log import HISTORY_VALUES, LogError, RunLog

NAME = "console log"
_STEP = r"(?i:global[ _-]?step|train(?:ing)?[ _-]?step|steps?|iters?|iterations?|num[ _]updates|updates?)"
_HEAD = _STEP + r"['\"]?\s*[:=#]?\s*[\[(]?['\"]?\s*{step}(?:\s*/\s*{total})?(?:[\])},;:|'\"]|\s|$)"
_BEGINS = _STEP + r"['\"]?\s*[:=#]?\s*[\[(]?['\"]?\s*\d.*(?i:loss)"
_LOSS = r".*(?i:loss)['\"]?\s*[:=]?\s*['\"]?" + PLAIN
_PAIR = re.compile(r"([A-Za-z_][\w/.-]*(?: (?:norm|loss|rate|lr))?)['\"]?\s*[:=]?\s*['\"]?(?:[-+.]?\d|nan|inf)")
WRITER = Writer("an unknown writer", (Line("oss", _HEAD + _LOSS), Line("OSS", _HEAD + _LOSS)), "none: names as in a table")
LOSS_FIRST = replace(WRITER, lines=tuple(replace(line, head=r"[\w/.-]*" + _LOSS[2:] + ".*?[^A-Za-z]" + _HEAD) for line in WRITER.lines))


def recognise(path: Path, head: bytes) -> bool:
    """Whether at least two lines name a step and a loss."""
    return b"\0" not in head and _writer(path) is not None


def _writer(path: Path) -> Writer | None:
    for writer in (WRITER, LOSS_FIRST):
        if count_records(path, (writer,), SEARCHED_BYTES).total() > 1:
            return writer
    return None


def read(file: LogFile) -> Iterator[RunLog]:
    """Yield the file's runs; LogError where names or steps do not tell what the lines are."""
    writer = _writer(file.path)
    if writer is None:
        raise file.error("content", "has no lines that name a step and a loss")
    found = scan(file, writer, {line.head: () for line in writer.lines})
    names = list(dict.fromkeys(match[1] for text in found.samples for match in _PAIR.finditer(text)))
    mapping = {role: name for role, name in file.stated.mapping.items() if role not in ("run_id", "step")}
    losses = [name for name in names if not re.fullmatch(_STEP, name)]
    taken = recognise_columns(losses, {role: name for role, name in mapping.items() if name in losses}, file.name)
    keys = {re.escape(name): role for role, name in taken.items() if role in HISTORY_VALUES or role == "lr"}
    if not any(role in ("train_loss", "val_loss") for role in keys.values()):
        raise file.error("lines", f"name a step and {shortened(losses)}, but none is known as a loss: say which with map train_loss=...")
    number = np.concatenate([rows.number for rows in found.kinds])
    number = number[np.argsort(np.concatenate([rows.at for rows in found.kinds]), kind="stable")]
    if (np.diff(number) < 0).any() and any("epoch" in plain(text) for text in found.samples):
        raise file.error(
            "step", "falls back, and the lines name an epoch: it may count within each. Convert the log to a table that counts updates"
        )
    order = sorted(keys, key=lambda key: keys[key] != "train_loss")
    lines = tuple(replace(line, keys={key: keys[key] for key in order}, begins=_BEGINS) for line in writer.lines)
    try:
        yield from read_lines(file, replace(writer, lines=lines), NAME, convention_of("step", number, epoch=False))
    except LogError as error:
        raise file.error(error.where, error.message) from None
