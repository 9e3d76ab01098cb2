"""The warmup before a body that starts at the peak: a line or half a cosine, in the conventions that trainers have.

With p the update at which the rise meets the peak, trainers execute t/p (a line through 0 at update 0), (t-1)/(p-1) (0 at
update 1), or start elsewhere; the number of updates that they call the warmup is p or p - 1, and only its roundness tells which.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lastiterate.schedules.recognise.digits import digits_of, rounder, snap
from lastiterate.schedules.schedule import Phase


@dataclass(frozen=True)
class Warmup:
    """Phases of updates 1..steps, and what is not known about them."""

    steps: int
    phases: tuple[Phase, ...]
    note: str | None = None
    plain: bool = True  # from 0, or none


def warmups(update: np.ndarray, lr: np.ndarray, tol: np.ndarray, peak: float, meets: np.ndarray) -> Iterator[Warmup]:
    """Warmups that explain the logged learning rates below the peak.

    Parameters
    ----------
    update, lr, tol : ndarray, shape (n,)
        Logged updates of the warmup (1-based), their learning rates, how far off each may be.
    peak : float
    meets : ndarray of int
        Updates at which the warmup may meet the peak.

    Yields
    ------
    Warmup
        Linear before cosine; of each, those that lie closest to the logged values first.

    Source: transformers' optimization.py (0 at update 1), OLMo's optim.py (0 at update 0), nanoGPT's train.py (0 at update 0,
    peak at W + 1), torch's OneCycleLR (a cosine from 1/25 of the peak).
    """
    if not update.size:
        return
    meets = meets[meets > update[-1]] if lr[-1] < peak - tol[-1] else meets[meets >= update[-1]]
    for p, start in _one_row(update, lr, tol, peak, meets) if update.size == 1 else _lines(update, lr, tol, peak, meets):
        yield _linear(p, start)
    if update.size > 2:
        yield from _cosines(update, lr, tol, peak, meets)


def _one_row(update: np.ndarray, lr: np.ndarray, tol: np.ndarray, peak: float, meets: Any) -> Any:
    """From a single logged value: only a warmup from 0 is determined; (p, start), where start is the update at which it is 0."""
    if lr[0] <= tol[0] and update[0] == 1 and meets.size == 1 and meets[0] > 1:  # 0 at update 1, and the body says where it ends
        yield int(meets[0]), 1
        return
    found = []
    for start in (1, 0):
        if update[0] > start and lr[0] > 0:
            p = round(start + (update[0] - start) * peak / lr[0])
            if p > 1 and p in meets and abs(peak * (update[0] - start) / (p - start) - lr[0]) <= tol[0]:
                found.append((p, start))
    yield from sorted(found, key=lambda pair: len(str(rounder(pair[0], pair[0] - 1)).rstrip("0")))


def _lines(update: np.ndarray, lr: np.ndarray, tol: np.ndarray, peak: float, meets: Any) -> Any:
    """(p, start) of lines that meet the peak at p: start is the update at which the line is 0, or the factor of update 1 as a float."""
    options = []
    for start in (1, 0):
        ends = meets[meets > max(start, 1)]
        off = np.abs(peak * (update - start) / (ends[:, None] - start) - lr) / tol
        for i in np.flatnonzero((off <= 1).all(1)):
            p = int(ends[i])
            options.append((digits_of(rounder(p, p - 1)), float(off[i].max()), p, start))
    if options:
        yield from ((p, start) for _, _, p, start in sorted(options, key=lambda option: option[:2]))
        return
    meets = meets[meets > 1]
    distance = update[None, :] - meets[:, None].astype(float)
    slope = ((lr - peak) * distance / tol**2).sum(1) / np.maximum((distance**2 / tol**2).sum(1), 1e-300)
    off = (np.abs(peak + slope[:, None] * distance - lr) / tol).max(1, initial=0.0)
    first = peak + slope * (1 - meets)
    fits = np.flatnonzero((off <= 1) & (slope > 0) & (first > 0))
    for i in fits[np.argsort(off[fits], kind="stable")][:50]:
        yield int(meets[i]), snap(float(first[i]) / peak, float(tol.min()) / peak, 4)
    if not fits.size:
        yield from _meeting_between(update, lr, tol, peak)


def _meeting_between(update: np.ndarray, lr: np.ndarray, tol: np.ndarray, peak: float) -> Any:
    """A line that meets the peak between two updates, as a warmup in tokens or samples does: (last update below, its two ends)."""
    slope, level = np.polyfit(update, lr, 1)
    if update.size > 2 and slope > 0 and (np.abs(level + slope * update - lr) <= tol).all():
        last = int(np.floor((peak - level) / slope))
        if last > 1 and level + slope >= -tol[0]:
            yield last, (max(level + slope, 0.0) / peak, (level + slope * last) / peak)


def _linear(p: int, start: Any) -> Warmup:
    if isinstance(start, tuple):
        return Warmup(p, (Phase("warmup", p, "linear", start[0], start[1], p - 1),), "the warmup meets the peak between two updates", False)
    if start == 0:
        steps = rounder(p, p - 1)
        return Warmup(steps, (Phase("warmup", steps, "linear", 0.0, 1.0, p, 1),))
    steps = rounder(p - 1, p)
    return Warmup(steps, (Phase("warmup", steps, "linear", 0.0 if start == 1 else float(start), 1.0, p - 1),), plain=start == 1)


def _cosines(update: np.ndarray, lr: np.ndarray, tol: np.ndarray, peak: float, meets: Any) -> Any:
    """Half a cosine from the factor of update 1 to the peak at p."""
    for p in meets[meets > 1]:
        rest = (1 + np.cos(np.pi * (update - 1) / (p - 1))) / 2  # 1 at update 1, 0 at p
        depth = ((peak - lr) * rest).sum() / max((rest**2).sum(), 1e-300)
        if (np.abs(peak - depth * rest - lr) <= tol).all() and 0 < depth <= peak * (1 + 1e-9):
            factor = snap(max(1 - depth / peak, 0.0), 2 * tol.min() / peak, 4)
            steps = rounder(int(p) - 1, int(p))
            yield Warmup(steps, (Phase("warmup", steps, "cosine", factor, 1.0, int(p) - 1),), plain=False)
