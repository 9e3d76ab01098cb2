"""Exported settings against each trainer's rule, restated here update by update, and against the libraries that are installed.

The rules read the settings from the text that a user would paste, not from the values it was made of.
"""

import ast
import json
import math
import shlex
from dataclasses import fields

import numpy as np
import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from conftest import ROOT
from lastiterate.cli import main
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

PEAK = 3e-4
ZERO_START = ("hf", "nanotron", "levanter", "maxtext")
OWN_START = ("torchtitan", "olmo-core")


# Each rule: text of the settings -> learning rates of updates 1..total_steps.


def shape(style, x):
    match style:
        case "linear":
            return 1 - x
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * x))
        case "1-sqrt" | "sqrt" | "minus_sqrt":
            return 1 - math.sqrt(x)
    raise AssertionError(style)


def rule_hf(text, total_steps):
    arguments = {k.arg: ast.literal_eval(k.value) for k in ast.parse(text).body[0].value.keywords}
    warmup, training, kwargs = arguments["warmup_steps"], arguments["max_steps"], arguments["lr_scheduler_kwargs"]
    assert training == total_steps and isinstance(warmup, int)

    def factor(step):
        kind = arguments["lr_scheduler_type"]
        if kind == "warmup_stable_decay":
            low = kwargs["min_lr_ratio"]
            if step < warmup:
                return step / max(1, warmup) * (1 - low) + low
            step -= warmup + kwargs["num_stable_steps"]
            if step < 0:
                return 1.0
            if step < kwargs["num_decay_steps"]:
                return shape(kwargs["decay_type"], step / max(1, kwargs["num_decay_steps"])) * (1 - low) + low
            return low
        if step < warmup:
            return step / max(1, warmup)
        x = (step - warmup) / max(1, training - warmup)
        if kind == "constant_with_warmup":
            return 1.0
        if kind == "linear":
            return max(0.0, (training - step) / max(1, training - warmup))
        if kind == "cosine":
            return max(0.0, shape("cosine", 2 * kwargs.get("num_cycles", 0.5) * x))
        if kind == "cosine_with_min_lr":
            factor = shape("cosine", 2 * kwargs.get("num_cycles", 0.5) * x)
            return max(0.0, factor * (1 - kwargs["min_lr_rate"]) + kwargs["min_lr_rate"])
        assert kind == "polynomial" and kwargs["lr_end"] < arguments["learning_rate"]
        return ((arguments["learning_rate"] - kwargs["lr_end"]) * (1 - x) ** kwargs["power"] + kwargs["lr_end"]) / arguments[
            "learning_rate"
        ]

    return [arguments["learning_rate"] * factor(step) for step in range(total_steps)]


def read_flags(text):
    words = shlex.split(text.replace("\\\n", " "))
    assert all(word.startswith("--") for word in words[::2])
    return {name[2:].replace("-", "_"): yaml.safe_load(value) for name, value in zip(words[::2], words[1::2], strict=True)}


def rule_megatron(text, total_steps, batch=48):
    a = read_flags(text)
    assert a["train_iters"] == total_steps
    warmup, end = a["lr_warmup_iters"] * batch, a["lr_decay_iters"] * batch
    assert 0 <= a["min_lr"] <= a["lr"] and a["lr_warmup_init"] <= a["lr"] and warmup < end
    lrs, samples = [], 0
    for _ in range(total_steps):
        if warmup > 0 and samples <= warmup:
            lr = a["lr_warmup_init"] + (a["lr"] - a["lr_warmup_init"]) * samples / warmup
        elif a["lr_decay_style"] == "constant":
            lr = a["lr"]
        elif samples > end:
            lr = a["min_lr"]
        else:
            coefficient, style = None, a["lr_decay_style"]
            if style == "WSD":
                last = a["lr_wsd_decay_iters"] * batch
                coefficient = 1.0 if samples <= end - last else shape(a["lr_wsd_decay_style"], (samples - (end - last)) / last)
            else:
                coefficient = shape(style, (samples - warmup) / (end - warmup))
            lr = a["min_lr"] + coefficient * (a["lr"] - a["min_lr"])
        lrs.append(lr)
        samples += batch
    return lrs


def rule_torchtitan(text, total_steps):
    a = {name.split(".")[-1]: value for name, value in read_flags(text).items()}
    assert a["steps"] == total_steps and a["warmup_steps"] <= a["total_steps"]
    decay = round(a["total_steps"] * a["decay_ratio"])
    assert a["warmup_steps"] + decay <= a["total_steps"]  # else it warns and shortens the decay
    stable = a["total_steps"] + 1 - a["warmup_steps"] - decay

    def factor(step):
        if step < a["warmup_steps"]:
            return (step + 1) / a["warmup_steps"]
        if step < a["warmup_steps"] + stable:
            return 1.0
        progress = (step + 1 - (a["warmup_steps"] + stable)) / decay
        return a["min_lr_factor"] + (1 - a["min_lr_factor"]) * shape(a["decay_type"], progress)

    return [a["lr"] * factor(step) for step in range(total_steps)]


def rule_olmo_core(text, total_steps):
    seen = {}

    def recorder(name):
        return lambda **arguments: seen.update({name: arguments})

    class Duration:
        steps = staticmethod(lambda count: count)

    kinds = ("WSD", "LinearWithWarmup", "CosWithWarmup", "ConstantWithWarmup")
    exec(text, {name: recorder(name) for name in (*kinds, "AdamWConfig", "TrainerConfig")} | {"Duration": Duration})
    (kind,) = seen.keys() & set(kinds)
    a, peak, maximum = seen[kind], seen["AdamWConfig"]["lr"], seen["TrainerConfig"]["max_duration"]
    assert seen["TrainerConfig"].get("hard_stop", maximum) == total_steps
    assert 0 <= a["warmup_min_lr"] < peak and a["warmup"] >= 1

    def up(current):
        return a["warmup_min_lr"] + (peak - a["warmup_min_lr"]) * min(current, a["warmup"]) / a["warmup"]

    def lr(current):
        if kind == "ConstantWithWarmup":
            return up(current) if current <= a["warmup"] else peak
        if kind == "WSD":
            assert a["decay_fraction"] is None and 0 <= a["decay_min_lr"] < peak
            if current <= a["warmup"]:
                return up(current)
            if current >= maximum - a["decay"]:
                return a["decay_min_lr"] + (peak - a["decay_min_lr"]) * min(maximum - current, a["decay"]) / a["decay"]
            return peak
        low = peak * a["alpha_f"]
        if current < a["warmup"]:
            return up(current)
        if current >= a["t_max"]:
            return low
        x = (current - a["warmup"]) / (a["t_max"] - a["warmup"])
        return peak - (peak - low) * x if kind == "LinearWithWarmup" else low + (peak - low) * (1 + math.cos(math.pi * x)) / 2

    return [lr(current) for current in range(1, total_steps + 1)]


def rule_nanotron(text, total_steps):
    config = yaml.safe_load(text)
    a = config["optimizer"]["learning_rate_scheduler"]
    assert config["tokens"]["train_steps"] == total_steps and a["lr_warmup_style"] in ("linear", "constant")
    peak, low, begin, steps = a["learning_rate"], a["min_decay_lr"], a["lr_decay_starting_step"], a["lr_decay_steps"]

    def factor(step):
        if a["lr_warmup_steps"] == 0 and steps == 0:
            return peak  # its bug: not divided by the peak
        if step <= a["lr_warmup_steps"]:
            lr = peak * step / max(a["lr_warmup_steps"], 1) if a["lr_warmup_style"] == "linear" else peak
        elif step < begin:
            lr = peak
        elif step < begin + steps:
            lr = low + (peak - low) * shape(a["lr_decay_style"], (step - begin) / steps)
        else:
            lr = low
        return lr / peak

    return [peak * factor(step) for step in range(total_steps)]


def levanter_steps(value, total):
    assert value >= 0 and (value <= 1 or value % 1 == 0)
    return int(value * total) if value <= 1.0 else int(value)


def rule_levanter(text, total_steps):
    config = yaml.safe_load(text)
    a, total = config["optimizer"], config["trainer"]["num_train_steps"]
    assert total == total_steps
    peak, low = a["learning_rate"], a["learning_rate"] * a["min_lr_ratio"]
    warmup = min(levanter_steps(a["warmup"], total), total)
    decay = min(levanter_steps(a["decay"], total), total - warmup)
    power = a["lr_schedule"]["power"] if isinstance(a["lr_schedule"], dict) else 1.0

    def lr(count):
        if count < warmup:
            return peak * count / warmup
        count -= total - decay
        if count < 0 or decay == 0 or a["lr_schedule"] == "constant":
            return peak
        if a["lr_schedule"] == "cosine":
            return peak * ((1 - a["min_lr_ratio"]) * shape("cosine", count / decay) + a["min_lr_ratio"])
        return (peak - low) * (1 - count / decay) ** power + low

    return [lr(count) for count in range(total_steps)]


def rule_maxtext(text, total_steps):
    a = yaml.safe_load(text)
    assert a["steps"] == total_steps and a["learning_rate_schedule_steps"] >= total_steps
    end, peak = a["learning_rate_schedule_steps"], a["learning_rate"]
    final = peak * a["learning_rate_final_fraction"]
    warmup = int(end * a["warmup_steps_fraction"])
    kind = a["lr_schedule_type"]
    decay = end - warmup if kind == "cosine" else int(end * a["wsd_decay_steps_fraction"])
    style = "cosine" if kind == "cosine" else a["wsd_decay_style"]
    stable = end - warmup - decay
    assert stable >= 0

    def lr(step):
        if step < warmup:
            return peak * step / warmup
        step -= warmup + stable
        if step < 0:
            return peak
        weight = shape(style, step / (decay - 1) if decay > 1 else 1.0)
        return peak * weight + final * (1 - weight)

    return [lr(step) for step in range(total_steps)]


def rule_pytorch(text, total_steps, peak=PEAK):
    space = {}
    exec(text, space)
    space["lr_factor"](total_steps)  # LambdaLR asks for it
    return [peak * space["lr_factor"](step) for step in range(total_steps)]


RULES = {
    "hf": rule_hf,
    "megatron": rule_megatron,
    "torchtitan": rule_torchtitan,
    "olmo-core": rule_olmo_core,
    "nanotron": rule_nanotron,
    "levanter": rule_levanter,
    "maxtext": rule_maxtext,
    "pytorch": rule_pytorch,
}
SHAPES = {
    "hf": ("linear", "cosine", "1-sqrt"),
    "megatron": ("linear", "cosine", "1-sqrt"),
    "torchtitan": ("linear", "cosine", "1-sqrt"),
    "olmo-core": ("linear",),
    "nanotron": ("linear", "cosine", "1-sqrt"),
    "levanter": ("linear", "cosine", "power"),
    "maxtext": ("linear", "cosine"),
    "pytorch": ("linear", "cosine", "1-sqrt", "power"),
}


def start_of(trainer, warmup, final=0.0):
    """The first factor of a warmup that the trainer can execute."""
    if trainer == "hf":
        return final
    return 1 / (warmup + 1) if trainer in OWN_START else 0.0 if trainer in ZERO_START else 0.25


def agree(found, expected, peak=PEAK):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * peak)


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


ANY = {
    "wsd": wsd(97, 0.31, warmup_steps=9, peak_lr=PEAK),
    "1-sqrt": wsd(97, 0.31, "1-sqrt", 9, 0.2, PEAK),
    "exponential": wsd(97, 0.31, "exponential", 9, 0.01, PEAK),
    "power": wsd(97, 0.31, "power", 9, 0.1, PEAK, decay_power=0.6),
    "linear": linear(50, 7, 0.1, PEAK),
    "polynomial": polynomial(50, 2.5, 7, 0.1, PEAK, initial_lr_ratio=0.5),
    "cosine": cosine(50, 1.3, 7, 0.1, PEAK),
    "inverse_sqrt": inverse_sqrt(50, 0.2, "cosine", 7, peak_lr=PEAK),
    "inverse_sqrt alone": inverse_sqrt(50, peak_lr=PEAK),
    "two_stage": two_stage(80, 30, 0.4, 0.3, "1-sqrt", 5, peak_lr=PEAK, transition_steps=6),
    "piecewise": piecewise(50, [20, 40], [1.0, 0.1, 0.0], 4, PEAK),
    "cyclic": cyclic(50, 12, "cosine", 3, 0.1, PEAK),
    "cyclic power": cyclic(50, 12, "power", 0, 0.1, PEAK, decay_power=0.5),
    "rising decay": Schedule("custom", (Phase("stable", 9, start=0.5), Phase("decay", 3, "linear", 0.5, 1.0, 3)), PEAK),
    "one update": constant(1, peak_lr=PEAK),
    "only warmup": constant(5, 5, PEAK),
    "rising cosine": Schedule("custom", (Phase("transition", 9, "cosine", 0.0, 1.0, 9), Phase("stable", 3)), PEAK),
    "late warmup": Schedule("custom", (Phase("warmup", 8, "linear", 0.0, 1.0, 8, 1), Phase("stable", 3)), PEAK),
}


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


# The libraries themselves.

REAL = [wsd(60, 0.3, s, 7, r, PEAK, initial_lr_ratio=r) for s in SHAPES["hf"] for r in (0.0, 0.1)]
REAL += [f(60, warmup_steps=w, peak_lr=PEAK, initial_lr_ratio=0.0) for f in (constant, linear, cosine, polynomial) for w in (0, 7)]
REAL += [f(60, 1.5, final_lr_ratio=0.1, warmup_steps=7, peak_lr=PEAK, initial_lr_ratio=0.0) for f in (cosine, polynomial)]


def drive(optimizer, scheduler, total_steps):
    lrs = []
    for _ in range(total_steps):
        lrs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return lrs


def sgd(torch, lr):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


@pytest.mark.parametrize("schedule", REAL, ids=lambda s: s.name)
def test_transformers_itself(schedule):
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    values = export(schedule, "hf").values
    assert values.keys() <= {field.name for field in fields(transformers.TrainingArguments)}
    optimizer = sgd(torch, values["learning_rate"])
    wsd_type = values["lr_scheduler_type"] == "warmup_stable_decay"
    make = lambda: transformers.get_scheduler(
        values["lr_scheduler_type"],
        optimizer,
        values["warmup_steps"],
        values["max_steps"],
        scheduler_specific_kwargs=dict(values["lr_scheduler_kwargs"]),
    )
    if wsd_type:
        with pytest.warns(UserWarning, match="num_stable_steps will be used"):
            scheduler = make()
    else:
        scheduler = make()
    agree(drive(optimizer, scheduler, schedule.total_steps), schedule.lr)


@pytest.mark.parametrize("name", ANY)
def test_pytorch_itself(name):
    torch = pytest.importorskip("torch")
    found, space = export(ANY[name], "pytorch"), {}
    exec(found.text, space)
    optimizer = sgd(torch, found.values["lr"])
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, space["lr_factor"])
    agree(drive(optimizer, scheduler, ANY[name].total_steps), ANY[name].lr)


@pytest.fixture
def doubles():
    """JAX with float64, and optax."""
    jax = pytest.importorskip("jax")
    optax = pytest.importorskip("optax")
    jax.config.update("jax_enable_x64", True)
    yield optax
    jax.config.update("jax_enable_x64", False)


def evaluate(schedule, total_steps):
    return np.broadcast_to(np.asarray(schedule(np.arange(total_steps))), (total_steps,))


@pytest.mark.parametrize("name", ANY)
def test_optax_itself(name, doubles):
    space = {}
    exec(export(ANY[name], "optax").text, space)
    agree(evaluate(space["lr_schedule"](), ANY[name].total_steps), ANY[name].lr)


def test_optax_in_single_precision():
    pytest.importorskip("optax")
    space = {}
    exec(export(ANY["two_stage"], "optax").text, space)
    lr = [float(space["lr_schedule"]()(count)) for count in range(80)]
    np.testing.assert_allclose(lr, ANY["two_stage"].lr, rtol=0, atol=5e-7 * PEAK)


@pytest.mark.parametrize("decay_shape", ["linear", "cosine", "power"])
@pytest.mark.parametrize(("total", "warmup", "cooldown"), [(60, 0, 0.3), (60, 7, 0.3), (60, 1, 0.02), (60, 7, 1.0), (2, 1, 0.4)])
def test_levanter_as_its_pieces_in_optax(decay_shape, total, warmup, cooldown, doubles):
    optax = doubles
    cooldown = min(cooldown, (total - warmup + 0.5) / (total + 1))
    schedule = wsd(total, cooldown, decay_shape, warmup, 0.1, PEAK, decay_power=2.0, initial_lr_ratio=0.0)
    a = yaml.safe_load(export(schedule, "levanter").text)["optimizer"]
    up, down = (levanter_steps(a[name], total) for name in ("warmup", "decay"))
    low = a["min_lr_ratio"] * a["learning_rate"]
    pieces = [(0, optax.linear_schedule(0.0, a["learning_rate"], up))] if up else []
    pieces.append((up, optax.constant_schedule(a["learning_rate"])))
    if decay_shape == "cosine" and down:
        pieces.append((total - down, optax.cosine_decay_schedule(a["learning_rate"], down, a["min_lr_ratio"])))
    elif down:
        power = a["lr_schedule"]["power"] if decay_shape == "power" else 1.0
        pieces.append((total - down, optax.polynomial_schedule(a["learning_rate"], low, power, down)))
    joined = optax.join_schedules([piece for _, piece in pieces], [begin for begin, _ in pieces[1:]])
    agree(evaluate(joined, total), schedule.lr)


@pytest.mark.parametrize(("warmup", "cooldown"), [(0, 0.3), (7, 0.3), (1, 0.02), (7, 0.88)])
def test_maxtext_as_its_pieces_in_optax(warmup, cooldown, doubles):
    optax = doubles
    schedule = wsd(60, cooldown, "linear", warmup, 0.1, PEAK, initial_lr_ratio=0.0)
    a = yaml.safe_load(export(schedule, "maxtext").text)
    end, peak = a["learning_rate_schedule_steps"], a["learning_rate"]
    up, down = int(end * a["warmup_steps_fraction"]), int(end * a["wsd_decay_steps_fraction"])
    pieces = [(0, optax.linear_schedule(0.0, peak, up))] if up else []
    pieces.append((up, optax.constant_schedule(peak)))
    pieces += [(end - down, optax.linear_schedule(peak, peak * a["learning_rate_final_fraction"], down - 1))] if down else []
    joined = optax.join_schedules([piece for _, piece in pieces], [begin for begin, _ in pieces[1:]])
    agree(evaluate(joined, 60), schedule.lr)


# The command and the documentation.

FAMILY = {"family": "wsd", "total_steps": 100, "cooldown": 0.2, "decay_shape": "1-sqrt", "peak_lr": 0.001}


@pytest.mark.parametrize("trainer", TRAINERS)
def test_command(trainer, tmp_path, capsys):
    family = FAMILY | {"decay_shape": "linear"}
    out, csv = tmp_path / "settings.txt", tmp_path / "lr.csv"
    assert main(["export", "--schedule", json.dumps(family), "--trainer", trainer, "--out", str(out), "--csv", str(csv)]) == 0
    found, printed = export(wsd(100, 0.2, peak_lr=0.001), trainer), capsys.readouterr().out
    assert printed == "".join(f"# {note}\n" for note in found.notes) + found.text + "\n"
    assert out.read_text() == found.text + "\n"
    step, lr = np.loadtxt(csv, delimiter=",", skiprows=1, unpack=True)
    assert csv.read_text().startswith("step,lr\n1,") and step.tolist() == list(range(1, 101))
    assert lr.tolist() == found.lr.tolist()


def test_command_prints_json(tmp_path, capsys):
    file = tmp_path / "schedule.json"
    file.write_text(wsd(100, 0.2, "1-sqrt", peak_lr=0.001).to_json())
    assert main(["export", "--schedule", str(file), "--trainer", "hf", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["values"]["lr_scheduler_kwargs"]["decay_type"] == "1-sqrt"
    assert (answer["trainer"], answer["exact"], answer["total_steps"]) == ("hf", True, 100)
    assert main(["export", "--schedule", str(file), "--trainer", "pytorch", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["values"]["phases"][1]["shape"] == "1-sqrt"


def test_command_refuses_what_the_trainer_cannot_unless_asked_for_the_nearest(capsys):
    arguments = ["export", "--schedule", json.dumps(FAMILY), "--trainer", "olmo-core"]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "OLMo-core cannot execute this schedule" in error and "--nearest" in error and "scheduler = WSD(" in error
    assert main([*arguments, "--nearest"]) == 0
    assert capsys.readouterr().out.startswith("# not the schedule: update ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("{}", "is not the JSON that Schedule.to_json writes"),
        ('{"family": "wsdd"}', "family='wsdd' is not known"),
        ('{"family": "wsd", "total_steps": 5, "cooling": 1}', "it takes total_steps, cooldown"),
        ('{"family": "wsd", "total_steps": 5, "cooldown": 2}', "cooldown=2 must lie in"),
        ("nowhere.json", "nowhere.json"),
    ],
)
def test_command_names_what_is_wrong_with_the_schedule(text, message, capsys):
    assert main(["export", "--schedule", text, "--trainer", "hf"]) == 2
    assert message in capsys.readouterr().err


def test_documentation_lists_every_trainer():
    page = (ROOT / "docs" / "trainers.md").read_text()
    assert all(f"`{name}`" in page and adapter.TITLE in page for name, adapter in TRAINERS.items())
