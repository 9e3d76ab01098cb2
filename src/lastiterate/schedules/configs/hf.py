"""Hugging Face transformers: TrainingArguments as JSON, YAML, flags, a Python call, its print, or the list of a model card.

Rule: transformers/optimization.py, TrainingArguments.get_warmup_steps (5.23.0; run by tests/test_configs.py), with the names of
`lastiterate.schedules.export.hf`. Left out, learning_rate is 5e-5, lr_scheduler_type linear and there is no warmup.
"""

import ast
import json
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lastiterate.schedules.configs.config import Config, Form, config, given_steps
from lastiterate.schedules.configs.source import ConfigError, Fields, Python, flags, listed, mapping, printed

NAMES = ("TrainingArguments", "Seq2SeqTrainingArguments")
KINDS = (
    "linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup", "inverse_sqrt", "cosine_with_min_lr",
    "cosine_warmup_with_min_lr", "warmup_stable_decay",
)  # fmt: skip
KEYS = {"learning_rate", "lr_scheduler_type", "lr_scheduler_kwargs", "warmup_steps", "warmup_ratio", "max_steps", "num_train_epochs"}
CARD = {"lr_scheduler_warmup_steps": "warmup_steps", "lr_scheduler_warmup_ratio": "warmup_ratio", "training_steps": "max_steps"}
SHAPES = ("linear", "cosine", "1-sqrt")


def recognises(text: str) -> bool:
    """Whether the text is one of transformers' forms."""
    data = mapping(text)
    if data is not None and KEYS & data.keys():
        return bool("lr_scheduler_type" in data or "per_device_train_batch_size" in data or "max_steps" in data)
    return any(f"{name}(" in text for name in NAMES) or "lr_scheduler_type" in text


def read(text: str, steps: int | None = None) -> Config:
    """What the arguments execute; `steps` where the file says epochs."""
    return resolve("hf", arguments(text, NAMES), steps)


def arguments(text: str, names: tuple[str, ...]) -> dict[str, Any]:
    """The arguments by name, from any of the forms; `names` are those of the class whose call or print it may be."""
    data = mapping(text)
    if data is not None and KEYS & data.keys():  # W&B's config.yaml has a value and a description under each name
        return {name: value["value"] if isinstance(value, dict) and "value" in value else value for name, value in data.items()}
    if data is not None and "log_history" in data:
        raise ConfigError("a trainer_state.json is a log and has no arguments: read it with `lastiterate read`")
    found: dict[str, Any] = _call(text, names) or printed(text, names) or {}
    if not KEYS & found.keys():
        found = {CARD.get(name, name): value for name, value in listed(text).items()}
        found |= {"listed": True} if found else {}
    if not KEYS & found.keys():
        found = flags(text)
    if not KEYS & found.keys():
        raise ConfigError(f"has none of {', '.join(sorted(KEYS))}: it is not a configuration of transformers")
    return found


def _call(text: str, names: tuple[str, ...]) -> dict[str, Any] | None:
    try:
        python = Python(text)
    except (SyntaxError, ValueError):
        return None
    calls = python.calls(names)
    if not calls:
        return None
    if len(calls) > 1:
        raise ConfigError(f"calls {', '.join(f'{name} in line {call.lineno}' for name, call in calls)}: leave one of them in the file")
    given = python.arguments(calls[0][1])
    return {name: python.value(node) for name, node in given.items() if name in KEYS}


def resolve(trainer: str, given: dict[str, Any], steps: int | None, notes: Sequence[str] = ()) -> Config:
    """What TrainingArguments with these values execute."""
    data, notes = Fields(given), list(notes)
    data.forbid("lr_|.*warmup|max_train_steps", KEYS, "transformers")
    if isinstance(data.values.get("deepspeed"), dict) and data.values["deepspeed"].get("scheduler"):
        raise ConfigError("deepspeed.scheduler: DeepSpeed's own schedule then holds, which is not read")
    kind = _kind(data)
    peak = data.number("learning_rate", 5e-5)
    stated = data.count("max_steps", -1)
    epochs = given.get("num_train_epochs", 3)
    why = f"runs for {epochs} epochs, and how long they are the data decide"
    total = given_steps(stated if stated > 0 else None, steps, "max_steps", why)
    kwargs = _kwargs(data)
    warmup = warmup_steps(data, total, notes)
    if not any(data.has(name) for name in ("warmup_steps", "warmup_ratio")) and kind != "constant":
        notes.append("no warmup is set: there is none")
    defaults = {"learning_rate": peak, "lr_scheduler_type": kind}
    notes += [f"{name} is not in the file: {value}" for name, value in defaults.items() if not data.has(name)]
    if given.get("listed") and kind not in ("linear", "constant", "constant_with_warmup"):
        notes.append("a model card does not list lr_scheduler_kwargs: if the run had any, this is not what it executed")
    if str(given.get("fp16")) == "True" or given.get("mixed_precision_training"):
        notes.append("updates that the loss scaling of fp16 skips do not move the schedule: the run may be a few updates behind it")
    warmup = 0 if kind == "constant" else warmup
    own = _filled(kind, kwargs, peak, warmup, total)
    values: dict[str, Any] = {"learning_rate": peak, "max_steps": total, "warmup_steps": warmup}
    values |= {"lr_scheduler_type": "constant_with_warmup" if kind == "constant" else kind, "lr_scheduler_kwargs": own}
    return config(trainer, values, peak * factors(values, total), _form(values, total), peak, notes)


def _kind(data: Fields) -> str:
    text = str(data.values.get("lr_scheduler_type") or "linear")
    text = re.sub(r"^<?SchedulerType\.(\w+).*", lambda m: m[1].lower(), text).strip("'\"")
    if text not in KINDS:
        meaning = "depends on the loss" if text in ("reduce_lr_on_plateau", "greedy") else f"is not one of {', '.join(KINDS)}"
        raise ConfigError(f"lr_scheduler_type {text!r} {meaning}: what it executes only its log can tell")
    return text


def _kwargs(data: Fields) -> dict[str, Any]:
    value = data.values.get("lr_scheduler_kwargs") or {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            try:
                value = ast.literal_eval(value)
            except (ValueError, SyntaxError):
                raise data.error("lr_scheduler_kwargs", "a mapping") from None
    if value is None or value == {}:
        return {}
    if not isinstance(value, dict):
        raise data.error("lr_scheduler_kwargs", "a mapping")
    return value


def warmup_steps(data: Fields, total: int, notes: list[str]) -> int:
    """Updates of the warmup: a count, or a fraction of the run, rounded up."""
    count, ratio = data.number("warmup_steps", 0), data.number("warmup_ratio", 0)
    if ratio > 1:
        raise data.error("warmup_ratio", "a fraction of the run")
    if count and ratio:
        notes.append("warmup_steps holds, and not warmup_ratio")
    if count >= 1:
        return int(count)
    return math.ceil(total * (count or ratio))


def _filled(kind: str, kwargs: dict[str, Any], peak: float, warmup: int, total: int) -> dict[str, Any]:
    """lr_scheduler_kwargs with their defaults."""
    data = Fields(kwargs, "lr_scheduler_kwargs: {}")
    known = {
        "cosine": {"num_cycles"}, "cosine_with_restarts": {"num_cycles"}, "polynomial": {"lr_end", "power"}, "inverse_sqrt": {"timescale"},
        "cosine_with_min_lr": {"num_cycles", "min_lr", "min_lr_rate"},
        "cosine_warmup_with_min_lr": {"num_cycles", "min_lr", "min_lr_rate", "warmup_lr_rate"},
        "warmup_stable_decay": {
            "num_stable_steps", "num_decay_steps", "min_lr_ratio", "decay_type", "warmup_type", "num_cycles", "num_training_steps",
        },
    }.get(kind, set())  # fmt: skip
    if kind in ("linear", "constant", "constant_with_warmup") and kwargs:
        return {}  # transformers takes none for these
    if kwargs.keys() - known:
        raise ConfigError(f"lr_scheduler_kwargs has {', '.join(sorted(kwargs.keys() - known))}, of which {kind} knows nothing")
    found: dict[str, Any] = {}
    if "cosine" in kind and kind != "cosine_with_restarts" and data.has("num_cycles"):
        found["num_cycles"] = data.number("num_cycles")
    match kind:
        case "cosine_with_restarts":
            found["num_cycles"] = data.number("num_cycles", 1)
        case "polynomial":
            if warmup == total:
                raise ConfigError(f"polynomial with a warmup of all {total} updates divides by 0 at its end: transformers fails")
            found = {"lr_end": data.number("lr_end", 1e-7), "power": data.number("power", 1.0)}
            if found["lr_end"] >= peak:
                raise ConfigError(f"lr_end {found['lr_end']:g} must be below learning_rate {peak:g}: transformers refuses it")
        case "inverse_sqrt":
            found["timescale"] = data.number("timescale", warmup or 10_000)
        case "cosine_with_min_lr" | "cosine_warmup_with_min_lr":
            if data.has("min_lr") == data.has("min_lr_rate"):
                raise ConfigError("lr_scheduler_kwargs needs one of min_lr and min_lr_rate: transformers refuses it")
            rate = data.number("min_lr_rate") if data.has("min_lr_rate") else data.number("min_lr") / peak
            found = {"min_lr_rate": rate, **found}
            if kind == "cosine_warmup_with_min_lr":
                found["warmup_lr_rate"] = data.number("warmup_lr_rate", 1 / max(warmup, 1))
        case "warmup_stable_decay":
            down = data.count("num_decay_steps")
            stable = data.count("num_stable_steps", total - warmup - down)
            found = {"num_stable_steps": stable, "num_decay_steps": down, "min_lr_ratio": data.number("min_lr_ratio", 0.0)}
            found["decay_type"] = data.choice("decay_type", SHAPES, "cosine")
            extra: dict[str, Any] = {
                "warmup_type": data.choice("warmup_type", SHAPES, "linear"),
                "num_cycles": data.number("num_cycles", 0.5),
            }
            found |= {name: value for name, value in extra.items() if value not in ("linear", 0.5)}
    return found


def factors(values: dict[str, Any], total: int) -> np.ndarray:
    """Factors of the peak of updates 1..total, shape (total,)."""
    s, warmup, kind, kwargs = np.arange(total), values["warmup_steps"], values["lr_scheduler_type"], values["lr_scheduler_kwargs"]
    up, x = s / max(1, warmup), (s - warmup) / max(1, values["max_steps"] - warmup)
    cosine: Callable[..., Any] = lambda x: 0.5 * (1 + np.cos(np.pi * 2 * kwargs.get("num_cycles", 0.5) * x))
    match kind:
        case "constant_with_warmup":
            after = np.ones(total)
        case "linear":
            after = np.maximum(0.0, 1 - x)
        case "cosine":
            after = np.maximum(0.0, cosine(x))
        case "cosine_with_restarts":
            after = np.where(x >= 1, 0.0, np.maximum(0.0, 0.5 * (1 + np.cos(np.pi * ((kwargs["num_cycles"] * x) % 1.0)))))
        case "polynomial":
            end = kwargs["lr_end"] / values["learning_rate"]
            after = end + (1 - end) * np.clip(1 - x, 0.0, 1.0) ** kwargs["power"]
        case "inverse_sqrt":
            scale = kwargs["timescale"]
            after = 1 / np.sqrt(np.maximum(s + scale - warmup, 1e-300) / scale)
        case "cosine_with_min_lr":
            after = np.maximum(0.0, cosine(x) * (1 - kwargs["min_lr_rate"]) + kwargs["min_lr_rate"])
        case "cosine_warmup_with_min_lr":
            first, low = kwargs["warmup_lr_rate"], kwargs["min_lr_rate"]
            up = first + (1 - first) * s / max(1, warmup - 1)
            x = (s - warmup + 1) / max(1, values["max_steps"] - warmup)
            after = np.maximum(0.0, cosine(x) * (1 - low) + low)
        case _:
            low, begin, down = kwargs["min_lr_ratio"], warmup + kwargs["num_stable_steps"], kwargs["num_decay_steps"]
            up = _style(kwargs.get("warmup_type", "linear"), up, cosine=lambda x: 0.5 * (1 - np.cos(np.pi * x)), rising=True)
            up = np.maximum(0.0, low + (1 - low) * up)
            shape = _style(kwargs["decay_type"], np.clip((s - begin) / max(1, down), 0.0, 1.0), cosine=cosine)
            after = np.where(s < begin, 1.0, np.where(s < begin + down, np.maximum(0.0, low + (1 - low) * shape), low))
    return np.where(s < warmup, up, after)


def _style(name: str, x: np.ndarray, cosine: Callable[[np.ndarray], np.ndarray], rising: bool = False) -> np.ndarray:
    x = np.clip(x, 0.0, 1.0)
    if name == "cosine":
        return cosine(x)
    if name == "linear":
        return x if rising else 1 - x
    return 1 - np.sqrt(1 - x) if rising else 1 - np.sqrt(x)


def _form(values: dict[str, Any], total: int) -> Form | None:
    kind, warmup, kwargs = values["lr_scheduler_type"], values["warmup_steps"], values["lr_scheduler_kwargs"]
    left = values["max_steps"] - warmup
    if left < 1 and kind != "constant_with_warmup":
        return None
    match kind:
        case "constant_with_warmup":
            return Form(warmup, 0.0, total, 0)
        case "linear":
            return Form(warmup, 0.0, warmup, left)
        case "cosine" | "cosine_with_min_lr":
            cycles = kwargs.get("num_cycles", 0.5)
            span = round(0.5 * left / cycles) if cycles > 0 else 0
            return Form(warmup, 0.0, warmup, span, "cosine", kwargs.get("min_lr_rate", 0.0)) if span >= left else None
        case "polynomial":
            shape = "linear" if kwargs["power"] == 1 else "power"
            return Form(warmup, 0.0, warmup, left, shape, kwargs["lr_end"] / values["learning_rate"], kwargs["power"] or 1.0)
        case "warmup_stable_decay":
            if kwargs.keys() & {"warmup_type", "num_cycles"}:
                return None
            return Form(
                warmup, kwargs["min_lr_ratio"], warmup + kwargs["num_stable_steps"], kwargs["num_decay_steps"], kwargs["decay_type"],
                kwargs["min_lr_ratio"],
            )  # fmt: skip
        case "cosine_warmup_with_min_lr":
            cycles = kwargs.get("num_cycles", 0.5)
            span = round(0.5 * left / cycles) if cycles > 0 else 0
            own = max(warmup - 1, 0)
            if span >= left and warmup:
                return Form(own, kwargs["warmup_lr_rate"] if own else 1.0, own, span, "cosine", kwargs["min_lr_rate"])
    return None
