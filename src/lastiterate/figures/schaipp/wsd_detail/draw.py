"""wsd_detail: why the bound of tuned wsd has no logarithm, and which of its terms falls in the cooldown."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c


def draw(tables, parameters):
    """Panels no_log_terms, single_terms and theorem."""
    yield "no_log_terms", no_log_terms(tables["convergence"], tables["rates"], tables["fit"].factor[0])
    yield "single_terms", single_terms(tables["single_terms"], parameters["cooldown"])
    yield "theorem", theorem(tables["theorem"])


def no_log_terms(table, rates, factor):
    """Tuned wsd at several horizons against the tuned constant schedule and A/sqrt(t)."""
    figure, axes = plt.subplots()
    groups = list(table.groupby("total_steps"))
    for (total_steps, rows), colour in zip(groups, c.shades("wsd", len(groups)), strict=True):
        label = f"wsd, $T = {total_steps}$" if total_steps in (groups[0][0], groups[-1][0]) else None
        axes.plot(rows.t, rows.omega, color=colour, lw=1.5, label=label)
    axes.plot(
        rates.t, rates.constant_tuned, color=c.CATEGORICAL[4], label=r"constant, tuned at $t$: $\frac{DG}{\sqrt{t}}\sqrt{1 + H_{t-1}}$"
    )
    axes.plot(rates.t, rates.inverse_sqrt, color=c.CATEGORICAL[1], ls="--", label=rf"${factor:.2f} / \sqrt{{t}}$")
    best = table[table.t == table.total_steps].omega
    axes.set(xlabel=c.STEP, ylabel=c.TUNED_BOUND, xlim=(0, None), ylim=(0, 1.1 * best.max()))
    axes.legend(loc="upper right")
    return figure


def single_terms(table, cooldown):
    """The two sides of the bound along one tuned run, and where its cooldown starts."""
    figure, axes = plt.subplots()
    axes.plot(table.t, table.distance_term, color=c.CATEGORICAL[1], label=r"distance term $\mathcal{T}_1 / \gamma^\star$")
    axes.plot(table.t, table.noise_terms, color=c.CATEGORICAL[4], label=r"noise terms $\gamma^\star \mathcal{T}_2$")
    axes.plot(table.t, table.omega, color=c.CATEGORICAL[0], lw=1.2, label=r"their sum $\Omega_t$")
    start = table.t[table.lr < table.lr.max()].min()
    axes.axvline(start, color="grey", ls=":", label=f"cooldown, the last {cooldown:.0%}")
    axes.set(xlabel=c.STEP, ylabel="Terms of the bound", xlim=(0, None), ylim=(0, 6 * table.omega.iloc[-1]))
    axes.legend(loc="upper right")
    return figure


def theorem(table):
    """The tuned bound and the explicit one over the horizon, each times sqrt(T), so that a logarithm would show as a slope."""
    figure, axes = plt.subplots()
    root = table.total_steps**0.5
    axes.plot(table.total_steps, table.theorem * root, color=c.CATEGORICAL[4], ls="--", label="theorem (explicit)")
    axes.plot(table.total_steps, table.omega * root, color=c.CATEGORICAL[0], label=r"$\Omega_T$ at $\gamma^\star$")
    axes.set(xlabel=c.HORIZON, ylabel=r"$\sqrt{T}\,/\,(DG)$ times the bound", xscale="log", ylim=(0, None))
    axes.legend(loc="lower right")
    return figure
