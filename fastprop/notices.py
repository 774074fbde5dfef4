"""The categories of fastprop's warnings, by which a program can silence them or turn them into errors."""

__all__ = ["DataWarning", "DivergenceWarning"]


class DivergenceWarning(UserWarning):
    """A training diverged: its loss or its weights are no longer finite, or nothing that a sweep trained finished.

    Examples
    --------
    >>> import warnings
    >>> import fastprop as fp
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", fp.DivergenceWarning)  # a training that diverges raises from here on
    """


class DataWarning(UserWarning):
    """The data can be trained on, but has something that its owner may not know, such as a class without a row.

    Examples
    --------
    >>> import warnings
    >>> import fastprop as fp
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", fp.DataWarning)  # the data is as it should be
    """
