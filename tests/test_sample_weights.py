"""Weights of rows: only their ratios count, however large or small they are, and a row of weight 0 is left out."""

import numpy as np
import pytest

import fastprop as fp
from tests.compare import assert_same_bits
from tests.marks import slow_except
from tests.problems import DTYPES

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(96, 3))
LABELS = (X[:, 0] + X[:, 1] > 0).astype(int)
WEIGHT = RANDOM.uniform(0.5, 3, 96)
SCALES = 2.0**-1060, 2.0**-300, 2.0**-149, 2.0**-126, 2.0**-60, 2.0**60, 2.0**126, 2.0**300, 2.0**1022
ZEROS = np.where(RANDOM.random(96) < 0.3, 0, WEIGHT)
ZEROS[32:64] = 0  # a whole minibatch, where rows are in order
BACKENDS = pytest.mark.parametrize("backend", ["kernels", "reference"])


def network(dtype="float32"):
    return fp.MLP((3, 8, 2), output="softmax", dtype=dtype, seed=1)


def trained(weight, dtype="float32", rows=slice(None), **options):
    """Train; return the parameters and the losses."""
    options = {"epochs": 4, "optimizer": fp.SGD(0.5, momentum=0.5)} | options
    net = network(dtype)
    history = fp.train(net, X[rows], LABELS[rows], sample_weight=weight[rows], **options)
    return net.parameters, history.loss, history.validation_loss


def swept(weight, **options):
    options = {"epochs": 3, "validation": 0.25} | options
    result = fp.sweep(
        network(), X, LABELS, {"learning_rate": [0.1, 0.5], "seed": [0, 1]}, sample_weight=weight, **options
    )
    return result.table["loss"], result.table["validation_loss"], result.best_network.parameters


def streamed(weight, **options):
    net = network()
    chunks = [(X[rows], LABELS[rows], weight[rows]) for rows in (slice(50), slice(50, 96))]
    history = fp.train_stream(net, chunks, optimizer=fp.SGD(0.5), **options)
    return net.parameters, history.loss


# ---- ratios ----


@BACKENDS
@pytest.mark.parametrize("scale", slow_except(SCALES, SCALES[::3]))
@pytest.mark.parametrize("dtype", DTYPES)
def test_only_ratios_of_weights_count(scale, dtype, backend):
    for options in ({"validation": 0.25}, {"optimizer": fp.LBFGS()}, {"class_weight": {1: 3.0}}):
        weight = np.floor(WEIGHT * 2**10) if scale < 2**-1000 else WEIGHT  # the smallest numbers have few digits
        one, other = (trained(each, dtype, backend=backend, **options) for each in (weight, weight * scale))
        assert_same_bits(other, one)


@BACKENDS
@pytest.mark.parametrize("scale", [1e-37, 1e-38, 1e-40, 1e-45, 1e-200, 1e30, 1e300])
def test_weights_of_any_size_train_like_weights_of_1(scale, backend):
    one, other = (trained(np.full(96, each), backend=backend, validation=0.25) for each in (1.0, scale))
    for array, twin in zip(other, one):
        np.testing.assert_allclose(array, twin, rtol=1e-5)


@pytest.mark.parametrize("scale", [2.0**-300, 2.0**-126, 2.0**300])
def test_only_ratios_count_in_sweeps_streams_and_for_rows_held_out(scale):
    assert_same_bits(swept(WEIGHT * scale), swept(WEIGHT))
    assert_same_bits(swept(WEIGHT * scale, validation=None, cv=3), swept(WEIGHT, validation=None, cv=3))
    assert_same_bits(streamed(WEIGHT * scale), streamed(WEIGHT))
    held_out = [(X[:30], LABELS[:30], WEIGHT[:30] * each) for each in (1, scale)]
    assert_same_bits(*(trained(WEIGHT, validation=each) for each in held_out))


def test_weights_of_a_chunk_are_compared_within_it():
    one = streamed(WEIGHT)
    other = streamed(np.where(np.arange(96) < 50, WEIGHT * 2.0**-200, WEIGHT * 2.0**200))
    assert_same_bits(other, one)


@BACKENDS
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [2.0**-30, 2.0**-126, 2.0**-130, 2.0**-149, 2.0**-300])
def test_a_minibatch_of_small_weights_trains_like_one_of_large_ones(scale, dtype, backend):
    of_two = {"shuffle": False, "backend": backend}
    weight = WEIGHT.copy()
    weight[32:64] *= scale
    parameters, loss, _ = trained(weight, dtype, **of_two)
    expected, _, _ = trained(WEIGHT, dtype, **of_two)
    np.testing.assert_array_equal(parameters, expected)
    without = np.arange(96) // 32 != 1
    weighed = [trained(np.where(without, weight, weight * part), dtype, **of_two)[1] for part in (1, 2.0**-20)]
    np.testing.assert_allclose(*weighed, rtol=1e-8)  # it counts for nothing in the mean
    assert np.isfinite(loss).all()


@BACKENDS
def test_rows_held_out_that_weigh_little_have_a_validation_loss(backend):
    held_out = fp.data.held_out_rows(96, 0.25)
    little = WEIGHT.copy()
    little[held_out] *= 2.0**-300
    one, other = (trained(each, backend=backend, validation=0.25) for each in (WEIGHT, little))
    assert_same_bits(other, one)


# ---- zeros ----


@BACKENDS
@pytest.mark.parametrize("options", [{}, {"shuffle": False}, {"optimizer": fp.LBFGS()}, {"standardize": True}], ids=str)
def test_a_row_of_weight_0_is_as_if_left_out(options, backend):
    for validation in (None, 0.25):
        how = {"validation": validation, "backend": backend, **options}
        assert_same_bits(trained(ZEROS, **how), trained(ZEROS, rows=ZEROS > 0, **how))


@BACKENDS
def test_a_row_of_weight_0_may_hold_any_number(backend):
    far = X.copy()
    far[ZEROS == 0] *= 1e30
    net, other = network(), network()
    for each, inputs in ((net, X), (other, far)):
        history = fp.train(each, inputs, LABELS, epochs=2, sample_weight=ZEROS, backend=backend)
        assert history.stopped == "finished"
    assert_same_bits([other.parameters], [net.parameters])


@BACKENDS
def test_rows_of_weight_0_are_left_out_of_streams(backend):
    kept, net = network(), network()
    for each, weighs in ((net, slice(None)), (kept, ZEROS > 0)):
        chunks = [(X[weighs][rows], LABELS[weighs][rows], ZEROS[weighs][rows]) for rows in (slice(None), slice(None))]
        fp.train_stream(each, chunks, backend=backend)
    assert_same_bits([net.parameters], [kept.parameters])
