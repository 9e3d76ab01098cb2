"""nanochat: command-line flags of scripts/base_train.py.

With s = 0, 1, ... the steps already made, T = num_iterations, W = warmup_steps, D = round(warmdown_ratio T) and r = final_lr_frac,
the learning rates of all parameter groups are multiplied by

    (s + 1)/W for s < W,  1 for s <= T - D,  then x + (1 - x) r, x = (T - s)/D

so that a warmup of this package's form has initial_lr_ratio = 1/(warmup_steps + 1), and is one step longer there.

Source: karpathy/nanochat, scripts/base_train.py, get_lr_multiplier (92d63d4, 2026-07-03).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lastiterate.schedules import pieces
from lastiterate.schedules.export.form import Form, Reach, common_limits
from lastiterate.schedules.export.text import flags, fraction

TITLE = "nanochat"
VERSIONS = {"2026": "warmup_steps (warmup_ratio before)"}


def reaches(version: str) -> list[Reach]:
    """The decays it has."""
    return [Reach("linear", "any", "run")]


def candidates(form: Form, version: str) -> Iterator[dict[str, Any]]:
    """Flags that may execute the form."""
    total = form.total_steps
    count = total - form.decay_begin if form.decay_steps else 0
    for warmup in [form.warmup_steps + 1, form.warmup_steps] if form.warmup_steps else [0]:
        yield {
            "num_iterations": total,
            "warmup_steps": warmup,
            "warmdown_ratio": fraction(max(count, 0), total, round),
            "final_lr_frac": form.final,
            "matrix_lr": form.peak_lr,
        }


def executed(values: dict[str, Any], steps: int) -> np.ndarray:
    """Learning rates of updates 1..steps, or after each count of an array, by the rule in the module's head."""
    s, total, warmup = pieces.counts(steps), values["num_iterations"], values["warmup_steps"]
    down = round(values["warmdown_ratio"] * total)
    x = np.clip((total - s) / max(down, 1), 0.0, 1.0)
    factor = np.where(s <= total - down, 1.0, x + (1 - x) * values["final_lr_frac"])
    return values["matrix_lr"] * np.where(s < warmup, (s + 1) / max(warmup, 1), factor)


def limits(form: Form, version: str) -> list[str]:
    """Why nanochat cannot execute the form."""
    found = common_limits(form, ("linear",), first="1/(W+1)")
    if form.decay_steps and form.decay_end != form.total_steps:
        found.append("its warmdown ends with the run")
    return found


def notes(form: Form, values: dict[str, Any], version: str) -> list[str]:
    """What to know before using the settings."""
    return [
        "the peak is the --matrix-lr of Muon's group: give --embedding-lr, --unembedding-lr and --scalar-lr in the same ratio to it as "
        "theirs by default (0.3, 0.008, 0.5 to 0.02); nanochat multiplies all by sqrt(total_batch_size/2^19)",
        "steps are counted from 0: a warmup of W steps starts at 1/W of the peak and reaches it at step W",
    ]


def text(values: dict[str, Any]) -> str:
    """The settings as flags."""
    return flags(values, dashes=True)
