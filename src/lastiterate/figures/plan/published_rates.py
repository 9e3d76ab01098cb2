"""Tables of finished runs as sweeps, and the published learning rate for a group of them."""

import pandas as pd

from lastiterate.transfer.runs import FinishedRun, Group, Sweep


def sweep_of(runs: pd.DataFrame) -> Sweep:
    """Runs of a results table; architectures are told apart where one size has several, and smoothed losses taken where there are any."""
    loss = runs.smooth_loss.fillna(runs.loss)
    several = runs.groupby(["n_params", "tokens", "batch_size", "base_lr"]).model.nunique().max() > 1
    levels = [(model,) if several else () for model in runs.model]
    columns = zip(runs.n_params, runs.tokens, runs.base_lr, loss, runs.batch_size, levels, strict=True)
    return Sweep(tuple(FinishedRun(n, d, lr, y, float(b), level=level) for n, d, lr, y, b, level in columns), ("model",) if several else ())


def published_rate(group: Group) -> float:
    """The formula of arXiv:2503.04715, which does not know the batch."""
    return 1.79 * group.n_params**-0.713 * group.tokens**0.307
