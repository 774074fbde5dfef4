"""`train_stream`: trains one network in place, on chunks of rows that come one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from fastprop import checks, cost_model, interrupts, numpy_settings, thread_pool
from fastprop.annotations import ArrayLike, Backend, LossName, Precision
from fastprop.data import Dataset, OneClass, warn_of_sizes
from fastprop.network import MLP
from fastprop.notices import DivergenceWarning, warn
from fastprop.options import DESCENTS, SGD, Clip, Descent, LossOption, Schedule
from fastprop.progress_bar import ProgressBar
from fastprop.runs import STREAMS, History, TrainingOptions, divergence


@numpy_settings.own
def train_stream(
    network: MLP,
    chunks: Iterable[tuple[ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike, ArrayLike | None]],
    *,
    batch_size: int = 32,
    loss: LossName | LossOption | None = None,
    optimizer: Descent = SGD(0.1),
    schedule: Schedule | None = None,
    layer_rates: Sequence[float] | None = None,
    bias_rate: float = 1.0,
    bias_decay: float = 1.0,
    precision: Precision | None = None,
    clip: Clip | None = None,
    shuffle: bool = True,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
    callback: Callable[[int, History], object] | None = None,
    backend: Backend = "kernels",
) -> History:
    """Train a network in place on chunks of rows that come one after another, for example from a generator.

    At most two chunks are in memory: while one is trained on, the next one is read in the calling thread. Each chunk is
    an epoch with rows of its own, for schedules by epoch, for the order of the rows and for `History`. The optimizer's
    state (velocities, moments) and the number of steps go on from chunk to chunk. Chunks of whole batches, in order,
    give to the last bit the same result as one epoch of `train` on all rows.

    A function that takes the whole stream can read one chunk while it trains on another. `ChunkTraining` takes one
    chunk at a time, as ``partial_fit`` of the estimators does.

    Parameters
    ----------
    network : MLP
        The network to train. It standardizes its inputs if it has ``input_mean`` and ``input_scale``, as after a
        `train` on some of the rows with ``standardize=True``.
    chunks : iterable of (X, y) or (X, y, sample_weight)
        Each chunk has any number of rows, which may be fewer than a batch; a chunk without rows is skipped. `train`
        says what the arrays may be. To go through a data set several times, yield it several times.
    batch_size, loss, optimizer, layer_rates, bias_rate, bias_decay, precision, clip, seed, threads,
    progress
        See `train`. The last step of a chunk takes the rows that are left. `LBFGS` is refused, because it needs all
        rows.
    schedule : one of `fastprop.options.schedules`, optional
        See `train`. Schedules such as `CosineDecay` are refused, because they depend on the length of the run, which a
        stream does not know.
    shuffle : bool
        Whether the rows of each chunk have a new order: that of the epoch with the chunk's index.
    callback : callable, optional
        Called as ``callback(chunk, history)`` after each chunk with its index, from 0; training ends when it returns
        true. The next chunk has been read by then.
    backend : str
        See `train`.

    Returns
    -------
    History
        ``loss`` has one element for each chunk, and ``epochs`` is their number. After Ctrl-C, it holds the chunks that
        were finished.

    Raises
    ------
    ValueError, TypeError
        If an argument or a chunk is not as described; the message gives the index of the chunk, from 0, and the network
        is as the earlier chunks have left it.
    Exception
        What iterating over `chunks` raises.

    Warns
    -----
    DivergenceWarning
        If the loss or the weights are no longer finite, so that training ended, or if the loss of the last chunk is
        that of a network of no use, see `train`. The warning says in which chunk, counted from 0, and what may help.
    DataWarning
        If all of 20 rows or more are of one class.

    Examples
    --------
    >>> import fastprop as fp
    >>> X, y = fp.datasets.digits()
    >>> chunks = ((X[first : first + 600], y[first : first + 600]) for first in range(0, 1797, 600))
    >>> network = fp.MLP((64, 32, 10), output="softmax", seed=0)
    >>> fp.train_stream(network, chunks, optimizer=fp.Adam()).loss.shape
    (3,)
    """
    checks.instance(network, "network", MLP, "fp.MLP((64, 32, 10))")
    checks.choice(backend, "backend", STREAMS)
    checks.instance(optimizer, "optimizer", DESCENTS, "fp.SGD(0.1)")
    threads = checks.threads(threads)
    loss = checks.loss(loss, network.output, network.layer_sizes[-1])
    options = TrainingOptions.of_arguments(locals() | {"epochs": 1})
    checks.fits_layers(options.layer_rates, network.layer_sizes)
    checks.fits_dtype(options.precision, network.dtype)
    if schedule is not None and schedule.needs_end:
        raise ValueError(
            f"schedule {schedule} depends on the length of the run, which a stream does not know: give another one."
        )
    reader = _Reader(checks.chunks(chunks), network, loss)
    threads = cost_model.team_size(network.layer_sizes, options.batch_size, network.dtype, threads)
    run = STREAMS[backend](network, options._replace(callback=None), threads)
    total = len(chunks) if hasattr(chunks, "__len__") else None
    with ProgressBar(total, "chunk", shown=progress) as bar:
        stopped = _train(run, reader, callback, bar)
    history = run.history
    history.stopped = stopped
    if stopped == "interrupted":
        interrupts.tell(f"the training after {history.epochs} chunks")
    if stopped == "diverged":
        chunk = f"chunk {history.epochs - 1}"
        warn(divergence.message_of_run(history, options, run.split, network, chunk), DivergenceWarning)
    elif (message := divergence.message_of_ended_run(history, options, run.split, network)) is not None:
        warn(message, DivergenceWarning)
    reader.warn_of_one_class()
    if history.epochs == 0 and stopped == "finished":
        raise ValueError("chunks holds no chunk with rows: give an iterable that is not used up.")
    return history


def _train(run, reader, callback, bar):
    """Train on all chunks; return why training ended, see `History.stopped`."""
    try:
        for index, chunk in enumerate(reader):
            run.take(chunk)
            run.prepare()
            if not thread_pool.run([run], 1, reader.read_ahead):
                return "interrupted"
            bar.update(1)
            if run.history.stopped != "finished":
                return run.history.stopped
            if callback is not None and numpy_settings.call_as_caller(callback, index, run.history):
                return "callback"
    except KeyboardInterrupt:
        return "interrupted"
    return "finished"


class ChunkTraining:
    """A training to which chunks of rows are given one at a time, with the result that `train_stream` has for them.

    Parameters
    ----------
    network : MLP
        The network to train. It standardizes its inputs if it has ``input_mean`` and ``input_scale``.
    batch_size, loss, optimizer, precision, shuffle, seed, threads
        See `train_stream`.

    Examples
    --------
    >>> import fastprop as fp
    >>> from fastprop.streaming import ChunkTraining
    >>> X, y = fp.datasets.digits()
    >>> training = ChunkTraining(fp.MLP((64, 32, 10), output="softmax", seed=0), optimizer=fp.Adam())
    >>> [training.train(X[first : first + 600], y[first : first + 600]).epochs for first in range(0, 1797, 600)]
    [1, 2, 3]
    """

    def __init__(
        self,
        network,
        *,
        batch_size=32,
        loss=None,
        optimizer=SGD(0.1),
        precision=None,
        shuffle=True,
        seed=0,
        threads=None,
    ):
        self._network = network
        self._loss = checks.loss(loss, network.output, network.layer_sizes[-1])
        options = TrainingOptions.of_arguments(locals() | {"epochs": 1, "loss": self._loss})
        checks.fits_dtype(options.precision, network.dtype)
        threads = checks.threads(threads)
        threads = cost_model.team_size(network.layer_sizes, options.batch_size, network.dtype, threads)
        self._run = STREAMS["kernels"](network, options, threads)

    @numpy_settings.own
    def train(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> History:
        """Train on a chunk of rows, and return the history of all chunks so far.

        Raises
        ------
        ValueError, TypeError
            If the chunk is not as `train_stream` describes it; the network is as the earlier chunks have left it.
        """
        index = self._run.history.epochs
        self._run.take(Dataset.of_chunk((X, y, sample_weight), index, self._network, self._loss))
        self._run.prepare()
        if not thread_pool.run([self._run], 1, lambda: None):
            raise KeyboardInterrupt
        return self._run.history


class _Reader:
    """Checks chunks, one ahead of the chunk that is trained on."""

    def __init__(self, chunks, network, loss):
        self._chunks = enumerate(chunks)
        self._network = network
        self._loss = loss
        self._next = None  # (chunk, None), or (None, the error that reading it raised)
        self._column_names = None  # the `ColumnNames` of the first chunk, in whose order later columns are put
        self._task = None  # that of the last chunk with rows of classes
        self._rows = OneClass()

    def __iter__(self):
        return self

    def __next__(self):
        self.read_ahead()
        chunk, error = self._next
        self._next = None
        if error is not None:
            raise error
        self._network.feature_names = self._network.feature_names or chunk.inputs.feature_names
        classes = chunk.classes(chunk.rows) if self._rows.is_alone else None
        if classes is not None:
            self._task = chunk.task
            self._rows.add(classes)
        return chunk

    def warn_of_one_class(self):
        """Warn if the rows of all chunks are of one class, and are many."""
        if self._task is not None:
            self._rows.warn(self._task)

    def read_ahead(self):
        """Read and check the next chunk, unless that is done; an error is kept until the chunk is asked for."""
        if self._next is not None:
            return
        try:
            with numpy_settings.callers():
                index, chunk = next(each for each in self._chunks if not checks.is_empty_chunk(each[1]))
            data = Dataset.of_chunk(chunk, index, self._network, self._loss, self._column_names)
            if self._column_names is None:
                self._column_names = data.column_names
                if self._network.input_mean is None:
                    warn_of_sizes(data.inputs, data.rows, self._network.dtype)
            self._next = data, None
        except Exception as error:
            self._next = None, error
