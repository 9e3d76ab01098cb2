"""Explicit values of the tuned bound of wsd with a linear cooldown to zero, in O(1): as published, and exactly.

With T updates of which T0 run at the peak (so that eta_t = 1 for t <= T0 and (T+1-t)/(T+1-T0) beyond) and H_n the harmonic numbers,

    theorem:  Omega_T* <= D G sqrt( 4/(T+T0) [ 2/3 + (T+2T0)/(3(T+T0)) + H_{T+T0-2} - H_{T-T0+1}
                          - (T-T0)(T0-1)/(3(T-T0+2)(T+T0)) + 1/(T-T0)^2 + H_{T-T0-1}/(T-T0+1) ] )
    exactly:  Omega_T*  = D G sqrt( 2/(T+T0) [ 2 + (2 H_{T-T0} - 1)/(T-T0+1) + psi((T+T0)/2) - psi((T-T0)/2 + 1) ] )

with psi the digamma function. In neither does a logarithm of T survive if T0/T = c is fixed: the differences tend to ln((1+c)/(1-c)).

The second line is the one-sum form of `bound.omega` with its gaps put in: S_T - S_k is T0 - k + (T-T0)/2 at the peak and, j updates
before the end of m = T+1-T0 entries, j (j+1)/(2m), so that the cooldown's sum is (2/m)(m - 1 + H_{m-1}) and the peak's is a
difference of digammas. The theorem has twice the difference of logarithms, which is why it lies above: by 22 to 23 % for a cooldown
of 20 % and T from 100 on, by 16 % for one of 50 %.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from lastiterate._checks import check_number, check_steps
from lastiterate.bound.omega import Tuned
from lastiterate.bound.problem import check_finite, check_not_lost


def explicit_wsd_bound(total_steps: int, cooldown: float = 0.2, grad_norm: ArrayLike = 1.0, distance: float = 1.0) -> float:
    """Upper bound on Omega_T of tuned wsd without a logarithm of T, as published (the module's first formula).

    Parameters
    ----------
    total_steps : int
        T, the number of updates.
    cooldown : float
        Fraction of the T + 1 entries that decay linearly to zero, as in `schedules.wsd`, which T0 is taken from; 1 is linear decay.
    grad_norm, distance : float
        G > 0, a bound on the root mean square of every subgradient's norm, and D = ||x_1 - x*|| > 0. The result has the unit of f,
        that of G D.

    Raises
    ------
    ValueError
        For arguments out of range, and for a cooldown without an executed update below the peak (T0 >= T), where it is not defined.

    Source: arXiv:2501.18965, its theorem on wsd (the form that the published code tests). Deviation: none. For T0 = 1, linear decay,
    the published form lies below Omega_T (1.3 % at T = 4, 2e-4 at T = 400): there it is no upper bound.

    >>> from lastiterate.bound import tuned
    >>> from lastiterate.schedules import wsd
    >>> round(explicit_wsd_bound(4000), 6), round(tuned(wsd(4000)).value, 6)
    (0.0422, 0.034212)
    """
    T, T0, scale = _arguments(total_steps, cooldown, grad_norm, distance)
    bracket = (
        2 / 3
        + (T + 2 * T0) / (3 * (T + T0))
        + _harmonic(T + T0 - 2)
        - _harmonic(T - T0 + 1)
        - (T - T0) * (T0 - 1) / (3 * (T - T0 + 2) * (T + T0))
        + 1 / (T - T0) ** 2
        + _harmonic(T - T0 - 1) / (T - T0 + 1)
    )
    return scale * math.sqrt(4 / (T + T0) * bracket)


def tuned_wsd(total_steps: int, cooldown: float = 0.2, grad_norm: ArrayLike = 1.0, distance: float = 1.0) -> Tuned[float]:
    """What ``tuned(wsd(total_steps, cooldown), grad_norm, distance)`` is, without its T learning rates (the module's second formula).

    Arguments and errors as `explicit_wsd_bound`. Returns Tuned: gamma* in units of D/G, and Omega_T* in those of D G.
    Source: the one-sum form of arXiv:2310.07831, Thm 10, with wsd put in; this project's own. Deviation: none.

    >>> round(tuned_wsd(4000).value, 6), round(tuned_wsd(10**12).value * 10**6, 6)
    (0.034212, 2.159533)
    """
    T, T0, scale = _arguments(total_steps, cooldown, grad_norm, distance)
    sums = 2 + (2 * _harmonic(T - T0) - 1) / (T - T0 + 1) + _digamma((T + T0) / 2) - _digamma((T - T0) / 2 + 1)
    ratio = float(distance) / float(np.asarray(grad_norm))
    return Tuned(ratio * math.sqrt(2 / ((T + T0) * sums)), scale * math.sqrt(2 * sums / (T + T0)))


def _arguments(total_steps: int, cooldown: float, grad_norm: ArrayLike, distance: float) -> tuple[int, int, float]:
    """(T, T0, D G), checked."""
    steps = check_steps("total_steps", total_steps, 1, "it is the number of updates")
    check_number("cooldown", cooldown, "it is a fraction of total_steps", 0.0, 1.0)
    scale = check_number("grad_norm", grad_norm, "it is one bound G for every update", open_low=True)
    scale *= check_number("distance", distance, "it is ||x_1 - x*||", open_low=True)
    check_finite(scale, "grad_norm * distance")
    check_not_lost(scale, "grad_norm * distance")
    decaying = min(int(cooldown * (steps + 1)), steps)  # entries, as schedules.wsd counts them
    if decaying < 2:
        raise ValueError(
            f"cooldown={cooldown:g} of total_steps={steps} executes no update below the peak, for which wsd is constant: "
            f"use a cooldown of at least {np.nextafter(2 / (steps + 1), 1):.6g}, or tuned(constant({steps}))"
        )
    return steps, steps + 1 - decaying, scale


def _digamma(x: float) -> float:
    """The digamma function."""
    from scipy.special import digamma  # here: its import takes longer than all of this package's

    return float(digamma(x))


def _harmonic(count: int) -> float:
    """H_n = 1 + 1/2 + ... + 1/n."""
    return _digamma(count + 1) + np.euler_gamma
