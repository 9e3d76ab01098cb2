"""exam: the qualifying exam of five schedules, by numbers and in closed form beside the published constants."""

import math

import sympy

from lastiterate.bound import omega
from lastiterate.figures.bound_tables import build_schedule
from lastiterate.qualify import derive, exam
from lastiterate.workflow.files import Rows

# Formulas of arXiv:2602.07145, Table 1, in x = t/T or (t, T), and the constants printed there: of D^2 T^(a-1)/gamma,
# of gamma G^2 T^-a (nan: not given, as ln T outgrows it), and of gamma G^2 T^-a ln T.
C = sympy.Symbol("c", positive=True)
FORMULAS = {
    "constant": (lambda x: sympy.Integer(1), (sympy.Rational(1, 2), sympy.nan, sympy.Rational(1, 2))),
    "inverse_sqrt": (lambda t, T: 1 / sympy.sqrt(t), (sympy.Rational(1, 4), sympy.nan, sympy.Rational(1, 4))),
    "linear": (lambda x: 1 - x, (1, 1, 0)),
    "cosine": (lambda x: (1 + sympy.cos(sympy.pi * x)) / 2, (1, sympy.Float("1.061"), 0)),
    "wsd": (
        lambda x: sympy.Piecewise((1, x < C), ((1 - x) / (1 - C), True)),
        (1 / (1 + C), 1 + sympy.log((1 + C) / (1 - C)) / 2, 0),
    ),
}


def compute(parameters, inputs=()):
    """Tables table1 (derived and published constants), bounds (per schedule and horizon) and verdicts."""
    bounds, verdicts = Rows(), Rows()
    horizons = [2**j for j in range(parameters["log2_min_steps"], parameters["log2_max_steps"] + 1)]
    for name, entry in parameters["schedules"].items():
        build = lambda t, T, entry=entry: build_schedule(T, **entry).lr
        result = exam(build, horizons)
        fixed = [float(omega(build_schedule(T, **entry).with_peak_lr(T**-0.5))) for T in horizons]
        bounds.add(schedule=name, total_steps=result.horizons, omega=fixed, squared_gap=result.gap)
        kept = ("verdict", "confidence", "exponent", "exponent_error", "decay", "limit")
        verdicts.add(schedule=name, **{key: getattr(result, key) for key in kept})
    return {"table1": table1(parameters["constant_fractions"]), "bounds": bounds, "verdicts": verdicts}


def table1(constant_fractions) -> Rows:
    """One row per schedule of Table 1, wsd once for each fraction of constant learning rate."""
    rows = Rows()
    for name, (formula, published) in FORMULAS.items():
        result = derive(formula)
        for fraction in constant_fractions if name == "wsd" else [math.nan]:
            at = lambda value, c=fraction, number=result.number: float(number(sympy.sympify(value).subs(C, c)))
            derived = (result.distance, result.noise if result.noise is not None else sympy.nan, result.log)
            row = {"schedule": name, "constant_fraction": fraction, "qualifies": "pass" if result.qualifies else "fail"}
            for key, ours, theirs in zip(("distance", "noise", "log"), derived, published, strict=True):
                row |= {key: at(ours), f"published_{key}": at(theirs)}
            for prefix, values in (("", derived), ("published_", published)):
                distance, noise, log = map(at, values)
                row |= dict(zip((f"{prefix}base_lr", f"{prefix}bound"), optimum(distance, log or noise), strict=True))
            rows.add(**row, squared_gap_ratio=at(result.gap) if result.qualifies else math.inf)
    return rows


def optimum(distance: float, noise: float) -> tuple[float, float]:
    """Coefficients of the best peak learning rate and of the bound there, for ``distance D^2/(gamma T) + noise gamma G^2``.

    The peak is ``sqrt(distance/noise)`` times D/(G sqrt(T)), the bound ``2 sqrt(distance noise)`` times D G/sqrt(T). For a schedule
    whose noise grows with ln T the peak is divided by sqrt(ln T) and the bound multiplied; for 1/sqrt the peak has no sqrt(T).
    """
    return math.sqrt(distance / noise), 2 * math.sqrt(distance * noise)
