"""Exported settings against each trainer's rule, restated update by update in `trainer_rules`."""

import math

import numpy as np
import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lastiterate.bound import tuned
from lastiterate.schedules import (
    Phase,
    Schedule,
    constant,
    cosine,
    cyclic,
    inverse_sqrt,
    linear,
    one_minus_sqrt,
    piecewise,
    polynomial,
    two_stage,
    wsd,
)
from lastiterate.schedules.export import TRAINERS, CannotExport, export, nearest
from lastiterate.schedules.export.text import fraction, number
from lastiterate.schedules.from_lr import from_lr
from trainer_rules import ANY, OWN_START, PEAK, RULES, SHAPES, ZERO_START, agree, start_of


def check(schedule, trainer):
    """The trainer executes the schedule, and the text that is pasted says so by the rule restated above."""
    found = export(schedule, trainer)
    assert found.deviation <= 1e-12 and found.trainer == trainer and not found.lr.flags.writeable
    assert found.exact or found.rounding > 0
    agree(found.lr, schedule.lr, schedule.lr.max(), found.rounding)
    agree(RULES[trainer](found.text, schedule.total_steps), schedule.lr)
    return found


@st.composite
def warmup_stable_decay(draw):
    total = draw(st.integers(1, 300))
    warmup = draw(st.integers(0, total - (total == 1)))  # a single update of 0 is no schedule
    count = draw(st.integers(0, total - warmup))
    return total, warmup, count


@pytest.mark.parametrize(("trainer", "decay_shape"), [(t, s) for t, shapes in SHAPES.items() for s in shapes])
@given(counts=warmup_stable_decay(), final=st.sampled_from([0.0, 0.1, 0.37]))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_every_update_of_wsd(trainer, decay_shape, counts, final):
    total, warmup, count = counts
    if trainer == "torchtitan":
        assume(warmup == 0 or warmup + count < total)
    start = start_of(trainer, warmup, final if count > 1 else 0.0)
    if trainer == "hf" and decay_shape != "1-sqrt" and warmup + count == total:
        start = 0.0  # by the older types
    cooldown = (count + 0.5) / (total + 1) if count else 0.0
    options = {"decay_shape": decay_shape, "warmup_steps": warmup, "final_lr_ratio": final, "decay_power": 1.7}
    check(wsd(total, cooldown, **options, peak_lr=PEAK, initial_lr_ratio=start), trainer)


@pytest.mark.parametrize("trainer", RULES)
@given(total=st.integers(1, 200), warmup=st.integers(0, 200), final=st.sampled_from([0.0, 0.1]))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_every_update_of_the_families_without_a_stable_stretch(trainer, total, warmup, final):
    assume(warmup <= total > 1)
    options = {"warmup_steps": warmup, "peak_lr": PEAK}
    start = 0.0 if trainer == "hf" else start_of(trainer, warmup)
    check(constant(total, **options, initial_lr_ratio=start), trainer)
    if trainer != "torchtitan" or warmup == 0:
        check(linear(total, final_lr_ratio=final, **options, initial_lr_ratio=start), trainer)
    if "cosine" in SHAPES[trainer] and (trainer != "torchtitan" or warmup == 0):
        check(cosine(total, final_lr_ratio=final, **options, initial_lr_ratio=start), trainer)
    if trainer in ("hf", "levanter", "pytorch"):
        check(polynomial(total, 2.3, final_lr_ratio=final, **options, initial_lr_ratio=start), trainer)
    if trainer in ("hf", "megatron", "nanotron", "pytorch"):
        check(one_minus_sqrt(total, **options, initial_lr_ratio=start), trainer)


@pytest.mark.parametrize("trainer", sorted(RULES.keys() - {"levanter", "nanochat"}))
@pytest.mark.parametrize("warmup", [0, 9])
def test_a_cosine_longer_than_the_run(trainer, warmup):
    start = 0.0 if trainer == "hf" else start_of(trainer, warmup)
    schedule = cosine(100, 1.6, warmup, 0.1, PEAK, initial_lr_ratio=start)
    if trainer == "torchtitan" and warmup:
        with pytest.raises(CannotExport, match="at least one more step at the peak"):
            export(schedule, trainer)
        return
    found = check(schedule, trainer)
    assert found.lr[-1] > 0.3 * PEAK


@given(total=st.integers(1, 200), warmup=st.integers(1, 200), start=st.floats(0, 1), trainer=st.sampled_from(["megatron", "olmo-core"]))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_a_warmup_from_anywhere(total, warmup, start, trainer):
    assume(warmup <= total > 1)
    check(wsd(total, 0.3 * (1 - warmup / total), warmup_steps=warmup, peak_lr=PEAK, initial_lr_ratio=start), trainer)


FEW = ("1-sqrt", "two_stage", "cyclic", "piecewise", "one update", "only warmup")


@pytest.mark.parametrize("trainer", RULES)
@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in FEW else pytest.mark.slow) for name in ANY])
def test_nothing_is_silently_other(name, trainer):
    """Whatever the schedule, the vector that comes with the settings is what their text makes the trainer execute."""
    schedule = ANY[name]
    try:
        found = export(schedule, trainer)
    except CannotExport as refusal:
        found = refusal.nearest
        assert "cannot execute this schedule: update " in str(refusal) and found.text in str(refusal) and found.deviation > 1e-9
    executed = np.array(RULES[trainer](found.text, schedule.total_steps))
    agree(executed, found.lr, schedule.lr.max(), found.rounding)
    off = np.abs(executed - schedule.lr).max() / schedule.lr.max()
    assert found.deviation == pytest.approx(off, abs=1e-12)
    assert (off > 1e-12) == found.notes[0].startswith("not the schedule: update ")


@pytest.mark.parametrize("name", ANY)
def test_pytorch_and_optax_take_everything(name):
    assert export(ANY[name], "pytorch").exact and export(ANY[name], "optax").deviation <= 1e-12


REFUSALS = [
    ("olmo-core", "2.5", wsd(100, 0.2, "1-sqrt"), "its decays are linear, not 1-sqrt", "WSD(warmup=1,"),
    ("levanter", None, wsd(100, 0.2, "1-sqrt"), "its decays are linear, cosine, power, not 1-sqrt", "type: polynomial"),
    ("megatron", None, wsd(100, 0.2, "exponential", final_lr_ratio=0.1), "not exponential", "WSD"),
    ("megatron", "0.12", wsd(100, 0.2, "1-sqrt"), "not 1-sqrt", "exponential"),
    ("levanter", None, cosine(100, 2.0), "its decay ends with the run", "lr_schedule"),
    ("torchtitan", None, linear(100, 9, initial_lr_ratio=0.1), "at least one more step at the peak", "warmup_steps"),
    ("torchtitan", None, constant(100, 9), "use initial_lr_ratio=0.1", "warmup_steps"),
    ("torchtitan", "0.2.0", cosine(100, 2.0), "before version 0.2.2", "--optimizer.lr"),
    ("maxtext", None, constant(100, 9, initial_lr_ratio=0.1), "use initial_lr_ratio=0.0", "wsd"),
    ("hf", None, wsd(100, 0.2, "linear", 9, 0.1), "use initial_lr_ratio=0.1", "warmup_stable_decay"),
    ("hf", "4.48.3", wsd(100, 0.2), "its decays are cosine, not linear", "lr_scheduler_type"),
    ("hf", None, two_stage(100, 50, 0.5), "a warmup, a stable stretch and one decay", "lr_scheduler_type"),
]


@pytest.mark.parametrize(("trainer", "version", "schedule", "reason", "instead"), REFUSALS)
def test_a_refusal_says_why_and_what_comes_nearest(trainer, version, schedule, reason, instead):
    with pytest.raises(CannotExport) as refusal:
        export(schedule, trainer, version=version)
    assert reason in str(refusal.value) and instead in refusal.value.nearest.text


# Largest deviations, of the peak: what is possible at all, or was found by other searches.
NEAREST = [
    ("nanotron", None, inverse_sqrt(1000), 0.115),
    ("nanotron", None, inverse_sqrt(200_000), 0.115),  # ten updates matter, and the last hundred thousand
    ("levanter", None, wsd(1000, 0.2, "1-sqrt"), 0.082),
    ("olmo-core", "2.5", wsd(1000, 0.2, "1-sqrt"), 0.1465),  # (2 - sqrt 2)/4: a line from before the decay to its end
    ("olmo-core", None, wsd(20_000, 0.2, "1-sqrt"), 0.005),  # 32 lines
    ("megatron", None, wsd(1000, 0.2, "exponential", final_lr_ratio=0.01), 0.084),
    ("hf", None, two_stage(80, 30, 0.54, 0.3, "1-sqrt", 5, peak_lr=PEAK), 0.231),  # half of the jump
]


@pytest.mark.parametrize(("trainer", "version", "schedule", "most"), NEAREST)
def test_the_nearest_is_near_and_says_what_the_bound_thinks_of_it(trainer, version, schedule, most):
    found = nearest(schedule, trainer, version)
    assert found.deviation <= most
    own, asked = tuned(found.lr).value, tuned(schedule.lr).value
    assert f"the tuned bound is {own:.6g} instead of {asked:.6g}" in found.notes[0]


def test_the_nearest_spreads_what_cannot_be_reached():
    """A warmup from 0.9 of the peak, which starts at 0 in these trainers, is best left out."""
    for trainer in ("maxtext", "levanter"):
        assert nearest(wsd(100, 0.3, "1-sqrt", 20, initial_lr_ratio=0.9), trainer).deviation < 0.15


def test_a_later_candidate_is_taken_where_the_first_is_off():
    """Three types of transformers decay a cosine to 0.1; each starts its warmup elsewhere."""
    kinds = {0.0: "cosine_with_min_lr", 0.1: "cosine_warmup_with_min_lr", 0.3: "cosine_warmup_with_min_lr"}
    for start, kind in kinds.items():
        found = check(cosine(100, 1.0, 9, 0.1, PEAK, initial_lr_ratio=start), "hf")
        assert found.values["lr_scheduler_type"] == kind
    old = export(cosine(100, 1.0, 9, 0.1, PEAK, initial_lr_ratio=0.1), "hf", version="4.50")
    assert old.values["lr_scheduler_type"] == "warmup_stable_decay"


EXACT = [
    ("hf", inverse_sqrt(60, warmup_steps=7, peak_lr=PEAK, initial_lr_ratio=0.0), "inverse_sqrt"),
    ("hf", cyclic(70, 12, "cosine", 7, 0.0, PEAK, initial_lr_ratio=0.0), "cosine_with_restarts"),
    ("hf", constant(60, 7, PEAK, initial_lr_ratio=0.3), "warmup_stable_decay"),
    ("levanter", inverse_sqrt(60, warmup_steps=7, peak_lr=PEAK, initial_lr_ratio=0.0), "inv_sqrt_decay"),
    ("levanter", inverse_sqrt(60, 0.3, warmup_steps=7, peak_lr=PEAK, initial_lr_ratio=0.0), "cooldown"),
    ("levanter", cyclic(67, 12, "linear", 7, 0.1, PEAK, initial_lr_ratio=0.0), "cycles: [19, 31, 43, 55, 67]"),
    ("levanter", cyclic(60, 12, "power", 0, 0.1, PEAK, decay_power=0.5), "cycles"),
    ("olmo-core", linear(60, 7, 0.1, PEAK, initial_lr_ratio=0.0), "ComposableScheduler"),
    ("olmo-core", cosine(60, 1.7, 7, 0.1, PEAK, initial_lr_ratio=0.6), "CosWithWarmup"),
    ("olmo-core", cyclic(70, 12, "cosine", 7, 0.2, PEAK), "ComposableScheduler"),
    ("olmo-core", two_stage(80, 30, 0.4, 0.3, "cosine", 5, peak_lr=PEAK, transition_steps=6), "ComposableScheduler"),
    ("olmo-core", piecewise(50, [20, 40], [1.0, 0.1, 0.0], 4, PEAK), "ComposableScheduler"),
]


@pytest.mark.parametrize(("trainer", "schedule", "word"), EXACT)
def test_what_was_refused_and_can_be_executed(trainer, schedule, word):
    assert word in check(schedule, trainer).text


def test_versions():
    found = export(wsd(100, 0.2, peak_lr=PEAK), "torchtitan", version="v0.2.1")
    assert found.version == "0.2" and "--optimizer.lr " in found.text and "total_steps" not in found.text
    assert "for torchtitan 0.2 and later, before 0.2.2" in found.notes[-1]
    assert export(wsd(100, 0.2, peak_lr=PEAK), "torchtitan").version == "0.3"


@pytest.mark.parametrize(
    ("trainer", "schedule", "since"),
    [
        ("hf", wsd(100, 0.2, peak_lr=PEAK), "4.49 and later: warmup_stable_decay has decay_type"),
        ("hf", cosine(100, peak_lr=PEAK), "4.44 and later"),
        ("nanotron", wsd(100, 0.2, peak_lr=PEAK), "0.3 and later"),
        ("nanotron", wsd(100, 0.2, "1-sqrt", peak_lr=PEAK), "0.5 and later: 1-sqrt"),
        ("megatron", wsd(100, 0.2, "1-sqrt", peak_lr=PEAK), "0.13 and later: lr_wsd_decay_style minus_sqrt"),
    ],
)
def test_settings_say_from_which_release_on_they_hold(trainer, schedule, since):
    """The oldest that takes these very settings, not the newest state that was read."""
    assert f"{since}" in export(schedule, trainer).notes[-1]
    assert export(schedule, trainer).text == export(schedule, trainer, version=f"core_v{since.split()[0]}.1").text


@pytest.mark.parametrize("trainer", ["hf", "megatron", "nanotron", "levanter", "maxtext"])
@pytest.mark.parametrize("family", [wsd, cosine])
def test_the_nearest_of_a_rounded_table_is_as_near_as_its_rounding(trainer, family):
    """A schedule.csv in float32 is no schedule to 1e-12: it is refused, with what it was rounded from."""
    rounded = family(500, warmup_steps=40, peak_lr=PEAK, initial_lr_ratio=0).lr.astype("float32")
    with pytest.raises(CannotExport) as refused:
        export(from_lr(rounded), trainer)
    assert refused.value.nearest.deviation < 1e-6 and not export(from_lr(rounded), "pytorch").deviation


def test_a_nearest_of_zeros_says_so_without_dividing_by_them():
    found = nearest(constant(1, 1, PEAK, initial_lr_ratio=0.5), "maxtext", search=False)
    assert not found.lr.any() and "moves no learning rate" in found.notes[1]
    old = export(cosine(100, 1.0, 0, 0.1, PEAK), "maxtext", version="0.1.9").text
    assert "cosine_learning_rate_final_fraction: 0.1" in old and "wsd" not in old


@pytest.mark.parametrize("schedule", [cosine(100, 1.3, 9, 0.1, PEAK, initial_lr_ratio=0.0), constant(50, 9, PEAK, initial_lr_ratio=0.0)])
def test_maxtext_before_wsd(schedule):
    """Its cosine of release 0.1.0, src/MaxText/maxtext_utils.py: pct = step/len_steps, where later ones divide by len_steps - 1."""
    a = yaml.safe_load(export(schedule, "maxtext", version="0.1").text)
    end, peak, final = a["learning_rate_schedule_steps"], a["learning_rate"], a["cosine_learning_rate_final_fraction"]
    warmup = int(end * a["warmup_steps_fraction"])
    turned = [0.5 * (math.cos(math.pi * (step - warmup) / (end - warmup)) + 1) for step in range(a["steps"])]
    lrs = [peak * (step / warmup if step < warmup else t + final * (1 - t)) for step, t in enumerate(turned)]
    agree(lrs, schedule.lr)


def test_versions_that_are_none():
    for version, message in (("4.2", "older than what settings are written for: expected 4.44"), ("new", "is not a version")):
        with pytest.raises(ValueError, match=message):
            export(constant(3), "hf", version=version)


@given(total=st.integers(2, 20_000), part=st.floats(0, 1))
@settings(deadline=None, derandomize=True)
def test_fractions_that_fill_a_run_add_up_to_at_most_1(total, part):
    count = int(part * total)
    assert fraction(count, total, int) + fraction(total - count, total, int) <= 1.0


@pytest.mark.parametrize("trainer", ["levanter", "maxtext", "optax"])
def test_float32_is_stated_as_it_is_computed(trainer):
    """A long decay to 0: its last learning rate has lost digits, the others are moved by rounding of the peak's order."""
    schedule = wsd(300_000, 0.5, peak_lr=PEAK)
    found = export(schedule, trainer)
    assert found.deviation <= 1e-12 and not found.exact and found.lr.dtype == np.float64
    assert 1e-8 < found.rounding < 3e-7 and f"up to {found.rounding:.2g} of the peak" in " ".join(found.notes)
    assert abs(found.lr[-1] / schedule.lr[-1] - 1) > 1e-4
    assert export(constant(9, peak_lr=PEAK), trainer).exact and export(constant(9, peak_lr=PEAK), trainer).lr[0] == np.float32(PEAK)


def test_lr_factor_keeps_its_last_value_after_the_run():
    space = {}
    exec(export(wsd(20, 0.5, "power", decay_power=0.5), "pytorch").text, space)
    assert space["lr_factor"](40) == space["lr_factor"](19) > 0


def test_a_published_warmup_is_taken_for_one_from_0_and_said_so():
    found = export(wsd(100, 0.2, warmup_steps=10), "hf")
    assert 0 < found.deviation <= 1e-10 and found.notes[0].startswith("not the schedule: update 1 would run at 0 instead of 1e-10")
    with pytest.raises(CannotExport):
        export(wsd(100, 0.2, warmup_steps=10), "hf", tolerance=1e-12)


@pytest.mark.parametrize("trainer", TRAINERS)
def test_numbers_of_numpy_come_out_as_plain_numbers(trainer):
    stable = Phase("stable", np.int64(9), start=np.float64(1))
    decay = Phase("decay", np.int64(3), "linear", 1.0, np.float64(0), np.int64(4), np.int64(1))
    found = export(Schedule("wsd", (stable, decay), np.float64(PEAK)), trainer)
    assert found.text == export(wsd(12, 0.32, peak_lr=PEAK), trainer).text and "np.float" not in found.text and "np.int" not in found.text


def test_bad_arguments():
    with pytest.raises(ValueError, match="trainer='caffe' is not known: use one of 'hf'"):
        export(constant(3), "caffe")
    with pytest.raises(ValueError, match="tolerance=-1 must lie in"):
        export(constant(3), "hf", tolerance=-1)


def test_the_first_and_the_last_update():
    """The conventions by themselves: W = 4, a decay of 5 intervals to 0."""
    first = {t: export(wsd(20, 0.25, warmup_steps=4, initial_lr_ratio=start_of(t, 4)), t).lr[[0, 4]] for t in ZERO_START + OWN_START}
    assert all(first[t].tolist() == [0.0, 1.0] for t in ZERO_START)
    assert all(first[t].tolist() == [0.2, 1.0] for t in OWN_START)
    for trainer in TRAINERS:
        found = export(wsd(20, 0.25), trainer)
        agree(found.lr[-2:], [0.4, 0.2], 1.0, found.rounding)


@given(total=st.integers(1, 10**7), part=st.floats(0, 1), rounding=st.sampled_from([int, round]))
@settings(deadline=None, derandomize=True)
def test_fractions_give_the_integers_back(total, part, rounding):
    count = int(part * total)
    value = fraction(count, total, rounding)
    assert 0 <= value <= 1 and rounding(total * value) == count
    assert yaml.safe_load(number(value)) == value


def test_fraction_refuses_what_no_double_can_say():
    with pytest.raises(ValueError, match=r"no fraction of 9007199254740993 steps rounds to 1:"):
        fraction(1, 2**53 + 1, lambda x: 0)
