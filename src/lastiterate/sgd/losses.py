"""Losses on the scores of a classifier, for many runs and samples at once.

A loss is two functions of scores z, of shape (seeds, classes, ...), and of `target`, the one-hot labels, broadcastable to
it: `value`, of shape (seeds, ...), and `slope`, its derivative (a subgradient) with respect to z, of the shape of z.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Loss(NamedTuple):
    """A loss as its value and its slope."""

    value: Callable
    slope: Callable


def softmax_value(scores, target):
    """Cross-entropy ``log sum_j exp(z_j) - z_y``, the loss of multinomial logistic regression.

    >>> softmax_value(np.zeros((1, 2, 1)), np.array([[[1.0], [0.0]]])).round(4).tolist()
    [[0.6931]]
    """
    shifted = scores - scores.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=1)) - (shifted * target).sum(axis=1)


def softmax_slope(scores, target):
    """Probabilities minus `target`."""
    slopes = scores - scores.max(axis=1, keepdims=True)
    np.exp(slopes, out=slopes)
    slopes /= slopes.sum(axis=1, keepdims=True)
    slopes -= target
    return slopes


def hinge_value(scores, target):
    """Multiclass hinge loss ``max_j (z_j + [j != y]) - z_y`` (Crammer and Singer), which is convex and Lipschitz.

    >>> hinge_value(np.zeros((1, 3, 1)), np.array([[[0.0], [1.0], [0.0]]])).tolist()
    [[1.0]]
    """
    return (scores + (1.0 - target)).max(axis=1) - (scores * target).sum(axis=1)


def hinge_slope(scores, target):
    """A subgradient, to which all maximisers contribute equally.

    >>> hinge_slope(np.zeros((1, 3, 1)), np.array([[[0.0], [1.0], [0.0]]]))[0, :, 0].tolist()
    [0.5, -1.0, 0.5]
    """
    slopes = scores + (1.0 - target)
    np.equal(slopes, slopes.max(axis=1, keepdims=True), out=slopes)
    slopes /= slopes.sum(axis=1, keepdims=True)
    slopes -= target
    return slopes


LOSSES = {"softmax": Loss(softmax_value, softmax_slope), "hinge": Loss(hinge_value, hinge_slope)}
