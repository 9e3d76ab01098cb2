r"""The least loss of a group, at its best learning rate, over model size, tokens and batch.

    L*(N, D, B) = E + P (N/N0)^-alpha + Q (D/D0)^-beta + q/2 (ln B - ln Bbest(D))^2,    ln Bbest(D) = b + e ln(D/D0),

with N0, D0 the middle of the table; the last term only where at least three batches were run at one size and number of tokens. Fitted by
least squares (soft l1) with weak priors: alpha .34, beta .28 (arXiv:2203.15556) with standard deviation .15; e .5 with .3 (.571 in
arXiv:2503.04715); E .75, P and Q .1 of the least loss, within factors. The interval has the fit's covariance, the scatter about it,
and an error in proportion to how far the asked run is from the nearest group in (ln N, ln D), as it was at the largest size, and at the
longest runs of each size, when the fit did not have them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import least_squares

SCALE = 0.002  # of the least loss: beyond it a residual counts less than its square
WASTE = 0.1  # a batch wastes tokens where as many fewer at the best batch would do


def _exp(x: Any) -> Any:
    """The exponential, within what doubles can square."""
    return np.exp(np.clip(x, -50, 50))


@dataclass(frozen=True)
class Waste:
    """At some number of tokens: the batch of least loss, and the one beyond which a tenth of the tokens is wasted (None: not shown)."""

    best: float | None
    beyond: float | None
    largest: float


class Surface:
    """The fit to groups of n_params, tokens, batch (shape (n,), batch nan where unknown) and least losses."""

    def __init__(self, n_params: np.ndarray, tokens: np.ndarray, batch: np.ndarray, loss: np.ndarray) -> None:
        self.n_params, self.tokens, self.batch, self.loss = (np.asarray(a, float) for a in (n_params, tokens, batch, loss))
        self._n0, self._d0 = (float(np.exp(np.mean(np.log(a)))) for a in (self.n_params, self.tokens))
        cells = {(n, d): set(self.batch[(self.n_params == n) & (self.tokens == d)]) for n, d in set(zip(n_params, tokens, strict=True))}
        self.has_batch = bool(np.isfinite(self.batch).all()) and max(map(len, cells.values())) >= 3
        least = float(np.min(self.loss))
        center = [np.log(0.75 * least), np.log(0.1 * least), 0.34, np.log(0.1 * least), 0.28]
        spread = [0.3, 1.0, 0.15, 1.0, 0.15]
        if self.has_batch:
            center += [np.log(0.005 * least), float(np.mean(np.log(self.batch))), 0.5]
            spread += [1.5, 2.0, 0.3]
        self._center, self._spread, self._unit = np.array(center), np.array(spread), SCALE * least
        self.parameters, self.covariance, residuals = self._fit(np.ones(len(self.loss), bool))
        self.scatter = max(1.4826 * float(np.median(np.abs(residuals))), float(np.sqrt(np.mean(np.clip(residuals**2, 0, 1e-4 * least**2)))))
        self.error_rate = self._error_rate()

    def _value(self, parameters: Any, n_params: Any, tokens: Any, batch: Any) -> np.ndarray:
        floor, p, alpha, q, beta = parameters[:5]
        size, length = np.log(n_params / self._n0), np.log(tokens / self._d0)
        value = _exp(floor) + _exp(p - alpha * size) + _exp(q - beta * length)
        if self.has_batch:
            k, b, e = parameters[5:]
            value = value + _exp(k) / 2 * (np.log(batch) - b - e * length) ** 2
        return value

    def _fit(self, use: np.ndarray) -> Any:
        groups = (self.n_params[use], self.tokens[use], self.batch[use])
        priors: Callable[[np.ndarray], np.ndarray] = lambda p: (p - self._center) / self._spread

        def residuals(p: np.ndarray) -> Any:
            off = (self._value(p, *groups) - self.loss[use]) / self._unit
            robust = np.sign(off) * np.sqrt(2 * (np.sqrt(1 + off**2) - 1))
            return np.concatenate([robust, priors(p)])

        found = least_squares(residuals, self._center, x_scale=self._spread, max_nfev=500)
        off = self._value(found.x, *groups) - self.loss[use]
        jacobian = np.asarray(found.jac)
        return found.x, np.linalg.pinv(jacobian.T @ jacobian), off

    def _error_rate(self) -> float:
        """Error per unit of distance to the nearest group: the larger of two, of groups predicted from the others; 0 if neither can be."""
        longest = {size: self.tokens[self.n_params == size].max() for size in np.unique(self.n_params)}
        rates = [0.0]
        for values, out in (
            (self.n_params, self.n_params == self.n_params.max()),
            (self.tokens, self.tokens == [longest[size] for size in self.n_params]),
        ):
            if len(np.unique(values)) > 2 and (~out).sum() >= 3:
                parameters, _, _ = self._fit(~out)
                error = self._value(parameters, self.n_params[out], self.tokens[out], self.batch[out]) - self.loss[out]
                far = self._distance(self.n_params[out], self.tokens[out], ~out)
                rates.append(float(np.sqrt(np.mean(error**2) / np.mean(far**2))))
        return max(rates)

    def _distance(self, n_params: Any, tokens: Any, known: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Distance in (ln N, ln D) of settings, shape (n,), to the nearest of the `known` groups."""
        size, length = (
            np.log(np.atleast_1d(asked))[:, None] - np.log(had[known]) for asked, had in ((n_params, self.n_params), (tokens, self.tokens))
        )
        return np.hypot(size, length).min(axis=1)

    def predict(self, n_params: float, tokens: float, batch: float | None) -> tuple[float, float]:
        """(least loss, standard deviation) at one setting."""
        at = (n_params, tokens, np.nan if batch is None else batch)
        value = float(self._value(self.parameters, *at))
        step = 1e-4 * self._spread
        gradient = np.array([float(self._value(self.parameters + d, *at)) - value for d in np.diag(step)]) / step
        variance = gradient @ self.covariance @ gradient + self.scatter**2
        return value, float(np.hypot(np.sqrt(variance), self.error_rate * self._distance(n_params, tokens)[0]))

    def waste(self, tokens: float) -> Waste | None:
        """The batch beyond which tokens are wasted; None if the table does not vary it enough."""
        if not self.has_batch:
            return None
        q, beta = self.parameters[3:5]
        k, b, e = self.parameters[5:]
        length = np.log(tokens / self._d0)
        best = float(_exp(b + e * length))
        lost = _exp(q - beta * length) * ((1 - WASTE) ** -beta - 1)
        beyond = float(best * _exp(np.sqrt(max(2 * lost / _exp(k), 0.0))))
        smallest, largest = float(self.batch.min()), float(self.batch.max())
        return Waste(best if smallest <= best <= largest else None, beyond if smallest <= beyond <= largest else None, largest)
