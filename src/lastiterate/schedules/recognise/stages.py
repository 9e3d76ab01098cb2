"""Schedules that are no single decay: several plateaus, 1/sqrt, warm restarts.

Each function yields (name, phases, peak, planned steps, notes) for the rows of a log from `first` on.
"""

from bisect import bisect_right
from itertools import pairwise
from typing import Any

import numpy as np

from lastiterate.schedules.recognise.body import SHAPES, decays, kind_of, ordered
from lastiterate.schedules.recognise.digits import snap
from lastiterate.schedules.recognise.logged import Logged, before
from lastiterate.schedules.schedule import Phase


def stages(log: Logged, first: int) -> Any:
    """Plateaus with jumps or linear transitions between them, and a decay after the last."""
    update, lr, tol = log.update[first:], log.lr[first:], log.tol[first:]
    flat = _plateaus(lr, tol)
    if len(flat) < 2 or (update.size > 2 * len(flat) and sum(stop - start for start, stop in flat) < 4):
        return
    if flat[0][0] != 0:
        return
    peak = snap(float(np.median(lr[: flat[0][1]])), float(tol.min()) / 4)
    factors = [snap(float(np.median(lr[a:b])) / peak, 2 * tol.max() / peak, 4) for a, b in flat]
    phases, notes = [], []
    for i, ((_, stop), (start, _)) in enumerate(pairwise(flat)):
        moved = _moved(update, lr, tol, stop, start, factors[i], factors[i + 1], peak)
        if moved is None:
            return
        last, between, note = moved
        phases.append((last, factors[i], between, factors[i + 1]))
        notes.append(note)
    stop = flat[-1][1]
    tail = _tail(log, first, stop, factors[-1] * peak)
    if tail is None:
        return
    meets = np.arange(log.update[first - 1] if first else 0, update[0] + 1)
    for warmup in before(log, first, peak, meets):
        described, built = warmup.steps, list(warmup.phases)
        for last, level, between, then in phases:
            built.append(Phase("stable", last - described, start=level))
            if between:
                built.append(Phase("transition", between, "linear", level, then, between))
            described = last + between
        if tail:
            kind, power = kind_of(tail.shape)
            final = snap(tail.floor / peak, 1e-9, 6)
            built.append(Phase("stable", tail.start - described, start=factors[-1]))
            built.append(Phase("decay", log.total - tail.start, kind, factors[-1], final, tail.end - tail.start, 1, power))
        else:
            built.append(Phase("stable", log.total - described, start=factors[-1]))
        name = "two_stage" if len(flat) == 2 else "piecewise"
        yield name, tuple(built), peak, None, [warmup.note, *notes]


def _plateaus(lr: np.ndarray, tol: np.ndarray) -> list[tuple[int, int]]:
    """Runs of at least two equal values: (first row, row after the last)."""
    edges = [0, *(np.flatnonzero(np.abs(np.diff(lr)) > tol[1:]) + 1).tolist(), lr.size]
    return [(a, b) for a, b in pairwise(edges) if b - a > 1]


def _moved(update: np.ndarray, lr: np.ndarray, tol: np.ndarray, stop: int, start: int, level: float, then: float, peak: float) -> Any:
    """(last update before the change, updates of the transition, note) between the rows stop - 1 and start; None if it is no line."""
    low, high = int(update[stop - 1]), int(update[start])
    if start == stop:
        last = _roundest(low, high - 1)
        note = f"the learning rate changes between updates {low} and {high}: after {last}, the roundest" if high > low + 1 else None
        return last, 0, note
    t, v = update[stop:start].astype(float), lr[stop:start]
    if start - stop < 2:
        return None
    slope, offset = np.polyfit(t, v, 1)
    if (np.abs(slope * t + offset - v) > tol[stop:start]).any():
        return None
    begins, ends = (level * peak - offset) / slope, (then * peak - offset) / slope
    if not low <= round(begins) <= round(ends) <= high:
        return None
    return round(begins) - 1, round(ends) - round(begins), None


def _roundest(low: int, high: int) -> int:
    """The integer of fewest significant digits in a range."""
    for power in range(len(str(high)), -1, -1):
        at = high // 10**power * 10**power
        if at >= low and at > 0:
            return at
    return high


def _tail(log: Logged, first: int, stop: int, level: float) -> Any:
    """What follows the last plateau: nothing (()), or its decay; None if it is not explained."""
    update, lr, tol = log.update[first + stop - 2 :], log.lr[first + stop - 2 :], log.tol[first + stop - 2 :]
    if update.size == 2:
        return ()
    if update.size < 5 or lr[2] > level:
        return None
    starts, ends = np.arange(update[1], update[2] + 1), np.arange(log.total - 1, log.total + 2)
    for shape in SHAPES:
        for body in ordered(decays(shape, update, lr, tol, starts, ends), log):
            return body
    return None


def inverse_roots(log: Logged, first: int) -> Any:
    """[warmup] c / sqrt(t + d), and a linear cooldown if there is one."""
    update, lr, tol = log.update[first:], log.lr[first:], log.tol[first:]
    if update.size < 4 or lr.min() <= 0 or lr[0] - lr[-1] <= 4 * tol.max():
        return
    stop = update.size
    fitted = _root(update, lr, tol)
    if fitted is None:
        stop = bisect_right(range(4, update.size - 2), 0, key=lambda n: _root(update[:n], lr[:n], tol[:n]) is None) + 3
        fitted = _root(update[:stop], lr[:stop], tol[:stop]) if stop > 3 else None
    if fitted is None or lr[0] - lr[stop - 1] <= 4 * tol.max() or fitted[1] > MOST_SHIFT * log.total:  # a plateau or a line is no root
        return
    scale, shift = fitted
    low = int(log.update[first - 1]) if first else 0
    for meet in range(low, int(update[0]) + 1):
        position = meet + shift
        if position < 1:
            continue
        peak = snap(scale / np.sqrt(position), 2 * tol.max())
        for warmup in before(log, first, peak, np.array([meet])):
            offset = warmup.steps + 1 + shift
            if offset < 1:
                continue
            start = float(np.sqrt(position))
            if stop == update.size:
                root = Phase("stable", log.total - warmup.steps, "inverse_sqrt", start, offset=offset)
                yield "inverse_sqrt", (*warmup.phases, root), peak, None, [warmup.note]
            else:
                yield from _cooled(log, first, stop, warmup, peak, start, offset, shift)


def _root(update: np.ndarray, lr: np.ndarray, tol: np.ndarray) -> Any:
    """(c, d) of c / sqrt(t + d) with an integer d; None if the values are not of that form (to twice their tolerance)."""
    slope, level = np.polyfit(update, lr**-2.0, 1, w=lr**3 / tol)
    if not (slope > 0 and abs(level / slope) < 1e9):
        return None
    best = None
    for shift in round(level / slope) + np.array([0, -1, 1, -2, 2]):
        if update[0] + shift < 1:
            continue
        root = (update + shift) ** -0.5
        scale = float((lr * root / tol**2).sum() / (root**2 / tol**2).sum())
        off = float((np.abs(scale * root - lr) / tol).max())
        if off <= 2 and (best is None or off < best[0]):
            best = off, scale, int(shift)
    return best and best[1:]


def _cooled(log: Logged, first: int, stop: int, warmup: Any, peak: Any, start: Any, offset: Any, shift: Any) -> Any:
    """1/sqrt, then a decay from its last value to the end."""
    update, lr, tol = log.update[first + stop :], log.lr[first + stop :], log.tol[first + stop :]
    for last in range(int(log.update[first + stop - 1]), int(update[0]) + 1):
        level = start * peak / np.sqrt(last + shift)
        at, values, slack = np.append(last, update), np.append(level, lr), np.append(tol[0], tol)
        for shape in ("linear", "cosine", "1-sqrt"):
            for body in decays(shape, at, values, slack, np.array([last]), np.arange(log.total - 1, log.total + 2)):
                root = Phase("stable", last - warmup.steps, "inverse_sqrt", start, offset=offset)
                decay = Phase("decay", log.total - last, shape, level / peak, body.floor / peak, body.end - last, 1)
                yield "inverse_sqrt", (*warmup.phases, root, decay), peak, None, [warmup.note]


MOST_SHIFT = 10  # of a root, in units of the run's length
FEW = 12  # values that a cycle length is first tried on


def cycles(log: Logged, first: int) -> Any:
    """[warmup] and warm restarts at equal distances."""
    update, lr, tol = log.update[first:], log.lr[first:], log.tol[first:]
    jumps = np.flatnonzero(np.diff(lr) > np.maximum(4 * tol[1:], 0.05 * log.peak))
    if not jumps.size:
        return
    starts = np.arange(log.update[first - 1] + 1 if first else 1, update[0] + 1)
    for start in starts if first == 0 else starts[::-1]:
        count = np.arange(1, jumps.size + 1)
        low, high = ((update[jumps] - start) / count).max(), ((update[jumps + 1] - start) / count).min()
        lengths = np.arange(max(int(np.floor(low)) + 1, 2), int(np.floor(high)) + 1)[:2000]
        for shape in ("cosine", "linear", "1-sqrt", "power 2"):
            for length in _possible(shape, update - start, lengths, lr, tol):
                fitted = _cycle(shape, (update - start) % length / length, lr, tol)
                if fitted is None:
                    continue
                peak, ratio = fitted
                for warmup in before(log, first, peak, np.array([start])):
                    yield "cyclic", (*warmup.phases, *_cycle_phases(shape, log.total - start + 1, length, ratio)), peak, None, [warmup.note]


def _possible(shape: str, update: np.ndarray, lengths: np.ndarray, lr: np.ndarray, tol: np.ndarray) -> list[int]:
    """Cycle lengths under which a few of the values lie on a decay of this shape, as all of them must."""
    few = np.unique(np.linspace(0, update.size - 1, FEW).astype(int))
    g = SHAPES[shape](update[few] % lengths[:, None] / lengths[:, None])
    centred = g - g.mean(axis=1, keepdims=True)
    slope = (centred * lr[few]).sum(axis=1) / np.maximum((centred**2).sum(axis=1), 1e-30)
    off = np.abs(lr[few] - lr[few].mean() - slope[:, None] * centred)
    return lengths[(off <= 6 * tol[few]).all(axis=1)].tolist()


def _cycle(shape: str, x: np.ndarray, lr: np.ndarray, tol: np.ndarray) -> Any:
    """(peak, final ratio) of a decay in x, the position within a cycle; None if it does not explain the values."""
    g = SHAPES[shape](x)
    design = np.stack([g, 1 - g], axis=1)
    peak, floor = np.linalg.lstsq(design, lr, rcond=None)[0]
    if (np.abs(design @ (peak, floor) - lr) > 3 * tol).any() or not peak > 0:
        return None
    for width in (4 * tol.max(), tol.min(), 0.0):
        top = snap(peak, width)
        ratio = snap(max(floor / top, 0.0) if floor > width else 0.0, width / top, 4)
        if (np.abs(design @ (top, ratio * top) - lr) <= tol).all():
            return top, ratio
    return None


def _cycle_phases(shape: str, left: int, length: int, ratio: float) -> list[Phase]:
    kind, power = kind_of(shape)
    return [Phase("decay", min(length, left - begin), kind, 1.0, ratio, length, 0, power) for begin in range(0, left, length)]
