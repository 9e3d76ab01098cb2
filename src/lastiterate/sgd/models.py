"""Classifiers for many runs at once: weights begin with a dimension of seeds, and runs of one seed see the same samples.

A model offers `loss`, a key of `LOSSES`, and

    start(seeds, runs) -> weights             a list of arrays
    scores(weights, inputs) -> scores         inputs (seeds, b, d), scores (seeds, classes, runs, b)
    step(weights, inputs, target, rates, norms=False)

The last makes one update ``w <- w - rate * g`` in place, g the gradient of the batch's mean loss, with target one-hot
(seeds, classes, b) and rates (seeds or 1, runs), and returns ||g||, (seeds, runs), if `norms`.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg.blas import dgemm

from lastiterate.sgd.losses import LOSSES


@dataclass(frozen=True)
class Linear:
    """Scores ``z = W x`` from W = 0, convex with any of `LOSSES`."""

    features: int
    classes: int
    loss: str

    def start(self, seeds: int, runs: int) -> list[np.ndarray]:
        """Zeros, shape (seeds, classes * runs, features)."""
        return [np.zeros((seeds, self.classes * runs, self.features))]

    def scores(self, weights, inputs) -> np.ndarray:
        """Scores, (seeds, classes, runs, b)."""
        flat = weights[0] @ inputs.swapaxes(-1, -2)
        return flat.reshape(flat.shape[0], self.classes, -1, flat.shape[-1])

    def step(self, weights, inputs, target, rates, norms=False):
        """Update in place: W <- W - (rate * slopes) X, by BLAS, one seed after the other and without a copy of W."""
        slopes = LOSSES[self.loss].slope(self.scores(weights, inputs), target[:, :, None])
        batch = slopes.shape[-1]
        found = self._grad_norms(slopes, inputs) / batch if norms else None
        slopes *= (rates / batch)[:, None, :, None]
        for own, x, slope in zip(weights[0], inputs, slopes.reshape(len(inputs), -1, batch), strict=True):
            dgemm(-1.0, x.T, slope.T, beta=1.0, c=own.T, overwrite_c=True)
        return found

    @staticmethod
    def _grad_norms(slopes, inputs):
        """||sum_i s_i x_i^T|| from the Gram matrices of slopes and inputs."""
        gram = np.einsum("skri,skrj->srij", slopes, slopes)
        return np.sqrt(np.einsum("srij,sij->sr", gram, inputs @ inputs.swapaxes(-1, -2)))


@dataclass(frozen=True)
class Network:
    """One hidden layer of ReLUs, ``z = V max(0, U x + u) + v``; not convex.

    Weights start as normal numbers of variance 2/features (U) and 1/hidden (V), drawn for each seed and shared by its
    runs; biases start at 0.
    """

    features: int
    classes: int
    hidden: int
    seeds: tuple[int, ...]
    loss: str = "softmax"

    def start(self, seeds: int, runs: int) -> list[np.ndarray]:
        """U, u, V and v, each (seeds, runs, ...)."""
        drawn = [np.random.default_rng([seed, 1]) for seed in self.seeds]
        first = np.stack([rng.normal(0.0, (2 / self.features) ** 0.5, (self.hidden, self.features)) for rng in drawn])
        second = np.stack([rng.normal(0.0, (1 / self.hidden) ** 0.5, (self.classes, self.hidden)) for rng in drawn])
        parts = (first, np.zeros((seeds, self.hidden, 1)), second, np.zeros((seeds, self.classes, 1)))
        return [np.repeat(part[:, None], runs, axis=1) for part in parts]

    def scores(self, weights, inputs) -> np.ndarray:
        """Scores, (seeds, classes, runs, b)."""
        return self._forward(weights, inputs)[1].swapaxes(1, 2)

    def step(self, weights, inputs, target, rates, norms=False):
        """Update in place, by backpropagation."""
        active, scores = self._forward(weights, inputs)
        slopes = LOSSES[self.loss].slope(scores.swapaxes(1, 2), target[:, :, None]).swapaxes(1, 2) / target.shape[-1]
        back = (weights[2].swapaxes(-1, -2) @ slopes) * (active > 0)
        gradient = [
            back @ inputs[:, None],
            back.sum(axis=-1, keepdims=True),
            slopes @ active.swapaxes(-1, -2),
            slopes.sum(axis=-1, keepdims=True),
        ]
        found = np.sqrt(sum(np.einsum("srij,srij->sr", g, g) for g in gradient)) if norms else None
        for part, g in zip(weights, gradient, strict=True):
            g *= rates[..., None, None]
            part -= g
        return found

    def _forward(self, weights, inputs):
        first, first_bias, second, second_bias = weights
        active = np.maximum(first @ inputs[:, None].swapaxes(-1, -2) + first_bias, 0.0)
        return active, second @ active + second_bias
