"""A team of threads: its members wait for each other, and each has a part of the work."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fastprop.kernels import layout, losses, minibatch, optimizers, schedules, team
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
    barrier, rounds, seen = (
        team.new_barrier(members),
        np.zeros(members, np.int64),
        np.zeros((members, ROUNDS), np.int64),
    )
    with ThreadPoolExecutor(members) as pool:
        for position in range(members):
            pool.submit(
                meet, team.Member(position, members, barrier, None, None, None, np.ones(1), None, None), rounds, seen
            )
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
    plans, size = layout.plans((8, 24, 24, 1), 200, dtype, (False,) * 3, members)
    count = plans[0].sizes.parameters[-1]
    gradients = np.random.default_rng(0).normal(size=(plans[0].strategy.segments, count)).astype(dtype)
    memory, parameters = layout.aligned_zeros(size, dtype), layout.aligned_zeros(count, dtype)
    memory[plans[0].workspace.gradients :][: gradients.size] = gradients.reshape(-1)
    hyperparameters = np.zeros((len(optimizers.ROWS), layout.line(dtype)), dtype)
    hyperparameters[optimizers.LEARNING_RATE] = 1
    nothing = np.zeros((1, 1))
    step = optimizers.Step(hyperparameters, nothing, nothing[0], nothing[0], nothing, nothing, np.zeros(2, np.int64))
    schedule = schedules.Schedule(schedules.CONSTANT, False, 1, 0, np.zeros(4))
    average = optimizers.EMA(memory[:0], 1.0, 0)
    rule = optimizers.Rule(optimizers.SGD, False, optimizers.UNLIMITED, 0.0, memory, memory[:0])
    optimizer = optimizers.Optimizer(rule, average, False, schedule, schedule, schedule, False)
    network = minibatch.Network(
        parameters=parameters,
        activations=np.zeros(3, np.int64),
        loss=losses.LOSSES["mse"].code,
        loss_parameters=np.zeros(0),
        mean=memory[:0],
        input_inverse_std=memory[:0],
        unrolled_addresses=np.zeros(2, np.int64),
    )
    for position, plan in enumerate(plans):
        member = team.Member(position, members, team.new_barrier(members), None, step, step, np.ones(1), None, None)
        update_by_sum(network, optimizer, plan, memory, member, segments)
    total = gradients[0]
    for gradient in gradients[1:segments]:
        total = total + gradient
    np.testing.assert_array_equal(parameters, -total)
