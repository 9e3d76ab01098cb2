"""The next run to make: the pilot within a budget whose final loss would lower the regret of the choice most.

Every draw of the plausible set is what may be true. With draw h true, a trial run p ends at f_h(p) plus an error; the loss seen,
draws that foretold another lose weight, and the choice is made again:
    worth(p) = R - E[ R after y ],   R = min_c bad case_h[ f_h(c) - min_c' f_h(c') ],   w_h after y ~ w_h N(y; f_h(p), s_h^2),
    s_h^2 = e_h^2 + (exp(d^2) - 1) v,   e_h: what h missed of pilots that were left out,   v: variance of f(p) between the draws.
A law that is right about the real run need not be so about a run far from it, and what is far tells less: d^2 is the squared distance
of p from the learning rates that the draws choose, in octaves, plus that of its length from the pilots', in two octaves.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lastiterate.laws.fitting import SAME_PEAK
from lastiterate.plan.candidates import REACH, Candidate
from lastiterate.plan.choose import BAD_CASE, CAP
from lastiterate.plan.pilots import Pilot
from lastiterate.plan.plausible import Plausible
from lastiterate.plan.warmup import warmup_start
from lastiterate.plan.weighted import sorted_tail_mean
from lastiterate.schedules import cosine, linear, wsd

BUDGET = 0.05  # share of the real run's cost that the next pilot may have
LEAST_STEPS = 20  # updates of a pilot
NODES, SHARES = np.polynomial.hermite_e.hermegauss(5)  # of the errors' normal distribution
MOST = 48  # settings that the choice is made among: those that some draw, or all together, find best
COOL = (0.2, 0.6)  # cooldowns of pilots
PARTS = 3  # of the losses that a pilot may end at, as likely as each other, for which the choice is foretold
OCTAVES_LR, OCTAVES_STEPS = 1.0, 2.0  # that count as distance 1
LITTLE = 0.1  # of the regret: a pilot that lowers it by less decides little


@dataclass(frozen=True)
class Outcome:
    """What would be chosen if the pilot ended between `low` and `high` (None: no end), which it does with this probability."""

    low: float | None
    high: float | None
    probability: float
    choice: str


@dataclass(frozen=True)
class NextPilot:
    """A run to make.

    Attributes
    ----------
    pilot : Candidate
        Its schedule; every update of it is run, unless it can branch from a checkpoint.
    cost : float
        Its updates, as a share of those that the real run has left to make.
    before, after : float
        Regret of the choice in a bad case, now and expected once the pilot is known (nats).
    predicted : float
        Its final loss, as it is expected.
    outcomes : tuple of Outcome
        What its loss would decide, from the lowest on.
    branch : tuple of (str, int) or None
        A pilot, and the update after which a checkpoint of it would do: only what follows would be run.
    """

    pilot: Candidate
    cost: float
    before: float
    after: float
    predicted: float
    outcomes: tuple[Outcome, ...]
    branch: tuple[str, int] | None = None
    opens: bool = False  # decisions that are out of reach without it, and count in `before`
    noise: float = 0.0  # between seeds: a regret within it cannot be lowered

    @property
    def decides(self) -> bool:
        """Whether it is expected to lower the regret by a tenth or more, of one that is more than noise."""
        return self.before > self.noise and self.after < (1 - LITTLE) * self.before


def next_pilot(
    laws: Plausible,
    decisions: Sequence[Candidate],
    pilots: Sequence[Pilot],
    *,
    left: int,
    budget: float = BUDGET,
    open_now: Sequence[bool] | None = None,
    known: np.ndarray | None = None,
    family: str | None = None,
    trainer: str | None = None,
) -> NextPilot | None:
    """The pilot of at most `budget` of the real run's updates that lowers the expected bad-case regret most.

    Parameters
    ----------
    laws : Plausible
    decisions : sequence of Candidate
        What the real run is chosen among.
    pilots : sequence of Pilot
        Runs that were made; no pilot reaches the learning rate of one that diverged.
    left : int
        Updates that the real run has left to make.
    budget : float
        Share of them.
    open_now : sequence of bool, optional
        Which decisions are within reach without another pilot; a pilot at another peak opens all.
    known : ndarray, shape (D, up to the number of decisions), optional
        Final losses of the first decisions by each draw, where they are at hand.
    family, trainer : str, optional
        As in `make_plan`: pilots of this family only; a warmup that this trainer can execute.

    Returns
    -------
    NextPilot or None
        None if no run of 20 updates is within the budget.
    """
    tried = trials(pilots, left, budget, family, trainer)
    if not tried:
        return None
    return best_of(tried, laws, decisions, pilots, left=left, budget=budget, open_now=open_now, known=known)


def best_of(
    tried: Sequence[Candidate],
    laws: Plausible,
    decisions: Sequence[Candidate],
    pilots: Sequence[Pilot],
    *,
    left: int,
    budget: float = BUDGET,
    open_now: Sequence[bool] | None = None,
    known: np.ndarray | None = None,
) -> NextPilot:
    """Of the trials `tried`, that which lowers the expected bad-case regret most; of nearly equal ones, the cheaper (else `next_pilot`)."""
    open_now = np.ones(len(decisions), bool) if open_now is None else np.asarray(open_now, bool)
    peaks = [pilot.peak for pilot in pilots if not pilot.diverged]
    opens = np.array([not min(peaks) / SAME_PEAK <= one.base_lr <= max(peaks) * SAME_PEAK for one in tried])
    count = 0 if known is None else known.shape[1]
    columns = laws.losses([one.schedule for one in (*decisions[count:], *tried)])
    losses, seen = columns[:, : -len(tried)], columns[:, -len(tried) :]
    losses = losses if known is None else np.hstack([known, losses])
    errors = _errors(laws, losses, seen, decisions, tried, [pilot.total_steps for pilot in pilots if not pilot.diverged])
    found = worth(laws, losses, seen, errors, open_now, opens)
    cost = np.array([one.schedule.total_steps for one in tried]) / left
    score = (found.before - found.after + 0.1 * laws.noise * found.told) * (1 - 0.1 * cost / budget)
    best = int(np.argmax(score))
    outcomes = _outcomes(laws, losses, seen[:, best], errors[:, best], open_now | opens[best], [one.label for one in decisions])
    return NextPilot(
        tried[best], float(cost[best]), found.before, float(found.after[best]), float(laws.predicted(seen[:, best, None])[0]), outcomes,
        _branch(tried[best], pilots), bool(opens[best] and not open_now.all()), laws.noise,
    )  # fmt: skip


def trials(
    pilots: Sequence[Pilot], left: int, budget: float = BUDGET, family: str | None = None, trainer: str | None = None
) -> list[Candidate]:
    """Runs that might be made: wsd, linear and cosine, two lengths, two learning rates per octave, a factor of 2 beyond the pilots'.

    Below any learning rate that diverged; no run that was made already.
    """
    ran = [pilot for pilot in pilots if not pilot.diverged]
    limit = min((pilot.peak for pilot in pilots if pilot.diverged), default=np.inf)
    low, high = min(pilot.peak for pilot in ran) / REACH, max(pilot.peak for pilot in ran) * REACH
    lrs = [float(f"{lr:.3g}") for lr in low * (high / low) ** np.linspace(0, 1, round(2 * np.log2(high / low)) + 1)]
    most = int(budget * left)
    warmup = int(np.median([pilot.warmup_steps for pilot in ran]))
    found = []
    for steps in (most, most // 2):
        if steps < LEAST_STEPS:
            continue
        warmed = min(warmup, steps // 10)
        common = {"warmup_steps": warmed, "initial_lr_ratio": warmup_start(ran, warmed, trainer)}
        for lr in (lr for lr in lrs if lr < limit * (1 - 1e-9)):
            options = [(f"wsd, linear cooldown {c:g}, {lr:g}", "wsd", wsd(steps, c, peak_lr=lr, **common), c) for c in COOL]
            options += [
                (f"wsd, 1-sqrt cooldown {c:g}, {lr:g}", "wsd-1-sqrt", wsd(steps, c, "1-sqrt", peak_lr=lr, **common), c) for c in COOL
            ]
            options += [(f"{f.__name__}, {lr:g}", f.__name__, f(steps, peak_lr=lr, **common), None) for f in (linear, cosine)]
            found += [
                Candidate(*option) for option in options if option[1] == (family or option[1]) and (family or option[1] != "wsd-1-sqrt")
            ]
    return [one for one in found if not any(_made(one, pilot) for pilot in ran)]


def _made(one: Candidate, pilot: Pilot) -> bool:
    """Whether a pilot executed as much, to a tenth of its length and a twentieth of its peak."""
    if not (0.9 < one.schedule.total_steps / pilot.total_steps < 1.1 and abs(np.log(one.base_lr / pilot.peak)) < 0.05):
        return False
    at = np.linspace(0.1, 1, 19)
    own, other = (lr[np.round(at * (len(lr) - 1)).astype(int)] / lr.max() for lr in (one.schedule.lr, pilot.lr))
    return bool(np.abs(own - other).max() < 0.05)


@dataclass(frozen=True)
class Worth:
    """Bad-case regret now; expected after each trial (P,); how much of the doubt between draws each trial would settle (P,), 0 to 1."""

    before: float
    after: np.ndarray
    told: np.ndarray


def worth(laws: Plausible, losses: np.ndarray, seen: np.ndarray, errors: np.ndarray, open_now: np.ndarray, opens: np.ndarray) -> Worth:
    """What each trial is worth.

    Parameters
    ----------
    laws : Plausible
    losses : ndarray, shape (D, C)
        Final losses of the decisions by each draw.
    seen : ndarray, shape (D, P)
        Final losses of the trials by each draw.
    errors : ndarray, shape (D, P)
        How far the loss seen may lie from them.
    open_now : ndarray of bool, shape (C,)
        Decisions that may be taken without another pilot.
    opens : ndarray of bool, shape (P,)
        Trials after which all may.
    """
    regret = losses - losses.min(axis=1, keepdims=True)
    kept = _near_best(regret, laws.weights, open_now)
    table = _Sorted(regret[:, kept])
    now = open_now[kept]
    before = float(table.bad_case(laws.weights[None])[0][now].min())
    after, told = np.empty(seen.shape[1]), np.empty(seen.shape[1])
    for p in range(seen.shape[1]):
        _, shares, weights = _posteriors(laws.weights, seen[:, p], errors[:, p])
        usable = now | opens[p]
        after[p] = shares @ table.bad_case(weights)[:, usable].min(axis=1)
        told[p] = 1 - (1 - shares @ (weights**2).sum(axis=1)) / max(1 - (laws.weights**2).sum(), 1e-12)
    return Worth(before, np.minimum(after, before), told)


def _errors(laws, losses, seen, decisions, tried, steps) -> np.ndarray:
    """How far the end of each trial may lie from what a draw foretells, shape (D, P)."""
    chosen = np.log2([decisions[i].base_lr for i in np.unique(losses.argmin(axis=1))])
    lr, length = np.log2([one.base_lr for one in tried]), np.log2([one.schedule.total_steps for one in tried])
    off = np.maximum(0, np.maximum(chosen.min() - lr, lr - chosen.max())) / OCTAVES_LR
    short = np.maximum(0, np.maximum(np.log2(min(steps)) - length, length - np.log2(max(steps)))) / OCTAVES_STEPS
    mean = laws.weights @ seen
    return np.sqrt(laws.errors[:, None] ** 2 + np.expm1(np.minimum(off**2 + short**2, 30.0)) * (laws.weights @ (seen - mean) ** 2))


class _Sorted:
    """Regrets (D, C), each column sorted once, for bad cases (`choose.bad_case`) with many weights."""

    def __init__(self, regret: np.ndarray):
        self.order = np.argsort(regret, axis=0, kind="stable")
        self.values = np.minimum(np.take_along_axis(regret, self.order, 0), CAP)

    def bad_case(self, weights: np.ndarray) -> np.ndarray:
        """Bad-case regrets with each row of `weights` (n, D), shape (n, C)."""
        return sorted_tail_mean(self.values, weights[:, self.order], BAD_CASE)


def _near_best(regret: np.ndarray, weights: np.ndarray, open_now: np.ndarray) -> np.ndarray:
    """Columns worth choosing among: those that some draw finds best, and those of the least regrets over all."""
    best = {int(i) for mask in (open_now, np.ones_like(open_now)) for i in np.where(mask, regret, np.inf).argmin(axis=1)}
    bad = _Sorted(regret).bad_case(weights[None])[0]
    order = [
        *np.argsort(np.where(open_now, bad, np.inf))[: MOST // 3],
        *np.argsort(bad)[: MOST // 3],
        *np.argsort(weights @ regret)[: MOST // 3],
    ]
    return np.array(sorted(best | {int(i) for i in order}))


def _posteriors(prior: np.ndarray, seen: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes of a trial (n,), their probabilities (n,), and the draws' weights after each (n, D)."""
    y = (seen[:, None] + errors[:, None] * NODES).ravel()
    shares = (prior[:, None] * SHARES / SHARES.sum()).ravel()
    log = -0.5 * ((y[:, None] - seen) / errors) ** 2 - np.log(errors) + np.log(np.maximum(prior, 1e-300))
    weights = np.exp(log - log.max(axis=1, keepdims=True))
    return y, shares, weights / weights.sum(axis=1, keepdims=True)


def _outcomes(laws, losses, seen, errors, usable, labels: Sequence[str]) -> tuple[Outcome, ...]:
    """What would be chosen by where a trial ends, in parts as likely as each other; neighbours of one choice together."""
    columns = np.flatnonzero(usable)
    table = _Sorted((losses - losses.min(axis=1, keepdims=True))[:, columns])
    y, shares, weights = _posteriors(laws.weights, seen, errors)
    order = np.argsort(y, kind="stable")
    part = np.empty(len(y), int)
    part[order] = np.minimum(PARTS * (np.cumsum(shares[order]) - shares[order] / 2), PARTS - 1).astype(int)
    edges = [
        0.5 * float(y[part < k].max() + y[part >= k].min()) if (part < k).any() and (part >= k).any() else None for k in range(1, PARTS)
    ]
    found: list[Outcome] = []
    for k, (low, high) in enumerate(zip([None, *edges], [*edges, None], strict=True)):
        own = part == k
        if not own.any():
            continue
        choice = labels[columns[int(table.bad_case((shares[own] @ weights[own])[None])[0].argmin())]]
        probability = float(shares[own].sum())
        if found and found[-1].choice == choice:
            found[-1] = Outcome(found[-1].low, high, found[-1].probability + probability, choice)
        else:
            found.append(Outcome(low, high, probability, choice))
    return tuple(found)


def _branch(one: Candidate, pilots: Sequence[Pilot]) -> tuple[str, int] | None:
    """A pilot that executed the trial's learning rates as far as they are constant, and the last update of that."""
    if not one.cooldown:
        return None
    step = one.schedule.warmup_steps + one.schedule.stable_steps
    for pilot in pilots:
        if not pilot.diverged and abs(pilot.peak / one.base_lr - 1) < 1e-3 and pilot.total_steps > step and pilot.stable(step):
            return pilot.run_id, step
    return None
