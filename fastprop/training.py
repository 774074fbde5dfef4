"""`train`: trains one network in place."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastprop import checks, cost_model, interrupts, numpy_settings, thread_pool
from fastprop.annotations import (
    ArrayLike,
    Backend,
    ClassWeight,
    LossName,
    Path,
    Precision,
    ScoreFunction,
    ScoreName,
    Validation,
)
from fastprop.data import Dataset, Origin, Split, balanced, standardization, warn_of_sizes
from fastprop.metrics import Score, chosen_metrics, default_score, refuse_undefined
from fastprop.network import MLP
from fastprop.notices import DivergenceWarning, warn
from fastprop.options import (
    EMA,
    LBFGS,
    SGD,
    Checkpoint,
    Clip,
    Descent,
    EarlyStopping,
    LossOption,
    Schedule,
)
from fastprop.progress_bar import ProgressBar
from fastprop.runs import BACKENDS, History, TrainingOptions, divergence, new_run, record, scores


@numpy_settings.own
def train(
    network: MLP,
    X: ArrayLike,
    y: ArrayLike,
    *,
    epochs: int,
    seconds: float | None = None,
    batch_size: int = 32,
    loss: LossName | LossOption | None = None,
    optimizer: Descent | LBFGS = SGD(0.1),
    schedule: Schedule | None = None,
    weight_decay_schedule: Schedule | None = None,
    layer_rates: Sequence[float] | None = None,
    bias_rate: float = 1.0,
    bias_decay: float = 1.0,
    precision: Precision | None = None,
    clip: Clip | None = None,
    dropout: float = 0.0,
    dropout_schedule: Schedule | None = None,
    average: EMA | None = None,
    early_stopping: EarlyStopping | None = None,
    changes: Mapping[int, Mapping[str, Any]] | None = None,
    validation: Validation | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: ClassWeight | None = None,
    standardize: bool = False,
    shuffle: bool = True,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
    callback: Callable[[int, History], object] | None = None,
    gradient_norm: bool = False,
    metrics: Sequence[ScoreName | ScoreFunction | Score] = (),
    checkpoint: Path | Checkpoint | None = None,
    resume: bool = False,
    backend: Backend = "kernels",
) -> History:
    """Train a network in place by minibatch gradient descent.

    The defaults are plain: `SGD(0.1)`, 32 rows in a step, the data as it is, and no rows held out.
    `fastprop.MLPClassifier`, `fastprop.MLPRegressor` and the command line begin with a recipe that suits most tables.

    Parameters
    ----------
    network : MLP
        The network to train. It stays as it was if an argument is refused.
    X : array_like
        (n, n_in) finite inputs: an array, a list of rows, a tensor, or a data frame of pandas or polars whose columns
        hold numbers or bools, of any dtype. The network keeps the names of a frame's columns as ``feature_names``;
        later frames are given in any order. Inputs are read in place if they are of the network's dtype or bytes
        (uint8, bool) and each row is contiguous: an array, a slice of its rows or columns, a sliding window, or a file
        mapped into memory (`numpy.memmap`). Such a file may be larger than memory; training then has the speed of the
        disk. Anything else is copied into memory once, as an array of the network's dtype, and so are columns that are
        standardized and too large or small for that. The order of the rows takes up to 32 bytes of memory for each row.
        The ``columns`` of a table that `fastprop.datasets.read` returns are encoded by the rows that are trained on.
    y : array_like
        (n,) or (n, 1) whole-number labels for more than one output, or (n, n_out) targets, or (n,) for one output.
        They are read in place if they are C-contiguous and of the network's dtype, or int64 for labels; else they are
        copied once. Where they are a data frame of several columns, validation targets in a frame may have these in any
        order.
    epochs : int
        How many times to go through the rows.
    seconds : float, optional
        How long to train at most, without compiling. Training ends after the epoch in which the time is over, with
        ``stopped`` ``"out of time"``, and can be resumed from a checkpoint.
    batch_size : int
        Rows in a step. The last step of an epoch takes the rows that are left, and averages over these.
    loss : str, Huber, Pinball, CrossEntropy or BinaryCrossEntropy, optional
        ``"mse"``, ``"mae"``, ``"huber"``, ``"pinball"`` (quantiles of one target), ``"poisson"`` (exp output),
        ``"binary_cross_entropy"`` (sigmoid output) or ``"cross_entropy"`` (softmax output). By default the loss that
        belongs to the output's activation, or mse.
    optimizer : one of `fastprop.options.optimizers`
        The rule of the steps, such as `SGD` or `Adam`. `LBFGS` takes all rows in each step and accepts no options of
        minibatches: leave out batch_size, schedules, factors of rates, clip, dropout and average.
    schedule : one of `fastprop.options.schedules`, optional
        A factor on the optimizer's learning rate that changes with each epoch or step, such as `CosineDecay`.
    weight_decay_schedule : one of `fastprop.options.schedules`, optional
        A factor on the optimizer's weight decay, likewise, such as `FlatCosine`, which RealMLP has (Holzmüller et al.,
        NeurIPS 2024). Decay that AdamW and Lion apply to the weights is multiplied by the learning rate's factor, too.
    layer_rates : sequence of float, optional
        A factor of at least 0 on the learning rate for each layer of weights, from the first to the last; 0 leaves a
        layer as it is. Decay that AdamW and Lion apply to the weights is multiplied by it, too, as in PyTorch's groups
        of parameters.
    bias_rate : float
        A factor on the learning rate of all biases, likewise, beside that of their layer: RealMLP has 0.1 (Holzmüller
        et al., NeurIPS 2024).
    bias_decay : float
        A factor on the weight decay of all biases: RealMLP has 0, so that only weights decay.
    precision : str, optional
        ``"bfloat16"`` has the layers that have at least 64 inputs and 64 outputs learn by products of bfloat16, which
        have 8 binary digits; sums, biases, activations and all that is kept are of float32. On an AMD processor with
        AVX512_BF16 a training of such layers takes 0.5 to 0.8 of the time, elsewhere about as long as without it;
        results have the same bits. The training loss is that of these products, while validation, metrics and
        prediction have none. Two float32 that differ in the last bit may be rounded to neighboring bfloat16, which
        differ by up to 1/128, so that ``backend="reference"`` repeats a step to some units of float32, but a long run
        only as well as float32 does. By default, and in other layers, all products are of the network's dtype, which
        ``"float32"`` says, too.
    clip : ClipNorm or ClipValue, optional
        A limit on the gradient.
    dropout : float
        From 0 to below 1: the probability with which an output of a hidden layer is set to 0 in a step; the others are
        multiplied by 1 / (1 - dropout) (Srivastava et al., JMLR 15, 2014). Validation and prediction drop nothing.
    dropout_schedule : one of `fastprop.options.schedules`, optional
        A factor on the dropout that changes with each epoch or step; it raises dropout to no more than 0.99.
    average : EMA, optional
        A moving average of the weights. Validation measures the average, and the network ends with it.
    early_stopping : EarlyStopping, optional
        When to end a run whose loss no longer falls, and which weights to end with.
    changes : mapping, optional
        What changes in training: a mapping of numbers of epochs to values by name, such as ``{10: {"learning_rate":
        0.01, "dropout": 0.2}}``. Once so many epochs are done, the values hold from then on: hyperparameters of the
        optimizer, seed, dropout, layer_rates, bias_rate or bias_decay. Schedules multiply them as before. The momentum
        is above 0 always or never. `SweepResult.lineage` has the changes that a population has made.
    validation : float, (X, y) or (X, y, weights), optional
        The fraction of the rows to hold out, or other rows. The loss of these rows is measured after each epoch. Which
        rows are held out depends on the number of rows, not on the seed; where that would put all rows of a class on
        one side, a row of it changes sides. A `DataWarning` names a class of which there are too few rows for that.
    sample_weight : array_like, optional
        (n,) weights of at least 0: the loss of a batch is Σ wᵢ lossᵢ / Σ wᵢ, so that only their ratios count. A row of
        weight 0 is left out, as if it were not there.
    class_weight : mapping, array_like or "balanced", optional
        The weight of each class: by label, 1 for labels that the mapping does not name; or an array in the order of the
        classes. ``"balanced"`` gives all classes the same total weight: rows / (classes · rows of the class), of the
        rows that are trained on. Sample weights are multiplied by these weights, also those of validation rows. Rows
        have classes if y holds labels, one-hot rows, or 0 and 1 for a sigmoid output.
    standardize : bool
        Whether the network standardizes its inputs. Mean and standard deviation of each input are computed once, in
        float64, on the training rows without those held out, and kept as ``network.input_mean`` and ``input_scale``:
        `predict` and later training use them on any data. A network that has them already keeps them. Data that is read
        in place is not copied: rows are standardized when they are read. What is converted to the network's dtype
        keeps the digits in which it differs from its mean, as time stamps need it. A column that is constant, also up
        to rounding, becomes zeros.
    shuffle : bool
        Whether the rows have a new order in each epoch. All rows are shuffled: in a file that is larger than memory
        each row is then read by itself, while without shuffling rows are read one after another.
    seed : int
        The seed of the order of the rows and of dropout.
    threads : int, optional
        The largest number of threads to use. By default it is ``FASTPROP_THREADS``, or the number of cores that the
        affinity and the CPU quotas of the process allow, at most ``OMP_NUM_THREADS``. A network whose minibatches are
        too small to share uses one. The result never depends on the number of threads.
    progress : bool
        Whether to show a progress bar, where standard error is a terminal or this is a notebook.
    callback : callable, optional
        Called as ``callback(epoch, history)`` after each epoch, in the calling thread; training ends when it returns
        true. The network has its present weights then, and goes on from the weights that the callback gives it.
    gradient_norm : bool
        Whether to measure the norm of the gradient in each step, which makes training slower; see `History`.
    metrics : sequence of str, callable or Score
        What to measure after each epoch, on the held-out rows or, where there are none, on the training rows; see
        `History`. For classes there are ``"accuracy"``, ``"balanced_accuracy"``, ``"f1"``, ``"matthews"``,
        ``"roc_auc"``, ``"average_precision"`` and ``"log_loss"``; for independent labels ``"label_accuracy"``,
        ``"label_f1"`` and ``"label_roc_auc"``; for numbers ``"r2"``, ``"explained_variance"``, ``"mse"``, ``"rmse"``,
        ``"mae"`` and ``"median_absolute_error"`` (see `fastprop.metrics`). A function or a `fastprop.metrics.Score` is
        taken as by `sweep`.
    checkpoint : path or Checkpoint, optional
        The file that keeps the state of the run. With a plain path it is written every 10 seconds and at the end.
    resume : bool
        Whether to go on from the checkpoint if the file exists. Data and options must be those that the run began
        with. The network must have the weights with which the run began, those of the checkpoint, or those with which
        an earlier call ended: one network can be trained for more and more epochs in a loop. A metric that is a
        function is known by its code and by all that this uses. The result is, to the last
        bit, that of the unbroken run, on any number of threads. ``epochs`` may be larger than before, except with a
        schedule that depends on it, such as `CosineDecay`.
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

    Warns
    -----
    DivergenceWarning
        If the loss or the weights are no longer finite, so that training ended, or if the loss is over 1000 times that
        of a network whose weights are all 0 when it ends. The warning says in which epoch, counted from 1, and what may
        help.
    DataWarning
        If columns of X differ in size by more than 1,000 times, and the network does not standardize them; if targets
        are outside the range of the output activation, such as 7 for a sigmoid; if all rows are of one class; or if
        float32 loses the differences of targets or of inputs that are not standardized, such as times in seconds.

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
    seconds = None if seconds is None else checks.number(seconds, "seconds")
    loss = checks.loss(loss, network.output, network.layer_sizes[-1])
    options = TrainingOptions.of_arguments(locals())
    for each in options.stages:
        checks.fits_layers(each.layer_rates, network.layer_sizes)
    checks.fits_dtype(options.precision, network.dtype)
    split = Split.of(validation, Dataset.of(X, y, network, loss, sample_weight), network, loss, class_weight)
    split = split.fitted()
    if checks.is_balanced(class_weight):
        split = balanced(split)
    options = options._replace(metrics=chosen_metrics(metrics, split.task))
    if options.metrics:
        measured, measured_rows = split.measured
        refuse_undefined(options.metrics, split.task, measured.as_given(measured_rows))
    rows = len(split.rows)
    batch_size = rows if options.optimizer.takes_all_rows else min(options.batch_size, rows)
    threads = cost_model.team_size(network.layer_sizes, batch_size, network.dtype, threads)
    fitted = network.input_mean, network.input_scale
    if checks.flag(standardize, "standardize") and network.input_mean is None:
        fitted = standardization(split.data.inputs, split.rows)
    if fitted[0] is None:
        warn_of_sizes(split.data.inputs, split.rows, network.dtype)
    split = split.readable(network.dtype, Origin.of(*fitted, network.dtype))
    network.input_mean, network.input_scale = fitted
    network.feature_names = network.feature_names or split.data.inputs.feature_names
    run = new_run(backend, [network], split, [options], threads)
    with interrupts.around(contextlib.closing(run)):
        run.prepare()
        if resume:
            run.resume()
        if seconds is not None:
            run.deadline = time.monotonic() + seconds
        with ProgressBar(options.epochs, "epoch", shown=progress) as bar:
            interrupted = not thread_pool.run([run], 1, lambda: bar.update(run.done - bar.n))
            if interrupted:
                run.stop()
    history = run.history
    if interrupted:
        interrupts.tell(f"the training after {history.epochs} of {options.epochs} epochs")
    score = default_score(split.task, split.held_out.as_given(split.held_out_rows))
    history.score_name = score.name
    history.score = scores([network], split, score)[0].value
    counts = len(split.rows), len(split.held_out_rows)
    others = {"standardize": bool(standardize), "class_weight": class_weight}
    network.training = record(options, *counts, **others, epochs_done=history.epochs, stopped=history.stopped)
    if history.stopped == "diverged":
        warn(divergence.message_of_run(history, options, split, network), DivergenceWarning)
    elif (message := divergence.message_of_ended_run(history, options, split, network)) is not None:
        warn(message, DivergenceWarning)
    return history
