"""Arrays in NumPy's formats npz and npy, read within the bounds of the file and without pickled objects."""

import io
import math
import os
import zipfile

import numpy as np

from fastprop.files.reading import unpacked_limit

KINDS = "biufcSUmM"
"""The kinds of dtypes that are read: none that holds objects or fields."""

LENGTH_AND_HEADER = {
    (1, 0): (2, np.lib.format.read_array_header_1_0),
    (2, 0): (4, np.lib.format.read_array_header_2_0),
}
"""By the version of the format npy, the bytes of its header's length, and the function that reads length and header."""

MAX_HEADER = 10_000
"""Bytes of the longest header that NumPy reads from a file that is not trusted."""

CHUNK = 1 << 20
"""Bytes that are read at a time."""


def read_npy(file):
    """Return the array of a file that ``np.save`` wrote, open at its beginning."""
    return _array(file, os.fstat(file.fileno()).st_size)


def read_npz(file, wanted=None, may_be_packed=True):
    """Return arrays by name of a file that ``np.savez`` wrote, and the names of all that are in it.

    Parameters
    ----------
    file : file
    wanted : sequence of str, optional
        The arrays to read, if they are there; by default all.
    may_be_packed : bool
        Whether arrays may be compressed. Those that are not can take no more memory than the file has bytes.

    Raises
    ------
    Exception
        Of many kinds, if the file is none that ``np.savez`` wrote; see `reading.refusing`.
    """
    with zipfile.ZipFile(file) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        if len(members) < len(archive.infolist()):
            raise ValueError("a name is there twice")
        if sum(member.compress_size for member in members.values()) > os.fstat(file.fileno()).st_size:
            raise ValueError("its arrays overlap")
        names = [name for name in members if wanted is None or name in wanted]
        return {name: _member(archive, members[name], may_be_packed) for name in names}, list(members)


def _member(archive, member, may_be_packed):
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)[: 1 + may_be_packed]:
        raise ValueError(f"{member.filename} is compressed in a way that is not read here")
    if member.file_size > unpacked_limit(member.compress_size):
        raise ValueError(
            f"{member.filename} would unpack from {member.compress_size:,} to {member.file_size:,} bytes, which is "
            "read where it is not compressed"
        )
    with archive.open(member) as stream:
        array = _array(stream, member.file_size)
        stream.read(1)  # at its end, where the checksum is compared
    return array


def _array(stream, size):
    """Return the array of a stream of `size` bytes in the format npy."""
    version = np.lib.format.read_magic(stream)
    if version not in LENGTH_AND_HEADER:
        raise ValueError(f"version {version[0]}.{version[1]} of the format is for arrays with names of fields")
    bytes_of_length, read_header = LENGTH_AND_HEADER[version]
    length = stream.read(bytes_of_length)
    header = stream.read(min(MAX_HEADER, int.from_bytes(length, "little")))
    shape, is_fortran, dtype = read_header(io.BytesIO(length + header))
    if dtype.kind not in KINDS or dtype.itemsize == 0:
        raise ValueError(f"an array of dtype {dtype} is no array of numbers or words")
    claimed, has = math.prod(shape) * dtype.itemsize, size - stream.tell()
    if claimed != has or min(shape, default=0) < 0:
        raise ValueError(f"an array of shape {shape} takes {claimed:,} bytes, and there are {has:,}")
    array = np.empty(shape[::-1] if is_fortran else shape, dtype)
    memory = memoryview(array.reshape(-1).view(np.uint8))
    for first in range(0, claimed, CHUNK):
        block = stream.read(min(CHUNK, claimed - first))
        memory[first : first + len(block)] = block
        if len(block) < min(CHUNK, claimed - first):
            raise ValueError("it is cut off")
    return array.T if is_fortran else array
