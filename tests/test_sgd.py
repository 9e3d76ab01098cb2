"""The trained experiments' numerics: gradients, many runs at once against a plain loop, determinism, tuning, statistics, data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from lastiterate.schedules import linear
from lastiterate.sgd import (
    LOSSES,
    Dataset,
    Linear,
    Network,
    draw_batches,
    evaluate,
    hinge_optimum,
    jackknife,
    load_dataset,
    paired,
    parabola_minimum,
    sgd,
    train_pairs,
    tune,
)


@pytest.fixture
def data(rng):
    labels = np.repeat(np.arange(3), 8)
    return Dataset(rng.normal(size=(24, 4)) + labels[:, None], labels, 3)


def one_hot(data):
    return np.eye(data.classes)[data.labels]


@pytest.mark.parametrize("name", LOSSES)
def test_slopes_are_the_values_derivatives(rng, name):
    loss = LOSSES[name]
    scores, target = rng.normal(size=(2, 4, 3, 5)), np.eye(4)[rng.integers(4, size=(2, 5))].swapaxes(1, 2)[:, :, None]
    slopes = loss.slope(scores, target)
    for place in np.ndindex(scores.shape):
        shift = np.zeros_like(scores)
        shift[place] = 1e-6
        difference = (loss.value(scores + shift, target) - loss.value(scores - shift, target)).sum() / 2e-6
        assert difference == pytest.approx(slopes[place], abs=1e-8)


def plain_sgd(data, loss, lr, batches):
    """One run, one sample after the other, written without any of the package's numerics; weights and gradient norms."""
    weights, norms = np.zeros((data.classes, data.inputs.shape[1])), []
    for rate, batch in zip(lr, batches, strict=True):
        gradient = np.zeros_like(weights)
        for i in batch:
            x, y = data.inputs[i], data.labels[i]
            z = weights @ x
            if loss == "softmax":
                slope = np.exp(z) / np.exp(z).sum()
            else:
                margin = z + (np.arange(data.classes) != y)
                slope = (margin == margin.max()) / (margin == margin.max()).sum()
            slope = slope - (np.arange(data.classes) == y)
            gradient += np.outer(slope, x) / len(batch)
        norms.append(np.linalg.norm(gradient))
        weights -= rate * gradient
    return weights, norms


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("size", [1, 3])
def test_many_runs_equal_a_plain_loop(data, rng, loss, size):
    model = Linear(4, 3, loss)
    batches = draw_batches(24, 15, size, [0, 1], replace=True)
    lr = rng.random((15, 2, 5))  # of its own for every update, seed and run
    result = sgd(model, data, lr, batches, runs=5, grad_norm=True, checkpoints=[7])
    weights = result.weights[0].reshape(2, 3, 5, 4)
    for seed, run in np.ndindex(2, 5):
        expected, norms = plain_sgd(data, loss, lr[:, seed, run], batches[:, seed])
        np.testing.assert_allclose(weights[seed, :, run], expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(result.grad_norm[:, seed, run], norms, atol=1e-12)
        half, _ = plain_sgd(data, loss, lr[:7, seed, run], batches[:7, seed])
        value = LOSSES[loss].value((data.inputs @ half.T)[:, :, None], one_hot(data)[:, :, None]).mean()
        assert result.checkpoints[7][0][seed, run] == pytest.approx(value, abs=1e-12)
        assert result.error[seed, run] == (np.argmax(data.inputs @ expected.T, axis=1) != data.labels).mean()


def test_the_step_of_the_network_is_its_gradient(data):
    network = Network(4, 3, 5, seeds=(0, 1))
    inputs, target = np.stack([data.inputs[:6]] * 2), np.stack([one_hot(data)[:6].T] * 2)

    def loss(weights):
        return LOSSES["softmax"].value(network.scores(weights, inputs), target[:, :, None]).mean(axis=-1)

    moved = network.start(2, 3)
    norms = network.step(moved, inputs, target, np.ones((1, 3)), norms=True)
    gradient = [before - after for before, after in zip(network.start(2, 3), moved, strict=True)]
    np.testing.assert_allclose(norms**2, sum((g**2).sum(axis=(2, 3)) for g in gradient))
    for part in range(4):
        for place in list(np.ndindex(gradient[part].shape[2:]))[:7]:
            high, low = network.start(2, 3), network.start(2, 3)
            high[part][(..., *place)] += 1e-6
            low[part][(..., *place)] -= 1e-6
            np.testing.assert_allclose((loss(high) - loss(low)) / 2e-6, gradient[part][(..., *place)], atol=1e-8)


def test_networks_of_a_seed_start_alike_and_of_two_seeds_do_not():
    first = Network(4, 3, 5, seeds=(0, 1)).start(2, 3)[0]
    assert (first[:, 0] == first[:, 2]).all() and (first[0] != first[1]).all()
    np.testing.assert_array_equal(first[1, 0], Network(4, 3, 5, seeds=(1,)).start(1, 1)[0][0, 0])


def test_equal_calls_give_equal_bytes_whatever_the_threads():
    data = load_dataset("digits").standardised().normalised()
    model, batches = Linear(64, 10, "softmax"), draw_batches(1797, 20, 16, range(3), replace=False)
    bytes_of = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            result = sgd(model, data, np.full((20, 8), 3.0), batches, runs=8)
        bytes_of.append((result.weights[0].tobytes(), result.loss.tobytes()))
    assert bytes_of[0] == bytes_of[1]
    assert len(np.unique(result.loss[:, 0])) == 3  # seeds differ


def test_a_seed_does_not_depend_on_the_others(data):
    schedules, pairs = {"linear": linear(30).lr}, [("linear", 0.5), ("linear", 1.0)]
    losses = []
    for seeds in ([4], [3, 4]):
        batches = draw_batches(24, 30, 2, seeds, replace=False)
        losses.append(train_pairs(Linear(4, 3, "softmax"), data, schedules, pairs, batches).loss[-1])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-12)


@given(st.integers(2, 20), st.integers(1, 30), st.integers(1, 7))
@settings(max_examples=50, deadline=None)
def test_batches_go_through_whole_permutations(samples, total_steps, batch):
    drawn = draw_batches(samples, total_steps, batch, [5, 6], replace=False)
    assert drawn.shape == (total_steps, 2, batch)
    stream = drawn[:, 1].ravel()
    whole = stream[: len(stream) // samples * samples].reshape(-1, samples)
    assert (np.sort(whole, axis=1) == np.arange(samples)).all()
    for replace in (True, False):
        longer = draw_batches(samples, 2 * total_steps, batch, [6], replace=replace)[:total_steps]
        np.testing.assert_array_equal(longer, draw_batches(samples, total_steps, batch, [5, 6], replace=replace)[:, 1:])


def test_a_diverged_run_is_infinite_and_not_nan(data):
    batches = draw_batches(24, 300, 2, [0, 1], replace=True)
    huge = Dataset(data.inputs * 1e200, data.labels, 3)
    result = sgd(Linear(4, 3, "softmax"), huge, np.tile([1e200, 0.0], (300, 1)), batches, runs=2)
    assert np.isinf(result.loss[:, 0]).all() and np.isnan(result.error[:, 0]).all()
    np.testing.assert_allclose(result.loss[:, 1], np.log(3))


def test_learning_rates_and_batches_must_be_equally_many(data):
    for updates, message in ((4, "lr ends after 4 updates, but there are 5 batches"), (6, "lr goes on after the 5 batches")):
        with pytest.raises(ValueError, match=message):
            sgd(Linear(4, 3, "softmax"), data, np.ones((updates, 1)), draw_batches(24, 5, 2, [0], replace=True), runs=1)


def test_the_grid_grows_until_the_best_is_inside_or_says_that_it_is_not(data):
    model, batches = Linear(4, 3, "softmax"), draw_batches(24, 60, 4, range(3), replace=True)
    schedules = {"linear": linear(60).lr, "slow": 0.001 * linear(60).lr}
    grid = {"log2_min": -8, "log2_max": -6, "count": 3}
    none = tune(model, data, schedules, batches, grid, extensions=0)
    assert none["linear"].at_edge and none["slow"].at_edge and np.isnan(none["slow"].optimum())
    grown = tune(model, data, schedules, batches, grid, extensions=6, halvings=2)
    assert not grown["linear"].at_edge and grown["slow"].at_edge
    found = grown["linear"]
    assert (np.diff(found.base_lr) > 0).all() and np.log2(found.base_lr[[0, -1]]).tolist() != [-8, -6]
    assert np.isclose(np.diff(np.log2(found.base_lr)), 0.25).any()
    for index, base_lr in enumerate(found.base_lr):  # every column belongs to its base learning rate
        alone = train_pairs(model, data, schedules, [("linear", base_lr)], batches)
        np.testing.assert_allclose(found.loss[:, index], alone.loss[:, 0], rtol=1e-12)
    assert found.tuned_loss.mean() == found.loss.mean(axis=0).min()


def test_a_schedule_may_belong_to_each_seed(data):
    model, batches = Linear(4, 3, "softmax"), draw_batches(24, 10, 4, [0, 1], replace=True)
    own = np.stack([linear(10).lr, np.ones(10)], axis=1)
    both = train_pairs(
        model, data, {"own": own, "linear": linear(10).lr, "ones": np.ones(10)}, [("own", 1), ("linear", 1), ("ones", 1)], batches
    )
    assert both.loss[0, 0] == both.loss[0, 1] != both.loss[0, 2]
    assert both.loss[1, 0] == both.loss[1, 2] != both.loss[1, 1]


@given(st.floats(-2.4, 2.4), st.floats(0.1, 10))
@settings(max_examples=50, deadline=None)
def test_the_minimum_of_a_parabola_is_found_exactly(place, curvature):
    x = np.arange(-4.0, 5.0)
    assert np.log2(parabola_minimum(2.0**x, curvature * (x - place) ** 2)) == pytest.approx(place, abs=1e-9)
    assert np.isnan(parabola_minimum(2.0 ** x[:3], -x[:3]))


def test_the_hinge_optimum_is_a_minimum(data, rng):
    noisy = data.with_bias().with_label_noise(0.4, 3)
    optimum = hinge_optimum(noisy)

    def loss(weights):
        return evaluate(Linear(5, 3, "hinge"), [weights[None]], noisy)[0][0, 0]

    assert loss(optimum.weights) == pytest.approx(optimum.value, abs=1e-9) and 0.1 < optimum.value < 1
    assert np.abs(optimum.weights.sum(axis=0)).max() < 1e-12
    for scale in (1e-3, 1e-1, 1.0):
        for _ in range(50):
            assert loss(optimum.weights + scale * rng.normal(size=(3, 5))) >= optimum.value - 1e-9


def test_paired_differences_ignore_what_seeds_share(rng):
    shared = 100 * rng.normal(size=8)
    mean, error = paired(shared + 1 + 0.01 * rng.normal(size=8), shared)
    assert mean == pytest.approx(1, abs=0.02) and error < 0.01


def test_the_jackknife_of_a_slope_knows_shared_seeds(rng):
    """A seed's error common to all horizons moves the level, not the slope."""
    horizons, common = np.log([1.0, 2.0, 4.0]), rng.normal(size=(10, 1))
    values = -0.5 * horizons + common
    (slope, _), (slope_se, level_se) = jackknife(lambda seeds: np.polyfit(horizons, values[seeds].mean(axis=0), 1), 10)
    assert slope == pytest.approx(-0.5) and slope_se < 1e-12 and level_se > 0.1


LIBSVM = "2 1:0.5 3:-1\n7 2:1.5\n2 1:1 2:2 3:3  \n"


def test_a_libsvm_file_is_read_with_its_own_labels(tmp_path):
    path = tmp_path / "made_up.scale"
    path.write_text(LIBSVM)
    data = load_dataset(path)
    assert data.inputs.tolist() == [[0.5, 0, -1], [0, 1.5, 0], [1, 2, 3]]
    assert data.labels.tolist() == [0, 1, 0] and data.classes == 2


@pytest.mark.parametrize(
    ("text", "message"), [("1 a:2\n2 1:1\n", "is not in LIBSVM format"), ("1 1:2\n1 1:3\n", r"has 1 class\(es\), expected at least 2")]
)
def test_a_bad_libsvm_file_is_named(tmp_path, text, message):
    (tmp_path / "bad").write_text(text)
    with pytest.raises(ValueError, match=f"bad.*{message}"):
        load_dataset(tmp_path / "bad")


def test_an_unknown_data_set_is_refused():
    with pytest.raises(ValueError, match="data set 'iri' is neither one of digits, wine, breast_cancer, iris nor a file"):
        load_dataset("iri")


def test_preparation_of_inputs():
    data = load_dataset("digits")
    standard = data.standardised().inputs
    constant = np.ptp(data.inputs, axis=0) == 0
    assert constant.any() and not standard[:, constant].any()
    np.testing.assert_allclose(standard[:, ~constant].std(axis=0), 1)
    components = data.principal(16).normalised().inputs
    assert (components**2).sum(axis=1).mean() == pytest.approx(1)
    covariance = components.T @ components
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-9)
    assert (np.diff(np.diag(covariance)) < 0).all()
    with pytest.raises(ValueError, match="components=65 must be at most 64"):
        data.principal(65)


def test_label_noise_redraws_the_given_part():
    data = load_dataset("digits")
    noisy = data.with_label_noise(0.2, 0)
    assert (noisy.labels != data.labels).mean() == pytest.approx(0.2 * 0.9, abs=0.02)
    np.testing.assert_array_equal(noisy.labels, data.with_label_noise(0.2, 0).labels)
    assert (data.with_label_noise(0.2, 1).labels != noisy.labels).any() and (data.with_label_noise(0, 0).labels == data.labels).all()
    with pytest.raises(ValueError, match=r"probability=1\.5 must lie in"):
        data.with_label_noise(1.5, 0)
