"""Training and predicting refuse bad arguments before anything is changed, with one sentence that says what to do."""

import numpy as np
import pytest

import fastprop as fp
from fastprop import checks
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


class OnAnotherDevice:
    """An array that must be copied before NumPy can read it, such as one of a graphics card."""

    def __array__(self, dtype=None, copy=None):
        raise TypeError("copy it to the host first")


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
    ({"X": X[:, :0]}, ValueError, "X has no columns: give at least one"),
    (
        {"X": [[10**400] * INPUTS] * ROWS},
        ValueError,
        "X holds an int that is too large for float64: divide by a constant",
    ),
    (
        {"X": OnAnotherDevice()},
        TypeError,
        "X cannot be made an array (copy it to the host first): convert it to a numeric array",
    ),
    ({"X": X.astype(str)}, TypeError, "X must hold numbers, not text: convert it"),
    ({"X": [["a"] * INPUTS] * ROWS}, TypeError, "X must hold numbers, not text: convert it"),
    ({"X": None}, TypeError, "X must be an array of numbers, not None: make an array"),
    ({"X": (row for row in X)}, TypeError, "X must be an array of numbers, not a generator: make an array of it"),
    ({"y": X[:, 0].astype("M8[s]")}, TypeError, "y must hold numbers, not dates: convert it"),
    ({"X": [[1.0, 2.0], [3.0]]}, ValueError, "X"),
    ({"X": X[:5]}, ValueError, "X has 5 rows but y has 12: give one target for each row"),
    ({"y": LABELS[:5]}, ValueError, "X has 12 rows but y has 5: give one target for each row"),
    ({"y": 3}, ValueError, "X has 12 rows but y has no: give one target for each row"),
    ({"y": None}, TypeError, "y must be an array of numbers, not None: make an array"),
    ({"y": ["one"] * ROWS}, TypeError, "y must hold numbers, not text: convert it"),
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
    ({"sample_weight": ["a"] * ROWS}, TypeError, "sample_weight must hold numbers, not text: convert it"),
]

LOSSES = "mse, mae, huber, pinball, poisson, binary_cross_entropy, cross_entropy"
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


UNPREDICTABLE = [
    (changed(X, (2, 1), np.nan), ValueError, "X holds nan at row 2, column 1: remove or replace"),
    (changed(X, (2, 1), 1e39), ValueError, "X holds 1e+39 at row 2, column 1, which is too large"),
    (X[:, 1:], ValueError, "X has 3 features but the network has 4 inputs: give 4 columns or make the network with 3"),
    (X[0], ValueError, "X must have two dimensions, rows and features, not shape (4,): reshape it"),
    (X[:0], ValueError, "X has no rows: give at least one"),
    (X.astype(complex), TypeError, "X must hold numbers, not complex numbers: convert it"),
    (X.astype(str), TypeError, "X must hold numbers, not text: convert it"),
]


@pytest.mark.parametrize(("rows", "error", "words"), UNPREDICTABLE)
def test_predict_refuses_what_is_no_table_of_inputs(rows, error, words):
    assert_refused(error, words, network().predict, rows)


def test_numbers_too_large_for_float32_are_fine_in_float64():
    assert np.isfinite(network(dtype="float64").predict(changed(X, (2, 1), 1e300))).all()
