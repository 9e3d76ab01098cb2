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

pytest.importorskip("torch", reason="needs the extra `train`: make train-extra")

import pyarrow.parquet as parquet
import torch

from lastiterate.logs.ingest import ingest_folder
from lastiterate.logs.schema import history_table, runs_table
from lastiterate.schedules import constant, linear
from lastiterate.train.collect import collect
from lastiterate.train.config import load_train_config
from lastiterate.train.data import load_dataset
from lastiterate.train.loop import LATEST, Stopped, Trainer, checkpoint_name, train_run
from lastiterate.train.plan import make_plan
from lastiterate.train.sweep import Stack, train_stack

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
    command = [sys.executable, "-m", "lastiterate.train.run", "--config", SMOKE, "--folder", folder, "--only", run_id]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, stderr=subprocess.PIPE, text=True)


def written(file):
    """When `file` was written, in ns; 0 while it is not there."""
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def wait_for_progress(process, latest):
    """Until the run has written a checkpoint later than those found at its start, or is over."""
    before = written(latest)
    while process.poll() is None and written(latest) <= before:
        time.sleep(0.005)


@pytest.mark.slow
@pytest.mark.parametrize("run_id", [PREFIX + "trunk", PREFIX + "lowered_400"])
def test_a_run_killed_at_random_moments_ends_with_the_same_bytes(smoke, trained, tmp_path, run_id):
    parent = smoke[1][run_id].parent
    if parent:
        (tmp_path / parent).symlink_to(trained / parent)
    moments = random.Random(run_id)
    latest, card, kills = tmp_path / run_id / LATEST, tmp_path / run_id / "card.json", []
    for sent in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        process = start(tmp_path, run_id)
        wait_for_progress(process, latest)
        time.sleep(moments.uniform(0, 0.1))
        process.send_signal(sent)
        _, errors = process.communicate(timeout=60)
        kills.append(process.returncode)
        if process.returncode == 143:
            assert "its state is saved, run it again to go on" in errors
        if process.returncode == -signal.SIGTERM:
            assert card.is_file()  # the interpreter was already leaving, after its last result
    assert kills[0] == -signal.SIGKILL and set(kills) <= {-signal.SIGKILL, -signal.SIGTERM, 143, 0}
    process = start(tmp_path, run_id)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert outcome(tmp_path, run_id) == outcome(trained, run_id)
    for step in smoke[1][run_id].checkpoints:
        mine, theirs = (torch.load(folder / run_id / checkpoint_name(step), weights_only=True) for folder in (tmp_path, trained))
        assert all(torch.equal(mine["model"][name], theirs["model"][name]) for name in theirs["model"])
    assert not latest.exists()


def test_sigterm_saves_the_state_and_says_so(smoke, tmp_path, capsys):
    config, plan, dataset = smoke
    asked = iter([False] * 2 + [True] * 99)
    with pytest.raises(Stopped, match="stopped after update 50 of 400"):
        train_run(plan[PREFIX + "trunk"], config, dataset, tmp_path, lambda: next(asked))
    assert (tmp_path / (PREFIX + "trunk") / LATEST).is_file()


def test_the_executed_learning_rates_are_the_schedules(smoke, trained):
    for run in smoke[1].values():
        table = history(trained, run.run_id)
        np.testing.assert_array_equal(table.step, np.arange(run.branch_step + 1, run.schedule.total_steps + 1))
        np.testing.assert_array_equal(table.lr, run.schedule.lr[run.branch_step :])
        assert table.val_loss.notna().sum() == run.schedule.total_steps // 100 - run.branch_step // 100


def test_what_is_logged_is_what_happened(smoke, trained):
    """A hand-written update against the first row: loss, norms, clipping, relative update."""
    config, plan, dataset = smoke
    trainer = Trainer(plan[PREFIX + "trunk"], config, dataset, torch.device("cpu"))
    weights = [w.detach().clone() for w in trainer.matrices]
    windows = torch.from_numpy(trainer.batches.at(1))
    loss = torch.nn.functional.cross_entropy(trainer.model(input_ids=windows[:, :-1]).logits.flatten(0, 1), windows[:, 1:].flatten())
    gradient = torch.cat([g.flatten() for g in torch.autograd.grad(loss, trainer.parameters)]).double()
    logged = trainer.update(1).tolist()
    row = history(trained, plan[PREFIX + "trunk"].run_id).iloc[0]
    norm = lambda tensors: float(torch.cat([t.detach().flatten() for t in tensors]).double().norm())
    moved = norm([w.detach() - old for w, old in zip(trainer.matrices, weights, strict=True)])
    expected = [
        float(loss.detach()),
        float(gradient.norm()),
        float(gradient.abs().sum()),
        (norm(trainer.matrices) / norm(weights)) ** 2,
        moved / norm(weights),
    ]
    assert logged == pytest.approx(expected, rel=1e-5)
    assert row[["train_loss", "grad_norm", "grad_norm_l1", "weight_norm_sq", "relative_update"]].tolist() == logged


def test_a_diverged_run_is_a_result_and_so_are_its_branches(smoke, tmp_path):
    config, plan, dataset = smoke
    config = {**config, "diverged_above": 5.4}  # the first losses are ln 256 = 5.55
    for name in ("trunk", "wsd_200"):
        result = train_run(plan[PREFIX + name], config, dataset, tmp_path)
        assert result["diverged_step"] == 1 and result["final_val_loss"] is None
    assert len(history(tmp_path, PREFIX + "trunk")) == 1 and len(history(tmp_path, PREFIX + "wsd_200")) == 0


def test_a_checkpoint_of_other_settings_is_refused(smoke, trained, tmp_path):
    config, plan, dataset = smoke
    (tmp_path / (PREFIX + "trunk")).symlink_to(trained / (PREFIX + "trunk"))
    other = {**config, "clip_norm": 0.5}
    with pytest.raises(ValueError, match="was written under other settings or data"):
        train_run(plan[PREFIX + "wsd_200"], other, dataset, tmp_path)
    run = plan[PREFIX + "wsd_200"]
    with pytest.raises(ValueError, match="executed other learning rates"):
        train_run(replace(run, schedule=linear(200, warmup_steps=20)), config, dataset, tmp_path)
    with pytest.raises(ValueError, match=r"checkpoint_00000123.pt is missing, but .*wsd_200 starts from it: train .*trunk again"):
        train_run(replace(run, branch_step=123), config, dataset, tmp_path)


@pytest.mark.parametrize("family", ["sgd", "muon"])
def test_other_optimizers_learn_and_branch_exactly(smoke, tmp_path, family):
    config, plan, dataset = smoke
    entry = {"sgd": {"family": "sgd", "momentum": 0.9}, "muon": {"family": "muon", "betas": [0.9, 0.95], "weight_decay": 0.1}}[family]
    config = {**config, "optimizers": {"adamw": entry}}
    lr = {"sgd": 0.3, "muon": 0.003}[family]
    trunk = replace(plan[PREFIX + "trunk"], schedule=constant(200, peak_lr=lr), checkpoints=(100,))
    branch = replace(plan[PREFIX + "wsd_200"], schedule=constant(200, peak_lr=lr), branch_step=100)
    results = [train_run(run, config, dataset, tmp_path) for run in (trunk, branch)]
    assert results[0]["weights_sha256"] == results[1]["weights_sha256"]
    assert results[0]["final_val_loss"] < 3.6


def test_gpt2_trains(smoke, tmp_path):
    config, plan, dataset = smoke
    config = {**config, "models": {"tiny": {"family": "gpt2", "vocab_size": 256, "n_embd": 16, "n_layer": 1, "n_head": 2}}}
    result = train_run(plan[PREFIX + "linear_200"], config, dataset, tmp_path)
    assert result["final_val_loss"] < 3.6
    config["models"]["tiny"]["n_heads"] = 2
    with pytest.raises(ValueError, match="n_heads is not an argument of GPT2Config"):
        train_run(plan[PREFIX + "linear_200"], config, dataset, tmp_path / "other")


def test_micro_batches_change_nothing_but_rounding(smoke):
    config, plan, dataset = smoke
    losses = []
    for micro in (4, 1):
        trainer = Trainer(plan[PREFIX + "trunk"], {**config, "micro_batch": micro}, dataset, torch.device("cpu"))
        losses.append([float(trainer.update(step)[0]) for step in range(1, 30)])
    assert losses[0] == pytest.approx(losses[1], abs=1e-5) and losses[0] != losses[1]


@pytest.mark.slow
def test_two_ranks_agree_with_one_process(smoke, trained, tmp_path):
    """torchrun with two gloo ranks, the same global batch: the same losses to 1e-6, and one set of files."""
    run_id = PREFIX + "wsd_200"
    (tmp_path / (PREFIX + "trunk")).symlink_to(trained / (PREFIX + "trunk"))
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "lastiterate.train.run"]
    command = [*launch, "--config", SMOKE, "--folder", tmp_path, "--only", run_id]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    alone, together = history(trained, run_id), history(tmp_path, run_id)
    np.testing.assert_allclose(together.train_loss[:20], alone.train_loss[:20], rtol=0, atol=1e-6)
    np.testing.assert_allclose(together.train_loss, alone.train_loss, rtol=0, atol=1e-4)
    card = json.loads((tmp_path / run_id / "card.json").read_text())
    assert card["device"]["ranks"] == 2


def test_a_stack_of_models_agrees_with_separate_runs(smoke, trained, tmp_path):
    """Two base learning rates and two seeds advance together: the losses of separate runs to 1e-5 over 200 updates."""
    config, plan, dataset = smoke
    trunk = plan[PREFIX + "trunk"]
    others = [
        replace(trunk, run_id=f"{lr}-{seed}", seed=seed, base_lr=lr, schedule=trunk.schedule.with_peak_lr(lr))
        for lr in (0.001, 0.002)
        for seed in (0, 1)
    ]
    stack = Stack([Trainer(run, config, dataset, torch.device("cpu")) for run in others])
    alone = [Trainer(run, config, dataset, torch.device("cpu")) for run in others]
    stack.pull()
    for step in range(1, 201):
        together, separate = stack.updates(step, 1)[0], torch.stack([trainer.update(step) for trainer in alone])
        torch.testing.assert_close(together[:, 0], separate[:, 0], rtol=0, atol=1e-5)
        torch.testing.assert_close(together, separate, rtol=1e-3, atol=1e-6)
    stack.push(200)
    assert stack.validate(100) == pytest.approx([trainer.validate(100) for trainer in alone], abs=1e-5)
    assert [trainer.validate(100) for trainer in stack.trainers] == pytest.approx(stack.validate(100), abs=1e-6)


@pytest.mark.slow
def test_a_stack_branches_and_resumes_exactly(smoke, tmp_path):
    """Through checkpoints, a stop and a diverged neighbour, a stack ends with the bytes of an uninterrupted one."""
    config, plan, dataset = smoke
    runs = []
    for name in ("trunk", "wsd_200"):
        run = plan[PREFIX + name]
        runs.append([replace(run, run_id=f"{name}-{seed}", seed=seed, parent=run.parent and f"trunk-{seed}") for seed in (0, 1)])
    trunks, branches = runs
    whole = [replace(run, parent=None, branch_step=0) for run in branches]
    train_stack(trunks, config, dataset, tmp_path / "branched")
    results = train_stack(branches, config, dataset, tmp_path / "branched")
    assert train_stack(whole, config, dataset, tmp_path / "whole") == results
    asked = iter([False] * 6 + [True] * 99)
    with pytest.raises(Stopped, match="2 runs wsd_200: stopped after update 120 of 200"):
        train_stack(whole, config, dataset, tmp_path / "stopped", lambda: next(asked))
    assert train_stack(whole, config, dataset, tmp_path / "stopped") == results
    for run in whole:
        assert outcome(tmp_path / "stopped", run.run_id) == outcome(tmp_path / "whole", run.run_id)
    mad = replace(whole[1], run_id="mad", schedule=whole[1].schedule.with_peak_lr(1e9))
    together = train_stack([whole[0], mad], config, dataset, tmp_path / "mad")
    assert together["mad"]["diverged_step"] > 1 and together[whole[0].run_id] == results[whole[0].run_id]


def test_collected_runs_are_read_back_and_joined(smoke, trained, tmp_path):
    """Through collect and the reader: every run whole from update 1, schedules as planned, a diverged run without final losses."""
    config, plan, dataset = smoke
    collect(trained, plan, 10, tmp_path)
    runs, notes = ingest_folder(tmp_path)
    assert [run.run_id for run in runs] == list(plan) and not any(note.left_out for note in notes)
    table, rows = runs_table(runs, "own"), history_table(runs, "own")
    for run in runs:
        planned = plan[run.run_id]
        assert run.schedule == planned.schedule and run.parent_run == planned.parent
        steps, losses = run.series["train_loss"]
        assert steps.tolist() == list(range(10, run.schedule.total_steps + 1, 10))
        last = history(trained, run.run_id).train_loss[-10:].mean()
        assert losses[-1] == pytest.approx(last, rel=1e-6)
    assert table.final_val_loss.notna().all() and table.n_params.eq(10800).all() and rows.weight_norm_sq.notna().all()
    mad = replace(plan[PREFIX + "linear_200"], run_id="mad", schedule=linear(200, peak_lr=1e9))
    train_run(mad, config, dataset, trained)
    collect(trained, ["mad"], 10, tmp_path / "mad")
    (run,), _ = ingest_folder(tmp_path / "mad")
    table = runs_table([run], "own")
    assert table.diverged.all() and table.final_val_loss.isna().all()
