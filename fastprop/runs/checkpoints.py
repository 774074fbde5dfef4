"""Checkpoints: writes the state of a run to a file, and reads it for a run that goes on from it.

The file (see `atomic_files`) also holds a description of the run. Only a run of the same description can go on from it;
such a run ends with the same bits as a run without interruption.
"""

import hashlib
import time
from pathlib import Path

import numpy as np

from fastprop import atomic_files
from fastprop.row_blocks import row_blocks
from fastprop.runs.training_options import OPTIONS
from fastprop.version import __version__

FORMAT = 1
"""The version of the file's layout: to be raised when the arrays change their meaning."""

NOT_COMPARED = tuple(name for name, row in OPTIONS.items() if not row.compared_on_resume)
"""Options that may change when a run goes on."""


def describe(network, options, split):
    """Return by name, as strings, what a run must have in common with the run from which it goes on."""
    description = {"format": FORMAT, "fastprop": __version__}
    description |= {name: getattr(network, name) for name in ("layer_sizes", "activations", "dtype")}
    description |= {name: value for name, value in options._asdict().items() if name not in NOT_COMPARED}
    description["metrics"] = tuple(score.name for score in options.metrics)
    if options.schedule is not None and options.schedule.needs_end:
        description["epochs"] = options.epochs
    standardization = [array for array in (network.input_mean, network.input_scale) if array is not None]
    description["first weights"] = digest(network.parameters)
    description["input_mean"] = digest(*standardization)
    description["training data"] = digest(*split.data.arrays, split.rows)
    description["validation data"] = digest(*split.held_out.arrays, split.held_out_rows)
    return {name: str(value) for name, value in description.items()}


class CheckpointFile:
    """Writes the state of a run to the file of a `Checkpoint`, and reads it back.

    Parameters
    ----------
    checkpoint : Checkpoint
    description : dict
        The description of the run, see `describe`.
    """

    def __init__(self, checkpoint, description):
        self._checkpoint = checkpoint
        self._description = description
        self._written = time.monotonic()  # seconds: when the file was last written, or, before that, the run was made

    def next_epoch(self, done, pace):
        """Return the epoch at which to ask `is_due` again, when `done` epochs are done at `pace` seconds an epoch."""
        if self._checkpoint.epochs is not None:
            return done + self._checkpoint.epochs - done % self._checkpoint.epochs
        remaining = self._written + self._checkpoint.seconds - time.monotonic()
        return done + max(1, int(remaining / pace))

    def is_due(self, done):
        """Return whether to write the file when `done` epochs are done."""
        if self._checkpoint.epochs is not None:
            return done % self._checkpoint.epochs == 0
        return time.monotonic() - self._written >= self._checkpoint.seconds

    def write(self, state):
        """Replace the file by one that holds `state`, in such a way that the file is whole at any time.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        atomic_files.write(self._checkpoint.path, self._description, state, "checkpoint")
        self._written = time.monotonic()

    def read(self):
        """Return the state in the file, or None if there is no file; ValueError if it is not that of the same run."""
        path = Path(self._checkpoint.path)
        if not path.exists():
            return None
        try:
            description, state = atomic_files.read(path)
            description = dict(description)
        except Exception as error:  # a damaged file can make the reader raise any kind of error
            raise ValueError(
                f"{path} is no checkpoint or a damaged one: name another file, or leave out resume to begin anew."
            ) from error
        if differing := differences(description, self._description):
            raise ValueError(
                f"{path} is the checkpoint of another run, whose {differing}: "
                "give what it was given, name another file, or leave out resume to begin anew."
            )
        return state


def digest(*arrays):
    """Return a short text that depends on the shapes, dtypes and bytes of all arrays."""
    sha256 = hashlib.sha256()
    for array in arrays:
        sha256.update(f"{array.shape} {array.dtype} ".encode())
        for rows in row_blocks(len(array), array[:1].size):
            sha256.update(np.ascontiguousarray(array[rows]))
    return f"sha256 {sha256.hexdigest()[:16]}"


def differences(description, expected):
    """Return in words which entries of a description are not as expected; an empty string if all are."""
    return ", ".join(
        f"{name} is {description.get(name)} and not {expected.get(name)}"
        for name in expected | description
        if description.get(name) != expected.get(name)
    )
