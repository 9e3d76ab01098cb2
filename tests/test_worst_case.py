"""The exact worst case: against the function that attains it, exact arithmetic, semidefinite programs, and known optima."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lastiterate import schedules as s
from lastiterate.bound import omega_trajectory
from lastiterate.bound import tuned as tuned_omega
from lastiterate.figures.schaipp.lower_bound.compute import compute, optimise
from lastiterate.workflow.claims import load_claims
from lastiterate.worst_case import (
    lower_bound,
    optimise_worst_case,
    tuned_worst_case,
    worst_case,
    worst_case_trajectory,
    worst_instance,
)

FIVE = {"wsd": s.wsd(60), "cosine": s.cosine(60), "constant": s.constant(60), "1/sqrt": s.inverse_sqrt(60), "linear": s.linear(60)}
CONSISTENT = {"wsd": 0.142072959, "cosine": 0.132065636, "constant": 0.178097749, "1/sqrt": 0.154781492, "linear": 0.129446852}
SHIFTED = {"wsd": 0.139602232, "cosine": 0.133231494, "constant": 0.178097749, "1/sqrt": 0.154199399, "linear": 0.129212285}
ODD = {
    "one update": [0.3],
    "two updates": [2.0, 1.0],
    "zeros": [0.0, 0.7, 0.0, 0.0, 0.2, 0.0, 0.4, 0.0],
    "zero until the end": [0.0, 0.0, 1.0],
    "a jump at the end": [0.1, 0.1, 0.1, 3.0, 1.0],
    "a jump at the start": [5.0, 0.1, 0.2, 0.1, 1.0],
    "rising": np.linspace(0.01, 1.0, 12),
    "tiny": [1e-3] * 10,
    "huge range": [1e-200, 1.0, 1e-150, 1e150, 3.0, 1e-300, 1.0],
    "equal to the potential": [4.0, 1.0, 1.0],
}


def schedule_strategy():
    """Up to 25 learning rates, some of them 0, spread over up to several orders of magnitude."""
    spread = st.sampled_from([0.3, 2.0, 8.0])
    return st.tuples(st.integers(0, 2**32), st.integers(1, 25), spread, st.floats(-3, 3), st.floats(0, 0.5)).map(draw_schedule)


def draw_schedule(arguments):
    seed, steps, spread, scale, zeros = arguments
    rng = np.random.default_rng(seed)
    lr = np.exp(scale + spread * rng.standard_normal(steps)) * (rng.random(steps) >= zeros)
    return lr if lr.any() else lr + 1.0


def check_instance(lr, grad_norm, distance):
    """Run the subgradient method on the instance: every claim that `worst_instance` makes, to rounding."""
    value = worst_case(lr, grad_norm, distance)
    f = worst_instance(lr, grad_norm, distance)
    np.testing.assert_allclose(np.linalg.norm(f.subgradients, axis=1), grad_norm, rtol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(f.start), distance, rtol=1e-12)
    assert f(np.zeros(f.start.size)) == 0 and len(f.subgradients) == len(lr)
    x = f.start
    for k, (step, g) in enumerate(zip(lr, f.subgradients, strict=True)):
        assert f(x) - g @ x <= 1e-12 * max(value, grad_norm * np.linalg.norm(x))  # g is active, hence a subgradient, at x_{k+1}
        if k < len(lr) - 1:
            x = x - step * g
    np.testing.assert_allclose([f(x), f.value], value, rtol=1e-11, atol=1e-13 * grad_norm * np.linalg.norm(x))


@settings(max_examples=300, derandomize=True, deadline=None)
@given(schedule_strategy(), st.floats(-3, 3), st.floats(-3, 3))
def test_the_method_really_does_that_badly(lr, log_norm, log_distance):
    check_instance(lr, np.exp(log_norm), np.exp(log_distance))


@pytest.mark.parametrize("name", [name for name in ODD if name != "huge range"])
@pytest.mark.parametrize("distance", [1e-3, 1.0, 100.0])
def test_the_method_does_that_badly_on_odd_schedules(name, distance):
    check_instance(np.array(ODD[name]), 2.0, distance)


@pytest.mark.parametrize("name", FIVE)
def test_the_method_does_that_badly_on_the_five_schedules(name):
    check_instance(FIVE[name].lr * tuned_omega(FIVE[name]).base_lr, 1.0, 1.0)


def test_steps_too_small_to_overshoot_fall_down_a_cone():
    f = worst_instance([0.1, 0.2, 0.1], grad_norm=3.0, distance=10.0)
    assert f.subgradients.tolist() == [[3.0]] * 3 and f.start.tolist() == [10.0]
    assert f.value == pytest.approx(3.0 * (10.0 - 0.3 * 3.0), rel=1e-15)


def exact(lr, grad_norm=1, distance=1):
    """The recursion as published, u alone, in rational numbers."""
    steps = [Fraction(float(x)) for x in lr[:-1]]
    grad_norm, distance = Fraction(grad_norm), Fraction(distance)
    u = Fraction(0)
    for x in reversed(steps):
        if x:
            u = max(u, x)
            u = (u + x) ** 2 / u
    u = max(u, distance / grad_norm)
    return float(distance**2 / (2 * u) + grad_norm**2 * (u / 2 - sum(steps)))


@settings(max_examples=100, derandomize=True, deadline=None)
@given(schedule_strategy(), st.floats(0.01, 100), st.floats(0.01, 100))
def test_values_equal_rational_arithmetic(lr, grad_norm, distance):
    lr = lr[:10]  # numerators double with every step
    if lr.any():
        np.testing.assert_allclose(worst_case(lr, grad_norm, distance), exact(lr, grad_norm, distance), rtol=1e-14)


@pytest.mark.parametrize("name", ODD)
def test_odd_schedules_equal_rational_arithmetic(name):
    np.testing.assert_allclose(worst_case(ODD[name]), exact(ODD[name]), rtol=1e-14)


def test_nothing_cancels_in_long_or_extreme_runs():
    np.testing.assert_allclose(worst_case([1e-320, 1e-310, 1.0]), 1.0, rtol=1e-15)
    np.testing.assert_allclose(worst_case([1e306, 1e-300, 1.0]), 1e306, rtol=1e-15)
    np.testing.assert_allclose(tuned_worst_case([1e-290, 2e-290, 1.0]).value, tuned_worst_case([1.0, 2.0, 1.0]).value, rtol=1e-14)
    eta = 1 - np.arange(1, 100_001) / 100_000
    np.testing.assert_allclose(tuned_worst_case(eta), [100_000**-0.5] * 2, rtol=1e-11)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(schedule_strategy())
def test_every_t_is_the_value_of_the_prefix(lr):
    lr = lr[np.argmax(lr > 0) :]
    every, best = worst_case_trajectory(lr, 2.0, 3.0), tuned_worst_case(lr, 2.0, 3.0, every_t=True)
    assert every.shape == best.value.shape == best.base_lr.shape == lr.shape
    assert every[0] == best.value[0] == 6.0 and np.isnan(best.base_lr[0])
    for t in range(2, lr.size + 1):
        assert every[t - 1] == worst_case(lr[:t], 2.0, 3.0)
        np.testing.assert_allclose([best.base_lr[t - 1], best.value[t - 1]], tuned_worst_case(lr[:t], 2.0, 3.0), rtol=1e-15)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(schedule_strategy(), st.floats(0.05, 20), st.floats(0.05, 20))
def test_the_tuned_base_lr_is_the_minimum(lr, grad_norm, distance):
    if not lr[:-1].any():
        return
    base_lr, best = tuned_worst_case(lr, grad_norm, distance)
    assert worst_case(base_lr * lr, grad_norm, distance) == pytest.approx(best, rel=1e-12)
    for factor in (1e-3, 0.5, 0.99, 1.01, 2.0, 1e3):
        assert worst_case(factor * base_lr * lr, grad_norm, distance) >= best * (1 - 1e-12)
    assert best >= lower_bound(lr.size, grad_norm, distance) * (1 - 1e-12)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(schedule_strategy(), schedule_strategy(), st.floats(0, 1))
def test_the_value_is_convex_below_omega_and_scales(lr, other, mix):
    size = min(lr.size, other.size)
    lr, other = lr[:size], other[:size]
    if not (lr.any() and other.any()):
        return
    between = worst_case(mix * lr + (1 - mix) * other)
    assert between <= (mix * worst_case(lr) + (1 - mix) * worst_case(other)) * (1 + 1e-12)
    assert (worst_case_trajectory(lr, 2.0, 3.0) <= omega_trajectory(lr, 2.0, 3.0) * (1 + 1e-9)).all()
    np.testing.assert_allclose(worst_case(lr * 1.5, 2.0, 3.0), 6.0 * worst_case(lr), rtol=1e-13)


def test_a_step_of_zero_is_no_step_and_the_last_one_does_not_enter():
    lr = np.array([0.5, 0.2, 0.3, 0.1])
    assert worst_case([0.0, 0.5, 0.0, 0.2, 0.3, 0.0, 0.1]) == worst_case(lr) == worst_case([*lr[:3], 7.0])
    assert worst_case([0.0, 0.0, 1.0], 2.0, 3.0) == worst_case([1.0], 2.0, 3.0) == 6.0


@pytest.mark.parametrize("name", FIVE)
def test_known_values_at_sixty_updates(name):
    lr = FIVE[name].lr * tuned_omega(FIVE[name]).base_lr
    assert worst_case(lr) == pytest.approx(CONSISTENT[name], abs=6e-10)
    assert worst_case([*lr[1:], 1.0]) == pytest.approx(SHIFTED[name], abs=6e-10)


def test_linear_decay_to_zero_and_nothing_else_is_optimal(rng):
    for steps in (2, 3, 10, 60):
        eta = (1 - np.arange(1, steps + 1) / steps) * 3.0 / (2.0 * steps**0.5)
        bound = lower_bound(steps, 2.0, 3.0)
        assert bound == 6.0 / steps**0.5
        np.testing.assert_allclose(worst_case(eta, 2.0, 3.0), bound, rtol=1e-13)
        f = worst_instance(eta, 2.0, 3.0)
        np.testing.assert_allclose(f.subgradients @ f.subgradients.T, 4.0 * np.eye(steps), atol=1e-12)  # orthogonal
        for _ in range(20):
            other = eta * np.exp(0.1 * rng.choice([-1.0, 1.0], steps))
            assert worst_case(other, 2.0, 3.0) > bound * (1 + 1e-8)


STARTS = {
    "constant": None,
    "linear": s.linear(60),
    "1/sqrt": s.inverse_sqrt(60),
    "wsd": s.wsd(60),
    "rising": np.arange(1, 61.0),
    "random": np.exp(np.random.default_rng(5).normal(0, 2, 60)),
}


@pytest.mark.parametrize("start", STARTS)
def test_every_start_ends_at_linear_decay(start):
    best = optimise_worst_case(60, 2.0, 3.0, start=STARTS[start], rtol=1e-9)
    assert best.reason == "certified" and 0 <= best.gap <= 1e-9
    assert best.value == worst_case(best.lr, 2.0, 3.0) and best.history[-1] == pytest.approx(best.value, rel=1e-12)
    assert (np.diff(best.history) <= 0).all()
    np.testing.assert_allclose(best.lr, (1 - np.arange(1, 61) / 60) * 1.5 / 60**0.5, atol=1e-4 * best.lr.max())


def test_a_cut_search_says_so():
    best = optimise_worst_case(60, max_iterations=2)
    assert best.reason == "max_iterations" and len(best.history) == 3 and best.gap > 1e-4
    assert (1 - best.gap) * best.value == pytest.approx(60**-0.5, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: worst_case([1.0, -1.0]), "update 2 has -1, expected a finite number >= 0"),
        (lambda: worst_case([0.0, 0.0]), "all 2 values are 0"),
        (lambda: worst_case([[1.0]]), "lr has shape (1, 1)"),
        (lambda: worst_case([1.0], grad_norm=[1.0, 2.0]), "grad_norm=[1.0, 2.0] must be a number"),
        (lambda: worst_case([1.0], grad_norm=0.0), "grad_norm=0 must lie in (0, inf)"),
        (lambda: worst_case([1.0], distance=-1.0), "distance=-1 must lie in (0, inf)"),
        (lambda: worst_case([1.0], grad_norm=1e-300, distance=1e300), "distance / grad_norm=inf left the range of float64"),
        (lambda: worst_case([1e308, 1.0]), "four times the sum of the learning rates overflows float64"),
        (lambda: worst_case([1e300, 1.0], grad_norm=1e10), "the worst case overflows float64"),
        (lambda: tuned_worst_case([1.0]), "lr has no positive step before x_1"),
        (lambda: tuned_worst_case([0.0, 1.0]), "lr has no positive step before x_2"),
        (lambda: lower_bound(0), "total_steps=0 must be at least 1"),
        (lambda: optimise_worst_case(1), "total_steps=1 must be at least 2"),
        (lambda: optimise_worst_case(5, rtol=0.0), "rtol=0 must lie in (0, 1]"),
        (lambda: optimise_worst_case(5, start=[1.0, 1.0]), "start must have 5 entries"),
        (lambda: optimise_worst_case(3, start=[1.0, 0.0, 1.0]), "all but the last positive"),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert message in str(error.value)


def test_the_figure_compares_the_same_iterates_and_decides_the_claims():
    root = Path(__file__).parents[1]
    parameters = yaml.safe_load((root / "config/config.yaml").read_text())["schaipp"]["lower_bound"]
    tables = compute({"distance": 1.0, "grad_norm": 1.0, **parameters, "long_total_steps": 100})
    final = tables["final"].columns
    values = {name: i for i, name in enumerate(final["schedule"])}
    for name, i in values.items():
        assert final["exact"][i] == pytest.approx(CONSISTENT[name], abs=6e-10)
        assert final["lower_bound"][i] <= final["tuned_exact"][i] <= final["exact"][i] < final["omega"][i]
    claims = [c for c in load_claims(root / "config/claims.csv") if c["table"] == "schaipp/lower_bound/final"]
    assert len(claims) == 5
    for claim in claims:
        ours = final[claim["column"]][values[claim["select"].removeprefix("schedule=")]]
        assert ours == pytest.approx(float(claim["published"]), rel=1e-5)  # the published solver's error
    assert tables["long_horizon"].columns["t"][:99] == list(range(2, 101))
    ends = np.array(tables["optimised"].columns["lr"]) - tables["optimised"].columns["lr_linear"]
    assert np.abs(ends).max() < 1e-3 * max(tables["optimised"].columns["lr"])


def test_a_descent_that_does_not_arrive_stops_the_figure():
    with pytest.raises(ValueError, match=r"the descent from a ended max_iterations, certified to .* only: raise"):
        optimise({}, (1.0, 1.0), 30, {"a": {"family": "constant"}}, 1e-8, 2)


@pytest.fixture(scope="session")
def sdp():
    pytest.importorskip("PEPit", reason="needs the extra worst-case", exc_type=ImportError)
    from lastiterate.worst_case import sdp

    return sdp


SDP_TABLE = [(name, lr, 2.0, 0.7) for name, lr in ODD.items() if name not in ("one update", "huge range")]
SDP_TABLE += [
    (f"{name} {factor}", s.FAMILIES[name](15, peak_lr=factor), 1.0, 1.0) for name in ("wsd", "cosine", "linear") for factor in (0.1, 0.5)
]
SDP_TABLE += [(f"random {seed}", draw_schedule((seed, 3 + 2 * seed, 0.5 + seed % 3, -1.0, 0.2)), 1.0, 1.0) for seed in range(7)]


@pytest.mark.slow
@pytest.mark.parametrize("modeller", ["cvxpy", "pepit"])
@pytest.mark.parametrize(("lr", "grad_norm", "distance"), [row[1:] for row in SDP_TABLE], ids=[row[0] for row in SDP_TABLE])
def test_semidefinite_programs_agree(sdp, lr, grad_norm, distance, modeller):
    value = sdp.worst_case_sdp(lr, grad_norm, distance, modeller=modeller)
    np.testing.assert_allclose(value, worst_case(lr, grad_norm, distance), rtol=2e-7)


@pytest.mark.slow
@pytest.mark.parametrize("modeller", ["cvxpy", "pepit"])
def test_a_solver_that_does_not_converge_is_an_error(sdp, modeller):
    with pytest.raises(sdp.SolverError, match=f"{modeller}, Clarabel: status 'user_limit' after 1 iterations, so there is no value"):
        sdp.worst_case_sdp(s.linear(6), modeller=modeller, max_iter=1)
    with pytest.raises(ValueError, match="modeller='matlab' is not known"):
        sdp.worst_case_sdp(s.linear(6), modeller="matlab")
