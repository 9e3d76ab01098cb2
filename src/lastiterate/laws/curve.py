"""A loss curve with the learning rates that made it."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lastiterate._checks import check_counts, check_number, check_reals
from lastiterate.schedules.schedule import LearningRates


@dataclass(frozen=True, eq=False)
class Curve:
    """Losses of one training run and the learning rate of each of its updates.

    Parameters
    ----------
    lr : array_like, shape (T,)
        Learning rates executed by updates 1..T (``lr[0]`` is update 1), warmup included, or a `Schedule`.
    step : array_like of int, shape (m,)
        Updates done when each loss was logged, increasing, in 1..T.
    loss : array_like, shape (m,)
        Losses, positive (nats).
    name : str
        Label in messages and score tables.
    init_std : float or None
        Standard deviation that the weight matrices were initialised with. Read it from the run's configuration; the default
        is the usual one of language models. None if unknown or without meaning: laws of the weight norm then refuse.
    weight_decay : float or None
        Decoupled weight decay of AdamW (an update multiplies weights by ``1 - lr * weight_decay``); as for `init_std`.

    Raises
    ------
    ValueError
        For an empty curve, lengths that differ, steps outside 1..T or out of order, a loss or learning rate that is no
        positive (non-negative) finite number. Nothing is sorted, dropped or clipped.

    Examples
    --------
    >>> Curve([0.1, 0.2, 0.2], [1, 3], [2.5, 2.25], name="short").step
    array([1, 3])
    """

    lr: np.ndarray
    step: np.ndarray
    loss: np.ndarray
    name: str = ""
    init_std: float | None = 0.02
    weight_decay: float | None = 0.1

    def __post_init__(self) -> None:
        where = f"curve {self.name!r}: " if self.name else ""
        lr, step = check_path(self.lr, self.step, where)
        loss = check_reals(f"{where}loss", self.loss)
        if loss.shape != step.shape:
            raise ValueError(f"{where}loss has shape {loss.shape}, but step has {step.shape}: give one loss for each logged step")
        bad = ~(np.isfinite(loss) & (loss > 0))
        if bad.any():
            i = int(np.argmax(bad))
            raise ValueError(f"{where}loss[{i}]={loss[i]:g} must be positive and finite (laws fit its logarithm): leave that row out")
        for key, value in (("lr", lr), ("step", step), ("loss", loss)):
            object.__setattr__(self, key, value)
        check_setting(f"{where}init_std", self.init_std, open_low=True)
        check_setting(f"{where}weight_decay", self.weight_decay)


def check_path(lr: LearningRates, step: ArrayLike, where: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Learning rates (T,) and logged steps (m,) as arrays, or ValueError; `where` begins its message."""
    lr = check_reals(f"{where}lr", getattr(lr, "lr", lr))
    if lr.ndim != 1 or lr.size == 0:
        raise ValueError(f"{where}lr has shape {lr.shape}: give the learning rate of each update, shape (T,)")
    if not (np.isfinite(lr).all() and lr.min() >= 0 and lr.max() > 0):
        raise ValueError(f"{where}lr must be finite, non-negative and not all zero")
    step = check_counts(f"{where}step", step, "updates done when each loss was logged")
    if step.ndim != 1 or step.size == 0:
        raise ValueError(f"{where}step must be a non-empty vector: updates done when each loss was logged")
    if step[0] < 1 or (np.diff(step) <= 0).any():
        raise ValueError(f"{where}step must increase and start at 1 or later: it counts the updates done when a loss was logged")
    if not lr[: step[0]].any():
        raise ValueError(f"{where}every learning rate up to the first logged step {step[0]} is 0: leave out losses from before training")
    if step[-1] > lr.size:
        raise ValueError(
            f"{where}lr has {lr.size} entries, but a loss was logged at step {step[-1]}: give the learning rate of every update"
        )
    return lr, step


def check_setting(name: str, value: Any, open_low: bool = False) -> None:
    """Refuse a run setting that is given but not a non-negative number."""
    if value is not None and not (isinstance(value, float) and math.isnan(value)):
        check_number(name, value, "it is read from the run's configuration; None if unknown", open_low=open_low)
