"""What the bound families share: schedules from config, sweeps over the base learning rate in closed form."""

import numpy as np

from lastiterate.bound import KINDS, tuned
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


class BoundCurve:
    """Omega_t of a schedule at every t and any base learning rate, from one pass over the updates.

    With gamma*_t and Omega*_t the tuned values at t, ``Omega_t(gamma) = Omega*_t/2 (gamma*_t/gamma + gamma/gamma*_t)``.
    """

    def __init__(self, schedule: Schedule, grad_norm: float, distance: float, kind: str = "last_iterate"):
        self.schedule = schedule
        self.best = tuned(schedule, grad_norm, distance, kind=kind, every_t=True)

    @property
    def tuned(self) -> tuple[float, float]:
        """(gamma*, Omega*) at the last step."""
        return float(self.best.base_lr[-1]), float(self.best.value[-1])

    def final(self, base_lr):
        """Omega_T at one or several base learning rates."""
        best_lr, value = self.tuned
        return value / 2 * (best_lr / base_lr + base_lr / best_lr)

    def columns(self, base_lr: float) -> dict[str, np.ndarray]:
        """Columns t (1-based), lr and omega of a run at one base learning rate."""
        omega = self.best.value / 2 * (self.best.base_lr / base_lr + base_lr / self.best.base_lr)
        return {"t": np.arange(1, omega.size + 1), "lr": base_lr * self.schedule.lr, "omega": omega}


class BoundTables:
    """Collects, for each schedule of a family, the tables that the bound figures are drawn from.

    tuned: base LR gamma* and Omega_T at it. lr_sweep: Omega_T over the grid. convergence: at gamma*, LR and Omega_t.
    Every row names the kind of bound and the labels it was added with.
    """

    def __init__(self, distance: float, grad_norm: float, grid: np.ndarray):
        self.distance, self.grad_norm, self.grid = distance, grad_norm, grid
        self.tables = {name: Rows() for name in ("tuned", "lr_sweep", "convergence")}

    def add(self, schedule: Schedule, /, **labels) -> dict[str, BoundCurve]:
        """Evaluate `schedule` (peak 1) under both kinds of bound; `labels` become columns. Returns the curves by kind."""
        curves = {kind: BoundCurve(schedule, self.grad_norm, self.distance, kind) for kind in KINDS}
        for kind, curve in curves.items():
            labels = {**labels, "kind": kind}
            base_lr, value = curve.tuned
            self.tables["tuned"].add(**labels, base_lr=base_lr, omega=value)
            self.tables["lr_sweep"].add(**labels, base_lr=self.grid, omega=curve.final(self.grid))
            self.tables["convergence"].add(**labels, **curve.columns(base_lr))
        return curves
