"""real_norms: published gradient norms of several tasks, their refined schedules, and the published method's."""

import numpy as np

from lastiterate.figures.defazio.logged_norms import load_norms
from lastiterate.figures.defazio.refined_tables import RefinedTables, spaced
from lastiterate.figures.runs import load_runs
from lastiterate.refine import diagnose, median_smooth, refine, weighted_schedule
from lastiterate.workflow.files import Rows

PUBLISHED_POINTS = 10_000  # length of the published schedules
PUBLISHED_WINDOW = 1001  # its median filter's width, in points of the sequence as logged (or of 10,000, if that is shorter)
PUBLISHED_CUT = 2  # rows left out at either end


def compute(parameters, inputs):
    """Tables schedules, diagnosis and bounds (see `RefinedTables`), raw (norms as logged), published_schedules and published_diagnosis."""
    points, runs = parameters["points"], load_runs(inputs)
    tables, raw, published, diagnosis = RefinedTables(points), Rows(), Rows(), Rows()
    for task, norms in load_norms(inputs, runs).items():
        for kind, (step, norm, power) in norms.items():
            labels = {"task": task, "norm": kind}
            tables.add(refine(norm, parameters["smoothing"], power, step=step), **labels)
            at = spaced(norm.size, points)
            raw.add(**labels, progress=step[at] / step[-1], grad_norm=norm[at])
            smooth, lr = published_method(norm, power)
            at = spaced(lr.size, points)
            published.add(**labels, progress=(at + 1) / lr.size, grad_norm=smooth[at], lr=lr[at])
            diagnosis.add(**labels, **diagnose(lr)._asdict())
    return {**tables.tables, "raw": raw, "published_schedules": published, "published_diagnosis": diagnosis}


def published_method(norm, power):
    """(smoothed norms, refined schedule), shape (10000,) each, by the script published with arXiv:2310.07831.

    It differs from `refine` in three ways: two rows are cut at either end; the median is over 1001 rows however many
    there are; and the n-th learning rate is 0.
    """
    norm = np.asarray(norm, dtype=np.float64)[PUBLISHED_CUT:-PUBLISHED_CUT]
    if norm.size < PUBLISHED_POINTS:
        norm = stretched(norm)
    smooth = stretched(median_smooth(norm, PUBLISHED_WINDOW))
    return smooth, np.append(weighted_schedule((smooth / smooth.min()) ** power), 0.0)


def stretched(values):
    """`values` interpolated to 10,000 equally spaced points from the first to the last."""
    return np.interp(np.linspace(0.0, 1.0, PUBLISHED_POINTS), np.linspace(0.0, 1.0, values.size), values)
