"""Checks of arrays, and their conversion."""

import math
import numbers
from decimal import Decimal

import numpy as np

from fastprop.checks.spelling import remedies
from fastprop.checks.values import shown
from fastprop.row_blocks import row_blocks


def numeric(array, name):
    """Return `array` as an array of numbers."""
    given = as_array(array, name)
    if given.dtype.kind == "O" and given.ndim in (1, 2):
        given = numbers_of_objects(given, name)
    if given.dtype.kind == "O" and given.ndim == 0:
        raise TypeError(f"{name} must be an array of numbers, not {_described(array)}: make an array of it.")
    if given.dtype.kind not in "biuf":
        held = _HELD.get(given.dtype.kind, str(given.dtype))
        raise TypeError(f"{name} must hold numbers, not {held}: convert it to a numeric array.")
    return given


_HELD = {
    "U": "text",
    "T": "text",
    "S": "text in bytes",
    "M": "dates",
    "m": "times",
    "c": "complex numbers",
    "V": "records",
}
"""What an array holds, in words, by the kind of its dtype."""


def _described(thing):
    """Return in a few words what was given in place of an array: None, a generator, a dict."""
    return "None" if thing is None else f"a {type(thing).__name__}"


def refuse_masked(array, name):
    """Refuse an array of which elements are masked."""
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise ValueError(f"{name} is an array with masked elements: fill them, or leave out their rows.")


def as_array(array, name):
    """Return `array` as a dense array of any dtype."""
    refuse_masked(array, name)
    if hasattr(array, "toarray") or "sparse" in str(getattr(array, "layout", "")):
        raise TypeError(
            f"{name} is sparse, a {type(array).__name__}: make it dense, such as by {name}.toarray(), or make chunks "
            "of its rows dense one by one and give them to fp.train_stream."
        )
    if hasattr(array, "detach"):  # a tensor, which may have a gradient
        array = array.detach()
    try:
        return np.asarray(array)
    except ValueError:
        raise ValueError(f"{name} has rows of different lengths: give each row the same length.") from None
    except TypeError as error:
        raise TypeError(f"{name} cannot be made an array ({error}): convert it to a numeric array.") from None


def numbers_of_objects(array, name, columns=None):
    """Return an array of objects, (n,) or (n, m), as float64, if all are numbers or bools.

    `columns` are the names of the columns, if they have names.
    """
    copy = new_array(array.shape, np.float64, name)
    for rows in row_blocks(len(array), array[:1].size):
        some = array[rows]
        kinds = set(map(type, some.flat))
        if any(not _is_number(kind) for kind in kinds) or (some != some).any():
            _refuse_object(some, rows.start, name, columns)
        try:
            copy[rows] = some
        except OverflowError:
            raise ValueError(f"{name} holds an int that is too large for float64: divide by a constant.") from None
    return copy


def _is_number(kind):
    is_real = issubclass(kind, (numbers.Real, np.number, np.bool_, Decimal))
    return is_real and not issubclass(kind, (np.complexfloating, np.timedelta64))


def _refuse_object(block, first_row, name, columns):
    """Raise an error for the first object of a block of rows, of which one is no number or is NaN."""
    cells = np.ndenumerate(block)
    index, value = next((index, value) for index, value in cells if not _is_number(type(value)) or value != value)
    row = first_row + index[0]
    column = None if len(index) == 1 else shown_column(columns, index[1])
    if value is None or type(value).__name__ in ("NAType", "NaTType") or _is_number(type(value)):
        refuse_missing(name, row, column)
    raise TypeError(
        f"{name} holds {shown(value)} at {_position(row, column)}, which is no number: encode it as numbers, or leave "
        "it out."
    )


def refuse_missing(name, row, column=None):
    """Refuse an array or a data frame for a missing value; `column` is the text for a column, see `shown_column`."""
    raise ValueError(
        f"{name} has a missing value at {_position(row, column)}: fill missing values, or leave out their rows."
    )


def _position(row, column):
    return f"row {row}" if column is None else f"row {row}, column {column}"


def finite(array, dtype, name):
    """Return a matrix as a finite, C-contiguous, read-only array of `dtype`; without a copy if it is one already."""
    check_finite(array, name)
    copy = converted(array, dtype, name)
    if copy is not array:
        check_size(copy, array, name)
    return read_only(copy)


def check_finite(array, name, columns=None):
    """Refuse a matrix that holds NaN or infinity; `columns` are the names of its columns, if they have names.

    It is read a block of rows at a time, so that a file mapped into memory is never loaded as a whole.
    """
    for rows in row_blocks(*array.shape):
        bad = ~np.isfinite(array[rows])
        if bad.any():
            row, column = np.argwhere(bad)[0] + [rows.start, 0]
            refuse_infinite(array[row, column], name, row, shown_column(columns, column))


def has_nan(array):
    """Return whether a matrix holds NaN; it is read as `check_finite` does."""
    return array.dtype.kind == "f" and any(np.isnan(array[rows]).any() for rows in row_blocks(*array.shape))


def refuse_infinite(value, name, row, column):
    """Refuse a matrix for a `value` that is NaN or infinite; `column` is the text for it, see `shown_column`."""
    raise ValueError(
        f"{name} holds {value} at row {row}, column {column}: remove or replace values that are not finite."
    )


def shown_column(columns, column):
    """Return the name of a column for a message, or its index where columns have no names (None)."""
    return str(column) if columns is None else shown(columns[column])


def check_size(array, given, name):
    """Refuse a finite matrix that was `given` if some of it is infinite once it is converted, in `array`."""
    too_large = ~np.isfinite(array)
    if too_large.any():
        row, column = np.argwhere(too_large)[0]
        in_float64 = "make the network with dtype='float64'"
        raise ValueError(
            f"{name} holds {given[row, column]:g} at row {row}, column {column}, which is too large for "
            f"{array.dtype}: {remedies('correct it', dtype=in_float64)}, or divide by a constant."
        )


def converted(array, dtype, name):
    """Return `array` as a C-contiguous, aligned array of `dtype` in this machine's byte order; no copy if it is one."""
    if array.dtype == dtype and array.flags.c_contiguous and array.flags.aligned:
        return array
    copy = new_array(array.shape, dtype, name)
    with np.errstate(over="ignore"):
        copy[...] = array
    return copy


def new_array(shape, dtype, name):
    """Return a new array for a converted copy of the argument `name`."""
    try:
        return np.empty(shape, dtype)
    except MemoryError:
        size = math.prod(shape) * np.dtype(dtype).itemsize / 1e9
        raise MemoryError(
            f"{name} does not fit into memory as {dtype}, {size:.1f} GB: keep it in rows of {dtype} or uint8, "
            "which are read without a copy, or train on it in chunks, by fp.train_stream."
        ) from None


def read_only(array):
    """Return a view of an array that cannot be written."""
    view = array.view(np.ndarray)
    view.flags.writeable = False
    return view
