"""noise_limited_controls: the best base learning rate where noise does not limit."""

import matplotlib.pyplot as plt
import numpy as np

from lastiterate.draw import common as c


def draw(tables, parameters):
    """Panel exponents."""
    names = list(parameters["controls"])
    styles = c.styles(names)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.2), width_ratios=(1, 0.75))
    for name, rows in tables["tuned"].groupby("control", sort=False):
        best = 2.0**rows.log2_best_lr
        low, high = (2.0 ** (rows.log2_best_lr + sign * 2 * rows.log2_best_lr_se) for sign in (-1, 1))
        left.errorbar(rows.total_steps, best, yerr=[best - low, high - best], **styles[name].both, ms=4, lw=1.2, capsize=2)
    steps = np.array(sorted(tables["tuned"].total_steps.unique()))
    left.plot(steps, 1.1 * best.max() * (steps / steps[0]) ** -0.5, color="black", ls="--", lw=1)
    c.loglog(left)
    left.set_xticks(steps, [f"{t:g}" for t in steps], minor=False)
    left.set_xticks([], minor=True)
    left.set(xlabel=c.HORIZON, ylabel=r"Best base learning rate $\gamma^\star$")
    for place, row in enumerate(tables["exponents"].itertuples()):
        right.errorbar(row.exponent, -place, xerr=2 * row.exponent_se, **styles[row.control].dots, capsize=3)
    right.axvline(-0.5, color="black", ls="--", lw=1)
    right.axvline(0, color="black", lw=0.8)
    right.set_yticks(-np.arange(len(names)), names)
    right.set(xlabel="Exponent of $T$")
    yield "exponents", figure
