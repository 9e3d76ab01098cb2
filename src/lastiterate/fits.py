"""Small fits that the figure families share: lines, power laws, non-negative least squares, parabolas, and bootstraps."""

import numpy as np
from scipy.optimize import least_squares, nnls

from lastiterate._checks import check_reals

EXPONENTS = np.linspace(0.02, 2.0, 397)  # searched for the free exponent, in steps of 0.005


def fit_power(x, y) -> tuple[float, float]:
    """(A, B) of ``y = A x^B`` by least squares in y (not in log y), started from the fit in logarithms.

    x, y : array-like, shape (n,), n >= 2, positive. ValueError if they are not.

    >>> np.round(fit_power([1, 4, 16], [3, 6, 12]), 6).tolist()
    [3.0, 0.5]
    """
    x, y = check_reals("x", x), check_reals("y", y)
    if x.shape != y.shape or x.size < 2 or not ((x > 0) & (y > 0)).all():
        raise ValueError(f"a power law needs two or more pairs of positive numbers, got x={x.tolist()}, y={y.tolist()}")
    exponent, log_factor = np.polyfit(np.log(x), np.log(y), 1)
    start = (np.exp(log_factor), exponent)
    found = least_squares(
        lambda p: (p[0] * x ** p[1] - y) / y.mean(), start, x_scale=np.abs(start) + 1e-12, xtol=1e-14, ftol=1e-14, gtol=1e-14
    )
    return float(found.x[0]), float(found.x[1])


def log_slope(x, y) -> float:
    """Least-squares slope of log y against log x: the exponent of a power law.

    >>> round(log_slope([100, 400], [0.2, 0.1]), 6)
    -0.5
    """
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def rmse(residuals) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(residuals))))


def r_squared(observed, predicted) -> float:
    """1 - residual over total sum of squares (about the observed mean); negative if the mean predicts better."""
    observed = np.asarray(observed, dtype=np.float64)
    total = float(np.sum((observed - observed.mean()) ** 2))
    return 1.0 - float(np.sum((observed - predicted) ** 2)) / total if total > 0 else float("nan")


def line(x, y) -> tuple[float, float]:
    """Slope and intercept of least squares."""
    slope, intercept = np.polynomial.polynomial.polyfit(x, y, 1)[::-1]
    return float(slope), float(intercept)


def nonnegative(design, y) -> np.ndarray:
    """Coefficients >= 0 of least squares; the columns are scaled to unit length for the solver."""
    scale = np.linalg.norm(design, axis=0)
    return nnls(design / scale, y)[0] / scale


def bound_form(base_lr, loss) -> tuple[float, float, float]:
    """(A, B, C) >= 0 that minimise the squared error of ``A/gamma + B gamma + C``, exactly (no iteration).

    base_lr, loss : ndarray, shape (n,), n >= 3. The form of the tuned bound; with A = q1^2/T and B = q2^2 the last-iterate law.
    Source: arXiv:2602.07145, eq. (4.1).

    >>> gamma = np.array([0.1, 0.2, 0.4])
    >>> np.round(bound_form(gamma, 0.01 / gamma + 2 * gamma + 3), 6).tolist()
    [0.01, 2.0, 3.0]
    """
    return tuple(nonnegative(np.column_stack([1 / base_lr, base_lr, np.ones_like(base_lr)]), loss).tolist())


def parabola(x, y) -> np.ndarray:
    """Coefficients (constant first) of a parabola by least squares, in x about its mean for accuracy: see `at_parabola`."""
    return np.polynomial.polynomial.polyfit(x - np.mean(x), y, 2)


def at_parabola(coefficients, x, fitted_x) -> np.ndarray:
    """Value at x of the parabola that `parabola` fitted at `fitted_x`."""
    return np.polynomial.polynomial.polyval(np.asarray(x) - np.mean(fitted_x), coefficients)


def power_law(x, y, exponents=EXPONENTS):
    """(exponent a, slope, intercept) of ``y = intercept + slope x^-a``: for each a by least squares, the best a of the grid.

    `y` may have several rows, each fitted for itself; then arrays come back.
    """
    x = np.asarray(x, dtype=np.float64)
    rows = np.atleast_2d(y)
    regressor = (x / x.min()) ** -exponents[:, None]
    regressor -= regressor.mean(axis=1, keepdims=True)
    centred = rows - rows.mean(axis=1, keepdims=True)
    slopes = regressor @ centred.T / np.sum(regressor**2, axis=1)[:, None]
    explained = slopes**2 * np.sum(regressor**2, axis=1)[:, None]
    best = np.argmax(explained, axis=0)
    a = exponents[best]
    slope = slopes[best, np.arange(len(rows))] * x.min() ** a
    intercept = np.mean(rows - slope[:, None] * x ** -a[:, None], axis=1)
    return (a, slope, intercept) if np.ndim(y) > 1 else (float(a[0]), float(slope[0]), float(intercept[0]))


def resampled(design, y, fitted, count: int, seed: int) -> np.ndarray:
    """`count` data sets of the residual bootstrap, shape (count, n): residuals over sqrt(1 - leverage), centred, redrawn.

    `design` holds the columns of the fit (of a nonlinear one, its derivatives by the parameters), which give the leverage.
    """
    q, _ = np.linalg.qr(design)
    leverage = np.sum(q**2, axis=1)
    residual = (y - fitted) / np.sqrt(np.maximum(1 - leverage, 1e-6))
    return fitted + np.random.default_rng(seed).choice(residual - residual.mean(), size=(count, len(y)))


def held_out(horizon, loss) -> dict:
    """Errors (predicted - observed) at the longest horizon of fits to the shorter ones, for arrays of shape (n,), n >= 3.

    Of ``Linf + Q/sqrt(T)``, of a free exponent (nan unless four horizons are left), and of no progress after the second
    longest, which is `stretch` times shorter.
    """
    *kept, last = np.argsort(horizon, kind="stable")
    slope, floor = line(horizon[kept] ** -0.5, loss[kept])
    free = float("nan")
    if len(kept) >= 4:
        exponent, free_slope, free_floor = power_law(horizon[kept], loss[kept])
        free = free_floor + free_slope * horizon[last] ** -exponent - loss[last]
    return {
        "stretch": horizon[last] / horizon[kept[-1]],
        "held_out_error": floor + slope * horizon[last] ** -0.5 - loss[last],
        "held_out_error_exponent": free,
        "held_out_error_nearest": loss[kept[-1]] - loss[last],
    }
