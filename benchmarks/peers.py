"""Side by side: fastprop and its peers on the same work, in one run, with the same number of threads.

    python -m benchmarks.peers [T1 T2 ...] [--repeats N] [--threads N] [--skip NAMES] [--json FILE]

Every workload has a process of its own. In it all contestants start from the same weights; before anything
is timed, each trains one epoch in row order and must end at NumPy's parameters. Then they are timed in turn:
a few epochs of one, a few of the next, and so on, in rounds. The process is pinned to as many CPUs as it has
threads (Linux only).
"""

import argparse
import importlib.metadata
import json
import math
import os
import platform
import subprocess
import sys
import time

import numpy as np

from .cases import WORKLOADS, make_data, make_weights
from .contestants import CONTESTANTS, NumPy, UnavailableError, UnequalWorkError

# Equal work: parameters may differ by this share of their largest change in an epoch, plus this share of the
# largest of them. The change counts because a few small steps vanish beside the weights themselves.
CHANGE_TOLERANCE, ROUNDING = 2e-4, 2e-6
GROUP_SECONDS = 0.3  # a timed call trains as many epochs as take about this long: some 20 of S2
PAUSE_SECONDS = 0.1  # before a timed call: the threads of an idle OpenBLAS spin for 30 ms and disturb others


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
        One record a contestant; see `record`.
    """
    data, weights = make_data(workload), make_weights(workload)
    reference = train_reference(workload, data, weights)
    contestants, first_calls = {}, {}
    for name in names:
        contestant = CONTESTANTS[name]
        if not contestant.enters(workload):
            continue
        try:
            contestant.prepare(workload, data, weights, threads)
        except (ModuleNotFoundError, UnavailableError) as reason:
            print(f"{workload.name}: {name} is left out: {reason}", file=sys.stderr)
            continue
        first_calls[name] = timed(contestant, 1, shuffle=False)
        if contestant.comparable:
            check_equal_work(f"{name} on {workload.name}", contestant.parameters(), reference, weights)
        contestants[name] = contestant
    groups = {name: choose_group(contestant) for name, contestant in contestants.items()}
    samples = sample_in_rounds(contestants, groups, repeats, seconds)
    return [
        record(workload, contestant, threads, samples[name], groups[name], first_calls[name])
        for name, contestant in contestants.items()
    ]


def train_reference(workload, data, weights):
    """The parameters after one epoch in row order, by NumPy."""
    contestant = NumPy()
    contestant.prepare(workload, data, weights, threads=1)
    contestant.epochs(1, shuffle=False)
    return contestant.parameters()


def check_equal_work(who, parameters, reference, initial):
    """Raise `UnequalWorkError` unless every layer handed out equals the reference to float32 rounding."""
    for configuration, layers in parameters.items():
        arrays, expected_arrays, initial_arrays = map(flatten, (layers, reference[configuration], initial))
        for i, array in enumerate(arrays):
            expected, change = expected_arrays[i], expected_arrays[i] - initial_arrays[i]
            error = np.max(np.abs(array - expected))
            allowed = CHANGE_TOLERANCE * np.max(np.abs(change)) + ROUNDING * np.max(np.abs(expected))
            if not error < allowed:
                kind = ("weights", "biases")[i % 2]
                raise UnequalWorkError(
                    f"{who}: after one epoch in row order the {kind} of layer {i // 2} (configuration "
                    f"{configuration}) are off NumPy's by {error:.1e}; expected less than {allowed:.1e}"
                )


def flatten(layers):
    """Weights and biases of all layers in one list."""
    return [array for layer in layers for array in layer]


def choose_group(contestant):
    """How many epochs a timed call trains: about `GROUP_SECONDS` of them, at least one."""
    timed(contestant, 1)
    return max(1, round(GROUP_SECONDS / min(timed(contestant, 1) for _ in range(2))))


def sample_in_rounds(contestants, groups, repeats, seconds):
    """Seconds an epoch of every contestant, called in turn; dict name -> list."""
    samples = {name: [] for name in contestants}
    spent = dict.fromkeys(contestants, 0.0)
    for _ in range(repeats):
        for name, contestant in contestants.items():
            if spent[name] < seconds:
                elapsed = timed(contestant, groups[name])
                spent[name] += elapsed
                samples[name].append(elapsed / groups[name])
    return samples


def timed(contestant, epochs, shuffle=True):
    """Seconds that a contestant takes for some epochs."""
    time.sleep(PAUSE_SECONDS)
    start = time.perf_counter()
    contestant.epochs(epochs, shuffle)
    return time.perf_counter() - start


def record(workload, contestant, threads, samples, group, first_call):
    """What is kept of one contestant on one workload: seconds an epoch, and how they were measured."""
    p10, median, p90 = np.percentile(samples, (10, 50, 90)).tolist()
    return {
        "workload": workload.name,
        "contestant": contestant.name,
        "seconds": median,
        "p10": p10,
        "p90": p90,
        "gflops": workload.flops_per_epoch / median / 1e9,
        "threads_used": contestant.threads_used(workload, threads),
        "first_call": first_call,
        "epochs_per_call": group,
        "calls": len(samples),
    }


# --- all workloads ------------------------------------------------------------------------------------------


def measure_peak():
    """GFLOP/s, float32, of one thread that does nothing but multiply and add in registers."""
    from fastprop.kernels import peak  # not above: asv imports this file for its own list of benchmarks

    return peak.measure()


def limit_threads(threads):
    """Pin this process and those it starts to `threads` CPUs, and tell their thread pools."""
    cpus = sorted(os.sched_getaffinity(0))
    if threads > len(cpus):
        raise SystemExit(f"--threads {threads}: this process may use {len(cpus)} CPUs only")
    os.sched_setaffinity(0, cpus[:threads])
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        os.environ[f"{library}_NUM_THREADS"] = str(threads)


def run_worker(workload, options):
    """Measure one workload in a process of its own; see `measure`."""
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
    """The cells of the table, one row a record; `peak` is the GFLOP/s that one thread could reach."""
    fastprop_seconds = next((r["seconds"] for r in records if r["contestant"] == "fastprop"), None)
    for r in records:
        ratio = f"{r['seconds'] / fastprop_seconds:.2f}" if fastprop_seconds else "-"
        median, p10, p90 = (three_digits(1e3 * r[key]) for key in ("seconds", "p10", "p90"))
        gflops, first_call = three_digits(r["gflops"]), f"{r['first_call']:.2f}"
        share = f"{r['gflops'] / (peak * r['threads_used']):.1%}"
        yield r["workload"], r["contestant"], median, f"{p10} - {p90}", ratio, gflops, share, first_call


def three_digits(value):
    """A positive number with three significant digits and no exponent."""
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}"


def print_row(cells):
    """One line of the table: the names to the left, the figures to the right."""
    workload, contestant, *figures = cells
    print(f"{workload:9} {contestant:15}" + "".join(f"{figure:>16}" for figure in figures), flush=True)


def describe_run(options, peak):
    """The machine, the versions and the options behind the figures."""
    installed = {package.name.lower(): package.version for package in importlib.metadata.distributions()}
    libraries = ("fastprop", "numba", "numpy", "torch", "jax", "scikit-learn")
    return {
        "machine": platform.processor() or platform.machine(),
        "peak_gflops": peak,
        "python": platform.python_version(),
        "versions": {name: installed[name] for name in libraries if name in installed},
        "threads": options.threads,
        "repeats": options.repeats,
    }


def parse_options(arguments):
    """Read the command line; `names` are the contestants that take part."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__.splitlines()[0])
    known, cases = ", ".join(CONTESTANTS), ", ".join(WORKLOADS)
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
    only, skip = options.only.split(","), [name for name in options.skip.split(",") if name]
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
    peak = measure_peak()
    print(f"{options.threads} threads; peak of one, multiply-adds in registers alone: {peak:.0f} GFLOP/s\n")
    print_row(HEADER)
    records = []
    for workload in options.workloads:
        workload_records = run_worker(workload, options)
        for row in table_rows(workload_records, peak):
            print_row(row)
        records += workload_records
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"run": describe_run(options, peak), "records": records}, file, indent=1)


if __name__ == "__main__":
    main()
