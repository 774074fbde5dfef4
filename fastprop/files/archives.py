"""Files of a description and arrays, in NumPy's format npz, with a checksum of all that is in them."""

import json
import zipfile

import numpy as np

from fastprop import interrupts
from fastprop.files.checksums import checksum
from fastprop.files.json_text import parsed
from fastprop.files.npz import read_npz
from fastprop.files.reading import reading
from fastprop.files.writing import replacing

DESCRIPTION = "description"
"""Name of the array that holds the description, as JSON."""

CHECKSUM = "sha256"
"""Name of the array that holds the checksum."""


def write(path, description, arrays, name):
    """Replace the file at `path` by one with a `description`, of values that JSON can hold, and `arrays` by name.

    Raises
    ------
    OSError
        As `replacing` does, if the file cannot be written.
    """
    text = json.dumps(description)
    members = {DESCRIPTION: text, CHECKSUM: checksum(text, arrays)} | arrays
    # Not by `np.savez`, which leaves the archive open where the disk is full, as NumPy 2.0 has it.
    # Ctrl-C comes between two members: one that it left open would keep the archive from being closed.
    with replacing(path, name) as file, interrupts.held() as held, zipfile.ZipFile(file, "w") as archive:
        for member_name, array in members.items():
            with archive.open(f"{member_name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
            held.deliver()


def read(path, kind, remedy, build):
    """Return what `build` makes of the description and the arrays of a file that `write` wrote.

    Raises
    ------
    ValueError
        If the file is missing, is none that `write` wrote, has been changed since, or `build` raises an exception.
    """
    with reading(path, kind, remedy) as file:
        arrays, _ = read_npz(file, may_be_packed=False)
        text, expected = str(arrays.pop(DESCRIPTION)), str(arrays.pop(CHECKSUM))
        if checksum(text, arrays) != expected:
            raise ValueError("its content does not fit its checksum")
        return build(parsed(text), arrays)
