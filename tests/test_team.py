"""A team of threads: its members wait for each other, and each has a part of the work."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fastprop.kernels import minibatch, team
from tests.kernel_arguments import training, trainings
from tests.marks import compiled_dtype, slow_except
from tests.parts import compiled

dtype = compiled_dtype

ROUNDS = 500


@compiled
def meet(member, rounds, seen):
    # rounds (members,): how often each has come   seen (members, ROUNDS)
    for turn in range(seen.shape[1]):
        rounds[member.position] = turn + 1
        team.wait(member)
        seen[member.position, turn] = rounds.sum()
        team.wait(member)


@pytest.mark.parametrize("members", slow_except([1, 2, 3, 5, 8], [1, 2]))
def test_members_go_on_when_all_have_come(members):
    member = training((1, 1), 1, "float32").member._replace(team_size=members, barrier=team.new_barrier(members))
    rounds, seen = np.zeros(members, np.int64), np.zeros((members, ROUNDS), np.int64)
    with ThreadPoolExecutor(members) as pool:
        for position in range(members):
            pool.submit(meet, member._replace(position=position), rounds, seen)
    np.testing.assert_array_equal(seen, np.tile(members * np.arange(1, ROUNDS + 1), (members, 1)))


@compiled
def share(total, position, members, unit):
    return team.share(total, position, members, unit)


@pytest.mark.parametrize("total", [0, 1, 4, 5, 48, 1000])
@pytest.mark.parametrize("members", [1, 2, 3, 5, 16])
@pytest.mark.parametrize("unit", [1, 4, 16])
def test_shares_are_whole_units_that_join_and_differ_by_one_at_most(total, members, unit):
    begins, ends = np.transpose([share(total, position, members, unit) for position in range(members)])
    np.testing.assert_array_equal(np.append(begins, total), np.append(0, ends))
    assert not (begins[begins < total] % unit).any()
    assert np.ptp(-(-(ends - begins) // unit)) <= 1


@compiled
def update_by_sum(network, optimizer, plan, memory, member, segments):
    minibatch.update_by_sum(network, optimizer, plan, memory, member, segments)


@pytest.mark.parametrize("members", [1, 2, 3, 5])
@pytest.mark.parametrize("segments", [1, 2, 3])
def test_members_add_up_the_segments_gradients_in_order(members, segments, dtype):
    all_trainings = trainings((8, 24, 24, 1), 200, dtype, members=members)
    first = all_trainings[0]
    parameters = first.network.parameters
    parameters[...] = 0
    gradients = np.random.default_rng(0).normal(size=(first.plan.strategy.segments, len(parameters))).astype(dtype)
    first.memory[first.plan.workspace.gradients :][: gradients.size] = gradients.reshape(-1)
    for its in all_trainings:
        update_by_sum(its.network, its.optimizer, its.plan, its.memory, its.member, segments)
    total = gradients[0]
    for gradient in gradients[1:segments]:
        total = total + gradient
    np.testing.assert_array_equal(parameters, -total)
