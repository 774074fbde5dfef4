"""One run of one network, or of a pack: epochs of minibatches, without a return to Python.

A team of threads may share a run: each member calls `train`, with a plan and a team of its own.
"""

from typing import NamedTuple

import numpy as np

from fastprop.kernels.activations import activate_outputs
from fastprop.kernels.compiler import inline, kernel, noinline, refer
from fastprop.kernels.inputs import fetch
from fastprop.kernels.lanes import add_rows, interleaved_offset, is_pack
from fastprop.kernels.load_store import lanes, load, splat, store
from fastprop.kernels.minibatch import forward_pass, minibatch, terms, weight_of
from fastprop.kernels.schedules import watch
from fastprop.kernels.shuffle import shuffle
from fastprop.kernels.team import STATE, wait
from fastprop.kernels.threads import flush_denormals, restore


class Record(NamedTuple):
    """How far a run has come, network by network: what Python reads while it runs."""

    stop: np.ndarray  # (1,): not 0 where Python wants it to end
    done: np.ndarray  # (width,): epochs
    ended: np.ndarray  # (width,): 0, or LOST and then BURIED where something is no longer finite, or EARLY
    losses: np.ndarray  # (2, epochs, width): training, validation
    rates: np.ndarray  # (epochs, width): the learning rate of the last step
    norms: np.ndarray  # (epochs, width): the mean norm of the gradient, where it is measured
    totals: np.ndarray  # (width,): weighted sums of the losses of an epoch so far
    lost: np.ndarray  # (P,) of a pack: the parameters of networks that have ended, as they were then
    best: np.ndarray  # (P,) where they are to be restored: the parameters of the last improvement
    improvement: np.ndarray  # (2, width): the last one's loss and epoch
    patience: int  # after so many epochs without an improvement a network ends, or 0
    min_improvement: float  # by so much a loss must fall below the last improvement's


GOING, STOPPED, ENDED = range(3)  # values of board[STATE]
DIVERGING, DIVERGED, EARLY = 1, 2, 3  # values of ended


class Training(NamedTuple):
    """All that a member of a team needs to train epochs `begin` to `until`."""

    network: NamedTuple  # see minibatch.py
    final: NamedTuple  # the network as it would be if the run ended now: the same, or of the average of the parameters
    optimizer: NamedTuple  # see optimizers.py
    data: NamedTuple  # see minibatch.py
    validation: NamedTuple  # likewise
    plan: NamedTuple  # see layout.py
    memory: np.ndarray  # the workspace, likewise
    team: NamedTuple  # see team.py
    order: np.ndarray  # (1 or width, m): scratch
    seeds: np.ndarray  # (1 or width,)
    shuffled: bool
    batch_size: int
    begin: int
    until: int
    record: NamedTuple


@kernel
def train(training):
    """Train until the last epoch is done, or until asked to stop, or until no network is finite."""
    train_epochs(refer(training))


@noinline
def train_epochs(training):
    network, final, optimizer = training.network, training.final, training.optimizer
    data, validation, order, batch_size = training.data, training.validation, training.order, training.batch_size
    plan, memory, team, record, epoch = training.plan, training.memory, training.team, training.record, training.begin
    state = flush_denormals()
    leads, steps = team.member == 0, (data.rows.shape[1] + batch_size - 1) // batch_size
    watched = int(validation.rows.shape[1] > 0)  # the loss that says how well a network does
    while epoch < training.until and team.barrier[STATE] == GOING:
        if leads:
            arrange(order, data.rows, training.seeds, training.shuffled, epoch)
        team.step.done[0] = epoch
        team.step.norms[:] = 0
        if epoch > 0:
            watch(optimizer.schedule, team.step.plateau, record.losses[watched, epoch - 1])
        for learn in (True, False):
            source, rows = (data, order) if learn else (validation, validation.rows)
            if leads:
                record.totals[:] = 0
            wait(team)
            for first in range(0, rows.shape[1], batch_size):
                if team.barrier[STATE] != GOING:
                    break
                count = min(batch_size, rows.shape[1] - first)
                minibatch(network if learn else final, optimizer, source, plan, memory, team, rows, first, count, learn)
                if leads:
                    add_rows(plan, record.totals, memory, plan.losses, count)
                    if learn:
                        check_losses_finite(team, record)
                wait(team)
                if leads and learn:
                    record_divergence(final, source, plan, team.step, record, epoch, first // batch_size + 1)
            if leads and team.barrier[STATE] == GOING:
                record_losses(network, source, plan, team.step, record, epoch, steps, learn)
        if leads and team.barrier[STATE] == GOING:
            finish(network, final, record.losses[watched, epoch], plan, memory, team, record, epoch)
        wait(team)
        epoch += 1
    restore(state)


@kernel
def predict(network, data, plan, memory, dropout, outputs):
    """Write the last layer's activations of all rows."""
    # outputs (m, n_out)
    predict_rows(refer(network), refer(data), refer(plan), memory, refer(dropout), outputs)


@noinline
def predict_rows(network, data, plan, memory, dropout, outputs):
    state = flush_denormals()
    for first in range(0, len(outputs), plan.rows):
        rows = min(plan.rows, len(outputs) - first)
        fetch(network, data, plan, memory, data.rows, first, rows, 0)
        forward_pass(network, plan, memory, dropout, 0, rows)
        activate_outputs(plan, network.activations[-1], memory, 0, rows)
        for row in range(rows):
            y = interleaved_offset(plan, memory, plan.outputs, plan.strides[-1], row)
            for j in range(plan.sizes[-1]):
                outputs[first + row, j] = memory[y + j * lanes(memory)]
    restore(state)


@inline
def arrange(order, rows, seeds, shuffled, epoch):
    """Put the rows in each network's order for the epoch."""
    for lane in range(len(order)):
        for i in range(rows.shape[1]):
            order[lane, i] = rows[0, i]
        if shuffled:
            shuffle(order[lane], seeds[lane], epoch)


@inline
def check_losses_finite(team, record):
    """See which networks' losses are no longer finite, and whether to go on."""
    infinite = 0
    for total in record.totals:
        infinite += not np.isfinite(total)
    if infinite > 0:
        for lane in range(len(record.totals)):
            if record.ended[lane] == 0 and not np.isfinite(record.totals[lane]):
                record.ended[lane] = DIVERGING
        if all_ended(record):
            team.barrier[STATE] = ENDED
    if record.stop[0] != 0:
        team.barrier[STATE] = STOPPED


@inline
def all_ended(record):
    """Whether no network is left."""
    left = 0
    for ended in record.ended:
        left += ended == 0
    return left == 0


@inline
def record_divergence(network, data, plan, step, record, epoch, steps):
    """Note the last loss of networks that have just diverged and keep their parameters: a pack goes on without them."""
    for lane in range(len(record.done)):
        if record.ended[lane] == DIVERGING:
            record_training_loss(network, data, plan, step, record, epoch, steps, lane)
            copy_parameters(network, record.lost, lane, len(record.done))
            record.ended[lane], record.done[lane] = DIVERGED, epoch + 1


@inline
def copy_parameters(network, kept, lane, width):
    """Keep a network's parameters as they are now."""
    for i in range(lane, len(kept), width):
        kept[i] = network.parameters[i]


@inline
def record_losses(network, data, plan, step, record, epoch, steps, learn):
    """Note what was measured in training, or in validation if not to `learn`, of each network that has not ended."""
    for lane in range(len(record.done)):
        if record.ended[lane] == 0:
            if learn:
                record_training_loss(network, data, plan, step, record, epoch, steps, lane)
            elif data.rows.shape[1] > 0:
                record.losses[1, epoch, lane] = mean(record.totals[lane], network, data, plan)


@inline
def record_training_loss(network, data, plan, step, record, epoch, steps, lane):
    """Note a network's loss, the learning rate of its last step, and the mean of its gradient's norm over `steps`."""
    record.losses[0, epoch, lane] = mean(record.totals[lane], network, data, plan)
    record.rates[epoch, lane] = step.rates[lane]
    if plan.keeps_gradient:
        record.norms[epoch, lane] = step.norms[lane] / steps


@inline
def finish(network, final, losses, plan, memory, team, record, epoch):
    """Count the epoch for each network that has not ended, and see whether it ends now."""
    # losses (width,): those watched
    find_non_finite_weights(plan, memory, network.parameters)
    for lane in range(len(record.done)):
        if record.ended[lane] == 0:
            record.done[lane] = epoch + 1
            if not np.isfinite(memory[plan.block + lane]):
                record.ended[lane] = DIVERGED
            elif record.patience > 0 and should_stop_early(final, record, losses[lane], epoch, lane):
                record.ended[lane] = EARLY
            if record.ended[lane] != 0:
                copy_parameters(final, record.lost, lane, len(record.done))
    if all_ended(record):
        team.barrier[STATE] = ENDED


@inline
def should_stop_early(network, record, loss, epoch, lane):
    """Whether a network's loss has not fallen for too long; if it has, keep the parameters as its best."""
    if loss < record.improvement[0, lane] - record.min_improvement:
        record.improvement[0, lane], record.improvement[1, lane] = loss, epoch
        copy_parameters(network, record.best, lane, len(record.done))
    return epoch - record.improvement[1, lane] >= record.patience


@inline
def mean(total, network, data, plan):
    """The mean loss of all rows whose weighted sum is `total`."""
    return total / weight_of(data, data.rows[0], 0, data.rows.shape[1]) / terms(network, plan)


@inline
def find_non_finite_weights(plan, memory, parameters):
    """Write to the block 0 for each network whose parameters are all finite, else NaN."""
    total = splat(memory, 0)
    for i in range(0, len(parameters), lanes(memory)):
        w = load(parameters, i)
        total = total + (w - w)  # number by number, this took 1 % of S4
    store(memory, plan.block, total)
    if not is_pack(plan):
        for lane in range(1, lanes(memory)):
            memory[plan.block] += memory[plan.block + lane]
