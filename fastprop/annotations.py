"""Types that public signatures share: arrays, paths, and the names that an option may have.

A test compares each list of names with the table that it repeats, because a type checker reads no tables.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol, SupportsFloat, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Figure  # which is imported on use
    from numpy.typing import ArrayLike as ArrayLike
else:
    Figure = Any

    class ArrayLike:
        """What NumPy converts to an array: `numpy.typing.ArrayLike`, by a name that documentation can print.

        That alias is a union of eight types, which a signature would show in full.
        """


Path: TypeAlias = str | os.PathLike[str]

FloatArray: TypeAlias = NDArray[np.floating[Any]]
"""An array of a network's dtype."""

HiddenActivation: TypeAlias = Literal[
    "sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "silu", "gelu", "selu", "mish", "identity"
]
OutputActivation: TypeAlias = HiddenActivation | Literal["exp", "softmax"]

Initialization: TypeAlias = Literal[
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal", "orthogonal"
]

LossName: TypeAlias = Literal["mse", "mae", "huber", "pinball", "poisson", "binary_cross_entropy", "cross_entropy"]

ScoreName: TypeAlias = Literal[
    "accuracy",
    "balanced_accuracy",
    "f1",
    "matthews",
    "roc_auc",
    "average_precision",
    "log_loss",
    "label_accuracy",
    "label_f1",
    "label_roc_auc",
    "pinball",
    "r2",
    "explained_variance",
    "mse",
    "rmse",
    "mae",
    "median_absolute_error",
]

NumericEncodingName: TypeAlias = Literal["standard", "robust", "piecewise"]

SearchedEncodingName: TypeAlias = Literal["standard", "robust", "piecewise", "search"]

ScoreFunction: TypeAlias = Callable[[NDArray[Any], NDArray[Any]], SupportsFloat]
"""A function of a network's outputs (n, n_out) and of y, in the shape in which it was given."""

ScheduleUnit: TypeAlias = Literal["epoch", "step"]

Dtype: TypeAlias = Literal["float32", "float64"]

Precision: TypeAlias = Literal["float32", "bfloat16"]

Backend: TypeAlias = Literal["kernels", "reference"]

PlotKind: TypeAlias = Literal["score", "heat_map", "parallel_coordinates", "learning_curves", "rungs"]

Validation: TypeAlias = float | tuple[ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike, ArrayLike | None]
"""A fraction of the rows, or X and y, or X, y and weights."""

ClassWeight: TypeAlias = Mapping[Any, float] | ArrayLike | Literal["balanced"]
"""By label, its weight; or the weight of each class in their order."""


class Splitter(Protocol):
    """What cuts rows into folds, as scikit-learn's splitters do."""

    def split(self, X: Any, y: Any, /) -> Iterable[tuple[ArrayLike, ArrayLike]]:
        """Yield, for each fold, the indices of the training rows and of the held-out rows."""
