"""levanter: its YAML configuration.

With s = 0, 1, ... the steps already made, T = num_train_steps, W and D the steps of `warmup` and `decay`, and
r = min_lr_ratio, learning_rate is multiplied by

    s/W for s < W,  1 for s < T - D,  then r + (1 - r) f((s - T + D)/D)

f being 1 - x (linear), (1 + cos(pi x))/2 (cosine), (1 - x)^power (polynomial), or by max(r, 1/sqrt(1 + c x)), c = decay_constant
(inv_sqrt_decay): the decay always ends with the run. `cycles`, a list of their ends, repeats all but the warmup; `cooldown` ends the
run with C steps from where the schedule is at T - C to r. `warmup`, `decay` and `cooldown` of at most 1 are fractions (of the cycle,
of the run), truncated, larger ones steps: one step of n is written as the fraction 1.5/n. Left out, `warmup` is 1 %, `decay`
everything after it and min_lr_ratio 0.1.

Source: stanford-crfm/levanter, src/levanter/optim/config.py (9263f81, 2025-09-26), and marin-community/marin,
lib/levanter/src/levanter/optim/config.py (0f45aa1, 2026), which has polynomial and inv_sqrt_decay.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lastiterate.schedules.export.form import Form, Reach, common_limits
from lastiterate.schedules.export.text import fraction, yaml
from lastiterate.schedules.levanter import executed as executed

TITLE = "levanter"
DECAYS = {"linear": "linear", "cosine": "cosine"}
ARITHMETIC = np.float32
VERSIONS = {"2025": "linear, cosine and constant", "2026": "polynomial and inv_sqrt_decay (levanter in marin's repository)"}


def reaches(version: str) -> list[Reach]:
    """The decays it has."""
    return [Reach(shape, "any", "run") for shape in (*DECAYS, *(("power", "inverse") if version == "2026" else ()))]


def candidates(form: Form, version: str) -> Iterator[dict[str, Any]]:
    """Configurations that may execute the form."""
    total, span = form.total_steps, max(form.total_steps - form.decay_begin, 0)
    if form.inverse_sqrt and version == "2026":
        main = total - form.decay_steps
        count = max(main - form.warmup_steps, 0)
        style = {"type": "inv_sqrt_decay", "decay_constant": float(count)}
        cooldown = {"cooldown": _steps(form.decay_steps, total)} if form.decay_steps else {}
        if count:
            yield _configuration(form, style, form.final, _steps(form.warmup_steps, main), _steps(count, main), cooldown)
    if form.cycle and form.cycle.shape in _styles(form, version):
        ends = [*range(form.warmup_steps + form.cycle.span, total, form.cycle.span), total]
        warmup = _steps(form.warmup_steps, ends[0])
        yield _configuration(form, _styles(form, version)[form.cycle.shape], form.cycle.end, warmup, None, {"cycles": ends})
    named = _styles(form, version)
    styles = [named[form.decay_shape]] if form.decay_shape in named else [named["linear"], named["cosine"]]
    shapes: list[Any] = styles if form.decay_steps else ["constant"]
    for style in shapes:
        if span or not form.decay_steps:
            yield _configuration(form, style, form.final, _steps(form.warmup_steps, total), _steps(span, total), {})


def _styles(form: Form, version: str) -> dict[str, Any]:
    """lr_schedule of every decay shape."""
    if version == "2025":
        return DECAYS
    power, constant = form.cycle.power if form.cycle else form.decay_power, form.decay_power
    own = {"power": {"type": "polynomial", "power": power}, "inverse": {"type": "inv_sqrt_decay", "decay_constant": constant}}
    return DECAYS | own


def _configuration(form: Form, style: Any, final: float, warmup: Any, decay: Any, rest: dict[str, Any]) -> dict[str, Any]:
    """The configuration of one schedule; no decay means everything after the warmup."""
    optimizer = {"learning_rate": form.peak_lr, "min_lr_ratio": final, "warmup": warmup}
    optimizer |= ({} if decay is None else {"decay": decay}) | {"lr_schedule": style} | rest
    return {"optimizer": optimizer, "trainer": {"num_train_steps": form.total_steps}}


def _steps(count: int, total: int) -> int | float:
    """The number from which levanter makes `count` steps of `total`."""
    return count if count != 1 else fraction(1, total, int) if total == 1 else 1.5 / total


def limits(form: Form, version: str) -> list[str]:
    """Why levanter cannot execute the form."""
    if form.cycle:
        return ["its last cycle is as whole as the others, only shorter"] if form.cycle.shape in _styles(form, version) else []
    if form.inverse_sqrt and version == "2025":
        return ["it has inv_sqrt_decay since 2026"]
    found = common_limits(form, [shape for shape in _styles(form, version) if shape != "inverse"])
    if form.decay_steps and form.decay_end != form.total_steps:
        found.append("its decay ends with the run")
    return found


def notes(form: Form, values: dict[str, Any], version: str) -> list[str]:
    """What to know before using the settings."""
    found = ["steps are counted from 0; warmup, decay and cooldown of at most 1 are fractions of num_train_steps (of their cycle)"]
    if "cooldown" in values["optimizer"]:
        found.append("levanter warns that cooldown is deprecated, and executes it")
    return found


def text(values: dict[str, Any]) -> str:
    """The settings as YAML."""
    return yaml(values)
