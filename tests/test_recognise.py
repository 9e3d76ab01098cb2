"""Schedules recognised from logged learning rates: random ones of every family come back, and trainers' own rules do."""

import math

import numpy as np
import pytest

from lastiterate.schedules import FAMILIES, Phase, Schedule, cosine, linear, wsd
from lastiterate.schedules.recognise import recognise

PEAKS = (1e-3, 3e-4, 6e-4, 5e-5, 0.02, 0.00123)


def rounded(lr, digits):
    return np.array([float(f"{value:.{digits - 1}e}") for value in lr])


def random_schedule(family, rng):
    """A schedule of the family as a person would write it."""
    total = int(rng.choice([400, 1000, 2000, 12000]))
    warmup = int(rng.choice([0, 20, 100]))
    options = {"warmup_steps": warmup, "peak_lr": float(rng.choice(PEAKS))}
    shape, ratio = str(rng.choice(["linear", "1-sqrt", "cosine", "power"])), float(rng.choice([0, 0.1, 0.01]))
    if family == "wsd":
        options |= {"cooldown": float(rng.choice([0.1, 0.2, 0.5])), "decay_shape": shape, "final_lr_ratio": ratio, "decay_power": 2.0}
    elif family == "inverse_sqrt":
        options |= {"cooldown": float(rng.choice([0, 0.2]))}
    elif family == "two_stage":
        switch = {"switch_step": warmup + int(0.4 * total), "factor": float(rng.choice([0.5, 0.3])), "transition_steps": total // 10}
        options |= switch | {"cooldown": 0.2, "decay_shape": shape, "decay_power": 2.0}
    elif family == "piecewise":
        options |= {"boundaries": [warmup + total // 4, warmup + total // 2], "values": [1.0, 0.1, 0.01]}
    elif family == "cyclic":
        options |= {"cycle_steps": total // 4, "decay_shape": str(rng.choice(["cosine", "linear"])), "final_lr_ratio": ratio}
    elif family != "constant":
        options |= {"final_lr_ratio": ratio}
    return FAMILIES[family](total, **options)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("how", ["double", "single"])
def test_random_schedules_come_back(family, how):
    rng = np.random.default_rng(sum(map(ord, family + how)))
    for _ in range(4):
        schedule = random_schedule(family, rng)
        every = int(rng.choice([1, 5, 10]))
        at = np.arange(every, schedule.total_steps + 1, every)
        lr = schedule.lr[at - 1]
        found = recognise(at, lr if how == "double" else lr.astype(np.float32), schedule.total_steps if rng.integers(2) else None)
        assert found is not None, schedule
        got = found.schedule
        assert (got.name, got.peak_lr, got.total_steps) == (schedule.name, schedule.peak_lr, schedule.total_steps), (schedule, got)
        assert (got.warmup_steps, got.decay_steps, got.decay_shape) == (schedule.warmup_steps, schedule.decay_steps, schedule.decay_shape)
        np.testing.assert_allclose(got.lr[at - 1], lr, atol=1e-6 * schedule.peak_lr)


@pytest.mark.parametrize("digits", [5, 6])
@pytest.mark.parametrize("family", ["constant", "wsd", "linear", "cosine", "one_minus_sqrt", "polynomial"])
def test_rounded_values_come_back(family, digits):
    rng = np.random.default_rng(digits)
    for _ in range(4):
        schedule = random_schedule(family, rng)
        at = np.arange(10, schedule.total_steps + 1, 10)
        found = recognise(at, rounded(schedule.lr[at - 1], digits), schedule.total_steps)
        assert found and found.schedule.peak_lr == schedule.peak_lr and found.schedule.warmup_steps == schedule.warmup_steps
        np.testing.assert_allclose(found.schedule.lr, schedule.lr, atol=1e-4 * schedule.peak_lr)


TRAINERS = {  # factor of the peak at update t of T = 1000 with a warmup of 100 updates, as each trainer's code has it
    "transformers cosine": lambda t, T, W: (t - 1) / W if t - 1 < W else 0.5 * (1 + math.cos(math.pi * (t - 1 - W) / (T - W))),
    "transformers linear": lambda t, T, W: (t - 1) / W if t - 1 < W else (T - (t - 1)) / (T - W),
    "nanoGPT": lambda t, T, W: t / (W + 1) if t - 1 < W else 0.1 + 0.45 * (1 + math.cos(math.pi * (t - 1 - W) / (T - W))),
    "OLMo": lambda t, T, W: t / W if t < W else 0.1 + 0.45 * (1 + math.cos(math.pi * (t - W) / (T - W))),
    "torchtitan": lambda t, T, W: t / W if t - 1 < W else min(1.0, (T - (t - 1)) / (0.2 * T)),
    "Megatron minimum": lambda t, T, W: t / W if t <= W else 0.1 + 0.45 * (1 + math.cos(math.pi * min((t - W) / (0.9 * T - W), 1))),
    "OneCycleLR": lambda t, T, W: 1 - 0.96 / 2 * (1 + math.cos(math.pi * (t - 1) / (W - 1)))
    if t <= W
    else 1e-5 + (1 - 1e-5) / 2 * (1 + math.cos(math.pi * (t - W) / (T - W))),
}  # fmt: skip


@pytest.mark.parametrize("every", [1, 20])
@pytest.mark.parametrize("trainer", TRAINERS)
def test_trainers_own_conventions(trainer, every):
    rule, at = TRAINERS[trainer], np.arange(every, 1001, every)
    whole = 3e-4 * np.array([rule(t, 1000, 100) for t in range(1, 1001)])
    found = recognise(at, whole[at - 1], 1000)
    assert found.schedule.peak_lr == 3e-4 and found.schedule.warmup_steps == 100 and found.off < 1e-9
    np.testing.assert_allclose(found.schedule.lr, whole, atol=1e-12)


def test_a_cosine_logged_every_20_updates_tells_its_warmup_and_its_peak():
    at = np.arange(20, 2001, 20)
    found = recognise(at, cosine(2000, warmup_steps=100, peak_lr=3e-4).lr[at - 1])
    assert found.schedule == cosine(2000, warmup_steps=100, peak_lr=3e-4, initial_lr_ratio=0.0)
    assert str(found) == "cosine with peak 0.0003, warmup 100, cosine decay of 1900 updates towards 0 of the peak"


@pytest.mark.parametrize("digits", [16, 6])
@pytest.mark.parametrize("ratio", [0.0, 0.1])
def test_half_of_a_cosine_tells_where_it_would_have_ended(digits, ratio):
    schedule = cosine(10_000, warmup_steps=200, peak_lr=6e-4, final_lr_ratio=ratio)
    at = np.arange(10, 5001, 10)
    found = recognise(at, rounded(schedule.lr[at - 1], digits))
    assert found.planned_steps == 10_000 and found.schedule.total_steps == 5000 and found.schedule.peak_lr == 6e-4
    assert any("the log ends at update 5000, but the schedule at 10000" in note for note in found.notes)
    np.testing.assert_allclose(found.schedule.lr, schedule.lr[:5000], atol=1e-9 if digits == 16 else 1e-9 * 6)


def test_a_run_that_ends_between_two_rows():
    schedule = cosine(1010, warmup_steps=100, peak_lr=1e-3)
    at = np.arange(20, 1001, 20)
    assert recognise(at, schedule.lr[at - 1]).schedule.total_steps == 1010
    assert recognise(at, schedule.lr[at - 1], 1000).schedule.total_steps == 1000


def test_the_cooldown_is_the_fraction_that_a_person_wrote():
    for cooldown in (0.1, 0.2, 0.35, 0.8):
        schedule = wsd(3000, cooldown, warmup_steps=100)
        assert recognise(np.arange(1, 3001), schedule.lr).cooldown == cooldown
    assert recognise(np.arange(1, 1001), linear(1000).lr).cooldown == 1.0
    assert recognise(np.arange(1, 1001), cosine(1000).lr).cooldown == 0.0


def test_a_warmup_before_the_first_row_is_told_by_where_the_decay_starts():
    schedule = cosine(20_000, warmup_steps=300, peak_lr=1e-3)
    at = np.arange(500, 20_001, 500)
    found = recognise(at, schedule.lr[at - 1])
    assert found.schedule.warmup_steps == 300 and "no row of it is logged" in found.notes[0]
    flat = recognise(at, np.full(at.size, 1e-3))
    assert flat.schedule.warmup_steps == 0 and "a warmup before update 500, the first logged, would not show" in flat.notes


def test_a_log_that_ends_in_its_warmup_has_no_schedule():
    at = np.arange(200, 2001, 200)
    assert recognise(at, 6e-4 * at / 2000) is None and recognise(at + 1, 6e-4 * at / 2000) is None


def test_a_first_row_of_0_is_the_warmups():
    schedule = cosine(5000, warmup_steps=100, peak_lr=1e-3, final_lr_ratio=0.1, initial_lr_ratio=0.0)
    at = np.arange(1, 5001, 250)
    assert recognise(at, schedule.lr[at - 1], 5000).schedule == schedule


def test_a_jump_between_rows_is_taken_where_it_is_roundest_and_said():
    at = np.arange(20, 2001, 20)
    found = recognise(at, np.where(at <= 1000, 1e-3, 1e-4))
    assert [phase.steps for phase in found.schedule.phases] == [1000, 1000]
    assert "between updates 1000 and 1020: after 1000, the roundest" in " | ".join(found.notes)


def test_what_no_family_explains_is_not_recognised():
    at, rng = np.arange(10, 2001, 10), np.random.default_rng(0)
    noisy = wsd(2000, peak_lr=1e-3).lr[at - 1] * (1 + 1e-5 * rng.standard_normal(at.size))
    bumpy = np.where(at < 500, 1e-3, 1e-3 * (1 - 0.3 * (np.maximum(at - 500, 0) / 1500) ** 1.234))
    bumpy[120:] *= 0.8
    for lr in (noisy, bumpy, np.linspace(1e-4, 1e-3, at.size) ** 1.1, rng.random(at.size)):
        assert recognise(at, lr) is None
    assert recognise([10], [1e-3]) is None and recognise([1, 2], [0.0, 0.0]) is None


def test_a_schedule_with_a_floor_has_it_as_a_phase():
    whole = Schedule("cosine", (Phase("decay", 800, "cosine", 1.0, 0.1, 800), Phase("stable", 200, start=0.1)), 2e-4)
    found = recognise(np.arange(1, 1001), whole.lr, 1000)
    np.testing.assert_allclose(found.schedule.lr, whole.lr, rtol=1e-12)
    assert found.schedule.phases[-1].kind == "stable" and "then" in str(found)
