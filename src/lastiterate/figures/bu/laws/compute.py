"""laws: every loss law on every train/test split, the law that a blind rule selects, intervals, and the best learning rate."""

import numpy as np
import pandas as pd

from lastiterate.figures.runs import load_runs
from lastiterate.figures.splits import curves, distinct, tasks
from lastiterate.laws import LAWS, fit
from lastiterate.laws.fitting import default_law
from lastiterate.laws.score import METRICS, errors
from lastiterate.schedules import Schedule

DEFAULT = "default"  # the law that `fit` takes by its own rule
SELECTED = "selected"  # the law of least leave-one-curve-out error on the training curves, fit by fit
RESAMPLES = 1000


def compute(parameters, inputs):
    """Tables scores, leaderboard, by_group, selection, predictions, best_lr and regrets."""
    runs = distinct(load_runs(inputs))
    plan = list(tasks(runs, parameters["splits"], parameters["seed"]))
    used = runs[runs.run_id.isin({run for task in plan for run in (*task.train, *task.test)})]
    known = curves(inputs, used, parameters["first_step"], parameters["init_std"], parameters["weight_decay"])
    sweep, shown = parameters["best_lr"], parameters["shown"]
    scores, selection, predictions, sweeps = [], [], [], []
    for task in plan:
        train = [known[run] for run in task.train if run in known]
        test = [known[run] for run in task.test if run in known]
        where = {"split": task.split, "group": task.group, "draw": task.draw}
        results, blind = {}, {}
        for name in LAWS:
            fitted = fit(train, name)
            blind[name] = float(np.mean([np.abs(error).mean() for _, error in fitted.leave_one_out()]))
            results[name] = [_judged(fitted, curve, parameters["level"]) for curve in test]
            if name in shown["laws"] and task.draw == 0 and task.split in shown["splits"]:
                for curve, (_, prediction, low, high) in zip(test, results[name], strict=True):
                    predictions.append(_shown(where, name, curve, prediction, low, high, shown["every"]))
            if task.split == sweep["split"]:
                sweeps.append(_sweep(fitted, used[used.run_id.isin(known)], sweep["total_steps"]).assign(law=name, draw=task.draw))
        chosen = min(blind, key=blind.get)
        selection += [{**where, "law": name, "blind_error": value, "chosen": name == chosen} for name, value in blind.items()]
        for name, judged in {**results, DEFAULT: results[default_law(train)], SELECTED: results[chosen]}.items():
            scores += [{"law": name, **where, "run_id": c.name, **j[0]} for c, j in zip(test, judged, strict=True)]
    scores, sweeps = pd.DataFrame(scores), pd.concat(sweeps, ignore_index=True)
    tables = {
        "scores": scores,
        "leaderboard": leaderboard(scores, pd.DataFrame(selection), parameters["seed"]),
        "by_group": scores.groupby(["split", "group", "law"], sort=False)[[*METRICS, "coverage", "width"]].mean().reset_index(),
        "selection": pd.DataFrame(selection),
        "predictions": pd.concat(predictions, ignore_index=True),
        "best_lr": sweeps,
        "regrets": regrets(sweeps),
    }
    return {name: dict(table.items()) for name, table in tables.items()}


def _judged(fitted, curve, level):
    """Metrics of a test curve, with the share of its losses inside the interval; prediction and interval."""
    settings = {"init_std": curve.init_std, "weight_decay": curve.weight_decay}
    prediction = fitted.predict(curve.lr, curve.step, **settings)
    low, high = fitted.interval(curve.lr, curve.step, level, **settings)
    inside = float(np.mean((low <= curve.loss) & (curve.loss <= high)))
    return {**errors(curve.loss, prediction), "coverage": inside, "width": float(np.mean(high - low))}, prediction, low, high


def _shown(where, law, curve, prediction, low, high, every):
    """Rows of the table of predictions, thinned."""
    columns = {"step": curve.step, "loss": curve.loss, "prediction": prediction, "low": low, "high": high}
    thin = {name: values[::every] for name, values in columns.items()}
    return pd.DataFrame({**where, "law": law, "run_id": curve.name, "peak_lr": curve.lr.max(), **thin})


def _sweep(fitted, runs, total_steps):
    """Predicted loss at the last step and true final loss of the decaying runs of the training runs' model at one horizon."""
    names = {curve.name for curve in fitted.curves}
    model = runs[runs.run_id.isin(names)][["dataset", "n_params"]].iloc[0]
    same = runs[(runs[["dataset", "n_params"]] == model).all(axis=1) & (runs.total_steps == total_steps) & runs.decay_shape.notna()]
    keys = ["schedule_name", "decay_shape", "cooldown", "final_lr_ratio"]
    same = same[same.groupby(keys).base_lr.transform("nunique") >= 4]
    rows = same[[*keys, "base_lr", "final_val_loss"]].reset_index(drop=True)
    rows["predicted"] = [float(fitted.predict(Schedule.from_json(text).lr, [total_steps])[0]) for text in same.schedule]
    return rows


def regrets(sweeps: pd.DataFrame) -> pd.DataFrame:
    """For each law, draw and schedule: the learning rate of the lowest prediction, the best, and what the choice costs."""
    rows = []
    for key, sweep in sweeps.groupby(["law", "draw", "schedule_name", "decay_shape", "cooldown", "final_lr_ratio"], sort=False):
        chosen, best = sweep.loc[sweep.predicted.idxmin()], sweep.loc[sweep.final_val_loss.idxmin()]
        names = ("law", "draw", "schedule_name", "decay_shape", "cooldown", "final_lr_ratio")
        choice = {"chosen_lr": chosen.base_lr, "best_lr": best.base_lr, "regret": chosen.final_val_loss - best.final_val_loss}
        rows.append({**dict(zip(names, key, strict=True)), **choice})
    return pd.DataFrame(rows)


def leaderboard(scores: pd.DataFrame, selection: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Mean metrics of each law on each split (over groups, draws and curves alike), 95 % bootstrap intervals of the MAE over curves."""
    rows = []
    blind = selection.groupby(["law", "split"]).blind_error.mean()
    chosen = selection[selection.chosen].groupby(["law", "split"]).size()
    for (split, law), part in scores.groupby(["split", "law"], sort=False):
        per_curve = part.groupby(["group", "run_id"]).MAE.mean().to_numpy()
        draws = np.random.default_rng(seed).integers(len(per_curve), size=(RESAMPLES, len(per_curve)))
        low, high = np.quantile(per_curve[draws].mean(axis=1), [0.025, 0.975])
        means = part.groupby(["group", "draw"])[[*METRICS, "coverage", "width"]].mean()
        rows.append(
            {
                "split": split,
                "law": law,
                "parameters": len(LAWS[law].parameter_names) if law in LAWS else 0,
                "curves": len(per_curve),
                **means.mean().to_dict(),
                "MAE_low": low,
                "MAE_high": high,
                "MAE_draw_sd": means.MAE.groupby("group").std().mean() if means.index.get_level_values("draw").nunique() > 1 else 0.0,
                "blind_error": blind.get((law, split), float("nan")),
                "chosen": int(chosen.get((law, split), 0)),
            }
        )
    return pd.DataFrame(rows)
