"""The bound against 50-digit values, closed forms and an exact-rational twin of the original formula."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastiterate import schedules as s
from lastiterate.bound import explicit_wsd_bound, omega, omega_gradient, omega_trajectory, tuned, tuned_wsd
from lastiterate.bound.reference import reference_terms
from test_schedules import GOLDEN_FAMILIES

GOLDEN = json.loads(Path(__file__).with_name("data").joinpath("bounds.json").read_text())["cases"]
RTOL = 1e-12


@pytest.mark.parametrize("case", GOLDEN.values(), ids=GOLDEN)
def test_fifty_digit_values(case):
    schedule = GOLDEN_FAMILIES[case["schedule"]](case["T"])
    exact, standard = case["exact50"], case["standard"]
    value = omega(schedule)
    np.testing.assert_allclose(value, exact["bound"], rtol=RTOL)
    np.testing.assert_allclose(value.terms, exact["terms"], rtol=RTOL)
    np.testing.assert_allclose(tuned(schedule), (exact["gamma_star"], exact["bound_star"]), rtol=RTOL)
    np.testing.assert_allclose(omega(schedule, kind="average_iterate"), standard["bound"], rtol=RTOL)
    np.testing.assert_allclose(tuned(schedule, kind="average_iterate"), (standard["gamma_star"], standard["bound_star"]), rtol=RTOL)


@pytest.mark.parametrize("case", [c for c in GOLDEN.values() if "omega_at_t_gamma1" in c], ids=lambda c: c["schedule"])
def test_fifty_digit_trajectories_and_gradient_norms(case):
    schedule = GOLDEN_FAMILIES[case["schedule"]](case["T"])
    trajectory, best = omega_trajectory(schedule), tuned(schedule, every_t=True)
    for t, exact in case["omega_at_t_gamma1"].items():
        i = int(t) - 1
        np.testing.assert_allclose(trajectory[i], exact["bound"], rtol=RTOL)
        np.testing.assert_allclose((best.base_lr[i], best.value[i]), (exact["gamma_star"], exact["bound_star"]), rtol=RTOL)
    for name, shape in case["grad_shape"].items():
        grad_norm = np.arange(1, case["T"] + 1) ** float(name.removeprefix("t^"))
        np.testing.assert_allclose(omega(schedule, grad_norm), shape["exact50"]["bound"], rtol=RTOL)
        np.testing.assert_allclose(omega_trajectory(schedule, grad_norm)[-1], shape["exact50"]["bound"], rtol=RTOL)


@pytest.mark.parametrize("steps", [1, 2, 400, 5000])
def test_constant_schedule_closed_form(steps):
    gamma, distance, norm = 0.3, 2.0, 1.7
    t = np.arange(1, steps + 1)
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / t)[:-1]])
    expected = distance**2 / (2 * gamma * t) + gamma * norm**2 / 2 * (1 + harmonic)
    np.testing.assert_allclose(omega_trajectory(s.constant(steps, peak_lr=gamma), norm, distance), expected, rtol=1e-12)


WSD = [case for case in GOLDEN.values() if case["schedule"].startswith("wsd_linear")]


@pytest.mark.parametrize("case", WSD, ids=lambda c: f"{c['schedule']}-{c['T']}")
def test_explicit_values_of_wsd_against_fifty_digits(case):
    schedule, exact = GOLDEN_FAMILIES[case["schedule"]](case["T"]), case["exact50"]
    cooldown = (schedule.decay_steps + 1) / (case["T"] + 1)
    np.testing.assert_allclose(tuned_wsd(case["T"], cooldown), (exact["gamma_star"], exact["bound_star"]), rtol=RTOL)


def theorem(T, T0):
    """The published bracket in rational arithmetic."""
    H = lambda n: sum((Fraction(1, k) for k in range(1, n + 1)), Fraction(0))
    return Fraction(4, T + T0) * (
        Fraction(2, 3)
        + Fraction(T + 2 * T0, 3 * (T + T0))
        + (H(T + T0 - 2) - H(T - T0 + 1))
        - Fraction((T - T0) * (T0 - 1), 3 * (T - T0 + 2) * (T + T0))
        + Fraction(1, (T - T0) ** 2)
        + H(T - T0 - 1) / (T - T0 + 1)
    )


@pytest.mark.parametrize("steps", [2, 3, 7, 24])
def test_explicit_values_of_wsd_at_every_start_of_the_cooldown(steps):
    for start in range(1, steps):
        cooldown = 1.0 if start == 1 else (steps + 1 - start + 0.5) / (steps + 1)
        schedule = s.wsd(steps, cooldown)
        assert (schedule.lr == 1).sum() == start  # T0
        best = tuned(schedule, 3.0, 0.7)
        np.testing.assert_allclose(tuned_wsd(steps, cooldown, 3.0, 0.7), best, rtol=RTOL)
        explicit = explicit_wsd_bound(steps, cooldown, 3.0, 0.7)
        np.testing.assert_allclose(explicit, 2.1 * float(theorem(steps, start)) ** 0.5, rtol=RTOL)
        assert explicit > best.value or start == 1


def test_no_logarithm_is_left_in_the_bound_of_wsd():
    limit = {"exact": 2 * np.sqrt((1 + np.log(9) / 2) / 1.8), "theorem": 2 * np.sqrt((1 + np.log(9)) / 1.8)}
    for steps in (10**6, 10**12):
        np.testing.assert_allclose(tuned_wsd(steps).value * steps**0.5, limit["exact"], rtol=1e-4)
        np.testing.assert_allclose(explicit_wsd_bound(steps) * steps**0.5, limit["theorem"], rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((400, 0), "executes no update below"), ((400, 1.2), "cooldown"), ((400, 0.2, 0), "grad_norm"), ((400, 0.2, 1, 0), "distance")],
)
def test_explicit_values_of_wsd_refuse(arguments, message):
    with pytest.raises(ValueError, match=message):
        explicit_wsd_bound(*arguments)
    with pytest.raises(ValueError, match=message):
        tuned_wsd(*arguments)


def random_lr(rng, steps, kind):
    if kind == "uniform":
        return rng.uniform(0, 1, steps)
    if kind == "log-uniform":
        return 10.0 ** rng.uniform(-10, 0, steps)
    if kind == "zeros inside":
        lr = rng.uniform(0, 1, steps)
        lr[rng.random(steps) < 0.3] = 0.0
        lr[-1] = 0.5
        return lr
    if kind == "tiny at the end":
        return np.concatenate([np.ones(steps - 2), [1e-10, 1e-12]])
    raise AssertionError(kind)


@pytest.mark.parametrize("kind", ["uniform", "log-uniform", "zeros inside", "tiny at the end"])
@pytest.mark.parametrize("steps", [3, 31, 64, 150])
def test_equals_the_original_formula_in_rational_arithmetic(rng, kind, steps):
    lr = random_lr(rng, steps, kind)
    grad_norm = rng.uniform(0.1, 3, steps)
    distance = 1.25
    (terms,) = reference_terms(lr, grad_norm, distance, steps=[steps])
    value = omega(lr, grad_norm, distance)
    np.testing.assert_allclose(value, float(sum(terms)), rtol=RTOL)
    np.testing.assert_allclose(value.terms[:2], [float(t) for t in terms[:2]], rtol=RTOL)
    np.testing.assert_allclose(value.terms.last, float(terms[2]), rtol=RTOL, atol=RTOL * value)
    np.testing.assert_allclose(omega_trajectory(lr, grad_norm, distance)[-1], float(sum(terms)), rtol=RTOL)


def test_trajectory_is_omega_of_every_prefix(rng):
    lr, grad_norm = rng.uniform(0.1, 1, 700), rng.uniform(0.5, 2, 700)
    for kind in ("last_iterate", "average_iterate"):
        expected = [omega(lr[:t], grad_norm[:t], 2.0, kind=kind) for t in range(1, 701)]
        np.testing.assert_allclose(omega_trajectory(lr, grad_norm, 2.0, kind=kind), expected, rtol=1e-13)
        best = [tuned(lr[:t], grad_norm[:t], 2.0, kind=kind) for t in range(1, 701)]
        np.testing.assert_allclose(np.stack(tuned(lr, grad_norm, 2.0, kind=kind, every_t=True), axis=1), best, rtol=1e-13)


def test_learning_rates_of_zero():
    lr = [0.0, 1.0, 0.0, 0.5]
    trajectory = omega_trajectory(lr)
    assert np.isinf(trajectory[[0, 2]]).all()
    assert trajectory[[1, 3]].tolist() == [omega([1.0]), omega([1.0, 0.5])]
    average = omega_trajectory(lr, kind="average_iterate")
    assert np.isinf(average[0]) and average[2] == average[1]
    best = tuned(lr, every_t=True)
    assert best.base_lr[2] == 0 and np.isinf(best.value[2])


@given(st.lists(st.floats(1e-3, 1.0), min_size=1, max_size=60), st.floats(0.01, 100), st.floats(0.01, 100), st.floats(0.01, 100))
def test_scaling_in_base_lr_distance_and_gradient_norm(lr, gamma, distance, norm):
    base = omega(lr)
    first, rest = base.terms.distance, base.terms.noise + base.terms.last
    expected = distance**2 * first / gamma + gamma * norm**2 * rest
    np.testing.assert_allclose(omega(gamma * np.array(lr), norm, distance), expected, rtol=1e-12)
    best = tuned(lr, norm, distance)
    np.testing.assert_allclose(omega(best.base_lr * np.array(lr), norm, distance), best.value, rtol=1e-12)
    assert omega(1.01 * best.base_lr * np.array(lr), norm, distance) >= best.value * (1 - 1e-14)
    assert omega(0.99 * best.base_lr * np.array(lr), norm, distance) >= best.value * (1 - 1e-14)


BAD = [
    (lambda: omega([]), r"lr has shape \(0,\)"),
    (lambda: omega([1.0, -0.5]), "update 2 has -0.5"),
    (lambda: omega([float("nan")]), "update 1 has nan"),
    (lambda: omega([1.0, float("inf")]), "update 2 has inf"),
    (lambda: omega([0.0, 0.0]), "all 2 values are 0"),
    (lambda: omega([1.0, 0.5, 0.0, 0.0]), r"lr ends with 2 zero\(s\).*pass lr\[:2\]"),
    (lambda: tuned([1.0, 0.0]), r"pass lr\[:1\]"),
    (lambda: omega([1.0, 1.0], [1.0]), r"grad_norm has shape \(1,\), expected a number or shape \(2,\)"),
    (lambda: omega([1.0, 1.0], [1.0, -1.0]), "grad_norm=-1 at update 2 must be finite and >= 0"),
    (lambda: omega([1.0], float("nan")), "grad_norm=nan must be finite"),
    (lambda: omega([1.0], distance=0.0), r"distance=0 must lie in \(0, inf\)"),
    (lambda: omega([1.0], kind="best_iterate"), "kind='best_iterate' is not known: use one of 'last_iterate', 'average_iterate'"),
    (lambda: tuned([1.0, 1.0], grad_norm=0.0), "grad_norm is 0 at every update"),
    (lambda: omega([1.0, 1e-200]), "lr: update 2 has 1e-200, whose square float64 cannot hold: use 0, or at least 1e-150"),
    (lambda: omega_trajectory([1e308, 1e308]), "the sum of the learning rates overflows float64: express lr"),
    (lambda: omega_trajectory([1e200, 1.0]), r"the sum of lr\^2 \* grad_norm\^2 overflows float64"),
    (lambda: omega([1.0, 1e-140], 1e100), "the bound overflows float64"),
    (lambda: omega_trajectory([1.0], distance=1e200), "the bound overflows float64"),
    (lambda: omega_trajectory([1.0], rtol=1e-14), "rtol=1e-14 is below 1e-13, the least that sums in float64 can promise"),
    (lambda: omega_trajectory([1.0], rtol=0.0), r"rtol=0 must lie in \(0, 1\]"),
    (lambda: omega_gradient([1.0, 0.0]), r"pass lr\[:1\]"),
    (lambda: omega_gradient([1.0, 1.0], weights=[1.0]), r"weights has shape \(1,\), expected \(2,\)"),
    (lambda: omega_gradient([1.0, 1.0], weights=[1.0, np.nan]), "weights: update 2 has nan, expected a finite number"),
    (lambda: omega_gradient([1.0, 0.0], weights=[1.0, 2.0]), "weights: update 2 has 2, but the bound is infinite there"),
    (lambda: reference_terms([1.0, 0.0], steps=[2]), "steps: update 2 has learning rate 0"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input_names_value_rule_and_fix(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("function", [omega, omega_trajectory, tuned, omega_gradient])
def test_more_updates_than_memory_are_refused_before_allocating(function):
    with pytest.raises(MemoryError, match=r"lr has 1000000000000000 updates, which take 111758709 GiB .* evaluate a coarser schedule"):
        function(np.broadcast_to(1.0, 10**15))
