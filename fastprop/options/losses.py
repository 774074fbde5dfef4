"""Losses that have a parameter. The name of such a loss stands for the parameter's default."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, get_args

from fastprop import checks
from fastprop.reference.losses import QUANTILES

__all__ = ["BinaryCrossEntropy", "CrossEntropy", "Huber", "Pinball"]


@dataclass(frozen=True)
class Huber:
    """Huber's loss: half the square of a small error, and a straight line for a large one, so that outliers count less.

    Mean over rows and outputs of (y - t)² / 2 where |y - t| < delta, else delta · (|y - t| - delta / 2), as
    ``torch.nn.HuberLoss``. ``loss="huber"`` is ``Huber()``.

    Parameters
    ----------
    delta : float
        At least 1e-30, in units of the targets: the error from which on the loss is a line.

    Raises
    ------
    ValueError, TypeError
        If it is out of its range.

    References
    ----------
    Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35 (1964).

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.Huber(2)
    Huber(delta=2.0)
    """

    delta: float = 1.0

    name = "huber"

    def __post_init__(self):
        checks.number_fields(self, "delta", minimum=1e-30)


@dataclass(frozen=True)
class CrossEntropy:
    """Cross entropy of softmax outputs, with label smoothing.

    A target t becomes (1 - label_smoothing) · t + label_smoothing / classes, as in ``torch.nn.CrossEntropyLoss``; the
    losses of held-out rows are smoothed likewise. ``loss="cross_entropy"`` is ``CrossEntropy()``. Class weights weigh
    whole rows: PyTorch's ``weight`` also weighs each class that a target is spread over.

    Parameters
    ----------
    label_smoothing : float
        From 0 to below 1.

    Raises
    ------
    ValueError, TypeError
        If it is out of its range.

    References
    ----------
    Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the Inception architecture for computer vision", CVPR 2016.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.CrossEntropy(label_smoothing=0.1)
    CrossEntropy(label_smoothing=0.1)
    """

    label_smoothing: float = 0.0

    name = "cross_entropy"

    def __post_init__(self):
        checks.number_fields(self, "label_smoothing", below=1.0)


@dataclass(frozen=True)
class BinaryCrossEntropy:
    """Binary cross entropy of sigmoid outputs, with label smoothing.

    A target t becomes (1 - label_smoothing) · t + label_smoothing / 2, as in Keras's ``BinaryCrossentropy``: what
    `CrossEntropy` makes of two softmax outputs. The losses of held-out rows are smoothed likewise.
    ``loss="binary_cross_entropy"`` is ``BinaryCrossEntropy()``.

    Parameters
    ----------
    label_smoothing : float
        From 0 to below 1.

    Raises
    ------
    ValueError, TypeError
        If it is out of its range.

    References
    ----------
    Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the Inception architecture for computer vision", CVPR 2016.

    Examples
    --------
    >>> import fastprop as fp
    >>> X, y = fp.datasets.digits()
    >>> network = fp.MLP((64, 1), output="sigmoid")
    >>> loss = fp.BinaryCrossEntropy(label_smoothing=0.1)
    >>> history = fp.train(network, X, y % 2, epochs=9, loss=loss)
    >>> bool(history.loss[-1] < history.loss[0])
    True
    """

    label_smoothing: float = 0.0

    name = "binary_cross_entropy"

    def __post_init__(self):
        checks.number_fields(self, "label_smoothing", below=1.0)


@dataclass(frozen=True)
class Pinball:
    """The pinball loss, by which each output learns a quantile of the target.

    Mean over rows and outputs of q · (t - y) where the output y is below the target t, else (1 - q) · (y - t); q is the
    quantile of the output. The network has an output for each quantile. `y` has one column, (n,) or (n, 1), which is
    the target of all outputs. Nothing keeps the outputs of a row in order: where they cross, sort them.

    Parameters
    ----------
    quantiles : sequence of float
        Each above 0 and below 1, ascending. ``loss="pinball"`` is ``Pinball()``: the median, and the ends of an
        interval for 80 % of the targets.

    Raises
    ------
    ValueError, TypeError
        If a quantile is out of its range, or they do not ascend.

    References
    ----------
    Koenker and Bassett, "Regression quantiles", Econometrica 46 (1978).

    Examples
    --------
    >>> import numpy as np
    >>> import fastprop as fp
    >>> random = np.random.default_rng(0)
    >>> X = random.random((500, 1))
    >>> y = X[:, 0] * random.random(500)  # half are below 0.5 x, and 9 of 10 below 0.9 x
    >>> network = fp.MLP((1, 8, 2), hidden="relu", output="identity", seed=0)
    >>> history = fp.train(network, X, y, loss=fp.Pinball((0.5, 0.9)), optimizer=fp.Adam(0.01), epochs=100)
    >>> [f"{quantile:.1f}" for quantile in network.predict([[1.0]])[0]]
    ['0.4', '0.8']
    """

    quantiles: Sequence[float] = QUANTILES

    name = "pinball"

    def __post_init__(self):
        object.__setattr__(self, "quantiles", checks.quantiles(self.quantiles))


def pinball_of(training):
    """Return the `Pinball` that is the loss of a network by its `MLP.training`, a mapping or None; None for another."""
    loss = (training or {}).get("loss")
    return Pinball(loss["quantiles"]) if isinstance(loss, dict) and loss.get("name") == "Pinball" else None


LossOption: TypeAlias = Huber | CrossEntropy | BinaryCrossEntropy | Pinball
"""A loss with a parameter."""

LOSS_OPTIONS = get_args(LossOption)
"""All losses with a parameter."""


def loss_option(loss: str | LossOption) -> LossOption | None:
    """Return the option that a loss is, or for which its name stands; None for a loss without a parameter.

    Examples
    --------
    >>> from fastprop.options.losses import loss_option
    >>> loss_option("huber")
    Huber(delta=1.0)
    """
    if isinstance(loss, LOSS_OPTIONS):
        return loss
    return next((each() for each in LOSS_OPTIONS if each.name == loss), None)
