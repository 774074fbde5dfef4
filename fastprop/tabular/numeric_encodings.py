"""How numbers of a table become features: as they are, robustly scaled, or piecewise linear by bins."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

MAX_BINS = 48
"""Largest number of bins of a column, in a piecewise-linear encoding."""

MIN_BINS = 8
"""Smallest number of bins of a column, if more numbers differ than `MAX_BINS` has edges."""

ROWS_OF_BIN = 50
"""Smallest number of rows of a bin, on average, where a column has more than `MIN_BINS`."""

SMOOTH_LIMIT = 3.0
"""A number that is robustly scaled comes near to this far from 0, but never reaches it."""

MAX_DISTANCE = 1e150
"""A number that is farther than so many quartile ranges from the median counts as this far, so that its square is
finite."""


SEARCHED = "standard", "piecewise"
"""The encodings that a search for a tuned ensemble tries, if it is told to search these; it begins with the first."""

SEARCH = "search"
"""What stands in the place of an encoding's name where `SEARCHED` are to be tried."""


class NumericEncoding(NamedTuple):
    """An encoding of the numbers of a column, whose constants are fitted to training rows.

    A number belongs to one of the features of its column, of which it has a value; those before it are 1 in this row,
    and those after it 0.
    """

    features: Callable  # (values (n,)) → the number of features of a column, by the values of all rows
    fit: Callable  # (values (m,), features) → the constants, a tuple of float, by the values of the training rows
    encode: (
        Callable  # (values (rows,), constants) → the index of each one's feature (rows,), or None, and its value there
    )
    is_valid: Callable  # (constants, features) → whether they can have been fitted
    note: str  # what a description of the column adds, with {features}


def bin_edges(values, bins):
    """Return the edges of quantile bins of some values, (at most bins + 1,) float64, ascending and all different.

    They are equally far apart in rank, and interpolated as `numpy.quantile` does by default. There are fewer where
    values repeat so often that edges are equal; where no more values than edges differ, each of these is an edge.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.tabular.numeric_encodings import bin_edges
    >>> bin_edges(np.array([1.0, 2, 3, 10, 10, 10]), 3).tolist()
    [1.0, 2.0, 3.0, 10.0]
    >>> bin_edges(np.array([1.0, 2, 3, 10, 10, 10]), 2).tolist()
    [1.0, 6.5, 10.0]
    """
    different = np.unique(values)
    if len(different) <= bins + 1:
        return different
    with np.errstate(over="ignore", invalid="ignore"):
        return np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)))


def _bins_of_all(values):
    return max(1, len(_edges(values)) - 1)


def _edges(values):
    """Return the edges of bins: of all values that differ, or if there are too many, of fewer bins for fewer rows."""
    different = np.unique(values)
    if len(different) <= MAX_BINS + 1:
        return different
    return bin_edges(values, min(MAX_BINS, max(MIN_BINS, len(values) // ROWS_OF_BIN)))


def _fitted_bins(values, bins):
    edges = _edges(values)
    return tuple((edges if len(edges) <= bins + 1 else bin_edges(values, bins)).tolist())


def piecewise(values, edges):
    """Return the bin of each value, (rows,) int, and how far the value is in it: 0 at its left edge, 1 at its right.

    Values without a difference, which have one edge, have no bins, for which None stands.

    The first and the last bin have no end, so that values outside of them are below 0 or above 1. This is the
    piecewise-linear encoding of Gorishniy, Rubachev and Babenko, "On Embeddings for Numerical Features in Tabular Deep
    Learning", NeurIPS 2022, equation 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.tabular.numeric_encodings import piecewise
    >>> bins, parts = piecewise(np.array([0.0, 15, 30, 60]), (10.0, 20.0, 40.0))
    >>> bins.tolist(), parts.tolist()
    ([0, 0, 1, 1], [-1.0, 0.5, 0.5, 2.0])
    """
    edges = np.asarray(edges)
    if len(edges) < 2:
        return None, np.zeros(len(values))
    bins = np.searchsorted(edges[1:-1], values, side="right")
    with np.errstate(over="ignore"):  # the check of inputs refuses infinity
        return bins, (values - edges[bins]) / (edges[bins + 1] - edges[bins])


def _fitted_scale(values, features):
    """Return the median, and the inverse of the quartile range, or of half the range, or 0 if all values are equal."""
    with np.errstate(over="ignore", invalid="ignore"):
        low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
        spread = high - low or (values.max() - values.min()) / 2
        return float(median), float(1 / max(spread, np.finfo(float).tiny)) if spread else 0.0


def robust(values, constants):
    """Return None, because there is one feature, and values that are robustly scaled, (rows,).

    With s = (x - median) / quartile range, x becomes s / √(1 + (s / 3)²), which is close to s about 0 and always
    between -3 and 3. This is the encoding of Holzmüller, Grinsztajn and Steinwart, "Better by Default: Strong Pre-Tuned
    MLPs and Boosted Trees on Tabular Data", NeurIPS 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.tabular.numeric_encodings import robust
    >>> robust(np.array([5.0, 7.0, 1e9]), (5.0, 0.5))[1].round(3).tolist()  # a median of 5, a quartile range of 2
    [0.0, 0.949, 3.0]
    """
    median, factor = constants
    with np.errstate(over="ignore"):
        scaled = np.clip((values - median) * factor, -MAX_DISTANCE, MAX_DISTANCE)
    return None, scaled / np.sqrt(1 + (scaled / SMOOTH_LIMIT) ** 2)


NUMERIC_ENCODINGS = {
    "standard": NumericEncoding(
        features=lambda values: 1,
        fit=lambda values, features: (),
        encode=lambda values, constants: (None, values),
        is_valid=lambda constants, features: features == 1 and not constants,
        note="",
    ),
    "robust": NumericEncoding(
        features=lambda values: 1,
        fit=_fitted_scale,
        encode=robust,
        is_valid=lambda constants, features: features == 1 and len(constants) == 2,
        note=", robustly scaled",
    ),
    "piecewise": NumericEncoding(
        features=_bins_of_all,
        fit=_fitted_bins,
        encode=piecewise,
        is_valid=lambda constants, features: (
            1 <= len(constants) <= features + 1 and all(a < b for a, b in zip(constants, constants[1:]))
        ),
        note=" in bins ({features})",
    ),
}
"""By name, what can become of the numbers of a table."""


def checked(name):
    """Return the name of a numeric encoding; ValueError if there is none of this name."""
    if name not in NUMERIC_ENCODINGS:
        raise ValueError(f"numeric_encoding is {name!r}: name one of {', '.join(map(repr, NUMERIC_ENCODINGS))}.")
    return name


def searched_names(encoding):
    """Return the names of the encodings that a search tries, (any number,), those first with which it begins.

    Parameters
    ----------
    encoding : str or sequence of str
        One name or several, or ``"search"``, which stands for `SEARCHED`.

    Raises
    ------
    ValueError
        If there is no encoding of a name, or none is named.

    Examples
    --------
    >>> from fastprop.tabular.numeric_encodings import searched_names
    >>> searched_names("robust"), searched_names(["standard", "robust"]), searched_names("search")
    (('robust',), ('standard', 'robust'), ('standard', 'piecewise'))
    """
    if isinstance(encoding, str):
        return SEARCHED if encoding == SEARCH else (checked(encoding),)
    names = tuple(dict.fromkeys(checked(name) for name in encoding))
    if not names:
        raise ValueError("numeric_encoding names no encoding: name one, or leave it out.")
    return names
