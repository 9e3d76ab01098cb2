"""`Schedule.plot`: what is drawn is what updates execute."""

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from lastiterate.schedules import cosine, wsd


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_a_schedule_is_drawn_as_it_is_executed():
    schedule = wsd(50, 0.4, peak_lr=2e-3, warmup_steps=5)
    ax = schedule.plot()
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 51))
    np.testing.assert_array_equal(line.get_ydata(), schedule.lr)
    assert (line.get_label(), ax.get_xlabel(), ax.get_ylabel()) == ("wsd", "update", "learning rate")


def test_several_share_axes_and_take_matplotlib_s_options():
    _, axes = plt.subplots()
    axes.set_xlabel("mine")
    assert wsd(50).plot(axes) is axes
    cosine(50).plot(axes, label="other", color="red", linestyle="--")
    assert [line.get_label() for line in axes.lines] == ["wsd", "other"] and axes.lines[1].get_color() == "red"
    assert axes.get_ylim()[0] == 0


def test_ends_and_jumps_of_a_long_run_are_kept():
    line = wsd(1_000_003, peak_lr=1.0).plot().lines[0]
    assert len(line.get_xdata()) <= 5000 and line.get_xdata()[[0, -1]].tolist() == [1, 1_000_003]
