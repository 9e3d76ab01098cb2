"""What commands share: kinds of arguments, schedules from JSON, and JSON out."""

import inspect
import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Collection
from pathlib import Path

from lastiterate._checks import check_choice
from lastiterate.logs.columns import ROLES
from lastiterate.schedules import FAMILIES, Schedule


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


def column_pair(text: str) -> tuple[str, str]:
    """(role, column) from WHAT=COLUMN; ArgumentTypeError for anything else."""
    role, equals, name = text.partition("=")
    if not equals or role not in ROLES or not name:
        raise ArgumentTypeError(f"{text!r} is not WHAT=COLUMN with WHAT one of {', '.join(ROLES)}")
    return role, name


def print_json(report: dict, **options) -> None:
    """Print one JSON document; ValueError for a number that JSON does not have (NaN, infinity)."""
    print(json.dumps(report, allow_nan=False, **options))


def read_schedule(text: str, source: str = "--schedule") -> Schedule:
    """The schedule that JSON, or a file of JSON, describes; ValueError that says what is wrong with it and where (`source`).

    It is a family of `lastiterate.schedules` with its arguments, what ``Schedule.to_json`` writes, or a plan.json.
    """
    content = text
    if not text.lstrip().startswith("{"):
        source, content = text, Path(text).read_bytes()
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{source}: not JSON: {error}") from None
    if isinstance(data, dict) and isinstance(data.get("recommended"), dict):
        data = data["recommended"].get("schedule")
    if not isinstance(data, dict) or "family" not in data:
        try:
            return Schedule.from_json(json.dumps(data))
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from None
    family = FAMILIES[check_choice("family", data.pop("family"), tuple(FAMILIES))]
    try:
        inspect.signature(family).bind(**data)
    except TypeError as error:
        raise ValueError(f"{source}: {family.__name__}: {error}; it takes {', '.join(inspect.signature(family).parameters)}") from None
    return family(**data)
