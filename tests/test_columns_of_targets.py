"""Columns of targets are found by their names, and rows whose labels stand in another order are told."""

import numpy as np
import pytest

import fastprop as fp
from tests.compare import assert_refused, assert_same_bits
from tests.test_frames import FRAME, ROWS, X, Y, new_network, trained

pandas = pytest.importorskip("pandas")

# ---- columns of targets ----

ONE_HOT = pandas.DataFrame({"no": 1.0 - Y, "yes": 1.0 * Y})
OTHER_ORDER = ONE_HOT[["yes", "no"]]


def test_columns_of_validation_targets_are_found_by_name():
    _, history = trained(X, ONE_HOT, validation=(X[:20], OTHER_ORDER[:20]))
    _, expected = trained(X, ONE_HOT.to_numpy(), validation=(X[:20], ONE_HOT.to_numpy()[:20]))
    assert_same_bits([history.validation_loss], [expected.validation_loss])
    options = {"epochs": 2, "standardize": True}
    result = fp.sweep(new_network(), X, ONE_HOT, {"seed": [0]}, validation=(X[:20], OTHER_ORDER[:20]), **options)
    assert_same_bits([result.history[0]], [expected.validation_loss])
    words = "validation y has the columns ['yes', 'maybe'], where the targets before have ['no', 'yes']: give"
    wrong = OTHER_ORDER.rename(columns={"no": "maybe"})
    assert_refused(ValueError, words, trained, X, ONE_HOT, validation=(X, wrong))


def test_columns_of_later_targets_of_a_stream_are_found_by_name():
    network, twin = new_network(), new_network()
    fp.train_stream(network, [(X[:20], ONE_HOT[:20]), (X[20:], OTHER_ORDER[20:])])
    fp.train_stream(twin, [(X[:20], Y[:20]), (X[20:], Y[20:])])
    np.testing.assert_allclose(network.parameters, twin.parameters, rtol=1e-5, atol=1e-6)


def test_columns_of_targets_get_the_order_of_the_classes_of_the_network():
    network, twin = (new_network(class_names=["no", "yes"]) for _ in range(2))
    fp.train(network, X, OTHER_ORDER, epochs=2, standardize=True)
    fp.train(twin, X, ONE_HOT.to_numpy(), epochs=2, standardize=True)
    assert_same_bits([network.parameters], [twin.parameters])


def test_classes_are_weighted_by_the_names_of_their_columns():
    def suggestion(y, class_weight):
        options = {"epochs": 2, "standardize": True, "min_rate": 1e-3, "max_rate": 1}
        return fp.find_learning_rate(new_network(), X, y, class_weight=class_weight, **options).suggestion

    _, history = trained(X, ONE_HOT, class_weight={"yes": 3})
    _, expected = trained(X, ONE_HOT.to_numpy(), class_weight=[1, 3])
    assert_same_bits([history.loss], [expected.loss])
    assert suggestion(ONE_HOT, {"yes": 3}) == suggestion(ONE_HOT.to_numpy(), [1, 3])


# ---- rows by position ----


def test_rows_of_the_same_labels_in_another_order_are_told():
    y = pandas.Series(Y, FRAME.index)
    words = r"^{} have the same labels of rows in different orders, and rows are taken by their position: bring"
    with pytest.warns(fp.DataWarning, match=words.format("X and y")):
        trained(FRAME, y[::-1])
    with pytest.warns(fp.DataWarning, match=words.format("X and sample_weight")):
        trained(FRAME, Y, sample_weight=y[::-1] + 1.0)
    with pytest.warns(fp.DataWarning, match=words.format("validation X and validation y")):
        trained(FRAME, y, validation=(FRAME, y[::-1]))
    for other in (
        y,
        y[::-1].to_numpy(),
        y[::-1].reset_index(drop=True),
        y.set_axis(y.index + 1),
        y.set_axis([7] * ROWS),
    ):
        trained(FRAME, other, epochs=1)  # warns of nothing
