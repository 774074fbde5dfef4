"""A budget of time: when training ends, what is the best so far, and that its bits are those of as many epochs."""

import pickle
import platform
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import fastprop as fp
from fastprop import cli
from fastprop.sweeping import time_limit
from fastprop.sweeping.time_limit import Deadline, TimeLimit
from tests.compare import assert_refused, assert_same_bits
from tests.executors import SPAWN
from tests.plain_options import plain
from tests.problems import three_classes

X, LABELS = three_classes()
RATES = {"learning_rate": np.geomspace(0.01, 1, 500)}
LONG = 10**8  # epochs
BACKENDS = pytest.mark.parametrize("backend", ["kernels", "reference"])


def new():
    return fp.MLP((4, 6, 3), output="softmax")


def sweep(grid=RATES, **options):
    options = {"epochs": LONG, "seconds": 0.05, "validation": 0.3, **options}
    return fp.sweep(new(), X, LABELS, grid, **options)


@pytest.mark.slow
@BACKENDS
@pytest.mark.parametrize("optimizer", [fp.SGD(0.1), fp.LBFGS(tolerance=0)], ids=str)
def test_training_ends_after_the_epoch_in_which_the_time_is_over(optimizer, backend):
    options = {"optimizer": optimizer, "backend": backend}
    network, same = new(), new()
    fp.train(new(), X, LABELS, epochs=1, **options)  # compiles
    history = fp.train(network, X, LABELS, epochs=LONG, seconds=0.05, **options)
    assert history.epochs < LONG / 100
    assert history.stopped in ("out of time", "converged")  # L-BFGS may be at the minimum sooner
    assert len(history.loss) == history.epochs >= 1
    stop = lambda epoch, _: epoch + 1 == history.epochs  # noqa: E731
    fp.train(same, X, LABELS, epochs=LONG, callback=stop, **options)
    assert_same_bits([network.parameters], [same.parameters])


def test_a_run_that_ran_out_of_time_can_be_resumed(tmp_path):
    network, path = new(), tmp_path / "run.checkpoint"
    first = fp.train(network, X, LABELS, epochs=LONG, seconds=0, checkpoint=path)
    assert (first.stopped, first.epochs) == ("out of time", 1)
    second = fp.train(network, X, LABELS, epochs=LONG, seconds=0, checkpoint=path, resume=True)
    assert (second.stopped, second.epochs) == ("out of time", 2)


def test_a_run_that_is_done_in_time_is_as_without_a_budget():
    (one, ours), (other, theirs) = (
        (fp.train(network := new(), X, LABELS, epochs=50, seconds=seconds), network) for seconds in (None, 600)
    )
    assert (one.stopped, other.stopped) == ("finished", "finished")
    assert_same_bits([one.loss, ours.parameters], [other.loss, theirs.parameters])


@pytest.mark.slow
@BACKENDS
@pytest.mark.parametrize("options", [{}, {"halving": fp.Halving(3, 5)}, {"keep": 3}], ids=str)
def test_a_sweep_has_the_best_network_so_far(options, backend):
    result = sweep(backend=backend, **options)
    best = result.best
    assert best["stopped"] == "out of time"
    assert set(result.table["stopped"].tolist()) <= {"out of time", "not run", "halved"}
    alone, epochs = new(), int(best["epochs"])
    stop = {"callback": lambda epoch, _: epoch + 1 == epochs, "backend": backend}
    fp.train(alone, X, LABELS, epochs=LONG, validation=0.3, optimizer=fp.SGD(best["learning_rate"]), **stop)
    assert_same_bits([result.best_network.parameters], [alone.parameters])


def test_with_halving_those_that_were_to_go_on_may_be_the_best():
    grid, options = {"learning_rate": [0.1, 0.2, 0.3, 0.5]}, {"halving": fp.Halving(2, 10), "epochs": LONG // 10}
    results = (sweep(grid, seconds=0.05 * 4**attempt, **options) for attempt in range(6))
    result = next(result for result in results if "halved" in result.table["stopped"])  # a busy machine takes longer
    assert result.best["stopped"] == "out of time"
    assert result.best_network is not None


@pytest.mark.parametrize("options", [{"backend": "reference"}, {"optimizer": fp.LBFGS(tolerance=0)}], ids=str)
def test_trained_again_from_the_beginning_a_configuration_keeps_the_results_of_its_rung(options, monkeypatch):
    grid = {"seed": [1, 2, 3, 4]}
    expected = sweep(grid, epochs=4, seconds=None, keep=4, **options)
    rungs = []
    begin = TimeLimit.begin

    def end_at_the_second_rung(limit):
        begin(limit)
        rungs.append(limit)
        if len(rungs) == 2:
            monkeypatch.setattr(Deadline, "seconds_left", lambda deadline: 0.0)

    monkeypatch.setattr(TimeLimit, "begin", end_at_the_second_rung)
    result = sweep(grid, epochs=9, seconds=1000.0, halving=fp.Halving(2, 4), keep=4, **options)
    assert len(rungs) == 2
    assert sorted(result.table["stopped"]) == ["halved", "halved", "out of time", "out of time"]
    for name in ("epochs", "loss", "validation_loss", "score"):
        assert_same_bits([result.table[name]], [expected.table[name]])
    for index, network in result.networks.items():
        assert_same_bits([network.parameters], [expected.networks[index].parameters])


def test_with_folds_a_configuration_that_was_begun_has_all_of_them():
    result = sweep(epochs=5, seconds=0, cv=3, validation=None)
    is_begun = result.table["stopped"] != "not run"
    assert 1 <= is_begun.sum() < 500
    assert set(result.table["stopped"][is_begun]) <= {"finished", "out of time"}
    assert (result.fold_seconds[is_begun] > 0).all()
    assert np.isnan(result.fold_seconds[~is_begun]).all()
    assert result.best_network is not None


def test_folds_of_a_short_sweep_end_soon_after_its_time():
    ends = []
    for seconds in (0.1, 1.0, 100.0):
        limit = TimeLimit(seconds, workers=1, folds=4)
        limit._deadline = Deadline.after(0)  # all of its time is over
        ends.append(limit._pack_deadline(Counter({0: 4}), 0).seconds_left())
    np.testing.assert_allclose(ends, [0.002, 0.02, 0.5], atol=0.001)


@pytest.mark.slow
@BACKENDS
@pytest.mark.parametrize("options", [{}, {"halving": fp.Halving(3, 5)}, {"threads": 1}], ids=str)
def test_folds_share_the_time_and_end_after_it(options, backend):
    result = sweep({"learning_rate": [0.1, 0.2]}, seconds=0.1, cv=3, validation=None, backend=backend, **options)
    assert result.best["stopped"] == "out of time"
    assert result.best_network is not None
    assert (result.fold_seconds[int(result.ranking[0])] > 0).all()


def test_on_an_executor_it_ends_as_well():
    with ThreadPoolExecutor(2) as executor:
        result = sweep(executor=executor)
    assert result.best["stopped"] == "out of time"
    assert result.best_network is not None


AHEAD = "import platform, time; time.time = lambda now=time.time: now() + {}; platform.node = lambda: 'another'"
WORKERS = {
    "a clock that is ahead": AHEAD.format(60),
    "a clock that is behind": AHEAD.format(-60),
    "a slow start": "import time; time.sleep(1.5)",
}


@pytest.mark.slow
@pytest.mark.parametrize("start", WORKERS.values(), ids=WORKERS)
def test_workers_of_other_machines_and_slow_ones_train_for_as_long(start):
    grid = {"learning_rate": [0.01, 0.1, 0.5]}
    begin = time.perf_counter()
    with ProcessPoolExecutor(2, SPAWN, exec, (start,)) as executor:
        result = sweep(grid, seconds=1.0, executor=executor)
    assert time.perf_counter() - begin < 40
    assert 0.5 < result.table["seconds"].max() < 5
    assert set(result.table["stopped"]) <= {"out of time", "not run"}
    assert result.best_network is not None


@pytest.mark.parametrize("ahead", [-1000.0, 0.0, 1000.0])
def test_a_deadline_goes_by_the_clock_of_the_machine_that_gets_it(ahead, monkeypatch):
    now = {"here": 5000.0, "there": 5000.0 + ahead}
    machine = ["here"]
    monkeypatch.setattr(time_limit.time, "time", lambda: now[machine[0]])
    monkeypatch.setattr(platform, "node", lambda: machine[0])
    monkeypatch.setattr(time_limit, "_clocks_ahead", {})

    def seconds_pass(seconds):
        for each in now:
            now[each] += seconds

    sent = [pickle.dumps(Deadline.after(10.0)) for _ in range(2)]
    found = []
    for _ in sent:
        seconds_pass(0.5)  # on the way
        machine[0] = "there"
        deadline = pickle.loads(sent[len(found)])
        found.append(deadline.seconds_left())
        seconds_pass(20.0)  # the second one waits until the time is over
        assert deadline.seconds_left() < 0
    assert found == pytest.approx([10.0, -10.5])
    machine[0] = "here"
    later = pickle.dumps(Deadline.after(10.0))
    seconds_pass(0.125)  # sooner than any before
    machine[0] = "there"
    assert pickle.loads(later).seconds_left() == pytest.approx(10.0)
    machine[0] = "here"
    assert pickle.loads(later).seconds_left() == pytest.approx(9.875)  # the same clock


def test_a_journal_has_what_was_finished_and_a_later_call_trains_the_rest(tmp_path):
    options = {"epochs": 20, "journal": tmp_path / "sweep.jsonl"}
    grid = {"learning_rate": RATES["learning_rate"][::10]}
    sweep(grid, seconds=0, **options)
    result, whole = sweep(grid, seconds=None, **options), sweep(grid, seconds=None, epochs=20)
    np.testing.assert_array_equal(result.history, whole.history)
    assert (result.table["stopped"] == "finished").all()


def test_a_search_ends_as_well():
    optuna = pytest.importorskip("optuna")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    result = sweep({"learning_rate": fp.loguniform(0.01, 1)}, samples=200, search=fp.OptunaSearch(study))
    assert len(result.table) < 200
    assert not study.get_trials(states=[optuna.trial.TrialState.RUNNING])


@pytest.mark.slow
def test_the_command_line_has_it(capsys):
    assert cli.main(plain("sweep digits --epochs 1000000 --seconds 0.2 --threads 1").split()) == 0
    assert "best network: accuracy" in capsys.readouterr().out
    assert cli.main(plain("train digits --epochs 1000000 --seconds 0.2").split()) == 0
    assert "out of time after" in capsys.readouterr().out


@pytest.mark.parametrize("seconds", [-1, float("nan"), "3"])
def test_what_is_no_time_is_refused(seconds):
    for call in (lambda: sweep(seconds=seconds), lambda: fp.train(new(), X, LABELS, epochs=1, seconds=seconds)):
        assert_refused((ValueError, TypeError), "seconds must be", call)
