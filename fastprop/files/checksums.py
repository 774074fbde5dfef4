"""The checksum of a description and arrays."""

import hashlib

import numpy as np


def checksum(description, arrays):
    """Return the SHA-256 digest of a description and of the names, dtypes, shapes and bytes of arrays."""
    digest = hashlib.sha256(description.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)  # as files have them
        digest.update(f"\n{name} {array.dtype.str} {np.shape(arrays[name])}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
