"""The exact worst case of the subgradient method: its value, the function that attains it, and the best schedule against it."""

from lastiterate.worst_case.instance import WorstInstance, worst_instance
from lastiterate.worst_case.optimise import OptimisedWorstCase, optimise_worst_case
from lastiterate.worst_case.value import lower_bound, tuned_worst_case, worst_case, worst_case_trajectory

__all__ = [
    "OptimisedWorstCase",
    "WorstInstance",
    "lower_bound",
    "optimise_worst_case",
    "tuned_worst_case",
    "worst_case",
    "worst_case_trajectory",
    "worst_instance",
]
