"""Categories of many levels: the frequent ones have a feature each, and the others share some, in turn."""

import json

import numpy as np
import pandas
import pytest

import fastprop as fp
from fastprop.data import EncodedRows
from fastprop.tabular.encoder import Encoder, named_columns
from tests.test_model_files import answers

RANDOM = np.random.default_rng(0)
OWN = [f"town {index:03}" for index in range(60)]
RARE = [f"village {index:02}" for index in range(44)]
TOWNS = np.array(OWN * 20 + RARE)
FRAME = pandas.DataFrame({"town": TOWNS, "size": RANDOM.normal(size=len(TOWNS))})
ENCODER = Encoder.fit(FRAME)


def test_frequent_levels_have_a_feature_of_their_own_and_four_others_share_one():
    names = ENCODER.feature_names
    assert names[:60] == tuple(f"town={town}" for town in OWN)
    assert names[60:] == (*(f"town is another ({index})" for index in range(1, 12)), "size")  # 44 others, 4 each
    X = ENCODER.transform(FRAME, np.float64)
    expected = pandas.get_dummies(FRAME["town"])[OWN].to_numpy()
    np.testing.assert_array_equal(X[:, :60], expected)
    turns = {town: index % 11 for index, town in enumerate(RARE)}
    for row, town in enumerate(TOWNS):
        others = X[row, 60:71]
        assert others.sum() == (town in turns)
        assert town not in turns or others[turns[town]] == 1
    assert "44 rare ones share 11" in ENCODER.lines()[0]
    assert Encoder.restored(json.loads(json.dumps(ENCODER.about))) == ENCODER


def test_few_rare_levels_share_one_feature():
    names = Encoder.fit(FRAME[~FRAME["town"].isin(RARE[:20])]).feature_names
    assert names[60:] == ("town is another", "size")


def test_many_levels_are_not_kept_as_an_array():
    columns = named_columns(FRAME)
    rows = ENCODER.inputs_of(columns)
    assert isinstance(rows, EncodedRows)
    np.testing.assert_array_equal(rows[:], ENCODER.transform(FRAME, np.float64))
    assert sum(array.nbytes for array in rows.arrays) < len(FRAME) * 60  # the array takes 576 bytes a row


def test_a_feature_that_no_training_row_has_is_zero():
    training = np.flatnonzero(~FRAME["town"].isin(RARE[::11]))  # all of the first turn are missing
    encoder = Encoder.fit(FRAME, rows=training)
    assert encoder.feature_names == ENCODER.feature_names
    expected = ENCODER.transform(FRAME)
    expected[:, 60] = 0
    np.testing.assert_array_equal(encoder.transform(FRAME), expected)
    assert Encoder.restored(json.loads(json.dumps(encoder.about))) == encoder


def test_a_level_that_is_rare_in_training_rows_shares_a_feature():
    rows = np.flatnonzero(FRAME["town"] != OWN[7])
    encoder = Encoder.fit(FRAME, rows=rows)
    X = encoder.transform(FRAME[FRAME["town"] == OWN[7]])
    assert X[:, :60].sum() == 0
    assert X[:, 60 + len(RARE) % 11].tolist() == [1] * 20  # its turn is after that of the others


def test_a_new_level_is_zeros_where_others_share_several_features():
    with pytest.warns(fp.DataWarning, match="column 'town' has 'city', which"):
        X = ENCODER.transform(pandas.DataFrame({"town": ["city"], "size": [0.5]}))
    assert X[0, :-1].sum() == 0


class CountedWord(str):
    """A word that counts how often one is compared."""

    comparisons = 0

    def __eq__(self, other):
        CountedWord.comparisons += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_words_are_looked_up_and_not_compared_with_each_level():
    column = named_columns(FRAME)["town"]
    encoder = ENCODER.fitted_to(named_columns(FRAME), np.arange(0, len(FRAME), 2))
    counted = column._replace(words=tuple(map(CountedWord, column.words)))
    CountedWord.comparisons = 0
    assert encoder == ENCODER.fitted_to(named_columns(FRAME) | {"town": counted}, np.arange(0, len(FRAME), 2))
    assert CountedWord.comparisons < 10 * len(column.words)  # with each level it would be 60 times as many


def test_new_levels_are_those_of_the_rows_that_are_given():
    column = named_columns(pandas.DataFrame({"town": [*"cbacd", None]}))["town"]
    plan = Encoder.fit(pandas.DataFrame({"town": [*"aae"]})).plans[0]
    assert plan.new_levels(column) == ["c", "b", "d"]
    assert plan.new_levels(column.of_rows(np.array([2, 4, 5]))) == ["d"]
    assert plan.new_levels(column.of_rows(np.array([2, 5]))) == []


@pytest.mark.parametrize(
    ("change", "value"), [("shared", 1.5), ("shared", 44), ("shared", -1), ("untrained", [11]), ("untrained", 3)]
)
def test_a_plan_that_no_fit_has_written_is_refused(change, value):
    town, size = ENCODER.about
    with pytest.raises(ValueError, match="the plan of a column is not as it was written"):
        Encoder.restored([town | {change: value}, size])


@pytest.mark.slow  # because of ONNX
def test_folds_and_onnx_know_many_levels(tmp_path):
    frame = FRAME.assign(kind=np.where(FRAME["size"] > 0, "a", "b"))
    table = fp.datasets.read(frame, "kind")
    X, _, positions = table.columns.fitted_to([np.arange(0, 1200, 2), np.arange(1200), np.arange(1200)])
    assert len(X) == 2 * len(FRAME)
    np.testing.assert_array_equal(positions[1], positions[2])
    network = fp.MLP((table.X.shape[1], 3, 2), output="softmax", class_names=table.class_names, dtype="float64", seed=0)
    fp.train(network, table.columns, table.y, epochs=1)
    model = fp.TableModel(network, table.encoder, "kind")
    new = pandas.DataFrame({"town": [OWN[3], RARE[5], "city", None], "size": [0.1, 0.2, 0.3, 0.4]})
    found = answers(model, new, tmp_path / "m.onnx")
    with pytest.warns(fp.DataWarning):
        np.testing.assert_allclose(found["probabilities"], model.predict_proba(new), rtol=1e-12)
