"""All files of fastprop: how they are opened, read within bounds, verified, replaced as a whole, and locked.

A file may be cut, changed, made by somebody else, or no file at all. Whatever is read, by `reading` or in `refusing`,
ends in a ValueError of one sentence that names the file; whatever is written, by `replacing`, in an OSError of one
sentence. Nothing is taken into memory but what the file has, and no code is ever read from one.

Two formats have a checksum of all their content: `archives` (a description and arrays, in NumPy's npz) and `tensors`
(a description and arrays of numbers, in safetensors). `npz` reads arrays that others wrote.
"""

from fastprop.files.json_text import parsed
from fastprop.files.locks import PathLock, is_abandoned, lock, unlock
from fastprop.files.paths import resolved
from fastprop.files.reading import naming, opened, reading, refusing, unpacked_limit
from fastprop.files.writing import replacing, sync_folder

__all__ = [
    "PathLock",
    "is_abandoned",
    "lock",
    "naming",
    "opened",
    "parsed",
    "reading",
    "refusing",
    "replacing",
    "resolved",
    "sync_folder",
    "unlock",
    "unpacked_limit",
]
