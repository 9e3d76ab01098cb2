"""The line that says what a command is doing: on a terminal only, and gone when something is printed."""

import io
import sys
import time
from types import SimpleNamespace

import pytest

from lastiterate import _progress
from lastiterate._progress import Progress, tracked
from lastiterate._shown import shown_output


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    seen = Terminal()
    monkeypatch.setattr(_progress, "sys", SimpleNamespace(stderr=seen))
    monkeypatch.setattr(_progress, "AFTER", 0.02)
    monkeypatch.setattr(_progress, "EVERY", 0.01)
    return seen


def wait_for(terminal, text):
    deadline = time.monotonic() + 20
    while text not in terminal.getvalue():
        assert time.monotonic() < deadline, terminal.getvalue()
        time.sleep(0.005)


def test_the_innermost_is_shown_and_the_line_is_taken_away(terminal):
    with Progress("plan"):
        wait_for(terminal, "plan, 0 s")
        for _ in tracked(range(2), "fit", 2, "laws"):
            wait_for(terminal, "fit 0/2 laws")
            break
    assert terminal.getvalue().endswith("\r\x1b[2K") and Progress._open == []


def test_the_command_line_lets_the_line_be_taken_away(terminal, monkeypatch):
    """Its streams write out what a terminal would obey, but not what takes this line away."""
    monkeypatch.setattr("sys.stderr", terminal)
    with shown_output():
        monkeypatch.setattr(_progress, "sys", SimpleNamespace(stderr=sys.stderr))
        with Progress("plan"):
            wait_for(terminal, "plan, 0 s")
    assert "\\x1b" not in terminal.getvalue() and terminal.getvalue().endswith("\r\x1b[2K")


def test_nothing_is_shown_where_nobody_looks_or_at_once(terminal, monkeypatch):
    monkeypatch.setattr(_progress, "AFTER", 60.0)
    with Progress("quick", 3) as progress:
        progress.step(3)
    assert "quick" not in terminal.getvalue()
    plain = io.StringIO()
    monkeypatch.setattr(_progress, "sys", SimpleNamespace(stderr=plain))
    monkeypatch.setattr(_progress, "AFTER", 0.0)
    assert list(tracked([1, 2], "read", 2)) == [1, 2]
    Progress.clear()
    assert plain.getvalue() == ""


def test_it_ends_with_an_error_too(terminal):
    with pytest.raises(ValueError, match="wrong"), Progress("plan"):
        wait_for(terminal, "plan")
        raise ValueError("wrong")
    assert Progress._open == []
