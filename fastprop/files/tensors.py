"""Files of a description and arrays of numbers, in the format safetensors, with a checksum of all that is in them.

The format is 8 bytes with the length of a header, the header, and the bytes of all tensors one after the other. The
header is JSON: by the name of each tensor its dtype, shape and bytes, and by ``__metadata__`` strings by name. See
https://github.com/huggingface/safetensors#format.
"""

import json
import math
import os

import numpy as np

from fastprop.files.checksums import checksum
from fastprop.files.json_text import parsed
from fastprop.files.reading import reading
from fastprop.files.writing import replacing
from fastprop.version import __version__

DTYPES = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
"""By the name that a header has for it, each dtype that is read and written."""

METADATA = "__metadata__"
"""The name of the metadata in a header."""

DESCRIPTION = "fastprop"
"""The name of the description in the metadata."""

FORMAT = 1
"""The version of descriptions; files that do not say how they were written have 0."""

WRITTEN_BY = "file"
"""The entry of a description that says how the file was written: its format, and the versions of libraries."""

CHECKSUM = "sha256"
"""The name of the checksum in the metadata; files of earlier versions have none."""

LENGTH = 8
"""Bytes of the length of the header, and a multiple of which the header takes."""

MAX_HEADER = 100_000_000
"""Bytes of the longest header that readers of the format take."""


def write(path, description, arrays, name):
    """Replace the file at `path` by one with a `description`, of values that JSON can hold, and `arrays` by name.

    Raises
    ------
    OSError
        As `replacing` does, if the file cannot be written.
    """
    import importlib.metadata  # which takes a quarter of `import fastprop`

    versions = {name: importlib.metadata.version(name) for name in ("numpy", "numba")}
    text = json.dumps(description | {WRITTEN_BY: {"format": FORMAT, "fastprop": __version__, **versions}})
    header = {METADATA: {DESCRIPTION: text, CHECKSUM: checksum(text, arrays)}}
    names = {dtype.name: name for name, dtype in DTYPES.items()}
    ordered = sorted(arrays, key=lambda each: (-arrays[each].itemsize, each))  # so that each is aligned
    end = 0
    for each in ordered:
        array = arrays[each]
        header[each] = {
            "dtype": names[array.dtype.name],
            "shape": array.shape,
            "data_offsets": [end, end := end + array.nbytes],
        }
    content = json.dumps(header).encode()
    content += b" " * (-len(content) % LENGTH)
    with replacing(path, name) as file:
        file.write(len(content).to_bytes(LENGTH, "little") + content)
        for each in ordered:
            array = arrays[each]
            file.write(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1).view(np.uint8).data)


def read(path, kind, remedy, build):
    """Return what `build` makes of the description and the arrays of a file that `write` wrote.

    Raises
    ------
    ValueError
        If the file is missing, is none that `write` wrote, is of a later version, has been changed since, or `build`
        raises an exception.
    """
    with reading(path, kind, remedy) as file:
        description, _, arrays = _verified(file)
        written = description.pop(WRITTEN_BY, {})
        if written.get("format", 0) <= FORMAT:
            return build(description, arrays)
    raise ValueError(
        f"{path} is a file of fastprop {written.get('fastprop')}, which this version, {__version__}, does not know: "
        "upgrade fastprop."
    )


def written_by(path, kind, remedy):
    """Return how a file was written: its format, versions of libraries, and its checksum; errors are as of `read`."""
    with reading(path, kind, remedy) as file:
        description, expected, _ = _verified(file)
        return {"format": 0} | description.get(WRITTEN_BY, {}) | {"checksum": expected or "none"}


def _verified(file):
    """Return the description of a file, its checksum or None, and its arrays by name."""
    metadata, arrays = _content(file)
    text, expected = metadata.pop(DESCRIPTION), metadata.pop(CHECKSUM, None)
    if metadata:
        raise ValueError(f"its metadata have {min(metadata)!r}, which is not known")
    if expected not in (None, checksum(text, arrays)):
        raise ValueError("its content does not fit its checksum")
    return parsed(text), expected, arrays


def _content(file):
    """Return the metadata and the arrays of a file, each by name."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(LENGTH), "little")
    if not 0 < length <= min(MAX_HEADER, size - LENGTH):
        raise ValueError(f"it has {size:,} bytes, and a header of {length:,}")
    header = parsed(file.read(length))
    metadata = header.pop(METADATA)
    arrays, end = {}, 0
    for name, tensor in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        dtype, shape = DTYPES[tensor["dtype"]], tensor["shape"]
        if not all(type(each) is int and each >= 0 for each in shape):
            raise ValueError(f"its tensor {name!r} has shape {shape}")
        first, end_before, end = tensor["data_offsets"][0], end, tensor["data_offsets"][1]
        bytes_of_shape = math.prod(shape) * dtype.itemsize
        if first != end_before or end - first != bytes_of_shape or end > size - LENGTH - length:
            raise ValueError(f"its tensor {name!r} of shape {shape} has bytes {first} to {end} after {end_before}")
        arrays[name] = np.frombuffer(file.read(bytes_of_shape), dtype).reshape(shape)
    if end != size - LENGTH - length:
        raise ValueError(f"it has {size - LENGTH - length - end:,} bytes after its last tensor")
    return metadata, arrays
