"""The runs of digests.txt, whose results are the same on every machine, for any threads and any width of vectors.

The file has a line for each run: its name, and the first 16 digits of the SHA-256 digest of the trained parameters and
losses. Lines are only ever added: where an old line changes, users' results change.

The runs use nothing that machines round differently: no power, logarithm or cosine of the system's library (which
several schedules and distributions call), no L-BFGS, no matrix product of NumPy, no NaN that a kernel makes.
"""

import hashlib
from functools import partial

import numpy as np

import fastprop as fp

SHAPES = ((1, 1, 1), (2, 2, 1), (3, 5, 2), (7, 3, 2), (13, 29, 11, 4), (64, 32, 10), (9, 150, 33, 4), (130, 70, 3))
OPTIMIZERS = (
    fp.SGD(0.3),
    fp.SGD(0.3, momentum=0.9, nesterov=True),
    fp.Adam(0.01),
    fp.AdamW(0.01),
    fp.RMSprop(0.01),
    fp.Adagrad(0.05),
    fp.Lion(0.003),
)
HIDDEN = ("sigmoid", "tanh", "relu", "gelu", "silu", "elu", "softplus", "leaky_relu")
BATCH_SIZES = (1, 7, 32, 100)

PLATEAU = fp.ReduceOnPlateau(0.5, patience=0, threshold=0.1)
RATES = [0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.5]


def draw(seed, sizes, rows=211, dtype="float32"):
    """Return inputs, targets that are numbers, and labels."""
    random = np.random.default_rng(seed)
    X = random.random((rows, sizes[0]), dtype="f4").astype(dtype)
    y = random.random((rows, sizes[-1]), dtype="f4").astype(dtype)
    return X, y, random.integers(0, max(2, sizes[-1]), rows)


def with_nan(losses, epochs):
    """Return losses (…, epochs done) with NaN up to the planned epochs, with which the digests were made."""
    missing = np.full((*losses.shape[:-1], epochs - losses.shape[-1]), np.nan)
    return np.concatenate([losses, missing], axis=-1)


def dashed(sizes):
    """Return layer sizes as they stand in names."""
    return "-".join(map(str, sizes))


# ---- one run for each shape ----


def train_shape(index, dtype, threads):
    """Train a new network of one of `SHAPES` on numbers."""
    sizes = SHAPES[index]
    X, y, _ = draw(index, sizes, dtype=dtype)
    network = fp.MLP(sizes, hidden=HIDDEN[index], output="sigmoid", seed=index, dtype=dtype)
    options = {"batch_size": BATCH_SIZES[index % 4], "loss": "mse", "optimizer": OPTIMIZERS[index % 7], "seed": 5}
    history = fp.train(network, X, y, epochs=3, threads=threads, **options)
    return *network.weights, *network.biases, history.loss


def sweep_shape(index, threads):
    """Sweep learning rates and seeds of networks of one of `SHAPES` on labels."""
    *sizes, n_out = SHAPES[index]
    X, _, labels = draw(index, SHAPES[index])
    network = fp.MLP((*sizes, max(2, n_out)), hidden=HIDDEN[index], output="softmax", seed=1)
    grid = {"learning_rate": [0.01, 0.1, 0.5], "seed": [0, 1]}
    options = {"epochs": 2, "optimizer": fp.SGD(momentum=0.5), "validation": 0.25}
    return (fp.sweep(network, X, labels, grid, threads=threads, **options).history,)


def runs_of_shapes():
    """Yield (name, function of `threads`): two trainings and a sweep of each shape."""
    for index, (*sizes, n_out) in enumerate(SHAPES):
        for dtype in ("float32", "float64"):
            words = dashed(SHAPES[index]), dtype, HIDDEN[index], type(OPTIMIZERS[index % 7]).__name__
            yield " ".join(("train", *words)), partial(train_shape, index, dtype)
        yield f"sweep {dashed((*sizes, max(2, n_out)))}", partial(sweep_shape, index)


# ---- one run for each path through training ----


def train(sizes, threads, *, rows=211, dtype="float32", hidden="tanh", output="softmax", **options):
    """Train a new network on labels, or on numbers if the output is not softmax; return all that the run gives."""
    X, y, labels = draw(7, sizes, rows, dtype)
    network = fp.MLP(sizes, hidden=hidden, output=output, seed=3, dtype=dtype)
    options = {"epochs": 4, "optimizer": fp.SGD(0.1, momentum=0.9), "gradient_norm": True, "seed": 2, **options}
    history = fp.train(network, X, labels if output == "softmax" else y, threads=threads, **options)
    measured = history.loss, history.validation_loss, history.learning_rate, history.gradient_norm
    return *network.weights, *network.biases, *(with_nan(each, options["epochs"]) for each in measured)


def train_on_bytes(sizes, threads):
    """Train on standardized bytes, with weights for rows and classes, and predict."""
    random = np.random.default_rng(11)
    X, labels = random.integers(0, 256, (211, sizes[0]), np.uint8), random.integers(0, sizes[-1], 211)
    network = fp.MLP(sizes, hidden="relu", output="softmax", seed=3)
    options = {"standardize": True, "class_weight": "balanced", "sample_weight": np.linspace(0.5, 2, 211)}
    history = fp.train(network, X, labels, epochs=3, threads=threads, **options)
    return *network.weights, *network.biases, np.float32(network.input_mean), history.loss, network.predict(X)


def train_on_chunks(sizes, threads):
    """Train on a stream of chunks of 100, 3, 108 and 50 rows."""
    X, _, labels = draw(7, sizes)
    network = fp.MLP(sizes, hidden="silu", output="softmax", seed=3)
    chunks = ((X[rows], labels[rows]) for rows in (slice(0, 100), slice(100, 103), slice(103, 211), slice(0, 50)))
    history = fp.train_stream(network, chunks, optimizer=fp.Adam(0.01), schedule=PLATEAU, threads=threads)
    return *network.weights, *network.biases, history.loss


def sweep(sizes, threads, *, grid, rows=211, dtype="float32", hidden="sigmoid", output="softmax", **options):
    """Train a new network for each configuration on labels, or on numbers if the output is not softmax."""
    X, y, labels = draw(7, sizes, rows, dtype)
    network = fp.MLP(sizes, hidden=hidden, output=output, seed=3, dtype=dtype)
    options = {"epochs": 3, **options}
    result = fp.sweep(network, X, labels if output == "softmax" else y, grid, threads=threads, **options)
    history = with_nan(result.history, options["epochs"])
    return history, *result.best_network.weights, *result.best_network.biases


FACTORS = {"layer_rates": (6.0, 1.0, 0.3), "bias_rate": 0.1, "bias_decay": 0.0}
MIXED = ("gelu", "relu", "silu")
PATHS = {
    # ways to go through a minibatch: whole, in segments, in chunks, with panels, with a narrow last layer,
    # unrolled, as networks alone are where they train on 5 million rows
    "train rows one by one": partial(train, (17, 33, 9, 5), batch_size=1),
    "train rows in their order": partial(train, (17, 33, 9, 5), batch_size=32, shuffle=False),
    "train full batch": partial(train, (64, 32, 10), batch_size=211),
    "train three segments": partial(train, (8, 24, 24, 1), output="sigmoid", rows=300, batch_size=200),
    "train many segments": partial(train, (4, 32, 16, 4), rows=1400, batch_size=1400),
    "train segments of several chunks": partial(train, (950, 5, 3), rows=190, batch_size=140),
    "train chunks in panels": partial(train, (64, 256, 20), rows=1450, batch_size=1060),
    "train deltas in panels": partial(train, (260, 256, 20), rows=80, batch_size=20, dtype="float64"),
    "train five layers": partial(train, (6, 5, 4, 3, 4, 2), hidden=("elu", *MIXED), batch_size=7, dtype="float64"),
    "train no hidden layer": partial(train, (5, 3), batch_size=7),
    "train a tiny network for long": partial(train, (2, 2, 1), output="sigmoid", rows=1250, epochs=4000),
    # options
    "train dropout": partial(train, (64, 32, 10), dropout=0.3),
    "train dropout in many segments": partial(train, (4, 32, 16, 4), dropout=0.5, rows=1400, batch_size=1400),
    "train moving average": partial(train, (64, 32, 10), average=fp.EMA(0.9, 1), validation=0.2),
    "train early stopping": partial(
        train,
        (13, 29, 11, 4),
        early_stopping=fp.EarlyStopping(patience=1),
        optimizer=fp.SGD(1.0),
        epochs=30,
        validation=0.3,
    ),
    "train warmup and steps": partial(
        train, (64, 32, 10), schedule=fp.Warmup(2, fp.StepDecay(2, 0.5)), optimizer=fp.Adam(0.01), epochs=6
    ),
    "train plateau": partial(train, (64, 32, 10), schedule=PLATEAU, validation=0.2, epochs=8),
    "train clipped norm": partial(train, (13, 29, 11, 4), clip=fp.ClipNorm(0.05)),
    "train clipped norm in segments": partial(
        train, (8, 24, 24, 2), clip=fp.ClipNorm(0.05), rows=300, batch_size=200, optimizer=fp.AdamW(0.01)
    ),
    "train clipped values": partial(train, (13, 29, 11, 4), clip=fp.ClipValue(0.01), dtype="float64"),
    "train bfloat16": partial(
        train, (130, 70, 65, 3), precision="bfloat16", batch_size=67, dropout=0.2, validation=0.2
    ),
    "train bytes": partial(train_on_bytes, (64, 32, 10)),
    "train chunks of a stream": partial(train_on_chunks, (64, 32, 10)),
    # optimizers with momentum, weight decay and l1
    "train SGD l1": partial(train, (13, 29, 11, 4), optimizer=fp.SGD(0.1, weight_decay=0.01, l1=0.01)),
    "train AdamW l1": partial(train, (13, 29, 11, 4), optimizer=fp.AdamW(0.01, weight_decay=0.3, l1=0.01)),
    "train RMSprop momentum": partial(train, (13, 29, 11, 4), optimizer=fp.RMSprop(0.01, momentum=0.9, l1=0.01)),
    "train Adagrad l1": partial(train, (13, 29, 11, 4), optimizer=fp.Adagrad(0.05, l1=0.01), dtype="float64"),
    "train Lion l1": partial(train, (13, 29, 11, 4), optimizer=fp.Lion(0.003, weight_decay=0.3, l1=0.01)),
    # losses
    "train huber": partial(train, (13, 29, 11, 4), output="identity", loss=fp.Huber(0.25), hidden=MIXED[:2]),
    "train mae": partial(train, (13, 29, 11, 4), output="identity", loss="mae", hidden=MIXED[1:], dtype="float64"),
    "train poisson": partial(train, (13, 29, 11, 4), output="exp", loss="poisson"),
    "train binary cross entropy": partial(train, (13, 29, 1), output="sigmoid", loss="binary_cross_entropy"),
    "train smoothed labels": partial(train, (13, 29, 11, 4), loss=fp.CrossEntropy(0.2), validation=0.2),
    "train smoothed targets": partial(train, (13, 29, 3), output="sigmoid", loss=fp.BinaryCrossEntropy(0.2)),
    # what networks for tables use
    "train selu and mish": partial(
        train, (13, 29, 11, 4), hidden=("selu", "mish"), early_stopping=fp.EarlyStopping(None)
    ),
    "train factors": partial(train, (13, 29, 11, 4), optimizer=fp.AdamW(0.01, weight_decay=0.3), **FACTORS),
    # sweeps: full packs and the rest, packs in segments, networks that train alone, folds, rungs
    "sweep packs of 2-2-1": partial(
        sweep, (2, 2, 1), output="sigmoid", grid={"learning_rate": RATES, "seed": [0, 1]}, batch_size=1
    ),
    "sweep packs of 2-2-1 float64": partial(
        sweep, (2, 2, 1), output="sigmoid", grid={"learning_rate": RATES}, dtype="float64"
    ),
    "sweep packs of 2-2-1 in segments": partial(
        sweep, (2, 2, 1), output="sigmoid", grid={"learning_rate": RATES}, rows=300, batch_size=200
    ),
    "sweep packs of Adam": partial(sweep, (3, 5, 2), grid={"learning_rate": RATES}, optimizer=fp.Adam()),
    "sweep packs with dropout": partial(sweep, (7, 8, 3), grid={"dropout": [0.0, 0.1, 0.5], "seed": range(6)}),
    "sweep packs with factors": partial(
        sweep,
        (7, 8, 3),
        grid={"bias_rate": [1.0, 0.1], "bias_decay": [1.0, 0.0], "layer_rates": [None, (6.0, 0.3)]},
        optimizer=fp.Adam(weight_decay=0.1),
    ),
    "sweep packs that stop early": partial(
        sweep,
        (7, 8, 3),
        grid={"learning_rate": RATES, "momentum": [0.0, 0.9]},
        early_stopping=fp.EarlyStopping(patience=1),
        validation=0.25,
        epochs=10,
    ),
    "sweep packs by a plateau": partial(
        sweep, (7, 8, 3), grid={"learning_rate": RATES}, schedule=PLATEAU, optimizer=fp.RMSprop(), epochs=6
    ),
    "sweep everything": partial(
        sweep,
        (13, 20, 3),
        grid=[
            {"optimizer": fp.Lion(0.01), "seed": 4},
            {"optimizer": fp.Adagrad(0.1), "clip": fp.ClipNorm(0.1)},
            {"layer_sizes": (13, 7, 5, 3), "batch_size": 7},
            {"hidden": "gelu", "average": fp.EMA(0.5)},
            {"learning_rate": 0.5, "loss": fp.CrossEntropy(0.1)},
        ],
        standardize=True,
        validation=0.25,
        score="accuracy",
    ),
    "sweep cv": partial(sweep, (7, 8, 3), grid={"learning_rate": RATES[::2]}, cv=3),
    "sweep cv float64": partial(sweep, (64, 32, 10), grid={"learning_rate": RATES[8:11]}, cv=4, dtype="float64"),
    "sweep halving": partial(
        sweep, (7, 8, 3), grid={"learning_rate": RATES}, halving=fp.Halving(3, 1), validation=0.25, epochs=9
    ),
    "sweep median stopping": partial(
        sweep, (7, 8, 3), grid={"learning_rate": RATES}, halving=fp.MedianStopping(2, 2), validation=0.25, epochs=8
    ),
    "sweep halving with cv": partial(
        sweep, (3, 5, 2), grid={"learning_rate": RATES[::2]}, halving=fp.Halving(2, 2), cv=3, epochs=8
    ),
}

RUNS = dict(runs_of_shapes()) | PATHS
"""All runs by name: functions of `threads` that return what is digested, a tuple of arrays."""


def digest(name, threads=None):
    """Return the digest of a run, given by name, as it is computed here, on `threads` threads or on all cores."""
    arrays = RUNS[name](threads=threads)
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()[:16]
