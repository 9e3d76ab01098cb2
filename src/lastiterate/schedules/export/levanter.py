"""levanter: its YAML configuration.

With s = 0, 1, ... the steps already made, T = num_train_steps, W and D the steps of `warmup` and `decay`, and
r = min_lr_ratio, learning_rate is multiplied by

    s/W for s < W,  1 for s < T - D,  then r + (1 - r) f((s - T + D)/D)

f being 1 - x (linear), (1 + cos(pi x))/2 (cosine) or (1 - x)^power (polynomial): the decay always ends with the run.
`warmup` and `decay` of at most 1 are fractions of T, truncated, larger ones steps: 1 would be the whole run, so one step is
written as the fraction 1.5/T. Left out, `warmup` is 1 %, `decay` everything after it and min_lr_ratio 0.1.

Source: stanford-crfm/levanter, now marin-community/marin, lib/levanter/src/levanter/optim/config.py (0f45aa1). levanter
computes in float32: what it executes agrees with this to about 1e-7 of the peak.
"""

import numpy as np

from lastiterate.schedules.export.form import Form, common_limits
from lastiterate.schedules.export.text import fraction, yaml

TITLE = "levanter"
DECAYS = {"linear": "linear", "cosine": "cosine"}


def candidates(form: Form):
    """Configurations that may execute the form."""
    total = form.total_steps
    if form.decay_shape == "power":
        styles = [{"type": "polynomial", "power": form.decay_power}]
    else:
        styles = form.styles(DECAYS) if form.decay_steps else ["constant"]
    for style in styles:
        optimizer = {
            "learning_rate": form.peak_lr,
            "min_lr_ratio": form.final,
            "warmup": _steps(form.warmup_steps, total),
            "decay": _steps(max(total - form.decay_begin, 0), total),
            "lr_schedule": style,
        }
        yield {"optimizer": optimizer, "trainer": {"num_train_steps": total}}


def _steps(count: int, total: int) -> int | float:
    """The number from which levanter makes `count` steps of `total`."""
    return count if count != 1 else fraction(1, total, int) if total == 1 else 1.5 / total


def _made(value: int | float, total: int) -> int:
    """Steps that levanter makes of it."""
    return int(value * total) if value <= 1 else int(value)


def executed(values: dict, total_steps: int) -> np.ndarray:
    """Learning rates of updates 1..total_steps, shape (total_steps,), by the rule in the module's head."""
    s, optimizer, total = np.arange(total_steps), values["optimizer"], values["trainer"]["num_train_steps"]
    warmup = min(_made(optimizer["warmup"], total), total)
    decay = min(_made(optimizer["decay"], total), total - warmup)
    x, kind, low = np.maximum(s - (total - decay), 0) / max(decay, 1), optimizer["lr_schedule"], optimizer["min_lr_ratio"]
    power = kind["power"] if isinstance(kind, dict) else 1.0
    shape = 0.5 * (1 + np.cos(np.pi * x)) if kind == "cosine" else (1 - x) ** power
    factor = np.ones(total_steps) if kind == "constant" or not decay else low + (1 - low) * shape
    return optimizer["learning_rate"] * np.where(s < warmup, s / max(warmup, 1), factor)


def limits(form: Form) -> list[str]:
    """Why levanter cannot execute the form."""
    found = common_limits(form, (*DECAYS, "power"))
    if form.decay_steps and form.decay_end != form.total_steps:
        found.append("its decay ends with the run")
    return found


def notes(form: Form, values: dict) -> list[str]:
    """What to know before using the settings."""
    found = ["steps are counted from 0 and computed in float32; warmup and decay of at most 1 are fractions of num_train_steps"]
    if isinstance(values["optimizer"]["lr_schedule"], dict):
        found.append("polynomial is not in older versions")
    return found


def text(values: dict) -> str:
    """The settings as YAML."""
    return yaml(values)
