"""A plan is written for every trainer: with the settings that execute it, or the reason why none does and what comes nearest."""

import json

import numpy as np
import pytest

import made_up_pilots as made
from lastiterate.cli import main
from lastiterate.plan import Pilot, make_plan
from lastiterate.plan.settings import make_settings
from lastiterate.plan.warmup import warmup_start
from lastiterate.schedules import wsd
from lastiterate.schedules.export import TRAINERS
from trainer_rules import RULES, agree

HORIZON, STEP = 3000, 800
ALWAYS = ("pytorch", "optax")


def pilots(start=None):
    """Pilots of made-up losses; their warmup of 25 updates starts at `start` of the peak."""
    found = []
    for run in made.pilots():
        lr = run.lr.copy()
        if start is not None:
            lr[:25] = run.schedule.peak_lr * (start + (1 - start) * np.arange(25) / 25)
        found.append(Pilot(run.name, lr, {"train_loss": (run.step, run.loss)}))
    return found


@pytest.mark.parametrize("trainer", TRAINERS)
@pytest.mark.parametrize("start", [None, 1 / 26, 0.1], ids=["published", "1 in W + 1", "0.1"])
def test_a_plan_from_any_pilots_is_executed_by_every_trainer(trainer, start):
    plan = make_plan(pilots(start), HORIZON, family="wsd", law="convex-power", trainer=trainer)
    assert plan.schedule.warmup_steps == 25 and plan.start_step == 0
    found = make_settings(plan.schedule, trainer)
    assert found.reason is None and found.taken and found.settings.deviation <= 1e-9 and found.first_update == 1
    if trainer in RULES and trainer not in ALWAYS:
        np.testing.assert_allclose(
            RULES[trainer](found.settings.text, HORIZON), plan.schedule.lr, rtol=0, atol=1e-9 * plan.schedule.peak_lr
        )
    pilot = make_settings(plan.next_pilot.pilot.schedule, trainer)
    assert pilot.reason is None and pilot.settings.deviation <= 1e-9
    own = plan.schedule.phases[0].start
    assert own == pytest.approx(start or 0.0, abs=1e-9) or (own in (0.0, 1 / 26) and trainer not in ALWAYS)


def test_where_a_warmup_starts():
    halves = [Pilot("a", wsd(100, 0.2, warmup_steps=9, initial_lr_ratio=0.5).lr, {}), Pilot("b", wsd(100, 0.2).lr, {})]
    assert warmup_start(halves, 20) == 0.5 and warmup_start(halves, 20, "megatron") == 0.5 and warmup_start(halves, 20, "nanotron") == 0.0
    assert warmup_start(halves[1:], 20) == 0.0 and warmup_start(halves, 0) == 0.0
    steps = [Pilot("a", wsd(100, 0.2, warmup_steps=9, initial_lr_ratio=0.1).lr, {})]
    assert warmup_start(steps, 19) == 0.05 and warmup_start(steps, 19, "olmo-core") == 0.05 and warmup_start(steps, 19, "maxtext") == 0.0


@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_continued_plan_begins_after_its_checkpoint(trainer):
    plan = make_plan(pilots(0.0), HORIZON, from_step=STEP, run_id="wsd-1200-0.001", law="convex-power", trainer=trainer)
    assert plan.start_step == STEP
    found = make_settings(plan.schedule, trainer, start_step=plan.start_step)
    assert found.reason is None and found.first_update == STEP + 1
    agree(found.settings.lr, plan.schedule.lr[STEP:], plan.schedule.peak_lr, found.settings.rounding)


@pytest.mark.slow
def test_what_a_trainer_cannot_execute_is_noted_in_a_plan_that_is_written(tmp_path, capsys):
    made.save(tmp_path / "runs", made.each(made.table_csv, "{}.csv")(made.pilots()))
    words = ["plan", str(tmp_path / "runs"), "--horizon", str(HORIZON), "--schedule", "wsd-1-sqrt", "--trainer", "maxtext", "--no-figures"]
    files, texts = {}, {}
    for name, more in {"no": [], "nearest": ["--nearest"], "tolerant": ["--tolerance", "0.5"]}.items():
        assert main([*words, *more, "--out", str(tmp_path / name)]) == 0
        printed = capsys.readouterr().out
        files[name] = json.loads((tmp_path / name / "plan.json").read_text())
        texts[name] = (tmp_path / name / "settings_maxtext.txt").read_text()
        assert ("MaxText cannot execute" in printed) == (name != "tolerant")
    assert files["no"]["recommended"] == files["nearest"]["recommended"] and files["no"]["start_step"] == 0
    stated = {name: file["settings"] for name, file in files.items()}
    assert [stated[name]["executes_the_plan"] for name in stated] == [False, False, True]
    assert [stated[name]["taken"] for name in stated] == [False, True, True]
    assert "its decays are linear, cosine, not 1-sqrt" in stated["no"]["reason"] and stated["no"]["deviation"] > 0.01
    assert all(line.startswith("#") for line in texts["no"].splitlines()) and "# steps: 3000" in texts["no"]
    for name in ("no", "nearest"):
        first, second, *_ = texts[name].splitlines()
        assert first.startswith("# NOT THE SCHEDULE THAT WAS ASKED FOR") and second.startswith(
            "# MaxText cannot execute this schedule: update"
        )
    assert "\nsteps: 3000" in texts["nearest"] and "NOT THE SCHEDULE" not in texts["tolerant"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--nearest"], "name it with --trainer"),
        (["--tolerance", "0.1"], "name it with --trainer"),
        (["--trainer", "hf", "--out", "x", "--tolerance", "nan"], "--tolerance=nan must lie in"),
        (["--trainer", "hf"], "--trainer writes settings: say where with --out FOLDER"),
    ],
)
def test_options_that_mean_nothing_are_refused_before_the_work(more, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["plan", "nowhere", "--horizon", "100", *more]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "x").exists()


def test_a_plan_for_an_older_release_of_the_trainer():
    plan = make_plan(pilots(1 / 26), HORIZON, family="wsd", law="convex-power", trainer="torchtitan")
    assert "--optimizer.lr " in make_settings(plan.schedule, "torchtitan", version="0.2.2").text
    assert "--optimizer.param_groups.0" in make_settings(plan.schedule, "torchtitan").text
