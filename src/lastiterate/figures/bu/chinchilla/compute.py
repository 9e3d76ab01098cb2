"""chinchilla: final losses against 1/sqrt(tokens) per model size (Table 2, Figure 7), and what the table does not show."""

import numpy as np
import pandas as pd

from lastiterate.figures.runs import load_results
from lastiterate.fits import held_out, line, power_law, r_squared, resampled
from lastiterate.workflow.files import Rows
from lastiterate.workflow.step import StepError


def compute(parameters, inputs):
    """Tables fits (per size), points, trend (Linf against log10 N) and summary."""
    runs = load_results(inputs)
    runs = runs.assign(group=np.log10(runs.n_params).round(parameters["log10_digits"]))
    fits, points = Rows(), Rows()
    for group, rows in runs.groupby("group"):
        if len(rows) < parameters["min_horizons"]:
            continue
        size = round(10**group / 1e9, 3)
        listed = size in parameters["sizes"]
        fits.add(size=size, listed=listed, **fit_size(rows, parameters))
        points.add(size=size, listed=listed, tokens=rows.tokens.to_numpy(), loss=rows.loss.to_numpy())
    absent = set(parameters["sizes"]) - set(fits.columns.get("size", ()))
    if absent:
        raise StepError(f"sizes {sorted(absent)} have fewer than {parameters['min_horizons']} runs; there is {fits.columns.get('size')}")
    table = pd.DataFrame(fits.columns)
    return {"fits": fits, "points": points, "trend": trend(table), "summary": summary(table)}


def fit_size(rows: pd.DataFrame, parameters) -> dict:
    """The straight line of one size, a free exponent, their bootstrap intervals (5 to 95 %), and `held_out`."""
    tokens, loss = rows.tokens.to_numpy(), rows.loss.to_numpy()
    x = tokens**-0.5
    slope, floor = line(x, loss)
    bootstrap = parameters["bootstrap"].values()
    ones = np.ones_like(x)
    draws = resampled(np.column_stack([ones, x]), loss, floor + slope * x, *bootstrap)
    linfs, slopes = np.polynomial.polynomial.polyfit(x, draws.T, 1)
    columns = {"slope": slopes, "linf": linfs, "exponent": np.array([np.nan])}
    exponent, free_slope, free_floor = power_law(tokens, loss)
    if len(rows) >= 5:  # three parameters: fewer leave no residuals to speak of
        power = tokens**-exponent
        design = np.column_stack([ones, power, power * np.log(tokens)])
        columns["exponent"] = power_law(tokens, resampled(design, loss, free_floor + free_slope * power, *bootstrap))[0]
    fitted = floor + slope * x
    result = {"horizons": len(rows), "slope": slope, "linf": floor, "r2": r_squared(loss, fitted)}
    result |= {"largest_relative_error": np.abs(fitted / loss - 1).max()}
    result |= {"exponent": exponent, "exponent_linf": free_floor}
    for name, values in columns.items():
        result[f"{name}_low"], result[f"{name}_high"] = np.percentile(values, [5, 95])
    return result | held_out(tokens, loss)


def trend(fits: pd.DataFrame) -> Rows:
    """Linf against log10 N: the sizes of Table 2, and all."""
    rows = Rows()
    for name, chosen in (("listed", fits[fits.listed]), ("all", fits)):
        x = np.log10(chosen["size"])
        slope, intercept = line(x, chosen.linf) if len(chosen) > 1 else (np.nan, np.nan)
        rows.add(sizes=name, count=len(chosen), slope=slope, intercept=intercept, r2=r_squared(chosen.linf, intercept + slope * x))
    return rows


def summary(fits: pd.DataFrame) -> Rows:
    """Sizes of Table 2, and all: medians, and how many of the free exponent's intervals hold 1/2.

    Errors are compared over the sizes for which all three guesses exist, those with an interval.
    """
    rows = Rows()
    for name, chosen in (("listed", fits[fits.listed]), ("all", fits)):
        known = chosen.dropna(subset="exponent_low")
        holds = (known.exponent_low <= 0.5) & (known.exponent_high >= 0.5)
        errors = {f"abs_{key}": known[key].abs().median() for key in chosen if key.startswith("held_out")}
        rows.add(
            sizes=name,
            count=len(chosen),
            exponent=chosen.exponent.median(),
            intervals=len(known),
            intervals_with_half=int(holds.sum()),
            held_out_error=known.held_out_error.median(),
            **errors,
        )
    return rows
