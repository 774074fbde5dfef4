"""One run of one network, or of a pack: epochs of minibatches, without a return to Python.

A team of threads may share a run. Each member then calls `train`, with a plan and a `Member` of its own. The first
member leads: it draws the order of the rows and keeps the record.
"""

from typing import NamedTuple

import numpy as np

from fastprop.kernels.activations import activate_outputs
from fastprop.kernels.compiler import inline, kernel, noinline, refer
from fastprop.kernels.inputs import fetch
from fastprop.kernels.lanes import Chunk, add_rows, interleaved_offset, is_pack
from fastprop.kernels.layout import Matrix
from fastprop.kernels.load_store import lanes, load, splat, store
from fastprop.kernels.minibatch import Network, forward_pass, minibatch, terms, total_weight
from fastprop.kernels.regrouping import joins_team, regroup
from fastprop.kernels.schedules import watch
from fastprop.kernels.shuffle import shuffle
from fastprop.kernels.team import ENDED, GOING, JOINED_AT, OVER, STATE, STOPPED, wait
from fastprop.kernels.threads import flush_denormals, restore


class Record(NamedTuple):
    """How far a run has come, network by network: what Python reads while it runs."""

    stop: np.ndarray  # (1,) int64: not 0 where Python wants the run to end
    done: np.ndarray  # (width,) int64: epochs
    ended: np.ndarray  # (width,) int64: 0, or DIVERGING and then DIVERGED where something is not finite, or EARLY
    losses: np.ndarray  # (2, epochs, width) float64: training, validation
    rates: np.ndarray  # (epochs, width) float64: the learning rate of the last step
    norms: np.ndarray  # (epochs, width) float64: the mean norm of the gradient, where it is measured
    totals: np.ndarray  # (width,) float64: weighted sums of the losses of an epoch so far
    ended_parameters: np.ndarray  # (P,) of a pack: those of networks that have ended, as they were then
    best: np.ndarray  # (P,) the parameters of the last improvement; empty where they are not to be restored
    improvement: np.ndarray  # (2, width) float64: loss and epoch of the last improvement
    rungs: np.ndarray  # (rungs,) int64: epochs after which is kept what networks would end with
    kept: np.ndarray  # (rungs, P): the parameters that they would end with
    kept_improvements: np.ndarray  # (rungs, width) float64: the epoch of the last improvement
    patience: int  # epochs without an improvement after which a network ends; 0 where nothing is watched
    min_improvement: float  # how far below the last improvement's a loss must fall to be one


DIVERGING, DIVERGED, EARLY = 1, 2, 3  # values of Record.ended


class Training(NamedTuple):
    """All that a member needs to train epochs `begin` to `until`."""

    network: NamedTuple  # see minibatch.py
    final: NamedTuple  # the network if the run ended now: the same, or one with the average of the parameters
    optimizer: NamedTuple  # see optimizers.py
    data: NamedTuple  # see minibatch.py
    validation: NamedTuple  # likewise
    plan: NamedTuple  # see layout.py
    memory: np.ndarray  # the workspace, likewise
    member: NamedTuple  # see team.py
    order: np.ndarray  # (1 or width, m) int64: room for the order of the rows in an epoch
    seeds: np.ndarray  # (1 or width,) int64
    shuffled: bool
    batch_size: int  # rows
    begin: int  # epochs that are done
    until: int  # epochs that are to be done
    record: NamedTuple


@kernel
def train(training):
    """Train until the last epoch is done, or until asked to stop, or until no network is finite."""
    # losses (2, epochs, width)   parameters (P,)   order (1 or width, m)
    train_epochs(refer(training))


@noinline
def train_epochs(training):
    # losses (2, epochs, width)   parameters (P,)   order (1 or width, m)
    network, final, optimizer = training.network, training.final, training.optimizer
    data, validation, order, batch_size = training.data, training.validation, training.order, training.batch_size
    plan, memory, member, record = training.plan, training.memory, training.member, training.record
    state, belongs = flush_denormals(), joins_team(member)
    leads, steps = member.position == 0, (data.rows.shape[1] + batch_size - 1) // batch_size
    watched = int(validation.rows.shape[1] > 0)  # the row of record.losses that says how well a network does
    epoch, phase, first, begins = training.begin, 0, 0, True  # phase 0 trains, phase 1 measures the validation loss
    if not leads:  # it joins at the minibatch at which the others are
        epoch, phase, first, begins = (
            member.barrier[JOINED_AT],
            member.barrier[JOINED_AT + 1],
            member.barrier[JOINED_AT + 2],
            False,
        )
        if belongs:
            wait(member)
    while belongs and epoch < training.until and (not begins or member.barrier[STATE] == GOING):
        if begins:
            if leads:
                arrange(order, data.rows, training.seeds, training.shuffled, epoch)
            member.step.done[0] = epoch
            member.step.norms[:] = 0
            if epoch > 0:
                watch(optimizer.schedule, member.step.plateau, record.losses[watched, epoch - 1])
        while belongs and phase < 2:
            learn = phase == 0
            source, rows = (data, order) if learn else (validation, validation.rows)
            if begins:
                first = 0
                if leads:
                    record.totals[:] = 0
                belongs = regroup(member, epoch, phase, first, 0)
            begins = True
            while belongs and first < rows.shape[1] and member.barrier[STATE] == GOING:
                batch = Chunk(rows, first, min(batch_size, rows.shape[1] - first), 0)
                minibatch(network if learn else final, optimizer, source, plan, memory, member, batch, learn)
                if leads:
                    add_rows(plan, record.totals, memory, plan.workspace.losses, batch.rows)
                    if learn:
                        check_losses_finite(member, record)
                first += batch_size
                belongs = regroup(member, epoch, phase, first, batch.rows if learn else 0)
                if leads and learn:
                    record_divergence(final, source, plan, member.step, record, epoch, first // batch_size)
            if leads and member.barrier[STATE] == GOING:
                record_losses(network, source, plan, member.step, record, epoch, steps, learn)
            phase += 1
        if leads and member.barrier[STATE] == GOING:
            finish_epoch(network, final, plan, memory, member, record, epoch, watched)
            if epoch + 1 == training.until and member.barrier[STATE] == GOING:
                member.barrier[STATE] = OVER  # before the others return, so that they do not want to join anew
        if belongs:
            wait(member)
        epoch, phase = epoch + 1, 0
    if leads and member.barrier[STATE] == GOING:
        member.barrier[STATE] = OVER
    restore(state)


@kernel
def predict(networks, data, plan, memory, dropout, outputs):
    """Write the last layer's activations of all rows, network by network.

    `networks` is a `Network` whose parameters, mean and input_inverse_std have a row for each of K networks.
    """
    # outputs (K, m, O)   parameters (K, P)   mean, input_inverse_std (K, padded I)
    data, plan, dropout = refer(data), refer(plan), refer(dropout)
    for index in range(len(outputs)):
        network = Network(
            networks.parameters[index],
            networks.activations,
            networks.loss,
            networks.loss_parameters,
            networks.mean[index],
            networks.input_inverse_std[index],
            networks.unrolled_addresses,
        )
        predict_rows(refer(network), data, plan, memory, dropout, outputs[index])


@noinline
def predict_rows(network, data, plan, memory, dropout, outputs):
    # outputs (m, O)
    state, chunk_rows = flush_denormals(), plan.strategy.chunk_rows
    y_matrix = Matrix(plan.workspace.outputs, plan.sizes.strides[-1])
    for first in range(0, len(outputs), chunk_rows):
        rows = min(chunk_rows, len(outputs) - first)
        chunk = Chunk(data.rows, first, rows, 0)
        fetch(network, data, plan, memory, chunk)
        forward_pass(network, plan, memory, dropout, chunk, False)
        activate_outputs(plan, network.activations[-1], memory, 0, rows)
        for row in range(rows):
            y = interleaved_offset(plan, memory, y_matrix, row)
            for j in range(plan.sizes.layers[-1]):
                outputs[first + row, j] = memory[y + j * lanes(memory)]
    restore(state)


@inline
def arrange(order, rows, seeds, shuffled, epoch):
    """Write the rows in the order of each network for the epoch."""
    # order (1 or width, m)   rows (1, m)
    for lane in range(len(order)):
        for i in range(rows.shape[1]):
            order[lane, i] = rows[0, i]
        if shuffled:
            shuffle(order[lane], seeds[lane], epoch)


@inline
def check_losses_finite(member, record):
    """Record which networks' losses are no longer finite, and set whether the run goes on."""
    # totals, ended (width,)
    infinite = 0
    for total in record.totals:
        infinite += not np.isfinite(total)
    if infinite > 0:
        for lane in range(len(record.totals)):
            if record.ended[lane] == 0 and not np.isfinite(record.totals[lane]):
                record.ended[lane] = DIVERGING
        if all_ended(record):
            member.barrier[STATE] = ENDED
    if record.stop[0] != 0:
        member.barrier[STATE] = STOPPED


@inline
def all_ended(record):
    """Return whether every network has ended."""
    # ended (width,)
    remaining = 0
    for ended in record.ended:
        remaining += ended == 0
    return remaining == 0


@inline
def record_divergence(network, data, plan, step, record, epoch, steps):
    """Record the last loss of networks that have just diverged, and keep their parameters; a pack goes on."""
    # ended_parameters (P,)   ended, done (width,)
    for lane in range(len(record.done)):
        if record.ended[lane] == DIVERGING:
            record_training_loss(network, data, plan, step, record, epoch, steps, lane)
            copy_parameters(network, record.ended_parameters, lane, len(record.done))
            record.ended[lane], record.done[lane] = DIVERGED, epoch + 1


@inline
def copy_parameters(network, kept, lane, width):
    """Copy the parameters of the network in a lane, as they are now, to `kept`."""
    # kept (P,)
    for i in range(lane, len(kept), width):
        kept[i] = network.parameters[i]


@inline
def record_losses(network, data, plan, step, record, epoch, steps, learn):
    """Record the training loss, or the validation loss if not to `learn`, of each network that has not ended."""
    # losses (2, epochs, width)   totals, ended (width,)
    for lane in range(len(record.done)):
        if record.ended[lane] == 0:
            if learn:
                record_training_loss(network, data, plan, step, record, epoch, steps, lane)
            elif data.rows.shape[1] > 0:
                record.losses[1, epoch, lane] = mean(record.totals[lane], network, data, plan)


@inline
def record_training_loss(network, data, plan, step, record, epoch, steps, lane):
    """Record a network's loss, the learning rate of its last step, and its gradient's mean norm over `steps`."""
    # losses (2, epochs, width)   rates, norms (epochs, width)
    record.losses[0, epoch, lane] = mean(record.totals[lane], network, data, plan)
    record.rates[epoch, lane] = step.rates[lane]
    if plan.strategy.keeps_gradient:
        record.norms[epoch, lane] = step.norms[lane] / steps


@inline
def finish_epoch(network, final, plan, memory, member, record, epoch, watched):
    """Count the epoch for each network that has not ended, and decide whether it ends now; keep what rungs need."""
    # losses (width,), those watched   parameters, ended_parameters (P,)
    losses = record.losses[watched, epoch]
    find_non_finite_weights(plan, memory, network.parameters)
    for lane in range(len(record.done)):
        if record.ended[lane] == 0:
            record.done[lane] = epoch + 1
            if not np.isfinite(memory[plan.workspace.block + lane]):
                record.ended[lane] = DIVERGED
            elif record.patience > 0 and should_stop_early(final, record, losses[lane], epoch, lane):
                record.ended[lane] = EARLY
            if record.ended[lane] != 0:
                copy_parameters(final, record.ended_parameters, lane, len(record.done))
    for rung in range(len(record.rungs)):
        if record.rungs[rung] == epoch + 1:
            keep_at_rung(final, record, rung)
    if all_ended(record):
        member.barrier[STATE] = ENDED


@inline
def keep_at_rung(final, record, rung):
    """Keep what each network would end with: its best parameters, those with which it ended, or the present ones."""
    # parameters, best, ended_parameters (P,)   kept (rungs, P)   improvement (2, width)
    width = len(record.done)
    for lane in range(width):
        improved = record.improvement[1, lane]
        record.kept_improvements[rung, lane] = improved
        is_best, has_ended = len(record.best) > 0 and improved >= 0, width > 1 and record.ended[lane] != 0
        for i in range(lane, record.kept.shape[1], width):
            value = record.ended_parameters[i] if has_ended else final.parameters[i]
            record.kept[rung, i] = record.best[i] if is_best else value


@inline
def should_stop_early(network, record, loss, epoch, lane):
    """Return whether a network's loss has not improved for too long; where it improves, keep its parameters."""
    # improvement (2, width)   best (P,)
    if loss < record.improvement[0, lane] - record.min_improvement:
        record.improvement[0, lane], record.improvement[1, lane] = loss, epoch
        copy_parameters(network, record.best, lane, len(record.done))
    return epoch - record.improvement[1, lane] >= record.patience


@inline
def mean(total, network, data, plan):
    """Return the mean loss of all rows whose weighted sum is `total`."""
    # a float
    return total / total_weight(data, data.rows[0], 0, data.rows.shape[1]) / terms(network, plan)


@inline
def find_non_finite_weights(plan, memory, parameters):
    """Write to the block of the workspace, for each network, 0 if its parameters are all finite, else NaN."""
    # parameters (P,)   block (width,)
    block, total = plan.workspace.block, splat(memory, 0)
    for i in range(0, len(parameters), lanes(memory)):
        w = load(parameters, i)
        total = total + (w - w)  # 0, or NaN where w is infinite or NaN
    store(memory, block, total)
    if not is_pack(plan):
        for lane in range(1, lanes(memory)):
            memory[block] += memory[block + lane]
