"""`SweepCV`: scikit-learn's `GridSearchCV` on the engine of `fastprop.sweep`."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from numbers import Integral
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import _fit_context, clone, is_classifier
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, ParameterGrid, check_cv
from sklearn.utils import get_tags, indexable
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _check_method_params, check_is_fitted

from fastprop import numpy_settings
from fastprop.annotations import ArrayLike, Splitter
from fastprop.estimators import inputs
from fastprop.estimators.base import BaseMLP
from fastprop.estimators.saving import SavesModel
from fastprop.estimators.sweep_plan import CandidateOptions, Measured, Rows, evaluate
from fastprop.options import HALVINGS, Halving, MedianStopping
from fastprop.tabular.model import TableModel


class SweepCV(SavesModel, GridSearchCV):
    """A cross-validated search of the parameters of `MLPClassifier` or `MLPRegressor`, by one sweep.

    Every split score is, to the last bit, that of the estimator with these parameters that is fitted alone on the
    training rows of the split. All configurations train side by side on all cores. The rows of all splits are in
    memory at once, encoded and scaled by the training rows of each. What a grid of `fastprop.sweep` cannot hold, such
    as ``max_iter``, takes a sweep for each of its values.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    param_grid : dict or list of dict
        Names of parameters and lists of values; see scikit-learn's ``GridSearchCV``.
    scoring : str, callable, list, tuple, dict or None
        One or several scores of scikit-learn, by their names or as ``scoring(estimator, X, y)``; by default
        ``estimator.score``. With several, ``cv_results_`` has columns of each, and `refit` names the one that decides.
    n_jobs : int, optional
        How many threads train configurations; by default, and for -1, as many as there are cores.
    refit : bool, str or callable
        Whether to fit the best parameters on all rows, by which of several scores, or which row of ``cv_results_``.
    cv : int, splitter, iterable or None
        See ``GridSearchCV``: a number stands for ``StratifiedKFold`` or ``KFold``, which do not shuffle.
    halving : int, Halving or MedianStopping, optional
        How to stop the worse configurations before the end, see `fastprop.sweep`. ``cv_results_`` then has a row for
        each configuration at each rung, with ``iter`` and ``n_resources``, as ``HalvingGridSearchCV`` has it; the
        resource is the number of epochs, so that `param_grid` cannot have several of ``max_iter``. Of several scores,
        the one that `refit` names ranks. Where folds need sweeps of their own, because their encoded columns differ,
        configurations that go on from a rung are trained once more from the beginning; with a `MedianStopping`, all
        are trained to the end.
    error_score : "raise" or float
        The score of a fit or of a measurement that fails.
    verbose : int
        Above 0 to print the number of fits and show a progress bar.
    return_train_score : bool
        Whether ``cv_results_`` has the scores of the training rows, too.

    Attributes
    ----------
    cv_results_ : dict
        As that of ``GridSearchCV``; ``mean_fit_time`` of a configuration is that of all its epochs, at each rung.
    best_params_, best_score_, best_index_, best_estimator_, refit_time_, scorer_, n_splits_, multimetric_
        Those of ``GridSearchCV``.
    n_candidates_, n_resources_, n_iterations_, min_resources_, max_resources_
        With `halving`, the number of configurations that reached each rung, the epochs of the rungs, the number of
        rungs, the epochs of the first one and of the last one.
    n_remaining_candidates_, n_required_iterations_, n_possible_iterations_
        Those of ``HalvingGridSearchCV``, if `halving` is a factor or a `Halving`.

    Examples
    --------
    >>> import fastprop as fp
    >>> X, y = fp.datasets.digits()
    >>> grid = {"learning_rate_init": [1e-5, 0.01]}
    >>> fp.SweepCV(fp.MLPClassifier(max_iter=3, random_state=0), grid, cv=3).fit(X, y).best_params_
    {'learning_rate_init': 0.01}
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **{
            name: constraint
            for name, constraint in GridSearchCV._parameter_constraints.items()
            if name != "pre_dispatch"
        },
        "halving": [Interval(Integral, 2, None, closed="left"), *HALVINGS, None],
    }

    def __init__(
        self,
        estimator: BaseMLP,
        param_grid: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        scoring: str | Callable[..., Any] | Iterable[str] | Mapping[str, Callable[..., float]] | None = None,
        n_jobs: int | None = None,
        refit: bool | str | Callable[[dict[str, Any]], int] = True,
        cv: int | Splitter | Iterable[tuple[ArrayLike, ArrayLike]] | None = None,
        halving: int | Halving | MedianStopping | None = None,
        verbose: int = 0,
        error_score: float | Literal["raise"] = np.nan,
        return_train_score: bool = False,
    ) -> None:
        self.estimator = estimator
        self.param_grid = param_grid
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.refit = refit
        self.cv = cv
        self.halving = halving
        self.verbose = verbose
        self.error_score = error_score
        self.return_train_score = return_train_score

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        of_estimator = get_tags(self.estimator)
        tags.input_tags = of_estimator.input_tags
        tags.target_tags = of_estimator.target_tags
        return tags

    @_fit_context(prefer_skip_nested_validation=False)
    @numpy_settings.own
    def fit(self, X: ArrayLike, y: ArrayLike | None = None, **params: Any) -> Self:
        """Search the best parameters for inputs `X` and targets `y`, and fit them on all rows.

        Parameters
        ----------
        X : array_like, sparse matrix or data frame
            (n, n_features).
        y : array_like
            (n,) or (n, n_outputs).
        params
            Arguments of the estimator's ``fit``, such as ``sample_weight``, and ``groups`` of the splitter.

        Returns
        -------
        SweepCV
            The search itself.

        Raises
        ------
        ValueError, TypeError
            If no fit succeeded, `refit` does not name which of several scores decides a halving, or the estimator is
            none of fastprop.
        """
        self._check_arguments(y)
        inputs.check(X)
        y = inputs.given_targets(X, y)
        scorer, refit_metric = self._get_scorers()
        self.scorer_ = getattr(scorer, "_scorers", scorer)
        X, y = indexable(inputs.with_rows(X), y)
        routed = self._get_routed_params_for_fit(_check_method_params(X, params=params))
        splitter = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        splits = list(splitter.split(X, y, **routed.splitter.split))
        self.n_splits_ = len(splits)
        rows = [Rows.of(self.estimator, X, y, split, routed) for split in splits]
        params_of = list(ParameterGrid(self.param_grid))
        threads = None if self.n_jobs is None or self.n_jobs < 0 else self.n_jobs
        if self.verbose > 0:
            fits = len(params_of) * len(rows)
            print(f"Fitting {len(rows)} folds for each of {len(params_of)} candidates, totalling {fits} fits")
        ranked = self.refit if isinstance(self.refit, str) else None
        how = CandidateOptions(scorer, self.return_train_score, self.halving, (0,), ranked, threads, self.verbose > 0)
        outcome = evaluate(self.estimator, params_of, rows, how)
        self._tell_of_errors(outcome, len(params_of) * len(rows))
        self._keep_results(params_of, outcome, len(rows), refit_metric)
        if self.refit:
            self.best_estimator_ = clone(self.estimator).set_params(**clone(self.best_params_, safe=False))
            begin = time.time()
            self.best_estimator_.fit(X, y, **routed.estimator.fit)
            self.refit_time_ = time.time() - begin
            if hasattr(self.best_estimator_, "feature_names_in_"):
                self.feature_names_in_ = self.best_estimator_.feature_names_in_
        return self

    def score(self, X: ArrayLike, y: ArrayLike | None = None, **params: Any) -> float:
        """Return the score of the best estimator for inputs `X` and targets `y`, as `fit` takes them."""
        y = inputs.given_targets(X, y)
        return super().score(X, y, **params)

    def to_model(self, target_name: str | None = None) -> TableModel:
        """Return the model of the best estimator; see `MLPClassifier.to_model`.

        Raises
        ------
        AttributeError
            If the search did not fit the best parameters on all rows, because of ``refit=False``.
        """
        check_is_fitted(self)
        if not hasattr(self, "best_estimator_"):
            raise AttributeError("refit=False leaves no best estimator: fit with refit=True.")
        return self.best_estimator_.to_model(target_name)

    def _check_arguments(self, y):
        if not isinstance(self.estimator, BaseMLP):
            raise TypeError(
                f"SweepCV trains MLPClassifier and MLPRegressor of fastprop, not {type(self.estimator).__name__}: give "
                "one of these, and put SweepCV into a pipeline, not a pipeline into SweepCV."
            )
        is_several = isinstance(self.scoring, (list, tuple, dict, set))
        if self.halving is not None and is_several and self.refit not in list(self.scoring):
            raise ValueError(
                f"halving ranks by one of several scores, which refit names, not {self.refit!r}: give refit the name "
                f"of one, such as {next(iter(self.scoring), 'accuracy')!r}."
            )
        if y is None:
            raise ValueError("SweepCV requires y to be passed, but the target y is None: give it.")

    def _tell_of_errors(self, outcome, fits):
        """Warn of fits and measurements that failed, or raise their error."""
        errors = outcome.fit_errors, outcome.score_errors
        whats = ("fits", FitFailedWarning), ("measurements of the score", UserWarning)
        for failed, (what, category) in zip(errors, whats):
            if failed and self.error_score == "raise":
                raise failed[0][0]
            if len(failed) == fits and category is FitFailedWarning:
                error = failed[0][0]
                error.add_note(f"All the {fits} fits failed.")
                raise error
            if failed:
                message = f"{len(failed)} {what} of {fits} failed and have the score {self.error_score}: {failed[0][1]}"
                warnings.warn(message, category, stacklevel=3)

    def _keep_results(self, params_of, outcome, folds, refit_metric):
        """Keep the results of all configurations, and which is the best."""
        rows, more = [(index, 0) for index in range(len(params_of))], {}
        if self.halving is not None:
            rows, more = self._keep_rungs(outcome)
        out = self._measurements(outcome, rows, folds)
        self.cv_results_ = self._format_results([params_of[index] for index, _ in rows], folds, out, more)
        self.multimetric_ = isinstance(out[0]["test_scores"], dict)
        if self.multimetric_ and callable(self.scoring):
            self._check_refit_for_multimetric(out[0]["test_scores"])
            refit_metric = self.refit
        if self.multimetric_ and not self.refit:
            return
        if callable(self.refit) or outcome.best is None:
            self.best_index_ = self._select_best_index(self.refit, refit_metric, self.cv_results_)
        else:
            self.best_index_ = max(row for row, (index, _) in enumerate(rows) if index == outcome.best)
        if not callable(self.refit):
            self.best_score_ = self.cv_results_[f"mean_test_{refit_metric}"][self.best_index_]
        self.best_params_ = self.cv_results_["params"][self.best_index_]

    def _keep_rungs(self, outcome):
        """Keep what a halving did; return (candidate, rung) of each row of the results, and their further columns."""
        reached = outcome.reached
        rungs = outcome.rungs
        rows = [(index, rung) for rung in range(len(rungs)) for index in np.flatnonzero(reached[:, rung])]
        self.n_candidates_ = reached.sum(axis=0).tolist()
        self.n_resources_ = list(rungs)
        self.n_iterations_ = len(rungs)
        self.min_resources_, self.max_resources_ = rungs[0], rungs[-1]
        if not isinstance(self.halving, MedianStopping):
            factor = self.halving.factor if isinstance(self.halving, Halving) else int(self.halving)
            self.n_remaining_candidates_ = math.ceil(self.n_candidates_[-1] / factor)
            self.n_required_iterations_ = 1 + _whole_logarithm(self.n_candidates_[0], factor)
            self.n_possible_iterations_ = 1 + _whole_logarithm(rungs[-1] // rungs[0], factor)
        return rows, {"iter": [rung for _, rung in rows], "n_resources": [rungs[rung] for _, rung in rows]}

    def _measurements(self, outcome, rows, folds):
        """Return what scikit-learn's search makes its results of: a dict for each row and fold."""
        failed = np.nan if self.error_score == "raise" else self.error_score
        known = next((each for each in outcome.measured.flat if each is not None), None)
        if known is not None and isinstance(known.test, dict):
            failed = dict.fromkeys(known.test, failed)
        out = []
        for (index, rung), fold in product(rows, range(folds)):
            measured = outcome.measured[index, rung, fold]
            for earlier in range(rung if not outcome.trained[index, rung, fold] else 0):  # it ended before
                measured = outcome.measured[index, earlier, fold] or measured
            if measured is None:
                measured = Measured(failed, failed, 0.0)
            out.append({
                "test_scores": _without_gaps(measured.test, failed),
                "train_scores": _without_gaps(measured.train, failed),
                "fit_time": outcome.seconds[index, fold],
                "score_time": measured.seconds,
            })  # fmt: skip
        return out


def _without_gaps(score, failed):
    """Return a number as it is, and several by name with those of `failed` in place of None."""
    if not isinstance(score, dict):
        return score
    return {name: failed[name] if value is None else value for name, value in score.items()}


def _whole_logarithm(number, base):
    """Return the largest whole number whose power of `base` is at most `number`."""
    exponent = 0
    while base ** (exponent + 1) <= number:
        exponent += 1
    return exponent
