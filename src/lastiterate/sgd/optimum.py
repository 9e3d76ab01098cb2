"""The exact minimum of the mean hinge loss, against which the excess of a run is measured."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack

from lastiterate.sgd.data import Dataset


class Optimum(NamedTuple):
    """Least mean loss, and weights (classes, features) that attain it."""

    value: float
    weights: np.ndarray

    @property
    def distance(self) -> float:
        """D, the distance of these weights from the start W = 0."""
        return float(np.linalg.norm(self.weights))


def hinge_optimum(data: Dataset) -> Optimum:
    """Minimum of the mean of `hinge_value` over a data set, by linear programming (interior point, then a vertex).

    Minimise ``mean_i xi_i`` over W and xi >= 0 subject to ``xi_i >= (W_j - W_{y_i}) x_i + 1`` for every j != y_i. Adding a
    vector to every row of W changes nothing; the weights returned have rows that sum to 0, as SGD's from W = 0 have.

    Raises RuntimeError if the solver fails.

    >>> import numpy as np
    >>> data = Dataset(np.array([[1.0], [1.0], [1.0]]), np.array([0, 0, 1]), 2)
    >>> value, weights = hinge_optimum(data)
    >>> round(value, 9), weights.round(6).tolist()
    (0.666666667, [[0.5], [-0.5]])
    """
    samples, features = data.inputs.shape
    blocks = []
    for j in range(data.classes):
        rows = np.flatnonzero(data.labels != j)
        x, place = data.inputs[rows], np.arange(features)
        values = np.concatenate([x, -x, -np.ones((rows.size, 1))], axis=1)
        other, own = np.broadcast_to(j * features + place, x.shape), data.labels[rows, None] * features + place
        columns = np.concatenate([other, own, data.classes * features + rows[:, None]], axis=1)
        pointers = np.arange(0, values.size + 1, values.shape[1])
        blocks.append(csr_array((values.ravel(), columns.ravel(), pointers), shape=(rows.size, data.classes * features + samples)))
    constraints = vstack(blocks)
    cost = np.concatenate([np.zeros(data.classes * features), np.full(samples, 1 / samples)])
    bounds = [(None, None)] * (data.classes * features) + [(0, None)] * samples
    found = linprog(cost, A_ub=constraints, b_ub=-np.ones(constraints.shape[0]), bounds=bounds, method="highs-ipm")
    if not found.success:
        raise RuntimeError(f"the linear program of the hinge loss was not solved: {found.message}")
    weights = found.x[: data.classes * features].reshape(data.classes, features)
    return Optimum(float(found.fun), weights - weights.mean(axis=0))
