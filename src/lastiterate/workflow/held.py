"""Tables and figures held by their content: a step writes the digests of what it wrote beside it, in the folder's `.digests.json`.

Who reads a table checks it against its digest, and the workflow makes a file again whose bytes are not those that its step wrote.
"""

from collections.abc import Iterable
from pathlib import Path

from lastiterate.workflow.content import file_sha256, read_json, write_json

DIGESTS = ".digests.json"


def hold(paths: Iterable[Path]) -> None:
    """Write the digests of a step's outputs, after the outputs; those of other steps in the same folder stay."""
    by_folder: dict[Path, dict[str, str]] = {}
    for path in map(Path, paths):
        by_folder.setdefault(path.parent, {})[path.name] = file_sha256(path)
    for folder, digests in by_folder.items():
        write_json(folder / DIGESTS, read_json(folder / DIGESTS) | digests)


def check_held(paths: Iterable[Path]) -> None:
    """ValueError for a file that is not what its step wrote; one without a digest (of nobody's step) passes."""
    for path in map(Path, paths):
        stated = read_json(path.parent / DIGESTS).get(path.name)
        if stated is not None and (found := file_sha256(path)) != stated:
            raise ValueError(
                f"{path} is not what its step wrote: it was changed or cut since\n"
                f"  expected: sha256 {stated} ({path.parent / DIGESTS})\n  found:    sha256 {found}\n"
                "  next: run again, and it is made anew"
            )
