"""regret: what the choice loses against the best run of the sweep, case by case, beside rules without a law."""

from lastiterate.draw import common as c
from lastiterate.draw.grids import ecdf, strip

RULES = {"regret": "chosen", "kept": "best pilot's setting, kept", "rule": "wsd 20 %, or published formula"}


def draw(tables, parameters):
    """Panels regret and prediction."""
    done = tables["cases"].query("refused == 0")
    yield "regret", regret(done, parameters["aim"])
    yield "prediction", prediction(done)


def regret(cases, aim):
    """Distribution of the regret over the cases of each sweep, for what was chosen and two rules without a law."""
    cases = cases.dropna(subset="regret")
    sweeps = list(dict.fromkeys(cases.sweep))
    label = "Regret in final loss (1e-4 and below at the left)"
    figure, grid = c.small_multiples(len(sweeps), label, "Share of cases", columns=2, size=(4.6, 3.2), sharey=True)
    for axes, sweep in zip(grid, sweeps, strict=True):
        rows = cases[cases.sweep == sweep]
        ecdf(axes, rows, RULES, least=1e-4)
        axes.axvline(aim, color="#8C8C8C", lw=1, ls="--", label="aim for the median")
        axes.set(xscale="log", ylim=(0, 1), title=f"{sweep}, {len(rows)} cases")
    grid[0].legend(fontsize=8)
    return figure


def prediction(cases):
    """Error of the predicted loss of the chosen run, by task."""
    sweeps = list(dict.fromkeys(cases.sweep))
    figure, grid = c.small_multiples(len(sweeps), None, r"Prediction $-$ loss of the chosen run", columns=2, size=(4.6, 3.2))
    for axes, sweep in zip(grid, sweeps, strict=True):
        part = cases[cases.sweep == sweep]
        tasks = list(dict.fromkeys(part.task))
        colours = {task: style.color for task, style in c.styles(tasks).items()}
        for inside, marker in ((1, "o"), (0, "X")):
            strip(axes, part[part.inside == inside], x="task", y="error", colours=colours, marker=marker, size=3.5, jitter=0.25)
        axes.axhline(0, color="black", lw=0.6)
        axes.set(title=sweep, xlabel="", xticks=range(len(tasks)), xticklabels=[task.replace("_", "\n", 1) for task in tasks])
        axes.tick_params(axis="x", labelsize=8)
    return figure
