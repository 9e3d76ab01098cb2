"""Schedule optimisation: known minima, constraints, and certificates that hold."""

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from lastiterate import schedules as s
from lastiterate.bound import omega, optimise_schedule, tuned
from lastiterate.logs import epfml
from lastiterate.workflow.sources import load_sources

CONSTRAINTS = {
    "free": {},
    "monotone": {"monotone": True},
    "floor": {"floor": 0.01},
    "warmup": {"warmup": np.linspace(1e-10, 1, 20, endpoint=False)},
    "all": {"monotone": True, "floor": 0.01, "warmup": np.linspace(1e-10, 1, 20, endpoint=False)},
}


def norms(name, steps):
    t = np.arange(1, steps + 1) / steps
    return {
        "constant": np.ones(steps),
        "decaying": (t * steps) ** -0.3,
        "rising": 0.5 + t,
        "overfitting": np.where(t > 0.7, np.exp(-6 * (t - 0.7)), 1.0),
        "noisy": np.exp(np.random.default_rng(3).normal(0, 0.3, steps)),
    }[name]


def refined(norm):
    """The closed-form schedule of arXiv:2310.07831 for weights G_t^-2."""
    weights = norm**-2.0
    return weights * np.cumsum(weights[::-1])[::-1]


def test_one_and_two_updates():
    lr, value, gap, history, reason = optimise_schedule(1, grad_norm=2.0, distance=3.0, rtol=1e-9)
    np.testing.assert_allclose([lr[0], value, history[-1]], [1.5, 6.0, 6.0], rtol=1e-8)
    assert gap <= 1e-9 and reason == "certified"
    options = {"xatol": 1e-9, "fatol": 1e-12}
    best = minimize(lambda z: float(omega(np.exp(z), [1.0, 2.0])), [-1.0, -1.0], method="Nelder-Mead", options=options)
    np.testing.assert_allclose(optimise_schedule(2, [1.0, 2.0], rtol=1e-7).value, best.fun, rtol=2e-7)


@pytest.mark.slow
def test_a_hundred_updates_reach_the_minimum():
    result = optimise_schedule(100, rtol=1e-7)
    assert result.reason == "certified"
    np.testing.assert_allclose(result.value, 0.20011436, rtol=2e-7)  # linear decay: 0.2036
    assert result.value == omega(result.lr)


def test_a_hundred_thousand_updates_reach_linear_decay():
    result = optimise_schedule(100_000)
    linear = tuned(s.linear(100_000))
    np.testing.assert_allclose(result.value, linear.value, rtol=1e-4)
    assert result.reason == "certified" and len(result.history) < 100
    inner = slice(1000, 90_000)
    np.testing.assert_allclose(result.lr[inner], linear.base_lr * s.linear(100_000).lr[inner], rtol=0.01)


@pytest.mark.parametrize("norm", ["constant", "decaying", "rising", "overfitting", "noisy"])
@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_constraints_hold_and_certificates_are_true(norm, constraint):
    norm, kwargs = norms(norm, 300), CONSTRAINTS[constraint]
    rough = optimise_schedule(300, norm, 2.0, rtol=0.03, **kwargs)
    fine = optimise_schedule(300, norm, 2.0, rtol=1e-6, **kwargs)
    assert fine.gap < 1e-3 and fine.value <= rough.value * (1 + 1e-12)
    assert fine.value >= (1 - rough.gap) * rough.value
    assert (np.diff(fine.history) <= 0).all() and fine.history[-1] == pytest.approx(fine.value, rel=1e-12)
    lr = fine.lr
    if "warmup" in kwargs:
        np.testing.assert_allclose(lr[:20], kwargs["warmup"] * lr[20], rtol=1e-12)
        lr = lr[20:]
    if "floor" in kwargs:
        assert lr.min() >= 0.01
    if "monotone" in kwargs:
        assert (np.diff(lr) <= 1e-12 * lr[:-1]).all()
    if constraint == "free":
        assert fine.value < tuned(refined(norm), norm, 2.0).value
        assert fine.value < tuned(s.linear(300), norm, 2.0).value
    else:
        assert fine.value >= optimise_schedule(300, norm, 2.0, rtol=1e-6).value * (1 - 1e-6)


def test_units_only_scale_the_result():
    one, other = optimise_schedule(50, rtol=1e-8), optimise_schedule(50, 10.0, 0.3, rtol=1e-8)
    np.testing.assert_allclose(other.value, 3.0 * one.value, rtol=1e-7)
    np.testing.assert_allclose(other.lr, 0.03 * one.lr, rtol=1e-3)


def test_progress_and_iteration_limit(capsys):
    seen = []
    result = optimise_schedule(200, norms("noisy", 200), max_iterations=7, progress=lambda *args: seen.append(args))
    assert result.reason == "max_iterations" and len(result.history) == 8
    assert [iteration for iteration, _, _ in seen] == list(range(1, 8))
    assert seen[-1] == (7, result.history[-1], result.gap)
    optimise_schedule(50, progress=True)
    captured = capsys.readouterr()
    assert captured.out == "" and "\riteration 3: bound 0." in captured.err and captured.err.endswith("\n")


BAD = [
    ({"total_steps": 0}, "total_steps=0 must be at least 1"),
    ({"total_steps": 2.5}, "total_steps=2.5 must be an integer"),
    ({"grad_norm": [1.0]}, r"grad_norm has shape \(1,\)"),
    ({"grad_norm": [1.0, 0.0, 1.0]}, "grad_norm must be positive at every update"),
    ({"distance": 0.0}, "distance=0 must lie in"),
    ({"floor": 0.0}, "floor=0 must lie in"),
    ({"warmup": [0.1, 0.5, 0.9]}, r"warmup has shape \(3,\), expected \(W,\), W < total_steps=3"),
    ({"warmup": [0.0]}, "warmup has a factor that is not finite and > 0: start the warmup from 1e-10"),
    ({"rtol": 0.0}, "rtol=0 must lie in"),
    ({"max_iterations": 0}, "max_iterations=0 must be at least 1"),
]


@pytest.mark.parametrize(("kwargs", "message"), BAD)
def test_bad_input_names_value_rule_and_fix(kwargs, message):
    with pytest.raises(ValueError, match=message):
        optimise_schedule(**{"total_steps": 3} | kwargs)
    with pytest.raises(MemoryError, match="evaluate a coarser schedule"):
        optimise_schedule(10**15)


@pytest.mark.parametrize("name", ["cos-zero-124m", "ann124-0.2"])
def test_observed_gradient_norms_beat_the_refined_schedule(mirror, name):
    # the schedule of arXiv:2310.07831 for the norms of a public run, unsmoothed: weights G^-2 times their tail sums
    files = load_sources(Path(__file__).parents[1] / "config/sources.csv")["schaipp_grad_norm"].files
    entry = next(file for file in files if f"/{name}_" in file.path and "_lr0.001_" in file.path)
    run = epfml.read(mirror / entry.key, entry.path)
    norm = np.interp(np.arange(1, run.schedule.total_steps), *run.series["grad_norm"])
    weights = norm**-2
    refined = weights * (np.cumsum(weights[::-1])[::-1] - weights + norm[-1] ** -2)
    best = optimise_schedule(norm.size, norm)
    assert best.value < tuned(refined, norm).value
