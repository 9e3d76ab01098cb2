"""Hugging Face transformers: `TrainingArguments` for `Trainer`.

With s = 0, 1, ... the updates already made, W = warmup_steps, S = W + num_stable_steps, D = num_decay_steps and
r = min_lr_ratio, `warmup_stable_decay` multiplies learning_rate by

    r + (1 - r) s/W for s < W,  1 for s < S,  r + (1 - r) f((s - S)/D) for s < S + D,  then r,

f being 1 - x (linear), (1 + cos(pi x))/2 (cosine, the default of decay_type) or 1 - sqrt(x) (1-sqrt). Where the decay
begins at the end of the warmup, the other types do; their warmup, and that of `constant_with_warmup`, starts at 0 whatever the
decay ends on. With x = (s - W)/(max_steps - W) they are

    linear 1 - x;  polynomial r + (1 - r)(1 - x)^power, r = lr_end/learning_rate;  inverse_sqrt sqrt(timescale/(s - W + timescale))
    cosine, cosine_with_min_lr   r + (1 - r)(1 + cos(2 pi num_cycles x))/2, so that num_cycles < 1/2 cuts it off
    cosine_with_restarts         (1 + cos(pi (num_cycles x mod 1)))/2
    cosine_warmup_with_min_lr    w + (1 - w) s/(W - 1) for s < W, w = warmup_lr_rate; x = (s - W + 1)/(max_steps - W)

The last is one update ahead of the others, so that a warmup of ours is one of W + 1 there.

Source: huggingface/transformers, src/transformers/optimization.py (005edac, releases 4.44.0 to 5.23.0). Before 4.49
`warmup_stable_decay` had no decay_type (its decay is a cosine) and no warmup_type (its warmup starts at 0).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lastiterate.schedules import pieces
from lastiterate.schedules.export.form import Form, Reach, common_limits

TITLE = "Hugging Face transformers"
DECAYS = {"linear": "linear", "cosine": "cosine", "1-sqrt": "1-sqrt"}
VERSIONS = {
    "4.44": "warmup_stable_decay has no decay_type, its decay is a cosine and its warmup starts at 0",
    "4.49": "warmup_stable_decay has decay_type, and its warmup starts at min_lr_ratio",
    "4.54": "cosine_warmup_with_min_lr",
}


def reaches(version: str) -> list[Reach]:
    """The decays it has."""
    shapes = ["cosine"] if version == "4.44" else list(DECAYS)
    return [*(Reach(shape) for shape in shapes), Reach("power", "warmup", "run"), Reach("inverse", "warmup")]


def candidates(form: Form, version: str) -> Iterator[dict[str, Any]]:
    """TrainingArguments that may execute the form, those meant for it first."""
    base = {"learning_rate": form.peak_lr, "max_steps": form.total_steps, "warmup_steps": form.warmup_steps}

    def values(kind: str, warmup: int = form.warmup_steps, **kwargs: Any) -> dict[str, Any]:
        return {**base, "warmup_steps": warmup, "lr_scheduler_type": kind, "lr_scheduler_kwargs": kwargs}

    if form.decay_shape == "inverse" or form.inverse_sqrt:
        scale = form.decay_steps if form.decay_shape == "inverse" else 1
        yield values("inverse_sqrt", timescale=scale)
        return
    if not form.decay_steps:
        yield values("constant_with_warmup")
        if form.warmup_steps and version != "4.44":  # a decay that begins with the end of the run gives the warmup its start
            counts = {"num_stable_steps": form.total_steps - form.warmup_steps, "num_decay_steps": 1}
            yield values("warmup_stable_decay", **counts, min_lr_ratio=form.warmup_start, decay_type="linear")
        return
    if form.cycle and form.cycle.shape == "cosine" and not form.cycle.end:
        cycles = (form.total_steps - form.warmup_steps) / form.cycle.span
        for count in (int(cycles) if cycles % 1 == 0 else cycles, cycles * (1 + 1e-15), cycles * (1 - 1e-15)):
            yield values("cosine_with_restarts", num_cycles=count)
    if _has_own_type(form):
        if form.decay_shape == "cosine":
            part = (form.total_steps - form.warmup_steps) / form.decay_steps
            own: dict[str, Any] = {} if part == 1.0 else {"num_cycles": 0.5 * part}
            yield values("cosine_with_min_lr", min_lr_rate=form.final, **own) if form.final else values("cosine", **own)
            left = form.total_steps - form.warmup_steps - 1
            if version == "4.54" and form.warmup_steps and left > 0:
                ends = {"min_lr_rate": form.final, "warmup_lr_rate": form.warmup_start}
                yield values("cosine_warmup_with_min_lr", form.warmup_steps + 1, **ends, num_cycles=0.5 * left / form.decay_steps)
        elif form.decay_shape == "linear" and not form.final:
            yield values("linear")
        elif form.final < 1.0:
            yield values("polynomial", lr_end=form.final * form.peak_lr, power=form.decay_power)
    stable = form.decay_begin - form.warmup_steps
    for style in form.styles(DECAYS):
        counts = {"num_stable_steps": stable, "num_decay_steps": form.decay_steps}
        if version != "4.44":
            yield values("warmup_stable_decay", **counts, min_lr_ratio=form.final, decay_type=style)
        elif style == "cosine" and not (form.warmup_steps and form.final):
            yield values("warmup_stable_decay", **counts, min_lr_ratio=form.final)


def _has_own_type(form: Form) -> bool:
    """Whether one of the types that decay from the end of the warmup to that of the run has this shape (a cosine may be cut)."""
    whole = form.decay_end == form.total_steps
    return form.immediate and (form.decay_shape == "cosine" or (whole and form.decay_shape in ("linear", "power")))


def executed(values: dict[str, Any], steps: int) -> np.ndarray:
    """Learning rates of updates 1..steps, or after each count of an array, by the rule in the module's head."""
    s, warmup, last = pieces.counts(steps), values["warmup_steps"], values["max_steps"]
    kind, kwargs, peak = values["lr_scheduler_type"], values["lr_scheduler_kwargs"], values["learning_rate"]
    start, ahead = 0.0, int(kind == "cosine_warmup_with_min_lr")
    x = (s - warmup + ahead) / max(1, last - warmup)
    if kind == "warmup_stable_decay":
        start, begin, decay = kwargs["min_lr_ratio"], warmup + kwargs["num_stable_steps"], kwargs["num_decay_steps"]
        x = np.clip((s - begin) / max(1, decay), 0.0, 1.0)
        x[s >= begin + decay] = 1.0
        shape = {"linear": 1 - x, "cosine": 0.5 * (1 + np.cos(np.pi * x)), "1-sqrt": 1 - np.sqrt(x)}[kwargs.get("decay_type", "cosine")]
        factor = start + (1 - start) * shape
    elif kind == "constant_with_warmup":
        factor = np.ones(s.size)
    elif kind == "inverse_sqrt":
        factor = 1.0 / np.sqrt(np.maximum(s - warmup + kwargs["timescale"], 1) / kwargs["timescale"])
    elif kind == "cosine_with_restarts":
        factor = np.where(x < 1.0, 0.5 * (1 + np.cos(np.pi * ((float(kwargs["num_cycles"]) * x) % 1.0))), 0.0)
    else:
        end = kwargs.get("min_lr_rate", kwargs.get("lr_end", 0.0) / peak)
        x = np.maximum(x, 0.0)
        turned = np.cos(2 * np.pi * kwargs.get("num_cycles", 0.5) * x)
        shape = 0.5 * (1 + turned) if kind.startswith("cosine") else np.maximum(1 - x, 0.0) ** kwargs.get("power", 1.0)
        factor = end + (1 - end) * shape
    start = kwargs["warmup_lr_rate"] if ahead else start
    return peak * np.where(s < warmup, start + (1 - start) * s / max(1, warmup - ahead), factor)


def limits(form: Form, version: str) -> list[str]:
    """Why transformers cannot execute the form."""
    if form.inverse_sqrt and form.decay_steps:
        return ["its inverse_sqrt has no cooldown"]
    shapes = ("cosine",) if version == "4.44" else tuple(DECAYS)
    found = common_limits(form, (*shapes, "linear", "power") if _has_own_type(form) else shapes, first="any")
    if form.warmup_steps and form.decay_shape != "inverse":
        own = 0.0 if _has_own_type(form) or version == "4.44" else form.final
        free = version != "4.44" and not form.decay_steps
        free = free or (version == "4.54" and _has_own_type(form) and form.decay_shape == "cosine")
        if abs(form.warmup_start - own) > 1e-12 and not free:
            found.append(f"its warmup starts at {own:.6g} of the peak, not at {form.warmup_start:.6g}: use initial_lr_ratio={own!r}")
    return found


def notes(form: Form, values: dict[str, Any], version: str) -> list[str]:
    """What to know before using the settings."""
    found = ["updates are counted from 0; max_steps must be the length of the run"]
    if values["lr_scheduler_type"] == "warmup_stable_decay":
        found.append("num_stable_steps is written for every version; recent ones warn that it takes precedence over max_steps")
        if values["warmup_steps"] and values["lr_scheduler_kwargs"]["min_lr_ratio"]:
            found.append("the warmup starts at min_lr_ratio")
    return found


def text(values: dict[str, Any]) -> str:
    """The settings as a Python call."""
    lines = [f"    {key}={value!r}," for key, value in values.items()]
    return "\n".join(["TrainingArguments(", *lines, ")"])
