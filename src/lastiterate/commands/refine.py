"""Schedule for the next run from the gradient norms that the last one logged.

LOG is a CSV file with a header (a row for each logged update; empty cells are skipped) or a JSON log of epfml's trainers.
Prints what the refined schedule looks like; --out writes it as CSV with the columns step and lr_factor (1 at the peak).

example:
  lastiterate refine log.csv --grad-norm-column train/grad_norm --out schedule.csv
"""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

import numpy as np
import pandas as pd

from lastiterate.logs import epfml
from lastiterate.refine import Refined, refine
from lastiterate.workflow.files import write_csv

POWERS = {"l2": -2, "l1": -1}


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("log", type=Path, metavar="LOG", help="CSV with a header, or JSON of epfml's trainers (by its suffix)")
    parser.add_argument("--grad-norm-column", default="grad_norm", metavar="NAME", help="column of the norms (default: grad_norm)")
    parser.add_argument("--step-column", metavar="NAME", help="column of the update counts, in a CSV (default: step, if there is one)")
    parser.add_argument("--norm", choices=POWERS, default="l2", help="kind of norm; l1 for Adam and its like (default: l2)")
    parser.add_argument("--smoothing", type=float, default=0.1, metavar="TAU", help="running median, fraction of the run (default: 0.1)")
    parser.add_argument("--total-steps", type=int, metavar="T", help="updates of the run (default: the log's)")
    parser.add_argument("--drop-invalid", action="store_true", help="leave out zero, negative, NaN and infinite norms, and count them")
    parser.add_argument("--out", type=Path, metavar="CSV", help="write the schedule here, whole or not at all")
    parser.add_argument("--json", action="store_true", help="print the diagnosis as JSON")


def run(arguments: Namespace) -> None:
    """Refine, write, print."""
    step, norm, total_steps, notes = read_norms(arguments.log, arguments.grad_norm_column, arguments.step_column)
    wanted = total_steps if arguments.total_steps is None else arguments.total_steps
    options = {"step": step, "total_steps": wanted, "drop_invalid": arguments.drop_invalid}
    refined = refine(norm, arguments.smoothing, POWERS[arguments.norm], **options)
    if refined.dropped:
        notes.append(f"{refined.dropped} of {norm.size} norms were invalid: left out")
    if arguments.out:
        write_csv(arguments.out, {"step": np.arange(1, refined.lr.size + 1), "lr_factor": refined.lr})
    if arguments.json:
        report = {"log": str(arguments.log), "norms": int(norm.size) - refined.dropped, "norm": arguments.norm}
        report |= {"total_steps": int(refined.lr.size), **refined.diagnosis._asdict(), "notes": notes}
        print(json.dumps(report | {"out": str(arguments.out) if arguments.out else None}))
    else:
        print(describe(refined, arguments, notes))


def read_norms(path: Path, column: str, step_column: str | None) -> tuple[np.ndarray, np.ndarray, int | None, list[str]]:
    """(step, grad_norm, total_steps if the log tells, notes); ValueError that names the file and what is wrong with it."""
    if path.suffix == ".json":
        return _read_epfml(path, column)
    notes: list[str] = []
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except ValueError as error:  # pandas' parser errors and bad encodings are among them
        raise ValueError(f"{path}: not a CSV file with a header: {str(error).strip()}") from None
    if step_column is None and "step" in table:
        step_column = "step"
    for name in (column, step_column):
        if name is not None and name not in table:
            raise ValueError(
                f"{path}: has no column {name!r}, but {', '.join(table.columns)}: choose with --grad-norm-column, --step-column"
            )
    table = table[table[column].str.strip() != ""]
    if table.empty:
        raise ValueError(f"{path}: column {column!r} holds no norm")
    norm = _numbers(path, table[column])
    if step_column is None:
        notes.append("no step column: rows are taken for updates 1, 2, ...")
        return np.arange(1, norm.size + 1), norm, None, notes
    step = _numbers(path, table[step_column])
    if not (np.isfinite(step) & (step == np.rint(step)) & (np.abs(step) < 2**53)).all():
        raise ValueError(f"{path}: column {step_column!r} must hold integers: it counts updates")
    step = step.astype(np.int64)
    if step[0] == 0:
        notes.append(f"{step_column} starts at 0: step k is taken for update k + 1")
        step += 1
    return step, norm, None, notes + _late_start(step)


def _read_epfml(path: Path, column: str) -> tuple[np.ndarray, np.ndarray, int, list[str]]:
    log = epfml.read(path, str(path))
    if column not in log.series:
        raise ValueError(f"{path}: has no series {column!r}, but {', '.join(log.series)}")
    step, norm = log.series[column]
    if log.branch_step:
        raise ValueError(f"{path}: begins at step {step[0]}, resumed from {log.resumed_from}: join the norms of both into one CSV")
    step, norm = step[step > 0], norm[step > 0]
    return step, norm, log.total_steps, _late_start(step)


def _numbers(path: Path, column: pd.Series) -> np.ndarray:
    """A column of text as floats; ValueError that names the first line that holds none."""
    numbers = np.empty(len(column))
    for i, text in enumerate(column):
        try:
            numbers[i] = float(text)
        except ValueError:
            raise ValueError(f"{path}, line {column.index[i] + 2}: {column.name} is {text!r:.40}, expected a number") from None
    return numbers


def _late_start(step: np.ndarray) -> list[str]:
    interval = np.median(np.diff(step)) if step.size > 1 else 1
    late = step[0] > 2.5 * interval
    return [f"no norms before update {step[0]}: the first is used from the start"] if late else []


def describe(refined: Refined, arguments: Namespace, notes: list[str]) -> str:
    """The diagnosis in words."""
    found, off = refined.diagnosis, f"off by {refined.diagnosis.decay_error:.3f} of the peak"
    lines = [f"note: {note}" for note in notes]
    lines.append(
        f"{refined.lr.size} updates, {arguments.norm} norms: warmup {found.warmup:.1%}, then about (1 - x)^{found.decay_power:.2f} ({off})"
    )
    if found.degenerate:
        lines.append(
            f"warning: degenerate, half of the learning rate falls after {found.half:.0%} of the run, later than a constant one: the norms "
            "fall too far, as they do in a model that memorises its data; prefer linear decay"
        )
    else:
        lines.append(f"half of the learning rate is spent after {found.half:.0%} of the run (linear decay: 29%)")
    if arguments.out:
        lines.append(f"schedule: {arguments.out} (step, lr_factor)")
    return "\n".join(lines)
