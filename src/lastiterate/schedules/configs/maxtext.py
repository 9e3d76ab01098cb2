"""MaxText: its YAML, over the defaults of configs/base.yml.

Rule: AI-Hypercomputer/maxtext e591f30, src/maxtext/utils/maxtext_utils.py (create_learning_rate_schedule), configs/base.yml and types.py,
restated in float64 (MaxText computes in float32).
"""

from typing import Any

import numpy as np

from lastiterate.schedules.configs.config import Config, Form, check_total, config
from lastiterate.schedules.configs.source import ConfigError, Fields, mapping

DEFAULTS: dict[str, Any] = {
    "learning_rate": 3e-5, "lr_schedule_type": "cosine", "learning_rate_final_fraction": 0.1, "wsd_decay_steps_fraction": 0.1,
    "wsd_decay_style": "linear", "warmup_steps_fraction": 0.1, "learning_rate_schedule_steps": -1, "steps": 150_001,
}  # fmt: skip


def recognises(text: str) -> bool:
    """Whether it has one of MaxText's own names."""
    data = mapping(text)
    own = {"learning_rate_schedule_steps", "warmup_steps_fraction", "lr_schedule_type", "base_emb_dim", "base_config"}
    return data is not None and bool(own & data.keys())


def read(text: str, steps: int | None = None) -> Config:
    """What the configuration executes."""
    given = dict(mapping(text) or {})
    if "cosine_learning_rate_final_fraction" in given:  # its name until the schedule wsd came
        given.setdefault("learning_rate_final_fraction", given["cosine_learning_rate_final_fraction"])
    data = Fields(given)
    data.require([name for name in DEFAULTS if not name.startswith("wsd")], "MaxText")
    data.forbid("lr_|warmup|wsd_|learning_rate_|cosine_", {*DEFAULTS, "cosine_learning_rate_final_fraction"}, "MaxText")
    notes = [f"{name} is not in the file: {value}" for name, value in DEFAULTS.items() if not data.has(name) and not name.startswith("wsd")]
    if any(str(given.get(name, "")) not in ("", "base.yml") for name in ("base_config",)):
        notes.append(f"base_config {given['base_config']!r} is not read: its values would come before the defaults")
    peak, kind = data.number("learning_rate", DEFAULTS["learning_rate"]), data.choice("lr_schedule_type", ("cosine", "wsd"), "cosine")
    total, end = data.count("steps", DEFAULTS["steps"]), data.count("learning_rate_schedule_steps", -1)
    total = end if total == -1 else total
    end = total if end == -1 else end
    total = check_total(total if steps is None else steps)
    fractions = {name: data.number(name, DEFAULTS[name]) for name in ("warmup_steps_fraction", "wsd_decay_steps_fraction")}
    if kind == "wsd" and sum(fractions.values()) > 1:
        raise ConfigError(f"{' + '.join(fractions)} is {sum(fractions.values())!r}, more than 1: MaxText refuses it")
    values = {"steps": total, "learning_rate": peak, "lr_schedule_type": kind, "learning_rate_schedule_steps": end} | fractions
    values["wsd_decay_style"] = data.choice("wsd_decay_style", ("linear", "cosine"), "linear")
    values["learning_rate_final_fraction"] = data.number("learning_rate_final_fraction", 0.1)
    if total > end:
        notes.append(f"after learning_rate_schedule_steps, {end}, MaxText executes learning rates of 0")
    return config("maxtext", values, lrs(values, total), _form(values), peak, notes)


def _parts(values: dict[str, Any]) -> tuple[int, int, str]:
    """(warmup, decay, shape of the decay), in steps."""
    end = values["learning_rate_schedule_steps"]
    warmup = int(end * values["warmup_steps_fraction"])
    if values["lr_schedule_type"] == "cosine":
        return warmup, end - warmup, "cosine"
    return warmup, int(end * values["wsd_decay_steps_fraction"]), values["wsd_decay_style"]


def lrs(values: dict[str, Any], total: int) -> np.ndarray:
    """Learning rates of updates 1..total, shape (total,)."""
    s, end, peak = np.arange(total), values["learning_rate_schedule_steps"], values["learning_rate"]
    warmup, down, shape = _parts(values)
    final = peak * values["learning_rate_final_fraction"]
    x = np.clip((s - (end - down)) / (down - 1), 0.0, None) if down > 1 else np.where(s < end - down, 0.0, 1.0)
    if shape == "linear" and down <= 1:
        x = np.zeros(total)  # optax's linear_schedule of no steps keeps its first value
    weight = 0.5 * (1 + np.cos(np.pi * x)) if shape == "cosine" else 1 - np.minimum(x, 1.0)
    after = np.where(s < end - down, peak, final + (peak - final) * weight)
    return np.where(s < warmup, peak * s / max(warmup, 1), np.where(s >= end, 0.0, after))


def _form(values: dict[str, Any]) -> Form | None:
    warmup, down, shape = _parts(values)
    begin = values["learning_rate_schedule_steps"] - down
    return Form(warmup, 0.0, begin if down > 1 else 10**9, down - 1 if down > 1 else 0, shape, values["learning_rate_final_fraction"])
