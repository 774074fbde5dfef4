"""The categories of fastprop's warnings, by which a program can silence them or turn them into errors."""

import inspect
import warnings

__all__ = ["DataWarning", "DivergenceWarning"]


class DivergenceWarning(UserWarning):
    """A training diverged: its loss or its weights are no longer finite, or its loss says that it is of no use.

    A sweep warns if nothing finished, or if even the best is of no use.

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


def warn(message, category):
    """Warn of something in the data or in a run, at the line that called fastprop."""
    level = 1
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "fastprop":
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level)
