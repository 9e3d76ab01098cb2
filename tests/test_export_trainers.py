"""Exported settings against the trainers' own code (make trainers-extra), and what it is documented to have been tried on."""

import re
import warnings

import numpy as np
import pytest

import own_code
from conftest import ROOT
from lastiterate.schedules import constant, cosine, linear, wsd
from lastiterate.schedules.export import TRAINERS, export, nearest
from own_code import OWN
from trainer_rules import ANY, PEAK, agree
from try_own_code import try_own_code

pytestmark = pytest.mark.trainers
TINY = [f(total) for total in (1, 2, 3) for f in (constant, linear, cosine, lambda t: wsd(t, 0.5))]


@pytest.mark.parametrize("trainer", OWN)
def test_own_code_executes_random_schedules(trainer):
    assert try_own_code(trainer, 6, seed=1).agreed == 6


@pytest.mark.slow
@pytest.mark.parametrize("trainer", OWN)
def test_own_code_executes_200_random_schedules(trainer):
    """And every tiny one."""
    assert try_own_code(trainer, 200).agreed == 200
    own = OWN[trainer]
    for schedule in TINY:
        found = export(schedule, trainer, version=own.version)
        executed = own.run(found.text, schedule.total_steps)
        np.testing.assert_allclose(executed, found.lr if trainer == "keras" else schedule.lr, rtol=0, atol=1e-12)


def test_the_page_says_which_code_ran():
    """The table in docs/trainers.md is of the releases that are installed."""
    page = (ROOT / "docs" / "trainers.md").read_text()
    for name, own in OWN.items():
        row = re.search(rf"^\| `{name}` \| (\S+) (\S+) \| (\S+) \| (\d+) \|", page, re.MULTILINE)
        assert row and row[1] == own.distribution and row[3] == own.date and int(row[4]) >= 200
        try:
            assert row[2] == own.release
        except own_code.metadata.PackageNotFoundError:
            continue


def test_trainers_without_a_package_name_the_commit_of_their_rule():
    for name in set(TRAINERS) - set(OWN) - {"deepspeed", "modded-nanogpt"}:
        assert re.search(r"\([0-9a-f]{7}\b", TRAINERS[name].__doc__), name


def test_older_releases_of_torchtitan_are_refused_by_the_newest_parser():
    """--optimizer.lr, which every release before 0.3 takes, is no flag of 0.3.0."""
    old = export(wsd(100, 0.2, peak_lr=PEAK), "torchtitan", version="0.2.2").text
    with pytest.raises(SystemExit):
        OWN["torchtitan"].run(old, 100)


def test_the_nearest_is_what_the_trainer_executes():
    for trainer in ("hf", "megatron", "torchtitan", "llm-foundry", "nanotron"):
        for name in ("exponential", "two_stage", "cyclic power"):
            found = nearest(ANY[name], trainer, OWN[trainer].version)
            agree(OWN[trainer].run(found.text, found.lr.size), found.lr)


def test_float32_of_optax_is_the_one_that_is_stated():
    """The learning rates in float32 that the notes are made of, against optax's own, whose cosine differs in the last bit."""
    pytest.importorskip("optax")
    jax = pytest.importorskip("jax")
    cases = {wsd(3000, 0.4, peak_lr=PEAK): 2.0**-23, linear(3000, 100, 0.1, PEAK): 2.0**-23, cosine(3000, 1.5, 100, 0.1, PEAK): 2.0**-22}
    for schedule, last_bits in cases.items():
        found, space = export(schedule, "optax"), {}
        exec(found.text, space)
        executed = np.asarray(space["lr_schedule"]()(jax.numpy.arange(3000)), dtype=np.float64)
        assert np.abs(executed - found.lr).max() <= last_bits * PEAK
        assert np.abs(executed - schedule.lr).max() == pytest.approx(found.rounding * PEAK, rel=0.5)
        tail = executed[-1] / schedule.lr[-1] - 1
        assert found.lr[-1] / schedule.lr[-1] - 1 == pytest.approx(tail, rel=0.1, abs=3e-7)


def test_deepspeed_takes_the_scheduler_that_its_engine_steps():
    torch = pytest.importorskip("torch")
    schedule, space = wsd(60, 0.3, "1-sqrt", 7, peak_lr=PEAK), {}
    exec(export(schedule, "deepspeed").text, space)
    optimizer = own_code.sgd(PEAK)
    scheduler = space["lr_scheduler"](optimizer)
    assert isinstance(scheduler, torch.optim.lr_scheduler.LRScheduler)
    agree(own_code.stepped(optimizer, scheduler, 60), schedule.lr)


def test_modded_nanogpt_calls_the_function_in_its_place():
    class TrainingSchedule:
        def get_lr(self, step):
            return 0.15

    schedule = wsd(60, 0.3, "1-sqrt", 7, peak_lr=PEAK)
    exec(export(schedule, "modded-nanogpt").text, {"TrainingSchedule": TrainingSchedule})
    agree([PEAK * TrainingSchedule().get_lr(step) for step in range(60)], schedule.lr)


def test_lightning_itself_runs_it():
    torch = pytest.importorskip("torch")
    lightning = own_code.code("lightning.pytorch", "torchmetrics", whole=True)
    schedule, space, seen = wsd(30, 0.3, "1-sqrt", 7, peak_lr=PEAK), {}, []
    exec(export(schedule, "lightning").text, space)

    class Model(lightning.LightningModule):
        configure_optimizers = space["configure_optimizers"]

        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def training_step(self, batch, _):
            seen.append(self.optimizers().param_groups[0]["lr"])
            return self.layer(batch).sum()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"accelerator": "cpu", "logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        trainer = lightning.Trainer(max_steps=30, enable_model_summary=False, **options)
        trainer.fit(Model(), torch.utils.data.DataLoader(torch.ones(7, 1), batch_size=1))
    agree(seen, schedule.lr)
