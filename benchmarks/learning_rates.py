"""Judges the rates that `fastprop.find_learning_rate` suggests; run ``python -m benchmarks.learning_rates``.

A case is a task, a network, an optimizer and options. On each, networks are trained for 20 epochs at 57 rates, from
three seeds each, on three quarters of the rows; the loss on the other quarter, as a mean over the seeds, tells how good
a rate is. `find_learning_rate` sees the three quarters alone. The table says how many times the best rate's loss the
suggested rate ends with.

The constants of `find_learning_rate` were chosen on the cases of `TUNING`. Those of `JUDGING` have other data; NOTES.md
says how often they were looked at. The best rates are kept in a folder, since they take minutes to find.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

import fastprop as fp

EPOCHS = 20
RATES = 57
SEEDS = 3
WITHIN = 1.2


class Case(NamedTuple):
    """A task, the layers between its inputs and outputs, an optimizer, and other options of training."""

    name: str
    data: Callable  # () → X, y
    hidden: tuple  # sizes of the hidden layers
    output: str  # the activation of the output layer
    optimizer: object
    activation: str = "relu"
    options: dict = {}  # noqa: RUF012 (never changed)

    def load(self):
        """Return X, y of three quarters of the rows, and of the others."""
        X, y = self.data()
        order = np.random.default_rng(5).permutation(len(X))
        train, test = order[len(X) // 4 :], order[: len(X) // 4]
        return X[train], y[train], X[test], y[test]

    def network(self, X, y, seed=0):
        """Return a new network for the data."""
        outputs = int(y.max()) + 1 if self.output == "softmax" else 1 if y.ndim == 1 else y.shape[1]
        sizes = (X.shape[1], *self.hidden, outputs)
        return fp.MLP(sizes, hidden=self.activation, output=self.output, seed=seed)


def best_of_rates(case):
    """Return the best of `RATES` rates, and its held-out loss."""
    rates = np.geomspace(1e-6, 100 if isinstance(case.optimizer, fp.SGD) else 10, RATES)
    losses = held_out_losses(case, rates)
    return rates[losses.argmin()], losses.min()


def held_out_losses(case, rates):
    """Return the held-out loss after `EPOCHS` at each of some rates, (r,): a mean over seeds, infinite if one diverged.

    From the loss of counts, the lowest that can be is subtracted, so that losses have ratios.
    """
    X, y, X_test, y_test = case.load()
    result = fp.sweep(
        case.network(X, y),
        X,
        y,
        {"learning_rate": rates, "seed": range(SEEDS)},
        epochs=EPOCHS,
        optimizer=case.optimizer,
        validation=(X_test, y_test),
        keep=0,
        **case.options,
    )
    losses = result.history[:, -1].reshape(len(rates), SEEDS).mean(axis=1)
    if case.output == "exp":
        losses += (y_test * np.log(np.maximum(y_test, 1)) - y_test).mean()
    return np.where(np.isfinite(losses), losses, np.inf)


# ---- tasks ----


def _sklearn(name, **arguments):
    from sklearn import datasets

    if name.startswith("load"):
        return getattr(datasets, name)(return_X_y=True, **arguments)
    return getattr(datasets, name)(random_state=0, **arguments)


def table(name, **arguments):
    """Return a function that returns a data set of scikit-learn, with numbers in y standardized."""

    def load():
        X, y = _sklearn(name, **arguments)
        y = np.asarray(y)
        return (X, y) if y.dtype.kind in "iu" and len(np.unique(y)) < 20 else (X, (y - y.mean(0)) / y.std(0))

    return load


def raw(name, **arguments):
    """Return a function that returns a data set of scikit-learn as it is."""
    return lambda: _sklearn(name, **arguments)


def waves(rows, inputs, noise, seed):
    """Return a function that returns a smooth function of some inputs, with noise."""

    def load():
        random = np.random.default_rng(seed)
        X = random.normal(size=(rows, inputs))
        w = random.normal(size=(inputs, 3)) / np.sqrt(inputs)
        y = np.sin(2 * X @ w[:, 0]) + (X @ w[:, 1]) * (X @ w[:, 2]) + noise * random.normal(size=rows)
        return X, y

    return load


def outliers(rows, inputs, seed):
    """Return a function that returns a linear function with noise of heavy tails."""

    def load():
        random = np.random.default_rng(seed)
        X = random.normal(size=(rows, inputs))
        return X, X @ random.normal(size=inputs) + random.standard_t(1.5, size=rows)

    return load


def counts(rows, inputs, scale, seed):
    """Return a function that returns Poisson counts with a mean of about `scale`."""

    def load():
        random = np.random.default_rng(seed)
        X = random.normal(size=(rows, inputs))
        mean = scale * np.exp(0.5 * np.tanh(X @ random.normal(size=inputs)) + 0.3 * X[:, 0])
        return X, random.poisson(mean).astype(float)

    return load


def with_pairs(rows, inputs, noise, seed):
    """Return a function that returns 0 or 1: whether two sums of inputs have the same sign, some of them wrong."""

    def load():
        random = np.random.default_rng(seed)
        X = random.normal(size=(rows, inputs))
        y = (X[:, : inputs // 2].sum(1) * X[:, inputs // 2 :].sum(1) > 0) ^ (random.random(rows) < noise)
        return X, y.astype(int)

    return load


SCALED = {"standardize": True}
MOMENTUM, NESTEROV = fp.SGD(momentum=0.9), fp.SGD(momentum=0.9, nesterov=True)


def _digits():
    return fp.datasets.digits()


TUNING = [
    Case("digits, SGD, sigmoid", _digits, (32,), "softmax", fp.SGD(), "sigmoid"),
    Case("digits, momentum, sigmoid", _digits, (32,), "softmax", MOMENTUM, "sigmoid"),
    Case("digits, Adam, full batch", _digits, (64,), "softmax", fp.Adam(), "relu", {"batch_size": 2000}),
    Case("digits, Lion, gelu", _digits, (64, 32), "softmax", fp.Lion(), "gelu"),
    Case("digits, AdamW, one-cycle", _digits, (64,), "softmax", fp.AdamW(), "relu", {"schedule": fp.OneCycle()}),
    Case("wine, SGD", table("load_wine"), (16,), "softmax", fp.SGD(), "relu", SCALED),
    Case(
        "wine, Adam", table("load_wine"), (32,), "softmax", fp.Adam(), "tanh", {"standardize": True, "batch_size": 16}
    ),
    Case("diabetes, Adam", table("load_diabetes"), (32,), "identity", fp.Adam(), "relu", SCALED),
    Case("diabetes, RMSprop", table("load_diabetes"), (16, 16), "identity", fp.RMSprop(), "tanh", SCALED),
    Case("friedman 1, Nesterov", table("make_friedman1", n_samples=1000, noise=1), (64,), "identity", NESTEROV),
    Case(
        "friedman 1, AdamW", table("make_friedman1", n_samples=4000), (64, 64), "identity", fp.AdamW(), "relu", SCALED
    ),
    Case("moons, SGD", table("make_moons", n_samples=500, noise=0.2), (16,), "sigmoid", fp.SGD(), "tanh"),
    Case("moons, RMSprop", table("make_moons", n_samples=2000, noise=0.1), (32, 32), "softmax", fp.RMSprop()),
    Case(
        "blobs, Adagrad", table("make_blobs", n_samples=1000, centers=8), (32,), "softmax", fp.Adagrad(), "relu", SCALED
    ),
    Case(
        "classification, momentum, cosine",
        table("make_classification", n_samples=3000, n_informative=10, flip_y=0.05),
        (64,),
        "softmax",
        MOMENTUM,
        "relu",
        {"schedule": fp.CosineDecay(), "batch_size": 64},
    ),
    Case(
        "classification, Adam, large",
        table("make_classification", n_samples=20000, n_informative=8, n_classes=4),
        (64,),
        "softmax",
        fp.Adam(),
        "relu",
        {"batch_size": 128},
    ),
    Case("waves, SGD", waves(300, 4, 0.1, 1), (64,), "identity", fp.SGD(), "tanh"),
    Case("waves, Adam, large", waves(12000, 6, 0.05, 2), (64, 32), "identity", fp.Adam(), "silu", {"batch_size": 64}),
    Case(
        "waves, SGD, full batch", waves(2000, 3, 0.3, 3), (32,), "identity", MOMENTUM, "sigmoid", {"batch_size": 2000}
    ),
    Case("waves, Adam, 100 rows", waves(100, 3, 0.2, 4), (32,), "identity", fp.Adam(), "tanh"),
    Case("outliers, Nesterov", outliers(1500, 10, 5), (32,), "identity", NESTEROV, "relu", {"loss": "huber"}),
    Case("counts, Adam", counts(1500, 6, 3, 6), (32,), "exp", fp.Adam(), "tanh"),
    Case("counts, SGD", counts(800, 4, 1, 7), (16,), "exp", fp.SGD(), "relu"),
    Case("pairs, Lion", with_pairs(2000, 6, 0.05, 8), (64,), "sigmoid", fp.Lion(), "relu", {"batch_size": 64}),
    Case("pairs, dropout", with_pairs(4000, 8, 0.1, 9), (64, 64), "softmax", fp.AdamW(), "relu", {"dropout": 0.2}),
]
"""The cases on which the constants of `find_learning_rate` were chosen."""

JUDGING = [
    Case("cancer, SGD", table("load_breast_cancer"), (16,), "sigmoid", fp.SGD(), "tanh", SCALED),
    Case("cancer, Adam", table("load_breast_cancer"), (32,), "softmax", fp.Adam(), "relu", SCALED),
    Case("cancer, Lion", table("load_breast_cancer"), (32, 16), "sigmoid", fp.Lion(), "gelu", SCALED),
    Case("iris, momentum", table("load_iris"), (16,), "softmax", MOMENTUM, "sigmoid", SCALED),
    Case(
        "iris, AdamW", table("load_iris"), (32,), "softmax", fp.AdamW(), "relu", {"standardize": True, "batch_size": 8}
    ),
    Case("diabetes as it is, Adam", raw("load_diabetes"), (32,), "identity", fp.Adam(), "relu", SCALED),
    Case(
        "friedman 2, SGD",
        table("make_friedman2", n_samples=1500, noise=50),
        (32,),
        "identity",
        fp.SGD(),
        "relu",
        SCALED,
    ),
    Case(
        "friedman 2, AdamW, cosine",
        table("make_friedman2", n_samples=3000, noise=100),
        (64, 32),
        "identity",
        fp.AdamW(),
        "silu",
        {"standardize": True, "schedule": fp.CosineDecay()},
    ),
    Case(
        "friedman 3, RMSprop",
        table("make_friedman3", n_samples=1000, noise=0.1),
        (32,),
        "identity",
        fp.RMSprop(),
        "tanh",
        SCALED,
    ),
    Case(
        "friedman 3, Lion",
        table("make_friedman3", n_samples=2000, noise=0.2),
        (64,),
        "identity",
        fp.Lion(),
        "relu",
        SCALED,
    ),
    Case(
        "circles, SGD", table("make_circles", n_samples=600, noise=0.1, factor=0.5), (16,), "sigmoid", fp.SGD(), "relu"
    ),
    Case(
        "circles, Adam",
        table("make_circles", n_samples=1500, noise=0.15, factor=0.6),
        (32, 32),
        "softmax",
        fp.Adam(),
        "tanh",
    ),
    Case(
        "quantiles, Nesterov",
        table("make_gaussian_quantiles", n_samples=3000, n_features=6, n_classes=5),
        (64,),
        "softmax",
        NESTEROV,
        "relu",
        {"batch_size": 64},
    ),
    Case(
        "quantiles, one-cycle",
        table("make_gaussian_quantiles", n_samples=2000, n_features=4, n_classes=3),
        (64,),
        "softmax",
        MOMENTUM,
        "tanh",
        {"schedule": fp.OneCycle()},
    ),
    Case("Hastie, Adam, large", lambda: _hastie(12000), (64,), "sigmoid", fp.Adam(), "relu", {"batch_size": 128}),
    Case("Hastie, Adagrad", lambda: _hastie(3000), (32,), "sigmoid", fp.Adagrad(), "tanh"),
    Case(
        "swiss roll, Adam",
        table("make_swiss_roll", n_samples=1200, noise=0.5),
        (64, 64),
        "identity",
        fp.Adam(),
        "relu",
        SCALED,
    ),
    Case(
        "swiss roll, momentum",
        table("make_swiss_roll", n_samples=3000, noise=0.5),
        (64,),
        "identity",
        MOMENTUM,
        "tanh",
        SCALED,
    ),
    Case(
        "linear, SGD",
        table("make_regression", n_samples=500, n_features=30, noise=20),
        (16,),
        "identity",
        fp.SGD(),
        "relu",
    ),
    Case(
        "linear, AdamW, 20 outputs",
        table("make_regression", n_samples=2000, n_features=20, n_targets=20, noise=10),
        (64,),
        "identity",
        fp.AdamW(),
        "gelu",
    ),
    Case(
        "uncorrelated, RMSprop",
        table("make_sparse_uncorrelated", n_samples=1500),
        (32,),
        "identity",
        fp.RMSprop(),
        "sigmoid",
        {"batch_size": 64},
    ),
    Case(
        "many columns, Adam",
        table("make_classification", n_samples=400, n_features=100, n_informative=20),
        (32,),
        "softmax",
        fp.Adam(),
        "relu",
    ),
    Case(
        "rare class, momentum",
        table("make_classification", n_samples=4000, weights=[0.9], n_informative=5),
        (32,),
        "sigmoid",
        MOMENTUM,
        "silu",
        {"class_weight": "balanced"},
    ),
    Case(
        "ten classes, SGD, large",
        table("make_classification", n_samples=15000, n_features=30, n_informative=15, n_classes=10),
        (64,),
        "softmax",
        fp.SGD(),
        "relu",
        {"batch_size": 64},
    ),
    Case(
        "ten classes, Lion, full batch",
        table("make_classification", n_samples=3000, n_features=30, n_informative=15, n_classes=10),
        (64,),
        "softmax",
        fp.Lion(),
        "relu",
        {"batch_size": 3000},
    ),
    Case(
        "80 rows, SGD",
        table("make_friedman1", n_samples=107, n_features=5, noise=0.5),
        (16,),
        "identity",
        fp.SGD(),
        "tanh",
        SCALED,
    ),
    Case("counts, Nesterov", counts(1000, 8, 5, 17), (32,), "exp", NESTEROV, "tanh"),
    Case("counts, AdamW", counts(3000, 5, 20, 18), (32, 16), "exp", fp.AdamW(), "relu", {"batch_size": 64}),
    Case("outliers, Adam", outliers(2500, 6, 19), (64,), "identity", fp.Adam(), "relu", {"loss": "mae"}),
    Case(
        "dropout, Nesterov",
        with_pairs(3000, 4, 0.1, 20),
        (64,),
        "softmax",
        NESTEROV,
        "relu",
        {"dropout": 0.2, "batch_size": 16},
    ),
]
"""Cases of other data, on which the suggestions are judged."""


def _hastie(rows):
    X, y = _sklearn("make_hastie_10_2", n_samples=rows)
    return X, (y > 0).astype(int)


# ---- the command ----


def kept(folder, case):
    """Return `best_of_rates` of a case, from the folder if it is there."""
    file = folder / f"{case.name}.json"
    if not file.exists():
        file.write_text(json.dumps(best_of_rates(case)))
    return json.loads(file.read_text())


def judged(case, folder):
    """Return the best rate, the suggestion, how many times the best loss it ends with, and the seconds it took."""
    best, lowest_loss = kept(folder, case)
    X, y, _, _ = case.load()
    network = case.network(X, y)
    start = time.perf_counter()
    suggestion = fp.find_learning_rate(network, X, y, optimizer=case.optimizer, **case.options).suggestion
    seconds = time.perf_counter() - start
    return best, suggestion, held_out_losses(case, [suggestion])[0] / lowest_loss, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", choices=["tuning", "judging"], default="judging")
    parser.add_argument("--folder", type=Path, default=Path.home() / ".cache" / "fastprop-learning-rates")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    ratios = []
    print("| case | best rate | suggested | loss, times the best rate's | seconds |\n|---|---|---|---|---|")
    for case in JUDGING if options.cases == "judging" else TUNING:
        best, suggestion, ratio, seconds = judged(case, options.folder)
        ratios.append(ratio)
        print(f"| {case.name} | {best:.2g} | {suggestion:.2g} | {ratio:.2f} | {seconds:.2f} |", flush=True)
    ratios = np.array(ratios)
    mean = np.exp(np.log(ratios).mean())
    share = (ratios <= WITHIN).mean()
    print(f"\ngeometric mean {mean:.2f}, within {WITHIN} times on {share:.0%} of {len(ratios)} cases")


if __name__ == "__main__":
    main()
