"""degenerate: a small network that memorises its data, its gradient norms, and what refinement makes of them."""

import numpy as np

from lastiterate.figures.defazio.refined_tables import RefinedTables
from lastiterate.refine import refine
from lastiterate.schedules import linear
from lastiterate.workflow.files import Rows


def compute(parameters, inputs=()):
    """Tables schedules, diagnosis, bounds (see `RefinedTables`) and losses, by the number of training examples."""
    tables, losses = RefinedTables(parameters["points"]), Rows()
    for examples in parameters["examples"]:
        norm, step, train, test = train_network(examples=examples, **parameters["run"])
        tables.add(refine(norm, parameters["smoothing"]), examples=examples)
        losses.add(examples=examples, t=step, train_loss=train, test_loss=test)
    return {**tables.tables, "losses": losses}


def train_network(*, examples, inputs, width, label_noise, total_steps, base_lr, batch_size, seed, evaluate_every):
    """Train a two-layer tanh network with logistic loss by SGD with linear decay, really.

    The labels are the signs of a random linear teacher, a fraction `label_noise` of them flipped. Returns the l2 norm of
    each update's gradient, shape (total_steps,), and after each of the steps returned next, the mean losses on the
    training set and on fresh data with labels as noisy.
    """
    rng = np.random.default_rng(seed)
    teacher = rng.normal(size=inputs)

    def draw(count):
        x = rng.normal(size=(count, inputs))
        return x, np.sign(x @ teacher) * np.where(rng.random(count) < label_noise, -1.0, 1.0)

    (x, y), fresh = draw(examples), draw(4000)
    seen = x[:4000], y[:4000]
    first, second = rng.normal(size=(inputs, width)) / np.sqrt(inputs), rng.normal(size=width) / np.sqrt(width)
    loss = lambda x, y: float(np.mean(np.logaddexp(0.0, -y * (np.tanh(x @ first) @ second))))
    norm, curve = np.empty(total_steps), []
    for t, lr in enumerate(linear(total_steps, peak_lr=base_lr).lr, start=1):
        batch = rng.integers(examples, size=batch_size)
        hidden = np.tanh(x[batch] @ first)
        slope = -y[batch] / (1 + np.exp(y[batch] * (hidden @ second))) / batch_size
        to_second = hidden.T @ slope
        to_first = x[batch].T @ (slope[:, None] * second * (1 - hidden**2))
        norm[t - 1] = np.sqrt(np.sum(to_first**2) + np.sum(to_second**2))
        first -= lr * to_first
        second -= lr * to_second
        if t % evaluate_every == 0:
            curve.append((t, loss(*seen), loss(*fresh)))
    return norm, *(list(column) for column in zip(*curve, strict=True))
