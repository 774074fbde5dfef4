"""When a team is tested against half of it, and what follows; times are those that a test writes."""

import numpy as np
import pytest

from fastprop import cost_model
from fastprop.kernels import pacing
from tests.kernel_arguments import trainings
from tests.parts import compiled

LONG = 10_000_000  # nanoseconds


@compiled
def next_size(limits, size, team_size, rows):
    return pacing.next_size(limits, size, team_size, rows)


@pytest.fixture(autouse=True)
def no_earlier_kinds():
    """No kind of team was tested before; the function is compiled, which takes longer than the times below."""
    pacing._pause_of.cache_clear()
    next_size(pacing.new_pacing(2), 2, 2, 0)


def trained(limits, nanoseconds_of_row, rows=1000):
    """Return the pacing as it is after two members have trained on some rows, for longer than `proving_time`."""
    state, now = limits.state, pacing.now()
    state[pacing.BEGIN], state[pacing.LAST], state[pacing.LOOKED] = now - LONG, now, 0
    state[pacing.DURATION], state[pacing.ROWS] = nanoseconds_of_row * rows, rows
    limits.members[pacing.LOOKED_OFF :: pacing.LINE] = now + LONG  # no member has been off
    return limits


def after_trial(limits, nanoseconds_of_row, rows=1000):
    """Return the size of the team after one member has trained alone until the test was over."""
    state = limits.state
    state[pacing.DURATION], state[pacing.ROWS] = nanoseconds_of_row * rows, rows
    limits.pause[pacing.END] = pacing.now() - 1
    limits.members[pacing.LINE + pacing.READY] = 1
    return next_size(limits, 1, 2, 0)


def test_a_team_that_has_to_prove_itself_is_tested_and_stays_where_it_is_faster():
    limits = trained(pacing.new_pacing(2, "kind"), 100)
    assert next_size(limits, 2, 2, 0) == 1
    assert after_trial(limits, 150) == 2
    assert limits.pause[pacing.PROVEN_UNTIL] > pacing.now() + limits.longest_pause // 2
    assert next_size(trained(limits, 100), 2, 2, 0) == 2  # it has proved itself
    assert next_size(trained(pacing.new_pacing(2, "kind"), 100), 2, 2, 0) == 2  # and so have others of its kind
    assert next_size(trained(pacing.new_pacing(2, "other"), 100), 2, 2, 0) == 1


def test_a_team_that_is_slower_goes_on_with_half_of_it_for_longer_each_time():
    limits = trained(pacing.new_pacing(2, "kind"), 100)
    for pause in (1, 2, 4, 8):
        assert next_size(trained(limits, 100), 2, 2, 0) == 1
        assert after_trial(limits, 80) == 1
        assert limits.pause[pacing.LENGTH] == pause * limits.first_pause
        assert limits.pause[pacing.END] > pacing.now()
        limits.pause[pacing.END] = pacing.now() - 1
        limits.members[pacing.LINE + pacing.READY] = 1
        assert next_size(limits, 1, 2, 0) == 2  # it is tried anew


def test_a_team_is_not_tested_before_it_has_trained_for_a_while():
    limits = trained(pacing.new_pacing(2, "kind"), 100)
    limits.state[pacing.BEGIN] = pacing.now() + LONG
    assert next_size(limits, 2, 2, 0) == 2


def test_other_teams_are_not_tested_and_share_their_pause():
    limits = trained(pacing.new_pacing(2), 100)
    assert next_size(limits, 2, 2, 0) == 2
    assert pacing.new_pacing(3).pause is limits.pause
    assert pacing.new_pacing(2, "kind").pause is not limits.pause
    assert pacing.new_pacing(2, "kind").pause is pacing.new_pacing(2, "kind").pause
    assert pacing.new_pacing(3, "kind").pause is not pacing.new_pacing(2, "kind").pause


@pytest.mark.parametrize(
    ("layer_sizes", "batch_size", "pays"),
    [  # measured where a wait of two members takes 0.4 µs and a byte of the other's 0.8 ns, see benchmarks/NOTES.md
        ((64, 32, 10), 32, False),
        ((8, 64, 64, 1), 64, False),
        ((8, 64, 64, 1), 128, True),
        ((30, 64, 64, 2), 32, False),
        ((784, 128, 10), 32, False),
        ((784, 128, 10), 128, True),
        ((32, 64, 64, 1), 4096, True),
    ],
)
def test_on_far_cores_a_team_pays_where_it_was_measured_to(layer_sizes, batch_size, pays):
    assert cost_model.pays_on_far_cores(layer_sizes, batch_size, "float32", 2) == pays


def test_a_test_holds_for_trainings_of_one_precision():
    kind = (784, 128, 10), 32, "float32"
    rounded, plain, other = (trainings(*kind, members=2, precision=each)[0] for each in ("bfloat16", None, None))
    assert plain.member.pacing.pause is other.member.pacing.pause
    assert rounded.member.pacing.pause is not plain.member.pacing.pause


def test_what_moves_between_members_can_outweigh_any_number_of_them():
    assert not cost_model.pays_on_far_cores((784, 128, 10), 1, "float32", 64)
    assert cost_model.pays_on_far_cores((784, 128, 10), 128, "float32", 16)


def test_a_call_that_trains_little_is_not_shared():
    kinds = ((784, 128, 10), 128, "float32", 2), ((30, 64, 64, 2), 32, "float32", 2)
    for rows in (1000, 50_000):
        proves = [not cost_model.pays_on_far_cores(*kind) for kind in kinds]
        epochs = [cost_model.epochs_of_team(*kind[:3], rows, each) for kind, each in zip(kinds, proves)]
        cycles = [
            rows * each * cost_model.cost_alone(sizes, dtype, batch_size)
            for each, (sizes, batch_size, dtype, _) in zip(epochs, kinds)
        ]
        np.testing.assert_allclose(cycles, [1.2e6, 6e7])  # the second has to prove itself
