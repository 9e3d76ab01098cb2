"""MaxText: its YAML configuration.

With s = 0, 1, ... the steps already made, E = learning_rate_schedule_steps, W = int(E warmup_steps_fraction),
D = int(E wsd_decay_steps_fraction) and r = learning_rate_final_fraction, learning_rate is multiplied by

    s/W for s < W,  1 for s < E - D,  then r + (1 - r) f((s - E + D)/(D - 1))            lr_schedule_type wsd
    s/W for s < W,  then r + (1 - r) f((s - W)/(E - W - 1))                              lr_schedule_type cosine

f being 1 - x (linear) or (1 + cos(pi x))/2 (cosine): the decay reaches r at step E, one step before the others. So E is one
more than the end of the decay (beyond `steps`), and D one more than its intervals. Fractions are written such that
int() gives the integers back.

Source: AI-Hypercomputer/maxtext, src/maxtext/utils/maxtext_utils.py (00902f3); in another state the warmup is s/(W - 1).
MaxText computes in float32: what it executes agrees with this to about 1e-7 of the peak.
"""

import numpy as np

from lastiterate.schedules.export.form import Form, common_limits
from lastiterate.schedules.export.text import fraction, yaml

TITLE = "MaxText"
DECAYS = {"linear": "linear", "cosine": "cosine"}


def candidates(form: Form):
    """Configurations that may execute the form."""
    end = form.decay_end + 1 if form.decay_steps else form.total_steps
    kinds = ["cosine"] if form.immediate and form.decay_shape == "cosine" else []
    for kind, style in [*((kind, "cosine") for kind in kinds), *(("wsd", style) for style in form.styles(DECAYS))]:
        yield {
            "steps": form.total_steps,
            "learning_rate": form.peak_lr,
            "lr_schedule_type": kind,
            "learning_rate_schedule_steps": end,
            "warmup_steps_fraction": fraction(form.warmup_steps, end, int),
            "wsd_decay_steps_fraction": fraction(form.decay_steps + 1 if form.decay_steps else 0, end, int),
            "wsd_decay_style": style,
            "learning_rate_final_fraction": form.final,
        }


def executed(values: dict, total_steps: int) -> np.ndarray:
    """Learning rates of updates 1..total_steps, shape (total_steps,), by the rule in the module's head."""
    s, end, low = np.arange(total_steps), values["learning_rate_schedule_steps"], values["learning_rate_final_fraction"]
    warmup = int(end * values["warmup_steps_fraction"])
    cosine = values["lr_schedule_type"] == "cosine"
    decay = end - warmup if cosine else int(end * values["wsd_decay_steps_fraction"])
    x = np.maximum(s - (end - decay), 0) / max(decay - 1, 1)
    shape = 0.5 * (1 + np.cos(np.pi * x)) if cosine or values["wsd_decay_style"] == "cosine" else 1 - x
    factor = low + (1 - low) * shape if decay else np.ones(total_steps)
    return values["learning_rate"] * np.where(s < warmup, s / max(warmup, 1), factor)


def limits(form: Form) -> list[str]:
    """Why MaxText cannot execute the form."""
    return common_limits(form, DECAYS)


def notes(form: Form, values: dict) -> list[str]:
    """What to know before using the settings."""
    found = ["steps are counted from 0 and computed in float32; all fractions are of learning_rate_schedule_steps and always written"]
    if values["learning_rate_schedule_steps"] != form.total_steps:
        found.append("learning_rate_schedule_steps lies beyond steps: MaxText's decay reaches its end one step early")
    return found


def text(values: dict) -> str:
    """The settings as YAML."""
    return yaml(values)
