"""axolotl: its YAML configuration, which it hands to Hugging Face transformers.

`lr_scheduler` is lr_scheduler_type and `lr_scheduler_kwargs` its arguments; rules as in `lastiterate.schedules.export.hf`. Traps: a
warmup of 1 step is made one of 2; warmup_steps left out is 3 % of the run (at most 100 steps), and lr_scheduler left out a cosine;
`cosine_min_lr_ratio` and `lr_quadratic_warmup` replace transformers' cosine by axolotl's own.

Source: axolotl-ai-cloud/axolotl, src/axolotl/core/builders/base.py, utils/schemas/training.py (067b021, 2026-07-24; release 0.19.0).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lastiterate.schedules.export import hf
from lastiterate.schedules.export.form import Form
from lastiterate.schedules.export.text import yaml

TITLE = "axolotl"
VERSIONS = hf.VERSIONS


def reaches(version: str) -> list[Any]:
    """The decays it has."""
    return hf.reaches(version)


def candidates(form: Form, version: str) -> Iterator[dict[str, Any]]:
    """Configurations that may execute the form."""
    for values in hf.candidates(form, version):
        named = {"lr_scheduler": values["lr_scheduler_type"], "lr_scheduler_kwargs": values["lr_scheduler_kwargs"]}
        yield {key: values[key] for key in ("learning_rate", "max_steps", "warmup_steps")} | named


def executed(values: dict[str, Any], steps: int) -> np.ndarray:
    """Learning rates of updates 1..steps, or after each count of an array, by transformers' rule."""
    named = {"lr_scheduler_type": values["lr_scheduler"], "lr_scheduler_kwargs": values.get("lr_scheduler_kwargs") or {}}
    warmup = 2 if values["warmup_steps"] == 1 else values["warmup_steps"]
    return hf.executed({**values, **named, "warmup_steps": warmup}, steps)


def limits(form: Form, version: str) -> list[str]:
    """Why axolotl cannot execute the form."""
    return [*hf.limits(form, version), *(["it makes a warmup of 1 step one of 2"] if form.warmup_steps == 1 else [])]


def notes(form: Form, values: dict[str, Any], version: str) -> list[str]:
    """What to know before using the settings."""
    named = {"lr_scheduler_type": values["lr_scheduler"], "lr_scheduler_kwargs": values["lr_scheduler_kwargs"]}
    own = "leave cosine_min_lr_ratio, cosine_constant_lr_ratio, lr_quadratic_warmup, warmup_ratio and num_epochs out"
    return [own, "--trainer-version is that of transformers", *hf.notes(form, values | named, version)]


def text(values: dict[str, Any]) -> str:
    """The settings as YAML."""
    return yaml(values)
