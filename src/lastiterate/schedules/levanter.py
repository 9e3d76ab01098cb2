"""The learning rates that a configuration of levanter executes, by the rule in `lastiterate.schedules.export.levanter`.

It stands apart because configurations are read by who has nothing to export.
"""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from lastiterate.schedules import pieces


def executed(values: dict[str, Any], steps: int | np.ndarray, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Learning rates of updates 1..steps, or after each count of an array, computed in `dtype`."""
    a, total = values["optimizer"], values["trainer"]["num_train_steps"]
    peak, cooldown = a["learning_rate"], _made(a.get("cooldown", 0), total)
    low, main = peak * a["min_lr_ratio"], total - cooldown
    parts, boundaries = [], []
    for start, end in pairwise([0, *(e for e in a.get("cycles", []) if e < main), main]):
        length = end - start
        warmup = min(_made(a["warmup"], length), length) if start == 0 else 0
        decay = min(_made(a["decay"], length), length - warmup) if "decay" in a else length - warmup
        if warmup:
            parts.append(pieces.linear(0.0, peak, warmup))
            boundaries.append(start + warmup)
        if length - warmup - decay:
            parts.append(pieces.constant(peak))
            boundaries.append(end - decay)
        parts.append(_decay(a["lr_schedule"], peak, low, decay, a["min_lr_ratio"]))
        boundaries.append(end)
    if cooldown:
        parts.append(pieces.linear(float(parts[-1](np.array([decay], dtype))[0]), low, cooldown))
    return pieces.join(parts, boundaries)(pieces.counts(steps, dtype)).astype(np.float64)


def _decay(style: Any, peak: float, low: float, steps: int, ratio: float) -> Any:
    kind = style["type"] if isinstance(style, dict) else style
    if kind == "constant" or not steps:
        return pieces.constant(peak)
    if kind == "cosine":
        return pieces.cosine(peak, steps, ratio)
    if kind == "inv_sqrt_decay":
        return lambda count: np.maximum(low, peak / np.sqrt(1.0 + style["decay_constant"] * count / steps))
    return pieces.polynomial(peak, low, style["power"] if kind == "polynomial" else 1, steps)


def _made(value: int | float, total: int) -> int:
    """Steps that levanter makes of it."""
    return int(value * total) if value <= 1 else int(value)
