"""`MLPRegressor`: a multilayer perceptron that stands where that of scikit-learn stood."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import d2_pinball_score
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import column_or_1d

from fastprop import numpy_settings
from fastprop.annotations import ArrayLike, HiddenActivation, NumericEncodingName, Precision
from fastprop.data import TargetScaling
from fastprop.estimators import inputs
from fastprop.estimators.base import BaseMLP, takes_steps
from fastprop.estimators.parameters import LearningRate, RegressionLoss, Solver
from fastprop.metrics import Score
from fastprop.options import Pinball
from fastprop.tabular.recipe import RECIPE

LOSSES = {
    "squared_error": ("mse", 0.5),
    "absolute_error": ("mae", 1.0),
    "huber": ("huber", 1.0),
    "poisson": ("poisson", 1.0),
}
"""By loss: fastprop's name of it, and what that is multiplied by to be scikit-learn's."""


class MLPRegressor(RegressorMixin, BaseMLP):
    """A multilayer perceptron that predicts numbers: scikit-learn's ``MLPRegressor``, trained by `fastprop.train`.

    Inputs and targets are standardized inside. Predictions and losses are in the unit of the targets; the losses of
    several targets are those of the standardized ones.

    Parameters
    ----------
    loss : str or Pinball
        ``"squared_error"``, ``"poisson"``, ``"absolute_error"`` or ``"huber"`` (from one standard deviation on
        linear); or ``fp.Pinball((0.1, 0.5, 0.9))``, by which quantiles of one target are predicted.
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, learning_rate_init, power_t, max_iter
        See `MLPClassifier`.
    shuffle, random_state, tol, verbose, warm_start, momentum, nesterovs_momentum, early_stopping, validation_fraction
        See `MLPClassifier`.
    beta_1, beta_2, epsilon, n_iter_no_change, max_fun, dropout, precision, categorical_features, numeric_encoding
        See `MLPClassifier`.
    threads : int, optional
        See `MLPClassifier`.

    Attributes
    ----------
    network_, encoder_, n_features_in_, feature_names_in_, n_iter_, n_outputs_, t_
        See `MLPClassifier`. The network answers with standardized targets; that of `to_model` with their own unit.
    loss_, loss_curve_, best_loss_, validation_scores_, best_validation_score_
        See `MLPClassifier`.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or the training diverges.

    Examples
    --------
    >>> import numpy as np
    >>> import fastprop as fp
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> regressor = fp.MLPRegressor(random_state=0).fit(X, 1e6 * X[:, 0] * X[:, 1])
    >>> bool(regressor.score(X, 1e6 * X[:, 0] * X[:, 1]) > 0.9)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseMLP._parameter_constraints,
        "loss": [StrOptions(set(LOSSES)), Pinball],
    }

    _is_numeric = True  # what y holds

    def __init__(
        self,
        loss: RegressionLoss | Pinball = "squared_error",
        hidden_layer_sizes: int | Sequence[int] = RECIPE.hidden_layer_sizes,
        activation: HiddenActivation | Literal["logistic"] = RECIPE.hidden,
        *,
        solver: Solver = "adamw",
        alpha: float = RECIPE.optimizer.weight_decay,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: LearningRate = "cosine",
        learning_rate_init: float = RECIPE.optimizer.learning_rate,
        power_t: float = 0.5,
        max_iter: int = RECIPE.epochs,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool | Literal["auto"] = "auto",
        validation_fraction: float = RECIPE.validation,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = RECIPE.patience,
        max_fun: int = 15000,
        dropout: float | Literal["auto"] = "auto",
        precision: Precision | None = None,
        categorical_features: Literal["from_dtype"] | ArrayLike | None = "from_dtype",
        numeric_encoding: NumericEncodingName = "standard",
        threads: int | None = None,
    ) -> None:
        self._keep(locals())

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    @_fit_context(prefer_skip_nested_validation=True)
    @numpy_settings.own
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train on inputs `X` and targets `y`.

        Parameters
        ----------
        X : array_like, sparse matrix or data frame
            (n, n_features).
        y : array_like
            (n,) or (n, n_outputs) numbers.
        sample_weight : array_like, optional
            (n,) weights of at least 0.

        Returns
        -------
        MLPRegressor
            The estimator itself.
        """
        return self._fit(X, y, sample_weight)

    @available_if(takes_steps)
    @_fit_context(prefer_skip_nested_validation=True)
    @numpy_settings.own
    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train for one epoch on rows, as `fit` takes them, and go on from where the last call ended.

        Parameters
        ----------
        X, y, sample_weight
            See `fit`. The first call fits how inputs are encoded, and how inputs and targets are scaled.

        Returns
        -------
        MLPRegressor
            The estimator itself.
        """
        self._refuse_partial_early_stopping()
        return self._fit(X, y, sample_weight, incremental=True)

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the R² of the predictions for inputs `X` and targets `y`, as `fit` takes them.

        Of quantiles it is the mean of each one's ``sklearn.metrics.d2_pinball_score``.
        """
        y = inputs.given_targets(X, y, sample_weight)
        if self._quantiles is None:
            return super().score(X, y, sample_weight)
        return _mean_d2(self.predict(X), y, self._quantiles, sample_weight)

    @numpy_settings.own
    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the predicted numbers, (n,) or (n, n_outputs), for each row of `X`, in the unit of the targets.

        Quantiles have a column each. They are sorted, by which quantiles that cross come nearer to the right ones.

        References
        ----------
        Chernozhukov, Fernández-Val and Galichon, "Quantile and probability curves without crossing", Econometrica 78
        (2010).
        """
        outputs = self._outputs(X)
        predicted = self._scaling.restored(outputs)
        if self._quantiles is not None:
            predicted = np.sort(predicted, axis=1)
        return predicted[:, 0] if self.n_outputs_ == 1 else predicted

    @property
    def _quantiles(self):
        """The quantiles that are predicted, or None."""
        return self.loss.quantiles if isinstance(self.loss, Pinball) else None

    @property
    def _score_name(self):
        return "r2" if self._quantiles is None else "d2_pinball"

    @property
    def _metric(self):
        if self._quantiles is None:
            return self._score_name
        return Score(self._score_name, partial(_mean_d2, quantiles=self._quantiles), needs="quantiles")

    @property
    def _loss(self):
        return LOSSES[self.loss][0] if self._quantiles is None else self.loss

    @property
    def _loss_factor(self):
        name, factor = LOSSES[self.loss] if self._quantiles is None else (self.loss.name, 1.0)
        return factor * self._scaling.loss_factor(name)

    @property
    def _output(self):
        return "exp" if self.loss == "poisson" else "identity"

    @property
    def _own_units(self):
        weights, biases = super()._own_units
        weights[-1], biases[-1] = self._scaling.folded(weights[-1], biases[-1], self.network_.output)
        return weights, biases

    def _network_in_own_units(self):
        network = self.network_.copy() if self._scaling.dtype == "float32" else self.network_.in_float64()
        self._scaling.fold_into(network)
        return network

    def _targets(self, y, weights, begins, incremental, column):
        """Return scaled targets, (n, n_outputs)."""
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        y = y.reshape(len(y), -1).astype(np.float64)
        self.n_outputs_ = y.shape[1]
        if self._quantiles is not None:
            if y.shape[1] > 1:
                raise ValueError(f"y has {y.shape[1]} columns, but loss=Pinball has one target: fit one for each.")
            self.n_outputs_ = len(self._quantiles)
        if self.loss == "poisson" and (y < 0).any():
            row = int((y < 0).any(axis=1).argmax())
            raise ValueError(
                f"y{column} holds {y[row].min():g} in row {row}, but loss='poisson' needs counts or rates of at least "
                "0: choose another loss."
            )
        if begins:
            self._scaling = TargetScaling.fit(y, self._loss, weights)
        return self._scaling.scaled(y)

    def _class_weight(self):
        return None


def _mean_d2(predicted, y, quantiles, sample_weight=None):
    """Return the mean over quantiles of D², which is 1 where predictions are right and 0 where they are constant."""
    predicted = np.reshape(predicted, (len(predicted), len(quantiles)))
    pairs = zip(predicted.T, quantiles)
    return float(np.mean([d2_pinball_score(y, each, sample_weight=sample_weight, alpha=q) for each, q in pairs]))
