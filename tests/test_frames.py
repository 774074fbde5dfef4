"""Data frames, arrays of objects and sparse matrices as inputs; columns are found by their names."""

import decimal
import sys
from datetime import date, time

import numpy as np
import pytest

import fastprop as fp
from fastprop.data.frames import table
from fastprop.integrations import frame_columns
from tests.compare import assert_refused, assert_same_bits

pandas = pytest.importorskip("pandas")
ROWS = 40
RANDOM = np.random.default_rng(0)
FRAME = pandas.DataFrame(
    {
        "age": RANDOM.integers(1, 90, ROWS),
        "fare": RANDOM.random(ROWS),
        "adult": RANDOM.random(ROWS) > 0.5,
        "mass": RANDOM.random(ROWS, dtype="float32"),
    }
)
X = FRAME.to_numpy(float)
Y = np.arange(ROWS) % 2
NAMES = tuple(FRAME.columns)
OTHER_ORDER = ["mass", "age", "adult", "fare"]


def of_polars(frame=FRAME):
    polars = pytest.importorskip("polars")
    return polars.DataFrame({name: frame[name].to_numpy() for name in frame})


FRAMES = {
    "bool beside float": lambda: FRAME,
    "one dtype": lambda: FRAME.astype(float),
    "nullable": lambda: FRAME.convert_dtypes(),
    "Arrow-backed": lambda: FRAME.convert_dtypes(dtype_backend="pyarrow"),
    "objects": lambda: FRAME.astype(object),
    "decimals": lambda: FRAME.assign(age=[decimal.Decimal(int(age)) for age in FRAME.age]),
    "polars": of_polars,
}


@pytest.fixture(params=FRAMES.values(), ids=FRAMES)
def frame(request):
    if "pyarrow" not in sys.modules:
        pytest.importorskip("pyarrow")
    return request.param()


def new_network(**options):
    return fp.MLP((4, 5, 2), output="softmax", **options)


def trained(inputs, y=Y, **options):
    network = new_network()
    history = fp.train(network, inputs, y, **({"epochs": 2, "standardize": True} | options))
    return network, history


# ---- the numbers of a frame ----


def test_a_frame_trains_as_its_numbers_do(frame):
    network, history = trained(frame)
    alone, expected = trained(X)
    np.testing.assert_array_equal(table(frame)[0], X)
    assert_same_bits([network.parameters, history.loss], [alone.parameters, expected.loss])
    np.testing.assert_array_equal(network.predict(frame), alone.predict(X))


def test_an_arrow_table_trains_as_its_numbers_do():
    arrow = pytest.importorskip("pyarrow")
    network, history = trained(arrow.table({name: FRAME[name].to_numpy() for name in FRAME}))
    alone, expected = trained(X)
    assert_same_bits([network.parameters, history.loss], [alone.parameters, expected.loss])
    assert network.feature_names == NAMES
    network = fp.MLP((2, 1))
    words = "X holds text in column 'port': encode"
    assert_refused(TypeError, words, network.predict, arrow.table({"port": ["S"], "age": [1]}))
    words = "X has a missing value at row 1, column 'age'"
    assert_refused(ValueError, words, network.predict, arrow.table({"age": [1, None], "fare": [1, 2]}))


def test_objects_that_are_numbers_train_as_numbers():
    objects = X.astype(object)
    objects[0, 2], objects[1, 2] = True, np.False_
    expected = objects.astype(float)
    assert_same_bits(*([trained(each)[0].parameters] for each in (objects, expected)))
    assert_same_bits(*([trained(each)[0].parameters] for each in (objects.tolist(), expected)))


def test_objects_decimals_and_wide_whole_numbers_of_polars_train_as_numbers():
    polars = pytest.importorskip("polars")
    columns = {
        "age": polars.Series([decimal.Decimal(int(age)) for age in FRAME.age]),
        "fare": polars.Series(FRAME.fare.tolist(), dtype=polars.Object),
        "adult": polars.Series(FRAME.adult.to_numpy().astype(int), dtype=polars.Int128),
        "mass": polars.Series(FRAME.mass.to_numpy()),
    }
    assert_same_bits([trained(polars.DataFrame(columns))[0].parameters], [trained(X)[0].parameters])


# ---- what is refused, and by which name ----


def missing(frame, value=None):
    frame = frame.copy()
    frame.loc[3, "fare"] = value
    return frame


def text(frame):
    return frame.assign(port="S", deck="A")


MISSING = "X has a missing value at row 3, column 'fare': fill missing values, or leave out their rows."
REFUSED = {
    "NaN": (lambda: missing(FRAME, np.nan), ValueError, MISSING),
    "NA": (lambda: missing(FRAME.convert_dtypes(), pandas.NA), ValueError, MISSING),
    "NA of Arrow": (lambda: missing(FRAME.convert_dtypes(dtype_backend="pyarrow")), ValueError, MISSING),
    "None": (lambda: missing(FRAME.astype(object)), ValueError, MISSING),
    "null of polars": (
        lambda: of_polars().with_columns(fare=of_polars()["fare"].scatter(3, None)),
        ValueError,
        MISSING,
    ),
    "infinite": (
        lambda: missing(FRAME, np.inf),
        ValueError,
        "X holds inf at row 3, column 'fare': remove or replace values that are not finite.",
    ),
    "large": (
        lambda: missing(FRAME, 1e300),
        ValueError,
        "X holds 1e+300 at row 3, column 'fare', which is too large for float32: train with "
        "standardize=True, or make the network with dtype='float64'.",
    ),
    "text": (
        lambda: text(FRAME),
        TypeError,
        "X holds text in columns 'port', 'deck': encode it as numbers, such as by pandas.get_dummies, or leave it out.",
    ),
    "text of polars": (lambda: of_polars(text(FRAME)), TypeError, "X holds text in columns 'port', 'deck': encode"),
    "objects that are text": (
        lambda: text(FRAME).astype(object),
        TypeError,
        "X holds 'S' at row 0, column 'port', which is no number: encode it as numbers, or leave it out.",
    ),
    "categories": (
        lambda: FRAME.assign(port=pandas.Categorical(["S"] * ROWS)),
        TypeError,
        "X holds categories in column 'port': encode them as numbers, such as by pandas.get_dummies, or",
    ),
    "categories of polars": (
        lambda: of_polars().with_columns(
            port=pytest.importorskip("polars").Series(["S"] * ROWS, dtype=sys.modules["polars"].Categorical)
        ),
        TypeError,
        "X holds categories in column 'port': encode them as numbers, such as by pandas.get_dummies, or",
    ),
    "dates": (
        lambda: FRAME.assign(day=pandas.Timestamp("2020-01-01")),
        TypeError,
        "X holds dates in column 'day': convert them to numbers, such as seconds, or leave them out.",
    ),
    "dates of polars": (
        lambda: of_polars(FRAME.assign(day=pandas.Timestamp("2020-01-01"))),
        TypeError,
        "X holds dates in column 'day': convert them to numbers, such as seconds, or leave them out.",
    ),
    "complex": (
        lambda: FRAME.assign(z=1j),
        TypeError,
        "X holds complex numbers in column 'z': give their real and imaginary parts as two columns.",
    ),
    "sparse": (
        lambda: FRAME.assign(few=pandas.arrays.SparseArray(np.zeros(ROWS))),
        TypeError,
        "X holds sparse numbers in column 'few': make them dense, such as by X.sparse.to_dense().",
    ),
}


@pytest.mark.parametrize(("make", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_a_column_that_holds_no_numbers_is_refused_by_its_name(make, error, words):
    bad = make()
    network = fp.MLP((len(bad.columns), 5, 2), output="softmax")
    assert_refused(error, words, fp.train, network, bad, Y, epochs=1)
    assert_refused(error, words, network.predict, bad)
    assert_refused(error, f"in chunk 0, {words}", fp.train_stream, network, [(bad, Y)])
    assert_refused(error, words, fp.sweep, network, bad, Y, {"seed": [0]}, epochs=1)


def test_a_missing_value_among_objects_is_told_with_its_place():
    for value in (None, float("nan"), pandas.NA, pandas.NaT):
        objects = X.astype(object)
        objects[3, 1] = value
        assert_refused(ValueError, "X has a missing value at row 3, column 1: fill", new_network().predict, objects)


SPARSE = {
    "array": lambda scipy: scipy.csr_array(X),
    "matrix": lambda scipy: scipy.coo_matrix(X),
    "frame": lambda scipy: pandas.DataFrame.sparse.from_spmatrix(scipy.csr_matrix(X)),
}


@pytest.mark.parametrize("make", SPARSE.values(), ids=SPARSE)
def test_a_sparse_matrix_is_called_sparse(make):
    sparse = make(pytest.importorskip("scipy.sparse"))
    network, words = new_network(), "sparse"
    assert_refused(TypeError, words, fp.train, network, sparse, Y, epochs=1)
    assert_refused(TypeError, words, fp.train, network, X, Y, epochs=1, validation=(sparse, Y))
    assert_refused(TypeError, words, network.predict, sparse)
    assert_refused(TypeError, words, fp.sweep, (4, 2), sparse, Y, {"seed": [0]}, epochs=1, cv=2)
    assert_refused(TypeError, words, fp.train_stream, network, [(sparse, Y)])
    assert_refused(TypeError, words, fp.find_learning_rate, network, sparse, Y)


class WithGradient:
    """A tensor that must be detached from its gradient before NumPy can read it, as one of PyTorch."""

    def detach(self):
        return X

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("call detach first")


def test_what_must_be_detached_from_its_gradient_is_read():
    assert_same_bits([trained(WithGradient())[0].parameters], [trained(X)[0].parameters])


@pytest.mark.slow
def test_a_tensor_of_pytorch_with_a_gradient_is_read():
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(X, requires_grad=True)
    assert_same_bits([trained(tensor)[0].parameters], [trained(X)[0].parameters])
    assert_refused(TypeError, "sparse", trained, tensor.detach().to_sparse())


# ---- columns by name ----


def test_columns_are_found_by_name_in_any_order(frame):
    network, _ = trained(frame)
    alone, _ = trained(X)
    assert network.feature_names == NAMES
    assert alone.feature_names is None
    expected = alone.predict(X)
    np.testing.assert_array_equal(network.predict(frame[OTHER_ORDER]), expected)
    np.testing.assert_array_equal(network.predict(X), expected)
    np.testing.assert_array_equal(fp.Ensemble([network, alone]).predict(frame[OTHER_ORDER]), expected)
    history = fp.train(network, frame[OTHER_ORDER], Y, epochs=1, validation=(frame[OTHER_ORDER], Y))
    assert_same_bits(
        [history.validation_loss, network.parameters],
        [fp.train(alone, X, Y, epochs=1, validation=(X, Y)).validation_loss, alone.parameters],
    )


def test_validation_columns_have_the_order_of_the_training_columns(frame):
    options = {"epochs": 2, "standardize": True}
    _, history = trained(frame, validation=(frame[OTHER_ORDER], Y))
    expected = fp.train(new_network(), X, Y, validation=(X, Y), **options).validation_loss
    assert_same_bits([history.validation_loss], [expected])
    result = fp.sweep((4, 5, 2), frame, Y, {"seed": [0]}, validation=(frame[OTHER_ORDER], Y), **options)
    np.testing.assert_array_equal(result.history[0], expected)


def test_networks_of_a_sweep_know_the_columns(frame, tmp_path):
    given = new_network()
    for options in ({"cv": 2}, {"validation": 0.3}):
        result = fp.sweep(given, frame, Y, {"seed": [0, 1]}, epochs=1, keep="all", **options)
        result.save(tmp_path / "result")
        for network in (*result.networks.values(), *fp.load_sweep(tmp_path / "result").networks.values()):
            assert network.feature_names == NAMES
    assert given.feature_names is None
    np.testing.assert_array_equal(result.ensemble(2).predict(frame[OTHER_ORDER]), result.ensemble(2).predict(X))


def test_columns_of_later_chunks_are_found_by_name(frame):
    network, twin = new_network(), new_network()
    fp.train_stream(network, [(frame[:20], Y[:20]), (frame[:0], Y[:0]), (frame[OTHER_ORDER][20:], Y[20:])])
    fp.train_stream(twin, [(X[:20], Y[:20]), (X[20:], Y[20:])])
    assert_same_bits([network.parameters], [twin.parameters])
    assert network.feature_names == NAMES


OTHERS = {
    "one less": (lambda frame: frame.drop(columns="age"), "X lacks the column 'age': give the columns of"),
    "one more": (
        lambda frame: frame.assign(id=1, row=2),
        "X has the columns 'id', 'row', which the network does not know: give the columns of network.feature_names, or",
    ),
    "another": (
        lambda frame: frame.rename(columns={"fare": "price"}),
        "X lacks the column 'fare' and has the column 'price', which the network does not know: give",
    ),
}


@pytest.mark.parametrize(("change", "words"), OTHERS.values(), ids=OTHERS)
def test_other_columns_are_refused_by_name(change, words):
    network, _ = trained(FRAME)
    before = network.parameters.copy()
    other = change(FRAME)
    assert_refused(ValueError, words, network.predict, other)
    assert_refused(ValueError, words, fp.train, network, other, Y, epochs=1)
    assert_refused(ValueError, f"validation {words}", fp.train, network, FRAME, Y, epochs=1, validation=(other, Y))
    assert_refused(ValueError, words, fp.sweep, network, other, Y, {"seed": [0]}, epochs=1)
    assert_refused(ValueError, words, fp.find_learning_rate, network, other, Y)
    assert_refused(ValueError, words, fp.Ensemble([network, network]).predict, other)
    assert_refused(ValueError, f"in chunk 0, {words}", fp.train_stream, network, [(other, Y)])
    assert_same_bits([network.parameters], [before])


def test_networks_of_an_ensemble_may_have_learned_the_columns_in_another_order():
    one, _ = trained(FRAME)
    other, _ = trained(FRAME[OTHER_ORDER])
    expected = (one.predict(FRAME) + other.predict(FRAME)) / np.float32(2)
    np.testing.assert_array_equal(fp.Ensemble([one, other]).predict(FRAME), expected)
    np.testing.assert_array_equal(other.predict(FRAME), other.predict(FRAME[OTHER_ORDER].to_numpy(float)))


def test_two_columns_of_one_name_are_refused():
    network, _ = trained(FRAME)
    twice = pandas.concat([FRAME, FRAME[["age"]]], axis=1)
    words = "two columns called 'age': rename one."
    assert_refused(ValueError, f"X has {words}", network.predict, twice)
    assert_refused(ValueError, f"X has {words}", trained, twice)
    assert_refused(ValueError, f"in chunk 0, X has {words}", fp.train_stream, network, [(twice, Y)])
    assert_refused(ValueError, f"X has {words}", fp.sweep, network, twice, Y, {"learning_rate": [0.1]}, epochs=1)


def test_columns_without_names_are_taken_in_their_order():
    unnamed = pandas.DataFrame(X)
    network, _ = trained(unnamed)
    assert network.feature_names is None
    named, _ = trained(FRAME)
    np.testing.assert_array_equal(named.predict(unnamed), network.predict(FRAME))


def test_columns_that_are_counted_in_another_order_are_found_by_their_numbers():
    counted = pandas.DataFrame(X)
    other = counted[[2, 0, 3, 1]]
    expected = trained(X)[0].predict(X)
    for given in (X, counted):
        np.testing.assert_array_equal(trained(given)[0].predict(other), expected)
    network, _ = trained(other)
    assert network.feature_names == ("2", "0", "3", "1")
    np.testing.assert_array_equal(network.predict(counted), network.predict(other.to_numpy()))
    np.testing.assert_array_equal(fp.Ensemble([network, network]).predict(counted), network.predict(other))


def test_validation_and_chunks_that_count_columns_in_another_order_are_put_in_order():
    counted = pandas.DataFrame(X)
    other = counted[[2, 0, 3, 1]]
    for first, second in ((counted, other), (other, counted), (X, other)):
        same = first if isinstance(first, np.ndarray) else second[first.columns]
        one, twin = (trained(first, validation=(held_out, Y))[1].validation_loss for held_out in (second, same))
        assert_same_bits([one], [twin])
        networks = new_network(), new_network()
        for network, chunk in zip(networks, (second, same)):
            fp.train_stream(network, [(first, Y), (chunk, Y)])
        assert_same_bits(*([network.parameters] for network in networks))


@pytest.mark.parametrize("labels", [[3, 1, 2, 7], [2019.0, 2020.0, 2021.0, 2022.0], [("a", 1), ("a", 2), ("b", 1), 5]])
def test_columns_with_other_labels_than_words_are_found_by_these(labels):
    frame = pandas.DataFrame(X)
    frame.columns = pandas.Index(labels, tupleize_cols=False)
    network, _ = trained(frame)
    assert network.feature_names == tuple(map(str, labels))
    expected = trained(X)[0].predict(X)
    np.testing.assert_array_equal(network.predict(frame.iloc[:, [2, 0, 3, 1]]), expected)
    np.testing.assert_array_equal(network.predict(frame.to_numpy()), expected)
    other = frame.set_axis([0, *range(11, 14)], axis=1)
    assert_refused(ValueError, "which the network does not know: give the columns of", network.predict, other)


def test_a_refused_training_leaves_the_names():
    network = new_network()
    assert_refused(ValueError, "y holds label 3", fp.train, network, FRAME, np.full(ROWS, 3), epochs=1)
    assert network.feature_names is None


def test_an_ensemble_of_different_column_orders_refuses_an_array():
    one, _ = trained(FRAME)
    other, _ = trained(FRAME[OTHER_ORDER])
    words = "X has no names of columns, and the ensemble's networks have learned them in different orders, "
    assert_refused(ValueError, words, fp.Ensemble([one, other]).predict, X)


# ---- frames of pandas on Arrow ----

ARROW_TYPES = {
    "words": (["a", None, "b", "a"], "string"),
    "long words": (["a", None, "b", "a"], "large_string"),
    "numbers": ([1.5, None, 3, 4], "float32"),
    "whole numbers": ([1, None, 3, 4], "int8"),
    "booleans": ([True, None, False, True], "bool_"),
    "days": ([date(2024, 1, 2), None, date(1999, 12, 31), date(2024, 2, 29)], "date32"),
    "times": ([time(6), None, time(12, 30), time(23)], "time64"),
    "nothing": ([None, None, None, None], "null"),
}


@pytest.mark.parametrize("name", ARROW_TYPES)
@pytest.mark.parametrize("is_dictionary", [False, True], ids=["plain", "dictionary"])
def test_columns_of_pandas_on_arrow_are_those_of_the_arrow_table(name, is_dictionary):
    arrow = pytest.importorskip("pyarrow")
    cells, kind = ARROW_TYPES[name]
    array = arrow.array(cells, getattr(arrow, kind)(*["us"] * (kind == "time64")))
    if is_dictionary and name != "words":
        pytest.skip("a dictionary is of words")
    table = arrow.table({"column": array.dictionary_encode() if is_dictionary else array})
    ((_, expected),) = frame_columns.columns(table)
    ((_, found),) = frame_columns.columns(table.to_pandas(types_mapper=pandas.ArrowDtype))
    assert (found.kind, found.words, found.missing) == (expected.kind, expected.words, expected.missing)
    np.testing.assert_array_equal(found.values, expected.values)


def test_an_estimator_learns_the_same_from_pandas_on_arrow():
    pytest.importorskip("pyarrow")
    frame = FRAME.assign(town=["Oslo", "Rome", None, "Paris"] * 10)
    classifier = fp.MLPClassifier((3,), max_iter=2, random_state=0)
    plain = classifier.fit(frame, Y).predict_proba(frame)
    on_arrow = frame.convert_dtypes(dtype_backend="pyarrow")
    np.testing.assert_array_equal(classifier.fit(on_arrow, Y).predict_proba(on_arrow), plain)
