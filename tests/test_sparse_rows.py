"""Sparse matrices as inputs of estimators: the results are, to the last bit, those of the dense matrix."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse

from fastprop.data import UNCHANGED, Inputs, Origin, SparseRows
from fastprop.estimators import MLPClassifier, MLPRegressor
from fastprop.network import MLP
from fastprop.options import SGD
from fastprop.sweeping.sweep import sweep

RANDOM = np.random.default_rng(0)

DENSE = np.where(RANDOM.random((1200, 9)) < 0.3, RANDOM.normal(size=(1200, 9)), 0)
DENSE[:, 2] += 1e6  # a column that is moved before it is rounded to float32
DENSE[:, 4] = 0
LABELS = DENSE[:, 0] > DENSE[:, 1]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint8, bool])
@pytest.mark.parametrize("make", [scipy.sparse.csr_array, scipy.sparse.csc_matrix])
def test_sparse_inputs_are_to_the_bit_as_dense_ones(make, dtype):
    dense = (DENSE if np.dtype(dtype).kind == "f" else np.abs(DENSE) % 100 * 2).astype(dtype)
    options = {"hidden_layer_sizes": 4, "random_state": 0, "max_iter": 3, "early_stopping": True}
    expected = MLPClassifier(**options).fit(dense, LABELS)
    found = MLPClassifier(**options).fit(make(dense), LABELS)
    assert found.loss_curve_ == expected.loss_curve_
    assert found.validation_scores_ == expected.validation_scores_
    np.testing.assert_array_equal(found.network_.parameters, expected.network_.parameters)
    np.testing.assert_array_equal(found.predict_proba(make(dense)), expected.predict_proba(dense))


@pytest.mark.filterwarnings("ignore:The loss still fell")
@pytest.mark.parametrize(
    "options", [{"solver": "lbfgs"}, {"batch_size": 2000}, {"shuffle": False}, {"warm_start": True}, {"threads": 2}]
)
def test_sparse_rows_suit_all_kinds_of_training(options):
    options = {"hidden_layer_sizes": 4, "random_state": 0, "max_iter": 3} | options
    weights = np.arange(1200) % 3
    rows = scipy.sparse.csr_array(DENSE)
    expected, found = (MLPRegressor(**options).fit(X, DENSE[:, 0], weights).fit(X, DENSE[:, 0]) for X in (DENSE, rows))
    assert found.loss_curve_ == expected.loss_curve_
    np.testing.assert_array_equal(found.predict(rows), expected.predict(DENSE))


def test_sparse_rows_may_come_in_parts():
    expected, found = (MLPRegressor(hidden_layer_sizes=4, random_state=0) for _ in range(2))
    for rows in (slice(700), slice(700, 1200)):
        expected.partial_fit(DENSE[rows], DENSE[rows, 0])
        found.partial_fit(scipy.sparse.csr_array(DENSE[rows]), DENSE[rows, 0])
    np.testing.assert_array_equal(found.network_.parameters, expected.network_.parameters)


def test_elements_that_a_sparse_matrix_holds_twice_are_added():
    rows, columns = np.nonzero(DENSE)
    halves = np.tile(DENSE[rows, columns] / 2, 2)
    twice = scipy.sparse.coo_array((halves, (np.tile(rows, 2), np.tile(columns, 2))), DENSE.shape).tocoo()
    unordered = scipy.sparse.csr_array(DENSE)
    unordered.data, unordered.indices = unordered.data.copy(), unordered.indices.copy()
    ends = unordered.indptr[1]
    unordered.data[:ends], unordered.indices[:ends] = unordered.data[:ends][::-1], unordered.indices[:ends][::-1]
    unordered.has_sorted_indices = unordered.has_canonical_format = False
    expected = MLPRegressor(hidden_layer_sizes=4, random_state=0, max_iter=2).fit(DENSE, DENSE[:, 0])
    for matrix in (twice, unordered):
        found = MLPRegressor(hidden_layer_sizes=4, random_state=0, max_iter=2).fit(matrix, DENSE[:, 0])
        np.testing.assert_array_equal(found.network_.parameters, expected.network_.parameters)


def test_a_sparse_matrix_with_a_missing_number_is_refused():
    rows = DENSE.copy()
    rows[7, 3] = np.nan
    with pytest.raises(ValueError, match="X holds nan at row 7, column 3: remove or replace"):
        MLPRegressor(hidden_layer_sizes=4).fit(scipy.sparse.csr_array(rows), DENSE[:, 0])


def test_a_sparse_matrix_whose_indices_are_out_of_range_is_refused():
    rows = scipy.sparse.csr_array(DENSE)
    rows.indices[5] = 1000
    with pytest.raises(ValueError, match="ind"):
        MLPRegressor().fit(rows, DENSE[:, 0])


def test_room_at_the_end_of_a_sparse_matrix_is_not_read():
    rows = scipy.sparse.csr_array(DENSE)
    room = rows.indptr[-1] + 5
    rows.data, rows.indices = np.resize(rows.data, room), np.resize(rows.indices, room)
    rows.data[-5:] = np.nan
    np.testing.assert_array_equal(SparseRows.of(rows)[:], DENSE)


def test_a_sparse_matrix_of_no_elements_is_a_matrix_of_zeros():
    rows = scipy.sparse.csr_array((1200, 9))
    found = MLPRegressor(hidden_layer_sizes=4, random_state=0, max_iter=2).fit(rows, DENSE[:, 0])
    expected = MLPRegressor(hidden_layer_sizes=4, random_state=0, max_iter=2).fit(np.zeros((1200, 9)), DENSE[:, 0])
    np.testing.assert_array_equal(found.predict(rows), expected.predict(rows.toarray()))


GROWTH = """
import resource, numpy, scipy.sparse
from fastprop.estimators import MLPClassifier

def fit(rows):
    X = scipy.sparse.random_array((rows, 5000), density=0.001, format="csr", rng=numpy.random.default_rng(0))
    MLPClassifier(4, random_state=0, max_iter=1).fit(X, numpy.arange(rows) % 2).predict(X)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000

print(-fit(1000) + fit(20_000))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory in other units")
def test_a_sparse_matrix_is_trained_on_without_its_dense_size_in_memory():
    grown = subprocess.run([sys.executable, "-c", GROWTH], capture_output=True, text=True, check=True).stdout
    assert int(grown) < 100  # MB, where the dense rows take 400 as float32


def test_rows_that_are_moved_and_scaled_have_the_bits_of_dense_ones():
    dense = DENSE.copy()
    dense[:, 5] *= 1e-40  # too small for the inverse deviation to be a float32
    origin = Origin.of(dense.mean(axis=0), dense.std(axis=0) + (dense.std(axis=0) == 0), np.float32)
    assert origin.scales
    found, expected = (
        Inputs(X, UNCHANGED).readable(np.float32, origin) for X in (SparseRows.of(scipy.sparse.csr_array(dense)), dense)
    )
    assert found.origin is expected.origin is origin
    np.testing.assert_array_equal(found.values[:], expected.values)
    np.testing.assert_array_equal(found.numbers(np.array([5, 3])), expected.numbers(np.array([5, 3])))
    again, dense_again = (
        each.readable(np.float64, Origin.of(*origin_of_halves(dense), np.float32)) for each in (found, expected)
    )
    np.testing.assert_array_equal(again.values[:], dense_again.values)
    np.testing.assert_allclose(again.numbers(slice(0, 1200)), dense, rtol=1e-6)


def test_rows_that_were_moved_are_moved_and_scaled_anew_as_dense_ones_are():
    dense = DENSE.copy()
    dense[:, 4] += 1e9
    dense[:, 5] *= 1e-40
    mean, scale = dense.mean(axis=0), dense.std(axis=0) + (dense.std(axis=0) == 0)
    wide = np.where(np.arange(9) == 5, 1, scale)  # as if column 5 were an ordinary one
    first, second = (Origin.of(mean, each, np.float32) for each in (wide, scale))
    assert (first.changes, first.scales, second.scales) == (True, False, True)
    sparse, of_dense = (
        Inputs(X, UNCHANGED).readable(np.float32, first).readable(np.float32, second)
        for X in (SparseRows.of(scipy.sparse.csr_array(dense)), dense)
    )
    np.testing.assert_array_equal(sparse.values[:], of_dense.values)
    np.testing.assert_allclose(sparse.numbers(slice(0, 1200)) / scale, dense / scale, rtol=0, atol=1e-4)


def origin_of_halves(dense):
    """Return mean and scale of the first half of the rows."""
    half = dense[:600]
    return half.mean(axis=0), half.std(axis=0) + (half.std(axis=0) == 0)


def test_numbers_too_large_for_float32_are_refused_as_dense_ones_are():
    dense = DENSE.copy()
    dense[3, 1] = 1e300
    messages = set()
    for X in (dense, SparseRows.of(scipy.sparse.csr_array(dense))):
        with pytest.raises(ValueError, match="X holds 1e\\+300 at row 3, column 1, which is too large") as refused:
            MLP((9, 1)).predict(X)
        messages.add(str(refused.value))
    assert len(messages) == 1


@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_a_sweep_trains_packs_on_sparse_rows(backend):
    grid = {"optimizer": [SGD(0.1), SGD(0.01), SGD(0.02)], "seed": [0, 1]}
    options = {"epochs": 2, "cv": 2, "standardize": True, "backend": backend}
    network = MLP((9, 3, 1), output="sigmoid")
    dense = DENSE[:200]
    y = LABELS[:200].astype(np.float32)
    expected, found = (
        sweep(network, X, y, grid, **options) for X in (dense, SparseRows.of(scipy.sparse.csr_array(dense)))
    )
    np.testing.assert_array_equal(found.fold_scores, expected.fold_scores)
