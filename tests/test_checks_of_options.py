"""Networks and options that cannot be made are refused with one sentence that says what to do."""

import numpy as np
import pytest

import fastprop as fp
from tests.compare import assert_refused

X = np.random.default_rng(0).random((12, 4))
LABELS = np.arange(12) % 3


HIDDEN = "sigmoid, tanh, relu, leaky_relu, elu, softplus, silu, gelu, selu, mish, identity"
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


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: fp.train(fp.MLP((4, 3), output="softmax"), X, LABELS, epochs=1, batch_size=2**63), "batch_size"),
        (lambda: fp.MLP((4, 2**63, 3)), "layer_sizes"),
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
