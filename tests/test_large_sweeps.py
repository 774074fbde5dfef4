"""Sweeps of many configurations: the order of their jobs, their progress, their memory."""

from types import SimpleNamespace

import numpy as np
import pytest

import fastprop as fp
from fastprop import cost_model, thread_pool
from fastprop.kernels import compiler
from fastprop.sweeping import configurations, sweep_progress
from fastprop.sweeping.configuration_outcomes import ConfigurationOutcomes, mean
from fastprop.sweeping.endings import ENDINGS
from fastprop.sweeping.fit_columns import FitColumns
from fastprop.sweeping.fit_states import StoredState, TakenState
from fastprop.sweeping.fits import Fits
from fastprop.sweeping.outcomes import worst_ending
from fastprop.sweeping.rung_pace import RungPace
from fastprop.sweeping.sweep_runner import SweepRunner
from tests.marks import slow_except
from tests.processes import run_python

RANDOM = np.random.default_rng(0)
X = RANDOM.random((90, 4))
LABELS = RANDOM.integers(3, size=90)
SIZES = (4, 6, 3)
RATES = {"learning_rate": np.geomspace(0.01, 1, 30)}
RESULTS = "score", "score_std", "loss", "validation_loss", "epochs", "stopped"


def sweep(grid=RATES, **options):
    return fp.sweep(SIZES, X, LABELS, grid, **{"epochs": 4, "keep": 0, **options})


def assert_same_rows(result, expected, indices=slice(None)):
    for name in RESULTS:
        np.testing.assert_array_equal(result.table[name], expected.table[name][indices])
    np.testing.assert_array_equal(result.history, expected.history[indices])


# ---- order ----

UNEVEN = [
    {"layer_sizes": sizes, "batch_size": batch_size, "seed": seed, "optimizer": optimizer}
    for seed in range(3)
    for sizes in ((4, 3), (4, 40, 20, 3), SIZES)
    for batch_size in (3, 90)
    for optimizer in (fp.SGD(0.1), fp.SGD(0.2), fp.Adam())
]
HELD_OUT = {"validation": {"validation": 0.2}, "cv": {"cv": 3}, "halving": {"cv": 2, "halving": 2}}


@pytest.mark.parametrize("options", slow_except(HELD_OUT.values(), [HELD_OUT["validation"]]), ids=HELD_OUT)
def test_neither_the_order_of_jobs_nor_how_they_are_packed_changes_a_row(options, monkeypatch):
    first = sweep(UNEVEN, threads=1, **options)
    for threads in (2, 5):
        assert_same_rows(sweep(UNEVEN, threads=threads, **options), first)
    order = RANDOM.permutation(len(UNEVEN))
    assert_same_rows(sweep([UNEVEN[index] for index in order], threads=2, **options), first, order)
    for cost in (0, np.inf):
        monkeypatch.setattr(cost_model, "cost_of_pack", lambda *_, cost=cost: cost)
        assert_same_rows(sweep(UNEVEN, threads=2, **options), first)


# ---- kinds ----

OF_ALL_KINDS = [
    {"momentum": 0.0, "seed": 1},
    {"momentum": 0.5},
    {"learning_rate": 0.3, "batch_size": 7},
    {"dropout": 0.2, "layer_sizes": (4, 5, 3)},
    {"momentum": 0.0, "seed": 2},
    {"momentum": 0.7},
    {"optimizer": fp.Adam(0.01), "beta1": 0.5},
    {"learning_rate": 0.2, "batch_size": 7},
]


@pytest.mark.parametrize("kept", [0, 2, 4096])
def test_a_configuration_has_the_values_of_its_row_whatever_others_are_of_its_kind(kept, monkeypatch):
    monkeypatch.setattr(configurations, "KEPT", kept)
    result = sweep(OF_ALL_KINDS, optimizer=fp.SGD(0.1, momentum=0.9))
    for index, values in enumerate(OF_ALL_KINDS):
        alone = sweep([values], optimizer=fp.SGD(0.1, momentum=0.9))
        assert_same_rows(alone, result, [index])
        for name in alone.hyperparameters:
            assert result.table[name][index] == alone.table[name][0]


@pytest.mark.parametrize("folds", [1, 2, 3, 10])
def test_a_configuration_has_the_same_cost_whether_one_is_asked_for_or_many(folds):
    random, count = np.random.default_rng(folds), 20
    numbers = random.normal(size=(3, count * folds)) * 10.0 ** random.integers(-9, 9, (3, count * folds))
    endings, whole = random.integers(len(ENDINGS), size=count * folds), np.ones(count * folds, int)
    columns = FitColumns(*numbers[:2], whole, whole, numbers[2], numbers[2][:, None], endings, *numbers[:2], whole > 1)
    found = ConfigurationOutcomes.of(columns, folds, "early")
    for index in range(count):
        rows = slice(index * folds, (index + 1) * folds)
        assert mean(columns.loss[rows].tolist()) == found.loss[index]
    assert found.stopped.tolist() == count * ["early"]


@pytest.mark.parametrize("folds", [1, 2, 3, 10])
def test_a_configuration_ends_as_the_worst_of_its_folds(folds):
    for codes in np.random.default_rng(folds).integers(len(ENDINGS), size=(50, folds)):
        fits = [SimpleNamespace(stopped=ENDINGS[code]) for code in codes]
        assert worst_ending(fits) == ENDINGS[codes.min()]


def test_fits_go_on_with_the_configurations_of_their_states_and_only_those_that_none_has_are_made():
    made = []

    def make():
        for index in range(3):
            made.append(index)
            yield f"made {index}"

    states = [SimpleNamespace(configuration=f"known {index}") for index in range(3)]
    fits = Fits([0, 1, 2], 0, make())
    fits.go_on_from(states)
    assert (list(fits.configurations), made) == (["known 0", "known 1", "known 2"], [])
    fits = Fits([0, 1, 2], 0, make())
    fits.go_on_from([states[0], StoredState.in_memory({}), TakenState(None, 0, {})])
    assert list(fits.configurations) == ["known 0", "made 1", "made 2"]


def test_packs_train_on_as_many_threads_as_their_kernels_keep_busy(monkeypatch):
    results, seen = thread_pool.results, []

    def seen_results(jobs, threads):
        seen.append(threads)
        return results(jobs, threads)

    monkeypatch.setattr(thread_pool, "results", seen_results)
    sweep(threads=2, epochs=1)
    sweep(threads=2, epochs=500)
    assert seen == [1, 2]


# ---- halving ----


def test_halving_keeps_only_the_states_that_may_still_go_on(monkeypatch):
    rank, kept = SweepRunner._rank, []

    def ranked(runner, *arguments):
        rank(runner, *arguments)
        kept.append(len(set(runner._outcomes).difference(runner._ranking.beaten)))  # these are forgotten together

    monkeypatch.setattr(SweepRunner, "_rank", ranked)
    grid = {"learning_rate": np.geomspace(1e-3, 1, 90), "seed": range(4)}
    result = sweep(grid, epochs=9, halving=fp.Halving(3), validation=0.2, threads=1)
    assert result.rungs == [1, 3, 9]
    assert max(kept) <= 360 / 3 + compiler.lanes("float32")
    whole = sweep(grid, epochs=9, validation=0.2)
    finished = result.table["stopped"] == "finished"
    assert finished.sum() == 40
    np.testing.assert_array_equal(result.history[finished], whole.history[finished])


# ---- progress ----


class Bar:
    """A progress bar that notes what it is told."""

    def __init__(self, shown, total):
        self.total, self.n, self.steps = total, 0, []
        shown.append(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def update(self, n):
        self.n += n
        self.steps.append(n)

    def set_description(self, text):
        self.text = text


@pytest.mark.parametrize(
    ("options", "totals"),
    [({"validation": 0.2}, [30]), ({"cv": 3}, [30]), ({"halving": 3, "epochs": 9, "validation": 0.2}, [30, 10, 4])],
    ids=HELD_OUT,
)
@pytest.mark.parametrize("threads", [1, 3])
def test_progress_counts_each_configuration_once_in_each_round(options, totals, threads, monkeypatch):
    shown = []
    monkeypatch.setattr(sweep_progress, "ProgressBar", lambda total, *_, **__: Bar(shown, total))
    monkeypatch.setattr(RungPace, "rungs_at_once", lambda self, rungs, done, cycles: rungs[:1])
    sweep(threads=threads, **options)
    assert [bar.total for bar in shown] == totals
    for bar in shown:
        assert bar.n == bar.total
        assert min(bar.steps) >= 0


def test_a_progress_bar_tells_configurations_a_second_and_the_time_left(terminal, monkeypatch):
    monkeypatch.setattr(RungPace, "rungs_at_once", lambda self, rungs, done, cycles: rungs[:1])
    sweep(cv=3, halving=3, epochs=9, progress=True)
    _, bar = terminal.readouterr()
    assert "until epoch 1, best validation loss" in bar
    assert ": 100%" in bar
    assert " configurations/s]" in bar
    assert "<00:00" in bar


# ---- memory ----

PEAKS = """
import tracemalloc
import numpy as np
import fastprop as fp
from fastprop import thread_pool
from fastprop.sweeping import configurations as made, live_runs

X = np.random.default_rng(0).random((64, 2))

def sweep(configurations):
    grid = {{"learning_rate": np.geomspace(1e-3, 10, configurations // 4), "seed": range(4)}}
    return fp.sweep((2, 2, 1), X, X[:, :1], grid, epochs=3, threads=1, batch_size=64, **{options})

def peak(configurations):
    tracemalloc.start()
    result = sweep(configurations)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    kept = result.table, result.history, result.fold_scores, result.fold_seconds
    return peak - sum(array.nbytes for array in kept)

live_runs.MAX_LIVE_BYTES = 0  # runs that wait may take memory up to this limit beside
made.KEPT = 80  # configurations are kept up to this number
thread_pool.UNREAD_RESULTS = 1  # how many of them wait depends on how the system schedules the threads
sweep(80)  # compiles
peak(400)  # fills the caches
few, many = (min(peak(configurations) for _ in range(3)) for configurations in (400, 4400))
print((many - few) / 4000)  # of so many that the packs that wait, some 100 kB, do not count
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "limit"),
    [({"validation": 0.2}, 300), ({"cv": 3, "keep": 0}, 400), ({"halving": 3, "validation": 0.2}, 1750)],
    ids=HELD_OUT,
)
def test_memory_is_bounded_by_a_row_of_results_and_a_few_numbers_for_each_configuration(options, limit):
    assert float(run_python(PEAKS.format(options=options))) < limit  # bytes for each configuration


BEGUN = """
import resource
import numpy as np
import fastprop as fp
X, y = np.ones((8, 1)), np.ones((8, 1))
options = {"grid": {"learning_rate": [0.0] * 100_000}, "batch_size": 8, "keep": 0, "threads": 1}
fp.sweep((1, 1), X, y, epochs=1, **options | {"grid": {"learning_rate": [0.0] * 1000}})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
result = fp.sweep((1, 1), X, y, epochs=100_000, seconds=0.1, **options)
print(int(result.done < 1000), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_configurations_that_never_begin_take_no_memory_for_their_histories():
    few_begun, kib = map(int, run_python(BEGUN).split())
    assert few_begun
    assert kib < 200_000  # of 100,000 histories of a thousand epochs, 0.8 GB
