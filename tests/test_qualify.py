"""The qualifying exam: known constants, agreement of formulas with sums, and verdicts that own up to what they cannot see."""

import math

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from lastiterate.bound import omega, tuned
from lastiterate.qualify import derive, exam
from lastiterate.schedules import cosine, wsd

C = sympy.Symbol("c", positive=True)
P = sympy.Symbol("p", positive=True)
HALF = sympy.Rational(1, 2)
WSD = lambda x: sympy.Piecewise((1, x < C), ((1 - x) / (1 - C), True))

# schedule: d, n (None where the integral diverges), l
EXACT = {
    "constant": (lambda x: sympy.Integer(1), HALF, None, HALF),
    "1/sqrt": (lambda t, T: 1 / sympy.sqrt(t), HALF / 2, None, 3 * HALF / 2),
    "linear": (lambda x: 1 - x, 1, 1, 0),
    "linear in steps": (lambda t, T: (T - t) / T, 1, 1, 0),
    "wsd in steps": (
        lambda t, T: sympy.Piecewise((3, t < C * T), (3 * (T - t) / (T - C * T), True)),
        1 / (3 * (1 + C)),
        3 + 3 * sympy.log((1 + C) / (1 - C)) / 2,
        0,
    ),
    "1-sqrt": (lambda x: 1 - sympy.sqrt(x), 3 * HALF, 3 * HALF - 3 * sympy.log(3) / 4, 0),
    "power": (lambda x: (1 - x) ** P, (P + 1) / 2, (P + 1) / (2 * P), 0),
    "wsd": (WSD, 1 / (1 + C), 1 + sympy.log((1 + C) / (1 - C)) / 2, 0),
    "floor": (lambda x: 1 - x / 2, sympy.Rational(2, 3), None, sympy.Rational(1, 4)),
}


@pytest.mark.parametrize("name", EXACT)
def test_constants_of_table_1_are_exact(name):
    schedule, distance, noise, log = EXACT[name]
    result = derive(schedule)
    values = {C: sympy.Rational(7, 10), P: sympy.Rational(3, 2)}
    same = lambda ours, theirs: abs(sympy.N((ours - sympy.sympify(theirs)).subs(values), 30)) < 1e-25
    assert same(result.distance, distance) and same(result.log, log)
    assert (result.noise is None) == (noise is None) and (noise is None or same(result.noise, noise))
    assert result.qualifies == (log == 0)


def test_cosine_to_more_digits_than_printed_and_against_another_form_of_the_integral():
    result = derive(lambda x: (1 + sympy.cos(sympy.pi * x)) / 2)
    number = result.number(result.noise, 20)
    u = sympy.Symbol("u")
    by_parts = sympy.log(sympy.pi) - sympy.Integral(sympy.sin(u) * sympy.log(u - sympy.sin(u)), (u, 0, sympy.pi)).evalf(15) / 2
    assert result.distance.equals(1) and abs(float(number) - 1.061) < 5e-4
    assert abs(float(number) - float(by_parts) / 2) < 1e-10
    assert str(number).startswith("1.06107167")


@pytest.mark.parametrize("total_steps", [2000, 20000])
def test_the_sums_approach_the_constants(total_steps):
    terms = omega(cosine(total_steps)).terms
    assert terms.distance * total_steps == pytest.approx(1.0, rel=3 / total_steps)
    assert terms.noise + terms.last == pytest.approx(1.0610716768, rel=10 / total_steps)
    fraction = 0.6
    limit = (1 + math.log((1 + fraction) / (1 - fraction)) / 2) / (1 + fraction)
    assert tuned(wsd(total_steps, 1 - fraction)).value ** 2 * total_steps / 4 == pytest.approx(limit, rel=20 / total_steps)


def test_the_last_iterate_of_inverse_sqrt_pays_three_times_what_the_table_prints():
    steps = np.array([10**4, 10**6])
    noise = [math.sqrt(T) * (omega(np.arange(1, T + 1) ** -0.5) - omega(np.arange(1, T + 1) ** -0.5).terms.distance) for T in steps]
    assert (noise[1] - noise[0]) / math.log(100) == pytest.approx(0.75, abs=0.001)


def test_peak_of_the_exam_is_that_of_the_bound():
    result = derive(WSD)
    ours = float(result.peak_lr.subs({C: sympy.Rational(4, 5), sympy.Symbol("T", positive=True): 10000}))
    assert ours == pytest.approx(tuned(wsd(10000, 0.2)).base_lr, rel=1e-3)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (lambda t, T: 1 / (1 + t), "not a power of T times a function of x"),
        (lambda x: 1 / x, "first updates dominate"),
        (lambda x: x ** -sympy.Rational(3, 4), "first updates dominate"),
        (lambda x: sympy.Piecewise((1, x > C), (2, True)), "does not read x < end"),
    ],
)
def test_what_cannot_be_derived_is_said(schedule, message):
    with pytest.raises(ValueError, match=message):
        derive(schedule)


HORIZONS = tuple(2**j for j in range(6, 18))


@pytest.mark.parametrize(
    ("schedule", "verdict"),
    [
        (lambda x: 1 - x, "pass"),
        (lambda x: (1 + np.cos(np.pi * x)) / 2, "pass"),
        (lambda x: np.minimum(1, (1 - x) / 0.2), "pass"),
        (lambda x: (1 - x) ** 0.5, "pass"),
        (lambda t, T: cosine(T).lr, "pass"),
        (lambda x: 1.0, "fail"),
        (lambda x: x, "fail"),
        (lambda t, T: t**-0.5, "fail"),
        (lambda t, T: 1 / t, "fail"),
        (lambda x: 0.1 + 0.45 * (1 + np.cos(np.pi * x)), "fail"),
    ],
)
def test_verdicts_by_numbers(schedule, verdict):
    result = exam(schedule, HORIZONS)
    assert result.verdict == verdict and result.confidence >= 0.975
    assert math.isfinite(result.limit) == (verdict == "pass")


@pytest.mark.parametrize(
    "schedule", [lambda x: (1 - x) ** 0.03, lambda x: 1 / np.log(np.e / (1 - x)), lambda x: np.minimum(1, (1 - x) * 30000)]
)
def test_slow_convergence_and_iterated_logarithms_are_undecided(schedule):
    result = exam(schedule, HORIZONS)
    assert result.verdict == "undecided" and result.confidence < 0.975 and result.limit == math.inf


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.floats(0.3, 3.0), st.floats(1e-6, 1e6))
def test_the_verdict_does_not_depend_on_the_scale_and_the_limit_is_the_exact_one(power, scale):
    result = exam(lambda x: scale * (1 - x) ** power, HORIZONS)
    assert result.verdict == "pass"
    assert result.limit == pytest.approx((power + 1) ** 2 / (4 * power), rel=0.02)
    assert result.exponent == pytest.approx(-0.5, abs=0.01)


@pytest.mark.parametrize("horizons", [[64, 128], [64, 128, 256, 512, 1024, 2000], [64.5] * 6])
def test_horizons_must_double(horizons):
    with pytest.raises(ValueError, match="horizons"):
        exam(lambda x: 1 - x, horizons)


def test_a_schedule_that_ends_in_zeros_is_refused():
    with pytest.raises(ValueError, match="lr ends with 1 zero"):
        exam(lambda t, T: 1 - t / T, HORIZONS)
