"""safetensors: files that hold networks (extra ``exchange``)."""

import hashlib
import json

import numpy as np

from fastprop import atomic_files

DESCRIPTION = "fastprop"
"""The name of the description in a file's metadata."""

CHECKSUM = "sha256"
"""The name of the checksum in a file's metadata; files of earlier versions have none."""


def write(path, about, arrays):
    """Write a network to a file, which it replaces as a whole, with a checksum of all that is in it.

    Parameters
    ----------
    path : str or Path
    about : dict
        Values by name, which are written as JSON into the file's metadata.
    arrays : dict
        Arrays by name, which become the tensors of the file.

    Raises
    ------
    ImportError
        If safetensors is not installed.
    OSError
        If the file cannot be written.
    """
    description = json.dumps(about)
    metadata = {DESCRIPTION: description, CHECKSUM: _checksum(description, arrays)}
    content = _safetensors().numpy.save(arrays, metadata)
    with atomic_files.replacing(path, "network file") as file:
        file.write(content)


def read(path, build):
    """Return what `build` makes of the `about` and the arrays that `write` was given.

    Raises
    ------
    ValueError
        If the file is missing, is not one that `write` wrote, or has been changed since.
    ImportError
        If safetensors is not installed.
    """
    safetensors = _safetensors()
    try:
        with safetensors.safe_open(path, "numpy") as file:
            metadata = file.metadata()
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
        description = metadata[DESCRIPTION]
        is_damaged = CHECKSUM in metadata and metadata[CHECKSUM] != _checksum(description, arrays)
        network = None if is_damaged else build(json.loads(description), arrays)
    except (OSError, KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise ValueError(f"{path} is not a network that fastprop saved ({error}): check the path.") from error
    if is_damaged:
        raise ValueError(f"{path} is damaged, as its content does not fit its checksum: take another copy of it.")
    return network


def require():
    """Raise an ImportError that says how to install safetensors, if it is not."""
    _safetensors()


def _checksum(description, arrays):
    """Return the SHA-256 digest of a description and of the names, dtypes, shapes and bytes of arrays."""
    digest = hashlib.sha256(description.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)  # as the file has them
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _safetensors():
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError("saving and loading networks needs safetensors: pip install safetensors.") from error
    return safetensors
