"""The convergence bound Omega: at the last step, at every step, and at the best base learning rate."""

from lastiterate.bound.omega import KINDS, Omega, Terms, Tuned, omega, omega_trajectory, tuned

__all__ = ["KINDS", "Omega", "Terms", "Tuned", "omega", "omega_trajectory", "tuned"]
