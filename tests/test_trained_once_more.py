"""The networks that a cross-validation keeps, which are trained once more on all rows."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastprop as fp
from fastprop.sweeping.pack_runs import PackRun
from fastprop.sweeping.workers import ThreadWorkers
from fastprop.thread_pool import Interrupted
from tests.compare import assert_same_bits
from tests.cross_validations import LABELS, PAIRS, RATES, SIZES, X, sweep

# ---- the networks that are kept ----


@pytest.mark.parametrize("standardize", [False, True])
def test_networks_are_trained_once_more_on_all_rows(standardize):
    result = sweep(cv=3, keep="all", standardize=standardize)
    assert list(result.networks) == result.ranking.tolist()
    for index, network in result.networks.items():
        alone = fp.MLP(SIZES["labels"], output="softmax")
        fp.train(alone, X, LABELS, epochs=4, optimizer=fp.SGD(RATES["learning_rate"][index]), standardize=standardize)
        np.testing.assert_array_equal(network.parameters, alone.parameters)
        np.testing.assert_array_equal(network.predict(X), alone.predict(X))
    assert result.best_network is result.networks[result.ranking[0]]


@pytest.mark.parametrize("cv", [3, None])
@pytest.mark.parametrize(("keep", "count"), [("best", 1), ("all", 5), (0, 0), (2, 2), (9, 5)])
def test_so_many_networks_are_kept_and_these_are_the_best(cv, keep, count):
    grid = {"learning_rate": np.geomspace(0.01, 1, 5)}
    result = sweep(grid, cv=cv, validation=0.2 if cv is None else None, keep=keep)
    assert list(result.networks) == result.ranking[:count].tolist()
    assert (result.best_network is None) == (count == 0)


def test_a_network_is_not_kept_if_ctrl_c_comes_amid_its_training_on_all_rows(monkeypatch):
    train = ThreadWorkers.train

    def train_or_stop(self, experiment, jobs):
        if len(experiment.folds) > 1:
            yield from train(self, experiment, jobs)
            return
        run = PackRun(experiment, next(jobs))
        run.stop()
        yield [run()]
        raise Interrupted

    monkeypatch.setattr(ThreadWorkers, "train", train_or_stop)
    result = sweep(keep=2)
    assert result.table["stopped"].tolist() == ["finished"] * 2
    assert result.networks == {}


# ---- the network that is trained once more ----


def on_all_rows(epochs, planned, **options):
    """Train a network on all rows for `epochs` of the `planned` ones."""
    network = fp.MLP(SIZES["labels"], output="softmax")
    stop = {"callback": lambda epoch, history: epoch + 1 == epochs}
    fp.train(network, X, LABELS, epochs=planned, **stop, **options)
    return network


STOPPING_EARLY = {"optimizer": fp.Adam(0.03), "early_stopping": fp.EarlyStopping(4)}


@pytest.mark.parametrize(
    "options",
    [
        STOPPING_EARLY,
        STOPPING_EARLY | {"backend": "reference"},
        STOPPING_EARLY | {"early_stopping": fp.EarlyStopping(4, restore_best=False)},
        STOPPING_EARLY | {"schedule": fp.CosineDecay()},
        STOPPING_EARLY | {"schedule": fp.OneCycle(), "average": fp.EMA(0.5)},
        {"optimizer": fp.LBFGS(), "early_stopping": fp.EarlyStopping(2)},
        STOPPING_EARLY | {"early_stopping": fp.EarlyStopping(None)},
    ],
    ids=str,
)
def test_with_early_stopping_it_trains_for_as_long_as_the_folds_did_on_average(options):
    planned = 100
    network = fp.MLP(SIZES["labels"], output="softmax")
    result = fp.sweep(network, X, LABELS, {"seed": [0]}, epochs=planned, cv=PAIRS, **options)
    needed = []
    for rows, held_out in PAIRS:
        validation = X[held_out], LABELS[held_out]
        history = fp.train(network.copy(), X[rows], LABELS[rows], epochs=planned, validation=validation, **options)
        needed.append(history.best_epoch + 1)
    expected = int(np.mean(needed) + 0.5)
    assert 1 <= expected < planned
    assert result.best["final_epochs"] == expected
    plain = {name: value for name, value in options.items() if name != "early_stopping"}
    assert_same_bits([result.best_network.parameters], [on_all_rows(expected, planned, **plain).parameters])


def test_without_early_stopping_it_trains_for_all_epochs():
    result = fp.sweep(fp.MLP(SIZES["labels"], output="softmax"), X, LABELS, {"seed": [0]}, epochs=6, cv=3)
    assert result.best["final_epochs"] == 6
    assert_same_bits([result.best_network.parameters], [on_all_rows(6, 6).parameters])


def test_how_long_it_trains_is_kept_by_files_and_journals_and_shown(tmp_path):
    grid = {"learning_rate": [0.1, 0.3], "early_stopping": [None, fp.EarlyStopping(3)]}
    options = {"epochs": 100, "cv": 3, "optimizer": fp.Adam(), "journal": tmp_path / "sweep.jsonl"}
    result = sweep(grid=grid, **options)
    final_epochs = result.table["final_epochs"].tolist()
    assert [epochs == 100 for epochs in final_epochs] == [True, False, True, False]
    result.save(tmp_path / "sweep.fp")
    assert fp.load_sweep(tmp_path / "sweep.fp").table["final_epochs"].tolist() == final_epochs
    again = sweep(grid=grid, **options)
    assert_same_bits([again.table["final_epochs"]], [result.table["final_epochs"]])
    assert_same_bits([again.best_network.parameters], [result.best_network.parameters])
    assert "final_epochs" in repr(result)
    with ThreadPoolExecutor(2) as executor:
        elsewhere = sweep(grid=grid, **options | {"journal": None}, executor=executor)
    assert_same_bits([elsewhere.best_network.parameters], [result.best_network.parameters])
