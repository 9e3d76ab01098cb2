"""The weight norm under AdamW: what turns a learning rate into a relative step."""

import numpy as np

from lastiterate.laws.path import Path


def squared_norm(path: Path) -> np.ndarray:
    """Squared weight norm relative to its start, averaged over each cell, shape (J,).

    ``n' = -2 lambda eta n + (eta / sigma0)^2, n(0) = 1`` per update: decay shrinks the weights, and updates of about the
    learning rate in every coordinate let them grow as a random walk from the initial standard deviation sigma0.
    """
    lr = path.lr * path.unit
    decay = 2 * path.weight_decay[path.curve] * lr
    growth = (lr / path.init_std[path.curve]) ** 2
    tiny = 1e-12
    norm = path.relax(np.maximum(decay, tiny), growth / np.maximum(decay, tiny), 1.0)
    return (norm + path.before(norm, 1.0)) / 2


def relative_step(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Relative step ``u = eta / sqrt(n)`` in units of the path's learning-rate unit, and n, shapes (J,)."""
    norm = path.memo("squared norm", lambda: squared_norm(path))
    return path.lr / np.sqrt(norm), norm
