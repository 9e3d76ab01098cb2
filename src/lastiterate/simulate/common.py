"""What the bound families share: schedules from config, sweeps over the base learning rate in closed form."""

import numpy as np

from lastiterate.bound import KINDS, omega, omega_trajectory, tuned
from lastiterate.schedules import FAMILIES, Schedule
from lastiterate.workflow.files import Rows


def build_schedule(total_steps: int, family: str, **arguments) -> Schedule:
    """A schedule from its config entry, e.g. {family: wsd, cooldown: 0.2}; ValueError for arguments it does not take."""
    try:
        return FAMILIES[family](total_steps, **arguments)
    except TypeError as error:
        raise ValueError(f"schedule {{family: {family}, {arguments}}}: {error}") from error


def base_lr_grid(log2_min: float, log2_max: float, count: int) -> np.ndarray:
    """`count` base learning rates, equally spaced in log2 from 2^log2_min to 2^log2_max."""
    return np.logspace(log2_min, log2_max, count, base=2)


class BoundTables:
    """Collects, for each schedule of a family, the tables that the bound figures are drawn from.

    tuned: base LR gamma* and Omega_T at it. lr_sweep: Omega_T over the grid. convergence: at gamma*, LR and Omega_t.
    Every row names the kind of bound and the labels it was added with.
    """

    def __init__(self, distance: float, grad_norm: float, grid: np.ndarray):
        self.distance, self.grad_norm, self.grid = distance, grad_norm, grid
        self.tables = {name: Rows() for name in ("tuned", "lr_sweep", "convergence")}

    def add(self, schedule: Schedule, /, **labels) -> None:
        """Evaluate `schedule` (peak 1) under both kinds of bound; `labels` become columns."""
        for kind in KINDS:
            first, *others = omega(schedule, self.grad_norm, self.distance, kind=kind).terms
            base_lr, value = tuned(schedule, self.grad_norm, self.distance, kind=kind)
            labels = {**labels, "kind": kind}
            self.tables["tuned"].add(**labels, base_lr=base_lr, omega=value)
            self.tables["lr_sweep"].add(**labels, base_lr=self.grid, omega=first / self.grid + self.grid * sum(others))
            self.tables["convergence"].add(**labels, **self.curve(schedule.with_peak_lr(base_lr), kind=kind))

    def curve(self, schedule: Schedule, kind: str = "last_iterate") -> dict[str, np.ndarray]:
        """Columns t (1-based), lr and omega over the updates of a run."""
        t = np.arange(1, schedule.total_steps + 1)
        return {"t": t, "lr": schedule.lr, "omega": omega_trajectory(schedule, self.grad_norm, self.distance, kind=kind)}
