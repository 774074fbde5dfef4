"""The kernels' arguments, made by the package itself: a test replaces those that it is about, and knows no others."""

import numpy as np

import fastprop as fp
from fastprop.data import Dataset, Split
from fastprop.kernels import compiler
from fastprop.kernels.team import new_barrier
from fastprop.runs import TrainingOptions, kernel_arguments
from fastprop.runs.packed_state import PackedState


def trainings(
    sizes,
    rows,
    dtype,
    *,
    output="identity",
    hidden="sigmoid",
    loss="mse",
    pack=False,
    shares_rows=True,
    members=1,
    precision=None,
    **others,
):
    """Return the kernels' `Training` of each member that trains a network, or a full pack, on as many rows of zeros.

    A minibatch has all of the `rows`. The optimizer is SGD with learning rate 1. Without
    `shares_rows`, the networks of a pack have an order of the rows each. `others` are arguments of
    `kernel_arguments.training`. All members have joined the team.
    """
    width = compiler.lanes(dtype) if pack else 1
    networks = [fp.MLP(sizes, hidden=hidden, output=output, dtype=dtype, seed=0) for _ in range(width)]
    seeds = np.zeros(width, int) if shares_rows else np.arange(width)
    options = [
        TrainingOptions(
            epochs=1, batch_size=rows, loss=loss, optimizer=fp.SGD(1.0), seed=int(seed), precision=precision
        )
        for seed in seeds
    ]
    plain = fp.MLP((sizes[0], sizes[-1]), output="identity", dtype=dtype)  # zeros are targets for it
    data = Dataset.of(np.zeros((rows, sizes[0]), dtype), np.zeros((rows, sizes[-1]), dtype), plain, "mse")
    state = PackedState(networks, options, 1, members)
    made = kernel_arguments.training(state, Split.of(None, data, plain, "mse"), options, rows, members, **others)
    barrier = new_barrier(members)
    return [each._replace(member=each.member._replace(barrier=barrier)) for each in made]


def training(*arguments, **others):
    """Return the `Training` of a team's only member, see `trainings`."""
    (only,) = trainings(*arguments, **others)
    return only
