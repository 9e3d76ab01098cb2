"""One run as its reader understood it, before joins: the common ground of every log format."""

from dataclasses import dataclass, field

import numpy as np

from lastiterate._shown import shown
from lastiterate.logs.executed_lr import executed_lr, told_by
from lastiterate.schedules import Schedule
from lastiterate.schedules.recognise import Recognised

HISTORY_VALUES = ("train_loss", "val_loss", "grad_norm", "grad_norm_l1", "weight_norm_sq", "relative_update")


COUNTS = ("n_params", "tokens_per_step", "batch_size")  # settings that are positive integers


class LogError(ValueError):
    """A log that cannot be used: which file, which field, what was expected and found."""

    def __init__(self, file: str, where: str, message: str):
        self.file, self.where, self.message = file, shown(where), shown(message)
        super().__init__(f"{shown(file)}: {self.where}: {self.message}")


@dataclass(frozen=True)
class Note:
    """Something about a file that a person should know; `left_out` says that its run is not in the tables.

    `doubt` says that the numbers may not be what they were taken for: another column, a mean, a factor.
    """

    file: str
    run_id: str
    where: str
    message: str
    left_out: bool = False
    doubt: bool = False

    def __post_init__(self):
        for name in ("run_id", "where", "message"):
            object.__setattr__(self, name, shown(getattr(self, name)))


@dataclass
class RunLog:
    """A run's settings and what was logged; a setting that the publisher does not tell is None.

    `series` maps a history column to (steps, values): steps count updates (step k is after update k, 0 before the
    first), strictly increasing, and values are finite floats of the same shape. `invalid` holds the steps at which a
    series had a number that is not finite. `logged_lr` is (updates, learning rates that they executed).
    """

    run_id: str
    file: str
    name: str
    series: dict[str, tuple[np.ndarray, np.ndarray]]
    dataset: str | None = None
    model: str | None = None
    n_params: int | None = None
    optimizer: str | None = None
    schedule: Schedule | None = None
    cooldown: float | None = None
    base_lr: float | None = None
    tokens_per_step: int | None = None
    batch_size: int | None = None  # sequences (samples) of an update
    weight_decay: float | None = None
    seed: int | None = None
    final_train_loss: float | None = None
    final_val_loss: float | None = None
    resumed_from: str | None = None  # name of the run whose checkpoint it started from
    branch_step: int | None = None  # step of that checkpoint
    parent_run: str | None = None
    updates: int | None = None  # that were made, where the log says more than its last row
    log_start: int = 0  # step that the whole log begins at: the publisher may leave out the warm-up
    diverged: bool = False  # ended early on a loss that was not finite or too large; the final losses are NaN then
    log_format: str | None = None  # as recognised
    taken: dict[str, str] = field(default_factory=dict)  # what it was taken for -> the log's own name
    logged_lr: tuple[np.ndarray, np.ndarray] | None = None
    invalid: dict[str, np.ndarray] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    recognised: bool = False  # the schedule was not stated, but explains every logged learning rate

    def __post_init__(self):
        self.run_id, self.name = shown(self.run_id), shown(self.name)  # whatever a log or its file's name holds
        self.taken = {role: shown(name) for role, name in self.taken.items()}

    @property
    def total_steps(self) -> int:
        """The horizon: the schedule's, or the updates made where that is not told: by the log's word, or the last step logged."""
        if self.schedule:
            return self.schedule.total_steps
        last = max(int(steps[-1]) for steps in [*(s for s, _ in self.series.values()), *self.invalid.values()])
        return max(last, self.updates or 0)

    @property
    def lr(self) -> np.ndarray | None:
        """Learning rates executed by updates 1..T, shape (T,): the schedule's, else from the log; None if neither tells."""
        if self.schedule:
            return self.schedule.lr
        return executed_lr(*self.logged_lr, self.total_steps)[0] if self.logged_lr else None

    @property
    def lr_from(self) -> str | None:
        """Where `lr` comes from: "schedule" (stated), "recognised" (a schedule that explains all logged), "log", "interpolated" or None."""
        if self.schedule:
            return "recognised" if self.recognised else "schedule"
        return told_by(self.logged_lr[0], self.total_steps)[0] if self.logged_lr else None

    def recognise_as(self, found: Recognised) -> None:
        """Take the schedule that explains the logged learning rates, and say so."""
        self.schedule, self.recognised = found.schedule, True
        self.base_lr, self.cooldown = found.schedule.peak_lr, found.cooldown
        lr = self.taken.get("lr", "lr")
        self.note(
            lr, f"recognised as {found}: it has all {self.logged_lr[0].size} logged values to {max(found.off, 1e-16):.0e} of the peak"
        )
        for note in found.notes:
            self.note(lr, note)

    def check_settings(self) -> None:
        """LogError for a setting that no table can hold: an integer beyond 64 bits, or a count or rate that is not positive."""
        for name in ("seed", *COUNTS, "base_lr", "weight_decay"):
            value = getattr(self, name)
            if value is None:
                continue
            least = -(2**63) if name == "seed" else 0 if name == "weight_decay" else np.nextafter(0, 1)
            if not (least <= value < 2**63 and np.isfinite(float(value))):
                expected = "an integer of 64 bits" if name == "seed" else "a positive number"
                raise LogError(self.file, f"run {self.run_id}", f"{name} is {value!s:.40}, expected {expected}")

    def note(self, where: str, message: str, doubt: bool = False) -> None:
        """Add a note about this run's file; `doubt` as in `Note`."""
        self.notes.append(Note(self.file, self.run_id, where, message, doubt=doubt))
