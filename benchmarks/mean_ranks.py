"""Ranks of methods on tables, their means, and how sure these are."""

import numpy as np

RESAMPLES = 10_000
"""Sets of tables that are drawn for an interval."""


def ranks(errors):
    """Return the rank of each method on each table, from 1 for the smallest error; equal ones share their mean rank.

    Parameters
    ----------
    errors : array_like
        (tables, methods).

    Examples
    --------
    >>> ranks([[0.1, 0.3, 0.1]])
    array([[1.5, 3. , 1.5]])
    """
    errors = np.asarray(errors)
    smaller = (errors[:, None, :] < errors[:, :, None]).sum(axis=2)
    equal = (errors[:, None, :] == errors[:, :, None]).sum(axis=2)
    return smaller + (equal + 1) / 2


def intervals(of_tables, seed=0):
    """Return the mean rank of each method, and the ends of the 95 % interval of it, (3, methods).

    Tables are drawn with replacement, as many as there are (Efron, "Bootstrap methods: another look at the jackknife",
    Annals of Statistics 7, 1979).

    Parameters
    ----------
    of_tables : ndarray
        (tables, methods) ranks.
    """
    tables = len(of_tables)
    drawn = np.random.default_rng(seed).integers(tables, size=(RESAMPLES, tables))
    means = of_tables[drawn].mean(axis=1)
    return np.vstack([of_tables.mean(axis=0), np.percentile(means, [2.5, 97.5], axis=0)])
