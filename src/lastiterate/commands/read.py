"""What a log is taken for: its format, its columns, how its steps count, where its learning rates come from.

LOG is a file or a folder of files: exports of Weights & Biases (chart, run table, history) and its local run-*.wandb, Hugging Face's
trainer_state.json and what the Trainer prints, TensorBoard events, Lightning's metrics.csv, MLflow's metrics, console output and text
logs of twenty trainers (docs/logs.md lists them), epfml JSON, or a table (CSV, JSON lines, parquet), compressed or not. --out writes
the runs as runs.parquet and history.parquet, in one form whatever they came from, and the notes as issues.csv.

example:
  lastiterate read trainer_state.json
  lastiterate read runs/ --map train_loss=loss/train --out tables
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from lastiterate._progress import Progress, tracked
from lastiterate.commands.common import (
    add_choice,
    add_json,
    add_limits,
    add_settings,
    column_pair,
    limits_of,
    out_file,
    out_folder,
    print_json,
)
from lastiterate.logs.assemble import Stated
from lastiterate.logs.columns import ROLES
from lastiterate.logs.formats.source import LogFile
from lastiterate.logs.reading import FORMATS, find_all, find_settings, read_each
from lastiterate.logs.run_log import LogError, Note, RunLog
from lastiterate.schedules.stated import read_schedule


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("log", type=Path, nargs="+", metavar="LOG", help="a log file, or a folder of them")
    parser.add_argument(
        "--map", type=column_pair, action="append", default=[], metavar="WHAT=COLUMN", help=f"which column is what ({', '.join(ROLES)})"
    )
    parser.add_argument("--schedule", metavar="SCHEDULE", help="the schedule that was executed, as in lastiterate export")
    parser.add_argument("--step-shift", type=int, metavar="N", help="the row of step k was written after update k + N")
    parser.add_argument("--lr-shift", type=int, metavar="N", help="the LR in the row of step k is that of update k + N")
    add_choice(parser, "--format", FORMATS, metavar="FORMAT", help="the format, where the content does not tell: %(choices)s")
    parser.add_argument(
        "--out", type=out_folder, metavar="FOLDER", help="write runs.parquet, history.parquet and issues.csv here, whole or not at all"
    )
    parser.add_argument(
        "--plot", type=out_file, metavar="PAGE", help="write losses and learning rates of all runs as a page to look at (HTML)"
    )
    add_settings(parser)
    add_limits(parser)
    add_json(parser)


def run(arguments: Namespace) -> None:
    """Read, write, print."""
    schedule = read_schedule(arguments.schedule) if arguments.schedule else None
    settings = find_settings(arguments.log, arguments.settings)
    stated = Stated(dict(arguments.map), schedule, arguments.step_shift, arguments.lr_shift, settings.schedules, limits_of(arguments))
    files = find_all(arguments.log, stated)
    notes: list[Note] = []
    report = {"runs": [], "left_out": []}

    def left_out(file: LogFile, error: LogError) -> None:
        notes.append(Note(error.file, file.run_id, error.where, error.message, left_out=True))
        report["left_out"].append({"file": error.file, "where": error.where, "message": error.message})
        if not arguments.json and len(files) > 1:
            Progress.clear()
            print(f"left out: {error}", file=sys.stderr)

    def described() -> Iterator[RunLog]:
        for found in read_each(tracked(files, "read", len(files), "files"), arguments.format, left_out, settings):
            report["runs"].append(summary(found))
            notes.extend(found.notes)
            if not arguments.json:
                Progress.clear()
                print("\n".join(describe(report["runs"][-1])))
            if arguments.plot:
                shown.append(found)
            yield found

    shown: list[RunLog] = []
    found = described()
    first = next(found, None)
    if first is None:
        reason = report["left_out"][0]
        raise ValueError(f"{reason['file']}: {reason['where']}: {reason['message']}")
    found = chain([first], found)
    if arguments.out:
        from lastiterate.logs.stream import write_issues, write_tables  # here: its imports take longer than a person waits for Tab

        runs, rows = write_tables(found, "logs", arguments.out / "runs.parquet", arguments.out / "history.parquet")
        write_issues(notes, arguments.out / "issues.csv")
        report |= {"out": str(arguments.out), "rows": rows}
    for _ in found:
        pass
    if arguments.plot:
        from lastiterate.pages.log import log_page
        from lastiterate.workflow.files import write_text

        write_text(arguments.plot, log_page(shown, ", ".join(map(str, arguments.log))))
        report["plot"] = str(arguments.plot)
    if arguments.json:
        print_json(report)
    elif arguments.out:
        names = ", ".join(str(arguments.out / name) for name in ("runs.parquet", "history.parquet", "issues.csv"))
        print(f"{runs} runs, {rows} rows, {len(notes)} notes: {names}")
    if arguments.plot and not arguments.json:
        print(f"open {arguments.plot}")


def summary(run: RunLog) -> dict:
    """A run as the JSON report holds it."""
    return {
        "run_id": run.run_id,
        "file": run.file,
        "format": run.log_format,
        "total_steps": run.total_steps,
        "taken": run.taken,
        "lr_from": run.lr_from,
        "base_lr": run.base_lr,
        "rows": {name: len(steps) for name, (steps, _) in run.series.items()},
        "last": {name: float(values[-1]) for name, (_, values) in run.series.items()},
        "notes": [f"{note.where}: {note.message}" for note in run.notes],
    }


def describe(run: dict) -> list[str]:
    """The same in words."""
    lr = {
        "schedule": "LR of the stated schedule",
        "recognised": "LR recognised as a schedule",
        "log": "LR of every update logged",
        "interpolated": "LR interpolated",
    }
    lines = [f"{run['run_id']}: {run['format']}, {run['total_steps']} updates, {lr.get(run['lr_from'], 'LR not known')}"]
    lines.append("  step: " + run["taken"].get("step", "rows in order"))
    if "lr" in run["taken"]:
        lines.append(f"  lr: {run['taken']['lr']}")
    for name, rows in run["rows"].items():
        lines.append(f"  {name}: {run['taken'].get(name, name)} ({rows} rows, last {run['last'][name]:.6g})")
    return lines + [f"  note: {note}" for note in run["notes"]]
