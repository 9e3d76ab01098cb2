"""Tables of results: public files with one row per run and no history, only its settings and its final loss.

They do not pretend to be logs: they end in a table of their own, `results`, in which a setting that the publisher does
not give is null. A row that cannot be used is noted with its line and left out.

run_id      source and number of the row in the publisher's file (0-based)
model       every column that tells architectures apart, as name=value
n_params    number of parameters N (a float: some are read off a drawing)
tokens      training tokens D
batch_size  sequences per update; total_steps updates; base_lr peak learning rate
loss        final training loss as published; smooth_loss its smoothed form, where there is one
"""

import csv
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa

from lastiterate.logs.run_log import LogError, Note

_positive = pa.Check.gt(0)

RESULTS = pa.DataFrameSchema(
    {
        "run_id": pa.Column(str, unique=True),
        "source": pa.Column(str),
        "model": pa.Column(str),
        "n_params": pa.Column("float64", _positive),
        "tokens": pa.Column("float64", _positive),
        "batch_size": pa.Column("Int64", _positive, nullable=True),
        "total_steps": pa.Column("Int64", _positive, nullable=True),
        "base_lr": pa.Column("float64", _positive, nullable=True),
        "loss": pa.Column("float64"),
        "smooth_loss": pa.Column("float64", nullable=True),
    },
    strict=True,
    ordered=True,
)

_ARCHITECTURE = ("h", "ffnh", "numh", "numl", "nume", "topk", "moeh")


def steplaw(row: dict[str, str]) -> dict:
    """A run of arXiv:2503.04715: dense models, or mixtures of experts, whose file has further columns (N counts all experts)."""
    return {
        "model": " ".join(f"{name}={row[name]}" for name in _ARCHITECTURE if row.get(name)),
        "n_params": _number(row, "N"),
        "tokens": _number(row, "D"),
        "batch_size": int(_number(row, "bs")),
        "total_steps": int(_number(row, "ti")),
        "base_lr": _number(row, "lr"),
        "loss": _number(row, "loss"),
        "smooth_loss": _number(row, "smooth loss") if row.get("smooth loss") else math.nan,
    }


def chinchilla(row: dict[str, str]) -> dict:
    """A run of arXiv:2203.15556 as read off its figure by arXiv:2404.10102; tokens = FLOP/(6 N), as bu's Table 2 takes them."""
    n_params = _number(row, "Model Size")
    tokens = _number(row, "Training FLOP") / (6 * n_params)
    return {"model": "chinchilla", "n_params": n_params, "tokens": tokens, "loss": _number(row, "loss")}


def read_results(path: Path, file: str, source: str, prefix: str, parse) -> tuple[pd.DataFrame, list[Note]]:
    """The results table of one CSV file (run ids start with `prefix`), and a note for each row left out; LogError if all are."""
    rows, notes = [], []
    with path.open(newline="", encoding="utf-8") as text:
        for number, row in enumerate(csv.DictReader(text)):
            run_id = f"{prefix}/{number}"
            try:
                rows.append({"run_id": run_id, "source": source, **parse(row)})
            except LogError as error:
                notes.append(Note(file, run_id, f"line {number + 2}: {error.where}", error.message, left_out=True))
    if not rows:
        raise LogError(file, notes[0].where if notes else "table", notes[0].message if notes else "has no rows")
    table = pd.DataFrame(rows).reindex(columns=list(RESULTS.columns))
    kinds = {name: str(column.dtype) for name, column in RESULTS.columns.items() if "64" in str(column.dtype)}
    return RESULTS.validate(table.astype(kinds)), notes


def _number(row: dict[str, str], name: str) -> float:
    """A positive number of the row."""
    if name not in row:
        raise LogError("", name, f"no such column, but {', '.join(filter(None, row))}")
    try:
        value = float(row[name])
    except (TypeError, ValueError):
        value = math.nan
    if not (np.isfinite(value) and value > 0):
        raise LogError("", name, f"is {row[name]!r:.40}, expected a positive number")
    return value
