"""torchtitan: a TOML or JSON of its configuration, or flags.

Rule: torchtitan/components/optimizer/lr_scheduler.py (0.3.0; run by tests/test_configs.py). Left out, the learning rate is 8e-4, the warmup
200 steps, decay_ratio everything after it, decay_type linear, the last factor 0 and the run 10 000 steps.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lastiterate.schedules.configs.config import Config, Form, check_total, config
from lastiterate.schedules.configs.source import ConfigError, Fields, flags, flat, mapping

SHAPES = {"linear": "linear", "cosine": "cosine", "sqrt": "1-sqrt"}
GROUP = "optimizer.param_groups.0.optimizer_kwargs.lr"
OWN = {f"lr_scheduler.{name}" for name in ("warmup_steps", "total_steps", "decay_ratio", "decay_type", "min_lr_factor", "lr_min")}
NAMES = ("optimizer.lr", GROUP, "training.steps", "lr_scheduler.warmup_steps", "lr_scheduler.decay_ratio", "training.warmup_steps")


def recognises(text: str) -> bool:
    """Whether it is torchtitan's."""
    data = mapping(text)
    if data is not None:
        return "training" in data and ("lr_scheduler" in data or "optimizer" in data) and isinstance(data["training"], dict)
    return "--lr_scheduler." in text or "--optimizer.param_groups" in text or "--training.steps" in text


def read(text: str, steps: int | None = None) -> Config:
    """What the configuration executes."""
    given = mapping(text)
    found = _flat(given) if given is not None else flags(text)
    data, notes = Fields(found), []
    data.require(NAMES, "torchtitan")
    data.forbid(r"lr_scheduler\.", OWN, "torchtitan")
    if data.has("training.warmup_steps"):
        raise ConfigError("training.warmup_steps is of a version before lr_scheduler.warmup_steps (0.1), whose rule is another: not read")
    name = GROUP if data.has(GROUP) else "optimizer.lr"
    peak, total = data.number(name, 8e-4), data.count("training.steps", 10_000)
    groups = {key: value for key, value in found.items() if key.startswith("optimizer.param_groups.") and key.endswith(".lr")}
    notes += [f"{key} is {value}: the first group is read" for key, value in groups.items() if value != found.get(GROUP)]
    total = check_total(total if steps is None else steps)
    end = data.count("lr_scheduler.total_steps", data.count("training.steps", total))
    warmup = data.count("lr_scheduler.warmup_steps", 200)
    for key, value in ((name, peak), ("lr_scheduler.warmup_steps", warmup), ("training.steps", total)):
        if not data.has(key):
            notes.append(f"{key} is not in the file: {value}")
    if warmup > end:
        notes.append(f"warmup_steps {warmup} is shortened to {end}, with only a warning")
    warmup = min(warmup, end)
    down = end - warmup
    if data.has("lr_scheduler.decay_ratio"):
        wanted = round(end * data.number("lr_scheduler.decay_ratio"))
        if wanted > down:
            notes.append(f"the decay of {wanted} steps is shortened to {down}, with only a warning")
        down = min(wanted, down)
    else:
        notes.append("decay_ratio is not in the file: everything after the warmup decays")
    low = data.number("lr_scheduler.min_lr_factor", data.number("lr_scheduler.lr_min", 0.0))
    style = data.choice("lr_scheduler.decay_type", SHAPES, "linear")
    if total > end:
        notes.append("training.steps is beyond total_steps: torchtitan's factor goes on below its last")
    values = {
        "lr": peak, "training.steps": total, "lr_scheduler.warmup_steps": warmup, "lr_scheduler.total_steps": end, "decay_steps": down,
        "lr_scheduler.decay_type": style, "lr_scheduler.min_lr_factor": low,
    }  # fmt: skip
    own = max(warmup - 1, 0)
    form = Form(own, 1 / warmup if own else 1.0, end - down, down, SHAPES[style], low)
    return config("torchtitan", values, lrs(values, total), form, peak, notes)


def _flat(given: Mapping[str, Any]) -> dict[str, Any]:
    found = flat(given)
    for index, group in enumerate(found.pop("optimizer.param_groups", None) or []):
        found |= flat(group, f"optimizer.param_groups.{index}.") if isinstance(group, dict) else {}
    return found


def lrs(values: dict[str, Any], total: int) -> np.ndarray:
    """Learning rates of updates 1..total, shape (total,)."""
    s, warmup, end, down = (
        np.arange(total), values["lr_scheduler.warmup_steps"], values["lr_scheduler.total_steps"], values["decay_steps"],
    )  # fmt: skip
    x = np.maximum(s - (end - down), 0) / max(down, 1)
    kind, low = values["lr_scheduler.decay_type"], values["lr_scheduler.min_lr_factor"]
    shape = {"linear": 1 - x, "cosine": 0.5 * (1 + np.cos(np.pi * x)), "sqrt": 1 - np.sqrt(x)}[kind]
    after = np.where(s < end + 1 - down, 1.0, low + (1 - low) * shape)
    return values["lr"] * np.where(s < warmup, (s + 1) / max(warmup, 1), after)
