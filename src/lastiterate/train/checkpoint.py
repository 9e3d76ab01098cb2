"""Checkpoints: whole or absent, and only ever read back by the run they belong to or by a branch of it."""

from pathlib import Path

import numpy as np
import torch

from lastiterate.schedules import Schedule
from lastiterate.workflow.files import replacing


def state_of(step: int, identity: str, schedule: Schedule, model, optimizers, start_norm: float, log: dict | None = None) -> dict:
    """The state after update `step`, as `save` writes it.

    identity : what decides the run's bytes but for its schedule. start_norm : squared weight norm before the first update.
    log : arrays of what was logged so far, for the run's own checkpoint; a checkpoint for branches has none.
    """
    return _head(step, identity, schedule) | {
        "model": model.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
        "start_norm": start_norm,
        "log": {name: torch.from_numpy(values) for name, values in (log or {}).items()},
    }


def save(path: Path, state: dict) -> None:
    """Write a state, whole or not at all."""
    with replacing(path) as temporary:
        torch.save(state, temporary)


def save_diverged(path: Path, step: int, identity: str, schedule: Schedule, diverged_step: int) -> None:
    """Write, in the place of a checkpoint that was never reached, that the run diverged before it."""
    save(path, _head(step, identity, schedule) | {"diverged_step": diverged_step})


def _head(step: int, identity: str, schedule: Schedule) -> dict:
    return {"step": step, "identity": identity, "schedule": schedule.to_json(), "diverged_step": None}


def check(state: dict, path: Path, identity: str, schedule: Schedule) -> None:
    """ValueError if the state read from `path` is that of another run: other settings, data, or learning rates up to its step."""
    advice = "remove the folder of the run that wrote it and train that again, or restore what was changed"
    if state["identity"] != identity:
        raise ValueError(f"{path} was written under other settings or data ({state['identity']}, expected {identity}): {advice}")
    done = Schedule.from_json(state["schedule"]).lr[: state["step"]]
    if not np.array_equal(done, schedule.lr[: state["step"]]):
        raise ValueError(f"{path}: its {state['step']} updates executed other learning rates than this run's: {advice}")


def restore(state: dict, model, optimizers) -> None:
    """Put model and optimizers into the state."""
    model.load_state_dict(state["model"])
    for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
