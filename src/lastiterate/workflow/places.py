"""Where files are: the workflow runs in any folder, and takes from the project what is not there."""

import os
from collections.abc import Iterable
from pathlib import Path

from lastiterate.workflow.content import digest_of, signature

LARGEST = 2**30  # bytes; a larger file is known by its signature, as it would take too long to read


def located(path: Path | str, project: Path) -> str:
    """A file or folder that a config names: of the working directory; else the project's, if it has one of that name.

    >>> located("no/such/file", Path("/tmp"))
    'no/such/file'
    """
    own = Path(path)
    return str(own if own.exists() or not (project / own).exists() else project / own)


def plain(path: str) -> str:
    """A path as Snakemake takes it where braces are no wildcards.

    >>> plain("runs/a{b}")
    'runs/a{{b}}'
    """
    return path.replace("{", "{{").replace("}", "}}")


def digest_below(paths: Iterable[str]) -> str:
    """Digest over files and over what lies below folders: a changed byte, a new or renamed file changes it. Hidden files do not count."""
    files = [file for path in map(Path, paths) for file in (_below(path) if path.is_dir() else [path])]
    large = [f"{file} {signature(file)}" for file in files if file.exists() and file.stat().st_size > LARGEST]
    return " ".join([digest_of(file for file in files if not file.exists() or file.stat().st_size <= LARGEST), *map(str, files), *large])


def _below(folder: Path) -> list[Path]:
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(place) / name for name in sorted(names) if not name.startswith(".")]
    return found
