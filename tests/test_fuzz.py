"""Random runs, in which kernels and reference do the same up to rounding, and the kernels the same to the last bit
however many threads they have, however wide vectors are, and alone as in a sweep."""

import contextlib
import itertools
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import event, example, given, reject
from hypothesis import strategies as st

import fastprop as fp
from fastprop.kernels import compiler
from tests.compare import tolerance
from tests.processes import ROOT, unmeasuring
from tests.random_runs import (
    ENDLESS_SCHEDULES,
    EPOCHS,
    IN_STREAMS,
    OF_DESCENTS,
    STOPS,
    Problem,
    fuzz,
    options,
    problems,
)

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning")]

MARGIN = 100
"""How many times larger differences may be than `tolerance`, which is for networks of sigmoids."""

AMPLIFIED = 30
"""How many times larger differences may be than those that changes of some ε to the problem make in the reference."""


# ---- kernels and reference ----


def assert_same(run, problem, roundings):
    """Fail unless ``run(problem, backend, changes)`` gives the same on both backends; see `Problem.made`.

    It returns two dictionaries: of words and whole numbers, which must be equal, and of arrays, which may differ by
    some roundings. Where they differ by more, the reference's results of slightly changed problems say whether
    roundings decide this run: where one of these differs in a word, the case counts for nothing.
    """
    words, arrays = run(problem, "kernels", None)
    expected_words, expected = run(problem, "reference", None)
    limit = MARGIN * tolerance(problem.dtype, roundings)
    errors = {name: error(arrays[name], expected[name]) for name in expected} if words == expected_words else {}
    if errors and max(errors.values()) <= limit:
        return
    limits = dict.fromkeys(errors, limit)
    changes = np.random.default_rng(0)
    for _ in range(4):
        other_words, others = run(problem, "reference", changes)
        if other_words != expected_words:
            event("roundings decide")
            reject()
        for name in limits:
            limits[name] = max(limits[name], AMPLIFIED * error(others[name], expected[name]))
    if problem.dtype == "float32" and "diverged" in words["stopped"]:  # the reference has numbers that are larger
        event("too large for float32")
        reject()
    event("roundings grow")
    assert words == expected_words
    for name in expected:
        assert errors[name] <= limits[name], (
            f"{name} is off by {errors[name]:.3g}, tolerance {limits[name]:.3g}:\n{arrays[name]}\n{expected[name]}"
        )


def error(array, expected):
    """Return the largest error, as `assert_close` has it; infinite where only one is finite."""
    array, expected = np.asarray(array, np.float64), np.asarray(expected, np.float64)
    if array.shape != expected.shape or (np.isfinite(array) != np.isfinite(expected)).any():
        return np.inf
    array, expected = array[np.isfinite(expected)], expected[np.isfinite(expected)]
    return (np.abs(array - expected) / np.maximum(1, np.abs(expected))).max(initial=0)


def measured(history):
    """Return what a history holds: words and whole numbers, and arrays."""
    words = {name: getattr(history, name) for name in ("stopped", "epochs", "best_epoch")}
    names = "loss", "validation_loss", "learning_rate", "gradient_norm"
    arrays = {name: getattr(history, name) for name in names} | history.metrics
    if history.stopped == "diverged":  # what became infinite or NaN first is left open
        arrays = {"learning_rate": history.learning_rate[:-1]}
    return words, arrays


def trained(problem, how, changes, backend="kernels", **more):
    """Train as a case says; return the history, the network and its inputs."""
    network, X, y, weight = problem.made(changes)
    how = problem.fitted(how) | more
    if isinstance(how.get("validation"), tuple):
        _, *held_out = problem._replace(rows=how["validation"][0], seed=100).made()
        how["validation"] = tuple(held_out[: 2 if held_out[2] is None else 3])
    history = fp.train(network, X, y, loss=problem.loss, sample_weight=weight, backend=backend, **how)
    return history, network, X


def with_metrics(problem, how):
    """Return the options with a metric that fits the targets in place of the flag."""
    if not how.get("metrics"):
        return {name: value for name, value in how.items() if name != "metrics"}
    of_targets = {"labels": ("log_loss",), "one column": ("pinball",)}
    return how | {"metrics": of_targets.get(problem.targets, ("mse", "mae"))}


def steps_of(problem, how):
    """Return how many roundings lie between a network and the trained one, see `compare.roundings`."""
    batch_size = min(how.get("batch_size", 32), problem.rows)
    return how.get("epochs", 3) * -(-problem.rows // batch_size) * (max(problem.layers) + batch_size)


OF_TRAIN = OF_DESCENTS | {
    "validation": st.sampled_from([None, 0.2, 0.5, (9,), (30,)]),
    "gradient_norm": st.booleans(),
    "standardize": st.booleans(),
    "metrics": st.booleans(),
}


PLATEAU = fp.ReduceOnPlateau(0.5, patience=0, threshold=0.9)


@example(Problem((5, 8, 2), ("tanh",), inputs="float32"), {"epochs": 8, "schedule": fp.Warmup(4, PLATEAU)})
@example(Problem((5, 8, 2), ("tanh",)), {"epochs": 4, "schedule": fp.Warmup(9, PLATEAU, by="step"), "batch_size": 7})
@example(Problem((3, 8, 2), ("silu",), weights="tiny", dtype="float32"), {"epochs": 3, "validation": 0.5})
@example(Problem((3, 8, 2), ("silu",), weights="unlike", rows=64, dtype="float32"), {"epochs": 3, "batch_size": 1})
@example(Problem((3, 8, 2), ("elu",), "exp", "poisson", "counts", weights="some zero"), {"epochs": 3, "batch_size": 1})
@fuzz(250)
@given(problems(), options(OF_TRAIN, epochs=EPOCHS))
def test_kernels_train_as_the_reference(problem, how):
    def run(problem, backend, changes):
        history, network, X = trained(problem, how, changes, backend)
        words, arrays = measured(history)
        if history.stopped != "diverged":
            arrays |= {"parameters": network.flat_parameters, "predictions": network.predict(X), "score": history.score}
        return words, arrays

    how = with_metrics(problem, how)
    assert_same(run, problem, steps_of(problem, how))


OF_LBFGS = {
    "early_stopping": STOPS,
    "validation": st.sampled_from([None, 0.2, (9,)]),
    "gradient_norm": st.booleans(),
    "standardize": st.booleans(),
    "metrics": st.booleans(),
    "optimizer": st.builds(fp.LBFGS, weight_decay=st.sampled_from([0.0, 0.01])),
}


@fuzz(30)
@given(problems(dtypes=["float64"]), options(OF_LBFGS, epochs=EPOCHS, optimizer=OF_LBFGS["optimizer"]))
def test_l_bfgs_trains_on_the_kernels_as_on_the_reference(problem, how):
    def run(problem, backend, changes):
        history, network, X = trained(problem, how, changes, backend)
        words, arrays = measured(history)
        return words, arrays | {"parameters": network.flat_parameters, "predictions": network.predict(X)}

    how = with_metrics(problem, how)
    assert_same(run, problem, 20 * steps_of(problem, how))


@example(Problem((3, 8, 2), ("gelu",)), {"clip": fp.ClipNorm(0.1)}, [7, 7])
@example(Problem((3, 8, 2), ("gelu",), weights="unlike"), {"schedule": fp.Warmup(3, PLATEAU)}, [3, 1, 7, 2, 2])
@fuzz(60)
@given(
    problems(),
    options(IN_STREAMS | {"schedule": ENDLESS_SCHEDULES}),
    st.lists(st.sampled_from([20, 1, 7, 33, 60]), min_size=1, max_size=5),
)
def test_kernels_train_on_a_stream_as_the_reference(problem, how, chunks):
    ends = np.minimum(np.cumsum([0, *chunks]), problem.rows)

    _, _, _, weight = problem.made()
    if weight is not None and not weight[: ends[-1]].any():
        reject()

    def run(problem, backend, changes):
        network, X, y, weight = problem.made(changes)
        chunks = [
            (X[rows], y[rows], None if weight is None else weight[rows])
            for rows in (slice(first, end) for first, end in zip(ends, ends[1:]) if first < end)
        ]
        history = fp.train_stream(network, chunks, loss=problem.loss, backend=backend, **problem.fitted(how))
        words, arrays = measured(history)
        if history.stopped != "diverged":
            arrays |= {"parameters": network.flat_parameters, "predictions": network.predict(X)}
        return words, arrays

    assert_same(run, problem, steps_of(problem, how | {"epochs": len(chunks)}))


# ---- sweeps ----

GRIDS = {
    "learning_rate": [0.0, 1e-9, 0.01, 0.05, 0.1],
    "seed": [0, 1, 7],
    "dropout": [0.0, 0.3],
    "weight_decay": [0.0, 0.1],
    "batch_size": [8, 20],
    "bias_rate": [1.0, 0.1],
    "bias_decay": [1.0, 0.0],
    "hidden": ["tanh", "gelu"],
    "early_stopping": [
        None,
        fp.EarlyStopping(1, 0.001),
        fp.EarlyStopping(2, 0.01, restore_best=False),
        fp.EarlyStopping(None),
    ],
}
"""By name, values of hyperparameters of which a sweep takes some."""

OF_SWEEP = OF_DESCENTS | {
    "standardize": st.booleans(),
    "halving": st.sampled_from([None, 2, 3, fp.Halving(2, min_epochs=2), fp.MedianStopping(2)]),
}


@st.composite
def grids(draw):
    """Draw a grid of up to three hyperparameters: a list of mappings."""
    names = sorted(draw(st.sets(st.sampled_from(sorted(GRIDS)), min_size=1, max_size=3)))
    values = [draw(st.lists(st.sampled_from(GRIDS[name]), min_size=1, max_size=5, unique=True)) for name in names]
    return [dict(zip(names, chosen)) for chosen in itertools.product(*values)]


def swept(problem, grid, how, changes=None, **more):
    """Sweep as a case says; return the result."""
    network, X, y, weight = problem.made(changes)
    how = {name: value for name, value in problem.fitted(how).items() if name not in grid[0]}
    return fp.sweep(network, X, y, grid, **{"loss": problem.loss, "sample_weight": weight} | how | more)


def ranked(result):
    """Return how configurations stopped, from the best; those that are equal up to rounding are in one sorted list."""
    top = result.top(99)
    costs = top[result.ranks] if len(top) else np.zeros(0)
    limit = 1e-9 * np.maximum(1, np.abs(costs[1:]))
    with np.errstate(invalid="ignore"):  # of costs that are infinite
        are_equal = (costs[1:] == costs[:-1]) | (np.abs(np.diff(costs)) <= limit)
    starts = np.flatnonzero(~are_equal) + 1
    return [sorted(some.tolist()) for some in np.split(top["stopped"], starts)]


SPLITS = st.sampled_from([{}, {"validation": 0.3}, {"validation": 0.3}, {"cv": 2}, {"cv": 3}])


AT_A_RUNG = {"early_stopping": fp.EarlyStopping(1, 0.001), "halving": 2, "epochs": 8}


RATES = [{"learning_rate": rate} for rate in (0.0, 1e-9, 0.1, 0.2)]

UNTRAINED = [
    {"early_stopping": stop, "hidden": "tanh", "learning_rate": 0.0} for stop in (fp.EarlyStopping(1, 0.001), None)
]

TOO_FAST = Problem((1, 1), (), "exp", "mse", "counts", seed=2)

LOGISTIC = Problem((1, 1), (), "sigmoid", "binary_cross_entropy", "yes or no", rows=50, seed=3)


@example(Problem((5, 8, 2), ("tanh",)), RATES, AT_A_RUNG, {"validation": 0.3})
@example(Problem((5, 8, 2), ("tanh",)), RATES, AT_A_RUNG, {"cv": 3})
@example(LOGISTIC, UNTRAINED, {"epochs": 3}, {})
@example(TOO_FAST, [{"batch_size": 8, "bias_rate": factor} for factor in (1.0, 0.1)], {"epochs": 3}, {})
@fuzz(30)
@given(problems(["float64"], rows=(20, 33, 50, 9)), grids(), options(OF_SWEEP, epochs=EPOCHS), SPLITS)
def test_kernels_sweep_as_the_reference(problem, grid, how, split):
    how = how | split

    def run(problem, backend, changes):
        result = swept(problem, grid, how, changes, backend=backend)
        went_well = result.table["stopped"] != "diverged"
        words = {name: result.table[name].tolist() for name in ("stopped", "epochs")}
        words["reached"] = np.isfinite(result.rung_costs).tolist()
        words["ranked"] = ranked(result)
        arrays = {name: result.table[name][went_well] for name in ("score", "score_std", "loss", "validation_loss")}
        arrays["ranked"] = result.top(99)[result.ranks]  # whatever the order of those that are equal up to rounding
        return words, arrays | {"history": result.history[went_well], "rung_costs": result.rung_costs[went_well]}

    assert_same(run, problem, steps_of(problem, how))


# ---- threads, and alone as in a sweep ----


def assert_same_bits(found, expected):
    """Fail unless two pairs of words and arrays are equal."""
    (words, arrays), (expected_words, expected_arrays) = found, expected
    assert words == expected_words
    for name, array in expected_arrays.items():
        np.testing.assert_array_equal(arrays[name], array, err_msg=name)


@pytest.mark.usefixtures("threads_always_share")
@fuzz(80)
@given(problems(), options(OF_TRAIN, epochs=EPOCHS), st.sampled_from([2, 3, 5]))
def test_any_number_of_threads_gives_the_same_bits(problem, how, threads):
    how = with_metrics(problem, how)
    (one, network, X), (other, twin, _) = (trained(problem, how, None, threads=count) for count in (1, threads))
    assert_same_bits(measured(other), measured(one))
    np.testing.assert_array_equal(twin.parameters, network.parameters)
    np.testing.assert_array_equal(twin.predict(X), network.predict(X))


@fuzz(50)
@given(problems(rows=(20, 33, 50, 9)), grids(), options(OF_DESCENTS, epochs=EPOCHS), st.sampled_from([None, 0.3]))
def test_a_configuration_of_a_sweep_has_the_bits_that_it_has_alone(problem, grid, how, validation):
    result = swept(problem, grid, how, validation=validation, keep=99)
    for index, values in enumerate(grid):
        alone = swept(problem, [values], how, validation=validation)
        for name in ("score", "loss", "validation_loss", "epochs", "stopped"):
            np.testing.assert_array_equal(
                result.table[name][index], alone.table[name][0], err_msg=f"{name} of {values}"
            )
        done = alone.table["epochs"][0]
        np.testing.assert_array_equal(result.history[index][:done], alone.history[0][:done], err_msg=str(values))
        if index in result.networks:
            np.testing.assert_array_equal(result.networks[index].parameters, alone.best_network.parameters)


# ---- the width of vectors ----

WIDTHS = sorted({1, 4, 8} - {compiler.LANES})
"""Widths of vectors, as numbers of float32, other than that of this process, that each machine here can have."""

ANSWER = """
import pickle, sys, warnings
warnings.simplefilter("ignore")
from tests.test_fuzz import trained_and_swept
while True:
    try:
        case = pickle.load(sys.stdin.buffer)
    except EOFError:
        break
    pickle.dump(trained_and_swept(*case), sys.stdout.buffer)
    sys.stdout.flush()
"""
"""A process that does what cases say, one after another; it has a width of vectors of its own."""


def trained_and_swept(problem, how, validation, seeds):
    """Return what comes of a training, and of a sweep over seeds, whose packs are as wide as vectors."""
    history, network, X = trained(problem, how, None, validation=validation)
    words, arrays = measured(history)
    result = swept(problem, [{"seed": seed} for seed in seeds], how, validation=validation)
    words["of the sweep"] = result.table["stopped"].tolist()
    arrays |= {"parameters": network.parameters, "predictions": network.predict(X), "of the sweep": result.history}
    return words, arrays


@pytest.fixture(scope="module")
def elsewhere():
    """A function that does `trained_and_swept` for a case with vectors of another width."""
    command, pipes = [sys.executable, "-c", ANSWER], {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with contextlib.ExitStack() as stack:
        processes = {
            width: stack.enter_context(
                subprocess.Popen(command, cwd=ROOT, env=unmeasuring() | {"FASTPROP_LANES": str(width)}, **pipes)
            )
            for width in WIDTHS
        }

        def answer(width, case):
            pickle.dump(case, processes[width].stdin)
            processes[width].stdin.flush()
            return pickle.load(processes[width].stdout)

        yield answer


@fuzz(60)
@given(
    problems(),
    options(OF_DESCENTS, epochs=EPOCHS),
    st.sampled_from([None, 0.3]),
    st.sampled_from([range(1), range(5), range(9)]),
    st.sampled_from(WIDTHS),
)
def test_any_width_of_vectors_gives_the_same_bits(elsewhere, problem, how, validation, seeds, width):
    case = problem, how, validation, seeds
    assert_same_bits(elsewhere(width, case), trained_and_swept(*case))
