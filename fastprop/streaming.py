"""`train_stream`: one network, in place, on chunks of rows that come one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from numpy.typing import ArrayLike

from fastprop import checks, cost_model, thread_pool
from fastprop.annotations import Backend, LossName
from fastprop.data import Dataset
from fastprop.network import MLP
from fastprop.options import DESCENTS, SGD, Clip, CrossEntropy, Descent, Huber, Schedule, needs_end
from fastprop.runs import STREAMS, History, TrainingOptions


def train_stream(
    network: MLP,
    chunks: Iterable[tuple[ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike, ArrayLike | None]],
    *,
    batch_size: int = 32,
    loss: LossName | Huber | CrossEntropy | None = None,
    optimizer: Descent = SGD(0.1),
    schedule: Schedule | None = None,
    clip: Clip | None = None,
    shuffle: bool = True,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
    callback: Callable[[int, History], object] | None = None,
    backend: Backend = "kernels",
) -> History:
    """Train a network in place on chunks of rows that come one after another, such as a generator reads them.

    No more than two chunks are held: the next one is read, in the calling thread, while one is trained on. What the
    optimizer keeps (velocities, moments) and the number of steps go on from chunk to chunk: it is a run in which each
    chunk is an epoch with rows of its own, and so count schedules by epoch, the order of rows and `History`. Rows in
    their order, in chunks that are multiples of the batch size, train to the last bit what `train` does in an epoch.

    It is a function that takes the whole stream, and not a method that takes a chunk (``partial_fit``), so that
    reading and training can go on at once, and so that what an optimizer keeps has one owner and one end.

    Parameters
    ----------
    network : MLP
        Trained in place. Its inputs are standardized if it says how, as it does after a `train` on some of the rows
        with ``standardize=True``.
    chunks : iterable of (X, y) or (X, y, sample_weight)
        Of any number of rows each, also fewer than a batch; what they may be, see `train`. To go through a data set
        several times, yield it several times.
    batch_size, loss, optimizer, clip, seed, threads, progress
        See `train`. The last step of a chunk takes the rows that are left. `LBFGS` needs all rows and cannot be had.
    schedule : StepDecay, ExponentialDecay, InverseScaling, ReduceOnPlateau or Warmup, optional
        See `train`. Those that go by the length of the whole run, `CosineDecay` and `OneCycle`, cannot be had: nobody
        knows how long a stream is.
    shuffle : bool
        Whether to put the rows of each chunk in a new order, that of the epoch with the chunk's number.
    callback : callable, optional
        Called as ``callback(chunk, history)``, with a number from 0, after each chunk; training ends when it returns
        true. The next chunk has then been read.
    backend : str
        See `train`.

    Returns
    -------
    History
        ``loss`` has a number for each chunk, ``epochs`` counts them. After Ctrl-C, of what was done by then.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; or a chunk: the message says which, from 0, and the network is as the chunks
        before have left it. What `chunks` itself raises comes through likewise.

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
    loss = checks.loss(loss, network.output)
    options = TrainingOptions(
        epochs=1,
        batch_size=batch_size,
        loss=loss,
        optimizer=optimizer,
        schedule=schedule,
        clip=clip,
        shuffle=shuffle,
        seed=seed,
        callback=callback,
    ).checked()
    if needs_end(schedule):
        raise ValueError(f"schedule {schedule} goes by the length of a run, which a stream has not: give another one.")
    reader = _Reader(checks.chunks(chunks), network, loss)
    threads = cost_model.team_size(network.layer_sizes, options.batch_size, network.dtype, threads)
    run = STREAMS[backend](network, options._replace(callback=None), threads)
    total = len(chunks) if hasattr(chunks, "__len__") else None
    stopped = "finished"
    with thread_pool.ProgressBar(total=total, unit="chunk", disable=not progress) as bar:
        try:
            for index, chunk in enumerate(reader):
                run.take(chunk)
                run.prepare()
                done = thread_pool.run([run], 1, reader.read_ahead)
                bar.update()
                if not done or run.history.stopped != "finished":
                    stopped = "interrupted" if not done else run.history.stopped
                    break
                if callback is not None and callback(index, run.history):
                    stopped = "callback"
                    break
        except KeyboardInterrupt:
            stopped = "interrupted"
    history = run.history
    history.stopped = stopped
    if history.epochs == 0 and stopped == "finished":
        raise ValueError("chunks came to an end before the first one: give an iterable that is not used up.")
    return history


class _Reader:
    """Checked chunks, of which the next can be read ahead."""

    def __init__(self, chunks, network, loss):
        self._chunks, self._network, self._loss, self._ahead = enumerate(chunks), network, loss, None

    def __iter__(self):
        return self

    def __next__(self):
        self.read_ahead()
        (chunk, error), self._ahead = self._ahead, None
        if error is not None:
            raise error
        return chunk

    def read_ahead(self):
        """Read and check the next chunk, if that is not done; what goes wrong is raised when its turn has come."""
        if self._ahead is not None:
            return
        try:
            number, chunk = next(self._chunks)
            sizes = self._network.layer_sizes[0], self._network.layer_sizes[-1]
            self._ahead = Dataset.of_chunk(chunk, number, *sizes, self._loss, self._network.dtype), None
        except Exception as error:
            self._ahead = None, error
