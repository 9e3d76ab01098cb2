"""The convergence bound Omega: at the last step, at every step, and at the best base learning rate."""

from lastiterate.bound.gradient import omega_gradient
from lastiterate.bound.omega import Omega, Terms, Tuned, omega, omega_trajectory, tuned
from lastiterate.bound.problem import KINDS

__all__ = ["KINDS", "Omega", "Terms", "Tuned", "omega", "omega_gradient", "omega_trajectory", "tuned"]
