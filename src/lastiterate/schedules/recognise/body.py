"""What follows the warmup: a plateau, a decay of one shape, and the floor that it ends on; any of the three may be missing.

    v(t) = e + (s - e) g(x),   x = (t - t0)/(t1 - t0) clipped to [0, 1]

with g(0) = 1 and g(1) = 0, so that t0 is the last update at the level s and t1 the first at the level e. For given integers
t0 and t1 that is linear in s and e (log v in log s and log e for the exponential decay), so that the integers are searched and the
levels solved for.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from lastiterate.schedules.recognise.digits import CLOSE, digits_of, snap
from lastiterate.schedules.recognise.logged import Logged

INVERSE = {
    "linear": lambda g: 1 - g,
    "cosine": lambda g: np.arccos(2 * g - 1) / np.pi,
    "1-sqrt": lambda g: (1 - g) ** 2,
    "exponential": lambda g: 1 - g,
}
POWERS = (2.0, 0.5, 1.5, 3.0, 4.0)


def _power(power: float, x: np.ndarray) -> np.ndarray:
    return (1 - x) ** power


SHAPES: dict[str, Callable[..., np.ndarray]] = {
    "linear": lambda x: 1 - x,
    "cosine": lambda x: (1 + np.cos(np.pi * x)) / 2,
    "1-sqrt": lambda x: 1 - np.sqrt(x),
    "exponential": lambda x: 1 - x,
    **{f"power {power:g}": partial(_power, power) for power in POWERS},
}
SELF_SIMILAR = ("linear", "1-sqrt", "exponential")  # where a decay that is cut off looks like one that ends there
CUT = ("cosine", "power 2")  # where it does not
RATIOS = (0.0, 0.1, 0.01, 0.05, 0.2)  # final over peak, tried where the log does not reach the end
MOST_PAIRS = 3000
MOST_ROWS = 100
FAR = 0.05  # of the peak: what the thinning of a grid may do
MOST_SOLVED = 300
LEAST_MOVING = 3  # logged values inside a decay


def kind_of(shape: str) -> tuple[str, float]:
    """The phase's shape and power: "power 2" is ("power", 2.0)."""
    kind, _, power = shape.partition(" ")
    return kind, float(power or 1.0)


@dataclass(frozen=True)
class Body:
    """Level `peak` up to update `start`, decay of `shape` to level `floor` at update `end`; `off` is the largest misfit."""

    shape: str
    start: int
    end: int
    peak: float
    floor: float
    off: float

    def __call__(self, update: np.ndarray) -> np.ndarray:
        """Learning rates at the given updates."""
        x = np.clip((update - self.start) / (self.end - self.start), 0, 1)
        if self.shape == "exponential":
            return self.peak * (self.floor / self.peak) ** x
        return self.floor + (self.peak - self.floor) * SHAPES[self.shape](x)

    @property
    def cost(self) -> int:
        """How many digits its numbers have: the fewer, the likelier it is what a person wrote."""
        start, span = self.start, self.end - self.start
        steps = min(digits_of(start), digits_of(start - 1)) + min(digits_of(span), digits_of(span - 1))
        return 2 * min(digits_of(round(self.floor / self.peak, 9)), 4) + digits_of(self.peak) + steps


def decays(shape: str, update: np.ndarray, lr: np.ndarray, tol: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> list[Body]:
    """Decays of a shape whose start and end are among the integers given and that explain every value, closest first."""
    starts, ends = np.unique(starts[starts >= 0]), np.unique(ends)
    if shape == "exponential" and lr.min() <= 0:
        return []
    y, w = (np.log(lr), lr / tol) if shape == "exponential" else (lr, 1 / tol)
    if not _resembles(shape, update, lr, starts, ends):
        return []
    rows = _some(update.size)
    few = shape, update[rows], y[rows], w[rows]
    if starts.size * ends.size > MOST_PAIRS:
        near = _between_levels(shape, update, y, starts, ends)
        if near and (found := decays(shape, update, lr, tol, *near)):
            return found
    while starts.size * ends.size > MOST_PAIRS:  # the misfit is smooth: look around the best of a grid
        grid = [window[np.unique(np.linspace(0, window.size - 1, 60).astype(int))] for window in (starts, ends)]
        pairs, off = _misfits(*few, *grid)
        if not len(pairs):
            return []
        best = pairs[np.argmin(off)]
        starts, ends = (w[np.abs(w - at) <= max((w[-1] - w[0]) / 12, 20)] for w, at in zip((starts, ends), best, strict=True))
    pairs, off = _misfits(*few, starts, ends)
    order = np.argsort(off, kind="stable")
    found = []
    for i in order[: 2000 if shape in SELF_SIMILAR else MOST_SOLVED]:
        if off[i] > 30:
            break
        body = _solved(shape, update, y, w, lr, tol, *map(int, pairs[i]))
        if body:
            found.append(body)
    return found


def _resembles(shape: str, update: np.ndarray, lr: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> bool:
    """Whether a coarse grid comes within FAR of the values, so that a search is worth its time."""
    if not starts.size or not ends.size:
        return False
    if starts[-1] - starts[0] > 0.1 * (update[-1] - update[0]):
        return True
    rows = _some(update.size, 40)
    y = np.log(lr[rows]) if shape == "exponential" else lr[rows] / lr.max()
    grid = [window[np.unique(np.linspace(0, window.size - 1, 12).astype(int))] for window in (starts, ends)]
    return bool(_misfits(shape, update[rows], y, np.ones(rows.size), *grid)[1].min(initial=np.inf) < FAR)


def _between_levels(
    shape: str, update: np.ndarray, y: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Integers near those at which the decay meets its highest and lowest values, if both are its levels."""
    inside = (y < y.max() - 1e-9 * abs(y.max())) & (y > y.min() + 1e-9 * abs(y.max()))
    if inside.sum() < 2:
        return None
    g = (y[inside] - y.min()) / (y.max() - y.min())
    kind, power = kind_of(shape)
    slope, level = np.polyfit(update[inside], 1 - g ** (1 / power) if kind == "power" else INVERSE[kind](g), 1)
    if slope <= 0:
        return None
    near = [window[np.abs(window - at) <= 3] for window, at in ((starts, -level / slope), (ends, (1 - level) / slope))]
    return tuple(near) if near[0].size and near[1].size else None


def cut_decays(shape: str, update: np.ndarray, lr: np.ndarray, tol: np.ndarray, starts: np.ndarray) -> list[Body]:
    """Decays of a shape whose end lies beyond the log: the end is solved for, and rounded."""
    from scipy.optimize import least_squares  # here: most logs need it not, and its import takes 0.4 s and 45 MB

    whole = update, lr, tol
    rows = _some(update.size)
    update, lr, tol = update[rows], lr[rows], tol[rows]
    found, last = [], int(update[-1])
    moving = lr < lr.max() - 3 * tol
    if moving.sum() < LEAST_MOVING + 3:
        return []
    first = float(np.clip((starts[0] + starts[-1]) / 2, 0, update[0] if starts[-1] <= update[0] else starts[-1]))
    for ratio in (None, *RATIOS):
        best = None
        for factor in (1.1, 3.0):
            guess = [first, np.log(max(factor * last - first, 2.0))]
            scale = [max(float(starts[-1] - starts[0]), 1.0), 1.0]
            try:
                solution = least_squares(
                    _misfit, guess, x_scale=scale, args=(shape, update, lr, tol, ratio), xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=60
                )
            except ValueError:
                continue
            best = solution if best is None or solution.cost < best.cost else best
        if best is None or not np.isfinite(best.x).all():
            continue
        start, end = best.x[0], best.x[0] + np.exp(np.clip(best.x[1], 0.7, 40.0))
        if end > 200 * last or end < last:
            continue
        near = np.arange(-2, 3)
        at = np.unique(np.clip(round(start) + near, starts[0], starts[-1]))
        wide = max(3, int(1e-4 * end)) if ratio is not None else 3
        bodies = decays(shape, *whole, at, round(end) + np.arange(-wide, wide + 1))
        if ratio is not None:
            bodies = [body for body in bodies if abs(body.floor / body.peak - ratio) < 1e-3]
        found += bodies
    return found


def _misfits(
    shape: str, t: np.ndarray, y: np.ndarray, w: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (t0, t1) of the integers given, shape (q, 2), and the largest misfit of each over the tolerance, shape (q,)."""
    pairs = np.stack(np.meshgrid(starts, ends, indexing="ij"), axis=-1).reshape(-1, 2).astype(float)
    pairs = pairs[pairs[:, 1] > pairs[:, 0] + 1]
    g = SHAPES[shape](np.clip((t - pairs[:, :1]) / (pairs[:, 1:] - pairs[:, :1]), 0, 1))
    levels = _levels(g, y, w)
    return pairs, (np.abs(levels[:, 1:] + (levels[:, :1] - levels[:, 1:]) * g - y) * w).max(1, initial=0.0)


def _misfit(x: Any, shape: str, update: np.ndarray, lr: np.ndarray, tol: np.ndarray, ratio: Any) -> np.ndarray:
    """Residuals over the tolerance, with the levels solved for (their ratio given, or both free)."""
    start, span = x[0], np.exp(np.clip(x[1], 0.7, 40.0))
    g = SHAPES[shape](np.clip((update - start) / span, 0, 1))
    w = 1 / tol
    if ratio is None:
        peak, floor = _levels(g[None], lr, w)[0]
        return (floor + (peak - floor) * g - lr) * w
    g = ratio + (1 - ratio) * g
    return (g * (g * lr * w**2).sum() / np.maximum((g**2 * w**2).sum(), 1e-300) - lr) * w


def _levels(g: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Least squares for (s, e) in e + (s - e) g, a row for each row of g; a level that g does not show is its own mean."""
    u = w**2 / np.mean(w**2)
    total = u.sum()
    mean_g, mean_y = (g * u).sum(1, keepdims=True) / total, (y * u).sum() / total
    centred = g - mean_g
    slope = (centred * (y - mean_y) * u).sum(1) / np.maximum((centred**2 * u).sum(1), 1e-300)
    floor = mean_y - slope * mean_g[:, 0]
    return np.stack([floor + slope, floor], axis=1)


def _solved(
    shape: str, update: np.ndarray, y: np.ndarray, w: np.ndarray, lr: np.ndarray, tol: np.ndarray, start: int, end: int
) -> Body | None:
    """The body of given integers, its levels rounded to what a person would have written; None if a value is not explained."""
    g = SHAPES[shape](np.clip((update - start) / (end - start), 0, 1))
    peak, floor = _levels(g[None], y, w)[0]
    off = np.abs(floor + (peak - floor) * g - y) * w  # least squares, not the least maximum: a little beyond 1 may round to a fit
    if shape == "exponential":
        peak, floor = np.exp(peak), np.exp(floor)
    if off.max() > 3 or not peak > 0 or floor > peak * (1 + 1e-9) or floor < -2 * tol.max():
        return None
    width = max(float(off.max()) * float(tol.max()), 1e-12 * peak)
    allowed = tol if tol.max() > 2 * CLOSE * peak else np.minimum(tol, 4 * width)
    widths = (8 * width, 2 * width) if allowed is not tol else (float(tol.max()), 8 * width, 2 * width)
    for wide in widths:
        body = _rounded(shape, start, end, peak, floor, wide, lr)
        misfit = np.abs(body(update) - lr)
        if (misfit <= allowed).all():
            return Body(shape, start, end, body.peak, body.floor, float((misfit / tol).max()))
    body = Body(shape, start, end, float(peak), float(max(floor, 0.0)), float(off.max()))
    return body if (np.abs(body(update) - lr) <= tol).all() else None


def _rounded(shape: str, start: int, end: int, peak: float, floor: float, width: float, lr: np.ndarray) -> Body:
    top = snap(peak, width)
    if top == peak and abs(lr.max() - peak) <= width:
        top = float(lr.max())
    ratio = floor / top
    if shape != "exponential" and floor <= 4 * width:
        return Body(shape, start, end, top, 0.0, 0.0)
    short = snap(ratio, 2 * width / top, 4)
    level = short * top if short != ratio else snap(floor, 2 * width)
    return Body(shape, start, end, float(top), float(max(level, 0.0)), 0.0)


def _some(count: int, most: int = MOST_ROWS) -> np.ndarray:
    """Indices of at most `most` rows, the ends among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))


def ordered(bodies: list[Body], log: Logged) -> Iterator[Body]:
    """The likeliest first: the closest where the log is exact, the roundest of those that are close, else the roundest."""
    digits = 1 if log.exact else 0 if log.close else None
    yield from sorted(bodies, key=lambda body: (0 if digits is None else round(body.off, digits), body.cost, body.off))
