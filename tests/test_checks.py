"""Bad arguments are refused, before anything is changed, with one sentence that says what to do."""

import numpy as np
import pytest

import fastprop as fp
from fastprop import checks, thread_pool
from tests.compare import assert_refused

RANDOM = np.random.default_rng(0)
ROWS, INPUTS, OUTPUTS = 12, 4, 3
X = RANDOM.random((ROWS, INPUTS))
LABELS = np.arange(ROWS) % OUTPUTS
TARGETS = RANDOM.random((ROWS, OUTPUTS))
ONES = np.ones(ROWS)


def network(output="softmax", **options):
    return fp.MLP((INPUTS, 5, OUTPUTS), output=output, **options)


def changed(array, index, value):
    array = np.array(array, np.float64)
    array[index] = value
    return array


def train(net, X=X, y=LABELS, **options):
    fp.train(net, X, y, **{"epochs": 1, **options})


def sweep(net, X=X, y=LABELS, **options):
    fp.sweep(net, X, y, {"learning_rate": [0.1]}, **{"epochs": 1, **options})


IN_DATA = [
    ({"X": changed(X, (2, 1), np.nan)}, ValueError, "X holds nan at row 2, column 1: remove or replace values"),
    (
        {"X": changed(X, ([5, 3, 3], [0, 3, 2]), np.inf)},
        ValueError,
        "X holds inf at row 3, column 2: remove or replace",
    ),
    ({"X": changed(X, (0, 0), -np.inf)}, ValueError, "X holds -inf at row 0, column 0: remove or replace"),
    (
        {"X": changed(X, (4, 0), 1e300)},
        ValueError,
        "X holds 1e+300 at row 4, column 0, which is too large",
    ),
    ({"X": np.vstack([X] * 500 + [X + np.nan]), "y": np.tile(LABELS, 501)}, ValueError, "nan at row 6000, column 0"),
    ({"X": X[:, 1:]}, ValueError, "X has 3 features but the network has 4 inputs: give 4 columns or make the network"),
    ({"X": X[0]}, ValueError, "X must have two dimensions, rows and features, not shape (4,): reshape it"),
    ({"X": X[None]}, ValueError, "X must have two dimensions, rows and features, not shape (1, 12, 4): reshape it"),
    ({"X": X[:0], "y": LABELS[:0]}, ValueError, "X has no rows: give at least one"),
    ({"X": X.astype(str)}, TypeError, "X must hold numbers, not <U32: convert it"),
    ({"X": [["a"] * INPUTS] * ROWS}, TypeError, "X must hold numbers, not <U1: convert it"),
    ({"X": None}, TypeError, "X must hold numbers, not object: convert it"),
    ({"X": [[1.0, 2.0], [3.0]]}, ValueError, "X"),
    ({"X": X[:5]}, ValueError, "X has 5 rows but y has 12: give one target for each row"),
    ({"y": LABELS[:5]}, ValueError, "X has 12 rows but y has 5: give one target for each row"),
    ({"y": 3}, ValueError, "X has 12 rows but y has no: give one target for each row"),
    ({"y": None}, TypeError, "y must hold numbers, not object: convert it"),
    ({"y": ["one"] * ROWS}, TypeError, "y must hold numbers, not <U3: convert it"),
    (
        {"y": LABELS + 1},
        ValueError,
        "y holds label 3 at row 2, but 3 outputs have labels from 0 to 2: renumber the labels",
    ),
    ({"y": LABELS - 1}, ValueError, "y holds label -1 at row 0, but 3 outputs have labels from 0 to 2: renumber"),
    ({"y": LABELS + 0.5}, ValueError, "y holds 0.5 at row 0, column 0, but 3 outputs need whole-number labels: give"),
    ({"y": changed(LABELS, 7, np.nan)}, ValueError, "y holds nan at row 7, column 0, but 3 outputs need whole-number"),
    (
        {"y": TARGETS[:, :2]},
        ValueError,
        "y has shape (12, 2) but the network has 3 outputs: give (12, 3) targets or 12",
    ),
    ({"y": TARGETS[:, :, None]}, ValueError, "y has shape (12, 3, 1) but the network has 3 outputs: give (12, 3)"),
    ({"y": TARGETS}, ValueError, "at row 0, but loss 'cross_entropy' needs probabilities that sum to 1: rescale it"),
    ({"sample_weight": ONES[:5]}, ValueError, "sample_weight has shape (5,) but X has 12 rows: give one weight"),
    ({"sample_weight": 1.0}, ValueError, "sample_weight has shape () but X has 12 rows: give one weight"),
    ({"sample_weight": changed(ONES, 6, np.nan)}, ValueError, "sample_weight holds nan at row 6, column 0: remove"),
    ({"sample_weight": 0 * ONES}, ValueError, "sample_weight gives every row the weight 0, which leaves out all rows"),
    (
        {"sample_weight": changed(ONES, 6, -1)},
        ValueError,
        "sample_weight holds -1.0 at row 6: give weights of at least 0",
    ),
    ({"sample_weight": ["a"] * ROWS}, TypeError, "sample_weight must hold numbers, not <U1: convert it"),
]

LOSSES = "mse, mae, huber, poisson, binary_cross_entropy, cross_entropy"
IN_OPTIONS = [
    ({"epochs": 0}, ValueError, "epochs must be at least 1, not 0: give a larger number"),
    ({"epochs": -3}, ValueError, "epochs must be at least 1, not -3: give a larger number"),
    ({"epochs": 2.5}, TypeError, "epochs must be a whole number, not 2.5: give an int"),
    ({"epochs": True}, TypeError, "epochs must be a whole number, not True: give an int"),
    ({"epochs": np.ones((2, 2))}, TypeError, "epochs must be a whole number"),
    ({"batch_size": 0}, ValueError, "batch_size must be at least 1, not 0: give a larger number"),
    ({"batch_size": -32}, ValueError, "batch_size must be at least 1, not -32: give a larger number"),
    ({"batch_size": "32"}, TypeError, "batch_size must be a whole number, not '32': give an int"),
    ({"seed": -1}, ValueError, "seed must be at least 0, not -1: give a larger number"),
    ({"seed": 2**63}, ValueError, "seed must be below 2**63, not 9223372036854775808: give a smaller number"),
    ({"seed": None}, TypeError, "seed must be a whole number, not None: give an int"),
    ({"threads": 0}, ValueError, "threads must be at least 1, not 0: give a larger number"),
    ({"threads": True}, TypeError, "threads must be a whole number, not True: give an int"),
    (
        {"loss": "hinge"},
        ValueError,
        f"loss must be one of {LOSSES}, not 'hinge': choose",
    ),
    ({"loss": 3}, ValueError, f"loss must be one of {LOSSES}, not 3: choose"),
    ({"backend": "torch"}, ValueError, "backend must be one of kernels, reference, not 'torch': choose one"),
    (
        {"optimizer": 0.1},
        TypeError,
        "optimizer must be an SGD or an Adam or an AdamW or an RMSprop or an Adagrad or a Lion or an LBFGS, not 0.1",
    ),
    ({"dropout": 1}, ValueError, "dropout must be at least 0 and below 1, not 1: give a number in that range"),
    ({"dropout": -0.1}, ValueError, "dropout must be at least 0 and below 1, not -0.1: give a number in that range"),
    ({"dropout": None}, TypeError, "dropout must be a number, not None: give a float"),
    ({"average": 0.99}, TypeError, "average must be an EMA, not 0.99: give one, such as fp.EMA(0.999)"),
    (
        {"validation": 0},
        ValueError,
        "validation=0 of 12 rows holds out 0: choose a fraction that leaves at least one row",
    ),
    ({"validation": 0.01}, ValueError, "validation=0.01 of 12 rows holds out 0: choose a fraction"),
    ({"validation": 0.99}, ValueError, "validation=0.99 of 12 rows holds out 12: choose a fraction"),
    ({"validation": 1}, ValueError, "validation must be at least 0 and below 1, not 1: give a number in that range"),
    (
        {"validation": -0.1},
        ValueError,
        "validation must be at least 0 and below 1, not -0.1: give a number in that range",
    ),
    ({"validation": np.nan}, ValueError, "validation must be at least 0 and below 1, not nan: give a number"),
    (
        {"validation": True},
        TypeError,
        "validation must be a fraction, (X, y) or (X, y, weights), not bool",
    ),
    (
        {"validation": "0.2"},
        TypeError,
        "validation must be a fraction, (X, y) or (X, y, weights), not str",
    ),
    (
        {"validation": (X,)},
        TypeError,
        "validation must be a fraction, (X, y) or (X, y, weights), not tuple",
    ),
    ({"validation": (X[:, 1:], LABELS)}, ValueError, "validation X has 3 features but the network has 4 inputs: give"),
    ({"validation": (X[1:], LABELS)}, ValueError, "validation X has 11 rows but validation y has 12: give one target"),
    ({"validation": (X, LABELS + 1)}, ValueError, "validation y holds label 3 at row 2"),
    ({"validation": (X[:0], LABELS[:0])}, ValueError, "validation X has no rows: give at least one"),
]

IN_LOSSES = [
    ("softmax", LABELS, "binary_cross_entropy", "sigmoid output, not from 'softmax': make the network with"),
    ("sigmoid", LABELS, "cross_entropy", "softmax output, not from 'sigmoid': make the network with output='softmax'"),
    ("identity", LABELS, "cross_entropy", "softmax output, not from 'identity': make the network with"),
    ("sigmoid", TARGETS + 1, None, "but loss 'binary_cross_entropy' needs numbers from 0 to 1: rescale it"),
    ("sigmoid", -TARGETS, "binary_cross_entropy", "but loss 'binary_cross_entropy' needs numbers from 0 to 1: rescale"),
    ("softmax", TARGETS / TARGETS.sum() + 1, "cross_entropy", "needs probabilities that sum to 1: rescale it"),
    ("tanh", LABELS, "cross_entropy", "softmax output, not from 'tanh': make the network with output='softmax'"),
    ("tanh", TARGETS, "binary_cross_entropy", "sigmoid output, not from 'tanh': make the network with"),
    ("identity", TARGETS, "poisson", "exp output, not from 'identity': make the network with output='exp'"),
    ("identity", LABELS, fp.CrossEntropy(0.1), "loss 'cross_entropy' is computed from the logits of a softmax output"),
    ("exp", -TARGETS, None, "but loss 'poisson' needs counts or rates of at least 0: rescale it"),
    ("softmax", TARGETS, fp.CrossEntropy(0.1), "but loss 'cross_entropy' needs probabilities that sum to 1"),
    ("identity", changed(TARGETS, (9, 2), np.nan), "mse", "y holds nan at row 9, column 2: remove or replace"),
    (
        "identity",
        changed(TARGETS, (9, 2), -1e39),
        "mse",
        "y holds -1e+39 at row 9, column 2, which is too large",
    ),
]


@pytest.mark.parametrize("run", [train, sweep])
@pytest.mark.parametrize(("options", "error", "words"), IN_DATA + IN_OPTIONS)
def test_train_and_sweep_refuse_what_they_cannot_use_and_leave_the_network_alone(run, options, error, words):
    net = network()
    assert_refused(error, words, run, net, **options)
    np.testing.assert_array_equal(net.parameters, network().parameters)


@pytest.mark.parametrize("run", [train, sweep])
@pytest.mark.parametrize(("output", "y", "loss", "words"), IN_LOSSES)
def test_a_loss_is_refused_where_the_output_or_the_targets_do_not_fit_it(run, output, y, loss, words):
    net = network(output)
    assert_refused(ValueError, words, run, net, y=y, loss=loss)
    np.testing.assert_array_equal(net.parameters, network(output).parameters)


@pytest.mark.parametrize(
    ("output", "loss"),
    [
        ("identity", "mse"),
        ("sigmoid", "binary_cross_entropy"),
        ("softmax", "cross_entropy"),
        ("tanh", "mse"),
        ("exp", "poisson"),
        ("relu", "mse"),
    ],
)
def test_every_output_has_a_loss_that_goes_with_it(output, loss):
    assert checks.loss(None, output, 2) == loss


@pytest.mark.parametrize(
    ("loss", "output"),
    [
        ("mse", "identity"),
        ("mae", "identity"),
        (fp.Huber(2.0), "identity"),
        ("poisson", "exp"),
        ("binary_cross_entropy", "sigmoid"),
        ("cross_entropy", "softmax"),
    ],
)
def test_every_loss_has_an_output_that_goes_with_it(loss, output):
    assert checks.output_for(loss, TARGETS, OUTPUTS) == output


def test_a_row_of_many_targets_is_named_in_one_line():
    wide = fp.MLP((INPUTS, 40), output="softmax")
    assert_refused(ValueError, "needs probabilities that sum to 1", train, wide, y=np.ones((ROWS, 40)))


@pytest.mark.parametrize("callback", [5, "print", [print]])
def test_a_callback_that_cannot_be_called_is_refused_before_training(callback):
    net = network()
    assert_refused(TypeError, "callback must be", train, net, callback=callback)
    np.testing.assert_array_equal(net.parameters, network().parameters)


@pytest.mark.parametrize(
    ("net", "words"), [((4, 5, 3), "network must be an MLP, not (4, 5, 3): give one"), (None, "None")]
)
def test_only_a_network_can_be_trained(net, words):
    assert_refused(TypeError, words, train, net)


@pytest.mark.parametrize("seed", [0, 2**63 - 1])
def test_the_first_and_the_last_seed_are_seeds(seed):
    train(network(seed=seed), seed=seed)


KNOWN = (
    "learning_rate, momentum, weight_decay, l1, beta1, beta2, epsilon, smoothing, batch_size, seed, dropout, loss, "
    "optimizer, schedule, clip, average, early_stopping, layer_sizes, hidden, initialization"
)
GRIDS = [
    ({}, ValueError, f"grid has no hyperparameters: give values for at least one of {KNOWN}"),
    ([], ValueError, f"grid has no hyperparameters: give values for at least one of {KNOWN}"),
    ([{}], ValueError, f"grid has no hyperparameters: give values for at least one of {KNOWN}"),
    ([0.1, 0.2], ValueError, KNOWN),
    (0.1, TypeError, f"be 0.1: known are {KNOWN}"),
    (None, TypeError, f"be None: known are {KNOWN}"),
    ("learning_rate", TypeError, f"be 'learning_rate': known are {KNOWN}"),
    ({"rate": [0.1]}, ValueError, f"grid has an unknown hyperparameter 'rate': known are {KNOWN}"),
    ([{"seed": 1}, {"rate": 0.1}], ValueError, f"grid has an unknown hyperparameter 'rate': known are {KNOWN}"),
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
    assert_refused(TypeError, "layer_sizes must be a tuple such as (64, 32, 10), not", sweep, sizes)


HIDDEN = "sigmoid, tanh, relu, leaky_relu, elu, softplus, silu, gelu, identity"
NETWORKS = [
    ({"layer_sizes": (4,)}, ValueError, "layer_sizes must name at least inputs and outputs, not (4,): give two sizes"),
    ({"layer_sizes": (4, 0, 3)}, ValueError, "each of layer_sizes must be at least 1, not 0: give a larger number"),
    ({"layer_sizes": (4, -5, 3)}, ValueError, "each of layer_sizes must be at least 1, not -5: give a larger number"),
    ({"layer_sizes": (4, 5.5, 3)}, TypeError, "each of layer_sizes must be a whole number, not 5.5: give an int"),
    ({"layer_sizes": (4, True, 3)}, TypeError, "each of layer_sizes must be a whole number, not True: give an int"),
    ({"layer_sizes": 4}, TypeError, "layer_sizes must be a tuple such as (64, 32, 10), not 4: give one size"),
    ({"layer_sizes": "64"}, TypeError, "layer_sizes must be a tuple such as (64, 32, 10), not '64': give one size"),
    ({"hidden": "relux"}, ValueError, f"hidden must be one of {HIDDEN}, not 'relux': choose one of these"),
    ({"hidden": ("tanh", "exp")}, ValueError, f"each of hidden must be one of {HIDDEN}, not 'exp': choose"),
    ({"hidden": ("tanh", "relu")}, ValueError, "hidden names 2 activations but there are 1 hidden layers: give one"),
    ({"hidden": None}, ValueError, f"hidden must be one of {HIDDEN}, not None: choose one of these"),
    ({"hidden": "softmax"}, ValueError, f"hidden must be one of {HIDDEN}, not 'softmax': choose one of these"),
    (
        {"output": "tanhx"},
        ValueError,
        f"output must be one of {HIDDEN}, exp, softmax, not 'tanhx': choose one",
    ),
    ({"output": None}, ValueError, f"output must be one of {HIDDEN}, exp, softmax, not None: choose one"),
    ({"dtype": "float16"}, ValueError, "dtype must be one of float32, float64, not 'float16': choose one"),
    ({"dtype": np.int64}, ValueError, "dtype must be one of float32, float64, not 'int64': choose one"),
    ({"dtype": 5}, ValueError, "dtype must be one of float32, float64, not 5: choose one"),
    ({"dtype": None}, ValueError, "dtype must be one of float32, float64, not None: choose one"),
    ({"seed": -1}, ValueError, "seed must be at least 0, not -1: give a larger number"),
    ({"seed": 2**63}, ValueError, "seed must be below 2**63, not 9223372036854775808: give a smaller number"),
    ({"seed": 0.5}, TypeError, "seed must be a whole number, not 0.5: give an int"),
]


@pytest.mark.parametrize(("options", "error", "words"), NETWORKS)
def test_a_network_is_refused_where_it_cannot_be_made(options, error, words):
    assert_refused(error, words, fp.MLP, **{"layer_sizes": (4, 5, 3), **options})


OPTIMIZERS = [
    ({"learning_rate": -0.1}, ValueError, "learning_rate must be at least 0 and finite, not -0.1: give a number"),
    ({"learning_rate": np.inf}, ValueError, "learning_rate must be at least 0 and finite, not inf: give a number"),
    ({"learning_rate": np.nan}, ValueError, "learning_rate must be at least 0 and finite, not nan: give a number"),
    ({"learning_rate": "0.1"}, TypeError, "learning_rate must be a number, not '0.1': give a float"),
    ({"learning_rate": True}, TypeError, "learning_rate must be a number, not True: give a float"),
    ({"learning_rate": np.ones((2, 2))}, TypeError, "learning_rate must be a number"),
    ({"weight_decay": -0.1}, ValueError, "weight_decay must be at least 0 and finite, not -0.1: give a number"),
    ({"weight_decay": np.inf}, ValueError, "weight_decay must be at least 0 and finite, not inf: give a number"),
    ({"l1": -0.1}, ValueError, "l1 must be at least 0 and finite, not -0.1: give a number in that range"),
    ({"l1": True}, TypeError, "l1 must be a number, not True: give a float"),
    ({"weight_decay": "L2"}, TypeError, "weight_decay must be a number, not 'L2': give a float"),
]

SGD_ONLY = [
    ({"momentum": 1.0}, ValueError, "momentum must be at least 0 and below 1, not 1.0: give a number in that range"),
    ({"momentum": -0.5}, ValueError, "momentum must be at least 0 and below 1, not -0.5: give a number in that range"),
    ({"momentum": None}, TypeError, "momentum must be a number, not None: give a float"),
    ({"nesterov": True}, ValueError, "nesterov needs a momentum above 0, not 0: give one, such as momentum=0.9"),
    ({"momentum": 0.9, "nesterov": "no"}, TypeError, "nesterov must be"),
]

ADAM_ONLY = [
    ({"beta1": 1.0}, ValueError, "beta1 must be at least 0 and below 1, not 1.0: give a number in that range"),
    ({"beta1": -0.5}, ValueError, "beta1 must be at least 0 and below 1, not -0.5: give a number in that range"),
    ({"beta2": 1}, ValueError, "beta2 must be at least 0 and below 1, not 1: give a number in that range"),
    ({"beta2": np.nan}, ValueError, "beta2 must be at least 0 and below 1, not nan: give a number in that range"),
    ({"beta2": (0.9, 0.999)}, TypeError, "beta2 must be a number, not (0.9, 0.999): give a float"),
    ({"epsilon": 0.0}, ValueError, "epsilon must be at least 1e-30 and finite, not 0.0: give a number in that range"),
    ({"epsilon": -1e-8}, ValueError, "epsilon must be at least 1e-30 and finite, not -1e-08: give a number"),
    ({"epsilon": np.inf}, ValueError, "epsilon must be at least 1e-30 and finite, not inf: give a number"),
    ({"epsilon": None}, TypeError, "epsilon must be a number, not None: give a float"),
]

RMSPROP_ONLY = [
    ({"smoothing": 1.0}, ValueError, "smoothing must be at least 0 and below 1, not 1.0: give a number in that range"),
    ({"momentum": 1.0}, ValueError, "momentum must be at least 0 and below 1, not 1.0: give a number in that range"),
    ({"epsilon": 0.0}, ValueError, "epsilon must be at least 1e-30 and finite, not 0.0: give a number in that range"),
]

OWN = {
    fp.SGD: SGD_ONLY,
    fp.Adam: ADAM_ONLY,
    fp.AdamW: ADAM_ONLY,
    fp.RMSprop: RMSPROP_ONLY,
    fp.Adagrad: RMSPROP_ONLY[-1:],
    fp.Lion: ADAM_ONLY[:4],
}


@pytest.mark.parametrize(
    ("kind", "options", "error", "words"),
    [(kind, *refused) for kind, own in OWN.items() for refused in OPTIMIZERS + own],
)
def test_an_optimizer_is_refused_where_a_value_is_out_of_its_range(kind, options, error, words):
    assert_refused(error, words, kind, **options)


UNPREDICTABLE = [
    (changed(X, (2, 1), np.nan), ValueError, "X holds nan at row 2, column 1: remove or replace"),
    (changed(X, (2, 1), 1e39), ValueError, "X holds 1e+39 at row 2, column 1, which is too large"),
    (X[:, 1:], ValueError, "X has 3 features but the network has 4 inputs: give 4 columns or make the network with 3"),
    (X[0], ValueError, "X must have two dimensions, rows and features, not shape (4,): reshape it"),
    (X[:0], ValueError, "X has no rows: give at least one"),
    (X.astype(complex), TypeError, "X must hold numbers, not complex128: convert it"),
    (X.astype(str), TypeError, "X must hold numbers, not <U32: convert it"),
]


@pytest.mark.parametrize(("rows", "error", "words"), UNPREDICTABLE)
def test_predict_refuses_what_is_no_table_of_inputs(rows, error, words):
    assert_refused(error, words, network().predict, rows)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: train(network(), batch_size=2**63), "batch_size"),
        (lambda: network_of(2**63), "layer_sizes"),
        (lambda: fp.EMA(0.9, start_epoch=2**63), "start_epoch"),
        (lambda: fp.EarlyStopping(patience=2**63), "patience"),
        (lambda: fp.Warmup(2**63), "length"),
        (lambda: fp.sweep((4, 3), X, LABELS, {"batch_size": [2**63]}, epochs=1), "batch_size"),
        (lambda: fp.sweep((4, 3), X, LABELS, {"batch_size": [8]}, epochs=1, threads=2**63), "threads"),
    ],
)
def test_a_whole_number_that_no_int64_holds_is_refused(make, name):
    with pytest.raises(
        ValueError,
        match=rf"^({name}|each of {name}) must be below 2\*\*63, not 9223372036854775808: give a smaller number",
    ):
        make()


def network_of(hidden):
    return fp.MLP((INPUTS, hidden, OUTPUTS))


def test_numbers_too_large_for_float32_are_fine_in_float64():
    assert np.isfinite(network(dtype="float64").predict(changed(X, (2, 1), 1e300))).all()


def test_a_grid_names_only_what_its_optimizer_has():
    with pytest.raises(
        ValueError, match="grid has 'momentum', which Adam does not have: known to it are learning_rate"
    ):
        fp.sweep((4, 5, 3), np.ones((6, 4)), np.ones((6, 3)), {"momentum": [0.9]}, epochs=1, optimizer=fp.Adam())
