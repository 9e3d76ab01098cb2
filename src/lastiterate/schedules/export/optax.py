"""optax: Python code built from `join_schedules`, one piece for each phase.

The generated ``lr_schedule()`` maps the count s = 0, 1, ... of updates already made to the learning rate of update s + 1.
`join_schedules` hands each piece the count since its boundary; a piece whose first update has already moved on from
where the phase starts (offset > 0) is begun that many counts earlier. Every schedule of this package can be written so.

Source: google-deepmind/optax, optax/schedules (0.2.8). JAX computes in float32 unless jax_enable_x64 is set, and the
learning rates then agree to about 1e-7 of the peak.
"""

import numpy as np

from lastiterate.schedules.export.form import Form
from lastiterate.schedules.schedule import Phase

TITLE = "optax"


def candidates(form: Form):
    """The phases themselves."""
    yield {"peak_lr": form.peak_lr, "phases": form.phases}


def executed(values: dict, total_steps: int) -> np.ndarray:
    """Learning rates of updates 1..total_steps, shape (total_steps,): those of the phases."""
    return values["peak_lr"] * np.concatenate([phase.factors() for phase in values["phases"]])


def limits(form: Form) -> list[str]:
    """Nothing is out of reach."""
    return []


def notes(form: Form, values: dict) -> list[str]:
    """What to know before using the settings."""
    return ["counts start at 0; the learning rates are float32 unless jax_enable_x64 is set"]


def text(values: dict) -> str:
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
    used = set()
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
