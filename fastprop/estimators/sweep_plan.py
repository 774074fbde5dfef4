"""What an estimator and its candidates mean for `fastprop.sweep`: rows, folds, options and the score."""

import time
import traceback
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params

from fastprop import checks, interrupts
from fastprop.data import Dataset, SparseRows, Split, stacked
from fastprop.estimators import parameters
from fastprop.estimators.rungs import rounds, rule_of_all, with_ranks
from fastprop.metrics import Score
from fastprop.notices import DataWarning, DivergenceWarning
from fastprop.row_blocks import row_blocks
from fastprop.sweeping.sweep import sweep

IN_GRID = "batch_size", "optimizer", "schedule", "early_stopping", "precision"
"""Options of a training that differ between the configurations of one sweep, as the dropout does; others are equal."""

ONLY_TRANSLATED = frozenset(
    (
        *("hidden_layer_sizes", "activation", "solver", "alpha", "batch_size", "learning_rate", "learning_rate_init"),
        *("power_t", "max_iter", "shuffle", "random_state", "tol", "verbose", "warm_start", "momentum"),
        *("nesterovs_momentum", "early_stopping", "validation_fraction", "beta_1", "beta_2", "epsilon"),
        *("n_iter_no_change", "max_fun", "dropout", "precision", "threads"),
    )
)
"""Parameters of which only what `parameters` makes of them counts; the others decide how rows are prepared."""


class Rows(NamedTuple):
    """The rows of one fold, as they were given."""

    X: object  # of the training
    y: object
    fit_params: dict  # such as sample_weight, for the training rows
    train_score_params: dict  # for the training rows
    X_test: object
    y_test: object
    score_params: dict  # for the test rows

    @classmethod
    def of(cls, estimator, X, y, pair, routed):
        """Return the rows of a pair of training rows and test rows."""
        train, test = pair
        X_train, y_train = _safe_split(estimator, X, y, train)
        X_test, y_test = _safe_split(estimator, X, y, test, train)
        fit_params = _check_method_params(X, params=routed.estimator.fit, indices=train)
        both = (_check_method_params(X, params=routed.scorer.score, indices=rows) for rows in (train, test))
        train_score_params, score_params = both
        return cls(X_train, y_train, fit_params, train_score_params, X_test, y_test, score_params)

    @property
    def weights(self):
        """The weights of the training rows, or None."""
        weights = self.fit_params.get("sample_weight")
        return None if weights is None else np.asarray(weights, np.float64)


class Fold(NamedTuple):
    """A fold whose rows are prepared as an estimator prepares them that is fitted alone."""

    estimator: object  # a clone that knows classes and scales; without a trained network
    prepared: object  # what `BaseMLP.prepared` returns for the training rows
    X_test: np.ndarray | SparseRows  # the encoded test rows
    rows: Rows  # as they were given
    trained: np.ndarray  # (m,) int: positions in the training rows of those that are trained on
    validation: np.ndarray  # (v,) int: positions of those that are held out of the training; may be empty

    @classmethod
    def of(cls, estimator, rows, validation):
        """Return the fold of some `Rows`; `validation` is the fraction that the training holds out, or None."""
        estimator = clone(estimator)
        prepared = estimator.prepared(rows.X, rows.y, rows.fit_params.get("sample_weight"))
        estimator.network_ = prepared.network
        network, X, y, weights = prepared.network, prepared.X, prepared.y, prepared.weights
        loss = checks.loss(estimator.data_options()["loss"], network.output, network.layer_sizes[-1])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            split = Split.of(validation, Dataset.of(X, y, network, loss, weights), network, loss)
        X_test = estimator.encoded(rows.X_test)
        if any(not np.isfinite(X_test[block]).all() for block in row_blocks(*X_test.shape)):
            raise ValueError(
                "test rows hold numbers that are missing or infinite, and training rows do not: impute them before."
            )
        return cls(estimator, prepared, X_test, rows, split.rows, split.held_out_rows)

    def key(self, index):
        """Return what must be equal for folds of one sweep; `index` is that of the fold."""
        network = self.prepared.network
        ends = network.layer_sizes[0], network.layer_sizes[-1]
        own = None if network.input_mean is None else index  # a sweep has one network's moments
        return ends, own, self.estimator.data_options()["class_weight"], str(self.prepared.X.dtype)

    def score(self, scorer, outputs, of_training=False):
        """Return what a scorer makes of outputs (n, n_out) for the test rows, or for the training rows."""
        estimator = self.estimator.answering(outputs)
        rows = self.rows
        X, y, params = rows.X_test, rows.y_test, rows.score_params
        if of_training:
            X, y, params = rows.X, rows.y, rows.train_score_params
        return scorer(estimator, X, y, **params)


class Stack(NamedTuple):
    """The rows of several folds, one below the other, as one sweep takes them."""

    folds: list[Fold]
    begins: np.ndarray  # (folds + 1,) int: the first row of each fold, and the number of rows

    @classmethod
    def of(cls, folds):
        """Return the stack of some folds."""
        counts = [len(fold.prepared.X) + len(fold.X_test) for fold in folds]
        return cls(folds, np.concatenate([[0], np.cumsum(counts)]))

    def arrays(self):
        """Return X, y and weights, or None, of all rows; test rows have a y that nothing reads, and the weight 1."""
        X = stacked([each for fold in self.folds for each in (fold.prepared.X, fold.X_test)])
        y = np.concatenate([each for fold in self.folds for each in (fold.prepared.y, self._unread(fold))])
        if self.folds[0].prepared.weights is None:
            return X, y, None
        weights = [each for fold in self.folds for each in (fold.prepared.weights, np.ones(len(fold.X_test)))]
        return X, y, np.concatenate(weights)

    def triples(self, with_training):
        """Return training rows, validation rows and scored rows of each fold: test rows, after training rows if asked.

        Raises
        ------
        ValueError
            If training rows are to be scored and some have weight 0: a sweep does not see these.
        """
        weights = [fold.prepared.weights for fold in self.folds if fold.prepared.weights is not None]
        if with_training and any(not each.all() for each in weights):
            raise ValueError("return_train_score measures all training rows: leave out those of sample_weight 0.")
        return [
            (
                begin + fold.trained,
                begin + fold.validation,
                np.arange(begin + (0 if with_training else len(fold.prepared.X)), end),
            )
            for fold, begin, end in zip(self.folds, self.begins, self.begins[1:])
        ]

    def fold_of(self, rows):
        """Return the fold to which some rows belong."""
        return self.folds[np.searchsorted(self.begins, rows[0], side="right") - 1]

    @staticmethod
    def _unread(fold):
        return np.zeros((len(fold.X_test), *fold.prepared.y.shape[1:]), fold.prepared.y.dtype)


class Measured(NamedTuple):
    """What a scorer has measured of one network on one fold."""

    test: object  # a number, or a dict of numbers by name, None where a score failed
    train: object  # likewise on the training rows; None where these are not measured
    seconds: float  # that scoring the test rows took


class Scoring:
    """A score of a sweep that measures what a scorer of scikit-learn measures, and keeps all of it, and what it raised.

    The note of each score is the position of what was measured in `measured`.
    """

    pairs_rows = True  # see `metrics.pairing`
    gives_notes = True  # see `metrics.measure`

    def __init__(self, how, stack):
        self._how = how
        self._stack = stack
        self.measured = []  # of `Measured`
        self.errors = []  # (exception, its traceback as text)

    def __call__(self, outputs, y, rows):
        """Return what ranks outputs (n, n_out) for the scored rows, and its note; both NaN if the scorer raises.

        Several scores rank by the one that is named; where none is, all count the same.
        """
        fold = self._stack.fold_of(rows)
        outputs = np.asarray(outputs)
        of_training = outputs[: len(outputs) - len(fold.X_test)]
        begin = time.perf_counter()
        try:
            test = self._numbers(fold.score(self._how.scorer, outputs[len(of_training) :]))
            seconds = time.perf_counter() - begin
            train = None
            if len(of_training):
                train = self._numbers(fold.score(self._how.scorer, of_training, of_training=True))
        except Exception as error:  # a user's scorer may raise any exception
            self.errors.append((error, traceback.format_exc()))
            return np.nan, np.nan
        self.measured.append(Measured(test, train, seconds))
        if isinstance(test, dict):
            test = test.get(self._how.ranked, 0.0)
        return np.nan if test is None else test, len(self.measured) - 1

    def _numbers(self, score):
        """Return a score with None for each of several that failed, in whose place scikit-learn has a traceback."""
        if not isinstance(score, dict):
            return score
        failed = {name for name, value in score.items() if isinstance(value, str)}
        self.errors.extend((ValueError(f"the score {name!r} failed."), score[name]) for name in sorted(failed))
        return {name: None if name in failed else value for name, value in score.items()}

    def of(self, positions):
        """Return the `Measured` of each position in an array of floats of any shape; None where it is NaN."""
        found = [None if np.isnan(each) else self.measured[int(each)] for each in positions.ravel()]
        objects = np.empty(positions.size, object)
        objects[:] = found
        return objects.reshape(positions.shape)


class Candidate(NamedTuple):
    """The estimator of one row of ``cv_results_``, and what its parameters mean on each fold."""

    estimator: object  # whose random_state is a number
    values: list[dict]  # for each fold, the values of the grid of a sweep; the dropout once the fold is prepared
    common: list[tuple]  # for each fold, what it has in common with the other configurations of a sweep

    @classmethod
    def of(cls, estimator, candidate, folds):
        """Return the `Candidate` of a mapping of parameters; `folds` are `Rows`."""
        estimator = clone(estimator).set_params(**clone(candidate, safe=False))
        estimator._validate_params()
        estimator.set_params(random_state=parameters.seed_of(estimator.random_state))
        values, common = zip(*(_translated(estimator, rows) for rows in folds))
        return cls(estimator, list(values), list(common))

    def set_dropout(self, index, prepared):
        """Set the dropout on a fold, by its index, which follows from how many rows and inputs the fold has."""
        given = self.estimator.get_params(deep=False)
        if given["solver"] != "lbfgs":
            self.values[index]["dropout"] = parameters.dropout(given, prepared.count, prepared.network.layer_sizes[0])


def _translated(estimator, rows):
    """Return the values in the grid of a sweep, and the options that all its configurations have in common."""
    given = estimator.get_params(deep=False)
    weights = rows.weights
    count, total = (len(rows.y), None) if weights is None else (int(np.count_nonzero(weights)), weights.sum())
    options = parameters.training_options(given, count, total)
    network = parameters.network_options(given, count)
    values = {name: options[name] for name in IN_GRID if name in options}
    values |= {"seed": given["random_state"], "hidden": network["hidden"]}
    values["hidden_sizes"] = parameters.hidden_sizes(given)
    data = repr({name: value for name, value in given.items() if name not in ONLY_TRANSLATED})
    common = options["epochs"], options.get("validation"), options.get("shuffle", True), network["dtype"], data
    return values, common


class Outcome(NamedTuple):
    """What came of all candidates on all folds; NaN where there is no score."""

    scores: np.ndarray  # (candidates, rungs, folds) float64: what ranks
    measured: np.ndarray  # (candidates, rungs, folds) of `Measured` or None
    seconds: np.ndarray  # (candidates, folds) float64: how long each training took
    trained: np.ndarray  # (candidates, rungs, folds) bool: what was trained toward which rungs
    reached: np.ndarray  # (candidates, rungs) bool: which candidates have reached which rungs
    rungs: list[int]  # the epochs of the rungs; one rung without halving
    left: np.ndarray  # (m,) int: the indices of the candidates that go on from the last rung so far
    best: int | None  # with halving, the index of the best candidate
    fit_errors: list[tuple[Exception, str]]  # of each fit that failed, with text
    score_errors: list[tuple[Exception, str]]  # of each measurement that failed, with text

    @classmethod
    def empty(cls, candidates, folds, rungs):
        """Return the outcome before anything is trained; the first rung counts as reached."""
        unknown = np.full((candidates, len(rungs), folds), np.nan)
        trained = np.zeros(unknown.shape, bool)
        reached = trained[:, :, 0].copy()
        reached[:, 0] = True
        measured = np.full(unknown.shape, None)
        everybody = np.arange(candidates)
        return cls(unknown, measured, unknown[:, 0].copy(), trained, reached, rungs, everybody, None, [], [])


class CandidateOptions(NamedTuple):
    """How candidates are trained and scored."""

    scorer: object  # of scikit-learn
    with_training: bool  # whether the training rows are scored, too
    halving: object  # int, Halving, MedianStopping or None
    rungs: Sequence[int]  # the indices of those rungs of all candidates at which a sweep measures
    ranked: str | None  # the name of the score that ranks, of several
    threads: int | None
    progress: bool


def evaluate(estimator, params_of, folds, how):
    """Train the candidates `params_of`, mappings of parameters, on `folds`, which are `Rows`; return the `Outcome`.

    Candidates and folds whose trainings differ only in what a grid can hold are one sweep; mostly these are all.
    """
    fit_errors = []
    by_common = {}
    for index, params in enumerate(params_of):
        try:
            candidate = Candidate.of(estimator, params, folds)
        except (ValueError, TypeError) as error:
            fit_errors.extend([(error, traceback.format_exc())] * len(folds))
        else:
            by_common.setdefault(tuple(candidate.common), {})[index] = candidate
    sweeps = [each for group in by_common.values() for each in _sweeps(group, folds, fit_errors)]
    epochs = [_epochs(*each[:2]) for each in sweeps]
    rule, rungs = rule_of_all(how.halving, epochs, sum(map(len, by_common.values())))
    outcome = Outcome.empty(len(params_of), len(folds), rungs)
    outcome.fit_errors.extend(fit_errors)
    for halving, at in rounds(rule, rungs, len(sweeps)):
        left = set(outcome.left.tolist())
        for candidates, indices, stack in sweeps:
            some = {index: candidate for index, candidate in candidates.items() if index in left}
            if some:
                outcome = _with_sweep(outcome, some, indices, stack, how._replace(halving=halving, rungs=at))
        if rule is not None:
            outcome = with_ranks(outcome, rule, at[-1] + 1)
    return outcome


def _epochs(candidates, folds):
    """Return the epochs of a sweep of candidates, by index, on folds, which are indices."""
    return next(iter(candidates.values())).common[folds[0]][0]


def _sweeps(candidates, folds, fit_errors):
    """Return (candidates by index, indices of folds, `Stack`) of each sweep that some candidates need."""
    first = next(iter(candidates.values()))
    stacks = {}
    for index, (rows, common) in enumerate(zip(folds, first.common)):
        try:
            fold = Fold.of(first.estimator, rows, common[1])
        except (ValueError, TypeError) as error:
            fit_errors.extend([(error, traceback.format_exc())] * len(candidates))
            continue
        for candidate in candidates.values():
            candidate.set_dropout(index, fold.prepared)
        key = repr((fold.key(index), common, [candidate.values[index] for candidate in candidates.values()]))
        indices, prepared = stacks.setdefault(key, ([], []))
        indices.append(index)
        prepared.append(fold)
    return [(candidates, indices, Stack.of(prepared)) for indices, prepared in stacks.values()]


def _with_sweep(outcome, candidates, folds, stack, how):
    """Return the outcome with that of a sweep of `candidates`, by index, on `folds`, which are indices."""
    first = stack.folds[0]
    network = first.prepared.network
    X, y, weights = stack.arrays()
    epochs, _, shuffle, _, _ = next(iter(candidates.values())).common[folds[0]]
    scoring = Scoring(how, stack)
    with warnings.catch_warnings(), interrupts.raised():
        if how.with_training:
            warnings.filterwarnings("ignore", r"fold \d+ of cv trains on", DataWarning)  # on purpose
        warnings.simplefilter("ignore", DivergenceWarning)  # a fit that failed is warned of as in scikit-learn
        result = sweep(
            network,
            X,
            y,
            [_grid_values(candidate.values[folds[0]], network) for candidate in candidates.values()],
            epochs=epochs,
            cv=stack.triples(how.with_training),
            score=Score("score", scoring, takes_rows=True),
            halving=how.halving,
            sample_weight=weights,
            standardize=True,
            shuffle=shuffle,
            keep=0,
            threads=how.threads,
            progress=how.progress,
            **first.estimator.data_options(),
        )
    indices = list(candidates)
    cells = np.ix_(indices, how.rungs, folds)
    outcome.scores[cells] = result.fold_scores[:, : len(how.rungs)]
    if result.fold_notes is not None:
        outcome.measured[cells] = scoring.of(result.fold_notes[:, : len(how.rungs)])
    before = np.array([-1, *outcome.rungs])[how.rungs]  # the epochs of the rungs before
    outcome.trained[cells] = (result.table["epochs"][:, None] > before)[:, :, None]
    outcome.seconds[np.ix_(indices, folds)] = result.fold_seconds
    is_new = (result.table["stopped"] == "diverged") & (result.table["epochs"] > before[0])
    so_far = outcome.scores[np.ix_(indices, range(how.rungs[-1] + 1), folds)]
    has_diverged = is_new[:, None] & np.isnan(so_far).all(axis=1)
    outcome.fit_errors.extend([(ValueError(DIVERGED), DIVERGED)] * int(has_diverged.sum()))
    outcome.score_errors.extend(scoring.errors)
    return outcome


def _grid_values(values, network):
    """Return the values of a configuration of a sweep with this network."""
    sizes = (network.layer_sizes[0], *values["hidden_sizes"], network.layer_sizes[-1])
    return {name: value for name, value in values.items() if name != "hidden_sizes"} | {"layer_sizes": sizes}


DIVERGED = "The training diverged: give a smaller learning_rate_init, or inputs without outliers."
