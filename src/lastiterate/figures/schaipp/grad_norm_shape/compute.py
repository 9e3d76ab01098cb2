"""grad_norm_shape: bounds for gradient norms that fall like a power of the step."""

import numpy as np

from lastiterate.figures.bound_tables import BoundTables, base_lr_grid, build_schedule
from lastiterate.figures.thinning import drawn_steps
from lastiterate.workflow.files import Rows


def compute(parameters, inputs=()):
    """Tables tuned, lr_sweep, convergence (one row block per schedule and exponent) and grad_norm (G_t per exponent)."""
    total_steps = parameters["total_steps"]
    bounds = BoundTables(parameters["distance"], base_lr_grid(**parameters["base_lr_sweep"]))
    norms = Rows()
    steps = drawn_steps(total_steps)
    for exponent in parameters["exponents"]:
        norm = parameters["grad_norm"] * np.arange(1, total_steps + 1) ** float(exponent)
        norms.add(exponent=exponent, t=steps, grad_norm=norm[steps - 1])
        for name, entry in parameters["schedules"].items():
            bounds.add(build_schedule(total_steps, **entry), norm, schedule=name, exponent=exponent)
    return {**bounds.tables, "grad_norm": norms}
