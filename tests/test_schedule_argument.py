"""Schedules on the command line: every form, in every command that takes one."""

import io
import json
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastiterate.cli import main
from lastiterate.schedules import Phase, Schedule, constant, cosine, inverse_sqrt, one_minus_sqrt, piecewise, polynomial, two_stage, wsd
from lastiterate.schedules.from_lr import from_lr
from lastiterate.schedules.stated import read_schedule
from lastiterate.workflow.files import write_csv

WSD = wsd(100, 0.2, "1-sqrt", 7, peak_lr=1e-3, initial_lr_ratio=0.0)
WORDS = "wsd:total_steps=1e2,cooldown=0.2,decay_shape=1-sqrt,warmup_steps=7,peak_lr=1e-3,initial_lr_ratio=0"
FAMILY = {
    "family": "wsd",
    "total_steps": 1e2,
    "cooldown": 0.2,
    "decay_shape": "1-sqrt",
    "warmup_steps": 7,
    "peak_lr": 1e-3,
    "initial_lr_ratio": 0,
}


def table(path, schedule, name="lr", scale=1.0):
    write_csv(path, {"step": np.arange(1, schedule.total_steps + 1), name: schedule.lr * scale})
    return path


def forms(folder):
    (folder / "a.json").write_text("# a note\n" + json.dumps(FAMILY))
    (folder / "plan").mkdir()
    (folder / "plan/plan.json").write_text(json.dumps({"recommended": {"schedule": json.loads(WSD.to_json())}}))
    table(folder / "lr.csv", WSD)
    table(folder / "factors.csv", WSD, "lr_factor", 17.0)
    files = [folder / "a.json", folder / "plan", folder / "plan/plan.json", folder / "lr.csv", f"{folder}/factors.csv:peak_lr=0.001"]
    return [WORDS, json.dumps(FAMILY), WSD.to_json(), *map(str, files)]


def test_every_form_is_the_same_schedule(tmp_path, monkeypatch):
    for text in forms(tmp_path):
        np.testing.assert_allclose(read_schedule(text).lr, WSD.lr, rtol=0, atol=1e-15)
        content = text if text[0] in "{w" else None
        if content:
            monkeypatch.setattr("sys.stdin", io.StringIO(content))
            assert read_schedule("-") == read_schedule(text)


def test_a_table_is_exported_as_the_form_that_it_is(tmp_path, capsys):
    """HF executes 1-sqrt: the CSV of a plan comes out as its plan.json does; a vector of no form comes out as the table it is."""
    argument = ["export", "--trainer", "hf", "--schedule"]
    assert main([*argument, WSD.to_json()]) == 0
    wanted = capsys.readouterr().out
    assert main([*argument, str(table(tmp_path / "lr.csv", WSD))]) == 0
    assert capsys.readouterr().out == wanted


@pytest.mark.parametrize("trainer", ["pytorch", "optax"])
def test_any_vector_is_executed_by_code(trainer, tmp_path, capsys, rng):
    lr = rng.uniform(0, 1e-3, 40)
    write_csv(tmp_path / "lr.csv", {"step": np.arange(1, 41), "lr": lr})
    assert main(["export", "--trainer", trainer, "--schedule", str(tmp_path / "lr.csv")]) == 0
    space = {}
    if trainer == "optax":
        pytest.importorskip("optax")
    exec(capsys.readouterr().out, space)
    if trainer == "pytorch":
        found = lr.max() * np.array([space["lr_factor"](step) for step in range(40)])
        np.testing.assert_allclose(found, lr, rtol=1e-15)
    else:
        np.testing.assert_allclose([float(space["lr_schedule"]()(step)) for step in range(40)], lr, rtol=2e-7)
    assert main(["export", "--trainer", "hf", "--schedule", str(tmp_path / "lr.csv")]) == 2
    assert "The nearest that it can" in capsys.readouterr().err


SHAPED = [
    constant(5, peak_lr=2.0),
    constant(9, 3, 0.1),
    wsd(200, 0.3, warmup_steps=11, peak_lr=3e-4),
    cosine(100, 1.0, 9, 0.1, 0.2),
    cosine(1000, 1.7, 0, 0.1, 0.2),
    one_minus_sqrt(50, 3, 0.2, 0.5),
    polynomial(80, 2.5, 4, peak_lr=0.3),
    wsd(90, 0.4, "exponential", 5, 0.01),
]
TABLES = [
    two_stage(80, 30, 0.4, 0.3),
    piecewise(50, [20, 40], [1.0, 0.1, 0.0]),
    inverse_sqrt(40, 0.2),
    Schedule("x", (Phase("stable", 2, "table", values=(0.5, 1.0)), Phase("stable", 1, start=0.0)), 2.0),
]


@pytest.mark.parametrize("schedule", SHAPED, ids=lambda s: s.name)
def test_a_vector_is_recognised(schedule):
    found = from_lr(schedule.lr)
    assert all(phase.shape != "table" for phase in found.phases) and found.decay_shape == schedule.decay_shape
    np.testing.assert_allclose(found.lr, schedule.lr, rtol=0, atol=2e-12 * schedule.peak_lr)


@pytest.mark.parametrize("schedule", TABLES, ids=lambda s: s.name)
def test_any_other_vector_is_a_table(schedule):
    found = from_lr(schedule.lr)
    assert found.phases[0].shape == "table" and Schedule.from_json(found.to_json()) == found
    np.testing.assert_allclose(found.lr, schedule.lr, rtol=1e-15)


@given(lr=st.lists(st.floats(0, 1), min_size=1, max_size=12).filter(any))
@settings(deadline=None, derandomize=True)
def test_no_vector_is_changed(lr):
    np.testing.assert_allclose(from_lr(lr).lr, lr, rtol=0, atol=2e-12 * max(lr))


REFUSED = [
    ("wsd", "wsd is a family without its arguments: write wsd:total_steps=9000,peak_lr=0.001"),
    ("wsd:total_steps=9k", "wsd without peak_lr: give the run's largest learning rate"),
    ("wsdd:total_steps=9k", "family='wsdd' is not known"),
    ("wsd:total_steps=9k,total_steps=8k,peak_lr=1", "total_steps is given twice"),
    ("wsd:9000", "'9000' is not key=value"),
    ("wsd:total_steps=9.5,peak_lr=1", "total_steps=9.5 must be an integer"),
    ("wsd:total_steps=true,peak_lr=1", "total_steps=True must be an integer"),
    ("wsd:total_steps=9,peak_lr=true", "peak_lr=True must be a number"),
    ('wsd:total_steps=9,peak_lr="1"', "peak_lr='1' must be a number"),
    ("wsd:total_steps=9,peak_lr=null", "peak_lr=None must be a number"),
    ("wsd:total_steps=1e15,peak_lr=1", "count updates, not tokens"),
    ("wsd:total_steps=9,peak_lr=1,decay_shape=[1]", "decay_shape=[1] is not known"),
    ("piecewise:total_steps=9,peak_lr=1,boundaries=3,values=[1,0]", "piecewise:"),
    ('{"family": "wsd", "peak_lr": 1, "peak_lr": 2}', "peak_lr is given twice"),
    ('{"name": "a", "peak_lr": 1, "phases": 3}', "is not the JSON that Schedule.to_json writes"),
    ("nowhere.json", "there is no file 'nowhere.json': give JSON such as"),
    ("x" * 400, "file name too long"),
    ("folder", "there is no file 'folder/plan.json'"),
    ("empty.txt", "empty.txt: is empty"),
    ("bytes.bin", "bytes.bin: is not text"),
    ("words.txt", "words.txt: neither JSON of a schedule nor a table of step, lr"),
    ("factors.csv", "holds factors, and no peak_lr: give the run's largest learning rate, factors.csv:peak_lr=0.001"),
    ("factors.csv:peak_lr=0", "peak_lr=0 must lie in (0, inf)"),
    ("factors.csv:total_steps=3", "of a file only peak_lr can be given"),
    ("log.csv", "step must count updates 1, 2, 3, ..., one row each"),
    ("cut.csv", "not a table of numbers"),
    ("other.csv", "has columns step, loss, expected step and lr"),
    ("negative.csv", "update 2 has -1, expected a finite number >= 0"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_is_wrong_is_said_in_a_sentence(text, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "bytes.bin").write_bytes(b"\xff\xfe\x00")
    contents = {
        "empty.txt": "\n",
        "words.txt": "learning rate 5",
        "factors.csv": "step,lr_factor\n1,1\n2,0.5\n",
        "log.csv": "step,lr\n10,1\n20,0.5\n",
        "cut.csv": "step,lr\n1,1\n2\n",
        "other.csv": "step,loss\n1,1\n",
        "negative.csv": "step,lr\n1,1\n2,-1\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    for arguments in (["export", "--trainer", "hf", "--schedule", text], ["plan", "x.csv", "--horizon", "100", "--executed", f"a={text}"]):
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert message in error and "Errno" not in error


PIECES = st.sampled_from(
    [
        "wsd",
        "two_stage",
        ":",
        "=",
        ",",
        "total_steps",
        "peak_lr",
        "cooldown",
        "9",
        "1e3",
        "0.2",
        "-1",
        "nan",
        "true",
        "null",
        "{",
        "}",
        "[",
        "]",
        "hf",
        "steps",
        "#",
        *(f'"{word}"' for word in ("a", "family", "phases", "recommended", "steps")),
        *("9" * 30, "step,lr\n", "1,0.5\n", "\n"),
    ]
)


@given(pieces=st.lists(PIECES, max_size=14), stdin=st.booleans())
@settings(max_examples=400, deadline=None, derandomize=True)
def test_no_words_end_in_a_traceback(pieces, stdin):
    text = "".join(pieces)
    with suppress(ValueError), pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO(text))
        assert read_schedule("-" if stdin else text).total_steps >= 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "--schedule", WORDS, "--trainer", "hf"],
        ["refine", "log.csv"],
        ["plan", "log.csv", "--horizon", "100"],
        ["read", "log.csv"],
    ],
)
def test_output_that_cannot_be_written_is_a_sentence(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    bad = ["folder", "file/out"] if arguments[0] in ("export", "refine") else ["file", "file/out"]
    for out in bad:
        with pytest.raises(SystemExit, match="2"):
            main([*arguments, "--out", out])
        error = capsys.readouterr().err
        assert error.startswith("lastiterate: error: --out: ") and ("expected a folder" in error or "is a folder" in error)
    assert (tmp_path / "file").read_text() == "kept"
