"""What the bound families share: schedules from config, sweeps over the base learning rate in closed form."""

import numpy as np

from lastiterate.bound import KINDS, tuned
from lastiterate.figures.thinning import drawn_steps
from lastiterate.schedules import Schedule, find_family
from lastiterate.workflow.files import Rows


def build_schedule(total_steps: int, family: str, **arguments) -> Schedule:
    """A schedule from its config entry, e.g. {family: wsd, cooldown: 0.2}; ValueError for no such family, or arguments it does not take."""
    make = find_family(family, import_paths=True)
    try:
        return make(total_steps, **arguments)
    except TypeError as error:
        raise ValueError(f"schedule {{family: {family}, {arguments}}}: {error}") from error


def base_lr_grid(log2_min: float, log2_max: float, count: int) -> np.ndarray:
    """`count` base learning rates, equally spaced in log2 from 2^log2_min to 2^log2_max."""
    return np.logspace(log2_min, log2_max, count, base=2)


class BoundCurve:
    """Omega_t of a schedule at every t and any base learning rate, from one pass over the updates.

    With gamma*_t and Omega*_t the tuned values at t, the two sides of the bound are ``Omega*_t gamma*_t/(2 gamma)`` (the
    distance's) and ``Omega*_t gamma/(2 gamma*_t)`` (the noise's).
    """

    def __init__(self, schedule: Schedule, grad_norm, distance: float, kind: str = "last_iterate"):
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

    def terms(self, base_lr: float) -> tuple[np.ndarray, np.ndarray]:
        """Omega_t at a base learning rate as the sum of its distance term and its noise terms, t = 1..T."""
        half = self.best.value / 2
        return half * (self.best.base_lr / base_lr), half * (base_lr / self.best.base_lr)

    def columns(self, base_lr: float, *, most: int = 1200, **others) -> dict[str, np.ndarray]:
        """Columns t (1-based), lr and omega of a run at one base learning rate, at the steps that are drawn.

        `others` are further columns, of shape (T,); runs of more than `most` steps are thinned.
        """
        columns = {"lr": base_lr * self.schedule.lr, "omega": sum(self.terms(base_lr)), **others}
        kinks = np.cumsum([phase.steps for phase in self.schedule.phases])
        steps = drawn_steps(self.schedule.total_steps, most, kinks)
        return {"t": steps, **{name: values[steps - 1] for name, values in columns.items()}}


class BoundTables:
    """Collects, for each schedule of a family, the tables that the bound figures are drawn from.

    tuned: base LR gamma* and Omega_T at it. lr_sweep: Omega_T over the grid. convergence: at gamma*, LR and Omega_t.
    Every row names the kind of bound and the labels it was added with.
    """

    def __init__(self, distance: float, grid: np.ndarray):
        self.distance, self.grid = distance, grid
        self.tables = {name: Rows() for name in ("tuned", "lr_sweep", "convergence")}

    def add(self, schedule: Schedule, grad_norm, /, **labels) -> dict[str, BoundCurve]:
        """Evaluate `schedule` (peak 1) under both kinds of bound; `labels` become columns. Returns the curves by kind."""
        curves = {kind: BoundCurve(schedule, grad_norm, self.distance, kind) for kind in KINDS}
        for kind, curve in curves.items():
            labels = {**labels, "kind": kind}
            base_lr, value = curve.tuned
            self.tables["tuned"].add(**labels, base_lr=base_lr, omega=value)
            self.tables["lr_sweep"].add(**labels, base_lr=self.grid, omega=curve.final(self.grid))
            self.tables["convergence"].add(**labels, **curve.columns(base_lr))
        return curves
