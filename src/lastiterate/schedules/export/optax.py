"""optax: Python code built from `join_schedules`, one piece for each phase.

The generated ``lr_schedule()`` maps the count s = 0, 1, ... of updates already made to the learning rate of update s + 1.
`join_schedules` hands each piece the count since its boundary; a piece whose first update has already moved on from
where the phase starts (offset > 0) is begun that many counts earlier. Every schedule of this package can be written so.

Source: google-deepmind/optax, optax/schedules (0.2.8). JAX computes in float32 unless jax_enable_x64 is set.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from lastiterate.schedules import pieces
from lastiterate.schedules.export.form import Form
from lastiterate.schedules.schedule import Phase

TITLE = "optax"
ARITHMETIC = np.float32
VERSIONS = {"0.2": "all of it"}


def candidates(form: Form, version: str) -> Iterator[dict[str, Any]]:
    """The phases themselves."""
    yield {"peak_lr": form.peak_lr, "phases": form.phases}


def executed(values: dict[str, Any], total_steps: int, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Learning rates of updates 1..total_steps, shape (total_steps,): the pieces of the text, computed in `dtype`."""
    parts = [_computed(phase, values["peak_lr"])(phase.offset + pieces.counts(phase.steps, dtype)) for phase in values["phases"]]
    return np.concatenate(parts).astype(np.float64)


def _computed(phase: Phase, peak_lr: float) -> Any:
    """The piece that `_piece` writes, as a function of the position."""
    start, end, span = peak_lr * phase.start, peak_lr * phase.end, phase.span
    match phase.shape:
        case "constant":
            return pieces.constant(start)
        case "linear":
            return pieces.linear(start, end, span)
        case "power":
            return pieces.polynomial(start, end, phase.power, span)
        case "exponential":
            return pieces.exponential(start, span, phase.end / phase.start)
        case "cosine":
            if phase.start > 0:
                return pieces.cosine(start, span, phase.end / phase.start)
            return lambda count: end + (start - end) * (1 + np.cos(np.pi * count / span)) / 2
        case "1-sqrt":
            return lambda count: end + (start - end) * (1 - np.sqrt(np.maximum(count, 0) / span))
        case "table":
            lrs = peak_lr * np.asarray(phase.values)
            return lambda count: lrs.astype(count.dtype)[count.astype(int)]
        case _:
            return lambda count: start / np.sqrt(np.maximum(count, 1))


def limits(form: Form, version: str) -> list[str]:
    """Nothing is out of reach."""
    return []


def notes(form: Form, values: dict[str, Any], version: str) -> list[str]:
    """What to know before using the settings."""
    return ["counts start at 0"]


def text(values: dict[str, Any]) -> str:
    """The settings as Python code with a function ``lr_schedule()``."""
    pieces, boundaries, begin, used = [], [], 0, set()
    for phase in values["phases"]:
        code, names = _piece(phase, values["peak_lr"])
        pieces.append(f"            {code},")
        used |= names
        begin += phase.steps
        boundaries.append(begin)
    lines = ["import jax.numpy as jnp"] if "jnp" in used else []
    lines += ["import optax", "", ""]
    if "earlier" in used:
        lines += ["def earlier(schedule, steps):", "    return lambda count: schedule(count + steps)", "", ""]
    lines += ["def lr_schedule():", "    return optax.join_schedules(", "        [", *pieces, "        ],"]
    lines += [f"        boundaries={boundaries[:-1]},", "    )"]
    return "\n".join(lines)


def _piece(phase: Phase, peak_lr: float) -> tuple[str, set[str]]:
    """(expression, names that it needs) of one phase."""
    start, end, span = peak_lr * phase.start, peak_lr * phase.end, phase.span
    used: set[str] = set()
    match phase.shape:
        case "constant":
            return f"optax.constant_schedule({start!r})", used
        case "linear":
            code = f"optax.linear_schedule({start!r}, {end!r}, {span})"
        case "power":
            code = f"optax.polynomial_schedule({start!r}, {end!r}, {phase.power!r}, {span})"
        case "exponential":
            code = f"optax.exponential_decay({start!r}, {span}, {phase.end / phase.start!r})"
        case "cosine":
            code, used = f"lambda count: {end!r} + {start - end!r} * (1 + jnp.cos(jnp.pi * count / {span})) / 2", {"jnp"}
            if phase.start > 0:
                code, used = f"optax.cosine_decay_schedule({start!r}, {span}, {phase.end / phase.start!r})", set()
        case "1-sqrt":
            code, used = f"lambda count: {end!r} + {start - end!r} * (1 - jnp.sqrt(jnp.maximum(count, 0) / {span}))", {"jnp"}
        case "table":
            lrs, last = [peak_lr * value for value in phase.values], len(phase.values) - 1
            code, used = f"lambda count: jnp.asarray({lrs!r})[jnp.clip(count, 0, {last})]", {"jnp"}
        case "inverse_sqrt":
            code, used = f"lambda count: {start!r} / jnp.sqrt(jnp.maximum(count, 1))", {"jnp"}
    return (f"earlier({code}, {phase.offset})", used | {"earlier"}) if phase.offset else (code, used)
