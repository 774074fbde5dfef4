"""Measures what population-based training gives against random search; run ``python -m benchmarks.populations``.

On each of the six small tasks of `benchmarks.stopping`, 81 configurations are trained for 81 epochs: each to its end,
as random search does, and as a population that is compared 10 times. A quarter of the rows is for a last test, and a
quarter of the others is held out: their loss ranks. A loss is that of the best configuration as a share of random
search's: the median over some draws of the rows and of the configurations, with the quartiles beside it.
"""

import time

import numpy as np

import fastprop as fp
from benchmarks.stopping import CONFIGURATIONS, EPOCHS, parsed

GRID = {
    "learning_rate": fp.loguniform(1e-3, 1),
    "momentum": fp.uniform(0.0, 0.95),
    "weight_decay": fp.loguniform(1e-6, 1e-2),
    "seed": fp.integers(0, 999),
}

SEARCHES = {
    "random": {},
    "population": {"search": fp.PopulationBased()},
    "without new draws": {"search": fp.PopulationBased(resample=0.0)},
    "27 rungs": {"search": fp.PopulationBased(epochs=3)},
    "3 rungs": {"search": fp.PopulationBased(epochs=27)},
}
"""By name, what is given to `sweep`."""


def search(task, options, seed):
    """Return the held-out loss and the tested loss of the best configuration, and the seconds of the processor."""
    X, y = task.data()
    outputs = len(np.unique(y)) if task.loss == "cross_entropy" else 1
    order = np.random.default_rng(seed).permutation(len(X))
    tested, others = np.split(order, [len(X) // 4])
    how = {"epochs": EPOCHS, "loss": task.loss, "batch_size": task.batch_size, "standardize": True, "validation": 0.25}
    sizes = X.shape[1], *task.hidden, outputs
    begin = time.process_time()
    result = fp.sweep(sizes, X[others], y[others], GRID, samples=CONFIGURATIONS, seed=seed, **how, **options)
    seconds = time.process_time() - begin
    predicted = result.best_network.predict(X[tested])
    if task.loss == "cross_entropy":
        loss = fp.metrics.log_loss(predicted, y[tested])
    else:
        loss = float(np.mean((predicted[:, 0] - y[tested]) ** 2))
    return float(result.best["validation_loss"]), loss, seconds


def main():
    """Print a line for each task and search."""
    arguments = parsed(draws=10)
    print("| task | search | held-out loss | quartiles | tested loss | quartiles | of the processor's time |")
    print("|---|---|---|---|---|---|---|")
    medians = {name: [] for name in SEARCHES}
    for task in arguments.tasks:
        found = {name: [search(task, each, seed) for seed in range(arguments.draws)] for name, each in SEARCHES.items()}
        random = np.array(found["random"])
        for name, each in found.items():
            ratios = np.array(each) / random
            lower, median, upper = np.quantile(ratios, [0.25, 0.5, 0.75], axis=0)
            medians[name].append(median)
            spread = [f"{low:.2f} to {high:.2f}" for low, high in zip(lower, upper)]
            cells = f"{median[0]:.2f} | {spread[0]} | {median[1]:.2f} | {spread[1]} | {median[2]:.2f}"
            print(f"| {task.name} | {name} | {cells} |", flush=True)
    for name, each in medians.items():
        held_out, tested, seconds = np.median(each, axis=0)
        print(f"| median | {name} | {held_out:.2f} | | {tested:.2f} | | {seconds:.2f} |")


if __name__ == "__main__":
    main()
