"""A wheel and a source distribution of this package, and environments that have nothing but what they are told to install."""

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from conftest import ROOT

DOCTESTS = """
import doctest, importlib, pkgutil, sys, warnings
warnings.simplefilter("error")
left_out, failed, tried = sys.argv[1].split(","), 0, 0
for room in sys.argv[2:]:
    package = importlib.import_module(room)
    found = [room, *(one.name for one in pkgutil.walk_packages(getattr(package, "__path__", []), room + "."))]
    for name in found:
        if name not in left_out:
            result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
            failed, tried = failed + result.failed, tried + result.attempted
print(tried)
sys.exit(failed > 0)
"""


def build(folder: Path) -> tuple[Path, Path]:
    """The wheel and the source distribution, by the build backend itself; it is of the group `build` in pyproject.toml."""
    code = "import sys, flit_core.buildapi as b; print(b.build_wheel(sys.argv[1])); print(b.build_sdist(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", code, folder], cwd=ROOT, capture_output=True, text=True, check=True)
    wheel, sdist = (folder / name for name in done.stdout.split())
    return wheel, sdist


def unpack(sdist: Path, folder: Path) -> Path:
    """The folder that a source distribution holds."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (inside,) = folder.iterdir()
    return inside


def constraints(path: Path) -> Path:
    """The locked versions, as constraints that pip takes without hashes."""
    lines = re.findall(r"^([\w.-]+==[^\\\n]+?) *\\$", (ROOT / "requirements-train.lock").read_text(), re.MULTILINE)
    path.write_text("\n".join(line for line in lines if not line.startswith("torch==")))
    return path


class Environment:
    """A virtual environment in a folder, of a Python, in which a requirement is installed from the package index."""

    def __init__(self, folder: Path, requirement: str, *options: str | Path, python: str = sys.executable):
        self.folder = folder
        subprocess.run([python, "-m", "venv", folder], check=True, capture_output=True)
        command = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", *options, requirement]
        done = self.run("python", *command)
        if done.returncode and re.search(r"Temporary failure|ConnectionError|Connection refused", done.stderr):
            pytest.skip(f"no package index can be reached: {done.stderr.strip().splitlines()[-1]}")
        assert done.returncode == 0, done.stderr

    def run(self, program: str, *arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess:
        """A program of the environment, which sees no other."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
        own["PATH"] = f"{self.folder / 'bin'}:/usr/bin:/bin"
        command = [self.folder / "bin" / program, *arguments]
        return subprocess.run(command, cwd=cwd or self.folder, env=own, capture_output=True, text=True, check=False)

    def packages(self) -> set[str]:
        """Names of what is installed, without the installers."""
        found = self.run("python", "-c", "import importlib.metadata as m; print(*(d.name.lower() for d in m.distributions()))").stdout
        return set(found.split()) - {"pip", "setuptools", "wheel"}

    def doctests(self, *rooms: str, left_out: str = "") -> int:
        """How many examples of the docstrings of these modules, and of those below them, were run; none fails."""
        done = self.run("python", "-c", DOCTESTS, left_out, *(f"lastiterate.{room}" for room in rooms))
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return int(done.stdout.split()[-1])


def pythons() -> dict[str, str]:
    """The oldest and the newest Python (from 3.11 on) at hand, by version: on the PATH, or among those of pyenv."""
    found = {}
    folders = [*map(Path, os.environ["PATH"].split(":")), *Path("~/.pyenv/versions").expanduser().glob("3.*/bin")]
    for path in (file for folder in folders if folder.is_dir() and "shims" not in folder.parts for file in folder.glob("python3.*")):
        if re.fullmatch(r"python3\.\d+", path.name) and int(path.suffix[1:]) >= 11:
            found.setdefault(path.name[6:], str(path))
    order = sorted(found, key=lambda version: int(version[2:]))
    return {version: found[version] for version in dict.fromkeys([order[0], order[-1]])} if order else {}
