"""The rational skeleton: few proxy points that stand for many charges at a distance, with certified relative error.

For sources x in [-1, 1] and targets y >= 2 (in units of the box's radius, from its centre),

    1/(y - x) = sum_i L_i(x) / (y - X_i) + l(x) / (l(y) (y - x)),
    l(x) = prod_j (x - X_j)/(x - Y_j),   L_i(x) = l(x) / ((x - X_i) l'(X_i)),

so the charges move to the p nodes X_i with a *relative* error of max |l(x)| / min |l(y)| at every target. Zolotarev's
third problem gives the nodes X in [-1, 1] and poles Y in [2, inf) that minimise it (equi-oscillation; the points of
optimal ADI shifts). Targets mirror sources: their interpolation is the same basis read from the other edge.
"""

from typing import Any, NamedTuple

import numpy as np

SEPARATION = 2.0  # a target is far from a box if it lies this many radii from its centre


class Skeleton(NamedTuple):
    """Nodes X and poles Y, the weights 1/l'(X_i), shape (p,) each, and the relative error of one far block's side."""

    nodes: np.ndarray
    poles: np.ndarray
    weights: np.ndarray
    error: float


def zolotarev(order: int) -> Skeleton:
    """The optimal skeleton with `order` nodes for [-1, 1] against [SEPARATION, inf)."""
    cross = (SEPARATION + 1) / (SEPARATION - 1)
    ratio = 2 * cross - 1 + np.sqrt((2 * cross - 1) ** 2 - 1)  # [-ratio, -1] and [1, ratio] have the same cross-ratio
    symmetric = ratio * _delta_amplitude((2 * np.arange(order) + 1) / (2 * order), 1 / ratio)
    alpha = (SEPARATION + 1 - ratio * (SEPARATION - 1)) / 2  # Moebius map: -1 -> 1, 1 -> SEPARATION, ratio -> inf
    beta = (SEPARATION - 1 - ratio * (SEPARATION + 1)) / 2
    nodes = (beta - alpha * symmetric) / (-symmetric - ratio)
    poles = (beta + alpha * symmetric) / (symmetric - ratio)
    differences = nodes[:, None] - nodes[None, :]
    np.fill_diagonal(differences, 1.0)
    weights = np.prod(nodes[:, None] - poles[None, :], axis=1) / np.prod(differences, axis=1)
    inside = np.prod((1 - nodes) / (1 - poles))
    outside = np.prod((SEPARATION - nodes) / (SEPARATION - poles))
    return Skeleton(nodes, poles, weights, float(abs(inside / outside)))


def gather(skeleton: Skeleton, points: np.ndarray, charges: np.ndarray) -> np.ndarray:
    """Charges at the nodes, ``sum_m L_i(points_m) charges_m``: (m, c) and (m, c) in, (p, c) out."""
    points, scale = _node_function(skeleton, points)
    scale *= charges
    result = np.empty((skeleton.nodes.size, points.shape[1]))
    work = np.empty_like(points)
    for i, node in enumerate(skeleton.nodes):
        np.subtract(points, node, out=work)
        np.divide(scale, work, out=work)
        np.sum(work, axis=0, out=result[i])
    result *= skeleton.weights[:, None]
    return result


def spread(skeleton: Skeleton, points: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The exact transpose of `gather`, ``sum_i L_i(points_m) values_i``: (m, c) and (p, c) in, (m, c) out."""
    points, scale = _node_function(skeleton, points)
    values = values * skeleton.weights[:, None]
    result = np.zeros_like(points)
    work = np.empty_like(points)
    for i, node in enumerate(skeleton.nodes):
        np.subtract(points, node, out=work)
        np.divide(values[i], work, out=work)
        result += work
    result *= scale
    return result


def _node_function(skeleton: Any, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``l(points)``, and the points, moved by an ulp where they would hit a node (0/0)."""
    values, work = np.empty_like(points), np.empty_like(points)
    denominator = np.empty_like(points)
    np.subtract(points, skeleton.nodes[0], out=values)
    np.subtract(points, skeleton.poles[0], out=denominator)
    for node, pole in zip(skeleton.nodes[1:], skeleton.poles[1:], strict=True):
        values *= np.subtract(points, node, out=work)
        denominator *= np.subtract(points, pole, out=work)
    values /= denominator
    if not values.all():
        return _node_function(skeleton, np.where(values == 0, points + 2.0**-52, points))
    return points, values


def _delta_amplitude(fractions: np.ndarray, complement: Any) -> np.ndarray:
    """Jacobi's dn(f K, k) for f in [0, 1] with k^2 = 1 - complement^2, by the arithmetic-geometric mean."""
    mean: Any
    mean, product, difference = 1.0, complement, np.sqrt(1 - complement**2)
    steps = []
    while difference > 1e-17:
        mean, product, difference = (mean + product) / 2, np.sqrt(mean * product), (mean - product) / 2
        steps.append(difference / mean)
    angle = 2.0 ** len(steps) * fractions * np.pi / 2
    for step in reversed(steps):
        angle = (angle + np.arcsin(step * np.sin(angle))) / 2
    return np.sqrt(np.cos(angle) ** 2 + (complement * np.sin(angle)) ** 2)
