"""Compares the executors of a sweep of many tiny networks; run ``python -m benchmarks.executors``.

Each trains 20,000 networks of 2-2-1 on 256 rows for 5 epochs, in turn with the others: one thread, two threads, two
processes, and two workers of a Dask cluster on this machine. The time of the calling thread and of its process is that
of the processor. It is of use on an idle machine alone.
"""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

import fastprop as fp

WORKERS = 2


def sweep(configurations, **options):
    """Train as many networks, with different learning rates."""
    random = np.random.default_rng(0)
    X, y = random.random((256, 2), np.float32), random.random((256, 1), np.float32)
    grid = {"learning_rate": np.geomspace(1e-3, 1, configurations)}
    return fp.sweep((2, 2, 1), X, y, grid, epochs=5, loss="mse", **options)


def main():
    """Print the minimum times of each executor, in µs for each configuration."""
    from distributed import Client, LocalCluster

    parser = argparse.ArgumentParser(prog="python -m benchmarks.executors", description=__doc__.splitlines()[0])
    parser.add_argument("--configurations", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    count = arguments.configurations
    cluster = LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None)
    with cluster, Client(cluster) as client, ProcessPoolExecutor(WORKERS) as processes:
        ways = {
            "one thread": {"threads": 1},
            "two threads": {"threads": WORKERS},
            "two processes": {"executor": processes},
            "two Dask workers": {"executor": client.get_executor()},
        }
        clocks = time.perf_counter, time.thread_time, time.process_time
        found = {name: [] for name in ways}
        for repeat in range(arguments.repeats + 1):
            for name, options in ways.items():
                begin = [clock() for clock in clocks]
                sweep(count, **options)
                if repeat > 0:  # the first one compiles and starts workers
                    found[name].append([clock() - each for clock, each in zip(clocks, begin)])
    print("| executor | seconds, minimum | median | calling thread, µs each | its process, µs each |")
    print("|---|---|---|---|---|")
    for name, times in found.items():
        (minimum, thread, process), median = np.min(times, axis=0), np.median(times, axis=0)[0]
        print(f"| {name} | {minimum:.2f} | {median:.2f} | {1e6 * thread / count:.1f} | {1e6 * process / count:.1f} |")


if __name__ == "__main__":
    main()
