"""The convergence bound Omega: at the last step, at every step, at the best base learning rate, and at the best schedule."""

from lastiterate.bound.gradient import omega_gradient
from lastiterate.bound.omega import Omega, Terms, Tuned, omega, omega_trajectory, tuned
from lastiterate.bound.optimise import Optimised, optimise_schedule
from lastiterate.bound.problem import KINDS
from lastiterate.bound.wsd import explicit_wsd_bound, tuned_wsd

__all__ = [
    "KINDS",
    "Omega",
    "Optimised",
    "Terms",
    "Tuned",
    "explicit_wsd_bound",
    "omega",
    "omega_gradient",
    "omega_trajectory",
    "optimise_schedule",
    "tuned",
    "tuned_wsd",
]
