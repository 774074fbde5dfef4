"""Each kind of executor has an adapter, through which a sweep uses it."""

import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from fastprop.sweeping import workers
from fastprop.sweeping.workers import dask, new_adapter
from fastprop.sweeping.workers.base import Adapter
from fastprop.sweeping.workers.dask import DaskAdapter
from fastprop.sweeping.workers.processes import LokyAdapter, ProcessAdapter, ProcessPoolAdapter
from fastprop.sweeping.workers.threads import ThreadPoolAdapter
from tests.compare import assert_refused
from tests.executors import Inline, InlineAdapter, sweep
from tests.results import assert_same_result


def test_a_new_kind_of_executor_is_one_adapter(monkeypatch):
    assert type(new_adapter(Inline())) is ProcessAdapter
    monkeypatch.setattr(workers, "ADAPTERS", (InlineAdapter, *workers.ADAPTERS))
    assert type(new_adapter(Inline())) is InlineAdapter
    assert_same_result(sweep(executor=Inline(), halving=2), sweep(halving=2))


def test_each_kind_of_executor_has_its_adapter():
    loky = pytest.importorskip("loky")
    kinds = {ThreadPoolAdapter: ThreadPoolExecutor, ProcessPoolAdapter: ProcessPoolExecutor}
    kinds[LokyAdapter] = loky.ProcessPoolExecutor
    for adapter, kind in kinds.items():
        with kind(3) as executor:
            assert type(new_adapter(executor)) is adapter
            assert new_adapter(executor).count() == 3


def test_an_adapter_without_a_method_that_all_have_is_refused_when_it_is_made():
    class Half(Adapter):
        accepts = classmethod(lambda cls, executor: True)
        count = lambda self: 1  # noqa: E731

    with pytest.raises(TypeError, match=r"abstract method '?share"):
        Half(Inline())


def test_a_dask_cluster_elsewhere_keeps_its_own_rules(monkeypatch):
    local = type("LocalCluster", (), {})
    distributed = SimpleNamespace(LocalCluster=local, KilledWorker=KeyError)
    patience = {"distributed.deploy.lost-worker-timeout": "365 days"}
    monkeypatch.setitem(sys.modules, "distributed", distributed)
    monkeypatch.setitem(sys.modules, "dask", SimpleNamespace(config=SimpleNamespace(set=nullcontext)))
    for cluster, rules in ((local(), patience), (None, None)):  # a client of a scheduler's address has no cluster
        client = SimpleNamespace(cluster=cluster, nthreads=dict)
        with DaskAdapter(SimpleNamespace(_client=client, _kwargs={})).context() as context:
            assert context == rules


class DaskFuture:
    """A future of Dask that counts for how long its result is asked for, and has it after 25 s."""

    status = "finished"

    def __init__(self, clock, result):
        self.asked = []
        self._clock = clock
        self._result = result

    def result(self, seconds):
        self.asked.append(seconds)
        self._clock.now += min(25.0, seconds)
        if seconds < 25:
            raise TimeoutError
        return self._result


def test_dask_fetches_one_state_and_waits_for_so_long_in_all(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", SimpleNamespace(KilledWorker=KeyError))
    clock = SimpleNamespace(now=5.0)
    monkeypatch.setattr(dask, "time", SimpleNamespace(monotonic=lambda: clock.now))
    kept = DaskFuture(clock, dask._CallResult(b"", {3: "third"}))
    submitted = []

    def submit(function, result, position, pure):
        submitted.append(DaskFuture(clock, function(result._result, position)))
        return submitted[-1]

    adapter = DaskAdapter(SimpleNamespace(_client=SimpleNamespace(submit=submit), _kwargs={}))
    assert adapter.fetch(kept, 3, is_only=True) == "third"
    assert adapter.fetch(kept, 3, is_only=False) == "third"
    assert [adapter.fetch(kept, 3, is_only=True) for _ in range(2)] == [None, None]
    assert kept.asked == [60.0, 10.0]
    assert [each.asked for each in submitted] == [[35.0]]


def test_an_attribute_that_an_executor_no_longer_has_is_named():
    executor = ThreadPoolExecutor(1)
    del executor._max_workers
    words = (
        "ThreadPoolExecutor has no _max_workers, which fastprop read in Python 3.11 to 3.14: install that version, or"
    )
    assert_refused(RuntimeError, words, sweep, executor=executor)
