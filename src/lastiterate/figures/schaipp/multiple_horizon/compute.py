"""multiple_horizon: tuned bounds of cosine and wsd over several horizons, and how gamma* falls with the horizon."""

import numpy as np

from lastiterate.bound import KINDS
from lastiterate.figures.bound_tables import BoundCurve, BoundTables, base_lr_grid, build_schedule
from lastiterate.fits import fit_power
from lastiterate.workflow.files import Rows


def compute(parameters, inputs=()):
    """Tables tuned, lr_sweep, convergence, fit_gamma_star, multiple_base_lr, only_convergence."""
    bounds = BoundTables(parameters["distance"], base_lr_grid(**parameters["base_lr_sweep"]))
    fits = Rows()
    horizons = np.array(parameters["total_steps"])
    for name, entry in parameters["schedules"].items():
        for total_steps in horizons.tolist():
            bounds.add(build_schedule(total_steps, **entry), parameters["grad_norm"], schedule=name, total_steps=total_steps)
    best = bounds.tables["tuned"].columns
    for name in parameters["schedules"]:
        for kind in KINDS:
            base_lr = [b for b, s, k in zip(best["base_lr"], best["schedule"], best["kind"], strict=True) if (s, k) == (name, kind)]
            factor, exponent = fit_power(horizons, np.array(base_lr))
            fits.add(schedule=name, kind=kind, factor=factor, exponent=exponent)
    panels = {name: at_base_lrs(parameters, name) for name in ("multiple_base_lr", "only_convergence")}
    return {**bounds.tables, "fit_gamma_star": fits, **panels}


def at_base_lrs(parameters, panel):
    """Omega_t of a panel's schedules at each of its horizons and base learning rates."""
    entry, rows = parameters[panel], Rows()
    for name, values in entry["base_lr"].items():
        if name not in parameters["schedules"]:
            raise ValueError(f"{panel}.base_lr names {name!r}, but schedules has {', '.join(parameters['schedules'])}")
        for total_steps in entry["total_steps"]:
            schedule = build_schedule(total_steps, **parameters["schedules"][name])
            curve = BoundCurve(schedule, parameters["grad_norm"], parameters["distance"])
            for base_lr in values:
                rows.add(schedule=name, total_steps=total_steps, base_lr=base_lr, **curve.columns(base_lr))
    return rows
