"""Learning rate of the real run, from a sweep of smaller ones: across model size, tokens, batch and weight decay.

TABLE has a row per run (CSV or parquet): model size, tokens (or updates and batch), batch, peak learning rate, final loss, and where
they vary weight decay, schedule and others; columns are known by their names, or named with --map. Or it is a folder of full logs, with
what they do not hold in its runs.csv. The best learning rate of each group, a bound where it lies at the end of the swept range, is
carried to the real run with exponents fitted to this table; what the table does not identify leans on a weak prior, and is named with
the runs that would tell. If the table cannot tell the learning rate, the command refuses (status 2) and says why.

example:
  lastiterate transfer sweep.csv --n-params 1B --tokens 20B --batch 512
  lastiterate transfer sweep.csv --n-params 1B --tokens 20B --batch 512 --map loss=val_loss --out answer
"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from lastiterate._checks import check_choice
from lastiterate._progress import Progress
from lastiterate.commands.common import add_json, add_limits, add_settings, limits_of, out_folder, print_json
from lastiterate.logs.columns import ROLES as LOG_ROLES
from lastiterate.transfer.answer import transfer_lr
from lastiterate.transfer.from_logs import read_logs
from lastiterate.transfer.report import describe, report, write
from lastiterate.transfer.runs import Sweep
from lastiterate.transfer.table import ROLES, number, read_table


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("table", type=Path, metavar="TABLE", help="table of final losses, or a folder of logs")
    parser.add_argument("--n-params", type=_amount, required=True, metavar="N", help="parameters of the real run's model (1.3B, 350M)")
    parser.add_argument("--tokens", type=_amount, required=True, metavar="D", help="tokens of the real run (20B)")
    parser.add_argument("--batch", type=_amount, metavar="B", help="its batch, as the table counts it (default: the table's, or its best)")
    parser.add_argument("--weight-decay", type=_decay, metavar="W", help="its weight decay (default: the table's commonest)")
    parser.add_argument(
        "--like", type=_pair, action="append", default=[], metavar="COLUMN=VALUE", help="another setting of it, such as schedule=wsd "
        "(default: the table's commonest)",
    )  # fmt: skip
    parser.add_argument(
        "--map", type=_pair, action="append", default=[], metavar="WHAT=COLUMN",
        help=f"which column is what ({', '.join(ROLES)}); of logs, as in lastiterate read",
    )  # fmt: skip
    parser.add_argument("--by", action="append", default=[], metavar="COLUMN", help="a column that tells settings apart (architectures)")
    parser.add_argument("--budget", type=float, default=0.05, metavar="X", help="share of its cost for the next runs (default: 0.05)")
    parser.add_argument("--level", type=float, default=0.9, help="probability of the intervals (default: 0.9)")
    parser.add_argument("--explain", action="store_true", help="say what was taken for what as well")
    parser.add_argument("--out", type=out_folder, metavar="FOLDER", help="write transfer.json and groups.csv here")
    add_settings(parser)
    add_limits(parser)
    add_json(parser)


def run(arguments: Namespace) -> None:
    """Read, transfer, write, print."""
    with Progress("transfer"):
        answer = transfer_lr(
            _read(arguments), arguments.n_params, arguments.tokens, arguments.batch, arguments.weight_decay,
            like=dict(arguments.like), level=arguments.level, budget=arguments.budget,
        )  # fmt: skip
    written = write(answer, arguments.out) if arguments.out else []
    if arguments.json:
        print_json(report(answer) | {"files": [str(path) for path in written]})
        return
    print(describe(answer, arguments.explain))
    for path in written:
        print(f"wrote {path}")


def _read(arguments: Namespace) -> Sweep:
    path, logs = arguments.table, arguments.table.is_dir()
    if logs and (path / "runs.parquet").is_file():
        path, logs = path / "runs.parquet", False
    known = LOG_ROLES if logs else ROLES
    for role, _ in arguments.map:
        check_choice("--map", role, tuple(known))
    if logs:
        if arguments.by:
            raise ValueError("--by names a column of a table: logs have their settings in runs.csv")
        return read_logs([path], dict(arguments.map), arguments.settings, limits_of(arguments))
    if arguments.settings:
        raise ValueError("--settings is about a folder of logs: a table has its settings in columns (--map)")
    return read_table(path, dict(arguments.map), arguments.by)


def _amount(text: str) -> float:
    try:
        value = number(text, "it")
    except ValueError:
        value = 0.0
    if not value > 0:
        raise ArgumentTypeError(f"{text!r} is not a positive number such as 350M, 1.3B or 2e10")
    return value


def _decay(text: str) -> float:
    try:
        return number(text, "it")
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a weight decay such as 0.1") from None


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value
