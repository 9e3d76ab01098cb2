"""Megatron-LM: command-line flags.

With s = 0, 1, ... the iterations already made, W = lr_warmup_iters, E = lr_decay_iters (warmup included),
D = lr_wsd_decay_iters and m = min_lr (absolute), the learning rate is

    lr_warmup_init + (lr - lr_warmup_init) s/W   for s <= W
    m + (lr - m) f((s - W)/(E - W))              lr_decay_style linear or cosine
    lr up to s = E - D, then m + (lr - m) f((s - E + D)/D)   lr_decay_style WSD
    m                                            for s > E

f being 1 - x (linear), (1 + cos(pi x))/2 (cosine), 1 - sqrt(x) (minus_sqrt) or 2 (1/2)^x - 1 (exponential, which is no
exponential decay to m but a scaled one, and never this package's). Nor is inverse-square-root, which counts from the run's begin.

Source: NVIDIA/Megatron-LM, megatron/core/optimizer_param_scheduler.py (d98e8a6, 2026-08-22, and core 0.9.0 to 0.19.0; minus_sqrt
since 0.13.0). It counts samples, s times the global batch size, and all its ratios are the same.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lastiterate.schedules import pieces
from lastiterate.schedules.export.form import Form, Reach, common_limits
from lastiterate.schedules.export.text import flags

TITLE = "Megatron-LM"
DECAYS = {"linear": "linear", "cosine": "cosine", "1-sqrt": "minus_sqrt"}
VERSIONS = {"0.9": "linear, cosine and exponential", "0.13": "lr_wsd_decay_style minus_sqrt"}


def reaches(version: str) -> list[Reach]:
    """The decays it has."""
    return [*(Reach(shape) for shape in (*_decays(version), "half")), Reach("inverse", "warmup")]


def candidates(form: Form, version: str) -> Iterator[dict[str, Any]]:
    """Flags that may execute the form."""
    start = form.warmup_start * form.peak_lr if form.warmup_steps else 0.0
    base = {"lr": form.peak_lr, "min_lr": form.final * form.peak_lr, "lr_warmup_init": start, "lr_warmup_iters": form.warmup_steps}
    base["train_iters"] = form.total_steps
    if not form.decay_steps:
        yield {**base, "lr_decay_style": "constant", "lr_decay_iters": max(form.total_steps, form.warmup_steps + 1)}
        return
    base["lr_decay_iters"] = max(form.decay_end, form.warmup_steps + 1)
    if form.decay_shape == "inverse":
        if form.warmup_steps:  # without one it counts from the first sample, so that it depends on the batch size
            yield {**base, "lr_decay_style": "inverse-square-root"}
        return
    if form.immediate and form.decay_shape in ("linear", "cosine"):
        yield {**base, "lr_decay_style": form.decay_shape}
    for style in form.styles(_decays(version) | {"half": "exponential"}) if form.decay_end > form.warmup_steps else ():
        yield {**base, "lr_decay_style": "WSD", "lr_wsd_decay_style": style, "lr_wsd_decay_iters": form.decay_steps}


def _decays(version: str) -> dict[str, str]:
    """Its decay styles that are this package's."""
    return {shape: name for shape, name in DECAYS.items() if shape != "1-sqrt" or version == "0.13"}


def executed(values: dict[str, Any], steps: int) -> np.ndarray:
    """Learning rates of updates 1..steps, or after each count of an array, by the rule in the module's head."""
    s, warmup, end = pieces.counts(steps), values["lr_warmup_iters"], values["lr_decay_iters"]
    peak, low, first, style = values["lr"], values["min_lr"], values["lr_warmup_init"], values["lr_decay_style"]
    begin = end - values["lr_wsd_decay_iters"] if style == "WSD" else warmup
    x = np.clip((s - begin) / (end - begin), 0.0, 1.0)
    shapes = {"linear": 1 - x, "cosine": 0.5 * (np.cos(np.pi * x) + 1), "minus_sqrt": 1 - np.sqrt(x), "exponential": 2 * 0.5**x - 1}
    if style == "constant":
        lr = np.full(s.size, peak)
    elif style == "inverse-square-root":
        lr = np.where(s > end, low, np.maximum(low, peak * max(warmup, 1) ** 0.5 / np.maximum(s, 1) ** 0.5))
    else:
        lr = low + shapes[values.get("lr_wsd_decay_style", "exponential") if style == "WSD" else style] * (peak - low)
    return np.where((s <= warmup) & (warmup > 0), first + (peak - first) * s / max(warmup, 1), lr)


def limits(form: Form, version: str) -> list[str]:
    """Why Megatron-LM cannot execute the form."""
    return common_limits(form, _decays(version), first="any")


def notes(form: Form, values: dict[str, Any], version: str) -> list[str]:
    """What to know before using the settings."""
    return [
        "iterations are counted from 0; lr_decay_iters includes the warmup; min_lr is absolute",
        "for a run resumed from a checkpoint add --override-opt_param-scheduler, the spelling that every version takes",
    ]


def text(values: dict[str, Any]) -> str:
    """The settings as flags."""
    return flags(values, dashes=True)
