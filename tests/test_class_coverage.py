"""Each class is on both sides of a share or fold, where it has the rows; where not, a warning names it."""

import numpy as np
import pytest

import fastprop as fp
from fastprop.data import Dataset, Split, held_out_rows
from fastprop.data.class_coverage import with_every_class
from fastprop.notices import DataWarning

RANDOM = np.random.default_rng(0)
ROWS = 60
X = RANDOM.normal(size=(ROWS, 4))
LABELS = np.arange(ROWS) % 3
BINARY = (X[:, 0] > 0).astype(int)

# ---- shares ----


def share(y, network=None, fraction=0.2):
    """Return the labels of the rows that are trained on, and of those that are held out as a share."""
    network = fp.MLP((1, int(np.max(y)) + 1), output="softmax") if network is None else network
    split = Split.of(fraction, Dataset.of(np.zeros((len(y), 1)), y, network, "mse"), network, "mse")
    np.testing.assert_array_equal(np.sort(np.append(split.rows, split.held_out_rows)), np.arange(len(y)))
    assert len(split.held_out_rows) == round(fraction * len(y))
    return y[split.rows], y[split.held_out_rows]


def test_a_share_in_which_each_class_is_on_both_sides_is_that_of_the_number_of_rows():
    _, held_out = share(LABELS)
    np.testing.assert_array_equal(held_out, LABELS[held_out_rows(ROWS, 0.2)])


@pytest.mark.parametrize("count", [2, 3, 10])
@pytest.mark.parametrize("side", ["held out", "trained on"])
def test_a_share_has_each_class_of_two_rows_on_both_sides(side, count):
    held_out = held_out_rows(ROWS, 0.5)
    rows = held_out if side == "held out" else np.setdiff1d(np.arange(ROWS), held_out)
    y = np.zeros(ROWS, int)
    y[rows[:count]] = 1  # the plain draw would have all rows of class 1 on one side
    for each in (y, (y > 0)[:, None], np.eye(2)[y]):
        outputs = each.shape[1] if each.ndim == 2 else 2
        network = fp.MLP((1, outputs), output="sigmoid" if outputs == 1 else "softmax")
        for part in share(each, network, 0.5):
            assert len(np.unique(part, axis=0)) == 2
    labels = np.arange(ROWS) // 2  # classes of two rows each
    for part in share(labels, fraction=0.5):
        assert len(np.unique(part)) == ROWS // 2


def test_a_share_has_each_class_on_both_sides_wherever_there_is_such_a_share():
    random = np.random.default_rng(1)
    repaired = 0
    for _ in range(300):
        rows = int(random.integers(4, 25))
        classes = random.integers(random.integers(1, 9), size=rows)
        before = random.permutation(rows)[: random.integers(1, rows)]
        held_out = with_every_class(before, classes)
        assert len(held_out) == len(before)
        (several,) = np.nonzero(np.bincount(classes) >= 2)
        if len(several) > min(len(before), rows - len(before)):
            continue  # no share of this size has them all
        rest = np.delete(np.arange(rows), held_out)
        for side in (held_out, rest):
            assert set(several) <= set(classes[side])
        repaired += set(held_out) != set(before)
    assert repaired > 50


def test_a_warning_names_the_class_of_which_a_side_has_no_row():
    y = np.zeros(ROWS, int)
    y[held_out_rows(ROWS, 0.2)[0]] = 1
    with pytest.warns(DataWarning, match="class 1 is held out but not among the rows that are trained on"):
        share(y)
    with pytest.warns(
        DataWarning, match="class 1 is not among the 12 rows that are held out, so that nothing measures"
    ):
        share(np.roll(y, 1))
    with pytest.warns(DataWarning, match="classes 0, 1, 3, 4, 5 and 3 more are not among the 2 rows that are held out"):
        share(np.arange(20) // 2, fraction=0.1)
    network = fp.MLP((4, 3), output="softmax")
    data = Dataset.of(X, LABELS % 2, network, "mse")
    with pytest.warns(DataWarning, match="class 2 is held out but not among the rows that are trained on"):
        Split.of((X, LABELS), data, network, "mse")


# ---- folds ----


def sweep(y, outputs=2, output="softmax", **options):
    options = {"epochs": 2, "score": "accuracy"} | options
    return fp.sweep(fp.MLP((4, 3, outputs), output=output), X, y, {"learning_rate": [0.1, 0.5]}, **options)


def test_more_folds_than_rows_of_a_class_go_on_with_a_warning_that_names_it():
    y = (np.arange(ROWS) < 3) * 1
    for each, how in ((y, {}), (np.eye(2)[y], {}), (y, {"outputs": 1, "output": "sigmoid"})):
        with pytest.warns(DataWarning, match="class 1 is not held out by each of the 5 folds of cv, because"):
            result = sweep(each, cv=5, **how)
        assert np.isfinite(result.table["score"]).all()


def test_a_warning_names_the_class_that_a_fold_holds_out_and_does_not_train_on():
    pairs = [(np.flatnonzero(label != LABELS), np.flatnonzero(label == LABELS)) for label in range(3)]
    words = r"class 0 is held out but not among the training rows of fold 0 of cv \(one of 3 such folds\)"
    with pytest.warns(DataWarning, match=words):
        sweep(LABELS, 3, cv=pairs)


@pytest.mark.parametrize("score", ["accuracy", "log_loss"])
@pytest.mark.parametrize("given", [lambda y: y, lambda y: np.eye(2)[y]], ids=["labels", "one-hot"])
def test_leave_one_out_has_the_mean_of_all_rows(given, score):
    X, y = fp.datasets.digits()
    X, y = X[y < 2][:12], y[y < 2][:12]
    network = fp.MLP((64, 4, 2), output="softmax")
    result = fp.sweep(network, X, given(y), {"learning_rate": [0.5]}, epochs=3, cv=12, score=score)
    expected = []
    for row in range(12):
        rest = np.arange(12) != row
        network = fp.MLP((64, 4, 2), output="softmax")
        fp.train(network, X[rest], y[rest], epochs=3, optimizer=fp.SGD(0.5))
        outputs = network.predict(X[[row]])[0].astype(np.float64)
        expected.append(outputs.argmax() == y[row] if score == "accuracy" else -np.log(outputs[y[row]]))
    assert result.table["score"][0] == pytest.approx(np.mean(expected), rel=1e-6)


def test_a_splitter_is_given_y_as_the_user_gave_it():
    class Splitter:
        def split(self, X, y):
            seen.append(y)
            yield np.arange(0, ROWS, 2), np.arange(1, ROWS, 2)

    for y, outputs in ((BINARY > 0, 1), (BINARY[:, None], 1), (LABELS.tolist(), 3)):
        seen = []
        sweep(y, outputs, "sigmoid", cv=Splitter())
        assert seen[0] is y


@pytest.mark.parametrize(
    ("network", "y", "name"),
    [
        (fp.MLP((4, 3), output="softmax"), np.full(24, 2), "2"),
        (fp.MLP((4, 3), output="softmax", class_names=("cat", "dog", "fox")), np.full(24, 2), "fox"),
        (fp.MLP((4, 1), output="sigmoid"), np.zeros(24), "0"),
        (fp.MLP((4, 2), output="softmax"), np.tile([0.0, 1.0], (24, 1)), "1"),
    ],
    ids=["labels", "names", "0 and 1", "one-hot"],
)
def test_rows_of_one_class_alone_are_told(network, y, name):
    inputs = np.random.default_rng(0).normal(size=(24, 4))
    words = f"^all 24 rows are of class {name}, so that the network learns to answer it always: give rows of other"
    for call in (
        lambda: fp.train(network, inputs, y, epochs=1),
        lambda: fp.train(network, inputs, y, epochs=1, validation=0.25, backend="reference"),
        lambda: fp.sweep(network, inputs, y, {"learning_rate": [0.1]}, epochs=1, cv=2),
        lambda: fp.find_learning_rate(network, inputs, y, epochs=1),
        lambda: fp.train_stream(network, [(inputs[:10], y[:10]), (inputs[10:], y[10:])]),
    ):
        with pytest.warns(fp.DataWarning, match=words):
            call()


def test_chunks_of_one_class_each_are_not_told_if_the_classes_differ():
    chunks = [(X[index == LABELS], LABELS[index == LABELS]) for index in range(3)]
    assert fp.train_stream(fp.MLP((4, 3), output="softmax"), chunks).epochs == 3
