"""Pilot runs: the learning rate of every update, the losses, and what was left out of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lastiterate.schedules import Schedule

LEAST_LOSSES = 5  # values of a loss that a pilot must have
SETTINGS = ("dataset", "model", "n_params", "optimizer", "tokens_per_step", "batch_size", "weight_decay")


@dataclass(frozen=True, eq=False)
class Pilot:
    """A run that was made: what it executed and what it logged.

    Attributes
    ----------
    run_id : str
    lr : ndarray, shape (T,)
        Learning rates executed by updates 1..T.
    losses : dict of str to (steps, values)
        "val_loss", "train_loss", whichever was logged; steps count updates.
    schedule : Schedule or None
        As stated by the log.
    diverged : bool
        Ended on a loss that is not finite or too large.
    lr_from : str
        Where `lr` comes from: "schedule", "log" or "interpolated".
    notes, doubts : tuple of str
        What the reader of its log noted, and what it was not sure of.
    settings : dict of str to object
        What the log tells of `SETTINGS`, which pilots of one plan must share.
    seed : int or None
        As the log tells it.
    """

    run_id: str
    lr: np.ndarray
    losses: dict[str, tuple[np.ndarray, np.ndarray]]
    schedule: Schedule | None = None
    diverged: bool = False
    lr_from: str = "schedule"
    notes: tuple[str, ...] = field(default=())
    settings: dict[str, object] = field(default_factory=dict)
    doubts: tuple[str, ...] = field(default=())
    seed: int | None = None

    @property
    def total_steps(self) -> int:
        """Updates executed."""
        return len(self.lr)

    @property
    def peak(self) -> float:
        """Largest learning rate."""
        return float(self.lr.max())

    @property
    def warmup_steps(self) -> int:
        """Updates below the peak before it is first reached (to 1e-6 of it)."""
        return int(np.argmax(self.lr >= self.peak * (1 - 1e-6)))

    def stable(self, step: int) -> bool:
        """Whether update `step` and all since the warmup are at the peak (to 1e-6 of it)."""
        part = self.lr[self.warmup_steps : step]
        return step <= self.total_steps and part.size > 0 and bool(np.all(part >= self.peak * (1 - 1e-6)))

    @property
    def decays(self) -> bool:
        """Whether the learning rate ends at most at half of its peak, which is what shows the noise in the loss."""
        return bool(self.lr[-1] <= self.peak / 2)


def which_loss(pilots: Sequence[Pilot]) -> str:
    """The loss that a plan predicts: the validation loss if every pilot logs at least five values of it, else the training loss."""
    without = {}
    for name in ("val_loss", "train_loss"):
        without[name] = [pilot.run_id for pilot in pilots if len(pilot.losses.get(name, [()])[0]) < LEAST_LOSSES]
        if not without[name]:
            return name
    missing = "; ".join(f"{name} is not in {', '.join(ids[:3])}{', ...' if len(ids) > 3 else ''}" for name, ids in without.items())
    raise ValueError(
        f"the pilots share no loss: all of them must log val_loss, or all of them train_loss, at five steps or more: {missing}"
    )
