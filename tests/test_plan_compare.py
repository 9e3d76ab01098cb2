"""Settings that a person is choosing between: ranked as the law that made the pilots ranks them, told apart where they are."""

import json

import numpy as np
import pytest

import made_up_pilots as made
from lastiterate.cli import main
from lastiterate.plan import compare, load_pilots, make_plan
from lastiterate.schedules import constant, cosine, linear, wsd

HORIZON = 2400
SETTINGS = {
    "cosine": cosine(HORIZON, warmup_steps=40, peak_lr=1e-3),
    "wsd 20 %": wsd(HORIZON, 0.2, warmup_steps=40, peak_lr=1e-3),
    "linear": linear(HORIZON, warmup_steps=40, peak_lr=1e-3),
    "flat": constant(HORIZON, warmup_steps=40, peak_lr=2e-3),
}


def truth(schedule):
    return float(made.true_loss(schedule.lr, [schedule.total_steps])[0]) + made.VAL


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    for run in made.pilots():
        rows = zip(run.val_step.tolist(), run.lr[run.val_step - 1].tolist(), run.val.tolist(), strict=True)
        (place / f"{run.name}.csv").write_text("step,lr,val_loss\n" + "".join(f"{step},{lr!r},{loss!r}\n" for step, lr, loss in rows))
    return place


@pytest.fixture(scope="module")
def plan(folder):
    return make_plan(load_pilots([folder])[0], HORIZON)


def test_settings_are_ranked_as_the_law_that_made_the_pilots_does(plan):
    found, chosen = compare(plan, SETTINGS)
    true = {name: truth(schedule) for name, schedule in SETTINGS.items()}
    assert true[chosen] <= min(true.values()) + 5e-4 and found[0].name == chosen
    assert found[-1].name == "flat" == max(true, key=true.get) and found[-1].apart and found[-1].loses > 0
    for one in found:
        assert one.reached and one.low <= one.predicted <= one.high
        assert one.low <= true[one.name] <= one.high
        assert one.loses == pytest.approx(true[one.name] - true[chosen], abs=0.01)
        assert one.loses_low <= one.loses <= one.loses_high


def test_what_is_the_same_is_not_told_apart(plan):
    found, _ = compare(plan, {"one": SETTINGS["linear"], "other": linear(HORIZON, warmup_steps=40, peak_lr=1e-3)})
    assert found[1].loses == 0 and not found[1].apart


def test_a_learning_rate_beyond_the_pilots_is_predicted_and_not_chosen(plan):
    peaks = [pilot.peak for pilot in plan.pilots]
    far = linear(HORIZON, warmup_steps=40, peak_lr=4 * max(peaks))
    found, chosen = compare(plan, {"far": far, "near": SETTINGS["flat"]})
    assert chosen == "near" and {one.name: one.reached for one in found} == {"far": False, "near": True}
    with pytest.raises(ValueError, match="no candidate has a base learning rate within a factor"):
        compare(plan, {"far": far})
    with pytest.raises(ValueError, match="--compare short: has 1200 updates, but the horizon is 2400"):
        compare(plan, {"short": linear(1200)})


def test_the_command_ranks_and_reports(folder, tmp_path, capsys):
    options = ["--horizon", str(HORIZON), "--no-figures", "--out", str(tmp_path / "plan")]
    words = ["--compare", "a=wsd:total_steps=2400,cooldown=0.2,warmup_steps=40,peak_lr=1e-3"]
    words += ["--compare", "b=" + SETTINGS["flat"].to_json()]
    assert main(["plan", str(folder), *options, *words, "--json"]) in (None, 0)
    out = json.loads(capsys.readouterr().out)
    kept = json.loads((tmp_path / "plan/plan.json").read_text())
    assert out["chosen"] == kept["chosen"] == "a" and [one["name"] for one in out["compared"]] == ["a", "b"]
    assert all({"name", "predicted", "low", "high"} <= one.keys() and np.isfinite(one["predicted"]) for one in out["compared"])
    main(["plan", str(folder), *options, *words])
    text = capsys.readouterr().out
    rows = [line for line in text.splitlines() if line.startswith(("             a ", "             b "))]
    assert len(rows) == 2 and rows[0].endswith("take this") and "+" in rows[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--compare", "a=linear:total_steps=2400,peak_lr=1e-3"] * 2, "--compare a: is given twice"),
        (["--compare", "a=linear:total_steps=100,peak_lr=1e-3"], "--compare a: has 100 updates, but the horizon is 2400"),
        (["--compare", "a=lenear:total_steps=2400,peak_lr=1e-3"], "linear"),
        (["--compare", "a"], "is not NAME=SCHEDULE"),
    ],
)
def test_what_cannot_be_compared_is_a_sentence(folder, capsys, words, message):
    try:
        status = main(["plan", str(folder), "--horizon", str(HORIZON), *words])
    except SystemExit as stopped:  # the parser's own way out
        status = stopped.code
    assert status == 2 and message in capsys.readouterr().err
