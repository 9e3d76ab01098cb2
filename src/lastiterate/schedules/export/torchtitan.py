"""torchtitan: command-line flags (the same names in its configuration).

With s = 0, 1, ... the steps already made, W = warmup_steps, E = total_steps, D = round(E decay_ratio) and
r = min_lr_factor, optimizer.lr is multiplied by

    (s + 1)/W                        for s < W
    1                                for s < E + 1 - D
    r + (1 - r) f((s - (E - D))/D)   from there on

f being 1 - x (linear), 1 - sqrt(x) (sqrt) or (1 + cos(pi x))/2 (cosine). The first step has 1/W and the W-th the
peak: a warmup of this package has that form if initial_lr_ratio = 1/(warmup_steps + 1), and torchtitan's warmup_steps
is then one more. If W + D > E, torchtitan shortens D with a warning: no decay right after a warmup of ours survives that.

Source: pytorch/torchtitan, torchtitan/components/optimizer/lr_scheduler.py (b5bcd76, and release 0.3.0), components/lr_scheduler.py
before it (0.1.0 to 0.2.2). decay_ratio left out means that everything after the warmup decays. Since 0.3.0 the learning rate is one
of the keyword arguments of a parameter group's optimiser; before 0.2.2 the schedule always ended with the run.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lastiterate.schedules import pieces
from lastiterate.schedules.export.form import Form, Reach, common_limits
from lastiterate.schedules.export.text import flags, fraction

TITLE = "torchtitan"
DECAYS = {"linear": "linear", "cosine": "cosine", "1-sqrt": "sqrt"}
VERSIONS = {
    "0.1": "lr_min is the last factor",
    "0.2": "lr_min became min_lr_factor",
    "0.2.2": "lr_scheduler.total_steps",
    "0.3": "the learning rate is --optimizer.param_groups.0.optimizer_kwargs.lr (--optimizer.lr before)",
}
LR = "optimizer.param_groups.0.optimizer_kwargs.lr"


def reaches(version: str) -> list[Reach]:
    """The decays it has."""
    return [Reach(shape, "any", "any" if version in ("0.2.2", "0.3") else "run") for shape in DECAYS]


def candidates(form: Form, version: str) -> Iterator[dict[str, Any]]:
    """Flags that may execute the form."""
    own_end = version in ("0.2.2", "0.3")
    end = form.decay_end if form.decay_steps and own_end else max(form.total_steps, form.warmup_steps + own_end)
    final = "lr_scheduler.lr_min" if version == "0.1" else "lr_scheduler.min_lr_factor"
    warmups = [form.warmup_steps + 1, form.warmup_steps] if form.warmup_steps else [0]
    for warmup in warmups:
        count = min(form.decay_steps, end - warmup)
        if count < 0 or end < form.total_steps:  # beyond the end of its decay torchtitan's factor is below the last
            continue
        for style in form.styles(DECAYS):
            yield {
                LR if version == "0.3" else "optimizer.lr": form.peak_lr,
                "training.steps": form.total_steps,
                "lr_scheduler.warmup_steps": warmup,
                **({"lr_scheduler.total_steps": end} if own_end else {}),
                "lr_scheduler.decay_ratio": fraction(count, end, round),
                "lr_scheduler.decay_type": style,
                final: form.final,
            }


def executed(values: dict[str, Any], steps: int) -> np.ndarray:
    """Learning rates of updates 1..steps, or after each count of an array, by the rule in the module's head."""
    s, end = pieces.counts(steps), values.get("lr_scheduler.total_steps", values["training.steps"])
    warmup = min(values["lr_scheduler.warmup_steps"], end)
    decay = min(round(end * values["lr_scheduler.decay_ratio"]), end - warmup)
    x = np.maximum(s - (end - decay), 0) / max(decay, 1)
    shapes = {"linear": 1 - x, "cosine": 0.5 * (1 + np.cos(np.pi * x)), "sqrt": 1 - np.sqrt(x)}
    low = values.get("lr_scheduler.min_lr_factor", values.get("lr_scheduler.lr_min", 0.0))
    peak = values[LR] if LR in values else values["optimizer.lr"]
    factor = low + (1 - low) * shapes[values["lr_scheduler.decay_type"]] if decay else np.ones(s.size)
    return peak * np.where(s < warmup, (s + 1) / max(warmup, 1), factor)


def limits(form: Form, version: str) -> list[str]:
    """Why torchtitan cannot execute the form."""
    found = common_limits(form, DECAYS, first="1/(W+1)")
    if form.warmup_steps and form.immediate:
        found.append("its warmup is followed by at least one more step at the peak: use wsd with a cooldown one step shorter")
    if form.decay_steps and form.decay_end != form.total_steps and version in ("0.1", "0.2"):
        found.append("its decay ends with the run before version 0.2.2, which has lr_scheduler.total_steps")
    return found


def notes(form: Form, values: dict[str, Any], version: str) -> list[str]:
    """What to know before using the settings."""
    found = ["a warmup of W steps starts at 1/W of the peak and reaches it at step W; decay_ratio is always written"]
    if LR in values:
        found.append("each parameter group has its own lr: give every other group (param_groups.1, ...) its own in the same way")
    if values.get("lr_scheduler.total_steps", form.total_steps) != form.total_steps:
        found.append("total_steps, where the schedule ends, lies beyond the run")
    return found


def text(values: dict[str, Any]) -> str:
    """The settings as flags."""
    return flags(values)
