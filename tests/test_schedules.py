"""Schedules: the published arrays to the last bit, the vocabulary, and what bad input says."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastiterate import schedules as s

GOLDEN = json.loads(Path(__file__).with_name("data").joinpath("bounds.json").read_text())["cases"]
GOLDEN_FAMILIES = {
    "constant": s.constant,
    "wsd_linear_0.2": lambda steps: s.wsd(steps, 0.2),
    "wsd_linear_1.0": lambda steps: s.wsd(steps, 1.0),
    "wsd_sqrt_0.4": lambda steps: s.wsd(steps, 0.4, "1-sqrt"),
    "cosine": s.cosine,
    "sqrt": s.inverse_sqrt,
}


@pytest.mark.parametrize("case", GOLDEN.values(), ids=GOLDEN)
def test_published_samples_are_reproduced_to_the_last_bit(case):
    lr = GOLDEN_FAMILIES[case["schedule"]](case["T"]).lr
    samples = {int(i): v for i, v in case["schedule_at_0based"].items() if int(i) < case["T"]}
    assert len(samples) >= 10
    assert {i: lr[i] for i in samples} == samples


def published_wsd(steps, fraction, shape, warmup=0, floor=1e-10, final=0.0):
    """The published array with steps + 1 entries, written down entry by entry."""
    entries = steps + 1
    cool = int(fraction * entries)
    if warmup + cool == entries:
        cool -= 1
    out = [floor + (t / warmup) * (1.0 - floor) for t in range(warmup)]
    out += [1.0] * (entries - warmup - cool)
    for j in range(1, cool + 1):
        out.append(1.0 - j * (1.0 - final) / cool if shape == "linear" else final + (1.0 - final) * (1.0 - np.sqrt(j / cool)))
    return np.array(out[:steps])


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 99, 400, 22222])
@pytest.mark.parametrize("fraction", [0.0, 0.2, 0.29, 0.994, 1.0])
@pytest.mark.parametrize("shape", ["linear", "1-sqrt"])
@pytest.mark.parametrize("final", [0.0, 0.1])
def test_wsd_entry_by_entry(steps, fraction, shape, final):
    lr = s.wsd(steps, fraction, shape, final_lr_ratio=final).lr
    np.testing.assert_array_equal(lr, published_wsd(steps, fraction, shape, final=final))


@pytest.mark.parametrize("shape", ["linear", "1-sqrt"])
def test_warmup_reaches_the_peak_one_update_after_it(shape):
    schedule = s.wsd(50_000, 0.994, shape, warmup_steps=300, initial_lr_ratio=0.01)
    np.testing.assert_array_equal(schedule.lr, published_wsd(50_000, 0.994, shape, 300, 0.01))
    assert schedule.lr[299] < 1.0 == schedule.lr[300]
    assert (schedule.warmup_steps, schedule.stable_steps, schedule.decay_steps) == (300, 1, 49_699)


def test_linear_decay_is_wsd_with_cooldown_one():
    np.testing.assert_array_equal(s.linear(400).lr, s.wsd(400, 1.0).lr)
    np.testing.assert_allclose(s.linear(400).lr, 1 - np.arange(400) / 400, rtol=1e-15)
    np.testing.assert_array_equal(s.one_minus_sqrt(400).lr, s.wsd(400, 1.0, "1-sqrt").lr)


def test_linear_with_warmup_decays_over_the_rest():
    lr = s.linear(10, warmup_steps=4, initial_lr_ratio=0.2).lr
    np.testing.assert_allclose(lr, [0.2, 0.4, 0.6, 0.8, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6])


def test_cosine_cycle_beyond_the_horizon_is_the_head_of_the_longer_cosine():
    long = s.cosine(801, final_lr_ratio=0.1).lr
    np.testing.assert_array_equal(s.cosine(400, cycle_length=2, final_lr_ratio=0.1).lr, long[:400])


def test_inverse_sqrt_cools_from_its_last_value():
    lr = s.inverse_sqrt(99, cooldown=0.2).lr
    np.testing.assert_allclose(lr[:80], np.arange(1, 81) ** -0.5, rtol=1e-15)
    np.testing.assert_allclose(lr[80:], 80**-0.5 * (1 - np.arange(1, 20) / 20), rtol=1e-14)


def test_two_stage_lowers_then_cools():
    schedule = s.two_stage(8000, switch_step=int(0.8 * 4000), factor=0.525, cooldown=0.2)
    assert schedule.total_steps == 8000
    assert (schedule.lr[:3200] == 1).all()
    assert (schedule.lr[3200 : 8001 - 1600] == 0.525).all()
    np.testing.assert_allclose(schedule.lr[6401:], 0.525 * (1 - np.arange(1, 1600) / 1600), rtol=1e-13)


def test_two_stage_transition_is_linear():
    lr = s.two_stage(100, switch_step=40, factor=0.5, transition_steps=10, cooldown=0.2).lr
    np.testing.assert_allclose(lr[40:51], 1 - 0.05 * np.arange(11), rtol=1e-14)


def test_cyclic_restarts_at_the_peak():
    lr = s.cyclic(1000, 300).lr
    np.testing.assert_array_equal(np.flatnonzero(lr == 1.0), [0, 300, 600, 900])
    np.testing.assert_array_equal(lr[:300], s.cosine(300).lr)


ANY_FAMILY = {
    "constant": s.constant,
    "wsd": s.wsd,
    "linear": s.linear,
    "cosine": s.cosine,
    "inverse_sqrt": lambda steps, **k: s.inverse_sqrt(steps, cooldown=0.3, **k),
    "one_minus_sqrt": s.one_minus_sqrt,
    "polynomial": s.polynomial,
    "two_stage": lambda steps, **k: s.two_stage(steps, switch_step=steps // 2 + k.get("warmup_steps", 0) // 2, factor=0.5, **k),
    "cyclic": lambda steps, **k: s.cyclic(steps, cycle_steps=max(steps // 3, 1), **k),
    "piecewise": lambda steps, **k: s.piecewise(steps, [steps - 1], [1.0, 0.1], **k),
}


@given(steps=st.integers(20, 3000), warmup=st.integers(0, 10), peak=st.floats(1e-6, 1e3), name=st.sampled_from(sorted(ANY_FAMILY)))
def test_every_family_yields_what_its_phases_say(steps, warmup, peak, name):
    schedule = ANY_FAMILY[name](steps, warmup_steps=warmup, peak_lr=peak)
    lr = schedule.lr
    assert lr.shape == (steps,) and lr.dtype == np.float64
    assert (lr >= 0).all() and lr.max() <= peak
    assert schedule.warmup_steps == warmup
    assert np.all(np.diff(lr[: warmup + 1]) > 0)
    again = s.Schedule.from_json(schedule.to_json())
    assert again == schedule
    np.testing.assert_array_equal(again.lr, lr)
    np.testing.assert_array_equal(schedule.with_peak_lr(2 * peak).lr, 2 * lr)


def test_families_are_all_covered():
    assert set(ANY_FAMILY) == set(s.FAMILIES)


BAD = [
    (lambda: s.wsd(0), "total_steps=0 must be at least 1"),
    (lambda: s.wsd(10.5), "total_steps=10.5 must be an integer"),
    (lambda: s.wsd(100, cooldown=1.2), r"cooldown=1.2 must lie in \[0, 1\]: it is a fraction of total_steps"),
    (lambda: s.wsd(100, cooldown=float("nan")), "cooldown=nan must lie"),
    (lambda: s.wsd(100, cooldown=1.0, warmup_steps=10), "warmup_steps=10 .* exceed total_steps=100: use cooldown <= 0.90"),
    (lambda: s.cosine(100, warmup_steps=101), "warmup_steps=101 exceeds total_steps=100"),
    (lambda: s.cosine(100, cycle_length=0.5), "cycle_length=0.5 must lie"),
    (lambda: s.wsd(100, decay_shape="sqrt"), "decay_shape='sqrt' is not known: use one of 'linear', '1-sqrt'"),
    (lambda: s.wsd(100, decay_shape="exponential"), "final_lr_ratio=0 must be positive for an exponential decay"),
    (lambda: s.wsd(100, final_lr_ratio=1.5), "final_lr_ratio=1.5 must lie"),
    (lambda: s.wsd(100, peak_lr=0.0), r"peak_lr=0 must lie in \(0, inf\)"),
    (lambda: s.wsd(100, peak_lr=-1.0), "peak_lr=-1 must lie"),
    (lambda: s.wsd(100, peak_lr=float("inf")), "peak_lr=inf must lie"),
    (lambda: s.inverse_sqrt(100, cooldown=0.2, final_lr_ratio=0.5), "final_lr_ratio=0.5 exceeds 0.11"),
    (lambda: s.two_stage(100, switch_step=95, factor=0.5), "switch_step=95 .* leave 6 of the 20 decay entries"),
    (lambda: s.two_stage(100, switch_step=50, factor=0.0), "factor=0 must lie"),
    (lambda: s.piecewise(100, [50], [1.0]), "values has 1 pieces for 1 boundaries, expected 2"),
    (lambda: s.piecewise(100, [50, 50], [1.0, 0.5, 0.1]), "boundaries=.* must increase strictly"),
    (lambda: s.piecewise(100, [50], [1.0, -0.5]), "start=-0.5 must lie"),
    (lambda: s.piecewise(100, [50], [0.0, 0.0]), "all 100 values are 0"),
    (lambda: s.check_lr([1.0, -2.0]), "update 2 has -2, expected a finite number >= 0"),
    (lambda: s.check_lr([1.0, float("nan")]), "update 2 has nan"),
    (lambda: s.check_lr([]), r"shape \(0,\), expected \(T,\) with T >= 1"),
    (lambda: s.Schedule.from_json("{}"), "has no 'name': it takes name, phases and peak_lr"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input_names_value_rule_and_fix(call, message):
    with pytest.raises(ValueError, match=message):
        call()
