"""nanotron: its YAML.

Rule: huggingface/nanotron 2411b02, src/nanotron/helpers.py (lr_scheduler_builder) and config/config.py (LRSchedulerArgs), restated.
Left out, lr_decay_starting_step is the end of the warmup, min_decay_lr the peak (no decay), and lr_decay_steps the run without the warmup,
and without lr_decay_starting_step if that is given, so that the warmup is subtracted twice.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from lastiterate.schedules.configs.config import Config, Form, config, given_steps
from lastiterate.schedules.configs.source import ConfigError, Fields, flat, mapping

STYLES = ("linear", "cosine", "1-sqrt")
OWN = (
    "learning_rate", "lr_warmup_steps", "lr_warmup_style", "lr_decay_style", "lr_decay_starting_step", "lr_decay_steps", "min_decay_lr",
)  # fmt: skip
PREFIX = "optimizer.learning_rate_scheduler."


def recognises(text: str) -> bool:
    """Whether it has nanotron's optimizer.learning_rate_scheduler."""
    data = mapping(text)
    return data is not None and isinstance(data.get("optimizer"), dict) and "learning_rate_scheduler" in data["optimizer"]


def read(text: str, steps: int | None = None) -> Config:
    """What the configuration executes."""
    found = flat(mapping(text) or {})
    data, notes = Fields(found), []
    name: Callable[[str], str] = lambda key: PREFIX + key
    data.forbid(PREFIX.replace(".", r"\."), {name(key) for key in OWN}, "nanotron")
    peak, warmup = data.number(name("learning_rate")), data.count(name("lr_warmup_steps"), 0)
    stated = data.count("tokens.train_steps") if data.has("tokens.train_steps") else None
    total = given_steps(stated, steps, "tokens.train_steps", "has no tokens.train_steps")
    if not data.has(name("lr_warmup_style")):
        raise ConfigError(f"{name('lr_warmup_style')} is missing: nanotron refuses that")
    up = data.choice(name("lr_warmup_style"), ("linear", "constant"), "linear")
    style = data.choice(name("lr_decay_style"), STYLES, "linear")
    begin = data.count(name("lr_decay_starting_step"), warmup)
    if data.has(name("lr_decay_steps")):
        down = data.count(name("lr_decay_steps"))
    else:
        down = total - warmup - (begin if data.has(name("lr_decay_starting_step")) else 0)
        if data.has(name("lr_decay_starting_step")) and warmup:
            notes.append(f"lr_decay_steps is not in the file: {down}, from which nanotron subtracts the warmup as well")
        else:
            notes.append(f"lr_decay_steps is not in the file: {down}")
    low = data.number(name("min_decay_lr"), peak)
    if not data.has(name("min_decay_lr")):
        notes.append("min_decay_lr is not in the file: nanotron takes the peak, so that nothing decays")
    values = {
        "learning_rate": peak, "lr_warmup_steps": warmup, "lr_warmup_style": up, "lr_decay_style": style, "lr_decay_starting_step": begin,
        "lr_decay_steps": down, "min_decay_lr": low,
    }  # fmt: skip
    if warmup == 0 and down == 0:
        notes.append("lr_warmup_steps and lr_decay_steps are 0: nanotron executes the square of the learning rate")
        return config("nanotron", values | {"train_steps": total}, np.full(total, peak**2), None, peak, notes)
    if warmup == 0 and up == "linear":
        notes.append("a linear warmup of 0 steps executes a learning rate of 0 at the first update")
    linear, decays = up == "linear" and warmup > 0, low != peak
    form = Form(warmup if linear else 0, 0.0, begin if decays else total, down if decays else 0, style, low / peak)
    return config("nanotron", values | {"train_steps": total}, lrs(values, total), form if low <= peak else None, peak, notes)


def lrs(values: dict[str, Any], total: int) -> np.ndarray:
    """Learning rates of updates 1..total, shape (total,)."""
    s, peak, low, warmup = np.arange(total), values["learning_rate"], values["min_decay_lr"], values["lr_warmup_steps"]
    begin, down = values["lr_decay_starting_step"], values["lr_decay_steps"]
    x = np.clip((s - begin) / max(down, 1), 0.0, 1.0)
    shape = {"linear": 1 - x, "cosine": (1 + np.cos(np.pi * x)) / 2, "1-sqrt": 1 - np.sqrt(x)}[values["lr_decay_style"]]
    after = np.where(s < begin, peak, np.where(s < begin + down, low + (peak - low) * shape, low))
    first = peak * s / max(warmup, 1) if values["lr_warmup_style"] == "linear" else np.full(total, peak)
    return np.where(s <= warmup, first, after)
