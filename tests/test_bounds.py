"""With ``FASTPROP_CHECK_BOUNDS=1`` a kernel that reaches outside an array raises an error that names both."""

import re
from typing import NamedTuple

import numpy as np
import pytest
from numba import types

from fastprop.kernels.compiler import CHECKED, address_of, call, noinline, refer
from fastprop.kernels.load_store import (
    address,
    advance,
    load,
    load_as,
    load_first_as,
    store,
    store_first,
    transpose_square,
)
from fastprop.kernels.pointers import pointer_type
from fastprop.kernels.tile import Operand, VectorOperand, multiply
from tests.parts import compiled, lane_count
from tests.processes import run_measured_python

checked = pytest.mark.skipif(not CHECKED, reason="needs FASTPROP_CHECK_BOUNDS=1")


class Inner(NamedTuple):
    numbers: np.ndarray


class Outer(NamedTuple):
    first: int
    inner: NamedTuple
    table: np.ndarray


@compiled
def load_vector(array, index, out):
    store(out, 0, load(array, index))


@compiled
def store_vector(array, index, out):
    store(array, index, 0)


@compiled
def load_part(array, index, out):
    store(out, 0, load_first_as(array, array, index, 2))


@compiled
def load_bytes(array, out):
    store(out, 0, load_as(out, array, len(array) - len(out)))
    store(out, 0, load_first_as(out, array, len(array) - 1, 1))


@compiled
def store_part(array, index, out):
    store_first(array, index, load(out, 0), 2)


@compiled
def by_pointer(array, index, out):
    out[0] = advance(address(array, 0), index)[0]


@compiled
def by_index(array, index, out):
    out[0] = array[index]


@compiled
def assigned(array, index, out):
    array[index] = out[0]


@compiled
def assigned_in_place(array, index, out):
    array[index] += 1


@compiled
def from_the_end(array, index, out):
    out[0] = array[-1]


@compiled
def squares(array, index, out):
    transpose_square(array, index, 0, array, 0, 0)


@compiled
def tiled(array, index, out):
    a, b, c = Operand(address(out, 0), 1), VectorOperand(address(array, index), 0, 0), Operand(address(out, 0), 0)
    multiply(a, b, c, 1, 1, 2, False)


@noinline
def read_field(outer, index, out):
    out[0] = outer.inner.numbers[index]


LENGTH = 40
FUNCTIONS = {  # the verb, and how many elements are reached, as a number or in vectors
    load_vector: ("read", None),
    store_vector: ("write", None),
    load_part: ("read", 2),
    store_part: ("write", 2),
    by_pointer: ("read", 1),
    by_index: ("read", 1),
    assigned: ("write", 1),
    assigned_in_place: ("read", 1),
    squares: ("read", None),
    tiled: ("read", None),
}


def sentence(kernel, verb, first, count, name, last):
    elements = f"element {first}" if count == 1 else f"elements {first} to {first + count - 1}"
    return re.escape(f"The kernel {kernel} was to {verb} {elements} of {name}, of which it has elements 0 to {last}: ")


def test_bytes_are_read_to_the_last_one():
    numbers = np.arange(LENGTH + 1, dtype=np.uint8)
    for dtype in (np.float32, np.float64):
        out = np.ones(lane_count(np.zeros(1, dtype)), dtype)
        load_bytes(numbers, out)
        assert out.tolist() == [LENGTH] + [0] * (len(out) - 1)


IN_A_PROCESS_THAT_CHECKS = """
from fastprop.kernels.compiler import CHECKED, STOCK
from tests import test_bounds
assert CHECKED
for name, test in vars(test_bounds).items():
    if name.startswith("test_") and not getattr(test, "pytestmark", [])[1:]:
        test()
for function in test_bounds.FUNCTIONS:
    test_bounds.test_each_way_to_memory_is_checked_at_both_ends(function)
print(STOCK)
"""


@pytest.mark.slow
@pytest.mark.skipif(CHECKED, reason="this process checks")
@pytest.mark.parametrize("stock", [False, True])
def test_kernels_check_bounds_where_the_variable_asks_for_it(stock, tmp_path):
    printed = run_measured_python(
        IN_A_PROCESS_THAT_CHECKS,
        FASTPROP_CHECK_BOUNDS="1",
        FASTPROP_STOCK_NUMBA=str(int(stock)),
        NUMBA_CACHE_DIR=str(tmp_path),
    )
    assert printed == f"{stock}\n"


@checked
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_each_way_to_memory_is_checked_at_both_ends(function):
    verb, count = FUNCTIONS[function]
    array = np.zeros(LENGTH, np.float32)
    out = np.zeros(64, np.float32)
    count = count or lane_count(array)
    for index in (0, LENGTH - count):
        function(array, index, out)
    for index in (-1, LENGTH - count + 1, -(2**40), 2**40):
        with pytest.raises(IndexError, match=sentence(function.__name__, verb, index, count, "array", LENGTH - 1)):
            function(array, index, out)
    assert from_the_end(array, 0, out) is None


@compiled
def element_of_table(outer, row, column):
    outer.table[row, column] = outer.first


@checked
def test_an_array_is_named_by_the_fields_that_lead_to_it():
    outer = Outer(3, Inner(np.zeros(5)), np.zeros((4, 6)))

    @compiled
    def run(outer, index, out):
        read_field(refer(outer), index, out)

    run(outer, 4, np.zeros(1))
    with pytest.raises(IndexError, match=sentence("run", "read", 5, 1, "outer.inner.numbers", 4)):
        run(outer, 5, np.zeros(1))
    element_of_table(outer, 3, 5)
    assert outer.table[3, 5] == 3
    for row, column, message in [
        (1, 6, "element 12 of outer.table, of which it has elements 6 to 11: "),  # the next row is another row
        (4, 0, "element 24 of outer.table, of which it has elements 0 to 23: "),
    ]:
        with pytest.raises(IndexError, match=message):
            element_of_table(outer, row, column)


@checked
@pytest.mark.parametrize("axis", [np.zeros(6)[None], np.zeros((1, 6))[::-1], np.zeros((1, 6))[:, ::-1]])
def test_axes_of_any_stride_have_their_length(axis):
    outer = Outer(3, Inner(np.zeros(1)), axis)
    for column in (0, 5):
        element_of_table(outer, 0, column)
        assert axis[0, column] == 3
    for row, column in ((1, 0), (-1, 0), (0, 6), (0, -1)):
        with pytest.raises(IndexError, match="The kernel element_of_table was to write"):
            element_of_table(outer, row, column)


@checked
def test_of_an_empty_array_there_is_nothing():
    with pytest.raises(IndexError, match=re.escape("element 0 of array, of which it has none: ")):
        by_index(np.zeros(0), 0, np.zeros(1))


@compiled
def read_by_pointer(no_value, pointer, index):
    if pointer[index] != 0:
        return


CONSTANT = np.arange(3.0)


@compiled
def read_constant(index, out):
    out[0] = CONSTANT[index]


@checked
def test_an_array_that_is_no_argument_is_told_by_its_bytes():
    out = np.zeros(1)
    read_constant(2, out)
    assert out[0] == 2
    words = "was to read bytes 24 to 31 of an array of 24 bytes that is none of its arguments"
    with pytest.raises(IndexError, match=words):
        read_constant(3, out)


@compiled
def sum_of_slice(array, begin, end, out):
    part = array[begin:end, 1]
    for row in range(len(part)):
        out[0] += part[row]


@checked
def test_slices_are_cut_to_what_is_there():
    out = np.zeros(1)
    sum_of_slice(np.arange(6.0).reshape(3, 2), 1, 9, out)
    assert out[0] == 3 + 5


@checked
def test_kernels_that_are_called_by_address_end_their_caller():
    pointer = pointer_type(types.float32)
    called = address_of(read_by_pointer, (types.voidptr, pointer, types.intp))

    @compiled
    def run(where, array, index):
        call(where, (address(array, 0), index))
        array[0] = 7

    array = np.zeros(3, np.float32)
    run(called, array, 2)
    assert array[0] == 7
    array[0] = 0
    with pytest.raises(IndexError, match=sentence("run", "read", 3, 1, "array", 2)):
        run(called, array, 3)
    assert array[0] == 0
