"""Power laws through a few points, as the papers fit them."""

import numpy as np
from scipy.optimize import least_squares


def fit_power(x, y) -> tuple[float, float]:
    """(A, B) of ``y = A x^B`` by least squares in y (not in log y), started from the fit in logarithms.

    x, y : array-like, shape (n,), n >= 2, positive. ValueError if they are not.

    >>> np.round(fit_power([1, 4, 16], [3, 6, 12]), 6).tolist()
    [3.0, 0.5]
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.shape != y.shape or x.size < 2 or not ((x > 0) & (y > 0)).all():
        raise ValueError(f"a power law needs two or more pairs of positive numbers, got x={x.tolist()}, y={y.tolist()}")
    exponent, log_factor = np.polyfit(np.log(x), np.log(y), 1)
    start = (np.exp(log_factor), exponent)
    found = least_squares(
        lambda p: (p[0] * x ** p[1] - y) / y.mean(), start, x_scale=np.abs(start) + 1e-12, xtol=1e-14, ftol=1e-14, gtol=1e-14
    )
    return float(found.x[0]), float(found.x[1])


def rmse(residuals) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(residuals))))
