"""Reader of what Hugging Face's Trainer (and TRL, axolotl, ...) prints: a dict for each row of its history, but no step.

    {'loss': 2.6031, 'grad_norm': 1.88, 'learning_rate': 5e-05, 'epoch': 0.1}
      5%|#         | 50/1000 [00:30<09:30,  1.67it/s]

The progress bar that is drawn again after a row tells the step: of the bars in the file, that whose numbers keep in step
with the rows' epochs. Without one the step is not known, and trainer_state.json, which has it, is asked for. Which
update's learning rate a row holds depends on the version, as in trainer_state.json.
Source: transformers trainer_callback.py (ProgressCallback: on_step_end, on_log, which writes through tqdm), tqdm std.py
(external_write_mode draws the bar anew).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from lastiterate.logs.assemble import assemble
from lastiterate.logs.convention import Convention
from lastiterate.logs.formats.source import LogFile
from lastiterate.logs.formats.text_lines import blocks
from lastiterate.logs.order import names_of
from lastiterate.logs.run_log import RunLog

NAME = "Hugging Face Trainer's output"
KEYS = {"lr": "learning_rate", "train_loss": "loss", "val_loss": "eval_loss", "grad_norm": "grad_norm"}
ASK = "take trainer_state.json, which lies in the run's output folder and in each checkpoint-*, and has the step of each row"
_ROW = re.compile(rb"\{'(?:loss|eval_loss|train_runtime|eval_runtime)': [^{}\n]*'epoch': [^{}\n]*\}")
_EVENT = re.compile(_ROW.pattern + rb"|\d{1,3}%\|[^|\n]{0,400}\| *(\d{1,12})/(\d{1,12}) \[", re.MULTILINE)
_COUNTED = re.compile(rb"'global_step/max_steps': '(\d{1,12})/(\d{1,12})'")
_PAIR = re.compile(rb"'([\w/.-]+)': '?([-+.\w]+)'?")


@dataclass
class _Printed:
    """Rows in their order, and where they stand among the bars: each bar's total -> (place, count)."""

    rows: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    bars: dict[int, tuple[list[int], list[int]]] = field(default_factory=dict)


def recognise(path: Path, head: bytes) -> bool:
    """Whether a line among the first 4 MB is such a dict."""
    return b"\0" not in head and any(_ROW.search(block.data) for block in blocks(path, limit=1 << 22))


def read(file: LogFile) -> Iterator[RunLog]:
    """Yield the runs; LogError if no progress bar tells its steps."""
    printed = _Printed()
    unread = 0
    for block in blocks(file.path):
        file.watch.tick()
        for event in _EVENT.finditer(block.data) if block.whole else ():
            place = len(printed.rows)
            if event[1] is None:
                pairs = {key.decode(): _number(value) for key, value in _PAIR.findall(event[0])}
                unread += sum(pairs.get(name, 0.0) is None for name in KEYS.values())
                if both := _COUNTED.search(event[0]):
                    pairs |= {"global_step": float(both[1]), "max_steps": float(both[2])}
                printed.rows.append((place, {key: value for key, value in pairs.items() if value is not None}))
            else:
                at, counts = printed.bars.setdefault(int(event[2]), ([], []))
                at.append(place)
                counts.append(int(event[1]))
    runs = list(_runs(file, printed))
    for number, (run_id, (rows, steps, total)) in enumerate(zip(names_of(file.run_id, len(runs)), runs, strict=True), start=1):
        run = _run(file, run_id, rows, steps, total)
        if unread:
            run.note("rows", f"{unread} values are no numbers: left out")
        if len(runs) > 1:
            run.note("epoch", f"falls back where the Trainer began anew: these rows are of run {number} of {len(runs)}")
        yield run


def _run(file: LogFile, run_id: str, rows: list[dict[str, float]], steps: list[int | None], total: int) -> RunLog:
    """One run from its rows."""
    columns = {}
    for role, name in KEYS.items():
        name = file.stated.mapping.get(role, name)
        known = [(step, row[name]) for step, row in zip(steps, rows, strict=True) if name in row and step is not None]
        if known:
            columns[role] = np.array([step for step, _ in known], np.int64), np.array([value for _, value in known])
    taken = {"step": "the progress bar's"} | {role: file.stated.mapping.get(role, name) for role, name in KEYS.items()}
    convention = Convention(0, 0, lr_certain=False, lr_from_0=True)
    run = assemble(file.name, run_id, NAME, columns, taken, file.stated, convention, planned=total)
    missing = sum(step is None for step in steps)
    if missing:
        run.note("step", f"{missing} rows have no progress bar after them: left out")
    return run


def _runs(file: LogFile, printed: _Printed) -> Iterator[tuple[list[dict[str, float]], list[int | None], int]]:
    """Rows, their steps and the planned updates of each run: where the epoch falls, one was resumed or another began.

    It was resumed if the bar has the same total and the count is above the run's first; `assemble` then leaves out what was abandoned.
    """
    rows = [row for _, row in printed.rows]
    if stated := _stated(printed):
        yield rows, *stated
        return
    trained = [(i, row["epoch"]) for i, row in enumerate(rows) if "loss" in row and "epoch" in row]
    falls = [i for (_, last), (i, epoch) in pairwise(trained) if epoch < last]
    run: tuple[list, list, int] | None = None
    for start, stop in pairwise([0, *falls, len(rows)]):
        steps, total = _steps(file, printed, start, stop)
        first = [next(step for step in found if step) for found in ((run[1], steps) if run else (steps,))]
        if run and total == run[2] and first[-1] > first[0]:
            run = run[0] + rows[start:stop], run[1] + steps, total
            continue
        if run:
            yield run
        run = rows[start:stop], steps, total
    if run:
        yield run


def _number(text: bytes) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _stated(printed: _Printed) -> tuple[list[int | None], int] | None:
    """Each row's step, where the rows tell it, as those of ms-swift do ('global_step/max_steps': '10/60')."""
    steps = [row.get("global_step") for _, row in printed.rows]
    known = [int(step) for step in steps if step is not None]
    if len(known) < sum("loss" in row for _, row in printed.rows) or not known:
        return None
    return [None if step is None else int(step) for step in steps], int(max(row.get("max_steps", 0) for _, row in printed.rows))


def _steps(file: LogFile, printed: _Printed, start: int, stop: int) -> tuple[list[int | None], int]:
    """The step of each row from `start` on, from the bar drawn next: that of the total whose counts grow as the epochs do."""
    rows = [row for _, row in printed.rows[start:stop]]
    epochs = np.array([row.get("epoch", np.nan) for row in rows])
    for total in sorted(printed.bars, reverse=True):
        at, counts = (np.array(column) for column in printed.bars[total])
        at, counts = at[(at > start) & (at <= stop)], counts[(at > start) & (at <= stop)]
        if not at.size:
            continue
        place = np.searchsorted(at, np.arange(start + 1, stop + 1))
        known = place < at.size
        steps = counts[np.minimum(place, at.size - 1)]
        logged = known & np.array(["loss" in row for row in rows])
        if logged.sum() < 2 or not (np.diff(steps[logged]) > 0).all() or not steps[logged][0]:
            continue
        each = steps[logged][-1] / max(epochs[logged][-1], 1e-9)  # updates of an epoch, which is printed with two digits
        if (np.abs(steps[logged] - epochs[logged] * each) <= 1 + 0.012 * each * (1 + epochs[logged] / epochs[logged][-1])).all():
            return [int(step) if ok else None for step, ok in zip(steps, known, strict=True)], total
    raise file.error("step", f"the Trainer prints none, and no progress bar tells it: {ASK}")
