"""Plain SGD on many runs at once: ``w_{t+1} = w_t - eta_t g_t``, g_t the gradient on the t-th batch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from lastiterate._checks import check_steps
from lastiterate.sgd.data import Dataset
from lastiterate.sgd.losses import LOSSES


@dataclass
class Result:
    """What came out of `sgd`. Losses and errors are those of a whole data set, each of shape (seeds, runs)."""

    weights: list[np.ndarray]
    loss: np.ndarray
    error: np.ndarray  # fraction misclassified
    checkpoints: dict[int, tuple[np.ndarray, np.ndarray]]  # after update t: loss and error
    grad_norm: np.ndarray | None = None  # of the batch gradients, (T, seeds, runs)


def draw_batches(samples: int, total_steps: int, batch: int, seeds: Sequence[int], *, replace: bool) -> np.ndarray:
    """Indices of the samples that each update sees, shape (T, seeds, batch).

    With `replace` every index is drawn independently; without, each seed goes through one random permutation after the
    other, and a batch may straddle two. A seed's stream does not depend on the other seeds, and a longer horizon
    continues the shorter one's.

    >>> draw_batches(4, 2, 2, [0], replace=False)[:, 0].tolist()
    [[2, 0], [1, 3]]
    """
    check_steps("batch", batch, 1, "it counts the samples of an update")
    needed = total_steps * batch
    streams = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        if replace:
            streams.append(rng.integers(samples, size=needed))
        else:
            streams.append(np.concatenate([rng.permutation(samples) for _ in range(-(-needed // samples))])[:needed])
    return np.ascontiguousarray(np.stack(streams).reshape(len(streams), total_steps, batch).swapaxes(0, 1))


def sgd(
    model,
    data: Dataset,
    lr: Iterable[np.ndarray],
    batches: np.ndarray,
    *,
    runs: int,
    grad_norm: bool = False,
    checkpoints: Sequence[int] = (),
    test: Dataset | None = None,
) -> Result:
    """Train `runs` runs for each seed, and evaluate them on the whole data set.

    Parameters
    ----------
    model : Linear or Network
    data : Dataset
    lr : iterable of T arrays, each broadcastable to (seeds, runs)
        Learning rates of update 1, 2, ..; a matrix of shape (T, runs) will do.
    batches : int array, shape (T, seeds, batch)
        As from `draw_batches`.
    runs : int
        Runs for each seed; they see the same batches, so that they can be compared in pairs.
    grad_norm : bool
        Whether to keep the norm of every batch's gradient.
    checkpoints : ints in 1..T
        Updates after which the runs are evaluated as well.
    test : Dataset, optional
        Evaluated on instead of `data`.

    Returns
    -------
    Result
        A run that diverged has loss inf and error nan.

    Raises
    ------
    ValueError
        If there are fewer or more learning rates than batches.

    One BLAS thread, so that the result does not depend on their number.
    """
    total_steps, seeds, _ = batches.shape
    weights = model.start(seeds, runs)
    targets = np.eye(data.classes)[data.labels]
    norms = np.empty((total_steps, seeds, runs)) if grad_norm else None
    held, marks = {}, set(checkpoints)
    with threadpool_limits(1), np.errstate(over="ignore", invalid="ignore"):
        for t, (rates, batch) in enumerate(_matched(lr, batches)):
            found = model.step(weights, data.inputs[batch], targets[batch].swapaxes(1, 2), rates, grad_norm)
            if grad_norm:
                norms[t] = found
            if t + 1 in marks:
                held[t + 1] = evaluate(model, weights, test or data)
        loss, error = evaluate(model, weights, test or data)
    return Result(weights, loss, error, held, norms)


def evaluate(model, weights: list[np.ndarray], data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Mean loss and misclassified fraction on the whole data set, each of shape (seeds, runs)."""
    target = np.eye(data.classes)[data.labels].T[None, :, None]
    loss, error = [], []
    for seed in range(weights[0].shape[0]):  # one seed at a time, to hold little memory
        scores = model.scores([part[seed : seed + 1] for part in weights], data.inputs[None])
        loss.append(LOSSES[model.loss].value(scores, target)[0].mean(axis=-1))
        error.append((scores[0].argmax(axis=0) != data.labels).mean(axis=-1))
    finite = np.isfinite(loss)
    return np.where(finite, loss, np.inf), np.where(finite, error, np.nan)


def _matched(lr, batches):
    """Learning rates, as arrays of two dimensions, with their batches; ValueError if they are not equally many."""
    rates = iter(lr)
    for t, batch in enumerate(batches):
        rate = next(rates, None)
        if rate is None:
            raise ValueError(f"lr ends after {t} updates, but there are {len(batches)} batches: give one learning rate for each")
        yield np.atleast_2d(rate), batch
    if next(rates, None) is not None:
        raise ValueError(f"lr goes on after the {len(batches)} batches: give one learning rate for each")
