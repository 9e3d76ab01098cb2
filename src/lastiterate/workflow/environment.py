"""environment.yml and environment-train.yml from pyproject.toml and the locks: the same direct dependencies and versions, for conda."""

import argparse
import re
import tomllib
from pathlib import Path

from lastiterate.workflow.files import replacing

PYTHON = "3.11"  # the oldest Python that the lock is made for, and the one that environment.yml pins
CONDA_NAMES = {"snakemake": "snakemake-minimal", "matplotlib": "matplotlib-base", "pandera": "pandera-pandas", "torch": "pytorch"}


def direct_dependencies(pyproject: Path, extra: str | None = None) -> list[str]:
    """Names of the package's direct dependencies, and those of an extra with the extras that it names, in the order of pyproject.toml."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    extras, found = project["optional-dependencies"], []

    def add(requirements: list[str]) -> None:
        for requirement in requirements:
            name, others = re.match(r"([\w.-]+)(?:\[([\w,-]+)\])?", requirement).groups()
            if name == project["name"]:
                for other in others.split(","):
                    add(extras[other])
            elif name.lower() not in found:
                found.append(name.lower())

    add(project["dependencies"] + (extras[extra] if extra else []))
    return found


def locked_versions(lock: Path) -> dict[str, str]:
    """Version of each package in a lock under `PYTHON` (a package may be locked at several, by Python version)."""
    versions = {}
    for name, version, marker in re.findall(r"^([\w.-]+)==([\w.]+)(?: ; (.*?))? \\$", lock.read_text(encoding="utf-8"), re.MULTILINE):
        if marker.startswith(("python_full_version >=", "python_full_version ==")):
            continue
        versions[name.lower()] = version
    return versions


def environment(root: Path, extra: str | None = None) -> str:
    """Text of environment.yml, or of environment-EXTRA.yml."""
    pyproject = root / "pyproject.toml"
    versions = locked_versions(root / (f"requirements-{extra}.lock" if extra else "requirements.lock"))
    lines = [f"  - {CONDA_NAMES.get(name, name)}={versions[name]}" for name in direct_dependencies(pyproject, extra or "workflow")]
    name = f"lastiterate-{extra}" if extra else "lastiterate"
    return (
        "# Generated from pyproject.toml and the locks by `make lock`; do not edit.\n"
        f"# conda env create -f environment{f'-{extra}' if extra else ''}.yml && conda activate {name} && snakemake\n"
        f"name: {name}\nchannels:\n  - conda-forge\n  - bioconda\ndependencies:\n  - python={PYTHON}\n" + "\n".join(lines) + "\n"
    )


def main() -> None:
    """Write the given files, each named environment.yml or environment-EXTRA.yml."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, nargs="+")
    for path in parser.parse_args().output:
        with replacing(path) as temporary:
            temporary.write_text(environment(Path.cwd(), path.stem.partition("-")[2] or None), encoding="utf-8")


if __name__ == "__main__":
    main()
