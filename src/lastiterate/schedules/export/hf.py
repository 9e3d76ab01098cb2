"""Hugging Face transformers: `TrainingArguments` for `Trainer`.

With s = 0, 1, ... the updates already made, W = warmup_steps, S = W + num_stable_steps, D = num_decay_steps and
r = min_lr_ratio, `warmup_stable_decay` multiplies learning_rate by

    r + (1 - r) s/W for s < W,  1 for s < S,  r + (1 - r) f((s - S)/D) for s < S + D,  then r,

f being 1 - x (linear), (1 + cos(pi x))/2 (cosine, the default of decay_type) or 1 - sqrt(x) (1-sqrt). Where the decay
begins at the end of the warmup, the older types `linear`, `cosine`, `cosine_with_min_lr` and `polynomial` do; their
warmup, and that of `constant_with_warmup`, starts at 0 whatever the decay ends on. Their cosine is
(1 + cos(2 pi num_cycles x))/2 in x = (s - W)/(max_steps - W), so that num_cycles < 1/2 cuts it off.

Source: huggingface/transformers, src/transformers/optimization.py (005edac, and release 5.23.0); before `warmup_type` was
added, the warmup of `warmup_stable_decay` started at 0.
"""

import numpy as np

from lastiterate.schedules.export.form import Form, common_limits

TITLE = "Hugging Face transformers"
DECAYS = {"linear": "linear", "cosine": "cosine", "1-sqrt": "1-sqrt"}


def candidates(form: Form):
    """TrainingArguments that may execute the form, those meant for it first."""
    base = {"learning_rate": form.peak_lr, "max_steps": form.total_steps, "warmup_steps": form.warmup_steps}

    def values(kind, **kwargs):
        return {**base, "lr_scheduler_type": kind, "lr_scheduler_kwargs": kwargs}

    if not form.decay_steps:
        yield values("constant_with_warmup")
        return
    if _has_own_type(form):
        if form.decay_shape == "cosine":
            part = (form.total_steps - form.warmup_steps) / form.decay_steps
            cycles = {} if part == 1.0 else {"num_cycles": 0.5 * part}
            yield values("cosine_with_min_lr", min_lr_rate=form.final, **cycles) if form.final else values("cosine", **cycles)
        elif form.decay_shape == "linear" and not form.final:
            yield values("linear")
        else:
            yield values("polynomial", lr_end=form.final * form.peak_lr, power=form.decay_power)
    stable = form.decay_begin - form.warmup_steps
    for style in form.styles(DECAYS):
        counts = {"num_stable_steps": stable, "num_decay_steps": form.decay_steps}
        yield values("warmup_stable_decay", **counts, min_lr_ratio=form.final, decay_type=style)


def _has_own_type(form: Form) -> bool:
    """Whether one of the types that decay from the end of the warmup to that of the run has this shape (a cosine may be cut)."""
    whole = form.decay_end == form.total_steps
    return form.immediate and (form.decay_shape == "cosine" or (whole and form.decay_shape in ("linear", "power")))


def executed(values: dict, total_steps: int) -> np.ndarray:
    """Learning rates of updates 1..total_steps, shape (total_steps,), by the rule in the module's head."""
    s, warmup, last = np.arange(total_steps), values["warmup_steps"], values["max_steps"]
    kind, kwargs, peak = values["lr_scheduler_type"], values["lr_scheduler_kwargs"], values["learning_rate"]
    start = 0.0
    if kind == "warmup_stable_decay":
        start, begin, decay = kwargs["min_lr_ratio"], warmup + kwargs["num_stable_steps"], kwargs["num_decay_steps"]
        x = np.clip((s - begin) / decay, 0.0, 1.0)
        shape = {"linear": 1 - x, "cosine": 0.5 * (1 + np.cos(np.pi * x)), "1-sqrt": 1 - np.sqrt(x)}[kwargs["decay_type"]]
        factor = start + (1 - start) * shape
    elif kind == "constant_with_warmup":
        factor = np.ones(total_steps)
    else:
        x = np.maximum((s - warmup) / max(1, last - warmup), 0.0)
        end = kwargs.get("min_lr_rate", kwargs.get("lr_end", 0.0) / peak)
        turned = np.cos(2 * np.pi * kwargs.get("num_cycles", 0.5) * x)
        shape = 0.5 * (1 + turned) if kind.startswith("cosine") else (1 - x) ** kwargs.get("power", 1.0)
        factor = end + (1 - end) * shape
    return peak * np.where(s < warmup, start + (1 - start) * s / max(1, warmup), factor)


def limits(form: Form) -> list[str]:
    """Why transformers cannot execute the form."""
    found = common_limits(form, (*DECAYS, "power") if _has_own_type(form) else DECAYS, first="any")
    if form.warmup_steps:
        own = 0.0 if _has_own_type(form) else form.final
        if abs(form.warmup_start - own) > 1e-12:
            found.append(f"its warmup starts at {own:.6g} of the peak, not at {form.warmup_start:.6g}: use initial_lr_ratio={own!r}")
    return found


def notes(form: Form, values: dict) -> list[str]:
    """What to know before using the settings."""
    found = ["updates are counted from 0; max_steps must be the length of the run"]
    if values["lr_scheduler_type"] == "warmup_stable_decay":
        found.append("num_stable_steps is written for every version; recent ones warn that it takes precedence over max_steps")
        if form.warmup_steps and form.final:
            found.append("the warmup starts at min_lr_ratio, in versions without warmup_type at 0")
    return found


def text(values: dict) -> str:
    """The settings as a Python call."""
    lines = [f"    {key}={value!r}," for key, value in values.items()]
    return "\n".join(["TrainingArguments(", *lines, ")"])
