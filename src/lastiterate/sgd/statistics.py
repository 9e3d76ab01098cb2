"""Standard errors over seeds, which are the only independent repetitions: a seed's runs share its samples and their order."""

from collections.abc import Callable

import numpy as np


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Mean over seeds, shape (seeds,), and its standard error.

    >>> mean_and_error(np.array([1.0, 2.0, 3.0]))
    (2.0, 0.5773502691896258)
    """
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size))


def paired(values: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """Mean of ``values - reference``, seed by seed, and its standard error.

    >>> paired(np.array([1.0, 2.0, 4.0]), np.array([0.0, 1.0, 2.0]))
    (1.3333333333333333, 0.3333333333333333)
    """
    return mean_and_error(values - reference)


def jackknife(statistic: Callable, seeds: int):
    """``statistic(indices)`` on all seeds, and its standard error by leaving out one seed after the other.

    A seed is left out of all schedules, base learning rates and horizons at once, so that the error knows that its runs
    depend on each other.

    >>> values = np.array([1.0, 2.0, 3.0])
    >>> value, error = jackknife(lambda seeds: values[seeds].mean(), 3)
    >>> float(value), round(float(error), 6)
    (2.0, 0.57735)
    """
    everything = np.arange(seeds)
    values = np.array([statistic(np.delete(everything, seed)) for seed in everything])
    return statistic(everything), np.sqrt((seeds - 1) * values.var(axis=0))
