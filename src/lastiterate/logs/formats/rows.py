"""Rows of one run, collected column by column, and made a run: what CSV, JSON lines, parquet and event files have in common."""

import re
from collections.abc import Iterator

import numpy as np

from lastiterate.logs.assemble import assemble, counted
from lastiterate.logs.columns import fits, may_be_val_loss, may_count, one_of_a_run, plain, recognise, remark, shortened, tells_runs
from lastiterate.logs.convention import Convention, convention_of
from lastiterate.logs.divergence import LEAST_ROWS, LEAST_TAIL
from lastiterate.logs.formats.facts import describe_columns, settings_of, wanted
from lastiterate.logs.formats.row_order import in_order, is_epoch, refuse_calls, refuse_epochs_as_steps, refuse_scatter, refuse_splits
from lastiterate.logs.formats.source import LogFile
from lastiterate.logs.limits import Watch
from lastiterate.logs.order import names_of, several
from lastiterate.logs.run_log import HISTORY_VALUES, RunLog
from lastiterate.logs.trainers import trainer_of

TRAIN_ROLES = ("train_loss", "lr", "grad_norm", "grad_norm_l1")
MOST_CHANGES = 10_000  # of a column of words that are kept
PLANNED = ("total_steps", "max_steps")  # columns that hold how many updates the run was to make


class Rows:
    """The rows of a run: for each column the numbers of the rows that hold a value (0-based), and the values; where `words` change."""

    def __init__(self, watch: Watch):
        self.count = self.numbers = 0
        self.watch = watch
        self.parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
        self.words: dict[str, list[tuple[int, str]]] = {}

    def add(self, name: str, rows: np.ndarray, values: np.ndarray) -> None:
        """Append values of a column; `rows` count from this run's first."""
        self.numbers += len(values)
        self.watch.hold(self.numbers)
        self.parts.setdefault(name, []).append((np.asarray(rows, np.int64), np.asarray(values, np.float64)))

    def add_word(self, name: str, row: int, value: str) -> None:
        """Note the value of a column of words from a row on; of a column that changes all the time only the beginning."""
        changes = self.words.setdefault(name, [])
        if (not changes or changes[-1][1] != value) and len(changes) < MOST_CHANGES:
            changes.append((row, value))

    def words_at(self, name: str, rows: np.ndarray) -> list[str]:
        """Values of a column of words in some rows."""
        changes = self.words[name]
        place = np.maximum(np.searchsorted([row for row, _ in changes], rows, side="right") - 1, 0)
        return [changes[i][1] for i in place]

    def column(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """(rows, values) of a column, in order."""
        parts = self.parts[name]
        return np.concatenate([rows for rows, _ in parts]), np.concatenate([values for _, values in parts])


def wanted_columns(names: list[str], mapped: set[str]) -> tuple[list[str], list[str]]:
    """(columns of numbers, columns of text) that a run is made from; the rest of a table need not be kept."""
    trainer = trainer_of(names)
    numbers, texts = wanted(names, trainer)
    texts += [name for name in names if tells_runs(name) and name not in texts and name not in numbers]
    roles = ("step", "lr")
    for name in names:
        own = trainer and any(fits_trainer(trainer, name, role) for role in trainer.columns)
        if (
            own
            or name in mapped
            or any(fits(role, name) for role in roles)
            or plain(name) in PLANNED
            or is_epoch(name)
            or one_of_a_run(name)
        ):
            numbers.append(name)
    return list(dict.fromkeys(numbers)), texts


def fits_trainer(trainer, name: str, role: str) -> bool:
    """Whether a column is one of the trainer's of a role."""
    return re.fullmatch(trainer.columns[role], name) is not None


def runs_of(
    rows: Rows,
    file: LogFile,
    run_id: str,
    log_format: str,
    *,
    names: list[str],
    convention: Convention | None = None,
    one_run: bool = False,
) -> Iterator[RunLog]:
    """The runs of a table's rows: one, or several if the count of updates falls back to its first value.

    Parameters
    ----------
    rows : Rows
    file : LogFile
    run_id, log_format : str
    names : list of str
        All of the table's columns, for messages.
    convention : Convention, optional
        How it counts, where the format tells.
    one_run : bool
        Whether the rows are known to be one run's.
    """
    mapping = {role: name for role, name in file.stated.mapping.items() if role != "run_id"}
    trainer = trainer_of(names)
    taken = recognise(rows.parts, {role: name for role, name in mapping.items() if name in rows.parts}, file.name, trainer)
    roles = [role for role in ("lr", *HISTORY_VALUES) if role in taken]
    if "step" not in taken:
        raise file.error("columns", _no_count(names))
    if not any(role in taken for role in HISTORY_VALUES):
        raise file.error("columns", _no_loss(names))
    with_step, steps = rows.column(taken["step"])
    steps = counted(file.name, taken["step"], steps)
    steps_of = _lookup(with_step, steps)
    missing, columns, at_rows = 0, {}, {}
    for role in roles:
        at, values = rows.column(taken[role])
        known, of_role = steps_of(at)
        missing += int((~known).sum())
        columns[role], at_rows[role] = (of_role[known], values[known]), at[known]
    if convention is None:
        train = [columns[role][0] for role in TRAIN_ROLES if role in columns and columns[role][0].size]
        used = np.concatenate(train) if train else steps
        convention = convention_of(taken["step"], used, any(map(is_epoch, names)), trainer) if used.size else Convention(0, 0)
    refuse_splits(rows, file, columns, at_rows)
    refuse_epochs_as_steps(rows, file, taken["step"], with_step, steps)
    found = in_order(rows, file, taken["step"], columns, at_rows, with_step, steps, one_run)
    refuse_scatter(rows, file, at_rows)
    refuse_calls(file, taken["step"], columns, taken)
    beside = {name: steps_of(rows.column(name)[0])[1] for name in rows.parts if name != taken["step"]}
    facts, remarks = settings_of(rows, names, trainer, beside)
    most = file.stated.limits.updates
    planned = [rows.column(name)[1] for name in rows.parts if plain(name) in PLANNED]
    planned = next((int(values[-1]) for values in planned if values.size and 0 < values[-1] <= most), None)
    for number, (part, run_name) in enumerate(zip(found, names_of(run_id, len(found)), strict=True), start=1):
        own = columns if len(found) == 1 and not part.notes else _only(columns, at_rows, part.rows, rows.count)
        shift = convention.step_shift if file.stated.step_shift is None else file.stated.step_shift
        reached = None if one_run or len(found) > 1 or not steps.size else int(steps[-1] if part.notes else steps.max()) + shift
        run = assemble(
            file.name, run_name, log_format, own, taken, file.stated, convention,
            planned=planned, updates=reached if reached and reached <= most else None, **facts,
        )  # fmt: skip
        if len(found) == 1 and (empty := _ends_empty(at_rows)):
            run.diverged = True
            run.note(
                taken["train_loss"],
                f"is empty in the last {empty} rows, where {taken['lr']} goes on, as where pandas writes NaN: the run is taken for one "
                "that diverged",
            )
        if len(found) > 1:
            run.note(taken["step"], several(number, len(found)))
        for note in part.notes:
            run.note(taken["step"], note)
        for where, note in remarks:
            run.note(where, note)
        describe_columns(run, rows, names, taken, set(mapping.values()), steps_of)
        if trainer and trainer.says and "train_loss" in run.series:
            run.note(taken["train_loss"], trainer.says, doubt=True)
        if missing:
            run.note(taken["step"], f"{missing} values stand in rows without a {taken['step']}: left out")
        yield run


def _lookup(with_step: np.ndarray, steps: np.ndarray):
    """A function from rows to (which of them have a step, their steps)."""

    def steps_of(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if not with_step.size:
            return np.zeros(at.size, bool), np.zeros(at.size, np.int64)
        place = np.minimum(np.searchsorted(with_step, at), with_step.size - 1)
        return with_step[place] == at, steps[place]

    return steps_of


def _only(columns, at_rows, kept: np.ndarray, count: int) -> dict:
    """The series with the rows that are kept only, in their order."""
    place = np.full(count, -1)
    place[kept] = np.arange(kept.size)
    own = {}
    for role, (steps, values) in columns.items():
        at = place[at_rows[role]]
        order = np.argsort(at, kind="stable")[int((at < 0).sum()) :]
        own[role] = steps[order], values[order]
    return own


def _ends_empty(at_rows: dict[str, np.ndarray]) -> int:
    """In how many rows at the end a loss is missing that stood beside every learning rate before, and no validation came after; or 0."""
    loss, lr, val = (at_rows.get(role, np.empty(0)) for role in ("train_loss", "lr", "val_loss"))
    if loss.size < LEAST_ROWS or (val.size and val[-1] > loss[-1]):
        return 0
    after = int((lr > loss[-1]).sum())
    return after if after >= LEAST_TAIL and np.isin(lr[lr <= loss[-1]], loss).all() else 0


def _no_count(names: list[str]) -> str:
    candidates = may_count(names)
    might = f"but {shortened(candidates)} might" if candidates else f"there is {shortened(names)}"
    epochs = [name for name in candidates if is_epoch(name)]
    hint = f" ({epochs[0]} counts epochs: multiply it by the updates of one)" if epochs else ""
    return f"no column counts updates, {might}{hint}: name the one that does with --map step=COLUMN"


def _no_loss(names: list[str]) -> str:
    sets = [name for name in names if may_be_val_loss(name)]
    if len(sets) > 1:
        return f"there are several validation losses, {shortened(sets)}: name the one to take with --map val_loss=COLUMN"
    text = f"none is known as {', '.join(HISTORY_VALUES)}: there is {shortened(names)}; say which with --map train_loss=COLUMN"
    hints = [f"{name} is {why}" for name in names if (why := remark(name))]
    return text + (f" ({shortened(hints)})" if hints else "")
