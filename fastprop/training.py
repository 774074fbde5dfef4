"""`train`: one network, in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from numpy.typing import ArrayLike

from fastprop import checks, cost_model, thread_pool
from fastprop.annotations import Backend, LossName, Path, ScoreName, Validation
from fastprop.data import Dataset, Split, row_weights, standardization
from fastprop.metrics import Task, checked_names, default_score
from fastprop.network import MLP
from fastprop.options import (
    EMA,
    LBFGS,
    SGD,
    Checkpoint,
    Clip,
    CrossEntropy,
    Descent,
    EarlyStopping,
    Huber,
    Schedule,
)
from fastprop.runs import BACKENDS, History, TrainingOptions, new_run, scores


def train(
    network: MLP,
    X: ArrayLike,
    y: ArrayLike,
    *,
    epochs: int,
    batch_size: int = 32,
    loss: LossName | Huber | CrossEntropy | None = None,
    optimizer: Descent | LBFGS = SGD(0.1),
    schedule: Schedule | None = None,
    clip: Clip | None = None,
    dropout: float = 0.0,
    average: EMA | None = None,
    early_stopping: EarlyStopping | None = None,
    validation: Validation | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
    standardize: bool = False,
    shuffle: bool = True,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
    callback: Callable[[int, History], object] | None = None,
    gradient_norm: bool = False,
    metrics: Sequence[ScoreName] = (),
    checkpoint: Path | Checkpoint | None = None,
    resume: bool = False,
    backend: Backend = "kernels",
) -> History:
    """Train a network in place by minibatch gradient descent.

    Parameters
    ----------
    network : MLP
        Trained in place; left as it was if an argument is refused.
    X : array_like
        (n, n_in), finite. It is read where it is if it holds numbers of the network's dtype, or bytes (uint8, bool), in
        rows that are each contiguous: an array, a slice of its rows or columns, a sliding window, or a file in memory
        (`numpy.memmap`), which may be larger than memory and trains at the speed of its disk. Anything else is copied
        into memory once, as an array of the network's dtype. The order of the rows takes up to 32 bytes for each.
    y : array_like
        (n, n_out) targets, or (n,) integer labels for more than one output, or (n,) targets for one. Read where it is
        if C-contiguous and of the network's dtype, labels if of int64; else copied once.
    epochs : int
        How many times to go through the rows.
    batch_size : int
        Rows in a step. The last step of an epoch takes the rows that are left, averaged over their own number.
    loss : str, Huber or CrossEntropy, optional
        ``"mse"``, ``"mae"``, ``"huber"``, ``"poisson"`` (exp output), ``"binary_cross_entropy"`` (sigmoid output) or
        ``"cross_entropy"`` (softmax output). By default the one that goes with the output, else mse.
    optimizer : SGD, Adam, AdamW, RMSprop, Adagrad, Lion or LBFGS
        See `SGD` and the others. `LBFGS` takes all rows in each step: leave out what is of
        minibatches: batch_size, schedule, clip, dropout and average.
    schedule : StepDecay, ExponentialDecay, CosineDecay, OneCycle, InverseScaling, ReduceOnPlateau or Warmup, optional
        A factor on the optimizer's learning rate, which changes with each epoch or step; see `CosineDecay` and the
        others.
    clip : ClipNorm or ClipValue, optional
        A limit to the gradient.
    dropout : float
        From 0 to below 1: with which probability an output of a hidden layer is 0 in a step, while the others are
        multiplied by 1 / (1 - dropout) (Srivastava et al., JMLR 15, 2014). Validation and prediction drop nothing.
    average : EMA, optional
        A moving average of the weights, to measure validation on and to end with.
    early_stopping : EarlyStopping, optional
        When to end a run whose loss no longer falls, and with which weights.
    validation : float or (X, y), optional
        A share of the rows to hold out (the same for all seeds), or rows of their own, to measure the loss after
        each epoch.
    sample_weight : array_like, optional
        (n,) positive weights: a batch's loss is Σ wᵢ lossᵢ / Σ wᵢ.
    class_weight : mapping or "balanced", optional
        For labels: what each weighs (1 if not named), or such weights that all labels count alike; times sample_weight.
    standardize : bool
        Whether to have the network standardize its inputs: mean and deviation of each are fitted on the training rows
        (not on those held out), once, and kept as ``network.input_mean`` and ``input_scale``, by which `predict` goes
        and all further training, with whatever data. A network that has them keeps them. The data is not copied: rows
        are standardized as they come up, with the same result, up to rounding, as of standardized data.
    shuffle : bool
        Whether to put the rows in a new order for each epoch. It goes over all rows; of a file that is larger than
        memory, each row is then read by itself, where without it they are read one after another.
    seed : int
        Of the order of the rows, and of dropout.
    threads : int, optional
        At most so many, by default one a core. A network whose minibatches are too small to share takes one. The
        result never depends on it.
    progress : bool
        Whether to show a progress bar.
    callback : callable, optional
        Called as ``callback(epoch, history)`` after each epoch; training ends when it returns true.
    gradient_norm : bool
        Whether to measure the gradient's norm in each step, which takes longer; see `History`.
    metrics : sequence of str
        What to measure after each epoch on the held-out rows, or without any on the training rows: ``"accuracy"``,
        ``"roc_auc"`` (two classes) and ``"log_loss"`` of classes, ``"r2"``, ``"mse"`` and ``"mae"`` of numbers; see
        `History` and `fastprop.metrics`.
    checkpoint : path or Checkpoint, optional
        A file to keep the run in; with a plain path it is written every 10 seconds, and at the end.
    resume : bool
        Whether to go on from the checkpoint, if the file is there. The network, data and options must be those that the
        run began with. The result is then, to the last bit, that of the unbroken run, on any number of threads.
        ``epochs`` may be more than before, but with `CosineDecay` and `OneCycle`, whose rates depend on it.
    backend : str
        ``"kernels"``, or ``"reference"`` for the same run in plain NumPy and float64, to check a result.

    Returns
    -------
    History

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what to do.
    OSError
        If the checkpoint can no longer be written.

    Examples
    --------
    >>> import fastprop as fp
    >>> X, y = fp.datasets.digits()
    >>> network = fp.MLP((64, 32, 10), output="softmax", seed=0)
    >>> history = fp.train(network, X, y, epochs=5, optimizer=fp.SGD(0.5, momentum=0.9), validation=0.2)
    >>> bool(history.loss[-1] < history.loss[0])
    True
    """
    checks.instance(network, "network", MLP, "fp.MLP((64, 32, 10))")
    checks.choice(backend, "backend", BACKENDS)
    checks.checkpoint(checkpoint, resume, backend)
    threads = checks.threads(threads)
    loss = checks.loss(loss, network.output)
    options = TrainingOptions(
        epochs=epochs,
        batch_size=batch_size,
        loss=loss,
        optimizer=optimizer,
        shuffle=shuffle,
        seed=seed,
        schedule=schedule,
        clip=clip,
        dropout=dropout,
        average=average,
        early_stopping=early_stopping,
        callback=callback,
        gradient_norm=gradient_norm,
        checkpoint=checkpoint,
    ).checked()
    sample_weight = row_weights(class_weight, y, sample_weight)
    sizes = network.layer_sizes[0], network.layer_sizes[-1]
    data = Dataset.of(X, y, *sizes, options.loss, network.dtype, sample_weight)
    task = Task(network.layer_sizes[-1], network.output, options.loss, data.has_labels)
    options = options._replace(metrics=checked_names(metrics, task))
    split = Split.of(validation, data, *sizes, options.loss, network.dtype)
    rows = len(split.rows)
    batch_size = rows if options.optimizer.takes_all_rows else min(options.batch_size, rows)
    threads = cost_model.team_size(network.layer_sizes, batch_size, network.dtype, threads)
    if checks.flag(standardize, "standardize") and network.input_mean is None:
        network.input_mean, network.input_scale = standardization(data.inputs, split.rows, network.dtype)
    run = new_run(backend, [network], split, [options], threads)
    run.prepare()
    if resume:
        run.resume()
    with thread_pool.ProgressBar(total=options.epochs, unit="epoch", disable=not progress) as bar:
        if not thread_pool.run([run], 1, lambda: bar.update(run.history.epochs - bar.n)):
            run.stop()
    history = run.history
    (history.score,) = scores([network], split, default_score(task._replace(has_labels=split.held_out.has_labels)))
    return history
