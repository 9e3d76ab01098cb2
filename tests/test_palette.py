"""One colour, line and marker for each schedule in every figure, and nothing left out where there are more than colours."""

import re

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from conftest import ROOT
from lastiterate.draw import common as c
from lastiterate.draw.palette import SCHEDULES, kind_of
from lastiterate.figures.schaipp.schedule_comparison import draw
from lastiterate.schedules import FAMILIES


def test_a_schedule_looks_the_same_whatever_else_is_drawn():
    alone = {name: c.schedule_styles([name])[name] for name in SCHEDULES}
    assert c.schedule_styles([*reversed(SCHEDULES), "own"]) | alone == c.schedule_styles([*reversed(SCHEDULES), "own"])
    assert len({style.color for style in alone.values()}) == len({style.marker for style in alone.values()}) == len(alone)
    assert {kind_of(name) for name in FAMILIES} - {"polynomial", "piecewise"} <= set(SCHEDULES)


@pytest.mark.parametrize("names", [[f"wsd-0.{i}" for i in range(1, 9)], [f"mine{letter}" for letter in "abcdefghij"], list("abcdefghijkl")])
def test_many_names_are_told_apart(names):
    for styles in (c.schedule_styles(names), c.styles(names)):
        assert list(styles) == names and len(set(styles.values())) == len(names)
        assert len({(style.line, style.color) for style in styles.values()}) == len(names)  # by line and colour alone, too


def test_an_eighth_schedule_is_drawn():
    names = ["wsd-0.2", "linear", "cosine", "constant", "1/sqrt", "1-sqrt", "step", "something else", "and another"]
    tuned = pd.DataFrame({"schedule": names, "kind": "last_iterate", "base_lr": 0.1, "omega": range(1, 10)})
    tables = {"tuned": tuned, "lr_sweep": tuned, "convergence": tuned.assign(t=1, lr=0.1)}
    tables = {name: pd.concat([table, table.assign(kind="average_iterate")]) for name, table in tables.items()}
    for _, figure in draw.draw(tables, {}):
        labels = {
            text.get_text() for legend in (*figure.legends, *(a.get_legend() for a in figure.axes)) if legend for text in legend.texts
        }
        assert set(names) <= labels
        plt.close(figure)


def test_shades_of_any_schedule():
    for name in ("wsd", "constant", "refined", "something of a user"):
        assert len({tuple(colour) for colour in c.shades(name, 5)}) == 5


def test_no_zip_in_a_drawing_may_drop():
    files = [*(ROOT / "src/lastiterate/draw").glob("*.py"), *(ROOT / "src/lastiterate/figures").rglob("*.py")]
    loose = [file.name for file in files if re.search(r"zip\((?:[^()]|\([^()]*\))*strict=False", file.read_text(encoding="utf-8"))]
    assert len(files) > 80 and loose == []
