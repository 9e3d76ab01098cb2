"""Settings of a trainer for a schedule, and the learning rate of every update.

SCHEDULE is JSON, or a file that holds it: a family of lastiterate.schedules with its arguments, or what Schedule.to_json
writes. Prints the settings in the trainer's own format under notes (lines that start with #). What the trainer cannot
execute is refused, with the nearest that it can; --nearest takes that, and the notes say how far off it is.

example:
  lastiterate export --schedule '{"family": "wsd", "total_steps": 9000, "cooldown": 0.2, "peak_lr": 0.001}' --trainer hf
"""

import inspect
import json
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

import numpy as np

from lastiterate._checks import check_choice
from lastiterate.schedules import FAMILIES, Schedule
from lastiterate.schedules.export import TRAINERS, Settings, export, nearest
from lastiterate.workflow.files import replacing, write_csv


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--schedule", required=True, metavar="SCHEDULE", help="JSON of the schedule, or a file with it")
    parser.add_argument("--trainer", required=True, choices=TRAINERS, help="the trainer: one of %(choices)s", metavar="TRAINER")
    parser.add_argument("--nearest", action="store_true", help="where the trainer cannot execute it: the nearest instead of an error")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the settings here, whole or not at all")
    parser.add_argument("--csv", type=Path, metavar="CSV", help="write step, lr: what the trainer executes in every update")
    parser.add_argument("--json", action="store_true", help="print values, text, notes and deviation as JSON")


def run(arguments: Namespace) -> None:
    """Export, write, print."""
    schedule = read_schedule(arguments.schedule)
    settings = (nearest if arguments.nearest else export)(schedule, arguments.trainer)
    if arguments.csv:
        write_csv(arguments.csv, {"step": np.arange(1, settings.lr.size + 1), "lr": settings.lr})
    if arguments.out:
        with replacing(arguments.out) as temporary:
            temporary.write_text(settings.text + "\n", encoding="utf-8")
    print(json.dumps(report(settings), default=asdict) if arguments.json else describe(settings))


def read_schedule(text: str) -> Schedule:
    """The schedule that JSON, or a file of JSON, describes; ValueError that says what is wrong with it."""
    source = "--schedule"
    if not text.lstrip().startswith("{"):
        source, text = text, Path(text).read_text(encoding="utf-8")
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{source}: not JSON: {error}") from None
    if not isinstance(data, dict) or "family" not in data:
        return Schedule.from_json(text)
    family = FAMILIES[check_choice("family", data.pop("family"), tuple(FAMILIES))]
    try:
        inspect.signature(family).bind(**data)
    except TypeError as error:
        raise ValueError(f"{source}: {family.__name__}: {error}; it takes {', '.join(inspect.signature(family).parameters)}") from None
    return family(**data)


def report(settings: Settings) -> dict:
    """The settings as one object."""
    names = ("trainer", "values", "text", "notes", "deviation", "exact")
    return {name: getattr(settings, name) for name in names} | {"total_steps": int(settings.lr.size)}


def describe(settings: Settings) -> str:
    """Notes as comments, then the settings."""
    return "\n".join([*(f"# {note}" for note in settings.notes), settings.text])
