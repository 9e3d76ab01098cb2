"""This project's own logs: whole, joined, and what their figures are drawn from; on made-up tables where a value is known."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from lastiterate.figures.own.own_runs import compute as own_runs
from lastiterate.figures.own.own_weight_norm import compute as own_weight_norm
from lastiterate.logs.ingest import ingest_folder
from lastiterate.logs.schema import history_table, runs_table
from lastiterate.schedules import constant, linear, wsd
from lastiterate.train.config import load_train_config
from lastiterate.train.plan import make_plan

ROOT = Path(__file__).parents[1]
EMBEDDED = ROOT / "data/embedded"


@pytest.fixture(scope="module")
def embedded():
    runs, notes = ingest_folder(EMBEDDED)
    return runs, notes


@pytest.fixture(scope="module")
def inputs(embedded, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ingested")
    for name, table in (("runs", runs_table), ("history", history_table)):
        table(embedded[0], "embedded").to_parquet(folder / f"{name}.parquet")
    return [folder / "runs.parquet", folder / "history.parquet"]


def test_the_embedded_logs_are_small_whole_and_of_one_corpus(embedded):
    runs, notes = embedded
    cards = json.loads((EMBEDDED / "cards.json").read_text())
    assert sum(path.stat().st_size for path in EMBEDDED.iterdir()) < 5_000_000
    assert not [note for note in notes if note.left_out] or all("diverged" in note.message for note in notes if note.left_out)
    assert len({card["settings"]["data"]["sha256"] for card in cards}) == 1
    assert {card["code"] for card in cards} and all(len(card["code"]) == 16 for card in cards)
    for run in runs:
        if not run.diverged:
            assert run.series["train_loss"][0][-1] == run.schedule.total_steps and run.series["train_loss"][0][0] <= 25


@pytest.mark.slow
def test_the_embedded_runs_are_those_of_the_config(embedded):
    plan = make_plan(load_train_config(ROOT / "config/train/embedded.yaml"))
    for run in embedded[0]:
        planned = plan[run.run_id]
        if not planned.refined_from:
            assert run.schedule == planned.schedule
        assert (run.base_lr, run.seed, run.parent_run) == (planned.base_lr, planned.seed, planned.parent)


@pytest.mark.slow
def test_the_long_runs_are_whole_of_one_corpus_and_those_of_their_config():
    folder = ROOT / "data/long"
    runs, notes = ingest_folder(folder)
    plan = make_plan(load_train_config(ROOT / "config/train/long.yaml"))
    cards = json.loads((folder / "cards.json").read_text())
    assert not [note for note in notes if note.left_out] and sum(path.stat().st_size for path in folder.iterdir()) < 3_000_000
    assert len(runs) == len(plan) and len({card["settings"]["data"]["sha256"] for card in cards}) == 1
    for run in runs:
        planned = plan[run.run_id]
        assert run.schedule == planned.schedule and (run.base_lr, run.parent_run) == (planned.base_lr, planned.parent)
        assert run.series["train_loss"][0][-1] == run.schedule.total_steps and not run.diverged


def test_a_branch_continues_its_trunk(embedded):
    by_id = {run.run_id: run for run in embedded[0]}
    branches = [run for run in embedded[0] if run.parent_run and not run.diverged]
    assert len(branches) > 20
    for run in branches:
        steps, losses = run.series["val_loss"]
        parent_steps, parent_losses = by_id[run.parent_run].series["val_loss"]
        shared = np.isin(steps, parent_steps) & (steps <= run.branch_step)
        np.testing.assert_array_equal(losses[shared], parent_losses[np.isin(parent_steps, steps[shared])])


def parameters(name):
    return yaml.safe_load((ROOT / "config/config.yaml").read_text())["own"][name]


def test_the_families_of_the_own_logs_have_something_to_draw(inputs):
    tables = own_runs.compute(parameters("own_runs"), inputs)
    differences = pd.DataFrame(tables["differences"].columns)
    assert {"linear", "cosine", "constant"} <= set(differences.label) and np.isfinite(differences.difference).all()
    assert pd.DataFrame(tables["exponents"].columns).exponent.between(-2, 0.5).all()
    tables = own_weight_norm.compute(parameters("own_weight_norm"), inputs)
    assert (pd.DataFrame(tables["fits"].columns).fitted > 0).all()


def made_up(exponent, seeds=(0, 1, 2), gain=0.01):
    """Runs whose loss is a parabola in log LR with its minimum at .004 (T/1000)^exponent, and a cosine better by `gain`."""
    rows = []
    for seed in seeds:
        for steps in (1000, 2000, 4000):
            for lr in 0.001 * 2.0 ** np.arange(6):
                best = 0.004 * (steps / 1000) ** exponent * 2 ** (0.1 * seed)
                loss = 2 + 0.1 * np.log(lr / best) ** 2 + 0.05 * seed
                for name, label, shift in (("wsd", "wsd20", 0.0), ("cosine", "cosine", -gain - 0.001 * seed)):
                    schedule = wsd(steps, 0.2) if name == "wsd" else linear(steps)
                    rows.append(
                        {
                            "model_name": "m", "label": label, "total_steps": steps, "seed": seed, "base_lr": lr,
                            "final_val_loss": loss + shift, "diverged": False, "schedule": schedule.to_json(),
                        }
                    )  # fmt: skip
    return pd.DataFrame(rows)


def test_best_learning_rates_exponents_and_differences_of_known_losses():
    chosen = made_up(-0.4)
    best = pd.DataFrame(own_runs.best_base_lrs(chosen).columns)
    expected = 0.004 * (best.total_steps / 1000) ** -0.4 * 2 ** (0.1 * best.seed)
    np.testing.assert_allclose(best.best_base_lr, expected, rtol=1e-9)
    fits = pd.DataFrame(own_runs.exponents(best, ["wsd20"]).columns).iloc[0]
    assert fits.exponent == pytest.approx(-0.4) and fits.seeds == 3 and fits.half_width == pytest.approx(0, abs=1e-9)
    assert fits.bound_exponent == pytest.approx(-0.5, abs=0.05)
    differences = pd.DataFrame(own_runs.differences(chosen, best, 4000, "wsd20").columns)
    assert len(differences) == 7 and set(differences.seeds) == {3}
    np.testing.assert_allclose(differences.difference, -0.011, atol=1e-9)
    np.testing.assert_allclose(differences.half_width, 4.302653 * 0.001 / np.sqrt(3), rtol=1e-5)


def test_a_minimum_at_the_end_of_the_grid_is_marked():
    chosen = made_up(-0.4)
    best = pd.DataFrame(own_runs.best_base_lrs(chosen[chosen.base_lr < 0.0041]).columns)
    ends = best[best.inside == 0]
    assert len(ends) > 0 and np.allclose(ends.best_base_lr, 0.004) and set(best[best.inside == 1].total_steps) == {4000}


def test_the_random_walk_of_the_weight_norm():
    lr = constant(4000, peak_lr=0.01).lr
    norm = own_weight_norm.weight_norm(lr, weight_decay=0.5, scale=2.0)
    assert norm[0] == 1 - 2 * 0.5 * 0.01 + 0.0004
    assert norm[-1] == pytest.approx(2.0**2 * 0.01 / (2 * 0.5))  # stationary: s^2 eta / (2 lambda)
