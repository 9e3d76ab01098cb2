"""grad_norm_shape: bounds for gradient norms that fall like a power of the step."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c


def draw(tables, parameters):
    """Panels lr_sweep and convergence, each also as _ablation."""
    for kind in ("last_iterate", "average_iterate"):
        chosen = {name: t[t.kind == kind] if "kind" in t else t for name, t in tables.items()}
        yield "lr_sweep" + c.suffix(kind), lr_sweep(chosen)
        yield "convergence" + c.suffix(kind), convergence(chosen)


def curves(table):
    """Yield (schedule, exponent, colour, rows); exponents from the first (light) to the last (dark)."""
    exponents = list(dict.fromkeys(table.exponent))
    for name, rows in table.groupby("schedule"):
        for exponent, colour in zip(exponents, c.shades(name, len(exponents)), strict=True):
            yield name, exponent, colour, rows[rows.exponent == exponent]


def legend(owner, table, **options):
    """Legend of the shades that `curves` assigns to exponents."""
    exponents = list(dict.fromkeys(table.exponent))
    groups = {name: c.shades(name, len(exponents)) for name in sorted(table.schedule.unique())}
    c.shade_legend(owner, groups, [f"{value:g}" for value in exponents], r"$\alpha$", **options)


def lr_sweep(tables):
    """Omega_T against gamma, the optimum of each curve marked."""
    figure, axes = plt.subplots()
    best = tables["tuned"].set_index(["schedule", "exponent"])
    for name, exponent, colour, rows in curves(tables["lr_sweep"]):
        axes.plot(rows.base_lr, rows.omega, color=colour, alpha=0.8)
        axes.plot(*best.loc[(name, exponent), ["base_lr", "omega"]], "o", color=colour, mec="black", zorder=5)
    c.loglog(axes)
    axes.set(xlabel=c.BASE_LR, ylabel=c.FINAL_BOUND)
    legend(figure, tables["lr_sweep"], loc="outside upper center", ncols=2)
    return figure


def convergence(tables):
    """The assumed gradient norms beside the bounds at gamma*."""
    figure, (left, right) = plt.subplots(1, 2, figsize=c.WIDE)
    groups = list(tables["grad_norm"].groupby("exponent", sort=False))
    for (exponent, rows), colour in zip(groups, c.shades("Greys", len(groups)), strict=True):
        left.plot(rows.t, rows.grad_norm, color=colour, label=rf"$\alpha = {exponent:g}$")
    for _, _, colour, rows in curves(tables["convergence"]):
        right.plot(rows.t, rows.omega, color=colour)
    left.set(xlabel=c.STEP, ylabel=r"Assumed gradient norm $G_t = t^{\alpha}$", xlim=(0, None), yscale="log")
    left.legend(loc="upper right", bbox_to_anchor=(1, 0.92))
    top = 4 * tables["convergence"].groupby(["schedule", "exponent"]).omega.median().max()
    right.set(xlabel=c.STEP, ylabel=c.TUNED_BOUND, xlim=(0, None), yscale="log", ylim=(None, top))
    legend(right, tables["convergence"], loc="upper right", ncols=2)
    return figure


if __name__ == "__main__":
    c.run_draw(draw)
