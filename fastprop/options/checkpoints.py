"""Checkpoints: into which file, and how often, the state of a run is written."""

import os
from dataclasses import dataclass

from fastprop import annotations, checks

__all__ = ["Checkpoint"]

SECONDS = 10.0
"""Seconds between two checkpoints, by default."""


@dataclass(frozen=True)
class Checkpoint:
    """Write the state of a run into a file, at intervals and at the end, so that the run can be resumed.

    The file is replaced as a whole. However the run ends, by Ctrl-C, by the system or by a power cut, the file holds
    the state after one of the last epochs. While a run goes on, a second one with the same file is refused by a
    BlockingIOError. A plain path is short for ``Checkpoint(path)``.

    Parameters
    ----------
    path : str or Path
        The file.
    epochs : int, optional
        Write after every `epochs` epochs.
    seconds : float, optional
        Write after the first epoch that ends at least this many seconds after the last writing. It is 10 if neither is
        given, because writing can take much longer than an epoch.

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
