"""A grid that a sweep cannot use is refused before anything is trained, with one sentence that says what to do."""

import numpy as np
import pytest

import fastprop as fp
from fastprop import thread_pool
from fastprop.sweeping import grids
from tests.compare import assert_refused

X = np.random.default_rng(0).random((12, 4))
LABELS = np.arange(12) % 3


def network():
    return fp.MLP((4, 5, 3), output="softmax")


KNOWN = (
    "learning_rate, momentum, weight_decay, l1, beta1, beta2, epsilon, smoothing, batch_size, seed, dropout, loss, "
    "optimizer, schedule, weight_decay_schedule, dropout_schedule, layer_rates, bias_rate, bias_decay, precision, "
    "clip, average, early_stopping, layer_sizes, hidden, initialization"
)
GRIDS = [
    ({}, ValueError, f"grid has no hyperparameters: give values for at least one of {KNOWN}"),
    ([], ValueError, f"grid has no hyperparameters: give values for at least one of {KNOWN}"),
    ([{}], ValueError, f"grid[0] has no hyperparameters: give values for at least one of {KNOWN}"),
    ([{"seed": 1}, {}], ValueError, "grid[1] has no hyperparameters: give values for at least one of"),
    ([0.1, 0.2], TypeError, f"grid[0] must map hyperparameters to values, not be 0.1: known are {KNOWN}"),
    ([{"seed": 1}, "seed"], TypeError, "grid[1] must map hyperparameters to values, not be 'seed': known are"),
    (0.1, TypeError, f"be 0.1: known are {KNOWN}"),
    (None, TypeError, f"be None: known are {KNOWN}"),
    ("learning_rate", TypeError, f"be 'learning_rate': known are {KNOWN}"),
    ({"rate": [0.1]}, ValueError, f"grid has an unknown hyperparameter 'rate': known are {KNOWN}"),
    ([{"seed": 1}, {"rate": 0.1}], ValueError, f"grid[1] has an unknown hyperparameter 'rate': known are {KNOWN}"),
    ([{"seed": 1}, {"seed": -1}], ValueError, "grid[1]: seed must be at least 0, not -1: give a larger number"),
    ([{"seed": 1}, {"hidden": "tanh"}, {"hidden": "relux"}], ValueError, "grid[2]: hidden must be one of"),
    ([{"beta1": 0.5}], ValueError, "grid[0] has 'beta1', which SGD does not have: known to it are"),
    ({"seed": 3}, TypeError, "grid['seed'] must be a list of values, not 3: put a single value into a list"),
    ({"seed": "12"}, TypeError, "grid['seed'] must be a list of values, not '12': put a single value into a list"),
    ({"seed": np.array(3)}, TypeError, "grid['seed'] must be a list of values"),
    ({"seed": []}, ValueError, "grid['seed'] has no values: give at least one"),
    ({"seed": [0, -1]}, ValueError, "seed must be at least 0, not -1: give a larger number"),
    ({"batch_size": [32, 0]}, ValueError, "batch_size must be at least 1, not 0: give a larger number"),
    ({"batch_size": [True]}, TypeError, "batch_size must be a whole number, not True: give an int"),
    (
        {"learning_rate": [0.1, -0.1]},
        ValueError,
        "learning_rate must be at least 0 and finite, not -0.1: give a number",
    ),
    ({"learning_rate": ["fast"]}, TypeError, "learning_rate must be a number, not 'fast': give a float"),
    ({"learning_rate": np.ones((2, 2, 2))}, TypeError, "learning_rate must be a number"),
    ([{"learning_rate": [0.1, 0.2]}], TypeError, "learning_rate must be a number, not [0.1, 0.2]: give a float"),
    ({"momentum": [0.9, 1.0]}, ValueError, "momentum must be at least 0 and below 1, not 1.0: give a number"),
    ({"hidden": ["tanh", "relux"]}, ValueError, "hidden must be one of"),
    (
        {"hidden": [("tanh", "relu")], "layer_sizes": [(4, 5, 5, 3), (4, 5, 3)]},
        ValueError,
        "hidden names 2 activations but there are 1 hidden layers",
    ),
    ({"initialization": [None, "he"]}, ValueError, "initialization must be one of"),
    ({"initialization": [[np.zeros((4, 3))]]}, ValueError, "initialization must be a name or arrays for 2 layers"),
    ({"loss": ["mse", "hinge"]}, ValueError, "loss must be one of"),
    ({"loss": [["mse"]]}, ValueError, "loss must be one of"),
    (
        {"loss": ["poisson"]},
        ValueError,
        "loss 'poisson' is computed from the logits of a exp output, not from 'softmax'",
    ),
    ({"loss": ["mse", "mae"]}, ValueError, "losses of different kinds cannot be ranked"),
    ({"early_stopping": [3]}, TypeError, "early_stopping must be an EarlyStopping, not 3"),
    ({"layer_sizes": [(4, 5, 2)]}, ValueError, "(4, 5, 2) in the grid must begin with 4 inputs and end with 3 outputs"),
    ({"layer_sizes": [(5, 5, 3)]}, ValueError, "like the sweep's network: change the first and last size"),
    ({"layer_sizes": [(4, 0, 3)]}, ValueError, "each of layer_sizes must be at least 1, not 0: give a larger number"),
    (
        {"layer_sizes": [(3,)]},
        ValueError,
        "layer_sizes must name at least inputs and outputs, not (3,): give two sizes",
    ),
    (
        {"layer_rates": [(1, 1, 1)]},
        ValueError,
        "layer_rates must be 2, the number of layers of weights of (4, 5, 3), not 3: give",
    ),
    (
        {"layer_rates": [(1, 2)], "layer_sizes": [(4, 5, 3), (4, 3)]},
        ValueError,
        "the length of layer_rates must be 1, the number of layers of weights of (4, 3), not 2: give one",
    ),
    (
        {"layer_rates": (0.5, 1)},
        TypeError,
        "layer_rates must be a tuple such as (0.5, 1.0), not 0.5: give one for each",
    ),
    ({"bias_rate": [-1]}, ValueError, "bias_rate must be at least 0 and finite, not -1: give a number"),
    ({"layer_sizes": (4, 5, 3)}, TypeError, "layer_sizes must be a tuple such as (64, 32, 10), not 4: give one size"),
]


@pytest.mark.parametrize(("grid", "error", "words"), GRIDS)
def test_a_grid_is_refused_before_anything_is_trained(grid, error, words, monkeypatch):
    monkeypatch.setattr(thread_pool, "run", lambda *_: pytest.fail("training has begun"))
    net = network()
    assert_refused(error, words, fp.sweep, net, X, LABELS, grid, epochs=1)
    np.testing.assert_array_equal(net.parameters, network().parameters)


def test_a_grid_may_not_take_the_momentum_from_nesterov():
    nesterov = fp.SGD(0.1, momentum=0.9, nesterov=True)
    grid = {"momentum": [0.9, 0.0]}
    assert_refused(
        ValueError, "nesterov needs a momentum", fp.sweep, network(), X, LABELS, grid, epochs=1, optimizer=nesterov
    )


@pytest.mark.parametrize("sizes", [5, "4-5-3", None])
def test_a_sweep_is_of_a_network_or_of_layer_sizes(sizes):
    words = "layer_sizes must be a tuple such as (64, 32, 10), not"
    assert_refused(TypeError, words, fp.sweep, sizes, X, LABELS, {"seed": [0]}, epochs=1)


def test_a_grid_names_only_what_its_optimizer_has():
    known = "learning_rate, weight_decay, l1, beta1, beta2, epsilon"
    with pytest.raises(ValueError, match=rf"grid has 'momentum', which Adam does not have: known to it are {known}\."):
        fp.sweep((4, 5, 3), np.ones((6, 4)), np.ones((6, 3)), {"momentum": [0.9]}, epochs=1, optimizer=fp.Adam())


def test_the_row_of_a_long_list_is_named_and_no_row_where_the_argument_is_at_fault(monkeypatch):
    monkeypatch.setattr(grids, "BLOCK", 2)
    rows = [{"learning_rate": rate, "layer_sizes": (4, 3)} for rate in (0.1, 0.2, 0.3, -1, -2)]
    words = "grid[3]: learning_rate must be at least 0 and finite, not -1: give"
    assert_refused(ValueError, words, fp.sweep, network(), X, LABELS, rows, epochs=1)
    float64 = fp.MLP((4, 3), output="softmax", dtype="float64")
    with pytest.raises(ValueError, match=r"^precision='bfloat16' is for a network of float32"):
        fp.sweep(float64, X, LABELS, rows[:2], epochs=1, precision="bfloat16")
