"""What drawing families share: small multiples and their labels, and one hue per schedule."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lastiterate.draw import common
from lastiterate.draw.hues import EXPONENTS, HORIZONS


@pytest.mark.parametrize(
    ("count", "spare", "cells", "below"), [(1, 0, 1, [0]), (3, 1, 6, [0, 1, 2]), (5, 0, 6, [2, 3, 4]), (6, 1, 9, [3, 4, 5])]
)
def test_small_multiples_are_labelled_at_the_left_and_below(count, spare, cells, below):
    figure, grid = common.small_multiples(count, "step", "loss", spare=spare, sharex=True)
    figure.draw_without_rendering()
    assert len(grid) == count and len(figure.axes) == cells
    assert [i for i, axes in enumerate(grid) if axes.get_xlabel()] == below
    assert [i for i, axes in enumerate(grid) if axes.get_ylabel()] == list(range(0, count, 3))
    assert all(grid[i].xaxis.get_major_ticks()[0].label1.get_visible() for i in below)  # though shared
    assert not any(axes.axison for axes in figure.axes[count:])
    plt.close(figure)


def test_hues_run_from_light_to_dark_in_their_order():
    table = pd.DataFrame({"schedule": ["wsd", "wsd", "cosine", "wsd"], "total_steps": [400, 100, 100, 200], "exponent": [0, -1, 0, -0.5]})
    values = {name: [v for n, v, *_ in HORIZONS.curves(table) if n == name] for name in ("cosine", "wsd")}
    assert values == {"cosine": [100], "wsd": [100, 200, 400]}
    assert [value for name, value, *_ in EXPONENTS.curves(table) if name == "wsd"] == [0, -1, -0.5]
    light = [np.sum(colour[:3]) for name, _, colour, _ in HORIZONS.curves(table) if name == "wsd"]
    assert light == sorted(light, reverse=True)
    figure, axes = plt.subplots()
    HORIZONS.legend(axes, table)
    assert axes.get_legend().get_title().get_text() == "$T$: 100 to 400, light to dark"
    plt.close(figure)
