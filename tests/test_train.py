"""Training: branches and interrupted runs end with the very bytes of uninterrupted ones; logs, cards, refusals."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra `train`: pip install -r requirements-train.lock")

import pyarrow.parquet as parquet
import torch

from lastiterate.schedules import constant, linear
from lastiterate.train import checkpoint
from lastiterate.train.config import load_train_config
from lastiterate.train.data import load_dataset
from lastiterate.train.loop import Trainer, checkpoint_name, train_run
from lastiterate.train.plan import make_plan

ROOT = Path(__file__).parents[1]
SMOKE = ROOT / "config/train/smoke.yaml"
PREFIX = "tiny-adamw-lr0.003-seed0-"


@pytest.fixture(scope="module")
def smoke():
    config = load_train_config(SMOKE)
    return config, make_plan(config), load_dataset(config["datasets"]["full"])


def outcome(folder, run_id):
    """What must repeat: the bytes of the history, and the card but for device and code."""
    card = json.loads((folder / run_id / "card.json").read_text())
    return (folder / run_id / "history.parquet").read_bytes(), card["result"]


def history(folder, run_id):
    return parquet.read_table(folder / run_id / "history.parquet").to_pandas()


@pytest.fixture(scope="module")
def trained(smoke, tmp_path_factory):
    """The whole smoke plan, in this process."""
    config, plan, dataset = smoke
    folder = tmp_path_factory.mktemp("trained")
    for run in plan.values():
        train_run(run, config, dataset, folder)
    return folder


@pytest.mark.parametrize("name", ["wsd_200", "wsd_400", "lowered_400"])
def test_a_branch_is_bit_identical_to_an_uninterrupted_run(smoke, trained, tmp_path, name):
    config, plan, dataset = smoke
    branch = plan[PREFIX + name]
    assert branch.parent == PREFIX + "trunk" and branch.branch_step >= 100
    whole = replace(branch, parent=None, branch_step=0, kind="whole")
    result = train_run(whole, config, dataset, tmp_path)
    card = json.loads((trained / branch.run_id / "card.json").read_text())
    for key in ("final_val_loss", "weights_sha256", "final_train_loss"):
        assert result[key] == card["result"][key]
    parts = [history(trained, branch.parent).query("step <= @branch.branch_step"), history(trained, branch.run_id)]
    uninterrupted = history(tmp_path, branch.run_id)
    for column in ("step", "lr", "train_loss", "grad_norm", "grad_norm_l1", "weight_norm_sq", "relative_update"):
        np.testing.assert_array_equal(np.concatenate([part[column] for part in parts]), uninterrupted[column])


def start(folder, run_id):
    command = [sys.executable, "-m", "lastiterate.train.run", "--config", SMOKE, "--folder", folder, "--run", run_id]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, stderr=subprocess.PIPE, text=True)


def wait_for_progress(process, latest, since):
    """Until the run has written another checkpoint of its own, or is over."""
    while process.poll() is None and not (latest.is_file() and latest.stat().st_mtime_ns > since):
        time.sleep(0.005)
    return latest.stat().st_mtime_ns if latest.is_file() else since


@pytest.mark.slow
@pytest.mark.parametrize("run_id", [PREFIX + "trunk", PREFIX + "lowered_400"])
def test_a_run_killed_at_random_moments_ends_with_the_same_bytes(smoke, trained, tmp_path, run_id):
    parent = smoke[1][run_id].parent
    if parent:
        (tmp_path / parent).symlink_to(trained / parent)
    moments = random.Random(run_id)
    latest, seen, kills = tmp_path / run_id / "state/latest.pt", 0, []
    for sent in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        process = start(tmp_path, run_id)
        seen = wait_for_progress(process, latest, seen)
        time.sleep(moments.uniform(0, 0.1))
        process.send_signal(sent)
        _, errors = process.communicate(timeout=60)
        kills.append(process.returncode)
        if process.returncode == 143:
            assert "its state is saved, run it again to go on" in errors
    assert kills[0] == -signal.SIGKILL and set(kills) <= {-signal.SIGKILL, 143, 0}
    process = start(tmp_path, run_id)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert outcome(tmp_path, run_id) == outcome(trained, run_id)
    for step in smoke[1][run_id].checkpoints:
        mine, theirs = (torch.load(folder / run_id / checkpoint_name(step), weights_only=True) for folder in (tmp_path, trained))
        assert all(torch.equal(mine["model"][name], theirs["model"][name]) for name in theirs["model"])
    assert not (tmp_path / run_id / "state").exists()
