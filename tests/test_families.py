"""Every figure family of theory: its tables and panels are those that family.yaml lists, and its numbers those of the papers."""

import importlib
import json

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import yaml

from conftest import ROOT
from lastiterate.bound import omega, tuned
from lastiterate.draw.common import Animation
from lastiterate.figures.bound_tables import BoundCurve
from lastiterate.figures.schaipp.convex_example import compute as convex_example
from lastiterate.figures.schaipp.optimize_schedule import compute as optimize_schedule
from lastiterate.figures.schaipp.wsd_detail import compute as wsd_detail
from lastiterate.figures.thinning import drawn_steps
from lastiterate.schedules import wsd
from lastiterate.workflow.families import declared_families, load_families
from lastiterate.workflow.files import write_csv
from lastiterate.workflow.sources import load_sources
from lastiterate.workflow.step import columns_of

CONFIG = {**yaml.safe_load((ROOT / "config/config.yaml").read_text()), "figures": {"formats": ["svg"]}}
DECLARED = declared_families()
FAMILIES = load_families(CONFIG, DECLARED, {**load_sources(ROOT / "config/sources.csv"), **CONFIG["trained"]})
FEW = {"total_steps": [50], "base_lr": {"wsd": [0.1]}}
SMALL = {
    "multiple_horizon": {"total_steps": [20, 40], "multiple_base_lr": FEW, "only_convergence": FEW},
    "schedule_comparison": {"total_steps": 30},
    "cooldown_length": {"total_steps": 30, "cooldown_count": 3},
    "grad_norm_shape": {"total_steps": 30},
    "cosine_cycle": {"total_steps": [30, 40]},
    "wsd_detail": {"total_steps": [50, 100], "single_terms_total_steps": 70},
    "optimize_schedule": {
        "total_steps": 12,
        "descent": {"iterations": 30, "step_size": 0.1, "momentum": 0.9, "first_lr": 1.0, "smallest_lr": 1e-18},
    },
    "lower_bound": {
        "total_steps": 12,
        "long_total_steps": 30,
        "optimise": {"total_steps": 8, "starts": {"constant": {"family": "constant"}}, "rtol": 1e-6, "max_iterations": 200},
    },
    "convex_example": {"total_steps": 40, "seeds": 3},
    "horizon_transfer": {"first_steps": 40, "total_steps": [60, 80], "transfer_steps": 60, "root_count": 3},
    "lr_transfer": {"total_steps": [30], "cooldown_count": 8, "degree": 3},
    "exam": {"log2_min_steps": 4, "log2_max_steps": 9},
}


# Families with end-to-end tests of their own, in test_refined_figures and test_convex_experiments.
ELSEWHERE = {
    "synthetic",
    "degenerate",
    "convex_suite",
    "noise_limited",
    "noise_limited_extension",
    "noise_limited_controls",
    "cifar_sweep",
}


@pytest.mark.parametrize("name", [name for name, family in FAMILIES.items() if family.step == "simulate" and name not in ELSEWHERE])
def test_a_family_makes_its_tables_and_panels(tmp_path, name):
    family = FAMILIES[name]
    parameters = {"distance": 1.0, "grad_norm": 1.0, **json.loads(family.parameters), **SMALL.get(name, {})}
    tables = importlib.import_module(f"{family.module}.compute").compute(parameters, [])
    assert set(tables) == set(DECLARED[name]["tables"])
    frames = {}
    for table, columns in tables.items():
        write_csv(tmp_path / f"{table}.csv", columns_of(columns))
        frames[table] = pd.read_csv(tmp_path / f"{table}.csv")
        assert len(frames[table])
    drawn = {}
    for panel, figure in importlib.import_module(f"{family.module}.draw").draw(frames, parameters):
        drawn[panel] = figure
        assert figure.figure.axes
        if isinstance(figure, Animation):
            figure.update(figure.frames - 1)
        plt.close(figure.figure)
    assert set(drawn) == set(family.captions)


@pytest.mark.parametrize("total_steps", [1, 2, 1200, 1201, 5000, 10**6])
def test_drawn_steps_are_steps_and_hold_both_ends(total_steps):
    steps = drawn_steps(total_steps)
    assert steps[0] == 1 and steps[-1] == total_steps and (np.diff(steps) > 0).all() and len(steps) <= 1200
    bent = drawn_steps(total_steps, 50, kinks=[700, total_steps])
    assert set(bent) <= set(range(1, total_steps + 1)) and len(bent) <= 53
    assert {700, 701} <= set(bent) or total_steps <= 50


def test_a_bound_curve_is_the_bound_at_any_base_lr(rng):
    schedule, norm = wsd(60, 0.3), rng.uniform(0.5, 2, 60)
    curve = BoundCurve(schedule, norm, 1.7)
    for t in (1, 40, 60):
        terms = omega(0.03 * schedule.lr[:t], norm[:t], 1.7).terms
        ours = [side[t - 1] for side in curve.terms(0.03)]
        np.testing.assert_allclose(ours, [terms.distance, terms.noise + terms.last], rtol=1e-12)
    assert curve.final(0.03) == pytest.approx(float(omega(0.03 * schedule.lr, norm, 1.7)), rel=1e-12)


def test_tuned_wsd_stays_below_the_closed_form_of_the_paper():
    """Thm 3 of arXiv:2501.18965, with the 1/2 on the harmonic difference that summing the last term gives."""
    harmonic = lambda n: np.sum(1 / np.arange(1, n + 1))
    for total_steps, cooldown in ((100, 0.2), (1000, 0.2), (400, 0.5)):
        start = total_steps + 1 - int(cooldown * (total_steps + 1))
        early, late = start, total_steps
        inside = (
            2 / 3
            + (late + 2 * early) / (3 * (late + early))
            + harmonic(late + early - 2)
            - harmonic(late - early + 1)
            - (late - early) * (early - 1) / (3 * (late - early + 2) * (late + early))
            + 1 / (late - early) ** 2
            + harmonic(late - early - 1) / (late - early + 1)
        )
        closed = np.sqrt(4 / (late + early) * inside)
        assert tuned(wsd(total_steps, cooldown)).value < closed


def test_wsd_has_no_logarithm_and_constant_has():
    horizons = {"total_steps": [500, 8000], "single_terms_total_steps": 500, "theorem_total_steps": [500, 8001, 7500]}
    tables = wsd_detail.compute({"distance": 2.0, "grad_norm": 3.0, "cooldown": 0.2, **horizons})
    omega_at = dict(zip(tables["tuned"].columns["total_steps"], tables["tuned"].columns["omega"], strict=True))
    assert omega_at[500] / omega_at[8000] == pytest.approx(4, rel=0.01)
    t = tables["rates"]["t"]
    harmonic = np.concatenate([[0], np.cumsum(1 / np.arange(1, t[-1]))])[t - 1]
    constant = tables["rates"]["constant_tuned"]
    np.testing.assert_allclose(constant, 6 / np.sqrt(t) * np.sqrt(1 + harmonic), rtol=1e-10)
    assert np.interp(500, t, constant) / constant[-1] < 3.5
    theorem = tables["theorem"].columns
    np.testing.assert_allclose(theorem["omega"], [omega_at[500], omega_at[8000]], rtol=1e-12)
    assert theorem["ratio"] == pytest.approx([1.23, 1.234], abs=1e-3)


def test_the_convex_example_is_the_published_problem():
    rows, minimisers = convex_example.problems(1, 20, 5.0)
    np.testing.assert_allclose(rows[0, :2], [[-0.0074868, 0.5364436], [-0.8230451, -0.7359390]], atol=5e-8)
    np.testing.assert_allclose(minimisers[0], [1.2322948, 4.8457660], atol=5e-7)
    torch = pytest.importorskip("torch")
    for seed in (0, 7):
        torch.random.manual_seed(seed)
        uniform, normal = convex_example.torch_draws(seed, 40)
        assert (torch.rand(20, 2).numpy().ravel() == uniform).all()
        np.testing.assert_allclose(torch.randn(1, 2).numpy()[0], normal, rtol=1e-6)


def test_the_descent_goes_down_to_the_optimum():
    settings = json.loads(FAMILIES["optimize_schedule"].parameters)
    tables = optimize_schedule.compute({"distance": 1.0, "grad_norm": 1.0, **settings})
    references = pd.DataFrame(tables["references"].columns).set_index("name")
    assert references.lower_bound["optimum"] <= references.omega["optimum"] <= references.omega["descent"] * (1 + 1e-9)
    assert references.omega["descent"] < references.omega["tuned linear decay"]
    last = pd.DataFrame(tables["shapes"].columns).query("iteration == 800")
    shape = last.lr.to_numpy() / last.lr.iloc[0]
    assert np.abs(shape - (1 - np.arange(100) / 100))[:90].max() < 0.05  # linear decay but for its end


def test_the_subgradient_method_is_the_plain_loop(rng):
    rows, minimisers = convex_example.problems(3, 20, 5.0)
    lr = rng.uniform(0.01, 0.05, 30)
    iterates, values = convex_example.subgradient_method(rows, minimisers, lr)
    for a, best, path, value in zip(rows, minimisers, iterates, values, strict=True):
        assert np.linalg.norm(best) == pytest.approx(5)
        x = np.zeros(2)
        for t in range(31):
            np.testing.assert_allclose(path[t], x, atol=1e-14)
            residuals = a @ x - a @ best
            i = np.argmax(np.abs(residuals))
            assert value[t] == pytest.approx(abs(residuals[i]))
            if t < 30:
                x = x - lr[t] * np.sign(residuals[i]) * a[i]
