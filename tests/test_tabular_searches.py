"""The search for a tuned ensemble: what it tries, in which time, with a journal, and what Ctrl-C leaves of it."""

import os
import signal
import threading
import time

import numpy as np
import pytest
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import KFold, StratifiedKFold

import fastprop as fp
from fastprop import interrupts
from fastprop.tabular import tuning
from fastprop.tabular.column_inputs import searched_inputs
from fastprop.tabular.encoder import named_columns
from fastprop.tabular.recipe import RECIPE
from fastprop.tabular.rounds import CountedRounds
from tests.compare import assert_refused
from tests.tabular_problems import FRAME, KINDS, PRICES, ROWS, SHORT, mean_of_networks


@pytest.fixture(scope="module")
def searched():
    """A regressor that has searched encodings, with networks of both."""
    return fp.TabularRegressor(configurations=8, **SHORT).fit(FRAME, PRICES)


@pytest.mark.slow
def test_networks_of_searched_encodings_predict_by_their_own_encoder(searched, tmp_path):
    chosen = [each for each in searched.configurations_ if each["weight"] > 0]
    assert {each["numeric_encoding"] for each in chosen} == {"standard", "piecewise"}
    model = searched.ensemble_
    expected = np.zeros(ROWS)
    for index, (training, held_out) in enumerate(KFold(3, shuffle=True, random_state=0).split(FRAME)):
        for row, each in enumerate(chosen):
            encoder = fp.tabular.Encoder.fit(FRAME, numeric_encoding=each["numeric_encoding"])
            encoder = encoder.fitted_to(named_columns(FRAME), training)
            network = model.ensemble.networks[3 * row + index]
            assert model.encoders[3 * row + index] == encoder
            outputs = network.predict(encoder.transform(FRAME.iloc[held_out], np.float64))[:, 0]
            expected[held_out] += each["weight"] * outputs
    np.testing.assert_allclose(searched.out_of_fold_[:, 0], expected, rtol=1e-6)
    mean = mean_of_networks(model, FRAME)[:, 0]
    np.testing.assert_allclose(searched.predict(FRAME), mean, rtol=1e-6)
    searched.save(tmp_path / "prices.safetensors")
    loaded = fp.load(tmp_path / "prices.safetensors")
    np.testing.assert_array_equal(loaded.predict(FRAME), searched.predict(FRAME))
    assert_refused(ValueError, "X has 6 columns, but the training data had 3", loaded.predict, np.zeros((2, 6)))
    assert_refused(ValueError, "different ways: predict from a table", loaded.ensemble.predict, np.zeros((2, 6)))
    searched.report(tmp_path / "r.html", FRAME)
    assert "piecewise" in (tmp_path / "r.html").read_text()


@pytest.mark.slow
def test_a_search_of_encodings_has_a_journal_of_each(searched, tmp_path):
    options = searched.get_params() | {"journal": tmp_path / "runs"}
    for _ in range(2):
        again = fp.TabularRegressor(**options).fit(FRAME, PRICES)
        np.testing.assert_array_equal(again.out_of_fold_, searched.out_of_fold_)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["runs", "runs.piecewise"]


def test_what_a_search_of_encodings_tries():
    arrays = np.arange(12.0).reshape(4, 3)
    assert list(searched_inputs(arrays, "search")) == ["standard"]
    table = fp.datasets.read(FRAME.assign(kind=KINDS), "kind").columns
    found = searched_inputs(table, "search")
    assert list(found) == ["standard", "piecewise"]
    assert found["standard"] is table
    frame = FRAME.assign(kind=KINDS)
    expected = fp.datasets.read(frame, "kind", numeric_encoding="piecewise").columns
    assert found["piecewise"].encoder == expected.encoder
    words = fp.datasets.read(frame[["town", "kind"]], "kind").columns
    assert list(searched_inputs(words, "search")) == ["standard"]
    large = np.linspace(1.6e308, 1.7e308, ROWS // 2)  # whose differences are infinite
    too_large = fp.datasets.read(frame.assign(age=np.r_[large, -large]), "kind").columns
    assert list(searched_inputs(too_large, "search")) == ["standard"]
    assert list(searched_inputs(table, "robust")) == ["robust"]
    assert list(searched_inputs(arrays, ["robust", "piecewise"])) == ["standard"]
    found = searched_inputs(fp.datasets.read(frame, "kind", numeric_encoding="robust").columns, ["robust", "standard"])
    assert list(found) == ["robust", "standard"]
    assert found["standard"].encoder == table.encoder
    assert_refused(ValueError, "numeric_encoding is 'bins': name one of", searched_inputs, table, ["standard", "bins"])
    assert_refused(ValueError, "names no encoding", searched_inputs, table, [])


@pytest.mark.slow
def test_each_configuration_is_trained_with_each_seed():
    X = np.random.default_rng(0).normal(size=(60, 3))
    kinds = (X[:, 0] * X[:, 1] > 0).astype(int)
    options = {"epochs": 3, "folds": 2, "random_state": 0, "numeric_encoding": "standard", "threads": 1}
    found = fp.TabularClassifier(configurations=2, seeds=2, **options).fit(X, kinds)
    assert found.n_configurations_ == 2
    pairs = {(each.index, each.values["seed"]) for each in found._found.kept}
    assert pairs <= {(0, 0), (0, 2**32), (1, 1), (1, 1 + 2**32)}
    assert len({seed for _, seed in pairs}) > 1
    for each in found._found.kept:
        values = dict(each.values)
        sizes, hidden, seed, rate = (values.pop(name) for name in ("layer_sizes", "hidden", "seed", "learning_rate"))
        values |= {"optimizer": fp.AdamW(rate, weight_decay=values.pop("weight_decay")), "seed": seed}
        for (training, held_out), network in zip(found._found.folds, each.networks):
            alone = fp.MLP(sizes, hidden=hidden, output="softmax", seed=seed)
            how = {"epochs": 3, "standardize": True, "early_stopping": fp.EarlyStopping(3), **values}
            fp.train(alone, X[training], kinds[training], validation=(X[held_out], kinds[held_out]), **how)
            np.testing.assert_array_equal(alone.flat_parameters, network.flat_parameters)


@pytest.mark.slow
def test_a_search_tries_the_encodings_that_are_named():
    found = fp.TabularRegressor(configurations=9, numeric_encoding=("robust", "standard"), **SHORT).fit(FRAME, PRICES)
    assert {each["numeric_encoding"] for each in found.configurations_} == {"robust", "standard"}
    np.testing.assert_allclose(found.predict(FRAME), mean_of_networks(found.ensemble_, FRAME)[:, 0], rtol=1e-6)


@pytest.mark.parametrize(
    ("configurations", "expected"), [(1, [1]), (2, [1, 1]), (3, [1, 1, 1]), (60, [1, 1, 20, 19, 19])]
)
def test_a_search_of_encodings_begins_with_one_configuration_of_each(configurations, expected):
    rounds = CountedRounds(configurations, encodings=2)
    sizes = []
    while size := rounds.next_size():
        sizes.append(size)
        rounds.ended(size, 0.1)
    assert sizes == expected


@pytest.mark.slow
def test_the_score_of_a_single_configuration_is_scikit_learns():
    one = fp.TabularClassifier(configurations=1, epochs=12, folds=3, random_state=0).fit(FRAME, KINDS)
    folds = StratifiedKFold(3, shuffle=True, random_state=0).split(FRAME, KINDS == "small")
    outputs = one.out_of_fold_ / one.out_of_fold_.sum(axis=1, keepdims=True)  # float32 leaves them near 1
    losses = [log_loss(KINDS.iloc[held], outputs[held], labels=["big", "small"]) for _, held in folds]
    assert one.best_score_ == pytest.approx(np.mean(losses), rel=1e-5)
    assert (one.scoring_, one.configurations_[0]["weight"]) == ("log_loss", 1)
    assert one.out_of_fold_score_ == pytest.approx(log_loss(KINDS, outputs), rel=1e-5)  # weights are no choice
    one = fp.TabularRegressor(configurations=1, epochs=12, folds=3, random_state=0).fit(FRAME, PRICES)
    folds = KFold(3, shuffle=True, random_state=0).split(FRAME)
    errors = [mean_squared_error(PRICES.iloc[held], one.out_of_fold_[held, 0]) ** 0.5 for _, held in folds]
    assert one.best_score_ == pytest.approx(np.mean(errors), rel=1e-5)


def test_a_journal_of_other_data_counts_the_rows_that_were_given(tmp_path):
    grid = {"learning_rate": [0.1]}
    for rows in (ROWS, ROWS - 2):
        table = fp.datasets.read(FRAME[:rows].assign(kind=KINDS[:rows]), target="kind")
        how = {"epochs": 1, "cv": 3, "journal": tmp_path / "runs", "threads": 1}
        if rows == ROWS:
            X = table.columns
            fp.sweep((X.shape[1], 2), X, table.y, grid, **how)
    words = rf"X is \({ROWS}, .* float32 and not \({ROWS - 2}, .* y is \({ROWS},\) int64 and not \({ROWS - 2},\) int64"
    with pytest.raises(ValueError, match=words):
        fp.sweep((X.shape[1], 2), table.columns, table.y, grid, **how)


@pytest.mark.slow
def test_a_journal_keeps_the_epochs_that_were_planned(tmp_path, monkeypatch):
    options = {"seconds": 4, "epochs": 40, "folds": 2, "random_state": 0, "journal": tmp_path / "runs"}
    for epoch in (4 / 6 / 12, 4 / 6 / 20):  # seconds, of which there are enough for 12 and for 20 epochs
        monkeypatch.setattr(
            tuning._Search, "_seconds_of_epoch", lambda self, epochs, seconds, epoch=epoch: (epoch, 0.0)
        )
        assert fp.TabularClassifier(**options).fit(FRAME, KINDS).epochs_ == 12
    with pytest.raises(ValueError, match=r"is the journal of another sweep, whose .*epochs is 12 and not 10"):
        fp.TabularClassifier(**options | {"epochs": 10}).fit(FRAME, KINDS)


@pytest.mark.slow
def test_a_score_decides_when_it_is_named():
    options = {"configurations": 3, "epochs": 8, "folds": 2, "random_state": 0, "scoring": "accuracy"}
    found = fp.TabularClassifier(**options).fit(FRAME, KINDS)
    scores = [each["accuracy"] for each in found.configurations_]
    assert scores == sorted(scores, reverse=True)
    assert found.scoring_ == "accuracy"


@pytest.mark.slow
def test_ctrl_c_between_rounds_leaves_the_best_so_far(monkeypatch, capsys):
    calls = []
    sweep = tuning.sweep

    def interrupted(*arguments, **options):
        calls.append(options["epochs"])
        if len(calls) == 6:  # two to see how long an epoch takes, the recipe with each encoding, a round, and this
            raise KeyboardInterrupt
        return sweep(*arguments, **options)

    monkeypatch.setattr(tuning, "sweep", interrupted)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        found = fp.TabularClassifier(seconds=30, epochs=4, folds=2, random_state=0).fit(FRAME, KINDS)
    assert found.n_configurations_ >= 9
    assert "Ctrl-C has ended the search after" in capsys.readouterr().err
    calls[:] = [1, 1, 1, 1, 1]
    with pytest.raises(KeyboardInterrupt):
        fp.TabularClassifier(seconds=30, epochs=4, folds=2).fit(FRAME, KINDS)
    interrupts.forget()


def test_the_shortest_time_has_a_result():
    found = fp.TabularClassifier(seconds=1e-6, epochs=4, folds=2, random_state=0).fit(FRAME, KINDS)
    assert found.n_configurations_ == 1
    assert found.ensemble_.ensemble.networks[0].layer_sizes[1:-1] == RECIPE.hidden_layer_sizes


@pytest.mark.slow
def test_time_is_kept():
    fp.TabularClassifier(configurations=1, epochs=2, folds=2).fit(FRAME, KINDS)  # has the kernels compiled
    begin = time.perf_counter()
    found = fp.TabularClassifier(seconds=10, random_state=0).fit(FRAME, KINDS)
    assert 8 < time.perf_counter() - begin < 13  # within a tenth on a machine that has nothing else to do
    assert found.n_configurations_ >= 9


@pytest.mark.slow
def test_ctrl_c_in_a_round_leaves_the_best_so_far():
    timer = threading.Timer(4, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    begin = time.perf_counter()
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        found = fp.TabularClassifier(seconds=120, random_state=0).fit(FRAME, KINDS)
    interrupts.forget()
    assert time.perf_counter() - begin < 15
    assert found.score(FRAME, KINDS) > 0.7
