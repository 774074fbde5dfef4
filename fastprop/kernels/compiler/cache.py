"""Compiled kernels on disk: found by the next process, never run after an edit, never mixed up.

Numba's own cache looks for edits in the one file that defines the kernel, and a user's ``NUMBA_CACHE_LOCATOR_CLASSES``
changes what it looks at. So kernels have a cache of their own, which Numba's other users do not see. Each compiled
signature is one file, whose name holds a digest of all that the code depends on:

    epochs.train-lanes16-<digest of the sources>-<digest of signature, compiler and processor>.nbc

A kernel that is not there is made from the `bitcode` that came with the package, if there is one, and then kept.

Nothing else is kept, so that no index can disagree with the files. A file is written under another name and moved into
place; one that is cut short, damaged or foreign is treated as absent and written anew. A folder that cannot be written
to is still read, and the next one is written to; where there is none, every process compiles.

A file is a pickle and machine code, which can do anything. So it is read only if nobody but this user or the
administrator can have written it: the folder and the file must be theirs, and others may not write to either.
"""

import contextlib
import functools
import hashlib
import os
import pickle
import shutil
import stat
import sys
import tempfile
from pathlib import Path

import llvmlite
import numba
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from fastprop.files import opened, replacing
from fastprop.kernels.compiler import bitcode
from fastprop.kernels.compiler.machine import LANES

_KERNELS = Path(__file__).parent.parent
_CHECK_BYTES = 32
"""Length of the SHA-256 digest in front of a file's content."""


class KernelCache(_Cache):
    """The compiled signatures of one kernel. `variant` names the compiler that made them."""

    def __init__(self, function, variant):
        self._name = f"{Path(function.__code__.co_filename).stem}.{function.__qualname__}"
        self._variant = variant
        self._enabled = True

    @property
    def cache_path(self):
        """The folder of the files, or None if there is none that can be written to."""
        return next(map(str, filter(_has_room, _folders_to_try())), None)

    def load_overload(self, sig, target_context):
        """Return the compiled code of a signature, or None if there is none on disk.

        Numba's declarations of what can be compiled are not loaded for this: machine code needs none of them, and
        Numba loads them by itself before it compiles.
        """
        if not self._enabled:
            return None
        codegen = target_context.codegen()
        name = self._file_name(sig, codegen)
        for content in filter(None, (_read(folder / name) for folder in _folders_to_try())):
            with contextlib.suppress(Exception):  # what a file of another make may raise
                kept_sig, reduced = pickle.loads(content)
                if kept_sig == sig:
                    return CompileResult._rebuild(target_context, *reduced)
        reduced = bitcode.machine_code(self._bitcode_name(sig, codegen), sig, codegen)
        if reduced is None:
            return None
        self._keep(name, sig, reduced)
        return CompileResult._rebuild(target_context, *reduced)

    def save_overload(self, sig, data):
        """Keep the compiled code of a signature, unless it holds addresses of this process."""
        if self._enabled and not data.library.has_dynamic_globals:
            self._keep(self._file_name(sig, data.codegen), sig, data._reduce())

    def _keep(self, name, sig, reduced):
        for folder in filter(_has_room, _folders_to_try()):
            _write(folder / name, dumps((sig, reduced)))

    def write_bitcode(self, sig, data):
        """Add the bitcode of a compiled signature to the package."""
        bitcode.write(self._bitcode_name(sig, data.codegen), sig, data)

    def enable(self):
        """Use the disk."""
        self._enabled = True

    def disable(self):
        """Neither read nor write."""
        self._enabled = False

    def flush(self):
        """Remove all files of this kernel."""
        for path in (path for folder in _folders_to_try() for path in folder.glob(f"{self._name}-*.nbc")):
            with contextlib.suppress(OSError):
                path.unlink()

    def _file_name(self, sig, codegen):
        return self._named(sig, codegen.magic_tuple(), sys.version)

    def _bitcode_name(self, sig, codegen):
        return self._named(sig, *bitcode.dependencies(codegen))

    def _named(self, sig, *dependencies):
        key = repr((str(sig), numba.__version__, llvmlite.__version__, self._variant, *dependencies))
        digest = hashlib.sha256(key.encode()).hexdigest()[:16]
        return f"{self._name}-lanes{LANES}-{_source_digest()}-{digest}.nbc"


def _read(path):
    """Return a file's content, or None if it is not there, not whole, or may be somebody else's."""
    if not _is_trusted(path.parent):
        return None
    try:
        with opened(path) as file:
            stored = file.read() if _is_ours(os.fstat(file.fileno())) else b""
    except OSError:
        return None
    check, content = stored[:_CHECK_BYTES], stored[_CHECK_BYTES:]
    return content if hashlib.sha256(content).digest() == check else None


def _write(path, content):
    """Write a file whole or not at all: without it, the kernel is compiled again by the next process."""
    with contextlib.suppress(OSError):
        with replacing(path, "kernel", 0o600) as file:
            file.write(hashlib.sha256(content).digest() + content)
        _remove_stale(path.parent)


def _is_trusted(folder):
    """Return whether a folder is there, and only this user or the administrator can have written to it."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and _is_ours(status)


def _is_ours(status):
    if not hasattr(os, "geteuid"):  # Windows gives each user folders of their own, and says nothing by these fields
        return True
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _has_room(folder):
    """Return whether files can be written to a folder that is there."""
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > 0


@functools.cache
def _remove_stale(folder):
    """Remove kernels of another source from a folder, once in a process."""
    for path in folder.glob("*-lanes*.nb[ci]"):
        if _source_digest() not in path.name:
            with contextlib.suppress(OSError):
                path.unlink()


@functools.cache
def _source_digest():
    """Return what identifies the kernels' source: a digest of every file in the folder of the kernels."""
    digest = hashlib.sha256()
    for file in filter(Path.is_file, sorted(_KERNELS.rglob("*.py"))):  # editors leave links that lead nowhere
        digest.update(file.relative_to(_KERNELS).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@functools.cache
def _folders_to_try():
    """Return the folders to look into, a list: the last can be written to, if any can; it is made for this."""
    found = []
    for folder in _folders():
        with contextlib.suppress(OSError):
            folder.mkdir(0o700, parents=True, exist_ok=True)
        if _is_trusted(folder):
            found.append(folder)
            if _has_room(folder):
                break
    return found


def _folders():
    """Yield where kernels may be kept, the best first, whether it is there or not.

    These are ``NUMBA_CACHE_DIR``, beside the source, the user's folder for caches, and one for temporary files.
    """
    digest = hashlib.sha256(str(_KERNELS).encode()).hexdigest()
    name = f"{_KERNELS.name}_{digest}"
    if numba.config.CACHE_DIR:
        yield Path(numba.config.CACHE_DIR) / name
    yield _KERNELS / "__pycache__"
    with contextlib.suppress(RuntimeError):  # a user without a home, as in some containers, has no folder for caches
        yield _user_caches() / "numba" / name
    with contextlib.suppress(FileNotFoundError):  # there may be no folder for temporary files either
        yield Path(tempfile.gettempdir()) / f"fastprop-{getattr(os, 'geteuid', int)()}-{digest[:16]}"


def _user_caches():
    """Return the folder where this user's programs keep caches."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
