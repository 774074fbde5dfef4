"""`Dataset`: what a network is trained or measured on."""

from typing import NamedTuple

import numpy as np

from fastprop import checks
from fastprop.data.inputs import Inputs, position_names
from fastprop.data.standardization import Origin
from fastprop.integrations import frame_columns
from fastprop.task import Task


class ColumnNames(NamedTuple):
    """The names of the columns of X, or `position_names`, and of y where it is a data frame of several columns."""

    features: tuple[str, ...] | None = None
    targets: tuple[str, ...] | None = None


class Dataset(NamedTuple):
    """Checked data: arrays that are read-only and finite; `targets` or `labels` is empty.

    Targets are of the network's dtype; the inputs may be of any dtype until `readable` has converted them. Targets and
    labels are C-contiguous.
    """

    inputs: Inputs  # (n, n_in)
    targets: np.ndarray  # (n, n_out); (0, n_out) where there are labels
    labels: np.ndarray  # (n,) int64; (0,) where there are targets
    weights: np.ndarray  # (n,) float64, of which only ratios count; (0,) where all rows weigh 1
    given: np.ndarray  # (n,), (n, 1) or (n, n_out), of any dtype: y as the user gave it
    task: Task  # what the targets are
    target_names: tuple[str, ...] | None = None  # the names of the columns of y, where it is a data frame of several
    sources: np.ndarray | None = None  # (n,) int64: of which row the user gave each is; None if it is the same one
    score_weights: np.ndarray | None = None  # (n,) float64: weights without those of classes; None if rows have none
    left_out: np.ndarray | None = None  # (k,) int64: rows that do not count, because an outer fold tests on them

    @classmethod
    def of(cls, X, y, network, loss, sample_weight=None, names=("X", "y", "sample_weight"), column_names=None):
        """Check `X` and `y` for a network, and copy only what must be converted.

        Parameters
        ----------
        X : array_like
            (n, n_in) numbers.
        y : array_like
            (n,) or (n, 1) whole-number labels where there are several outputs, else (n, n_out) targets, which may also
            be (n,) for one output.
        network : MLP
            The network that is to be trained, of which only sizes, output activation, dtype and names are read.
        loss : str or option
            The loss, for which the targets must be fit.
        sample_weight : array_like, optional
            (n,) numbers of at least 0, not all 0.
        names : three str
            The names of `X`, `y` and `sample_weight` in messages.
        column_names : ColumnNames, optional
            Those of the data to which this data belongs, whose order the columns of data frames get. By default they
            get that of the network's `feature_names` and `class_names`.
        """
        dtype, n_out = network.dtype, network.layer_sizes[-1]
        column_names = column_names or ColumnNames()
        frame_columns.warn_of_another_order(X, (y, sample_weight), names)
        inputs = Inputs.of(X, network, names[0], column_names.features)
        given = checks.rows(y, len(inputs), names[:2])
        target_names = _column_names(y)
        expected = _expected_targets(target_names, column_names.targets, network.class_names)
        if expected != target_names:
            given = given[:, checks.order_of_targets(target_names, expected, names[1])]
            target_names = expected
        given = checks.read_only(given)
        weights = np.zeros(0)
        if sample_weight is not None:
            weights = scaled_weights(checks.row_weights(sample_weight, len(inputs), names[2]))
        if checks.holds_labels(given, n_out, loss):
            labels = checks.labels(given, n_out, names[1])
            targets = np.zeros((0, n_out), dtype)
        else:
            labels = np.zeros(0, np.int64)
            targets = checks.targets(given, n_out, loss, dtype, names[1])
        task = Task.of(given, n_out, network.output, loss, target_names or network.class_names)
        score_weights = weights if len(weights) else None
        return cls(inputs, targets, labels, weights, given, task, target_names, score_weights=score_weights)

    def for_loss(self, network, loss, name="y"):
        """Return the same data with the task of another network and loss, for which its targets must be fit."""
        n_out = network.layer_sizes[-1]
        if checks.holds_labels(self.given, n_out, loss) != self.has_labels:
            raise ValueError(
                f"{name} holds labels for one of the losses and numbers for another: search each in a sweep of its own."
            )
        if not self.has_labels:
            checks.targets(self.given, n_out, loss, network.dtype, name)
        return self._replace(task=Task.of(self.given, n_out, network.output, loss, self.task.names))

    @classmethod
    def of_chunk(cls, chunk, index, network, loss, column_names=None):
        """Check a chunk of a stream, (X, y) or (X, y, sample_weight), and convert it; messages name its index."""
        try:
            X, y, *sample_weight = checks.chunk(chunk)
            data = cls.of(X, y, network, loss, *sample_weight, column_names=column_names)
            return data.readable(network.dtype, Origin.of_network(network))
        except (TypeError, ValueError) as error:
            raise type(error)(f"in chunk {index}, {error}") from None

    def readable(self, dtype, origin):
        """Return the same data with inputs that kernels can read for a network of `dtype`, see `Inputs.readable`."""
        return self._replace(inputs=self.inputs.readable(dtype, origin))

    def fitted_to(self, folds):
        """Return the data with inputs that are made for training rows, and the rows of each fold in it.

        Parameters
        ----------
        folds : list of tuple of ndarray
            For each fold its training rows, and other rows of it, as indices. They stay as they are if the inputs do
            not depend on training rows, or on which ones.
        """
        if self.inputs.unfitted is None:
            return self, folds
        inputs, sources, positions = self.inputs.fitted_to([rows for rows, *_ in folds])
        data = self._replace(inputs=inputs)
        if len(sources) > len(self.inputs):
            data = data._replace(sources=sources)
            arrays = {name: getattr(self, name) for name in ("targets", "labels", "weights", "given")}
            longer = {name: checks.read_only(array[sources]) for name, array in arrays.items() if len(array)}
            if self.score_weights is not None:
                longer["score_weights"] = checks.read_only(self.score_weights[sources])
            data = data._replace(**longer)
        return data, [tuple(position[rows] for rows in fold) for position, fold in zip(positions, folds)]

    def scaled(self, scaling):
        """Return the data with targets that are scaled for training, by a `TargetScaling`; `given` stays."""
        columns = np.broadcast_to(self.given.reshape(len(self.given), -1), self.targets.shape)
        return self._replace(targets=checks.read_only(scaling.scaled(columns).astype(self.targets.dtype)))

    def weights_in_scores(self, rows):
        """Return the weights that scores are given of some rows, (m,) float64, or None: those of classes do not count.

        As in scikit-learn, weights of classes change what is learned, and not what is right.
        """
        return None if self.score_weights is None else self.score_weights[rows]

    @property
    def column_names(self):
        """The `ColumnNames` that data which belongs to this has, too."""
        return ColumnNames(self.inputs.feature_names or position_names(self.inputs.shape[1]), self.target_names)

    @property
    def has_labels(self):
        """Whether there are labels in place of targets."""
        return len(self.labels) > 0

    @property
    def y(self):
        """What the network should give for each row: labels (n,) or targets (n, n_out)."""
        return self.labels if self.has_labels else self.targets

    @property
    def copies(self):
        """How many rows at the end are rows again, as they are for other training rows."""
        return 0 if self.sources is None else len(self.sources) - 1 - int(self.sources.max())

    def as_numbered(self, rows):
        """Return the numbers of some rows among those that the user gave, (m,) int64."""
        return rows if self.sources is None else self.sources[rows]

    @property
    def arrays(self):
        """The arrays on which a run depends."""
        return *self.inputs.arrays, self.targets, self.labels, self.weights

    @property
    def rows(self):
        """The indices of the rows that count, (m,) int64: all but those of weight 0, which are as if left out.

        Those that an outer fold of a nested cross-validation tests on do not count either.
        """
        rows = np.flatnonzero(self.weights) if len(self.weights) else np.arange(len(self.inputs))
        return rows if self.left_out is None else np.setdiff1d(rows, self.left_out)

    def as_given(self, rows):
        """Return y of some `rows` in the shape and dtype in which the user gave it, read-only, for score functions."""
        if len(rows) == len(self.given) and (rows == np.arange(len(rows))).all():
            return self.given
        return checks.read_only(self.given[rows])

    def classes(self, rows):
        """Return the class of each of some `rows`, (m,) int64, or None where rows have no class."""
        return self.task.classes(self.given[rows]) if self.task.class_count else None


def scaled_weights(weights, rows=slice(None)):
    """Return weights (n,) float64 times a power of two, which changes no ratio and rounds nothing.

    The largest of some `rows` becomes one from 1 to 2 unless it is of ordinary size. Weights that are then too small
    for a normal number become 0. Without weights, (0,), there is nothing to do.

    Examples
    --------
    >>> import numpy as np
    >>> scaled_weights(np.array([2.0**-130, 2.0**-129, 0]))
    array([0.5, 1. , 0. ])
    """
    exponent = np.frexp(weights[rows].max(initial=0))[1] if len(weights) else 0
    if abs(exponent) <= ORDINARY_EXPONENT:
        return weights
    with np.errstate(over="ignore"):  # of weights of other rows
        weights = np.ldexp(weights, 1 - exponent)
    return checks.read_only(np.where(weights < np.finfo(np.float64).tiny, 0, weights))


ORDINARY_EXPONENT = 20
"""Weights whose largest is between 2 to the minus this and 2 to the power of this stay as they are."""


def _column_names(y):
    """Return the names of the columns of targets, if these are a data frame of several, else None."""
    columns = getattr(y, "columns", None)
    return None if columns is None or len(columns) < 2 else tuple(map(str, columns))


def _expected_targets(target_names, earlier, class_names):
    """Return the names of targets in the order that they get: that of earlier ones, or else that of the classes."""
    if target_names is None:
        return None
    if earlier is not None:
        return earlier
    return class_names if class_names is not None and set(class_names) == set(target_names) else target_names
