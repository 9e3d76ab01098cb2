"""Bad calls of every public function of the numerics: refused in words that name the argument, or answered without a NaN."""

import random
from dataclasses import is_dataclass
from fractions import Fraction
from numbers import Number

import numpy as np

from lastiterate import bound, laws, qualify, refine, schedules, transfer, worst_case

LR = np.array([0.1, 0.2, 0.2, 0.1, 0.05])
CALLS = [
    *(
        (function, {"lr": LR, "grad_norm": np.ones(5), "distance": 2.0, "kind": "last_iterate"})
        for function in (bound.omega, bound.omega_trajectory, bound.tuned)
    ),
    (bound.omega_gradient, {"lr": LR, "grad_norm": 1.0, "distance": 1.0, "weights": np.ones(5), "rtol": 1e-6}),
    (bound.optimise_schedule, {"total_steps": 5, "grad_norm": np.ones(5), "warmup": [0.5], "floor": 0.1, "rtol": 0.1, "max_iterations": 9}),
    (bound.tuned_wsd, {"total_steps": 100, "cooldown": 0.2, "grad_norm": 1.0, "distance": 1.0}),
    (bound.explicit_wsd_bound, {"total_steps": 100, "cooldown": 0.2, "grad_norm": 1.0, "distance": 1.0}),
    *(
        (function, {"lr": LR, "grad_norm": 1.0, "distance": 1.0})
        for function in (worst_case.worst_case, worst_case.worst_case_trajectory, worst_case.tuned_worst_case)
    ),
    (worst_case.lower_bound, {"total_steps": 10, "grad_norm": 1.0, "distance": 1.0}),
    (refine.refine, {"grad_norm": LR, "smoothing": 0.1, "power": -2, "step": [1, 2, 3, 4, 9], "total_steps": 12}),
    (refine.clean_norms, {"grad_norm": LR, "step": [1, 2, 3, 4, 9]}),
    (refine.median_smooth, {"grad_norm": LR, "width": 3}),
    (refine.weighted_schedule, {"weights": LR}),
    (transfer.transfer_base_lr, {"from_schedule": schedules.wsd(50), "to_schedule": schedules.cosine(90), "base_lr": 1, "grad_norm": 1.0}),
    (transfer.find_optimum, {"lr": LR + np.arange(5), "loss": LR, "noise": 0.01}),
    (laws.Curve, {"lr": LR, "step": [1, 3, 5], "loss": [3.0, 2.0, 1.0]}),
    (schedules.check_lr, {"lr": LR}),
    (schedules.constant, {"total_steps": 10, "warmup_steps": 2, "peak_lr": 1e-3, "initial_lr_ratio": 0.1}),
    (schedules.wsd, {"total_steps": 10, "cooldown": 0.2, "decay_shape": "linear", "warmup_steps": 2, "peak_lr": 1, "final_lr_ratio": 0.0}),
    (schedules.cosine, {"total_steps": 10, "warmup_steps": 2, "final_lr_ratio": 0.1, "peak_lr": 1e-3}),
    (schedules.inverse_sqrt, {"total_steps": 10, "warmup_steps": 2}),
    (schedules.two_stage, {"total_steps": 100, "switch_step": 60, "factor": 0.5}),
    (schedules.piecewise, {"total_steps": 10, "boundaries": [4], "values": [1.0, 0.5]}),
    (schedules.cyclic, {"total_steps": 10, "cycle_steps": 5}),
    (schedules.polynomial, {"total_steps": 10, "power": 2.0, "warmup_steps": 2}),
    (qualify.exam, {"schedule": lambda x: 1 - x, "horizons": [16, 32, 64, 128, 256, 512]}),
]  # fmt: skip
MASKED = np.ma.array([1.0, 2.0, 3.0, 4.0, 5.0], mask=[0, 0, 1, 0, 0])
BAD = {
    "masked": MASKED, "list of masked": list(MASKED),
    "complex": LR + 1e-3j, "complex number": 1 + 2j, "text": "0.1", "texts": ["0.1"] * 5,
    "bytes": b"1", "None": None, "Nones": [None] * 5, "nan": np.nan, "nans": [1.0, np.nan, 1.0, 1.0, 1.0], "inf": np.inf,
    "infs": [1.0, float("inf"), 1.0, 1.0, 1.0], "-1": -1, "negative": -LR, "0": 0, "zeros": np.zeros(5), "empty": [],
    "table": np.ones((5, 2)), "ragged": [[1.0], [1.0, 2.0]], "true": True, "booleans": [True, False, True, True, True], "199.7": 199.7,
    "huge": 10**400, "huges": [10**400] * 5, "1e300": 1e300, "1e300s": np.full(5, 1e300), "1e-300": 1e-300, "1e-300s": np.full(5, 1e-300),
    "5e-324s": np.full(5, 5e-324), "10^9": 10**9, "10^18": 10**18,
    "dates": np.array(["2020-01-01"] * 5, "M8[D]"), "spans": np.ones(5, "m8[s]"),
    "objects": np.array([object()] * 5), "object": object(), "dict": {}, "set": {1.0, 2.0}, "function": len,
    "fractions": [Fraction(1, 3)] * 5,
    "uint64": np.full(5, 2**64 - 1, np.uint64), "void": np.zeros(5, [("a", float)]), "slice": slice(3), "generator": (x for x in ()),
}  # fmt: skip


def numbers(result):
    """Every number in a result."""
    if isinstance(result, np.ndarray):
        return result.ravel().tolist() if result.dtype.kind == "f" else []
    if isinstance(result, Number):
        return [float(result)]
    if is_dataclass(result):
        return [x for value in vars(result).values() for x in numbers(value)]
    return [x for value in result for x in numbers(value)] if isinstance(result, tuple | list) else []


def judge(seed):
    rng = random.Random(seed)
    function, arguments = rng.choice(CALLS)
    name, bad = rng.choice(list(arguments)), rng.choice(list(BAD))
    shown = f"call {seed}: {function.__module__}.{function.__name__} with {name} = {bad}"
    try:
        result = function(**{**arguments, name: BAD[bad]})
    except (ValueError, MemoryError) as error:
        assert str(error) and "\n" not in str(error), shown
        return
    except Exception as error:
        raise AssertionError(f"{shown}: {type(error).__name__}: {error}") from error
    unknown = sum(x != x for x in numbers(function(**arguments)))  # that a good call answers with
    assert sum(x != x for x in numbers(result)) <= unknown, f"{shown}: {result}"


def test_a_bad_argument_is_refused_or_answered(campaign):
    holds = "refused in words, or answered without a NaN"
    for seed in campaign.seeds("a bad argument of a public function (masked, complex, huge, tiny, text, dates)", holds, 400):
        judge(seed)
