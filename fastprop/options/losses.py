"""Losses that have a parameter. The name of such a loss stands for the parameter's default."""

from dataclasses import dataclass
from typing import TypeAlias, get_args

from fastprop import checks

__all__ = ["BinaryCrossEntropy", "CrossEntropy", "Huber"]


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


LossOption: TypeAlias = Huber | CrossEntropy | BinaryCrossEntropy
"""A loss with a parameter."""

LOSS_OPTIONS = get_args(LossOption)
"""All losses with a parameter."""
