"""levanter: its YAML.

Rule: stanford-crfm/levanter 9263f81, src/levanter/optim/config.py (lr_scheduler), as in `lastiterate.schedules.export.levanter`, in float64
(levanter computes in float32). Left out, warmup is 1 % of the run, decay everything after it, min_lr_ratio 0.1 and lr_schedule cosine.
"""

from collections.abc import Callable, Mapping
from typing import Any

from lastiterate.schedules.configs.config import Config, Form, config, given_steps
from lastiterate.schedules.configs.source import ConfigError, Fields, mapping
from lastiterate.schedules.levanter import executed

OWN = ("warmup", "rewarmup", "decay", "cooldown", "lr_schedule")
KINDS = ("constant", "linear", "cosine")
TYPES = {"polynomial": "power", "inv_sqrt_decay": "decay_constant"}  # and the parameter of each


def recognises(text: str) -> bool:
    """Whether it has levanter's trainer and optimizer."""
    data = mapping(text) or {}
    trainer = data.get("trainer")
    return isinstance(trainer, dict) and "num_train_steps" in trainer and isinstance(data.get("optimizer"), dict)


def read(text: str, steps: int | None = None) -> Config:
    """What the configuration executes."""
    given = mapping(text) or {}
    parts: dict[str, Any] = {name: given.get(name) if isinstance(given.get(name), Mapping) else {} for name in ("optimizer", "trainer")}
    data, trainer, notes = Fields(parts["optimizer"], "optimizer.{}"), Fields(parts["trainer"], "trainer.{}"), list[str]()
    stated = trainer.count("num_train_steps") if trainer.has("num_train_steps") else None
    total = given_steps(stated, steps, "trainer.num_train_steps", "has no trainer.num_train_steps")
    for name in ("cycle_length", "rewarmup", "haps", "stable"):
        if data.has(name):
            raise ConfigError(f"optimizer.{name}: cycles of a length and re-warmups are not read")
    data.forbid(".*(warmup|cooldown|schedule)|decay$|decay_(?!modules)|stable", OWN, "levanter")
    optimizer: dict[str, Any] = {"learning_rate": data.number("learning_rate", 6e-4), "min_lr_ratio": data.number("min_lr_ratio", 0.1)}
    optimizer |= {"warmup": data.number("warmup", 0.01), "lr_schedule": _style(data)}
    optimizer |= {name: data.number(name) for name in ("decay", "cooldown") if data.has(name)}
    if data.has("cycles"):
        optimizer["cycles"] = _cycles(data, total)
    notes += [f"optimizer.{name} is not in the file: {optimizer[name]}" for name in optimizer if not data.has(name)]
    if not data.has("decay"):
        notes.append("optimizer.decay is not in the file: everything after the warmup decays")
    values = {"optimizer": optimizer, "trainer": {"num_train_steps": total}}
    lr = executed(values, total)
    return config("levanter", values, lr, _form(optimizer, total), optimizer["learning_rate"], notes)


def _style(data: Fields) -> str | dict[str, Any]:
    style = data.values.get("lr_schedule") or "cosine"
    if isinstance(style, Mapping):
        own = Fields(style, "optimizer.lr_schedule.{}")
        kind = own.choice("type", (*KINDS, *TYPES), "")
        if own.number("exponent", 1.0) != 1.0:
            raise own.error("exponent", "1: powers of a cosine are not read")
        return {"type": kind, TYPES[kind]: own.number(TYPES[kind])} if kind in TYPES else kind
    return data.choice("lr_schedule", KINDS, "cosine")


def _cycles(data: Fields, total: int) -> list[int]:
    ends = data.values["cycles"]
    if not (isinstance(ends, list) and all(isinstance(end, int) and 0 < end <= total for end in ends) and ends == sorted(set(ends))):
        raise data.error("cycles", f"a list of the steps at which they end, up to {total}")
    return ends


def _form(optimizer: dict[str, Any], total: int) -> Form | None:
    if optimizer.keys() & {"cycles", "cooldown"}:
        return None
    style = optimizer["lr_schedule"]
    made: Callable[[float], int] = lambda value: min(int(value * total) if value <= 1 else int(value), total)
    up = made(optimizer["warmup"])
    down = min(made(optimizer["decay"]), total - up) if "decay" in optimizer else total - up
    if isinstance(style, dict) and style["type"] != "polynomial":
        return None
    shape, power = ("power", style["power"]) if isinstance(style, dict) else (style, 1.0)
    if style == "constant" or not down:
        return Form(up, 0.0, total, 0)
    return Form(up, 0.0, total - down, down, shape, optimizer["min_lr_ratio"], power) if power > 0 else None
