"""Settings of a trainer for a schedule, and the learning rate of every update; or back, with --from.

SCHEDULE is JSON (a family of lastiterate.schedules with its arguments, what Schedule.to_json writes, a plan.json), words such as
wsd:total_steps=9000,peak_lr=0.001, a file of either or of a table (step, lr), or - for standard input.
Prints the settings in the trainer's own format under notes (lines that start with #). What the trainer cannot execute is refused,
with the nearest that it can; --nearest takes that, and the notes say how far off it is.
--from-step N gives the settings of what is left of a run after update N, and what to do with its checkpoint; a plan that continues a
run has its own N. --segments gives a schedule that the trainer cannot execute at once as several such runs.
--from TRAINER FILE reads a trainer's own configuration and says what it will execute: as JSON for --schedule, or into --out as .json,
.csv or a picture; with --trainer, as the settings of that one.

example:
  lastiterate export --schedule plan/plan.json --trainer megatron --out flags.txt --csv lr.csv
  lastiterate export --schedule wsd:total_steps=9000,cooldown=0.2,peak_lr=0.001 --trainer hf
  lastiterate export --schedule two_stage:total_steps=9000,switch_step=6000,factor=0.5,peak_lr=0.001 --trainer hf --segments
  lastiterate export --from nanotron config.yaml --out executes.svg
"""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict, is_dataclass

import numpy as np

from lastiterate._progress import Progress
from lastiterate.commands import configuration
from lastiterate.commands.common import add_choice, add_json, out_file, print_json
from lastiterate.commands.steps import steps
from lastiterate.schedules import Schedule
from lastiterate.schedules.configs import READERS
from lastiterate.schedules.export import TOLERANCE, TRAINERS, Segment, document, export_rest, segments
from lastiterate.schedules.stated import HELP, read_stated
from lastiterate.workflow.files import write_csv, write_text


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--schedule", metavar="SCHEDULE", help=HELP)
    what.add_argument(
        "--from", dest="config", nargs=2, metavar=("TRAINER", "FILE"),
        help=f"what a trainer's configuration will execute; TRAINER is one of {', '.join(READERS)}",
    )  # fmt: skip
    parser.add_argument("--steps", type=steps, metavar="N", help="with --from: updates of the run, where the configuration gives epochs")
    add_choice(parser, "--trainer", TRAINERS, metavar="TRAINER", help="the trainer: one of %(choices)s")
    parser.add_argument("--trainer-version", metavar="VERSION", help="the trainer's release (default: the newest that was read)")
    parser.add_argument("--nearest", action="store_true", help="where the trainer cannot execute it: the nearest instead of an error")
    parser.add_argument(
        "--tolerance", type=float, default=TOLERANCE, metavar="X",
        help=f"how far off the trainer may be, a fraction of the peak LR (default: {TOLERANCE:g})",
    )  # fmt: skip
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--from-step", type=steps, metavar="N", help="only what is left after update N, from the checkpoint written there")
    part.add_argument("--segments", action="store_true", help="as many runs as the trainer needs, each from the last one's checkpoint")
    parser.add_argument("--out", type=out_file, metavar="FILE", help="write the settings here, with their notes, whole or not at all")
    parser.add_argument("--csv", type=out_file, metavar="CSV", help="write step, lr: what the trainer executes in every update")
    add_json(parser)


def run(arguments: Namespace) -> None:
    """Export, write, print."""
    if arguments.config and not arguments.trainer:
        configuration.run(arguments)
        return
    if not arguments.trainer:
        raise ValueError(f"--trainer is missing: name one of {', '.join(TRAINERS)}")
    if arguments.config:
        schedule, start_step = configuration.load(*arguments.config, arguments.steps).schedule, 0
    else:
        if arguments.steps:
            raise ValueError("--steps belongs to --from: a schedule has its own total_steps")
        schedule, start_step = read_stated(arguments.schedule)
    with Progress(f"settings of {arguments.trainer}"):
        parts = make(schedule, arguments, start_step if arguments.from_step is None else arguments.from_step)
    if arguments.csv:
        first, lr = parts[0].first_update, np.concatenate([part.settings.lr for part in parts])
        write_csv(arguments.csv, {"step": np.arange(first, first + lr.size), "lr": lr})
    text = "\n\n".join(document(part.settings, part.resume, arguments.tolerance) for part in parts)
    if arguments.out:
        write_text(arguments.out, text)
        for part in parts:
            if part.resume and part.resume.script:
                write_text(arguments.out.with_name(f"{arguments.out.stem}.resume_{part.first_update - 1}.py"), part.resume.script)
    if arguments.json:
        print_json(report(parts), default=lambda value: asdict(value) if is_dataclass(value) else value.tolist())
    else:
        print(text)


def make(schedule: Schedule, arguments: Namespace, start_step: int) -> list[Segment]:
    """The settings, one part for each run."""
    version = arguments.trainer_version
    if not arguments.segments:
        return [export_rest(schedule, arguments.trainer, start_step, arguments.tolerance, take_nearest=arguments.nearest, version=version)]
    if arguments.nearest:
        raise ValueError("--segments is exact: leave out --nearest, or raise --tolerance")
    return segments(schedule, arguments.trainer, arguments.tolerance, version)


def report(parts: list[Segment]) -> dict:
    """The settings as one object; with more runs than one they are in `segments`."""
    found = [_report(part) for part in parts]
    return found[0] if len(found) == 1 else {"trainer": found[0]["trainer"], "segments": found}


def _report(part: Segment) -> dict:
    settings = part.settings
    names = ("trainer", "version", "values", "text", "notes", "deviation", "rounding", "exact")
    found = {name: getattr(settings, name) for name in names} | {"total_steps": part.last_update}
    return found | {"first_update": part.first_update, "checkpoint": part.resume.script if part.resume else None}
