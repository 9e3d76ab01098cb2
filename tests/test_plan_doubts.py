"""What speaks against a plan's logs is said; what tells nothing new is no evidence; a learning rate that diverged is never advised."""

import json
from dataclasses import replace

import numpy as np
import pytest

import made_up_pilots as made
from lastiterate.cli import main
from lastiterate.plan import Pilot, TooThin, load_pilots, make_plan, questions
from lastiterate.plan.doubts import doubts
from lastiterate.plan.planner import folded
from lastiterate.plan.seeds import distinct
from lastiterate.schedules import constant, cosine, wsd

HORIZON = 2400


def pilot(run, lr=None, **losses):
    own = {"train_loss": (run.step, run.loss), "val_loss": (run.val_step, run.val)} | losses
    return Pilot(run.name, run.lr if lr is None else lr, own, run.schedule)


def one(schedule, name="a", seed=0, **losses):
    return pilot(made.run_of(name, schedule, seed), **losses)


def running_mean(values, keep=0.9):
    out = values.copy()
    for i in range(1, len(out)):
        out[i] = keep * out[i - 1] + (1 - keep) * out[i]
    return out


RUN = made.run_of("a", wsd(1200, 0.2, warmup_steps=25, peak_lr=1e-3), 3)
HALF = np.maximum(RUN.val_step / 1200 - 0.5, 0)
SOUND = pilot(RUN)


@pytest.mark.parametrize(
    ("changed", "loss", "says"),
    [
        (pilot(RUN, val_loss=(RUN.val_step, RUN.val + 0.8 * HALF)), "val_loss", "val_loss rises towards the end"),
        (pilot(RUN, val_loss=(RUN.val_step, RUN.val - 3 * HALF.max() + HALF)), "val_loss", "val_loss rises towards the end"),
        (pilot(RUN, train_loss=(RUN.step, RUN.loss + np.maximum(RUN.step / 1200 - 0.6, 0))), "train_loss", "train_loss rises"),
        (pilot(RUN, val_loss=(RUN.val_step, np.exp(RUN.val))), "val_loss", "val_loss is about the exponential of the other loss"),
        (pilot(RUN, train_loss=(RUN.step, np.exp(RUN.loss))), "val_loss", "train_loss is about the exponential of the other loss"),
        (Pilot("a", RUN.lr, {"val_loss": (RUN.val_step, np.exp(RUN.val))}), "val_loss", "val_loss begins above the logarithm of any"),
        (Pilot("a", RUN.lr, {"val_loss": (RUN.val_step, 16 * RUN.val)}), "val_loss", "val_loss ends above the logarithm of any"),
        (pilot(RUN, train_loss=(RUN.step, running_mean(RUN.loss))), "train_loss", "looks like a running mean (EMA)"),
        (pilot(RUN, train_loss=(RUN.step, running_mean(RUN.loss, 0.98))), "train_loss", "looks like a running mean (EMA)"),
        (pilot(RUN, val_loss=(RUN.val_step, -RUN.val)), "val_loss", "values of val_loss that are not positive are left out"),
        (pilot(RUN, RUN.lr / RUN.lr.max()), "val_loss", "as large as the factor of a scheduler (LambdaLR)"),
        (pilot(RUN, 0.97 * RUN.lr / RUN.lr.max()), "val_loss", "as large as the factor of a scheduler (LambdaLR)"),
        (replace(SOUND, doubts=("lr/0: taken for lr",)), "val_loss", "lr/0: taken for lr"),
    ],
)
def test_what_speaks_against_a_log_is_said(changed, loss, says):
    assert any(text.startswith("a") and says in text for text in doubts([changed], loss)), doubts([changed], loss)


def test_sound_runs_raise_no_doubt():
    runs = [pilot(run) for run in made.pilots()]
    assert doubts(runs, "val_loss") == doubts(runs, "train_loss") == []
    warm = np.concatenate([cosine(600, peak_lr=1e-3).lr, cosine(600, peak_lr=1e-3).lr])  # a restart raises the loss: its LR explains it
    step = np.arange(10, 1201, 10)
    restarted = Pilot("a", warm, {"val_loss": (step, made.true_loss(warm, step))})
    assert doubts([restarted], "val_loss") == []


def test_runs_of_the_same_doubt_are_named_together():
    runs = [replace(pilot(run), lr=run.lr / run.lr.max()) for run in made.pilots()]
    (line,) = folded(doubts(runs, "val_loss"))
    assert line.startswith("wsd-600-0.0005 (peak 1), wsd-600-0.001 (peak 1), wsd-600-0.002 (peak 1) and 3 more: ")


@pytest.mark.parametrize(
    ("other", "count"),
    [
        (wsd(600, 0.2, warmup_steps=10, peak_lr=1e-3), 1),  # another warmup
        (wsd(600, 0.2, warmup_steps=60, peak_lr=1e-3), 1),
        (wsd(600, 0.2, warmup_steps=25, peak_lr=1.0005e-3), 1),  # the same but for rounding
        (wsd(598, 0.2, warmup_steps=25, peak_lr=1e-3), 1),  # the same but for a few updates
        (constant(400, warmup_steps=25, peak_lr=1e-3), 1),  # the same, cut short before it cools down
        (wsd(600, 0.4, warmup_steps=25, peak_lr=1e-3), 2),
        (wsd(600, 0.2, warmup_steps=25, peak_lr=1.1e-3), 2),
        (wsd(400, 0.2, warmup_steps=25, peak_lr=1e-3), 2),
        (constant(600, warmup_steps=25, peak_lr=1e-3), 2),
        (cosine(600, warmup_steps=25, peak_lr=1e-3), 2),
    ],
)
def test_what_a_run_tells_that_another_does_not(other, count):
    first = wsd(600, 0.2, warmup_steps=25, peak_lr=1e-3)
    assert len(distinct([one(first), one(other, "b")])) == len(distinct([one(other, "b"), one(first)])) == count


def test_pilots_that_differ_in_their_warmup_only_are_too_thin():
    runs = [one(wsd(600, 0.2, warmup_steps=warmup, peak_lr=1e-3), f"w{warmup}", warmup) for warmup in (10, 25, 60)]
    with pytest.raises(TooThin, match=r"3 usable pilot runs \(they differ in their warmup, or where they end\)"):
        make_plan(runs, HORIZON)
    by_name = {question.name: question for question in questions([*runs, one(cosine(600, peak_lr=1e-3))], HORIZON)}
    assert by_name["held_out"].because.startswith("2 pilots") and not by_name["held_out"].identified


@pytest.mark.parametrize("zeros", [1, 30])
def test_learning_rates_that_end_on_zero_make_a_plan(zeros):
    runs = []
    for cooldown in (0.2, 0.6):
        run = made.run_of(f"c{cooldown}", wsd(600, cooldown, warmup_steps=25, peak_lr=1e-3), 1)
        lr = run.lr.copy()
        lr[-zeros:] = 0
        runs.append(pilot(run, lr))
    plan = make_plan(runs, 1200)
    (advice,) = [advice for advice in plan.advice if advice.what == "base_lr"]
    assert plan.candidate.base_lr == 1e-3 and "the bound's best for this run is 0.00" in advice.rule


def dead(lr, name="dead"):
    return Pilot(name, wsd(600, warmup_steps=25, peak_lr=lr).lr, {}, diverged=True)


@pytest.mark.parametrize("limit", [1e-3, 1.2e-3, 1.9e-3, 2e-3])
def test_no_advice_reaches_a_learning_rate_that_diverged(limit):
    same = [one(wsd(600, c, warmup_steps=25, peak_lr=1e-3), f"c{c}") for c in (0.2, 0.4)]
    several = [one(wsd(600, warmup_steps=25, peak_lr=lr), f"{lr:g}") for lr in (5e-4, 1e-3)]
    for runs in (same, several):
        for question in questions([*runs, dead(limit)], HORIZON):
            if "base LR " in question.settle and question.name != "noise":
                advised = [
                    float(part.split()[0].rstrip(",")) for part in question.settle.replace("one at ", "base LR ").split("base LR ")[1:]
                ]
                assert advised and max(advised) < limit, question


def test_what_the_bound_would_take_is_said_to_have_diverged():
    runs = [one(wsd(600, c, warmup_steps=25, peak_lr=1e-3), f"c{c}") for c in (0.2, 0.4)]
    plan = make_plan([*runs, dead(1.01e-3)], 660)
    (advice,) = [advice for advice in plan.advice if advice.what == "base_lr"]
    assert advice.rule.endswith("but a pilot diverged at 0.00101")
    unsteady = make_plan([*runs, dead(1e-3)], 660)
    assert any("a pilot diverged at a peak of 0.001, and this one did not" in text for text in unsteady.doubts)


def grouped(folder, run, second):
    """A table with the learning rates of two parameter groups."""
    rows = zip(run.val_step.tolist(), run.lr[run.val_step - 1].tolist(), run.val.tolist(), strict=True)
    text = "".join(f"{step},{lr!r},{second * lr!r},{loss!r}\n" for step, lr, loss in rows)
    (folder / f"{run.name}.csv").write_text(f"step,lr/group0,lr/group1,val_loss\n{text}")


@pytest.mark.parametrize(("second", "doubted"), [(0.1, True), (1.0, False)])
def test_one_learning_rate_of_several_groups_is_not_taken_without_a_word(tmp_path, capsys, second, doubted):
    for run in made.pilots():
        grouped(tmp_path, run, second)
    says = "lr/group0: taken for lr; lr/group1 would fit as well, at 0.1 to 0.1 times its rate"
    found, _ = load_pilots([tmp_path])
    assert [any(says in text for text in pilot.doubts) for pilot in found] == [doubted] * 6
    found, _ = load_pilots([tmp_path], {"lr": "lr/group1"})
    assert not any(pilot.doubts for pilot in found)  # named: no doubt is left
    assert main(["read", str(tmp_path), "--out", str(tmp_path / "tables")]) == 0
    capsys.readouterr()
    found, _ = load_pilots([tmp_path / "tables"])  # notes stay with the tables
    assert [any(says in text for text in pilot.doubts) for pilot in found] == [doubted] * 6


def test_a_chart_of_another_group_is_not_passed_over(tmp_path):
    runs = made.pilots()
    for number, (metric, values) in enumerate(
        {"train/loss": made.LOSS, "lr-AdamW/pg1": made.LR, "lr-AdamW/pg2": lambda run: (run.step, 0.1 * run.lr[run.step - 1])}.items()
    ):
        (tmp_path / f"wandb_export_{number}.csv").write_bytes(made.chart(runs, metric, values))
    found, _ = load_pilots([tmp_path])
    assert len(found) == 6 and all("lr-AdamW/pg2 would fit as well" in text for pilot in found for text in pilot.doubts)


def test_doubts_are_in_the_report_and_in_a_refusal(tmp_path, capsys):
    for run in made.pilots():
        step, loss = run.val_step, run.val + 0.02 * np.maximum(run.val_step / run.total - 0.5, 0)
        rows = zip(step.tolist(), run.lr[step - 1].tolist(), loss.tolist(), strict=True)
        (tmp_path / f"{run.name}.csv").write_text("step,lr,val_loss\n" + "".join(f"{a},{b!r},{c!r}\n" for a, b, c in rows))
    runs, _ = load_pilots([tmp_path])
    risen = [
        replace(run, losses={"val_loss": (s, v * (1 + 1.5 * np.maximum(s / s[-1] - 0.5, 0)))})
        for run in runs
        for s, v in run.losses.values()
    ]
    with pytest.raises(TooThin, match="val_loss rises towards the end"):
        make_plan(risen, HORIZON)
    factors = [replace(run, lr=run.lr / run.peak) for run in runs]
    with pytest.raises(TooThin, match="factor of a scheduler"):
        make_plan(
            [
                factors[0],
                replace(
                    factors[0], run_id="b", losses={"val_loss": (risen[0].losses["val_loss"][0], 1.1 * risen[0].losses["val_loss"][1])}
                ),
                factors[3],
            ],
            HORIZON,
        )
    assert main(["plan", str(tmp_path), "--horizon", str(HORIZON), "--json", "--map", "val_loss=val_loss"]) == 0
    assert json.loads(capsys.readouterr().out)["doubts"] == []
