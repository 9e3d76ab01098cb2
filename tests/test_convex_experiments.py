"""The families that train: small end-to-end runs, what their tables promise, and the laws on a small problem."""

import copy
import importlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from lastiterate.bound import tuned
from lastiterate.draw import common
from lastiterate.figures.defazio.cifar_sweep import compute as cifar_sweep
from lastiterate.figures.defazio.convex_suite import compute as convex_suite
from lastiterate.figures.defazio.hinge import HingeProblem
from lastiterate.figures.defazio.noise_limited import compute as noise_limited
from lastiterate.figures.defazio.noise_limited_controls import compute as noise_limited_controls
from lastiterate.figures.defazio.noise_limited_extension import compute as noise_limited_extension
from lastiterate.schedules import wsd
from lastiterate.workflow.families import declared_families
from lastiterate.workflow.step import StepError

ROOT = Path(__file__).parents[1]
CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text())["defazio"]
FAMILIES = declared_families()


def table(rows):
    """Rows of a table as dictionaries."""
    return [dict(zip(rows.columns, cells, strict=True)) for cells in zip(*rows.columns.values(), strict=True)]


def one(rows, **labels):
    (found,) = [row for row in table(rows) if all(row[key] == value for key, value in labels.items())]
    return found


def check_figures(name, tables, parameters):
    """The tables are those of family.yaml, and the panels drawn from them too."""
    assert sorted(tables) == sorted(FAMILIES[name]["tables"])
    common.plt.style.use(common.STYLE)
    frames = {key: pd.DataFrame(rows.columns) for key, rows in tables.items()}
    panels = []
    for panel, figure in importlib.import_module(f"lastiterate.figures.defazio.{name}.draw").draw(frames, parameters):
        figure.canvas.draw()
        common.plt.close(figure)
        panels.append(panel)
    assert sorted(panels) == sorted(FAMILIES[name]["panels"])


def small(name, **changes):
    return copy.deepcopy(CONFIG[name]) | changes


def test_the_suite_compares_every_schedule_with_linear_decay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data/raw/someone/sets"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    lines = [f"{label} " + " ".join(f"{j + 1}:{v:.3f}" for j, v in enumerate(rng.normal(size=3) + label)) for label in [0, 1, 3] * 20]
    (folder / "made_up.scale").write_text("\n".join(lines) + "\n")
    receipt = tmp_path / "libsvm.csv"
    receipt.write_text("path,sha256,bytes,licence\nsomeone/sets/made_up.scale,0,0,x\n")
    parameters = small("convex_suite", epochs={"iris": 8}, libsvm_epochs=10, seeds=3, label_noise=[0.2], extensions=1, halvings=1)
    tables = convex_suite.compute(parameters, [receipt])
    names = ["linear", "cosine", "step", "1/sqrt", "refined 1", "refined 2"]
    assert [(row["dataset"], row["schedule"]) for row in table(tables["summary"])] == [
        (d, n) for d in ("iris", "made_up.scale") for n in names
    ]
    linear = one(tables["summary"], dataset="made_up.scale", schedule="linear")
    assert linear["total_steps"] == -(-60 * 10 // 16) and linear["difference"] == linear["difference_se"] == 0
    for row in table(tables["summary"]):
        sweep = [other for other in table(tables["lr_sweep"]) if (other["dataset"], other["schedule"]) == (row["dataset"], row["schedule"])]
        assert row["loss"] == min(other["loss"] for other in sweep)
        assert row["misclassified"] == pytest.approx(min(other["misclassified"] for other in sweep))
        base = one(tables["summary"], dataset=row["dataset"], schedule="linear")
        assert row["difference"] == pytest.approx(row["loss"] - base["loss"], abs=1e-12) and row["loss_se"] > 0
    assert {row["better"] + row["worse"] + row["neither"] for row in table(tables["counts"])} == {2}
    check_figures("convex_suite", tables, parameters)
    assert convex_suite.compute(parameters, [receipt])["summary"].columns == tables["summary"].columns


def test_two_sets_of_one_name_are_refused(tmp_path):
    receipt = tmp_path / "libsvm.csv"
    receipt.write_text("path\na/b/x\na/c/x\n")
    with pytest.raises(StepError, match="same name"):
        convex_suite.compute(small("convex_suite"), [receipt])


def test_refinement_starts_from_the_norms_of_tuned_linear_decay():
    parameters = small("convex_suite", seeds=2, extensions=0, halvings=0, smoothing=0.0, rounds=1)
    data = convex_suite.load_dataset("wine").with_label_noise(0.3, 0).standardised().normalised().with_bias()
    experiment = convex_suite.Experiment(data, 4, parameters)
    norms = experiment.norms["linear"]
    assert norms.shape == (45, 2) and (norms > 0).all()
    weights = np.concatenate([norms**-2.0, norms[-1:] ** -2.0])
    expected = weights[:-1] * np.cumsum(weights[::-1], axis=0)[::-1][1:]
    np.testing.assert_allclose(experiment.schedules["refined 1"], expected / expected.max(axis=0), rtol=1e-12)


PROBLEM = {"dataset": "digits", "components": 8, "bias": 0.3, "label_noise": 0.2, "label_seed": 0, "seeds": 4}
TINY = PROBLEM | {"dataset": "iris", "components": 3}


@pytest.fixture(scope="module")
def limited():
    grid = {"log2_min": -6, "log2_max": 1, "count": 15}
    cooldown = {"total_steps": 400, "fractions": [0.1, 1], "theory_count": 3}
    refined = {"smoothing": 0.1, "rounds": 1, "points": 5}
    parameters = small("noise_limited", problem=PROBLEM, total_steps=[300, 1200], base_lr_sweep=grid, cooldown=cooldown, refined=refined)
    parameters |= {"trajectory_steps": 1200, "points": 4}
    tables = noise_limited.compute(parameters)
    check_figures("noise_limited", tables, parameters)
    return tables


def test_the_laws_show_on_a_small_problem(limited):
    fits = {row["schedule"]: row for row in table(limited["exponents"])}
    for name, row in fits.items():
        assert -0.9 < row["exponent"] < -0.2 and 0 < row["exponent_se"] < 0.2, name
        assert row["log_ratio"] == pytest.approx(row["predicted_log_ratio"], abs=0.35)
    short, long = table(limited["cooldown"])
    assert short["log_ratio"] > 0.3 and long["log_ratio"] == 0 and short["base_lr"] < long["base_lr"]
    for row in table(limited["tuned"]):
        assert row["excess"] > 0 and not row["at_edge"]
        assert 2 ** row["log2_best_lr"] / row["base_lr"] == pytest.approx(1, abs=1)
        assert 0.5 < 2 ** row["log2_best_lr"] / row["predicted_lr"] < 3


def test_trajectories_end_at_the_tuned_losses(limited):
    for row in table(limited["tuned"]):
        if row["total_steps"] == 1200:
            end = one(limited["trajectories"], schedule=row["schedule"], t=1200)
            assert end["excess"] == pytest.approx(row["excess"], rel=1e-9) and end["base_lr"] == row["base_lr"]


def test_refined_rounds_are_compared_with_the_reference(limited):
    first, second = table(limited["comparison"])
    assert (first["schedule"], first["difference"], second["schedule"]) == ("linear", 0, "refined 1")
    assert second["difference"] == pytest.approx(second["excess"] - first["excess"], abs=1e-12) and second["difference_se"] > 0


def test_an_extension_advises_schedules_whose_tuned_rate_is_the_old_one():
    grid = {"log2_min": -6, "log2_max": 1, "count": 8}
    parameters = small("noise_limited_extension", problem=TINY, start_steps=300, multiples=[2], base_lr_sweep=grid, points=3)
    first = wsd(300, 0.2, peak_lr=0.3)
    strategies, advice = noise_limited_extension.advised(first, 600)
    assert list(strategies) == ["same", "lowered", "second stage", "longer cooldown"]
    np.testing.assert_allclose(strategies["same"], wsd(600, 0.2).lr, rtol=1e-14)
    for name in ("second stage", "longer cooldown"):
        assert tuned(strategies[name]).base_lr == pytest.approx(tuned(first).base_lr * 0.3, rel=0.01)
        assert strategies[name][:200].min() == pytest.approx(1)  # what has been executed is as it was
    assert advice["base_lr"].parameter == pytest.approx(2**-0.5, abs=0.01)
    np.testing.assert_allclose(strategies["lowered"], advice["base_lr"].parameter * strategies["same"])
    tables = noise_limited_extension.compute(parameters)
    same = one(tables["extension"], start_lr="tuned", strategy="same")
    assert same["difference"] == 0 and same["base_lr"] == one(tables["advice"], how="base_lr")["base_lr"]
    half = one(tables["extension"], start_lr="0.5 of tuned", strategy="same")
    assert half["base_lr"] == same["base_lr"] / 2 and len(table(tables["extension"])) == 10
    check_figures("noise_limited_extension", tables, parameters)
    assert one(tables["trajectories"], strategy="same", t=600)["excess"] == same["excess"]


def test_controls_change_what_they_name():
    controls = {"8": {}, "no noise": {"label_noise": 0}}
    grid = {"log2_min": -4, "log2_max": 1, "count": 6}
    parameters = small("noise_limited_controls", problem=PROBLEM, total_steps=[100, 400], base_lr_sweep=grid, controls=controls)
    tables = noise_limited_controls.compute(parameters)
    check_figures("noise_limited_controls", tables, parameters)
    rows = table(tables["exponents"])
    assert [(row["label_noise"], row["components"]) for row in rows] == [(0.2, 8), (0, 8)]
    assert rows[0]["exponent"] < rows[1]["exponent"]


def test_the_hinge_problem_is_the_documented_one():
    problem = HingeProblem(**PROBLEM)
    assert problem.data.inputs.shape == (1797, 9) and (problem.data.inputs[:, -1] == 0.3).all()
    assert (problem.data.inputs[:, :-1] ** 2).sum(axis=1).mean() == pytest.approx(1)
    assert problem.batches(7).shape == (7, 4, 1)
    np.testing.assert_array_equal(problem.batches(7), problem.batches(9)[:7])


def test_the_decay_sweep_trains_every_curve():
    parameters = small("cifar_sweep", total_steps=30, seeds=2, offsets=[10, 100], points=3)
    tables = cifar_sweep.compute(parameters)
    check_figures("cifar_sweep", tables, parameters)
    final = table(tables["final"])
    assert len(final) == 8 * (1 + 2 * 2) and len({row["loss"] for row in final}) == len(final)
    best = min((row for row in final if row["family"] == "linear"), key=lambda row: row["loss"])
    assert best["difference"] == 0
    end = one(tables["curves"], family="inverse-sqrt", offset=100, base_lr=0.5, t=30)
    assert end["loss"] == pytest.approx(one(tables["final"], family="inverse-sqrt", offset=100, base_lr=0.5)["loss"])


def test_the_training_digits_are_the_nine_shifts():
    train, test = cifar_sweep.load_data(500, 0, 0.2, 0)
    assert train.inputs.shape == (9 * 1297, 64) and test.inputs.shape == (500, 64)
    middle, up = train.inputs[4 * 1297].reshape(8, 8), train.inputs[7 * 1297].reshape(8, 8)
    np.testing.assert_array_equal(up[:-1], middle[1:])
