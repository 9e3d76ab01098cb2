"""cooldown_length: wsd with cooldown fractions from one step to all, for each decay shape."""

import numpy as np

from lastiterate.figures.bound_tables import BoundTables, base_lr_grid
from lastiterate.schedules import wsd
from lastiterate.workflow.files import Rows


def compute(parameters, inputs=()):
    """Tables tuned, lr_sweep, convergence, cooldown_range."""
    bounds = BoundTables(parameters["distance"], base_lr_grid(**parameters["base_lr_sweep"]))
    ranges = Rows()
    total_steps = parameters["total_steps"]
    for shape, entry in parameters["decay_shapes"].items():
        for cooldown in np.linspace(1 / total_steps, total_steps / (total_steps + 1), parameters["cooldown_count"]).tolist():
            curves = bounds.add(wsd(total_steps, cooldown, shape), parameters["grad_norm"], decay_shape=shape, cooldown=cooldown)
            for kind, curve in curves.items():
                for base_lr in entry["cooldown_range_base_lr"]:
                    ranges.add(decay_shape=shape, cooldown=cooldown, kind=kind, base_lr=base_lr, omega=curve.final(base_lr))
    return {**bounds.tables, "cooldown_range": ranges}
