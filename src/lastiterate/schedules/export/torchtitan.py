"""torchtitan: command-line flags (the same names in its configuration).

With s = 0, 1, ... the steps already made, W = warmup_steps, E = total_steps, D = round(E decay_ratio) and
r = min_lr_factor, optimizer.lr is multiplied by

    (s + 1)/W                        for s < W
    1                                for s < E + 1 - D
    r + (1 - r) f((s - (E - D))/D)   from there on

f being 1 - x (linear), 1 - sqrt(x) (sqrt) or (1 + cos(pi x))/2 (cosine). The first step has 1/W and the W-th the
peak: a warmup of this package has that form if initial_lr_ratio = 1/(warmup_steps + 1), and torchtitan's warmup_steps
is then one more. If W + D > E, torchtitan shortens D with a warning: no decay right after a warmup of ours survives that.

Source: pytorch/torchtitan, torchtitan/components/lr_scheduler.py (state with total_steps and min_lr_factor). Versions with
lr_min divide by W + 1 and D + 1 instead; decay_ratio left out means that everything after the warmup decays.
"""

import numpy as np

from lastiterate.schedules.export.form import Form, common_limits
from lastiterate.schedules.export.text import flags, fraction

TITLE = "torchtitan"
DECAYS = {"linear": "linear", "cosine": "cosine", "1-sqrt": "sqrt"}


def candidates(form: Form):
    """Flags that may execute the form."""
    end = form.decay_end if form.decay_steps else max(form.total_steps, form.warmup_steps + 1)
    warmups = [form.warmup_steps + 1, form.warmup_steps] if form.warmup_steps else [0]
    for warmup in warmups:
        count = min(form.decay_steps, end - warmup)
        if count < 0:
            continue
        for style in form.styles(DECAYS):
            yield {
                "optimizer.lr": form.peak_lr,
                "training.steps": form.total_steps,
                "lr_scheduler.warmup_steps": warmup,
                "lr_scheduler.total_steps": end,
                "lr_scheduler.decay_ratio": fraction(count, end, round),
                "lr_scheduler.decay_type": style,
                "lr_scheduler.min_lr_factor": form.final,
            }


def executed(values: dict, total_steps: int) -> np.ndarray:
    """Learning rates of updates 1..total_steps, shape (total_steps,), by the rule in the module's head."""
    s, end = np.arange(total_steps), values["lr_scheduler.total_steps"]
    warmup = min(values["lr_scheduler.warmup_steps"], end)
    decay = min(round(end * values["lr_scheduler.decay_ratio"]), end - warmup)
    x = np.maximum(s - (end - decay), 0) / max(decay, 1)
    shapes = {"linear": 1 - x, "cosine": 0.5 * (1 + np.cos(np.pi * x)), "sqrt": 1 - np.sqrt(x)}
    low = values["lr_scheduler.min_lr_factor"]
    factor = low + (1 - low) * shapes[values["lr_scheduler.decay_type"]] if decay else np.ones(total_steps)
    return values["optimizer.lr"] * np.where(s < warmup, (s + 1) / max(warmup, 1), factor)


def limits(form: Form) -> list[str]:
    """Why torchtitan cannot execute the form."""
    found = common_limits(form, DECAYS, first="1/(W+1)")
    if form.warmup_steps and form.immediate:
        found.append("its warmup is followed by at least one more step at the peak: use wsd with a cooldown one step shorter")
    return found


def notes(form: Form, values: dict) -> list[str]:
    """What to know before using the settings."""
    found = ["a warmup of W steps starts at 1/W of the peak and reaches it at step W; decay_ratio is always written"]
    if values["lr_scheduler.total_steps"] != form.total_steps:
        found.append("total_steps, where the schedule ends, lies beyond the run; older versions have no total_steps")
    return found


def text(values: dict) -> str:
    """The settings as flags."""
    return flags(values)
