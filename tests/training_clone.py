"""A copy of the working tree whose smoke sweep is changed, to train in."""

import shutil
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def make_clone(folder: Path, sweep: dict, **cluster) -> Path:
    """The working tree with a changed smoke sweep: `sweep` replaces entries of it, `cluster` those of its resources."""
    for name in ("src", "rules", "config", "profiles"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Snakefile", "environment.yml", "environment-train.yml"):
        shutil.copy2(ROOT / name, folder / name)
    path = folder / "config/train/smoke.yaml"
    config = yaml.safe_load(path.read_text())
    config["cluster"] |= cluster
    config["sweeps"][0] |= sweep
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return folder
