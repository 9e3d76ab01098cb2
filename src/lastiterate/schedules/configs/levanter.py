"""levanter: its YAML.

Rule: stanford-crfm/levanter 9263f81, src/levanter/optim/config.py (lr_scheduler), restated in float64 (levanter computes in float32). Left
out, warmup is 1 % of the run, decay everything after it, min_lr_ratio 0.1 and lr_schedule cosine.
"""

import numpy as np

from lastiterate.schedules.configs.config import Config, Form, config, given_steps
from lastiterate.schedules.configs.source import ConfigError, Fields, flat, mapping

KINDS = ("constant", "linear", "cosine")


def recognises(text: str) -> bool:
    """Whether it has levanter's trainer and optimizer."""
    data = mapping(text)
    trainer = data.get("trainer") if data is not None else None
    return isinstance(trainer, dict) and "num_train_steps" in trainer and isinstance(data.get("optimizer"), dict)


def read(text: str, steps: int | None = None) -> Config:
    """What the configuration executes."""
    data = Fields(flat(mapping(text) or {}))
    notes: list[str] = []
    stated = data.count("trainer.num_train_steps") if data.has("trainer.num_train_steps") else None
    total = given_steps(stated, steps, "trainer.num_train_steps", "has no trainer.num_train_steps")
    for name in ("cycles", "cycle_length", "cooldown", "rewarmup", "haps", "stable"):
        if data.has(f"optimizer.{name}"):
            raise ConfigError(f"optimizer.{name}: cycles, cooldowns and older forms are not read")
    if data.has("optimizer.lr_schedule.type"):
        raise ConfigError("optimizer.lr_schedule with a type of its own is not read, but constant, linear and cosine")
    kind = data.choice("optimizer.lr_schedule", KINDS, "cosine")
    peak, low = data.number("optimizer.learning_rate", 6e-4), data.number("optimizer.min_lr_ratio", 0.1)
    up = min(_made(data.number("optimizer.warmup", 0.01), total), total)
    down = min(_made(data.number("optimizer.decay"), total), total - up) if data.has("optimizer.decay") else total - up
    defaults = {"optimizer.learning_rate": peak, "optimizer.min_lr_ratio": low, "optimizer.warmup": f"{up} steps"}
    defaults |= {"optimizer.decay": f"{down} steps", "optimizer.lr_schedule": kind}
    notes += [f"{name} is not in the file: {value}" for name, value in defaults.items() if not data.has(name)]
    values = {"learning_rate": peak, "min_lr_ratio": low, "warmup": up, "decay": down, "lr_schedule": kind, "num_train_steps": total}
    decays = down > 0 and kind != "constant"
    form = Form(up, 0.0, total - down if decays else total, down if decays else 0, kind if decays else "linear", low)
    s = np.arange(total)
    x = np.maximum(s - (total - down), 0) / max(down, 1)
    shape = 0.5 * (1 + np.cos(np.pi * x)) if kind == "cosine" else 1 - x
    factors = np.where(s < up, s / max(up, 1), low + (1 - low) * shape if decays else 1.0)
    return config("levanter", values, peak * factors, form, peak, notes)


def _made(value: float, total: int) -> int:
    """Steps that levanter makes of a number: a fraction of the run up to 1, a count above."""
    return int(value * total) if value <= 1 else int(value)
