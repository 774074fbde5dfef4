"""The cost model: which fits form packs, in which order packs begin, and how many threads share a network."""

import numpy as np
import pytest

from fastprop import cost_model
from fastprop.cost_model import PackGroup, packs

LANES, ALONE, SHARED, APART = 4, 10, 30, 60  # costs of a network, of a pack of one seed, and of several

SMALL = PackGroup((4, 3), 32)
LARGE = PackGroup((4, 300, 3), 32)


@pytest.fixture
def costs(monkeypatch):
    """Replace the costs by those above, whatever the network; a large network costs a hundred times as much."""
    times = lambda sizes: 100 if sizes == LARGE.layer_sizes else 1  # noqa: E731
    monkeypatch.setattr(cost_model.compiler, "lanes", lambda dtype: LANES)
    monkeypatch.setattr(cost_model, "cost_alone", lambda sizes, *_: times(sizes) * ALONE)
    cost = lambda sizes, dtype, batch_size, shares_rows: times(sizes) * (SHARED if shares_rows else APART)  # noqa: E731
    monkeypatch.setattr(cost_model, "cost_of_pack", cost)


def lengths(count, threads, seeds=None, group=SMALL):
    seeds = np.zeros(count, int) if seeds is None else np.array(seeds)
    return [len(pack) for pack in packs([group], np.zeros(count, int), seeds, "float32", threads)]


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
def test_each_training_is_in_one_pack_of_its_kind(threads):
    random = np.random.default_rng(0)
    groups = [
        PackGroup((2, 2, 1), 32),
        PackGroup((64, 32, 10), 8),
        PackGroup((784, 300, 10), 32),
        PackGroup((4, 3), 1, can_pack=False),
    ]
    group_indices, seeds = random.integers(4, size=500), random.integers(5, size=500)
    together = packs(groups, group_indices, seeds, "float32", threads)
    assert sorted(np.concatenate(together)) == list(range(500))
    for pack in together:
        assert len(pack) <= cost_model.compiler.lanes("float32")
        assert len(set(group_indices[pack])) == 1


def test_the_longest_begin_first_and_of_equals_the_first(costs):
    group_indices = np.array([0] * 8 + [1] * 4)
    together = packs([SMALL, LARGE], group_indices, np.zeros(12, int), "float32", workers=1)
    assert [pack.tolist() for pack in together] == [[8, 9, 10, 11], [0, 1, 2, 3], [4, 5, 6, 7]]


@pytest.mark.parametrize(
    ("count", "threads", "expected"),
    [
        (20, 1, [4] * 5),
        (20, 2, [4] * 4 + [1] * 4),  # ends after 80 and not 90
        (16, 2, [4] * 4),
        (4, 2, [1] * 4),  # 20 and not 30
        (8, 4, [1] * 8),
        (3, 1, [1] * 3),  # 30 either way
    ],
)
def test_the_last_packs_are_split_where_the_end_is_then_earlier(costs, count, threads, expected):
    assert lengths(count, threads) == expected


def test_packs_are_of_one_seed_where_there_are_enough(costs):
    together = packs([SMALL], np.zeros(8, int), np.array([5, 2] * 4), "float32", workers=1)
    assert [pack.tolist() for pack in together] == [[0, 2, 4, 6], [1, 3, 5, 7]]


def test_networks_of_different_seeds_are_apart_where_that_costs_less(costs, monkeypatch):
    assert lengths(8, 1, range(8)) == [1] * 8
    monkeypatch.setattr(cost_model, "cost_of_pack", lambda *_: SHARED)
    assert lengths(8, 1, range(8)) == [4, 4]


def test_what_may_not_go_side_by_side_goes_alone(costs):
    assert lengths(8, 1, group=SMALL._replace(can_pack=False)) == [1] * 8


def test_a_row_costs_more_in_a_small_minibatch_and_in_a_pack_of_several_orders():
    sizes = (64, 32, 10)
    costs = [cost_model.cost_alone(sizes, "float32", batch_size) for batch_size in (1, 32, 1000)]
    assert costs[0] > 3 * costs[1] > 3 * costs[2]
    assert cost_model.cost_of_pack(sizes, "float32", 32, True) <= cost_model.cost_of_pack(sizes, "float32", 32, False)
