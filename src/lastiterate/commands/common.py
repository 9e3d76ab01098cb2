"""What commands share: kinds of arguments, where output goes, and JSON out. A file to read may be "-", standard input."""

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Collection
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from lastiterate._checks import check_choice
from lastiterate.logs.columns import ROLES
from lastiterate.logs.limits import Limits, limit_pair

Value = TypeVar("Value")


def add_choice(parser: ArgumentParser, name: str, choices: Collection[str], **options) -> None:
    """Add an option that takes one of `choices`; its error names the nearest of them."""

    def choice(text: str) -> str:
        return as_argument(check_choice, name, text, tuple(choices))

    parser.add_argument(name, type=choice, choices=tuple(choices), **options)


def as_argument(check: Callable[..., Value], *arguments: Any) -> Value:
    """What a check returns; its ValueError as the ArgumentTypeError that the parser reports with the option's name."""
    try:
        return check(*arguments)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def add_json(parser: ArgumentParser) -> None:
    """Add the option --json, which every command has that reports something."""
    parser.add_argument("--json", action="store_true", help="print the result as one JSON document, and nothing else")


def add_settings(parser: ArgumentParser) -> None:
    """Add the option --settings, which every command has that reads logs."""
    parser.add_argument(
        "--settings", type=Path, metavar="CSV", help="table of what the logs do not hold: run, model, n_params, batch, weight_decay, "
        "optimizer, seed, parent, schedule (default: runs.csv in the folder)",
    )  # fmt: skip


def add_limits(parser: ArgumentParser) -> None:
    """Add the option --limit, which every command has that reads logs."""
    most = ", ".join(f"{one.name}={one.default:g}" for one in fields(Limits))
    parser.add_argument(
        "--limit", type=limit_pair, action="append", default=[], metavar="NAME=N", help=f"how much one log may take (default: {most})"
    )


def limits_of(arguments: Namespace) -> Limits:
    """The limits that the command line states."""
    return Limits().with_pairs(arguments.limit)


def column_pair(text: str) -> tuple[str, str]:
    """(role, column) from WHAT=COLUMN; ArgumentTypeError for anything else."""
    role, equals, name = text.partition("=")
    if not equals or not name:
        raise ArgumentTypeError(f"{text!r} is not WHAT=COLUMN with WHAT one of {', '.join(ROLES)}")
    return as_argument(check_choice, "--map", role, ROLES), name


def print_json(report: dict, **options) -> None:
    """Print one JSON document; ValueError for a number that JSON does not have (NaN, infinity)."""
    print(json.dumps(report, allow_nan=False, **options))


def out_file(text: str) -> Path:
    """A file to write; ArgumentTypeError if a folder is there, or a file where one of its folders should be."""
    path = Path(text)
    _check_not_stdout(text)
    if path.is_dir() or not path.name:
        raise ArgumentTypeError(f"{text!r} is a folder: give the name of a file to write, such as {path / 'out.txt'}")
    _check_folder(path.parent, text)
    return path


def out_folder(text: str) -> Path:
    """A folder to write into; ArgumentTypeError if a file is there, or where one of its folders should be."""
    path = Path(text)
    _check_not_stdout(text)
    _check_folder(path, text)
    return path


OUTPUTS = ("out", "plot", "csv")


def check_inputs_are_kept(arguments: Namespace) -> None:
    """ValueError if what a command writes would replace what it reads, or lie among the logs of a folder that it reads."""
    given = vars(arguments)
    words = [word for name, value in given.items() if name not in OUTPUTS for word in (value if isinstance(value, list) else [value])]
    read = [word for word in words if isinstance(word, str | Path)]
    for name in OUTPUTS:
        if (target := given.get(name)) is not None and any(_same(target, word) for word in read):
            what = "a folder that is read: what is written would be taken for logs" if target.is_dir() else "a file that is read"
            raise ValueError(f"--{name}: {target} is {what}: give another name")


def _same(one: Path, other: str | Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):  # one of them is not there, or no name at all
        return False


def _check_not_stdout(text: str) -> None:
    if text == "-":
        raise ArgumentTypeError("what is written to a file is whole or absent, so that - (standard output) is none: give a name")


def _check_folder(path: Path, text: str) -> None:
    there = next((folder for folder in (path, *path.parents) if folder.exists()), None)
    if there is not None and not there.is_dir():
        raise ArgumentTypeError(f"{text!r}: {there} is a file, expected a folder: give another name, or move it away")
