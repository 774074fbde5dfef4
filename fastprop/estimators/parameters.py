"""What parameters of an estimator mean for `fastprop.train`: solver → optimizer, learning_rate → schedule, …"""

import math
import numbers
from collections.abc import Iterable
from typing import Literal, TypeAlias

from sklearn.utils import check_random_state

from fastprop.options import (
    LBFGS,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    CosineDecay,
    EarlyStopping,
    InverseScaling,
    Lion,
    OneCycle,
    ReduceOnPlateau,
    RMSprop,
)
from fastprop.tabular.recipe import RECIPE

Solver: TypeAlias = Literal["adam", "adamw", "sgd", "rmsprop", "adagrad", "lion", "lbfgs"]

LearningRate: TypeAlias = Literal["constant", "cosine", "onecycle", "invscaling", "adaptive"]

RegressionLoss: TypeAlias = Literal["squared_error", "absolute_error", "huber", "poisson"]

ACTIVATIONS = {"logistic": "sigmoid"}
"""scikit-learn's names of activations that fastprop calls otherwise."""

LOWEST_RATE = 1e-6
"""``learning_rate="adaptive"`` ends a training below this learning rate, as scikit-learn does."""


def _moments(parameters):
    return {"beta1": parameters["beta_1"], "beta2": parameters["beta_2"]}


def _adam(parameters):
    return _moments(parameters) | {"epsilon": parameters["epsilon"]}


def _sgd(parameters):
    momentum = parameters["momentum"]
    return {"momentum": momentum, "nesterov": bool(parameters["nesterovs_momentum"]) and momentum > 0}


SOLVERS = {
    "adam": (Adam, _adam, True),
    "adamw": (AdamW, _adam, False),
    "sgd": (SGD, _sgd, True),
    "rmsprop": (RMSprop, lambda parameters: {"epsilon": parameters["epsilon"]}, True),
    "adagrad": (Adagrad, lambda parameters: {"epsilon": parameters["epsilon"]}, True),
    "lion": (Lion, _moments, False),
}
"""By solver: the optimizer, its options, and whether alpha is divided by the batch size, as scikit-learn does."""

SCHEDULES = {
    "constant": lambda parameters: None,
    "cosine": lambda parameters: CosineDecay(),
    "onecycle": lambda parameters: OneCycle(),
    "invscaling": lambda parameters: InverseScaling(parameters["power_t"]),
    "adaptive": lambda parameters: ReduceOnPlateau(
        0.2, _patience(parameters), minimum=min(0.5, LOWEST_RATE / parameters["learning_rate_init"])
    ),
}
"""By learning_rate: a function of the parameters that returns the schedule."""

PLANNED = "cosine", "onecycle"
"""Values of learning_rate whose schedule ends with the last epoch, so that to reach it is no failure to converge."""


def seed_of(random_state):
    """Return the seed of a training: `random_state` if it is a whole number, else a number that it draws."""
    if isinstance(random_state, numbers.Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def batch_size(parameters, rows):
    """Return the number of rows in a step."""
    if parameters["solver"] == "lbfgs":
        return rows
    wanted = parameters["batch_size"]
    return min(rows, RECIPE.batch_size(rows) if isinstance(wanted, str) else wanted)


def holds_out(parameters, rows):
    """Return whether a part of the rows is held out, so that training ends when their loss no longer falls.

    With the solver ``"lbfgs"`` none are.
    """
    chosen = parameters["early_stopping"]
    return RECIPE.holds_out(rows) if isinstance(chosen, str) else bool(chosen)


def network_options(parameters, rows):
    """Return the options of `fastprop.MLP` that follow from the parameters of an estimator, without the sizes.

    A training whose steps take all rows is done in float64, because it is short, and rounding then does not hide that
    a row of weight 2 and two equal rows are the same. A network whose
    `precision` is named is of float32.
    """
    hidden = parameters["activation"]
    names_precision = parameters["precision"] is not None and parameters["solver"] != "lbfgs"
    return {
        "hidden": ACTIVATIONS.get(hidden, hidden),
        "dtype": "float64" if batch_size(parameters, rows) >= rows and not names_precision else "float32",
    }


def hidden_sizes(parameters):
    """Return the sizes of the hidden layers as a tuple; ValueError if one is not above 0."""
    sizes = parameters["hidden_layer_sizes"]
    sizes = tuple(sizes) if isinstance(sizes, Iterable) else (sizes,)
    if any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {list(sizes)}.")
    return sizes


def training_options(parameters, rows, weight=None):
    """Return the options of `fastprop.train` that follow from the parameters of an estimator, without the `dropout`.

    Parameters
    ----------
    parameters : dict
        As `get_params` returns them.
    rows : int
        The number of rows whose weight is above 0.
    weight : float, optional
        The total weight of the rows, by default their number.

    Examples
    --------
    >>> from fastprop.estimators import MLPClassifier
    >>> from fastprop.estimators.parameters import training_options
    >>> options = training_options(MLPClassifier(learning_rate_init=0.1).get_params(), 150)
    >>> options["optimizer"].learning_rate, options["batch_size"], options["validation"]
    (0.1, 32, None)
    """
    weight = rows if weight is None else weight
    if parameters["solver"] == "lbfgs":
        return {
            "epochs": min(parameters["max_iter"], parameters["max_fun"]),
            "optimizer": LBFGS(tolerance=parameters["tol"], weight_decay=parameters["alpha"] / weight),
        }
    size = batch_size(parameters, rows)
    is_held_out = holds_out(parameters, rows)
    return {
        "epochs": parameters["max_iter"],
        "batch_size": size,
        "optimizer": _optimizer(parameters, weight if size >= rows else size),
        "schedule": SCHEDULES[parameters["learning_rate"]](parameters),
        "early_stopping": _early_stopping(parameters, is_held_out),
        "validation": parameters["validation_fraction"] if is_held_out else None,
        "shuffle": parameters["shuffle"],
        "precision": parameters["precision"],
    }


def dropout(parameters, rows, inputs):
    """Return the dropout of a training on so many rows whose weight is above 0; `inputs` are those of the network."""
    if parameters["solver"] == "lbfgs":
        return 0.0
    if isinstance(parameters["dropout"], str):
        return RECIPE.dropout_of(rows, inputs, batch_size(parameters, rows))
    return parameters["dropout"]


def chunk_options(parameters):
    """Return the options of a `fastprop.streaming.ChunkTraining`, whose learning rate is constant."""
    if parameters["dropout"] != "auto" and parameters["dropout"] > 0:
        raise ValueError("partial_fit trains without dropout: leave it out.")
    wanted = parameters["batch_size"]
    size = RECIPE.smallest_batch if isinstance(wanted, str) else wanted
    same = {name: parameters[name] for name in ("shuffle", "precision")}
    return {"batch_size": size, "optimizer": _optimizer(parameters, size)} | same


def _optimizer(parameters, size):
    """Return the optimizer; `size` is the total weight of the rows in a step."""
    optimizer, options, is_divided = SOLVERS[parameters["solver"]]
    decay = parameters["alpha"] / size if is_divided else parameters["alpha"]
    return optimizer(parameters["learning_rate_init"], weight_decay=decay, **options(parameters))


def _patience(parameters):
    """Return the number of epochs without an improvement after which something is done."""
    return int(min(parameters["n_iter_no_change"], parameters["max_iter"]))


def _early_stopping(parameters, is_held_out):
    """Return when a run ends; scikit-learn goes back to the best weights only where rows are held out."""
    if math.isinf(parameters["n_iter_no_change"]):
        return EarlyStopping(None, parameters["tol"]) if is_held_out else None
    patience = _patience(parameters)
    if parameters["learning_rate"] == "adaptive":  # as often as the rate can be divided by 5
        patience = (patience + 1) * max(1, math.ceil(math.log(parameters["learning_rate_init"] / LOWEST_RATE, 5)))
    return EarlyStopping(patience, parameters["tol"], restore_best=is_held_out)
