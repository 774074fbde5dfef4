"""One minibatch, shared by the members of a team: forward, losses, backward, and a step of gradient descent.

The plan's strategy says how; the result is the same for any number of members.

- FUSED: one chunk. The members share its rows, then the blocks of its gradient. Each block of the parameters is updated
  as soon as its gradient is there, and the gradient is never kept whole.
- CHUNKED: several chunks, or a gradient whose norm is measured. The members share the rows of each chunk, then the
  blocks of its gradient, which is added to that of the chunks before. The last chunk updates each block; where the norm
  is measured, the update waits for the whole gradient.
- SEGMENTED: several segments. Each member takes whole ones, from the first row to a gradient of their own, and then a
  part of the parameters, for which it sums the segments' gradients in order.

The gradient of a tiny network that is unrolled has no blocks: the first member computes it for all.
"""

from typing import NamedTuple

import numpy as np

from fastprop.kernels.compiler import inline, noinline
from fastprop.kernels.dense import BLOCK_ONLY, Target
from fastprop.kernels.dropout import draw_keys, drops, set_rates
from fastprop.kernels.inputs import Sparse, fetch
from fastprop.kernels.lanes import Chunk, Table, gather_interleaved, one_hot, width
from fastprop.kernels.layout import BLOCK_ROWS, FUSED, SEGMENTED, STRIP_LINES, Matrix
from fastprop.kernels.load_store import lanes, load, prefetch_to_write, store
from fastprop.kernels.losses import SUMS_OUTPUTS, losses_and_deltas
from fastprop.kernels.matrices import layer_count
from fastprop.kernels.optimizers import BY_NORM, begin_step, scheduled_in, update
from fastprop.kernels.rounded_dense import backward, forward, gradient
from fastprop.kernels.team import share, size_of, wait
from fastprop.kernels.unrolled import is_unrolled, unrolled_forward, unrolled_gradient
from fastprop.kernels.update_rules import CLIP_FACTOR


class Network(NamedTuple):
    """What a network, or a pack of them, is to a kernel."""

    parameters: np.ndarray  # (P,), see layout.py
    activations: np.ndarray  # (L,) int64: the code of each layer's, see activations.py
    loss: int  # its code, see losses.py
    loss_parameters: np.ndarray  # (any,) float64: those of the loss, such as the quantile of each output
    mean: np.ndarray  # (I, padded): subtracted from the inputs; empty where they are not standardized
    input_inverse_std: np.ndarray  # (I, padded): what the inputs are multiplied by then; empty likewise
    unrolled_addresses: np.ndarray  # (2,) int64: of its own functions, see unrolled.py, or zeros


class Data(NamedTuple):
    """Rows of a data set, none of them copied.

    Either `inputs` or `bytes` is empty, and either `targets` or `labels`; `weights` is empty where all rows weigh 1.
    Where the rows are sparse, `inputs` holds the elements that differ from the background of their column.
    """

    inputs: np.ndarray  # flat, of the network's dtype: all rows
    bytes: np.ndarray  # flat, uint8: all rows
    sparse: Sparse
    targets: np.ndarray  # (n · O,)
    labels: np.ndarray  # (n,) int64: the index of the output that should be 1
    weights: np.ndarray  # (n,) float64, with the digits of the network's dtype
    row_stride: int  # elements from one row of `inputs` or `bytes` to the next
    rows: np.ndarray  # (1, m) int64: indices of the rows to use, in order


# ---- the three strategies ----


@inline
def minibatch(network, optimizer, data, plan, memory, member, batch, learn):
    """Write the losses of a minibatch's rows; if it is to `learn`, do a step of gradient descent."""
    # losses (B, width)   parameters (P,)
    for lane in range(len(batch.order)):
        weight = total_weight(data, batch.order[lane], batch.first, batch.rows)
        member.scales[lane] = 1 / weight / terms(network, plan)
    if learn:
        if optimizer.schedules_dropout and drops(member.dropout):
            set_rates(member.dropout, scheduled_in(optimizer.dropout_schedule, member.step))
        begin_step(optimizer, member.step)
    if plan.strategy.name == FUSED:
        fused_minibatch(network, optimizer, data, plan, memory, member, batch, learn)
    elif plan.strategy.name == SEGMENTED:
        segmented_minibatch(network, optimizer, data, plan, memory, member, batch, learn)
    else:
        chunked_minibatch(network, optimizer, data, plan, memory, member, batch, learn)


@inline
def fused_minibatch(network, optimizer, data, plan, memory, member, batch, learn):
    """Work on one chunk, and update each block of parameters as soon as its gradient is there."""
    # losses (B, width)   parameters (P,)
    chunk = shared_chunk(plan, member, batch, 0, batch.rows)
    propagate(network, data, plan, memory, member, batch.first, chunk, learn)
    wait(member)
    if learn:
        target = Target(BLOCK_ONLY, False, True)
        accumulate_gradient(network, optimizer, plan, memory, member, batch.rows, target)


@inline
def chunked_minibatch(network, optimizer, data, plan, memory, member, batch, learn):
    """Work on one chunk after another; update the parameters with the last one, or after it if the norm is needed."""
    # losses (B, width)   gradient, parameters (P,)
    begin, keeps_gradient = 0, plan.strategy.keeps_gradient
    while begin < batch.rows:
        rows = min(plan.strategy.chunk_rows, batch.rows - begin)
        applies_update = begin + rows == batch.rows and not keeps_gradient
        chunk = shared_chunk(plan, member, batch, begin, rows)
        propagate(network, data, plan, memory, member, batch.first, chunk, learn)
        wait(member)
        if learn:
            target = Target(plan.workspace.gradients, begin > 0, applies_update)
            accumulate_gradient(network, optimizer, plan, memory, member, rows, target)
        if not applies_update:
            wait(member)
        begin += rows
    if keeps_gradient and learn:
        update_by_norm(network, optimizer, plan, memory, member, 1)


@inline
def segmented_minibatch(network, optimizer, data, plan, memory, member, batch, learn):
    """Work on each member's segments, then sum the segments' gradients in order."""
    # losses (B, width)   gradients (segments, P)   parameters (P,)
    segment, segment_rows = member.position, plan.strategy.segment_rows
    while segment * segment_rows < batch.rows:
        first, end = segment * segment_rows, min(batch.rows, (segment + 1) * segment_rows)
        begin = first
        while begin < end:
            chunk = Chunk(batch.order, batch.first + begin, min(plan.strategy.chunk_rows, end - begin), 0)
            propagate(network, data, plan, memory, member, batch.first, chunk, learn)
            if learn:
                target = Target(plan.workspace.gradients + segment * plan.sizes.parameters[-1], begin > first, False)
                accumulate_gradient(network, optimizer, plan, memory, member, chunk.rows, target)
            begin += chunk.rows
        segment += size_of(member)
    wait(member)
    if learn:
        segments = (batch.rows + segment_rows - 1) // segment_rows
        if plan.strategy.keeps_gradient:
            update_by_norm(network, optimizer, plan, memory, member, segments)
        else:
            update_by_sum(network, optimizer, plan, memory, member, segments)


@inline
def shared_chunk(plan, member, batch, begin, rows):
    """Return a member's part of a chunk: `rows` rows of the minibatch from `begin` on."""
    # order (1 or width, m)
    row_begin, row_end = share(rows, member.position, size_of(member), plan.sizes.line)
    return Chunk(batch.order, batch.first + begin + row_begin, row_end - row_begin, row_begin)


# ---- gradients ----


@inline
def accumulate_gradient(network, optimizer, plan, memory, member, rows, target):
    """Compute the gradient over a chunk of `rows` rows, and do with it as `target` says."""
    # g (P,)
    if is_unrolled(network):
        accumulate_unrolled(network, optimizer, plan, memory, member, rows, target)
    else:
        accumulate_layers(network, optimizer, plan, memory, member, rows, target)


@noinline
def accumulate_unrolled(network, optimizer, plan, memory, member, rows, target):
    """Compute the gradient of all layers at once; of a team that shares the rows, the first member does."""
    # g (P,)
    if member.position > 0 and plan.strategy.name != SEGMENTED:
        return
    g = Matrix(plan.workspace.block if target.offset == BLOCK_ONLY else target.offset, 0)
    unrolled_gradient(network, plan, memory, g.offset, rows, target.accumulate)
    if target.apply_update:
        count = plan.sizes.parameters[-1]
        update(optimizer, member.step, network.parameters, Matrix(0, 0), memory, g, 1, count)


@noinline
def accumulate_layers(network, optimizer, plan, memory, member, rows, target):
    """Compute the gradient of each layer, from the last to the first."""
    # g (P,), layer by layer (1 + I, O)
    for layer in range(layer_count(plan) - 1, -1, -1):
        gradient(network, optimizer, plan, memory, member, layer, rows, target)


@inline
def update_by_sum(network, optimizer, plan, memory, member, segments):
    """Update a member's part of the parameters, block by block, with the sum of the segments' gradients."""
    # gradients (segments, P)
    begin, end = parameter_share(network, plan, member)
    block = BLOCK_ROWS * STRIP_LINES * plan.sizes.line
    for first in range(begin, end, block):
        count = min(block, end - first)
        for i in range(0, count, lanes(memory)):
            total = total_of(plan, memory, plan.workspace.gradients + first + i, segments)
            store(memory, plan.workspace.block + i, total)
        gradient_block = Matrix(plan.workspace.block, 0)
        update(optimizer, member.step, network.parameters, Matrix(first, 0), memory, gradient_block, 1, count)


@noinline
def update_by_norm(network, optimizer, plan, memory, member, segments):
    """Sum the segments' gradients whole, add up the norm, and update a member's part of the parameters."""
    # gradients (segments, P)
    begin, end = parameter_share(network, plan, member)
    gradients = plan.workspace.gradients
    for i in range(gradients + begin, gradients + end, lanes(memory)):
        store(memory, i, total_of(plan, memory, i, segments))
    wait(member)
    for lane in range(width(plan, memory)):
        norm = gradient_norm(plan, memory, lane)
        member.step.norms[lane] += norm
        if optimizer.rule.clip == BY_NORM:
            limit_norm(optimizer, member.step, norm, lane, width(plan, memory))
    g = Matrix(gradients + begin, 0)
    update(optimizer, member.step, network.parameters, Matrix(begin, 0), memory, g, 1, end - begin)


@inline
def parameter_share(network, plan, member):
    """Return where a member's part of the parameters begins and ends."""
    # parameters (P,)[begin:end]
    begin, end = share(plan.sizes.parameters[-1], member.position, size_of(member), plan.sizes.line)
    if size_of(member) > 1:  # the other members' caches hold these lines, which have read them
        for i in range(begin, end, plan.sizes.line):
            prefetch_to_write(network.parameters, i)
    return begin, end


@inline
def total_of(plan, memory, i, segments):
    """Return the sum of the segments' gradients, one vector of it; `i` is its offset in the first."""
    # gradients (segments, P)
    total = load(memory, i)
    for segment in range(1, segments):
        total = total + load(memory, i + segment * plan.sizes.parameters[-1])
    return total


@inline
def gradient_norm(plan, memory, lane):
    """Return the norm of a network's whole gradient, summed in float64 and in one order."""
    # g (P,), layer by layer (1 + I, O)
    unit, total = width(plan, memory), 0.0
    for layer in range(layer_count(plan)):
        stride = plan.sizes.strides[layer + 1]
        first = plan.workspace.gradients + plan.sizes.parameters[layer] + lane
        for row in range(1 + plan.sizes.layers[layer]):
            for j in range(plan.sizes.layers[layer + 1]):
                g = float(memory[first + row * stride + j * unit])
                total += g * g
    return np.sqrt(total)


@inline
def limit_norm(optimizer, step, norm, lane, unit):
    """Set the factor that brings the norm of a network's gradient within the limit."""
    # hyperparameters (rows, a cache line)
    factor = optimizer.rule.limit / (norm + 1e-6)
    factor = 1.0 if factor > 1 else factor  # a NaN stays one
    for other in range(lane, step.hyperparameters.shape[1], unit):
        step.hyperparameters[CLIP_FACTOR, other] = factor


# ---- the rows of a chunk ----


@noinline
def propagate(network, data, plan, memory, member, batch_first, chunk, learn):
    """Fetch the rows of a chunk; go forward, write their losses, and if it is to `learn` go backward.

    `batch_first` is the index in `chunk.order` of the minibatch's first row.
    """
    # x (B, I), targets (B, O) ← data (n, …)[order]   losses (batch rows, width)
    if chunk.rows == 0:
        return
    fetch(network, data, plan, memory, chunk)
    fetch_targets(data, plan, memory, chunk)
    weighted = len(data.weights) > 0
    if weighted:
        weigh_rows(data, plan, memory, member, chunk)
    else:
        store(memory, plan.workspace.weights, 1)
        store(memory, plan.workspace.scales, member.scales[0])
    dropout = member.dropout if learn else member.no_dropout
    if drops(dropout):
        draw_keys(plan, memory, dropout, member.step.done[0], chunk)
    forward_pass(network, plan, memory, dropout, chunk, learn)
    losses = plan.workspace.losses + (chunk.first - batch_first) * width(plan, memory)
    losses_and_deltas(network, plan, memory, weighted, chunk.row_begin, chunk.rows, losses)
    if learn and not is_unrolled(network):  # the unrolled gradient passes the deltas backward itself
        for layer in range(layer_count(plan) - 1, 0, -1):
            backward(network, plan, memory, dropout, layer, chunk.row_begin, chunk.row_begin + chunk.rows)


@inline
def fetch_targets(data, plan, memory, chunk):
    """Write the targets of a chunk's rows to the workspace; a label becomes a row with one 1."""
    # targets (B, O), interleaved ← targets (n, O) or labels (n,)
    outputs, stride = plan.sizes.layers[-1], plan.sizes.strides[-1]
    target = Matrix(plan.workspace.targets + chunk.row_begin * stride, stride)
    if len(data.labels) > 0:
        one_hot(plan, data.labels, outputs, chunk, memory, target)
    else:
        scratch = plan.workspace.deltas[-1] + chunk.row_begin * stride
        gather_interleaved(plan, Table(data.targets, outputs, outputs), chunk, memory, target, scratch)


@inline
def forward_pass(network, plan, memory, dropout, chunk, learn):
    """Bring the rows of a chunk to the last layer, whose activation waits for the loss."""
    # outputs (B, O), interleaved ← x (B, I)
    if is_unrolled(network):
        unrolled_forward(network, plan, memory, chunk.row_begin, chunk.rows)
        return
    for layer in range(layer_count(plan)):
        forward(network, plan, memory, dropout, layer, chunk.row_begin, chunk.row_begin + chunk.rows, learn)


@inline
def weigh_rows(data, plan, memory, member, chunk):
    """Write to the workspace what each row's loss, and its deltas, are multiplied by."""
    # weights, scales (B, width): of each row, and of its deltas
    for row in range(chunk.rows):
        for lane in range(width(plan, memory)):
            i = (chunk.row_begin + row) * width(plan, memory) + lane
            order = lane if len(chunk.order) > 1 else 0
            weight = data.weights[chunk.order[order, chunk.first + row]]
            memory[plan.workspace.weights + i] = weight
            memory[plan.workspace.scales + i] = member.scales[order] * weight


@inline
def total_weight(data, order, first, rows):
    """Return the sum of the weights of `rows` rows of `order` from `first` on."""
    # order (m,)
    if len(data.weights) == 0:
        return float(rows)
    total = 0.0
    for i in range(first, first + rows):
        total += data.weights[order[i]]
    return total


@inline
def terms(network, plan):
    """Return how many terms a row's loss is the mean of."""
    # an int
    return 1 if SUMS_OUTPUTS >> network.loss & 1 == 1 else plan.sizes.layers[-1]
