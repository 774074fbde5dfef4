"""Checks of single values: numbers, flags, names, objects, files."""

import math
import numbers
import os

import numpy as np

from fastprop.checks.spelling import argument, shortened
from fastprop.files import resolved


def shown(value):
    """Return `value` as text for a message: on one line, of at most 60 characters."""
    return shortened(repr(value))


def whole_number(value, name, minimum=1, maximum=None):
    """Return `value` as an int from `minimum` to `maximum` that an int64 holds: kernels and NumPy take it as one."""
    if not is_whole(value):
        raise TypeError(
            f"{argument(name)} must be a whole number, not {shown(value)}: give an int of at least {minimum}."
        )
    if value < minimum:
        raise ValueError(f"{argument(name)} must be at least {minimum}, not {value}: give a larger number.")
    if maximum is not None and value > maximum:
        raise ValueError(f"{argument(name)} must be at most {maximum}, not {value}: give a smaller number.")
    if value >= 2**63:
        raise ValueError(f"{argument(name)} must be below 2**63, not {value}: give a smaller number.")
    return int(value)


def is_whole(value):
    """Return whether `value` is a whole number, which may be a float: 16 and 16.0 are, 16.5 and True are not."""
    if isinstance(value, bool) or not isinstance(value, (int, numbers.Real)):
        return False
    return isinstance(value, (int, numbers.Integral)) or value == value // 1


def number(value, name, minimum=0.0, below=np.inf):
    """Return `value` as a finite float with `minimum` ≤ value < `below`."""
    if isinstance(value, bool) or not isinstance(value, (float, int, numbers.Real)):
        raise TypeError(f"{argument(name)} must be a number, not {shown(value)}: give a float.")
    if not minimum <= value < below or not math.isfinite(value):
        limits = [f"at least {minimum:g}"] if np.isfinite(minimum) else []
        limits.append(f"below {below:g}" if np.isfinite(below) else "finite")
        raise ValueError(f"{argument(name)} must be {' and '.join(limits)}, not {value}: give a number in that range.")
    return float(value)


def positive(value, name):
    """Return `value` as a finite float above 0."""
    value = number(value, name, minimum=-np.inf)
    if value <= 0:
        raise ValueError(f"{argument(name)} must be above 0, not {value}: give a number in that range.")
    return value


def number_fields(options, *names, **limits):
    """Convert the named fields of a frozen dataclass to floats within `limits`, those of `number`."""
    for name in names:
        object.__setattr__(options, name, number(getattr(options, name), name, **limits))


def between(value, name, low, high):
    """Return `value` as a float with `low` < value < `high`."""
    value = number(value, name, minimum=-np.inf)
    if not low < value < high:
        raise ValueError(
            f"{argument(name)} must be above {low:g} and below {high:g}, not {value}: give a number in that range."
        )
    return value


def flag(value, name):
    """Return `value`, which must be True or False, as a bool."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{argument(name)} must be True or False, not {shown(value)}: give one of these.")
    return bool(value)


def choice(value, name, known):
    """Return `value`, which must be one of the names `known`."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(
            f"{argument(name)} must be one of {', '.join(known)}, not {shown(value)}: choose one of these."
        )
    return value


def instance(value, name, classes, example):
    """Return `value`, which must be an instance of `classes`, a class or a tuple of classes."""
    if not isinstance(value, classes):
        classes = classes if isinstance(classes, tuple) else (classes,)
        expected = " or ".join(with_article(each.__name__) for each in classes)
        raise TypeError(f"{argument(name)} must be {expected}, not {shown(value)}: give one, such as {example}.")
    return value


def with_article(name):
    """Return the name of a class with its article, a or an, as it is spoken.

    Examples
    --------
    >>> from fastprop.checks import with_article
    >>> [with_article(name) for name in ("MLP", "SGD", "Adam", "OneCycle", "Checkpoint", "str")]
    ['an MLP', 'an SGD', 'an Adam', 'a OneCycle', 'a Checkpoint', 'a str']
    """
    is_spelled_out = name[:2].isupper()
    begins_with_vowel = name[0] in "AEFHILMNORSX" if is_spelled_out else name[0] in "AEIOUaeiou"
    return f"{'an' if begins_with_vowel and not name.startswith('One') else 'a'} {name}"


def value_list(values, name):
    """Return values to choose from as a list, in which NumPy's scalars are Python's numbers."""
    return [value.item() if isinstance(value, np.generic) else value for value in sequence(values, name)]


def sequence(values, name):
    """Return values to choose from unchanged, or an iterator's values as a list; there must be at least one."""
    if isinstance(values, (str, bytes)) or not np.iterable(values):
        raise TypeError(
            f"{argument(name)} must be a list of values, not {shown(values)}: put a single value into a list."
        )
    values = values if hasattr(values, "__len__") else list(values)
    if len(values) == 0:
        raise ValueError(f"{argument(name)} has no values: give at least one.")
    return values


def seed(value):
    """Return `value` as an int from 0 to 2⁶³ - 1."""
    return whole_number(value, "seed", minimum=0)


def new_file(path):
    """Return `path`, which must lead to a file or to none yet, in a folder that exists and is writable."""
    try:
        folder = resolved(path).parent
    except IsADirectoryError as error:
        raise ValueError(f"the file {path} cannot be written, because it is a folder: name a file in it.") from error
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"the file {path} cannot be written, {reason}: name another file.") from error
    if not folder.is_dir():
        raise ValueError(f"the file {path} cannot be written: make the folder {folder}, or choose another.")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"the file {path} cannot be written: allow writing to the folder {folder}, or choose another.")
    return path


def checkpoint(value, resume, backend):
    """Refuse to resume without a checkpoint, and a checkpoint on a backend that writes none; `value` may be None."""
    if flag(resume, "resume") and value is None:
        raise ValueError(
            f"{argument('resume', 'True')} needs a checkpoint to go on from: give one, such as "
            f"{argument('checkpoint', repr('run.checkpoint'))}."
        )
    if value is not None and backend != "kernels":
        raise ValueError(f"backend {backend!r} writes no checkpoints: leave out checkpoint, or use backend='kernels'.")
