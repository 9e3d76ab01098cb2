"""Refined schedules: exact cases, the published method, what is refused, and when a schedule is not to be believed."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastiterate.bound import tuned
from lastiterate.figures.defazio.degenerate.compute import train_network
from lastiterate.figures.defazio.real_norms.compute import published_method
from lastiterate.logs import norm_csv
from lastiterate.logs.join import join_runs
from lastiterate.logs.run_log import LogError
from lastiterate.logs.schema import history_table, runs_table
from lastiterate.refine import alternatives, clean_norms, diagnose, median_smooth, norms_at_updates, refine, weighted_schedule
from lastiterate.schedules import constant, linear, polynomial
from lastiterate.workflow.sources import load_sources

ROOT = Path(__file__).parents[1]
positive = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=60)


@pytest.mark.parametrize("total_steps", [1, 2, 7, 1000, 1_000_000])
@pytest.mark.parametrize(("smoothing", "power"), [(0.1, -2), (0, -1), (1.0, -2)])
def test_constant_norms_give_linear_decay(total_steps, smoothing, power):
    result = refine(np.full(total_steps, 0.3), smoothing, power)
    np.testing.assert_allclose(result.lr, linear(total_steps).lr, rtol=0, atol=1e-12)
    np.testing.assert_allclose(result.lr, 1 - np.arange(total_steps) / total_steps, rtol=0, atol=1e-12)
    assert not result.diagnosis.degenerate and result.diagnosis.warmup == 0
    if total_steps > 10:
        assert result.diagnosis.decay_power == pytest.approx(1.0, abs=1e-4)


def naive(norm, width, power):
    """The formulas as they stand, one update at a time."""
    count, half = len(norm), width // 2
    at = lambda i: norm[0] if i < 0 else norm[i] if i < count else norm[2 * (count - 1) - i]
    smooth = [float(np.median([at(i) for i in range(t - half, t + half + 1)])) for t in range(count)]
    weights = [g**power for g in [*smooth, smooth[-1]]]
    lr = [weights[t] * sum(weights[t + 1 :]) for t in range(count)]
    return np.array(smooth), np.array(lr) / max(lr)


@pytest.mark.parametrize("power", [-2, -1])
@pytest.mark.parametrize(
    ("total_steps", "smoothing", "width"), [(1, 1.0, 1), (9, 0.1, 1), (50, 0.1, 5), (59, 0.1, 5), (60, 0.1, 7), (40, 1.0, 41)]
)
def test_the_formulas(rng, total_steps, smoothing, width, power):
    norm = rng.lognormal(size=total_steps)
    result = refine(norm, smoothing, power)
    smooth, lr = naive(norm.tolist(), width, power)
    np.testing.assert_array_equal(result.grad_norm, smooth)
    np.testing.assert_allclose(result.lr, lr, rtol=1e-13)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(positive, st.sampled_from([-2, -1]), st.floats(1e-200, 1e200))
def test_units_do_not_matter(norm, power, unit):
    one, other = refine(norm, 0.2, power), refine(np.array(norm) * unit, 0.2, power)
    np.testing.assert_allclose(other.lr, one.lr, rtol=1e-11)
    assert one.lr.max() == 1.0 and (one.lr > 0).all()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=60))
def test_smaller_weights_at_the_end_are_exact(weights):
    # tail sums from the end: relative accuracy even where the tail is 1e-16 of the sum
    weights = np.array([*weights, 1e-20, 2e-20, 3e-20])
    lr = weighted_schedule(weights)
    assert lr[-1] / lr[-2] == pytest.approx((2e-20 * 3e-20) / (1e-20 * 5e-20), rel=1e-12)


def test_steps_are_interpolated():
    step = np.arange(10, 1001, 10)
    norm = 1 + 9 * np.exp(-step / 100)
    logged = refine(norm, 0.1, step=step, total_steps=1010)
    every = refine(np.interp(np.arange(1, 1011), step, norm), 0.1)
    np.testing.assert_array_equal(logged.lr, every.lr)
    assert refine(norm, step=step).lr.size == 1000
    assert norms_at_updates([3, 5], [2.0, 4.0], 7).tolist() == [2, 2, 2, 3, 4, 4, 4]


BAD_NORMS = [0.0, -1.0, float("nan"), float("inf")]


@pytest.mark.parametrize("bad", BAD_NORMS)
def test_an_invalid_norm_is_named_or_counted(bad):
    norm, step = [1.0, 2.0, bad, 4.0], [2, 4, 6, 8]
    with pytest.raises(ValueError, match=r"grad_norm\[2\]=.* \(update 6\) must be finite and > 0; 1 of 4 are not: pass drop_invalid=True"):
        refine(norm, step=step)
    result = refine(norm, 0, step=step, drop_invalid=True)
    assert result.dropped == 1
    np.testing.assert_array_equal(result.grad_norm, [1, 1, 1.5, 2, 2.5, 3, 3.5, 4])
    with pytest.raises(ValueError, match="all are: log them again"):
        clean_norms([bad, bad], drop_invalid=True)


BAD = [
    ({"grad_norm": []}, r"grad_norm has shape \(0,\)"),
    ({"grad_norm": [[1.0]]}, r"grad_norm has shape \(1, 1\)"),
    ({"smoothing": 1.5}, "smoothing=1.5 must lie in"),
    ({"power": -3}, "power=-3 is not known: use one of -2, -1"),
    ({"step": [1, 2]}, r"step has shape \(2,\), expected \(3,\)"),
    ({"step": [1.0, 2.0, 3.0]}, "step holds float64 values, expected integers"),
    ({"step": [0, 1, 2]}, r"step\[0\]=0 must be larger than 0"),
    ({"step": [5, 5, 6]}, r"step\[1\]=5 must be larger than 5"),
    ({"total_steps": 2}, "total_steps=2 is below step 3"),
    ({"total_steps": 2.5}, "total_steps=2.5 must be an integer"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_input_names_value_rule_and_fix(change, message):
    with pytest.raises(ValueError, match=message):
        refine(**{"grad_norm": [3.0, 2.0, 1.0]} | change)


def test_lower_level_errors():
    with pytest.raises(ValueError, match="width=4 must be odd"):
        median_smooth(np.ones(10), 4)
    with pytest.raises(ValueError, match="width=21 must be odd and at most 19"):
        median_smooth(np.ones(10), 21)
    with pytest.raises(ValueError, match=r"weights\[1\]=-1 must be finite and >= 0"):
        weighted_schedule([1.0, -1.0])
    with pytest.raises(ValueError, match=r"weights has shape \(1,\)"):
        weighted_schedule([1.0])
    with pytest.raises(ValueError, match="largest learning rate of 0"):
        weighted_schedule([1.0, 0.0])
    with pytest.raises(MemoryError, match="evaluate a coarser schedule"):
        refine([1.0], total_steps=10**15)


@pytest.mark.parametrize("power", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("warmup", [0, 137])
def test_the_diagnosis_recovers_warmup_and_power(power, warmup):
    schedule = polynomial(1000, power, warmup_steps=warmup)
    found = diagnose(schedule)
    assert found.warmup == warmup / 1000
    assert found.decay_power == pytest.approx(power, rel=1e-4) and found.decay_error < 1e-5


def test_the_resembling_schedule_has_the_diagnosis(rng):
    result = refine(1 + 9 * np.exp(-np.arange(2000) / 50))
    again = diagnose(result.schedule)
    assert again[:2] == pytest.approx(result.diagnosis[:2], abs=1e-3)
    assert result.schedule.total_steps == 2000 and tuned(result).value < tuned(result.schedule, 1.0).value * 1.2


@pytest.mark.parametrize("norm", [[2.0], [3.0, 1e-3]])
def test_a_schedule_that_never_decays_has_power_one(norm):
    result = refine(norm, 0)
    assert result.diagnosis.decay_power == 1.0 and result.diagnosis.decay_error == 0.0
    assert result.schedule.total_steps == len(norm)


def test_half_of_the_sum():
    # linear decay: half is spent at 1 - 1/sqrt(2); a constant learning rate: at 1/2, which is not yet degenerate
    assert diagnose(linear(100_000)).half == pytest.approx(1 - 0.5**0.5, abs=1e-4)
    assert diagnose(constant(1001)).half == 0.5 and not diagnose(constant(1001)).degenerate


@pytest.mark.parametrize(("exponent", "degenerate"), [(0.0, False), (0.25, False), (0.75, True), (1.0, True), (2.0, True)])
def test_norms_that_fall_to_zero_are_degenerate(exponent, degenerate):
    # G = t^-a: half of the sum is spent at (1 - 1/sqrt 2)^(1/(2a+1)) of the run
    found = refine(np.arange(1, 20_001.0) ** -exponent, 0.01).diagnosis
    assert found.degenerate is degenerate
    assert found.half == pytest.approx((1 - 0.5**0.5) ** (1 / (2 * exponent + 1)), abs=0.01)


def test_a_network_that_memorises_is_flagged_and_one_that_cannot_is_not():
    run = {
        "inputs": 20,
        "width": 64,
        "label_noise": 0.1,
        "total_steps": 2000,
        "base_lr": 0.5,
        "batch_size": 16,
        "seed": 1,
        "evaluate_every": 500,
    }
    found = {}
    for examples in (50, 20_000):
        norm, step, train, fresh = train_network(examples=examples, **run)
        assert step == [500, 1000, 1500, 2000]
        found[examples] = refine(norm).diagnosis.degenerate, train[-1], fresh[-1]
    assert found[50][0] and found[50][1] < 0.01 < 0.5 < found[50][2]
    assert not found[20_000][0] and abs(found[20_000][1] - found[20_000][2]) < 0.05
    again = train_network(examples=50, **run)[0]
    np.testing.assert_array_equal(again, train_network(examples=50, **run)[0])


@pytest.mark.parametrize("shape", ["decaying", "rising", "noisy"])
def test_the_minimiser_is_at_most_the_refined_bound(rng, shape):
    x = np.linspace(0, 1, 500)
    norm = {"decaying": 1 + 9 * np.exp(-x * 30), "rising": 1 + x, "noisy": rng.lognormal(size=500)}[shape]
    found = alternatives(refine(norm, 0.1))
    assert found["optimised"].omega <= found["refined"].omega <= 1.01 * found["optimised"].omega
    assert found["refined"].omega < found["linear"].omega
    assert found["refined"].omega == pytest.approx(tuned(refine(norm).lr, refine(norm).grad_norm).value)


def public_method(norm, l1):
    """The published script's steps, restated without its libraries' filters."""
    points, window = 10_000, 1001
    norm = norm[~np.isinf(norm)][2:-2]
    onto = lambda values: np.interp(np.linspace(0, 1, points), np.linspace(0, 1, len(values)), values)
    if len(norm) < points:
        norm = onto(norm)
    padded = np.concatenate([np.full(window // 2, norm[0]), norm, norm[-2 : -2 - window // 2 : -1]])
    windows = np.lib.stride_tricks.sliding_window_view(padded, window)
    smooth = onto(np.concatenate([np.sort(part, axis=1)[:, window // 2] for part in np.array_split(windows, 50)]))
    weights = smooth ** (-1.0 if l1 else -2.0)
    lr, tail = np.zeros(points), 0.0
    for t in range(points - 1, -1, -1):
        lr[t] = weights[t] * tail / weights[-1]
        tail += weights[t]
    return lr / lr.max()


@pytest.mark.parametrize(("count", "power"), [(3000, -2), (12_000, -1)])
def test_the_published_method_on_made_up_norms(rng, count, power):
    norm = (1 + 5 * np.exp(-np.arange(count) / 300)) * rng.lognormal(sigma=0.3, size=count)
    lr = published_method(norm, power)[1]
    np.testing.assert_allclose(lr, public_method(norm, power == -1), rtol=0, atol=1e-12)
    if count == 12_000:  # the core is refine's: the same smoothed norms give the same schedule but for the last gradient
        np.testing.assert_allclose(refine(published_method(norm, power)[0], 0, power).lr, lr, atol=2e-3)


TASKS = {"imagenet_gnorm": (500_500, 0.0038), "rcnn_gnorm": (2760, 0.0), "roberta_l1": (25_000, 0.4484), "vit_l1": (45_140, 0.0323)}


@pytest.mark.parametrize("task", TASKS)
def test_the_published_norms_match_the_published_method(mirror, task):
    entry = next(file for file in load_sources(ROOT / "config/sources.csv")["defazio_norms"].files if task in file.path)
    run = norm_csv.read(mirror / entry.key, entry.path)
    (run,), failed = join_runs([run])
    gaps = ["1709 gaps between rows from step 26206 to 45140, the longest of 12 steps"] if task == "vit_l1" else []
    assert not failed and [note.message for note in run.notes] == gaps and run.run_id == task
    ((kind, (step, norm)),) = run.series.items()
    l1 = task.endswith("l1")
    assert kind == ("grad_norm_l1" if l1 else "grad_norm") and step[-1] == TASKS[task][0]
    ours, theirs = published_method(norm, -1 if l1 else -2)[1], public_method(norm, l1)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)
    assert abs(diagnose(ours).warmup - TASKS[task][1]) < 1e-12
    assert not refine(norm, power=-1 if l1 else -2, step=step).diagnosis.degenerate


HEADER = '"Step","run - gradient_norm","run - gradient_norm__MIN"\n'


def read_norms(tmp_path, text):
    (tmp_path / "x.csv").write_text(text)
    return norm_csv.read(tmp_path / "x.csv", "norms/x.csv")


def test_a_norm_sequence_is_read_into_the_log_schema(tmp_path):
    run = read_norms(tmp_path, HEADER + '"0","2.5","2"\n"1","inf","2"\n"3","0.5","0"\n')
    assert run.series["grad_norm"][0].tolist() == [1, 4] and run.series["grad_norm"][1].tolist() == [2.5, 0.5]
    assert [note.message for note in run.notes] == ["1 of 3 norms are not finite, the first at Step 1: left out"]
    runs, history = runs_table([run], "s"), history_table([run], "s")
    assert runs.total_steps.tolist() == [4] and runs[["n_params", "base_lr", "schedule", "final_val_loss"]].isna().all(axis=None)
    assert history.step.tolist() == [1, 4] and history[["lr", "grad_norm_l1"]].isna().all(axis=None)
    later = read_norms(tmp_path, HEADER.replace("gradient_norm", "gnorm_l1") + "10,3,3\n20,4,4\n")
    assert later.series["grad_norm_l1"][0].tolist() == [10, 20]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: is '', expected Step and a column"),
        ("a,b\n1,2\n", "line 1: is 'a,b', expected Step"),
        (HEADER, "run - gradient_norm: has no rows"),
        (HEADER + "1,2,2\n2,x,2\n", "line 3: is '2,x,2', expected an integer and a number"),
        (HEADER + "1,2,2\n2\n", "line 3: is '2', expected"),
        (HEADER + "2,2,2\n2,2,2\n", "Step: must be non-negative and increase strictly"),
        (HEADER + "1,nan,2\n", "has no finite norm"),
    ],
)
def test_an_unusable_norm_sequence_names_file_and_line(tmp_path, text, message):
    with pytest.raises(LogError) as error:
        read_norms(tmp_path, text)
    assert str(error.value).startswith("norms/x.csv: ") and message in str(error.value)


def test_the_registry_lists_the_norms_with_their_licence():
    sources = load_sources(ROOT / "config/sources.csv")
    assert [Path(file.path).stem for file in sources["defazio_norms"].files] == list(TASKS)
    assert {file.licence for file in sources["defazio_norms"].files} == {"CC-BY-NC-4.0"}
