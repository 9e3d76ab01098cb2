"""The experiment that follows the advice for the next pilot: its starts, its orders, its regrets, its table and figure."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import made_up_pilots as made
from lastiterate.figures.plan.next_pilot import compute, draw
from lastiterate.figures.plan.next_pilot.compute import FIRST, Sweep, followed, summary
from lastiterate.plan import Pilot
from lastiterate.schedules import cosine, wsd
from lastiterate.workflow.step import StepError

ENTRY = {"budget": 0.5, "init_std": None, "weight_decay": None}


@pytest.fixture(scope="module")
def sweep():
    rows, known = [], {}
    for total in (300, 600, 1200):
        for lr in (5e-4, 1e-3, 2e-3):
            for schedule, cooldown in (
                (wsd(total, 0.2, warmup_steps=15, peak_lr=lr), 0.2),
                (cosine(total, warmup_steps=15, peak_lr=lr), 0.0),
            ):
                run = made.run_of(f"{schedule.name}-{total}-{lr:g}", schedule, len(rows))
                known[run.name] = Pilot(run.name, run.lr, {"val_loss": (run.val_step, run.val)}, schedule)
                rows.append((run.name, total, schedule.name, "linear" if cooldown else "cosine", cooldown, lr, run.val[-1]))
    columns = ["run_id", "total_steps", "schedule_name", "decay_shape", "cooldown", "base_lr", "final_val_loss"]
    return Sweep(pd.DataFrame(rows, columns=columns), known, ENTRY)


def test_long_runs_are_chosen_among_and_shorter_ones_are_pilots(sweep):
    assert sweep.horizon == 1200 and len(sweep.decisions) == 6 and len(sweep.pool) == 12
    starts = sweep.starts(5, np.random.default_rng(0))
    assert len(starts) == 5 and all(len(set(start)) == FIRST and all("-300-" in run for run in start) for start in starts)
    assert starts == sweep.starts(5, np.random.default_rng(0))  # seeded
    assert sweep.grid()[:4] == ["wsd-300-0.0005", "wsd-300-0.001", "wsd-300-0.002", "cosine-300-0.0005"]


def test_pilots_are_added_one_by_one_as_they_are_named(sweep):
    start = ("wsd-300-0.0005", "wsd-300-0.001", "cosine-300-0.001")
    found = list(followed(sweep, start, 2, sweep.advised))
    assert [pilots for pilots, _, _ in found] == [3, 4, 5]
    costs = [cost for _, cost, _ in found]
    assert costs[0] == pytest.approx(3 * 300 / 1200) and all(0 < after - before <= ENTRY["budget"] for before, after in pairwise(costs))
    assert all(0 <= regret <= np.ptp(sweep.loss) for _, _, regret in found)
    named = sweep.advised(start)
    assert named in sweep.pool and named not in start and named == sweep.advised(start)


def test_the_table_has_means_and_their_errors_and_is_drawn():
    scales = {"advised": 0.01, "grid": 0.02, "random": 0.03}
    rows = [
        ("m", seed, 0, way, n, n / 10, regret) for way, one in scales.items() for n in (3, 4) for seed, regret in enumerate((one, 3 * one))
    ]
    table = pd.DataFrame(rows, columns=["sweep", "seed", "start", "way", "pilots", "cost", "regret"])
    found = pd.DataFrame(summary(table).columns)
    one = found[(found.way == "random") & (found.pilots == 4)].iloc[0]
    assert (one.starts, one.cost) == (2, pytest.approx(0.4)) and one.regret == pytest.approx(0.06) and one.error == pytest.approx(0.03)
    ((name, figure),) = draw.draw({"summary": found}, {})
    assert name == "regret" and len(figure.axes[0].containers) == 3
    plt.close(figure)


def test_a_selection_without_sweeps_is_refused(monkeypatch):
    monkeypatch.setattr(
        compute,
        "load_runs",
        lambda inputs: pd.DataFrame({"run_id": ["a"], "source": ["a"], "final_val_loss": [np.nan], "schedule": [None], "seed": [0]}),
    )
    monkeypatch.setattr(compute, "logged_pilots", lambda inputs, runs: {})
    with pytest.raises(StepError, match="no sweep has three short runs"):
        compute.compute({"sweeps": {"m": {"runs": {"source": "a"}, **ENTRY}}, "starts": 1, "steps": 1, "seed": 0}, [])
