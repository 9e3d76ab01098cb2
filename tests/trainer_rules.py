"""Each trainer's rule, restated update by update, and schedules to try on it.

The rules read the settings from the text that a user would paste, not from the values it was made of. `test_export_trainers`
runs the trainers' own code; the rules of MaxText, nanotron, levanter's main, nanochat and modded-nanogpt, whose code cannot be
had as a package, were read from the commits that the modules of `lastiterate.schedules.export` name.
"""

import ast
import math
import shlex

import numpy as np
import yaml

from lastiterate.schedules import (
    Phase,
    Schedule,
    constant,
    cosine,
    cyclic,
    inverse_sqrt,
    linear,
    piecewise,
    polynomial,
    two_stage,
    wsd,
)

PEAK = 3e-4
ZERO_START = ("hf", "nanotron", "levanter", "maxtext")
OWN_START = ("torchtitan", "olmo-core", "nanochat")


# Each rule: text of the settings -> learning rates of updates 1..total_steps.


def shape(style, x):
    match style:
        case "linear":
            return 1 - x
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * x))
        case "1-sqrt" | "sqrt" | "minus_sqrt":
            return 1 - math.sqrt(x)
        case "exponential":
            return 2 * 0.5**x - 1
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
                return shape(kwargs.get("decay_type", "cosine"), step / max(1, kwargs["num_decay_steps"])) * (1 - low) + low
            return low
        if kind == "cosine_warmup_with_min_lr":
            start, low, x = kwargs["warmup_lr_rate"], kwargs["min_lr_rate"], (step - warmup + 1) / max(1, training - warmup)
            up = start + (1 - start) * step / max(1, warmup - 1)
            return up if step < warmup else max(0, shape("cosine", 2 * kwargs["num_cycles"] * x) * (1 - low) + low)
        if step < warmup:
            return step / max(1, warmup)
        x = (step - warmup) / max(1, training - warmup)
        if kind == "inverse_sqrt":
            return 1 / math.sqrt((step + kwargs["timescale"] - warmup) / kwargs["timescale"])
        if kind == "cosine_with_restarts":
            return 0.0 if x >= 1 else max(0.0, shape("cosine", (float(kwargs["num_cycles"]) * x) % 1.0))
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
        elif a["lr_decay_style"] == "inverse-square-root":
            lr = max(a["min_lr"], a["lr"] * max(warmup, 1 * batch) ** 0.5 / max(samples, 1 * batch) ** 0.5)
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
    flags = read_flags(text)
    assert "optimizer.param_groups.0.optimizer_kwargs.lr" in flags
    a = {name.split(".")[-1]: value for name, value in flags.items()}
    assert a["steps"] == total_steps <= a["total_steps"] and a["warmup_steps"] <= a["total_steps"]
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

    class ComposableSchedulerStageType:
        linear, cosine = "linear", "cosine"

    kinds = ("WSD", "LinearWithWarmup", "CosWithWarmup", "ConstantWithWarmup", "ComposableScheduler")
    space = {name: recorder(name) for name in (*kinds, "AdamWConfig", "TrainerConfig")} | {"Duration": Duration}
    exec(text, space | {"ComposableSchedulerStageType": ComposableSchedulerStageType, "ComposableSchedulerStage": dict})
    (kind,) = seen.keys() & set(kinds)
    a, peak, maximum = seen[kind], seen["AdamWConfig"]["lr"], seen["TrainerConfig"]["max_duration"]
    assert seen["TrainerConfig"].get("hard_stop", maximum) == total_steps
    assert kind == "ComposableScheduler" or (0 <= a["warmup_min_lr"] < peak and a["warmup"] >= 1)

    def composed(current):
        for stage in a["stages"]:
            assert stage["duration"] > 0 and stage["start_lr"] >= 0 and stage["end_lr"] >= 0
            if current < stage["duration"]:
                start, end, x = stage["start_lr"], stage["end_lr"], current / stage["duration"]
                return start + (end - start) * x if stage["shape"] == "linear" else end + (start - end) * shape("cosine", x)
            current -= stage["duration"]
        return stage["end_lr"]

    def up(current):
        return a["warmup_min_lr"] + (peak - a["warmup_min_lr"]) * min(current, a["warmup"]) / a["warmup"]

    def lr(current):
        if kind == "ComposableScheduler":
            return composed(current)
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
    peak, ratio, style = a["learning_rate"], a["min_lr_ratio"], a["lr_schedule"]
    kind = style["type"] if isinstance(style, dict) else style
    cooldown = levanter_steps(a.get("cooldown", 0), total)
    main = total - cooldown
    ends = [*a.get("cycles", []), *([] if a.get("cycles", [0])[-1] == main else [main])]

    def decayed(x, steps):
        if kind == "constant" or not steps:
            return peak
        if kind == "cosine":
            return peak * ((1 - ratio) * shape("cosine", x) + ratio)
        if kind == "inv_sqrt_decay":
            return max(peak * ratio, peak / math.sqrt(1 + style["decay_constant"] * x))
        return peak * (1 - ratio) * (1 - x) ** (style["power"] if kind == "polynomial" else 1) + peak * ratio

    def lr(count):
        begin = 0
        for end in ends:
            length = end - begin
            warmup = min(levanter_steps(a["warmup"], length), length) if begin == 0 else 0
            decay = min(levanter_steps(a["decay"], length), length - warmup) if "decay" in a else length - warmup
            if count < end:
                if count < begin + warmup:
                    return peak * (count - begin) / warmup
                return peak if count < end - decay else decayed((count - end + decay) / max(decay, 1), decay)
            begin = end
        start = decayed(1.0, decay)
        return start + (peak * ratio - start) * (count - main) / cooldown

    return [lr(count) for count in range(total_steps)]


def rule_maxtext(text, total_steps):
    a = yaml.safe_load(text)
    assert a["steps"] == total_steps
    end, peak = a["learning_rate_schedule_steps"], a["learning_rate"]
    final = peak * a["learning_rate_final_fraction"]
    warmup = int(end * a["warmup_steps_fraction"])
    kind = a["lr_schedule_type"]
    assert kind == "cosine" or a["warmup_steps_fraction"] + a["wsd_decay_steps_fraction"] <= 1.0  # or its validation refuses
    decay = end - warmup if kind == "cosine" else int(end * a["wsd_decay_steps_fraction"])
    style = "cosine" if kind == "cosine" else a["wsd_decay_style"]
    stable = end - warmup - decay
    assert stable >= 0

    def lr(step):
        if step >= end:
            return 0.0
        if step < warmup:
            return peak * step / warmup
        step -= warmup + stable
        if step < 0:
            return peak
        weight = shape(style, step / (decay - 1) if decay > 1 else 1.0)
        return peak * weight + final * (1 - weight)

    return [lr(step) for step in range(total_steps)]


def rule_nanochat(text, total_steps):
    a = read_flags(text)
    assert a["num_iterations"] == total_steps
    down, peak = round(a["warmdown_ratio"] * total_steps), a["matrix_lr"]

    def factor(it):
        if it < a["warmup_steps"]:
            return (it + 1) / a["warmup_steps"]
        progress = (total_steps - it) / down if it > total_steps - down else 1.0
        return progress + (1 - progress) * a["final_lr_frac"]

    return [peak * factor(it) for it in range(total_steps)]


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
    "nanochat": rule_nanochat,
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
    "nanochat": ("linear",),
    "pytorch": ("linear", "cosine", "1-sqrt", "power"),
}


def start_of(trainer, warmup, final=0.0):
    """The first factor of a warmup that the trainer can execute."""
    if trainer == "hf":
        return final
    return 1 / (warmup + 1) if trainer in OWN_START else 0.0 if trainer in ZERO_START else 0.25


def agree(found, expected, peak=PEAK, rounding=0.0):
    """Equal to 1e-12 of the peak, and what the trainer's own arithmetic adds."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=(1e-12 + 1.001 * rounding) * peak)


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
