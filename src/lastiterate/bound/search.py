"""The search for the schedule with the smallest bound: its variables, its certificate, and two ways to descend.

Omega_T is convex in the learning rates (each eta_k^2 G_k^2/(S_T - S_k) is a square over a linear function), so a
stationary point is the minimum, and every gradient g certifies how far away it is. As S_T - S_k is at most 2 Omega_T
Gamma_k, Gamma_k = sum_{t>k} 1/G_t^2 (Cauchy-Schwarz; Gamma_T = 1/G_T^2), the minimum eta* lies in the ball
|eta*| <= 2 Omega_T of the norm |x|^2 = sum_t x_t^2 G_t^2/Gamma_t. Hence, for a floor phi, and P_K the projection in
this norm onto the cone K of the other constraints,

    Omega(eta) - min Omega <= g.(eta - phi) + 2 Omega(eta) |P_K(-g)|.

The search runs over log eta, in which the Hessian is near a multiple of the identity: L-BFGS, and where the rounding of
the value stops it before the certificate, spectral projected gradients, which read gradients only; the latter from the
outset for decreasing schedules, whose projection (isotonic regression) is exact and as cheap as a gradient.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lastiterate._checks import check_number, check_reals
from lastiterate.bound.gradient import last_value_and_gradient
from lastiterate.bound.omega import tuned
from lastiterate.bound.problem import Problem, check_finite, check_grad_norm
from lastiterate.bound.sums import cumulative

_MEMORY = 10  # pairs of L-BFGS, and values the projected search may rise to


class Search:
    """The problem over z, log(eta/start) of the free learning rates times `scale`.

    The scale makes the Hessian's diagonal near 1: the first free learning rate moves the whole warmup.
    """

    def __init__(
        self, total_steps: int, grad_norm: ArrayLike, distance: float, monotone: bool, floor: float | None, warmup: ArrayLike | None
    ) -> None:
        self.seen: np.ndarray = np.empty(0)
        self.found: tuple[float, np.ndarray] = (np.nan, self.seen)
        self.distance = distance
        self.norm = check_grad_norm(grad_norm, total_steps)
        if not (self.norm > 0).all():
            raise ValueError("grad_norm must be positive at every update: one with G_t = 0 would be free; give it a small G_t")
        self.monotone = monotone
        self.floor = 0.0 if floor is None else check_number("floor", floor, "it is the smallest learning rate allowed", open_low=True)
        self.warmup = _check_warmup(warmup, total_steps)
        self.norms = np.broadcast_to(self.norm, total_steps)[self.warmup.size :]
        weights = (self.norms.min() / self.norms) ** 2
        start = weights * cumulative(weights[::-1])[::-1]
        if monotone:
            start = self.decreasing(start / start.max())
        start = start / start.max()
        self.start = start * tuned(np.concatenate([self.warmup * start[0], start]), grad_norm, distance).base_lr
        self.scale = np.ones(start.size)
        self.scale[0] = np.sqrt(1 + self.warmup @ self.warmup)
        self.bottom = self.scale * np.log(self.floor / self.start) if self.floor else np.full(start.size, -np.inf)
        self.first = np.maximum(0.0, self.bottom)
        later = cumulative(1 / self.norms[::-1] ** 2)[::-1]
        self.metric = self.norms**2 / np.append(later[1:], later[-1])
        self.unit = 1.0
        self.unit = self.evaluate(self.first)[0] / start.size

    def rates(self, z: np.ndarray) -> np.ndarray:
        """Learning rates of all updates."""
        free = self.free(z)
        return np.concatenate([self.warmup * free[0], free])

    def free(self, z: np.ndarray) -> np.ndarray:
        """Learning rates after the warmup."""
        return np.maximum(self.start * np.exp(z / self.scale), self.floor)

    def evaluate(self, z: np.ndarray) -> tuple[float, np.ndarray]:
        """The bound and its gradient with respect to the free learning rates."""
        if not np.array_equal(z, self.seen):
            value, gradient = last_value_and_gradient(Problem(self.rates(z), self.norm, self.distance, "last_iterate"))
            free = gradient[self.warmup.size :].copy()
            free[0] += self.warmup @ gradient[: self.warmup.size]
            check_finite(value + free.sum(), "the bound")
            self.seen, self.found = z.copy(), (value, free)
        return self.found

    def scaled(self, z: np.ndarray) -> tuple[float, np.ndarray]:
        """The bound and its gradient with respect to z, in units in which the Hessian is near the identity."""
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                value, gradient = self.evaluate(z)
        except ValueError:  # a trial step beyond float64
            return np.inf, np.zeros_like(z)
        return value / self.unit, gradient * self.free(z) / (self.unit * self.scale)

    def gap(self, z: np.ndarray, value: float, gradient: np.ndarray) -> float:
        """Certified relative distance of the value from the minimum."""
        excess = float(gradient @ (self.free(z) - self.floor))
        direction = -gradient / self.metric
        if self.monotone:
            direction = self.decreasing(direction, self.metric)
        outside = np.sqrt(np.sum(self.metric * np.maximum(direction, 0.0) ** 2))
        return excess / value + 2 * float(outside)

    def project(self, z: np.ndarray) -> np.ndarray:
        """The nearest z of a feasible schedule."""
        if self.monotone:
            z = (self.decreasing(z / self.scale + np.log(self.start), self.scale**2) - np.log(self.start)) * self.scale
        return np.maximum(z, self.bottom)

    @staticmethod
    def decreasing(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """The nearest decreasing sequence."""
        from scipy.optimize import isotonic_regression  # here: its import takes longer than the bound of a million updates

        return np.asarray(isotonic_regression(values, weights=weights, increasing=False).x)


def descend(search: Search, monitor: Any) -> None:
    """L-BFGS, with the floor as a box, until the value's rounding hides its slope."""
    from scipy.optimize import minimize

    def callback(intermediate_result: Any) -> None:
        if monitor(intermediate_result.x):
            raise StopIteration

    if monitor.reason != "certified":
        bounds = np.stack([search.bottom, np.full(search.bottom.size, np.inf)], axis=1) if search.floor else None
        options: dict[str, Any] = {
            "maxiter": monitor.max_iterations,
            "maxfun": 20 * monitor.max_iterations,
            "maxcor": _MEMORY,
            "ftol": 0.0,
            "gtol": 0.0,
        }
        minimize(search.scaled, search.first, jac=True, method="L-BFGS-B", bounds=bounds, callback=callback, options=options)  # type: ignore[call-overload]  # an array of bounds


def descend_projected(search: Search, monitor: Any) -> None:
    """Spectral projected gradient: steps of Barzilai and Borwein, a line search that may rise above the last value."""
    if monitor.reason != "stalled":
        return
    z = search.project(monitor.best)
    value, gradient = search.scaled(z)
    recent, step = [value], 1.0
    over = False
    while not over:
        move = search.project(z - step * gradient) - z
        slope = float(gradient @ move)
        fraction = 1.0
        while slope < 0:
            trial, trial_gradient = search.scaled(z + fraction * move)
            if trial <= max(recent) * (1 + 1e-14) + 1e-4 * fraction * slope or fraction < 1e-10:
                break
            fraction /= 2
        if slope >= 0 or fraction < 1e-10:
            return
        change, turn = fraction * move, trial_gradient - gradient
        z, value, gradient = z + change, trial, trial_gradient
        recent = [*recent, value][-_MEMORY:]
        curvature = float(change @ turn)
        step = min(max(float(change @ change) / curvature, 1e-10), 1e10) if curvature > 0 else 1e10
        over = monitor(z)


def _check_warmup(warmup: ArrayLike | None, total_steps: int) -> np.ndarray:
    factors = np.zeros(0) if warmup is None else check_reals("warmup", warmup)
    if factors.ndim != 1 or factors.size >= total_steps:
        raise ValueError(f"warmup has shape {factors.shape}, expected (W,), W < total_steps={total_steps}: factors of update W+1's lr")
    if not (np.isfinite(factors) & (factors > 0)).all():
        raise ValueError("warmup has a factor that is not finite and > 0: start the warmup from 1e-10 rather than 0")
    return factors
