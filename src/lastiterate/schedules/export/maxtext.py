"""MaxText: its YAML configuration.

With s = 0, 1, ... the steps already made, E = learning_rate_schedule_steps, W = int(E warmup_steps_fraction),
D = int(E wsd_decay_steps_fraction) and r = learning_rate_final_fraction, learning_rate is multiplied by

    s/W for s < W,  1 for s < E - D,  then r + (1 - r) f((s - E + D)/(D - 1))            lr_schedule_type wsd
    s/W for s < W,  then r + (1 - r) f((s - W)/(E - W - 1))                              lr_schedule_type cosine

f being 1 - x (linear) or (1 + cos(pi x))/2 (cosine): the decay reaches r at step E, one step before the others. So E is one
more than the end of the decay (beyond `steps`), and D one more than its intervals. Fractions are written such that
int() gives the integers back.

With wsd MaxText refuses fractions that add up to more than 1, so they are the smallest that give the integers.

Source: AI-Hypercomputer/maxtext, src/maxtext/utils/maxtext_utils.py and configs/types.py (e591f30, 2026-08-22, and releases
0.1.0 to 0.2.4; before 0.2 there is only a cosine, of (s - W)/(E - W)). The pieces are optax's, computed in float32
(`lastiterate.schedules.pieces`).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from lastiterate.schedules import pieces
from lastiterate.schedules.export.form import Form, Reach, common_limits
from lastiterate.schedules.export.text import fraction, yaml
from lastiterate.schedules.pieces import Piece

TITLE = "MaxText"
DECAYS = {"linear": "linear", "cosine": "cosine"}
ARITHMETIC = np.float32
VERSIONS = {"0.1": "lr_schedule_type has cosine only, its last fraction is cosine_learning_rate_final_fraction", "0.2": "wsd (2026-01-13)"}


def reaches(version: str) -> list[Reach]:
    """The decays it has."""
    return [*(Reach(shape) for shape in (DECAYS if version != "0.1" else ())), Reach("cosine", "warmup")]


def candidates(form: Form, version: str) -> Iterator[dict[str, Any]]:
    """Configurations that may execute the form."""
    if version == "0.1":
        yield from _cosine_only(form)
        return
    end = form.decay_end + 1 if form.decay_steps else form.total_steps
    kinds = [("cosine", "cosine")] if form.immediate and form.decay_shape == "cosine" else []
    for kind, style in [*kinds, *(("wsd", style) for style in form.styles(DECAYS))]:
        found: dict[str, Any] = {
            "steps": form.total_steps,
            "learning_rate": form.peak_lr,
            "lr_schedule_type": kind,
            "learning_rate_schedule_steps": end,
            "warmup_steps_fraction": fraction(form.warmup_steps, end, int),
            "wsd_decay_steps_fraction": fraction(min(form.decay_steps + 1, end) if form.decay_steps else 0, end, int),
            "wsd_decay_style": style,
            "learning_rate_final_fraction": form.final,
        }
        if kind == "cosine" or found["warmup_steps_fraction"] + found["wsd_decay_steps_fraction"] <= 1.0:
            yield found


def _cosine_only(form: Form) -> Iterator[dict[str, Any]]:
    """Before wsd: a cosine that reaches its end at E, and from its begin on; to 1 of the peak it is a constant."""
    end = form.decay_end if form.decay_steps else form.total_steps
    yield {
        "steps": form.total_steps,
        "learning_rate": form.peak_lr,
        "learning_rate_schedule_steps": max(end, form.warmup_steps + 1),
        "warmup_steps_fraction": fraction(form.warmup_steps, max(end, form.warmup_steps + 1), int),
        "cosine_learning_rate_final_fraction": form.final if form.decay_steps else 1.0,
    }


def executed(values: dict[str, Any], steps: int, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Learning rates of updates 1..steps, or after each count of an array, by the rule in the module's head, computed in `dtype`."""
    peak, end = values["learning_rate"], values["learning_rate_schedule_steps"]
    name = "learning_rate_final_fraction"
    final = peak * values[name if name in values else f"cosine_{name}"]
    warmup, cosine = int(end * values["warmup_steps_fraction"]), values.get("lr_schedule_type", "cosine") == "cosine"
    decay = end - warmup if cosine else int(end * values["wsd_decay_steps_fraction"])
    parts = [(warmup, pieces.linear(0.0, peak, warmup)), (end - decay, pieces.constant(peak))]
    turned = cosine or values["wsd_decay_style"] == "cosine"
    old = int(name not in values)  # whose cosine reaches its end one step later
    parts.append((end, _cosine(peak, final, decay + old) if turned else pieces.linear(peak, final, decay - 1)))
    begins = [0, *(until for until, _ in parts)]
    kept = [(begin, piece) for begin, (until, piece) in zip(begins, parts, strict=False) if until > begin]
    kept += [(end, pieces.constant(0.0))] if values["steps"] > end else []
    schedule = pieces.join([piece for _, piece in kept], [begin for begin, _ in kept[1:]])
    return schedule(pieces.counts(steps, dtype)).astype(np.float64)


def _cosine(peak: float, final: float, steps: int) -> Piece:
    def schedule(count: np.ndarray) -> np.ndarray:
        weight = 0.5 * (np.cos(np.pi * (count / (steps - 1) if steps > 1 else np.ones_like(count))) + 1)
        return peak * weight + final * (1 - weight)

    return schedule


def limits(form: Form, version: str) -> list[str]:
    """Why MaxText cannot execute the form."""
    return common_limits(form, DECAYS if version != "0.1" else ("cosine",))


def notes(form: Form, values: dict[str, Any], version: str) -> list[str]:
    """What to know before using the settings."""
    found = ["steps are counted from 0; all fractions are of learning_rate_schedule_steps and always written"]
    if values["learning_rate_schedule_steps"] != form.total_steps:
        found.append("learning_rate_schedule_steps lies beyond steps: MaxText's decay reaches its end one step early")
    return found


def text(values: dict[str, Any]) -> str:
    """The settings as YAML."""
    return yaml(values)
