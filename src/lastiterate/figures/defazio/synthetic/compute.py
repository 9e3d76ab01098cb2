"""synthetic: four made-up courses of the gradient norm, and the schedules that are refined from them."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from lastiterate.figures.defazio.refined_tables import RefinedTables
from lastiterate.refine import refine


def compute(parameters, inputs=()):
    """Tables schedules, diagnosis, bounds (see `RefinedTables`), and constant: linear decay from constant norms."""
    tables = RefinedTables(parameters["points"])
    total_steps, nodes = parameters["total_steps"], parameters["nodes"]
    progress = np.linspace(0.0, 1.0, total_steps)
    for shape, values in parameters["shapes"].items():
        if len(values) != len(nodes):
            raise ValueError(f"shapes.{shape} has {len(values)} values for {len(nodes)} nodes: give one for each node")
        norm = gaussian_filter1d(np.interp(progress, nodes, values), parameters["sigma"], mode="nearest")
        tables.add(refine(norm, smoothing=0), shape=shape)
    lr = refine(np.full(total_steps, 0.3), parameters["constant_smoothing"]).lr
    error = float(np.abs(lr - (1 - np.arange(total_steps) / total_steps)).max())  # t counts from 0
    return {**tables.tables, "constant": {"total_steps": [total_steps], "max_abs_error": [error]}}
