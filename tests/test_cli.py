"""The command line: what it reads, writes and prints, and how it refuses."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest

import made_up
from lastiterate import __version__
from lastiterate.cli import main
from lastiterate.refine import refine

STEP = np.arange(10, 1001, 10)
NORM = 1 + 9 * np.exp(-STEP / 30)


def write(path, header, rows):
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


@pytest.fixture
def log(tmp_path):
    return write(
        tmp_path / "log.csv", "step,train/loss,train/grad_norm", [(s, 3.0, repr(g)) for s, g in zip(STEP, NORM.tolist(), strict=True)]
    )


def schedule(path):
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["step", "lr_factor"]
    return np.array([int(s) for s, _ in rows]), np.array([float(f) for _, f in rows])


def test_refine_writes_the_schedule_and_says_what_it_looks_like(log, tmp_path, capsys):
    out = tmp_path / "made/schedule.csv"
    assert main(["refine", str(log), "--grad-norm-column", "train/grad_norm", "--out", str(out)]) == 0
    step, factor = schedule(out)
    expected = refine(NORM, step=STEP)
    np.testing.assert_array_equal(step, np.arange(1, 1001))
    np.testing.assert_array_equal(factor, expected.lr)
    printed = capsys.readouterr().out
    assert f"1000 updates, l2 norms: warmup {expected.diagnosis.warmup:.1%}" in printed
    assert f"(1 - x)^{expected.diagnosis.decay_power:.2f}" in printed and str(out) in printed and "warning" not in printed
    assert [path.name for path in out.parent.iterdir()] == ["schedule.csv"]


def test_json(log, capsys):
    arguments = ["--norm", "l1", "--smoothing", "0.2", "--total-steps", "1010", "--json"]
    assert main(["refine", str(log), "--grad-norm-column", "train/grad_norm", *arguments]) == 0
    report = json.loads(capsys.readouterr().out)
    expected = refine(NORM, 0.2, -1, step=STEP, total_steps=1010)
    assert report == {
        "log": str(log), "norms": 100, "norm": "l1", "total_steps": 1010, **expected.diagnosis._asdict(), "notes": [], "out": None,
    }  # fmt: skip


def test_a_degenerate_schedule_is_warned_of(tmp_path, capsys):
    log = write(tmp_path / "log.csv", "step,grad_norm", [(t, 1 / t) for t in range(1, 1001)])
    assert main(["refine", str(log)]) == 0
    assert "warning: degenerate, half of the learning rate falls after 66% of the run" in capsys.readouterr().out


def test_empty_cells_are_skipped_and_invalid_norms_are_not(tmp_path, capsys):
    log = write(tmp_path / "log.csv", "step,grad_norm,loss", [(0, 2, 1), (5, "", 1), (10, "nan", 1), (15, 1, 1)])
    assert main(["refine", str(log)]) == 2
    assert "grad_norm[1]=nan (update 11) must be finite and > 0" in capsys.readouterr().err
    assert main(["refine", str(log), "--drop-invalid", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["norms"] == 2 and report["total_steps"] == 16
    assert report["notes"] == [
        "step starts at 0: step k is taken for update k + 1",
        "1 of 3 values are not finite, the first at step 11: left out",
    ]


def test_rows_without_steps_are_refused_and_a_late_start_is_noted(tmp_path, capsys):
    log = write(tmp_path / "log.csv", "when,grad_norm", [(100, 2), (110, 1), (120, 1)])
    assert main(["refine", str(log)]) == 2
    refused = capsys.readouterr().err
    assert "no column counts updates" in refused and "choose with --grad-norm-column, --step-column" in refused
    assert main(["refine", str(log), "--step-column", "when"]) == 0
    assert "note: no norms before update 100: the first is used from the start" in capsys.readouterr().out


def epfml_log(path, **settings):
    data = made_up.log(**settings)
    train = data["history"]["train"]
    train["grad_norm"] = [1 + 1 / t for t in train["iter"]]
    path.write_text(json.dumps(data))
    return path


def test_a_json_log_is_read_as_the_ingest_reads_it(tmp_path, capsys):
    log = epfml_log(tmp_path / "run.json")
    assert main(["refine", str(log), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total_steps"] == 1000
    assert main(["refine", str(log), "--grad-norm-column", "grad_norm_l1"]) == 2
    assert "an epfml log states its own columns" in capsys.readouterr().err
    assert main(["refine", str(epfml_log(tmp_path / "branch.json", start=800))]) == 2
    assert "begins at step 850, resumed from" in capsys.readouterr().err


BAD = [
    ("step,norm\n1,2\n", [], "there is step, norm; say which with --map train_loss=COLUMN: choose with --grad-norm-column"),
    ("step,loss\n1,2\n", [], "has no gradient norms, but train_loss: choose with --grad-norm-column"),
    ("step,grad_norm\n1,2\n", ["--step-column", "iter"], "there is no column 'iter' for step, but step, grad_norm"),
    ("step,grad_norm\n1,2\n2,high\n", [], "line 3: grad_norm is 'high', expected a number"),
    ("step,grad_norm\n1.5,2\n", [], "column 'step': row 1 holds 1.5; it must hold integers"),
    ("step,grad_norm\n1,\n", [], "has none of train_loss, val_loss, grad_norm, grad_norm_l1, weight_norm_sq, relative_update with a value"),
    ("run_id,step,grad_norm\na,1,1\nb,1,1\n", [], "holds several runs, such as log/a and log/b: choose one with --run-id"),
    ("run_id,step,grad_norm\na,1,1\n", ["--run-id", "c"], "has no run 'c'; the last of its runs is log/a"),
    ("step,grad_norm\n1,1\n", ["--smoothing", "7"], "--smoothing 7 must lie in [0, 1]"),
    ("step,grad_norm\n1,1\n", ["--total-steps", "0"], "--total-steps 0 must be at least 1"),
    ("", [], "is empty, expected a log"),
    ("a,b\n1,2,3\n1,2,3,4\n", [], "line 2: has 3 cells, expected 2 as in the header"),
    ("{", [], "not valid JSON"),
]


@pytest.mark.parametrize(("text", "arguments", "message"), BAD)
def test_bad_input_is_refused_with_one_message(tmp_path, capsys, text, arguments, message):
    log = tmp_path / ("log.json" if text == "{" else "log.csv")
    log.write_text(text)
    out = tmp_path / "schedule.csv"
    assert main(["refine", str(log), *arguments, "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("lastiterate: error: ") and message in error and not out.exists()


def test_a_missing_file_is_refused(capsys):
    assert main(["refine", "nowhere.csv"]) == 2
    assert "nowhere.csv" in capsys.readouterr().err


def test_the_process_exits_with_2_and_shows_no_traceback(tmp_path):
    done = subprocess.run([sys.executable, "-m", "lastiterate.cli", "refine", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr and done.stderr.startswith("lastiterate: error: ")


@pytest.mark.parametrize(("arguments", "text"), [(["refine", "--help"], "example:"), (["--version"], __version__)])
def test_help_and_version(capsys, arguments, text):
    with pytest.raises(SystemExit) as done:
        main(arguments)
    assert done.value.code == 0 and text in capsys.readouterr().out
