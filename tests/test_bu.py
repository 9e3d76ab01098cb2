"""The loss laws of the bu families: fits that recover what made the data, checks that own up, and the published table."""

import csv
import math
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml

import made_up
import test_workflow
from conftest import ROOT
from lastiterate.figures.bu.any_iterate import compute as any_iterate
from lastiterate.figures.bu.chinchilla import compute as chinchilla
from lastiterate.figures.bu.peak_lr import compute as peak_lr
from lastiterate.figures.bu.two_dimensional import compute as two_dimensional
from lastiterate.fits import at_parabola, held_out, nonnegative, parabola, power_law, r_squared, resampled
from lastiterate.logs.ingest import ingest_results
from lastiterate.logs.results import RESULTS, read_results, steplaw
from lastiterate.logs.results import chinchilla as read_chinchilla
from lastiterate.logs.run_log import LogError, RunLog
from lastiterate.logs.schema import history_table, runs_table
from lastiterate.schedules import constant, cosine, wsd
from lastiterate.workflow.families import declared_families
from lastiterate.workflow.sources import Source, SourceFile, load_sources
from lastiterate.workflow.step import StepError

CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text())["bu"]


def test_nonnegative_fits_are_exact_and_stop_at_zero(rng):
    design = rng.uniform(1, 2, (30, 3)) * [1e-6, 1.0, 1e5]
    assert nonnegative(design, design @ [2e4, 0.5, 1e-4]) == pytest.approx([2e4, 0.5, 1e-4])
    assert nonnegative(design, design @ [2e4, 0.5, 0] - 0.1 * design[:, 2] / 1e5)[2] == 0


def test_a_free_exponent_and_a_parabola_are_recovered():
    x = np.geomspace(1e9, 1e11, 7)
    exponent, slope, floor = power_law(x, 2 + 300 * x**-0.35)
    assert (exponent, slope, floor) == pytest.approx((0.35, 300, 2), rel=1e-6)
    many = power_law(x, np.stack([2 + 300 * x**-0.35, 1 + 5e4 * x**-0.5]))
    assert np.allclose(np.array(many).T, [[0.35, 300, 2], [0.5, 5e4, 1]], rtol=1e-6)
    y = np.log(x)
    assert at_parabola(parabola(y, 3 - y + 0.1 * y**2), [20.0], y) == pytest.approx([3 - 20 + 40])


def test_r_squared_is_negative_where_the_mean_is_better():
    assert r_squared([1, 2, 3], [1, 2, 3]) == 1 and r_squared([1, 2, 3], [2, 2, 2]) == 0 and r_squared([1, 2, 3], [3, 2, 1]) == -3


def test_the_longest_horizon_is_predicted_from_the_others():
    horizon = np.array([400.0, 100.0, 900.0, 1600.0, 2500.0])
    errors = held_out(horizon, 1 + 2 / np.sqrt(horizon))
    assert errors["held_out_error"] == pytest.approx(0) and errors["held_out_error_exponent"] == pytest.approx(0, abs=1e-9)
    assert errors["held_out_error_nearest"] == pytest.approx(2 / 40 - 2 / 50) and errors["stretch"] == 2500 / 1600
    assert math.isnan(held_out(horizon[:4], horizon[:4])["held_out_error_exponent"])


def test_the_residual_bootstrap_covers(rng):
    x = np.linspace(1, 2, 12)
    design = np.column_stack([np.ones_like(x), x])
    hits = 0
    for _ in range(200):
        y = 1 + 2 * x + 0.1 * rng.standard_normal(x.size)
        fit = np.linalg.lstsq(design, y, rcond=None)[0]
        draws = np.linalg.lstsq(design, resampled(design, y, design @ fit, 200, 0).T, rcond=None)[0][1]
        hits += np.percentile(draws, 5) <= 2 <= np.percentile(draws, 95)
    assert 160 <= hits <= 195  # 90 % of 200 wanted


# --- tables of results ---

DENSE = "h,ffnh,numh,numl,lr,bs,ti,loss,smooth loss,exp_name,D,N,D/N"
MOE = "h,ffnh,numh,numl,nume,topk,moeh,lr,bs,ti,loss,smooth loss,D,N,Na,seq_len"


def results_file(path, header, rows):
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def test_dense_and_expert_models_are_read_alike(tmp_path):
    dense = [[960, 9368, 15, 7, 0.001, 64, 1000, 2.5, 2.4, "name", 1e8, 2e8, 0.5]]
    expert = [[960, 9368, 15, 7, 8, k, 352, 0.001, 64, 1000, 2.5, 2.4, 1e8, 2e9, 3e8, 2048] for k in (1, 2)]
    table, notes = read_results(results_file(tmp_path / "a.csv", DENSE, dense), "a.csv", "s", "s", steplaw)
    assert notes == [] and table.iloc[0].to_dict() | {"model": ""} == {
        "run_id": "s/0", "source": "s", "model": "", "n_params": 2e8, "tokens": 1e8, "batch_size": 64, "total_steps": 1000,
        "base_lr": 0.001, "loss": 2.5, "smooth_loss": 2.4,
    }  # fmt: skip
    table, _ = read_results(results_file(tmp_path / "b.csv", MOE, expert), "b.csv", "s", "s", steplaw)
    assert table.model.nunique() == 2 and "topk=2" in table.model[1] and list(table) == list(RESULTS.columns)


def test_a_bad_row_is_left_out_by_line_and_a_bad_file_is_an_error(tmp_path):
    good = [960, 9368, 15, 7, 0.001, 64, 1000, 2.5, 2.4, "name", 1e8, 2e8, 0.5]
    bad = [*good[:7], "nan", *good[8:]]
    table, notes = read_results(results_file(tmp_path / "a.csv", DENSE, [bad, good]), "a.csv", "s", "s", steplaw)
    assert table.run_id.tolist() == ["s/1"] and notes[0].where == "line 2: loss" and notes[0].left_out
    with pytest.raises(LogError, match=r"a\.csv: line 2: Model Size: no such column"):
        read_results(tmp_path / "a.csv", "a.csv", "s", "s", read_chinchilla)


def test_an_edited_file_of_results_is_noted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = SourceFile("a/b", "0" * 40, "x.csv", "0" * 64, 1, "none stated")
    file.local.parent.mkdir(parents=True)
    results_file(file.local, "Model Size,Training FLOP,loss", [[1e9, 6e19, 2.5]])
    table, notes = ingest_results(Source("s", "results_chinchilla", (file,)))
    assert table.tokens.tolist() == [1e10] and table.base_lr.isna().all() and "was edited" in notes[0].message
    with pytest.raises(StepError, match=r"wants reader 'results_nobody', but there is epfml.*results_steplaw"):
        ingest_results(Source("s", "results_nobody", (file,)))


# --- families on data that the laws made ---


def results(rows) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    frame["run_id"] = [f"s/{i}" for i in range(len(frame))]
    return frame.assign(source="s", smooth_loss=np.nan, total_steps=1000)


def test_peak_lr_recovers_the_law_and_leaves_diverged_runs_out(tmp_path):
    rows = [
        {"model": model, "n_params": 1e9, "tokens": 1e10, "batch_size": 64, "base_lr": lr, "loss": 2 + 1e-4 / lr + 20 * lr}
        for model in ("nume=8 topk=1", "nume=8 topk=2")
        for lr in np.geomspace(3e-4, 2e-2, 8)
    ]
    rows[7]["loss"] = 9.0
    results(rows).to_parquet(tmp_path / "results.parquet")
    tables = peak_lr.compute(CONFIG["peak_lr"], [tmp_path / "results.parquet"])
    fits, summary = (pd.DataFrame(tables[name].columns) for name in ("fits", "summary"))
    clean = fits[fits.runs == "without_diverged"]
    assert clean["count"].tolist() == [7, 8] and clean.diverged.tolist() == [1, 0]
    assert clean.inverse.tolist() == pytest.approx([1e-4] * 2) and clean.linear.tolist() == pytest.approx([20] * 2)
    assert clean.best_base_lr.tolist() == pytest.approx([math.sqrt(1e-4 / 20)] * 2)
    assert (clean.left_out < 1e-9).all() and (clean.left_out_parabola > 1e-4).all()
    assert summary.set_index("runs").groups.to_dict() == {"all": 2, "without_diverged": 2}
    with pytest.raises(StepError, match="no group of runs has 20 peak"):
        peak_lr.compute({**CONFIG["peak_lr"], "min_base_lrs": 20}, [tmp_path / "results.parquet"])


def test_chinchilla_names_a_size_that_it_lacks(tmp_path):
    rows = [
        {"model": "", "n_params": 1e9, "tokens": t, "batch_size": 1, "base_lr": 1, "loss": 2 + 1e4 / t**0.5} for t in (1e9, 2e9, 4e9, 8e9)
    ]
    results(rows).to_parquet(tmp_path / "results.parquet")
    fits = chinchilla.compute({**CONFIG["chinchilla"], "sizes": [1.0]}, [tmp_path / "results.parquet"])["fits"].columns
    assert (fits["slope"][0], fits["linf"][0], fits["r2"][0]) == pytest.approx((1e4, 2, 1))
    with pytest.raises(StepError, match=r"sizes \[7\.0\] have fewer than 3 runs"):
        chinchilla.compute({**CONFIG["chinchilla"], "sizes": [1.0, 7.0]}, [tmp_path / "results.parquet"])


def test_table_2_to_the_printed_digits(mirror, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/raw").symlink_to(mirror)
    monkeypatch.chdir(tmp_path)
    table, notes = ingest_results(load_sources(ROOT / "config/sources.csv")["chinchilla"])
    table.to_parquet(tmp_path / "results.parquet")
    small = CONFIG["chinchilla"] | {"bootstrap": {"count": 20, "seed": 0}}
    fits = pd.DataFrame(chinchilla.compute(small, [tmp_path / "results.parquet"])["fits"].columns).set_index("size")
    with (ROOT / "config/claims.csv").open(newline="") as file:
        claims = [row for row in csv.DictReader(file) if row["id"].startswith("bu.table2")]
    assert len(table) == 245 and notes == [] and len(claims) == 60
    for claim in claims:
        size, published = float(claim["select"].removeprefix("size=")), float(claim["published"])
        rounded = {"slope": float(f"{fits.slope[size]:.3g}")}.get(claim["column"], round(fits[claim["column"]][size], 3))
        assert rounded == published, claim["id"]


def run_log(name, schedule, base_lr, cooldown, loss) -> RunLog:
    schedule = schedule.with_peak_lr(base_lr)
    steps = np.arange(10, schedule.total_steps + 1, 10)
    series = {column: (steps, loss(schedule, steps)) for column in ("train_loss", "val_loss")}
    final = float(series["val_loss"][1][-1])
    settings = {"dataset": "made up", "model": "m", "n_params": 1000, "optimizer": "sgd", "tokens_per_step": 10, "seed": 0}
    settings |= {"schedule": schedule, "cooldown": cooldown, "base_lr": base_lr, "final_train_loss": final, "final_val_loss": final}
    return RunLog(run_id=name, file=name, name=name, series=series, **settings)


def write_tables(folder, runs):
    paths = [folder / "runs.parquet", folder / "history.parquet"]
    runs_table(runs, "own").to_parquet(paths[0])
    history_table(runs, "own").to_parquet(paths[1])
    return paths


def law(schedule, steps):
    """The any-iterate law with Linf = 2, D^2 = 0.5 and G^2 = 3."""
    return any_iterate.regressors(schedule, steps) @ [2.0, 0.5, 3.0]


def test_the_any_iterate_law_is_recovered_and_its_blind_spot_named(tmp_path):
    def wrong(schedule, steps):  # what real runs do: progress that falls more slowly than 1/S
        return law(schedule, steps) + np.sqrt(any_iterate.regressors(schedule, steps)[:, 1])

    runs = [
        run_log("cosine", cosine(2000), 0.02, 0.0, law),
        run_log("short", wsd(2000, 0.2), 0.02, 0.2, wrong),
        run_log("long", wsd(2000, 0.9), 0.02, 0.9, law),
        run_log("constant", constant(2000), 0.02, 0.0, wrong),
    ]
    tables = any_iterate.compute(CONFIG["any_iterate"], write_tables(tmp_path, runs))
    fits = pd.DataFrame(tables["fits"].columns)
    fits = fits[fits.burn_in == 0.1].set_index("run_id")
    for name in ("cosine", "long"):
        assert fits.loc[name, ["linf", "distance2", "grad_norm2"]].tolist() == pytest.approx([2, 0.5, 3], rel=1e-5)
        assert fits.r2_second[name] == pytest.approx(1) and fits.identified[name]
        assert abs(fits.final_error[name]) < 1e-6
    assert not fits.identified["short"] and not fits.identified["constant"]
    assert fits.amplification["short"] > 10 > fits.amplification["cosine"]
    assert fits.r2_second["short"] < 0.95 < fits.r2["short"]
    assert set(fits["class"]) == {"cosine", "wsd, c <= 0.5", "wsd, c > 0.5", "constant"}
    assert set(tables["curves"].columns["class"]) == set(fits["class"])


def test_the_two_dimensional_law_and_both_transfer_rules_are_recovered(tmp_path):
    def loss(schedule, steps):
        best = math.log(0.2 / math.sqrt(schedule.total_steps))
        return np.full(len(steps), 2 + 30 / math.sqrt(schedule.total_steps) + 0.1 * (math.log(schedule.peak_lr) - best) ** 2)

    runs = [
        run_log(f"{c} {T} {lr}", wsd(T, c, warmup_steps=10), lr, c, loss)
        for c in (0.2, 0.8)
        for T in (500, 1000, 2000, 4000)
        for lr in (0.001, 0.004, 0.016)
    ]
    parameters = {"select": [{"schedule_name": "wsd", "source": "own"}], "eta_ref": [0.1, 0.2], "reach": 1.5}
    tables = two_dimensional.compute(parameters, write_tables(tmp_path, runs))
    lines, best, exponents, summary = (pd.DataFrame(tables[name].columns) for name in ("lines", "best", "exponents", "summary"))
    assert (lines.r2 > 1 - 1e-9).all() and lines.slope.tolist() == pytest.approx([30] * 4)
    assert lines.linf.tolist() == pytest.approx([2 + 0.1 * math.log(2) ** 2, 2] * 2)
    assert best.best_base_lr.tolist() == pytest.approx((0.2 / np.sqrt(best.total_steps)).tolist())
    overall = exponents[exponents.group == "all"].set_index("what")
    assert overall.exponent["measured"] == pytest.approx(-0.5) and overall.exponent["bound"] == pytest.approx(-0.5, abs=0.02)
    summary = summary.set_index("rule")
    assert summary.log_error["inverse square root"] < 1e-9 < summary.log_error["bound"] < 0.05 < summary.log_error["same"]
    with pytest.raises(StepError, match="only 0 horizons have swept the peak"):
        two_dimensional.compute(parameters | {"eta_ref": [5.0]}, [tmp_path / "runs.parquet"])
    with pytest.raises(StepError, match="does not match any run"):
        two_dimensional.compute(parameters | {"select": [{"schedule_name": "wds"}]}, [tmp_path / "runs.parquet"])


# --- the real workflow on made-up data ---


@pytest.mark.slow
def test_the_bu_target_builds_from_made_up_logs_and_results(tmp_path):
    for name in ("src", "rules", "config", "profiles"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Snakefile", "environment.yml"):
        shutil.copy2(ROOT / name, tmp_path / name)
    logs = {
        path: log
        for lr in (0.001, 0.002, 0.004)
        for T in (1000, 2000, 4000)
        for path, log in made_up.family(lr, total=T, cooldowns=(0.2,)).items()
    }
    rows = made_up.write_mirror(tmp_path / "mirror", logs)
    experts = [
        [960, 9, 15, 7, 8, 2, 352, lr, 64, 1000, 2 + 1e-4 / lr + 20 * lr, 2.4, 1e8, 2e9, 3e8, 2048]
        for lr in (0.001, 0.002, 0.004, 0.008, 0.016)
    ]
    sizes = [[1e9, 6e9 * tokens, 2 + 1e4 / tokens**0.5] for tokens in (1e9, 2e9, 4e9)]
    for source, header, table in (("steplaw", MOE, experts), ("chinchilla", "Model Size,Training FLOP,loss", sizes)):
        content = results_file(tmp_path / "table.csv", header, table).read_bytes()
        (row,) = made_up.write_mirror(tmp_path / "mirror", {f"data/{source}.csv": content}, source=f"tiny_{source}")
        rows.append({**row, "reader": f"results_{source}", "licence": "none stated"})
    made_up.write_sources(tmp_path / "config/sources.csv", rows)
    config = yaml.safe_load((tmp_path / "config/config.yaml").read_text())
    config["figures"]["formats"] = ["svg"]
    config |= {paper: {} for paper in ("schaipp", "defazio", "own", "plan")}  # their sources are not registered here
    bu = config["bu"]
    del bu["laws"]
    bu["exam"] |= {"log2_min_steps": 4, "log2_max_steps": 9}
    bu["chinchilla"] |= {"sources": ["tiny_chinchilla"], "sizes": [1.0], "bootstrap": {"count": 20, "seed": 0}}
    bu["peak_lr"] |= {"sources": ["tiny_steplaw"]}
    bu["any_iterate"] |= {"sources": ["tiny"], "min_points": 4, "burn_in": [0]}
    bu["two_dimensional"] |= {"sources": ["tiny"], "select": [{"schedule_name": "wsd"}], "eta_ref": [0.0632455532]}
    (tmp_path / "config/config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    test_workflow.snakemake(tmp_path, "bu")
    drawn = {path.relative_to(tmp_path / "figures/bu").with_suffix("").as_posix() for path in (tmp_path / "figures/bu").rglob("*.svg")}
    assert drawn == {f"{name}/{panel}" for name in bu for panel in declared_families()[name]["panels"]}
    assert "Nothing to be done" in test_workflow.snakemake(tmp_path, "bu")
    ingested = {path.name for path in (tmp_path / "data/ingested/tiny_steplaw").iterdir() if not path.name.startswith(".")}
    assert ingested == {"issues.csv", "results.parquet"}
