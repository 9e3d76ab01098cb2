"""Memory kernels: what is left at the logged steps of the noise that earlier updates put in."""
import numpy as np
from scipy.special import digamma

ROWS = 64


def power_memory(path, clock, jump, scale, power):
    """sum_k jump_k G(X(t) - X(k)), G(x) = (1 - (1 + scale x)^-power)."""
    return pairs(path, clock, jump, lambda x: -np.expm1(-power * np.log1p(scale * x)))


def pairs(path, clock, jump, function, stretch=None):
    """sum_k jump_k function(stretch_k (X(t) - X_start(k))) over the cells k up to each logged step t; chunks of rows keep memory linear."""
    out = np.empty(len(path.at))
    start = path.previous(clock)
    row = 0
    bounds = np.searchsorted(path.at, path.first[1:])
    for c, (a, b) in enumerate(zip(path.first[:-1], path.first[1:])):
        cells = a + np.flatnonzero(jump[a:b])
        x0, j = start[cells], jump[cells]
        s = 1.0 if stretch is None else stretch[cells]
        while row < bounds[c]:
            end = min(row + ROWS, bounds[c])
            n = np.searchsorted(cells, path.at[end - 1], side="right")
            lag = clock[path.at[row:end], None] - x0[None, :n]
            lag = np.maximum(lag, 0.0)
            if stretch is not None:
                lag *= s[:n]
            out[row:end] = function(lag) @ j[:n]
            row = end
    return out


def inverse_memory(path, lr):
    """sum_{k<t} lr_k^2/(S_t - S_k), exact for cells of constant lr."""
    out = np.empty(len(path.at))
    clock = path.total(path.count * lr)
    start = path.previous(clock)
    bounds = np.searchsorted(path.at, path.first[1:])
    row = 0
    for c, (a, b) in enumerate(zip(path.first[:-1], path.first[1:])):
        cells = a + np.flatnonzero(lr[a:b])
        while row < bounds[c]:
            end = min(row + ROWS, bounds[c])
            n = np.searchsorted(cells, path.at[end - 1], side="right")
            e, m = lr[cells[:n]], path.count[cells[:n]]
            X = (clock[path.at[row:end], None] - start[cells[:n]][None]) / e
            low = X - m
            # within the cell that holds t itself: k < t only
            z = np.where(low > 0.5, digamma(np.maximum(X, 1.0)) - digamma(np.maximum(low, 1.0)), digamma(np.maximum(X, 1.0)) - digamma(1.0))
            z[X < 0.5] = 0.0
            out[row:end] = z @ e
            row = end
    return out
