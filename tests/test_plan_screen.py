"""The first screen of a plan: 25 lines of 80 columns that say what to do; rules and sources on request; colour on a terminal only."""

import re
from dataclasses import replace

import pytest

import made_up_pilots as made
from lastiterate import _terminal
from lastiterate.cli import main
from lastiterate.plan import Pilot, compare, make_plan
from lastiterate.plan.screen import LINES, explained, screen
from lastiterate.schedules import cosine, linear, wsd

HORIZON = 4000
DOUBTS = tuple(
    f"run-{i} (0.{i}), run-{i}b and 12 more: its losses look like {'something else than losses, ' * i}in many words" for i in range(6)
)


def pilots():
    return [Pilot(run.name, run.lr, {"val_loss": (run.val_step, run.val)}, run.schedule) for run in made.pilots()]


@pytest.fixture(scope="module")
def plan():
    return make_plan(pilots(), HORIZON)


@pytest.fixture(scope="module")
def poor():
    """A plan about which there is much to say: one peak, a run that diverged, doubts, a horizon far from the pilots'."""
    run = [pilot for pilot in pilots() if pilot.peak == 1e-3]
    dead = Pilot("dead", linear(600, peak_lr=3e-3).lr, {}, diverged=True)
    return replace(make_plan([*run, dead], 12 * 1200), doubts=DOUBTS)


@pytest.fixture(params=[60, 80, 120])
def columns(request, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(request.param))
    return request.param


def test_the_first_screen_is_at_most_25_lines_as_wide_as_the_terminal(plan, poor, columns):
    common = {"total_steps": HORIZON, "warmup_steps": 20}
    settings = {f"setting number {i} of a long name": wsd(cooldown=0.1 * (i + 1), peak_lr=1e-3, **common) for i in range(5)}
    for text in (screen(plan), screen(plan, compare(plan, settings), ["a: why"] * 9), screen(poor, None, ["a: why"] * 9)):
        assert max(map(len, text.splitlines())) <= columns
        if columns >= 80:
            assert len(text.splitlines()) <= LINES, text
        titles = [line[: _terminal.HEAD].strip() for line in text.splitlines()]
        order = ["run", "from", "how sure", "val loss", "next run", "assumed"]
        assert [title for title in titles if title in order] == order


def test_what_it_says(plan, poor, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = re.sub(r"\s+", " ", screen(plan))
    assert f"peak LR {plan.candidate.base_lr:g}, warmup 25; {HORIZON} updates" in text
    assert f"{plan.predicted:.4f} (90 %: {plan.low:.4f} to {plan.high:.4f})" in text
    assert f"{plan.next_pilot.pilot.schedule.total_steps} updates" in text and "of the run's cost" in text
    for one in plan.against[1:]:
        span = f"{one.name} {one.predicted:.4f} {one.loses:+.4f} {one.loses_low:+.4f} to {one.loses_high:+.4f}"
        assert span in text or f"{one.name} {one.predicted:.4f} this run" in text
    poorly = re.sub(r"\s+", " ", screen(poor, None, ["a: why"] * 9))
    for said in (
        "1 diverged, from 0.003 on",
        "left out of the logs: 9",
        "share one peak LR, which is kept",
        "12 times the longest",
        "run-0 (0.0)",
        "more doubts",
    ):
        assert said in poorly


def test_each_rule_is_said_once_and_on_request(plan, poor, columns):
    for one in (plan, poor):
        first, more = screen(one), explained(one, ["a: why", "b: why"])
        assert max(map(len, more.splitlines())) <= columns
        flat = re.sub(r"\s+", " ", more)
        for rule in {advice.rule for advice in one.advice}:
            assert flat.count(re.sub(r"\s+", " ", rule)) == 1 and rule not in re.sub(r"\s+", " ", first)
        assert all(advice.source in flat for advice in one.advice)
        assert all(re.sub(r"\s+", " ", text) in flat for text in (*one.doubts, *one.notes, "a, b: why"))


def test_colour_is_for_a_terminal_without_no_color(plan, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b" not in screen(plan)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    coloured = screen(plan)
    assert "\x1b[1mrun" in coloured
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in screen(plan)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert re.sub(r"\x1b\[\d+m", "", coloured) == screen(plan)


def test_what_is_the_run_itself_is_not_compared_with_it(plan, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    same = {"mine": plan.schedule, "other": cosine(HORIZON, warmup_steps=25, peak_lr=5e-4), "again": plan.schedule}
    text = screen(plan, compare(plan, same))
    assert sum("this run" in line for line in text.splitlines()) == 1 and sum("take this" in line for line in text.splitlines()) == 1


def test_the_command_prints_one_screen_and_the_rest_on_request(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for run in made.pilots():
        (tmp_path / f"{run.name}.csv").write_bytes(made.table_csv(run))
    (tmp_path / "broken.csv").write_text("step,val_loss\n1,\n")
    assert main(["plan", str(tmp_path), "--horizon", "4000"]) == 0
    short = capsys.readouterr().out
    assert (
        len(short.splitlines()) <= LINES
        and max(map(len, short.splitlines())) <= 80
        and "left out of the logs: 1" in " ".join(short.split())
    )
    assert main(["plan", str(tmp_path), "--horizon", "4000", "--explain"]) == 0
    long = capsys.readouterr().out
    assert long.startswith(short.rstrip("\n")) and "broken.csv" in long and "arXiv:" in long and "docs/plan.md" in long
    assert main(["plan", str(tmp_path), "--horizon", "4000", "--only", "wsd"]) == 0
    assert "left out" not in capsys.readouterr().out  # what was not asked for is not missed
