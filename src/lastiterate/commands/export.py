"""Settings of a trainer for a schedule, and the learning rate of every update.

SCHEDULE is JSON, or a file that holds it: a family of lastiterate.schedules with its arguments, what Schedule.to_json writes,
or the plan.json of `lastiterate plan`. Prints the settings in the trainer's own format under notes (lines that start with #).
What the trainer cannot execute is refused, with the nearest that it can; --nearest takes that, and the notes say how far off
it is.

example:
  lastiterate export --schedule plan/plan.json --trainer megatron --out flags.txt --csv lr.csv
  lastiterate export --schedule '{"family": "wsd", "total_steps": 9000, "cooldown": 0.2, "peak_lr": 0.001}' --trainer hf
"""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict

import numpy as np

from lastiterate.commands.common import add_choice, add_json, out_file, print_json
from lastiterate.commands.schedule_argument import HELP, read_schedule
from lastiterate.schedules.export import TRAINERS, Settings, export, nearest
from lastiterate.workflow.files import replacing, write_csv


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--schedule", required=True, metavar="SCHEDULE", help=HELP)
    add_choice(parser, "--trainer", TRAINERS, required=True, metavar="TRAINER", help="the trainer: one of %(choices)s")
    parser.add_argument("--nearest", action="store_true", help="where the trainer cannot execute it: the nearest instead of an error")
    parser.add_argument("--out", type=out_file, metavar="FILE", help="write the settings here, whole or not at all")
    parser.add_argument("--csv", type=out_file, metavar="CSV", help="write step, lr: what the trainer executes in every update")
    add_json(parser)


def run(arguments: Namespace) -> None:
    """Export, write, print."""
    schedule = read_schedule(arguments.schedule)
    settings = (nearest if arguments.nearest else export)(schedule, arguments.trainer)
    if arguments.csv:
        write_csv(arguments.csv, {"step": np.arange(1, settings.lr.size + 1), "lr": settings.lr})
    if arguments.out:
        with replacing(arguments.out) as temporary:
            temporary.write_text(settings.text + "\n", encoding="utf-8")
    if arguments.json:
        print_json(report(settings), default=asdict)
    else:
        print(describe(settings))


def report(settings: Settings) -> dict:
    """The settings as one object."""
    names = ("trainer", "values", "text", "notes", "deviation", "exact")
    return {name: getattr(settings, name) for name in names} | {"total_steps": int(settings.lr.size)}


def describe(settings: Settings) -> str:
    """Notes as comments, then the settings."""
    return "\n".join([*(f"# {note}" for note in settings.notes), settings.text])
