"""Figures depend on the project's style alone: not on a matplotlibrc, a backend or a folder of the user."""

import os
import subprocess
import sys

import pytest

HOSTILE = "savefig.dpi: 30\nfont.size: 31\naxes.grid: False\nsvg.fonttype: none\nlines.linewidth: 9\nimage.cmap: jet\n"
DRAW = """
import sys
from lastiterate.draw.common import plt, save, use_style
use_style()
figure, axes = plt.subplots()
axes.plot([0, 1], [1, 3], label="a")
axes.imshow([[0, 1], [1, 0]])
axes.legend()
save(figure, __import__("pathlib").Path(sys.argv[1]))
"""


def draw(folder, name, **environment):
    folder.mkdir(exist_ok=True)
    words = [sys.executable, "-c", DRAW, f"{name}.svg"]
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MPL", "MATPLOTLIB"))}
    done = subprocess.run(words, cwd=folder, env=kept | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return (folder / f"{name}.svg").read_bytes()


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The figure where the user says nothing."""
    return draw(tmp_path_factory.mktemp("plain"), "figure")


@pytest.mark.parametrize("where", ["home", "folder", "variable", "backend"])
def test_a_users_settings_of_matplotlib_do_not_enter_a_figure(tmp_path, plain, where):
    here = tmp_path / "here"
    here.mkdir()
    environment = {}
    if where == "home":
        (tmp_path / "home/matplotlib").mkdir(parents=True)
        (tmp_path / "home/matplotlib/matplotlibrc").write_text(HOSTILE)
        environment = {"XDG_CONFIG_HOME": str(tmp_path / "home")}
    elif where == "folder":
        (here / "matplotlibrc").write_text(HOSTILE)
    elif where == "variable":
        (tmp_path / "rc").write_text(HOSTILE)
        environment = {"MATPLOTLIBRC": str(tmp_path / "rc")}
    else:
        environment = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    assert draw(here, "figure", **environment) == plain
