"""Schedule families of the user's own in config.yaml: that they are there, and the code that a step depends on for them."""

import hashlib
from collections.abc import Iterator
from typing import Any


def own_families(parameters: Any, schema: dict[str, Any], where: str = "") -> dict[str, str]:
    """Digests of the files in which families are written that are not this package's, by the name that `parameters` calls them.

    A schedule is an entry of a key `schedules`; the names of this package's families are in the schema. What the files import is not
    looked at. ValueError that names the key, for a family that is not there. A schema that does not let a user's families in, as that of
    training configs, has none of them.
    """
    if "known_schedule" not in schema.get("$defs", {}):
        return {}
    known = schema["$defs"]["known_schedule"]["properties"]["family"]["enum"]
    found: dict[str, str] = {}
    for key, name in _families(parameters, where):
        if name in known:
            continue
        from lastiterate.schedules.own import source_of  # here: who has no family of his own need not wait for numpy

        try:
            found[name] = hashlib.sha256(source_of(name).read_bytes()).hexdigest()[:16]
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from error
    return found


def _families(part: Any, where: str) -> Iterator[tuple[str, str]]:
    """(key, name) of every schedule's family."""
    for key, value in part.items() if isinstance(part, dict) else ():
        inside = f"{where}.{key}".lstrip(".")
        if key == "schedules" and isinstance(value, dict):
            for name, schedule in value.items():
                if isinstance(schedule, dict) and isinstance(schedule.get("family"), str):
                    yield f"{inside}.{name}.family", schedule["family"]
        else:
            yield from _families(value, inside)
