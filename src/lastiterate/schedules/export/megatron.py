"""Megatron-LM: command-line flags.

With s = 0, 1, ... the iterations already made, W = lr_warmup_iters, E = lr_decay_iters (warmup included),
D = lr_wsd_decay_iters and m = min_lr (absolute), the learning rate is

    lr_warmup_init + (lr - lr_warmup_init) s/W   for s <= W
    m + (lr - m) f((s - W)/(E - W))              lr_decay_style linear or cosine
    lr up to s = E - D, then m + (lr - m) f((s - E + D)/D)   lr_decay_style WSD
    m                                            for s > E

f being 1 - x (linear), (1 + cos(pi x))/2 (cosine), 1 - sqrt(x) (minus_sqrt) or 2 (1/2)^x - 1 (exponential, which is no
exponential decay to m but a scaled one, and never this package's).

Source: NVIDIA/Megatron-LM, megatron/core/optimizer_param_scheduler.py (00caa53). It counts samples, s times the global
batch size, and all its ratios are the same.
"""

import numpy as np

from lastiterate.schedules.export.form import Form, common_limits
from lastiterate.schedules.export.text import flags

TITLE = "Megatron-LM"
DECAYS = {"linear": "linear", "cosine": "cosine", "1-sqrt": "minus_sqrt"}


def candidates(form: Form):
    """Flags that may execute the form."""
    start = form.warmup_start * form.peak_lr if form.warmup_steps else 0.0
    base = {"lr": form.peak_lr, "min_lr": form.final * form.peak_lr, "lr_warmup_init": start, "lr_warmup_iters": form.warmup_steps}
    base["train_iters"] = form.total_steps
    if not form.decay_steps:
        yield {**base, "lr_decay_style": "constant", "lr_decay_iters": max(form.total_steps, form.warmup_steps + 1)}
        return
    base["lr_decay_iters"] = form.decay_end
    if form.immediate and form.decay_shape in ("linear", "cosine"):
        yield {**base, "lr_decay_style": form.decay_shape}
    for style in form.styles(DECAYS):
        yield {**base, "lr_decay_style": "WSD", "lr_wsd_decay_style": style, "lr_wsd_decay_iters": form.decay_steps}


def executed(values: dict, total_steps: int) -> np.ndarray:
    """Learning rates of updates 1..total_steps, shape (total_steps,), by the rule in the module's head."""
    s, warmup, end = np.arange(total_steps), values["lr_warmup_iters"], values["lr_decay_iters"]
    peak, low, first, style = values["lr"], values["min_lr"], values["lr_warmup_init"], values["lr_decay_style"]
    begin = end - values["lr_wsd_decay_iters"] if style == "WSD" else warmup
    x = np.clip((s - begin) / (end - begin), 0.0, 1.0)
    shapes = {"linear": 1 - x, "cosine": 0.5 * (np.cos(np.pi * x) + 1), "minus_sqrt": 1 - np.sqrt(x)}
    coefficient = np.ones(total_steps) if style == "constant" else shapes[values.get("lr_wsd_decay_style", style)]
    lr = low + coefficient * (peak - low)
    return np.where((s <= warmup) & (warmup > 0), first + (peak - first) * s / max(warmup, 1), lr)


def limits(form: Form) -> list[str]:
    """Why Megatron-LM cannot execute the form."""
    return common_limits(form, DECAYS, first="any")


def notes(form: Form, values: dict) -> list[str]:
    """What to know before using the settings."""
    found = [
        "iterations are counted from 0; lr_decay_iters includes the warmup; min_lr is absolute",
        "for a run resumed from a checkpoint add --override-opt-param-scheduler, or the checkpoint's schedule is kept",
    ]
    if values.get("lr_wsd_decay_style") == "minus_sqrt":
        found.append("minus_sqrt is not in older versions")
    return found


def text(values: dict) -> str:
    """The settings as flags."""
    return flags(values, dashes=True)
