"""`History`: what a run measured, and why it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastprop.annotations import Figure, Path
from fastprop.reporting import html, plotting
from fastprop.reporting.formatting import ENDINGS, short, words


@dataclass(repr=False)
class History:
    """What was measured in a run, and why the run ended.

    Attributes
    ----------
    loss : ndarray
        (epochs,) float64: the mean over the rows of the training loss. A row's loss is taken when its minibatch is
        trained on, before the step; with `LBFGS`, after the iteration.
    validation_loss : ndarray
        (epochs,) float64: the loss of the held-out rows after the epoch. NaN where no rows are held out, and where the
        training loss is not finite.
    learning_rate : ndarray
        (epochs,) float64: the learning rate of the epoch's last step, after schedule, warm-up and plateau. NaN with
        `LBFGS`, which has none.
    gradient_norm : ndarray
        (epochs,) float64: the mean over the epoch's steps of the norm of the whole gradient, before clipping, weight
        decay and l1. NaN unless ``gradient_norm`` asks for it or `ClipNorm` needs it.
    metrics : dict
        By name, the metrics that ``metrics`` asks for, (epochs,) float64 each: of the held-out rows after the epoch, or
        of the training rows where none are held out. Sample weights do not count. NaN where the network is not
        finite.
    epochs : int
        The number of epochs that were done, which may be fewer than were asked for; every array has so many elements.
    stopped : str
        Why training ended: ``"finished"``, ``"early"``, ``"converged"`` (only `LBFGS`), ``"diverged"``,
        ``"interrupted"``, ``"out of time"``, ``"callback"``, or ``"halved"`` (by `Halving` or `MedianStopping` of a
        sweep).
    seconds : float
        Time that training took, in seconds, without compilation and without Python's work between epochs. A resumed run
        counts the time before the break as well.
    best_epoch : int
        The epoch, counted from 0, whose weights the network has in the end: the last one, unless `EarlyStopping`
        restored an earlier one. It is -1 before the first epoch has ended, and if the run diverged and nothing was
        restored, so that the weights are of no use.
    score : float
        Accuracy, label accuracy or r2 (see `metrics.default_score`) of the trained network on the held-out rows, or mse
        where r2 is undefined, as of a single number; NaN if there are no such rows.
    score_name : str
        The name of `score`, such as ``"r2"``.

    Examples
    --------
    >>> import fastprop as fp
    >>> X, y = fp.datasets.digits()
    >>> history = fp.train(fp.MLP((64, 16, 10), output="softmax"), X, y, epochs=3, validation=0.2)
    >>> history.validation_loss.shape, history.epochs, history.stopped
    ((3,), 3, 'finished')
    >>> repr(history).split(", ")[0]
    'History: finished after 3 epochs'
    """

    loss: NDArray[np.float64]
    validation_loss: NDArray[np.float64]
    learning_rate: NDArray[np.float64]
    gradient_norm: NDArray[np.float64]
    metrics: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    epochs: int = 0
    stopped: str = "finished"
    seconds: float = 0.0
    best_epoch: int = -1
    score: float = float("nan")
    score_name: str = ""

    def plot(self, path: Path | None = None) -> Figure | None:
        """Draw the losses, and below them the metrics, over the epochs (extra ``plot``).

        Parameters
        ----------
        path : str or Path, optional
            The picture file to write, whose ending gives the format, such as ``.png``, ``.svg`` or ``.pdf``.

        Returns
        -------
        matplotlib.figure.Figure or None
            The figure, which a notebook shows, if there is no path.

        Raises
        ------
        ImportError
            If Matplotlib is not installed.

        Examples
        --------
        >>> import fastprop as fp
        >>> X, y = fp.datasets.digits()
        >>> history = fp.train(fp.MLP((64, 16, 10), output="softmax"), X, y, epochs=3, validation=0.2)
        >>> [line.get_label() for line in history.plot().axes[0].lines]
        ['training', 'held-out', 'kept: epoch 3']
        """
        losses = {"training": self.loss, "held-out": self.validation_loss}
        losses = {name: values for name, values in losses.items() if name == "training" or np.isfinite(values).any()}
        return plotting.history(path, losses, self.metrics, self.best_epoch, self._ending())

    def _ending(self):
        return f"{ENDINGS.get(self.stopped, self.stopped)} after {self.epochs:,} epoch{'' if self.epochs == 1 else 's'}"

    def _columns(self):
        """Return by name all that was measured in each epoch; columns of NaN are left out."""
        columns = {name: getattr(self, name) for name in MEASURED_ARRAYS} | self.metrics
        return {words(name): values for name, values in columns.items() if np.isfinite(values).any()}

    def __repr__(self) -> str:
        kept = self.best_epoch if self.best_epoch >= 0 else self.epochs - 1
        names = "loss", "validation loss"
        values = {name: values[kept] for name, values in self._columns().items() if name in names}
        if np.isfinite(self.score):
            values["score"] = self.score
        return f"History: {', '.join([self._ending(), *(f'{name} {short(each)}' for name, each in values.items())])}"

    def _repr_html_(self) -> str:
        columns = self._columns()
        epochs = sorted({0, self.best_epoch, self.epochs - 1} & set(range(self.epochs)))
        rows = [[f"{epoch + 1:,}", *(values[epoch] for values in columns.values())] for epoch in epochs]
        return html.table(repr(self), ["epoch", *columns], rows)


MEASURED_ARRAYS = "loss", "validation_loss", "learning_rate", "gradient_norm"
"""The names of a history's arrays, (epochs,) each, in the order of its fields."""


class Measured(NamedTuple):
    """What a sweep records of some histories, in arrays with an element for each of them."""

    loss: NDArray[np.float64]  # after the last epoch, or the one whose weights were restored; NaN before the first
    validation_loss: NDArray[np.float64]  # likewise
    epochs: NDArray[np.int64]  # epochs done
    final_epochs: NDArray[np.int64]  # epochs to the weights that are kept; 0 if there are no such
    seconds: NDArray[np.float64]
    history: NDArray[np.float64]  # (histories, epochs): the loss that ranks; NaN past the end of a history

    @classmethod
    def of(cls, histories, criterion):
        """Return what some `History` objects measured, of which `criterion` names the loss that ranks."""
        last = [each.best_epoch if each.best_epoch >= 0 else each.epochs - 1 for each in histories]
        loss, validation_loss = (
            np.array([getattr(each, name)[at] if at >= 0 else np.nan for each, at in zip(histories, last)])
            for name in ("loss", "validation_loss")
        )
        ranks = np.full((len(histories), max(each.epochs for each in histories)), np.nan)
        for row, each in zip(ranks, histories):
            row[: each.epochs] = getattr(each, criterion)
        return cls(
            loss=loss,
            validation_loss=validation_loss,
            epochs=np.array([each.epochs for each in histories]),
            final_epochs=np.array([each.best_epoch + 1 for each in histories]),
            seconds=np.array([each.seconds for each in histories]),
            history=ranks,
        )

    def times(self, factors):
        """Return the same with the losses of each history multiplied by its factor."""
        return self._replace(
            loss=self.loss * factors,
            validation_loss=self.validation_loss * factors,
            history=self.history * factors[:, None],
        )


class HistoryLog:
    """Collects a history epoch by epoch, in arrays that grow with the epochs that are done.

    Parameters
    ----------
    metrics : sequence of Score
        The metrics that are measured in each epoch.

    Attributes
    ----------
    history : History
        Its arrays are views, which are replaced after each epoch.
    """

    def __init__(self, metrics=()):
        names = [score.name for score in metrics]
        self._values = np.full(
            (len(MEASURED_ARRAYS) + len(names), 1), np.nan
        )  # a row for each array, with room to grow
        self.history = History(*np.empty((len(MEASURED_ARRAYS), 0)), {name: np.empty(0) for name in names})

    def append(self, measured, metrics=()):
        """Append an epoch: values in the order of `MEASURED_ARRAYS`, and of the metrics, which are NaN if left out."""
        history = self.history
        if history.epochs == self._values.shape[1]:
            self._values = doubled(self._values, axis=1)
        values = [*measured, *metrics]
        self._values[: len(values), history.epochs] = values
        history.epochs += 1
        done = self._values[:, : history.epochs]
        for name, row in zip(MEASURED_ARRAYS, done):
            setattr(history, name, row)
        history.metrics.update(zip(history.metrics, done[len(MEASURED_ARRAYS) :]))


def doubled(array, axis):
    """Return an array that is twice as long, with NaN at the end, so that growing costs time linear in the length."""
    return np.concatenate([array, np.full_like(array, np.nan)], axis=axis)


def stop_reason(*, called_off, ended, done, epochs, stop_requested, time_is_over, until):
    """Return why a run ended, or would end if it ended now: see `History.stopped`.

    Parameters
    ----------
    called_off : bool
        Whether the callback returned true.
    ended : str
        ``"diverged"``, ``"early"`` or ``"converged"`` where the run ended by itself before another epoch, else empty.
    done, epochs : int
        The number of epochs that were finished, and of those that were asked for.
    stop_requested : bool
        Whether `Run.stop` was called.
    time_is_over : bool
        Whether the run ended because its time was over.
    until : int
        The epoch to which the run was called to train.

    Examples
    --------
    >>> stop_reason(called_off=False, ended="", done=3, epochs=9, stop_requested=False, time_is_over=False, until=3)
    'halved'
    """
    if called_off:
        return "callback"
    if ended == "diverged":
        return ended
    if done >= epochs:
        return "finished"
    if ended:
        return ended
    if stop_requested:
        return "interrupted"
    if time_is_over:
        return "out of time"
    return "halved" if until < epochs else "finished"
