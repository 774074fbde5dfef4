"""Checkpoints: writes the state of a run to a file, and reads it for a run that goes on from it.

The file (see `files.archives`) also holds a description of the run. Only a run of the same description can go on from
it; such a run ends with the same bits as a run without interruption.
"""

import hashlib
import os
import platform
import time
from pathlib import Path

import numpy as np

from fastprop import checks, interrupts
from fastprop.files import PathLock, archives, refusing
from fastprop.fingerprints import NoFingerprintError, fingerprint
from fastprop.row_blocks import row_blocks
from fastprop.version import __version__

FORMAT = 3
"""The version of the file's layout: to be raised when its entries or arrays change their meaning."""

FIRST_WEIGHTS = "first weights"
"""The entry of a description that has the digest of the weights with which the run began."""

KIND, REMEDY = "checkpoint", "name another file, or leave out resume to begin anew"
"""What the file should be, and what to do if it is not; see `files.refusing`."""

LATER_WEIGHTS = "later weights"
"""The entry of a file that has the digests of the weights with which calls of the run ended, a list."""


def describe(network, options, split):
    """Return by name, as strings, what a run must have in common with the run from which it goes on."""
    description = {"format": FORMAT, "fastprop": __version__}
    description |= {name: getattr(network, name) for name in ("layer_sizes", "activations", "dtype")}
    description |= options.compared
    description["metrics"] = tuple(score.name for score in options.metrics)
    code = _code_of(options.metrics)
    if code:
        description["code of metrics"] = code
    if any(each is not None and each.needs_end for each in options.schedules):
        description["epochs"] = options.epochs
    standardization = [array for array in (network.input_mean, network.input_scale) if array is not None]
    description[FIRST_WEIGHTS] = digest(network.parameters)
    description["input_mean"] = digest(*standardization)
    description["training data"] = digest(*split.data.arrays, split.rows)
    description["validation data"] = digest(*split.held_out.arrays, split.held_out_rows)
    for name, data in (("y", split.data), ("validation y", split.held_out)):
        description[f"shape of {name}"] = data.given.shape  # which metrics get
        if code:
            description[name] = digest(data.given)  # with all its digits
    return {name: str(value) for name, value in description.items()}


def _code_of(metrics):
    """Return a short text that depends on the code of the functions among `metrics` that are none of fastprop's.

    Raises
    ------
    ValueError
        If one has content that no other process can compare.
    """
    has_code, digests = False, []
    for score in metrics:
        if score.is_own:
            continue
        try:
            known = fingerprint(score.function)
        except NoFingerprintError as error:
            raise ValueError(
                f"the checkpoint cannot tell the metric {score.name} from another, because {error}: leave it out of "
                "the metric, or leave out the checkpoint."
            ) from error
        has_code = has_code or known.has_code
        digests.append(sorted(known.parts.items()))
    if not digests:
        return ""
    python = ".".join(platform.python_version_tuple()[:2])  # whose other versions have other bytecode
    text = f"sha256 {hashlib.sha256(str(digests).encode()).hexdigest()[:16]}"
    return f"{text} of Python {python}" if has_code else text


class CheckpointFile:
    """Writes the state of a run to the file of a `Checkpoint`, and reads it back.

    The file is this run's alone from `open` to `close`.

    Parameters
    ----------
    checkpoint : Checkpoint
    description : dict
        The description of the run, see `describe`.
    """

    def __init__(self, checkpoint, description):
        self._checkpoint = checkpoint
        self._description = description
        self._later_weights = []  # digests
        self._has_state = False  # whether the file has a state of this run
        self._written = time.monotonic()  # seconds: when the file was last written, or, before that, the run was made
        self._lock = None

    def open(self):
        """Keep other runs from the file; BlockingIOError if it is another's, OSError if it cannot be written."""
        with interrupts.held():
            self._lock = PathLock(self._checkpoint.path, "checkpoint")

    def close(self):
        """Leave the file to other runs."""
        if self._lock is not None:
            self._lock.release()

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
        description = self._description | {LATER_WEIGHTS: self._later_weights}
        archives.write(self._checkpoint.path, description, state, "checkpoint")
        self._has_state = True
        self._written = time.monotonic()

    def end(self, network, state):
        """Write the file at the end of a call, with `state` or, where it is None, with the state that the file has.

        The weights that the network has now are noted, so that the run can be resumed with this network.
        """
        weights = digest(network.parameters)
        if weights not in (self._description[FIRST_WEIGHTS], *self._later_weights):
            self._later_weights = [*self._later_weights, weights]
            if state is None and self._has_state:
                _, state = self._content()
        if state is not None:
            self.write(state)

    def read(self, network, check):
        """Return the state in the file, or None if there is no file; ValueError if it is not that of the same run.

        `network` is the one that is to go on: with the weights with which the run began, with those of the state, or
        with those that it had at the end of an earlier call. ``check(state)`` raises an exception if the run cannot
        have written a state.
        """
        path = Path(self._checkpoint.path)
        if not os.path.exists(path):
            return None
        description, state = self._content()
        later_weights = description.pop(LATER_WEIGHTS)
        if self._description[FIRST_WEIGHTS] in later_weights or _has_weights(network, state):
            self._description = self._description | {FIRST_WEIGHTS: description.get(FIRST_WEIGHTS)}
        if differing := differences(description, self._description):
            raise ValueError(
                f"{path} is the checkpoint of another run, whose {differing}: "
                f"give what it was given, name another file, or leave out {checks.argument('resume')} to begin anew."
            )
        with refusing(path, KIND, REMEDY):
            check(state)
        self._later_weights = later_weights
        self._has_state = True
        return state

    def _content(self):
        """Return the description and the state that the file has."""
        return archives.read(self._checkpoint.path, KIND, REMEDY, _of_texts)


def _of_texts(description, state):
    """Return the content of a file, whose description must have texts alone, and a list of texts."""
    texts = [*(value for name, value in description.items() if name != LATER_WEIGHTS), *description[LATER_WEIGHTS]]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("its description has values that are no texts")
    return description, state


def _has_weights(network, state):
    """Return whether a network has the weights of a state: the learned ones, their average, or the best ones."""
    arrays = [state[name] for name in ("parameters", "average", "best") if np.ndim(state.get(name)) == 2]
    rows = [row for array in arrays for row in array]
    return any(np.array_equal(network.flat_parameters, row) for row in rows)


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
    names = [name for name in expected | description if description.get(name) != expected.get(name)]
    return ", ".join(
        f"{checks.excerpts(shown, '')[0]} is {' and not '.join(checks.excerpts(str(theirs), str(ours)))}"
        for name in names
        for shown, theirs, ours in checks.differing_arguments(name, description.get(name), expected.get(name))
    )
