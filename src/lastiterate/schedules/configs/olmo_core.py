"""OLMo-core: a Python script, or the config.json that a run leaves in its folder.

Rule: ai2-olmo-core 3.0.0, olmo_core/optim/scheduler.py (run by tests/test_configs.py), and train/trainer.py, _get_max_steps: a duration of
tokens is that of whole batches of global_batch_size tokens, rounded up. Updates are counted from 1. Left out, alpha_f and decay_fraction
are 0.1, warmup_min_lr and decay_min_lr 0.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from lastiterate.schedules.configs.config import Config, Form, check_total, config, given_steps
from lastiterate.schedules.configs.source import ConfigError, Fields, Python, dotted, mapping

KINDS = (
    "ConstantScheduler", "ConstantWithWarmup", "WSD", "LinearWithWarmup", "CosWithWarmup", "InvSqrtWithWarmup", "HalfCosWithWarmup",
    "ComposableScheduler",
)  # fmt: skip
BY_SPAN = ("LinearWithWarmup", "CosWithWarmup", "HalfCosWithWarmup")
OTHERS = ("PowerLR", "CosWithWarmupAndLinearDecay", "SequentialScheduler", "WSDS", "ExponentialScheduler")


OWN = {
    "warmup", "warmup_steps", "warmup_fraction", "warmup_min_lr", "decay", "decay_steps", "decay_fraction", "decay_min_lr", "alpha_f",
    "t_max", "units", "stages", "override_decay", "lr_field", "initial_lr_field",
}  # fmt: skip


def recognises(text: str) -> bool:
    """Whether one of its schedulers is in the text."""
    data = mapping(text)
    if data is not None:
        return "_CLASS_" in text and "train_module" in data
    return any(f"{name}(" in text for name in (*KINDS, *OTHERS))


def read(text: str, steps: int | None = None) -> Config:
    """What the settings execute."""
    data = mapping(text)
    kind, arguments, peak, durations, batch = _of_json(data) if data is not None else _of_python(text)
    if kind not in KINDS:
        raise ConfigError(f"scheduler {kind}: not read, but {', '.join(KINDS)}")
    fields, notes = Fields(arguments, f"{kind}: {{}}"), []
    fields.forbid("", OWN, kind)
    if str(arguments.get("units", "steps")).rpartition(".")[2] not in ("steps", "SchedulerUnits"):
        raise ConfigError(f"{kind}: units of tokens are not read: the schedule then depends on the batches")
    end = _steps(durations.get("max_duration"), batch)
    end = given_steps(end, steps if end is None else None, "max_duration", "has no max_duration in steps or tokens")
    stop = _steps(durations.get("hard_stop"), batch)
    total = check_total(min(end, stop or end) if steps is None else steps)
    if stop and stop < end:
        notes.append(f"hard_stop ends the run after {stop} of {end} updates")
    values = {"scheduler": kind, "lr": peak, "max_duration": end, "hard_stop": stop, "arguments": _filled(kind, fields, end, notes)}
    return config("olmo-core", values, lrs(values, total), _form(values), peak, notes)


def _of_json(data: Mapping[str, Any]) -> Any:
    module, trainer = data.get("train_module") or {}, data.get("trainer") or {}
    optim, scheduler = module.get("optim") or {}, module.get("scheduler") or {}
    if not scheduler:
        raise ConfigError("train_module.scheduler is missing: OLMo-core then keeps the learning rate constant")
    peak = Fields(optim, "train_module.optim.{}").number("lr")
    arguments = dict(scheduler)
    kind = str(arguments.pop("_CLASS_", "")).rpartition(".")[2]
    durations = {}
    for name in ("max_duration", "hard_stop"):
        if isinstance(trainer.get(name), dict):
            durations[name] = (str(trainer[name].get("unit")), trainer[name].get("value"))
    return kind, arguments, peak, durations, (data.get("data_loader") or {}).get("global_batch_size")


def _of_python(text: str) -> Any:
    try:
        python = Python(text)
    except (SyntaxError, ValueError) as error:
        raise ConfigError(f"neither JSON nor Python: {error}") from None
    calls = [call for call in python.calls((*KINDS, *OTHERS)) if dotted(call[1].func).rpartition(".")[2] in (*KINDS, *OTHERS)]
    if len(calls) != 1:
        lines = ", ".join(f"line {call.lineno}" for _, call in calls)
        raise ConfigError(f"makes {len(calls)} schedulers ({lines or 'of those known'}), expected one: leave one of them in the file")
    name, call = calls[0]
    kind = name.rpartition(".")[2]
    given = python.arguments(call)
    if kind == "ComposableScheduler":
        arguments = {"stages": _stages(python, given)}
    else:
        arguments = {key: python.value(node) for key, node in given.items()}
    rates = {}
    for one, node in python.optimizers():
        rates[python.value(node)] = one
    if len(rates) != 1:
        found = ", ".join(f"{lr} in {one}" for lr, one in rates.items())
        raise ConfigError(f"the optimizer's lr is not plain: {found or 'there is none'}: leave one in the file")
    durations = {}
    for key in ("max_duration", "hard_stop"):
        nodes = python.keyword(key)
        if len(nodes) > 1:
            raise ConfigError(f"{key} is given {len(nodes)} times: leave one in the file")
        for node in nodes:
            durations[key] = python.duration(node)
    batch = {python.value(node) for node in python.keyword("global_batch_size")}
    return kind, arguments, float(next(iter(rates))), durations, next(iter(batch)) if len(batch) == 1 else None


def _stages(python: Python, given: dict[str, Any]) -> list[dict[str, Any]]:
    if given.get("override_decay") is not None and "override_decay" in given:
        raise ConfigError("ComposableScheduler with override_decay is not read")
    found = []
    for node in getattr(given.get("stages"), "elts", []):
        found.append({key: python.value(value) for key, value in python.arguments(node).items()})
    return found


def _steps(duration: Any, batch: Any) -> int | None:
    """Updates of a duration, (unit, value) or None."""
    if duration is None:
        return None
    unit, value = duration
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ConfigError(f"a duration of {value!r} {unit} is not a number")
    if unit == "steps":
        return int(value)
    if unit == "tokens":
        if not batch:
            raise ConfigError("a duration of tokens without one global_batch_size: write max_duration=Duration.steps(N) instead")
        return math.ceil(value / batch)
    return None


def _filled(kind: str, fields: Fields, end: int, notes: list[str]) -> dict[str, Any]:
    """The scheduler's arguments with their defaults, in updates."""
    if kind == "ComposableScheduler":
        return {"stages": tuple(_stage(stage) for stage in fields.values.get("stages") or [])}
    if kind == "ConstantScheduler":
        return {}
    span = fields.count("t_max", end) if kind in BY_SPAN else end

    def part(name: str, default: Any | None = None) -> int:
        counts = [key for key in (name, f"{name}_steps") if fields.has(key)]
        share = f"{name}_fraction"
        if counts and fields.has(share):
            raise ConfigError(f"{kind}: {counts[0]} and {share} are both given: OLMo-core refuses that")
        if counts:
            return fields.count(counts[0])
        if not fields.has(share) and default is None:
            raise ConfigError(f"{kind}: neither {name} nor {share} is given: OLMo-core refuses that")
        if not fields.has(share):
            notes.append(f"{share} is not in the file: {default}")
        return round(span * fields.number(share, default))

    warmup = part("warmup")
    found = {"warmup": warmup, "warmup_min_lr": fields.number("warmup_min_lr", 0.0)}
    if kind == "WSD":
        if fields.has("decay") and "decay_fraction" in fields.values and fields.values["decay_fraction"] is None:
            fields = Fields({key: value for key, value in fields.values.items() if key != "decay_fraction"}, fields.spelled)
        elif (fields.has("decay") or fields.has("decay_steps")) and "decay_fraction" not in fields.values:
            raise ConfigError("WSD: decay without decay_fraction=None: OLMo-core refuses that, for its default is 0.1")
        counted = fields.has("decay") or fields.has("decay_steps")
        found |= {"decay": part("decay", None if counted else 0.1), "decay_min_lr": fields.number("decay_min_lr", 0.0)}
    elif kind in (*BY_SPAN, "InvSqrtWithWarmup"):
        if not fields.has("alpha_f"):
            notes.append("alpha_f is not in the file: 0.1")
        found["alpha_f"] = fields.number("alpha_f", 0.1)
        if kind != "InvSqrtWithWarmup":
            found["t_max"] = span
    return found


def _stage(stage: dict[str, Any]) -> tuple[Any, ...]:
    fields = Fields(stage, "stage: {}")
    shape = str(stage.get("shape", "linear")).rpartition(".")[2]
    if shape not in ("linear", "cosine"):
        raise ConfigError(f"stage: shape {shape!r}, expected linear or cosine")
    ends = [fields.number(name) if fields.has(name) else None for name in ("start_lr", "start_lr_fraction", "end_lr", "end_lr_fraction")]
    if ends[2] is None and ends[3] is None:
        raise ConfigError("stage: neither end_lr nor end_lr_fraction is given: OLMo-core refuses that")
    return (fields.count("duration"), shape, *ends)


def lrs(values: dict[str, Any], total: int) -> np.ndarray:
    """Learning rates of updates 1..total, shape (total,)."""
    current, peak, a, kind, end = np.arange(1, total + 1), values["lr"], values["arguments"], values["scheduler"], values["max_duration"]
    if kind == "ConstantScheduler":
        return np.full(total, peak)
    if kind == "ComposableScheduler":
        return _composed(a["stages"], current, peak)
    warmup, first = a["warmup"], a["warmup_min_lr"]
    inside = current <= warmup
    if kind == "ConstantWithWarmup":
        after = np.full(total, peak)
    elif kind == "WSD":
        left = np.minimum(end - current, a["decay"])
        down = a["decay_min_lr"] + (peak - a["decay_min_lr"]) * left / max(a["decay"], 1)
        after = np.where(current >= end - a["decay"], down if a["decay"] else peak, peak)
    elif kind == "InvSqrtWithWarmup":
        low, inside = peak * a["alpha_f"], current < warmup
        after = low + (peak - low) * np.sqrt(warmup / current)
    else:
        low, last, inside = peak * a["alpha_f"], a["t_max"], current < warmup
        x = (current - warmup) / max(last - warmup, 1)
        if kind == "HalfCosWithWarmup":  # the second half of a cosine whose peak is lr
            x, up = (1 + x) / 2, low + (peak - low) / 2
        else:
            up = peak
        shape = 1 - x if kind == "LinearWithWarmup" else (1 + np.cos(np.pi * x)) / 2
        after = np.where(current >= last, low, low + (peak - low) * shape)
        return np.where(inside, first + (up - first) * np.minimum(current, warmup) / max(warmup, 1), after)
    return np.where(inside, first + (peak - first) * np.minimum(current, warmup) / max(warmup, 1), after)


def _composed(stages: Any, current: np.ndarray, peak: float) -> np.ndarray:
    begin, before, lr = 0, peak, np.zeros(current.size)
    for duration, shape, start, start_part, end, end_part in stages:
        first = start if start is not None else before if start_part is None else peak * start_part
        last = end if end is not None else peak * end_part
        x = np.clip((current - begin) / max(duration, 1), 0, 1)
        own = first + (last - first) * x if shape == "linear" else last + (first - last) * (1 + np.cos(np.pi * x)) / 2
        lr = np.where(current >= begin, np.where(current < begin + duration, own, last), lr)
        begin, before = begin + duration, last
    return lr


def _form(values: dict[str, Any]) -> Form | None:
    a, peak, kind = values["arguments"], values["lr"], values["scheduler"]
    if kind not in ("ConstantWithWarmup", "WSD", "LinearWithWarmup", "CosWithWarmup"):
        return None
    own = max(a["warmup"] - 1, 0)
    start = (a["warmup_min_lr"] + (peak - a["warmup_min_lr"]) / a["warmup"]) / peak if own else 1.0
    if kind == "ConstantWithWarmup":
        return Form(own, start, 10**9, 0)
    if kind == "WSD":
        return Form(own, start, values["max_duration"] - a["decay"] - 1, a["decay"], "linear", a["decay_min_lr"] / peak)
    shape = "linear" if kind == "LinearWithWarmup" else "cosine"
    span = a["t_max"] - a["warmup"]
    return Form(own, start, a["warmup"] - 1, span, shape, a["alpha_f"]) if span > 0 else None
