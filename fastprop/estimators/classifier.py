"""`MLPClassifier`: a multilayer perceptron that stands where that of scikit-learn stood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from fastprop import numpy_settings
from fastprop.annotations import ArrayLike, HiddenActivation, NumericEncodingName, Precision
from fastprop.estimators import inputs
from fastprop.estimators.base import BaseMLP, takes_steps
from fastprop.estimators.parameters import LearningRate, Solver
from fastprop.integrations.arrow_columns import word_of
from fastprop.tabular.recipe import RECIPE


class MLPClassifier(ClassifierMixin, BaseMLP):
    """A multilayer perceptron that classifies: scikit-learn's ``MLPClassifier``, trained by `fastprop.train`.

    Parameters have scikit-learn's names and meaning. Their defaults are those of `fastprop.tabular.recipe`, and what is
    said below is where they mean more than there. Inputs are standardized inside.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
    activation : str
        ``"relu"``, ``"tanh"``, ``"logistic"``, ``"identity"``, or another activation of the hidden layers of `MLP`.
    solver : str
        ``"adamw"``, ``"adam"``, ``"sgd"``, ``"rmsprop"``, ``"adagrad"``, ``"lion"`` or ``"lbfgs"``.
    alpha : float
        The weight decay. As in scikit-learn it is divided by the rows of a step, but not for ``"adamw"`` and
        ``"lion"``, whose decay is decoupled from the gradient. Biases decay, too.
    batch_size : int or "auto"
        ``"auto"`` is a hundredth of the rows, from 32 to 256.
    learning_rate : str
        ``"cosine"``, ``"onecycle"``, ``"constant"``, ``"invscaling"`` (by step) or ``"adaptive"``, for all solvers but
        ``"lbfgs"``.
    learning_rate_init, power_t : float
    max_iter : int
        The number of epochs, or of iterations of ``"lbfgs"``.
    shuffle : bool
    random_state : int, RandomState or None
        An int is the seed of `MLP` and of `train`. It does not choose the rows that are held out.
    tol : float
        An epoch is an improvement if the loss falls by more than this, with scaled targets.
    verbose : bool
        Whether to show a progress bar.
    warm_start : bool
    momentum : float
    nesterovs_momentum : bool
    early_stopping : bool or "auto"
        Whether rows are held out, so that training ends `n_iter_no_change` epochs after their lowest loss and goes back
        to the weights that had it; with an infinite `n_iter_no_change` it does so after all epochs. ``"auto"`` holds
        rows out if there are 1,000 or more. Otherwise training ends when the training loss no longer falls.
    validation_fraction, beta_1, beta_2, epsilon : float
    n_iter_no_change, max_fun : int
    class_weight : dict, "balanced" or None
        The weight of each class, 1 where the dict does not name it; see `fastprop.train`. A dict that names other
        classes than those of `y` and leaves out one of these is refused.
    dropout : float or "auto"
        See `fastprop.train`. ``"auto"`` is that of the recipe, but none in ``partial_fit`` and where a step takes all
        rows, as it does for 32 rows or fewer. The losses of training rows are measured with dropout.
    precision : str, optional
        See `fastprop.train`. With one, all networks are of float32; the solver ``"lbfgs"`` ignores it.
    categorical_features : "from_dtype", array_like or None
        Columns of numbers that are categories, by name, by index, or by a mask. Columns of words and categories of a
        data frame are categories in any case. `fastprop.tabular.encoder.Encoder` says what is made of them, and of
        missing cells.
    numeric_encoding : str
        What becomes of columns of numbers: ``"standard"``, ``"robust"`` (scaled by quartiles and smoothly kept between
        -3 and 3) or ``"piecewise"`` (a feature of each of up to 48 bins), as `fastprop.tabular.encoder.Encoder` says.
        They are standardized afterward, but for the features of bins, which stay from 0 to 1.
    threads : int, optional
        See `fastprop.train`.

    Attributes
    ----------
    classes_ : ndarray
        (n_classes,) the classes, in order.
    network_ : MLP
        The trained network.
    encoder_ : Encoder or None
        What makes inputs of the network from columns that are not numbers alone.
    inputs_ : FittedInputs
        What else was learned of the columns of `X`.
    n_features_in_, feature_names_in_, n_iter_, n_outputs_, t_
        As in scikit-learn.
    loss_, loss_curve_, best_loss_, validation_scores_, best_validation_score_
        As in scikit-learn, but without the penalty of `alpha`.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, `y` has one class only, or the training diverges.

    Examples
    --------
    >>> import fastprop as fp
    >>> X, y = fp.datasets.digits()
    >>> classifier = fp.MLPClassifier(max_iter=20, random_state=0).fit(X[:1500], y[:1500])
    >>> bool(classifier.score(X[1500:], y[1500:]) > 0.9)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseMLP._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    _is_numeric = False  # what y holds

    def __init__(
        self,
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
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        dropout: float | Literal["auto"] = "auto",
        precision: Precision | None = None,
        categorical_features: Literal["from_dtype"] | ArrayLike | None = "from_dtype",
        numeric_encoding: NumericEncodingName = "standard",
        threads: int | None = None,
    ) -> None:
        self._keep(locals())

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    @_fit_context(prefer_skip_nested_validation=True)
    @numpy_settings.own
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train on inputs `X` and classes `y`.

        Parameters
        ----------
        X : array_like, sparse matrix or data frame
            (n, n_features).
        y : array_like
            (n,) classes of any type, or (n, n_labels) zeros and ones of independent labels.
        sample_weight : array_like, optional
            (n,) weights of at least 0.

        Returns
        -------
        MLPClassifier
            The estimator itself.
        """
        return self._fit(X, y, sample_weight)

    @available_if(takes_steps)
    @_fit_context(prefer_skip_nested_validation=True)
    @numpy_settings.own
    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None, classes: ArrayLike | None = None
    ) -> Self:
        """Train for one epoch on rows, as `fit` takes them, and go on from where the last call ended.

        Parameters
        ----------
        X, y, sample_weight
            See `fit`. The first call fits how inputs are encoded and scaled.
        classes : array_like, optional
            (n_classes,) all classes, which the first call needs.

        Returns
        -------
        MLPClassifier
            The estimator itself.
        """
        self._refuse_partial_early_stopping()
        classes = inputs.plain_targets(classes)
        if _check_partial_fit_first_call(self, classes) and type_of_target(y).startswith("multilabel"):
            self.classes_ = np.arange(np.shape(y)[1])
        return self._fit(X, y, sample_weight, incremental=True)

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy of the predictions for inputs `X` and targets `y`, as `fit` takes them."""
        y = inputs.given_targets(X, y, sample_weight)
        return super().score(X, y, sample_weight)

    @numpy_settings.own
    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the class of each row of `X`, (n,), or zeros and ones of independent labels, (n, n_labels)."""
        probabilities = self._outputs(X)
        if self._is_multilabel:
            return (probabilities > 0.5).astype(int)
        if self.n_outputs_ == 1:
            return self.classes_[(probabilities[:, 0] > 0.5).astype(int)]
        return self.classes_[probabilities.argmax(axis=1)]

    @numpy_settings.own
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each class, (n, n_classes) in the order of `classes_`, for each row of `X`."""
        probabilities = self._outputs(X)
        if self.n_outputs_ == 1:
            return np.hstack([1 - probabilities, probabilities])
        if self._is_multilabel:
            return probabilities
        return probabilities / probabilities.sum(axis=1, keepdims=True)  # which rounding in float32 leaves near 1

    @numpy_settings.own
    def predict_log_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the logarithm of `predict_proba`; -inf where a probability is 0."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    _loss = None  # that of the output
    _loss_factor = 1.0

    @property
    def _output(self):
        return "sigmoid" if self._is_multilabel or self.n_outputs_ == 1 else "softmax"

    @property
    def _score_name(self):
        return "label_accuracy" if self._is_multilabel else "accuracy"

    def _network_in_own_units(self):
        network = self.network_.copy()
        if not self._is_multilabel:
            network.class_names = self._words_of_classes()
        return network

    @property
    def _class_words(self):
        words = None if self._is_multilabel else self._words_of_classes()
        return words if words is None or len(set(words)) == len(words) else None

    def _words_of_classes(self):
        return [word_of(name) for name in self.classes_.tolist()]

    def _targets(self, y, weights, begins, incremental, column):
        """Return the index of each row's class, (n,), or zeros and ones, (n, n_labels)."""
        check_labels(y)
        is_multilabel = type_of_target(y).startswith("multilabel")
        if not is_multilabel:
            y = column_or_1d(y, warn=True)
        if begins and not incremental:
            self.classes_ = np.arange(y.shape[1]) if is_multilabel else np.unique(y)
        self._is_multilabel = is_multilabel
        self.n_outputs_ = 1 if len(self.classes_) == 2 and not is_multilabel else len(self.classes_)
        if is_multilabel:
            return y.toarray() if hasattr(y, "toarray") else np.asarray(y)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"`y` has classes {unknown.tolist()}, which are not in `self.classes_`: leave them out.")
        if not incremental:
            check_class_count(y, weights, column)
        return np.searchsorted(self.classes_, y)

    def _class_weight(self):
        """Return the weight of each class by index."""
        return class_weights(self.class_weight, self.classes_.tolist(), are_labels=self._is_multilabel)


def class_weights(class_weight, known, are_labels=False):
    """Return the weight of each of the `known` classes by index, if these are given by name; refuse other names.

    `are_labels` says that the classes are independent labels, of which some have no weight of their own.
    """
    if not isinstance(class_weight, dict):
        return class_weight
    others = [name for name in class_weight if name not in known]
    unnamed = [name for name in known if name not in class_weight]
    if others and unnamed and not are_labels:
        raise ValueError(f"class_weight names {others}, which are no classes, and not {unnamed}: name the classes.")
    return {index: class_weight.get(name, 1) for index, name in enumerate(known)}


def check_class_count(y, weights, column):
    """Refuse classes (n,) of which rows with a weight above 0 have one alone."""
    counted = y if weights is None else y[weights > 0]
    if len(np.unique(counted)) < 2:
        where = "" if weights is None else " in the rows whose sample_weight is above zero"
        raise ValueError(
            f"y{column} has one class, {counted[:1].tolist()[0]!r}{where}: give rows of two classes or more."
        )


def check_labels(y):
    """Refuse what are no classes."""
    if not _has_known_labels(y):
        kinds = sorted({type(label).__name__ for label in y})
        if kinds == ["int"]:
            raise TypeError("y holds whole numbers that need more than 64 bits: number the classes, or give words.")
        types = f"the type{'s' * (len(kinds) > 1)} {', '.join(kinds)}"
        raise TypeError(f"y holds labels of {types}: give words alone, or numbers alone.")
    check_classification_targets(y)


def _has_known_labels(y):
    try:
        return type_of_target(y) != "unknown"
    except TypeError:  # of words among numbers
        return False
