"""Arguments that are no real numbers as they stand, or leave float64: refused in words by every public function (more: tests/campaign)."""

from fractions import Fraction

import numpy as np
import pytest

from campaign.test_calls import judge
from lastiterate._checks import check_counts, check_number, check_reals, check_steps
from lastiterate.bound import omega, omega_trajectory, tuned, tuned_wsd
from lastiterate.laws import Curve
from lastiterate.refine import clean_norms, refine, weighted_schedule
from lastiterate.schedules import Schedule, constant, cyclic, piecewise, polynomial
from lastiterate.worst_case import worst_case

MASKED = np.ma.array([0.1, 99.0, 0.1], mask=[False, True, False])
CALLS = {
    "lr": [omega, omega_trajectory, tuned, worst_case],
    "grad_norm": [lambda x: omega([0.1] * 3, x), lambda x: clean_norms(x), lambda x: refine(x)],
    "weights": [weighted_schedule],
    "loss": [lambda x: Curve([0.1] * 3, [1, 2, 3], x)],
}


@pytest.mark.parametrize("name", CALLS)
def test_a_masked_or_complex_array_is_refused_by_its_name(name):
    for call in CALLS[name]:
        for values, message in (
            (MASKED, "has masked values"), (list(MASKED), "has masked values"), (np.array([1, 1, 1 + 1e-3j]), "holds complex128 values"),
            (np.array(["1", "2", "3"]), "expected real numbers"), (np.ones(3, "m8[s]"), "expected real numbers"),
            (np.ones(3, bool), "expected real numbers"), ([1.0, 1j, 1.0], "holds complex128 values"), ([1.0, None, 1.0], "no real numbers"),
        ):  # fmt: skip
            with pytest.raises(ValueError, match=f"{name}.* {message}"):
                call(values)
        call(np.ma.array([0.1, 0.2, 0.1]))  # nothing of it is masked
        call([Fraction(1, 3)] * 3)


@pytest.mark.parametrize(
    "arguments",
    [([1e100] * 3, 1e-200, 1e-100), ([1e-100] * 3, 1e-100), ([1e150] * 3, 1.0, 1e-160), ([1.0, 1e-140], [0.0, 1e-100])],
)
def test_a_bound_that_leaves_float64_at_the_small_end_is_refused(arguments):
    for bound in (omega, omega_trajectory, tuned):
        with pytest.raises(ValueError, match="underflows float64: express lr, grad_norm and distance in units nearer to 1"):
            bound(*arguments)


def test_a_tuned_bound_is_right_where_the_product_of_its_terms_is_not():
    lr = np.array([0.1, 0.2, 0.1])
    assert tuned(lr, 1e-80, 1e-80).value == pytest.approx(1e-160 * tuned(lr).value, rel=1e-12, abs=0)
    with pytest.raises(ValueError, match="grad_norm \\* distance underflows"):
        tuned_wsd(100, grad_norm=1e-200, distance=1e-200)


def test_products_of_small_weights_keep_their_digits():
    np.testing.assert_array_equal(weighted_schedule([1e-160] * 5), weighted_schedule([1.0] * 5))


def test_a_schedule_that_would_fill_the_memory_is_refused():
    for call in (lambda: constant(10**9), lambda: polynomial(2 * 10**8)):
        with pytest.raises(ValueError, match="exceeds 100000000, a GB of learning rates: count updates, not tokens"):
            call()
    with pytest.raises(ValueError, match="cycle_steps=1 makes 1000000000 cycles, expected at most 100000"):
        cyclic(10**9, 1)
    with pytest.raises(ValueError, match="exceeds 100000000"):
        Schedule.from_json('{"name": "x", "peak_lr": 1, "phases": [{"kind": "stable", "steps": 1000000000, "shape": "constant"}]}')


@pytest.mark.parametrize("value", [True, "1", b"1", 1j, np.complex128(1), np.ones(1), np.ma.masked, np.timedelta64(1, "s"), None, 10**400])
def test_a_number_is_a_number(value):
    with pytest.raises(ValueError, match="x"):
        check_number("x", value, "a number")
    with pytest.raises(ValueError, match="x"):
        check_steps("x", value, 1, "a count")
    assert check_number("x", np.array(2.0), "a number") == 2 and check_steps("x", np.int32(3), 1, "a count") == 3


def test_counts_are_integers_as_they_stand():
    assert check_counts("step", [1, 2], "").dtype == np.int64 and check_reals("lr", [1, 2]).dtype == np.float64
    for bad in ([199.7], [1.0], ["1"], [True], np.full(2, 2**64 - 1, np.uint64), MASKED):
        with pytest.raises(ValueError, match="step"):
            check_counts("step", bad, "updates")
    with pytest.raises(ValueError, match="boundaries and values must be lists"):
        piecewise(9, 3, [1.0, 0.5])


def test_some_of_the_campaigns_calls():
    for seed in range(150):
        judge(seed)
