"""llm_l1_l2: schedules of language models refined from l2 and from l1 gradient norms."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c
from lastiterate.figures.defazio import refined_curves as r

KINDS = {"l2": r"from $\ell_2$ norms, weights $G_t^{-2}$", "l1": r"from $\ell_1$ norms, weights $1/\|g_t\|_1$"}


def draw(tables, parameters):
    """Panel schedules."""
    table, spread = tables["schedules"], tables["spread"].set_index("norm")
    figure, both = plt.subplots(1, 2, figsize=c.WIDE, sharey=True)
    for axes, (kind, title) in zip(both, KINDS.items(), strict=True):
        for _, rows in table[table.norm == kind].groupby("run"):
            axes.plot(rows.progress, rows.lr, color=c.CATEGORICAL[0], lw=1.2, alpha=0.7)
        axes.plot([0, 1], [1, 0], color="black", ls="-.", lw=0.8, label="linear decay")
        count, width = int(spread.runs[kind]), spread.spread[kind]
        note = "one run" if count == 1 else f"{count} runs, spread {width:.2f}" if count else "no run"
        axes.set(xlabel=r.PROGRESS, xlim=(0, 1), ylim=(0, 1.04), title=f"{title}: {note}")
    both[0].set(ylabel=r.REFINED)
    both[0].legend(loc="upper right")
    yield "schedules", figure


if __name__ == "__main__":
    c.run_draw(draw)
