"""Schedules that a person states, on the command line or in a table of settings, read in one way: words, a file, or standard input.

    '{"family": "wsd", "total_steps": 9000, "cooldown": 0.2, "peak_lr": 0.001}'   JSON
    wsd:total_steps=9000,cooldown=0.2,peak_lr=0.001                               the same for the shell (9k and 9e3 too)
    plan/plan.json, plan                                                          a file of JSON, the folder of a plan
    plan/schedule.csv, refined.csv:peak_lr=0.001                                  step and lr, or lr_factor with its peak
    nanotron:config.yaml, hf:args.json:steps=9000                                 a trainer's own configuration
    -                                                                             standard input, with any content of these

JSON is a family of `lastiterate.schedules` with its arguments, what ``Schedule.to_json`` writes, or a plan.json.
"""

import csv
import inspect
import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lastiterate import _stdin
from lastiterate._checks import check_choice, check_keys, check_number, check_steps
from lastiterate.schedules import FAMILIES, Schedule, find_family
from lastiterate.schedules.configs import READERS, read_named, recognised
from lastiterate.schedules.from_lr import from_lr
from lastiterate.schedules.own import installed_families
from lastiterate.schedules.schedule import MOST_STEPS

HELP = "JSON, FAMILY:key=value,..., a file (JSON, schedule.csv, a trainer's configuration as TRAINER:FILE), or - for standard input"
COUNTS = ("steps", "total_steps", "warmup_steps", "switch_step", "transition_steps", "cycle_steps", "boundaries")
PHASE_COUNTS = ("steps", "span", "offset")
FORMS = 'JSON such as {"family": "wsd", ...}, a file, FAMILY:key=value,... such as wsd:total_steps=9000,peak_lr=0.001, or -'


class Stated(NamedTuple):
    """A schedule, and how many of its updates were made before (those of a plan that continues a run)."""

    schedule: Schedule
    start_step: int = 0


def read_schedule(text: str, source: str = "--schedule", folder: Path | str = ".") -> Schedule:
    """The schedule that an argument describes (see the module's head); ValueError that says what is wrong with it and where (`source`).

    Names of files are below `folder`.
    """
    return read_stated(text, source, folder).schedule


def read_stated(text: str, source: str = "--schedule", folder: Path | str = ".") -> Stated:
    """As `read_schedule`, with the update after which a plan begins."""
    text = text.strip()
    if text.startswith("{"):
        return _of_json(text, source, {})
    if text == "-":
        return _of_content(_stdin.read_text(), f"{source} -", {})
    name, colon, rest = text.partition(":")
    if _is_family(name) and (colon or not _exists(text, folder)):
        return Stated(_of_words(name, rest, source))
    trainer = None
    if name in READERS and colon and not _exists(text, folder):
        trainer, text = name, rest
    try:
        path, changes = _file_and_changes(text, source, folder)
        path = path / "plan.json" if path.is_dir() else path
        content = path.read_text(encoding="utf-8", errors="strict")
    except FileNotFoundError:
        raise ValueError(f"{source}: there is no file {str(path)!r}: give {FORMS}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path}: is not text: give {FORMS}") from None
    except OSError as error:
        raise ValueError(f"{source}: {text[:60]!r}: {str(error.strerror).lower()}: give {FORMS}") from None
    return _of_content(content, str(path), changes, trainer)


def _is_family(name: str) -> bool:
    return name in FAMILIES or (name.isidentifier() and name in installed_families())


def _exists(text: str, folder: Path | str) -> bool:
    try:
        return (Path(folder) / text).exists()
    except OSError:  # a name that no file can have
        return False


def _file_and_changes(text: str, source: str, folder: Path | str) -> tuple[Path, dict[str, Any]]:
    """FILE:key=value,... apart, where the name itself is of no file."""
    name, colon, rest = text.rpartition(":")
    if not colon or "=" not in rest or _exists(text, folder):
        return Path(folder) / text, {}
    if not _exists(name, folder) and name.isidentifier():
        check_choice(f"{source}: family", name, tuple(FAMILIES))
    changes = _pairs(rest, name)
    check_keys(f"{text!r}: of a file only peak_lr can be given (steps of a trainer's configuration)", changes, ("peak_lr", "steps"))
    return Path(folder) / name, changes


def _of_content(content: str, source: str, changes: dict[str, Any], trainer: str | None = None) -> Stated:
    """The schedule in a file's content: lines that begin with # are notes."""
    if trainer:
        return _of_config(content, trainer, source, changes)
    lines = [line for line in content.splitlines() if not line.startswith("#")]
    body = "\n".join(lines).strip()
    if not body:
        raise ValueError(f"{source}: is empty: give {FORMS}")
    if body.startswith("{") and ("phases" in body or "family" in body or not recognised(body)):
        return _of_json(body, source, changes)
    if re.match(r'"?step"?\s*,', body):
        return Stated(_of_csv(body, source, changes))
    name, _, rest = body.partition(":")
    if _is_family(name):
        return Stated(_of_words(name, rest, source))
    if trainer := recognised(content):
        return _of_config(content, trainer, source, changes)
    raise ValueError(
        f"{source}: neither JSON of a schedule nor a table of step, lr, nor a known trainer's configuration: it begins {body[:40]!r}"
    )


def _of_config(content: str, trainer: str, source: str, changes: dict[str, Any]) -> Stated:
    """The schedule that a trainer's configuration executes."""
    if "peak_lr" in changes:
        raise ValueError(f"{source}: {trainer} states its own learning rate: leave out peak_lr")
    given = changes.get("steps")
    given = given if given is None else check_steps(f"{source}: steps", _counted({"steps": given}, ("steps",))["steps"], 1, "updates")
    return Stated(read_named(content, trainer, source, given).schedule)


def _of_json(content: str, source: str, changes: dict[str, Any]) -> Stated:
    try:
        data = json.loads(content, object_pairs_hook=_unrepeated)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{source}: not JSON: {error}") from None
    start_step = 0
    if isinstance(data.get("recommended"), dict):
        start_step = data.get("start_step", 0)
        data = data["recommended"].get("schedule")
    if isinstance(data, dict) and "family" in data:
        return Stated(_of_family(data | changes, source))
    if isinstance(data, dict) and isinstance(data.get("phases"), list):
        data = data | changes
        data["phases"] = [_counted(one, PHASE_COUNTS) if isinstance(one, dict) else one for one in data["phases"]]
        _check_size(sum(n for one in data["phases"] if isinstance(one, dict) and isinstance(n := one.get("steps"), int)), source)
    try:
        return Stated(Schedule.from_json(json.dumps(data)), check_steps("start_step", start_step, 0, "it counts the updates made before"))
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None


def _unrepeated(pairs: list[tuple[str, object]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"{', '.join(sorted(twice))} is given twice")
    return dict(pairs)


def _of_words(family: str, rest: str, source: str) -> Schedule:
    if not rest:
        takes = ", ".join(inspect.signature(find_family(family)).parameters)
        raise ValueError(
            f"{source}: {family} is a family without its arguments: write {family}:total_steps=9000,peak_lr=0.001 (it takes {takes})"
        )
    return _of_family({"family": family, **_pairs(rest, source)}, source)


def _pairs(text: str, source: str) -> dict[str, Any]:
    """key=value,key=value, with lists in brackets."""
    found = {}
    for part in re.split(r",(?![^\[]*\])", text):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not key or not value:
            raise ValueError(f"{source}: {part!r} is not key=value: give {FORMS}")
        if key in found:
            raise ValueError(f"{source}: {key} is given twice")
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = _number_with_unit(value) if key in COUNTS else value
    return found


def _number_with_unit(value: str) -> Any:
    number, unit = value[:-1], {"k": 10**3, "m": 10**6}.get(value[-1:].lower())
    try:
        return float(number) * unit if unit else value
    except ValueError:
        return value


def _of_family(data: dict[str, Any], source: str) -> Schedule:
    data = _counted(dict(data), COUNTS)
    name = data.pop("family")
    check_choice(f"{source}: family", name, (*FAMILIES, *installed_families()))
    family = find_family(name)
    takes = inspect.signature(family).parameters
    check_keys(f"{source}: {name}", data, takes, (key for key, one in takes.items() if one.default is one.empty))
    _check_size(data["total_steps"], source)
    try:
        schedule = family(**data)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{source}: {name}: {error}") from None
    if "peak_lr" not in data:
        raise ValueError(f"{source}: {name} without peak_lr: give the run's largest learning rate, such as peak_lr of 0.001")
    return schedule


def _check_size(total_steps: Any, source: str) -> None:
    if isinstance(total_steps, int) and total_steps > MOST_STEPS:
        raise ValueError(f"{source}: total_steps={total_steps} exceeds {MOST_STEPS}: count updates, not tokens or samples")


def _counted(data: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """The data with whole numbers as integers where counts are meant: 1e4 is 10000."""

    def whole(value: Any) -> Any:
        if isinstance(value, list):
            return [whole(one) for one in value]
        return int(value) if isinstance(value, float) and value.is_integer() else value

    return {name: whole(value) if name in names else value for name, value in data.items()}


def _of_csv(content: str, source: str, changes: dict[str, Any]) -> Schedule:
    """The schedule of a table of step and lr, or lr_factor, one row for each update from 1."""
    header, *rows = csv.reader(content.splitlines())
    header = [name.strip() for name in header]
    column = next((name for name in ("lr", "lr_factor") if name in header), None)
    if column is None:
        raise ValueError(f"{source}: has columns {', '.join(header)}, expected step and lr (or lr_factor)")
    try:
        table = np.array([[float(row[header.index(name)]) for name in ("step", column)] for row in rows], dtype=np.float64)
    except (ValueError, IndexError) as error:
        raise ValueError(f"{source}: not a table of numbers: {error}") from None
    if not rows or not np.array_equal(table[:, 0], np.arange(1, len(rows) + 1)):
        raise ValueError(f"{source}: step must count updates 1, 2, 3, ..., one row each: it is a schedule, not a log")
    if column == "lr_factor" and "peak_lr" not in changes:
        raise ValueError(f"{source}: holds factors, and no peak_lr: give the run's largest learning rate, {source}:peak_lr=0.001")
    factors = table[:, 1]
    if "peak_lr" in changes:
        peak = check_number(f"{source}: peak_lr", changes["peak_lr"], "it is the largest learning rate of the run", open_low=True)
        factors = factors / factors.max() * peak
    try:
        return from_lr(factors)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None
