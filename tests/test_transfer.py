"""Transfer: extensions against brute force and the published picks, what they share with the first run, and clear refusals."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastiterate import schedules as s
from lastiterate.bound import omega, tuned
from lastiterate.figures.schaipp.horizon_transfer import compute as horizon_transfer
from lastiterate.figures.schaipp.lr_transfer import compute as lr_transfer
from lastiterate.transfer import extend, transfer_base_lr
from lastiterate.transfer.parts import Parts, shortest_fraction
from lastiterate.transfer.search import nearest_root

EXTENSIONS = {
    "wsd": (s.wsd(4000), "cooldown", {}),
    "wssd": (s.wsd(4000), "second_stage", {"switch_step": 3200}),
    "sqrt": (s.inverse_sqrt(4000, 0.2), "cooldown", {}),
}
PICKS = {
    "wsd": (np.linspace(0.1, 1, 33), {6000: 0.4375, 8000: 0.634375, 16000: 1.0}),
    "wssd": (np.linspace(0.2, 1, 33), {6000: 0.625, 8000: 0.525, 16000: 0.375}),
    "sqrt": (np.linspace(0.1, 0.7, 33), {6000: 0.25, 8000: 0.26875, 16000: 0.38125}),
}


@pytest.mark.parametrize("name", PICKS)
def test_the_grid_picks_what_was_published_and_the_root_lies_beside_it(name):
    first, how, options = EXTENSIONS[name]
    grid, published = PICKS[name]
    for total_steps, pick in published.items():
        longer = extend(first, total_steps, how, trials=grid, **options)
        assert longer.trials.picked == pytest.approx(pick, abs=1e-9)
        assert abs(longer.parameter - pick) <= grid[1] - grid[0]
        assert longer.found == ((name, total_steps) != ("wsd", 16000))
        if longer.found:
            assert abs(longer.mismatch) < 1e-4


@pytest.mark.parametrize("name", EXTENSIONS)
def test_bounds_are_those_of_the_schedules_at_the_first_horizons_base_lr(name):
    first, how, options = EXTENSIONS[name]
    longer = extend(first.with_peak_lr(3e-4), 6000, how, **options)
    base_lr = tuned(first).base_lr
    shape = longer.schedule.with_peak_lr(1.0)
    assert longer.schedule.peak_lr == 3e-4
    assert longer.bound == pytest.approx(omega(base_lr * shape.lr), rel=1e-12)
    assert longer.mismatch == pytest.approx(math.log(tuned(shape).base_lr / base_lr), abs=1e-12)
    unadapted = s.wsd(6000, 0.2) if first.name == "wsd" else s.inverse_sqrt(6000, 0.2)
    assert longer.unadapted_bound == pytest.approx(omega(base_lr * unadapted.lr), rel=1e-12)
    assert longer.linear_bound == pytest.approx(tuned(s.linear(6000)).value, rel=1e-12)
    assert longer.linear_bound < longer.bound < longer.unadapted_bound


@pytest.mark.parametrize("shape", ["linear", "1-sqrt"])
@pytest.mark.parametrize("total_steps", [60, 90, 150, 250])
def test_no_number_of_cooldown_entries_is_better(shape, total_steps):
    first = s.wsd(60, 0.3, shape)
    parts, target = Parts.of(first), tuned(first).base_lr
    counts = range(1, total_steps + 1)
    mismatches = [math.log(tuned(parts.cooled(total_steps, n)).base_lr / target) for n in counts]
    longer = extend(first, total_steps)
    assert abs(longer.mismatch) == pytest.approx(min(map(abs, mismatches)), abs=1e-15)
    assert longer.found == (mismatches[-1] >= 0)


def test_beyond_some_horizon_no_cooldown_keeps_the_base_lr():
    assert extend(s.wsd(4000), 15_100).found
    longer = extend(s.wsd(4000, peak_lr=1e-3), 16_000)
    assert (longer.found, longer.parameter, longer.branch_step) == (False, 1.0, 1)
    assert longer.schedule == s.wsd(16_000, 1.0, peak_lr=1e-3)
    assert longer.mismatch == pytest.approx(-0.026873, abs=1e-6)
    assert (
        "No cooldown fraction keeps the base learning rate at 4 times the first horizon: the best, 1, is optimal at 0.9735" in longer.text
    )
    assert extend(s.wsd(4000), 16_000, "second_stage").found


@pytest.mark.parametrize("name", EXTENSIONS)
def test_the_same_horizon_changes_nothing(name):
    first, how, options = EXTENSIONS[name]
    same = extend(first, 4000, how, **options)
    np.testing.assert_allclose(same.schedule.lr, first.lr, rtol=1e-14)
    assert (same.parameter, same.found) == (1.0 if how == "second_stage" else 0.2, True)
    assert same.mismatch == pytest.approx(0, abs=1e-14)
    assert same.bound == pytest.approx(same.unadapted_bound, rel=1e-14)


HORIZONS = {
    "first_steps": st.integers(50, 600),
    "ratio": st.floats(1.0, 5.0),
    "cooldown": st.floats(0.05, 0.8),
    "warmup": st.integers(0, 9),
}


@settings(deadline=None, max_examples=60)
@given(**HORIZONS, shape=st.sampled_from(["linear", "1-sqrt", "cosine"]), how=st.sampled_from(["cooldown", "second_stage"]))
def test_an_extension_repeats_the_first_run_up_to_its_branch(first_steps, ratio, cooldown, warmup, shape, how):
    first = s.wsd(first_steps, cooldown, shape, warmup, peak_lr=0.01)
    longer = extend(first, int(ratio * first_steps), how)
    new, branch = longer.schedule, longer.branch_step
    assert new.total_steps == int(ratio * first_steps)
    np.testing.assert_array_equal(new.lr[:branch], first.lr[:branch])
    assert branch > warmup and new.warmup_steps == warmup
    if new.total_steps > first_steps:
        assert branch <= warmup + first.stable_steps
        assert branch == new.total_steps or new.lr[branch] != first.lr[branch]
    if how == "cooldown":
        fraction = longer.parameter
        assert new == s.wsd(new.total_steps, fraction, shape, warmup, peak_lr=0.01) or fraction == 0.0
    elif longer.found:
        assert longer.mismatch == pytest.approx(0, abs=1e-7)
        second, begin = new.phases[-2], warmup + first.stable_steps
        np.testing.assert_array_equal(new.lr[begin : begin + second.steps], 0.01 * longer.parameter)


def test_a_second_stage_is_two_stage():
    longer = extend(s.wsd(4000, peak_lr=0.5), 8000, "second_stage", switch_step=3200)
    expected = s.two_stage(8000, 3200, longer.parameter, cooldown=0.2, peak_lr=0.5)
    np.testing.assert_allclose(longer.schedule.lr, expected.lr, rtol=1e-14)
    assert longer.branch_step == 3200
    assert extend(s.wsd(4000), 8000, "second_stage").branch_step == 3201
    other = extend(s.wsd(4000), 8000, "second_stage", cooldown=0.5)
    assert other.schedule.decay_steps == 3999 and other.parameter > longer.parameter


def test_the_second_stage_of_inverse_sqrt_goes_on_below():
    longer = extend(s.inverse_sqrt(400, 0.2), 1600, "second_stage", switch_step=300)
    factors = longer.schedule.lr[:1280] * np.sqrt(np.arange(1, 1281))
    np.testing.assert_allclose(factors, np.where(np.arange(1, 1281) <= 300, 1.0, longer.parameter), rtol=1e-14)


def test_a_new_run_changes_only_the_base_lr():
    for family, options in ((s.wsd, {"cooldown": 0.3}), (s.cosine, {}), (s.linear, {}), (s.inverse_sqrt, {}), (s.one_minus_sqrt, {})):
        first = family(300, peak_lr=0.2, warmup_steps=3, **options)
        new = extend(first, 900, "base_lr")
        shape = family(900, warmup_steps=3, **options)
        np.testing.assert_allclose(new.schedule.lr / new.schedule.peak_lr, shape.lr, rtol=1e-12)
        assert new.schedule.peak_lr == pytest.approx(0.2 * tuned(shape).base_lr / tuned(first.with_peak_lr(1)).base_lr)
        assert new.parameter == pytest.approx(new.schedule.peak_lr / 0.2) and new.mismatch == new.branch_step == 0
        assert new.bound == pytest.approx(tuned(shape).value) and new.bound <= new.unadapted_bound
    longer_cycle = extend(s.cosine(300, cycle_length=2.0, final_lr_ratio=0.1), 900, "base_lr").schedule
    assert longer_cycle.lr[-1] == pytest.approx(longer_cycle.peak_lr * 0.55, rel=5e-3)


def test_what_comes_before_the_last_stable_phase_is_kept():
    first = s.two_stage(400, 200, 0.5, cooldown=0.2, warmup_steps=10, transition_steps=20)
    longer = extend(first, 800)
    np.testing.assert_array_equal(longer.schedule.lr[: longer.branch_step], first.lr[: longer.branch_step])
    assert longer.branch_step >= 221 and longer.schedule.phases[:4] == (*first.phases[:3], longer.schedule.phases[3])
    first = s.piecewise(400, [300], [1.0, 0.1])
    assert "had no cooldown: a linear one was taken" in extend(first, 800).text
    longer = extend(s.constant(400), 800)
    assert longer.found and abs(longer.mismatch) < 1e-3 and longer.branch_step == 400
    assert longer.schedule == s.wsd(800, longer.parameter)
    assert "checkpoint after update 400, until which both execute the same learning rates (its end)" in longer.text


def test_units_and_gradient_norms():
    plain = extend(s.wsd(400), 900, "cooldown")
    scaled = extend(s.wsd(400), 900, "cooldown", grad_norm=3.0, distance=5.0, trials=[0.5])
    assert scaled.parameter == plain.parameter
    assert scaled.bound == pytest.approx(15 * plain.bound) and scaled.linear_bound == pytest.approx(15 * plain.linear_bound)
    assert scaled.trials.base_lr[0] == pytest.approx(5 / 3 * tuned(s.wsd(900, 0.5)).base_lr)
    assert extend(s.wsd(400), 900, grad_norm=np.ones(900)).parameter == plain.parameter
    falling = np.arange(1, 901) ** -0.3
    other = extend(s.wsd(400), 900, grad_norm=falling)
    assert other.found and other.parameter < plain.parameter
    target = tuned(s.wsd(400), falling[:400]).base_lr
    assert tuned(other.schedule, falling).base_lr == pytest.approx(target, rel=2e-3)


def test_base_lr_across_schedules():
    a, b, c = s.wsd(400, 0.2), s.wsd(1600, 0.7, "1-sqrt", warmup_steps=10), s.linear(6400)
    there, onward, back = transfer_base_lr(a, b, 0.003), transfer_base_lr(b, c), transfer_base_lr(b, a)
    assert there.base_lr == pytest.approx(0.003 * there.factor)
    assert there.factor == pytest.approx(tuned(b).base_lr / tuned(a).base_lr)
    assert there.factor * back.factor == pytest.approx(1)
    assert there.factor * onward.factor == pytest.approx(transfer_base_lr(a, c).factor)
    assert math.log(transfer_base_lr(a, s.linear(400)).factor) == pytest.approx(0.66954, abs=1e-5)  # published
    assert transfer_base_lr(a.with_peak_lr(0.1), b.with_peak_lr(7.0)) == pytest.approx((there.factor, 0.1 * there.factor))
    assert transfer_base_lr(a.lr, b.lr).factor == pytest.approx(there.factor)
    norm = np.linspace(2, 1, 1600)
    assert transfer_base_lr(a, b, grad_norm=norm).factor == pytest.approx(tuned(b, norm).base_lr / tuned(a, norm[:400]).base_lr)


@given(entries=st.integers(1, 10**7), share=st.floats(0, 1))
def test_the_shortest_fraction_gives_its_integer(entries, share):
    count = int(share * entries)
    fraction = shortest_fraction(count, entries)
    assert int(fraction * entries) == count
    digits = len(f"{fraction:.17f}".rstrip("0").split(".")[1])
    assert all(int(round(fraction, d) * entries) != count for d in range(1, min(digits, len(repr(fraction)) - 2)))


def test_the_shortest_fraction_is_found_for_every_short_run():
    for entries in range(1, 202):  # 29/50 has none that is exact: 0.58 * 50 < 29 in float64
        for count in range(entries + 1):
            assert int(shortest_fraction(count, entries) * entries) == count


@pytest.mark.parametrize(
    ("function", "rising", "root", "found"),
    [
        (lambda x: x - 3.0, True, 3.0, True),
        (lambda x: (x - 3.0) * (7.0 - x), True, 3.0, True),  # the nearer of two
        (lambda x: -1.0 - x, True, -1.0, True),  # on the other side than expected
        (lambda x: 3.0 - x, False, 3.0, True),
        (lambda x: -1.0 - (x - 4.2) ** 2, True, 4.2, False),
        (lambda x: x - 20.0, True, 10.0, False),
        (lambda x: 0.0, True, 0.0, True),
    ],
)
def test_the_nearest_root(function, rising, root, found):
    x, was_found = nearest_root(function, 0.0, (-10.0, 10.0), 1e-9, rising=rising)
    assert was_found == found
    assert x == pytest.approx(root, abs=1e-7 if found else 0.01)


WSD = s.wsd(4000, 0.2)
BAD = [
    (lambda: extend(WSD, 3201), "new_total_steps=3201 must exceed 3201, the updates that the first run executes before its cooldown"),
    (lambda: extend(WSD, 0), "new_total_steps=0 must be at least 1"),
    (lambda: extend(WSD, 8000.5), "new_total_steps=8000.5 must be an integer"),
    (lambda: extend(WSD, 8000, "lr"), "how='lr' is not known: use one of 'cooldown', 'second_stage', 'base_lr'"),
    (lambda: extend(WSD.lr, 8000), "schedule is a ndarray, expected a lastiterate.schedules.Schedule"),
    (lambda: extend(s.cosine(4000), 8000), "'cosine' has no stable phase .*: use how='base_lr'"),
    (lambda: extend(s.cosine(4000), 8000, "base_lr", cooldown=0.2), "cooldown=0.2 has no meaning for schedule 'cosine'"),
    (lambda: extend(s.cyclic(4000, 1000), 8000, "base_lr"), "'cyclic' has the phases decay .* build the longer schedule yourself"),
    (lambda: extend(s.wsd(100, warmup_steps=20), 20, "base_lr"), "new_total_steps=20 must exceed 20"),
    (lambda: extend(WSD, 8000, switch_step=3000), "switch_step=3000 has no meaning for how='cooldown'"),
    (lambda: extend(WSD, 8000, "second_stage", switch_step=3202), "switch_step=3202 must be at most 3201"),
    (lambda: extend(WSD, 8000, "second_stage", switch_step=0), "switch_step=0 must be at least 1"),
    (lambda: extend(WSD, 3500, "second_stage"), "a cooldown of 700 entries starts before switch_step=3201"),
    (lambda: extend(WSD, 8000, cooldown=1.5), "cooldown=1.5 must lie"),
    (
        lambda: extend(s.wsd(100, warmup_steps=50), 200, cooldown=0.9),
        "cooldown=0.9 .* does not fit after the first 50 updates: use at most 0.75",
    ),
    (lambda: extend(WSD, 8000, trials=[]), "trials is empty"),
    (lambda: extend(WSD, 8000, trials=[0.5, 1.5]), "trials=1.5 must lie"),
    (lambda: extend(WSD, 8000, "base_lr", trials=[0.5]), "trials have no meaning for how='base_lr'"),
    (lambda: extend(WSD, 8000, grad_norm=np.ones(4000)), r"grad_norm has shape \(4000,\), expected a number or shape \(8000,\)"),
    (lambda: extend(WSD, 8000, distance=0.0), "distance=0 must lie"),
    (lambda: extend(s.inverse_sqrt(100, 0.2, final_lr_ratio=0.05), 1000), "final_lr_ratio=0.05 exceeds 0.0316.* a decay must not rise"),
    (lambda: transfer_base_lr(WSD, s.linear(100), base_lr=-1.0), "base_lr=-1 must lie"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input_names_value_rule_and_fix(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_tables_of_horizon_transfer():
    extension = {
        "first": {"family": "wsd", "cooldown": 0.2},
        "how": "second_stage",
        "switch": 0.8,
        "trials": {"min": 0.2, "max": 1, "count": 9},
    }
    parameters = {"first_steps": 100, "total_steps": [150, 200], "extensions": {"wssd": extension}, "root_count": 3}
    tables = {k: v.columns for k, v in horizon_transfer.compute({**parameters, "distance": 1.0, "grad_norm": 1.0}).items()}
    assert tables["picks"]["total_steps"] == [100, 150, 200] and tables["roots"]["total_steps"] == [100, 150, 200]
    assert tables["picks"]["picked"][0] == tables["picks"]["parameter"][0] == 1.0
    assert tables["picks"]["parameter"] == pytest.approx(tables["roots"]["parameter"])
    assert len(tables["trials"]["base_lr"]) == 27
    last = max(i for i, v in enumerate(tables["extended"]["variant"]) if v == "adapted")
    assert tables["extended"]["t"][last] == 200
    assert tables["extended"]["omega"][last] == pytest.approx(tables["picks"]["bound"][2], rel=1e-9)


def test_the_polynomial_of_lr_transfer_gives_the_curve_at_any_fraction():
    parameters = {"total_steps": [400], "decay_shapes": ["linear"], "cooldown_count": 31, "degree": 6, "grad_norm": 1.0}
    curve, fits = (lr_transfer.compute(parameters)[name].columns for name in ("curve", "fits"))
    value = sum(b * 0.55**n for b, n in zip(fits["coefficient"], fits["power"], strict=True))
    exact = math.log(transfer_base_lr(s.wsd(400, 0.55), s.linear(400)).factor)
    assert fits["max_error"][0] < 0.005 and value == pytest.approx(exact, abs=fits["max_error"][0])
    assert curve["log_ratio"][-1] == 0 and curve["log_ratio"][0] == max(curve["log_ratio"])
    with pytest.raises(ValueError, match="degree=31 must be below cooldown_count=31"):
        lr_transfer.compute(parameters | {"degree": 31})
