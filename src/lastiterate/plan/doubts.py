"""What speaks against taking a pilot's numbers for losses and learning rates: said with every plan, first of all."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from lastiterate.plan.pilots import Pilot

TENTHS = 10  # parts of a run whose median losses are compared
RISE = 0.002  # of the loss: how much more than noise a loss must rise to be said to
FIRST, LAST = 13.0, 12.6  # nats: no vocabulary of up to 300,000 tokens has a loss beyond, at its start and at its end
EXPONENTIAL = 0.05  # of the loss: how near one loss is to the exponential of the other
WINDOW = 10  # losses on either side, through which a parabola is taken for the curve
ALIKE = 0.22  # correlation of a loss's noise with that of the loss logged before: losses have none, running means of them .3 to .6
LEAST_LR = 0.5  # peaks from here on are no learning rates of an adaptive optimizer, but factors of one


def doubts(pilots: Sequence[Pilot], loss: str) -> list[str]:
    """Sentences "run: what", of what a reader of the logs was not sure of, and of what the numbers themselves speak against.

    A loss that rises from half of the run on though the learning rate does not; a perplexity; a running mean of losses, whose noise
    goes on from one logged loss to the next; losses that are not positive; learning rates that are factors of one, or at which
    another pilot diverged.

    Parameters
    ----------
    pilots : sequence of Pilot
        Of those that diverged only the learning rate counts.
    loss : str
        Which of their losses a plan is made from, "val_loss" or "train_loss".

    Source: none, this project's own.
    """
    found = [f"{pilot.run_id}: {text}" for pilot in pilots for text in pilot.doubts]
    limit = min((pilot.peak for pilot in pilots if pilot.diverged), default=np.inf)
    pilots = [pilot for pilot in pilots if not pilot.diverged]
    found += [f"{pilot.run_id}: a pilot diverged at a peak of {limit:g}, and this one did not" for pilot in pilots if pilot.peak >= limit]
    checks: tuple[Callable[[Pilot, str], Iterator[str]], ...] = (_rises, _perplexity, _running_mean, _not_positive, _factor)
    return found + [f"{pilot.run_id}{text}" for check in checks for pilot in pilots for text in check(pilot, loss)]


def _rises(pilot: Pilot, loss: str) -> Iterator[str]:
    """The medians of the tenths rise after the least of the second half's, by more than noise and without a learning rate that rises."""
    steps, values = pilot.losses[loss]
    parts = np.array_split(np.arange(len(values)), min(TENTHS, len(values)))
    level = np.array([np.median(values[part]) for part in parts])
    half = len(parts) // 2
    if len(parts) < 4:
        return
    least = half - 1 + int(np.argmin(level[half - 1 : -1]))
    own = np.concatenate([values[part] - level[i] for i, part in enumerate(parts) if i >= half])
    noise = 4 * np.median(np.abs(own)) / np.sqrt(min(len(parts[-1]), len(parts[least])))
    mean_lr = [float(pilot.lr[max(int(steps[part[0]]) - 1, 0) : int(steps[part[-1]])].mean()) for part in (parts[least], parts[-1])]
    rises = level[-2] - level[least] > noise and level[-1] > level[-2] and level[-1] - level[least] > noise + RISE * abs(level[least])
    if least < len(parts) - 2 and rises and mean_lr[1] <= 1.1 * mean_lr[0]:
        yield (
            f" ({level[least]:.4g} at update {steps[parts[least]].mean():.0f}, {level[-1]:.4g} at the end): {loss} rises towards the end, "
            "which no law describes: overfitting, or a run about to diverge"
        )


def _perplexity(pilot: Pilot, loss: str) -> Iterator[str]:
    _, values = pilot.losses[loss]
    other = pilot.losses.get("train_loss" if loss == "val_loss" else "val_loss")
    if other is not None:
        own, log_of = (float(np.median(series[len(series) // 2 :])) for series in (values, other[1]))
        for big, small, which in ((own, log_of, loss), (log_of, own, "train_loss" if loss == "val_loss" else "val_loss")):
            if 0.5 < small < big / 1.5 and abs(np.log(big) - small) <= EXPONENTIAL * small:
                yield f": {which} is about the exponential of the other loss, a perplexity: a loss is its logarithm"
                return
    if values[-1] > LAST or values[0] > FIRST:
        at, value = ("ends", values[-1]) if values[-1] > LAST else ("begins", values[0])
        yield (
            f" ({value:.4g}): {loss} {at} above the logarithm of any vocabulary: a perplexity, whose logarithm is the loss, or a sum; "
            "laws are of the mean loss of a token, in nats"
        )


def _running_mean(pilot: Pilot, loss: str) -> Iterator[str]:
    """Whether the noise of one logged loss goes on in the next; of losses on a fixed validation set it may."""
    if loss != "train_loss":
        return
    values = pilot.losses[loss][1]
    values = values[len(values) // 4 :]
    width = 2 * WINDOW + 1
    if len(values) < 3 * width:
        return
    middle = np.linalg.pinv(np.vander(np.arange(-WINDOW, WINDOW + 1.0), 3))[-1]  # of the parabola through a window, at its centre
    noise = values[WINDOW:-WINDOW] - np.convolve(values, middle, "valid")
    power = float(noise @ noise)
    if power > 0 and float(noise[1:] @ noise[:-1]) > ALIKE * power:
        yield (
            f": {loss} looks like a running mean (EMA) of losses: its noise goes on from one to the next, so that it lags behind in a "
            "cooldown; log the losses themselves, or validation losses"
        )


def _not_positive(pilot: Pilot, loss: str) -> Iterator[str]:
    values = pilot.losses[loss][1]
    if count := int((values <= 0).sum()):
        yield f" ({count} of {len(values)}): values of {loss} that are not positive are left out: laws fit the logarithm of a loss"


def _factor(pilot: Pilot, loss: str) -> Iterator[str]:
    if pilot.peak >= LEAST_LR:
        yield (
            f" (peak {pilot.peak:g}): its learning rate is as large as the factor of a scheduler (LambdaLR): if it is one, so is the "
            "plan's; multiply it by the base LR, or state the schedule (--executed)"
        )
