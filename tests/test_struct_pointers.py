"""Struct pointers: the values that are read through them are those of the named tuple."""

from typing import NamedTuple

import numpy as np
import pytest
from numba.core.errors import TypingError

from fastprop.kernels.compiler import inline, noinline, refer, struct_pointers
from tests.parts import compiled


class Inner(NamedTuple):
    flag: bool
    words: np.ndarray
    marks: np.ndarray
    share: float


class Outer(NamedTuple):
    first: int
    table: np.ndarray
    inner: NamedTuple
    cube: np.ndarray
    last: int


class OuterByValue(Outer):
    """A type of its own, because Numba keeps what an intrinsic function makes of a type."""


@inline
def write_numbers(outer, out):
    out[0], out[1], out[2], out[3] = outer.first, outer.inner.flag, outer.inner.share, outer.last
    out[4], out[5], out[6] = len(outer.inner.words), outer.inner.words[-1], len(outer.table[1])
    out[7], out[8] = outer.cube.size, outer.inner.marks[1]


@noinline
def read(outer, out, table, cube):
    write_numbers(outer, out)
    for i in range(len(outer.table)):
        for j in range(len(outer.table[i])):
            table[i, j] = outer.table[i, j]
    for i in range(cube.size):
        cube.flat[i] = outer.cube.flat[i]
    outer.inner.words[0] = 7


def make_run():
    @compiled
    def run(outer, out, table, cube):
        read(refer(outer), out, table, cube)

    return run


@pytest.mark.parametrize("outer_type", [Outer, OuterByValue], ids=["by pointer", "by value"])
@pytest.mark.parametrize("flag", [False, True])
def test_every_field_is_what_the_tuple_holds(flag, outer_type, monkeypatch):
    monkeypatch.setattr(struct_pointers, "_ARRAYS_ARE_KNOWN", outer_type is Outer)  # else tuples go by value
    run = make_run()
    rng = np.random.default_rng(0)
    inner = Inner(flag, np.arange(5, dtype=np.uint32), np.array([False, True]), 0.25)
    outer = outer_type(-3, rng.normal(size=(2, 3)).astype(np.float32), inner, rng.normal(size=(2, 3, 4)), 2**62)
    out, table, cube = np.zeros(9), np.zeros((2, 3), np.float32), np.zeros((2, 3, 4))
    run(outer, out, table, cube)
    np.testing.assert_array_equal(out, [-3, flag, 0.25, 2.0**62, 5, 4, 3, 24, 1])
    np.testing.assert_array_equal(table, outer.table)
    np.testing.assert_array_equal(cube, outer.cube)
    assert inner.words[0] == 7


def test_arrays_with_strides_of_their_own_are_refused():
    outer = Outer(0, np.ones((3, 2)).T, Inner(True, np.zeros(1), np.zeros(2, bool), 0.0), np.zeros((1, 1, 1)), 0)
    with pytest.raises(TypingError, match="must be C-contiguous"):
        make_run()(outer, np.zeros(9), np.zeros((2, 3)), np.zeros((1, 1, 1)))
