"""The bound's input, checked and reduced to the updates that move, and its terms."""

import os
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lastiterate._checks import check_choice, check_number, check_reals
from lastiterate.bound.direct import last_sum
from lastiterate.bound.sums import cumulative
from lastiterate.bound.transform import cauchy_transform
from lastiterate.schedules import check_lr
from lastiterate.schedules.schedule import LearningRates

KINDS = ("last_iterate", "average_iterate")

_BYTES_PER_STEP = 120  # of a whole trajectory, input included, at its peak
_SMALLEST_LR = 1e-150


class Problem:
    """Checked input; `lr` and `squares` (G_t^2, or one number) are those of the updates with a positive learning rate."""

    def __init__(self, lr: LearningRates, grad_norm: ArrayLike, distance: float, kind: str) -> None:
        self.last_iterate = check_choice("kind", kind, KINDS) == "last_iterate"
        self.distance = check_number("distance", distance, "it is ||x_1 - x*||", open_low=True)
        check_memory(getattr(lr, "lr", lr))
        lr = check_lr(lr)
        norm = check_grad_norm(grad_norm, lr.size)
        self.total_steps = lr.size
        self.moves = lr > 0
        self.lr = lr if self.moves.all() else lr[self.moves]
        if self.lr.min() < _SMALLEST_LR:
            t = int(np.argmax(self.moves & (lr < _SMALLEST_LR)))
            raise ValueError(f"lr: update {t + 1} has {lr[t]:g}, whose square float64 cannot hold: use 0, or at least {_SMALLEST_LR:g}")
        with np.errstate(over="ignore"):
            self.squares = norm**2 if norm.ndim == 0 or self.lr is lr else norm[self.moves] ** 2
            self.total = float(np.sum(self.lr))
            self.total_noise = float(np.sum(self.charges))
        check_finite(self.total, "the sum of the learning rates")
        check_finite(self.total_noise, "the sum of lr^2 * grad_norm^2")
        charged = norm > 0 if norm.ndim == 0 or self.lr is lr else norm[self.moves] > 0
        check_not_lost(np.where(charged, np.minimum(self.squares, self.charges), 1.0), "lr^2 * grad_norm^2")

    @cached_property
    def charges(self) -> np.ndarray:
        """q_t = eta_t^2 G_t^2 of the updates that move."""
        charges = self.lr * self.squares
        charges *= self.lr
        return charges

    @property
    def trailing_zeros(self) -> int:
        """Updates after the last one that moves."""
        return self.total_steps - 1 - int(np.flatnonzero(self.moves)[-1])

    def check_last(self) -> None:
        """Refuse a last learning rate of 0 for the last iterate."""
        if self.last_iterate and not self.moves[-1]:
            zeros = self.trailing_zeros
            raise ValueError(
                f"lr ends with {zeros} zero(s), for which the last-iterate bound is infinite: an update with learning rate 0 "
                f"is no update; pass lr[:{self.total_steps - zeros}]"
            )

    def last(self) -> tuple[float, float, float]:
        """(t1, t2, t2 + t3) at T."""
        self.check_last()
        with np.errstate(over="ignore"):
            distance_term = self.distance / self.total * self.distance / 2
            noise_term = rest = self.total_noise / (2 * self.total)
            if self.last_iterate:
                rest = float(self.lr[-1] * self.squares.flat[-1] + last_sum(self.lr, self.charges)) / 2
        check_finite(distance_term + rest, "the bound")
        check_not_lost(distance_term, "the bound's first term")
        if self.total_noise:
            check_not_lost(min(rest, noise_term), "the bound's terms of the noise")
        return distance_term, noise_term, rest

    def every(self, rtol: float) -> tuple[np.ndarray, np.ndarray]:
        """(t1, t2 + t3) at every t, shape (T,) each."""
        with np.errstate(over="ignore"):
            if self.last_iterate:
                rest = cauchy_transform(self.lr, rtol).apply(self.charges)
                rest += self.lr * self.squares
                rest /= 2
            distance = cumulative(self.lr)
            if not self.last_iterate:
                rest = cumulative(self.charges) / (2 * distance)
            np.divide(self.distance / 2, distance, out=distance)
            distance *= self.distance
        check_finite(rest.max() + distance.max(), "the bound")
        check_not_lost(distance, "the bound's first term")
        check_not_lost(np.where(cumulative(self.charges) > 0, rest, 1.0), "the bound's terms of the noise")
        return self.spread(distance), self.spread(rest, self.last_iterate)

    def spread(self, values: np.ndarray, infinite: bool = False) -> np.ndarray:
        """Values at the moves to all updates: kept since the last move, or infinite where nothing moved."""
        if self.moves.all():
            return values
        latest = np.cumsum(self.moves) - 1
        result = np.where(latest >= 0, values[latest], np.inf)
        if infinite:
            result[~self.moves] = np.inf
        return result


def check_finite(value: float, what: str) -> None:
    """Raise ValueError if a sum left the range of float64."""
    if not np.isfinite(value):
        raise ValueError(f"{what} overflows float64: express lr, grad_norm and distance in units nearer to 1")


def check_not_lost(values: ArrayLike, what: str) -> None:
    """Raise ValueError if numbers that must be positive are so small that float64 has lost digits of them, or all."""
    if np.min(values) < np.finfo(np.float64).tiny:
        raise ValueError(f"{what} underflows float64: express lr, grad_norm and distance in units nearer to 1")


def check_memory(lr: Any) -> None:
    """Raise MemoryError if one trajectory of so many updates would not fit this machine, before any array is made."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return
    steps: int = np.size(lr) if hasattr(lr, "shape") else len(lr) if hasattr(lr, "__len__") else 0
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if steps * _BYTES_PER_STEP > memory:
        raise MemoryError(
            f"lr has {steps} updates, which take {steps * _BYTES_PER_STEP / 2**30:.0f} GiB ({_BYTES_PER_STEP} bytes each), but this "
            f"machine has {memory / 2**30:.0f} GiB: evaluate a coarser schedule with fewer updates"
        )


def check_grad_norm(grad_norm: ArrayLike, total_steps: int) -> np.ndarray:
    """Return `grad_norm` as one float64 number or a vector of shape (total_steps,), finite and >= 0, or raise ValueError."""
    norm = check_reals("grad_norm", grad_norm)
    if norm.ndim and norm.shape != (total_steps,):
        raise ValueError(f"grad_norm has shape {norm.shape}, expected a number or shape ({total_steps},): one norm for each learning rate")
    bad = ~(np.isfinite(norm) & (norm >= 0))
    if bad.any():
        where = f" at update {int(np.argmax(bad)) + 1}" if norm.ndim else ""
        value = norm[np.argmax(bad)] if norm.ndim else norm
        raise ValueError(f"grad_norm={value:g}{where} must be finite and >= 0: drop or replace the invalid norm first")
    return norm
