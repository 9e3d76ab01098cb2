"""LLaMA-Factory: its YAML configuration, which is Hugging Face transformers' `TrainingArguments`.

Rules as in `lastiterate.schedules.export.hf`. Trap: where lr_scheduler_kwargs of `warmup_stable_decay` lack them, a third of what
follows the warmup is stable and the rest decays (as a cosine, to 0); all of them are written here.

Source: hiyouga/LLaMA-Factory, src/llamafactory/train/trainer_utils.py, create_custom_scheduler (ff6d4d1, 2026-08-18; release 0.9.5).
"""

from typing import Any

from lastiterate.schedules.export.form import Form
from lastiterate.schedules.export.hf import VERSIONS, candidates, executed, limits, reaches
from lastiterate.schedules.export.hf import notes as trainer_notes
from lastiterate.schedules.export.text import yaml

__all__ = ["TITLE", "VERSIONS", "candidates", "executed", "limits", "notes", "reaches", "text"]
TITLE = "LLaMA-Factory"


def notes(form: Form, values: dict[str, Any], version: str) -> list[str]:
    """What to know before using the settings."""
    own = "num_stable_steps and num_decay_steps are always written: left out, only a third of what follows the warmup is stable"
    wsd = values["lr_scheduler_type"] == "warmup_stable_decay"
    return [*([own] if wsd else []), "--trainer-version is that of transformers", *trainer_notes(form, values, version)]


def text(values: dict[str, Any]) -> str:
    """The settings as YAML."""
    return yaml(values)
