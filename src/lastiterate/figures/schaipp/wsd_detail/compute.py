"""wsd_detail: why the bound of tuned wsd has no logarithm, and which of its terms falls in the cooldown."""

import numpy as np

from lastiterate.bound import explicit_wsd_bound, tuned_wsd
from lastiterate.figures.bound_tables import BoundCurve
from lastiterate.figures.thinning import drawn_steps
from lastiterate.schedules import constant, wsd
from lastiterate.workflow.files import Rows


def compute(parameters, inputs=()):
    """Tables tuned, convergence (tuned wsd at each horizon), rates (constant schedule and A/sqrt(t)), fit, single_terms, theorem."""
    horizons = parameters["total_steps"]
    norm, distance, cooldown = parameters["grad_norm"], parameters["distance"], parameters["cooldown"]
    best, convergence, terms = Rows(), Rows(), Rows()
    for total_steps in sorted({*horizons, parameters["single_terms_total_steps"]}):
        curve = BoundCurve(wsd(total_steps, cooldown), norm, distance)
        base_lr, value = curve.tuned
        best.add(total_steps=total_steps, base_lr=base_lr, omega=value)
        if total_steps in horizons:
            convergence.add(total_steps=total_steps, **curve.columns(base_lr))
        if total_steps == parameters["single_terms_total_steps"]:
            distance_term, noise_terms = curve.terms(base_lr)
            terms.add(total_steps=total_steps, **curve.columns(base_lr, distance_term=distance_term, noise_terms=noise_terms))
    tuned_at = dict(zip(best.columns["total_steps"], best.columns["omega"], strict=True))
    factor = fit_inverse_sqrt(np.array(horizons), np.array([tuned_at[total_steps] for total_steps in horizons]))
    steps = drawn_steps(max(horizons))
    everywhere = BoundCurve(constant(max(horizons)), norm, distance).best.value[steps - 1]
    rates = {"t": steps, "constant_tuned": everywhere, "inverse_sqrt": factor / np.sqrt(steps)}
    fit = {"factor": [factor]}
    theorem = theorem_rows(range(*parameters["theorem_total_steps"]), cooldown, norm, distance)
    return {"tuned": best, "convergence": convergence, "rates": rates, "fit": fit, "single_terms": terms, "theorem": theorem}


def theorem_rows(horizons, cooldown: float, norm: float, distance: float) -> Rows:
    """The tuned bound, what the theorem bounds it with, and their ratio, at every horizon."""
    rows = Rows()
    for total_steps in horizons:
        value, theorem = tuned_wsd(total_steps, cooldown, norm, distance).value, explicit_wsd_bound(total_steps, cooldown, norm, distance)
        rows.add(total_steps=total_steps, omega=value, theorem=theorem, ratio=theorem / value)
    return rows


def fit_inverse_sqrt(horizons: np.ndarray, values: np.ndarray) -> float:
    """A of ``A / sqrt(T)`` by least squares in the values, as the paper fits it."""
    inverse = 1 / np.sqrt(horizons)
    return float(inverse @ values / (inverse @ inverse))
