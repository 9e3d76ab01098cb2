"""Writes what the commands of pages print under them, and the picture of the README: ``python examples/refresh.py README.md``.

A command is a line that starts with "$ " in a console block; `source` and `cd` count for those after them. It runs in a copy of
the examples, with the environment of this Python.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"```console\n(\$ .*?)```", re.DOTALL)
PICTURE = "docs/plan_example.svg"


def refreshed(text: str, folder: Path, always: list[str]) -> str:
    """The page with the output of each of its commands; `always` are lines that run before every one."""
    before = list(always)

    def block(match: re.Match) -> str:
        lines = []
        for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", match[1], re.MULTILINE):
            if re.match(r"source |cd ", command):
                before.append(command)
                lines.append(f"$ {command}\n{shown}")
                continue
            done = subprocess.run(["bash", "-ec", "\n".join([*before, command])], cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"{command}: status {done.returncode}\n{done.stderr}")
            lines.append(f"$ {command}\n{done.stdout}")
        return f"```console\n{''.join(lines)}```"

    return BLOCK.sub(block, text)


def picture(target: Path) -> None:
    """The figure of the plan that the README shows."""
    import matplotlib.pyplot as plt
    import pandas as pd

    from lastiterate.draw import common as c
    from lastiterate.draw.plan import prediction
    from lastiterate.plan import load_pilots, make_plan
    from lastiterate.plan.write import tables

    plan = make_plan(load_pilots([ROOT / "examples/runs"])[0], 200_000)
    found = tables(plan) | {"schedule": {"step": range(1, plan.schedule.total_steps + 1), "lr": plan.schedule.lr}}
    with plt.rc_context():
        c.use_style()
        figure = prediction(*(pd.DataFrame(found[name]) for name in ("fits", "prediction", "schedule")))
        c.fix_layout(figure)
        c.save(figure, target)


def main() -> None:
    """Refresh the pages that are named."""
    for page in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            shutil.copytree(ROOT / "examples", folder / "examples")
            (folder / "data").symlink_to(ROOT / "data")
            (folder / ".venv/bin").mkdir(parents=True)
            (folder / ".venv/bin/activate").write_text(f"export PATH='{Path(sys.executable).parent}':$PATH\n")
            os.environ["COLUMNS"] = "80"
            path = ROOT / page
            path.write_text(
                refreshed(path.read_text(), folder, [] if page == "README.md" else ["source .venv/bin/activate", "cd examples"])
            )
    if "README.md" in sys.argv:
        picture(ROOT / PICTURE)


if __name__ == "__main__":
    main()
