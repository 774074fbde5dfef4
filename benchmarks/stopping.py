"""Measures what stopping rules of a sweep save, and what they lose; run ``python -m benchmarks.stopping``.

On each of six small tasks, 81 configurations are trained for 81 epochs: all to the end, and with stopping rules. A
rule's time is a share of that of the search without a rule: the minima of several turns, in each of which every search
has its turn, once in seconds and once in seconds of processor time. Its loss is what the best configuration's held-out
loss is times that of the search without a rule, as a mean over three draws of the configurations.

No rule is to take more than 1.05 of the full time, ``halving=3`` no more than 0.25 where the full search takes 0.2 s or
more, and the median of the losses is to be within 1.05.
"""

import argparse
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import fastprop as fp

CONFIGURATIONS = 81
EPOCHS = 81
SEEDS = 3
GRID = {
    "learning_rate": fp.loguniform(1e-3, 1),
    "momentum": fp.choice([0.0, 0.5, 0.9]),
    "weight_decay": fp.loguniform(1e-6, 1e-2),
    "seed": fp.integers(0, 999),
}

RULES = {
    "none": None,
    "MedianStopping()": fp.MedianStopping(),
    "halving=3": 3,
}
"""By name, what is given as ``halving``."""


class Task(NamedTuple):
    """A table, and the network that is trained on it."""

    name: str
    data: Callable  # () → X, y
    hidden: tuple  # sizes of the hidden layers
    loss: str
    batch_size: int = 32
    options: dict = {}  # noqa: RUF012 (never changed)


def xor():
    """Return 600 rows of two numbers, whose class is whether the signs are equal."""
    X = np.random.default_rng(0).normal(size=(600, 2))
    return X, (X.prod(axis=1) > 0).astype(int)


def waves():
    """Return 4,000 rows of five numbers, and a smooth function of them with noise (Friedman 1991)."""
    random = np.random.default_rng(1)
    X = random.random((4000, 5))
    y = np.sin(np.pi * X[:, 0] * X[:, 1]) + 2 * (X[:, 2] - 0.5) ** 2 + X[:, 3] + X[:, 4] / 2
    return X, y + random.normal(scale=0.1, size=len(X))


def of_scikit_learn(name, **options):
    """Return a function that loads a table of scikit-learn."""

    def load():
        from sklearn import datasets

        X, y = getattr(datasets, name)(return_X_y=True)
        return X, (y - y.mean()) / y.std() if options.get("scaled") else y

    return load


TASKS = (
    Task("xor", xor, (4,), "cross_entropy"),
    Task("wine", of_scikit_learn("load_wine"), (32,), "cross_entropy"),
    Task("diabetes", of_scikit_learn("load_diabetes", scaled=True), (16,), "mse"),
    Task("cancer", of_scikit_learn("load_breast_cancer"), (16,), "cross_entropy"),
    Task("digits", of_scikit_learn("load_digits"), (32,), "cross_entropy"),
    Task("waves", waves, (32, 16), "mse", 64),
)


class Search(NamedTuple):
    """What a search took and found."""

    seconds: float
    processor: float  # seconds
    loss: float  # the held-out loss of the best configuration


def search(task, halving, threads, seed=0, **options):
    """Return the `Search` of a task with a stopping rule."""
    X, y = task.data()
    outputs = len(np.unique(y)) if task.loss == "cross_entropy" else 1
    begin, processor = time.perf_counter(), time.process_time()
    result = fp.sweep(
        (X.shape[1], *task.hidden, outputs),
        X,
        y,
        GRID,
        samples=CONFIGURATIONS,
        epochs=EPOCHS,
        loss=task.loss,
        batch_size=task.batch_size,
        halving=halving,
        standardize=True,
        threads=threads,
        seed=seed,
        **({"validation": 0.25} | task.options | options),
    )
    seconds, processor = time.perf_counter() - begin, time.process_time() - processor
    return Search(seconds, processor, float(result.best["validation_loss"]))


def measured(task, threads, turns):
    """Return by name of a rule the `Search` of a task: the least times of some turns, and a mean loss over seeds."""
    found = {name: [] for name in RULES}
    for turn in range(turns + 1):  # the first turn compiles
        for name, halving in RULES.items():
            found[name].append(search(task, halving, threads, seed=turn % SEEDS))
    return {
        name: Search(
            min(each.seconds for each in searches[1:]),
            min(each.processor for each in searches[1:]),
            float(np.mean([each.loss for each in searches[:SEEDS]])),
        )
        for name, searches in found.items()
    }


def parsed(**numbers):
    """Return the arguments of the command line: the `tasks` that are named, by default all, and some whole numbers.

    The default of each number is given by its name.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("tasks", nargs="*", help="names of tasks; by default all")
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    arguments.tasks = [task for task in TASKS if not arguments.tasks or task.name in arguments.tasks]
    return arguments


def main():
    """Print a line for each task and rule."""
    arguments = parsed(turns=5, threads=2)
    print("| task | rule | seconds | of the full time | of the processor's | of the loss |\n|---|---|---|---|---|---|")
    ratios = {name: [] for name in RULES}
    for task in arguments.tasks:
        searches = measured(task, arguments.threads, arguments.turns)
        whole = searches["none"]
        for name, each in searches.items():
            ratio = Search(*(ours / theirs for ours, theirs in zip(each, whole)))
            ratios[name].append(ratio)
            told = f"{ratio.seconds:.2f} | {ratio.processor:.2f} | {ratio.loss:.2f}"
            print(f"| {task.name} | {name} | {each.seconds:.3f} | {told} |", flush=True)
    for name, each in ratios.items():
        seconds, processor, loss = np.median(each, axis=0)
        print(f"| median | {name} | | {seconds:.2f} | {processor:.2f} | {loss:.2f} |")


if __name__ == "__main__":
    main()
