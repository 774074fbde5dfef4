"""Which installed package, in which version, a module, a class or a function belongs to."""

import functools
import hashlib
import importlib.util
import pickle
import sys
import sysconfig
import types
from pathlib import Path

import numpy as np

PACKAGES = {"site-packages", "dist-packages"}
"""Folders of installed packages."""


def reference(value):
    """Return the name and version by which a value of an installed package is known; None for all else."""
    if isinstance(value, types.ModuleType):
        module, name = value.__name__, ""
    elif isinstance(value, np.ufunc):
        module, name = pickle.whichmodule(value, value.__name__), value.__name__
    else:
        module = getattr(value, "__module__", None)
        name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if not isinstance(module, str) or not isinstance(name, str) or (origin := release(module)) is None:
        return None
    found = sys.modules.get(module)
    for part in name.split(".") if name else ():
        found = getattr(found, part, None)
    return f"{module}.{name} of {origin}" if found is value else None


@functools.lru_cache
def release(module):
    """Return the installed package of a module with its version; None if it is the user's own code.

    `module` is the name of the module, or None for code that was made outside of any module.
    """
    if module is None:
        return None
    top = module.partition(".")[0]
    if top in ("builtins", "fastprop"):
        return top  # the journal knows the version of each
    location = None if top == "__main__" else _location(top)
    if location is None:
        return "Python" if top in sys.stdlib_module_names else None
    if PACKAGES.isdisjoint(location.parts):
        return "Python" if location.is_relative_to(sysconfig.get_path("stdlib")) else None
    version = _version(top)
    return version and f"{top} {version}"


def _location(top):
    """Return the file or folder of a top-level module, or None where it has none, as if it is built in."""
    module = sys.modules.get(top)
    try:
        spec = getattr(module, "__spec__", None) if module is not None else importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    file = getattr(module, "__file__", None) or (spec and spec.has_location and spec.origin)
    folders = list(getattr(module, "__path__", ())) or list((spec and spec.submodule_search_locations) or ())
    return Path(file) if file else Path(folders[0]) if folders else None


def _version(top):
    import importlib.metadata  # which takes a quarter of `import fastprop`

    try:
        return importlib.metadata.version(top)
    except importlib.metadata.PackageNotFoundError:
        return getattr(sys.modules.get(top), "__version__", None)


def description_of_import(name):
    """Return what is known of a module that code imports by itself: its package's version, or else its source."""
    top = name.partition(".")[0]
    if (origin := release(top)) is not None or not top:
        return origin or ""
    location = _location(top)
    is_file = location is not None and location.is_file()
    return hashlib.sha256(location.read_bytes()).digest() if is_file else name
