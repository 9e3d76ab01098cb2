"""Omega, the convergence bound of the last iterate, and the base learning rate that minimises it.

For convex f, updates ``x_{t+1} = x_t - eta_t g_t`` with E||g_t||^2 <= G_t^2 and D = ||x_1 - x*||, and with
S_j = sum_{t<=j} eta_t, Q_j = sum_{t<=j} eta_t^2 G_t^2,

    E f(x_T) - f* <= Omega_T = D^2/(2 S_T) + Q_T/(2 S_T) + 1/2 sum_{k<T} eta_k/(S_T-S_k) (Q_T-Q_{k-1})/(S_T-S_{k-1}),

which summation by parts turns into the form evaluated here, in which every term is positive and nothing cancels:

    Omega_T = D^2/(2 S_T) + 1/2 [ eta_T G_T^2 + sum_{k<T} eta_k^2 G_k^2 / (S_T - S_k) ].

Only eta_1..eta_T enter Omega_T. Source: arXiv:2310.07831, Thm 10; arXiv:2501.18965, Thm 3.1; arXiv:2602.07145, eq. (2.4).
"""

from typing import Generic, Literal, NamedTuple, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike

from lastiterate.bound.problem import Problem, check_finite
from lastiterate.bound.transform import RTOL
from lastiterate.schedules.schedule import LearningRates


class Terms(NamedTuple):
    """The three terms of the bound, in its original form: distance + noise + last."""

    distance: float  # D^2 / (2 S_T)
    noise: float  # Q_T / (2 S_T)
    last: float  # what the last iterate pays over the average; 0 for kind="average_iterate"


class Omega(float):
    """A value of the bound that remembers its `terms`; in every other respect a float."""

    terms: Terms

    def __new__(cls, terms: Terms, value: float) -> "Omega":  # noqa: D102
        self = super().__new__(cls, value)
        self.terms = terms
        return self


Value = TypeVar("Value", float, np.ndarray)


class Tuned(NamedTuple, Generic[Value]):
    """The minimising base learning rate and the bound there: floats, or arrays of shape (T,) with every_t=True."""

    base_lr: Value
    value: Value


def omega(lr: LearningRates, grad_norm: ArrayLike = 1.0, distance: float = 1.0, *, kind: str = "last_iterate") -> Omega:
    """Bound on ``E f(x_T) - f*`` after the last update of `lr` (formula in the module's head).

    Parameters
    ----------
    lr : Schedule or array-like, shape (T,)
        Learning rates executed by updates 1..T (``lr[0]`` is update 1's), >= 0, the last one > 0 (else the bound is
        infinite).
    grad_norm : float or array-like, shape (T,)
        G or G_t >= 0, bounds on the root mean square of the subgradient norms.
    distance : float
        D > 0. Units: those of lr, grad_norm and distance must fit: Omega has the unit of f, like lr * grad_norm^2.
    kind : {"last_iterate", "average_iterate"}
        The latter keeps the first two terms only: the standard bound on the lr-weighted average iterate.

    Returns
    -------
    Omega
        A float with ``.terms = (distance, noise, last)``, which sum to it.

    Raises
    ------
    ValueError
        For a negative, NaN or infinite learning rate, a positive one below 1e-150 (its square underflows), an all-zero
        schedule, a last learning rate of 0, gradient norms of the wrong length, sums beyond float64 or so small that it loses digits
        of them, and for what is no array of real numbers as it stands (masked, complex).
    MemoryError
        If T is too large for this machine, before anything is allocated.

    Source: arXiv:2310.07831, Thm 10. Deviation: summed by parts, every gap a sum of positive learning rates; the
    published code subtracts prefix sums and is off by 47 % for cosine at T = 60000.

    >>> from lastiterate.schedules import constant
    >>> omega(constant(2))
    1.25
    >>> tuple(omega(constant(2)).terms)
    (0.25, 0.5, 0.5)
    """
    problem = Problem(lr, grad_norm, distance, kind)
    distance_term, noise_term, rest = problem.last()
    return Omega(Terms(distance_term, noise_term, max(rest - noise_term, 0.0)), distance_term + rest)


def omega_trajectory(
    lr: LearningRates, grad_norm: ArrayLike = 1.0, distance: float = 1.0, *, kind: str = "last_iterate", rtol: float = RTOL
) -> np.ndarray:
    """Omega_t for every t = 1..T, shape (T,): ``result[t-1]`` bounds ``E f(x_t) - f*`` of a run stopped after update t.

    Arguments and errors as `omega`, except that a learning rate of 0 at update t makes ``result[t-1]`` infinite for
    kind="last_iterate" (a limit of the formula) instead of being refused.

    Time near-linear, about 0.2 microseconds and 50 bytes a step; short runs are evaluated directly. Every value has a
    relative error of at most `rtol`, in [1e-13, 1]; ValueError below that, which float64 cannot promise.

    Source: arXiv:2310.07831, Thm 10, at every t. Deviation: summed as in `omega`, by a fast multipole method.

    >>> omega_trajectory([1.0, 1.0, 0.5]).round(4).tolist()
    [1.0, 1.25, 1.7833]
    """
    distance_terms, rest = Problem(lr, grad_norm, distance, kind).every(rtol)
    rest += distance_terms
    return rest


@overload
def tuned(
    lr: LearningRates,
    grad_norm: ArrayLike = ...,
    distance: float = ...,
    *,
    kind: str = ...,
    every_t: Literal[False] = ...,
    rtol: float = ...,
) -> Tuned[float]: ...
@overload
def tuned(
    lr: LearningRates, grad_norm: ArrayLike = ..., distance: float = ..., *, kind: str = ..., every_t: Literal[True], rtol: float = ...
) -> Tuned[np.ndarray]: ...
def tuned(
    lr: LearningRates,
    grad_norm: ArrayLike = 1.0,
    distance: float = 1.0,
    *,
    kind: str = "last_iterate",
    every_t: bool = False,
    rtol: float = RTOL,
) -> Tuned[float] | Tuned[np.ndarray]:
    """The base learning rate that minimises the bound, in closed form.

    ``Omega_T(gamma) = t1/gamma + gamma (t2 + t3)`` for learning rates gamma * lr, with (t1, t2, t3) the terms at
    gamma = 1; hence ``gamma* = sqrt(t1/(t2+t3))`` and ``Omega_T* = 2 sqrt(t1 (t2+t3))``.

    Arguments and errors as `omega`. With ``every_t=True`` the result holds arrays of shape (T,), tuned for each t
    (base_lr 0 and value inf where the learning rate is 0), from one pass, with `rtol` as in `omega_trajectory`.

    Source: arXiv:2501.18965, eq. (8).

    >>> from lastiterate.schedules import linear
    >>> base_lr, value = tuned(linear(400))
    >>> round(base_lr, 7), round(value, 7)
    (0.0495631, 0.1006299)
    """
    problem = Problem(lr, grad_norm, distance, kind)
    if every_t:
        distance_terms, rest = problem.every(rtol)
    else:
        distance_terms, _, rest = map(np.asarray, problem.last())
    if not np.all(rest > 0):
        raise ValueError("grad_norm is 0 at every update with a positive learning rate: any base LR is too small; give G > 0")
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        product, ratio = distance_terms * rest, distance_terms / rest
        held = (product >= np.finfo(np.float64).tiny) & np.isfinite(product)
        best = Tuned(np.sqrt(ratio), 2 * np.where(held, np.sqrt(product), np.sqrt(distance_terms) * np.sqrt(rest)))
    check_finite(np.nan_to_num(best.base_lr, nan=0.0, posinf=np.inf).max(), "the tuned base learning rate")
    return best if every_t else Tuned(float(best.base_lr), float(best.value))
