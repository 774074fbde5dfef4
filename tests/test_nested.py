"""Nested cross-validation: a whole sweep in each outer fold, tested on the rows that it has not seen."""

import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

import fastprop as fp
from fastprop import student_t
from fastprop.metrics import SCORES
from fastprop.sweeping import outer_folds
from fastprop.sweeping.outer_folds import OuterFold, OuterScores
from tests.compare import assert_refused, assert_same_bits
from tests.problems import three_classes

X, LABELS = three_classes()
RATES = {"learning_rate": [0.001, 0.1, 0.5]}
SHARED = {"epochs": 4, "cv": 3, "standardize": True}


def sweep(X=X, y=LABELS, grid=RATES, sizes=(4, 6, 3), **options):
    return fp.sweep(sizes, X, y, grid, **SHARED | options)


def hand_loop(folds, y=LABELS, **options):
    """Return what sweeps in a loop give: the score of each fold, what it chose, and the outputs of all rows."""
    scores, chosen, outputs = [], [], np.full((len(X), 3), np.nan, np.float32)
    for training, tested in folds:
        best = sweep(X[training], y[training], **options)
        outputs[tested] = best.best_network.predict(X[tested])
        scores.append(np.mean(outputs[tested].argmax(axis=1) == y[tested]))
        chosen.append({"learning_rate": best.best["learning_rate"]})
    return scores, tuple(chosen), outputs


def stratified(count):
    selection = pytest.importorskip("sklearn.model_selection")
    return list(selection.StratifiedKFold(count, shuffle=True, random_state=0).split(X, LABELS))


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"halving": 2, "threads": 1},
        {"score": "log_loss", "early_stopping": fp.EarlyStopping(1), "class_weight": "balanced"},
        {"backend": "reference"},
    ],
    ids=["plain", "halving", "early stopping", "reference"],
)
def test_the_outer_scores_are_those_of_sweeps_in_a_loop(options):
    result = sweep(outer=4, **options)
    measured = options.get("score", "accuracy")
    scores, chosen, outputs = hand_loop(stratified(4), **options)
    assert_same_bits(result.outer.out_of_fold, outputs)
    assert result.outer.chosen == chosen
    if measured == "accuracy":
        assert result.outer.scores.tolist() == scores
    alone = sweep(**options)
    assert_same_bits(result.table["score"], alone.table["score"])
    assert_same_bits(result.best_network.flat_parameters, alone.best_network.flat_parameters)


@pytest.mark.slow
def test_they_are_those_of_a_grid_search_of_scikit_learn():
    base, selection = pytest.importorskip("sklearn.base"), pytest.importorskip("sklearn.model_selection")

    class Trained(base.ClassifierMixin, base.BaseEstimator):
        def __init__(self, learning_rate=0.1):
            self.learning_rate = learning_rate

        def fit(self, X, y):
            self.classes_ = np.unique(y)
            self.network = fp.MLP((4, 6, 3), output="softmax", seed=0)
            fp.train(self.network, X, y, epochs=4, optimizer=fp.SGD(self.learning_rate), standardize=True)
            return self

        def predict(self, X):
            return self.network.predict(X).argmax(axis=1)

    splitter = selection.KFold(3, shuffle=True, random_state=5)
    search = selection.GridSearchCV(Trained(), RATES, cv=splitter)
    expected = selection.cross_val_score(search, X, LABELS, cv=stratified(4))
    result = sweep(cv=splitter, outer=stratified(4), score="accuracy")
    assert result.outer.scores.tolist() == expected.tolist()


def test_folds_of_groups_stay_folds_of_groups_and_iterators_are_taken():
    groups = np.arange(len(X)) % 5
    pairs = [(np.flatnonzero(groups != group), np.flatnonzero(groups == group)) for group in range(5)]
    result = sweep(cv=iter(pairs), outer=pairs[:2], epochs=1, threads=1)
    assert result.outer.counts.tolist() == [[72, 18], [72, 18]]
    assert np.isnan(result.outer.out_of_fold[:, 0]).tolist() == (groups > 1).tolist()
    inner = [(np.setdiff1d(training, pairs[0][1]), tested) for training, tested in pairs[1:]]
    alone = sweep(X, LABELS, cv=inner, epochs=1, threads=1)
    assert result.outer.chosen[0] == {"learning_rate": alone.best["learning_rate"]}


@pytest.mark.parametrize("numeric_encoding", ["standard", "piecewise"])
@pytest.mark.parametrize("inner", [3, "splitter"])
def test_a_splitter_makes_the_outer_folds_of_a_table(inner, numeric_encoding):
    selection, pandas = pytest.importorskip("sklearn.model_selection"), pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=[*"abcd"]).assign(kind=np.array([*"xyz"])[LABELS])
    frame.loc[::7, "a"] = np.nan
    table = fp.datasets.read(frame, "kind", numeric_encoding=numeric_encoding)
    splitter = selection.KFold(5, shuffle=True, random_state=1)
    options = {"sizes": (table.X.shape[1], 6, 3), "cv": splitter if inner == "splitter" else inner, "epochs": 1}
    result = sweep(table.columns, table.y, outer=splitter, **options)
    expected = sweep(table.columns, table.y, outer=list(splitter.split(X)), **options)
    assert result.outer.scores.tolist() == expected.outer.scores.tolist()
    assert_same_bits(result.outer.out_of_fold, expected.outer.out_of_fold)


@pytest.mark.slow
def test_rows_that_an_outer_fold_tests_on_change_nothing_in_its_search():
    pairs = [(np.arange(60), np.arange(60, 90))]
    changed = np.array(X)
    changed[60:] = 1e3 * changed[60:] + 7
    first, second = (sweep(each, outer=pairs, threads=1).outer for each in (X, changed))
    assert first.chosen == second.chosen
    assert not np.array_equal(first.out_of_fold[60:], second.out_of_fold[60:])
    network = sweep(X[:60], LABELS[:60], threads=1).best_network
    assert_same_bits(first.out_of_fold[60:], network.predict(X[60:]))
    assert_same_bits(second.out_of_fold[60:], network.predict(changed[60:]))


@pytest.mark.slow
def test_a_nested_cross_validation_goes_on_from_its_journals_with_any_executor(tmp_path):
    whole = sweep(outer=3)
    sweep(outer=3, journal=tmp_path / "j")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["j", "j.outer0", "j.outer1", "j.outer2"]
    lines = (tmp_path / "j.outer1").read_text().splitlines(keepends=True)
    (tmp_path / "j.outer1").write_text("".join(lines[:2]))
    with ThreadPoolExecutor(2) as executor:
        again = sweep(outer=3, journal=tmp_path / "j", executor=executor)
    assert_same_bits(again.outer.scores, whole.outer.scores)
    assert_same_bits(again.outer.out_of_fold, whole.outer.out_of_fold)


def test_outer_scores_are_saved_and_loaded(tmp_path):
    result = sweep(outer=2, epochs=1, threads=1)
    result.save(tmp_path / "a.npz")
    loaded = fp.load_sweep(tmp_path / "a.npz")
    assert repr(loaded) == repr(result)
    assert loaded.outer.chosen == result.outer.chosen
    assert_same_bits(loaded.outer.out_of_fold, result.outer.out_of_fold)


@pytest.mark.slow
def test_the_seconds_are_those_of_all_sweeps():
    sweep(outer=2, epochs=1)  # compiles
    begin = time.perf_counter()
    grid = {"learning_rate": fp.loguniform(0.001, 1)}
    result = sweep(grid=grid, samples=2_000, epochs=10_000, outer=2, seconds=6)
    assert result.outer.counts.shape == (2, 2)
    took = time.perf_counter() - begin
    assert 5 < took < 9  # beside other programs
    assert result.seconds < took


def test_sweeps_share_the_seconds_with_the_last_trainings_of_their_networks(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(outer_folds.time, "perf_counter", lambda: now[0])

    def search(seconds, **_):
        now[0] += seconds + 2.0  # for which the best network is trained once more
        return SimpleNamespace(seconds=seconds, is_interrupted=False)

    folds = [OuterFold(np.arange(4), np.arange(2), np.arange(2), SCORES["accuracy"]) for _ in range(4)]
    first = search(outer_folds.first_seconds(100.0, folds))
    first.score_name = "accuracy"
    outer_folds.nested(search, {"seconds": 100.0, "journal": None}, folds, first)
    assert now[0] == pytest.approx(100.0)
    assert first.seconds == pytest.approx(100.0 - 5 * 2.0)


def test_outer_scores_are_shown_without_their_outputs():
    outer = sweep(outer=2, epochs=1, threads=1).outer
    assert repr(outer) == f"OuterScores({outer})"
    assert len(repr(outer)) < 150


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cv": None, "validation": 0.2}, "there is none: give cv, too"),
        ({"refit": False}, "leave out refit=False"),
        ({"outer": 1}, "outer is taken as cv is: cv must be at least 2"),
        ({"outer": [(range(60), range(60, 90))], "cv": [(range(60, 90), range(60))]}, "no fold of cv has rows"),
    ],
)
def test_what_no_nested_cross_validation_can_be_made_of_is_refused(options, words):
    assert_refused(ValueError, words, sweep, **{"outer": 3, "epochs": 1, "threads": 1} | options)


def test_a_score_that_the_rows_of_an_outer_fold_leave_undefined_is_refused():
    tested = np.flatnonzero(LABELS == 0)[:5]
    of_one_class = [(np.setdiff1d(np.arange(len(X)), tested), tested)]
    words = (
        "score 'matthews' is undefined on the rows that outer fold 0 holds out, whose y is all alike or lacks a class"
    )
    options = {"epochs": 1, "threads": 1, "score": "matthews"}
    assert_refused(ValueError, words, sweep, outer=of_one_class, **options)


def test_a_study_cannot_search_anew_in_each_outer_fold():
    study = pytest.importorskip("optuna").create_study()
    words = "outer repeats the search in each fold, and a study knows all results: give samples without search."
    options = {"search": fp.OptunaSearch(study), "samples": 2, "outer": 3, "epochs": 1}
    assert_refused(ValueError, words, sweep, grid={"learning_rate": fp.loguniform(0.01, 1)}, **options)
    assert not study.trials


def test_where_all_diverge_in_each_outer_fold_there_is_no_score_and_no_interval():
    with pytest.warns(fp.DivergenceWarning):
        result = sweep(y=X[:, :3], grid={"learning_rate": [1e30]}, outer=2, threads=1)
    assert np.isnan(result.outer.scores).all()
    assert result.outer.chosen == ({}, {})
    assert result.outer.out_of_fold.shape == (90, 0)
    assert result.outer.counts.tolist() == [[45, 45]] * 2
    assert np.isnan(result.outer.interval()).all()


@pytest.mark.parametrize("sweeps", [1, 2])
def test_after_ctrl_c_no_further_outer_fold_is_searched(sweeps):
    begun = []

    def search(**_):
        begun.append(1)
        return SimpleNamespace(seconds=1.0, is_interrupted=len(begun) == sweeps, score_name="accuracy")

    folds = [OuterFold(np.arange(4), np.arange(2), np.arange(2), SCORES["accuracy"]) for _ in range(4)]
    found = outer_folds.nested(search, {"seconds": None, "journal": None}, folds, search())
    assert len(begun) == sweeps
    assert len(found.scores) == 4
    assert np.isnan(found.scores).all()


# ---- the interval ----


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 9, 30, 99])
def test_quantiles_of_students_distribution_are_those_of_scipy(degrees):
    stats = pytest.importorskip("scipy.stats")
    for probability in (0.5, 0.7, 0.95, 0.975, 0.9995):
        expected = stats.t.ppf(probability, degrees)
        assert student_t.quantile(probability, degrees) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_the_interval_is_that_of_nadeau_and_bengio():
    scores = np.array([0.8, 0.7, 0.9, 0.75, 0.85])
    counts = np.array([[80, 20]] * 5)
    outer = OuterScores("accuracy", scores, ({},) * 5, counts, np.zeros((0, 0)))
    half = 2.7764451051977987 * np.sqrt((1 / 5 + 20 / 80) * scores.var(ddof=1))
    np.testing.assert_allclose(outer.interval(), [0.8 - half, 0.8 + half], rtol=1e-12)
    assert_refused(ValueError, "coverage must be", outer.interval, 1.5)


@pytest.mark.parametrize(
    ("name", "scores", "low", "high"),
    [
        ("accuracy", [1.0, 0.9, 1.0], None, 1.0),
        ("accuracy", [0.0, 0.1, 0.0], 0.0, None),
        ("matthews", [-1.0, 0.0, 1.0], -1.0, 1.0),
        ("r2", [0.99, -3.0, 0.5], None, 1.0),
        ("rmse", [0.1, 3.0, 0.1], 0.0, None),
        ("accuracy", [100.0, 90.0, 100.0], None, None),
        ("own", [1.0, 0.9, 1.0], None, None),
    ],
)
def test_an_interval_ends_where_a_score_ends(name, scores, low, high):
    scores = np.array(scores)
    outer = OuterScores(name, scores, ({},) * 3, np.array([[80, 20]] * 3), np.zeros((0, 0)))
    half = 4.302652729911275 * np.sqrt((1 / 3 + 20 / 80) * scores.var(ddof=1))
    expected = [scores.mean() - half if low is None else low, scores.mean() + half if high is None else high]
    np.testing.assert_allclose(outer.interval(), expected, rtol=1e-9)  # as exact as quantiles of Student's are


def test_each_score_has_limits():
    for name, score in fp.metrics.SCORES.items():
        low, high = score.limits
        assert low < high
        assert np.isfinite([low, high]).any()
        assert fp.metrics.Score(name, len).limits == (-np.inf, np.inf)


@pytest.mark.parametrize("scores", [[0.8], [0.8, np.nan, 0.9]], ids=["one", "one unknown"])
def test_few_or_unknown_scores_have_no_interval(scores):
    counts = np.array([[80, 20]] * len(scores))
    outer = OuterScores("accuracy", np.array(scores), ({},) * len(scores), counts, np.zeros((0, 0)))
    assert np.isnan(outer.interval()).tolist() == [True, True]


@pytest.mark.slow
def test_the_interval_holds_the_accuracy_on_new_rows_about_as_often_as_it_says():
    random = np.random.default_rng(0)

    def rows(count):
        X = random.normal(size=(count, 3))
        return X, (X[:, 0] + random.normal(size=count) > 0).astype(int)

    new, classes = rows(20_000)
    hits = []
    for _ in range(60):
        result = fp.sweep((3, 2), *rows(100), RATES, epochs=5, cv=3, outer=5, threads=1)
        low, high = result.outer.interval()
        hits.append(low <= np.mean(result.best_network.predict(new).argmax(axis=1) == classes) <= high)
    assert np.mean(hits) >= 0.9  # of 0.95, less two standard deviations of 60 draws
