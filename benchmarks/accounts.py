"""Counts where the cycles of training go: ``python -m benchmarks.accounts [names of workloads …]``.

The kernels are compiled once more, with functions in place of some of their own that read the processor's counter
before and after; that takes some ten cycles each time. One thread trains one network, or one pack of a sweep. A line is
a pass over a layer, or another part of a minibatch, and its numbers are cycles of a core for each row: of all, of the
products in it, of what is copied or transposed for them, of activations and their derivatives, of updates, and what is
left. "minimum" is what the products' multiply-adds take at the peak.
"""

import argparse
import inspect
import time

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

import fastprop as fp
from fastprop.kernels import compiler, dense, epochs, minibatch, narrow_output, peak, unrolled
from fastprop.kernels.llvm import INT64, emit_call

from .cases import WORKLOADS, learning_rates, make_data
from .suites import make_network, make_options

NAMES = ("T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "S1", "S2", "S3", "S8")
"""The workloads that are counted if none is named."""

LAYER_PASSES = dict.fromkeys(("forward", "backward", "gradient"), dense)
"""The functions that are called for each layer, and the module through which they are called."""

OTHER_PASSES = {
    "fetch": minibatch,
    "fetch_targets": minibatch,
    "losses_and_deltas": minibatch,
    "unrolled_forward": minibatch,
    "unrolled_gradient": minibatch,
    "update_by_sum": minibatch,
    "arrange": epochs,
}
"""Likewise, the functions that are called once for all layers."""

PARTS = {
    "products": ((dense, "multiply"), (dense, "multiply_transposed"), (narrow_output, "multiply_transposed")),
    "packing": ((dense, "packed_strip"), (dense, "transpose"), (narrow_output, "transpose")),
    "activations": ((dense, "activate"), (dense, "differentiate"), (dense, "interleave_rows")),
    "updates": ((dense, "update"), (dense, "prefetch"), (narrow_output, "update"), (minibatch, "update")),
}
"""The parts of a pass: the functions, and the modules that call them."""

PASSES = (*LAYER_PASSES, *OTHER_PASSES)

LAYERS = 8
"""Layers of the deepest network that is counted."""

SECONDS = 1.0
"""How long a workload is counted, about."""

counts = np.zeros((1 + len(PARTS), len(PASSES) * LAYERS), np.int64)
"""What the counter has grown by in each pass over each layer, and then in each part of it."""

current = np.zeros(1, np.int64)
"""The pass that is at work, as an index of the columns of `counts`."""


# ---- counting ----


@intrinsic
def counter(typing_context):
    """Return the processor's counter, which grows at a constant rate."""

    def emit(context, builder, sig, args):
        return emit_call(builder, "llvm.readcyclecounter", INT64, [])

    return types.int64(), emit


@intrinsic
def read(typing_context, address, index):
    """Return the integer at an index of an array of which the address is known."""

    def emit(context, builder, sig, args):
        return builder.load(emit_element(builder, *args))

    return types.int64(address, index), emit


@intrinsic
def write(typing_context, address, index, value):
    """Write the integer at an index of an array of which the address is known."""

    def emit(context, builder, sig, args):
        builder.store(args[2], emit_element(builder, *args[:2]))
        return context.get_dummy_value()

    return types.void(address, index, value), emit


def emit_element(builder, address, index):
    """Return the LLVM pointer to an element of an array of integers."""
    return builder.gep(builder.inttoptr(address, ir.IntType(64).as_pointer()), [index])


COUNT = """
def count({parameters}):
    {begin}
    start = counter()
    result = function({parameters})
    slot = {row} + read(CURRENT, 0)
    write(COUNTS, slot, read(COUNTS, slot) + counter() - start)
    return result
"""


def counted(function, begin, row):
    """Return a function that does the same, and adds what the counter grows by to a row of `counts`.

    `begin` is a line of its code that comes first.
    """
    parameters = ", ".join(inspect.signature(function.py_func).parameters)
    names = {"function": function, "counter": counter, "read": read, "write": write}
    names |= {"COUNTS": counts.ctypes.data, "CURRENT": current.ctypes.data}
    exec(COUNT.format(parameters=parameters, begin=begin, row=row * counts.shape[1]), names)
    return compiler.inline(names["count"])


def count_kernels():
    """Put functions that count in the place of those that are counted, and have kernels compiled anew.

    They are not kept on the disk, as they know where the numbers of this process stand. Tiny networks are unrolled, as
    in long trainings.
    """
    unrolled.ROWS_ALONE = 0
    for index, (name, module) in enumerate((LAYER_PASSES | OTHER_PASSES).items()):
        column = f"{index * LAYERS} + layer" if name in LAYER_PASSES else f"{index * LAYERS}"
        setattr(module, name, counted(getattr(module, name), f"write(CURRENT, 0, {column})", 0))
    for index, functions in enumerate(PARTS.values()):
        for module, name in functions:
            setattr(module, name, counted(getattr(module, name), "pass", 1 + index))
    epochs.train, epochs.predict = (
        compiler.kernel(each.py_func, cached=False) for each in (epochs.train, epochs.predict)
    )


@compiler.kernel
def write_counter(result):
    """Write the processor's counter to an array."""
    # result (1,)
    result[0] = counter()


def counter_rate():
    """Return by how much the processor's counter grows in a second."""
    begin, end = np.zeros((2, 1), np.int64)
    write_counter(begin)
    write_counter(begin)
    start = time.perf_counter()
    time.sleep(0.2)
    write_counter(end)
    return (end[0] - begin[0]) / (time.perf_counter() - start)


# ---- workloads ----


def make_call(workload):
    """Return a function that trains a workload for a number of epochs: its network, or a pack of its sweep."""
    data, network = make_data(workload), make_network(workload)
    options = make_options(workload) | {"threads": 1, "seed": 0}
    grid = {"learning_rate": learning_rates(workload)[: compiler.LANES]}

    def call(epochs):
        if workload.configurations == 1:
            fp.train(network, *data, epochs=epochs, **options)
        else:
            fp.sweep(network, *data, grid, epochs=epochs, **options)

    return call


def account(workload, rate):
    """Return the lines of a workload's account, each a name and its numbers; the last is that of all."""
    call = make_call(workload)
    call(1)
    start = time.perf_counter()
    call(1)
    epochs = max(1, round(SECONDS / (time.perf_counter() - start)))
    call(epochs)  # which may compile other kernels than one epoch
    counts[...] = 0
    peak_before = peak.measure()
    start = time.perf_counter()
    call(epochs)
    seconds = time.perf_counter() - start
    cycles = 1e9 * (peak_before + peak.measure()) / 2 / (4 * compiler.LANES)  # of a core in a second
    rows, networks = workload.rows * epochs, min(workload.configurations, compiler.LANES)
    lines = []
    for index, name in enumerate(PASSES):
        for layer, (n_in, n_out) in enumerate(workload.layers):
            total, *parts = counts[:, index * LAYERS + layer] / rate * cycles / rows
            minimum = n_in * n_out * networks / (2 * compiler.LANES) if name in LAYER_PASSES else 0
            if total > 0:
                label = f"{name} {layer}" if name in LAYER_PASSES else name
                lines.append((label, total, *parts, total - sum(parts), minimum))
    known = np.sum([line[1:] for line in lines], axis=0)
    all_cycles = seconds * cycles / rows
    rest = all_cycles - known[0]
    lines.append(("everything else", rest, *[0] * len(PARTS), rest, 0))
    lines.append((f"**{workload.name}**", all_cycles, *known[1:-2], known[-2] + rest, known[-1]))
    return lines


def main():
    """Print the account of each workload."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=NAMES)
    names = parser.parse_args().names
    rate = counter_rate()
    count_kernels()
    for name in names:
        print(f"\n{WORKLOADS[name].task}\n\n| cycles a row | all | {' | '.join(PARTS)} | other | minimum |")
        print("|---" * (4 + len(PARTS)) + "|")
        for label, *numbers in account(WORKLOADS[name], rate):
            print(f"| {label} | {' | '.join(f'{number:.1f}' for number in numbers)} |", flush=True)


if __name__ == "__main__":
    main()
