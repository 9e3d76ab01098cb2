"""Rows of one run, collected column by column, and made a run: what CSV, JSON lines and parquet have in common."""

import numpy as np

from lastiterate.logs.assemble import Convention, assemble, convention_of, counted
from lastiterate.logs.columns import others, recognise, shortened
from lastiterate.logs.formats.source import LogFile
from lastiterate.logs.run_log import HISTORY_VALUES, RunLog

TRAIN_ROLES = ("train_loss", "lr", "grad_norm", "grad_norm_l1")


class Rows:
    """The rows of a run: for each column the numbers of the rows that hold a value (0-based), and the values."""

    def __init__(self):
        self.count = 0
        self.parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}

    def add(self, name: str, rows: np.ndarray, values: np.ndarray) -> None:
        """Append values of a column; `rows` count from this run's first."""
        self.parts.setdefault(name, []).append((np.asarray(rows, np.int64), np.asarray(values, np.float64)))

    def column(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """(rows, values) of a column, in order."""
        parts = self.parts[name]
        return np.concatenate([rows for rows, _ in parts]), np.concatenate([values for _, values in parts])


def run_of(rows: Rows, file: LogFile, run_id: str, log_format: str, *, names: list[str], epoch: bool, convention: Convention | None = None):
    """The run of a table's rows; `names` are all of the table's columns, for messages, `epoch` tells that one is an epoch."""
    mapping = {role: name for role, name in file.stated.mapping.items() if role != "run_id"}
    taken = recognise(rows.parts, {role: name for role, name in mapping.items() if name in rows.parts}, file.name)
    roles = [role for role in ("lr", *HISTORY_VALUES) if role in taken]
    if not any(role in taken for role in HISTORY_VALUES):
        raise file.error("columns", f"none is known as {', '.join(HISTORY_VALUES)}: there is {shortened(names)}; say which in the mapping")
    missing = 0
    if "step" in taken:
        with_step, steps = rows.column(taken["step"])
        steps = counted(file.name, taken["step"], steps)
    else:
        with_step, steps = np.arange(rows.count), np.arange(1, rows.count + 1)
        convention = Convention(0, 0, "no step column: rows are taken for updates 1, 2, ...")
    columns = {}
    for role in roles:
        at, values = rows.column(taken[role])
        place = np.minimum(np.searchsorted(with_step, at), max(with_step.size - 1, 0))
        known = with_step[place] == at if with_step.size else np.zeros(at.size, bool)
        missing += int((~known).sum())
        columns[role] = steps[place[known]], values[known]
    if convention is None:
        train = [columns[role][0] for role in TRAIN_ROLES if role in columns and columns[role][0].size]
        used = np.concatenate(train) if train else steps
        convention = convention_of(taken["step"], used, epoch) if used.size else Convention(0, 0)
    run: RunLog = assemble(file.name, run_id, log_format, columns, taken, file.stated, convention)
    for role, fitting in others(names, taken).items():
        run.note(taken[role], f"taken for {role}; {shortened(fitting)} would fit as well: say so in the mapping if it is the one")
    if missing:
        run.note(taken["step"], f"{missing} values stand in rows without a {taken['step']}: left out")
    return run
