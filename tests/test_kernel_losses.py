"""The kernels' losses and deltas of interleaved rows are compared with the reference; nothing else is written."""

import numpy as np
import pytest

import fastprop as fp
from fastprop import reference
from fastprop.kernels import compiler, layout, losses
from fastprop.kernels.activations import ACTIVATIONS
from tests.compare import CANCELLATION_IN_GELU, ROUNDINGS_OF_A_LOSS, assert_close, tolerance
from tests.kernel_arguments import training
from tests.marks import compiled_dtype, slow_except
from tests.parts import OFFSET, compiled, interleaved_in_memory, whole

dtype = compiled_dtype

FIRST = 16  # of the rows: as of a team's second thread, whose losses stand between those of others
PAIRS = [
    *((output, loss) for loss in ("mse", "mae", "huber", fp.Huber(0.25)) for output in ACTIVATIONS),
    *((output, "pinball") for output in ("identity", "sigmoid", "softmax", "exp")),
    ("exp", "poisson"),
    ("sigmoid", "binary_cross_entropy"),
    ("sigmoid", fp.BinaryCrossEntropy(label_smoothing=0.2)),
    *(("softmax", loss) for loss in ("cross_entropy", fp.CrossEntropy(label_smoothing=0.2))),
]


@compiled
def losses_and_deltas(network, plan, memory, weighted, row_begin, rows, offset):
    losses.losses_and_deltas(network, plan, memory, weighted, row_begin, rows, offset)


def by_reference(output, loss, z, t):
    """Each row's loss (rows, width) and deltas (rows, columns, width); a loss is the sum of its terms here."""
    rows, columns, width = z.shape
    z, t = (np.moveaxis(array, 2, 1).reshape(rows * width, columns).astype(np.float64) for array in (z, t))
    activation = reference.ACTIVATIONS[output]
    each, deltas = reference.losses_and_delta(loss, z, activation.f(z), t, lambda g: activation.gradient(z, g))
    terms = 1 if (output, loss) in PAIRS[-2:] else columns
    return terms * each.reshape(rows, width), terms * np.moveaxis(deltas.reshape(rows, width, columns), 1, 2)


def assert_as_reference(output, loss, z, t, weight, scale, weighted):
    """Write rows after `FIRST` others to a workspace full of NaN, and compute their losses and deltas."""
    (rows, columns, width), dtype = z.shape, z.dtype
    made = training((1, columns), FIRST + rows, dtype, output=output, loss=loss, pack=width > 1)
    plan, stride, workspace = made.plan, made.plan.sizes.strides[-1], made.plan.workspace
    memory = np.full_like(made.memory, np.nan)
    groups = (rows if isinstance(plan, layout.PackPlan) else whole(rows, compiler.lanes(dtype))) * stride
    z_memory, t_memory, d_memory, s_memory = (
        memory[offset + FIRST * stride :][:groups]
        for offset in (workspace.outputs, workspace.targets, workspace.deltas[-1], workspace.derivatives[-1])
    )
    z_memory[...] = interleaved_in_memory(plan, z, stride, 7)[OFFSET:]  # finite, lest what is written too far be NaN
    padded = np.pad(t, ((0, 0), (0, stride // width - columns), (0, 0)))
    t_memory[...] = interleaved_in_memory(plan, padded, stride, 0)[OFFSET:]
    for offset, values in ((workspace.weights, weight), (workspace.scales, scale)):
        start = offset + FIRST * width if weighted else offset
        memory[start : start + (values.size if weighted else compiler.lanes(dtype))] = values.reshape(-1)
    l_memory = memory[workspace.losses + FIRST * width :][: rows * width]
    before = memory.copy()

    losses_and_deltas(made.network, plan, memory, weighted, FIRST, rows, workspace.losses + FIRST * width)
    found, deltas = l_memory.reshape(rows, width).copy(), d_memory.reshape(-1, stride)[:rows].copy()

    wanted, wanted_deltas = by_reference(output, loss, z, t)
    wanted, wanted_deltas = wanted * weight, wanted_deltas * scale.reshape(len(scale), 1, -1)
    limit, name = tolerance(dtype, columns + ROUNDINGS_OF_A_LOSS), f"of {columns} outputs"
    assert_close(found, wanted, limit, f"losses {name}")
    length = whole(columns * width, compiler.lanes(dtype))
    wanted_deltas = np.pad(wanted_deltas.reshape(rows, -1), ((0, 0), (0, length - columns * width)))
    limit *= CANCELLATION_IN_GELU if output == "gelu" else 1
    assert_close(deltas[:, :length], wanted_deltas, limit, f"deltas {name}")
    np.testing.assert_array_equal(deltas[:, columns * width : length], 0)
    if ACTIVATIONS[output].stores_derivative:
        s_memory[...] = 0
    for written in (z_memory, t_memory, d_memory, l_memory):
        written[...] = 0
    kept = memory != 0
    np.testing.assert_array_equal(memory[kept], before[kept])


@pytest.mark.parametrize("rows", slow_except([1, 15, 16, 17, 33], [17]))
@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("pack", [False, True], ids=["neurons", "networks"])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0]} {pair[1]}")
def test_losses_and_deltas(pair, pack, weighted, rows, dtype):
    for columns in (1, 3, 16, 17, 20):
        random, width = np.random.default_rng(columns), compiler.lanes(dtype) if pack else 1
        z = random.normal(0, 2, (rows, columns, width)).astype(dtype)
        t = random.random((rows, columns, width)).astype(dtype)
        t = t / t.sum(axis=1, keepdims=True) if pair in PAIRS[-2:] else t
        output, loss = pair
        loss = fp.Pinball(np.arange(1, columns + 1) / (columns + 1)) if loss == "pinball" else loss
        if weighted:
            weight, scale = random.uniform((0.1, 0.01), (3, 0.25), (rows, width, 2)).astype(dtype).transpose(2, 0, 1)
        else:
            weight, scale = np.array([1, 0.25], dtype).reshape(2, 1, 1)
        assert_as_reference(output, loss, z, t, weight, scale, weighted)
