"""Between pages that nobody may touch, kernels run; one that is off by one is killed, or is told by the checks."""

import shutil

import numpy as np
import pytest

from fastprop.kernels import compiler, layout
from tests.processes import ROOT, run_python

ROWS = 130  # two segments of 65 rows, which are no whole vectors; at 490 inputs their chunks of float64 have 61 rows


def test_whole_vectors_of_rows_of_a_narrow_layers_inputs_stand_in_the_workspace(dtype):
    (plan,), size = layout.plans((490, 1), ROWS, np.dtype(dtype), (False,))
    rows = -(-plan.strategy.chunk_rows // compiler.lanes(dtype)) * compiler.lanes(dtype)
    assert plan.strategy.name == layout.SEGMENTED
    assert plan.strategy.chunk_rows < rows
    end = plan.workspace.activations[-1] - plan.sizes.line + rows * (plan.sizes.line + plan.sizes.strides[0])
    assert end <= plan.workspace.outputs < size


TRAIN = """
from tests import guard_pages
guard_pages.install(at_front={at_front})
import numpy as np
import fastprop as fp
from tests import packs
random = np.random.default_rng(0)
for sizes in ((2, 2, 1), (5, 3, 2), (64, 32, 10), (300, 40, 17, 3), (500, 1), (20, 1)):
    for rows, batch_size in ((7, 3), (130, 130), (300, 64), (700, 300)):
        X = random.normal(size=(rows, sizes[0])).astype(np.float32)
        y = random.uniform(size=(rows, sizes[-1])).astype(np.float32)
        for width in (1, 2):
            networks = [fp.MLP(sizes, dtype="float32") for _ in range(width)]
            optimizers = [fp.Adam(0.01)] * width
            options = dict(epochs=2, batch_size=batch_size, loss="mse", seeds=range(width))
            packs.train(networks, X, y, optimizers=optimizers, **options)
            networks[0].predict(X)
        fp.train(networks[0], X, y, epochs=1, batch_size=batch_size, loss="mse", dropout=0.5, threads=2)
"""


@pytest.mark.slow
@pytest.mark.parametrize("at_front", [False, True], ids=["behind", "in front"])
def test_kernels_stay_within_each_part_of_the_workspace(at_front):
    run_python(TRAIN.format(at_front=at_front))


OFF_BY_ONE = """
import os
from tests import guard_pages
if os.environ["FASTPROP_CHECK_BOUNDS"] == "0":
    guard_pages.install()
import numpy as np
import fastprop as fp
network = fp.MLP((3, 2), dtype="float32")
network.predict(np.zeros((4, 3), np.float32))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("checks", "message"),
    [
        (
            "1",
            r"IndexError: The kernel predict was to read elements \d+ to \d+ of networks\.parameters, of which",
        ),
        ("0", "Fatal Python error: Segmentation fault"),
    ],
    ids=["checks", "guard pages"],
)
def test_a_forward_pass_that_is_off_by_one_row_of_weights_is_caught(tmp_path, checks, message):
    shutil.copytree(ROOT / "fastprop", tmp_path / "fastprop", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "guard_pages.py", tmp_path / "tests")
    dense = tmp_path / "fastprop" / "kernels" / "dense.py"
    right = "layer, depth = task.plan, task.memory, task.layer, 1 + task.plan.sizes.layers[task.layer]"
    assert dense.read_text().count(right) == 1
    dense.write_text(dense.read_text().replace(right, right.replace("1 +", "2 +")))
    with pytest.raises(RuntimeError, match=message):
        run_python(OFF_BY_ONE, tmp_path, FASTPROP_CHECK_BOUNDS=checks, NUMBA_CACHE_DIR=str(tmp_path / "cache"))
