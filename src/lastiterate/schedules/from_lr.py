"""A vector of learning rates as a schedule: its phases where they are a warmup, a stable stretch and one decay, else a table."""

from collections.abc import Iterator, Sequence

import numpy as np

from lastiterate.schedules.schedule import LearningRates, Phase, Schedule, check_lr

EXACT = 1e-12  # of the peak: the phases are taken only if no update is further off
ROUNDED = 1e-6  # of the peak: more than rounding to float32, or to seven digits, moves
SHAPES = ("linear", "1-sqrt", "cosine", "exponential", "power")


def from_lr(lr: LearningRates, name: str | None = None) -> Schedule:
    """The schedule that executes the vector, to 1e-12 of its largest learning rate.

    Parameters
    ----------
    lr : array_like, shape (T,)
        Learning rates of updates 1..T, non-negative, finite, not all zero.
    name : str, optional
        Name of the schedule; by default "constant", "wsd" or "table".

    Returns
    -------
    Schedule
        A linear warmup, the peak, and a decay of one of this package's shapes that ends with the run (a cosine may end after it),
        where that is what the vector is; else one phase of shape "table", which holds the vector itself.

    Raises
    ------
    ValueError
        If the vector is not one of learning rates.

    >>> from lastiterate.schedules import wsd
    >>> found = from_lr(wsd(100, 0.2, "1-sqrt", warmup_steps=10, peak_lr=1e-3).lr)
    >>> found.warmup_steps, found.stable_steps, found.decay_steps, found.decay_shape
    (10, 71, 19, '1-sqrt')
    >>> from_lr([1.0, 0.1, 0.5]).phases[0].shape
    'table'
    """
    lr = check_lr(lr)
    peak = float(lr.max())
    factors = lr / peak
    for phases in _guesses(factors):
        found = np.concatenate([phase.factors() for phase in phases])
        if np.abs(found - factors).max() <= EXACT:
            return Schedule(name or ("wsd" if phases[-1].kind == "decay" else "constant"), tuple(phases), peak)
    return Schedule(name or "table", (Phase("stable", lr.size, "table", values=tuple(factors.tolist())),), peak)


def nearest_phases(lr: LearningRates) -> Schedule:
    """The warmup, peak and decay that come nearest to a vector that is none to 1e-12, such as one that was rounded to float32.

    Of the guesses for each shape from the vector's first, largest and last updates, the one with the least largest deviation; the
    start of a search, not its result. The constant peak if there is no decay.

    >>> from lastiterate.schedules import wsd
    >>> found = nearest_phases(wsd(100, 0.2, warmup_steps=10, peak_lr=1e-3).lr.astype("float32"))
    >>> found.warmup_steps, found.decay_steps, found.decay_shape
    (10, 19, 'linear')
    """
    lr = check_lr(lr)
    factors, best = lr / lr.max(), None
    for phases in _guesses(factors, ROUNDED):
        off = np.abs(np.concatenate([phase.factors() for phase in phases]) - factors).max()
        best = (off, phases) if best is None or off < best[0] else best
    phases = best[1] if best else [Phase("stable", lr.size)]
    return Schedule("nearest", tuple(phases), float(lr.max()))


def _guesses(factors: np.ndarray, slack: float = EXACT) -> Iterator[Sequence[Phase]]:
    """Warmup, peak and decay as the vector's first and last updates have them, one guess for each shape."""
    at_peak = np.flatnonzero(factors >= 1 - slack)
    first, last = int(at_peak[0]), int(at_peak[-1])
    head = [Phase("warmup", first, "linear", float(factors[0]), 1.0, first)] if first else []
    tail, total = factors[last + 1 :], factors.size
    head.append(Phase("stable", last + 1 - first))
    if not tail.size:
        yield head
        return
    for shape in SHAPES:
        found = _decay(shape, tail, slack)
        if found is not None:
            end, span, power = found
            yield [*head, Phase("decay", total - last - 1, shape, 1.0, end, span, 1, power)]


def _decay(shape: str, tail: np.ndarray, slack: float) -> tuple[float, int, float] | None:
    """(end, span, power) of a decay from 1 whose executed factors are `tail`, if its last one fits; None if none can."""
    steps, lowest = tail.size, float(tail[-1])
    span, power = steps + 1, 1.0
    x = steps / span
    match shape:
        case "linear":
            moved = x
        case "1-sqrt":
            moved = x**0.5
        case "cosine":
            span = _cosine_span(tail) or span
            moved = (1 - np.cos(np.pi * steps / span)) / 2
        case "exponential":
            end = lowest ** (1 / x)
            return (end, span, 1.0) if end > 0 else None
        case _:
            if not (lowest > 0 and steps > 1):
                return None
            power = float(np.log(lowest) / np.log1p(-x))
            return (0.0, span, round(power, 9)) if power > 0 else None
    end = 1 - (1 - lowest) / moved
    end = 0.0 if abs(end) < slack else float(end)
    return (end, span, power) if 0 <= end < 1 else None


def _cosine_span(tail: np.ndarray) -> int | None:
    """Span of a cosine from 1, from two updates of which one has twice the angle of the other; None without them."""
    half = tail.size // 2
    if not half or tail[half - 1] >= 1:
        return None
    ratio = (1 - tail[2 * half - 1]) / (1 - tail[half - 1])  # (1 - cos 2a)/(1 - cos a) = 2 (1 + cos a)
    if not 0 < ratio < 4:
        return None
    return max(round(float(np.pi * half / np.arccos(ratio / 2 - 1))), tail.size)
