"""The trainers that the benchmarks compare do the same work: the same losses, optimizers and schedules."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import cases
from benchmarks.contestants import CONTESTANTS, UnequalWorkError, check_equal_work
from benchmarks.contestants.equal_work import check_work, largest_size

SMALL = {"layer_sizes": (5, 8, 8, 3), "rows": 40, "batch_size": 16, "checked_steps": 20}
TABLE = replace(cases.WORKLOADS["T8"], **SMALL)
SWEEP = replace(cases.WORKLOADS["S8"], **SMALL, configurations=4)
WIDE = replace(cases.WORKLOADS["T9"], **SMALL, learning_rate=0.1)
PEERS = {"torch": "torch", "torch.compile": "torch", "jax": "jax", "jax-host-order": "jax"}


def train(name, workload):
    """Return a contestant that has trained as long as the check wants."""
    contestant = CONTESTANTS[name]
    contestant.prepare(workload, cases.make_data(workload), cases.make_weights(workload), threads=1)
    contestant.epochs(workload.checked_epochs, shuffle=False)
    return contestant


def check_all_parameters(contestant, workload):
    """Check by the largest difference of a parameter, because small networks have no input of relu near 0."""
    check_work(workload, [contestant], largest_size)


@pytest.mark.parametrize("workload", [TABLE, SWEEP, WIDE], ids=lambda workload: workload.name)
@pytest.mark.slow
def test_fastprop_does_the_work_of_numpy(workload):
    check_all_parameters(train("fastprop", workload), workload)


@pytest.mark.peers
@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("workload", [TABLE, SWEEP, WIDE], ids=lambda workload: workload.name)
@pytest.mark.filterwarnings("ignore")  # of other libraries
def test_each_peer_does_the_work_of_numpy(name, workload):
    pytest.importorskip(PEERS[name])
    check_all_parameters(train(name, workload), workload)


@pytest.mark.parametrize(
    "changes",
    [{"optimizer": "Adam"}, {"schedule": None}, {"learning_rate": 1.002e-3}, {"batch_size": 20}],
    ids=lambda changes: next(iter(changes)),
)
def test_other_work_is_found(changes):
    other = train("numpy", replace(TABLE, **changes))
    with pytest.raises(UnequalWorkError, match="numpy on T8"):
        check_equal_work(TABLE, [other])
    check_equal_work(TABLE, [train("numpy", TABLE)])


@pytest.mark.peers
def test_factors_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    epochs = 3
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * TABLE.steps)
    expected = []
    for _ in range(epochs * TABLE.steps):
        expected.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    factors = cases.schedule_factors(TABLE, epochs)
    assert [len(of_epoch) for of_epoch in factors] == [TABLE.steps] * epochs
    np.testing.assert_allclose(np.ravel(factors), expected, rtol=0, atol=1e-12)


def test_without_a_schedule_there_are_no_factors():
    assert cases.schedule_factors(WIDE, 2) == [None, None]


def test_learning_rates_of_a_sweep_lie_around_the_workload_s():
    np.testing.assert_allclose(cases.learning_rates(cases.WORKLOADS["S1"])[[0, -1]], [1e-3, 1])
    np.testing.assert_allclose(cases.learning_rates(SWEEP), [1e-5, 1e-4, 1e-3, 1e-2])
    assert cases.learning_rates(TABLE).tolist() == [1e-3]


def test_scikit_learn_enters_where_it_has_the_optimizer():
    enters = CONTESTANTS["scikit-learn"].enters
    names = [name for name in ("T5", "T7", "T8", "T9", "S8") if enters(cases.WORKLOADS[name])]
    assert names == ["T5", "T7", "T9"]


def test_tasks_name_the_optimizer_and_its_schedule():
    task = cases.WORKLOADS["S8"].task
    assert task == "80-256-256-256-10 relu, 875 rows by 256, AdamW with CosineDecay, 64 learning rates"
