"""Training on a GPU: the same losses as on a CPU, compiled or not, and exact branches (--gpu-device cpu tries the tests themselves)."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra `train`: make train-extra")

import torch

from lastiterate.train.config import load_train_config
from lastiterate.train.data import load_dataset
from lastiterate.train.device import set_up
from lastiterate.train.loop import Stopped, Trainer, train_run
from lastiterate.train.plan import make_plan
from lastiterate.train.sweep import Stack, train_stack

SMOKE = Path(__file__).parents[1] / "config/train/smoke.yaml"
PREFIX = "tiny-adamw-lr0.003-seed0-"

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def device(request):
    name = request.config.getoption("--gpu-device")
    if name == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU")
    return name


@pytest.fixture(scope="module")
def smoke(device):
    config = load_train_config(SMOKE) | {"device": device}
    yield config, make_plan(config), load_dataset(config["datasets"]["full"])
    torch.use_deterministic_algorithms(False)


def losses(run, config, dataset, device, updates=50):
    trainer = Trainer(run, config, dataset, torch.device(device))
    return np.array([float(trainer.update(step)[0]) for step in range(1, updates + 1)])


def test_a_stack_replays_one_graph_and_agrees_with_the_cpu(smoke, device):
    config, plan, dataset = smoke
    config = config | {"optimizers": config["optimizers"] | {"heavy": config["optimizers"]["adamw"] | {"weight_decay": 1.0}}}
    trunk = plan[PREFIX + "trunk"]
    runs = [
        replace(trunk, run_id=f"{lr}", base_lr=lr, seed=seed, optimizer=optimizer, schedule=trunk.schedule.with_peak_lr(lr))
        for lr, seed, optimizer in ((0.001, 0, "adamw"), (0.002, 1, "adamw"), (0.002, 0, "heavy"))
    ]
    stacks = [Stack([Trainer(run, config, dataset, torch.device(place)) for run in runs]) for place in ("cpu", device)]
    for stack in stacks:
        stack.pull()
    for first in (1, 11, 21):
        here, there = (stack.updates(first, 10).cpu() for stack in stacks)
        torch.testing.assert_close(there[:, :, 0], here[:, :, 0], rtol=0, atol=1e-4)
        torch.testing.assert_close(there, here, rtol=1e-3, atol=1e-5)
    assert (stacks[1].graph is not None) == (device == "cuda") and stacks[0].graph is None
    assert stacks[1].validate(100) == pytest.approx(stacks[0].validate(100), abs=1e-4)


def test_a_run_agrees_with_the_cpu(smoke, device):
    config, plan, dataset = smoke
    run = plan[PREFIX + "trunk"]
    np.testing.assert_allclose(losses(run, config, dataset, device), losses(run, config, dataset, "cpu"), rtol=0, atol=1e-4)


@pytest.mark.parametrize(("precision", "apart"), [("float32", 1e-4), ("bfloat16", 0.02)])
def test_compiled_and_eager_losses_agree(smoke, device, precision, apart):
    config, plan, dataset = smoke
    eager, compiled = (
        losses(plan[PREFIX + "trunk"], config | {"precision": precision, "compile": flag}, dataset, device) for flag in (False, True)
    )
    np.testing.assert_allclose(compiled, eager, rtol=0, atol=apart)


def test_bfloat16_learns_as_float32_does(smoke, device):
    config, plan, dataset = smoke
    half, full = (losses(plan[PREFIX + "trunk"], config | {"precision": name}, dataset, device, 200) for name in ("bfloat16", "float32"))
    assert full[-50:].mean() < full[:10].mean() - 1
    assert half[-50:].mean() == pytest.approx(full[-50:].mean(), abs=0.02)


def test_a_branch_has_the_bits_of_an_uninterrupted_run_under_deterministic_kernels(smoke, device, tmp_path):
    config, plan, dataset = smoke
    config = config | {"deterministic": True, "precision": "bfloat16"}
    branch = plan[PREFIX + "wsd_200"]
    whole = train_run(replace(branch, parent=None, branch_step=0, kind="whole"), config, dataset, tmp_path / "whole")
    for name in (PREFIX + "trunk", branch.run_id):
        result = train_run(plan[name], config, dataset, tmp_path)
    assert result == whole


def test_a_stopped_stack_goes_on_to_the_same_end(smoke, device, tmp_path):
    config, plan, dataset = smoke
    config = config | {"deterministic": True, "stack": True}
    set_up(config)
    runs = [replace(plan[PREFIX + "wsd_200"], run_id=str(seed), seed=seed, parent=None, branch_step=0) for seed in (0, 1)]
    whole = train_stack(runs, config, dataset, tmp_path / "whole")
    with pytest.raises(Stopped):
        train_stack(runs, config, dataset, tmp_path / "stopped", lambda: True)
    assert train_stack(runs, config, dataset, tmp_path / "stopped") == whole
