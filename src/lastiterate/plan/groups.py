"""Runs of several settings in one folder: which groups they make, and how each is asked for."""

from collections.abc import Sequence
from itertools import takewhile

from lastiterate.plan.pilots import SETTINGS, Pilot


def choices(pilots: Sequence[Pilot]) -> list[str]:
    """For each group of runs with equal settings, the largest first, how many there are and the --only that takes them alone.

    Groups whose ids do not begin with a text of their own are called by one of them.
    """
    groups: dict[tuple, list[str]] = {}
    for pilot in pilots:
        groups.setdefault(tuple(pilot.settings.get(name) for name in SETTINGS), []).append(pilot.run_id)
    found = []
    for ids in sorted(groups.values(), key=len, reverse=True):
        begin = "".join(letters[0] for letters in takewhile(lambda letters: len(set(letters)) == 1, zip(*ids, strict=False)))
        alone = begin and not any(begin in run_id for other in groups.values() if other is not ids for run_id in other)
        found.append(f"{len(ids)} with --only '{begin}'" if alone else f"{len(ids)} such as {ids[0]}")
    return found
