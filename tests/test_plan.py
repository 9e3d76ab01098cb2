"""Plans from made-up pilots whose law is known: the choice, what is not identified, refusals, files."""

import csv
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from conftest import ROOT
from lastiterate.cli import main
from lastiterate.laws import LAWS
from lastiterate.laws.path import Path as LawPath
from lastiterate.plan import Pilot, TooThin, choose, make_plan, pilot_curves, plausible, questions
from lastiterate.plan.candidates import base_lrs, candidates, defaults
from lastiterate.plan.load import load_pilots
from lastiterate.plan.resume import parent
from lastiterate.schedules import constant, cosine, linear, two_stage, wsd

TOTAL = 1000
UNIT = 1e-3
TRUTH = {  # coefficients, shapes
    "effective-power": (np.array([2.0, 3.0, 0.15]), [0.45, 0.8, 1.0]),
    "convex-power": (np.array([2.0, 3.0, 0.05]), [0.45]),
}
SETTINGS = {"init_std": None, "weight_decay": None}


def true_loss(lr, step, law="effective-power"):
    path = LawPath.of([(np.asarray(lr), np.asarray(step), None, None)], UNIT)
    coefficients, shapes = TRUTH[law]
    return LAWS[law].matrix(path, shapes) @ coefficients


def pilot(schedule, name, noise=0.0, seed=0, law="effective-power", **options):
    step = np.arange(10, schedule.total_steps + 1, 10)
    loss = true_loss(schedule.lr, step, law) * np.exp(noise * np.random.default_rng(seed).standard_normal(len(step)))
    return Pilot(name, schedule.lr, {"val_loss": (step, loss)}, schedule, **options)


def sweep(lrs=(5e-4, 1e-3, 2e-3), warmup=20, law="effective-power"):
    found = []
    for lr in lrs:
        found += [
            pilot(wsd(TOTAL, 0.2, warmup_steps=warmup, peak_lr=lr), f"wsd-{lr:g}", 1e-4, 1, law),
            pilot(cosine(TOTAL, warmup_steps=warmup, peak_lr=lr), f"cosine-{lr:g}", 1e-4, 2, law),
        ]
    return found


@pytest.fixture(scope="module")
def plan():
    return make_plan(sweep(), 4000)


@pytest.mark.parametrize(("law", "loses"), [("convex-power", 5e-4), ("effective-power", 0.015)])
def test_the_choice_is_nearly_the_best_candidate_of_the_true_law(law, loses):
    plan = make_plan(sweep(law=law), 4000)
    true = [true_loss(option.schedule.lr, [4000], law)[0] for option, _ in plan.considered]
    reached = true_loss(plan.schedule.lr, [4000], law)[0]
    assert reached - min(true) <= loses < (max(true) - min(true)) / 4
    assert abs(plan.predicted - reached) <= 0.02
    assert plan.low < plan.predicted < plan.high
    assert plan.schedule.total_steps == 4000 and plan.schedule.warmup_steps == 20


def test_every_recommendation_cites_a_rule_and_assumes_something(plan):
    assert {"schedule", "base_lr", "prediction"} <= {advice.what for advice in plan.advice}
    assert all(advice.rule and advice.source and advice.assumptions for advice in plan.advice)


def test_defaults_are_compared_at_the_same_lr_and_warmup(plan):
    recommended, *others = plan.against
    assert [one.name for one in others][:4] == ["cosine to 0.1", "cosine to 0", "wsd, 20 % cooldown", "linear"]
    assert recommended.predicted == plan.predicted and recommended.loses == 0
    assert all(one.loses_low <= one.loses <= one.loses_high and one.loses > -5e-4 for one in others)
    *same, kept = defaults(plan.candidate, 7e-4)
    for option in same:
        assert option.base_lr == plan.candidate.base_lr and option.schedule.warmup_steps == 20
        assert option.schedule.lr[0] == pytest.approx(plan.schedule.lr[0])
    assert kept.label == "same at LR 0.0007" and kept.base_lr == 7e-4 and kept.family == plan.candidate.family


def test_a_plan_is_deterministic(plan):
    again = make_plan(sweep(), 4000)
    assert again.candidate == plan.candidate and (again.predicted, again.low, again.high) == (plan.predicted, plan.low, plan.high)


def test_a_single_peak_is_kept_and_the_run_that_would_settle_it_is_named():
    pilots = [pilot(wsd(TOTAL, c, peak_lr=1e-3), f"c{c}") for c in (0.1, 0.3, 0.6)]
    plan = make_plan(pilots, 2000)
    assert plan.candidate.base_lr == 1e-3
    assert any("run one pilot again at base LR 0.002 and one at 0.0005" in note for note in plan.notes)
    (advice,) = [advice for advice in plan.advice if advice.what == "base_lr"]
    assert advice.rule.startswith("kept from the pilots") and advice.source == "arXiv:2501.18965, section 5.2"


def test_a_choice_beyond_the_pilots_is_said_to_be_one_and_is_not_made_for_a_longer_run():
    low = sweep((5e-5, 1e-4))
    (advice,) = [advice for advice in make_plan(low, TOTAL).advice if advice.what == "base_lr"]
    assert advice.value == pytest.approx(2e-4) and any("beyond the pilots' base learning rates" in text for text in advice.assumptions)
    assert make_plan(low, 2 * TOTAL).candidate.base_lr == pytest.approx(1e-4)


def test_a_family_restricts_the_choice():
    assert make_plan(sweep(), 2000, family="linear").candidate.family == "linear"
    with pytest.raises(ValueError, match="family='step' is not known"):
        make_plan(sweep(), 2000, family="step")


def test_constant_pilots_are_refused_with_the_cooldown_that_is_missing():
    pilots = [pilot(constant(TOTAL, peak_lr=lr), f"{lr:g}") for lr in (1e-3, 2e-3)]
    with pytest.raises(TooThin, match=r"cool one down: wsd of 1000 updates, cooldown 0\.2, base LR 0\.002"):
        make_plan(pilots, 2000)


def test_one_pilot_twice_is_refused():
    one = wsd(TOTAL, peak_lr=1e-3)
    with pytest.raises(TooThin, match="at least two with different learning rates"):
        make_plan([pilot(one, "a", 1e-3, 0), pilot(one, "b", 1e-3, 1)], 2000)


def test_a_horizon_too_far_is_refused():
    with pytest.raises(TooThin, match=r"more than 20 times the longest pilot's 1000: make a pilot of at least 1001 updates"):
        make_plan(sweep(), 20_001)


def test_pilots_that_no_law_describes_are_refused():
    strange = sweep()
    other = strange[0]
    step, loss = other.losses["val_loss"]
    strange[0] = Pilot("other", other.lr, {"val_loss": (step, 3 * loss)}, other.schedule)
    with pytest.raises(TooThin, match="the best law misses pilots that are left out by"):
        make_plan(strange, 2000)


def test_pilots_without_a_common_loss_are_refused():
    mixed = sweep()
    mixed[0] = Pilot("train only", mixed[0].lr, {"train_loss": mixed[0].losses["val_loss"]})
    with pytest.raises(ValueError, match="share no loss"):
        make_plan(mixed, 2000)


def test_learning_rates_stay_below_one_that_diverged():
    dead = Pilot("dead", wsd(TOTAL, peak_lr=2.5e-3).lr, {}, diverged=True)
    plan = make_plan([*sweep(), dead], 2000)
    assert max(option.base_lr for option, _ in plan.considered) < 2.5e-3


def test_base_lrs_reach_a_factor_of_two_beyond_the_pilots():
    found = base_lrs([1e-3, 4e-3])
    assert found[0] == 5e-4 and found[-1] == 8e-3 and np.all(np.diff(found) > 0)


def test_candidates_execute_the_horizon_and_leave_room_for_the_warmup():
    for option in candidates(200, [1e-3], 100):
        assert option.schedule.total_steps == 200 and option.schedule.warmup_steps == 100


def test_questions_name_the_end_that_lacks_a_pilot():
    rising = [pilot(linear(TOTAL, peak_lr=lr), f"{lr:g}") for lr in (1e-4, 2e-4)]
    found = {question.name: question for question in questions(rising, 2000)}
    assert not found["bracket"].identified and "0.0004" in found["bracket"].settle
    assert not found["held_out"].identified and found["base_lr"].identified


def test_repeats_are_averaged_and_the_first_descent_is_left_out():
    one = wsd(TOTAL, warmup_steps=100, peak_lr=1e-3)
    (curve,) = pilot_curves([pilot(one, "a", 1e-2, 0), pilot(one, "b", 1e-2, 1)], "val_loss")
    a, b = (pilot(one, "x", 1e-2, seed).losses["val_loss"][1] for seed in (0, 1))
    np.testing.assert_allclose(curve.loss, ((a + b) / 2)[20:])
    assert curve.step[0] == 210 and curve.step[-1] == TOTAL


def test_training_losses_are_means_over_windows():
    step = np.arange(1, 2001)
    noisy = Pilot("noisy", wsd(2000).lr, {"train_loss": (step, np.where(step % 2, 3.0, 2.0))})
    (curve,) = pilot_curves([noisy], "train_loss")
    assert len(curve.step) == 100 and np.abs(curve.loss - 2.5).max() < 0.05


def test_laws_weigh_by_what_they_missed_of_pilots_left_out():
    laws = plausible(pilot_curves(sweep(law="convex-power"), "val_loss", 0.02, 0.1))
    assert laws.members[0].name in ("convex-power", "convex-effective")
    assert sum(member.weight for member in laws.members) == pytest.approx(1) == laws.weights.sum()
    assert set(laws.members[0].difference) == {"high", "low", "shape"}
    only = plausible(pilot_curves(sweep(), "val_loss", 0.02, 0.1), ["effective-power"])
    assert [member.name for member in only.members] == ["effective-power"] and len(only.weights) == 5


def test_draws_are_the_losses_of_each_fit():
    laws = plausible(pilot_curves(sweep(), "val_loss"))
    options = [wsd(2 * TOTAL, 0.2, peak_lr=1e-3), cosine(2 * TOTAL, peak_lr=2e-3)]
    losses = laws.losses(options)
    assert losses.shape == (len(laws.weights), 2)
    for i, option in enumerate(options):
        np.testing.assert_allclose(losses[:, i], laws.along(option.lr, [2 * TOTAL])[:, 0], rtol=1e-12)
        low, high = laws.interval(losses[:, i, None], 0.9)
        assert low[0] < laws.predicted(losses[:, i, None])[0] < high[0]


def test_of_equal_regrets_the_nearest_learning_rate_is_taken():
    laws = plausible(pilot_curves(sweep(), "val_loss"))
    options = [wsd(TOTAL, 0.2, peak_lr=lr) for lr in (8e-4, 1e-3, 1.3e-3)]
    assert choose(laws, options, tie=1.0).index == 1
    best = choose(laws, options, tie=0.0)
    assert best.index == int(np.argmin(best.regret))
    with pytest.raises(ValueError, match="no candidate has a base learning rate within a factor 2"):
        choose(laws, [wsd(TOTAL, peak_lr=0.1)])


def test_a_continued_run_keeps_what_was_executed_and_cites_the_bound():
    plan = make_plan(sweep(), 3000, from_step=600, run_id="wsd-0.002")
    first = wsd(TOTAL, 0.2, warmup_steps=20, peak_lr=2e-3)
    np.testing.assert_array_equal(plan.schedule.lr[:600], first.lr[:600])
    (advice,) = [advice for advice in plan.advice if advice.what == "factor"]
    assert advice.source == "arXiv:2501.18965, section 5.1" and 0 < advice.value <= 1


def test_a_continued_run_needs_one_pilot_in_its_stable_phase():
    with pytest.raises(ValueError, match="several pilots could be continued"):
        parent(sweep(), 600)
    with pytest.raises(ValueError, match="no pilot is in its stable phase"):
        parent(sweep(), 900)


def csv_log(path, run, column="val_loss"):
    step, loss = run.losses["val_loss"]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["step", "lr", column])
        writer.writerows(zip(step.tolist(), run.lr[step - 1].tolist(), loss.tolist(), strict=True))


def hf_log(path, run):
    rows, following = [], np.append(run.lr[1:], 0.0)  # before 4.50, which has no best_global_step, a row holds the next update's
    for step, loss in zip(*run.losses["val_loss"], strict=True):
        rows.append({"epoch": step / 100, "learning_rate": float(following[step - 1]), "loss": float(loss), "step": int(step)})
        rows.append({"epoch": step / 100, "eval_loss": float(loss), "step": int(step)})
    state = {"epoch": 1.0, "global_step": TOTAL, "is_world_process_zero": True, "log_history": rows, "max_steps": TOTAL}
    path.write_text(json.dumps(state))


def jsonl_log(path, run):
    step, loss = run.losses["val_loss"]
    rows = ({"step": int(s), "lr": float(run.lr[s - 1]), "val_loss": float(v)} for s, v in zip(step, loss, strict=True))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def logs(tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    writers = [(csv_log, "csv"), (jsonl_log, "jsonl"), (hf_log, "json")]
    for i, run in enumerate(sweep()):
        write, suffix = writers[i % 3]
        write(folder / f"{run.run_id}.{suffix}", run)
    return folder


def test_one_command_from_logs_of_several_formats_to_a_plan(logs, tmp_path, capsys):
    out = tmp_path / "plan"
    assert main(["plan", str(logs), "--horizon", "4k", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "4000 updates" in printed and "next run " in printed and "--explain" in printed
    report = json.loads((out / "plan.json").read_text())
    schedule = pd.read_csv(out / "schedule.csv")
    assert schedule.step.tolist() == list(range(1, 4001))
    assert schedule.lr.max() == report["recommended"]["base_lr"]
    assert report["prediction"]["low"] < report["prediction"]["final"] < report["prediction"]["high"]
    assert len(report["pilots"]) == 6 and {p["lr_from"] for p in report["pilots"]} == {"recognised"}
    for panel in ("prediction", "against_defaults"):
        assert (out / f"{panel}.png").stat().st_size > 5000 and (out / f"{panel}.pdf").exists()


def test_json_is_the_plan_and_equal_twice(logs, tmp_path, capsys):
    printed = []
    for name in ("a", "b"):
        assert main(["plan", str(logs), "--horizon", "2000", "--json", "--no-figures", "--out", str(tmp_path / name)]) == 0
        printed.append(json.loads(capsys.readouterr().out))
    assert (tmp_path / "a/plan.json").read_bytes() == (tmp_path / "b/plan.json").read_bytes()
    assert printed[0]["recommended"] == printed[1]["recommended"] and printed[0]["left_out"] == []


def test_a_continued_run_and_the_settings_of_its_trainer_from_the_command_line(logs, tmp_path, capsys):
    options = ["--from-step", "600", "--pilot", "wsd-0.002", "--trainer", "pytorch", "--no-figures", "--out", str(tmp_path / "plan")]
    assert main(["plan", str(logs), "--horizon", "3k", *options, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert any(path.endswith("settings_pytorch.txt") for path in report["files"])
    lr = pd.read_csv(tmp_path / "plan/schedule.csv").lr
    assert lr[100] == lr[599] == report["recommended"]["base_lr"] == pytest.approx(2e-3)
    assert main(["plan", str(logs), "--horizon", "3k", "--from-step", "600"]) == 2
    assert "several pilots could be continued" in capsys.readouterr().err


def test_a_damaged_log_in_a_folder_is_left_out_by_name(logs):
    (logs / "broken.json").write_text('{"log_history": [')
    pilots, left_out = load_pilots([logs])
    assert len(pilots) == 6 and len(left_out) == 1 and "broken.json" in left_out[0]


def test_too_thin_exits_with_status_2_and_says_what_is_missing(tmp_path, capsys):
    csv_log(tmp_path / "one.csv", sweep()[0])
    assert main(["plan", str(tmp_path / "one.csv"), "--horizon", "2k"]) == 2
    message = capsys.readouterr().err
    assert "the evidence is too thin" in message and "run another cooldown or base LR" in message and "Traceback" not in message
    (tmp_path / "lossless.csv").write_text("step,val_loss\n10,3.0\n20,2.9\n")
    assert main(["plan", str(tmp_path / "lossless.csv"), "--horizon", "2k"]) == 2
    assert "its learning rates are not known" in capsys.readouterr().err


def test_bad_options_end_in_status_2(logs, capsys):
    with pytest.raises(SystemExit) as error:
        main(["plan", str(logs), "--horizon", "many"])
    assert error.value.code == 2 and "'many' is not a number of updates" in capsys.readouterr().err
    assert main(["plan", str(logs), "--horizon", "2k", "--trainer", "hf"]) == 2
    assert "--out" in capsys.readouterr().err


def test_pilots_of_two_kinds_are_refused_and_unknown_settings_are_not():
    one, *others = sweep()
    mixed = [replace(one, settings={"optimizer": "sgd", "n_params": 5}), *(replace(p, settings={"optimizer": "adamw"}) for p in others)]
    with pytest.raises(TooThin, match=r"the pilots differ in optimizer \(adamw, sgd\)"):
        make_plan(mixed, 2000)
    alike = [replace(one, settings={"optimizer": "adamw", "n_params": 5}), *mixed[1:]]
    assert make_plan(alike, 2000).predicted == make_plan([one, *others], 2000).predicted


@pytest.mark.parametrize(
    ("schedule", "steps"),
    [(wsd(100, 0.2, warmup_steps=10), 81), (linear(100, warmup_steps=10), 11), (two_stage(100, 40, 0.5, 0.2), 40)],
)
def test_how_long_a_schedule_is_at_its_peak(schedule, steps):
    run = Pilot("a", schedule.lr, {})
    assert run.stable(steps) and not run.stable(steps + 1)


@pytest.mark.slow
def test_the_embedded_runs_give_a_plan_as_they_lie(capsys):
    command = [
        "plan",
        str(ROOT / "data/embedded"),
        "--only",
        "29k-adamw-*seed0-wsd20_4k",
        "--only",
        "29k-adamw-*seed0-wsd20_2k",
        "--horizon",
        "16k",
        "--json",
    ]
    assert main(command) == 0
    report = json.loads(capsys.readouterr().out)
    assert len(report["pilots"]) == 12 and 0.002 <= report["recommended"]["base_lr"] <= 0.032
