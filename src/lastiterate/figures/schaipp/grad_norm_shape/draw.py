"""grad_norm_shape: bounds for gradient norms that fall like a power of the step."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c
from lastiterate.draw.hues import EXPONENTS


def draw(tables, parameters):
    """Panels lr_sweep and convergence, each also as _ablation."""
    for kind in ("last_iterate", "average_iterate"):
        chosen = {name: t[t.kind == kind] if "kind" in t else t for name, t in tables.items()}
        yield "lr_sweep" + c.suffix(kind), EXPONENTS.lr_sweep(chosen)
        yield "convergence" + c.suffix(kind), convergence(chosen)


def convergence(tables):
    """The assumed gradient norms beside the bounds at gamma*."""
    figure, (left, right) = plt.subplots(1, 2, figsize=c.WIDE)
    groups = list(tables["grad_norm"].groupby("exponent", sort=False))
    for (exponent, rows), colour in zip(groups, c.shades("Greys", len(groups)), strict=True):
        left.plot(rows.t, rows.grad_norm, color=colour, label=rf"$\alpha = {exponent:g}$")
    for _, _, colour, rows in EXPONENTS.curves(tables["convergence"]):
        right.plot(rows.t, rows.omega, color=colour)
    left.set(xlabel=c.STEP, ylabel=r"Assumed gradient norm $G_t = t^{\alpha}$", xlim=(0, None), yscale="log")
    left.legend(loc="upper right", bbox_to_anchor=(1, 0.92))
    top = 4 * tables["convergence"].groupby(["schedule", "exponent"]).omega.median().max()
    right.set(xlabel=c.STEP, ylabel=c.TUNED_BOUND, xlim=(0, None), yscale="log", ylim=(None, top))
    EXPONENTS.legend(right, tables["convergence"], loc="upper right", ncols=2)
    return figure
