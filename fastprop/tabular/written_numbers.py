"""What counts as a written number: plain, with separators of thousands, or with a sign of money, percent or a unit."""

import re
from typing import NamedTuple

import numpy as np

from fastprop.integrations.arrow_columns import word_of

FEW_LEVELS = 20
"""Up to so many different numbers of a column may be levels, if other cells of the column hold words."""

SIGN = "[-+−]"
"""A regular expression of a sign before a number."""

MONEY = r"[$€£¥]|EUR|USD|GBP|CHF"
"""A regular expression of signs of money, before a number or behind it."""

UNITS = r"[kmc]?m|m²|m³|[km]?g|lbs?|mi|ft|in|m?l|m?s|min|h|°[CF]?|[kKM]"
"""A regular expression of units, behind a number that is written as a word."""

APOSTROPHES = "'’"
"""Apostrophes that may separate thousands."""

_ANYWHERE = APOSTROPHES + "\u00a0\u202f"
"""What may separate thousands whatever the decimal point is: apostrophes, and spaces at which no line ends."""

_SEPARATORS = {".": "," + _ANYWHERE, ",": "." + _ANYWHERE + " "}
"""By the decimal point, what may separate thousands."""


def is_number(cell, decimal=".,"):
    """Return whether a cell holds a number; `decimal` are the characters that may stand before its decimals.

    Examples
    --------
    >>> from fastprop.tabular.written_numbers import is_number
    >>> [is_number(cell) for cell in ("1.5", "1,5", "-2e3", "1,234,567", "red", "")]
    [True, True, True, False, False, False]
    >>> is_number("1.5", decimal=",")
    False
    """
    if "_" in cell or not cell.isascii() or any(mark in cell for mark in ".," if mark not in decimal):
        return False
    try:
        value_of(cell)
    except ValueError:
        return False
    return True


def value_of(cell):
    """Return the number that a cell holds, for which `is_number` must be true, with a point or a comma before decimals.

    Examples
    --------
    >>> from fastprop.tabular.written_numbers import value_of
    >>> value_of("1.5"), value_of("1,5")
    (1.5, 1.5)
    """
    return float(cell.replace(",", ".", 1))


def level_of(cell):
    """Return the level of a category that a cell of numbers is, or None if it holds no number.

    It is the same for 7 and 7.0, but digits stay as they are: 01234 and 1234 are two levels.

    Examples
    --------
    >>> from fastprop.tabular.written_numbers import level_of
    >>> [level_of(cell) for cell in ("7", "7.0", "1,5", "01234", "1234", "red")]
    ['7', '7', '1.5', '01234', '1234', None]
    """
    if re.fullmatch(r"[-+]?0\d+|-?\d+", cell):
        return cell
    return word_of(value_of(cell)) if is_number(cell) else None


def is_dressed_number(cell):
    """Return whether a cell holds a number with commas of thousands, a sign of money, percent or a short unit.

    Examples
    --------
    >>> from fastprop.tabular.written_numbers import is_dressed_number
    >>> [is_dressed_number(cell) for cell in ("$1,000", "-0.5%", "1 234 €", "12 kg", "5 CHF", "1.5", "room 7", "12B")]
    [True, True, True, True, True, True, False, False]
    """
    pattern = rf"{SIGN}?({MONEY})?\s?{SIGN}?\d[\d.,{APOSTROPHES}\s]*\s?({MONEY}|%|{UNITS})?"
    return re.fullmatch(pattern, cell.strip()) is not None


def are_numbers(words):
    """Return whether the different words of a column are numbers, but for some cells that are none.

    Numbers with decimal commas are among these, as commas may also be of thousands.
    """
    numbers = [value_of(word) for word in words if is_number(word)]
    has_decimals = any(number % 1 for number in numbers if np.isfinite(number))
    others = len(words) - len(numbers)
    return bool(numbers) and (others == 0 or len(numbers) > FEW_LEVELS or (has_decimals and others == 1))


class WrittenNumbers(NamedTuple):
    """The numbers that the words of a column are."""

    values: np.ndarray  # (words,) float64
    sign: str  # that stands with all of them, of money or "%"; mostly empty
    is_sure: bool  # whether what stands before decimals can be no separator, because these are not three


def numbers_of(words, dialect):
    """Return the `WrittenNumbers` of the different words of a column of a CSV file, or None if they are no numbers.

    All must have the same sign, and the same separator of thousands. 12% is 0.12, as in a spreadsheet. Without a sign,
    some must have a separator, because else the column was read as numbers, or has other words. Where a comma may be
    either, as in 1,250 €, it is a separator in files with commas between the cells, and in others that is not known.
    In files without decimal commas elsewhere, a column has decimal commas if not all numbers have three decimals.

    Examples
    --------
    >>> from fastprop.tabular.dialect import Dialect
    >>> from fastprop.tabular.written_numbers import numbers_of
    >>> comma, semicolon = (Dialect(delimiter, ".", "utf-8", 1, (), (), ()) for delimiter in ",;")
    >>> numbers_of(("$1,250", "-$3.50"), comma).values.tolist()
    [1250.0, -3.5]
    >>> numbers_of(("1.250,5", "7"), semicolon).values.tolist()
    [1250.5, 7.0]
    >>> numbers_of(("12,5 %", "7 %"), semicolon).values.tolist()
    [0.125, 0.07]
    >>> numbers_of(("1,250 €", "1,300 €"), semicolon), numbers_of(("$5", "5 €"), comma), numbers_of(("5", "7"), comma)
    (None, None, None)
    """
    european = _read(words, ",")
    if dialect.decimal == ",":
        return european
    found = _read(words, ".")
    if found is None:
        return european if european is not None and european.is_sure else None
    if european is None or dialect.delimiter == "," or np.array_equal(european.values, found.values):
        return found
    return None


def _read(words, point):
    """Return the `WrittenNumbers` of words with this decimal point, or None."""
    grouped = rf"[1-9]\d{{0,2}}(?P<separator>[{_SEPARATORS[point]}])\d{{3}}(?:(?P=separator)\d{{3}})*"
    number = rf"(?P<whole>{grouped}|\d+)(?P<decimals>{re.escape(point)}\d+)?"
    pattern = re.compile(
        rf"(?P<minus>{SIGN}?)(?P<before>{MONEY})?\s?(?P<inner>{SIGN}?){number}\s?(?P<after>{MONEY}|%)?"
    )
    values, signs, separators, decimals = [], set(), set(), set()
    for word in words:
        match = pattern.fullmatch(word.strip())
        if match is None or (match["minus"] and match["inner"]) or (match["before"] and match["after"]):
            return None
        signs.add(match["before"] or match["after"] or "")
        separators.add(match["separator"])
        decimals.add(len(match["decimals"] or "") - 1)
        whole = match["whole"].replace(match["separator"] or "\0", "")
        value = float(f"{whole}.{(match['decimals'] or ' 0')[1:]}")
        values.append(-value if (match["minus"] or match["inner"]) in ("-", "−") else value)
    is_written = signs != {""} or separators - {None}
    if len(signs) != 1 or len(separators - {None}) > 1 or not is_written:
        return None
    (sign,) = signs
    return WrittenNumbers(np.array(values) / (100 if sign == "%" else 1), sign, bool(decimals - {-1, 3}))
