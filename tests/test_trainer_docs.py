"""The commands of docs/trainers.md, run as they are printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

BLOCKS = re.findall(r"```console\n(.*?)```", (ROOT / "docs/trainers.md").read_text(), re.DOTALL)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="the commands are of a POSIX shell")
def test_the_commands_of_the_page_print_what_it_shows(tmp_path):
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    assert len(BLOCKS) >= 3
    for block in BLOCKS:
        for command, expected in re.findall(r"\$ (.*)\n((?:(?!\$ ).*\n)*)", block):
            done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout == expected, command
    assert "<svg" in (tmp_path / "executes.svg").read_text()
