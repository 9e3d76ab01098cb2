"""Fits: Huber loss of the log-loss, non-negative coefficients solved inside, a few shape parameters searched outside.

Variable projection: for given shapes the coefficients solve a small non-negative least-squares problem, reweighted
until the Huber loss is least; the search over the shapes is Levenberg-Marquardt on what is left, with the columns'
derivatives projected off the columns (Kaufman). It starts from the best points of a fixed grid: deterministic.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import nnls

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


def huber(error: np.ndarray) -> float:
    """Sum of the Huber loss."""
    size = np.abs(error)
    return float(np.sum(np.where(size <= DELTA, error**2 / 2, DELTA * (size - DELTA / 2))))


def search(law, path, loss: np.ndarray, starts: int = STARTS) -> Point:
    """Best point of a law over its grid of starts."""
    shapes = law.shapes

    def solved(x, guess=None, rounds=INNER):
        with np.errstate(all="ignore"):
            columns = law.columns(path, *(s.value(v) for s, v in zip(shapes, x, strict=True)))
        if not np.isfinite(columns).all():
            return None
        return Point(x, columns, *solve(columns, loss, guess, rounds))

    low, high = (np.array([s.coordinate(v) for s, v in zip(shapes, ends, strict=True)]) for ends in zip(*((s.low, s.high) for s in shapes))) if shapes else ((), ())
    grid = [np.array([s.coordinate(v) for s, v in zip(shapes, values, strict=True)]) for values in product(*(s.starts for s in shapes))]
    points = sorted((p for p in (solved(x, rounds=3) for x in grid) if p is not None), key=lambda p: p.value)
    if not shapes:
        return solved(grid[0])
    return min((_descend(solved, p, low, high) for p in points[:starts]), key=lambda p: p.value)


def _descend(solved, point, low, high):
    """Levenberg-Marquardt within the box [low, high]."""
    point = solved(point.x, point.coefficients)
    damping = 1e-3
    for _ in range(OUTER):
        root = 1 / np.sqrt(np.maximum(1.0, np.abs(point.error) / DELTA))
        jacobian = _jacobian(solved, point, low, high) * root[:, None]
        gradient, curvature = jacobian.T @ (root * point.error), jacobian.T @ jacobian
        blocked = ((point.x <= low) & (gradient > 0)) | ((point.x >= high) & (gradient < 0))
        free = ~blocked
        if not free.any():
            break
        diagonal = np.maximum(np.diag(curvature)[free], 1e-12 * np.trace(curvature) + 1e-300)
        better = None
        while damping < 1e8:
            step = np.zeros(len(low))
            step[free] = -np.linalg.solve(curvature[np.ix_(free, free)] + damping * np.diag(diagonal), gradient[free])
            step = np.clip(step, -2.0, 2.0)
            new = solved(np.clip(point.x + step, low, high), point.coefficients)
            if new is not None and new.value < point.value:
                better = new
                break
            damping *= 10
        if better is None:
            break
        gain = 1 - better.value / point.value
        point, damping = better, max(damping / 10, 1e-9)
        if gain < FLAT:
            break
    return point


def _jacobian(solved, point, low, high):
    """Derivatives of the errors with respect to the coordinates, coefficients following (Kaufman's approximation)."""
    prediction = point.columns @ point.coefficients
    root = 1 / np.sqrt(np.maximum(1.0, np.abs(point.error) / DELTA))
    change = np.empty((len(prediction), len(point.x)))
    for i in range(len(point.x)):
        x = point.x.copy()
        h = STEP if x[i] + STEP <= high[i] else -STEP
        x[i] += h
        moved = solved(x, point.coefficients, rounds=0)
        change[:, i] = (moved.columns - point.columns) @ point.coefficients / h
    base = (point.columns[:, point.coefficients > 0] / prediction[:, None]) * root[:, None]
    base = np.linalg.qr(base / np.linalg.norm(base, axis=0))[0]
    change = change / prediction[:, None] * root[:, None]
    return (change - base @ (base.T @ change)) / root[:, None]


def solve(columns: np.ndarray, loss: np.ndarray, guess=None, rounds: int = INNER) -> tuple[np.ndarray, np.ndarray, float]:
    """Coefficients >= 0 that minimise the Huber loss of log(columns @ c) - log(loss), those errors, and their loss.

    Each round solves the problem that is quadratic about the last prediction: an error e counts with weight
    min(1, delta / |e|), and the logarithm is linear. `rounds=0` evaluates `guess`.
    """
    scale = np.linalg.norm(columns, axis=0)
    scale[scale == 0] = 1.0
    scaled = columns / scale
    best = None
    prediction, error = loss, np.zeros(len(loss))
    if guess is not None:
        best = _evaluated(scaled, guess * scale, loss)
        if best is not None:
            prediction, error = best[3], best[1]
    for _ in range(rounds):
        root = 1 / (prediction * np.sqrt(np.maximum(1.0, np.abs(error) / DELTA)))
        new = _evaluated(scaled, nonnegative(scaled * root[:, None], prediction * (1 - error) * root), loss)
        if new is None:
            break
        if best is not None and new[2] > best[2] * (1 - 1e-9):
            best = min(best, new, key=lambda b: b[2])
            break
        best = new
        prediction, error = best[3], best[1]
    if best is None:
        return np.zeros(columns.shape[1]), np.full(len(loss), 10.0), np.inf
    return best[0] / scale, best[1], best[2]


def _evaluated(scaled, coefficients, loss):
    prediction = scaled @ coefficients
    if not prediction.min() > 0:
        return None
    error = np.log(prediction / loss)
    return coefficients, error, huber(error), prediction


def nonnegative(design: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Non-negative least squares; the unconstrained solution where it is already non-negative."""
    gram, right = design.T @ design, design.T @ target
    try:
        found = np.linalg.solve(gram, right)
    except np.linalg.LinAlgError:
        return nnls(design, target)[0]
    return found if np.isfinite(found).all() and found.min() >= 0 else nnls(design, target)[0]
