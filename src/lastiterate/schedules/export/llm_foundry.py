"""LLM Foundry: its YAML configuration, which names Composer's schedulers and its own.

With t = 0, 1, ... the batches already made, W = t_warmup, M = t_max and C = t_cooldown, the optimiser's lr is multiplied by t/W for
t < W, and then by

    1                                                           constant_with_warmup
    1 + x (alpha_f - 1), x = (t - W)/(M - W)                    linear_decay_with_warmup
    alpha_f + (1 - alpha_f)(1 + cos(pi x))/2                    cosine_with_warmup
    a + (1 - a)/sqrt((t - W + t_scale)/t_scale), a = alpha_f_decay, until M - C; then a line from there to alpha_f_cooldown
                                                                inv_sqrt_with_warmup

The last, with alpha_f_decay = 1, is constant until its cooldown: warmup, stable, linear decay.

Source: mosaicml/llm-foundry, llmfoundry/optim/scheduler.py (8c8dd48, release 0.22.0); mosaicml/composer,
composer/optim/scheduler.py (6405188, release 0.32.1).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lastiterate.schedules import pieces
from lastiterate.schedules.export.form import Form, Reach, common_limits
from lastiterate.schedules.export.text import yaml

TITLE = "LLM Foundry"
VERSIONS = {"0.7": "inv_sqrt_with_warmup with alpha_f_decay"}


def reaches(version: str) -> list[Reach]:
    """The decays it has."""
    return [Reach("linear"), Reach("linear", "warmup"), Reach("cosine", "warmup"), Reach("inverse", "warmup")]


def candidates(form: Form, version: str) -> Iterator[dict[str, Any]]:
    """Configurations that may execute the form."""

    def values(name: str, **arguments: Any) -> dict[str, Any]:
        scheduler = {"name": name, "t_warmup": f"{form.warmup_steps}ba", **arguments}
        return {"max_duration": f"{form.total_steps}ba", "optimizer": {"lr": form.peak_lr}, "scheduler": scheduler}

    end = {"t_max": f"{form.decay_end}ba"} if form.decay_end > form.total_steps else {}
    if not form.decay_steps and not form.inverse_sqrt:
        yield values("constant_with_warmup")
        return
    if form.inverse_sqrt or form.decay_shape == "inverse":
        scale, cooled = (1, form.decay_steps) if form.inverse_sqrt else (form.decay_steps, 0)
        ends = {"alpha_f_decay": 0.0, "alpha_f_cooldown": form.final if form.inverse_sqrt and cooled else 0.0}
        yield values("inv_sqrt_with_warmup", t_scale=f"{scale}ba", t_cooldown=f"{cooled}ba", **ends)
        return
    if form.decay_end < form.total_steps:
        return
    if form.immediate and form.decay_shape == "cosine":
        yield values("cosine_with_warmup", **end, alpha_f=form.final)
    if form.immediate and form.decay_shape == "linear":
        yield values("linear_decay_with_warmup", **end, alpha_f=form.final)
    if form.decay_shape != "cosine" or not form.immediate:
        ends = {"alpha_f_decay": 1.0, "alpha_f_cooldown": form.final}
        yield values("inv_sqrt_with_warmup", t_scale="1ba", t_cooldown=f"{form.decay_steps}ba", **end, **ends)


def executed(values: dict[str, Any], steps: int) -> np.ndarray:
    """Learning rates of updates 1..steps, or after each count of an array, by the rule in the module's head."""
    a, t, peak = values["scheduler"], pieces.counts(steps), values["optimizer"]["lr"]
    count = {name: int(a.get(name, values["max_duration"]).removesuffix("ba")) for name in ("t_warmup", "t_max", "t_scale", "t_cooldown")}
    warmup, name = count["t_warmup"], a["name"]
    x = np.clip((t - warmup) / max(count["t_max"] - warmup, 1), 0.0, 1.0)
    if name == "constant_with_warmup":
        factor = np.ones(t.size)
    elif name == "linear_decay_with_warmup":
        factor = 1.0 + x * (a["alpha_f"] - 1.0)
    elif name == "cosine_with_warmup":
        factor = a["alpha_f"] + (1 - a["alpha_f"]) * (1 + np.cos(np.pi * x)) / 2
    else:
        low, scale, cooldown = a["alpha_f_decay"], count["t_scale"], count["t_cooldown"]
        begin = max(count["t_max"] - cooldown, warmup)
        main = low + (1 - low) / np.sqrt(np.maximum(np.minimum(t, begin) + scale - warmup, 1) / scale)
        share = np.clip((t - begin) / max(cooldown, 1), 0.0, 1.0)
        factor = main + share * (a["alpha_f_cooldown"] - main)
    return peak * np.where(t < warmup, t / max(warmup, 1), factor)


def limits(form: Form, version: str) -> list[str]:
    """Why LLM Foundry cannot execute the form."""
    if form.inverse_sqrt:
        return [] if form.decay_steps else ["its inverse square root starts at a warmup from 0"]
    return common_limits(form, ("linear", "cosine") if form.immediate else ("linear",))


def notes(form: Form, values: dict[str, Any], version: str) -> list[str]:
    """What to know before using the settings."""
    found = ["batches are counted from 0; scale_schedule_ratio must be left out"]
    if values["scheduler"]["name"] == "inv_sqrt_with_warmup":
        found.append("inv_sqrt_with_warmup with alpha_f_decay 1 is constant until its linear cooldown; max_duration in batches, as here")
    return found


def text(values: dict[str, Any]) -> str:
    """The settings as YAML."""
    return yaml(values)
