"""degenerate: refinement from the gradient norms of a network that memorises its data, and of one that cannot."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c
from lastiterate.figures.defazio import refined_curves as r


def draw(tables, parameters):
    """Panel schedules."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12.5, 3.4))
    flagged = tables["diagnosis"].set_index("examples").degenerate
    losses, schedules = tables["losses"], tables["schedules"]
    for examples, style in c.styles(parameters["examples"]).items():
        colour = style.color
        rows = losses[losses.examples == examples]
        label = f"{examples:,} examples".replace(",", " ")
        left.plot(rows.t / rows.t.max(), rows.train_loss, color=colour, label=f"{label}, training")
        left.plot(rows.t / rows.t.max(), rows.test_loss, color=colour, ls="--", label=f"{label}, fresh data")
        rows = schedules[schedules.examples == examples]
        middle.plot(rows.progress, rows.grad_norm, color=colour)
        verdict = "degenerate" if flagged[examples] else "sound"
        right.plot(rows.progress, rows.lr, color=colour, label=f"{label}: {verdict}")
    right.plot([0, 1], [1, 0], color="black", ls="-.", lw=0.8, label="linear decay")
    left.set(xlabel=r.PROGRESS, ylabel="Loss", yscale="log", xlim=(0, 1))
    middle.set(xlabel=r.PROGRESS, ylabel="Gradient norm, running median", yscale="log", xlim=(0, 1))
    right.set(xlabel=r.PROGRESS, ylabel=r.REFINED, xlim=(0, 1), ylim=(0, 1.45))
    left.legend(loc="center right", fontsize=8)
    right.legend(loc="upper left", fontsize=8)
    yield "schedules", figure
