"""Pilot runs: the learning rate of every update, the losses, and what was left out of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lastiterate.laws import Curve
from lastiterate.schedules import Schedule

LEAST_LOSSES = 5  # values of a loss that a pilot must have
POINTS = 100  # losses of a run that a law is fitted to, spread evenly
SETTINGS = ("dataset", "model", "n_params", "optimizer", "tokens_per_step", "batch_size", "weight_decay")
SKIP = 0.04  # of a run's updates: its first descent, which no law describes; at least twice the warmup


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
    settings : dict of str to object
        What the log tells of `SETTINGS`, which pilots of one plan must share.
    """

    run_id: str
    lr: np.ndarray
    losses: dict[str, tuple[np.ndarray, np.ndarray]]
    schedule: Schedule | None = None
    diverged: bool = False
    lr_from: str = "schedule"
    notes: tuple[str, ...] = field(default=())
    settings: dict[str, object] = field(default_factory=dict)

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


def pilot_curves(pilots: Sequence[Pilot], loss: str, init_std=None, weight_decay=None) -> list[Curve]:
    """Curves to fit, one for each distinct vector of learning rates; repeats (seeds) are averaged.

    The first descent is left out: the larger of 4 % of the updates and twice the warmup. At most 100 losses are
    kept: validation losses as they were logged, spread evenly with the last one kept; training losses as means over as many windows.
    """
    groups: dict[bytes, list[Pilot]] = {}
    for pilot in pilots:
        groups.setdefault(pilot.lr.tobytes(), []).append(pilot)
    curves = []
    for same in groups.values():
        parts = [_thinned(*pilot.losses[loss], pilot, loss) for pilot in same]
        steps = parts[0][0]
        parts = [part for part in parts if np.array_equal(part[0], steps)]
        if len(steps) >= 3:
            curves.append(Curve(same[0].lr, steps, np.mean([part[1] for part in parts], axis=0), same[0].run_id, init_std, weight_decay))
    return curves


def _thinned(steps: np.ndarray, values: np.ndarray, pilot: Pilot, loss: str) -> tuple[np.ndarray, np.ndarray]:
    keep = (steps > max(SKIP * pilot.total_steps, 2 * pilot.warmup_steps)) & (steps <= pilot.total_steps) & (values > 0)
    steps, values = steps[keep].astype(np.int64), values[keep]
    count = min(POINTS, len(steps))
    if loss == "val_loss" or count == len(steps):
        at = np.unique(np.linspace(0, len(steps) - 1, count).round().astype(int)) if count else []
        return steps[at], values[at]
    windows = np.array_split(np.arange(len(steps)), count)
    return np.array([round(float(steps[w].mean())) for w in windows]), np.array([values[w].mean() for w in windows])
