"""noise_limited_controls: where the T^-1/2 law of the best base learning rate stops: no noise, more slow directions."""

import numpy as np

from lastiterate.figures.bound_tables import build_schedule
from lastiterate.figures.defazio.hinge import HingeProblem
from lastiterate.fits import log_slope
from lastiterate.sgd import jackknife
from lastiterate.workflow.files import Rows


def compute(parameters, inputs=()):
    """Tables tuned (best base learning rate by control and horizon) and exponents (the slope over all horizons)."""
    tables = {name: Rows() for name in ("tuned", "exponents")}
    horizons = parameters["total_steps"]
    for name, changes in parameters["controls"].items():
        settings = {**parameters["problem"], **changes}
        problem = HingeProblem(**settings)
        sweeps = {}
        for total_steps in horizons:
            schedule = build_schedule(total_steps, **parameters["schedule"])
            sweeps[total_steps] = problem.tune({name: schedule.lr}, parameters["base_lr_sweep"], parameters["extensions"])[name]
            sweep = sweeps[total_steps]
            best, best_se = jackknife(lambda seeds, s=sweep: np.log2(s.optimum(seeds)), problem.seeds)
            tables["tuned"].add(
                control=name, total_steps=total_steps, at_edge=int(sweep.at_edge), log2_best_lr=float(best), log2_best_lr_se=float(best_se)
            )
        slope = lambda seeds, sweeps=sweeps: log_slope(horizons, [sweep.optimum(seeds) for sweep in sweeps.values()])
        value, error = jackknife(slope, problem.seeds)
        labels = {key: settings[key] for key in ("components", "label_noise", "label_seed")}
        tables["exponents"].add(control=name, **labels, exponent=value, exponent_se=float(error))
    return tables
