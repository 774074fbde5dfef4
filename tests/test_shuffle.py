"""The kernels' order of rows is compared with the reference's, element by element."""

import numpy as np
import pytest

from fastprop import reference
from fastprop.kernels import shuffle as kernel
from tests.parts import compiled


@compiled
def shuffle(order, seed, epoch):
    kernel.shuffle(order, seed, epoch)


@pytest.mark.parametrize("rows", [1, 2, 3, 100, 4096])
@pytest.mark.parametrize("seed", [0, 1, 2**40 + 7, 2**63 - 1])
def test_an_order_is_the_references(rows, seed):
    for epoch in (0, 1, 1000):
        order = np.arange(rows)
        shuffle(order, seed, epoch)
        np.testing.assert_array_equal(order, reference.row_order(rows, seed, epoch))


def test_what_is_shuffled_may_be_any_rows():
    rows = np.array([5, 3, 90, 7])
    order = rows.copy()
    shuffle(order, 3, 2)
    np.testing.assert_array_equal(order, rows[reference.row_order(4, 3, 2)])
