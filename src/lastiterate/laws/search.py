"""Fits: Huber loss of the log-loss, non-negative coefficients solved inside, a few shape parameters searched outside.

Variable projection: for given shapes the coefficients solve a small non-negative least-squares problem, reweighted
until the Huber loss is least; the search over the shapes is Levenberg-Marquardt on what is left, with the columns'
derivatives projected off the columns (Kaufman). It starts from the best points of a fixed grid: deterministic.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from scipy.optimize import nnls

from lastiterate.laws.law import Law
from lastiterate.laws.path import Path

DELTA = 1e-3  # errors of the log-loss beyond which the Huber loss is linear
STARTS = 3  # grid points that are refined
INNER = 30  # reweightings of the coefficients at most
OUTER = 60  # Levenberg-Marquardt steps at most
STEP = 1e-4  # finite difference of a shape's coordinate
FLAT = 1e-6  # relative gain of a step below which the search ends


@dataclass(frozen=True)
class Point:
    """A solved point of the search: shape coordinates, columns, coefficients, errors of the log-loss, Huber loss."""

    x: np.ndarray
    columns: np.ndarray
    coefficients: np.ndarray
    error: np.ndarray
    value: float


class Search:
    """The search for a law's best parameters on the curves of `path` with losses `loss` (m,)."""

    def __init__(self, law: Law, path: Path, loss: np.ndarray) -> None:
        self.law, self.path, self.loss = law, path, loss
        self.low = np.array([shape.coordinate(shape.low) for shape in law.shapes])
        self.high = np.array([shape.coordinate(shape.high) for shape in law.shapes])

    def run(self, start: np.ndarray | None = None) -> Point:
        """Best point from the law's grid, or from the coordinates `start` alone."""
        if start is not None:
            points = [self.solved(start)]
        else:
            shapes = self.law.shapes
            grid = [np.array([s.coordinate(v) for s, v in zip(shapes, vs, strict=True)]) for vs in product(*(s.starts for s in shapes))]
            points = sorted((self.solved(x, rounds=3) for x in grid), key=lambda point: point.value)[:STARTS]
        return min((self.descend(point) for point in points), key=lambda point: point.value)

    def matrix(self, x: np.ndarray) -> np.ndarray:
        """Columns at shape coordinates `x`."""
        with np.errstate(over="ignore"):
            return self.law.matrix(self.path, [shape.value(v) for shape, v in zip(self.law.shapes, x, strict=True)])

    def solved(self, x: np.ndarray, guess: np.ndarray | None = None, rounds: int = INNER) -> Point:
        """The point at `x` with its best coefficients."""
        columns = self.matrix(x)
        if not np.isfinite(columns).all():
            return Point(x, columns, np.zeros(columns.shape[1]), np.zeros(len(self.loss)), np.inf)
        return Point(x, columns, *solve(columns, self.loss, guess, rounds))

    def descend(self, point: Point) -> Point:
        """Levenberg-Marquardt within the box of the shapes' ranges."""
        point = self.solved(point.x, point.coefficients)
        damping = 1e-3
        while len(self.low) and np.isfinite(point.value):
            root = _root_weight(point.error)
            jacobian = self.jacobian(point, root)
            gradient, curvature = jacobian.T @ (root * point.error), jacobian.T @ jacobian
            free = ~(((point.x <= self.low) & (gradient > 0)) | ((point.x >= self.high) & (gradient < 0)))
            better = None
            while better is None and damping < 1e8 and free.any():
                size = np.maximum(np.diag(curvature)[free], 1e-12 * np.trace(curvature) + 1e-300)
                step = np.zeros(len(free))
                step[free] = -np.linalg.solve(curvature[np.ix_(free, free)] + damping * np.diag(size), gradient[free])
                new = self.solved(np.clip(point.x + np.clip(step, -2.0, 2.0), self.low, self.high), point.coefficients)
                better = new if new.value < point.value else None
                damping *= 10 if better is None else 0.1
            if better is None or better.value > point.value * (1 - FLAT):
                return better or point
            point, damping = better, max(damping, 1e-9)
        return point

    def jacobian(self, point: Point, root: np.ndarray) -> np.ndarray:
        """Weighted derivatives of the errors with respect to `x` while the coefficients follow."""
        prediction = point.columns @ point.coefficients
        scale = (root / prediction)[:, None]
        change = np.empty((len(prediction), len(point.x)))
        for i, value in enumerate(point.x):
            x, h = point.x.copy(), STEP if value + STEP <= self.high[i] else -STEP
            x[i] += h
            change[:, i] = (self.matrix(x) - point.columns) @ point.coefficients / h
        base = point.columns[:, point.coefficients > 0] * scale
        base = np.linalg.qr(base / np.linalg.norm(base, axis=0))[0]
        change *= scale
        return change - base @ (base.T @ change)


def huber(error: np.ndarray) -> float:
    """Sum of the Huber loss."""
    size = np.abs(error)
    return float(np.sum(np.where(size <= DELTA, error**2 / 2, DELTA * (size - DELTA / 2))))


def solve(
    columns: np.ndarray, loss: np.ndarray, guess: np.ndarray | None = None, rounds: int = INNER
) -> tuple[np.ndarray, np.ndarray, float]:
    """Coefficients >= 0 that minimise the Huber loss of log(columns @ c) - log(loss), those errors, and their loss.

    Each round solves the problem that is quadratic about the last prediction: an error e counts with weight
    min(1, delta / |e|), and the logarithm is linear.
    """
    scale = np.linalg.norm(columns, axis=0)
    scale[scale == 0] = 1.0
    scaled = columns / scale
    prediction, error, best = loss, np.zeros(len(loss)), None
    for coefficients in [] if guess is None else [guess * scale]:
        best = _evaluated(scaled, coefficients, loss)
    for _ in range(rounds):
        if best is not None:
            prediction, error = scaled @ best[0], best[1]
        root = _root_weight(error) / prediction
        new = _evaluated(scaled, _nonnegative(scaled * root[:, None], prediction * (1 - error) * root), loss)
        flat = new is None or (best is not None and new[2] > best[2] * (1 - 1e-9))
        best = new if best is None or (new is not None and new[2] < best[2]) else best
        if flat:
            break
    if best is None:
        return np.zeros(len(scale)), np.zeros(len(loss)), np.inf
    return best[0] / scale, best[1], best[2]


def _root_weight(error: np.ndarray) -> np.ndarray:
    """Square root of the weight that makes a squared error count as its Huber loss does."""
    return 1 / np.sqrt(np.maximum(1.0, np.abs(error) / DELTA))


def _evaluated(scaled: np.ndarray, coefficients: np.ndarray, loss: np.ndarray) -> Any:
    """(coefficients, errors, Huber loss), or None where a prediction is not positive."""
    prediction = scaled @ coefficients
    if not prediction.min() > 0:
        return None
    error = np.log(prediction / loss)
    return coefficients, error, huber(error)


def _nonnegative(design: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Non-negative least squares; the unconstrained solution where it is already non-negative."""
    try:
        found = np.linalg.solve(design.T @ design, design.T @ target)
    except np.linalg.LinAlgError:
        return nnls(design, target)[0]
    return found if np.isfinite(found).all() and found.min() >= 0 else nnls(design, target)[0]
