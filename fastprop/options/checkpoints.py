"""Where a run is kept while it goes on."""

import os
from dataclasses import dataclass

from fastprop import annotations, checks

__all__ = ["Checkpoint"]

SECONDS = 10.0
"""Between two checkpoints, where nobody says."""


@dataclass(frozen=True)
class Checkpoint:
    """Write what a run goes on from into a file, at its end and now and then on the way.

    The file is replaced as a whole: whenever the run ends, by Ctrl-C, by the system or with the power, it holds the
    state after one of the last epochs. A plain path is short for ``Checkpoint(path)``.

    Parameters
    ----------
    path : str or Path
        The file.
    epochs : int, optional
        Write after each so many epochs.
    seconds : float, optional
        Write after the first epoch that ends so many seconds, or more, after the last writing. If neither is given, 10:
        to write after epochs of 0.1 ms would take much longer than these.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range, or both are given.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.Checkpoint("run.checkpoint", epochs=10)
    Checkpoint(path='run.checkpoint', epochs=10, seconds=None)
    """

    path: annotations.Path
    epochs: int | None = None
    seconds: float | None = None

    def __post_init__(self):
        checks.instance(self.path, "path", (str, os.PathLike), "'run.checkpoint'")
        if self.epochs is not None and self.seconds is not None:
            raise ValueError(f"epochs={self.epochs} and seconds={self.seconds} exclude each other: give one of them.")
        if self.epochs is not None:
            object.__setattr__(self, "epochs", checks.whole_number(self.epochs, "epochs"))
        else:
            seconds = SECONDS if self.seconds is None else self.seconds
            object.__setattr__(self, "seconds", checks.number(seconds, "seconds"))
