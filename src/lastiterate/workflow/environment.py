"""environment.yml from pyproject.toml and requirements.lock: the same direct dependencies at the same versions, for conda."""

import argparse
import re
import tomllib
from pathlib import Path

from lastiterate.workflow.files import replacing

PYTHON = "3.11"  # the oldest Python that the lock is made for, and the one that environment.yml pins
CONDA_NAMES = {"snakemake": "snakemake-minimal", "matplotlib": "matplotlib-base", "pandera": "pandera-pandas"}


def direct_dependencies(pyproject: Path) -> list[str]:
    """Names of the package's direct dependencies, in the order of pyproject.toml."""
    dependencies = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["dependencies"]
    return [re.match(r"[A-Za-z0-9_.-]+", dependency).group().lower() for dependency in dependencies]


def locked_versions(lock: Path) -> dict[str, str]:
    """Version of each package in a lock under `PYTHON` (a package may be locked at several, by Python version)."""
    versions = {}
    for name, version, marker in re.findall(r"^([\w.-]+)==([\w.]+)(?: ; (.*?))? \\$", lock.read_text(encoding="utf-8"), re.MULTILINE):
        if marker.startswith("python_full_version >="):
            continue
        versions[name.lower()] = version
    return versions


def environment(root: Path) -> str:
    """Text of environment.yml."""
    versions = locked_versions(root / "requirements.lock")
    lines = [f"  - {CONDA_NAMES.get(name, name)}={versions[name]}" for name in direct_dependencies(root / "pyproject.toml")]
    return (
        "# Generated from pyproject.toml and requirements.lock by `make lock`; do not edit.\n"
        "# conda env create -f environment.yml && conda activate lastiterate && snakemake\n"
        f"name: lastiterate\nchannels:\n  - conda-forge\n  - bioconda\ndependencies:\n  - python={PYTHON}\n" + "\n".join(lines) + "\n"
    )


def main() -> None:
    """Write environment.yml."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    with replacing(arguments.output) as temporary:
        temporary.write_text(environment(Path.cwd()), encoding="utf-8")


if __name__ == "__main__":
    main()
