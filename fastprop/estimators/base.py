"""`BaseMLP`: what the classifier and the regressor have in common."""

from __future__ import annotations

import copy
import math
import warnings
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_consistent_length
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import _check_y, check_is_fitted

from fastprop import numpy_settings
from fastprop.annotations import HiddenActivation
from fastprop.data import Inputs, SparseRows, standardization
from fastprop.estimators import inputs, parameters
from fastprop.estimators.saving import SavesModel
from fastprop.network import MLP
from fastprop.reference import PRECISIONS
from fastprop.streaming import ChunkTraining
from fastprop.tabular.model import TableModel
from fastprop.tabular.numeric_encodings import NUMERIC_ENCODINGS
from fastprop.training import train

_fraction = Interval(Real, 0, 1, closed="left")
_positive = Interval(Real, 0, None, closed="neither")
_not_negative = Interval(Real, 0, None, closed="left")
_count = Interval(Integral, 1, None, closed="left")


def takes_steps(estimator):
    """Return whether an estimator has ``partial_fit``; AttributeError if its solver takes all rows in each step."""
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic optimizers, not for lbfgs: name another.")
    return True


class Prepared(NamedTuple):
    """What a training takes: numbers, and the network with which it begins."""

    network: MLP
    X: np.ndarray | SparseRows  # (n, n_in)
    y: np.ndarray  # (n,) or (n, n_out)
    weights: np.ndarray | None  # (n,) float64
    count: int  # the number of rows whose weight is above 0


def _refuse_divergence(history):
    if history.stopped == "diverged" and history.best_epoch < 0:
        raise ValueError("The training diverged: give a smaller learning_rate_init, or inputs without outliers.")


class BaseMLP(SavesModel, BaseEstimator):
    """What the classifier and the regressor have in common: arguments in, `fastprop.train`, results out."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "hidden_layer_sizes": ["array-like", _count],
        "activation": [StrOptions({*get_args(HiddenActivation), *parameters.ACTIVATIONS})],
        "solver": [StrOptions({*parameters.SOLVERS, "lbfgs"})],
        "alpha": [_not_negative],
        "batch_size": [StrOptions({"auto"}), _count],
        "learning_rate": [StrOptions(set(parameters.SCHEDULES))],
        "learning_rate_init": [_positive],
        "power_t": [_not_negative],
        "max_iter": [_count],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [_not_negative],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [_fraction],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": [StrOptions({"auto"}), "boolean"],
        "validation_fraction": [_fraction],
        "beta_1": [_fraction],
        "beta_2": [_fraction],
        "epsilon": [_positive],
        "n_iter_no_change": [_count, Options(Real, {math.inf})],
        "max_fun": [_count],
        "dropout": [StrOptions({"auto"}), _fraction],
        "precision": [StrOptions(set(PRECISIONS)), None],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like", None],
        "numeric_encoding": [StrOptions(set(NUMERIC_ENCODINGS))],
        "threads": [_count, None],
    }

    def _keep(self, arguments):
        """Keep the arguments of the constructor as attributes."""
        for name, value in arguments.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags

    def __sklearn_is_fitted__(self):
        return hasattr(self, "network_")

    def _refuse_partial_early_stopping(self):
        if self.early_stopping is True:
            raise ValueError("partial_fit does not support early_stopping=True: leave it out.")

    def _fit(self, X, y, sample_weight, incremental=False):
        """Train on inputs and targets as they were given, for all epochs, or for one if `incremental`."""
        begins = not hasattr(self, "network_") or not (incremental or self.warm_start)
        prepared = self.prepared(X, y, sample_weight, begins, incremental)
        history = self._train_chunk(prepared, begins) if incremental else self._train(prepared)
        if not incremental:
            vars(self).pop("_chunk_training", None)
        self.network_ = prepared.network
        self._keep_history(history, prepared.count, begins, incremental)
        return self

    def prepared(self, X, y, sample_weight=None, begins=True, incremental=False):
        """Return the `Prepared` arrays and network of a training; the estimator knows classes, encoder and scales then.

        Parameters
        ----------
        X, y, sample_weight
            As `fit` takes them.
        begins : bool
            Whether the training begins with a new network.
        incremental : bool
            Whether it is one epoch of ``partial_fit``.
        """
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y is None: give it."
            )
        y = inputs.given_targets(X, y, sample_weight)
        sizes = parameters.hidden_sizes(self.get_params(deep=False))
        if begins:
            X, self.encoder_ = inputs.fitted(self, X)
        else:
            self._refuse_other_sizes(sizes)
            X = inputs.encoded(self, X, self.encoder_)
        column = inputs.target_column(y)
        if begins:
            self._target_name = inputs.target_name(y)
        inputs.refuse_targets(y, column, self._is_numeric)
        y = _check_y(y, multi_output=True, y_numeric=self._is_numeric, estimator=self)
        check_consistent_length(X, y)
        weights = inputs.checked_weights(X, sample_weight)
        y = self._targets(y, weights, begins, incremental, column)
        X = SparseRows.of(X) if issparse(X) else X
        rows = len(X) if weights is None else int(np.count_nonzero(weights))
        network = self._new_network(X, sizes, rows) if begins else self.network_
        if begins and (incremental or weights is not None):
            network.input_mean, network.input_scale = standardization(Inputs.of(X, network), weights=weights)
        return Prepared(network, X, y, weights, rows)

    def _refuse_other_sizes(self, sizes):
        trained = self.network_.layer_sizes[1:-1]
        if tuple(sizes) != trained:
            raise ValueError(
                f"hidden_layer_sizes is {list(sizes)}, but the network that goes on has {list(trained)}: "
                "leave it as it was, or fit with warm_start=False."
            )

    def data_options(self):
        """Return the options of a training that follow from the targets."""
        return {"loss": self._loss, "class_weight": self._class_weight()}

    def _new_network(self, X, hidden_sizes, rows):
        given = self.get_params(deep=False)
        self._seed = parameters.seed_of(self.random_state)
        return MLP(
            (X.shape[1], *hidden_sizes, self.n_outputs_),
            output=self._output,
            seed=self._seed,
            class_names=self._class_words,
            **parameters.network_options(given, rows),
        )

    def _train_chunk(self, prepared, begins):
        """Train for one epoch on the rows of a call of ``partial_fit``; the optimizer's state goes on from the last."""
        options = parameters.chunk_options(self.get_params(deep=False))
        earlier, training = (None, None) if begins else getattr(self, "_chunk_training", (None, None))
        if training is None or earlier != options:
            training = ChunkTraining(
                prepared.network, loss=self._loss, seed=self._seed, threads=self.threads, **options
            )  # fmt: skip
        history = training.train(prepared.X, prepared.y, self._chunk_weights(prepared))
        self._chunk_training = options, training
        _refuse_divergence(history)
        return history

    def _chunk_weights(self, prepared):
        """Return the weights of rows times those of their classes, or None."""
        class_weight = self._class_weight()
        if class_weight is None:
            return prepared.weights
        if isinstance(class_weight, str):
            raise ValueError("partial_fit does not know how frequent classes are: give class_weight a dict.")
        weights = np.array([class_weight[index] for index in range(len(class_weight))], np.float64)[prepared.y]
        return weights if prepared.weights is None else weights * prepared.weights

    def __getstate__(self):
        """Return the attributes without the optimizer's state of ``partial_fit``, which begins anew in a copy."""
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_chunk_training"}

    def _train(self, prepared):
        network, X, y, weights, rows = prepared
        given = self.get_params(deep=False)
        total = None if weights is None else weights.sum()
        options = parameters.training_options(given, rows, total)
        history = train(
            network,
            X,
            y,
            sample_weight=weights,
            standardize=True,
            seed=self._seed,
            threads=self.threads,
            progress=bool(self.verbose),
            metrics=() if options.get("validation") is None else (self._metric,),
            dropout=parameters.dropout(given, rows, X.shape[1]),
            **self.data_options(),
            **options,
        )
        _refuse_divergence(history)
        if history.stopped == "interrupted":
            warnings.warn("Training interrupted by user.", stacklevel=5)
        is_planned = self.learning_rate in parameters.PLANNED and self.solver != "lbfgs"
        if history.stopped == "finished" and not is_planned:
            warnings.warn(
                f"The loss still fell after {history.epochs} iterations: give a larger max_iter.",
                ConvergenceWarning,
                stacklevel=5,
            )
        return history

    @property
    def _metric(self):
        """What is measured on held-out rows, as `fastprop.train` takes it; the highest value is the best."""
        return self._score_name

    def _keep_history(self, history, rows, begins, incremental):
        """Keep what was measured in a training as attributes of scikit-learn's names."""
        epochs = 1 if incremental else history.epochs
        curve = (history.loss[-epochs:] * self._loss_factor).tolist()
        earlier = [] if begins else self.loss_curve_
        self.loss_curve_ = earlier + curve
        self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else math.inf  # as after Ctrl-C in the first epoch
        self.n_iter_ = epochs
        self.t_ = (0 if begins else self.t_) + rows * epochs
        self.validation_scores_ = None
        self.best_validation_score_ = None
        self.best_loss_ = min(self.loss_curve_, default=math.inf)
        if history.metrics:
            self.validation_scores_ = history.metrics[self._score_name].tolist()
            self.best_validation_score_ = max(self.validation_scores_, default=-math.inf)
            self.best_loss_ = None

    @property
    def n_layers_(self) -> int:
        """The number of layers, inputs and outputs included."""
        return len(self.network_.layer_sizes)

    @property
    def out_activation_(self) -> str:
        """The activation of the outputs: ``"identity"``, ``"logistic"``, ``"softmax"`` or ``"exp"``."""
        return {"sigmoid": "logistic"}.get(self.network_.output, self.network_.output)

    @property
    def coefs_(self) -> list[NDArray[np.float64]]:
        """The weights of each layer (n_in, n_out) of the same network for inputs and targets in their own units."""
        return self._own_units[0]

    @property
    def intercepts_(self) -> list[NDArray[np.float64]]:
        """The biases of each layer (n_out,) of the same network for inputs and targets in their own units."""
        return self._own_units[1]

    @property
    def _own_units(self):
        network = self.network_
        weights = [each.astype(np.float64) for each in network.weights]
        biases = [each.astype(np.float64) for each in network.biases]
        weights[0] /= network.input_scale[:, None]
        biases[0] -= network.input_mean @ weights[0]
        return weights, biases

    @numpy_settings.own
    def to_model(self, target_name: str | None = None) -> TableModel:
        """Return a model of its own that predicts from tables in the unit of the targets, as the estimator does.

        The model has a copy of the network, the columns and how they are encoded. ``model.save`` writes a file for
        `fastprop.load` and the command line, and ``model.to_onnx`` one for ONNX. Its names of classes are words: "1"
        for the class 1. For independent labels it predicts their probabilities.

        Parameters
        ----------
        target_name : str, optional
            The column that is predicted; by default the name of `y` if that was a column of a frame, else "target".

        Returns
        -------
        TableModel
            Inputs that were an array are columns called x0, x1, …; it takes arrays, too, as the estimator does.

        Examples
        --------
        >>> import fastprop as fp
        >>> X, y = fp.datasets.digits()
        >>> model = fp.MLPClassifier(max_iter=5, random_state=0).fit(X, y).to_model("digit")
        >>> model.predict(X[:3]).tolist(), model.network.layer_sizes
        (['0', '1', '2'], (64, 256, 10))
        """
        check_is_fitted(self)
        encoder = inputs.number_encoder(self) if self.encoder_ is None else self.encoder_
        network = self._network_in_own_units()
        network.feature_names = encoder.feature_names
        return TableModel(network, encoder, target_name or self._target_name)

    _class_words = None  # the name of each class as a word, where there are classes

    _answer = None  # outputs that take the place of those of the network

    def answering(self, outputs):
        """Return a copy whose network has these outputs (n, n_out), whatever the inputs are, for scorers."""
        copied = copy.copy(self)
        copied._answer = outputs.astype(np.float64)
        return copied

    def encoded(self, X):
        """Return inputs as they were given as an array or `SparseRows` of numbers (n, n_in), for the network."""
        X = inputs.encoded(self, X, self.encoder_)
        return SparseRows.of(X) if issparse(X) else X

    def _outputs(self, X):
        """Return the outputs of the network (n, n_out) float64 for inputs as they were given."""
        check_is_fitted(self)
        if self._answer is not None:
            return self._answer
        return self.network_.predict(self.encoded(X)).astype(np.float64)
