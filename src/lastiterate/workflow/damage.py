"""Files that are no longer what their step wrote, and how often each step had to be run again for that."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from lastiterate.workflow.content import STATE, known_hashes, read_json, write_json
from lastiterate.workflow.held import DIGESTS

REMAKES = STATE / "remakes.json"


def remakes(steps: Mapping[str, Iterable[str]], look: bool = True, state: Path = REMAKES) -> tuple[dict[str, int], list[str]]:
    """How often each step had to be run again because an output was found damaged, and the outputs that are found so now.

    Parameters
    ----------
    steps : mapping
        The outputs of each step. One that is not there is not damaged: it will be made anyway.
    look : bool
        Whether to look at the outputs. While steps are running, the counts are only read.
    state : Path
        Where the counts are kept. As a param of the step's rule, a count that grows makes Snakemake run the step again, once:
        the same damage is counted once, however often the workflow is read before it is mended.
    """
    known = read_json(state)
    if not look:
        return {step: known.get(step, NONE)["count"] for step in steps}, []
    found = known_hashes(Path(path) for paths in steps.values() for path in paths)
    stated: dict[Path, dict] = {}
    kept, damaged = dict(known), []
    for step, outputs in steps.items():
        wrong = {}
        for path in map(Path, outputs):
            if path.parent not in stated:
                stated[path.parent] = read_json(path.parent / DIGESTS)
            if path in found and stated[path.parent].get(path.name) != found[path]:
                wrong[str(path)] = found[path]
        entry = known.get(step, NONE)
        if wrong != entry["damage"]:
            kept[step] = {"count": entry["count"] + bool(wrong), "damage": wrong}
        damaged += wrong
    if kept != known:
        write_json(state, kept)
    return {step: kept.get(step, NONE)["count"] for step in steps}, damaged


NONE = {"count": 0, "damage": {}}
