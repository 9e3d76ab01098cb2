"""horizon_transfer: a tuned first horizon extended at the same base learning rate, by its cooldown or by a second stage."""

import numpy as np

from lastiterate.figures.bound_tables import BoundCurve, build_schedule
from lastiterate.transfer import extend
from lastiterate.workflow.files import Rows

DRAWN = 200  # steps of each of the many curves


def compute(parameters, inputs=()):
    """Tables picks, trials, extended, and roots at more horizons."""
    problem = {name: parameters[name] for name in ("grad_norm", "distance")}
    picks, trials, extended, roots = Rows(), Rows(), Rows(), Rows()
    first_steps = parameters["first_steps"]
    for name, entry in parameters["extensions"].items():
        first = build_schedule(first_steps, **entry["first"])
        base_lr, _ = BoundCurve(first, **problem).tuned
        grid = np.linspace(entry["trials"]["min"], entry["trials"]["max"], entry["trials"]["count"])
        switch = int(entry["switch"] * first_steps) if "switch" in entry else None
        for total_steps in (first_steps, *parameters["total_steps"]):
            labels = {"schedule": name, "total_steps": total_steps}
            longer = extend(first, total_steps, entry["how"], switch_step=switch, trials=grid, **problem)
            picks.add(
                **labels,
                first_base_lr=base_lr,
                picked=longer.trials.picked,
                **{key: getattr(longer, key) for key in ("parameter", "found", "mismatch", "branch_step")},
                **{key: getattr(longer, key) for key in ("bound", "unadapted_bound", "linear_bound")},
            )
            trials.add(**labels, parameter=grid, base_lr=longer.trials.base_lr)
            variants = {"adapted": longer.schedule.with_peak_lr(1.0), "unadapted": build_schedule(total_steps, **entry["first"])}
            for variant, schedule in variants.items():
                curve = BoundCurve(schedule, **problem).columns(base_lr, most=DRAWN)
                extended.add(**labels, variant=variant, **curve)
        for total_steps in np.linspace(first_steps, max(parameters["total_steps"]), parameters["root_count"]).round().astype(int).tolist():
            longer = extend(first, total_steps, entry["how"], switch_step=switch, **problem)
            roots.add(schedule=name, total_steps=total_steps, parameter=longer.parameter, found=longer.found)
    return {"picks": picks, "trials": trials, "extended": extended, "roots": roots}
