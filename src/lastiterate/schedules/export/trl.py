"""TRL: the `TrainingArguments` of Hugging Face transformers under the name of a trainer's own configuration.

`SFTConfig`, `DPOConfig`, `GRPOConfig` and the others inherit from `TrainingArguments`, and their trainers from `Trainer`.
Source: huggingface/trl 1.16.0, trl/trainer/sft_config.py; rules as in `lastiterate.schedules.export.hf`.
"""

from typing import Any

from lastiterate.schedules.export.form import Form
from lastiterate.schedules.export.hf import VERSIONS, candidates, executed, limits, reaches
from lastiterate.schedules.export.hf import notes as trainer_notes
from lastiterate.schedules.export.hf import text as trainer_text

__all__ = ["TITLE", "VERSIONS", "candidates", "executed", "limits", "notes", "reaches", "text"]
TITLE = "TRL"


def notes(form: Form, values: dict[str, Any], version: str) -> list[str]:
    """What to know before using the settings."""
    own = "SFTConfig, DPOConfig, GRPOConfig, ... take the same arguments; learning_rate differs by default from TrainingArguments"
    return [own, "--trainer-version is that of transformers", *trainer_notes(form, values, version)]


def text(values: dict[str, Any]) -> str:
    """The settings as a Python call."""
    return trainer_text(values).replace("TrainingArguments(", "SFTConfig(")
