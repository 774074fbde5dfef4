"""Kills runs at random moments. What they have left in their files must go on to the bits of an undisturbed run.

    python -m tests.random_kills COUNT [--seed N] [--kinds NAMES]

A run is a training with a checkpoint, a stream whose network is saved after each chunk, or a sweep with a journal: on
threads, on processes, by halving, or by a study of Optuna. It is done by a forked process, which SIGKILL ends at any
time, as soon as it has begun to change a file, or amid a call of the system. After each kill, a copy of the files goes
on to the end and is compared; the files themselves go on to the next kill. No run is left at work, no temporary file
of a run that went on. The program prints how many kills there were of each kind, and ends with an exception if a result
differs. It needs ``fork``.
"""

import argparse
import contextlib
import functools
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import fastprop as fp
from fastprop import cost_model
from tests.problems import noise, three_classes
from tests.results import assert_same, assert_same_result

# ---- runs ----


class Case(NamedTuple):
    """A run that can be killed: ``run(folder, threads)`` begins or goes on, without files if the folder is None."""

    run: Any
    check: Any  # called with the result of a run that went on, and with the undisturbed one
    prepare: Any = lambda folder: None  # called before the first run in a folder


def pick(random, choices):
    """Return one of some values."""
    return choices[int(random.integers(len(choices)))]


TRAININGS = [
    {"optimizer": fp.SGD(0.3, momentum=0.9), "schedule": fp.ReduceOnPlateau(0.5, patience=0)},
    {"optimizer": fp.Adam(0.01), "average": fp.EMA(0.9, 2), "dropout": 0.3},
    {"optimizer": fp.AdamW(0.01), "schedule": fp.CosineDecay(), "early_stopping": fp.EarlyStopping(99)},
    {"optimizer": fp.Lion(1e-3), "gradient_norm": True, "metrics": ("mse", "r2")},
    {"optimizer": fp.RMSprop(0.01), "standardize": True, "clip": fp.ClipNorm(0.05)},
]


def checkpoint(random):
    """Return a training that writes a checkpoint after one epoch or a few, or every two milliseconds."""
    X, y, _ = noise()
    sizes, dtype = (5, int(random.integers(1, 60)), 3), pick(random, ["float32", "float64"])
    options = {"epochs": int(random.integers(4, 25)), "validation": 0.2, **pick(random, TRAININGS)}
    interval = pick(random, [{"epochs": 1}, {"epochs": 3}, {"seconds": 0.002}])

    def run(folder, threads):
        network = fp.MLP(sizes, output="identity", seed=1, dtype=dtype)
        files = {}
        if folder is not None:
            files = {"checkpoint": fp.Checkpoint(folder / "run.checkpoint", **interval), "resume": True}
        history = fp.train(network, X, y, threads=threads, **options, **files)
        arrays = {"parameters": network.flat_parameters, "stopped": np.array(history.stopped)}
        arrays |= {name: getattr(history, name) for name in ("loss", "validation_loss", "gradient_norm")}
        return arrays | {f"metric {name}": values for name, values in history.metrics.items()}

    return Case(run, check_arrays)


def check_arrays(arrays, expected):
    """Fail unless dictionaries of arrays, some of which may be None, are the same."""
    assert list(arrays) == list(expected)
    for name, array in arrays.items():
        if array is None:
            assert expected[name] is None
        else:
            assert_same(np.asarray(array), np.asarray(expected[name]), name)


def stream(random):
    """Return a stream without momentum, whose network is saved after each chunk, and from which the rest is trained."""
    X, y, _ = noise()
    size = int(random.integers(5, 30))
    chunks = [(X[first : first + size], y[first : first + size]) for first in range(0, len(X), size)]
    states = []  # parameters before the first chunk and after each one

    def train(network, first, callback, threads):
        options = {"shuffle": False, "optimizer": fp.SGD(0.1), "batch_size": 8, "threads": threads}
        if first < len(chunks):
            fp.train_stream(network, chunks[first:], callback=callback, **options)
        return {"parameters": network.flat_parameters}

    def run(folder, threads):
        network = fp.MLP((5, 20, 3), output="identity", seed=1)
        if folder is None:
            states.append(network.flat_parameters.copy())
            return train(network, 0, lambda *_: states.append(network.flat_parameters.copy()), threads)
        path, first = folder / "network.safetensors", 0
        if path.exists():
            network = fp.load(path)
            first = next(i for i, state in enumerate(states) if np.array_equal(state, network.flat_parameters))
        return train(network, first, lambda *_: network.save(path), threads)

    return Case(run, check_arrays)


SWEEPS = [
    {"validation": 0.2},
    {"validation": 0.2, "keep": "all"},
    {"cv": 3, "keep": 2},
    {"validation": 0.2, "optimizer": fp.Adam(), "standardize": True, "score": "accuracy"},
    {"backend": "reference", "validation": 0.2},
]
HALVINGS = [
    {"halving": 2, "validation": 0.2, "keep": 3, "schedule": fp.CosineDecay()},
    {"halving": 3, "cv": 2, "optimizer": fp.Adam()},
    {"halving": fp.Halving(2, min_epochs=2), "validation": 0.2, "early_stopping": fp.EarlyStopping(2, 0.01)},
    {"halving": fp.MedianStopping(2), "validation": 0.2, "keep": "all"},
]


def sweep(random, choices=SWEEPS, on_processes=False):
    """Return a sweep with a journal."""
    grid = {"learning_rate": np.geomspace(0.01, 3, int(random.integers(3, 16))), "seed": range(3)}
    grid |= pick(random, [{}, {"layer_sizes": [(4, 6, 3), (4, 9, 3)]}, {"batch_size": [8, 32]}])
    return swept(grid, {"epochs": int(random.integers(4, 13)), **pick(random, choices)}, on_processes)


def swept(grid, options, on_processes=False):
    """Return a sweep of a grid."""

    def run(folder, threads):
        journal = None if folder is None else folder / "journal.jsonl"
        begin = functools.partial(fp.sweep, (4, 6, 3), *three_classes(), grid, journal=journal, **options)
        if folder is None or not on_processes:
            return begin(threads=threads)
        with ProcessPoolExecutor(2, get_context("fork")) as executor:
            return begin(executor=executor)

    return Case(run, assert_same_result)


def population(random):
    """Return a population with a journal."""
    grid = {
        "learning_rate": np.geomspace(0.01, 3, 5),
        "momentum": [0.5, 0.9],
        "seed": range(int(random.integers(1, 4))),
    }
    how = {"search": fp.PopulationBased(epochs=2, share=0.4), "epochs": int(random.integers(4, 13))}
    return swept(
        grid, how | pick(random, [{"validation": 0.2, "keep": "all"}, {"cv": 3}, {"score": "accuracy", "cv": 2}])
    )


def search(random):
    """Return a search by a study in memory, which asks for the same again."""
    space = {"learning_rate": fp.loguniform(1e-3, 1), "layer_sizes": [(4, 3), (4, fp.integers(5, 9), 3)]}
    options = {"epochs": 6, "validation": 0.2, "samples": 24, **pick(random, [{}, {"halving": 2}, {"keep": "all"}])}
    seed = int(random.integers(100))

    def run(folder, threads):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=5))
        return swept(space, options | {"search": fp.OptunaSearch(study, at_once=8)}).run(folder, threads)

    return Case(run, assert_same_result)


def stored_search(random):
    """Return a search by a study in a data base. Its sampler has no state there, so that other trials may follow.

    The trials that it has told must be those of the result, with the losses of a sweep over their values.
    """
    options = {"epochs": 6, "validation": 0.2}
    samples = int(random.integers(10, 20))

    def study(folder):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        url = f"sqlite:///{folder / 'study.db'}"
        sampler = optuna.samplers.RandomSampler(seed=0)
        return optuna.create_study(storage=url, study_name="a", load_if_exists=True, sampler=sampler)

    def run(folder, threads):
        if folder is None:
            return None
        asked = study(folder)
        search = {"samples": samples, "search": fp.OptunaSearch(asked, at_once=4)}
        result = swept({"learning_rate": fp.loguniform(1e-3, 1)}, options | search).run(folder, threads)
        return result, [(each.state.name, each.params, each.value) for each in asked.trials]

    def check(found, _):
        result, trials = found
        told = {params["learning_rate"]: value for state, params, value in trials if state == "COMPLETE"}
        states = Counter(state for state, *_ in trials)
        assert (states["COMPLETE"], states["RUNNING"]) == (samples, 0)
        grid = [{"learning_rate": float(rate)} for rate in result.table["learning_rate"]]
        expected = swept(grid, options).run(None, 2)
        assert_same(result.history, expected.history, "history")
        assert [told[each["learning_rate"]] for each in grid] == expected.table["validation_loss"].tolist()

    return Case(run, check, prepare=study)


KINDS = {
    "checkpoint": checkpoint,
    "stream": stream,
    "sweep": sweep,
    "halving": functools.partial(sweep, choices=HALVINGS),
    "processes": functools.partial(sweep, choices=SWEEPS + HALVINGS, on_processes=True),
    "population": population,
    "search": search,
    "stored search": stored_search,
}

# ---- kills ----

CALLS = ("write", "fsync", "replace", "ftruncate", "unlink", "open")
"""Functions of the module `os` amid which a process kills itself; half of what it writes is written."""

MOMENTS = ("any time", "as a file changes", "amid a call")

TRIES = 20
"""How often a run is begun again that had ended before it was to be killed."""


def kill(run, folder, seconds, calls, random):
    """Begin a run in a forked process and kill it; return the moment and the group of its processes.

    Parameters
    ----------
    run : callable
    folder : Path
        Where its files are.
    seconds : float
        How long the whole run takes, about.
    calls : Counter
        How often the whole run calls functions of `CALLS`.
    random : numpy.random.Generator
    """
    for _ in range(TRIES):
        shutil.copytree(folder, before := folder.with_name("before"))
        moment, threads, share = pick(random, MOMENTS), int(random.integers(1, 4)), random.random()
        name = pick(random, sorted(calls))
        count = int(random.integers(1, 1 + (calls[name] if moment == "amid a call" else 8)))
        child = os.fork()
        if not child:
            do_in_child(run, folder, threads, (name, count) if moment == "amid a call" else None)
        if moment == "any time":
            time.sleep(share * seconds)
            os.kill(child, signal.SIGKILL)
        elif moment == "as a file changes":
            wait_for_changes(folder, count, child)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            shutil.rmtree(before)
            return moment if moment != MOMENTS[2] else f"amid {name}", child
        assert status == 0, f"a run ended with {status}"
        end_group(child)
        shutil.rmtree(folder)
        before.rename(folder)
        seconds *= 0.8
    raise AssertionError("a run ends before it can be killed")


def do_in_child(run, folder, threads, call):
    """Do a run in a forked process, which never returns, and which kills itself amid a `call`, if one is given."""
    os.setsid()
    if call is not None:
        kill_amid(*call)
    try:
        run(folder, threads)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def kill_amid(name, count):
    """Have this process kill itself amid the call number `count` of a function of `os`."""
    function, process, left = getattr(os, name), os.getpid(), [count]

    def killing(*arguments, **options):
        if os.getpid() == process:
            left[0] -= 1
            if left[0] == 0:
                if name == "write":
                    function(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                os.kill(process, signal.SIGKILL)
        return function(*arguments, **options)

    setattr(os, name, killing)


def counted(function):
    """Call a function; return how long it takes in seconds, and how often each function of `CALLS` is called."""
    calls, originals = Counter(), {name: getattr(os, name) for name in CALLS}

    def counting(name, *arguments, **options):
        calls[name] += 1
        return originals[name](*arguments, **options)

    for name in CALLS:
        setattr(os, name, functools.partial(counting, name))
    try:
        start = time.monotonic()
        function()
        return time.monotonic() - start, calls
    finally:
        for name in CALLS:
            setattr(os, name, originals[name])


def wait_for_changes(folder, count, child):
    """Wait until files in a folder have changed so many times, or a process has ended."""
    known = changes(folder)
    while count and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if (now := changes(folder)) != known:
            known, count = now, count - 1


def changes(folder):
    """Return what tells files of a folder from what they were."""
    found = []
    for entry in os.scandir(folder):
        with contextlib.suppress(FileNotFoundError):
            status = entry.stat()
            found.append((entry.name, status.st_ino, status.st_size, status.st_mtime_ns))
    return found


def end_group(group):
    """Kill all processes that a run has left: the workers of an executor whose owner was killed wait forever."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


# ---- the program ----


def kill_and_resume(kind, seed, kills):
    """Kill a run of a kind up to so many times, and check it after each one; return the moments of the kills."""
    random = np.random.default_rng(seed)
    case = KINDS[kind](random)
    expected = case.run(None, 2)
    moments = []
    with tempfile.TemporaryDirectory() as parent:
        folder, copy, whole = Path(parent, "run"), Path(parent, "copy"), Path(parent, "whole")
        for each in folder, whole:
            each.mkdir()
            case.prepare(each)
        seconds, calls = counted(lambda: case.check(case.run(whole, 1), expected))
        names = set(os.listdir(whole))
        for _ in range(kills):
            moment, group = kill(case.run, folder, seconds, calls, random)
            moments.append(moment)
            shutil.copytree(folder, copy)
            is_unfinished = any(name.endswith(".part") for name in os.listdir(copy))
            moments[-1] += ", a file unfinished" if is_unfinished else ""
            case.check(case.run(copy, int(random.integers(1, 4))), expected)
            left = set(os.listdir(copy)) - names
            assert kind == "stream" or not left, f"files are left: {left}"
            end_group(group)
            shutil.rmtree(copy)
    return moments


def main(arguments=None):
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, help="kills")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    cost_model.MEMBER_CYCLES = 1  # so that a network this small is shared by all threads
    done, random, case = Counter(), np.random.default_rng(options.seed), 0
    while done.total() < options.count:
        kind = options.kinds[case % len(options.kinds)]
        kills = min(int(random.integers(1, 4)), options.count - done.total())
        seed = [options.seed, case]
        try:
            moments = kill_and_resume(kind, seed, kills)
        except BaseException:
            print(f"{kind}, seed {seed}", flush=True)
            raise
        done.update((kind, moment) for moment in moments)
        case += 1
    for (kind, moment), count in sorted(done.items()):
        print(f"{count:4} {kind}: {moment}")
    print(f"{done.total()} kills of {case} runs: each resumed to the bits of an undisturbed run")


if __name__ == "__main__":
    sys.exit(main())
