"""This project's own training logs, read by its own commands as any log is."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.compute as compute
import pyarrow.parquet as parquet
import pytest

from conftest import ROOT
from lastiterate.cli import main
from lastiterate.logs import read
from lastiterate.logs.ingest import ingest_folder
from lastiterate.plan import load_pilots
from lastiterate.plan.seeds import not_seeds

EMBEDDED = ROOT / "data/embedded"
KEPT = [f"llama_29k-adamw-lr{lr}-seed0-{name}" for lr in ("0.001", "0.002", "0.004") for name in ("trunk", "wsd20_8k", "cosine_8k")]


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """A folder with a few of the runs, as `lastiterate.train.collect` writes it."""
    folder = tmp_path_factory.mktemp("few")
    cards = [card for card in json.loads((EMBEDDED / "cards.json").read_text()) if card["run_id"] in KEPT]
    assert len(cards) == len(KEPT)
    history = parquet.read_table(EMBEDDED / "history.parquet")
    names = compute.cast(history["run_id"], "string")
    parquet.write_table(history.filter(compute.is_in(names, value_set=compute.cast(KEPT, "string"))), folder / "history.parquet")
    (folder / "cards.json").write_text(json.dumps(cards))
    return folder


def test_own_runs_are_read_as_the_figures_read_them(few):
    runs = {run.run_id: run for run in read(few)}
    expected, _ = ingest_folder(few)
    assert runs.keys() == {run.run_id for run in expected} == set(KEPT)
    for run in expected:
        own = runs[run.run_id]
        assert own.schedule == run.schedule and own.weight_decay == 0.1 and own.lr_from == "schedule"
        for name, (steps, values) in run.series.items():
            np.testing.assert_array_equal(own.series[name][0], steps)
            np.testing.assert_array_equal(own.series[name][1], values)
    branch = runs["llama_29k-adamw-lr0.002-seed0-wsd20_8k"]
    assert branch.series["train_loss"][0][0] == 25 and branch.parent_run.endswith("trunk")


@pytest.mark.parametrize("name", ["cards.json", "history.parquet"])
def test_either_file_names_the_folder(few, name):
    assert len(list(read(few / name))) == len(KEPT)


def test_a_plan_is_made_of_them(few, capsys):
    assert main(["plan", str(few), "--horizon", "16k", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["total_steps"] == 16000 and report["left_out"] == []
    assert 1e-3 <= report["recommended"]["base_lr"] <= 1.6e-2
    ends = {run.run_id: run.series["val_loss"][1][-1] for run in read(few)}
    assert report["prediction"]["final"] < min(ends.values())


def test_runs_of_several_settings_are_asked_for_by_group(few, tmp_path, capsys):
    cards = json.loads((few / "cards.json").read_text())
    for card in cards:
        if "lr0.004" in card["run_id"]:
            card["settings"]["optimizer"]["weight_decay"] = 1.0
    (tmp_path / "cards.json").write_text(json.dumps(cards))
    (tmp_path / "history.parquet").write_bytes((few / "history.parquet").read_bytes())
    assert main(["plan", str(tmp_path), "--horizon", "16k"]) == 2
    error = capsys.readouterr().err
    assert "6 such as llama_29k-adamw-lr0.001-seed0-trunk, 3 with --only 'llama_29k-adamw-lr0.004-seed0-'" in error


def test_seeds_that_the_cards_tell_are_seeds_however_far_apart(few):
    (pilot, *_) = [one for one in load_pilots([few])[0] if one.run_id.endswith("wsd20_8k")]
    steps, values = pilot.losses["val_loss"]
    other = replace(pilot, run_id="other", losses={"val_loss": (steps, 1.1 * values)})
    assert pilot.seed == 0 and "further apart than seeds do" in not_seeds([pilot, other], "val_loss")
    assert not_seeds([pilot, replace(other, seed=1)], "val_loss") is None


@pytest.mark.slow
def test_those_of_one_setting_make_a_plan(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main(["plan", "data/embedded", "--horizon", "20k", "--only", "llama_29k-adamw-lr"]) == 0
    assert "20000" in capsys.readouterr().out.replace(",", "")
