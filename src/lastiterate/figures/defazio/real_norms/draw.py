"""real_norms: published gradient norms and the schedules refined from them."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c
from lastiterate.figures.defazio import refined_curves as r


def draw(tables, parameters):
    """Panels schedules, published and bounds."""
    labels, found = parameters.get("labels", {}), list(tables["diagnosis"].task)
    tasks = {task: labels[task] for task in labels if task in found} | {task: task for task in found if task not in labels}
    yield "schedules", schedules(tables, tasks)
    yield "published", published(tables, tasks)
    yield "bounds", r.bounds(tables["bounds"], "task", tasks)


def schedules(tables, tasks):
    """Norms as logged, smoothed norms and refined schedules (with the curve that resembles them), a row for each task."""
    figure, rows_of_axes = plt.subplots(len(tasks), 3, figsize=(12.5, 2.4 * len(tasks)), sharex=True, squeeze=False)
    diagnosis = tables["diagnosis"].set_index("task")
    for (task, label), (left, middle, right) in zip(tasks.items(), rows_of_axes, strict=True):
        raw, rows = (tables[name][tables[name].task == task] for name in ("raw", "schedules"))
        found = diagnosis.loc[task]
        high_end = raw.grad_norm.iloc[-len(raw) // 2 :].median() > raw.grad_norm.max() / 4
        for axes in (left, r.log_inset(left, (0.62, 0.05 if high_end else 0.6, 0.36, 0.3))):
            axes.plot(raw.progress, raw.grad_norm, color=c.CATEGORICAL[6], lw=0.6)
        left.set(ylabel=f"{label}: {found.norm} norm", xlim=(0, 1), ylim=(0, top(raw.grad_norm)))
        middle.plot(rows.progress, rows.grad_norm, color=c.CATEGORICAL[0])
        middle.set(ylabel="Running median", ylim=(0, top(rows.grad_norm)))
        r.curve(right, rows, "lr", "refined")
        name = rf"warmup {100 * found.warmup:.1f} %, then $(1-x)^{{{found.decay_power:.2f}}}$"
        r.curve(right, rows, "lr_resembling", "resembling", label=name)
        inset = r.log_inset(right, (0.64, 0.55, 0.34, 0.28))
        r.curve(inset, rows, "lr", "refined")
        r.curve(inset, rows, "lr_resembling", "resembling")
        inset.set(ylim=(1e-4, 3))
        right.set(ylabel="LR / maximum", ylim=(0, 1.65), yticks=[0, 0.5, 1])
        right.legend(loc="upper right", fontsize=8, ncols=2)
    for axes in rows_of_axes[-1]:
        axes.set(xlabel=r.PROGRESS)
    return figure


def top(norms):
    """Upper end of a linear axis: that of the data, unless a few norms at the start are far above all others (insets show them)."""
    usual = norms.quantile(0.98)
    return 1.3 * usual if norms.max() > 20 * usual else None


def published(tables, tasks):
    """Refined schedules beside those of the published script."""
    figure, all_axes = c.small_multiples(len(tasks), r.PROGRESS, r.REFINED, columns=4, size=(3.2, 2.9), sharey=True)
    for (task, label), axes in zip(tasks.items(), all_axes, strict=True):
        ours, theirs = (tables[name][tables[name].task == task] for name in ("schedules", "published_schedules"))
        axes.plot(theirs.progress, theirs.lr, color=c.CATEGORICAL[3], label="published script")
        r.curve(axes, ours, "lr", "refined", label=r"median over $\tau T$")
        axes.set(xlim=(0, 1), ylim=(0, 1.04), title=label)
    all_axes[0].legend(loc="upper right", fontsize=8)
    return figure
