"""A schedule that a person states: as JSON, or in a file of it."""

import inspect
import json
from pathlib import Path

from lastiterate._checks import check_choice
from lastiterate.schedules import FAMILIES, Schedule


def read_schedule(text: str, source: str = "--schedule", folder: Path | str = ".") -> Schedule:
    """The schedule that JSON, or a file of JSON below `folder`, describes; ValueError that says what is wrong with it and where (`source`).

    It is a family of `lastiterate.schedules` with its arguments, what ``Schedule.to_json`` writes, or a plan.json.

    >>> read_schedule('{"family": "wsd", "total_steps": 100, "cooldown": 0.2}').decay_steps
    19
    """
    content = text
    if not text.lstrip().startswith("{"):
        source, content = text, (Path(folder) / text).read_bytes()
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
