"""own_weight_norm: logged squared weight norms over a random walk with decay."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c


def draw(tables, parameters):
    """Panels weight_norm and step_size."""
    curves = tables["curves"]
    rates = sorted(curves.base_lr.unique())
    colours = dict(zip(rates, c.shades("viridis", len(rates)), strict=True))
    names = sorted(curves.schedule.unique())
    figure, places = plt.subplots(1, len(names), figsize=c.WIDE, sharey=True, squeeze=False)
    for axes, name in zip(places[0], names, strict=True):
        for rate, rows in curves[curves.schedule == name].groupby("base_lr"):
            axes.plot(rows.step, rows.logged, color=colours[rate], label=rf"$\gamma = {rate:g}$")
            axes.plot(rows.step, rows.fitted, "--", color=colours[rate], lw=1)
        axes.set(yscale="log", xlabel=c.STEP, title=name)
    places[0][0].set_ylabel("Squared weight norm over its start")
    places[0][-1].legend(fontsize=8)
    yield "weight_norm", figure
    figure, axes = plt.subplots()
    fits = tables["fits"]
    for (name, rows), marker in zip(fits.groupby("schedule"), "osD^", strict=False):
        axes.plot(
            rows.base_lr,
            rows.fitted,
            marker + "-",
            color=c.CATEGORICAL[0],
            mfc="white" if marker == "s" else None,
            label=f"{name}, fitted to the logged norm",
        )
    axes.axhline(fits.assumed.iloc[0], ls="--", color=c.CATEGORICAL[4], label=r"assumed: $1/\sigma_0$")
    c.loglog(axes)
    axes.set_xticks(rates, [f"{rate:g}" for rate in rates])
    axes.minorticks_off()
    axes.set(xlabel=c.BASE_LR, ylabel="Step size $s$ of the random walk")
    axes.legend()
    yield "step_size", figure


if __name__ == "__main__":
    c.run_draw(draw)
