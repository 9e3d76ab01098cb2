"""A folder with the made-up logs that the examples of the help name, and a shell in it that knows `lastiterate`."""

import os
import runpy
import shutil
import subprocess
import sys

import made_up_logs
from conftest import ROOT

_MADE = runpy.run_path(str(ROOT / "examples/make.py"))


def pilot(schedule, drop=0.02, every=500):
    """A CSV log of a run whose loss falls like the inverse root of the summed learning rates, and in the cooldown."""
    return csv_bytes(_MADE["pilot"](schedule, drop, every))


def sweep():
    """A CSV table of final losses: three sizes, two numbers of tokens, two batches, six learning rates."""
    return csv_bytes(_MADE["sweep"]())


def csv_bytes(rows):
    return made_up_logs.csv_bytes(rows[0], rows[1:])


def make_workplace(folder):
    """The files that the examples name, and `lastiterate` itself."""
    (folder / "bin").mkdir()
    (folder / "bin/lastiterate").write_text(f'#!/bin/sh\nexec "{sys.executable}" -W error -m lastiterate.cli "$@"\n')
    (folder / "bin/lastiterate").chmod(0o755)
    (folder / ".config/fish/completions").mkdir(parents=True)
    shutil.copytree(ROOT / "examples", folder, dirs_exist_ok=True)
    (folder / "README.md").unlink()
    (folder / "make.py").unlink()
    return folder


def in_shell(folder, line):
    return subprocess.run(["bash", "-c", line], cwd=folder, env=environment(folder), capture_output=True, text=True, check=False)


def environment(folder):
    own = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "HOME": str(folder), "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": ""}
    return os.environ | own
