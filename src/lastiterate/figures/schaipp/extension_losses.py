"""The drawing of a run and its extensions, magnified at their ends."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c


def extension_losses(table, names: dict[str, str], colours: dict) -> plt.Figure:
    """Logged losses of a first run and of its extensions, with a magnified inset at the end of each horizon.

    `table` has extension, total_steps, step and val_loss; `names` and `colours` are those of the extensions, in the order of
    the legend. The curves run together until they branch, so the first run is drawn on top.
    """
    figure, axes = plt.subplots(figsize=(5.6, 4.0))
    horizons = sorted(table[table.extension != "first"].total_steps.unique())
    last = table[table.step == table.groupby(["extension", "total_steps"]).step.transform("max")]
    low, longest = last.val_loss.min(), table.step.max()
    insets = []
    for horizon in horizons:
        ends = last[last.total_steps == horizon].val_loss
        margin = max(0.35 * (ends.max() - ends.min()), 0.002)
        inset = axes.inset_axes([horizon / longest / 1.04 - 0.3, 0.07, 0.17, 0.22])
        inset.set(xlim=(horizon * 0.975, horizon * 1.006), ylim=(ends.min() - margin, ends.max() + 2 * margin), xticks=[])
        inset.tick_params(axis="y", labelsize=7, pad=1)
        inset.spines[["top", "right"]].set_visible(True)
        insets.append(inset)
    for extension, name in names.items():
        for i, (_, rows) in enumerate(table[table.extension == extension].groupby("total_steps")):
            for place in (axes, *insets):
                place.plot(
                    rows.step, rows.val_loss, color=colours[extension], lw=1.5, label=None if i else name, zorder=2 + (extension == "first")
                )
    axes.set(xlabel=c.STEP, ylabel=c.loss_label(table, c.LOGGED_LOSS), xlim=(0, longest * 1.04), ylim=(low - 0.22, low + 0.5))
    for inset in insets:
        axes.indicate_inset_zoom(inset, edgecolor="black")
    axes.xaxis.set_major_formatter(c.thousands)
    axes.legend(loc="upper right")
    return figure
