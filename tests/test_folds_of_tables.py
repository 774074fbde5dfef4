"""What is learned of a table's columns and targets is learned from the training rows of each fold alone."""

import json

import numpy as np
import pandas
import pytest
from sklearn.impute import SimpleImputer
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastprop as fp
from fastprop import cli
from fastprop.data import ScaledTargets, held_out_rows

ROWS = 90
OPTIONS = {"epochs": 4, "optimizer": fp.AdamW(0.01), "batch_size": 16}


def table():
    """Return a frame whose rows, missing cells and targets differ so much that it matters which are looked at."""
    random = np.random.default_rng(3)
    frame = pandas.DataFrame(random.normal(size=(ROWS, 3)) ** 3, columns=["a", "b", "c"])
    frame["a"] = frame["a"].where(random.random(ROWS) > 0.4)
    frame["b"] = frame["b"].where(random.random(ROWS) > 0.2)
    frame["price"] = 1e4 * (frame["a"].fillna(3) + frame["c"]) + 1e6 + random.normal(size=ROWS) ** 5
    return frame


FRAME = table()


def alone(training, held_out, frame=FRAME, epochs=4):
    """Return outputs for held-out rows of a network whose preprocessing scikit-learn fits on training rows."""
    raw, y = frame.drop(columns="price"), frame["price"].to_numpy()
    pipeline = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    made = pipeline.fit_transform(raw.iloc[training]), pipeline.transform(raw.iloc[held_out])
    order = [0, 3, 1, 4, 2]  # here a column's indicator follows it
    X, X_held_out = (each[:, order] for each in made)
    target = StandardScaler().fit(y[training, None])
    network = fp.MLP((5, 8, 1), hidden="relu", output="identity", seed=0, dtype="float64")
    fp.train(network, X, target.transform(y[training, None]), **OPTIONS | {"epochs": epochs})
    return target.inverse_transform(network.predict(X_held_out))


def searched(frame=FRAME, **options):
    data = fp.datasets.read(frame, "price")
    network = fp.MLP((5, 8, 1), hidden="relu", output="identity", seed=0, dtype="float64")
    grid = [{"weight_decay": 0.01}, {"weight_decay": 0.5}]
    options = {"standardize": True, "keep": 2, **OPTIONS, **options}
    return fp.sweep(network, data.columns, ScaledTargets(data.y), grid, **options)


def expected(sides, epochs=4):
    y = FRAME["price"].to_numpy()
    outputs = [alone(*side, epochs=epochs) for side in sides]
    scores = [r2_score(y[held_out], each) for (_, held_out), each in zip(sides, outputs)]
    losses = [np.mean((y[held_out, None] - each) ** 2) for (_, held_out), each in zip(sides, outputs)]
    return scores, np.mean(losses)


FOLDS = list(KFold(3, shuffle=True, random_state=0).split(FRAME))


def test_the_folds_of_a_sweep_are_those_of_a_pipeline():
    result = searched(cv=3, score="r2")
    scores, loss = expected(FOLDS)
    np.testing.assert_allclose(result.fold_scores[0, 0], scores, rtol=1e-6)
    np.testing.assert_allclose(result.table["validation_loss"][0], loss, rtol=1e-6)
    leaking = fp.datasets.read(FRAME, "price")  # all rows have made X
    scaled = (leaking.y - leaking.y.mean()) / leaking.y.std()
    network = fp.MLP((5, 8, 1), hidden="relu", output="identity", seed=0, dtype="float64")
    other = fp.sweep(
        network, leaking.X, scaled, [{"weight_decay": 0.01}], cv=3, score="r2", standardize=True, **OPTIONS
    )
    assert np.abs(other.fold_scores[0, 0] - scores).max() > 0.01


def test_a_network_for_all_rows_is_fitted_to_all_rows():
    result = searched(cv=3)
    everything = np.arange(ROWS)
    data = fp.datasets.read(FRAME, "price")
    assert len(result.networks) == 2
    np.testing.assert_allclose(result.networks[0].predict(data.X), alone(everything, everything), rtol=1e-9)
    assert result.about["data"].startswith("90 rows of 5 inputs")


def test_a_share_and_halving_are_fitted_likewise():
    held_out = held_out_rows(ROWS, 0.3)
    training = np.setdiff1d(np.arange(ROWS), held_out)
    result = searched(validation=0.3, score="r2")
    (score,), loss = expected([(training, held_out)])
    np.testing.assert_allclose(result.table["score"][0], score, rtol=1e-6)
    np.testing.assert_allclose(result.table["validation_loss"][0], loss, rtol=1e-6)
    halved = searched(cv=3, score="r2", halving=fp.Halving(2, min_epochs=2))
    np.testing.assert_allclose(halved.fold_scores[0, 0], expected(FOLDS, epochs=2)[0], rtol=1e-6)
    best = int(halved.ranking[0])
    np.testing.assert_array_equal(halved.fold_scores[best, -1], searched(cv=3, score="r2").fold_scores[best, 0])
    np.testing.assert_allclose(halved.networks[best].predict(fp.datasets.read(FRAME, "price").X).mean(), 1e6, rtol=0.5)


def test_one_training_is_fitted_to_its_training_rows():
    data = fp.datasets.read(FRAME, "price")
    network = fp.MLP((5, 8, 1), hidden="relu", output="identity", seed=0)
    fp.train(network, data.columns, data.y / 1e6, epochs=1, validation=0.3, standardize=True)
    held_out = held_out_rows(ROWS, 0.3)
    training = np.setdiff1d(np.arange(ROWS), held_out)
    filled = SimpleImputer(strategy="median").fit_transform(FRAME[["a", "b", "c"]].iloc[training])
    np.testing.assert_allclose(network.input_mean[[0, 2, 4]], filled.mean(axis=0))
    with pytest.raises(TypeError, match="here is no training: give what the encoder"):
        network.predict(data.columns)


def test_rows_in_no_fold_change_no_fold():
    """A row of huge numbers would change the medians, means and scales of all rows."""
    training, held_out = FOLDS[0]
    wild = FRAME.copy()
    wild.loc[held_out[0], ["a", "c", "price"]] = -1e9
    both = (searched(each, cv=[(training, held_out[1:])], keep=0) for each in (FRAME, wild))
    before, after = (result.table["validation_loss"] for result in both)
    np.testing.assert_array_equal(before, after)


def test_the_command_line_fits_inside_each_fold(tmp_path, capsys):
    FRAME.to_csv(tmp_path / "houses.csv", index=False)
    line = f"sweep {tmp_path / 'houses.csv'} --cv 3 --score r2 --epochs 4 --hidden 8 --early-stopping 0 --json"
    line += " --schedule constant --batch-size 16 --learning-rate 0.01 --weight-decay 0.01 --dropout 0"
    assert cli.main(line.split()) == 0
    (row,) = json.loads(capsys.readouterr().out)["configurations"]
    scores, loss = expected(FOLDS)
    np.testing.assert_allclose(row["score"], np.mean(scores), rtol=1e-3)  # float32
    np.testing.assert_allclose(row["validation_loss"], loss, rtol=1e-3)


def test_levels_of_other_rows_teach_nothing():
    """A level, or a missing cell, that no training row has is nothing: all its features are 0 in the fold."""
    words = np.array(["red", "blue", "red", "red", "blue", "red", "red", "red", "green"])
    frame = pandas.DataFrame({"color": words, "size": [1.0, 2, 3, 4, 5, 6, 7, np.nan, 8], "kind": [*"ababababa"]})
    columns = fp.datasets.read(frame, "kind").columns
    assert columns.feature_names == ("color=red", "color=blue", "color=green", "size", "size is missing")
    X, sources, positions = columns.fitted_to([np.arange(9), np.arange(7), np.array([0, 2, 3, 5, 7, 8])])
    assert sources[:9].tolist() == list(range(9))
    of_fold = X[positions[1]]
    assert of_fold[8].tolist() == [0, 0, 0, 8, 0]
    assert of_fold[7].tolist() == [1, 0, 0, 4, 0]
    assert X[positions[2]][1].tolist() == [0, 0, 0, 2, 0]
    assert X[7].tolist() == [1, 0, 0, 4.5, 1]


def test_rare_levels_are_those_of_the_training_rows():
    words = np.array(["red"] * 2990 + ["plum"] * 5 + ["jade"] * 2 + ["teal"] * 3)
    frame = pandas.DataFrame({"color": words, "kind": [*"ab"] * 1500})
    columns = fp.datasets.read(frame, "kind").columns
    assert columns.feature_names == ("color=red", "color=plum", "color=teal", "color is another")
    rows = np.delete(np.arange(3000), [2990, 2991, 2992])
    X, _, (_, position) = columns.fitted_to([np.arange(3000), rows])
    assert X[position][2993].tolist() == [0, 0, 0, 1]
    assert X[2993].tolist() == [0, 1, 0, 0]
    assert len(X) < 3020


def test_complete_numbers_are_in_memory_once():
    frame = pandas.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=[*"abc"])
    columns = fp.datasets.read(frame, "c").columns
    folds = [training for training, _ in StratifiedKFold(3).split(frame, np.arange(60) % 2)]
    X, sources, positions = columns.fitted_to([np.arange(60), *folds])
    assert len(X) == len(sources) == 60
    assert all((position == np.arange(60)).all() for position in positions)
