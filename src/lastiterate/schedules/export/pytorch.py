"""PyTorch: one Python function for `torch.optim.lr_scheduler.LambdaLR`, without dependencies.

``lr_factor(step)`` is the factor of the peak learning rate at update step + 1, step = 0, 1, ..., in closed form: LambdaLR
multiplies the optimiser's lr by it. Every schedule of this package can be written so.

Source: pytorch/pytorch, torch/optim/lr_scheduler.py (2.13.0): LambdaLR executes lr_lambda(0) at the first update, and
asks for one value more than there are updates.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lastiterate.schedules.export.form import Form
from lastiterate.schedules.schedule import Phase

TITLE = "PyTorch"
VERSIONS = {"1": "all of it"}


def candidates(form: Form, version: str) -> Iterator[dict[str, Any]]:
    """The phases themselves."""
    yield {"lr": form.peak_lr, "phases": form.phases}


def executed(values: dict[str, Any], total_steps: int) -> np.ndarray:
    """Learning rates of updates 1..total_steps, shape (total_steps,): those of the phases."""
    return values["lr"] * np.concatenate([phase.factors() for phase in values["phases"]])


def limits(form: Form, version: str) -> list[str]:
    """Nothing is out of reach."""
    return []


def notes(form: Form, values: dict[str, Any], version: str) -> list[str]:
    """What to know before using the settings."""
    return [f"give the optimiser lr={values['lr']!r}, and call scheduler.step() after every optimizer.step()"]


def text(values: dict[str, Any]) -> str:
    """The settings as Python code with a function ``lr_factor(step)``."""
    phases = values["phases"]
    total = sum(phase.steps for phase in phases)
    lines = [
        "def lr_factor(step):",
        '    """Factor of the peak learning rate at update step + 1; scheduler = LambdaLR(optimizer, lr_factor)."""',
    ]
    if any(phase.shape == "cosine" for phase in phases):
        lines.append("    from math import cos, pi")
        lines.append("")
    lines.append(f"    step = min(step, {total - 1})")
    begin = 0
    for phase in phases:
        last = begin + phase.steps == total
        pad = "    " if last else "        "
        if not last:
            lines.append(f"    if step < {begin + phase.steps}:")
        lines.append(f"{pad}return {_factor(phase, begin)}")
        begin += phase.steps
    return "\n".join(lines)


def _factor(phase: Phase, begin: int) -> str:
    """The expression of one phase that begins at step `begin`."""
    start, end, shift = phase.start, phase.end, begin - phase.offset
    position = "step" if shift == 0 else f"(step - {shift})" if shift > 0 else f"(step + {-shift})"
    x, low = f"{position} / {phase.span}", f"{end!r} + " if end else ""
    match phase.shape:
        case "constant":
            return repr(start)
        case "linear":
            return f"{start!r} {'+' if end > start else '-'} {abs(end - start)!r} * {position} / {phase.span}"
        case "1-sqrt":
            return f"{low}{start - end!r} * (1 - ({x}) ** 0.5)"
        case "cosine":
            return f"{low}{start - end!r} * (1 + cos(pi * {x})) / 2"
        case "exponential":
            return f"{start!r} * {end / start!r} ** ({x})"
        case "power":
            return f"{low}{start - end!r} * (1 - {x}) ** {phase.power!r}"
        case "table":
            return f"{phase.values!r}[{position}]"
        case _:
            return f"{start!r} / {position} ** 0.5"
