"""The measured peak counts the multiply-adds that run."""

import re

from fastprop.kernels import compiler, peak


def test_each_chain_that_is_counted_runs():
    spin = compiler.kernel(peak._run.py_func, cached=False)
    spin(1)
    (code,) = spin.inspect_llvm().values()
    calls = re.findall(r"call .*@llvm\.fma\.", code)
    assert calls
    assert len(calls) % peak._CHAINS == 0  # plain Numba compiles the loop twice
