"""nanotron: its YAML configuration.

With s = 0, 1, ... the steps already made, W = lr_warmup_steps, S = lr_decay_starting_step, D = lr_decay_steps and
m = min_decay_lr (absolute), the learning rate is

    lr s/W                       for s <= W (lr at once if lr_warmup_style is constant)
    lr                           for s < S
    m + (lr - m) f((s - S)/D)    for s < S + D
    m                            after it

f being 1 - x (linear), (1 + cos(pi x))/2 (cosine) or 1 - sqrt(x) (1-sqrt). Traps: min_decay_lr left out is the peak (no
decay); a linear warmup of 0 steps makes the first step with 0; lr_warmup_steps = lr_decay_steps = 0 squares the learning
rate; lr_decay_steps left out subtracts the warmup twice. All of them are always written here.

Source: huggingface/nanotron, src/nanotron/helpers.py and config/config.py (2411b02, 2026-04-07; releases 0.3, 0.4 without 1-sqrt).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lastiterate.schedules import pieces
from lastiterate.schedules.export.form import Form, Reach, common_limits
from lastiterate.schedules.export.text import yaml

TITLE = "nanotron"
DECAYS = {"linear": "linear", "cosine": "cosine", "1-sqrt": "1-sqrt"}
VERSIONS = {"0.3": "linear and cosine", "0.5": "1-sqrt (main since 2024-05-27)"}


def reaches(version: str) -> list[Reach]:
    """The decays it has."""
    return [Reach(shape) for shape in _decays(version)]


def candidates(form: Form, version: str) -> Iterator[dict[str, Any]]:
    """Configurations that may execute the form."""
    for style in form.styles(_decays(version)):
        scheduler = {
            "learning_rate": form.peak_lr,
            "lr_warmup_steps": form.warmup_steps,
            "lr_warmup_style": "linear" if form.warmup_steps else "constant",
            "lr_decay_style": style,
            "lr_decay_starting_step": form.decay_begin,
            "lr_decay_steps": form.decay_steps or 1,
            "min_decay_lr": form.final * form.peak_lr if form.decay_steps else form.peak_lr,
        }
        yield {"optimizer": {"learning_rate_scheduler": scheduler}, "tokens": {"train_steps": form.total_steps}}


def _decays(version: str) -> dict[str, str]:
    """Its decay styles."""
    return {shape: name for shape, name in DECAYS.items() if shape != "1-sqrt" or version == "0.5"}


def executed(values: dict[str, Any], steps: int) -> np.ndarray:
    """Learning rates of updates 1..steps, or after each count of an array, by the rule in the module's head."""
    s, scheduler = pieces.counts(steps), values["optimizer"]["learning_rate_scheduler"]
    peak, low, warmup = scheduler["learning_rate"], scheduler["min_decay_lr"], scheduler["lr_warmup_steps"]
    x = np.clip((s - scheduler["lr_decay_starting_step"]) / scheduler["lr_decay_steps"], 0.0, 1.0)
    shapes = {"linear": 1 - x, "cosine": (1 + np.cos(np.pi * x)) / 2, "1-sqrt": 1 - np.sqrt(x)}
    lr = low + (peak - low) * shapes[scheduler["lr_decay_style"]]
    first = peak * s / max(warmup, 1) if scheduler["lr_warmup_style"] == "linear" else np.full(s.size, peak)
    return np.where(s <= warmup, first, lr)


def limits(form: Form, version: str) -> list[str]:
    """Why nanotron cannot execute the form."""
    return common_limits(form, _decays(version))


def notes(form: Form, values: dict[str, Any], version: str) -> list[str]:
    """What to know before using the settings."""
    return ["steps are counted from 0; min_decay_lr is absolute, and if left out there is no decay"]


def text(values: dict[str, Any]) -> str:
    """The settings as YAML."""
    return yaml(values)
