"""Functions and objects as scores of a sweep, and as metrics of a training."""

import json
import operator
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import fastprop as fp
from fastprop import metrics
from fastprop.metrics.pairing import PairingCheck
from tests.compare import assert_refused
from tests.processes import output_after_interrupt

DIGITS = fp.datasets.digits()
RATES = {"learning_rate": [1e-5, 0.5]}


def sweep(score, X=DIGITS[0], y=DIGITS[1], sizes=(64, 10), grid=RATES, **options):
    return fp.sweep(sizes, X, y, grid, score=score, **{"epochs": 3, "validation": 0.2, **options})


@pytest.mark.parametrize("name", ["log_loss", "f1", "roc_auc"])
def test_a_function_of_fastprop_ranks_as_its_name_does(name):
    by_name, by_function = sweep(name), sweep(getattr(metrics, name))
    np.testing.assert_array_equal(by_function.table["score"], by_name.table["score"])
    assert by_function.best["learning_rate"] == by_name.best["learning_rate"] == 0.5
    assert by_function.score_name == name


def test_a_score_may_say_that_the_lowest_is_best():
    wrong = lambda outputs, y: np.mean(outputs.argmax(axis=1) != y)  # noqa: E731
    assert sweep(metrics.Score("share wrong", wrong, higher_is_better=False)).best["learning_rate"] == 0.5
    assert sweep(wrong).best["learning_rate"] == 1e-5
    assert_refused(ValueError, "needs must be one of anything, classes", metrics.Score, "a", wrong, needs="words")
    assert_refused(TypeError, "function must be callable, not 3: give a function", metrics.Score, "a", 3)


LINE = np.random.default_rng(0).normal(size=(60, 3))
SUM = LINE @ [1.0, 2.0, 3.0]


def sweep_of_sum(score, y=SUM, rates=(1e-3, 0.05, 0.1), **options):
    return sweep(score, LINE, y, (3, 8, 1), {"learning_rate": list(rates)}, **options)


def test_a_function_that_changes_what_it_gets_changes_nothing_else():
    def in_place(outputs, y):
        outputs *= 50
        outputs += 200
        y *= 50
        y += 200
        return -np.sqrt(np.mean((outputs[:, 0] - y) ** 2))

    def clean(outputs, y):
        return -50 * np.sqrt(np.mean((outputs[:, 0] - y) ** 2))

    np.testing.assert_allclose(sweep_of_sum(in_place).table["score"], sweep_of_sum(clean).table["score"], rtol=1e-5)
    network = fp.MLP((3, 8, 1), output="identity")
    history = fp.train(network, LINE, SUM, epochs=2, metrics=(in_place, "rmse", clean))
    np.testing.assert_allclose(history.metrics["in_place"], history.metrics["clean"], rtol=1e-5)
    np.testing.assert_allclose(-history.metrics["clean"] / 50, history.metrics["rmse"], rtol=1e-6)


BROADCASTS = {
    "an error": lambda outputs, y: -np.mean((outputs - y) ** 2),
    "a comparison": lambda outputs, y: np.mean((outputs > 0) == (y > 0)),
    "scaled outputs": lambda outputs, y: np.mean(np.abs(2 * outputs + 1 - y)),
}


@pytest.mark.parametrize("score", BROADCASTS.values(), ids=BROADCASTS)
@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_outputs_and_y_that_broadcast_to_a_matrix_are_refused(score, backend):
    words = (
        "combines arrays of shapes (12, 1) and (12,), which gives a matrix, as outputs are (12, 1) and y is "
        "(12,), at configuration 0 (learning_rate=0.001): compare outputs[:, 0] with y of shape (n,)"
    )
    assert_refused(ValueError, words, sweep_of_sum, score, backend=backend, threads=1)
    assert_refused(
        ValueError,
        "(60, 1) and (60,)",
        fp.train,
        fp.MLP((3, 1), output="identity"),
        LINE,
        SUM,
        epochs=1,
        metrics=[score],
    )


MATRICES = {
    "numpy.asarray": lambda outputs, y: -np.mean((np.asarray(outputs) - np.asarray(y)) ** 2),
    "a sum": lambda outputs, y: -np.sum(np.abs(np.array(outputs) - y)),
    "a share of the variance": lambda outputs, y: 1 - np.mean((np.asarray(outputs) - y) ** 2) / np.var(y),
    "lists": lambda outputs, y: -np.median(np.abs(np.array(outputs.tolist()) - np.array(y.tolist()))),
    "rows": metrics.Score("rows", lambda o, y, rows: np.mean((np.asarray(o) - y) ** 2 * rows), takes_rows=True),
}


@pytest.mark.parametrize("score", MATRICES.values(), ids=MATRICES)
@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_a_score_that_compares_each_output_with_the_y_of_all_rows_is_refused(score, backend):
    words = "compares each output with the y of all rows, as outputs are (12, 1) and y is (12,), at configuration"
    assert_refused(ValueError, words, sweep_of_sum, score, backend=backend, threads=1)
    network = fp.MLP((3, 1), output="identity")
    arguments = {"epochs": 2, "metrics": [score], "optimizer": fp.SGD(0.01), "backend": backend}
    assert_refused(ValueError, "(60, 1) and y is (60,)", fp.train, network, LINE, SUM, **arguments)


class WithoutHash:
    """A score of which nothing can be remembered."""

    __hash__ = None

    def __call__(self, outputs, y):
        return -np.mean((np.asarray(outputs) - y) ** 2)


def test_a_score_without_a_hash_that_makes_a_matrix_is_refused():
    words = "compares each output with the y of all rows, as outputs are (12, 1) and y is (12,), at configuration"
    assert_refused(ValueError, words, sweep_of_sum, WithoutHash(), threads=1)


@pytest.mark.parametrize(("module", "is_suspect"), [("fastprop.metrics.guarded_arrays", False), ("numpy", True)])
def test_a_score_is_suspect_if_others_than_the_guarded_array_convert_it(module, is_suspect):
    with PairingCheck(metrics.Score("none", lambda outputs, y: 0.0), LINE[:12, :1], SUM[:12]) as check:
        look = sys.getprofile()  # while Python calls it, nothing sees what it does
        frame = SimpleNamespace(f_globals={"__name__": module})
        look(frame, "call", np.asarray)
        look(frame, "c_call", np.mean)
        assert not check._is_suspect
        look(frame, "c_call", np.asarray)
    assert check._is_suspect == is_suspect


def test_while_a_profiler_runs_a_score_that_makes_a_matrix_is_refused_and_the_profiler_stays():
    def profile(frame, event, function):
        pass

    score = metrics.Score("squares", lambda outputs, y: -np.mean((np.asarray(outputs) - y) ** 2))
    sys.setprofile(profile)
    try:
        measured = metrics.measure(score, LINE[:12, :1], SUM[:12])
        assert sys.getprofile() is profile
    finally:
        sys.setprofile(None)
    assert measured.problem == "compares each output with the y of all rows, as outputs are (12, 1) and y is (12,),"


def test_a_function_of_c_that_does_not_tell_its_parameters_is_tried():
    in_c = operator.methodcaller("__call__")  # called with outputs and y, it refuses the second
    with pytest.warns(RuntimeWarning, match="score 'score' raised TypeError: methodcaller expected 1 argument, got 2"):
        assert np.isnan(sweep_of_sum(in_c, threads=1).table["score"]).all()


def test_a_score_of_a_column_y_that_makes_a_matrix_of_it_is_refused():
    of_numbers = lambda outputs, y: -np.mean((np.asarray(outputs)[:, 0] - np.asarray(y)) ** 2)  # noqa: E731
    assert np.isfinite(sweep_of_sum(of_numbers).table["score"]).all()
    assert_refused(ValueError, "outputs are (12, 1) and y is (12, 1)", sweep_of_sum, of_numbers, SUM[:, None])
    of_classes = lambda outputs, y: np.mean(np.asarray(outputs).argmax(axis=1) == np.asarray(y))  # noqa: E731
    y = (SUM > 0).astype(int)[:, None]
    words = "outputs are (12, 2) and y is (12, 1), at configuration 0 (learning_rate=0.5): compare what is made"
    network = fp.MLP((3, 8, 2), output="softmax")
    assert_refused(ValueError, words, sweep, of_classes, LINE, y, network, {"learning_rate": [0.5]}, epochs=5)


PAIRS = {
    "a column": lambda outputs, y: -np.mean((np.asarray(outputs)[:, 0] - y) ** 2),
    "flat arrays": lambda outputs, y: -np.mean((np.ravel(outputs) - np.ravel(y)) ** 2),
    "a difference of means": lambda outputs, y: -abs(np.mean(outputs) - np.mean(y)),
    "sorted outputs": lambda outputs, y: -np.mean((np.sort(np.ravel(outputs)) - np.sort(y)) ** 2),
    "a constant": lambda outputs, y: 1.0,
    "pairs of rows": lambda outputs, y: np.mean((outputs > outputs.T) == (y[:, None] > y)),
}


@pytest.mark.parametrize("score", PAIRS.values(), ids=PAIRS)
def test_a_score_that_depends_on_no_row_or_on_pairs_of_rows_is_measured(score):
    result = sweep_of_sum(score)
    assert np.isfinite(result.table["score"]).all()


def test_a_network_that_says_the_same_of_all_rows_does_not_make_a_sum_a_matrix():
    def squares(outputs, y):
        return -np.sum((np.asarray(outputs) - y) ** 2)

    def constant(output):
        return metrics.measure(metrics.Score("squares", squares), np.full((12, 1), output), SUM[:12, None])

    assert all(np.isfinite(constant(output).value) for output in (0.0, 1.0))


def test_a_score_that_converts_no_array_is_called_once_for_each_network():
    calls = []

    def error(outputs, y):
        calls.append(len(y))
        return -np.mean((outputs[:, 0] - y) ** 2)

    fp.sweep((3, 8, 1), LINE, SUM, {"seed": range(3)}, epochs=1, validation=0.5, score=error)
    assert calls == [30] * 3


def test_a_score_is_not_called_with_outputs_that_overflow():
    calls = []
    own = metrics.Score("own", lambda outputs, y: calls.append(outputs) or 1.0)
    network = fp.MLP((1, 1), output="exp")
    network.weights[0][:] = 1
    X, held_out = np.array([[0.0], [0.1]]), (np.array([[100.0], [0.2]]), np.ones(2))
    result = fp.sweep(network, X, np.ones(2), {"learning_rate": [0.0]}, epochs=1, validation=held_out, score=own)
    assert np.isinf(network.predict(held_out[0])[0])
    assert np.isnan(result.table["score"]).all()
    assert not calls


NO_NUMBERS = {
    "None": (None, "returned None for outputs of shape (12, 1) and y of shape (12,)"),
    "a list": ([1.0, 2.0], "returned [1.0, 2.0] of shape (2,)"),
    "an array of one": (np.ones(1), "of shape (1,)"),
    "a complex number": (1j, "returned 1j"),
    "a string": ("0.5", "returned '0.5'"),
    "a bool": (True, "returned True"),
    "a dict": ({"f1": 0.5}, "returned {'f1': 0.5}"),
}


@pytest.mark.parametrize(("result", "words"), NO_NUMBERS.values(), ids=NO_NUMBERS)
def test_a_score_that_is_no_number_is_refused_with_its_name_and_the_configuration(result, words):
    score = metrics.Score("half", lambda outputs, y: result)
    assert_refused(ValueError, words, sweep_of_sum, score)
    assert_refused(ValueError, "at configuration 0 (learning_rate=0.001): a score is", sweep_of_sum, score, threads=1)


def test_any_kind_of_one_number_is_a_score():
    from decimal import Decimal
    from fractions import Fraction

    for half in (0.5, np.float32(0.5), np.array(0.5), Fraction(1, 2), Decimal("0.5"), np.longdouble(0.5)):
        assert (sweep_of_sum(lambda outputs, y, half=half: half).table["score"] == 0.5).all()
    assert (sweep_of_sum(lambda outputs, y: 3).table["score"] == 3).all()


def fail_on_noise(outputs, y):
    return 1 / int((outputs.argmax(axis=1) == 1).sum() > 10)


@pytest.mark.parametrize("options", [{}, {"backend": "reference"}, {"cv": 2, "validation": None}, {"halving": 3}])
def test_a_score_that_raises_is_told_once_and_its_configuration_ranks_last(options):
    grid = [{"learning_rate": 0.0, "batch_size": 1000}, {"learning_rate": 0.5}, {"learning_rate": 0.0}]
    words = r"score 'fail_on_noise' raised ZeroDivisionError: .* at configuration [02] \(learning_rate=0.0"
    with pytest.warns(RuntimeWarning, match=words) as warned:
        result = sweep(fail_on_noise, grid=grid, **options)
    assert len(warned) == 1
    np.testing.assert_array_equal(result.table["score"], [np.nan, 1, np.nan])
    assert result.best["learning_rate"] == 0.5


def test_a_metric_that_raises_is_told_once_and_is_nan_there():
    calls = []

    def late(outputs, y):
        calls.append(1)
        return 1 / (len(calls) - 2)

    with pytest.warns(
        RuntimeWarning, match=r"metric 'late' raised ZeroDivisionError: .* after epoch 1: it is NaN where it fails"
    ):
        history = fp.train(fp.MLP((3, 1), output="identity"), LINE, SUM, epochs=3, metrics=(late, "mse"))
    np.testing.assert_array_equal(history.metrics["late"], [-1, np.nan, 1])
    assert np.isfinite(history.metrics["mse"]).all()


@pytest.mark.parametrize(
    "function",
    [lambda estimator, X, y: 1.0, lambda outputs: 1.0, fp.MLP((2, 1)).predict],
    ids=["three", "one", "method"],
)
def test_a_function_of_other_parameters_is_refused_before_training(function):
    words = "a score is called with outputs and y, but "
    assert_refused(ValueError, words, sweep_of_sum, function)
    assert_refused(ValueError, words, sweep_of_sum, metrics.Score("own", function))
    assert_refused(ValueError, words, fp.train, fp.MLP((3, 1)), LINE, SUM > 0, epochs=1, metrics=(function,))


def test_metrics_of_one_name_are_refused():
    words = "metrics has 'mse' twice: give each another name, such as fp.metrics.Score('a', …)."
    assert_refused(
        ValueError,
        words,
        fp.train,
        fp.MLP((3, 1), output="identity"),
        LINE,
        SUM,
        epochs=1,
        metrics=("mse", metrics.mse),
    )


@pytest.mark.parametrize(
    ("value", "shown"), [(-np.inf, "-inf"), (10**400, r"10{56}\.\.\.")], ids=["inf", "a large int"]
)
def test_an_infinite_score_is_told_and_ranks_last(value, shown):
    infinite = metrics.Score("log", lambda outputs, y: value if np.std(outputs) < 0.9 else 1.0)
    with pytest.warns(RuntimeWarning, match=f"score 'log' returned {shown}, which is not finite, for outputs of shape"):
        result = sweep_of_sum(infinite, epochs=30)
    assert result.best["score"] == 1
    assert np.isnan(result.table["score"]).any()


INTERRUPTED_SCORE = """
import time, numpy as np, fastprop as fp
X, y = fp.datasets.digits()
calls = []
def slow(outputs, y):
    calls.append(len(y))
    if len(calls) == 2:
        print("go", flush=True)
        time.sleep(600)
    return float(np.mean(outputs.argmax(axis=1) == y))
result = fp.sweep((64, 4, 10), X, y, {"seed": range(4)}, epochs=1, validation=0.2, score=slow, threads=1)
stopped = result.table["stopped"].tolist()
print(len(calls), stopped.count("finished"), stopped.count("not run"), np.isfinite(result.best["score"]))
"""


@pytest.mark.slow
def test_ctrl_c_ends_a_slow_score_and_the_configurations_that_wait_for_one_are_not_run():
    assert output_after_interrupt(INTERRUPTED_SCORE) == "2 1 3 True\n"


def no_number(outputs, y):
    return outputs.std() if is_untrained(outputs) else [1, 2]


def no_score(outputs, y):
    return outputs.std() if is_untrained(outputs) else {}["a"]


def is_untrained(outputs):
    return abs(outputs.std() - 0.2153) < 0.01


@pytest.mark.parametrize("halving", [None, 3])
@pytest.mark.parametrize(
    ("score", "error", "recorded"), [(no_number, ValueError, False), (no_score, RuntimeWarning, True)]
)
def test_a_configuration_whose_score_fails_takes_no_other_from_the_journal(score, error, recorded, halving, tmp_path):
    rates = [0.1, 1e-5, 1e-6, 1e-7]  # all in one pack
    with pytest.raises(error, match="at configuration 0"):  # warnings are errors
        sweep_of_sum(score, rates=rates, journal=tmp_path / "j", halving=halving, threads=1)
    _, *lines = map(json.loads, (tmp_path / "j").read_text().splitlines())
    found = {line["hyperparameters"]["learning_rate"] for line in lines}
    assert found == set(rates if recorded else rates[1:])
