"""Columns with names of their own in the workflow: sources.csv and the entry `plans` take what --map of the command line takes."""

import json

import pandas as pd
import pytest
import yaml

import made_up
import made_up_pilots as made
from lastiterate.logs import ingest
from lastiterate.workflow.sources import load_sources, source_digest
from test_workflow import edited, make_copy, snakemake, would_run

MAP = {"step": "t", "train_loss": "my, loss", "lr": "rate"}
ROW = {
    "source": "mine",
    "reader": "logs",
    "repository": "local",
    "commit": "",
    "path": "runs/*.csv",
    "sha256": "",
    "bytes": "",
    "licence": "own",
}


def rows(mapping=MAP, **change):
    text = ";".join(f"{what}={column}" for what, column in mapping.items())
    return [ROW | change | {"map": f'"{text}"'}]


def save_runs(folder):
    for run in made.pilots():
        table = made.csv_bytes(["t", "rate", "my, loss", "loss"], [(t, run.lr[t - 1], loss, 9.0) for t, loss, _ in run.rows()])
        made.save(folder / "runs", {f"{run.name}.csv": table})


def run_ingest(monkeypatch, folder):
    monkeypatch.chdir(folder)
    arguments = ["--sources", "sources.csv", "--source", "mine", "--output", "r.parquet", "h.parquet", "i.csv"]
    monkeypatch.setattr("sys.argv", ["ingest", *arguments])
    ingest.main()
    return pd.read_parquet("r.parquet"), pd.read_parquet("h.parquet")


def test_a_source_of_local_logs_maps_columns(tmp_path, monkeypatch):
    save_runs(tmp_path)
    made_up.write_sources(tmp_path / "sources.csv", rows())
    runs, history = run_ingest(monkeypatch, tmp_path)
    assert len(runs) == 6 and set(runs.lr_from) == {"recognised"}
    last = history[history.run_id == made.pilots()[-1].name]
    assert last.train_loss.tolist() == made.pilots()[-1].loss.tolist() and last.step.tolist() == made.pilots()[-1].step.tolist()


def test_charts_of_a_source_are_read_together(tmp_path, monkeypatch):
    made.save(tmp_path / "runs", made.wandb_charts(made.pilots()))
    made_up.write_sources(tmp_path / "sources.csv", [ROW])
    runs, _ = run_ingest(monkeypatch, tmp_path)
    assert sorted(runs.run_id) == sorted(run.name for run in made.pilots()) and set(runs.lr_from) == {"recognised"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (rows({"speed": "t"}), "map has 'speed', expected one of run_id, step, lr"),
        (rows({"lr": "nowhere"}), "there is no column 'nowhere' for lr, but t, rate, my, loss, loss"),
        (rows({"lr": ""}), "map='lr=' is not WHAT=COLUMN;WHAT=COLUMN"),
        (rows(reader="epfml"), "reader epfml takes no map, but logs, "),
    ],
)
def test_a_bad_map_is_named(tmp_path, monkeypatch, capsys, row, message):
    save_runs(tmp_path)
    made_up.write_sources(tmp_path / "sources.csv", row)
    with pytest.raises(SystemExit):
        run_ingest(monkeypatch, tmp_path)
    assert message in capsys.readouterr().err


def test_another_map_is_another_content(tmp_path, monkeypatch):
    save_runs(tmp_path)
    monkeypatch.chdir(tmp_path)
    digests = []
    for mapping in (MAP, MAP | {"train_loss": "loss"}):
        made_up.write_sources(tmp_path / "sources.csv", rows(mapping))
        digests.append(source_digest(load_sources("sources.csv")["mine"], tmp_path / "cache.json"))
    assert digests[0] != digests[1]


@pytest.mark.slow
def test_a_plan_of_the_workflow_maps_columns_and_states_schedules(tmp_path):
    """In a copy of the real workflow: a plan from an ingested source with a map, one from the logs as they lie, and one of text logs."""
    folder = make_copy(tmp_path)
    save_runs(folder)
    made.save(folder / "text", made.each(made.modded, "{}.log")(made.pilots()))
    made_up.write_sources(folder / "config/sources.csv", [row | {"map": ""} for row in read_rows(folder)] + rows())
    config = yaml.safe_load((folder / "config/config.yaml").read_text())
    executed = {
        run.name: {"family": run.schedule.name, "total_steps": run.total, "warmup_steps": 25, "peak_lr": run.schedule.peak_lr}
        for run in made.pilots()
    }
    first = made.pilots()[0]
    arguments = {"learning_rate": 0.0005, "max_steps": first.total, "warmup_steps": 25, "lr_scheduler_type": "warmup_stable_decay"}
    arguments["lr_scheduler_kwargs"] = {"num_decay_steps": 120, "decay_type": "linear"}
    (folder / "args.json").write_text(json.dumps(arguments))
    by_file = executed | {first.name: "hf:args.json"}
    config["plans"] = {
        "ingested": {"runs": ["data/ingested/mine"], "horizon": 3000},
        "direct": {"runs": ["runs"], "horizon": 3000, "map": MAP},
        "text": {"runs": ["text"], "horizon": 3000, "executed": executed},
        "noted": {"runs": ["runs"], "horizon": 3000, "map": MAP, "schedule": "wsd-1-sqrt", "trainer": "maxtext"},
        "taken": {"runs": ["text"], "horizon": 3000, "executed": by_file, "schedule": "wsd-1-sqrt", "trainer": "maxtext", "nearest": True},
    }
    (folder / "config/config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    snakemake(folder, "plan")
    plans = {name: json.loads((folder / f"results/plans/{name}/plan.json").read_text()) for name in config["plans"]}
    assert {plan["recommended"]["base_lr"] for plan in plans.values()} == {1e-3}
    assert plans["direct"]["prediction"] == plans["ingested"]["prediction"] and len(plans["text"]["pilots"]) == 6
    assert [plans[name]["settings"]["taken"] for name in ("noted", "taken")] == [False, True]  # and written, though MaxText cannot
    assert "\nsteps: 3000" in (folder / "results/plans/taken/settings_maxtext.txt").read_text()
    assert would_run(folder, "plan") == set()
    with edited(folder / "config/sources.csv", "my, loss", "loss"):
        assert would_run(folder, "plan") == {"plan", "ingest_mine", "plan_ingested"}
    with edited(folder / "args.json", "120", "110"):
        assert would_run(folder, "plan") == {"plan", "plan_taken"}


def read_rows(folder):
    return pd.read_csv(folder / "config/sources.csv", dtype=str).to_dict("records")
