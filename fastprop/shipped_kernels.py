"""Adds the kernels that most calls need to the package, as LLVM bitcode: what the build of a wheel runs.

A machine that has no compiled kernel makes its own of them, see `kernels/compiler/bitcode.py`, in a tenth of the time.
These are the kernels of float32: training of one network, training of a pack, and prediction, for each kind of
vectors that processors of this architecture have. What a call needs beside them is compiled as ever.

``python -m fastprop.shipped_kernels`` adds them in place, to a package that is no installed one.
"""

import os
import shutil
import subprocess
import sys

import numpy as np

from fastprop.data import Dataset, Origin, Split
from fastprop.kernels import compiler, epochs
from fastprop.kernels.compiler import bitcode
from fastprop.network import MLP
from fastprop.runs import TrainingOptions, kernel_arguments, packed_state, prediction

_X86_MACHINES = [
    {"NUMBA_CPU_NAME": "x86-64-v3", "NUMBA_CPU_FEATURES": "+avx2,+fma"},
    {"NUMBA_CPU_NAME": "x86-64-v4", "NUMBA_CPU_FEATURES": "+avx2,+fma,+avx512f,+avx512vl"},
]
"""What stands for the two kinds of x86-64 processors to Numba: 16 registers of 8 float32, and 32 registers of 16."""


def add_all():
    """Add the kernels for each kind of processor, and remove those that were there before."""
    shutil.rmtree(bitcode.FOLDER, ignore_errors=True)
    machines = _X86_MACHINES if compiler.IS_X86 else [{}]
    command = [sys.executable, "-c", "from fastprop.shipped_kernels import add; add()"]
    processes = [subprocess.Popen(command, env=os.environ | machine) for machine in machines]
    codes = [process.wait() for process in processes]
    if any(codes):
        raise RuntimeError("the kernels cannot be compiled: the error stands above.")


def add():
    """Add the kernels for the processor that Numba compiles for. None of them runs, because this one may have less."""
    network = MLP((1, 1))
    data = Dataset.of(np.zeros((2, 1)), np.zeros(2), network, "mse")
    split = Split.of(None, data, network, "mse").readable(network.dtype, Origin.of_network(network))
    options = TrainingOptions(epochs=1, batch_size=1, loss="mse")
    for width in (1, compiler.lanes(network.dtype)):
        options_of_lanes = [options._replace(seed=lane) for lane in range(width)]
        state = packed_state.PackedState([network] * width, options_of_lanes, 1)
        compiler.add_to_package(epochs.train, kernel_arguments.training(state, split, options_of_lanes, 1))
    inputs, outputs = split.data.inputs, np.empty((1, 2, 1), network.dtype)
    argument = kernel_arguments.networks_argument([network], inputs)
    predictor = prediction.Predictor(network, len(split.rows))
    compiler.add_to_package(epochs.predict, predictor.arguments(argument, inputs, split.rows, outputs))


if __name__ == "__main__":
    add_all()
