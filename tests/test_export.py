"""Exported settings against each trainer's rule, restated update by update in `trainer_rules`."""

import numpy as np
import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lastiterate.schedules import Phase, Schedule, constant, cosine, linear, one_minus_sqrt, polynomial, two_stage, wsd
from lastiterate.schedules.export import TRAINERS, CannotExport, export, nearest
from lastiterate.schedules.export.text import fraction, number
from trainer_rules import ANY, OWN_START, PEAK, RULES, SHAPES, ZERO_START, agree, start_of


def check(schedule, trainer):
    """The trainer executes the schedule, and the text that is pasted says so by the rule restated above."""
    found = export(schedule, trainer)
    assert found.exact and found.trainer == trainer and not found.lr.flags.writeable
    agree(found.lr, schedule.lr)
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
        check(cosine(total, final_lr_ratio=final, **options, initial_lr_ratio=start), trainer)
    if trainer in ("hf", "levanter", "pytorch"):
        check(polynomial(total, 2.3, final_lr_ratio=final, **options, initial_lr_ratio=start), trainer)
    if trainer in ("hf", "megatron", "nanotron", "pytorch"):
        check(one_minus_sqrt(total, **options, initial_lr_ratio=start), trainer)


@pytest.mark.parametrize("trainer", sorted(RULES.keys() - {"levanter"}))
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
    assume(warmup <= total > 1 and (trainer == "megatron" or start * (warmup + 1) >= 1))
    check(wsd(total, 0.3 * (1 - warmup / total), warmup_steps=warmup, peak_lr=PEAK, initial_lr_ratio=start), trainer)


@pytest.mark.parametrize("trainer", RULES)
@pytest.mark.parametrize("name", ANY)
def test_nothing_is_silently_other(name, trainer):
    """Whatever the schedule, the vector that comes with the settings is what their text makes the trainer execute."""
    schedule = ANY[name]
    found = nearest(schedule, trainer)
    agree(RULES[trainer](found.text, schedule.total_steps), found.lr)
    off = np.abs(found.lr - schedule.lr).max() / schedule.lr.max()
    assert found.deviation == pytest.approx(off) and found.exact == (off <= 1e-12)
    assert found.exact != any(note.startswith("not the schedule: update ") for note in found.notes)
    if off > 1e-9:
        with pytest.raises(CannotExport, match="cannot execute this schedule: update ") as refusal:
            export(schedule, trainer)
        assert found.text in str(refusal.value) and refusal.value.nearest.values == found.values
    else:
        assert export(schedule, trainer).values == found.values


@pytest.mark.parametrize("name", ANY)
def test_pytorch_and_optax_take_everything(name):
    assert export(ANY[name], "pytorch").exact and export(ANY[name], "optax").exact


REFUSALS = [
    ("olmo-core", wsd(100, 0.2, "1-sqrt"), "its decays are linear, not 1-sqrt", "WSD(warmup=1,"),
    ("levanter", wsd(100, 0.2, "1-sqrt"), "its decays are linear, cosine, power, not 1-sqrt", "lr_schedule: linear"),
    ("megatron", wsd(100, 0.2, "exponential", final_lr_ratio=0.1), "not exponential", "WSD"),
    ("levanter", cosine(100, 2.0), "its decay ends with the run", "cosine"),
    ("torchtitan", linear(100, 9, initial_lr_ratio=0.1), "at least one more step at the peak", "warmup_steps 10"),
    ("torchtitan", constant(100, 9), "use initial_lr_ratio=0.1", "warmup_steps 10"),
    ("maxtext", constant(100, 9, initial_lr_ratio=0.1), "use initial_lr_ratio=0.0", "wsd"),
    ("hf", wsd(100, 0.2, "linear", 9, 0.1), "use initial_lr_ratio=0.1", "warmup_stable_decay"),
    ("hf", two_stage(100, 50, 0.5), "a warmup, a stable stretch and one decay", "warmup_stable_decay"),
]


@pytest.mark.parametrize(("trainer", "schedule", "reason", "instead"), REFUSALS)
def test_a_refusal_says_why_and_what_comes_nearest(trainer, schedule, reason, instead):
    with pytest.raises(CannotExport) as refusal:
        export(schedule, trainer)
    assert reason in str(refusal.value) and instead in refusal.value.nearest.text


def test_the_nearest_is_the_nearest():
    """Among linear and cosine, 1-sqrt is nearer to linear; the warmup's deviation, which both share, does not hide it."""
    for trainer in ("maxtext", "levanter"):
        found = nearest(wsd(100, 0.3, "1-sqrt", 20, initial_lr_ratio=0.9), trainer)
        assert found.deviation == pytest.approx(0.9) and "cosine" not in found.text


def test_a_later_candidate_is_taken_where_the_first_is_off():
    """Two types of transformers decay a cosine to 0.1; only the second starts its warmup there."""
    found = check(cosine(100, 1.0, 9, 0.1, PEAK, initial_lr_ratio=0.1), "hf")
    assert found.values["lr_scheduler_type"] == "warmup_stable_decay"
    found = check(cosine(100, 1.0, 9, 0.1, PEAK, initial_lr_ratio=0.0), "hf")
    assert found.values["lr_scheduler_type"] == "cosine_with_min_lr"


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
    assert found.text == export(wsd(12, 0.32, peak_lr=PEAK), trainer).text and "np." not in found.text


def test_bad_arguments():
    with pytest.raises(ValueError, match="trainer='keras' is not known: use one of 'hf'"):
        export(constant(3), "keras")
    with pytest.raises(ValueError, match="tolerance=-1 must lie in"):
        export(constant(3), "hf", tolerance=-1)


def test_the_first_and_the_last_update():
    """The conventions by themselves: W = 4, a decay of 5 intervals to 0."""
    first = {t: export(wsd(20, 0.25, warmup_steps=4, initial_lr_ratio=start_of(t, 4)), t).lr[[0, 4]] for t in ZERO_START + OWN_START}
    assert all(first[t].tolist() == [0.0, 1.0] for t in ZERO_START)
    assert all(first[t].tolist() == [0.2, 1.0] for t in OWN_START)
    assert all(export(wsd(20, 0.25), t).lr[-2:] == pytest.approx([0.4, 0.2], abs=1e-12) for t in TRAINERS)


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
