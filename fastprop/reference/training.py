"""One step, and a run of many."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .network import Network, gradients
from .network import loss as mean_loss
from .numpy_errors import ERRORS
from .optimizers import clipped, norm, update
from .randomness import dropout_mask, row_order
from .schedules import step_factors


class PartFactors(NamedTuple):
    """What multiplies the learning rates and weight decays of parts of a network."""

    layer_rates: Sequence[float] | None = None  # the learning rate of each layer; None for 1 in each
    bias_rate: float = 1.0  # the learning rate of biases
    bias_decay: float = 1.0  # the weight decay of biases

    def optimizers(self, optimizer: Any, rate: float, layers: int) -> list[tuple[Any, float]]:
        """Return the optimizer and the learning rate of each array: of the weights of all layers, then of biases."""
        of_layers = [1.0] * layers if self.layer_rates is None else list(self.layer_rates)
        of_biases = optimizer
        if self.bias_decay != 1:
            of_biases = replace(optimizer, weight_decay=optimizer.weight_decay * self.bias_decay)
        weights = [(optimizer, rate * of_layer) for of_layer in of_layers]
        return weights + [(of_biases, rate * of_layer * self.bias_rate) for of_layer in of_layers]


EQUAL_PARTS = PartFactors()
"""Factors that leave all parts of a network alike."""


@np.errstate(**ERRORS)
def step(
    network: Network,
    X: ArrayLike,
    y: ArrayLike,
    loss: Any,
    optimizer: Any,
    state: dict[int, Any],
    sample_weight: ArrayLike | None = None,
    masks: Sequence[NDArray[Any]] | None = None,
    *,
    precision: str | None = None,
    clip: Any = None,
    factor: float = 1.0,
    part_factors: PartFactors = EQUAL_PARTS,
) -> tuple[float, float]:
    """Do one step in place, by PyTorch's formulas.

    `optimizer` is an object with the class name and the attributes of one in `fastprop.options`. `state` is a dict,
    empty before the first step; it keeps what the next step needs: velocities, moments, the number of steps. `masks`
    are those of dropout, see `forward`, as for `precision`. `clip` limits the gradients before weight decay and l1 are
    added to them. `factor` multiplies the learning rate of all parameters, and `part_factors` that of some.

    Return the learning rate, and the norm of the gradient before it was limited.

    Examples
    --------
    >>> import fastprop as fp
    >>> from fastprop import exercise, reference
    >>> network = exercise.network()
    >>> rate, _ = reference.step(network, exercise.X, exercise.TARGET, "mse", fp.SGD(0.1), {})
    >>> rate, network.biases[1].round(8)
    (0.1, array([0.10090062]))
    """
    rate = optimizer.learning_rate * factor
    dW, db = gradients(network, X, y, loss, sample_weight, masks, precision)
    how = part_factors.optimizers(optimizer, rate, len(dW))
    for index, (w, g, each) in enumerate(zip(network.arrays, clipped(clip, dW + db), how)):
        state[index] = update(*each, w, g, state.get(index, ()))
    return rate, norm(dW + db)


MAX_DROPPED = 0.99
"""What a schedule may raise dropout to, because nothing would be left at 1."""


@dataclass
class Descent:
    """Minibatch gradient descent: the options of a run, and its state from step to step."""

    network: Network  # trained in place
    loss: Any
    optimizer: Any
    batch_size: int
    shuffle: bool
    seed: int
    precision: str | None = None
    clip: Any = None
    dropout: float = 0.0  # the probability with which an activation of a hidden layer is dropped
    average: Any = None
    averaged: Network | None = None  # the moving average of the network, if there is an `average`
    part_factors: PartFactors = EQUAL_PARTS
    state: dict[int, Any] = field(default_factory=dict)  # see `step`

    def change(self, values):
        """Go on with other values of options or of the optimizer's hyperparameters, {name: value}."""
        for name, value in values.items():
            if name in PartFactors._fields:
                self.part_factors = self.part_factors._replace(**{name: value})
            elif hasattr(self.optimizer, name):
                self.optimizer = replace(self.optimizer, **{name: value})
            else:
                setattr(self, name, value)

    def go_through(self, X, y, weight, epoch, factors):
        """Go once through the rows, step by step, until the loss is no longer finite.

        `factors` has for each step what learning rate, weight decay and dropout are multiplied by.
        Return the mean loss, the learning rate of the last step, and the mean norm of the gradients.
        """
        order = row_order(len(X), self.seed, epoch) if self.shuffle else np.arange(len(X))
        total = 0.0
        norms = []
        for first, (of_rate, of_decay, of_dropout) in zip(range(0, len(X), self.batch_size), factors):
            optimizer = self.optimizer
            if of_decay != 1:
                optimizer = replace(optimizer, weight_decay=optimizer.weight_decay * of_decay)
            rows = order[first : first + self.batch_size]
            masks = self._masks(epoch, rows, of_dropout)
            batch = self.network, X[rows], y[rows], self.loss
            total += weight[rows].sum() * mean_loss(*batch, weight[rows], masks, self.precision)
            how = {"precision": self.precision, "clip": self.clip, "part_factors": self.part_factors}
            rate, length = step(*batch, optimizer, self.state, weight[rows], masks, factor=of_rate, **how)
            norms.append(length)
            self._move_average(epoch)
            if not np.isfinite(total):
                break
        return total / weight.sum(), rate, np.mean(norms)

    def _masks(self, epoch, rows, factor):
        if self.dropout == 0:
            return None
        dropout = min(self.dropout * factor, max(self.dropout, MAX_DROPPED))
        sizes = map(len, self.network.biases[:-1])
        return [dropout_mask(dropout, self.seed, epoch, rows, *layer) for layer in enumerate(sizes, start=1)]

    def _move_average(self, epoch):
        if self.average is None:
            return
        rest = 1 - self.average.decay if epoch >= self.average.start_epoch else 1.0
        for mean, w in zip(self.averaged.arrays, self.network.arrays):
            mean += rest * (w - mean)


class Record(NamedTuple):
    """What was measured in each epoch of a run: arrays (epochs,)."""

    loss: NDArray[np.float64]  # the mean over the rows of the loss before the step of each row's minibatch
    validation_loss: NDArray[np.float64]  # after the epoch; NaN without validation, and if the loss is not finite
    learning_rate: NDArray[np.float64]  # of the last step
    gradient_norm: NDArray[np.float64]  # the mean over the steps


@np.errstate(**ERRORS)
@np.errstate(over="ignore", invalid="ignore")
def train(
    network: Network,
    X: ArrayLike,
    y: ArrayLike,
    *,
    epochs: int,
    batch_size: int,
    loss: Any,
    optimizer: Any,
    validation: Sequence[ArrayLike] | None = None,
    sample_weight: ArrayLike | None = None,
    shuffle: bool = True,
    seed: int = 0,
    schedule: Any = None,
    weight_decay_schedule: Any = None,
    layer_rates: Sequence[float] | None = None,
    bias_rate: float = 1.0,
    bias_decay: float = 1.0,
    precision: str | None = None,
    clip: Any = None,
    dropout: float = 0.0,
    dropout_schedule: Any = None,
    average: Any = None,
    early_stopping: Any = None,
    changes: Mapping[int, Mapping[str, Any]] | None = None,
    callback: Callable[[int, Record], object] = lambda epoch, record: False,
) -> Record:
    """Train in place; return the `Record` of the epochs that were done.

    `validation` is (X, y) or (X, y, sample_weight). `schedule`, `weight_decay_schedule`, `dropout_schedule`, `clip`,
    `average` and `early_stopping` are options, or None. `dropout` is the probability with which an activation of a
    hidden layer is dropped. `layer_rates`, `bias_rate` and `bias_decay` are `PartFactors`. For `precision` see
    `forward`; validation has products of float64.

    `changes` has by a number of epochs the values, by name, that options or the optimizer's hyperparameters have from
    then on.

    Rows of weight 0 are as if left out. A run whose loss or weights are no longer finite ends there; so does one
    whose callback returns true. However it ends, the network has the weights of the last improvement if
    `early_stopping` restores them and there was one.

    Examples
    --------
    >>> import fastprop as fp
    >>> from fastprop import exercise, reference
    >>> options = {"epochs": 3, "batch_size": 1, "loss": "mse", "optimizer": fp.SGD(0.1)}
    >>> record = reference.train(exercise.network(), exercise.X, exercise.TARGET, **options)
    >>> record.loss.shape, bool(record.loss[-1] < record.loss[0])
    ((3,), True)
    """
    X, y, weight = counted_rows(np.asarray(X, np.float64), np.asarray(y), sample_weight)
    learned = network if average is None else Network.of(network)  # then `network` holds the average
    part_factors = PartFactors(layer_rates, bias_rate, bias_decay)
    options = precision, clip, dropout, average
    descent = Descent(learned, loss, optimizer, batch_size, shuffle, seed, *options, network, part_factors)
    batches = -(-len(X) // batch_size)
    watched = "loss" if validation is None else "validation_loss"  # the loss that says how well the network does
    record = Record(*np.empty((4, 0)))
    measured = []
    best = None
    for epoch in range(epochs):
        descent.change((changes or {}).get(epoch, {}))
        steps = epoch, epoch * batches, batches, epochs
        losses = getattr(record, watched)
        planned = schedule, weight_decay_schedule, dropout_schedule
        factors = list(zip(*(step_factors(each, *steps, losses) for each in planned)))
        training_loss, rate, length = descent.go_through(X, y, weight, epoch, factors)
        validation_loss = np.nan
        if validation is not None and np.isfinite(training_loss):
            validation_loss = mean_loss(network, *validation[:2], loss, *validation[2:])
        measured.append((training_loss, validation_loss, rate, length))
        record = Record(*np.transpose(measured))
        if not (np.isfinite(training_loss) and learned.is_finite):
            break
        stops_early = False
        if early_stopping is not None:
            improved = last_improvement(getattr(record, watched), early_stopping.minimum_improvement)
            if improved == epoch and early_stopping.restore_best:
                best = Network.of(network)
            patience = early_stopping.patience
            stops_early = patience is not None and epoch - improved >= patience
        if callback(epoch, record) or stops_early:
            break
    for w, ended in zip(network.arrays, (best or network).arrays):
        w[...] = ended
    return record


def counted_rows(X, y, sample_weight):
    """Return inputs, labels or targets, and weights of the rows that count: of all but those of weight 0."""
    if sample_weight is None:
        return X, y, np.ones(len(X))
    weight = np.asarray(sample_weight, np.float64)
    counts = weight != 0
    return X[counts], y[counts], weight[counts]


def last_improvement(losses: Iterable[float], minimum_improvement: float) -> int:
    """Return the last epoch whose loss was more than `minimum_improvement` below that of the one before, or -1.

    The one before is the last earlier epoch of which this is true.

    Examples
    --------
    >>> from fastprop import reference
    >>> reference.last_improvement([3.0, 2.0, 1.9, 1.4], minimum_improvement=0.5)
    3
    """
    best = np.inf
    last = -1
    for epoch, loss in enumerate(losses):
        if loss < best - minimum_improvement:
            best = loss
            last = epoch
    return last
