"""Which schedule explains every logged learning rate, if one does."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from lastiterate._checks import check_counts, check_reals
from lastiterate.schedules.recognise.body import CUT, LEAST_MOVING, SELF_SIMILAR, SHAPES, Body, cut_decays, decays, kind_of, ordered
from lastiterate.schedules.recognise.digits import SINGLE, digits_of, snap, tolerances
from lastiterate.schedules.recognise.logged import Logged, before, implied
from lastiterate.schedules.recognise.stages import cycles, inverse_roots, stages
from lastiterate.schedules.recognise.warmup import Warmup
from lastiterate.schedules.schedule import Phase, Schedule

ANY_START = ("linear", "power", "exponential")  # decays that look alike whatever update they start from
MOST_CHECKED = 40  # candidates of one shape
FULL = {"linear": "linear", "cosine": "cosine", "1-sqrt": "one_minus_sqrt", "exponential": "exponential"}


@dataclass(frozen=True)
class Recognised:
    """A schedule that explains a log.

    Attributes
    ----------
    schedule : Schedule
        Of the updates executed.
    off : float
        Largest distance of a logged learning rate from it, over the peak.
    planned_steps : int or None
        Where the schedule would have ended, if the log ends earlier.
    notes : tuple of str
        What the logged values leave open.
    """

    schedule: Schedule
    off: float
    planned_steps: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def cooldown(self) -> float:
        """Fraction of the updates that decay after a plateau: the shortest decimal within an update (or 0.05 % of T) of the fitted one.

        1 for a decay from the warmup on, except that 0 is said of a cosine, as by the trainers that have both; 0 without a decay.
        """
        schedule = self.schedule
        decays = [phase for phase in schedule.phases if phase.kind == "decay"]
        if not decays or schedule.name in ("cosine", "cyclic"):
            return 0.0
        if schedule.stable_steps < 2:
            return 1.0
        total = schedule.total_steps
        return min(snap(decays[-1].span / (total + 1), max(1 / total, 5e-4)), 1.0)

    def __str__(self) -> str:
        """The schedule in words."""
        schedule, parts = self.schedule, []
        if schedule.warmup_steps:
            parts.append(f"warmup {schedule.warmup_steps}")
        levels = [phase.start for phase in schedule.phases if phase.kind == "stable" and phase.steps > 1 and phase.shape == "constant"]
        if schedule.name in ("two_stage", "piecewise"):
            parts.append("stages at " + ", ".join(f"{level:.6g}" for level in levels) + " of the peak")
        for phase in [phase for phase in schedule.phases if phase.kind == "decay" and phase.steps][-1:]:
            power = f" {phase.power:g}" if phase.shape == "power" else ""
            parts.append(f"{phase.shape}{power} decay of {phase.steps} updates towards {phase.end:.6g} of the peak")
        last = schedule.phases[-1]
        if schedule.decay_steps and last.kind == "stable":
            parts.append(f"then {last.steps} updates at {last.start:.6g}")
        return ", ".join([f"{schedule.name} with peak {schedule.peak_lr:.10g}", *parts])


def recognise(update: Any, lr: Any, total_steps: int | None = None) -> Recognised | None:
    r"""The schedule of this package's families that explains every logged learning rate; None if none does.

    Warmup (a line or half a cosine), plateau, decay and floor, several plateaus, 1/sqrt and warm restarts, with integer
    steps: every logged value must lie within 1e-9 of the peak of the schedule's, else within 1e-6 of it, else within half a
    unit of its own last digit. Where the values leave several schedules open, the one with the roundest numbers is taken if all of
    them agree at every update; if they do not, there is none.

    Parameters
    ----------
    update : array-like of int, shape (n,)
        Updates (1-based, strictly increasing) whose learning rate is known.
    lr : array-like, shape (n,)
        What they executed, finite, at least 0.
    total_steps : int, optional
        Number of updates T, where it is known; else the run ends at the last of them, or less than a logging interval later
        if the schedule does.

    Returns
    -------
    Recognised or None

    Source: none, this project's own; the conventions are those of the trainers named in `warmup`.

    >>> from lastiterate.schedules import cosine
    >>> at = np.arange(20, 1001, 20)
    >>> found = recognise(at, cosine(1000, warmup_steps=100, peak_lr=3e-4).lr[at - 1])
    >>> found.schedule.name, found.schedule.warmup_steps, found.schedule.peak_lr
    ('cosine', 100, 0.0003)
    """
    update, lr = check_counts("update", update, "it counts the updates of the run"), check_reals("lr", lr)
    if update.size < 2 or not lr.max() > 0:
        return None
    return _of_values(update.tobytes(), lr.tobytes(), total_steps)


@lru_cache(maxsize=16)  # runs of a sweep that differ in their seed follow each other
def _of_values(update_bytes: bytes, lr_bytes: bytes, total_steps: int | None) -> Recognised | None:
    """What `recognise` returns, from the arrays' bytes."""
    update, lr = np.frombuffer(update_bytes, np.int64), np.frombuffer(lr_bytes, np.float64)
    with warnings.catch_warnings():  # a line through values that differ by many orders of magnitude is none, as its check finds
        warnings.simplefilter("ignore", np.exceptions.RankWarning)
        for tol, rounded in tolerances(lr):
            found = _at(Logged(update, lr, tol, rounded, total_steps))
            if found:
                return found
    return None


def _at(log: Logged) -> Recognised | None:
    """The schedule at one level of exactness: of the simplest kind that has one, the closest and roundest."""
    starts = _body_starts(log)
    restarts = (np.diff(log.lr[starts[0] :]) > log.tol[starts[0] + 1 :]).any()
    for kind in (cycles,) if restarts else (_constant, _decaying, inverse_roots, stages, _cut):
        found: dict[tuple[Any, ...], list[Recognised]] = {}
        for first in starts:
            log.explained = False
            for name, phases, *rest in kind(log, first):
                of_shape = found.setdefault((first, *(phase.shape for phase in phases if phase.kind == "decay" and phase.steps)), [])
                result = _checked(log, name, phases, *rest) if len(of_shape) < MOST_CHECKED else None
                if result:
                    of_shape.append(result)
                    log.explained = log.exact  # no other shape has all of them as exactly
        if any(found.values()):
            return _agreed(found, log)
    return None


def _agreed(found: dict[tuple[Any, ...], list[Recognised]], log: Logged) -> Recognised | None:
    """The closest, of those the roundest; of rounded values the roundest, if other shapes of decay that explain them are as close to it."""
    digits = 9 if log.exact else 6
    key: Callable[[Recognised], Any] = lambda result: (round(result.off, digits) if log.close else 0, roundness(result.schedule))
    best: dict[tuple[Any, ...], Recognised | None] = {}
    for (_, *shape), results in found.items():
        best[tuple(shape)] = min([*results, *filter(None, [best.get(tuple(shape))])], key=key, default=None)
    options = sorted((result for result in best.values() if result), key=key)
    if log.close:
        return options[0]
    first = options[0].schedule.lr
    same = all(other.schedule.lr.size == first.size and np.abs(other.schedule.lr - first).max() <= 4 * log.tol.max() for other in options)
    return options[0] if same else None


def roundness(schedule: Schedule) -> int:
    """How many digits the numbers of a schedule have: the fewer, the likelier it is what a person wrote."""
    edges = np.cumsum([phase.steps for phase in schedule.phases])[:-1].tolist()
    levels = {level for phase in schedule.phases for level in (phase.start, phase.end)} - {0.0, 1.0}
    steps = sum(min(map(digits_of, (edge, max(edge - 1, 0)))) for edge in edges)
    return digits_of(schedule.peak_lr) + steps + sum(min(2 * digits_of(round(level, 9)), 8) for level in levels)


def _body_starts(log: Logged) -> list[int]:
    """Rows at which the warmup may have ended: the first of the first maximum, or the row after."""
    falls = np.flatnonzero(np.diff(log.lr) < -log.tol[1:])
    turn = int(falls[0]) if falls.size else log.lr.size - 1
    top = int(np.argmax(log.lr[: turn + 1] >= log.lr[turn] - log.tol[turn]))
    return [at for at in (top, top + 1) if at < log.lr.size]


def _checked(
    log: Logged, name: str, phases: tuple[Phase, ...], peak: float, planned: int | None, notes: Sequence[str]
) -> Recognised | None:
    """The schedule of the phases, if it has every logged value."""
    try:
        schedule = Schedule(name, tuple(phase for phase in phases if phase.steps), peak)
    except ValueError:
        return None
    inside = log.update <= schedule.total_steps
    if not inside.all():
        return None
    off = np.abs(schedule.lr[log.update - 1] - log.lr)
    if (off > log.tol).any():
        return None
    notes = [note for note in notes if note]
    if planned and planned > schedule.total_steps:
        notes.append(f"the log ends at update {schedule.total_steps}, but the schedule at {planned}: the run was cut off, or goes on")
    if log.total < schedule.total_steps:
        notes.append(f"the schedule ends at update {schedule.total_steps}, the log at {log.total}, less than a logging interval before")
    return Recognised(schedule, float(off.max() / peak), planned, tuple(notes))


def _constant(log: Logged, first: int) -> Iterator[Any]:
    """[warmup] and a plateau to the end."""
    level = log.lr[first:]
    if level.size < 2:
        return  # a log that ends in its warmup
    if level.max() - level.min() > 2 * log.tol[first:].min():
        return
    peak = snap(float(np.median(level)), float(log.tol[first:].min()) / 4)
    meets = np.arange(log.update[first - 1] if first else 0, log.update[first] + 1)
    for warmup in before(log, first, peak, meets):
        yield "constant", (*warmup.phases, Phase("stable", log.total - warmup.steps)), peak, None, [warmup.note]


def _starts(log: Logged, first: int) -> list[np.ndarray]:
    """Updates that may be the last at the peak, the narrower window first: after equal rows; after the warmup."""
    body, update = log.lr[first:], log.update[first:]
    below = np.flatnonzero(body < body.max() - 2 * log.tol[first:])
    if not below.size:
        return []
    wide = np.arange(int(log.update[first - 1]) if first else 0, int(update[below[0]]) + 1)
    equal = int(np.argmax(body != body[0]))
    narrow = np.arange(update[equal - 1], update[equal] + 1)
    return [narrow, wide] if equal > 1 and log.close else [wide]


def _ends(log: Logged, first: int) -> list[np.ndarray]:
    """Updates that may be the first at the final level: at the horizon; where equal rows begin."""
    body, update = log.lr[first:], log.update[first:]
    near = [np.arange(log.total - 1, log.total + 2)]
    if not log.known and log.interval > 1:
        near.append(np.arange(log.total + 2, log.total + log.interval + 2))
    equal = int(np.argmax(body[::-1] != body[-1]))
    if equal == 0 or body.size < 3:
        return near
    low, high = update[-equal - 1] + 1, update[-equal]
    if not log.close:  # where rounded values are equal, the decay may go on
        above = np.flatnonzero(body > body[-1] + 2 * log.tol[first:])
        low, high = update[above[-1]] + 1 if above.size else low, log.total - 2
    return [*near, np.arange(low, high + 1)] if low <= high and low < log.total - 1 else near


def _decaying(log: Logged, first: int) -> Iterator[Any]:
    """[warmup] [plateau] decay [floor], with an end that the log reaches."""
    update, lr, tol = log.update[first:], log.lr[first:], log.tol[first:]
    moving = ((lr < lr.max() - tol) & (lr > lr.min() + tol)).sum() + 1
    if moving < LEAST_MOVING:
        return
    if ((lr == lr[-1]).sum() > lr.size / 10) and 0.2 < lr[-1] / lr.max() < 1:
        return  # a second plateau, not the floor of a decay
    for shape in SHAPES:
        if log.explained:
            return
        windows = _ends(log, first)
        if shape == "linear":  # the end that is 0 is likelier than the last row
            windows.insert(0, _crossing(log))
        for starts, ends in product(_starts(log, first), windows):
            if not ends.size or (shape in SELF_SIMILAR and ends[0] > log.total + 1 and ends is not windows[0]):
                continue
            bodies = decays(shape, update, lr, tol, starts, ends)
            if bodies:
                yield from _with_warmup(log, first, bodies)
                break


def _crossing(log: Logged) -> np.ndarray:
    """Where the line through the last two values is 0, if that may be the end of the run."""
    slope = (log.lr[-1] - log.lr[-2]) / (log.update[-1] - log.update[-2])
    if slope >= 0 or 2 * log.tol[-1] > 0.02 * -slope:
        return np.array([], int)
    crossing = log.update[-1] - log.lr[-1] / slope
    zero = round(crossing) if abs(crossing - round(crossing)) < 0.02 else -1
    most = log.total + (1 if log.known or not log.close else log.interval)
    return np.array([zero] if log.total < zero <= most else [], int)


def _cut(log: Logged, first: int) -> Iterator[Any]:
    """The same with an end beyond the log."""
    if log.close and log.tol.max() > 2 * SINGLE * log.peak:
        return  # values in double or single precision were fitted as such already
    update, lr, tol = log.update[first:], log.lr[first:], log.tol[first:]
    for shape in CUT:
        for starts in _starts(log, first):
            yield from _with_warmup(log, first, cut_decays(shape, update, lr, tol, starts))


def _with_warmup(log: Logged, first: int, bodies: list[Body]) -> Iterator[Any]:
    """Candidates of the bodies, each with the warmups that lead to it."""
    later = []
    for body in ordered(bodies, log):
        plateau = log.lr[first:].size > 1 and (log.lr[first:] >= body.peak - 2 * log.tol[first:]).sum() > 1
        if first == 0 and not (plateau and body.start > 1) and body.start <= log.update[0]:
            warmup = Warmup(0, ()) if body.start <= 1 else implied(body.start, body.end <= log.total)
            if log.update[0] > 2 and kind_of(body.shape)[0] in ANY_START:
                note = f"a warmup before update {log.update[0]}, the first logged, would not show, nor the peak: the roundest are taken"
                warmup = replace(warmup, note=note)
            yield _assembled(log, warmup, body)
            continue
        windows = [np.array([body.start])] if (first and not log.close) or not plateau else []
        if plateau:
            windows.append(np.arange(log.update[first - 1] if first else 0, min(int(log.update[first]), body.start) + 1))
        for meets in windows:
            for warmup in before(log, first, body.peak, meets):
                if warmup.plain:
                    yield _assembled(log, warmup, body)
                else:
                    later.append((warmup, body))
    yield from (_assembled(log, warmup, body) for warmup, body in later)


def _assembled(log: Logged, warmup: Warmup, body: Body) -> Any:
    """(name, phases, peak, planned steps, notes) of warmup, plateau, decay and floor."""
    total, planned, note = log.total, None, warmup.note
    executed_end = body.end - 1 if body.floor == 0 or warmup.steps < body.start else body.end
    if executed_end > total:
        if not log.known and executed_end < total + log.interval:
            total = executed_end
        elif body.shape not in SELF_SIMILAR and executed_end > total + 1:
            planned = executed_end
    stable = max(body.start - warmup.steps, 0)
    kind, power = kind_of(body.shape)
    ratio = body.floor / body.peak
    offset = 1 if stable or warmup.steps >= body.start else 0
    if body.shape == "cosine" and stable == 1:
        stable, offset = 0, 0
    steps = min(total, body.end if body.end < total else total) - warmup.steps - stable
    last = total - warmup.steps - stable - steps
    decay = Phase("decay", steps, kind, 1.0, ratio, body.end - body.start, offset, power)
    name = "wsd" if stable > 1 else FULL.get(kind, "polynomial")
    phases = (*warmup.phases, Phase("stable", stable), decay, Phase("stable", last, start=ratio))
    return name, phases, body.peak, planned, [note]
