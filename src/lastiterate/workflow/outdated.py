"""Which direct dependencies have moved on since the locks were made, and why any is held back: `make outdated`.

The newest release of each is what uv finds without our bounds, for the Python that the locks are made for. What is locked lower is
held back by pyproject.toml (with the reason in its table ``[tool.lastiterate.held]``), by another package, or only by the date of the lock.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from lastiterate.workflow.environment import PYTHON, direct_dependencies, locked_versions

LOCKS = {"requirements.lock": "workflow", "requirements-test.lock": "test", "requirements-train.lock": "train",
         "requirements-docs.lock": "docs", "requirements-optax.lock": "optax", "requirements-trainers.lock": "trainers"}  # fmt: skip


def compiled(requirements: str, *options: str) -> tuple[dict[str, str], str]:
    """Versions that uv chooses for requirements, one a line, and what it says where it cannot."""
    command = [
        Path(sys.executable).with_name("uv"),
        "pip",
        "compile",
        "--quiet",
        "--no-header",
        "--no-annotate",
        "--python-version",
        PYTHON,
    ]
    done = subprocess.run([*command, *options, "-"], input=requirements, capture_output=True, text=True, check=False)
    return dict(re.findall(r"^([\w.-]+)==([\w.+]+)", done.stdout, re.MULTILINE)), done.stderr


def bounds(pyproject: Path) -> dict[str, str]:
    """The version specifiers of pyproject.toml by package."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    requirements = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    return {name.lower(): text for name, text in (re.match(r"([\w.-]+)(?:\[.*\])?(.*)", one).groups() for one in requirements)}


def why(name: str, newest: str, locked: dict[str, str], own: dict[str, str], held: dict[str, str]) -> str:
    """Why a package is locked below its newest release."""
    found, _ = compiled(f"{name}{own.get(name, '')}\n", "--no-deps")
    if found.get(name) != newest:
        return f"held back by pyproject.toml ({own[name]}): {held.get(name, 'no reason is given in [tool.lastiterate.held]')}"
    others = "\n".join(f"{other}=={version}" for other, version in locked.items() if other != name)
    _, said = compiled(f"{name}=={newest}\n{others}\n")
    others = re.findall(rf"([\w.-]+?)(?:[<>=!~]\S*)? depends on {re.escape(name)}([<>=!~]\S*)", " ".join(said.split()))
    if others:
        return "held back by " + ", ".join(sorted({f"{other} (it wants {name}{bound.rstrip(',')})" for other, bound in others}))
    return f"make lock LOCK='--upgrade-package {name}' takes it"


def main() -> int:
    """Print a line for each direct dependency that has moved on; exit status 0 also then."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    pyproject = Path("pyproject.toml")
    held = tomllib.loads(pyproject.read_text(encoding="utf-8"))["tool"]["lastiterate"]["held"]
    own, locked = bounds(pyproject), {}
    direct: dict[str, dict[str, str]] = {}
    for lock, extra in LOCKS.items():
        versions = locked_versions(Path(lock))
        locked |= {name: version for name, version in versions.items() if name not in locked}
        direct |= {name: versions for name in direct_dependencies(pyproject, extra) if name in versions and name not in direct}
    newest, said = compiled("\n".join(direct), "--no-deps")
    if not newest:
        print(f"lastiterate: error: uv found no releases: {said.strip()[-500:]}", file=sys.stderr)
        return 1
    behind = 0
    for name, versions in direct.items():
        if newest.get(name, versions[name]) != versions[name]:
            behind += 1
            print(f"{name} {versions[name]} -> {newest[name]}: {why(name, newest[name], versions, own, held)}")
    print(f"{len(direct) - behind} of {len(direct)} direct dependencies are locked at their newest release (for Python {PYTHON})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
