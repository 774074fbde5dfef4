"""``NUMBA_DISABLE_JIT=1``, as for a whole test run: the kernels say why they cannot run, and the reference trains."""

import pytest

from tests.processes import run_python

pytestmark = pytest.mark.slow

START = """
import numpy as np
import fastprop as fp
X = np.random.default_rng(0).normal(size=(60, 4))
y = (X[:, 0] > 0).astype(int)
network = fp.MLP((4, 5, 2), output="softmax")
grid = {"learning_rate": [0.1, 0.2]}
"""


def test_the_reference_trains_and_predicts():
    script = """
assert fp.train(network, X, y, epochs=30, batch_size=4, backend="reference", validation=0.2).score > 0.7
expected = fp.reference.forward(fp.reference.Network.of(network), X)[-1][1]
np.testing.assert_allclose(network.predict(X), expected, rtol=1e-6)
assert fp.sweep(network, X, y, grid, epochs=1, cv=2, backend="reference").finished.all()
"""
    run_python(START + script, NUMBA_DISABLE_JIT="1")


def test_the_kernels_name_the_variable():
    script = """
calls = {
    "train": lambda: fp.train(network, X, y, epochs=1),
    "sweep": lambda: fp.sweep(network, X, y, grid, epochs=1),
    "train_stream": lambda: fp.train_stream(network, [(X, y)]),
    "a pack": lambda: fp.sweep((4, 2, 2), X, y, {"seed": range(32)}, epochs=1),
}
for name, call in calls.items():
    try:
        call()
    except RuntimeError as error:
        assert "NUMBA_DISABLE_JIT is set: unset it" in str(error)
    else:
        raise AssertionError(name)
"""
    run_python(START + script, NUMBA_DISABLE_JIT="1")


def test_the_command_line_says_it_in_a_line():
    script = "from fastprop import cli; assert cli.main(['train', 'digits', '--epochs', '1']) == 2"
    run_python(script, NUMBA_DISABLE_JIT="1")
