"""How many rungs a sweep trains at a time: compared with all ways to do it, and what bounds it."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

import fastprop as fp
from fastprop.sweeping import live_runs
from fastprop.sweeping.rung_pace import CYCLES_PER_SECOND, RungPace

RANDOM = np.random.default_rng(0)


def job(fits, seconds):
    return SimpleNamespace(fits=[None] * fits, run=SimpleNamespace(seconds=seconds))


def expected_seconds(stops, rungs, done, share, stop, epoch):
    """Return how long a fit takes on average that stops at some of the `rungs`, the last among them."""
    seconds, there, before = 0.0, 1.0, done
    for index, rung in enumerate(rungs):
        if rung in stops:
            seconds += there * (stop + epoch * (rung - before))
            before, there = rung, share ** (index + 1)
    return seconds


def fewest(rungs, *others):
    """Return the first stop of the stops that take the least time, of all that are possible."""
    *inner, last = rungs
    choices = [(*some, last) for count in range(len(rungs)) for some in itertools.combinations(inner, count)]
    return min(choices, key=lambda stops: expected_seconds(stops, rungs, *others))[0]


@pytest.mark.parametrize("epoch", [0.0001, 0.001, 0.01, 0.1, 1, 10])
@pytest.mark.parametrize(("before", "after"), [(90, 30), (50, 45), (6, 6)])
def test_it_trains_to_the_rung_that_lets_the_sweep_end_the_earliest(epoch, before, after):
    for workers in (1, 2):
        done, *rungs = np.cumsum(RANDOM.integers(1, 20, size=8)).tolist()
        pace = RungPace(workers)
        for _ in range(50):  # so that it forgets what it began with
            pace.go_on(before, after)
        pace.add(job(5, 4 * workers * 8 * epoch))
        pace.add(job(3, 4 * workers * 8 * epoch))
        pace.learn(8, 64 * epoch + 8 * 0.1)  # of eight fits, each of which took 0.1 s to stop
        share = after / (before + 0.25)  # of 4 · before and 4 · after, and one more
        chosen = pace.rungs_at_once(rungs, done, cycles=np.nan)
        assert chosen == rungs[: len(chosen)]
        assert chosen[-1] == fewest(rungs, done, share, 0.1, epoch)


def test_before_anything_was_measured_the_cost_of_an_epoch_decides():
    rungs = [1, 2, 3, 9]
    assert RungPace(1).rungs_at_once(rungs, 0, cycles=CYCLES_PER_SECOND) == [1]
    assert RungPace(1).rungs_at_once(rungs, 0, cycles=1) == rungs
    assert RungPace(1).rungs_at_once(rungs, 0, cycles=1e5) == RungPace(4).rungs_at_once(rungs, 0, cycles=4e5)


def test_runs_that_were_not_called_teach_it_nothing():
    pace = RungPace(1)
    pace.learn(5, 100.0)
    assert pace.rungs_at_once([1, 2], 0, cycles=CYCLES_PER_SECOND) == [1]


def test_it_trains_past_no_more_rungs_than_memory_has_room_for(monkeypatch):
    X, y = fp.datasets.digits()
    X, y = X[:60], y[:60]
    asked = []

    def rungs(pace, rungs, done, cycles):
        asked.append(len(rungs))
        return rungs[:1]

    monkeypatch.setattr(RungPace, "rungs_at_once", rungs)
    options = {"epochs": 9, "halving": fp.MedianStopping(), "validation": 0.2, "keep": 0}
    rates = {"learning_rate": [0.1] * 4}
    fp.sweep((64, 2, 10), X, y, rates, **options)
    bytes_of_fit = 4096 + 4 * (65 * 2 + 3 * 10)
    monkeypatch.setattr(live_runs, "MAX_LIVE_BYTES", 4 * bytes_of_fit * 3 + 1)
    fp.sweep((64, 2, 10), X, y, rates, **options)
    monkeypatch.setattr(live_runs, "MAX_LIVE_BYTES", 0)
    fp.sweep((64, 2, 10), X, y, rates, **options)
    assert asked == [*range(9, 0, -1), *[3] * 7, 2, 1, *[1] * 9]
