"""One run as its reader understood it, before joins: the common ground of every log format."""

from dataclasses import dataclass, field

import numpy as np

from lastiterate.schedules import Schedule

HISTORY_VALUES = ("train_loss", "val_loss", "grad_norm", "grad_norm_l1")


class LogError(ValueError):
    """A log that cannot be used: which file, which field, what was expected and found."""

    def __init__(self, file: str, where: str, message: str):
        super().__init__(f"{file}: {where}: {message}")
        self.file, self.where, self.message = file, where, message


@dataclass(frozen=True)
class Note:
    """Something about a file that a person should know; `left_out` says that its run is not in the tables."""

    file: str
    run_id: str
    where: str
    message: str
    left_out: bool = False


@dataclass
class RunLog:
    """A run's settings and what was logged.

    `series` maps a history column to (steps, values): steps count updates (step k is after update k, 0 before the
    first), strictly increasing, and values are finite floats of the same shape.
    """

    run_id: str
    file: str
    name: str
    dataset: str
    model: str
    n_params: int
    optimizer: str
    schedule: Schedule
    cooldown: float
    base_lr: float
    tokens_per_step: int
    seed: int
    final_train_loss: float
    final_val_loss: float
    series: dict[str, tuple[np.ndarray, np.ndarray]]
    resumed_from: str | None = None  # name of the run whose checkpoint it started from
    branch_step: int | None = None  # step of that checkpoint
    parent_run: str | None = None
    notes: list[Note] = field(default_factory=list)

    def note(self, where: str, message: str) -> None:
        """Add a note about this run's file."""
        self.notes.append(Note(self.file, self.run_id, where, message))
