"""Refined schedules as the tables that their figures are drawn from."""

import numpy as np

from lastiterate.refine import Refined, alternatives
from lastiterate.workflow.files import Rows


class RefinedTables:
    """Collects the tables of several refined schedules; every row names the labels it was added with.

    schedules: t (at most `points` evenly spaced updates), the smoothed grad_norm, lr, and the lr of the resembling and the
    optimised schedule. diagnosis: see `lastiterate.refine.Diagnosis`. bounds: for each alternative, the tuned
    base LR gamma*, Omega_T* and its ratio to linear decay's.
    """

    def __init__(self, points: int):
        self.points = points
        self.tables = {name: Rows() for name in ("schedules", "diagnosis", "bounds")}

    def add(self, refined: Refined, /, **labels) -> None:
        """Add a refined schedule and its alternatives."""
        found = alternatives(refined)
        total_steps = refined.lr.size
        at = spaced(total_steps, self.points)
        self.tables["schedules"].add(
            **labels,
            t=at + 1,
            progress=(at + 1) / total_steps,
            grad_norm=refined.grad_norm[at],
            lr=refined.lr[at],
            lr_resembling=found["resembling"].lr[at],
            lr_optimised=found["optimised"].lr[at],
        )
        self.tables["diagnosis"].add(**labels, total_steps=total_steps, **refined.diagnosis._asdict(), dropped=refined.dropped)
        for name, other in found.items():
            ratio = other.omega / found["linear"].omega
            self.tables["bounds"].add(**labels, schedule=name, tuned_lr=other.base_lr, omega=other.omega, ratio=ratio)


def spaced(size: int, points: int) -> np.ndarray:
    """Indices of at most `points` entries of `size`, evenly spaced from the first to the last."""
    return np.unique(np.linspace(0, size - 1, min(points, size)).round().astype(np.int64))
