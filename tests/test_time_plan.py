"""What a search in a short time leaves out, by hand, and that the estimator has it."""

import numpy as np
import pandas
import pytest

import fastprop as fp
from fastprop.tabular import search_space, tuning
from fastprop.tabular.time_plan import planned


def test_as_many_epochs_as_six_configurations_and_all_encodings_have_time_for():
    assert planned(6.0, 0.01, {"a": 2.0}, 1000).epochs == 100  # 6 s / (6 · 0.01 s)
    assert planned(6.0, 0.01, {"a": 2.0, "b": 16.0}, 1000).epochs == 40  # 0.6 · 6 s / (0.01 s + 0.08 s)
    assert planned(6.0, 0.01, {"a": 2.0}, 50).epochs == 50
    assert planned(0.1, 0.01, {"a": 2.0}, 1000).epochs == 8


def test_an_encoding_is_left_out_if_it_takes_half_of_the_time_for_few_epochs():
    costs = {"a": 1.0, "b": 6.2, "c": 6.3, "d": 2.0}
    assert planned(1.0, 0.01, costs, 1000).encodings == ("a", "b", "d")  # 8 · 6.25 · 0.01 s is half a second
    assert planned(1e-6, 0.01, costs, 1000).encodings == ("a",)


def test_wide_layers_are_drawn_where_there_is_time_for_them():
    prototype = fp.MLP((10, 1))
    sizes = {
        cost: {widths[1:-1] for widths in search_space.tuned_space(prototype, 800, cost)["layer_sizes"].values}
        for cost in (0.0, 3.0, np.inf)
    }
    assert {(64,), (256,)} <= sizes[0.0] < sizes[3.0] < sizes[np.inf]
    assert (512,) in sizes[3.0] - sizes[0.0]
    assert (256, 256, 256) in sizes[np.inf] - sizes[3.0]


@pytest.mark.parametrize("has_journal", [False, True])
def test_a_search_leaves_out_what_it_has_no_time_for(tmp_path, monkeypatch, has_journal):
    random = np.random.default_rng(0)
    frame = pandas.DataFrame(random.normal(size=(120, 6)))
    frame.columns = [*"abcdef"]
    monkeypatch.setattr(tuning._Search, "_seconds_of_epoch", lambda self, epochs, seconds: (0.03, 0.0))
    options = {"seconds": 1.0, "folds": 2, "random_state": 0, "journal": tmp_path / "runs" if has_journal else None}
    found = fp.TabularRegressor(**options).fit(frame, frame["a"] ** 2)
    assert found.epochs_ == 8
    tried = {each["numeric_encoding"] for each in found.configurations_}
    assert tried == ({"standard", "piecewise"} if has_journal else {"standard"})


def test_columns_are_encoded_for_training_rows_once():
    frame = pandas.DataFrame({"a": [1.0, 2, 3, 4], "y": [0.0, 1, 0, 1]})
    X = fp.datasets.read(frame, "y").columns
    first, other = X.encoder_of(np.arange(2)), X.encoder_of(np.arange(3))
    assert X.encoder_of(np.arange(2)) is first
    assert other is not first
