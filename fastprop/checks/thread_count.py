"""How many threads a call uses: as its argument says, or the environment, or as many as there are cores for it."""

import os
import warnings

from fastprop import available_cores
from fastprop.checks.values import shown, whole_number


def threads(value):
    """Return how many threads to use: `value`, or what `default_threads` returns if that is None."""
    return default_threads() if value is None else whole_number(value, "threads")


def default_threads():
    """Return ``FASTPROP_THREADS``, or the number of cores for this process, but at most ``OMP_NUM_THREADS``.

    The cores are those of `available_cores.count`. A variable that is set to nothing counts as not set.
    ``OMP_NUM_THREADS`` is meant for other libraries too, so that a value that OpenMP does not know is warned of and
    left out, as OpenMP itself does; of a list, such as 4,2, the first number counts.
    """
    asked = os.environ.get("FASTPROP_THREADS", "").strip()
    if asked:
        if _count(asked) is None:
            raise ValueError(
                f"FASTPROP_THREADS must be a whole number of at least 1, not {shown(asked)}: set one or unset it."
            )
        return _count(asked)
    limit = os.environ.get("OMP_NUM_THREADS", "").strip()
    cores = available_cores.count()
    if not limit:
        return cores
    count = _count(limit.split(",")[0].strip())
    if count is None:
        warnings.warn(
            f"OMP_NUM_THREADS should be a whole number of at least 1, not {shown(limit)}: fastprop takes no notice of "
            "it; set one or unset it.",
            stacklevel=2,
        )
        return cores
    return min(cores, count)


def _count(text):
    """Return the number that a text is if it is whole, at least 1 and below 2**31, else None."""
    if not (text.isascii() and text.removeprefix("+").isdigit() and len(text) <= 10):
        return None
    return int(text) if 1 <= int(text) < 2**31 else None
