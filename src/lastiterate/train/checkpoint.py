"""Checkpoints: whole or absent, with a checksum, and only ever read back by the run they belong to or by a branch of it.

A checkpoint is what `torch.save` writes, and after it a line with the SHA-256 of those bytes (which `torch.load` passes over), so
that a bit that flipped on the disk, or a copy that was cut short, is seen before any of it is used.
"""

import hashlib
import os
import sys
from pathlib import Path

import numpy as np
import torch

from lastiterate.schedules import Schedule
from lastiterate.workflow.files import open_plain, replacing
from lastiterate.workflow.step import StepError

_MARK = b"\nlastiterate sha256 "
_SEAL_BYTES = len(_MARK) + 64 + 1
_BLOCK_BYTES = 1 << 22


class Damaged(ValueError):
    """A checkpoint that is not what was written."""


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
    """Write a state and its checksum, whole or not at all; StepError if the disk does not take it."""
    _write(path, state)


def save_latest(path: Path, state: dict) -> None:
    """Write a run's own last state as `save`, and keep the one before under the name `before(path)`."""
    _write(path, state, keep=before(path))


def before(path: Path) -> Path:
    """Where the state before the last is kept."""
    return path.with_name(f"{path.stem}.before{path.suffix}")


def save_diverged(path: Path, step: int, identity: str, schedule: Schedule, diverged_step: int) -> None:
    """Write, in the place of a checkpoint that was never reached, that the run diverged before it."""
    save(path, _head(step, identity, schedule) | {"diverged_step": diverged_step})


def load(path: Path, device) -> dict:
    """The state that `save` wrote; Damaged if any of its bytes is another one, ValueError for a link.

    Nothing of the file is interpreted before its checksum holds, and then as tensors and numbers alone (`weights_only`).
    """
    with os.fdopen(open_plain(path), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            raise Damaged(f"{path} is empty")
        file.seek(max(0, size - _SEAL_BYTES))
        seal = file.read(_SEAL_BYTES)
        if len(seal) < _SEAL_BYTES or not seal.startswith(_MARK):
            raise Damaged(f"{path} does not end in a checksum: it was cut short, or is no checkpoint of this program")
        file.seek(0)
        digest, left = hashlib.sha256(), size - _SEAL_BYTES
        while left and (block := file.read(min(left, _BLOCK_BYTES))):
            digest.update(block)
            left -= len(block)
        if _seal(digest) != seal:
            raise Damaged(f"{path} is not what was written: its checksum differs")
        file.seek(0)
        try:
            return torch.load(file, map_location=device, weights_only=True)
        except Exception as error:
            raise Damaged(f"{path} is no checkpoint of this program ({type(error).__name__})") from error


def load_latest(path: Path, device, speaks: bool = True) -> tuple[dict, Path] | None:
    """The last whole state that `save_latest` wrote to `path`, and its file; None if there is none.

    A damaged one is moved aside (`*.damaged`), the one before is taken, and standard error says so if this process `speaks`;
    one of several ranks does, the others come to the same state without a word.
    """
    found, damaged = None, []
    for place in (path, before(path)):
        try:
            found = load(place, device), place
            break
        except FileNotFoundError:
            continue
        except Damaged as error:
            damaged.append(str(error))
            if speaks:
                place.replace(place.with_suffix(".damaged"))
    if damaged and speaks:
        goes_on = f"going on from {found[1].name}, after update {_step(found[0])}" if found else "starting from the beginning again"
        print(f"{'; '.join(damaged)}: moved aside (*.damaged), {goes_on}", file=sys.stderr, flush=True)
    return found


def remove_latest(path: Path) -> None:
    """Remove the last states of a run that is finished."""
    for place in (path, before(path)):
        place.unlink(missing_ok=True)


def check(state: dict, path: Path, identity: str, schedule: Schedule) -> None:
    """ValueError if the state read from `path` is that of another run: other settings, data, or learning rates up to its step."""
    advice = "remove the folder of the run that wrote it and train that again, or restore what was changed"
    if not isinstance(state, dict) or not {"step", "identity", "schedule", "diverged_step"} <= state.keys():
        raise ValueError(f"{path} holds no state of a run: {advice}")
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


def _step(state: dict) -> int:
    """The update after which a state is, or the states of a stack are."""
    return state["step"] if "step" in state else next(iter(state.values()))["step"]


def _head(step: int, identity: str, schedule: Schedule) -> dict:
    return {"step": step, "identity": identity, "schedule": schedule.to_json(), "diverged_step": None}


def _write(path: Path, state: dict, keep: Path | None = None) -> None:
    try:
        with replacing(path) as temporary:
            torch.save(state, temporary)
            with temporary.open("r+b") as file:
                seal = _seal(hashlib.file_digest(file, "sha256"))
                file.seek(0, os.SEEK_END)
                file.write(seal)
            if keep and path.exists():
                path.replace(keep)
    except (OSError, RuntimeError) as error:  # torch's writer tells of a full disk by RuntimeError
        why = "".join(str(error).splitlines()[:1])
        raise StepError(
            f"{path} cannot be written ({why}): is the disk full? What was saved before is whole: make room and run again to go on from it"
        ) from error


def _seal(digest) -> bytes:
    return _MARK + digest.hexdigest().encode() + b"\n"
