"""How far a fitted law is from curves that it has not seen."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lastiterate.laws.curve import Curve
from lastiterate.laws.fitting import FittedLaw

METRICS = ("R2", "MAE", "RMSE", "PredE", "WorstE", "FinalE")


def score(fitted: FittedLaw, curves: Curve | Sequence[Curve]) -> dict[str, list[Any]]:
    """Errors of a fitted law for each curve, as columns of equal length.

    ``R2 = 1 - sum (y - p)^2 / sum (y - mean y)^2``, MAE and RMSE of ``y - p``, PredE and WorstE the mean and the largest
    ``|y - p| / y``, FinalE ``|y - p|`` at the last logged step; y are the losses, p the predictions.

    Parameters
    ----------
    fitted : FittedLaw
    curves : Curve or sequence of Curve

    Returns
    -------
    dict of list
        Columns name, R2, MAE, RMSE, PredE, WorstE, FinalE with one entry for each curve (``pandas.DataFrame`` takes it).

    Source: the metrics of arXiv:2503.12811; FinalE is ours.
    """
    curves = (curves,) if isinstance(curves, Curve) else tuple(curves)
    table: dict[str, list[Any]] = {name: [] for name in ("name", *METRICS)}
    for curve in curves:
        prediction = fitted.predict(curve.lr, curve.step, init_std=curve.init_std, weight_decay=curve.weight_decay)
        for key, value in {"name": curve.name, **errors(curve.loss, prediction)}.items():
            table[key].append(value)
    return table


def errors(loss: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """The metrics of one curve."""
    error = prediction - loss
    spread = float(np.sum((loss - loss.mean()) ** 2))
    relative = np.abs(error) / loss
    return {
        "R2": 1 - float(np.sum(error**2)) / spread if spread else float("nan"),
        "MAE": float(np.abs(error).mean()),
        "RMSE": float(np.sqrt(np.mean(error**2))),
        "PredE": float(relative.mean()),
        "WorstE": float(relative.max()),
        "FinalE": float(abs(error[-1])),
    }
