"""Megatron-Bridge: the scheduler of Megatron-LM, from Python.

Rules as in `lastiterate.schedules.export.megatron`: OptimizerConfig has lr and min_lr, SchedulerConfig all the rest, TrainingConfig
train_iters. Left out, lr_decay_style is linear, lr_wsd_decay_style exponential and lr_decay_iters train_iters.

Source: NVIDIA-NeMo/Megatron-Bridge, src/megatron/bridge/training/config.py and optim.py (067f987, 2026-08-22; release 0.3.1).
"""

from collections.abc import Iterator
from typing import Any

from lastiterate.schedules.export import megatron
from lastiterate.schedules.export.form import Form
from lastiterate.schedules.export.megatron import executed
from lastiterate.schedules.export.text import call

__all__ = ["TITLE", "VERSIONS", "candidates", "executed", "limits", "notes", "reaches", "text"]
TITLE = "Megatron-Bridge"
VERSIONS = {"0.1": "lr_wsd_decay_style linear, cosine and exponential", "0.4": "minus_sqrt, as in Megatron-LM"}
CORE = {"0.1": "0.9", "0.4": "0.13"}


def reaches(version: str) -> list[Any]:
    """The decays it has."""
    return megatron.reaches(CORE[version])


def candidates(form: Form, version: str) -> Iterator[dict[str, Any]]:
    """Settings that may execute the form."""
    return megatron.candidates(form, CORE[version])


def limits(form: Form, version: str) -> list[str]:
    """Why it cannot execute the form."""
    return megatron.limits(form, CORE[version])


def notes(form: Form, values: dict[str, Any], version: str) -> list[str]:
    """What to know before using the settings."""
    found = "iterations are counted from 0; lr_decay_iters includes the warmup; min_lr is absolute"
    return [found, "lr_warmup_fraction must stay None, and all counts be iterations, not samples; for a resumed run also "
            "override_opt_param_scheduler=True"]  # fmt: skip


def text(values: dict[str, Any]) -> str:
    """The settings as Python."""
    scheduler = {key: value for key, value in values.items() if key.startswith("lr_")}
    return "\n".join(
        [
            f"cfg.train.train_iters = {values['train_iters']}",
            f"cfg.optimizer.lr, cfg.optimizer.min_lr = {values['lr']!r}, {values['min_lr']!r}",
            f"cfg.scheduler = {call('SchedulerConfig', scheduler)}",
        ]
    )
