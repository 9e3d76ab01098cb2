"""What the drawings of refined schedules share."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c

PROGRESS = "Progress $t/T$"
NORM = "Gradient norm"
REFINED = "LR / its maximum"
STYLES = {name: style.curve for name, style in c.schedule_styles(("refined", "optimised", "resembling", "linear", "cosine")).items()}
MARKERS = {"linear": "_", "cosine": "D", "resembling": "s", "refined": "o", "optimised": "x"}


def curve(axes, rows, column, name, **options):
    """A schedule of a `schedules` table over the run's progress, in the style of its name."""
    axes.plot(rows.progress, rows[column], **({"label": name} | STYLES[name] | options))


def bounds(table, by, labels):
    """Tuned bounds of all alternatives in units of linear decay's, one column of markers for each value of `by`."""
    figure, axes = plt.subplots()
    for name, marker in MARKERS.items():
        rows = table[table.schedule == name].set_index(by).loc[list(labels)]
        face = "none" if marker in "Ds" else STYLES[name]["color"]
        size = 16 if marker == "_" else 7
        axes.plot(range(len(rows)), rows.ratio, marker, color=STYLES[name]["color"], mfc=face, ms=size, mew=1.5, ls="none", label=name)
    axes.set_xticks(range(len(labels)), labels.values())
    axes.set(xlim=(-0.5, len(labels) - 0.5), ylabel=r"Tuned bound $\Omega_T$ / that of linear decay")
    axes.margins(y=0.15)
    c.legend_above(figure, ncols=5, handletextpad=0.2, columnspacing=1.0)
    return figure


def log_inset(axes, place):
    """Small axes within others for the same curves on a logarithmic scale."""
    inset = axes.inset_axes(place)
    inset.set_yscale("log")
    inset.tick_params(labelsize=6, which="both", labelbottom=False, pad=1)
    inset.patch.set_alpha(0.8)
    return inset
