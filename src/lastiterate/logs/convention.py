"""Which update a row belongs to: how its trainer counts, and whose learning rate it holds.

The row of logged step k was written after update ``k + step_shift``, and the learning rate in it is that of update
``k + lr_shift``. Trainers differ in both: `trainers` says how those count that are known by their names. For tables of
unknown origin, steps that start at 0 count from 0 (both shifts are 1), and so do steps that lie one before the multiples of
their own interval beside an `epoch` (Lightning's: 49, 99, ...); else a step is the number of updates done (both are 0).

Where neither the trainer nor its version is known, the learning rates themselves may tell whose they are: a row of step 1
with LR 0 holds its own (a warm-up from 0 begins with it); a last row with LR 0 holds the next one's, since an update with
LR 0 stands still, and no schedule ends on one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from lastiterate.logs.trainers import Trainer

LINE_RTOL = 1e-3  # of the logged interval: how well a line has to hit a corner of the schedule
COSINE_RTOL = 2e-7  # of the peak: event files hold seven digits
LEAST_COSINE, MOST_WARMUP = 5, 5_000  # rows, updates
NEXT, OWN = "the next update's", "its own"


@dataclass(frozen=True)
class Convention:
    """How a format counts, and its reason in words (None: nothing to say).

    `shifts` are of roles whose rows count otherwise than `step_shift`. `lr_certain` says that no learning rate in the data
    could tell otherwise; `lr_from_0` that warm-up and decay are those of torch's LambdaLR (`of_lambda_lr`).
    """

    step_shift: int
    lr_shift: int
    why: str | None = None
    shifts: Mapping[str, int] = field(default_factory=dict)
    lr_certain: bool = True
    lr_from_0: bool = False

    def shift_of(self, role: str) -> int:
        """Of a series."""
        return self.shifts.get(role, self.step_shift)


def convention_of(step_name: str, train_steps: np.ndarray, epoch: bool, trainer: Trainer | None = None) -> Convention:
    """The convention of a table.

    Parameters
    ----------
    step_name : str
        The step column's name: some of them tell the trainer.
    train_steps : ndarray of int
        Steps of the rows that training wrote, not validation; non-empty.
    epoch : bool
        Whether the log has an epoch as well.
    trainer : Trainer, optional
        Known by the table's names.

    >>> convention_of("step", np.array([49, 99, 149]), epoch=True).step_shift
    1
    """
    first, common = int(train_steps.min()), int(np.gcd.reduce(train_steps + 1))
    from_0 = first == 0 or (epoch and common > 1 and np.unique(train_steps).size > 1)
    if trainer and not (from_0 and trainer.lr_shift is None):
        why = f"read as {trainer.name}'s: {trainer.rule} ({trainer.source})"
        certain = trainer.lr_shift is not None
        return Convention(trainer.step_shift, trainer.lr_shift or 0, why, trainer.shifts, certain, trainer.lr_from_0)
    if step_name == "train/global_step":  # Hugging Face's callbacks write the number of updates done
        return Convention(0, 0, lr_certain=False, lr_from_0=True)
    if step_name == "trainer/global_step":  # Lightning's W&B logger
        return Convention(1, 1, f"{step_name} counts from 0: step k is taken for update k + 1")
    if step_name == "iter" and first == 0:  # nanoGPT: evaluation before update iter + 1, with that update's learning rate
        return Convention(0, 1, f"{step_name} is taken for the updates done, and the LR beside it for the next update's, as in nanoGPT")
    if first == 0:
        return Convention(1, 1, f"{step_name} starts at 0: step k is taken for update k + 1")
    if from_0:
        why = f"every {step_name} lies one before a multiple of {common}, as Lightning's: step k is taken for update k + 1"
        return Convention(1, 1, why)
    return Convention(0, 0, lr_certain=False)


def told_by_data(convention: Convention, steps: np.ndarray, lr: np.ndarray, total: int) -> tuple[Convention, str | None]:
    """The convention with the shift that the learning rates tell, and how they do; as it was if they do not.

    Parameters
    ----------
    convention : Convention
    steps, lr : ndarray, shape (n,)
        Logged steps, increasing, and the learning rates beside them.
    total : int
        Updates of the run, by the log's own count: the last row of a finished run is at it.

    >>> told_by_data(Convention(0, 0, lr_certain=False), np.array([10, 20]), np.array([0.5, 0.0]), 20)[0].lr_shift
    1
    """
    if convention.lr_certain or steps.size < 2 or not lr.any():
        return convention, None
    first, last = int(steps[0]), int(steps[-1])
    if first == 1 and lr[0] == 0:
        return replace(convention, lr_shift=0), f"LR 0 beside step 1 is that of update 1, where a warm-up begins: a row's LR is {OWN}"
    if last == total and lr[-1] == 0:
        return replace(convention, lr_shift=1), f"LR 0 in the last row is that of no update that was made: a row's LR is {NEXT}"
    return of_lambda_lr(convention, steps, lr, total) if convention.lr_from_0 else (convention, None)


def of_lambda_lr(convention: Convention, steps: np.ndarray, lr: np.ndarray, total: int) -> tuple[Convention, str | None]:
    """The same for schedules of torch's LambdaLR, which executes ``f(k - 1)`` in update k, where f is 0 at 0 and at `total`.

    The line through the first two rows of a warm-up, and through the last two of a linear decay to 0, meets 0 there; half
    a cosine, from a warm-up of any length, passes through every row after it.
    """
    for a, b, corner in ((0, 1, 0), (-2, -1, total)):
        rise, run = lr[b] - lr[a], steps[b] - steps[a]
        if rise == 0 or (corner == 0) != (rise > 0):
            continue
        meets = steps[a] - lr[a] * run / rise
        for shift, whose in ((1, NEXT), (0, OWN)):
            if abs(meets - (corner + 1 - shift)) < max(LINE_RTOL * run, 0.02):
                where = "warm-up" if corner == 0 else "linear decay"
                return replace(convention, lr_shift=shift), f"the {where} meets LR 0 at step {meets:.2f}: a row's LR is {whose}"
    return _of_cosine(convention, steps, lr, total)


def _of_cosine(convention: Convention, steps: np.ndarray, lr: np.ndarray, total: int) -> tuple[Convention, str | None]:
    top = int(np.argmax(lr))
    at, values = steps[top + 1 :], lr[top + 1 :]
    if at.size < LEAST_COSINE or at[-1] > total:
        return convention, None
    warmups = np.arange(min(int(at[0]), MOST_WARMUP))
    for shift, whose in ((1, NEXT), (0, OWN)):
        done = np.clip((at - 1 + shift - warmups[:, None]) / (total - warmups[:, None]), 0, 1)
        shape = 0.5 * (1 + np.cos(np.pi * done))
        peak = shape @ values / np.sum(shape**2, axis=1)
        off = np.abs(peak[:, None] * shape - values).max(axis=1) / peak
        if off.min() < COSINE_RTOL:
            warmup = int(warmups[np.argmin(off)])
            return replace(convention, lr_shift=shift), f"the rows are a cosine from a warm-up of {warmup}, if a row's LR is {whose}: it is"
    return convention, None
