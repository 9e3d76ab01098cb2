"""Schedule, cooldown and base learning rate for the real run, from the logs of pilot runs.

RUNS are log files or folders of them, in any format of `lastiterate read`; a log without learning rates needs --executed.
The plan says which schedule to run and how sure that is, predicts the final loss, names the next pilot to make (within --budget)
and what it would decide, and compares with cosine, wsd and linear; --explain adds the rules with their sources. If the evidence
is too thin it refuses (status 2) and says what is missing.
--out gets plan.json, schedule.csv (the learning rate of every update), tables, figures and trainer settings.

example:
  lastiterate plan runs/ --horizon 200k --init-std 0.02 --weight-decay 0.1 --out plan
  lastiterate plan runs/ --horizon 200k --from-step 40k --schedule wsd --trainer hf --out plan
  lastiterate plan runs/ bare.csv --horizon 200k --executed 'bare={"family": "wsd", "total_steps": 20000, "peak_lr": 0.0005}'
"""

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from importlib.util import find_spec
from pathlib import Path

from lastiterate._checks import check_number
from lastiterate._extras import optional
from lastiterate._progress import Progress
from lastiterate._terminal import titled
from lastiterate.commands.common import add_choice, add_json, add_limits, add_settings, column_pair, limits_of, out_folder, print_json
from lastiterate.commands.steps import steps
from lastiterate.laws import LAWS
from lastiterate.plan.candidates import FAMILIES
from lastiterate.plan.compare import compare
from lastiterate.plan.load import load_pilots
from lastiterate.plan.next_pilot import BUDGET
from lastiterate.plan.planner import Plan, TooThin, folded, make_plan
from lastiterate.plan.screen import explained, screen
from lastiterate.plan.settings import Made, make_settings
from lastiterate.plan.write import report, write
from lastiterate.schedules import Schedule
from lastiterate.schedules.export import TOLERANCE, TRAINERS, check_version
from lastiterate.schedules.stated import read_schedule

MOST_REASONS = 8  # why logs were left out, in a refusal


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUNS", help="logs of pilot runs: files, or folders of them")
    parser.add_argument("--horizon", type=steps, required=True, metavar="T", help="updates of the run to plan (200k, 1.5M)")
    parser.add_argument("--from-step", type=steps, metavar="N", help="continue a pilot from its checkpoint after update N")
    parser.add_argument("--pilot", metavar="ID", help="the pilot that is continued (default: the longest at its peak LR there)")
    add_choice(parser, "--schedule", FAMILIES, metavar="FAMILY", help="only schedules of this family (default: any): %(choices)s")
    add_choice(parser, "--trainer", TRAINERS, metavar="TRAINER", help="write settings for this trainer (see lastiterate export)")
    parser.add_argument("--trainer-version", metavar="VERSION", help="the trainer's release (default: the newest that was read)")
    parser.add_argument(
        "--nearest", action="store_true", help="where the trainer cannot execute the plan: take the nearest, instead of noting it only"
    )
    parser.add_argument(
        "--tolerance", type=float, default=TOLERANCE, metavar="X",
        help=f"how far off the trainer may be, a fraction of the peak LR (default: {TOLERANCE:g})",
    )  # fmt: skip
    add_choice(parser, "--law", LAWS, metavar="LAW", help="loss law (default: all that are plausible, weighted): %(choices)s")
    parser.add_argument(
        "--init-std", type=float, metavar="S", help="standard deviation of the initial weights, for laws of the weight norm"
    )
    parser.add_argument("--weight-decay", type=float, metavar="W", help="AdamW's weight decay, for the same")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="TEXT",
        help="use runs whose id contains TEXT, in which * stands for anything (any of several)",
    )
    parser.add_argument("--map", type=column_pair, action="append", default=[], metavar="WHAT=COLUMN", help="as in lastiterate read")
    parser.add_argument(
        "--executed", type=_stated, action="append", default=[], metavar="RUN=SCHEDULE",
        help="what a run executed whose log does not tell: its id, and its schedule as for lastiterate export",
    )  # fmt: skip
    parser.add_argument(
        "--compare", type=_stated, action="append", default=[], metavar="NAME=SCHEDULE",
        help="a setting to choose between, under a name of your own: predicted, ranked and told apart (repeatable)",
    )  # fmt: skip
    parser.add_argument(
        "--budget", type=float, default=BUDGET, metavar="X", help=f"share of the run's cost for the next pilot (default: {BUDGET:g})"
    )
    parser.add_argument("--level", type=float, default=0.9, help="probability of the interval (default: 0.9)")
    parser.add_argument("--explain", action="store_true", help="say the rules with their sources, all notes and what was left out as well")
    parser.add_argument("--no-figures", action="store_true", help="write no figures")
    parser.add_argument("--out", type=out_folder, metavar="FOLDER", help="write the plan here")
    add_settings(parser)
    add_limits(parser)
    add_json(parser)


def run(arguments: Namespace) -> None:
    """Read, plan, write, print."""
    if arguments.out and not arguments.no_figures:
        with optional():
            import matplotlib  # noqa: F401  (before the work, not after it)
    if arguments.trainer and not arguments.out:
        raise ValueError("--trainer writes settings: say where with --out FOLDER")
    if not arguments.trainer and (arguments.nearest or arguments.trainer_version or arguments.tolerance != TOLERANCE):
        raise ValueError("--nearest, --tolerance and --trainer-version are about the settings of a trainer: name it with --trainer")
    if arguments.trainer:
        check_version(arguments.trainer, arguments.trainer_version)
    check_number("--tolerance", arguments.tolerance, "it is a fraction of the peak learning rate")
    executed = {run_id: read_schedule(schedule, f"--executed {run_id}") for run_id, schedule in arguments.executed}
    with Progress("read the pilots"):
        pilots, left_out = load_pilots(
            arguments.runs, dict(arguments.map) or None, executed=executed, settings=arguments.settings, limits=limits_of(arguments)
        )
    if arguments.only:
        patterns = [re.compile(".*".join(map(re.escape, text.split("*")))) for text in arguments.only]
        wanted = lambda text: any(pattern.search(text) for pattern in patterns)
        read, pilots, left_out = pilots, [pilot for pilot in pilots if wanted(pilot.run_id)], [text for text in left_out if wanted(text)]
        if read and not (pilots or left_out):
            texts, some = " or ".join(map(repr, arguments.only)), ", ".join(one.run_id for one in read[:3])
            raise ValueError(f"--only {texts}: none of {len(read)} runs has an id with that in it, such as {some} (* stands for anything)")
    if not pilots:
        raise TooThin("the evidence is too thin: no usable run" + _lacking(left_out))
    try:
        with Progress(f"plan from {len(pilots)} pilots"):
            plan = make_plan(
                pilots, arguments.horizon, from_step=arguments.from_step, run_id=arguments.pilot, family=arguments.schedule,
                law=arguments.law, init_std=arguments.init_std, weight_decay=arguments.weight_decay, level=arguments.level,
                trainer=arguments.trainer, budget=arguments.budget,
            )  # fmt: skip
    except TooThin as error:
        raise TooThin(str(error) + _lacking(left_out, "left out: ")) from None
    wanted = _compared(arguments.compare)
    compared = compare(plan, wanted) if wanted else None
    made = _settings(plan, arguments) if arguments.trainer else []
    with Progress("write"):
        written = write(plan, arguments.out, made, not arguments.no_figures, compared) if arguments.out else []
    if arguments.json:
        print_json(report(plan, made, compared) | {"left_out": left_out, "files": [str(path) for path in written]})
        return
    print(screen(plan, compared, left_out))
    own = plan.schedule.warmup_steps
    if other := [name for name, schedule in wanted.items() if schedule.warmup_steps != own]:
        print(titled("note", f"{', '.join(other)}: another warmup than the pilots' {own} updates, whose effect the laws do not know"))
    for prefix, one in zip(("", "next_pilot_"), made, strict=False):
        if one.reason:
            how = "the nearest that it can, as you asked" if one.taken else "only notes, with the nearest that it can (--nearest takes it)"
            print(titled("note", f"{one.reason}; {prefix}settings_{one.settings.trainer}.txt holds {how}"))
    if written:
        page = "" if arguments.no_figures or find_spec("plotly") else " (and plan.html with pip install 'lastiterate[html]')"
        print(titled("wrote", f"{arguments.out}: {', '.join(path.name for path in written)}{page}"))
    if arguments.explain:
        print(explained(plan, left_out))


def _lacking(left_out: list[str], what: str = "") -> str:
    """Lines for a refusal: the first reasons why logs were left out."""
    texts = folded(left_out)
    lines = [f"\n- {what}{text}" for text in texts[:MOST_REASONS]]
    return "".join(lines) + (
        f"\n- {what}for the like, {len(texts) - MOST_REASONS} more groups of logs" if len(texts) > MOST_REASONS else ""
    )


def _settings(plan: Plan, arguments: Namespace) -> list[Made]:
    """The trainer's settings of the run, and of the next pilot."""
    runs = [(plan.schedule, plan.start_step)] + ([(plan.next_pilot.pilot.schedule, 0)] if plan.next_pilot else [])
    trainer, options = arguments.trainer, {"take_nearest": arguments.nearest, "version": arguments.trainer_version}
    return [make_settings(schedule, trainer, arguments.tolerance, start_step=start, **options) for schedule, start in runs]


def _compared(pairs: list[tuple[str, str]]) -> dict[str, Schedule]:
    """The schedules by name; ValueError for a name that is given twice."""
    names = [name for name, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"--compare {twice[0]}: is given twice: name each setting once")
    return {name: read_schedule(text, f"--compare {name}") for name, text in pairs}


def _stated(text: str) -> tuple[str, str]:
    """(run id or name, schedule); both may hold "=": a schedule begins with "{", is "-", has ":" before its first "=", or has no "="."""
    splits = [(text[: found.start()], text[found.end() :]) for found in re.finditer("=", text)]
    begins = [(run_id, schedule) for run_id, schedule in splits if re.match(r"\{|-$|[^=]*:", schedule)]
    run_id, schedule = (begins or splits[-1:] or [("", "")])[0]
    if not run_id or not schedule:
        raise ArgumentTypeError(f"{text!r} is not NAME=SCHEDULE")
    return run_id, schedule
