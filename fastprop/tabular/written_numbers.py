"""Numbers that are written with separators of thousands, or with a sign of money or percent."""

import re
from typing import NamedTuple

import numpy as np

MONEY = r"[$€£¥]|EUR|USD|GBP|CHF"
"""A regular expression of signs of money, before a number or behind it."""

_ANYWHERE = "'’\u00a0\u202f"
"""What may separate thousands whatever the decimal point is: apostrophes, and spaces at which no line ends."""

_SEPARATORS = {".": "," + _ANYWHERE, ",": "." + _ANYWHERE + " "}
"""By the decimal point, what may separate thousands."""


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
    pattern = re.compile(rf"(?P<minus>[-+−]?)(?P<before>{MONEY})?\s?(?P<inner>[-+−]?){number}\s?(?P<after>{MONEY}|%)?")
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
