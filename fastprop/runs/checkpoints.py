"""A run's state in a file: what is written, when, and which run may go on from it.

The file is an archive (see `archives`) whose description says what run this is: only the same one goes on from it, so
that it ends as it would have without the break.
"""

import hashlib
import time
from pathlib import Path

import numpy as np

from fastprop import atomic_files
from fastprop.options import needs_end
from fastprop.row_blocks import row_blocks
from fastprop.runs.training_options import OPTIONS
from fastprop.version import __version__

FORMAT = 1
"""To be raised when the arrays change their meaning."""

NOT_COMPARED = tuple(name for name, row in OPTIONS.items() if not row.compared_on_resume)
"""Options that may change when a run goes on."""


def describe(network, options, split):
    """Return what a run must have in common with the one it goes on from, as texts by name."""
    about = {"format": FORMAT, "fastprop": __version__}
    about |= {name: getattr(network, name) for name in ("layer_sizes", "activations", "dtype")}
    about |= {name: value for name, value in options._asdict().items() if name not in NOT_COMPARED}
    if needs_end(options.schedule):
        about["epochs"] = options.epochs
    about["first weights"] = digest(network.parameters)
    about["input_mean"] = digest(*(each for each in (network.input_mean, network.input_scale) if each is not None))
    about["training data"] = digest(*split.data, split.rows)
    about["validation data"] = digest(*split.held_out, split.held_out_rows)
    return {name: str(value) for name, value in about.items()}


class CheckpointFile:
    """Keeps a run's state in the file of a `Checkpoint`."""

    def __init__(self, checkpoint, description):
        self._checkpoint, self._description, self._written = checkpoint, description, time.monotonic()

    def next_epoch(self, done, pace):
        """After how many epochs to look again, at a `pace` in seconds an epoch."""
        if self._checkpoint.epochs is not None:
            return done + self._checkpoint.epochs - done % self._checkpoint.epochs
        left = self._written + self._checkpoint.seconds - time.monotonic()
        return done + max(1, int(left / pace))

    def is_due(self, done):
        """Whether to write now that so many epochs are done."""
        if self._checkpoint.epochs is not None:
            return done % self._checkpoint.epochs == 0
        return time.monotonic() - self._written >= self._checkpoint.seconds

    def write(self, state):
        """Replace the file, so that at any time there is a whole one; OSError if it cannot be written."""
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
        except Exception as error:  # what an archive with wrong bytes raises is anyone's guess
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
    """Return a short text for the shapes, dtypes and bytes of all arrays."""
    sha256 = hashlib.sha256()
    for array in arrays:
        sha256.update(f"{array.shape} {array.dtype} ".encode())
        for rows in row_blocks(len(array), array[:1].size):
            sha256.update(np.ascontiguousarray(array[rows]))
    return f"sha256 {sha256.hexdigest()[:16]}"


def differences(description, expected):
    """Return in words what of a description is not as expected."""
    return ", ".join(
        f"{name} is {description.get(name)} and not {expected.get(name)}"
        for name in expected | description
        if description.get(name) != expected.get(name)
    )
