"""Reader of the run table that Weights & Biases exports as CSV: one row per run, its configuration and its last logged values.

A row becomes a run whose history is that one row: the last step, and the losses there. `learning_rate` (or `lr`) is the
configured one; `train/learning_rate` would be the last logged, which is no run's base learning rate, and is left aside.
A row without a step or a loss is left out by a note of the first run (or is the error, if no row is left).
"""

import csv
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lastiterate.logs.assemble import assemble
from lastiterate.logs.columns import TEXTS, plain, setting_columns, shortened
from lastiterate.logs.columns import recognise as recognise_columns
from lastiterate.logs.convention import Convention
from lastiterate.logs.formats.source import LogFile, first_row, text_of
from lastiterate.logs.run_log import HISTORY_VALUES, Note, RunLog

NAME = "Weights & Biases run table"
OWN = {"ID", "State", "Notes", "User", "Tags", "Created", "Runtime", "Sweep", "End Time", "Commit", "GitHub"}
BASE_LR = ("learning_rate", "lr", "base_lr", "peak_lr", "max_lr", "config_lr", "config_learning_rate", "args_lr", "optimizer_lr")


def recognise(path: Path, head: bytes) -> bool:
    """Whether the header has a Name and two of the site's own columns."""
    names = first_row(text_of(head))
    return "Name" in names and len(OWN & set(names)) >= 2


def read(file: LogFile) -> Iterator[RunLog]:
    """Yield the table's runs; LogError for a table without a step or a loss, or with a cell that is not the number it should be."""
    try:
        with file.path.open(newline="", encoding="utf-8-sig") as lines:
            header, *rows = list(csv.reader(lines))
    except UnicodeDecodeError as error:
        raise file.error(f"byte {error.start}", "not valid UTF-8: the file is damaged") from None
    if "Name" not in header:
        raise file.error("line 1", f"has no column Name, but {shortened(header)}: it is no table of runs that was exported")
    taken = recognise_columns(header, {r: n for r, n in file.stated.mapping.items() if r != "run_id"}, file.name)
    losses = [role for role in HISTORY_VALUES if role in taken]
    if "step" not in taken or not losses:
        wanted = "a step" if "step" not in taken else "a loss"
        raise file.error(
            "line 1", f"has no column for {wanted}, but {shortened(header)}: add it to the table on the site, and export again"
        )
    columns = setting_columns(header)
    if base_lr := next((name for pattern in BASE_LR for name in header if plain(name) == pattern), None):
        columns["base_lr"] = base_lr
    left_out, seen, runs = [], set(), []
    for number, cells in enumerate(rows, start=2):
        if len(cells) != len(header):
            raise file.error(f"line {number}", f"has {len(cells)} cells, expected {len(header)} as in the header")
        row = dict(zip(header, cells, strict=True))
        run_id = f"{file.run_id}/{row['Name'] or row.get('ID') or number}"
        if run_id in seen:
            run_id = f"{run_id}/{row.get('ID') or number}"
        seen.add(run_id)
        values = {role: _number(file, number, name, row[name]) for role, name in taken.items() if role in ("step", *losses)}
        step = values.pop("step")
        if step is not None and not (0 <= step < 2**53 and step == round(step)):
            raise file.error(f"line {number}", f"{taken['step']} is {row[taken['step']]!r:.40}, expected a count of updates")
        known = {role: (np.array([int(step)]), np.array([v])) for role, v in values.items() if v is not None} if step is not None else {}
        if not known:
            missing = taken["step"] if step is None else " and ".join(taken[role] for role in losses)
            left_out.append(Note(file.name, run_id, f"line {number}", f"has no {missing}: left out", left_out=True))
            continue
        run = assemble(
            file.name, run_id, NAME, known, taken, file.stated, Convention(0, 0), name=row["Name"], **_settings(file, number, row, columns)
        )
        if run.schedule is None:
            run.note("lr", "LR not known: a row per run holds no history; export each run's history, or charts of loss and learning rate")
        run.final_train_loss = float(values["train_loss"]) if values.get("train_loss") is not None else None
        if row.get("State") and row["State"] != "finished":
            run.note("State", f"is {row['State']}: its last values are not those of the planned end")
        runs.append(run)
    if not runs:
        raise file.error(left_out[0].where if left_out else "table", left_out[0].message if left_out else "has no rows")
    runs[0].notes[:0] = left_out
    yield from runs


def _settings(file: LogFile, number: int, row: dict[str, str], columns: dict[str, str]) -> dict:
    """The configuration's fields that the schema knows; what is empty is None."""
    settings = {}
    for key, name in columns.items():
        text = row[name].strip() if name else ""
        value = text or None
        if value is not None and key not in TEXTS:
            value = _number(file, number, name, text)
            whole = key not in ("base_lr", "weight_decay")
            if not (math.isfinite(value) and (key in ("seed", "weight_decay") or value > 0)) or (whole and not -(2**53) < value < 2**53):
                raise file.error(f"line {number}", f"{name} is {text!r:.40}, expected a positive number")
            value = int(value) if whole else value
        settings[key] = value
    return settings


def _number(file: LogFile, number: int, name: str, text: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan if text.strip().lower() == "nan" else None
    if value is None or (name and not math.isfinite(value) and text.strip().lower() not in ("nan", "inf", "-inf", "infinity", "-infinity")):
        raise file.error(f"line {number}", f"{name} is {text!r:.40}, expected a number")
    return value
