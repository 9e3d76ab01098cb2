"""regret: what the planner's choice loses against the best run of the sweep, case by case, beside rules without a law."""

import numpy as np

from lastiterate.draw import common as c

RULES = {"regret": "planner", "best_pilot_regret": "best pilot's setting", "wsd20_regret": "wsd 20 %, best pilot's LR"}


def draw(tables, parameters):
    """Panels regret and prediction."""
    cases = tables["cases"]
    done = cases[cases.refused == 0]
    yield "regret", regret(done, parameters["aim"])
    yield "prediction", prediction(done)


def regret(cases, aim):
    """Distribution of the regret over the cases of each model, for the planner and two rules without a law."""
    models = list(dict.fromkeys(cases.model))
    label = "Regret in final loss (1e-4 and below at the left)"
    figure, grid = c.small_multiples(len(models), label, "Share of cases", columns=2, size=(4.6, 3.2), sharey=True)
    for axes, model in zip(grid, models, strict=True):
        rows = cases[cases.model == model]
        for (column, label), colour in zip(RULES.items(), (c.CATEGORICAL[4], c.CATEGORICAL[0], c.CATEGORICAL[1]), strict=True):
            values = np.sort(rows[column].dropna())
            axes.step(np.maximum(values, 1e-4), np.arange(1, len(values) + 1) / len(values), where="post", color=colour, label=label)
        axes.axvline(aim, color="#8C8C8C", lw=1, ls="--", label="aim for the median")
        axes.set(xscale="log", ylim=(0, 1), title=f"{model}, {len(rows)} cases")
    grid[-1].legend(fontsize=8)
    return figure


def prediction(cases):
    """Error of the predicted loss of the chosen run, by task."""
    models, tasks = list(dict.fromkeys(cases.model)), list(dict.fromkeys(cases.task))
    figure, grid = c.small_multiples(len(models), None, r"Prediction $-$ loss of the chosen run", columns=2, size=(4.6, 3.2))
    for axes, model in zip(grid, models, strict=True):
        for i, (task, colour) in enumerate(zip(tasks, c.CATEGORICAL, strict=False)):
            rows = cases[(cases.model == model) & (cases.task == task)]
            spread = np.linspace(-0.25, 0.25, len(rows)) if len(rows) > 1 else np.zeros(len(rows))
            inside = rows.inside.to_numpy() == 1
            axes.plot((i + spread)[inside], rows.error[inside], "o", ms=3, color=colour)
            axes.plot((i + spread)[~inside], rows.error[~inside], "x", ms=4, color=colour)
        axes.axhline(0, color="black", lw=0.6)
        axes.set(title=model, xticks=range(len(tasks)), xticklabels=tasks)
    return figure


if __name__ == "__main__":
    c.run_draw(draw)
