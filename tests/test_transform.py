"""Every path of the bound over one problem table, equal to the exact three-term formula; properties; gradients."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastiterate import schedules as s
from lastiterate.bound import omega, omega_gradient, omega_trajectory, transform, tuned
from lastiterate.bound.direct import DirectTransform, last_sum
from lastiterate.bound.fast import FastTransform
from lastiterate.bound.reference import reference_terms
from lastiterate.bound.skeleton import gather, spread, zolotarev
from lastiterate.bound.sums import cumulative

RTOL = 1e-12
STEPS = [1, 2, 3, 31, 32, 33, 64, 65, 2047, 2048, 2049]


def random(steps):
    return np.random.default_rng(steps)


def sparse(steps):
    lr = random(steps).uniform(0, 1, steps) * (random(steps + 1).random(steps) < 0.7)
    lr[-1] = 0.5
    return lr


PROBLEMS = {
    "constant": lambda n: s.constant(n).lr,
    "wsd": lambda n: s.wsd(n, 0.2).lr,
    "wsd 1-sqrt": lambda n: s.wsd(n, 0.4, "1-sqrt").lr,
    "wsd exponential": lambda n: s.wsd(n, 0.5, "exponential", final_lr_ratio=1e-6).lr,
    "linear": lambda n: s.linear(n).lr,
    "linear to exactly 0": lambda n: 1 - np.arange(n) / max(1, n - 1) if n > 1 else np.ones(1),
    "1-sqrt": lambda n: s.one_minus_sqrt(n).lr,
    "polynomial": lambda n: s.polynomial(n, 4.0).lr,
    "cosine": lambda n: s.cosine(n).lr,
    "inverse sqrt": lambda n: s.inverse_sqrt(n, 0.2).lr,
    "two stages": lambda n: s.two_stage(n, n // 2, 0.1).lr if n > 3 else np.array([1, 1, 0.1])[:n],
    "cyclic": lambda n: s.cyclic(n, max(2, n // 7)).lr,
    "piecewise": lambda n: s.piecewise(n, [n // 3, n // 2, 2 * n // 3], [1e-6, 10.0, 1e-3, 1.0]).lr if n > 30 else np.ones(n),
    "warmup from 1e-10": lambda n: s.cosine(n, warmup_steps=n // 3).lr if n > 3 else np.array([1e-10, 0.5, 1])[:n],
    "geometric up": lambda n: np.geomspace(1e-10, 1, n),
    "geometric down": lambda n: np.geomspace(1, 1e-10, n),
    "uniform": lambda n: random(n).uniform(0.01, 1, n),
    "log-uniform": lambda n: 10.0 ** random(n).uniform(-10, 0, n),
    "zeros inside": sparse,
    "spikes": lambda n: np.where(np.arange(n) % 97 == 50, 100.0, 1e-3),
    "tiny at the end": lambda n: np.concatenate([np.ones(n), [1e-10, 1e-12]])[-n:],
}


def problem(name, steps):
    """Learning rates, gradient norms (a fifth of them 0) and a few updates that move."""
    lr = np.asarray(PROBLEMS[name](steps))
    rng = random(steps + 7)
    norm = rng.uniform(0.1, 3, steps) * (rng.random(steps) < 0.8)
    moves = np.flatnonzero(lr) + 1
    norm[moves[0] - 1] = 1.0  # else no base LR is best at the first updates
    chosen = moves if moves.size <= 65 else np.unique(np.concatenate([moves[:2], moves[-3:], rng.choice(moves, 12)]))
    return lr, norm, chosen


def check_all_paths(name, steps, chosen, lr, norm):
    exact = [tuple(map(float, terms)) for terms in reference_terms(lr, norm, 1.25, steps=chosen)]
    expected = np.array([sum(terms) for terms in exact])
    trajectory = omega_trajectory(lr, norm, 1.25)
    np.testing.assert_allclose(trajectory[chosen - 1], expected, rtol=RTOL)
    best = tuned(lr, norm, 1.25, every_t=True)
    np.testing.assert_allclose(best.value[chosen - 1], [2 * np.sqrt(d * (a + b)) for d, a, b in exact], rtol=RTOL)
    moves = lr > 0
    if moves[-1]:
        value = omega(lr, norm, 1.25)
        np.testing.assert_allclose(value, expected[-1], rtol=1e-13)
        np.testing.assert_allclose(value.terms[:2], exact[-1][:2], rtol=1e-13)
    positive, charges = lr[moves], (lr * norm)[moves] ** 2
    direct = DirectTransform(positive).apply(charges)
    for rtol in (1e-4, 1e-8, 1e-12, 1e-13):
        order = transform._order(rtol, 1)
        np.testing.assert_allclose(FastTransform(positive, zolotarev(order)).apply(charges), direct, rtol=rtol, atol=0, err_msg=name)


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_path_equals_the_exact_formula(name):
    for steps in STEPS:
        lr, norm, chosen = problem(name, steps)
        check_all_paths(name, steps, chosen, lr, norm)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cosine", "wsd exponential", "piecewise", "log-uniform", "zeros inside", "spikes", "tiny at the end"])
def test_every_path_equals_the_exact_formula_at_every_update(name):
    lr, norm, _ = problem(name, 2049)
    check_all_paths(name, 2049, np.flatnonzero(lr) + 1, lr, norm)


@pytest.mark.parametrize("name", ["wsd", "cosine", "geometric down", "log-uniform", "spikes"])
def test_long_runs_agree_with_sums_at_single_updates(name):
    lr = PROBLEMS[name](100_003)
    charges = lr**2
    sums = transform.cauchy_transform(lr, RTOL).apply(charges)
    for t in [2, 1801, 50_000, 99_999, 100_003]:
        np.testing.assert_allclose(sums[t - 1], last_sum(lr[:t], charges[:t]), rtol=RTOL)


def test_gradient_norms_of_zero_at_the_start(rng):
    lr, norm = rng.uniform(0.1, 1, 2100), np.ones(2100)
    norm[:1900] = 0.0
    trajectory = omega_trajectory(lr, norm)
    np.testing.assert_array_equal(trajectory[:1900], 1 / (2 * cumulative(lr)[:1900]))
    exact = [float(sum(terms)) for terms in reference_terms(lr, norm, steps=[1901, 1950, 2100])]
    np.testing.assert_allclose(trajectory[[1900, 1949, 2099]], exact, rtol=RTOL)


def test_the_result_does_not_jump_at_the_crossover():
    lr = s.cosine(transform.CROSSOVER + 1).lr
    longer, shorter = omega_trajectory(lr), omega_trajectory(lr[:-1])
    np.testing.assert_allclose(longer[:-1], shorter, rtol=RTOL)


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("power", [1, 2])
def test_transposed_transform(name, power):
    lr = np.asarray(PROBLEMS[name](700))
    lr = lr[lr > 0]
    charges, weights = random(1).uniform(0, 1, (2, lr.size))
    fast, direct = FastTransform(lr, zolotarev(transform._order(RTOL, power))), DirectTransform(lr)
    transposed = direct.apply(weights, power, transpose=True)
    np.testing.assert_allclose(fast.apply(weights, power, transpose=True), transposed, rtol=RTOL)
    np.testing.assert_allclose(fast.apply(charges, power), direct.apply(charges, power), rtol=RTOL)
    np.testing.assert_allclose(fast.apply(charges, power) @ weights, fast.apply(weights, power, transpose=True) @ charges, rtol=1e-14)
    reverse = DirectTransform(np.concatenate([lr[:1], lr[:0:-1]]))  # the same gaps, read from the end
    np.testing.assert_allclose(reverse.apply(weights[::-1], power)[::-1], transposed, rtol=1e-13)


@pytest.mark.parametrize("order", [2, 5, 8, 13, 16])
def test_the_skeleton_equioscillates_at_its_certified_error(order):
    skeleton = zolotarev(order)
    inside, outside = np.linspace(-1, 1, 20001), 1 / np.linspace(1e-9, 0.5, 20001)
    size = [np.abs(np.prod((x[:, None] - skeleton.nodes) / (x[:, None] - skeleton.poles), axis=1)) for x in (inside, outside)]
    np.testing.assert_allclose(size[0].max() / size[1].min(), skeleton.error, rtol=1e-9)
    points, charges = random(order).uniform(-1, 1, (2, 50, 1))
    points[0] = skeleton.nodes[0]  # 0/0 in the formula
    far = np.array([2.0, 2.5, 7.0, 1e3, 1e9])
    kernel = 1 / (far[:, None] - points[:, 0])
    approximate = (1 / (far[:, None] - skeleton.nodes)) @ gather(skeleton, points, np.abs(charges))[:, 0]
    np.testing.assert_allclose(approximate, kernel @ np.abs(charges[:, 0]), rtol=1.1 * skeleton.error + 1e-14)
    values = random(3).uniform(size=(order, 1))
    np.testing.assert_allclose((spread(skeleton, points, values) * charges).sum(), (gather(skeleton, points, charges) * values).sum())


def test_prefix_sums_keep_relative_accuracy():
    values = 10.0 ** random(0).uniform(-12, 0, 40_000)
    exact, expected = Fraction(0), []
    for value in values:
        exact += Fraction(value)
        expected.append(float(exact))
    np.testing.assert_allclose(cumulative(values), expected, rtol=2e-15)


@pytest.mark.parametrize("rtol", [1e-3, 1e-6, 1e-12, 1e-13])
def test_the_order_follows_rtol(rtol):
    assert transform._order(rtol, 1) < transform._order(rtol, 2) <= 16
    assert transform._order(rtol, 1) <= transform._order(rtol / 10, 1) if rtol > 1e-12 else True


rates = st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=70)


def fast_omega(lr, norm=1.0, distance=1.0):
    """The trajectory by the fast path whatever its length."""
    lr = np.asarray(lr, dtype=float)
    sums = FastTransform(lr, zolotarev(13)).apply((lr * norm) ** 2)
    return distance**2 / (2 * cumulative(lr)) + (lr * norm**2 + sums) / 2


@given(rates, st.floats(0.01, 100), st.floats(0.01, 100), st.floats(0.01, 100))
def test_scaling_in_gamma_distance_and_norm(lr, gamma, distance, norm):
    lr = np.array(lr)
    for function in (omega_trajectory, fast_omega):
        noise = function(lr, distance=1e-30)  # D enters the first term only
        expected = distance**2 / (2 * gamma * cumulative(lr)) + gamma * norm**2 * noise
        np.testing.assert_allclose(function(gamma * lr, norm, distance), expected, rtol=RTOL)


@given(rates, st.integers(0, 69))
def test_splitting_an_update_never_raises_the_bound_and_splitting_the_last_keeps_it(lr, where):
    where = min(where, len(lr) - 1)
    split = [*lr[:where], lr[where] / 2, lr[where] / 2, *lr[where + 1 :]]
    before, after = omega(lr), omega(split)
    assert after <= before * (1 + 1e-13)
    np.testing.assert_allclose(omega_trajectory(split)[-1], after, rtol=RTOL)
    if where == len(lr) - 1:
        np.testing.assert_allclose(after, before, rtol=1e-13)


@given(st.integers(1, 70), st.integers(1, 70), st.floats(0.01, 10))
def test_splitting_a_constant_into_pieces_changes_nothing(first, second, rate):
    whole = omega_trajectory(s.constant(first + second, peak_lr=rate))
    pieces = omega_trajectory(np.concatenate([np.full(first, rate), np.full(second, rate)]))
    np.testing.assert_array_equal(whole, pieces)
    np.testing.assert_allclose(omega_trajectory(s.constant(first, peak_lr=rate)), whole[:first], rtol=RTOL)


@given(rates, st.floats(1.0, 3.0), st.integers(0, 69))
def test_monotone_in_distance_and_in_every_gradient_norm(lr, factor, where):
    norm = np.ones(len(lr))
    larger = norm.copy()
    larger[min(where, len(lr) - 1)] *= factor
    for function in (omega_trajectory, fast_omega):
        base = function(lr, norm) * (1 - RTOL)
        assert (function(lr, norm, factor) >= base).all()
        assert (function(lr, larger) >= base).all()


@given(rates, st.lists(st.integers(0, 69), max_size=5))
def test_updates_that_do_not_move_change_nothing(lr, places):
    padded = list(lr)
    for place in places:
        padded.insert(min(place, len(lr) - 1), 0.0)
    np.testing.assert_array_equal(omega_trajectory(padded)[np.array(padded) > 0], omega_trajectory(lr))


def exact_gradient(lr, norm, distance, weights, i, kind):
    """Central difference in exact arithmetic; its error is of the order of the squared step, 2^-160."""
    rates = [Fraction(x) for x in lr]
    step = rates[i] / 2**80 if rates[i] else Fraction(1, 2**100)
    steps = [t for t, weight in enumerate(weights, 1) if weight]

    def weighted(sign):
        moved = [rate + sign * step * (j == i) for j, rate in enumerate(rates)]
        terms = reference_terms(moved, norm, distance, kind=kind, steps=steps)
        return sum(Fraction(weights[t - 1]) * sum(term) for t, term in zip(steps, terms, strict=True))

    if rates[i]:
        return float((weighted(1) - weighted(-1)) / (2 * step))
    return float((weighted(1) - weighted(0)) / step)


@pytest.mark.parametrize("kind", ["last_iterate", "average_iterate"])
@pytest.mark.parametrize("name", ["constant", "linear", "cosine", "uniform", "zeros inside", "geometric down", "warmup from 1e-10"])
@pytest.mark.parametrize("path", ["direct", "fast"])
def test_gradient_against_exact_differences(name, kind, path, monkeypatch):
    monkeypatch.setattr(transform, "CROSSOVER", 0 if path == "fast" else 10**6)
    lr, norm, _ = problem(name, 65)
    last = np.eye(1, 65, 64)[0]
    weights = random(5).uniform(0, 1, 65) * (lr > 0)
    for given_weights, used in ((None, last), (weights, weights)):
        result = omega_gradient(lr, norm, 1.25, kind=kind, weights=given_weights)
        for i in (0, 1, 20, 31, 33, 63, 64, int(np.argmin(lr))):
            np.testing.assert_allclose(result[i], exact_gradient(lr, norm, 1.25, used, i, kind), rtol=1e-10)


def test_gradient_of_the_last_value_is_the_weighted_one_with_one_weight(rng):
    lr, norm = rng.uniform(0.1, 1, 3000), rng.uniform(0.5, 2, 3000)
    weights = np.zeros(3000)
    weights[-1] = 1.0
    for kind in ("last_iterate", "average_iterate"):
        closed = omega_gradient(lr, norm, 2.0, kind=kind)
        np.testing.assert_allclose(omega_gradient(lr, norm, 2.0, kind=kind, weights=weights), closed, rtol=1e-10)


def test_long_weighted_gradient_of_a_constant_schedule():
    steps = 100_000
    result = omega_gradient(np.ones(steps), weights=np.ones(steps))
    reciprocal = 1 / np.arange(1.0, steps + 1)
    harmonic = np.concatenate([[0], np.cumsum(reciprocal)])
    tails = np.concatenate([np.cumsum((reciprocal**2)[::-1])[::-1], [0]])  # sum over d > m of 1/d^2
    for i in (1, 2, 1000, steps // 2, steps - 1, steps):
        k = np.arange(1, i)
        passed = np.sum(tails[i - k - 1] - tails[steps - k])
        expected = (1 + 2 * harmonic[steps - i] - tails[i - 1] - passed) / 2
        np.testing.assert_allclose(result[i - 1], expected, rtol=1e-10)
