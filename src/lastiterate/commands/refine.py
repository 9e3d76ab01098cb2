"""Schedule for the next run from the gradient norms that the last one logged.

LOG is a log of any format that `lastiterate read` knows, with gradient norms in it.
Prints what the refined schedule looks like; --out writes it as CSV with the columns step and lr_factor (1 at the peak).

example:
  lastiterate refine log.csv --grad-norm-column train/grad_norm --out schedule.csv
"""

import re
from argparse import ArgumentParser, Namespace
from pathlib import Path

import numpy as np

from lastiterate._progress import Progress
from lastiterate.commands.common import add_choice, add_json, add_limits, add_settings, limits_of, out_file, print_json
from lastiterate.logs import LogError, RunLog, read
from lastiterate.refine import Refined, refine
from lastiterate.workflow.files import write_csv

POWERS = {"l2": -2, "l1": -1}


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("log", type=Path, metavar="LOG", help="a log, of any format that `lastiterate read` knows")
    parser.add_argument("--grad-norm-column", metavar="NAME", help="column of the norms (default: recognised by its name)")
    parser.add_argument("--step-column", metavar="NAME", help="column of the update counts (default: recognised by its name)")
    parser.add_argument("--run-id", metavar="ID", help="which run of a log that holds several")
    add_choice(parser, "--norm", POWERS, default="l2", metavar="NORM", help="l2, or l1 for Adam and its like (default: l2)")
    parser.add_argument("--smoothing", type=float, default=0.1, metavar="TAU", help="running median, fraction of the run (default: 0.1)")
    parser.add_argument("--total-steps", type=int, metavar="T", help="updates of the run (default: the log's)")
    parser.add_argument("--drop-invalid", action="store_true", help="leave out zero, negative, NaN and infinite norms, and count them")
    parser.add_argument("--out", type=out_file, metavar="CSV", help="write the schedule here, whole or not at all")
    add_settings(parser)
    add_limits(parser)
    add_json(parser)


def run(arguments: Namespace) -> None:
    """Refine, write, print."""
    with Progress("read the norms"):
        step, norm, total_steps, notes = read_norms(arguments)
    wanted = total_steps if arguments.total_steps is None else arguments.total_steps
    options = {"step": step, "total_steps": wanted, "drop_invalid": arguments.drop_invalid}
    try:
        with Progress(f"refine {norm.size} norms"):
            refined = refine(norm, arguments.smoothing, POWERS[arguments.norm], **options)
    except ValueError as error:
        raise ValueError(_in_words_of_the_command(str(error))) from None
    if refined.dropped:
        notes.append(f"{refined.dropped} of {norm.size} norms were invalid: left out")
    if arguments.out:
        with Progress("write"):
            write_csv(arguments.out, {"step": np.arange(1, refined.lr.size + 1), "lr_factor": refined.lr})
    if arguments.json:
        report = {"log": str(arguments.log), "norms": int(norm.size) - refined.dropped, "norm": arguments.norm}
        report |= {"total_steps": int(refined.lr.size), **refined.diagnosis._asdict(), "notes": notes}
        print_json(report | {"out": str(arguments.out) if arguments.out else None})
    else:
        print(describe(refined, arguments, notes))


def _in_words_of_the_command(message: str) -> str:
    """The library's message with the command's options for its arguments."""
    message = message.replace("drop_invalid=True", "--drop-invalid")
    return re.sub(r"\b(total_steps|smoothing)\b(=?)", lambda found: "--" + found[1].replace("_", "-") + " " * bool(found[2]), message)


def read_norms(arguments: Namespace) -> tuple[np.ndarray, np.ndarray, int, list[str]]:
    """(step, grad_norm, total_steps, notes) of the log's run; ValueError that names the file and what is wrong with it.

    A norm that is not finite is in them, as NaN, unless invalid ones are to be left out.
    """
    role = "grad_norm_l1" if arguments.norm == "l1" and not arguments.grad_norm_column else "grad_norm"
    mapping = {role: arguments.grad_norm_column, "step": arguments.step_column}
    try:
        run = _only_run(arguments, {role: name for role, name in mapping.items() if name})
    except LogError as error:
        if error.where == "columns":
            raise ValueError(f"{error}: choose with --grad-norm-column, --step-column") from None
        raise
    if role not in run.series and role == "grad_norm_l1":
        role = "grad_norm"  # the caller says that the log's only norms are l1
    if role not in run.series and "grad_norm_l1" in run.series:
        raise ValueError(f"{arguments.log}: its norms are l1 ({run.taken['grad_norm_l1']}): refine them with --norm l1")
    if role not in run.series:
        raise ValueError(f"{arguments.log}: has no gradient norms, but {', '.join(run.series)}: choose with --grad-norm-column")
    step, norm = run.series[role]
    if run.branch_step:
        raise ValueError(f"{arguments.log}: begins at step {step[0]}, resumed from {run.resumed_from}: join the norms of both into one CSV")
    if role in run.invalid and not arguments.drop_invalid:
        order = np.argsort(step := np.concatenate([step, run.invalid[role]]))
        step, norm = step[order], np.concatenate([norm, np.full(run.invalid[role].size, np.nan)])[order]
    notes = [note.message for note in run.notes if note.where in ("step", run.taken.get("step"), run.taken.get(role))]
    if role == "grad_norm" and arguments.norm == "l2" and re.search(r"l1(?!\d)", run.taken.get(role, "").lower()):
        notes.append(f"{run.taken[role]} is an l1 norm by its name, taken for l2: say --norm l1 if it is one")
    step, norm = step[step > 0], norm[step > 0]
    return step, norm, run.total_steps, notes + _late_start(step)


def _only_run(arguments: Namespace, mapping: dict[str, str]) -> RunLog:
    """The run of the log, or the one of them that is wanted."""
    found = None
    for run in read(arguments.log, mapping, settings=arguments.settings, limits=limits_of(arguments)):
        if arguments.run_id in (run.run_id, run.name):
            return run
        if arguments.run_id is None and found:
            raise ValueError(f"{arguments.log}: holds several runs, such as {found.run_id} and {run.run_id}: choose one with --run-id")
        found = run
    if arguments.run_id is not None:
        raise ValueError(f"{arguments.log}: has no run {arguments.run_id!r}; the last of its runs is {found.run_id}: correct --run-id")
    return found


def _late_start(step: np.ndarray) -> list[str]:
    interval = np.median(np.diff(step)) if step.size > 1 else 1
    late = step[0] > 2.5 * interval
    return [f"no norms before update {step[0]}: the first is used from the start"] if late else []


def describe(refined: Refined, arguments: Namespace, notes: list[str]) -> str:
    """The diagnosis in words."""
    found, off = refined.diagnosis, f"off by {refined.diagnosis.decay_error:.3f} of the peak"
    lines = [f"note: {note}" for note in notes]
    lines.append(
        f"{refined.lr.size} updates, {arguments.norm} norms: warmup {found.warmup:.1%}, then about (1 - x)^{found.decay_power:.2f} ({off})"
    )
    if found.degenerate:
        lines.append(
            f"warning: degenerate, half of the learning rate falls after {found.half:.0%} of the run, later than a constant one: the norms "
            "fall too far, as they do in a model that memorises its data; prefer linear decay"
        )
    else:
        lines.append(f"half of the learning rate is spent after {found.half:.0%} of the run (linear decay: 29%)")
    if arguments.out:
        lines.append(f"schedule: {arguments.out} (step, lr_factor)")
    return "\n".join(lines)
