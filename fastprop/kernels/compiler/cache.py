"""Compiled kernels on disk: found by the next process, never run after an edit, never mixed up.

Numba's own cache looks for edits in the one file that defines the kernel, and a user's ``NUMBA_CACHE_LOCATOR_CLASSES``
changes what it looks at. So kernels have a cache of their own, which Numba's other users do not see. Each compiled
signature is one file, whose name holds a digest of all that the code depends on:

    epochs.train-lanes16-<digest of the sources>-<digest of signature, compiler and processor>.nbc

Nothing else is kept, so that no index can disagree with the files. A file is written under another name and moved into
place; one that is cut short or damaged is treated as absent and written anew.
"""

import contextlib
import functools
import hashlib
import os
import pickle
import sys
import tempfile
import uuid
from pathlib import Path

import llvmlite
import numba
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

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
        folder = _folder()
        return None if folder is None else str(folder)

    def load_overload(self, sig, target_context):
        """Return the compiled code of a signature, or None if there is none on disk."""
        target_context.refresh()
        if not self._enabled or _folder() is None:
            return None
        content = _read(self._path(sig, target_context.codegen()))
        if content is None:
            return None
        kept_sig, reduced = pickle.loads(content)
        return CompileResult._rebuild(target_context, *reduced) if kept_sig == sig else None

    def save_overload(self, sig, data):
        """Keep the compiled code of a signature, unless it holds addresses of this process."""
        if self._enabled and _folder() is not None and not data.library.has_dynamic_globals:
            _write(self._path(sig, data.codegen), dumps((sig, data._reduce())))

    def enable(self):
        """Use the disk."""
        self._enabled = True

    def disable(self):
        """Neither read nor write."""
        self._enabled = False

    def flush(self):
        """Remove all files of this kernel."""
        if _folder() is not None:
            for path in _folder().glob(f"{self._name}-*.nbc"):
                path.unlink(missing_ok=True)

    def _path(self, sig, codegen):
        versions = numba.__version__, llvmlite.__version__, sys.version, self._variant
        key = hashlib.sha256(repr((str(sig), codegen.magic_tuple(), versions)).encode()).hexdigest()[:16]
        return _folder() / f"{self._name}-lanes{LANES}-{_source_digest()}-{key}.nbc"


def _read(path):
    """Return a file's content, or None if it is not there or not whole."""
    try:
        stored = path.read_bytes()
    except OSError:
        return None
    check, content = stored[:_CHECK_BYTES], stored[_CHECK_BYTES:]
    return content if hashlib.sha256(content).digest() == check else None


def _write(path, content):
    """Write a file whole or not at all: without it, the kernel is compiled again by the next process."""
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:16]}")
    try:
        partial.write_bytes(hashlib.sha256(content).digest() + content)
        os.replace(partial, path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()


@functools.cache
def _source_digest():
    """Return what identifies the kernels' source: a digest of every file in the folder of the kernels."""
    digest = hashlib.sha256()
    for file in sorted(_KERNELS.rglob("*.py")):
        digest.update(file.relative_to(_KERNELS).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@functools.cache
def _folder():
    """Return the folder that kernels are kept in, the first that can be written to, or None; clear it of stale ones."""
    for folder in _folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError:
            continue
        for stale in folder.glob("*-lanes*.nb[ci]"):
            if _source_digest() not in stale.name:
                with contextlib.suppress(OSError):
                    stale.unlink()
        return folder
    return None


def _folders():
    """Yield where kernels may be kept: ``NUMBA_CACHE_DIR``, beside the source, the user's folder for caches."""
    name = f"{_KERNELS.name}_{hashlib.sha256(str(_KERNELS).encode()).hexdigest()}"
    if numba.config.CACHE_DIR:
        yield Path(numba.config.CACHE_DIR) / name
    yield _KERNELS / "__pycache__"
    with contextlib.suppress(RuntimeError):  # a user without a home, as in some containers, has no folder for caches
        yield _user_caches() / "numba" / name


def _user_caches():
    """Return the folder where this user's programs keep caches."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
