"""What `DivergenceWarning` says of a run: where it diverged, and what may help with such data and options."""

import numpy as np

from fastprop import checks, reference
from fastprop.data.target_scaling import POWERS
from fastprop.row_blocks import row_blocks

LARGE = 10.0
"""Inputs and targets that are larger than this are named as a likely cause."""

ROWS_LOOKED_AT = 10_000
"""The number of rows whose largest value is looked for, because a file may be larger than memory."""


FAR = 1000.0
"""A finite loss that is so many times that of a network whose weights are all 0 is that of a network of no use.

It must also be so many times that of outputs as large as 1 or as the inputs, with which a network may begin.
"""


def message_of_ended_run(history, options, split, network):
    """Return what to say of a run that did not diverge, but ended with weights of no use; None if there is nothing.

    The parameters are those of `message_of_run`.
    """
    if history.epochs == 0:
        return None
    epoch = history.best_epoch if history.best_epoch >= 0 else history.epochs - 1
    held_out = history.validation_loss[epoch]
    loss = np.fmin(history.loss[epoch], held_out)  # the former is a mean over an epoch, in which it may have been high
    problem = why_of_no_use(loss, options.loss, split, network)
    if problem is None:
        return None
    remedy = advice(split, network, options, history.learning_rate[epoch])
    return f"training ended with {problem}: {remedy}."


def why_of_no_use(loss, of, split, network):
    """Return in words why a finite loss is that of a network of no use; None if it is not.

    Parameters
    ----------
    loss : float
        Of training, or of the held-out rows if that is lower.
    of : str or option
        The loss that was measured.
    split : Split
    network : MLP
    """
    if not np.isfinite(loss) or loss <= FAR:  # below both limits, for which all targets would be read
        return None
    name = checks.loss_name(of)
    constant = _loss_of_zeros(of, split, network)
    if loss <= FAR * max(constant, 1.0) or loss <= FAR * _size_of_inputs(split, network) ** POWERS.get(name, 1):
        return None
    is_of_classes = reference.LOSSES[name].of_classes  # which may be right all the same
    lost = "its probabilities are of no use" if is_of_classes else "the network is of no use"
    return f"a loss of {loss:.3g}, where a network whose weights are all 0 has {constant:.3g}, so that {lost}"


def _size_of_inputs(split, network):
    """Return how large the inputs are that the first layer gets: the root of their mean square, at least 1."""
    if network.input_mean is not None:
        return 1.0
    numbers = split.data.inputs.numbers(split.rows[:ROWS_LOOKED_AT])
    return max(1.0, float(np.sqrt(np.mean(numbers**2))))


def _loss_of_zeros(loss, split, network):
    """Return the loss of the training rows for a network whose weights are all 0, which says the same of each row."""
    data, n_out = split.data, network.layer_sizes[-1]
    if reference.LOSSES[checks.loss_name(loss)].of_classes:  # all classes are equally likely
        return float(np.log(max(n_out, 2)))
    z = np.zeros((1, n_out))
    a = reference.ACTIVATIONS[network.output].f(z)
    weights = data.weights[split.rows] if len(data.weights) else np.ones(len(split.rows))
    total = 0.0
    for rows in row_blocks(len(split.rows), n_out):
        targets = reference.one_hot(data.y[split.rows[rows]], n_out)
        losses, _ = reference.losses_and_delta(loss, z, a, targets, lambda g: g)
        total += losses @ weights[rows]
    return float(total / weights.sum())


def message_of_run(history, options, split, network, epoch=None):
    """Return what to say of a run that diverged.

    Parameters
    ----------
    history : History
    options : TrainingOptions
    split : Split
        What the run was trained on.
    network : MLP
    epoch : str, optional
        What to call the epoch in which it diverged, such as ``"chunk 3"``.
    """
    rate = history.learning_rate[history.epochs - 1] if history.epochs else np.nan
    remedy = advice(split, network, options, rate)
    if history.epochs == 0:
        where = "with the weights that the network has"
        return f"training did not begin, because the loss is not finite {where}: {remedy}."
    epoch = epoch or f"epoch {history.epochs} of {options.epochs}"
    lost = "weights were" if np.isfinite(history.loss[history.epochs - 1]) else "loss was"
    state = "is of no use" if history.best_epoch < 0 else f"has the weights of epoch {history.best_epoch + 1} again"
    return f"training diverged in {epoch}, where the {lost} no longer finite, and the network {state}: {remedy}."


def advice(split, network, options, rate):
    """Return what to do about a run that diverged, as the end of a sentence.

    `rate` is the learning rate at which it diverged, NaN for an optimizer that has none. No rate is smaller than 0.
    """
    rows = split.rows[:ROWS_LOOKED_AT]
    targets = np.abs(split.data.targets[rows]).max() if split.task.kind in ("numbers", "quantiles") else 0.0
    inputs = np.abs(split.data.inputs.numbers(rows)).max()
    means = []
    if targets > LARGE:
        means.append(f"scale y, which reaches {targets:.3g}, to about 1 in size")
    if inputs > LARGE and network.input_mean is None:
        means.append(f"standardize X, which reaches {inputs:.3g}")
    if rate > 0:
        means.append(f"give a smaller learning rate than {rate:.3g}")
    if options.clip is None and not options.optimizer.takes_all_rows:
        means.append(f"limit the gradient by {checks.argument('clip', 'fp.ClipNorm(1.0)')}")
    return ", or ".join(means) or "begin with smaller weights"
