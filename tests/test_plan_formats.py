"""A stranger's logs in every format give a plan in one command: made-up pilots of a known law, and malformed ones."""

import json
import re
from functools import cache

import numpy as np
import pytest

import made_up_pilots as made
from lastiterate.cli import main
from lastiterate.logs import read
from lastiterate.plan import Pilot, load_pilots, make_plan
from lastiterate.plan.candidates import base_lrs, candidates
from lastiterate.schedules import Schedule

HORIZON = 3000
each, pilots = made.each, made.pilots


def plan_of(capsys, *arguments):
    """(status, report or None, standard error) of `lastiterate plan ... --json`, in this process."""
    status = main(["plan", *map(str, arguments), "--horizon", str(HORIZON), "--json"])
    printed = capsys.readouterr()
    return status, json.loads(printed.out) if status == 0 else None, printed.err


def stated(run, total=None):
    """--executed of a run."""
    settings = {"family": run.schedule.name, "total_steps": total or run.total, "warmup_steps": 25, "peak_lr": run.schedule.peak_lr}
    return ["--executed", f"{run.name}={json.dumps(settings)}"]


@pytest.fixture(scope="module")
def reference():
    """The plan from the same pilots as they are, without a log."""
    losses = [{"val_loss": (run.val_step, run.val), "train_loss": (run.step, run.loss)} for run in pilots()]
    return make_plan([Pilot(run.name, run.lr, own, run.schedule) for run, own in zip(pilots(), losses, strict=True)], HORIZON)


@cache
def best_true_loss():
    """Of what a plan from these pilots may choose."""
    options = candidates(HORIZON, base_lrs(sorted({run.schedule.peak_lr for run in pilots()})), 25)
    return min(made.true_loss(option.schedule.lr, [HORIZON])[0] for option in options)


def test_the_reference_is_the_best_of_the_true_law(reference):
    assert made.true_loss(reference.schedule.lr, [HORIZON])[0] - best_true_loss() <= 1e-3
    assert reference.loss == "val_loss" and reference.candidate.base_lr == 1e-3


FORMATS = {
    "wandb-history-csv": each(made.wandb_history_csv, "{}.csv"),
    "wandb-history-jsonl": each(made.wandb_jsonl, "{}.jsonl"),
    "wandb-history-parquet": each(made.wandb_parquet, "run-{}-history/0000.parquet"),
    "wandb-charts": made.wandb_charts,
    "wandb-charts-over-time": lambda runs: made.wandb_charts(runs, axis="Relative Time (Process)"),
    "wandb-charts-over-updates": lambda runs: made.wandb_charts(runs, axis="train/global_step"),
    "hugging-face": each(made.trainer_state, "{}/trainer_state.json"),
    "hugging-face-4.50": each(lambda run: made.trainer_state(run, old=True), "{}/trainer_state.json"),
    "tensorboard": each(made.tensorboard, "{}/events.out.tfevents.1700000000.host.1.0"),
    "lightning": each(made.lightning, "{}/version_0/metrics.csv"),
    "llm.c": each(made.llm_c, "{}/main.log"),
    "csv": each(made.table_csv, "{}.csv"),
    "tsv": each(lambda run: made.table_csv(run, "\t"), "{}.tsv"),
    "jsonl": each(made.table_jsonl, "{}.jsonl"),
    "one-csv": lambda runs: {"all.csv": made.one_table(runs, "csv")},
    "one-json": lambda runs: {"all.json": made.one_table(runs, "json")},
    "one-parquet": lambda runs: {"all.parquet": made.one_table(runs, "parquet")},
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_plan_in_one_command(tmp_path, capsys, reference, name):
    paths = made.save(tmp_path / "runs", FORMATS[name](pilots()))
    status, report, _ = plan_of(capsys, *(paths if name in ("hugging-face", "lightning", "wandb-charts", "csv") else [tmp_path / "runs"]))
    assert status == 0 and report["left_out"] == []
    check_same(report, reference)
    for run in pilots():  # found by name wherever the format has one, or the folder
        assert sum(run.name in pilot["run_id"] for pilot in report["pilots"]) == 1


def check_same(report, reference, more_updates=0, tolerance=4e-3):
    found = sorted((pilot["total_steps"] - more_updates, pilot["peak_lr"]) for pilot in report["pilots"])
    wanted = sorted((run.total, run.schedule.peak_lr) for run in pilots())
    np.testing.assert_allclose(found, wanted, rtol=1e-3)  # the peak of a cosine may lie between two logged updates
    assert not any(pilot["diverged"] for pilot in report["pilots"])
    assert report["prediction"]["loss"] == "val_loss"
    assert report["recommended"]["base_lr"] == reference.candidate.base_lr
    recommended = Schedule.from_json(json.dumps(report["recommended"]["schedule"]))
    assert made.true_loss(recommended.lr, [HORIZON])[0] - best_true_loss() <= 1e-3
    assert abs(report["prediction"]["final"] - reference.predicted) <= tolerance


@pytest.mark.parametrize("name", [name for name in FORMATS if name.startswith(("csv", "hugging", "wandb"))])
def test_sweeps_of_every_kind_have_their_schedules(tmp_path, name):
    made.save(tmp_path / "runs", FORMATS[name](pilots()))
    found = list(read(tmp_path / "runs"))
    shapes = sorted((run.schedule.name, run.schedule.peak_lr, run.schedule.warmup_steps, run.total_steps) for run in found if run.schedule)
    expected = sorted((run.schedule.name, run.schedule.peak_lr, 25, run.total) for run in pilots())
    assert shapes == expected


def test_logs_beside_the_tables_of_read_are_named(tmp_path):
    """Tables that were written among the logs once hid all runs but theirs without a word."""
    for name in ("a", "b"):
        rows = "".join(f"{step},{1e-3},{4 - step / 100}\n" for step in range(1, 41))
        (tmp_path / f"{name}.csv").write_text(f"step,lr,train_loss\n{rows}")
    assert main(["read", str(tmp_path / "a.csv"), "--out", str(tmp_path)]) == 0
    found, left_out = load_pilots([tmp_path])
    assert [pilot.run_id for pilot in found] == ["a"]
    assert left_out == [
        f"{tmp_path}: it has tables of lastiterate read, which are read, so that a.csv, b.csv beside them are not: move the tables away"
    ]


def test_a_run_table_beside_the_histories_is_left_out_and_says_why(tmp_path, capsys, reference):
    made.save(tmp_path, FORMATS["wandb-history-csv"](pilots()) | {"table.csv": made.wandb_run_table(pilots())})
    status, report, _ = plan_of(capsys, tmp_path)
    assert status == 0 and len(report["left_out"]) == len(pilots())
    assert all("a row per run holds no history" in text for text in report["left_out"])
    check_same(report, reference)
    status, _, error = plan_of(capsys, tmp_path / "table.csv")
    assert status == 2 and "no usable run" in error and "export each run's history, or charts of loss and learning rate" in error


def test_modded_nanogpt_logs_need_what_was_executed(tmp_path, capsys, reference):
    paths = made.save(tmp_path, each(made.modded, "{}.txt")(pilots()))
    status, _, error = plan_of(capsys, *paths)
    why = "its learning rates are not known: these logs hold none; state the schedule with --executed RUN=SCHEDULE"
    assert status == 2 and f"- wsd-600-0.0005, wsd-600-0.001, wsd-600-0.002 and 3 more: {why}\n" in error
    options = [word for run in pilots() for word in stated(run)]
    status, report, _ = plan_of(capsys, *paths, *options)
    assert status == 0 and {pilot["lr_from"] for pilot in report["pilots"]} == {"schedule"}
    check_same(report, reference)


def test_nanogpt_states_its_cosine_and_needs_the_rest(tmp_path, capsys, reference):
    paths = made.save(tmp_path, each(made.nanogpt, "{}.log")(pilots()))
    status, report, _ = plan_of(
        capsys, *paths, *(word for run in pilots() if run.schedule.name == "wsd" for word in stated(run, run.total + 1))
    )
    assert status == 0 and report["left_out"] == []
    check_same(report, reference, more_updates=1, tolerance=5e-3)
    status, report, _ = plan_of(capsys, *paths)
    assert status == 0 and len(report["pilots"]) == 2 and len(report["left_out"]) == 4
    assert all("does not state warmup_iters, lr_decay_iters" in text for text in report["left_out"])


def test_epfml_logs_give_a_plan(tmp_path, capsys):
    made.save(tmp_path, each(made.epfml, "{}.json")(pilots()))
    status, report, _ = plan_of(capsys, tmp_path)
    assert status == 0 and len(report["pilots"]) == 6 and {pilot["lr_from"] for pilot in report["pilots"]} == {"schedule"}
    assert 7e-4 <= report["recommended"]["base_lr"] <= 1.5e-3
    status, _, error = plan_of(capsys, tmp_path, *stated(pilots()[0]))
    assert status == 2 and "its log states its own schedule: leave that out" in error


def notes_of(report):
    return " | ".join(report["notes"])


def load_with(tmp_path, changed, name="hurt.csv"):
    """(pilots, what is left out) of a folder in which the last pilot's log is `changed`."""
    made.save(tmp_path / "runs", each(made.table_csv, "{}.log")(pilots()[:-1]) | {name: changed})
    return load_pilots([tmp_path / "runs"])


def plan_with(tmp_path, capsys, changed, name="hurt.csv"):
    """The plan of such a folder."""
    load_with(tmp_path, changed, name)
    return plan_of(capsys, tmp_path / "runs")


LAST = pilots()[-1]
CUT = {  # of the last pilot's log in each format: what is left of it, and what the message says (None: it is read, with a note)
    "csv": (made.table_csv(LAST)[:2000].rsplit(b",", 1)[0], None),
    "jsonl": (made.table_jsonl(LAST)[:3000], None),
    "json": (made.one_table([LAST], "json")[:3000], "the file is truncated or damaged"),
    "parquet": (made.one_table([LAST], "parquet")[:3000], "not a readable parquet file"),
    "wandb-history-csv": (made.wandb_history_csv(LAST)[:5000].rsplit(b",", 2)[0], None),
    "wandb-history-jsonl": (made.wandb_jsonl(LAST)[:5000], None),
    "wandb-chart": (made.chart([LAST], "train/loss", made.LOSS)[:3000].rsplit(b",", 2)[0], "cells, expected"),
    "wandb-run-table": (made.wandb_run_table(pilots())[:600].rsplit(b",", 1)[0], "cells, expected"),
    "hugging-face": (made.trainer_state(LAST)[:3000], "the file is truncated or damaged"),
    "tensorboard": (made.tensorboard(LAST)[:3000], None),
    "lightning": (made.lightning(LAST)[:2000].rsplit(b",", 1)[0], None),
    "epfml": (made.epfml(LAST)[:1500], "damaged"),
    "llm.c": (made.llm_c(LAST)[:3000], None),
}


@pytest.mark.parametrize("name", CUT)
def test_a_log_that_is_cut_off_is_named_in_one_message(tmp_path, capsys, name):
    content, message = CUT[name]
    loaded, left_out = load_with(tmp_path, content, "hurt.log")
    if message is None:
        (hurt,) = [pilot for pilot in loaded if pilot.run_id == "hurt"]
        assert left_out == [] and re.search("may be cut short: left out|is cut (short|off), as by a killed writer", " ".join(hurt.notes))
        return
    assert len(loaded) == 5 and len(left_out) == 1 and "hurt.log" in left_out[0] and message in left_out[0]
    named = sorted((tmp_path / "runs").iterdir())  # as a shell's * names them: then it is an error
    status, _, error = plan_of(capsys, *named)
    assert status == 2 and error.count("\n") == 1 and "hurt.log: " in error and message in error


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty, expected a log"),
        (made.table_csv(LAST).decode().encode("utf-16"), "is UTF-16, as PowerShell's > writes it, expected UTF-8: save it as UTF-8"),
        (b"step,lr,r\xe9sultat\n1,0.1,3.0\n", "which no format knows: convert it to CSV with a header"),
        (b"\x80\x04\x95 a pickle", "is a Python pickle, as checkpoints are, and is not opened"),
        (b"step,lr,train_loss\n", "has no rows"),
        (
            made.csv_bytes(["run", "step", "lr", "val_loss"], [[t % 2, t, 0.1, 3.0] for t in range(1, 99)]),
            "do not stand together: sort the table",
        ),
        (b"step,lr,grad_norm\n10,0.001,nan\n20,0.001,nan\n", "has no finite value in grad_norm"),
        (b"step,lr,val_loss\n10,fast,3\n", "lr is 'fast', expected a number"),
        (b"tokens,lr,val_loss\n524288,0.001,3\n1048576,0.001,2.9\n", "no column counts updates, but tokens might"),
        (b"step,lr,val_loss\n10,0.001,3\n20,0.001,2.9\n", "logs 2 losses, expected at least 5"),
    ],
)
def test_a_file_that_is_no_log_is_named_and_the_rest_is_planned(tmp_path, capsys, content, message):
    loaded, left_out = load_with(tmp_path, content)
    assert len(loaded) == 5 and len(left_out) == 1 and message in left_out[0]


RESUMED = {
    "csv": lambda rows: made.csv_bytes(["step", "lr", "val_loss"], rows),
    "jsonl": lambda rows: made.jsonl_bytes([dict(zip(("step", "lr", "val_loss"), row, strict=True)) for row in rows]),
    "wandb-history": lambda rows: made.csv_bytes(
        ["", "_step", "global_step", "lr", "val/loss"], [[i, i, *row] for i, row in enumerate(rows)]
    ),
    "hugging-face": lambda rows: json.dumps(
        {"best_global_step": None, "global_step": rows[-1][0], "max_steps": rows[-1][0]}
        | {"log_history": [{"step": t, "learning_rate": lr, "eval_loss": v} for t, lr, v in rows]}
    ).encode(),
    "llm.c": lambda rows: "".join(f"s:{t - 1} trl:3.0 lr:{lr:.6f}\ns:{t} tel:{v:.6f}\n" for t, lr, v in rows).encode(),
}


@pytest.mark.parametrize("name", RESUMED)
def test_a_resumed_run_goes_back_and_the_last_row_counts(tmp_path, capsys, reference, name):
    """The run died after update 700 and went on from its checkpoint at 600; what it logged twice was another loss the first time."""
    good = [(t, LAST.lr[t - 1], v) for t, v in zip(LAST.val_step.tolist(), LAST.val.tolist(), strict=True)]
    lost = [(t, lr, v + 0.5) for t, lr, v in good if 600 < t <= 700]
    rows = [*good[:30], *lost, *good[30:]]
    status, report, _ = plan_with(tmp_path, capsys, RESUMED[name](rows), "resumed.log")
    assert status == 0 and report["left_out"] == []
    check_same(report, reference)
    assert "the count falls from 7" in notes_of(report) and "as in a run resumed from a checkpoint" in notes_of(report)


@pytest.mark.parametrize("write", [made.table_csv, made.trainer_state, made.tensorboard, made.lightning, made.llm_c])
def test_a_copy_of_a_log_counts_once(tmp_path, capsys, reference, write):
    made.save(tmp_path, each(write, "{}/log")(pilots()) | {"again/log": write(LAST)})
    status, report, _ = plan_of(capsys, tmp_path)
    assert status == 0
    check_same(report, reference)
    assert report["left_out"] == ["cosine-1200-0.002/log: all that it logged is in again/log: the same run, earlier or copied"]


def test_earlier_checkpoints_of_a_run_are_the_same_run(tmp_path, capsys, reference):
    files = each(made.trainer_state, "{}/checkpoint-last/trainer_state.json")(pilots())
    state = json.loads(files[f"{LAST.name}/checkpoint-last/trainer_state.json"])
    early = [row for row in state["log_history"] if row["step"] <= 500]
    files[f"{LAST.name}/checkpoint-500/trainer_state.json"] = json.dumps(state | {"log_history": early, "global_step": 500}).encode()
    made.save(tmp_path, files)
    status, report, _ = plan_of(capsys, tmp_path)
    assert (
        status == 0 and len(report["left_out"]) == 1 and "checkpoint-500/trainer_state: all that it logged is in" in report["left_out"][0]
    )
    check_same(report, reference)


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path, capsys, reference):
    paths = made.save(tmp_path, FORMATS["hugging-face"](pilots()))
    status, report, _ = plan_of(capsys, *paths)
    assert status == 0 and {pilot["run_id"] for pilot in report["pilots"]} == {f"{run.name}/trainer_state" for run in pilots()}
    other = made.save(tmp_path, {"other.csv": made.table_csv(LAST), "other.jsonl": made.table_jsonl(LAST)})
    status, report, _ = plan_of(capsys, *paths[:-1], *other)
    assert status == 0 and report["left_out"] == ["other.jsonl: all that it logged is in other.csv: the same run, earlier or copied"]
    status, report, _ = plan_of(capsys, *paths, paths[0])
    assert status == 0 and len(report["pilots"]) == 6 and report["left_out"] == []


@pytest.mark.parametrize("name", ["csv", "jsonl", "hugging-face", "llm.c"])
def test_a_run_that_ends_in_nan_only_limits_the_learning_rate(tmp_path, capsys, name):
    dead = [(t, 4e-3, 3.0 if t < 300 else float("nan")) for t in range(20, 401, 20)]
    content = RESUMED[name](dead)
    if name == "llm.c":
        content = content.replace(b"trl:3.0", b"trl:nan")
    made.save(tmp_path, each(made.table_csv, "{}.csv")(pilots()) | {"dead.log": content})
    status, report, _ = plan_of(capsys, tmp_path)
    assert status == 0
    assert {pilot["run_id"] for pilot in report["pilots"] if pilot["diverged"]} == {"dead"}
    assert report["recommended"]["base_lr"] < 4e-3 and "the run is taken for one that diverged" in notes_of(report)
    (advice,) = [advice for advice in report["recommendations"] if advice["what"] == "base_lr"]
    assert "below 0.004, where a pilot diverged" in advice["assumptions"]


def test_a_nan_in_the_middle_is_left_out_and_counted(tmp_path, capsys, reference):
    rows = [(t, LAST.lr[t - 1], "nan" if t == 400 else v) for t, v in zip(LAST.val_step.tolist(), LAST.val.tolist(), strict=True)]
    status, report, _ = plan_with(tmp_path, capsys, RESUMED["csv"](rows))
    assert status == 0 and "1 of 60 values are not finite, the first at step 400: left out" in notes_of(report)
    check_same(report, reference)


def test_runs_without_learning_rates_are_left_out_and_the_rest_is_planned(tmp_path, capsys):
    without = made.csv_bytes(["step", "val_loss"], zip(LAST.val_step, LAST.val, strict=True))
    status, report, _ = plan_with(tmp_path, capsys, without, "without.csv")
    assert status == 0 and len(report["pilots"]) == 5
    assert report["left_out"] == [
        "without: its learning rates are not known: no column was taken for them: name it with --map lr=COLUMN, or state the schedule "
        "with --executed RUN=SCHEDULE"
    ]
    status, report, _ = plan_of(capsys, tmp_path / "runs", *stated(LAST)[:1], stated(LAST)[1].replace(LAST.name, "without"))
    assert status == 0 and len(report["pilots"]) == 6
    paths = made.save(tmp_path, {"a.csv": without, "b.csv": made.table_csv(pilots()[0])})
    status, _, error = plan_of(capsys, *paths)
    assert (
        status == 2 and "1 usable pilot runs, expected at least two" in error and "left out: a: its learning rates are not known" in error
    )


def test_a_run_that_is_still_going_counts_as_far_as_it_is(tmp_path, capsys):
    state = json.loads(made.trainer_state(LAST))
    early = [row for row in state["log_history"] if row["step"] <= 800]
    going = json.dumps(state | {"log_history": early, "global_step": 800}).encode()
    status, report, _ = plan_with(tmp_path, capsys, going)
    assert status == 0 and "the run stopped at update 800 of 1200" in notes_of(report)
    assert [pilot["total_steps"] for pilot in report["pilots"] if pilot["run_id"] == "hurt"] == [800]
    modded = made.modded(LAST).split(f"step:810/{LAST.total} ".encode())[0]
    options = [stated(LAST)[0], stated(LAST)[1].replace(LAST.name, "hurt")]
    (tmp_path / "runs/hurt.csv").write_bytes(modded)
    status, report, _ = plan_of(capsys, tmp_path / "runs", *options)
    assert status == 0 and "ends at update 800 of 1200: what the schedule does later does not count" in notes_of(report)
    assert [pilot["total_steps"] for pilot in report["pilots"] if pilot["run_id"] == "hurt"] == [800]


def test_charts_say_what_is_missing(tmp_path, capsys):
    charts = list(made.wandb_charts(pilots()).values())
    paths = made.save(tmp_path, {"loss.csv": charts[0], "elsewhere/lr.csv": charts[1], "again.csv": charts[0]})
    status, _, error = plan_of(capsys, paths[0])
    assert status == 2 and "no chart holds it; export that of the learning rate into the same folder" in error
    status, _, error = plan_of(capsys, paths[1])
    assert status == 2 and "has none of train_loss" in error and "put the chart of the loss into the same folder" in error
    status, _, error = plan_of(capsys, paths[0], paths[2])
    assert status == 2 and "again.csv: line 1: has 'wsd-600-0.0005 - train/loss', and so has" in error
    made.save(tmp_path / "twins", {"loss.csv": charts[0].replace(b"wsd-600-0.002", b"wsd-600-0.001")})
    status, _, error = plan_of(capsys, tmp_path / "twins")
    assert status == 2 and "holds 'wsd-600-0.001 - train/loss' twice: two runs have one name" in error
    made.save(tmp_path / "epochs", {"loss.csv": charts[0].replace(b"Step", b"train/epoch", 1)})
    status, _, error = plan_of(capsys, tmp_path / "epochs")
    assert status == 2 and "the chart's x axis is 'train/epoch', expected a count of updates" in error
    made.save(tmp_path / "axes", {"loss.csv": charts[0], "lr.csv": charts[1].replace(b"Step", b"train/global_step", 1)})
    status, _, error = plan_of(capsys, tmp_path / "axes")
    assert status == 2 and "count differently, 'train/global_step' in" in error and "choose the same x axis" in error


def test_a_chart_without_some_runs_leaves_those_out(tmp_path, capsys):
    files = made.wandb_charts(pilots())
    names = list(files)
    files[names[1]] = made.chart(pilots()[:-1], "train/learning_rate", made.LR)
    files["more.csv"] = made.chart([made.run_of("new", pilots()[0].schedule, 9)], "train/learning_rate", made.LR)
    made.save(tmp_path, files)
    status, report, _ = plan_of(capsys, tmp_path)
    assert status == 0 and len(report["pilots"]) == 5
    assert any("run 'new' has none of train_loss" in text for text in report["left_out"])
    assert any(text.startswith("cosine-1200-0.002: its learning rates are not known: no chart holds it") for text in report["left_out"])


def test_groups_of_runs_are_means_and_said_to_be(tmp_path, capsys, reference):
    made.save(tmp_path, made.wandb_charts(pilots(), prefix="Group: "))
    status, report, _ = plan_of(capsys, tmp_path)
    assert status == 0 and "group: is the mean over the group's runs" in notes_of(report)
    check_same(report, reference)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ('{"family": "wsd"}', "total_steps is missing"),
        ('{"family": "wsd", "total_steps": 600, "peak_lr": 0.001', "not JSON"),
        ("nowhere.json", "nowhere.json"),
        ('{"family": "wsd", "total_steps": 300, "peak_lr": 0.001}', "is logged up to step 600, but the stated schedule has 300 updates"),
        ('{"family": "wsd", "total_steps": 600, "peak_lr": 0.5}', "but the stated schedule has"),
    ],
)
def test_a_schedule_that_cannot_be_what_was_executed_is_refused(tmp_path, capsys, schedule, message):
    paths = made.save(tmp_path, each(made.table_csv, "{}.csv")(pilots()))
    status, _, error = plan_of(capsys, *paths, "--executed", f"{pilots()[0].name}={schedule}")
    assert status == 2 and message in error and error.count("\n") == 1


def test_a_schedule_for_no_run_names_those_there_are(tmp_path, capsys):
    paths = made.save(tmp_path, each(made.table_csv, "{}.csv")(pilots()))
    status, _, error = plan_of(capsys, *paths, *stated(LAST)[:1], stated(LAST)[1].replace(LAST.name, "typo"))
    assert status == 2 and "there is no run 'typo', but cosine-1200-0.001" in error
    with pytest.raises(SystemExit) as stopped:
        plan_of(capsys, *paths, "--executed", "nothing")
    assert stopped.value.code == 2 and "'nothing' is not NAME=SCHEDULE" in capsys.readouterr().err


def test_pilots_that_share_no_loss_are_named(tmp_path, capsys):
    train = made.csv_bytes(["step", "lr", "train_loss"], [(t, LAST.lr[t - 1], v) for t, v in zip(LAST.step, LAST.loss, strict=True)])
    val = [RESUMED["csv"]([(t, run.lr[t - 1], v) for t, v in zip(run.val_step, run.val, strict=True)]) for run in pilots()[:2]]
    made.save(tmp_path, {"a.csv": train, "b.csv": val[0], "c.csv": val[1]})
    status, _, error = plan_of(capsys, tmp_path)
    assert status == 2 and "val_loss is not in a; train_loss is not in b, c" in error
