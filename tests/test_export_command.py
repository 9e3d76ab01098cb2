"""The command that exports a schedule, and the page that lists the trainers."""

import json

import numpy as np
import pytest

from conftest import ROOT
from lastiterate.cli import main
from lastiterate.schedules import wsd
from lastiterate.schedules.export import TRAINERS, export
from lastiterate.schedules.stated import read_schedule

FAMILY = {"family": "wsd", "total_steps": 100, "cooldown": 0.2, "decay_shape": "1-sqrt", "peak_lr": 0.001}


@pytest.mark.parametrize("trainer", TRAINERS)
def test_command(trainer, tmp_path, capsys):
    family = FAMILY | {"decay_shape": "linear"}
    out, csv = tmp_path / "settings.txt", tmp_path / "lr.csv"
    assert main(["export", "--schedule", json.dumps(family), "--trainer", trainer, "--out", str(out), "--csv", str(csv)]) == 0
    found, printed = export(wsd(100, 0.2, peak_lr=0.001), trainer), capsys.readouterr().out
    assert printed == "".join(f"# {note}\n" for note in found.notes) + found.text + "\n"
    assert out.read_text() == printed
    step, lr = np.loadtxt(csv, delimiter=",", skiprows=1, unpack=True)
    assert csv.read_text().startswith("step,lr\n1,") and step.tolist() == list(range(1, 101))
    assert lr.tolist() == found.lr.tolist()


def test_command_prints_json(tmp_path, capsys):
    file = tmp_path / "schedule.json"
    file.write_text(wsd(100, 0.2, "1-sqrt", peak_lr=0.001).to_json())
    assert main(["export", "--schedule", str(file), "--trainer", "hf", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["values"]["lr_scheduler_kwargs"]["decay_type"] == "1-sqrt"
    assert (answer["trainer"], answer["exact"], answer["total_steps"]) == ("hf", True, 100)
    assert main(["export", "--schedule", str(file), "--trainer", "pytorch", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["values"]["phases"][1]["shape"] == "1-sqrt"


def test_command_refuses_what_the_trainer_cannot_unless_asked_for_the_nearest(capsys):
    arguments = ["export", "--schedule", json.dumps(FAMILY), "--trainer", "olmo-core", "--trainer-version", "2.5"]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "OLMo-core cannot execute this schedule" in error and "--nearest" in error and "scheduler = WSD(" in error
    assert main([*arguments, "--nearest"]) == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("# NOT THE SCHEDULE THAT WAS ASKED FOR") and second.startswith("# not the schedule: update ")


STAGES = "two_stage:total_steps=90,switch_step=60,factor=0.5,cooldown=0.2,peak_lr=0.001"


def test_command_gives_the_rest_of_a_run_and_the_script_for_its_checkpoint(tmp_path, capsys):
    out, csv = tmp_path / "a.txt", tmp_path / "lr.csv"
    arguments = ["export", "--schedule", STAGES, "--trainer", "hf"]
    assert main(arguments) == 2 and "cannot execute" in capsys.readouterr().err
    assert main([*arguments, "--from-step", "60", "--out", str(out), "--csv", str(csv)]) == 0
    assert "learning_rate=0.0005" in out.read_text() and (tmp_path / "a.resume_60.py").read_text().startswith("# Run once")
    step, lr = np.loadtxt(csv, delimiter=",", skiprows=1, unpack=True)
    assert step.tolist() == list(range(61, 91)) and lr.tolist() == read_schedule(STAGES).lr[60:].tolist()
    capsys.readouterr()
    assert main([*arguments, "--segments", "--json"]) == 0
    parts = json.loads(capsys.readouterr().out)["segments"]
    assert [(part["first_update"], part["total_steps"], part["checkpoint"] is None) for part in parts] == [(1, 60, True), (61, 90, False)]


def test_command_takes_a_plan_for_where_it_begins(tmp_path, capsys):
    plan = {"start_step": 60, "recommended": {"schedule": json.loads(read_schedule(STAGES).to_json())}}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    assert main(["export", "--schedule", str(tmp_path), "--trainer", "hf", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["first_update"] == 61


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--from-step", "90"], "leaves nothing of total_steps=90"),
        (["--segments", "--nearest"], "leave out --nearest"),
        (["--tolerance", "-1"], "tolerance=-1 must lie in"),
    ],
)
def test_command_refuses_what_is_no_part(more, message, capsys):
    assert main(["export", "--schedule", STAGES, "--trainer", "hf", *more]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("{}", "has no 'name': it takes name, phases and peak_lr"),
        ('{"family": "wsdd"}', "family='wsdd' is not known"),
        ('{"family": "wsd", "total_steps": 5, "cooling": 1}', "it takes total_steps, cooldown"),
        ('{"family": "wsd", "total_steps": 5, "cooldown": 2}', "cooldown=2 must lie in"),
        ("nowhere.json", "nowhere.json"),
    ],
)
def test_command_names_what_is_wrong_with_the_schedule(text, message, capsys):
    assert main(["export", "--schedule", text, "--trainer", "hf"]) == 2
    assert message in capsys.readouterr().err


def test_documentation_lists_every_trainer():
    page = (ROOT / "docs" / "trainers.md").read_text()
    assert all(f"`{name}`" in page and adapter.TITLE in page for name, adapter in TRAINERS.items())
