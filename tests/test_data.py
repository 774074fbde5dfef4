"""Every kind of input gives the same bits, and is copied only if it must be; files may be larger than memory."""

import sys
import tracemalloc

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided, sliding_window_view

import fastprop as fp
from fastprop import checks
from fastprop.data import ColumnStatistics, Dataset, Split, held_out_rows
from tests.compare import assert_refused, assert_same_bits
from tests.processes import run_python

ROWS, INPUTS = 50, 20
NUMBERS = np.random.default_rng(0).integers(0, 2, (ROWS, INPUTS))  # such as every kind can hold
LABELS = np.arange(ROWS) % 3


def trained(X, y=LABELS, dtype="float32", **options):
    """All that comes of training on X and of predicting it."""
    network = fp.MLP((X.shape[1] if isinstance(X, np.ndarray) else INPUTS, 5, 3), output="softmax", dtype=dtype)
    options = {"epochs": 2, "validation": 0.2, "standardize": True} | options
    history = fp.train(network, X, y, **options)
    predicted = network.predict(X)
    return history.loss, history.validation_loss, history.score, *network.weights, network.input_mean, predicted


# ---- what is read where it is ----


def in_a_file(folder, X):
    file = np.memmap(folder / "X", X.dtype, "w+", shape=X.shape)
    file[...] = X
    file.flush()
    return np.memmap(folder / "X", X.dtype, "r", shape=X.shape)


def locked(X):
    X.flags.writeable = False
    return X


IN_PLACE = {
    "an array": lambda X: X,
    "read-only": locked,
    "later rows": lambda X: np.vstack([X[::-1], X])[ROWS:],
    "every second row": lambda X: np.repeat(X, 2, axis=0)[::2],
    "columns beside others": lambda X: np.hstack([X[:, ::-1], X, X])[:, INPUTS : 2 * INPUTS],
    "one column of many": lambda X: X[:, 3:4],
    "every third number": lambda X: X.reshape(-1)[::INPUTS][:, None],
    "a Fortran array, transposed": lambda X: np.asfortranarray(X.T).T,
    "sliding windows": lambda X: sliding_window_view(X.reshape(-1)[: ROWS + INPUTS - 1], INPUTS),
    "one row many times": lambda X: np.broadcast_to(X[0], X.shape),
}


@pytest.mark.parametrize("kind", ["the network's", "uint8", "bool"])
@pytest.mark.parametrize("make", IN_PLACE.values(), ids=IN_PLACE)
def test_rows_that_are_contiguous_are_read_where_they_are(make, kind, dtype):
    X = make(NUMBERS.astype(dtype if kind == "the network's" else kind))
    kept = checks.inputs(X, X.shape[1], dtype)
    assert np.shares_memory(kept, X)
    assert not kept.flags.writeable
    assert_same_bits(trained(X, dtype=dtype), trained(np.array(X, dtype, order="C"), dtype=dtype))


@pytest.mark.parametrize("kind", ["float32", "uint8"])
def test_a_file_in_memory_is_read_where_it_is(kind, tmp_path):
    X = in_a_file(tmp_path, NUMBERS.astype(kind))
    assert np.shares_memory(checks.inputs(X, INPUTS, "float32"), X)
    assert_same_bits(trained(X), trained(NUMBERS.astype("float32")))


def test_a_single_row_is_read_where_it_is(dtype):
    X = NUMBERS.astype(dtype)[::-1][:1]
    assert np.shares_memory(checks.inputs(X, INPUTS, dtype), X)
    expected = trained(X.copy(), LABELS[:1], dtype, validation=None)
    assert_same_bits(trained(X, LABELS[:1], dtype, validation=None), expected)


@pytest.mark.parametrize("kind", ["float32", "uint8"])
def test_bytes_and_numbers_may_meet(kind):
    """Training rows of one kind, held-out rows of the other."""
    other = {"float32": "uint8", "uint8": "float32"}[kind]
    held_out = NUMBERS[::-1], LABELS
    expected = trained(NUMBERS.astype("float32"), validation=held_out)
    found = trained(NUMBERS.astype(kind), validation=(held_out[0].astype(other), LABELS))
    assert_same_bits(found, expected)


@pytest.mark.parametrize("seeds", [[0], [0, 1, 2, 3]], ids=["one order", "orders of their own"])
def test_bytes_in_a_sweep_give_the_same_bits(seeds, dtype):
    def sweep(kind):
        grid = {"learning_rate": np.linspace(0.1, 1, 5), "seed": seeds}
        options = {"epochs": 2, "validation": 0.2, "standardize": True}
        result = fp.sweep(
            fp.MLP((INPUTS, 3), output="softmax", dtype=dtype), NUMBERS.astype(kind), LABELS, grid, **options
        )
        return result.history, result.table["score"], result.best_network.parameters

    assert_same_bits(sweep("uint8"), sweep(dtype))


def test_the_reference_takes_bytes():
    expected = trained(NUMBERS.astype("float64"), dtype="float64", backend="reference")
    assert_same_bits(trained(NUMBERS.astype("uint8"), dtype="float64", backend="reference"), expected)


# ---- what is converted ----


class Table:
    """An object that can become an array, such as those of pandas."""

    def __init__(self, X):
        self.X = X

    def __array__(self, dtype=None, copy=None):
        return np.array(self.X, dtype)


def unaligned(X):
    return np.frombuffer(b"." + X.astype("float32").tobytes(), "float32", offset=1).reshape(X.shape)


CONVERTED = {
    "Fortran order": lambda X: np.asfortranarray(X, "float32"),
    "rows from last to first": lambda X: X.astype("float32")[::-1].copy()[::-1],
    "columns from last to first": lambda X: X.astype("float32")[:, ::-1].copy()[:, ::-1],
    "every second column": lambda X: np.repeat(X.astype("float32"), 2, axis=1)[:, ::2],
    "a row stride that is no multiple of the item size": lambda X: as_strided(
        np.frombuffer(np.pad(X.astype("float32").view(np.uint8), ((0, 0), (0, 2))).tobytes(), "float32"),
        X.shape,
        (4 * INPUTS + 2, 4),
    ),
    "unaligned": unaligned,
    "other byte order": lambda X: X.astype(np.dtype("float32").newbyteorder()),
    "bytes in Fortran order": lambda X: np.asfortranarray(X, "uint8"),
    "a list": lambda X: X.tolist(),
    "a table": Table,
    **{kind: lambda X, kind=kind: X.astype(kind) for kind in ("float16", "float64", "longdouble", "int8", "uint64")},
}


@pytest.mark.parametrize("make", CONVERTED.values(), ids=CONVERTED)
def test_anything_else_gives_the_same_bits(make):
    assert_same_bits(trained(make(NUMBERS)), trained(NUMBERS.astype("float32")))


@pytest.mark.skipif(np.finfo(np.longdouble).max == np.finfo(float).max, reason="no number is wider than float64")
def test_numbers_too_large_for_float64_are_refused_by_their_place():
    wide = NUMBERS.astype(np.longdouble)
    wide[2, 1] = np.longdouble("1e400")
    words = "at row 2, column 1, which is too large for float64: correct it, or divide the column by a constant"
    assert_refused(ValueError, words, trained, wide, dtype="float64")


def test_masked_numbers_are_refused():
    masked = np.ma.masked_equal(NUMBERS.astype("float32"), 1)
    assert_refused(ValueError, "X is an array with masked elements: fill them", trained, masked)
    assert_same_bits(trained(np.ma.array(NUMBERS)), trained(NUMBERS))


# ---- memory ----

MANY, WIDE = 80_000, 100  # 32 MB in float32


def peak_of(X, **options):
    """Return the bytes that Python and NumPy allocate for training on X and for predicting it."""
    network, y = fp.MLP((WIDE, 2, 1), output="identity"), np.zeros(MANY, np.float32)
    fp.train(network, X[:10], y[:10], epochs=1)  # fetches the kernels
    network.predict(X[:10])
    tracemalloc.start()
    fp.train(network, X, y, epochs=1, validation=0.3, **options)
    network.predict(X)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("kind", ["float32", "uint8"])
@pytest.mark.parametrize("standardize", [False, True])
def test_nothing_is_copied_of_what_is_read_where_it_is(kind, standardize):
    assert peak_of(np.ones((MANY, WIDE), kind), standardize=standardize) < MANY * WIDE


@pytest.mark.parametrize("kind", ["float64", "int16"])
def test_anything_else_is_converted_once(kind):
    assert peak_of(np.ones((MANY, WIDE), kind)) < 1.25 * 4 * MANY * WIDE


def test_targets_of_the_networks_dtype_are_not_copied():
    network, X = fp.MLP((WIDE, 2, WIDE), output="sigmoid"), np.full((MANY, WIDE), 0.5, np.float32)
    fp.train(network, X[:10], X[:10], epochs=1)
    tracemalloc.start()
    fp.train(network, X, X, epochs=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MANY * WIDE


LARGER_THAN_MEMORY = """
import resource, sys
import numpy as np
import fastprop as fp

def train(kind, rows, path={path!r}):
    X = np.memmap(path, kind, "r", shape=(rows, 256))
    network = fp.MLP((256, 4, 1), output="identity")
    options = {{"epochs": 1, "batch_size": 256, "validation": 0.1, "standardize": True, "threads": 2}}
    history = fp.train(network, X, np.zeros(rows), **options)
    return history.epochs, len(network.predict(X))

train({kind!r}, 1000)
with open("/proc/self/status") as file:
    data = next(int(line.split()[1]) for line in file if line.startswith("VmData"))
limit = 1024 * data + {limit}
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
try:
    print(*train({kind!r}, {rows}))
except MemoryError as error:
    print(error)
"""
FILE, LIMIT = 1 << 28, 1 << 26


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits the process's own memory, and makes a file with a hole")
@pytest.mark.parametrize("kind", ["float32", "uint8", "float64"])
def test_a_file_larger_than_memory(kind, tmp_path):
    """A quarter of a gigabyte, where a process may take 64 MB more than it has."""
    rows = min(1_000_000, FILE // np.dtype(kind).itemsize // 256)
    with open(tmp_path / "X", "wb") as file:
        file.truncate(FILE)
    script = LARGER_THAN_MEMORY.format(path=str(tmp_path / "X"), kind=kind, rows=rows, limit=LIMIT)
    printed = run_python(script).strip()
    if kind == "float64":
        assert printed == (
            "X does not fit into memory as float32, 0.1 GB: keep it in rows of float32 or uint8, which are read "
            "without a copy, or train on it in chunks, by fp.train_stream."
        )
    else:
        assert printed == f"1 {rows}"


def test_what_is_not_finite_is_found_at_the_end_of_a_file(tmp_path):
    X = np.zeros((30_000, INPUTS), np.float32)
    X[-2, 7] = np.nan
    X, y = in_a_file(tmp_path, X), np.zeros(30_000, np.int64)
    assert_refused(ValueError, "X holds nan at row 29998, column 7: remove or replace", trained, X, y)


# ---- splits ----

CLASSIFIER = fp.MLP((4, 3), output="softmax", dtype="float64"), "cross_entropy"


def dataset(rows=ROWS):
    return Dataset.of(np.ones((rows, 4)), np.zeros(rows, int), *CLASSIFIER)


@pytest.mark.filterwarnings("ignore::fastprop.DataWarning")  # three rows do not hold each class on both sides
@pytest.mark.parametrize("rows", [3, 50, 1001])
@pytest.mark.parametrize("fraction", [0.2, 0.5, 0.9])
def test_a_fraction_holds_out_rows_that_are_not_trained_on(rows, fraction):
    data = dataset(rows)
    if not 0 < round(fraction * rows) < rows:
        with pytest.raises(ValueError, match="choose a fraction that leaves at least one row on each side"):
            Split.of(fraction, data, *CLASSIFIER)
        return
    split = Split.of(fraction, data, *CLASSIFIER)
    assert split.data is split.held_out is data
    assert len(split.held_out_rows) == round(fraction * rows)
    np.testing.assert_array_equal(np.sort(np.concatenate([split.rows, split.held_out_rows])), np.arange(rows))
    for indices in (split.rows, split.held_out_rows):
        assert indices.dtype == np.int64
        assert (np.diff(indices) > 0).all()
    np.testing.assert_array_equal(split.held_out_rows, held_out_rows(rows, fraction))


@pytest.mark.filterwarnings("ignore:all 50 rows are of class 0")
def test_validation_data_is_held_out_as_a_whole_and_nothing_is_without():
    data = dataset()
    split = Split.of(None, data, *CLASSIFIER)
    assert (len(split.rows), len(split.held_out_rows)) == (ROWS, 0)
    split = Split.of((np.zeros((7, 4)), np.zeros(7, int)), data, *CLASSIFIER)
    np.testing.assert_array_equal(split.rows, np.arange(ROWS))
    np.testing.assert_array_equal(split.held_out_rows, np.arange(7))
    np.testing.assert_array_equal(split.held_out.inputs.values, np.zeros((7, 4)))


@pytest.mark.parametrize("cuts", [[], [1], [10, 11, 30]])
def test_statistics_of_columns_do_not_depend_on_the_blocks(cuts):
    X = 1e6 + np.random.default_rng(1).normal(size=(ROWS, 3))
    statistics = ColumnStatistics()
    for block in np.split(X, cuts):
        statistics.add(block)
    assert statistics.rows == ROWS
    np.testing.assert_allclose(statistics.mean, X.mean(axis=0), rtol=1e-15)
    np.testing.assert_allclose(statistics.deviation, X.std(axis=0), rtol=1e-9)
    np.testing.assert_array_equal(statistics.minimum, X.min(axis=0))
    np.testing.assert_array_equal(statistics.maximum, X.max(axis=0))
