"""The families of refined schedules, from tables of made-up logs to their panels, with small parameters."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import made_up
from lastiterate.draw import common
from lastiterate.figures.defazio.degenerate import compute as degenerate
from lastiterate.figures.defazio.degenerate import draw as draw_degenerate
from lastiterate.figures.defazio.llm_l1_l2 import compute as llm_l1_l2
from lastiterate.figures.defazio.llm_l1_l2 import draw as draw_llm_l1_l2
from lastiterate.figures.defazio.real_norms import compute as real_norms
from lastiterate.figures.defazio.real_norms import draw as draw_real_norms
from lastiterate.figures.defazio.refined_logs import compute as refined_logs
from lastiterate.figures.defazio.refined_logs import draw as draw_refined_logs
from lastiterate.figures.defazio.synthetic import compute as synthetic
from lastiterate.figures.defazio.synthetic import draw as draw_synthetic
from lastiterate.logs import ingest
from lastiterate.workflow.families import declared_families
from lastiterate.workflow.files import Rows
from lastiterate.workflow.step import StepError

ROOT = Path(__file__).parents[1]
CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text())["defazio"]
FAMILIES = declared_families()
WSD = {"schedule_name": "wsd", "cooldown": 0.2}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Ingested tables of runs at three base learning rates (tiny), and of two norm sequences (tiny_norms)."""
    folder = tmp_path_factory.mktemp("ingested")
    logs = {path: log for base_lr in (0.001, 0.002) for path, log in made_up.family(base_lr).items()}
    norms = {"norms/a_gnorm.csv": made_up.norm_sequence(), "norms/b_l1.csv": made_up.norm_sequence("tiny - l1", 300)}
    rows = made_up.write_mirror(folder / "data/raw", logs)
    rows += made_up.write_mirror(folder / "data/raw", norms, "tiny_norms", "norm_csv")
    made_up.write_sources(folder / "sources.csv", rows)
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    for source in ("tiny", "tiny_norms"):
        output = [f"{source}/{name}" for name in ("runs.parquet", "history.parquet", "issues.csv")]
        patch.setattr("sys.argv", ["ingest", "--sources", "sources.csv", "--source", source, "--output", *output])
        ingest.main()
    patch.undo()
    return {source: [folder / source / f"{table}.parquet" for table in ("runs", "history")] for source in ("tiny", "tiny_norms")}


def frames(computed):
    return {name: pd.DataFrame(table.columns if isinstance(table, Rows) else table) for name, table in computed.items()}


def drawn(name, module, computed, parameters):
    """Panels that the family draws from its tables; they must be those of family.yaml."""
    common.plt.style.use(common.STYLE)
    panels = []
    for panel, figure in module.draw(frames(computed), parameters):
        figure.canvas.draw()
        common.plt.close(figure)
        panels.append(panel)
    assert sorted(panels) == sorted(FAMILIES[name]["panels"])


def test_synthetic():
    parameters = CONFIG["synthetic"] | {"total_steps": 200, "sigma": 4, "points": 50}
    computed = synthetic.compute(parameters)
    drawn("synthetic", draw_synthetic, computed, parameters)
    found = frames(computed)
    assert found["constant"].max_abs_error[0] < 1e-12 and len(found["schedules"]) == 4 * 50
    bounds = found["bounds"].set_index(["shape", "schedule"]).ratio
    assert bounds["flat", "refined"] == pytest.approx(1.0, abs=1e-9)
    assert all(bounds[shape, "optimised"] <= bounds[shape, "refined"] < 0.9 for shape in ("decaying", "rising", "falling"))
    powers = found["diagnosis"].set_index("shape").decay_power
    assert powers["falling"] < powers["decaying"] < powers["rising"]
    with pytest.raises(ValueError, match=r"shapes.flat has 2 values for 6 nodes"):
        synthetic.compute(parameters | {"shapes": {"flat": [1, 1]}})


def test_degenerate():
    run = CONFIG["degenerate"]["run"] | {"total_steps": 400}
    parameters = CONFIG["degenerate"] | {"examples": [50, 2000], "run": run, "points": 50}
    computed = degenerate.compute(parameters)
    drawn("degenerate", draw_degenerate, computed, parameters)
    assert frames(computed)["losses"].t.max() == 400


def test_real_norms(tables):
    parameters = {"smoothing": 0.1, "points": 40, "labels": {"a_gnorm": "A"}}
    computed = real_norms.compute(parameters, tables["tiny_norms"])
    drawn("real_norms", draw_real_norms, computed, parameters)
    diagnosis = frames(computed)["diagnosis"]
    assert diagnosis.task.tolist() == ["a_gnorm", "b_l1"] and diagnosis.norm.tolist() == ["l2", "l1"]
    assert diagnosis.total_steps.tolist() == [200, 300]
    assert len(frames(computed)["published_diagnosis"]) == 2  # a row each, for the claims


def test_refined_logs(tables):
    parameters = {"smoothing": 0.1, "points": 40, "select": [WSD]}
    computed = refined_logs.compute(parameters, tables["tiny"])
    drawn("refined_logs", draw_refined_logs, computed, parameters)
    diagnosis = frames(computed)["diagnosis"]
    assert diagnosis.base_lr.tolist() == [0.001, 0.002] and (diagnosis.total_steps == 1000).all()
    with pytest.raises(StepError, match="run b_l1 has no l2 gradient norms"):
        refined_logs.compute(parameters | {"select": [{"run_id": "b_l1"}]}, tables["tiny_norms"])


def test_llm_l1_l2(tables):
    both = tables["tiny"] + tables["tiny_norms"]
    parameters = {"smoothing": 0.1, "points": 40, "select": [WSD, {"run_id": "b_l1"}]}
    computed = llm_l1_l2.compute(parameters, both)
    drawn("llm_l1_l2", draw_llm_l1_l2, computed, parameters)
    spread = frames(computed)["spread"]
    spread = spread[spread.n_params.astype(str) == "all"].set_index("norm")
    assert spread.runs.to_dict() == {"l2": 2, "l1": 1}
    # the two runs' norms are proportional to each other, so that their schedules agree
    assert spread.spread["l2"] == pytest.approx(0, abs=1e-9) and pd.isna(spread.spread["l1"])
    only = llm_l1_l2.compute(parameters | {"select": [WSD]}, both)
    drawn("llm_l1_l2", draw_llm_l1_l2, only, parameters)


def test_spreads_within_and_between_sizes():
    up, down = np.linspace(0, 1, 5), np.linspace(1, 0, 5)
    found = llm_l1_l2.spreads({"l2": {1: [up, down], 2: [up, up]}, "l1": {1: [up, up], 2: [down]}}).columns
    rows = {key: values for *key, values in zip(found["n_params"], found["norm"], found["spread"], strict=True) for key in [tuple(key)]}
    half = np.sqrt(np.mean((up - down) ** 2) / 2)  # of two schedules that are up and down
    assert rows[1, "l2"] == pytest.approx(half) and rows[1, "l1"] == rows[2, "l2"] == 0 and rows[2, "l1"] is None
    assert found["between_sizes"][-1] == pytest.approx(half) and found["between_sizes"][-2] == pytest.approx(half / 2)
    assert found["relative"][-1] == pytest.approx(rows["all", "l1"] / rows["all", "l2"])


def test_a_run_without_norms_is_named(tables, tmp_path):
    runs, history = (pd.read_parquet(path) for path in tables["tiny"])
    runs.to_parquet(tmp_path / "runs.parquet")
    history.assign(grad_norm=float("nan")).to_parquet(tmp_path / "history.parquet")
    with pytest.raises(StepError, match=r"has no gradient norms \(columns grad_norm, grad_norm_l1\)"):
        llm_l1_l2.compute({"smoothing": 0.1, "points": 40, "select": [WSD]}, [tmp_path / "runs.parquet", tmp_path / "history.parquet"])
