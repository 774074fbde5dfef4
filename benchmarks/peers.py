"""Compares fastprop with its peers on the same work, in one run, with the same number of threads.

    python -m benchmarks.peers [T1 T2 ...] [--repeats N] [--threads N] [--skip NAMES] [--json FILE]

Every workload has its own process, in which all contestants start from the same weights. Before anything is timed, each
trains for a few steps in row order and must end at NumPy's parameters (or, for a search, at similar scores). Then they
are timed in turn: a few epochs of one, a few of the next, and so on, in rounds. The process is pinned to as many CPUs
as it has threads (Linux only).
"""

import argparse
import datetime
import importlib.metadata
import json
import math
import os
import platform
import subprocess
import sys
import time

import numpy as np

from . import contestants, grid_search, study
from .cases import WORKLOADS, GridSearch, StudySearch, make_data, make_weights
from .contestants import CONTESTANTS, UnavailableError

GROUP_SECONDS = 0.3
"""Seconds of a timed call, about: it trains as many epochs as take this long."""

PAUSE_SECONDS = 0.1
"""Seconds of rest before a timed call, because the threads of an idle OpenBLAS spin for 30 ms and disturb others."""


# --- one workload, in its own process -----------------------------------------------------------------------


def measure(workload, names, threads, repeats, seconds):
    """Check, then time the named contestants on one workload.

    Parameters
    ----------
    workload : Workload
    names : list of str
    threads : int
    repeats : int
        Timed calls of each contestant.
    seconds : float
        A contestant that has used this much time is not called again.

    Returns
    -------
    list of dict
        One record for each contestant; see `record`.
    """
    data = make_data(workload)
    weights = make_weights(workload)
    rules = {GridSearch: grid_search, StudySearch: study}.get(type(workload), contestants)
    runners = {}
    first_calls = {}
    for name, contestant in rules.CONTESTANTS.items():
        if name not in names or not contestant.enters(workload):
            continue
        try:
            contestant.prepare(workload, data, weights, threads)
        except (ModuleNotFoundError, UnavailableError) as reason:
            print(f"{workload.name}: {name} is left out: {reason}", file=sys.stderr)
            continue
        first_calls[name] = timed(contestant, workload.checked_epochs, shuffle=False)
        runners[name] = contestant
    rules.check_equal_work(workload, runners.values())
    groups = {name: choose_group(contestant) for name, contestant in runners.items()}
    samples = sample_in_rounds(runners, groups, repeats, seconds)
    return [record(workload, name, samples[name], groups[name], first_calls[name]) for name in runners]


def choose_group(contestant):
    """Return how many epochs a timed call trains, so that it takes about `GROUP_SECONDS`: at least `timed_epochs`."""
    timed(contestant, 1)
    group = contestant.workload.timed_epochs
    seconds = min(timed(contestant, group) for _ in range(2))
    while seconds < GROUP_SECONDS / 2:  # again, because most of a short call's time may not depend on its epochs
        group = round(group * GROUP_SECONDS / seconds)
        seconds = timed(contestant, group)
    return group


def sample_in_rounds(runners, groups, repeats, seconds):
    """Call the contestants in turn; return by name a list of the seconds an epoch took in each call."""
    samples = {name: [] for name in runners}
    spent = dict.fromkeys(runners, 0.0)
    for _ in range(repeats):
        for name, contestant in runners.items():
            if spent[name] < seconds:
                elapsed = timed(contestant, groups[name])
                spent[name] += elapsed
                samples[name].append(elapsed / groups[name])
    return samples


def timed(contestant, epochs, shuffle=True):
    """Return the seconds that a contestant takes for some epochs."""
    time.sleep(PAUSE_SECONDS)
    start = time.perf_counter()
    contestant.epochs(epochs, shuffle and not contestant.workload.full_batch)
    return time.perf_counter() - start


def record(workload, name, samples, group, first_call):
    """Return the record of one contestant on one workload: seconds an epoch, and how they were measured."""
    p10, median, p90 = np.percentile(samples, (10, 50, 90)).tolist()
    return {
        "workload": workload.name,
        "task": workload.task,
        "contestant": name,
        "seconds": median,
        "p10": p10,
        "p90": p90,
        "gflops": workload.flops_per_epoch / median / 1e9,
        "first_call": first_call,
        "epochs_per_call": group,
        "calls": len(samples),
    }


# --- all workloads ------------------------------------------------------------------------------------------


def describe_machine():
    """Return the machine, and the float32 peak of one thread, which only multiplies and adds in registers."""
    from fastprop.kernels import compiler, peak  # not above: asv imports this file for its own list of benchmarks

    return {
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "lanes": compiler.LANES,
        "peak_gflops": peak.measure(),
    }


def limit_threads(threads):
    """Pin this process and those it starts to `threads` CPUs, and tell their thread pools."""
    cpus = sorted(os.sched_getaffinity(0))
    if threads > len(cpus):
        raise SystemExit(f"--threads {threads}: this process may use {len(cpus)} CPUs only")
    os.sched_setaffinity(0, cpus[:threads])
    tell_thread_pools(threads)


def tell_thread_pools(threads):
    """Tell the thread pools of libraries that are imported later, and those of processes that are started."""
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        os.environ[f"{library}_NUM_THREADS"] = str(threads)


def run_worker(workload, options):
    """Measure one workload in a new process; see `measure`."""
    environment = dict(os.environ, JAX_PLATFORMS="cpu")
    if workload.configurations > 1:
        environment["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={options.threads}"
    command = [sys.executable, "-m", "benchmarks.peers", workload.name, "--worker"]
    command += ["--only", ",".join(options.names)]
    for option in ("threads", "repeats", "seconds"):
        command += [f"--{option}", str(getattr(options, option))]
    worker = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if worker.returncode:
        raise SystemExit(f"{workload.name}: the measuring process ended with code {worker.returncode}")
    return json.loads(worker.stdout)


HEADER = ("workload", "contestant", "ms an epoch", "p10 - p90", "÷ fastprop", "GFLOP/s", "of peak", "first call, s")


def table_rows(records, peak):
    """Yield the cells of a row of the table for each record; `peak` is the GFLOP/s that all threads could reach."""
    fastprop_seconds = next((r["seconds"] for r in records if r["contestant"] == "fastprop"), None)
    for r in records:
        ratio = f"{r['seconds'] / fastprop_seconds:.2f}" if fastprop_seconds else "-"
        median, p10, p90 = (three_digits(1e3 * r[key]) for key in ("seconds", "p10", "p90"))
        gflops = three_digits(r["gflops"])
        first_call = f"{r['first_call']:.2f}"
        share = f"{r['gflops'] / peak:.1%}"
        yield r["workload"], r["contestant"], median, f"{p10} - {p90}", ratio, gflops, share, first_call


def three_digits(value):
    """Return a positive number as text, with three significant digits and no exponent."""
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}"


def print_row(cells):
    """Print a row of the table, with the names on the left and the figures on the right."""
    workload, contestant, *figures = cells
    print(f"{workload:9} {contestant:15}" + "".join(f"{figure:>16}" for figure in figures), flush=True)


def describe_run(options):
    """Return the date, the versions and the options of a run."""
    installed = {package.name.lower(): package.version for package in importlib.metadata.distributions()}
    libraries = ("fastprop-mlp", "numba", "numpy", "torch", "jax", "scikit-learn", "optuna")
    return {
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "versions": {name: installed[name] for name in libraries if name in installed},
        "threads": options.threads,
        "repeats": options.repeats,
    }


def parse_options(arguments):
    """Read the command line; `names` are the contestants that take part."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__.splitlines()[0])
    known = ", ".join(CONTESTANTS)
    cases = ", ".join(WORKLOADS)
    add = parser.add_argument
    add("workloads", nargs="*", metavar="WORKLOAD", help=f"of {cases}; default: all")
    add("--repeats", type=int, default=9, help="timed calls of each contestant (default: 9)")
    add("--seconds", type=float, default=10, help="bound on each contestant's timed calls (default: 10)")
    add("--threads", type=int, default=2, help="threads, and CPUs, of every contestant (default: 2)")
    add("--only", default=",".join(CONTESTANTS), metavar="NAMES", help=f"of {known}")
    add("--skip", default="", metavar="NAMES", help="contestants to leave out")
    add("--json", metavar="FILE", help="also write the figures here")
    add("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    only = options.only.split(",")
    skip = [name for name in options.skip.split(",") if name]
    for name in only + skip:
        if name not in CONTESTANTS:
            parser.error(f"no contestant {name!r}; there are {known}")
    for name in options.workloads:
        if name not in WORKLOADS:
            parser.error(f"no workload {name!r}; there are {cases}")
    options.names = [name for name in CONTESTANTS if name in only and name not in skip]
    options.workloads = [WORKLOADS[name] for name in options.workloads or WORKLOADS]
    return options


def main(arguments=None):
    """Measure the workloads one after another and print the table as it grows."""
    options = parse_options(arguments)
    if options.worker:
        (workload,) = options.workloads
        records = measure(workload, options.names, options.threads, options.repeats, options.seconds)
        json.dump(records, sys.stdout)
        return
    limit_threads(options.threads)
    machine = describe_machine()
    peak = machine["peak_gflops"]
    print(f"{options.threads} threads; peak of one, multiply-adds in registers alone: {peak:.0f} GFLOP/s\n")
    print_row(HEADER)
    records = []
    for workload in options.workloads:
        workload_records = run_worker(workload, options)
        for row in table_rows(workload_records, peak * options.threads):
            print_row(row)
        records += workload_records
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"run": machine | describe_run(options), "records": records}, file, indent=1)


if __name__ == "__main__":
    main()
