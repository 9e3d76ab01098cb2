"""In what order the rows of a table were written, and whose: `logs.order`, with what the other columns tell about it."""

import re
from itertools import pairwise

import numpy as np

from lastiterate.logs.columns import one_of_a_run, plain, setting_columns
from lastiterate.logs.formats.source import LogFile
from lastiterate.logs.order import Disorder, Part, falls, parts

SPLITS = {"train", "training", "val", "valid", "validation", "eval", "evaluation", "test", "dev"}


def is_epoch(name: str) -> bool:
    """Whether a column counts epochs, by its name."""
    return re.fullmatch(r"(train(er)?_|current_|num_|n_)?epochs?|epoch_(idx|index|num|number)", plain(name)) is not None


def in_order(rows, file: LogFile, step: str, columns, at_rows, with_step, steps, one_run: bool) -> list[Part]:
    """The runs among the rows that hold something; each with the rows that count."""
    if not any(falls(of_role) for of_role, _ in columns.values()):
        return [Part(np.arange(rows.count))]
    used = np.unique(np.concatenate(list(at_rows.values())))
    of_used = steps[np.searchsorted(with_step, used)]
    _refuse_epochs(rows, file, step, used, of_used)
    _refuse_mixed(rows, file, step, used, of_used)
    try:
        found = parts(of_used, one_run=one_run)
    except Disorder as error:
        how = "sort the rows as they were written, or name the runs with --map run_id=COLUMN"
        raise file.error(f"column {step!r}", f"{error}: {how}") from None
    found = [Part(used[part.rows], part.notes) for part in found]
    if len(found) > 1 and not _epoch_falls(rows, used, of_used) and _goes_on(columns, at_rows, found):
        raise file.error(
            f"column {step!r}",
            f"falls back to its first value {len(found) - 1} times, but the loss goes on: it counts within an epoch, or from a restart; "
            "add a column of updates and name it with --map step=COLUMN, or one that tells the runs apart with --map run_id=COLUMN",
        )
    return found


def _epoch_falls(rows, used: np.ndarray, steps: np.ndarray) -> bool:
    """Whether the epoch falls with the count."""
    down = np.flatnonzero(np.diff(steps) < 0) + 1
    for name in (name for name in rows.parts if is_epoch(name)):
        at, epochs = rows.column(name)
        if np.isin(used, at).all():
            epoch = epochs[np.searchsorted(at, used)]
            return bool((epoch[down] < epoch[down - 1]).all())
    return False


def _goes_on(columns, at_rows, found: list[Part]) -> bool:
    """Whether at most of the falls the loss is nearer to where it was than to where it began, so that no new run began there."""
    role = next((role for role in ("train_loss", "val_loss") if role in columns), None)
    if role is None:
        return False
    losses = [columns[role][1][np.isin(at_rows[role], part.rows)] for part in found]
    losses = [values[np.isfinite(values)] for values in losses]
    if any(values.size == 0 for values in losses):
        return False
    began = losses[0][0]
    near = [abs(after[0] - before[-1]) < abs(after[0] - began) / 2 for before, after in pairwise(losses)]
    return 2 * sum(near) > len(near)


def refuse_splits(rows, file: LogFile, columns, at_rows) -> None:
    """LogError if a column says of a loss in which rows it is that of training and in which that of validation."""
    for name in rows.words:
        for role in ("train_loss", "val_loss"):
            if role in columns and at_rows[role].size:
                found = {word.strip().lower() for word in rows.words_at(name, at_rows[role])}
                if len(found) > 1 and found <= SPLITS:
                    raise file.error(
                        f"column {name!r}",
                        f"tells rows of {' and '.join(sorted(found))} in one column of losses: make a column of each of them",
                    )


def refuse_epochs_as_steps(rows, file: LogFile, step: str, with_step: np.ndarray, steps: np.ndarray) -> None:
    """LogError if the count of updates is that of the epochs, but for where it starts, unless the caller named it."""
    if file.stated.mapping.get("step") == step or np.unique(steps).size < 3:
        return
    for name in (name for name in rows.parts if is_epoch(name)):
        at, epochs = rows.column(name)
        common, a, b = np.intersect1d(at, with_step, assume_unique=True, return_indices=True)
        if common.size == steps.size and np.isin(epochs[a][0] - steps[b][0], (-1, 0, 1)) and np.ptp(epochs[a] - steps[b]) == 0:
            raise file.error(
                f"column {step!r}",
                f"counts epochs, as {name} does: add a column of updates and name it with --map step=, or {step} if they are",
            )


def refuse_calls(file: LogFile, step: str, columns, taken: dict[str, str]) -> None:
    """LogError if W&B's `_step` has a number of its own for each validation between training rows: it counts calls of the logger."""
    if plain(step) != "_step" or file.stated.mapping.get("step") == step or not {"train_loss", "val_loss"} <= columns.keys():
        return
    train, val = (np.unique(columns[role][0]) for role in ("train_loss", "val_loss"))
    both = np.union1d(train, val)
    between = int(((val > train[:1].min(initial=0)) & (val < train.max(initial=0))).sum())
    if between > 1 and both.size == train.size + val.size and (np.diff(both) == 1).all():
        raise file.error(
            f"column {step!r}",
            f"counts calls of the logger: each {taken['val_loss']} between rows of {taken['train_loss']} has a number of its own; "
            "name the trainer's own count with --map step=COLUMN",
        )


def refuse_scatter(rows, file: LogFile, at_rows) -> None:
    """LogError if what a run has once, its size or its seed, changes where the losses stand: each row is of another run."""
    losses = [at_rows[role] for role in ("train_loss", "val_loss") if role in at_rows]
    for name in rows.parts:
        if not one_of_a_run(name) or file.stated.mapping.get("step") == name:
            continue
        at, values = rows.column(name)
        values = values[np.isin(at, np.concatenate(losses))] if losses else values[:0]
        if np.unique(values).size > 1:
            raise file.error(
                f"column {name!r}",
                f"goes from {values.min():g} to {values.max():g}, and a run has one: rows of several runs; name the column that tells "
                "them apart with --map run_id=COLUMN",
            )


def _refuse_mixed(rows, file: LogFile, step: str, used: np.ndarray, steps: np.ndarray) -> None:
    """LogError if the count falls where another column changes that tells the runs apart."""
    down = np.flatnonzero(np.diff(steps) < 0) + 1
    for name in [*rows.words, *(name for name in setting_columns(rows.parts).values() if name not in rows.words)]:
        before, after = _values_at(rows, name, used[down - 1]), _values_at(rows, name, used[down])
        changed = next(((a, b) for a, b in zip(before, after, strict=True) if a != b), None)
        if changed:
            raise file.error(
                f"column {step!r}",
                f"falls where {name} changes from {changed[0]!s:.40} to {changed[1]!s:.40}: rows of several runs; "
                f"name them with --map run_id={name}",
            )


def _values_at(rows, name: str, wanted: np.ndarray) -> list:
    """Values of a column of words or numbers in some rows; none if it lacks one of them."""
    if name in rows.words:
        return rows.words_at(name, wanted)
    at, values = rows.column(name)
    return [f"{value:g}" for value in values[np.searchsorted(at, wanted)]] if np.isin(wanted, at).all() else [None] * wanted.size


def _refuse_epochs(rows, file: LogFile, step: str, used: np.ndarray, steps: np.ndarray) -> None:
    """LogError if the count falls wherever the epoch grows: it counts within the epoch."""
    for name in (name for name in rows.parts if is_epoch(name)):
        at, epochs = rows.column(name)
        known = np.isin(used, at)
        epoch = epochs[np.searchsorted(at, used[known])] if at.size else np.empty(0)
        grows, down = np.diff(np.floor(epoch)) > 0, np.diff(steps[known]) < 0
        if down.any() and (grows[down]).all() and down.sum() >= grows.sum() / 2:
            raise file.error(
                f"column {step!r}",
                f"falls back at each new {name}: it counts within an epoch; add a column of updates (epoch times its length, plus {step}) "
                "and name it with --map step=COLUMN",
            )
