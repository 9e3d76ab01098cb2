r"""How the best learning rate moves with model size, tokens, batch and weight decay.

    ln LR* = c + a ln N + b ln D + g ln B + h ln W + r(ln N, ln D, ln B, ln W),

with weak normal priors on the exponents and a smooth deviation r, a Gaussian process of amplitude A and length 2 in every logarithm: near
groups that were run it follows them, far from them it is only uncertainty. No exponent is taken to be universal.
Values scatter about it by a Student t of four degrees of freedom (so that one odd group counts little), bounds enter as the probability of
lying beyond them. The posterior is Laplace's approximation; A and the scatter are those of greatest evidence on a grid.

Priors, (mean, standard deviation), wide enough for published fits that contradict each other:
a  (-.45, .3)  -.713 of arXiv:2503.04715 (the batch tuned too), -.23 of arXiv:2409.19913
b  (0, .3)     +.307 of arXiv:2503.04715 (the batch tuned too), -.32 of arXiv:2409.19913
g  (.4, .25)   1/2, the square-root rule of arXiv:2205.10287 for Adam; less, and falling, for large batches (arXiv:2405.14578)
h  (-.5, .5)   -1 keeps AdamW's timescale 1/(LR W) (arXiv:2405.13698), 0 ignores it
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from scipy.special import log_ndtr

from lastiterate.transfer.optima import Optimum

NAMES = ("N", "D", "B", "W")
PRIORS = {"N": (-0.45, 0.3), "D": (0.0, 0.3), "B": (0.4, 0.25), "W": (-0.5, 0.5)}
SOURCES = {
    "N": "arXiv:2503.04715 and 2409.19913",
    "D": "arXiv:2503.04715 and 2409.19913",
    "B": "arXiv:2205.10287 and 2405.14578",
    "W": "arXiv:2405.13698",
}
LEVEL_SD = 0.3  # of ln LR between schedules, optimizers, architectures
LENGTH = 2.0
AMPLITUDES = (0.05, 0.1, 0.2, 0.35, 0.5)
SCATTERS = (0.06, 0.1, 0.2, 0.35)
USUAL = 0.15  # of both, with a factor of two either way
FREEDOM = 4
IDENTIFIED, PARTLY = 0.5, 0.85  # posterior over prior standard deviation of an exponent


@dataclass(frozen=True, eq=False)
class Exponent:
    """One exponent: posterior mean and standard deviation, and how much of the prior's is left ("yes", "partly", "no": identified)."""

    name: str
    mean: float
    sd: float
    identified: str


class Scaling:
    """The fit.

    Parameters
    ----------
    points : array, shape (n, d)
        ln of what `names` says, of each group.
    optima : sequence of Optimum, length n
    names : sequence of str
        Which of `NAMES` the columns are.
    levels : array, shape (n, m), optional
        Indicators of other settings (a schedule, an architecture), each of which shifts ln LR* by a normal of sd `LEVEL_SD`.
    """

    def __init__(self, points: np.ndarray, optima: Sequence[Optimum], names: Sequence[str], levels: np.ndarray | None = None) -> None:
        self.names = tuple(names)
        self.center = np.mean(points, axis=0)
        self.points = np.asarray(points, float) - self.center
        self.levels = np.zeros((len(points), 0)) if levels is None else np.asarray(levels, float)
        x, sd, self._side = (np.array([getattr(one, name) for one in optima]) for name in ("x", "sd", "side"))
        self._mean = np.array([PRIORS[name][0] for name in names])
        self._offset = float(np.median(x))
        sds = [3.0, *(PRIORS[name][1] for name in names), *[LEVEL_SD] * self.levels.shape[1]]
        self._prior = np.diag(np.square(sds))
        y = x - self._offset - self.points @ self._mean
        best = -np.inf
        for amplitude, scatter in product(AMPLITUDES, SCATTERS):
            self.amplitude = amplitude
            kernel = self._kernel(self.points, self.levels, self.points, self.levels)
            found = _laplace(kernel, y, self._side, sd**2 + scatter**2)
            evidence = found[-1] - sum(np.log(value / USUAL) ** 2 for value in (amplitude, scatter)) / (2 * np.log(2) ** 2)
            if evidence > best:
                best, kept = evidence, (amplitude, scatter, *found[:-1])
        self.amplitude, self.scatter, self._alpha, self._root, self._solve = kept

    def _features(self, points: np.ndarray, levels: np.ndarray) -> np.ndarray:
        return np.hstack([np.ones((len(points), 1)), points, levels])

    def _kernel(self, points: np.ndarray, levels: Any, others: np.ndarray, other_levels: Any) -> np.ndarray:
        apart = np.sum((points[:, None] - others[None]) ** 2, axis=2)
        linear = self._features(points, levels) @ self._prior @ self._features(others, other_levels).T
        return linear + self.amplitude**2 * np.exp(-apart / (2 * LENGTH**2))

    def _left(self, cross: np.ndarray) -> np.ndarray:
        """`cross` (k, n) times the root of the inverse covariance of the data, whose products are what the data explain."""
        return np.linalg.solve(self._solve, (cross * self._root).T).T

    def predict(self, points: np.ndarray, levels: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """(mean, standard deviation) of ln LR* at `points` (m, d); with the scatter between groups."""
        points = np.atleast_2d(points) - self.center
        levels = np.zeros((len(points), self.levels.shape[1])) if levels is None else levels
        cross = self._kernel(points, levels, self.points, self.levels)
        mean = self._offset + points @ self._mean + cross @ self._alpha
        own = np.diag(self._kernel(points, levels, points, levels))
        variance = own - np.sum(self._left(cross) * (cross * self._root), axis=1)
        return mean, np.sqrt(np.maximum(variance, 0) + self.scatter**2 * FREEDOM / (FREEDOM - 2))

    @property
    def exponents(self) -> tuple[Exponent, ...]:
        """The exponents by name."""
        cross = self._prior @ self._features(self.points, self.levels).T
        variance = np.diag(self._prior) - np.sum(self._left(cross) * (cross * self._root), axis=1)
        mean, found = cross @ self._alpha, []
        for j, name in enumerate(self.names, start=1):
            sd, prior = float(np.sqrt(variance[j])), PRIORS[name][1]
            identified = "yes" if sd < IDENTIFIED * prior else "partly" if sd < PARTLY * prior else "no"
            found.append(Exponent(name, float(mean[j] + self._mean[j - 1]), sd, identified))
        return tuple(found)

    def gains(self, candidates: np.ndarray, target: np.ndarray, exponent: str | None = None) -> np.ndarray:
        """How much one more group at each of `candidates` (m, d) would lower the variance at `target` (d,) or of an exponent."""
        candidates = np.atleast_2d(candidates) - self.center
        none = np.zeros((len(candidates), self.levels.shape[1]))
        cross = self._kernel(candidates, none, self.points, self.levels)
        scaled = cross * self._root
        variance = np.diag(self._kernel(candidates, none, candidates, none)) - np.sum(self._left(cross) * scaled, axis=1)
        if exponent is None:
            point = np.atleast_2d(target) - self.center
            own = self._kernel(point, none[:1], self.points, self.levels)
            prior = self._kernel(point, none[:1], candidates, none)[0]
        else:
            row = 1 + self.names.index(exponent)
            own = (self._prior @ self._features(self.points, self.levels).T)[row : row + 1]
            prior = (self._prior @ self._features(candidates, none).T)[row]
        covariance = prior - (self._left(own) @ scaled.T)[0]
        return covariance**2 / (np.maximum(variance, 0) + self.scatter**2 + 0.1**2)


def _laplace(kernel: np.ndarray, y: np.ndarray, side: np.ndarray, variance: np.ndarray) -> Any:
    """Mode of the posterior by reweighting: (K^-1 f, root of the weights W, I + W^1/2 K W^1/2, log evidence)."""
    f, identity = np.zeros(len(y)), np.eye(len(y))
    for _ in range(100):
        weight = (FREEDOM + 1) / (FREEDOM * variance + (y - f) ** 2)
        slope = weight * (y - f)
        for sign in (1, -1):
            at = side == sign
            z = sign * (f - y)[at] / np.sqrt(variance[at])
            ratio = np.exp(-(z**2) / 2 - np.log(2 * np.pi) / 2 - log_ndtr(z))
            slope[at] = sign * ratio / np.sqrt(variance[at])
            weight[at] = np.maximum(ratio * (ratio + z), 1e-6) / variance[at]
        root = np.sqrt(weight)
        solve = identity + root[:, None] * kernel * root
        right = weight * f + slope
        alpha = right - root * np.linalg.solve(solve, root * (kernel @ right))
        step = kernel @ alpha - f
        f = f + step
        if np.abs(step).max() < 1e-6:
            break
    likelihood = -(FREEDOM + 1) / 2 * np.log1p((y - f) ** 2 / (FREEDOM * variance)) - np.log(variance) / 2
    for sign in (1, -1):
        at = side == sign
        likelihood[at] = log_ndtr(sign * (f - y)[at] / np.sqrt(variance[at]))
    evidence = np.sum(likelihood) - f @ alpha / 2 - np.linalg.slogdet(solve)[1] / 2
    return alpha, root, solve, float(evidence)
