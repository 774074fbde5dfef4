"""Halving and median stopping: those that go on end as if none had been stopped, and what comes of the others."""

import _thread
import pickle

import numpy as np
import pytest

import fastprop as fp
from fastprop import cost_model, interrupts, metrics, thread_pool
from fastprop.kernels import compiler
from fastprop.sweeping import live_runs, pack_runs
from fastprop.sweeping.rung_pace import RungPace
from fastprop.sweeping.sweep_runner import SweepRunner
from fastprop.sweeping.time_limit import TimeLimit
from tests.halvings import LABELS, NAN, SIZES, X, sweep
from tests.problems import three_classes
from tests.processes import output_after_interrupt

COLUMNS = "score", "score_std", "loss", "validation_loss", "epochs", "stopped"


# ---- the same as never stopped ----


def assert_as_if_never_stopped(result, whole, rule):
    """Compare a sweep with the same one without `rule`, which chooses by costs the configurations that go on."""
    indices, running = np.arange(len(whole.table)), np.ones(len(whole.table), bool)
    assert len(result.rungs) > 1
    for step, rung in enumerate(result.rungs):
        assert np.isnan(result.rung_costs[~running, step]).all()
        ended = running & (whole.table["epochs"] <= rung)
        for index in np.flatnonzero(ended):
            for name in COLUMNS:
                np.testing.assert_array_equal(result.table[name][index], whole.table[name][index])
            epochs = result.history.shape[1]
            np.testing.assert_array_equal(result.history[index], whole.history[index, :epochs])
            assert np.isnan(whole.history[index, epochs:]).all()
            if index in whole.networks:
                ours, theirs = result.networks[index], whole.networks[index]
                np.testing.assert_array_equal(ours.parameters, theirs.parameters)
        if rung == result.rungs[-1]:
            assert (running <= ended).all()
            assert ended.any()
            break
        indices = np.flatnonzero(running)
        going_on = np.zeros_like(running)
        going_on[indices[rule(result.rung_costs[indices, : step + 1])]] = True
        for index in np.flatnonzero(running & ~ended & ~going_on):
            assert result.table["stopped"][index] == "halved"
            assert result.table["epochs"][index] == rung
            np.testing.assert_array_equal(result.history[index, :rung], whole.history[index, :rung])
            assert np.isnan(result.history[index, rung:]).all()
            assert index not in result.networks
        running = going_on & ~ended
    assert (result.table["stopped"] == "halved").any()


def best_third(costs):
    return np.argsort(costs[:, -1], kind="stable")[: -(-len(costs) // 3)]


PLATEAU = fp.ReduceOnPlateau(0.5, patience=0, threshold=0.05)
RUNS = {
    "SGD": {},
    "momentum, cosine": {"optimizer": fp.SGD(momentum=0.9), "schedule": fp.CosineDecay()},
    "Nesterov, plateau": {"optimizer": fp.SGD(momentum=0.9, nesterov=True), "schedule": PLATEAU},
    "Adam, one cycle": {"optimizer": fp.Adam(), "schedule": fp.OneCycle()},
    "AdamW, warm-up": {"optimizer": fp.AdamW(weight_decay=0.1), "schedule": fp.Warmup(4, fp.CosineDecay())},
    "RMSprop, clipped": {"optimizer": fp.RMSprop(momentum=0.9), "clip": fp.ClipNorm(0.05)},
    "Adagrad, steps": {"optimizer": fp.Adagrad(), "schedule": fp.StepDecay(2)},
    "Lion, by step": {"optimizer": fp.Lion(), "schedule": fp.InverseScaling(), "clip": fp.ClipValue(0.1)},
    "average, dropout": {"average": fp.EMA(0.9, 2), "dropout": 0.3, "schedule": fp.ExponentialDecay(0.9)},
    "ending early": {"early_stopping": fp.EarlyStopping(2, 0.01), "optimizer": fp.Adam()},
    "best weights": {"early_stopping": fp.EarlyStopping(99), "optimizer": fp.RMSprop(), "schedule": PLATEAU},
    "average, best weights": {"average": fp.EMA(0.5), "early_stopping": fp.EarlyStopping(3, 0.02)},
    "by score": {"score": "accuracy", "schedule": fp.CosineDecay()},
    "by a score that is best where it is lowest": {"score": "log_loss"},
    "no validation, in order": {"validation": None, "shuffle": False},
    "standardized, weights": {"standardize": True, "sample_weight": np.linspace(1, 2, 90)},
    "folds": {"cv": 3, "validation": None, "keep": 0},
    "folds, ending early": {"cv": 3, "validation": None, "keep": 0, "early_stopping": fp.EarlyStopping(1, 0.02)},
}


@pytest.mark.parametrize("options", RUNS.values(), ids=RUNS)
def test_who_goes_on_is_the_same_to_the_last_bit_as_never_stopped(options, dtype):
    network = fp.MLP(SIZES, output="softmax", dtype=dtype)
    options = {"batch_size": 16, **options}
    result = sweep(network=network, halving=3, **options)
    assert result.rungs == [1, 3, 9]
    assert_as_if_never_stopped(result, sweep(network=network, **options), best_third)


AHEAD = {
    "SGD": {},
    "diverging": {"grid": {"learning_rate": [0.1, 0.5, 1, 3e30, 1e31, 0.01, 0.05], "seed": [0, 1]}},
    "early": {"early_stopping": fp.EarlyStopping(3, minimum_improvement=0.001)},
    "average": {"average": fp.EMA(0.9, 2), "early_stopping": fp.EarlyStopping(3)},
    "folds": {"validation": None, "cv": 3, "keep": 0, "early_stopping": fp.EarlyStopping(2, 0.02)},
    "reference": {"backend": "reference"},
    "L-BFGS among others": {"grid": {"optimizer": [fp.LBFGS(), fp.Adam(0.1)], "seed": range(6)}},
}


@pytest.mark.parametrize("rule", [fp.Halving(3), fp.MedianStopping()], ids=["halving", "median"])
@pytest.mark.parametrize("options", AHEAD.values(), ids=AHEAD)
def test_it_is_the_same_whether_it_trains_past_rungs_or_not(options, rule, monkeypatch):
    results = []
    for count in (1, 2, 100):
        monkeypatch.setattr(RungPace, "rungs_at_once", lambda self, rungs, done, cycles, count=count: rungs[:count])
        results.append(sweep(halving=rule, **options))
    whole = sweep(**options)
    for result in results:
        assert_as_if_never_stopped(result, whole, rule.going_on)
        assert result.networks.keys() == results[0].networks.keys()
        for name in ("fold_scores", "rung_costs", "history"):
            np.testing.assert_array_equal(getattr(result, name), getattr(results[0], name))


def test_fits_that_leave_their_runs_for_want_of_memory_go_on_the_same(monkeypatch):
    results = []
    for limit in (live_runs.MAX_LIVE_BYTES, 0):
        monkeypatch.setattr(live_runs, "MAX_LIVE_BYTES", limit)
        results.append(sweep(halving=fp.MedianStopping(), early_stopping=fp.EarlyStopping(3, 0.01)))
    for name in COLUMNS:
        np.testing.assert_array_equal(results[1].table[name], results[0].table[name])
    np.testing.assert_array_equal(results[1].rung_costs, results[0].rung_costs)
    for index, network in results[0].networks.items():
        np.testing.assert_array_equal(results[1].networks[index].parameters, network.parameters)


def test_scores_are_measured_of_those_that_stop_alone_unless_they_rank(tmp_path):
    result = sweep(halving=3)
    stopped_at = np.array([result.rungs.index(epochs) for epochs in result.table["epochs"]])
    for rung in range(len(result.rungs)):
        np.testing.assert_array_equal(np.isfinite(result.fold_scores[:, rung, 0]), stopped_at == rung)
    last = result.fold_scores[np.arange(len(stopped_at)), stopped_at, 0]
    np.testing.assert_array_equal(last, result.table["score"])
    journaled = sweep(halving=3, journal=tmp_path / "runs.jsonl")
    np.testing.assert_array_equal(journaled.fold_scores, result.fold_scores)
    ranked = sweep(halving=3, score="accuracy")
    reached = np.isfinite(ranked.rung_costs)
    np.testing.assert_array_equal(ranked.fold_scores[..., 0][reached], -ranked.rung_costs[reached])


@pytest.mark.parametrize("ends", ["before", "after", "in time"])
@pytest.mark.parametrize("options", [{}, {"cv": 2, "validation": None, "keep": 0}, {"score": "accuracy"}], ids=str)
def test_scores_after_ctrl_c_do_not_depend_on_a_journal(options, ends, monkeypatch, tmp_path):
    train_to_rung = SweepRunner._train_to_rung

    def press(self, indices, rung):
        if rung == 1 and ends == "before":
            raise thread_pool.Interrupted
        train_to_rung(self, indices, rung)
        if rung == 1 and ends == "after":
            raise thread_pool.Interrupted
        if rung == 1 and ends == "in time":
            monkeypatch.setattr(TimeLimit, "is_over", True)

    monkeypatch.setattr(SweepRunner, "_train_to_rung", press)
    monkeypatch.setattr(interrupts, "tell", lambda what: None)  # a second Ctrl-C would end the script
    results = []
    for journal in (None, tmp_path / "runs.jsonl"):
        monkeypatch.setattr(TimeLimit, "is_over", False)
        results.append(sweep(halving=3, journal=journal, seconds=1e6, **options))
    plain, journaled = results
    assert {"interrupted", "out of time"} & set(plain.table["stopped"].tolist())
    for name in ("fold_scores", "rung_costs", "history"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(journaled, name))
    for name in COLUMNS:
        np.testing.assert_array_equal(plain.table[name], journaled.table[name])


@pytest.mark.parametrize("option", ["median", "alone", "reference", "lbfgs", "factor 2"])
def test_it_is_the_same_by_every_rule_and_on_every_path(option, monkeypatch):
    rule, halving, options = best_third, 3, {"optimizer": fp.Adam(), "schedule": fp.CosineDecay()}
    if option == "median":
        halving = fp.MedianStopping(2, min_epochs=3)
        rule = halving.going_on
    elif option == "alone":
        packs = cost_model.packs
        monkeypatch.setattr(cost_model, "packs", lambda *facts: [[n] for pack in packs(*facts) for n in pack])
    elif option == "reference":
        options["backend"] = "reference"
    elif option == "lbfgs":
        pytest.importorskip("scipy")
        options = {"optimizer": fp.LBFGS(), "grid": {"seed": range(12), "weight_decay": [0.0, 0.01]}}
    else:
        halving = fp.Halving(2, min_epochs=2)
        rule = lambda costs: np.argsort(costs[:, -1], kind="stable")[: -(-len(costs) // 2)]  # noqa: E731
    assert_as_if_never_stopped(sweep(halving=halving, **options), sweep(**options), rule)


def test_packs_go_on_together_while_more_than_half_do_and_form_new_packs_then(monkeypatch):
    begun, new_run = [], pack_runs.new_run
    monkeypatch.setattr(pack_runs, "new_run", lambda *facts: begun.append(len(facts[1])) or new_run(*facts))
    lanes = compiler.lanes("float32")
    rates = fp.geomspace(0.01, 2, 4 * lanes)
    sweep({"learning_rate": rates}, halving=fp.Halving(2, min_epochs=1), epochs=8, threads=1, schedule=None)
    if lanes == 1:
        return
    count = 4 * lanes  # as many lanes as configurations in the first packs
    assert begun[:4] == [lanes] * 4
    assert sum(begun) < count + count // 2 + count // 4 + count // 8  # as if all that go on moved
    assert all(1 <= size <= lanes for size in begun)


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_it_is_the_same_on_any_number_of_threads(threads):
    options = {"halving": 3, "schedule": fp.CosineDecay(), "optimizer": fp.SGD(momentum=0.9), "dropout": 0.1}
    one, several = sweep(threads=1, **options), sweep(threads=threads, **options)
    np.testing.assert_array_equal(one.history, several.history)
    np.testing.assert_array_equal(one.rung_costs, several.rung_costs)
    for name in COLUMNS:
        np.testing.assert_array_equal(one.table[name], several.table[name])
    assert list(one.networks) == list(several.networks)
    for index, network in one.networks.items():
        np.testing.assert_array_equal(network.parameters, several.networks[index].parameters)


# ---- what comes of it ----


def test_what_was_halved_comes_after_what_was_not_the_later_first():
    result = sweep(halving=3)
    ranked = result.top(len(result.table))
    assert (np.diff(ranked["epochs"]) <= 0).all()
    for epochs in result.rungs:
        losses = ranked["validation_loss"][ranked["epochs"] == epochs]
        assert (np.diff(losses) >= 0).all()
    assert ranked["stopped"].tolist() == ["finished"] * 3 + ["halved"] * 24
    assert set(result.networks) == set(np.flatnonzero(result.table["stopped"] == "finished"))
    alone = fp.MLP(SIZES, output="softmax", seed=int(result.best["seed"]))
    optimizer = fp.SGD(float(result.best["learning_rate"]))
    history = fp.train(alone, X, LABELS, epochs=9, validation=0.2, optimizer=optimizer, seed=int(result.best["seed"]))
    np.testing.assert_array_equal(result.best_network.parameters, alone.parameters)
    assert (result.best["loss"], result.best["score"]) == (history.loss[-1], history.score)


def test_a_named_score_says_who_goes_on():
    by_loss, by_score = sweep(halving=3), sweep(halving=3, score="accuracy")
    np.testing.assert_array_equal(
        by_score.rung_costs[:, -1], np.where(by_score.finished, -by_score.table["score"], NAN)
    )
    assert set(np.flatnonzero(by_loss.finished)) != set(np.flatnonzero(by_score.finished))


@pytest.mark.parametrize("halving", [3, fp.MedianStopping()])
def test_one_configuration_goes_on_to_its_end(halving):
    result = sweep({"learning_rate": [0.5]}, halving=halving)
    assert result.table["stopped"].tolist() == ["finished"]
    np.testing.assert_array_equal(result.history, sweep({"learning_rate": [0.5]}).history)


def test_of_equals_the_first_go_on():
    result = sweep({"momentum": fp.linspace(0, 0.9, 9)}, optimizer=fp.SGD(0.0), halving=3)
    assert result.table["stopped"].tolist() == ["finished"] + ["halved"] * 8
    assert result.table["epochs"].tolist() == [9, 3, 3] + [1] * 6


def test_what_diverges_does_not_go_on_and_takes_no_place():
    rates = [1e300, 0.1, 1e301, 0.2, 1e302, 0.3]
    options = {"batch_size": 90, "validation": None}  # their losses are those before the step
    result = sweep({"learning_rate": rates}, halving=3, **options)
    assert result.table["stopped"].tolist()[::2] == ["diverged"] * 3
    assert result.rung_costs.shape == (6, 3)
    assert np.isnan(result.rung_costs[::2]).all()
    assert sorted(result.table["epochs"].tolist()[1::2]) == [1, 3, 9]


@pytest.mark.parametrize("halving", [3, fp.MedianStopping()])
def test_where_all_diverge_at_the_first_rung_it_ends(halving):
    with pytest.warns(fp.DivergenceWarning, match="2 of 2 configurations diverged and none finished"):
        result = sweep({"learning_rate": [1e300, 1e301]}, halving=halving)
    assert result.table["stopped"].tolist() == ["diverged"] * 2
    assert result.best_network is None


def test_the_progress_bar_says_until_where(terminal, monkeypatch):
    monkeypatch.setattr(RungPace, "rungs_at_once", lambda self, rungs, done, cycles: rungs[:1])
    sweep(halving=3, progress=True)
    bars = terminal.readouterr().err
    for words in ("until epoch 1", "27/27", "until epoch 3", "9/9", "until epoch 9", "3/3"):
        assert words in bars


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_at_a_later_rung_leaves_what_was_on_its_way_interrupted(threads):
    script = f"""
import fastprop as fp
from tests.processes import say_go
X, y = fp.datasets.digits()
options = {{"epochs": 40_000, "halving": fp.Halving(20, min_epochs=100), "validation": 0.2, "threads": {threads}}}
say_go("until epoch 2000")
result = fp.sweep((64, 64, 10), X, y, {{"seed": range(100)}}, progress=True, **options)
epochs, stopped = result.table["epochs"], result.table["stopped"]
print(result.rungs, (stopped == "interrupted").sum(), (stopped == "halved").sum())
print(set(epochs[stopped == "halved"].tolist()), (epochs[stopped == "interrupted"] < 2000).all())
print((result.rung_costs[:, 0] > 0).sum(), (result.rung_costs[:, 1] > 0).sum(), result.best["stopped"])
print((stopped[result.ranking[:5]] == "interrupted").all(), result.best_network)
"""
    lines = output_after_interrupt(script).splitlines()
    assert lines == [
        "[100, 2000, 40000] 5 95",
        "{100} True",
        "100 0 interrupted",
        f"True {fp.MLP((64, 64, 10), output='softmax')}",
    ]


INTERRUPTED = {
    "kernels": {},
    "reference": {"backend": "reference"},
    "LBFGS": {"optimizer": fp.LBFGS(), "grid": {"seed": range(9)}},
    "a moving average": {"average": fp.EMA(0.9)},
    "restored weights": {"early_stopping": fp.EarlyStopping(9)},
    "sizes of their own": {"grid": {"layer_sizes": [(4, width, 3) for width in range(2, 11)]}},
}


@pytest.mark.parametrize("options", INTERRUPTED.values(), ids=INTERRUPTED)
def test_after_ctrl_c_the_best_that_survived_a_rung_ranks_first_and_has_a_network(options):
    calls = []

    def accuracy(outputs, y):
        calls.append(y)
        if len(calls) == 11:  # after nine at the first rung
            _thread.interrupt_main()
        return float(np.mean(outputs.argmax(axis=1) == y))

    grid = {"learning_rate": fp.geomspace(0.01, 3, 9)}
    X, y = three_classes(80)
    options = {"grid": grid, "epochs": 9, "halving": 3, "keep": 2, "threads": 1} | options
    result = fp.sweep((4, 6, 3), X, y, score=accuracy, validation=(X[:30], y[:30]), **options)
    stopped, score = result.table["stopped"], result.table["score"]
    survived = np.isfinite(result.rung_costs[:, 1]) | (stopped == "interrupted")
    assert 1 <= (stopped == "interrupted").sum() <= survived.sum() == 3
    assert set(result.ranking[:3]) == set(np.flatnonzero(survived))
    assert result.best["stopped"] == "interrupted"
    assert result.best["score"] >= score[stopped == "halved"].max() or result.best["epochs"] > 1
    assert metrics.accuracy(result.best_network.predict(X[:30]), y[:30]) == result.best["score"]
    assert next(iter(result.networks.values())) is result.best_network
    again = pickle.loads(pickle.dumps(result))
    assert again.best == result.best
    np.testing.assert_array_equal(again.best_network.parameters, result.best_network.parameters)


@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_one_that_stops_early_at_a_rung_has_ended_there_by_itself(backend):
    stopping = fp.EarlyStopping(patience=2, minimum_improvement=0.1)  # after three epochs, as nothing is learned
    options = {"early_stopping": stopping, "halving": fp.MedianStopping(3), "backend": backend}
    result = sweep({"learning_rate": [0.0], "seed": [0, 1]}, **options)
    assert result.rungs == [3, 6, 9]
    assert result.table["stopped"].tolist() == ["early"] * 2
    np.testing.assert_array_equal(np.isnan(result.rung_costs), [[False, True, True]] * 2)
