"""Random problems and options, as strategies of Hypothesis: whatever `train`, `train_stream` and `sweep` take."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

import fastprop as fp

# ---- how many ----

COUNT = int(os.environ.get("FASTPROP_FUZZ", 0))
"""Where it is set, how many cases each test tries, which are other ones in each run."""


def fuzz(count):
    """Return the decorator of a test of `count` random cases, the same in each run."""
    return settings(
        max_examples=COUNT or count,
        derandomize=not COUNT,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )


# ---- problems ----

NOISE = 8
"""The size of the random changes to a problem, in ε, by which runs are tried in which roundings decide."""


class Problem(NamedTuple):
    """A network and its data, as a few words and numbers, from which `made` makes them."""

    layers: tuple[int, ...]
    hidden: tuple[str, ...] = ()
    output: str = "identity"
    loss: Any = "mse"
    targets: str = "numbers"  # a key of `TARGETS`
    rows: int = 20
    inputs: str = "float64"  # a key of `INPUTS`
    weights: str = "none"  # a key of `WEIGHTS`
    dtype: str = "float64"
    seed: int = 0

    def fitted(self, how):
        """Return options of which `layer_rates` has one factor for each layer."""
        layers = len(self.layers) - 1
        return how | {name: how[name][:layers] for name in ("layer_rates",) if name in how}

    def made(self, changes=None):
        """Return network, inputs, targets and weights of rows.

        `changes` is a generator, by which parameters and inputs are changed by some ε; whole numbers stay as they are.
        """
        random = np.random.default_rng(self.seed)
        network = fp.MLP(self.layers, hidden=self.hidden, output=self.output, dtype=self.dtype, seed=self.seed)
        for biases in network.biases:
            biases[...] = random.normal(0, 0.3, biases.shape)
        X = INPUTS[self.inputs](random, self.rows, self.layers[0])
        y = TARGETS[self.targets](random, self.rows, self.layers[-1])
        weight = WEIGHTS[self.weights](random, self.rows)
        if changes is not None:
            noise = NOISE * np.finfo(self.dtype).eps
            network.flat_parameters = changed(network.flat_parameters, noise, changes)
            X = changed(X, noise, changes) if X.dtype.kind == "f" else X
        return network, X, y, weight


def changed(array, noise, random):
    """Return an array whose elements are changed by up to `noise` times their size."""
    return (array * (1 + noise * random.uniform(-1, 1, array.shape))).astype(array.dtype)


def _labels(random, rows, outputs):
    labels = random.integers(outputs, size=rows)
    labels[:outputs] = np.arange(outputs)[:rows]
    return labels


def _shares(random, rows, outputs):
    shares = random.random((rows, outputs)) + 0.01
    return shares / shares.sum(axis=1, keepdims=True)


TARGETS = {
    "numbers": lambda random, rows, outputs: random.normal(size=(rows, outputs)),
    "fractions": lambda random, rows, outputs: random.random((rows, outputs)),
    "yes or no": lambda random, rows, outputs: random.integers(2, size=(rows, outputs)),
    "counts": lambda random, rows, outputs: random.poisson(1.5, (rows, outputs)),
    "one column": lambda random, rows, outputs: random.normal(size=rows),
    "labels": _labels,
    "one-hot": lambda random, rows, outputs: np.eye(outputs)[_labels(random, rows, outputs)],
    "shares": _shares,
}
"""By name, a function that draws targets for some rows and outputs."""

INPUTS = {
    "float64": lambda random, rows, columns: random.normal(size=(rows, columns)),
    "float32": lambda random, rows, columns: random.normal(size=(rows, columns)).astype(np.float32),
    "some columns": lambda random, rows, columns: random.normal(size=(rows, columns + 3))[:, 1:-2],
    "Fortran": lambda random, rows, columns: np.asfortranarray(random.normal(size=(rows, columns))),
    "bytes": lambda random, rows, columns: random.integers(3, size=(rows, columns)).astype(np.uint8),
    "bool": lambda random, rows, columns: random.random((rows, columns)) < 0.5,
    "whole numbers": lambda random, rows, columns: random.integers(-2, 3, size=(rows, columns)),
}
"""By name, a function that draws inputs for some rows and columns."""

WEIGHTS = {
    "none": lambda random, rows: None,
    "ordinary": lambda random, rows: random.uniform(0.1, 3, rows),
    "whole": lambda random, rows: random.integers(1, 4, rows),
    "some zero": lambda random, rows: random.uniform(0.1, 3, rows) * (random.random(rows) < 0.7),
    "tiny": lambda random, rows: random.uniform(0.1, 3, rows) * 1e-42,
    "huge": lambda random, rows: random.uniform(0.1, 3, rows) * 1e40,
    "unlike": lambda random, rows: 10.0 ** random.uniform(-25, 5, rows),
}
"""By name, a function that draws the weights of some rows."""

OF_NUMBERS = [("identity", "numbers"), ("tanh", "fractions"), ("relu", "fractions"), ("softplus", "counts")]
OF_NUMBERS += [("leaky_relu", "numbers"), ("silu", "numbers"), ("gelu", "numbers"), ("elu", "numbers")]
OF_NUMBERS += [("sigmoid", "fractions"), ("softmax", "shares"), ("softmax", "labels"), ("exp", "counts")]
"""Outputs and targets of losses that take any."""

EPOCHS = st.sampled_from([3, 1, 2, 4, 5, 8])
SIZES = st.sampled_from([1, 2, 3, 5, 8, 9, 16, 17, 20, 33])
FEW = st.sampled_from([1, 2, 3, 5])


@st.composite
def problems(draw, dtypes=("float64", "float64", "float64", "float32"), rows=(20, 64, 33, 9, 16, 50, 97, 130, 200, 8)):
    """Draw a `Problem`."""
    kind = draw(st.sampled_from(["numbers", "numbers", "classes", "yes or no", "counts", "quantiles"]))
    outputs = draw(FEW)
    if kind == "classes":
        outputs = max(2, outputs)
        output, targets = "softmax", draw(st.sampled_from(["labels", "one-hot", "shares"]))
        loss = draw(st.sampled_from([None, "cross_entropy", fp.CrossEntropy(0.1)]))
    elif kind == "yes or no":
        output, targets = "sigmoid", draw(st.sampled_from(["yes or no", "fractions"]))
        loss = draw(st.sampled_from(["binary_cross_entropy", fp.BinaryCrossEntropy(0.1)]))
    elif kind == "counts":
        output, targets, loss = "exp", "counts", "poisson"
    elif kind == "quantiles":
        output, targets = draw(st.sampled_from(["identity", "tanh"])), "one column"
        loss = fp.Pinball(np.arange(1, outputs + 1) / (outputs + 1))
    else:
        output, targets = draw(st.sampled_from(OF_NUMBERS))
        outputs = max(2, outputs) if output == "softmax" else outputs
        loss = draw(st.sampled_from(["mse", "mse", "mae", "huber", fp.Huber(0.3)]))
    hidden = draw(st.lists(st.sampled_from(fp.checks.HIDDEN_ACTIVATIONS), max_size=3))
    return Problem(
        layers=(draw(SIZES), *(draw(SIZES) for _ in hidden), outputs),
        hidden=tuple(hidden),
        output=output,
        loss=loss,
        targets=targets,
        rows=draw(st.sampled_from(rows)),
        inputs=draw(st.sampled_from(list(INPUTS))),
        weights=draw(st.sampled_from(list(WEIGHTS))),
        dtype=draw(st.sampled_from(dtypes)),
        seed=draw(st.sampled_from(range(99))),
    )


# ---- options ----

RATES = st.sampled_from([0.0, 1e-3, 0.01, 0.05, 0.1, 0.1, 1.0])
FRACTIONS = st.sampled_from([0.0, 0.3, 0.8, 0.9])
# an l1 by which clipped gradients do not add up to 0, whose sign Lion would take from roundings
DECAYS = {"weight_decay": st.sampled_from([0.0, 0.0, 0.01, 0.3]), "l1": st.sampled_from([0.0, 0.0, 0.013])}
EPSILONS = st.sampled_from([0.01, 0.1])

OPTIMIZERS = st.one_of(
    st.builds(fp.SGD, RATES, momentum=FRACTIONS, **DECAYS),
    st.builds(fp.SGD, RATES, momentum=st.sampled_from([0.3, 0.9]), nesterov=st.just(True), **DECAYS),
    st.builds(fp.Adam, RATES, beta1=FRACTIONS, beta2=FRACTIONS, epsilon=EPSILONS, **DECAYS),
    st.builds(fp.AdamW, RATES, beta1=FRACTIONS, beta2=FRACTIONS, epsilon=EPSILONS, **DECAYS),
    st.builds(fp.RMSprop, RATES, smoothing=FRACTIONS, epsilon=EPSILONS, momentum=FRACTIONS, **DECAYS),
    st.builds(fp.Adagrad, RATES, epsilon=EPSILONS, **DECAYS),
    st.builds(fp.Lion, st.sampled_from([0.001, 0.01]), beta1=FRACTIONS, beta2=FRACTIONS, **DECAYS),
)

FACTORS = st.sampled_from([0.0, 0.1, 0.5, 0.9])
PLATEAUS = st.builds(
    fp.ReduceOnPlateau,
    FACTORS,
    patience=st.sampled_from([0, 0, 1, 2]),
    threshold=st.sampled_from([0.01, 0.1, 0.5, 0.9]),
    minimum=st.sampled_from([0.0, 0.2]),
)


def endless_schedules(by):
    """Return a strategy of schedules by epoch or step that do not depend on the length of the run."""
    each = st.just(by)
    return st.one_of(
        st.builds(fp.StepDecay, st.sampled_from([1, 2, 3, 9]), factor=FACTORS, by=each),
        st.builds(fp.ExponentialDecay, FACTORS, by=each),
        st.builds(fp.InverseScaling, st.sampled_from([0.0, 0.25, 1.0]), by=each),
        PLATEAUS,
        PLATEAUS,
    )


def schedules_by(by):
    """Return a strategy of schedules by epoch or step."""
    cosine = st.builds(fp.CosineDecay, FACTORS, by=st.just(by))
    cosine |= st.builds(fp.FlatCosine, st.sampled_from([0.0, 0.3, 0.9]), FACTORS, by=st.just(by))
    cosine |= st.builds(fp.CosineLog, st.sampled_from([1, 4]), by=st.just(by))
    cycle = st.builds(fp.OneCycle, start=FACTORS, final=FACTORS, rise=st.sampled_from([0.0, 0.3, 0.9]))
    return endless_schedules(by) | cosine | (cycle if by == "step" else cosine)


@st.composite
def schedules(draw, schedules_by):
    """Draw a schedule of ``schedules_by(by)``, half of them with a warm-up before them, or a warm-up alone."""
    by = draw(st.sampled_from(["epoch", "step"]))
    if draw(st.booleans()):
        return draw(schedules_by(by))
    length = draw(st.sampled_from([3, 2, 1, 5, 12]))
    return fp.Warmup(length, draw(st.none() | PLATEAUS | schedules_by(by)), by=by)


SCHEDULES = schedules(schedules_by)
PLANNED_SCHEDULES = SCHEDULES.filter(
    lambda schedule: fp.ReduceOnPlateau not in (type(schedule), type(getattr(schedule, "then", None)))
)
ENDLESS_SCHEDULES = schedules(endless_schedules)
CLIPS = st.builds(fp.ClipNorm, st.sampled_from([0.01, 0.1, 1.0])) | st.builds(
    fp.ClipValue, st.sampled_from([0.01, 0.1])
)
AVERAGES = st.builds(fp.EMA, st.sampled_from([0.5, 0.9]), start_epoch=st.sampled_from([0, 1, 3]))
STOPS = st.builds(
    fp.EarlyStopping,
    st.sampled_from([1, 2, 3]),
    minimum_improvement=st.sampled_from([0.001, 0.01, 0.1]),
    restore_best=st.booleans(),
) | st.builds(fp.EarlyStopping, st.none(), minimum_improvement=st.sampled_from([0.0, 0.1]))

RATE_FACTORS = st.sampled_from([1.0, 0.1, 0.0, 3.0])

IN_STREAMS = {
    "batch_size": st.sampled_from([1, 2, 7, 16, 31, 32, 33, 64, 150]),
    "optimizer": OPTIMIZERS,
    "clip": CLIPS,
    "layer_rates": st.tuples(*[RATE_FACTORS] * 4),  # of which a run has as many as there are layers
    "bias_rate": RATE_FACTORS,
    "bias_decay": RATE_FACTORS,
    "shuffle": st.booleans(),
    "seed": st.sampled_from([0, 1, 7, 2**31, 2**63 - 1]),
}
"""By name, a strategy of each option that `train_stream` takes, but for the schedule."""

OF_DESCENTS = IN_STREAMS | {
    "schedule": SCHEDULES,
    "weight_decay_schedule": PLANNED_SCHEDULES,
    "dropout": st.sampled_from([0.0, 0.0, 0.1, 0.5]),
    "dropout_schedule": PLANNED_SCHEDULES,
    "average": AVERAGES,
    "early_stopping": STOPS,
}
"""By name, a strategy of each option that `train` and `sweep` take, but for those of L-BFGS."""


@st.composite
def options(draw, strategies, **more):
    """Draw some of the options of `strategies`, by name; those of `more` are always among them."""
    chosen = {name: draw(strategy) for name, strategy in strategies.items() if draw(st.booleans())}
    return chosen | {name: draw(strategy) for name, strategy in more.items()}
