"""Gradients of the bound with respect to the learning rates: of its last value, and of any weighted sum over t.

With R_k = S_T - S_k and q_k = eta_k^2 G_k^2, summation by parts leaves

    2 dOmega_T/deta_i = [i = T] G_T^2 + [i < T] 2 eta_i G_i^2 / R_i - D^2/S_T^2 - sum_{k<i} q_k / R_k^2,

and for L = sum_t w_t Omega_t, with the transposed sums U_i = sum_{t>i} w_t/(S_t-S_i),

    2 dL/deta_i = w_i G_i^2 + 2 eta_i G_i^2 U_i - D^2 sum_{t>=i} w_t/S_t^2 - C_i,
    C_i = sum_{k<i<=t} w_t q_k/(S_t-S_k)^2,   C_{i+1} - C_i = q_i W_i - w_i V_i,   C_1 = 0,

with V_i = sum_{k<i} q_k/(S_i-S_k)^2 and W_i = sum_{t>i} w_t/(S_t-S_i)^2 from one operator and its exact transpose, so
that what its truncation adds to C cancels.
"""

import numpy as np
from numpy.typing import ArrayLike

from lastiterate._checks import check_reals
from lastiterate.bound.problem import Problem, check_finite
from lastiterate.bound.sums import cumulative
from lastiterate.bound.transform import RTOL, cauchy_transform
from lastiterate.schedules.schedule import LearningRates


def omega_gradient(
    lr: LearningRates,
    grad_norm: ArrayLike = 1.0,
    distance: float = 1.0,
    *,
    kind: str = "last_iterate",
    weights: ArrayLike | None = None,
    rtol: float = RTOL,
) -> np.ndarray:
    """Gradient of ``omega(lr)``, or with `weights` of ``sum_t weights_t * omega_trajectory(lr)_t``.

    Parameters
    ----------
    lr, grad_norm, distance, kind
        As in `omega`. At an interior learning rate of 0 the derivative is the one from the right.
    weights : None or array-like, shape (T,)
        None: the bound at the last step, O(T) in closed form. Else one finite weight for each update t; it must be 0
        where Omega_t is infinite (learning rate 0).
    rtol : float
        Relative error of the transformed sums, as in `omega_trajectory`; without effect for weights=None.

    Returns
    -------
    ndarray, shape (T,)
        ``result[i-1]`` is the derivative with respect to ``eta_i``; unit: that of Omega over that of lr. Each entry is a
        difference, good to a few ulp of its terms for weights=None; with weights, C is a running sum, and an entry may
        carry the rounding of the largest: 1e-12 on schedules without jumps, useless beside learning rates 1e-10 apart.

    Raises
    ------
    ValueError, MemoryError
        As `omega`, and for weights of the wrong length, not finite, or on an infinite Omega_t.

    Source: derived from arXiv:2310.07831, Thm 10, in the module's head.

    >>> omega_gradient([1.0, 1.0]).tolist()
    [0.875, -0.125]
    """
    problem = Problem(lr, grad_norm, distance, kind)
    if weights is None:
        problem.check_last()
        weights = np.zeros(problem.total_steps)
        weights[-1] = 1.0
        gradient = _last if problem.last_iterate else _average
    else:
        weights = _check_weights(weights, problem)
        gradient = _weighted if problem.last_iterate else _average
    with np.errstate(over="ignore", invalid="ignore"):
        result = gradient(problem, weights, rtol)
    check_finite(result.sum(), "the gradient")
    return result


def last_value_and_gradient(problem: Problem) -> tuple[float, np.ndarray]:
    """The last-iterate bound at the last step and its gradient, shape (T,), in one pass."""
    gaps = np.append(cumulative(problem.lr[:0:-1])[::-1], np.inf)
    own = problem.lr / gaps
    noise = own * own * problem.squares
    passed = _before(cumulative(noise))
    passed += (problem.distance / problem.total) ** 2
    own *= 2 * problem.squares
    own[-1] = problem.squares.flat[-1]
    value = problem.distance / problem.total * problem.distance + problem.lr[-1] * own[-1] + problem.lr[:-1] @ own[:-1] / 2
    return float(value) / 2, _spread(problem, own, passed) / 2


def _last(problem: Problem, weights: np.ndarray, rtol: float) -> np.ndarray:
    return last_value_and_gradient(problem)[1]


def _weighted(problem: Problem, weights: np.ndarray, rtol: float) -> np.ndarray:
    """Weighted sum over all t."""
    weights = weights if problem.moves.all() else weights[problem.moves]
    transform = cauchy_transform(problem.lr, rtol, power=2)
    passed = _passed(
        problem.charges * transform.apply(weights, power=2, transpose=True), weights * transform.apply(problem.charges, power=2)
    )
    own = 2 * problem.lr * transform.apply(weights, transpose=True)
    own += weights
    own *= problem.squares
    distance = weights * (problem.distance / cumulative(problem.lr)) ** 2
    return _spread(problem, own, passed + cumulative(distance[::-1])[::-1]) / 2


def _average(problem: Problem, weights: np.ndarray, rtol: float) -> np.ndarray:
    """The first two terms, sum_t w_t (D^2 + Q_t)/(2 S_t): suffix sums over all updates, zeros included."""
    charges, noise = np.zeros(problem.total_steps), np.zeros(problem.total_steps)
    charges[problem.moves], noise[problem.moves] = problem.charges, problem.lr * problem.squares
    lr = np.zeros(problem.total_steps)
    lr[problem.moves] = problem.lr
    sums = cumulative(lr)
    sums[sums == 0] = np.inf  # before the first move, where the weight is 0
    mean = weights / sums
    value = mean * (problem.distance**2 + cumulative(charges)) / (2 * sums)
    return noise * cumulative(mean[::-1])[::-1] - cumulative(value[::-1])[::-1]


def _passed(begun: np.ndarray, ended: np.ndarray) -> np.ndarray:
    """C_i, the sum of all that began before i less what ended there, from the end with the smaller sums."""
    size = _before(cumulative(np.abs(begun)))
    change = begun - ended
    return np.where(size < size[-1] / 2, _before(cumulative(change)), -cumulative(change[::-1])[::-1])


def _before(sums: np.ndarray) -> np.ndarray:
    """Sums over the updates before each."""
    return np.concatenate([[0.0], sums[:-1]])


def _spread(problem: Problem, own: np.ndarray, common: np.ndarray) -> np.ndarray:
    """``own_i - common_i`` at the moves; an update that does not move has no own term and shares the next move's."""
    if problem.moves.all():
        return own - common
    result = -np.append(common, 0.0)[np.cumsum(problem.moves) - problem.moves]
    result[problem.moves] += own
    return result


def _check_weights(weights: ArrayLike | None, problem: Problem) -> np.ndarray:
    weights = check_reals("weights", weights)
    if weights.shape != (problem.total_steps,):
        raise ValueError(f"weights has shape {weights.shape}, expected ({problem.total_steps},): one weight for each learning rate")
    if not np.isfinite(weights).all():
        t = int(np.argmin(np.isfinite(weights)))
        raise ValueError(f"weights: update {t + 1} has {weights[t]:g}, expected a finite number: drop or replace it first")
    infinite = ~problem.moves if problem.last_iterate else np.cumsum(problem.moves) == 0
    if np.any(infinite & (weights != 0)):
        t = int(np.argmax(infinite & (weights != 0)))
        raise ValueError(f"weights: update {t + 1} has {weights[t]:g}, but the bound is infinite there (learning rate 0): give it weight 0")
    return weights
