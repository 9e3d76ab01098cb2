"""A sweep of one's own in the papers' figures: the page of the documentation as it is printed, and every family from plain CSV."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import made_up_logs
from lastiterate.schedules import constant, cosine, linear, two_stage, wsd

ROOT = Path(__file__).parents[1]
RATES = (0.001, 0.002, 0.004)
HORIZONS = (500, 1000, 2000)


@pytest.fixture
def tree(tmp_path):
    """A copy of the working tree, with no logs in it."""
    for name in ("src", "rules", "config", "profiles"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Snakefile", "environment.yml"):
        shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    for name, module in (("python", ""), ("snakemake", "-m snakemake ")):
        (tmp_path / ".venv/bin" / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {module}"$@"\n')
        (tmp_path / ".venv/bin" / name).chmod(0o755)
    return tmp_path


def run(folder, line):
    environment = os.environ | {"PYTHONPATH": str(folder / "src")}
    done = subprocess.run(["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_the_page_from_nothing_as_it_is_printed(tree):
    page = (ROOT / "docs/your_sweep.md").read_text()
    (script,) = re.findall(r"```python\n# sweep.py\n(.*?)```", page, re.DOTALL)
    (tree / "sweep.py").write_text(script)
    (block,) = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    for line in block.splitlines():
        run(tree, line.removeprefix("$ "))
    runs = pd.read_parquet(tree / "data/ingested/my_runs/runs.parquet")
    assert runs.schedule_name.eq("wsd").all() and runs.warmup_steps.eq(100).all() and runs.lr_from.eq("recognised").all()
    assert sorted(runs.cooldown.unique()) == [0.2, 0.5, 0.8] and sorted(runs.base_lr.unique()) == list(RATES)
    assert len(list((tree / "figures/mine/my_cooldown").glob("*.svg"))) == 4
    assert "Training loss" in (tree / "figures/mine/my_cooldown/convergence.svg").read_text()


def loss_of(lr, step):
    """A made-up loss: progress, noise that the last learning rates leave, and what too large a peak costs."""
    return 3 + 2 / (1 + 4 * lr.cumsum()[step - 1]) ** 0.5 + 40 * lr[step - 1] + 2.5e4 * lr.max() ** 2


def sweep() -> dict[str, tuple]:
    """Runs by name: schedules and the seed of their noise."""
    found = {}
    for seed in (0, 1):
        for lr in RATES:
            for total in HORIZONS:
                common = {"warmup_steps": 50, "peak_lr": lr}
                for label, schedule in {
                    "wsd0.2": wsd(total, 0.2, **common), "wsd0.5": wsd(total, 0.5, **common), "linear": linear(total, **common),
                    "cosine": cosine(total, **common), "constant": constant(total, **common),
                    "two": two_stage(total, int(0.3 * total), 0.5, 0.2, **common),
                }.items():  # fmt: skip
                    found[f"{label}-{total}-{lr:g}-{seed}"] = schedule, seed
    return found


def write_runs(folder):
    """One CSV for each run with step, lr and loss of every fifth update, and a table with the seeds."""
    folder.mkdir()
    for name, (schedule, seed) in sweep().items():
        step = np.arange(5, schedule.total_steps + 1, 5)
        noise = np.random.default_rng([seed, len(name)]).normal(0, 1e-3, step.size)
        rows = zip(step.tolist(), schedule.lr[step - 1].tolist(), (loss_of(schedule.lr, step) + noise).tolist(), strict=True)
        (folder / f"{name}.csv").write_bytes(made_up_logs.csv_bytes(["step", "lr", "loss"], rows))
    lines = [f"{name},stdlib,1M,adamw,{seed}" for name, (_, seed) in sweep().items()]
    (folder / "runs.csv").write_text("\n".join(["run,dataset,n_params,optimizer,seed", *lines]) + "\n")


WSD = {"seed": 0, "schedule_name": "wsd", "cooldown": 0.2}
ROLES = {
    "first": [{**WSD, "base_lr": 0.001, "total_steps": 500}],
    "same_lr": [{**WSD, "base_lr": 0.001, "total_steps": 2000}],
    "lowered_lr": [{"seed": 0, "schedule_name": "two_stage", "base_lr": 0.001, "total_steps": 2000}],
}
LABELS = {
    "wsd20": {"schedule_name": "wsd", "cooldown": 0.2}, "wsd50": {"schedule_name": "wsd", "cooldown": 0.5},
    "linear": {"schedule_name": "linear"},
    "cosine": {"schedule_name": "cosine"}, "constant": {"schedule_name": "constant"}, "lowered": {"schedule_name": "two_stage"},
}  # fmt: skip
FAMILIES = {
    "loss_curves": {"models": {"mine": [{"seed": 0, "base_lr": 0.001, "schedule_name": ["cosine", "linear"]}]}},
    "cooldown_length_logs": {"select": [{"seed": 0, "total_steps": 1000, "schedule_name": "wsd"}]},
    "horizon_transfer_logs": {"models": {"mine": ROLES}, "slope": {"from": -600, "to": 200, "gain": 0.01}},
    "horizon_cooldown": {"models": {"mine": {**ROLES, "adapted_cooldown": [{**ROLES["same_lr"][0], "cooldown": 0.5}]}}},
    "any_iterate": {},
    "two_dimensional": {"select": [{**WSD, "base_lr": list(RATES)}], "eta_ref": [0.05, 0.06]},
    "own_runs": {
        "models": {"mine": {"select": {"source": "my_runs"}, "schedules": LABELS}},
        "horizon_labels": ["wsd20", "constant"], "compare": {"total_steps": 1000, "reference": "wsd20"},
        "extend": {"total_steps": 2000, "reference": "wsd20", "adapted": ["lowered", "wsd50"]},
    },
    "own_optimizers": {
        "models": {"AdamW": {"select": {"source": "my_runs", "total_steps": 1000}, "schedules": LABELS}},
        "compare": {"total_steps": 1000, "reference": "linear"},
    },
}  # fmt: skip


@pytest.mark.slow
def test_every_family_of_losses_from_csv_with_step_lr_and_loss(tree):
    write_runs(tree / "my_runs")
    with (tree / "config/sources.csv").open("a") as registry:
        registry.write("my_runs,logs,local,,my_runs/*,,,own,,\n")
    config = yaml.safe_load((tree / "config/config.yaml").read_text())
    config["figures"]["formats"] = ["svg"]
    config["mine"] = {f"my_{like}": {"like": like, "sources": ["my_runs"], **entry} for like, entry in FAMILIES.items()}
    (tree / "config/config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    run(tree, ".venv/bin/snakemake --cores 2 mine")
    runs = pd.read_parquet(tree / "data/ingested/my_runs/runs.parquet").set_index("run_id")
    for name, (schedule, seed) in sweep().items():
        row = runs.loc[name]
        assert (row.schedule_name, row.base_lr, row.total_steps) == (schedule.name, schedule.peak_lr, schedule.total_steps), name
        assert (row.warmup_steps, row.decay_steps, row.seed) == (50, schedule.decay_steps, seed), name
    for like in FAMILIES:
        assert list((tree / f"figures/mine/my_{like}").glob("*.svg")), like
