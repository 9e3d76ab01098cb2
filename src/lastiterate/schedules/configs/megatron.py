"""Megatron-LM: flags in a shell script or a line, or a YAML of its tests with flags for names (MODEL_ARGS).

Rule: NVIDIA/Megatron-LM, megatron/core/optimizer_param_scheduler.py (core 0.16.1; run by tests/test_configs.py), and
get_optimizer_param_scheduler in megatron/training/training.py (d98e8a6). Left out, the style is linear, that of a WSD decay exponential,
lr_decay_iters is train_iters, and min_lr and the warmup are 0.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from lastiterate.schedules.configs.config import Config, Form, config, given_steps
from lastiterate.schedules.configs.source import ConfigError, Fields, flags, flat, mapping

STYLES = ("constant", "linear", "cosine", "inverse-square-root", "WSD")
KNOWN = {
    "lr_decay_style", "lr_decay_iters", "lr_decay_samples", "lr_warmup_fraction", "lr_warmup_iters", "lr_warmup_samples", "lr_warmup_init",
    "lr_wsd_decay_style", "lr_wsd_decay_iters", "lr_wsd_decay_samples",
}  # fmt: skip
OTHERS = {
    "warmup": "the fraction of the run of Megatron before 2.0: write --lr-warmup-fraction",
    "train_tokens": "Megatron-DeepSpeed then counts tokens: not read",
}
WSD = {"exponential": None, "linear": "linear", "cosine": "cosine", "minus_sqrt": "1-sqrt"}


def recognises(text: str) -> bool:
    """Whether Megatron's flags are in the text."""
    return any(name in text for name in ("--lr-decay-style", "--lr-warmup-", "--lr-decay-", "--lr_decay_style")) or "--train-iters" in text


def read(text: str, steps: int | None = None) -> Config:
    """What the flags execute."""
    data = Fields(_flags(text), "--{}")
    named: Callable[[str], str] = lambda name: name.replace("_", "-")
    data.spelled = "--{}"
    if data.has("rampup_batch_size"):
        raise ConfigError("--rampup-batch-size: the schedule counts samples, so that its updates depend on the batch sizes: not read")
    _check_names(data)
    notes: list[str] = []
    peak, low = data.number("lr"), data.number("min_lr", 0.0)
    first, style = data.number("lr_warmup_init", 0.0), data.choice("lr_decay_style", STYLES, "linear")
    samples = _by_samples(data)
    unit, batch = "iters", 1
    if samples:
        unit, batch = "samples", data.count("global_batch_size")
        if not batch:
            raise data.error("global_batch_size", "a positive number")
    stated = data.count(f"train_{unit}") if data.has(f"train_{unit}") else None
    if stated and stated % batch:
        notes.append(f"--train-samples {stated} is no multiple of the global batch size: the last update is left out, as Megatron does")
    total = given_steps(stated if stated is None else stated // batch, steps, f"--{named(f'train_{unit}')}", "has no --train-iters")
    span = stated if stated is not None else total * batch
    end = data.count(f"lr_decay_{unit}", span) / batch
    warmup = data.number("lr_warmup_fraction") * end if data.has("lr_warmup_fraction") else data.count(f"lr_warmup_{unit}", 0) / batch
    values: dict[str, Any] = {
        "lr": peak,
        "min_lr": low,
        "lr_warmup_init": first,
        "lr_warmup_iters": warmup,
        "train_iters": total,
        "lr_decay_iters": end,
    }
    values["lr_decay_style"] = style
    if style == "inverse-square-root" and not warmup:  # then it counts from the first sample, not from the first update
        values["global_batch_size"] = data.count("global_batch_size")
    if style == "WSD":
        values["lr_wsd_decay_style"] = data.choice("lr_wsd_decay_style", WSD, "exponential")
        values["lr_wsd_decay_iters"] = data.count(f"lr_wsd_decay_{unit}") / batch
    values = {name: int(value) if isinstance(value, float) and name.endswith("_iters") and value == int(value) else value
              for name, value in values.items()}  # fmt: skip
    if not (low <= peak and first <= peak and 0 <= warmup < end):
        raise ConfigError(
            f"lr {peak:g}, min_lr {low:g}, lr_warmup_init {first:g}, warmup {warmup:g} of {end:g}: Megatron asserts min_lr <= lr, "
            "lr_warmup_init <= lr and a warmup shorter than lr_decay_iters"
        )
    if data.has("use_checkpoint_opt_param_scheduler"):
        notes.append("--use-checkpoint-opt_param-scheduler: a run that loads a checkpoint executes its settings, and not these")
    if data.has("decoupled_lr"):
        notes.append("--decoupled-lr: the embedding and output layers have a learning rate of their own")
    return config("megatron", values, lrs(values, total), _form(values), peak, notes)


def _check_names(data: Fields) -> None:
    """ConfigError for flags that change the learning rates by a rule that is not this one, and for those that Megatron asserts away."""
    for name in data.values:
        if name in OTHERS or (name.startswith("lr_") and name not in KNOWN):
            why = OTHERS.get(name, "not known, and it may change the learning rates: not read")
            raise ConfigError(f"--{name.replace('_', '-')}: {why}")
    samples = _by_samples(data)
    if data.has("train_samples") and data.has("train_iters"):
        raise ConfigError("--train-iters and --train-samples are both given: Megatron refuses that")
    other = "iters" if samples else "samples"
    for name in (f"lr_decay_{other}", f"lr_warmup_{other}"):
        if data.has(name) and data.number(name):
            stated = "samples" if samples else "iters"
            raise ConfigError(f"--{name.replace('_', '-')} with --train-{stated}: Megatron refuses that")
    given = [name for name in ("lr_warmup_iters", "lr_warmup_samples") if data.has(name) and data.number(name)]
    if data.has("lr_warmup_fraction") and given:
        raise ConfigError(f"--lr-warmup-fraction and --{given[0].replace('_', '-')} are both given: Megatron refuses that")


def _by_samples(data: Fields) -> bool:
    """Whether samples are counted; a file without the run's length counts what its warmup and decay count."""
    stated = data.has("train_samples") or data.has("lr_warmup_samples") or data.has("lr_decay_samples")
    return stated and not data.has("train_iters")


def _flags(text: str) -> dict[str, Any]:
    data = mapping(text)
    if data is not None:
        found = {name.rpartition(".")[2]: value for name, value in flat(data).items()}
        return {name.lstrip("-").replace("-", "_"): value for name, value in found.items()}
    return flags(text)


def lrs(values: dict[str, Any], total: int) -> np.ndarray:
    """Learning rates of updates 1..total, shape (total,)."""
    s, warmup, end = np.arange(total, dtype=np.float64), values["lr_warmup_iters"], values["lr_decay_iters"]
    peak, low, first, style = values["lr"], values["min_lr"], values["lr_warmup_init"], values["lr_decay_style"]
    if style == "constant":
        lr = np.full(total, peak)
    elif style == "inverse-square-root":
        batch = values.get("global_batch_size", 1)
        lr = np.maximum(low, peak * (warmup or 1) ** 0.5 / np.sqrt(np.maximum(s * batch, 1)))
    else:
        begin = end - values["lr_wsd_decay_iters"] if style == "WSD" else warmup
        x = np.clip((s - begin) / max(end - begin, 1e-12), 0.0, 1.0)
        name = values.get("lr_wsd_decay_style", style)
        shapes = {"linear": 1 - x, "cosine": 0.5 * (np.cos(np.pi * x) + 1), "minus_sqrt": 1 - np.sqrt(x), "exponential": 2 * 0.5**x - 1}
        lr = low + shapes[name] * (peak - low)
    if style != "constant":
        lr = np.where(s > end, low, lr)
    return np.where((s <= warmup) & (warmup > 0), first + (peak - first) * s / max(warmup, 1e-12), lr)


def _form(values: dict[str, Any]) -> Form | None:
    warmup, end, peak, style = values["lr_warmup_iters"], values["lr_decay_iters"], values["lr"], values["lr_decay_style"]
    down = values.get("lr_wsd_decay_iters", end - warmup)
    if any(value != int(value) for value in (warmup, end, down)):
        return None
    start = values["lr_warmup_init"] / peak
    if style == "constant":
        return Form(int(warmup), start, 10**9, 0)
    shape = WSD[values["lr_wsd_decay_style"]] if style == "WSD" else style
    if shape not in ("linear", "cosine", "1-sqrt") or end - down < warmup:
        return None
    return Form(int(warmup), start, int(end - down), int(down), shape, values["min_lr"] / peak)
