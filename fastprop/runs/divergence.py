"""What `DivergenceWarning` says of a run: where it diverged, and what may help with such data and options."""

import numpy as np

LARGE = 10.0
"""Inputs and targets that are larger than this are named as a likely cause."""

ROWS_LOOKED_AT = 10_000
"""The number of rows whose largest value is looked for, because a file may be larger than memory."""


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

    `rate` is the learning rate at which it diverged, NaN for an optimizer that has none.
    """
    rows = split.rows[:ROWS_LOOKED_AT]
    targets = np.abs(split.data.targets[rows]).max() if split.task.kind == "numbers" else 0.0
    inputs = np.abs(split.data.inputs.numbers(rows)).max()
    means = []
    if targets > LARGE:
        means.append(f"scale y, which reaches {targets:.3g}, to about 1 in size")
    if inputs > LARGE and network.input_mean is None:
        means.append(f"standardize X, which reaches {inputs:.3g}")
    if not np.isnan(rate):
        means.append(f"give a smaller learning rate than {rate:.3g}")
    if options.clip is None and not options.optimizer.takes_all_rows:
        means.append("limit the gradient by clip=fp.ClipNorm(1.0)")
    return ", or ".join(means) or "begin with smaller weights"
