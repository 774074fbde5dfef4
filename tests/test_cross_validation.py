"""Cross-validation: the folds, and that each fold has the result of `train` on its rows."""

import numpy as np
import pytest

import fastprop as fp
from fastprop import metrics
from fastprop.data import Dataset, cross_validation_folds, held_out_rows
from tests.compare import assert_refused, padded
from tests.cross_validations import LABELS, NUMBERS, PAIRS, RATES, SIZES, TARGETS, X, sweep

RESULTS = "score", "score_std", "loss", "validation_loss"


def train_on_fold(rows, held_out, rate, task="labels", weight=None, **options):
    """Train a configuration of RATES alone on a fold."""
    y = TARGETS[task]
    network = fp.MLP(SIZES[task], output="softmax" if task == "labels" else "identity")
    weight = None if weight is None else weight[rows]
    options = {"epochs": 4, "optimizer": fp.SGD(rate), "sample_weight": weight, **options}
    history = fp.train(network, X[rows], y[rows], validation=(X[held_out], y[held_out]), **options)
    return network, history


# ---- the same as each fold alone ----

OPTIONS = {
    "plain": {},
    "standardized": {"standardize": True},
    "dropout": {"dropout": 0.3},
    "early stopping": {"early_stopping": fp.EarlyStopping(patience=2), "epochs": 12},
    "large batches": {"batch_size": 1000},
    "average": {"average": fp.EMA(0.9)},
}


@pytest.mark.parametrize("task", TARGETS)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_row_is_the_mean_of_what_its_folds_are_alone_to_the_last_bit(task, options):
    result = sweep(task=task, cv=PAIRS, **options)
    for index, (row, history) in enumerate(zip(result.table, result.history)):
        alone = [train_on_fold(*pair, row["learning_rate"], task, **options)[1] for pair in PAIRS]
        scores = [each.score for each in alone]
        assert (row["score"], row["score_std"]) == (np.mean(scores), np.std(scores))
        assert result.fold_scores[index, -1].tolist() == scores
        assert row["loss"] == np.mean([each.loss[each.best_epoch] for each in alone])
        assert row["validation_loss"] == np.mean([each.validation_loss[each.best_epoch] for each in alone])
        assert row["epochs"] == max(each.epochs for each in alone)
        losses = [padded(each.validation_loss, len(history)) for each in alone]
        np.testing.assert_array_equal(history, np.mean(losses, axis=0))


@pytest.mark.parametrize("validation", [None, 0.25])
def test_rows_that_are_only_scored_do_not_end_a_training(validation):
    rows, scored = PAIRS[0]
    X_fold, y_fold = X[rows], LABELS[rows]
    inner = held_out_rows(len(rows), validation) if validation else np.zeros(0, int)
    stopping = {"early_stopping": fp.EarlyStopping(patience=1), "epochs": 30}
    triple = np.delete(rows, inner), rows[inner], scored
    result = sweep({"learning_rate": [2.0, 4.0]}, cv=[triple], score="accuracy", **stopping)
    for row in result.table:
        network = fp.MLP(SIZES["labels"], output="softmax")
        optimizer = fp.SGD(row["learning_rate"])
        history = fp.train(network, X_fold, y_fold, validation=validation, optimizer=optimizer, **stopping)
        assert (row["epochs"], row["stopped"]) == (history.epochs, history.stopped)
        assert row["score"] == metrics.SCORES["accuracy"].function(network.predict(X[scored]), LABELS[scored])


def test_a_score_may_take_the_indices_of_the_rows():
    def measured(outputs, y, rows):
        np.testing.assert_array_equal(y, LABELS[rows])
        return rows[0]

    result = sweep(cv=PAIRS, score=metrics.Score("first", measured, takes_rows=True))
    assert (result.fold_scores[:, 0] == [held_out[0] for _, held_out in PAIRS]).all()
    network = fp.MLP(SIZES["labels"], output="softmax")
    history = fp.train(network, X, LABELS, epochs=1, metrics=[metrics.Score("first", measured, takes_rows=True)])
    assert history.metrics["first"] == [0]


def test_a_score_may_take_the_weights_of_the_rows_without_those_of_classes():
    weight = np.linspace(0.5, 2, len(X))
    given = {"cv": PAIRS, "sample_weight": weight, "refit": False}
    for class_weight in (None, "balanced", {0: 5}):
        result = sweep(score=metrics.SCORES["accuracy"].weighted(), class_weight=class_weight, **given)
        networks = result.fold_networks[int(result.ranking[0])]
        for network, (_, held_out), measured in zip(networks, PAIRS, result.fold_scores[int(result.ranking[0])]):
            is_right = network.predict(X[held_out]).argmax(axis=1) == LABELS[held_out]
            assert measured == pytest.approx(np.average(is_right, weights=weight[held_out]), rel=1e-12)


@pytest.mark.parametrize(
    "validation", [None, 0.25, (X[:20], LABELS[:20], np.linspace(1, 3, 20))], ids=["none", "share", "data"]
)
def test_metrics_of_a_training_are_given_the_weights_of_the_rows(validation):
    weight = np.linspace(0.5, 2, len(X))
    score = metrics.Score("mean", weighted_accuracy, takes_weights=True)
    how = {"metrics": [score, metrics.SCORES["accuracy"].weighted()], "epochs": 1, "validation": validation}
    network = fp.MLP(SIZES["labels"], output="softmax")
    history = fp.train(network, X, LABELS, sample_weight=weight, **how)
    if isinstance(validation, tuple):
        X_measured, y, weights = validation
    else:
        rows = np.arange(len(X)) if validation is None else held_out_rows(len(X), validation)
        X_measured, y, weights = X[rows], LABELS[rows], weight[rows]
    is_right = network.predict(X_measured).argmax(axis=1) == y
    for name in ("mean", "accuracy"):
        assert history.metrics[name][0] == pytest.approx((is_right * weights).sum() / weights.sum())


def weighted_accuracy(outputs, y, sample_weight):
    return np.average(outputs.argmax(axis=1) == y, weights=sample_weight)


def test_indices_and_weights_of_encoded_rows_are_those_of_the_rows_that_were_given():
    pandas = pytest.importorskip("pandas")
    random = np.random.default_rng(0)
    frame = pandas.DataFrame({"size": random.normal(size=60), "kind": LABELS[:60]})
    frame.loc[::7, "size"] = None  # each fold has its own median
    columns, weight = fp.datasets.read(frame, "kind").columns, random.random(60) + 1

    def measured(outputs, y, rows, sample_weight):
        np.testing.assert_array_equal(y, LABELS[:60][rows])
        np.testing.assert_array_equal(sample_weight, weight[rows])
        return rows[0]

    score = metrics.Score("first", measured, takes_rows=True, takes_weights=True)
    options = {"epochs": 1, "cv": 3, "score": score, "sample_weight": weight, "threads": 1}
    result = fp.sweep((columns.shape[1], 3), columns, LABELS[:60], {"learning_rate": [0.1]}, **options)
    assert np.isfinite(result.fold_scores).all()


def test_sample_weights_go_with_their_rows():
    weight = np.linspace(0.5, 2, len(X))
    result = sweep(cv=PAIRS, sample_weight=weight)
    losses = [train_on_fold(*pair, 0.05, weight=weight)[1].loss[-1] for pair in PAIRS]
    assert result.table["loss"][0] == np.mean(losses)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_neither_threads_nor_other_configurations_change_a_row(threads):
    grid = {"learning_rate": np.geomspace(0.01, 1, 20)}
    table, few = sweep(grid, threads=threads).table, sweep({"learning_rate": grid["learning_rate"][7:9]}).table
    for name in RESULTS:
        np.testing.assert_array_equal(table[name][7:9], few[name])


@pytest.mark.slow
def test_the_reference_goes_through_the_same_folds():
    network = fp.MLP(SIZES["labels"], output="softmax", dtype="float64")
    kernels, reference = (
        fp.sweep(network, X, LABELS, RATES, epochs=4, cv=3, backend=b) for b in ("kernels", "reference")
    )
    for name in RESULTS:
        np.testing.assert_allclose(kernels.table[name], reference.table[name], rtol=1e-12)


def test_where_a_fold_diverges_the_configuration_has_diverged_and_no_other():
    spiked = X.copy()
    spiked[PAIRS[0][0][0]] = 1e6
    grid = {"learning_rate": [1e-9, 1e20]}
    result = fp.sweep((4, 6, 2), spiked, NUMBERS, grid, epochs=4, cv=PAIRS)
    assert result.table["stopped"].tolist() == ["finished", "diverged"]
    assert result.best["learning_rate"] == 1e-9


# ---- folds ----


def folds_of(count, task):
    """The folds that an int makes of the rows of a task, and its y."""
    output, loss = TASKS_OF_FOLDS[task]
    y = {"labels": LABELS, "one-hot": np.eye(3)[LABELS], "binary": LABELS > 0, "numbers": NUMBERS}[task]
    network = fp.MLP((4, 1 if task == "binary" else 3 if task != "numbers" else 2), output=output)
    return cross_validation_folds(count, X, y, Dataset.of(X, y, network, loss))


TASKS_OF_FOLDS = {
    "labels": ("softmax", "cross_entropy"),
    "one-hot": ("softmax", "cross_entropy"),
    "binary": ("sigmoid", "mse"),
    "numbers": ("identity", "mse"),
}


@pytest.mark.parametrize("task", TASKS_OF_FOLDS)
@pytest.mark.parametrize("count", [2, 3, 5, 7])
def test_folds_of_a_number_are_shuffled_as_those_of_scikit_learn(count, task):
    selection = pytest.importorskip("sklearn.model_selection")
    splitter = selection.KFold if task == "numbers" else selection.StratifiedKFold
    classes = LABELS > 0 if task == "binary" else LABELS
    theirs = splitter(count, shuffle=True, random_state=0).split(X, classes)
    for our_fold, their_fold in zip(folds_of(count, task), theirs, strict=True):
        for our_rows, their_rows in zip(our_fold[:2], their_fold):
            np.testing.assert_array_equal(our_rows, their_rows)


@pytest.mark.parametrize("task", ["labels", "numbers"])
@pytest.mark.parametrize("count", [2, 4, 7])
def test_each_row_is_held_out_once_and_trained_on_in_all_other_folds(task, count):
    folds = folds_of(count, task)
    np.testing.assert_array_equal(np.sort(np.concatenate([held_out for _, held_out, _ in folds])), np.arange(90))
    for rows, held_out, _ in folds:
        np.testing.assert_array_equal(np.sort(np.append(rows, held_out)), np.arange(90))
        assert abs(len(held_out) - 90 / count) < 1


def test_folds_of_labels_have_the_classes_in_equal_shares():
    for _, held_out, _ in folds_of(3, "labels"):
        for label in range(3):
            assert abs((LABELS[held_out] == label).sum() - (label == LABELS).sum() / 3) < 1


class Splitter:
    def split(self, X, y):
        assert len(X) == len(y) == 90
        yield from PAIRS


def masks(pair):
    return tuple(np.isin(np.arange(90), rows) for rows in pair)


@pytest.mark.parametrize(
    "cv", [Splitter(), iter(PAIRS), [tuple(map(list, pair)) for pair in PAIRS], list(map(masks, PAIRS))],
    ids=["splitter", "iterator", "lists", "masks"],
)  # fmt: skip
def test_folds_come_from_splitters_and_pairs_of_rows_or_masks(cv):
    np.testing.assert_array_equal(sweep(cv=cv).history, sweep(cv=PAIRS).history)


def test_rows_that_are_trained_on_and_held_out_are_told():
    words = "fold 1 of cv trains on 10 of the 30 rows that it holds out, so that its score does not tell how"
    with pytest.warns(fp.DataWarning, match=words):
        sweep(cv=[PAIRS[0], (np.arange(70), np.arange(60, 90))])
    sweep(cv=[(np.arange(90), np.arange(90))])  # on purpose, which warns of nothing


# ---- scores ----


NAMED = [("labels", "accuracy"), ("labels", "log_loss"), ("numbers", "r2"), ("numbers", "mae"), ("numbers", "mse")]


@pytest.mark.parametrize(("task", "score"), NAMED)
def test_a_named_score_is_measured_and_ranks(task, score):
    result = sweep(task=task, score=score, cv=PAIRS)
    for row in result.table:
        networks = [train_on_fold(*pair, row["learning_rate"], task)[0] for pair in PAIRS]
        scores = [
            metrics.SCORES[score].function(network.predict(X[held_out]), TARGETS[task][held_out])
            for network, (_, held_out) in zip(networks, PAIRS)
        ]
        assert row["score"] == pytest.approx(np.mean(scores), rel=1e-6)
    best = np.argmax if metrics.SCORES[score].higher_is_better else np.argmin
    assert result.best["score"] == result.table["score"][best(result.table["score"])]
    assert result.score_name == score


def least_certain(outputs, y):
    return outputs.max(axis=1).min()


def test_a_function_of_outputs_and_labels_is_a_score_of_which_the_highest_is_best():
    result = sweep(score=least_certain, validation=0.2, cv=None, keep="all")
    held_out = held_out_rows(len(X), 0.2)
    for index, network in result.networks.items():
        assert result.table["score"][index] == least_certain(network.predict(X[held_out]), None)
    assert result.best["score"] == result.table["score"].max()
    assert result.score_name == "least_certain"


def test_without_a_name_accuracy_or_r2_is_measured_and_the_loss_ranks():
    for task, name in (("labels", "accuracy"), ("numbers", "r2")):
        result = sweep({"learning_rate": [1e-3, 0.1, 0.5]}, task, epochs=20)
        assert result.score_name == name
        assert result.best["validation_loss"] == result.table["validation_loss"].min()


# ---- what is refused ----


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cv": 1}, "cv must be at least 2, not 1: give a larger number"),
        ({"cv": 91}, "cv=91 folds of 90 rows leave some empty: give 90 at most"),
        ({"cv": True}, "cv must be a number of folds, a splitter or pairs of rows, not True: give one"),
        ({"cv": 0.2}, "cv must be a number of folds, a splitter or pairs of rows, not 0.2: give one"),
        ({"cv": "5"}, "cv must be a number of folds, a splitter or pairs of rows, not '5': give one"),
        ({"cv": []}, "cv has no folds: give at least one pair"),
        ({"cv": [range(3)]}, r"fold 0 of cv must be a pair of training rows and held-out rows, not range\(0, 3\)"),
        ({"cv": [PAIRS[0], (range(60), [])]}, "the held-out rows of fold 1 of cv are empty: give at least one row"),
        ({"cv": [(np.zeros(90, bool), range(60))]}, "the training rows of fold 0 of cv are empty: give at least"),
        ({"cv": [(range(60), [60, 90])]}, "the held-out rows of fold 0 of cv go from 60 to 90: give indices from 0 to"),
        ({"cv": [(range(60), [-1])]}, "the held-out rows of fold 0 of cv go from -1 to -1: give indices from 0 to 89"),
        ({"cv": [([0.5], [1])]}, "the training rows of fold 0 of cv must be row indices or a mask of 90 rows, not"),
        ({"cv": 3, "validation": 0.2}, "cv holds out each fold's rows, and validation others: give one of them"),
        ({"cv": None, "score": "accuracy"}, "score='accuracy' is measured on held-out rows, but there are none"),
        ({"score": "precision"}, "a score must be one of accuracy, .*, not 'precision': choose one of these"),
        ({"score": 3}, "a score must be one of accuracy, .*, or a function, not 3"),
        ({"score": "mae"}, "score 'mae' needs numbers, which 3 softmax outputs .* are not: choose from accuracy"),
        ({"keep": "some"}, "keep must be 'best', 'all' or a number of networks, not 'some': give one of these"),
        ({"keep": -1}, "keep must be 'best', 'all' or a number of networks, not -1: give one of these"),
        ({"keep": True}, "keep must be 'best', 'all' or a number of networks, not True: give one of these"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(options, message):
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        sweep(**options)
    assert "\n" not in str(caught.value)


def test_a_fold_of_numbers_may_hold_out_a_single_row():
    result = sweep(task="numbers", cv=[(np.arange(1, 90), [0])], score="mae")
    assert np.isfinite(result.table["score"]).all()


# ---- beside scikit-learn ----


@pytest.mark.slow
@pytest.mark.peers
def test_scores_rank_as_those_of_a_grid_search_of_scikit_learns():
    pytest.importorskip("sklearn")
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.neural_network import MLPClassifier

    digits, labels = fp.datasets.digits()
    digits, labels, rates = digits[:600], labels[:600], [1e-3, 1e-2, 0.1, 1.0]
    result = fp.sweep((64, 16, 10), digits, labels, {"learning_rate": rates}, epochs=20, cv=5, keep=0)
    options = {"activation": "logistic", "solver": "sgd", "momentum": 0, "alpha": 0, "batch_size": 32}
    estimator = MLPClassifier((16,), **options, max_iter=20, tol=0, random_state=0)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    search = GridSearchCV(estimator, {"learning_rate_init": rates}, cv=folds, refit=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(digits, labels)
    theirs = search.cv_results_["mean_test_score"]
    np.testing.assert_array_equal(np.argsort(result.table["score"]), np.argsort(theirs))
    assert abs(result.table["score"][-1] - theirs[-1]) < 0.03  # well trained; the rest depends on the first weights


def test_what_a_splitter_refuses_is_said_in_its_words():
    splitter = pytest.importorskip("sklearn.model_selection").StratifiedKFold(60)
    with pytest.raises(ValueError, match=r"^n_splits=60 cannot be greater than the number of members in each class"):
        sweep(cv=splitter)


def test_a_splitter_that_needs_groups_says_how_to_give_them():
    words = "cv=GroupKFold needs the group of each row: give its folds, cv=list(GroupKFold(…).split(X, y, groups))."
    X, y = fp.datasets.digits()
    splitter = pytest.importorskip("sklearn.model_selection").GroupKFold(3)
    assert_refused(ValueError, words, fp.sweep, (64, 10), X, y, {"seed": [0]}, epochs=1, cv=splitter)
