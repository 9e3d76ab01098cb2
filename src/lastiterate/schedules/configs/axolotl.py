"""axolotl: its YAML, which becomes transformers' arguments, or one of its own schedules.

Rule: axolotl-ai-cloud/axolotl 067b021, src/axolotl/core/builders/base.py (warmup), core/trainers/mixins/scheduler.py and
utils/schedulers.py, restated; what goes on to transformers as in `hf`. Left out, lr_scheduler is cosine, and the warmup 3 % of the run,
at most 100 updates.
"""

import numpy as np

from lastiterate.schedules.configs import hf
from lastiterate.schedules.configs.config import Config, Form, config, given_steps
from lastiterate.schedules.configs.source import ConfigError, Fields, mapping

OWN = {
    "warmup_steps", "warmup_ratio", "lr_scheduler", "lr_scheduler_kwargs", "cosine_min_lr_ratio", "cosine_constant_lr_ratio",
    "lr_quadratic_warmup", "lr_groups",
}  # fmt: skip


def recognises(text: str) -> bool:
    """Whether it has axolotl's own names."""
    data = mapping(text)
    return data is not None and "base_model" in data and bool({"lr_scheduler", "micro_batch_size", "num_epochs", "datasets"} & data.keys())


def read(text: str, steps: int | None = None) -> Config:
    """What the configuration executes."""
    given = mapping(text) or {}
    data = Fields(given)
    notes: list[str] = []
    data.forbid("lr_|warmup_|cosine_", OWN, "axolotl")
    stated = data.count("max_steps") if data.has("max_steps") and data.values["max_steps"] != -1 else None
    epochs = given.get("num_epochs", 1)
    total = given_steps(stated or None, steps, "max_steps", f"runs for {epochs} epochs, and how long they are the data decide")
    if given.get("jagged_restart_steps") or given.get("relora_steps"):
        raise ConfigError("jagged_restart_steps, relora_steps: a schedule of restarts, which is not read")
    warmup = _warmup(data, total, notes)
    kind = data.values.get("lr_scheduler") or "cosine"
    if not data.has("lr_scheduler"):
        notes.append("lr_scheduler is not in the file: cosine")
    peak, ratio, part = data.number("learning_rate"), data.number("cosine_min_lr_ratio", 0.0), data.number("cosine_constant_lr_ratio", 0.0)
    if ratio > 1 or part > 1:
        raise ConfigError(f"cosine_min_lr_ratio {ratio:g} and cosine_constant_lr_ratio {part:g} must lie in [0, 1]")
    arguments = {"learning_rate": peak, "max_steps": total, "warmup_steps": warmup, "lr_scheduler_type": kind}
    arguments["lr_scheduler_kwargs"] = given.get("lr_scheduler_kwargs") or {}
    if kind == "rex":
        return config("axolotl", arguments | {"cosine_min_lr_ratio": ratio}, peak * _rex(total, warmup, ratio), None, peak, notes)
    if kind == "one_cycle":
        raise ConfigError("lr_scheduler one_cycle is torch's OneCycleLR: it is not read; its log of the learning rate tells")
    if kind == "cosine" and given.get("lr_quadratic_warmup"):
        factors = hf.factors(arguments, total)
        s = np.arange(total)
        factors[:warmup] = (s[:warmup] / max(1, warmup)) ** 2
        return config("axolotl", arguments | {"lr_quadratic_warmup": True}, peak * factors, None, peak, notes)
    if kind == "cosine" and ratio:
        values = arguments | {"cosine_min_lr_ratio": ratio, "cosine_constant_lr_ratio": part}
        end = int(total * part) if part else total
        s = np.arange(total)
        x = (np.minimum(s, end) - warmup) / max(1, end - warmup)
        factors = np.where(s < warmup, s / max(1, warmup), ratio + (1 - ratio) * 0.5 * (1 + np.cos(np.pi * x)))
        form = Form(warmup, 0.0, warmup, end - warmup, "cosine", ratio) if end > warmup else None
        return config("axolotl", values, peak * factors, form, peak, notes)
    return hf.resolve("axolotl", arguments, None, notes)


def _warmup(data: Fields, total: int, notes: list[str]) -> int:
    """Warmup updates: a whole number of one becomes two."""
    if data.has("warmup_steps"):
        count = data.count("warmup_steps")
    elif data.has("warmup_ratio"):
        count = max(int(data.number("warmup_ratio") * total), 0)
    else:
        count = min(int(0.03 * total), 100)
        notes.append(f"no warmup is set: axolotl takes 3 % of the run, at most 100 updates: {count}")
    if count == 1:
        notes.append("a warmup of 1 update becomes 2 in axolotl")
        return 2
    return count


def _rex(total: int, warmup: int, low: float) -> np.ndarray:
    """Factors of the schedule rex, whose count is 1 at the first update."""
    step = np.arange(1, total + 1)
    left = max(total - warmup, 1)
    z = np.clip((left - (step - warmup)) / left, 0.0, 1.0)
    after = np.where(step - warmup >= left, low, low + (1 - low) * z / (0.1 + 0.9 * z))
    return np.where(step <= warmup, step / max(warmup, 1), after)
