"""Works for a long time in one process, and says whether anything was left over: memory, threads, files, time.

    python -m benchmarks.soak MINUTES [--seed N]

Trainings, streams, sweeps on threads and on processes, predictions, saved and loaded files, refusals and exceptions
come in random order. About a third of them are broken off by Ctrl-C at a random moment. A line is printed every
`SAMPLE_SECONDS`; the last lines compare the second quarter of the run with its last one. The program ends with code 1
if something grew. Linux only, since it reads ``/proc``.
"""

import argparse
import contextlib
import functools
import gc
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np

import fastprop as fp
from fastprop import interrupts

SAMPLE_SECONDS = 10
"""Seconds between two samples."""

MEMORY_GROWTH = 8
"""MiB by which the memory may differ between the quarters that are compared."""

TIME_GROWTH = 1.15
"""How many times longer the fastest probe of the last quarter may take."""

INTERRUPTED = 0.35
"""Share of the activities that Ctrl-C breaks off."""

LATEST = 0.4
"""Seconds after which Ctrl-C comes at the latest."""

X, Y = fp.datasets.digits()
SIZES = (64, 16, 10)
OPTIMIZERS = (fp.SGD(0.1, momentum=0.9), fp.Adam(), fp.RMSprop(), fp.Lion(1e-4))


# ---- activities: each takes a random generator and an empty folder ----


def train(random, folder):
    """Train a network of a random size on some rows; kernels are run by one or two threads, or the reference is."""
    rows = random.integers(200, len(X))
    options = {
        "optimizer": OPTIMIZERS[random.integers(len(OPTIMIZERS))],
        "validation": [None, 0.2][random.integers(2)],
        "dropout": [0.0, 0.2][random.integers(2)],
        "batch_size": int(random.choice([8, 32, 100])),
    }
    if (choice := random.random()) < 0.5:
        options["checkpoint"] = fp.Checkpoint(folder / "checkpoint", epochs=1)
    elif choice < 0.6:
        options["backend"] = "reference"
    dtype = ["float32", "float64"][random.integers(2)]
    network = fp.MLP((64, int(random.integers(1, 80)), 10), output="softmax", seed=0, dtype=dtype)
    fp.train(network, X[:rows], Y[:rows], epochs=8, threads=int(random.integers(1, 3)), **options)


def train_and_resume(random, folder):
    """Train with a checkpoint, and go on from it with a network that was saved and loaded."""
    network = fp.MLP(SIZES, output="softmax", seed=int(random.integers(100)))
    options = {"checkpoint": fp.Checkpoint(folder / "checkpoint", epochs=2), "resume": True, "optimizer": fp.Adam()}
    fp.train(network, X, Y, epochs=4, **options)
    network.save(folder / "network.safetensors")
    fp.train(fp.load(folder / "network.safetensors"), X, Y, epochs=8, **options)


def stream(random, folder):
    """Train on chunks."""
    size = int(random.integers(100, 600))
    chunks = ((X[first : first + size], Y[first : first + size]) for first in range(0, len(X), size))
    fp.train_stream(fp.MLP(SIZES, output="softmax", seed=0), chunks, optimizer=fp.Adam())


def sweep(random, folder, **options):
    """Sweep over rates and seeds, by halving or with folds, and with a journal or without."""
    grid = {"learning_rate": np.geomspace(0.001, 1, int(random.integers(2, 20))), "seed": [0, 1]}
    options |= [{"validation": 0.2}, {"validation": 0.2, "halving": 2}, {"cv": 3}][random.integers(3)]
    if random.random() < 0.5:
        options["journal"] = folder / "journal.jsonl"
    result = fp.sweep(SIZES, X, Y, grid, epochs=4, keep=3, **options)
    if result.networks:
        result.save(folder / "result.npz")
        fp.load_sweep(folder / "result.npz")


def predict(random, folder):
    """Predict many rows with a network that was loaded."""
    network = fp.MLP((64, 50, 10), output="softmax", seed=0)
    network.save(folder / "network.safetensors")
    fp.load(folder / "network.safetensors").predict(np.tile(X, (int(random.integers(1, 20)), 1)))


def fail(random, folder):
    """Make calls that end in an exception: of a score, of a callback, of a file and of an option."""

    def broken(*arguments):
        raise LookupError

    grid = {"seed": range(20)}
    Path(folder, "journal.jsonl").write_text("no journal")
    with contextlib.suppress(LookupError):
        fp.sweep(SIZES, X, Y, grid, epochs=1, validation=0.2, score=broken)
    with contextlib.suppress(LookupError):
        fp.train(fp.MLP(SIZES, output="softmax"), X, Y, epochs=3, callback=broken)
    with contextlib.suppress(ValueError):
        fp.sweep(SIZES, X, Y, grid, epochs=1, journal=folder / "journal.jsonl")
    with contextlib.suppress(ValueError):
        fp.load(folder / "journal.jsonl")
    with contextlib.suppress(ValueError):
        fp.train(fp.MLP(SIZES, output="softmax"), X, Y, epochs=-1)


def on_threads(activity):
    """Return what makes a context with a function that does an activity."""
    return lambda: contextlib.nullcontext(activity)


@contextlib.contextmanager
def on_processes():
    """Yield a function that sweeps on two processes, which end with the block."""
    with ProcessPoolExecutor(2, get_context("spawn")) as executor:
        yield functools.partial(sweep, executor=executor)


ACTIVITIES = {each.__name__: on_threads(each) for each in (train, train_and_resume, stream, sweep, predict, fail)}
ACTIVITIES["sweep on processes"] = on_processes
FREQUENCIES = (6, 2, 3, 6, 2, 1, 1)


def do(name, random, *, is_interrupted):
    """Do an activity in a folder of its own; return whether Ctrl-C came before it had ended."""
    with tempfile.TemporaryDirectory() as folder, ACTIVITIES[name]() as activity:
        if not is_interrupted:
            activity(random, Path(folder))
            return False
        main = threading.main_thread().ident
        timer = threading.Timer(random.uniform(0, LATEST), signal.pthread_kill, (main, signal.SIGINT))
        ended_before = False
        interrupts.forget()  # a second Ctrl-C would end the script
        try:
            timer.start()
            activity(random, Path(folder))
            ended_before = timer.is_alive()
            timer.join()
            time.sleep(0.01)  # so that the handler runs here
        except KeyboardInterrupt:
            pass
        return not ended_before


# ---- samples ----


class Sample(NamedTuple):
    """What a process has at a time, after the garbage collector has run."""

    minutes: float  # since the beginning
    memory: float  # resident, in MiB
    threads: int
    children: int  # processes
    descriptors: int  # open files
    files: int  # files and folders in the folder for temporary files
    probe: float  # processor time of the same short training, in ms

    def __str__(self):
        return (
            f"{self.minutes:6.2f} min  {self.memory:7.1f} MiB  {self.threads} threads  {self.children} children  "
            f"{self.descriptors} descriptors  {self.files} files  probe {self.probe:6.2f} ms"
        )


COUNTS = ("threads", "children", "descriptors", "files")


def sample(start):
    """Return the `Sample` of now. A thread or a process that is about to end is waited for, up to a second."""
    gc.collect()
    before = counts()
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        time.sleep(0.05)
        before = [min(pair) for pair in zip(before, counts())]
    status = Path("/proc/self/status").read_text().split()
    memory = int(status[status.index("VmRSS:") + 1]) / 1024
    return Sample((time.monotonic() - start) / 60, memory, *before, min(probe() for _ in range(5)))


def counts():
    """Return the values of `COUNTS`."""
    tasks = list(Path("/proc/self/task").iterdir())
    children = []
    for task in tasks:
        with contextlib.suppress(OSError):  # the thread has ended
            children += (task / "children").read_text().split()
    descriptors = len(os.listdir("/proc/self/fd")) - 1  # without that of this folder
    return len(tasks), len(children), descriptors, len(os.listdir(tempfile.gettempdir()))


def probe():
    """Return the processor time of a short training on one thread, in ms."""
    network = fp.MLP(SIZES, output="softmax", seed=0)
    before = time.process_time()
    fp.train(network, X, Y, epochs=2, threads=1)
    return (time.process_time() - before) * 1e3


# ---- the run ----


def work(minutes, seed):
    """Work for some minutes; return the samples and how often each activity was done."""
    random = np.random.default_rng(seed)
    for name in ACTIVITIES:  # compiles the kernels
        do(name, random, is_interrupted=False)
    start = time.monotonic()
    samples, done = [sample(start)], Counter()
    shares = np.array(FREQUENCIES) / sum(FREQUENCIES)
    while time.monotonic() < start + 60 * minutes:
        due = time.monotonic() + SAMPLE_SECONDS
        while time.monotonic() < due:
            name = str(random.choice(list(ACTIVITIES), p=shares))
            is_interrupted = do(name, random, is_interrupted=random.random() < INTERRUPTED)
            done[name, is_interrupted] += 1
        samples.append(sample(start))
        print(samples[-1], f" {done.total()} activities", flush=True)
    return samples, done


def growth(samples):
    """Return sentences about what grew from the second quarter of the samples to the last one."""
    quarter = max(1, len(samples) // 4)
    early, late = (Sample(*zip(*each)) for each in (samples[quarter : 2 * quarter], samples[-quarter:]))
    found = []
    memory = np.median(late.memory) - np.median(early.memory)
    if memory > MEMORY_GROWTH:
        found.append(f"the memory grew by {memory:.1f} MiB")
    if min(late.probe) > TIME_GROWTH * min(early.probe):
        found.append(f"the probe takes {min(late.probe):.2f} ms, and took {min(early.probe):.2f} ms")
    for name in COUNTS:
        before, after = min(getattr(early, name)), samples[-1]._asdict()[name]
        if after > before:
            found.append(f"there are {after} {name}, and were {before}")
    return found


def report(samples, done):
    """Print what was done and what grew; return whether anything did."""
    quarter = max(1, len(samples) // 4)
    for name in ACTIVITIES:
        print(f"{name}: {done[name, False]} whole, {done[name, True]} broken off")
    for title, part in (
        ("first", samples[:1]),
        ("second quarter", samples[quarter : 2 * quarter]),
        (
            "last quarter",
            samples[-quarter:],
        ),
    ):
        memory, probes = [each.memory for each in part], [each.probe for each in part]
        print(
            f"{title}: {np.median(memory):.1f} MiB (up to {max(memory):.1f}), "
            f"probe {min(probes):.2f} to {max(probes):.2f} ms"
        )
    print("last:", samples[-1])
    found = growth(samples)
    print("\n".join(found) or "nothing grew")
    return bool(found)


def main():
    """Run the program; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("minutes", type=float)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has programs in the background ignore Ctrl-C
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        os.environ["TMPDIR"] = folder  # of the workers
        try:
            return report(*work(arguments.minutes, arguments.seed))
        except Exception:
            traceback.print_exc()
            return 1
        finally:
            tempfile.tempdir = None


if __name__ == "__main__":
    sys.exit(main())
