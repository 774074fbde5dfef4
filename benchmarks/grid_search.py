"""Contestants in a cross-validated grid search over learning rates: scikit-learn's, and a sweep of fastprop.

Both see the same rows in the same folds. Each draws its own initial weights, so that their scores are only similar.
"""

import itertools

import numpy as np

from .cases import learning_rates
from .contestants import Contestant, UnequalWorkError

MARGIN = 0.03
"""A network whose accuracy is this close to the best is well trained; scores of such networks may differ by as much."""


class Search(Contestant):
    """The base of both: an epoch is one search, which leaves the mean accuracy of each learning rate in `scores`."""

    def prepare(self, workload, data, weights, threads):
        from sklearn.model_selection import StratifiedKFold

        self.workload, self.data, self.threads = workload, data, threads
        self.folds = list(StratifiedKFold(workload.folds).split(*data))
        self.grid = learning_rates(workload)

    def epochs(self, n, shuffle=True):
        for _ in range(n):
            self.scores = self.search()


class Fastprop(Search):
    """fastprop: one `sweep` over the folds, which scores every network on the held-out rows."""

    name = "fastprop"

    def prepare(self, *arguments):
        import fastprop

        super().prepare(*arguments)
        self.library = fastprop

    def search(self):
        workload = self.workload
        result = self.library.sweep(
            workload.layer_sizes,
            *self.data,
            {"learning_rate": self.grid},
            epochs=workload.search_epochs,
            batch_size=workload.batch_size,
            loss=workload.loss,
            optimizer=self.library.SGD(),
            cv=self.folds,
            keep=0,
            threads=self.threads,
        )
        return result.table["score"]


class ScikitLearn(Search):
    """scikit-learn: GridSearchCV of MLPClassifier, in as many processes as there are threads, with one thread each."""

    name = "scikit-learn"

    def prepare(self, *arguments):
        from sklearn.model_selection import GridSearchCV

        super().prepare(*arguments)
        classifier = make_classifier(self.workload)
        grid = {"learning_rate_init": self.grid}
        self.estimator = GridSearchCV(classifier, grid, cv=self.folds, n_jobs=self.threads, refit=False)

    def search(self):
        import warnings

        import joblib
        from sklearn.exceptions import ConvergenceWarning

        with warnings.catch_warnings(), joblib.parallel_config("loky", inner_max_num_threads=1):
            warnings.simplefilter("ignore", ConvergenceWarning)
            return self.estimator.fit(*self.data).cv_results_["mean_test_score"]


def make_classifier(workload):
    """Return scikit-learn's network of a workload, to be trained by plain SGD for all epochs."""
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(
        hidden_layer_sizes=workload.layer_sizes[1:-1],
        activation="logistic",
        solver="sgd",
        alpha=0,
        batch_size=workload.batch_size,
        momentum=0,
        nesterovs_momentum=False,
        max_iter=workload.search_epochs,
        n_iter_no_change=workload.search_epochs,
        tol=0,
        random_state=0,
    )


def check_equal_work(workload, contestants):
    """Raise `UnequalWorkError` if best learning rates differ, or the scores of well trained networks do."""
    for pair in itertools.combinations(contestants, 2):
        scores = np.array([contestant.scores for contestant in pair])
        well_trained = scores.max(axis=0) > scores.max() - MARGIN
        difference = np.ptp(scores, axis=0)[well_trained].max()
        steps = np.ptp(scores.argmax(axis=1))
        if difference > MARGIN or steps > 1:
            raise UnequalWorkError(
                f"{workload.name}: accuracies of {pair[0].name} and {pair[1].name} differ by up to {difference:.3f}, "
                f"and their best learning rates by {steps} steps of the grid; expected {MARGIN} and 1 at most"
            )


CONTESTANTS = {contestant.name: contestant for contestant in (Fastprop(), ScikitLearn())}
