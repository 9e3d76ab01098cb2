"""The set of plausible laws: what is left out, how alike settings are, the local fit, weights, bad cases, intervals."""

import numpy as np
import pytest

from lastiterate.laws import Curve
from lastiterate.plan.alike import Settings, alike
from lastiterate.plan.choose import CAP, bad_case, choose
from lastiterate.plan.folds import folds, shape
from lastiterate.plan.local import LocalFit
from lastiterate.plan.plausible import plausible
from lastiterate.plan.weighted import mixture, quantile, tail_mean
from lastiterate.schedules import cosine, linear, wsd

STEP = np.arange(50, 1001, 25)


def curve(schedule, offset=0.0, exponent=0.5):
    """A run whose loss falls with the sum of learning rates, and rises with the last of them."""
    lr = schedule.lr / 1e-3
    step = STEP[: np.searchsorted(STEP, len(lr), side="right")]
    loss = 2 + 3 * np.cumsum(lr)[step - 1] ** -exponent + 0.2 * lr[step - 1] ** 0.8 + offset
    return Curve(schedule.lr, step, loss, f"{schedule.name} {schedule.peak_lr:g} {len(lr)}", None, None)


def ladder(exponent=0.5):
    return [
        curve(make(total, peak_lr=lr), exponent=exponent) for make in (wsd, linear) for total in (400, 800) for lr in (5e-4, 1e-3, 2e-3)
    ]


def test_pilots_are_left_out_at_a_distance():
    found = {}
    for fold in folds(ladder()):
        found.setdefault(fold.name, []).append(fold.left)
    assert found["horizon"] == [(3, 4, 5, 9, 10, 11)] and found["high"] == [(2, 5, 8, 11)] and found["low"] == [(0, 3, 6, 9)]
    assert sorted(found["shape"]) == [tuple(range(6)), tuple(range(6, 12))]
    assert [fold.name for fold in folds(ladder()[:3][:2])] == ["one", "one"]


def test_a_shape_forgets_length_peak_and_warmup():
    first = shape(cosine(1000, warmup_steps=10, peak_lr=1e-3).lr)
    np.testing.assert_allclose(first, shape(cosine(4000, warmup_steps=300, peak_lr=5e-3).lr), atol=2e-3)
    assert np.abs(first - shape(linear(1000, peak_lr=1e-3).lr)).max() > 0.05


def test_settings_are_as_alike_as_they_are_near():
    vectors = [linear(100, peak_lr=1e-3).lr, linear(400, peak_lr=1e-3).lr, linear(100, peak_lr=2e-3).lr, wsd(100, 0.1, peak_lr=1e-3).lr]
    k = alike(Settings.of(vectors), Settings.of(vectors))
    np.testing.assert_allclose(k, k.T)
    np.testing.assert_allclose(np.diag(k), 1)
    assert k[0, 1] == pytest.approx(1, abs=1e-3)
    assert k[0, 2] == pytest.approx(np.exp(-0.5 * (np.log(2) / 0.7) ** 2)) and k[0, 3] < 0.6


def test_the_local_fit_is_at_its_pilots_and_falls_with_their_lengths():
    fit = LocalFit(tuple(ladder()))
    settings = Settings.of([one.lr for one in fit.curves])
    true = np.log([one.loss[-1] for one in fit.curves])
    assert np.abs(fit.ends(settings) - true).max() < 0.2 * np.ptp(true)
    far = Settings.of([linear(3200, peak_lr=1e-3).lr, linear(800, peak_lr=1e-3).lr])
    assert fit.ends(far)[0] < fit.ends(far)[1] - 0.02
    one_length = LocalFit(tuple(one for one in fit.curves if len(one.lr) == 800))
    assert np.ptp(one_length.ends(far)) == pytest.approx(0, abs=1e-4)
    assert len(fit.without(0, 1).curves) == 10


def test_quantiles_tails_and_mixtures_of_weighted_draws():
    rng = np.random.default_rng(0)
    values, weights = rng.normal(size=(40, 3)), rng.dirichlet(np.ones(40))
    np.testing.assert_allclose(tail_mean(values, weights, 0.0), weights @ values)
    levels = 0.3 + 0.7 * (np.arange(2000) + 0.5) / 2000
    np.testing.assert_allclose(
        tail_mean(values, 5 * weights, 0.3), np.mean([quantile(values, weights, level) for level in levels], axis=0), atol=2e-3
    )
    many = tail_mean(values, np.stack([weights, np.full(40, 1 / 40)]), 0.3)
    assert many.shape == (2, 3)
    np.testing.assert_allclose(many[0], tail_mean(values, weights, 0.3))
    draws = rng.choice(40, 200_000, p=weights)
    sampled = np.quantile(values[draws] + 0.3 * rng.standard_normal((200_000, 3)), 0.95, axis=0)
    np.testing.assert_allclose(mixture(values, np.full((40, 1), 0.3), weights, 0.95), sampled, atol=0.02)


def test_a_bad_case_counts_a_catastrophe_and_no_more_than_that():
    losses = np.array([[3.00, 3.01, 3.02], [3.00, 3.01, 3.02], [8.00, 3.02, 3.00]])
    regret = bad_case(losses, np.full(3, 1 / 3))
    assert regret.argmin() == 1 and regret[0] == pytest.approx((1 / 3) * CAP / 0.7, rel=1e-6)


def test_a_law_that_errs_less_weighs_more_and_few_losses_fit_fewer_laws():
    laws = plausible(ladder())
    assert laws.weights.sum() == pytest.approx(1) and len(laws.weights) == sum(len(one.draws) for one in laws.members)
    size = lambda one: np.mean(np.square(list(one.difference.values())))
    errors = [size(one) for one in laws.members if one.weight]
    assert errors == sorted(errors) and set(laws.skipped) == {"norm-stiff", "norm-power", "norm-exponential"}
    ends = [Curve(one.lr, one.step[-1:], one.loss[-1:], one.name, None, None) for one in ladder()[:4]]
    few = plausible(ends)
    assert {"forgetting", "effective-power"} <= set(few.skipped) and np.isfinite(few.losses([linear(800, peak_lr=1e-3)])).all()


def test_an_interval_widens_with_the_fall_that_is_predicted():
    laws = plausible(ladder(0.2))
    widths = []
    for total in (800, 4000, 20000):
        losses = laws.losses([linear(total, peak_lr=1e-3)])
        low, high = laws.interval(losses, 0.9)
        assert low[0] < laws.predicted(losses)[0] < high[0]
        widths.append(float(np.log(high / low)[0]))
    assert widths[0] < widths[1] < widths[2]


def test_a_longer_run_is_not_planned_above_the_pilots_learning_rates():
    laws = plausible(ladder())
    rates = (1e-3, 2e-3, 4e-3)
    assert np.isnan(choose(laws, [linear(1600, peak_lr=lr) for lr in rates]).regret).tolist() == [False, False, True]
    assert np.isfinite(choose(laws, [linear(800, peak_lr=lr) for lr in rates]).regret).all()
