"""What commands share: kinds of arguments, schedules from JSON, and JSON out."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Collection
from pathlib import Path

from lastiterate._checks import check_choice
from lastiterate.logs.columns import ROLES


def add_choice(parser: ArgumentParser, name: str, choices: Collection[str], **options) -> None:
    """Add an option that takes one of `choices`; its error names the nearest of them."""

    def choice(text: str) -> str:
        try:
            return check_choice(name, text, tuple(choices))
        except ValueError as error:
            raise ArgumentTypeError(str(error)) from None

    parser.add_argument(name, type=choice, choices=tuple(choices), **options)


def add_json(parser: ArgumentParser) -> None:
    """Add the option --json, which every command has that reports something."""
    parser.add_argument("--json", action="store_true", help="print the result as one JSON document, and nothing else")


def add_settings(parser: ArgumentParser) -> None:
    """Add the option --settings, which every command has that reads logs."""
    parser.add_argument(
        "--settings", type=Path, metavar="CSV", help="table of what the logs do not hold: run, model, n_params, batch, weight_decay, "
        "optimizer, seed, parent, schedule (default: runs.csv in the folder)",
    )  # fmt: skip


def column_pair(text: str) -> tuple[str, str]:
    """(role, column) from WHAT=COLUMN; ArgumentTypeError for anything else."""
    role, equals, name = text.partition("=")
    if not equals or role not in ROLES or not name:
        raise ArgumentTypeError(f"{text!r} is not WHAT=COLUMN with WHAT one of {', '.join(ROLES)}")
    return role, name


def print_json(report: dict, **options) -> None:
    """Print one JSON document; ValueError for a number that JSON does not have (NaN, infinity)."""
    print(json.dumps(report, allow_nan=False, **options))
