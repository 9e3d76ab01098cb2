"""convex_example: the subgradient method, really run on min_x max_i |<a_i, x> - b_i|, under wsd, constant and cosine."""

import numpy as np

from lastiterate.figures.bound_tables import build_schedule
from lastiterate.workflow.files import Rows


def compute(parameters, inputs=()):
    """Tables loss (of seed 0, the published problem, and quantiles over seeds), paths, problem and minimiser (seed 0), final."""
    rows, minimisers = problems(parameters["seeds"], parameters["rows"], parameters["solution_norm"])
    loss, paths, final = Rows(), Rows(), Rows()
    for name, entry in parameters["schedules"].items():
        schedule = build_schedule(parameters["total_steps"], **entry["schedule"]).with_peak_lr(entry["base_lr"])
        iterates, values = subgradient_method(rows, minimisers, schedule.lr, entry.get("start", 0.0))
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
        t = np.arange(1, schedule.total_steps + 2)
        lr = np.append(schedule.lr, np.nan)  # x_{T+1} is reached, and not left
        loss.add(schedule=name, t=t, lr=lr, loss=values[0], low=low, median=middle, high=high)
        paths.add(schedule=name, t=t, lr=lr, x1=iterates[0, :, 0], x2=iterates[0, :, 1])
        ends = {"loss": values[0, -1], "low": low[-1], "median": middle[-1], "high": high[-1]}
        final.add(schedule=name, base_lr=entry["base_lr"], seeds=len(values), **ends)
    problem = {"a1": rows[0, :, 0], "a2": rows[0, :, 1], "b": rows[0] @ minimisers[0]}
    minimiser = {"x1": minimisers[0, :1], "x2": minimisers[0, 1:]}
    return {"loss": loss, "paths": paths, "final": final, "problem": problem, "minimiser": minimiser}


def problems(seeds, rows, solution_norm):
    """Rows a_i, uniform in [-1, 1]^2, and minimisers of the given norm, for seeds 0, 1, ...; noiseless, so the minimum is 0.

    Shapes (seeds, rows, 2) and (seeds, 2). They are what PyTorch draws (`manual_seed`, `rand`, then `randn`), so that seed 0 with 20
    rows and norm 5 is the problem published with arXiv:2501.18965: both take their bits from the Mersenne twister mt19937.
    """
    drawn = [torch_draws(seed, 2 * rows) for seed in range(seeds)]
    matrix = np.stack([2 * uniform.reshape(rows, 2) - 1 for uniform, _ in drawn])
    direction = np.stack([normal for _, normal in drawn])
    return matrix, solution_norm * direction / np.linalg.norm(direction, axis=1, keepdims=True)


def torch_draws(seed, count):
    """`count` uniform numbers in [0, 1), and after them two standard normal ones, as PyTorch's CPU generator draws them in float32.

    A uniform number has the low 24 bits of a word. A pair of normal ones takes two words each for u and v (the low 53 bits of both), and
    is sqrt(-2 log(1 - v)) times the cosine and the sine of 2 pi u.
    """
    words = np.random.RandomState(seed).randint(0, 2**32, count + 4, dtype=np.uint32).astype(np.uint64)
    uniform = (words[:count] & np.uint64(2**24 - 1)) * 2.0**-24
    first, second = (words[count::2] << np.uint64(32) | words[count + 1 :: 2]) % np.uint64(2**53) * 2.0**-53
    angle = 2 * np.pi * first
    normal = np.sqrt(-2 * np.log1p(-second)) * np.array([np.cos(angle), np.sin(angle)])
    return uniform, normal.astype(np.float32).astype(np.float64)


def subgradient_method(rows, minimisers, lr, start=0.0):
    """Iterates x_1 = (start, start), ..., x_{T+1}, shape (seeds, T + 1, 2), and f at each, shape (seeds, T + 1), of all problems at once.

    ``x_{t+1} = x_t - lr_t sign(<a_i, x_t> - b_i) a_i`` with i the row of the largest residual.
    """
    x = np.full_like(minimisers, start)
    seeds = np.arange(len(x))
    iterates, values = [], []
    for rate in [*lr, None]:
        residuals = np.einsum("snd,sd->sn", rows, x - minimisers)
        worst = np.abs(residuals).argmax(axis=1)
        iterates.append(x)
        values.append(np.abs(residuals[seeds, worst]))
        if rate is not None:
            x = x - rate * np.sign(residuals[seeds, worst])[:, None] * rows[seeds, worst]
    return np.stack(iterates, axis=1), np.stack(values, axis=1)
