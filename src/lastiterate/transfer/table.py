"""Tables of final losses: a row per run, whose columns are known by their names, as those of logs are.

What is taken for what is in the notes, and so is each row that is left out. A loss that is not a finite number is that of a run that
diverged; a row without a loss is left out.
"""

import csv
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lastiterate import _stdin
from lastiterate._extras import optional
from lastiterate.logs.border import border
from lastiterate.logs.columns import SETTINGS, plain, remark, shortened
from lastiterate.logs.limits import Watch
from lastiterate.logs.run_log import LogError
from lastiterate.logs.settings import SUFFIXES
from lastiterate.transfer.runs import FinishedRun, Sweep

ROLES = {  # names as `plain` has them, the first that is there
    "n_params": (*SETTINGS["n_params"], "n", "params", "model_params", "model_size", "size", "non_embedding_params", "n_non_embedding"),
    "tokens": ("tokens", "n_tokens", "num_tokens", "total_tokens", "train_tokens", "training_tokens", "tokens_seen", "token_count",
               "tokens_trained", "trained_tokens", "num_train_tokens", "tokens_processed", "d"),
    "updates": ("total_steps", "updates", "n_updates", "num_updates", "train_iters", "train_steps", "max_steps", "num_steps", "iterations",
                "iters", "steps", "num_iterations", "max_iters",
                "n_steps", "training_steps", "num_train_steps", "ti"),
    "batch": (*SETTINGS["batch_size"], "bs", "bsz", "batch", "b"),
    "batch_tokens": SETTINGS["tokens_per_step"],
    "seq_len": ("seq_len", "seq_length", "sequence_length", "context_length", "block_size", "max_seq_len", "ctx_len"),
    "lr": ("peak_lr", "max_lr", "base_lr", "lr", "learning_rate", "peak_learning_rate", "max_learning_rate", "lr_peak", "lr_max", "eta"),
    "loss": ("final_val_loss", "final_validation_loss", "final_eval_loss", "val_loss", "valid_loss", "validation_loss",
             "eval_loss", "final_loss", "smooth_loss", "final_train_loss",
             "train_loss", "training_loss", "loss"),
    "weight_decay": SETTINGS["weight_decay"],
    "schedule": ("schedule_name", "schedule", "lr_schedule", "scheduler", "lr_scheduler", "lr_scheduler_type", "lr_decay_style"),
    "optimizer": SETTINGS["optimizer"],
    "dataset": SETTINGS["dataset"],
}  # fmt: skip
_OUTER = r"(config|hparams|args|params|optim|optimizer|model|train|training|trainer|data|summary|eval|scheduler)_"
_NOT_SETTINGS = re.compile(
    r"seed|name|(^|_)id$|path|time|loss|date|host|gpu|mfu|(^|_)run(_|$)|step|iter|index|^unnamed|accuracy|ppl|perplexity"
)
MOST_LEVELS = 12
NONSENSE = 100.0  # times the least loss of the table: beyond it a run diverged


_UNFINISHED = ("running", "crashed", "killed", "failed", "pending", "preempted")


def read_table(path: Path, mapping: Mapping[str, str] | None = None, by: Sequence[str] = ()) -> Sweep:
    """The runs of a table (CSV, or parquet).

    Parameters
    ----------
    path : path
    mapping : mapping, optional
        Columns by role (`ROLES`), where names do not tell.
    by : sequence of str
        Further columns that tell runs apart: an architecture, say.

    Raises
    ------
    LogError
        If a column that is needed is not there, or no row can be used.
    """
    header, rows = _cells(path)
    found, other_losses = _recognised(path, header, mapping or {})
    for name in by:
        if name not in header:
            raise LogError(path.name, "--by", f"there is no column {name!r}, but {shortened(header)}")
    _check_columns(path, header, found)
    state = next((name for name in header if plain(name) in ("state", "status") and name not in found.values()), None)
    notes = ["taken: " + ", ".join(f"{role} from {name!r}" for role, name in found.items())]
    if other_losses:
        notes.append(f"other losses in the table: {', '.join(map(repr, other_losses))} (--map loss=COLUMN takes one)")
    runs, kept = [], []
    left_out: Counter[str] = Counter()
    for line, row in rows:
        try:
            runs.append(_run(row, found, state))
            kept.append(row)
        except ValueError as error:
            left_out[str(error)] += 1
            first = notes if left_out[str(error)] == 1 else []
            first.append(f"left out: line {line}: {error}")
    notes = [_counted(note, left_out) for note in notes]
    if twice := len(kept) - len({tuple(row.values()) for row in kept}):
        notes.append(f"{twice} rows repeat others to the last digit and count as runs of their own: a table that was pasted twice?")
    if not runs:
        raise LogError(path.name, "rows", f"none can be used: {'; '.join(notes[1:4]) or 'there is none'}")
    _check_units(path, runs, found)
    levels = [found[role] for role in ("schedule", "optimizer", "dataset") if role in found]
    levels += [name for name in by if name not in found.values()]
    if not by and (more := _tell_apart(header, kept, runs, levels, set(found.values()))):
        levels += more
        notes.append(f"runs that agree in all else differ in {', '.join(more)}: taken as different settings (--by COLUMN names others)")
    levels = [name for name in levels if len({row[name] for row in kept}) > 1]
    least = min(run.loss for run in runs)
    runs = [replace(run, loss=run.loss if run.loss < NONSENSE * least else math.inf) for run in runs]
    runs = [replace(run, level=tuple(row[name] for name in levels)) for run, row in zip(runs, kept, strict=True)]
    length, said = _sequence_tokens(kept, found)
    return Sweep(tuple(runs), tuple(levels), (*notes, *said), "sequences" if "batch" in found else "tokens", length)


def _cells(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The header, and (line, cells by column) of each row."""
    name = _stdin.NAME if _stdin.is_stdin(path) else path.name
    path = _stdin.copied() if _stdin.is_stdin(path) else path
    with path.open("rb") as opened:
        parquet = opened.read(4) == b"PAR1"
    if parquet or path.suffix == ".parquet":
        with optional():
            import pandas as pd  # here: its import takes as long as all of the command
            from pyarrow.parquet import ParquetFile

        with border(name):
            facts = ParquetFile(path).metadata
            Watch().hold(facts.num_rows * facts.num_columns)
            table = pd.read_parquet(path)
        text = table.astype(object).where(table.notna(), "").astype(str)
        return list(text.columns), [(number, dict(row)) for number, row in enumerate(text.to_dict("records"), start=1)]
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            first = lines.readline()
            lines.seek(0)
            delimiter = max(",;\t", key=first.count)
            cells = list(csv.reader(lines, delimiter=delimiter))
    except (UnicodeDecodeError, csv.Error) as error:
        raise LogError(name, "content", f"is no CSV table ({error!r:.60}): write one with a header, a row per run") from None
    header = [name.strip() for name in cells[0]] if cells else []
    repeated = [name for name, count in Counter(header).items() if count > 1 and name]
    if len(header) < 3 or repeated:
        what = f"{', '.join(repeated)} twice" if repeated else shortened(header)
        raise LogError(name, "header", f"has {what}, expected a name for each column: size, tokens, learning rate, loss")
    rows = []
    for line, row in enumerate(cells[1:], start=2):
        if any(cell.strip() for cell in row):
            if len(row) != len(header):
                raise LogError(name, f"line {line}", f"has {len(row)} cells, expected {len(header)} as in the header")
            rows.append((line, dict(zip(header, map(str.strip, row), strict=True))))
    return header, rows


def _recognised(path: Path, header: list[str], mapping: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Columns by role, and other columns that would be a loss."""
    for role, name in mapping.items():
        if name not in header:
            raise LogError(path.name, "--map", f"there is no column {name!r} for {role}, but {shortened(header)}")
    found, losses = dict(mapping), []
    for role, names in ROLES.items():
        free = [name for name in header if name not in found.values()]
        order = [name for known in names for name in free if plain(name) == known]
        order += [name for known in names for name in free if re.fullmatch(_OUTER + re.escape(known), plain(name))]
        order = [name for name in order if len(known := plain(name)) > 1 or name.strip() == known.upper()]  # N, D, B: capitals
        if role == "loss":
            losses = [name for name in order if name != found.get(role, order[0])]
        if order:
            found.setdefault(role, order[0])
    return found, losses


def _check_columns(path: Path, header: list[str], found: Mapping[str, str]) -> None:
    what = {"n_params": "model size (parameters)", "lr": "peak learning rate", "loss": "final loss"}
    for role, meaning in what.items():
        if role not in found:
            remarks = [f"{name} is {why}" for name in header if (why := remark(name))] if role == "loss" else []
            hint = f" ({'; '.join(remarks)})" if remarks else ""
            raise LogError(
                path.name, "columns", f"none is known as the {meaning}, but {shortened(header)}{hint}: name it with --map {role}=COLUMN"
            )
    if "tokens" not in found and not ("updates" in found and ("batch_tokens" in found or {"batch", "seq_len"} <= found.keys())):
        raise LogError(
            path.name, "columns", "tokens are not told: name them with --map tokens=COLUMN, or updates and the batch in tokens "
            "(--map updates=COLUMN --map batch_tokens=COLUMN), or updates, batch and seq_len",
        )  # fmt: skip


def _run(row: Mapping[str, str], found: Mapping[str, str], state: str | None) -> FinishedRun:
    """The run of a row; ValueError that says what it lacks."""
    own: Callable[[str], float | None] = lambda role: number(row[found[role]], found[role]) if role in found and row[found[role]] else None
    text = row[found["loss"]].lower()
    if not text:
        raise ValueError(f"no final loss ({found['loss']!r} is empty)")
    try:
        loss = float(text)
    except ValueError:
        if "diverge" not in text:
            raise ValueError(f"{found['loss']!r} is {text!r:.30}, expected a loss") from None
        loss = math.inf
    if state and math.isfinite(loss) and row[state].lower() in _UNFINISHED:
        raise ValueError(f"{state!r} is {row[state]!r}: its loss is not final")
    if loss <= 0:
        raise ValueError(f"{found['loss']!r} is {loss:g}, expected a positive loss")
    batch = own("batch") or own("batch_tokens")
    tokens = own("tokens")
    if tokens is None and "updates" in found:
        of_update = own("batch_tokens") or (own("batch") or math.nan) * (own("seq_len") or math.nan)
        tokens = (own("updates") or math.nan) * of_update
    values: dict[str, Any] = {"n_params": own("n_params"), "tokens": tokens, "lr": own("lr")}
    for role, value in values.items():
        if value is None or not (math.isfinite(value) and value > 0):
            what = "empty" if value is None or math.isnan(value) else f"{value:g}"
            raise ValueError(f"{role} is {what}, expected a positive number")
    if ("batch" in found or "batch_tokens" in found) and not batch:
        raise ValueError("the batch is empty or 0")
    return FinishedRun(**values, loss=loss if math.isfinite(loss) else math.inf, batch=batch, weight_decay=own("weight_decay"))


def number(text: str, what: str) -> float:
    """A number such as 256, 1.3e9 or 124M; ValueError for anything else.

    >>> number("124M", "N"), number("2e10", "D")
    (124000000.0, 20000000000.0)
    """
    text = text.replace(" ", "").replace("_", "")
    factor = (SUFFIXES | {"g": 10**9, "t": 10**12}).get(text[-1:].lower(), 1)
    try:
        value = float(text[:-1] if factor > 1 else text) * factor
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{what!r} is {text!r:.30}, expected a number such as 256, 1.3e9 or 124M")
    return value


def _check_units(path: Path, runs: Sequence[FinishedRun], found: Mapping[str, str]) -> None:
    for role, least, unit in (("n_params", 1e3, "parameters"), ("tokens", 1e5, "tokens")):
        largest = max(getattr(run, role) for run in runs)
        if largest < least:
            name = found.get(role, role)
            hint = "if it counts millions or billions, write 124M or 20B"
            raise LogError(path.name, name, f"is at most {largest:g}, expected a number of {unit}: {hint}")
    largest = max(run.lr for run in runs)
    if largest > 100:
        raise LogError(path.name, found["lr"], f"is up to {largest:g}, expected a peak learning rate")


def _tell_apart(header: Sequence[str], rows: Any, runs: Sequence[FinishedRun], levels: Sequence[str], taken: Collection[str]) -> list[str]:
    """Further columns of few values in which rows differ that agree in all else: architectures, say."""
    cells: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row, run in zip(rows, runs, strict=True):
        key = (run.n_params, run.tokens, run.batch, run.lr, run.weight_decay, *(row[name] for name in levels))
        cells.setdefault(key, []).append(row)
    found: list[str] = []
    distinct = len({tuple(row[name] for name in levels) for row in rows})
    for name in header:
        counts = Counter(row[name] for row in rows)
        few = 1 < len(counts) <= MOST_LEVELS and min(counts.values()) >= 3
        if name not in taken and few and not _NOT_SETTINGS.search(plain(name)):
            differ = sum(len({row[name] for row in cell}) > 1 for cell in cells.values())
            told = len({tuple(row[one] for one in (*levels, *found, name)) for row in rows})
            if differ >= 3 and told > distinct:  # and not another name for the same
                found, distinct = [*found, name], told
    return found


def _sequence_tokens(rows: Any, found: Mapping[str, str]) -> tuple[float | None, list[str]]:
    """Tokens of one unit of the batch, and a note where updates and tokens tell it."""
    value: Callable[[Mapping[str, str], str], float] = lambda row, role: number(row[found[role]] or "0", role)
    if "batch" not in found:
        return (1.0 if "batch_tokens" in found else None), []
    if not {"tokens", "updates"} <= found.keys():
        return (float(np.median([value(row, "seq_len") for row in rows])) if "seq_len" in found else None), []
    ratios = []
    for row in rows:
        try:
            ratios.append(value(row, "tokens") / (value(row, "updates") * value(row, "batch")))
        except (ValueError, ZeroDivisionError):
            continue  # the tokens of the row count, and were read
    if not ratios:
        return None, []
    length = float(np.median(ratios))
    off = int(np.sum(np.abs(np.array(ratios) / length - 1) > 0.02))
    but = f", but for {off} rows, of which the tokens were taken" if off else ""
    return length, [f"tokens are updates times batch times {length:.4g}{but}"]


def _counted(note: str, counts: Counter[str]) -> str:
    why = note.split(": ", 2)[-1]
    more = counts[why] - 1 if note.startswith("left out: ") else 0
    return f"{note} (and {more} more such rows)" if more else note
