"""From which release of a trainer a text holds: `--trainer-version`, the newest that was read by default."""

import re
from collections.abc import Collection


def choose(title: str, versions: dict[str, str], asked: str | None) -> str:
    """The release in `versions` whose settings a trainer of version `asked` takes; the newest if that is None.

    Parameters
    ----------
    title : str
        The trainer's name, for errors.
    versions : dict
        First release of each state of its settings, oldest first, and what is new in it.
    asked : str or None
        A release such as "4.48.3", or a date such as "2026-05" where the trainer has no releases.

    Raises
    ------
    ValueError
        If it is no version, or older than all that were read.

    >>> choose("Hugging Face transformers", {"4.44": "", "4.49": ""}, "4.48.3")
    '4.44'
    """
    names = list(versions)
    if asked is None:
        return names[-1]
    wanted, known = _parts(title, asked, names), [name for name in names if _parts(title, name, names) <= _parts(title, asked, names)]
    if not known:
        raise ValueError(
            f"trainer_version={asked!r} of {title} is older than what settings are written for: expected {names[0]} or later "
            f"({', '.join(names)}), got {'.'.join(map(str, wanted))}; on the command line --trainer-version"
        )
    return known[-1]


def holds_from(title: str, versions: dict[str, str], version: str, same: Collection[str] = ()) -> str:
    """The note that says so: from the first to the last of the states around `version` that have the `same` settings.

    It says what is new in the first, unless that is only the oldest that was read.

    >>> holds_from("nanotron", {"0.3": "linear", "0.5": "1-sqrt"}, "0.5", {"0.3", "0.5"})
    'for nanotron 0.3 and later'
    """
    names = list(versions)
    first = last = names.index(version)
    while first > 0 and names[first - 1] in same:
        first -= 1
    while last + 1 < len(names) and names[last + 1] in same:
        last += 1
    until = f", before {names[last + 1]}" if last + 1 < len(names) else ""
    what = f": {versions[names[first]]}" if first or names[0] == version else ""
    return f"for {title} {names[first]} and later{until}{what}"


def _parts(title: str, version: str, names: list[str]) -> tuple[int, ...]:
    """A release as numbers to compare; what precedes them (v, core_v) and follows them (rc1, .dev0) is left out."""
    numbers = []
    for part in re.sub(r"^[A-Za-z_]*v", "", str(version).strip()).replace("-", ".").split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    if not numbers:
        raise ValueError(f"trainer_version={version!r} of {title} is not a version: expected one like {names[-1]}")
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
