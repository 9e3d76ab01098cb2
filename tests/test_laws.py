"""Loss laws: known parameters recovered, Abel form against plain sums, memory, errors, determinism, published numbers."""

import csv
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from lastiterate.bound import omega_trajectory
from lastiterate.figures.bu.laws import compute as leaderboard
from lastiterate.figures.bu.laws import document as laws_doc
from lastiterate.laws import LAWS, Curve, fit, score
from lastiterate.laws.kernels import abel_sum, inverse_sum, power_kernel
from lastiterate.laws.norm import squared_norm
from lastiterate.laws.path import Path
from lastiterate.logs import loss_csv
from lastiterate.logs.run_log import LogError, RunLog
from lastiterate.logs.schema import history_table, runs_table
from lastiterate.schedules import constant, cosine, piecewise, wsd

T = 3000
STEP = np.arange(60, T + 1, 60)
SCHEDULES = {
    "constant": constant(T, warmup_steps=40, initial_lr_ratio=0.01),
    "cosine": cosine(T, warmup_steps=40, initial_lr_ratio=0.01),
    "wsd": wsd(T, cooldown=0.3, warmup_steps=40, initial_lr_ratio=0.01),
    "drop": piecewise(T, boundaries=[1500], values=[1.0, 0.3]),
}
PEAK = 1e-3
TRUE = {
    "bu": (2.5, 0.5, 30.0),
    "convex-power": (2.5, 10.0, 0.02, 0.45),
    "convex-effective": (2.5, 10.0, 0.02, 0.45, 0.8),
    "momentum": (2.5, 0.3, 0.1, 0.45),
    "functional-scaling": (2.5, 0.3, 100.0, 0.45, 30.0, 0.6),
    "multi-power": (2.5, 0.3, 100.0, 0.45, 3.0, 0.6, 0.3),
    "forgetting": (2.5, 10.0, 0.2, 0.45, 0.8, 80.0),
    "two-clocks": (2.5, 10.0, 0.2, 0.45, 1.7, 80.0),
    "effective-power": (2.5, 10.0, 0.2, 0.45, 0.8, 0.3),
    "norm-exponential": (2.5, 10.0, 0.2, 0.45, 80.0),
    "norm-power": (2.5, 10.0, 0.3, 0.45, 0.3, 0.4),
    "norm-stiff": (2.5, 10.0, 0.3, 0.45, 0.3, 0.4),
}


def made(law, names=SCHEDULES, peak=PEAK, init_std=0.02, weight_decay=0.1):
    """Curves that follow a law with its true parameters exactly."""
    law = LAWS[law]
    count = len(law.coefficients)
    result = []
    for name in names:
        lr = SCHEDULES[name].lr * peak
        path = Path.of([(lr, STEP, init_std, weight_decay)], 1.0 if law.raw_unit else PEAK)
        loss = law.matrix(path, TRUE[law.name][count:]) @ np.array(TRUE[law.name][:count])
        result.append(Curve(lr, STEP, loss, name, init_std, weight_decay))
    return result


def test_every_law_is_tested():
    assert TRUE.keys() == LAWS.keys()
    assert all(len(TRUE[name]) == len(law.parameter_names) for name, law in LAWS.items())


@pytest.mark.parametrize("law", LAWS)
def test_known_parameters_are_recovered(law):
    fitted = fit(made(law), law)
    assert list(fitted.parameters) == list(LAWS[law].parameter_names)
    np.testing.assert_allclose(list(fitted.parameters.values()), TRUE[law], rtol=0.02)
    held_out = score(fitted, made(law, ["cosine"]))
    assert held_out["WorstE"][0] < 1e-5 and held_out["R2"][0] > 0.999999


@pytest.mark.parametrize("law", ["multi-power", "forgetting", "norm-power"])
def test_an_outlier_hardly_moves_the_fit(law):
    curves = made(law)
    loss = curves[0].loss.copy()
    loss[10] *= 1.5
    fitted = fit([Curve(curves[0].lr, STEP, loss), *curves[1:]], law)
    assert score(fitted, curves)["MAE"] == pytest.approx([0.0] * 4, abs=1e-3)


def test_a_fit_is_deterministic():
    first, second = (fit(made("norm-power"), "norm-exponential").parameters for _ in range(2))
    assert first == second


def plain_sum(values, clock_increments, kernel):
    """sum_{k<=t} (v_k - v_{k-1}) kernel(X_t - X_{k-1}) at every t, update by update."""
    clock = np.concatenate([[0.0], np.cumsum(clock_increments)])
    jumps = np.diff(values, prepend=0.0)
    return np.array([jumps[:t] @ kernel(clock[t] - clock[:t]) for t in range(1, len(values) + 1)])


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("power", [0.8, 1.0])
def test_abel_form_equals_the_plain_sum(name, power):
    lr = SCHEDULES[name].lr
    path = Path.of([(lr, STEP, None, None)])
    kernel = power_kernel(0.05, 0.4)
    ours = abel_sum(path, path.lr_sum, path.jumps(path.lr**power), kernel)
    np.testing.assert_allclose(ours, plain_sum(lr**power, lr, kernel)[STEP - 1], rtol=2e-4)


@pytest.mark.parametrize("name", SCHEDULES)
def test_relaxation_equals_its_recursion(name):
    lr = SCHEDULES[name].lr
    path = Path.of([(lr, STEP, None, None)])
    value, plain = 0.7, []
    for rate in lr / 50:
        value += -np.expm1(-rate) * (rate * 50 - value)
        plain.append(value)
    np.testing.assert_allclose(path.relax(path.lr / 50, path.lr, 0.7)[path.at], np.array(plain)[STEP - 1], rtol=2e-4)


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_bounds_noise_is_that_of_the_bound(name):
    lr = SCHEDULES[name].lr
    lr = lr[lr > 0]
    step = STEP[lr.size >= STEP]
    path = Path.of([(lr, step, None, None)])
    ours = 1 / (2 * path.lr_sum[path.at]) + inverse_sum(path, path.lr) / 2
    np.testing.assert_allclose(ours, omega_trajectory(lr)[step - 1], rtol=3e-3)


def test_constant_learning_rates_are_exact():
    lr = np.full(500, 0.2)
    step = np.array([1, 7, 100, 500])
    path = Path.of([(lr, step, None, None)])
    np.testing.assert_allclose(1 / (2 * path.lr_sum[path.at]) + inverse_sum(path, path.lr) / 2, omega_trajectory(lr)[step - 1], rtol=1e-9)


def test_squared_norm_follows_its_equation():
    lr, n, plain = SCHEDULES["wsd"].lr * 3e-3, 1.0, []
    for eta in lr:
        n += -2 * 0.1 * eta * n + (eta / 0.02) ** 2
        plain.append(n)
    path = Path.of([(lr, STEP, 0.02, 0.1)])
    middle = (np.array(plain)[STEP - 1] + np.array(plain)[STEP - 1 - path.count[path.at].astype(int)]) / 2
    np.testing.assert_allclose(squared_norm(path)[path.at], middle, rtol=1e-3)
    still = Path.of([(lr, STEP, 0.02, 0.0)])
    np.testing.assert_allclose(squared_norm(still)[-1], 1 + np.sum((lr / 0.02) ** 2), rtol=0.01)


def test_several_curves_are_as_each_alone():
    curves = made("norm-power")
    together = Path.of([(c.lr, c.step, c.init_std, c.weight_decay) for c in curves], PEAK)
    for law in LAWS.values():
        shapes = TRUE[law.name][len(law.coefficients) :]
        alone = [law.matrix(Path.of([(c.lr, c.step, c.init_std, c.weight_decay)], PEAK), shapes) for c in curves]
        np.testing.assert_allclose(law.matrix(together, shapes), np.concatenate(alone), rtol=1e-9, atol=1e-12)


def test_a_path_without_a_curve_is_that_of_the_others():
    items = [(c.lr, c.step, c.init_std, c.weight_decay) for c in made("norm-power")]
    for i in range(len(items)):
        left, others = Path.of(items, PEAK).without(i), Path.of(items[:i] + items[i + 1 :], PEAK)
        for name in ("count", "lr", "first", "at", "init_std", "weight_decay"):
            np.testing.assert_array_equal(getattr(left, name), getattr(others, name))


def test_memory_is_linear_in_the_curve():
    peaks = []
    for total in (20_000, 80_000):
        step = np.arange(20, total + 1, 20)
        lr = cosine(total, warmup_steps=40).lr
        tracemalloc.start()
        path = Path.of([(lr, step, None, None)])
        abel_sum(path, path.lr_sum, path.jumps(path.lr), power_kernel(1.0, 0.5))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 6 * peaks[0]


def test_units_of_the_learning_rate_do_not_matter():
    curves = made("two-clocks")
    scaled = [Curve(c.lr * 100, c.step, c.loss, c.name) for c in curves]
    ours = fit(scaled, "two-clocks").parameters
    assert ours == pytest.approx(fit(curves, "two-clocks").parameters, rel=1e-3)


def test_intervals_hold_what_they_promise(rng):
    curves = [Curve(c.lr, STEP, c.loss * np.exp(0.002 * rng.standard_normal(len(STEP))), c.name) for c in made("norm-power")]
    fitted = fit(curves[:3], "norm-power")
    low, high = fitted.interval(curves[3].lr, STEP)
    prediction = fitted.predict(curves[3].lr, STEP)
    assert ((low < prediction) & (prediction < high)).all()
    assert 0.8 <= np.mean((low <= curves[3].loss) & (curves[3].loss <= high)) <= 1.0
    narrow = fitted.interval(curves[3].lr, STEP, 0.5)
    assert (narrow[1] - narrow[0] < high - low).all()


def test_default_is_the_norm_law_where_the_settings_are_known():
    known = made("norm-power", ["constant", "wsd"])
    assert fit(known).law.name == "norm-power"
    assert fit([*known, *made("norm-power", ["cosine"], peak=2 * PEAK)]).law.name == "norm-stiff"
    unknown = [Curve(c.lr, c.step, c.loss, init_std=None) for c in known]
    assert fit(unknown).law.name == "effective-power"
    with pytest.raises(ValueError, match="norm-power needs init_std of every curve: give it, or use law='effective-power'"):
        fit(unknown, "norm-power")


def test_settings_of_the_run_to_predict():
    mixed = [*made("norm-power", ["wsd"]), *made("norm-power", ["cosine"], weight_decay=0.2)]
    fitted = fit(mixed, "norm-power")
    with pytest.raises(ValueError, match="weight_decay differs between the training curves"):
        fitted.predict(mixed[0].lr, STEP)
    np.testing.assert_allclose(fitted.predict(mixed[0].lr, STEP, weight_decay=0.1), mixed[0].loss, rtol=1e-4)


LR = np.full(10, 0.1)
BAD = [
    (lambda: Curve(LR, [1, 2], [2.0]), "loss has shape"),
    (lambda: Curve(LR, [1, 2], [2.0, -1.0], "x"), r"curve 'x': loss\[1\]=-1 must be positive"),
    (lambda: Curve(LR, [1, 2], [2.0, np.nan]), r"loss\[1\]=nan must be positive"),
    (lambda: Curve(LR, [1, 11], [2.0, 1.0]), "lr has 10 entries, but a loss was logged at step 11"),
    (lambda: Curve(LR, [2, 2], [2.0, 1.0]), "step must increase"),
    (lambda: Curve(LR, [0, 2], [2.0, 1.0]), "step must increase and start at 1"),
    (lambda: Curve(LR, [1.5, 2], [2.0, 1.0]), "step holds float64 values, expected integers: updates done when each loss was logged"),
    (lambda: Curve(-LR, [1, 2], [2.0, 1.0]), "lr must be finite, non-negative"),
    (lambda: Curve(np.r_[0.0, LR], [1, 2], [2.0, 1.0]), "every learning rate up to the first logged step 1 is 0"),
    (lambda: Curve(LR, [1, 2], [2.0, 1.0], init_std=0.0), "init_std=0 must lie in"),
    (lambda: Curve(LR, [1, 2], [2.0, 1.0], weight_decay=-1), "weight_decay=-1 must lie in"),
    (lambda: fit([]), "curves must be one or more Curve"),
    (lambda: fit(Curve(LR, [1, 2], [2.0, 1.0]), "mlp"), "law='mlp' is not known"),
    (lambda: fit(Curve(LR, [1, 2], [2.0, 1.0]), "bu"), r"2 losses cannot fit the 3 parameters of bu \(Linf, D\^2, G\^2\)"),
    (lambda: fit(made("bu", ["wsd"]), "bu").interval(LR, [1]), "needs at least two training curves"),
    (lambda: fit(made("bu", ["wsd"]), "bu").predict(LR, [11]), "lr has 10 entries"),
]


@pytest.mark.parametrize(("call", "message"), BAD, ids=[message[:40] for _, message in BAD])
def test_errors_say_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


PUBLISHED = {  # parameters and mean test scores in the README of the multi-power law's repository
    "csv_25": ((3.040, 0.525, 363.788, 0.508, 2.066, 0.583, 0.641), 0.00376, 0.00409),
    "csv_100": ((2.651, 0.601, 437.946, 0.453, 2.132, 0.598, 0.655), 0.00435, 0.00583),
}
TRAIN = ("cosine_24000", "constant_24000", "wsdcon_9")


def published_curves(mirror, size):
    (folder,) = mirror.glob(f"thu-yao-01-luo/MultiPowerLaw/*/loss_curve_repo/{size}")
    for path in sorted(folder.glob("*.csv")):
        run = loss_csv.read(path, f"{size}/{path.name}")
        yield Curve(run.schedule.lr, *run.series["val_loss"], path.stem)


@pytest.mark.parametrize("size", PUBLISHED)
def test_multi_power_with_its_published_parameters(mirror, size):
    """The published parameters have three digits, which is worth a few 1e-4 in the loss."""
    parameters, mae, worst = PUBLISHED[size]
    curves = list(published_curves(mirror, size))
    fitted = fit([c for c in curves if c.name in TRAIN], "multi-power")
    fitted.parameters = dict(zip(fitted.parameters, parameters, strict=True))
    table = score(fitted, [c for c in curves if c.name not in TRAIN])
    assert len(table["name"]) == 6
    assert np.mean(table["MAE"]) == pytest.approx(mae, abs=5e-4)
    assert np.mean(table["WorstE"]) == pytest.approx(worst, abs=2e-4)


@pytest.mark.parametrize("size", PUBLISHED)
def test_default_beats_the_multi_power_law_on_its_own_split(mirror, size):
    curves = list(published_curves(mirror, size))
    fitted = fit([c for c in curves if c.name in TRAIN])
    table = score(fitted, [c for c in curves if c.name not in TRAIN])
    assert len(fitted.parameters) <= 6
    assert np.mean(table["MAE"]) < 0.003 and np.mean(table["WorstE"]) < PUBLISHED[size][2]


def write(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("step", "lr", "loss"), *rows])
    return path


def test_reader_of_loss_curves(tmp_path):
    run = loss_csv.read(
        write(tmp_path / "a.csv", [(2176, 3e-4, 4.0), (2304, 3e-4, 3.9), (3000, 3e-4, 3.8)]), "loss/csv_25/constant_3000.csv"
    )
    assert run.run_id == "loss/csv_25/constant_3000" and run.n_params == 25_000_000 and run.schedule.total_steps == 3000
    assert [x.tolist() for x in run.series["val_loss"]] == [[2177, 2305], [4.0, 3.9]]
    assert [note.message for note in run.notes] == ["1 rows past the last update of 3000: left out"]
    assert run.schedule.lr[[0, 2159, 2160]].tolist() == [0.0, 3e-4, 3e-4]


@pytest.mark.parametrize(
    ("name", "rows", "where"),
    [
        ("linear_3000.csv", [(2176, 3e-4, 4.0)], "name"),
        ("constant_3000.csv", [(2176, 2e-4, 4.0)], "lr"),
        ("constant_3000.csv", [(2176, 3e-4, -4.0)], "loss"),
        ("constant_3000.csv", [(2176, 3e-4, 4.0), (2100, 3e-4, 4.0)], "step"),
        ("constant_3000.csv", [(2176, 3e-4, "x")], "content"),
    ],
)
def test_reader_refuses_a_bad_file(tmp_path, name, rows, where):
    with pytest.raises(LogError) as caught:
        loss_csv.read(write(tmp_path / "x.csv", rows), f"csv_25/{name}")
    assert caught.value.where == where


def test_regret_is_what_the_choice_costs():
    keys = {"law": "x", "draw": 0, "schedule_name": "wsd", "decay_shape": "linear", "cooldown": 0.2, "final_lr_ratio": 0.0}
    sweep = pd.DataFrame({**keys, "base_lr": [1.0, 2.0, 3.0], "predicted": [3.0, 2.5, 2.4], "final_val_loss": [3.0, 2.9, 2.95]})
    (row,) = leaderboard.regrets(sweep).to_dict("records")
    assert (row["chosen_lr"], row["best_lr"]) == (3.0, 2.0) and row["regret"] == pytest.approx(0.05)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """The leaderboard of logs that follow norm-power exactly: four peaks, two schedules each."""
    folder = tmp_path_factory.mktemp("logs")
    runs = []
    for peak in (0.0005, 0.001, 0.002, 0.003):
        for name in ("wsd", "cosine"):
            (curve,) = made("norm-power", [name], peak)
            runs.append(
                RunLog(
                    f"{name}{peak}", "f", name, {"val_loss": (curve.step, curve.loss)}, "data", "llama", 10**6, "adamw",
                    SCHEDULES[name].with_peak_lr(peak), 0.3 if name == "wsd" else 0.0, peak, 8,
                    seed=0, final_train_loss=3.0, final_val_loss=float(curve.loss[-1]) + 0.03,
                )
            )  # fmt: skip
    runs_table(runs, "own").to_parquet(folder / "runs.parquet")
    history_table(runs, "own").to_parquet(folder / "history.parquet")
    parameters = {
        "init_std": 0.02, "weight_decay": 0.1, "first_step": 300, "level": 0.9, "seed": 0,
        "splits": {
            "one": {"group_by": ["n_params"], "train": [{"base_lr": 0.001}], "test": [{"base_lr": 0.0005}]},
            "across": {"group_by": ["dataset"], "draws": 2, "train_runs": 3, "train": [{"base_lr": [0.0005, 0.001]}], "test": [{}]},
        },
        "best_lr": {"split": "across", "total_steps": T},
        "shown": {"laws": ["norm-power"], "splits": ["one"], "every": 3},
    }  # fmt: skip
    result = leaderboard.compute(parameters, [folder / "runs.parquet", folder / "history.parquet"])
    return {name: pd.DataFrame(columns) for name, columns in result.items()}


def test_the_leaderboard_finds_the_law_that_made_the_curves(tables):
    board = tables["leaderboard"].set_index(["split", "law"])
    assert board.MAE["one"].drop(["default", "selected"]).idxmin() == "norm-power"
    assert board.MAE["one", "default"] == board.MAE["one", "norm-power"] < 1e-4
    assert board.MAE["across", "selected"] < 1e-3 and board.MAE["across", "default"] == board.MAE["across", "norm-stiff"]
    assert set(tables["scores"].law) == {*LAWS, "default", "selected"}
    regret = tables["regrets"].query("law == 'norm-power'")
    assert len(regret) == 4 and regret.regret.max() == 0


def test_training_runs_are_never_tested(tables):
    across = tables["scores"].query("split == 'across' and law == 'bu'")
    assert across.groupby("draw").run_id.nunique().tolist() == [5, 5] and not across.duplicated(["draw", "run_id"]).any()


def test_tables_of_the_docs(tables, tmp_path, monkeypatch):
    for name in ("leaderboard", "regrets"):
        tables[name].to_csv(tmp_path / f"{name}.csv", index=False)
    page = tmp_path / "laws.md"
    page.write_text(
        "before\n<!-- errors -->\nold\n<!-- end -->\nbetween\n<!-- default --><!-- end -->\n<!-- regrets --><!-- end -->\nafter\n"
    )
    monkeypatch.setattr("sys.argv", ["laws_doc", "--results", str(tmp_path), "--output", str(page)])
    laws_doc.main()
    text = page.read_text()
    assert "old" not in text and "between" in text and text.endswith("after\n")
    assert "| norm-power | 6 |" in text


@pytest.mark.parametrize("name", ["bu", "convex-power", "convex-effective"])
def test_updates_of_learning_rate_0_change_nothing(name):
    """As the last rows of many logs have them, and as llm.c's rounding makes them."""
    lr = 1e-3 * np.concatenate([np.ones(80), np.linspace(1, 0.01, 20)])
    law = LAWS[name]
    shapes = [shape.starts[0] for shape in law.shapes]
    value = lambda rates: law.matrix(Path.of([(rates, np.array([len(rates)]), None, None)], 1e-3), shapes)
    np.testing.assert_allclose(value(np.append(lr, np.zeros(7))), value(lr), rtol=1e-9)
