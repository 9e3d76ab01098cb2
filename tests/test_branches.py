"""Cooldowns in logs of their own, joined to their trunks; tables of settings beside the logs."""

import json

import numpy as np
import pytest

from lastiterate.cli import main
from lastiterate.logs import LogError, read
from lastiterate.logs.settings import Settings
from lastiterate.schedules import constant, wsd
from made_up_logs import csv_bytes

TRUNK, DECAY = constant(4000, peak_lr=1e-3), wsd(2000, 0.2, peak_lr=1e-3)
BRANCH = DECAY.warmup_steps + DECAY.stable_steps


def write(folder, name, schedule, start=0, every=20, shift=0.0, **settings):
    """A CSV log with step, lr and loss from `start` on, and columns that hold settings."""
    step = np.arange(start + every, schedule.total_steps + 1, every)
    loss = 3 + 2 / np.sqrt(step) + 100 * schedule.lr[step - 1] + shift
    columns = {"step": step, "lr": schedule.lr[step - 1], "loss": loss} | {k: np.full(step.size, v) for k, v in settings.items()}
    (folder / f"{name}.csv").write_bytes(csv_bytes(list(columns), zip(*(v.tolist() for v in columns.values()), strict=True)))


def runs_of(folder, **options):
    return {run.run_id: run for run in read(folder, **options)}


def notes(run):
    return " | ".join(note.message for note in run.notes)


def test_a_cooldown_is_joined_to_the_only_trunk_that_fits(tmp_path):
    write(tmp_path, "cool", DECAY, start=1500)
    write(tmp_path, "trunk", TRUNK)
    write(tmp_path, "other", constant(4000, peak_lr=2e-3))
    run = runs_of(tmp_path)["cool"]
    assert run.parent_run == "trunk" and run.branch_step == 1519 and run.lr_from == "recognised"
    steps, loss = run.series["train_loss"]
    assert steps.tolist() == list(range(20, 2001, 20)) and (np.diff(loss) < 0).all()
    np.testing.assert_allclose(run.lr, DECAY.lr, rtol=1e-12)
    assert (run.schedule.name, run.cooldown, run.schedule.decay_steps) == ("wsd", 0.2, DECAY.decay_steps)
    assert "joined from trunk (the only run whose step, learning rates and settings fit)" in notes(run)


@pytest.mark.parametrize(("every", "late"), [(20, 0), (20, 1), (100, 0)])
def test_a_cooldown_whose_first_row_decays_already(tmp_path, every, late):
    write(tmp_path, "cool", DECAY, start=BRANCH // every * every + late * every, every=every)
    write(tmp_path, "trunk", TRUNK, every=every)
    run = runs_of(tmp_path)["cool"]
    assert run.parent_run == "trunk" and run.branch_step == BRANCH
    np.testing.assert_allclose(run.lr, DECAY.lr, rtol=1e-12)


def test_where_two_trunks_fit_the_note_asks_and_a_stated_parent_answers(tmp_path):
    write(tmp_path, "cool", DECAY, start=1500)
    for seed in (0, 1):
        write(tmp_path, f"trunk{seed}", TRUNK, shift=seed / 1000)
    run = runs_of(tmp_path)["cool"]
    assert run.parent_run is None and run.lr is None
    assert "2 runs fit: trunk0, trunk1: say which in the column parent of a table of settings" in notes(run)
    (tmp_path / "runs.csv").write_text("run,parent\ncool,trunk1\n")
    assert runs_of(tmp_path)["cool"].parent_run == "trunk1"


def test_settings_that_differ_keep_a_trunk_away(tmp_path):
    write(tmp_path, "cool", DECAY, start=1500, batch_size=64)
    write(tmp_path, "trunk", TRUNK, batch_size=64)
    write(tmp_path, "wide", TRUNK, batch_size=128)
    assert runs_of(tmp_path)["cool"].parent_run == "trunk"
    (tmp_path / "trunk.csv").unlink()
    run = runs_of(tmp_path)["cool"]
    assert run.parent_run is None and "no run here fits it in step, learning rates and settings" in notes(run)


def test_a_stated_parent_that_cannot_be_is_an_error(tmp_path):
    write(tmp_path, "cool", DECAY, start=1500)
    write(tmp_path, "short", constant(1000, peak_lr=1e-3))
    (tmp_path / "runs.csv").write_text("run,parent\ncool,short\n")
    with pytest.raises(LogError, match="cannot be joined to its parent: no run of the source has its settings"):
        runs_of(tmp_path)


def test_a_lowered_learning_rate_after_the_branch_needs_a_stated_parent(tmp_path):
    whole = np.where(np.arange(2000) < 1500, 1e-3, 5e-4)
    step = np.arange(1520, 2001, 20)
    rows = zip(step.tolist(), whole[step - 1].tolist(), (3 + 1 / step).tolist(), strict=True)
    (tmp_path / "low.csv").write_bytes(csv_bytes(["step", "lr", "loss"], rows))
    write(tmp_path, "trunk", TRUNK)
    assert runs_of(tmp_path)["low"].parent_run is None
    (tmp_path / "runs.csv").write_text("run,parent\nlow,trunk\n")
    run = runs_of(tmp_path)["low"]
    assert run.parent_run == "trunk" and run.schedule.name == "two_stage" and run.schedule.phases[0].steps == 1500


def test_a_branch_of_a_branch(tmp_path):
    write(tmp_path, "trunk", constant(1000, peak_lr=1e-3))
    write(tmp_path, "on", constant(2000, peak_lr=1e-3), start=900)
    write(tmp_path, "cool", DECAY, start=1500)
    runs = runs_of(tmp_path)
    assert (runs["on"].parent_run, runs["cool"].parent_run) == ("trunk", "on")
    assert runs["cool"].series["train_loss"][0][0] == 20


def test_a_log_that_begins_late_alone_is_read_as_it_is(tmp_path):
    write(tmp_path, "cool", DECAY, start=1500)
    run = runs_of(tmp_path)["cool"]
    assert run.schedule is None and "names no checkpoint" in notes(run) and run.final_train_loss is not None


TABLE = """run,model,n_params,batch,weight_decay,optimizer,seed,parent,schedule
a,llama,124M,256,0.1,adamw,1,,
b,llama,1.5B,256,0,adamw,2,,"{""family"": ""constant"", ""total_steps"": 400, ""peak_lr"": 0.001}"
"""


def test_a_table_of_settings_fills_what_the_logs_do_not_hold(tmp_path, capsys):
    write(tmp_path, "a", constant(400, peak_lr=1e-3), seed=7)
    (tmp_path / "b.csv").write_bytes(csv_bytes(["step", "loss"], [[s, 3 - s / 1000] for s in range(10, 401, 10)]))
    (tmp_path / "runs.csv").write_text(TABLE)
    runs = runs_of(tmp_path)
    a, b = runs["a"], runs["b"]
    assert (a.model, a.n_params, a.batch_size, a.weight_decay, a.optimizer) == ("llama", 124_000_000, 256, 0.1, "adamw")
    assert f"model, n_params, batch_size, weight_decay, optimizer from {tmp_path / 'runs.csv'}" in notes(a)
    assert "is 7 in the log, 1 in" in notes(a)
    assert (b.n_params, b.weight_decay, b.seed, b.lr_from) == (1_500_000_000, 0.0, 2, "schedule")
    (tmp_path / "runs.csv").rename(tmp_path.parent / "stated.csv")
    assert runs_of(tmp_path)["b"].model is None
    assert runs_of(tmp_path, settings=tmp_path.parent / "stated.csv")["b"].model == "llama"
    assert main(["read", str(tmp_path), "--settings", str(tmp_path.parent / "stated.csv"), "--json"]) == 0
    assert {run["lr_from"] for run in json.loads(capsys.readouterr().out)["runs"]} == {"recognised", "schedule"}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("run,sede\na,1\n", "there is no setting 'sede', but seed"),
        ("run,seed\nrun_a,1\n", "there is no run 'run_a', but a, b: correct its column run"),
        ("run,parent\na,bb\n", "run 'a': there is no parent 'bb', but b"),
        ("run,seed\na,1\na,2\n", "line 3: run 'a' is there before"),
        ("run,seed\na,1,2\n", "line 2: has 3 cells, expected 2"),
        ("run,n_params\na,many\n", "line 2: n_params is 'many', expected a whole number such as 256 or 124M"),
        ("run,schedule\na,{}\n", "line 2"),
        ("run,schedule\na,none.json\n", "none.json"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(tmp_path, table, message, capsys):
    for name in ("a", "b"):
        write(tmp_path, name, constant(400, peak_lr=1e-3))
    (tmp_path / "runs.csv").write_text(table)
    assert main(["read", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err


def test_a_name_in_a_table_may_mean_one_run_only(tmp_path):
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, "a", constant(400, peak_lr=1e-3))
    (tmp_path / "runs.csv").write_text("run,seed\nx,1\ny/a,2\n")
    assert {name: run.seed for name, run in runs_of(tmp_path).items()} == {"x/a": 1, "y/a": 2}
    (tmp_path / "runs.csv").write_text("run,seed\na,1\n")
    with pytest.raises(ValueError, match="run 'a' may be x/a or y/a: write the whole of its id"):
        runs_of(tmp_path)
    assert Settings.load(tmp_path / "runs.csv").rows == {"a": {"seed": 1}}
    (tmp_path / "runs.csv").write_text("model\nllama\n")
    with pytest.raises(ValueError, match="its columns are model, expected run and others"):
        Settings.load(tmp_path / "runs.csv")


def test_the_olmo_ladder_is_joined_in_one_command(mirror, capsys):
    """The fifteen cooldowns of allenai/OLMo 9bc064c, each in a log of its own, and three trunks."""
    (data,) = (mirror / "allenai/OLMo").glob("*/scripts/scaling/data")
    folders = [str(data / name) for name in ("peteish-moreeval-decay", "peteish-moreeval-const")]
    assert main(["read", *folders, "--map", "val_loss=eval/c4_en-validation/CrossEntropyLoss", "--json"]) == 0
    runs = [run for run in json.loads(capsys.readouterr().out)["runs"] if "decay" in run["run_id"]]
    assert len(runs) == 15 and all(run["lr_from"] == "recognised" for run in runs)
    for run in runs:
        size = run["run_id"].split("/")[1].split("-")[0]
        assert any(f"joined from peteish-moreeval-const/{size}-10xC" in note for note in run["notes"])
