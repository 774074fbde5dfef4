"""What a sweep compiles before its time begins: functions of tiny networks for each shape; and Ctrl-C meanwhile."""

import pytest

import fastprop as fp
from fastprop import interrupts
from fastprop.kernels import compiler, unrolled
from fastprop.sweeping import pack_runs, preparation
from fastprop.sweeping.time_limit import TimeLimit
from fastprop.sweeping.workers.threads import ThreadWorkers
from tests.problems import three_classes

X, LABELS = three_classes()
LANES = compiler.lanes("float32")
SHAPES = [(4, width, 3) for width in (2, 3, 4)]


@pytest.fixture(autouse=True)
def nothing_prepared(monkeypatch):
    monkeypatch.setattr(preparation, "_PREPARED", set())


def sweep(grid, **options):
    options = {"epochs": 1, "threads": 1, **options}
    return fp.sweep(fp.MLP((4, 2, 3), output="softmax"), X, LABELS, grid, **options)


@pytest.fixture
def needed(monkeypatch):
    """The arguments of `unrolled.addresses` before the time of a sweep begins, and then: two sets."""
    needed, addresses, begin = [set()], unrolled.addresses, TimeLimit.begin
    monkeypatch.setattr(unrolled, "addresses", lambda *kind: needed[-1].add(kind) or addresses(*kind))
    monkeypatch.setattr(TimeLimit, "begin", lambda limit: needed.append(set()) or begin(limit))
    return needed


def test_functions_of_all_shapes_and_orders_of_rows_are_compiled_before_the_time_begins(needed):
    rates = [0.1 / (1 + index) for index in range(LANES + LANES // 2)]  # one pack of each seed, and one of both
    sweep({"layer_sizes": SHAPES, "learning_rate": rates, "seed": [0, 1]}, seconds=600)
    before, during = needed
    assert during == before
    if LANES > 1:
        assert {(sizes, shares_rows) for sizes, *_, shares_rows, _ in during} == {
            (sizes, shares_rows) for sizes in SHAPES for shares_rows in (True, False)
        }


@pytest.mark.skipif(LANES == 1, reason="a pack needs lanes")
def test_functions_of_packs_without_dropout_are_compiled_before_the_time_begins(needed):
    """Packs with dropout, which have none, are of the same group."""
    rates = [0.1 / (1 + index) for index in range(LANES)]
    sweep({"dropout": [0.2, 0.0], "learning_rate": rates}, seconds=600)
    before, during = needed
    assert during == before
    assert {has_dropout for *_, has_dropout in during} == {True, False}


def test_functions_of_networks_alone_are_compiled_before_the_time_begins(needed, monkeypatch):
    """A sweep that is too short for them has prepared the same kernel before."""
    epochs = 5
    monkeypatch.setattr(unrolled, "ROWS_ALONE", epochs * len(X))
    sweep({"layer_sizes": SHAPES}, seconds=600)
    assert not any(needed)
    needed[:] = [set()]
    sweep({"layer_sizes": SHAPES}, epochs=epochs, seconds=600)
    before, during = needed
    assert during == before
    assert {(sizes, width) for sizes, _, _, width, *_ in during} == {(sizes, 1) for sizes in SHAPES}


def test_ctrl_c_while_a_later_batch_compiles_leaves_the_earlier_ones(monkeypatch, capsys):
    optuna = pytest.importorskip("optuna")
    search = fp.OptunaSearch(optuna.create_study(sampler=optuna.samplers.RandomSampler(0)), at_once=4)
    prepare, batches = pack_runs.PackRun.prepare, []

    def interrupted(run):
        if batches[-1] > 0:
            raise KeyboardInterrupt
        prepare(run)

    def prepared(workers, experiment, jobs, is_timed, prepare=ThreadWorkers.prepare):
        monkeypatch.setattr(preparation, "_PREPARED", set())
        batches.append(len(batches))
        prepare(workers, experiment, jobs, is_timed)

    monkeypatch.setattr(pack_runs.PackRun, "prepare", interrupted)
    monkeypatch.setattr(ThreadWorkers, "prepare", prepared)
    result = sweep({"learning_rate": fp.loguniform(0.01, 1)}, samples=12, search=search)
    assert result.is_interrupted
    assert result.table["stopped"].tolist() == ["finished"] * 4 + ["not run"] * 4
    assert "Ctrl-C has ended the sweep after 4 of" in capsys.readouterr().err
    interrupts.forget()
