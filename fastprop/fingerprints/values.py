"""Fingerprints: by them a journal or a checkpoint knows functions and values on which its results depend.

A function of an installed package is known by its name and the package's version. Any other function is known by its
code and by all that the code uses: defaults, variables of enclosing functions, global variables, and the functions
among these in turn. An object is known by its class and by what it would be pickled as.
"""

import dis
import functools
import hashlib
import io
import threading
import types
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fastprop.checks import with_article
from fastprop.fingerprints.installed_packages import description_of_import, reference, release


class NoFingerprintError(ValueError):
    """A value has content that cannot be told in another process; the message is a phrase that names the value."""


class Fingerprint(NamedTuple):
    """What is known of a value."""

    parts: dict[str, str]  # a digest of each part of the value, by a name that a message can give
    has_code: bool  # whether a part has bytecode, which another version of Python does not have


def fingerprint(value):
    """Return the `Fingerprint` of a function or of any other value.

    Raises
    ------
    NoFingerprintError
        If a part of the value cannot be told in another process, for example an open connection.

    Examples
    --------
    >>> from fastprop.fingerprints import fingerprint
    >>> sorted(fingerprint(lambda outputs, y, limit=0.5: (outputs > limit).mean()).parts)
    ['code', 'defaults']
    """
    walk = _Walk()
    parts = {}
    for name, part in walk.parts(value):
        try:
            parts[name] = walk.digest(part).hex()[:16]
        except RecursionError:
            raise NoFingerprintError(f"its {name} is nested too deeply") from None
        except NoFingerprintError as error:
            raise NoFingerprintError(f"its {name} has {error}") from error.__cause__
    return Fingerprint(parts, walk.has_code)


class _Tagged(NamedTuple):
    """Pieces that are digested together; `tag` says of what kind they are."""

    tag: str
    pieces: tuple


class _OfModule(NamedTuple):
    """A module of the user's, of which some names may be used."""

    module: types.ModuleType
    names: frozenset


class _Walk:
    """Digests values that refer to each other, each once."""

    def __init__(self):
        self.has_code = False
        self._begun = {}  # by id of a value that is being digested, how many were begun before it
        self._done = {}  # by id, a value's digest and the value itself, so that the id stays its own

    def parts(self, value):
        """Return pairs of a name and a value, into which a value falls; for a function its code and what this uses."""
        if isinstance(value, types.FunctionType) and reference(value) is None:
            return self._parts_of_function(value)
        if isinstance(value, functools.partial):
            return [("function", value.func), ("arguments", value.args), ("keywords", value.keywords)]
        if isinstance(value, types.MethodType):
            return [("function", value.__func__), ("object", value.__self__)]
        if reference(value) is None and isinstance(state := getattr(value, "__dict__", None), dict):
            reduced = None if isinstance(value, type) else _reduced(value)
            if isinstance(reduced, tuple) and len(reduced) > 2 and reduced[2] == state:
                return [("class", reduced[:2]), *((f"{name!r}", each) for name, each in sorted(state.items()))]
        return [("content", value)]

    def digest(self, value):
        """Return the digest of a value, which is equal for equal content."""
        if type(value) in _PLAIN:
            return _hashed(type(value).__name__, _PLAIN[type(value)](value))
        identity = id(value)
        if identity in self._done:
            return self._done[identity][0]
        if identity in self._begun:
            return _hashed("of an outer value", str(self._begun[identity]))
        self._begun[identity] = len(self._begun)
        try:
            tag, pieces = self._content(value)
            result = _hashed(tag, *(each if isinstance(each, bytes) else self.digest(each) for each in pieces))
        finally:
            del self._begun[identity]
        self._done[identity] = result, value
        return result

    def _content(self, value):
        """Return the `_Tagged` pieces that a value consists of; a piece of bytes counts as it is."""
        if isinstance(value, _Tagged):
            return value
        if value is _GLOBAL_RANDOM:
            return _Tagged("no content", ("the global random state of NumPy",))
        if (name := reference(value)) is not None:
            return _Tagged("reference", (name,))
        return self._content_by_type(value)

    @functools.singledispatchmethod
    def _content_by_type(self, value):
        if type(value) in (list, tuple):
            return _Tagged(type(value).__name__, tuple(value))
        if type(value) is dict:
            return _Tagged("dict", tuple(self._sorted_pairs(value.items())))
        if isinstance(function := getattr(value, "py_func", None), types.FunctionType):  # compiled by Numba
            return _Tagged("compiled", (type(value), function))
        return self._reduced_content(value)

    def _reduced_content(self, value):
        """Return what an object would be pickled as."""
        reduced = _reduced(value)
        if isinstance(reduced, str):
            raise NoFingerprintError(_named(value))
        make, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        pairs = None if pairs is None else self._sorted_pairs(pairs)
        return _Tagged("object", (make, arguments, state, items and list(items), pairs))

    def _sorted_pairs(self, pairs):
        """Return pairs of keys and values, in an order that does not depend on that in which they came."""
        return sorted(self.digest(key) + self.digest(each) for key, each in pairs)

    @_content_by_type.register(set)
    @_content_by_type.register(frozenset)
    def _set(self, value):
        return _Tagged("set", (type(value), *sorted(map(self.digest, value))))

    @_content_by_type.register(np.ndarray)
    def _array(self, value):
        if value.dtype.hasobject:
            return _Tagged("objects", (value.shape, value.tolist()))
        if type(value) not in (np.ndarray, np.memmap):
            return self._reduced_content(value)
        return _Tagged("array", (str(value.dtype), value.shape, hashlib.sha256(np.ascontiguousarray(value)).digest()))

    @_content_by_type.register(types.FunctionType)
    def _function(self, function):
        return _Tagged("function", tuple(each for part in self._parts_of_function(function) for each in part))

    def _parts_of_function(self, function):
        code = function.__code__
        used = _Used.by(code)
        parts = [
            ("code", _Tagged("code of", (self._without_docstring(function),))),
            ("defaults", (function.__defaults__, function.__kwdefaults__)),
        ]
        variables = dict(zip(code.co_freevars, function.__closure__ or ()))
        if release(function.__module__) is None:  # that of a package determines its global variables
            variables |= {name: function.__globals__[name] for name in used.names if name in function.__globals__}
        for name, each in variables.items():
            is_module = isinstance(each, types.ModuleType) and release(each.__name__) is None
            parts.append((f"{name!r}", _OfModule(each, used.attributes) if is_module else each))
        attributes = {name: each for name, each in vars(function).items() if name != "__wrapped__"}
        if attributes:
            parts.append(("attributes", attributes))
        for name in used.imports:
            parts.append((f"import of {name}", _Tagged("import", (description_of_import(name),))))
        return sorted(parts, key=lambda part: part[0])

    def _without_docstring(self, function):
        """Return the pieces of a function's code; the docstring may change."""
        code = function.__code__
        if function.__doc__ is not None and code.co_consts and code.co_consts[0] == function.__doc__:
            code = code.replace(co_consts=("", *code.co_consts[1:]))
        return self._code(code)

    @_content_by_type.register(types.CodeType)
    def _code(self, code):
        self.has_code = True
        numbers = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
        names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
        return _Tagged("code", (code.co_code, code.co_exceptiontable, numbers, names, code.co_consts))

    @_content_by_type.register(types.CellType)
    def _cell(self, cell):
        try:
            return _Tagged("cell", (cell.cell_contents,))
        except ValueError:  # not assigned yet
            return _Tagged("empty cell", ())

    @_content_by_type.register(types.MethodType)
    @_content_by_type.register(types.BuiltinMethodType)
    @_content_by_type.register(types.MethodWrapperType)
    def _method(self, method):
        function = getattr(method, "__func__", None) or method.__name__
        return _Tagged("method", (function, method.__self__))

    @_content_by_type.register(type)
    def _class(self, value):
        content = {name: each for name, each in vars(value).items() if name not in _NOT_OF_CLASS}
        return _Tagged("class", (value.__qualname__, value.__bases__, content))

    @_content_by_type.register(types.ModuleType)
    def _module(self, module):
        file = getattr(module, "__file__", None)
        content = Path(file).read_bytes() if file is not None and Path(file).is_file() else b""
        return _Tagged("module", (module.__name__, hashlib.sha256(content).digest()))

    @_content_by_type.register(_OfModule)
    def _of_module(self, value):
        """Return what is used of a module: all that has a name that the code that uses it looks up anywhere."""
        used = {}
        for name in sorted(value.names & vars(value.module).keys()):
            each = vars(value.module)[name]
            is_module = isinstance(each, types.ModuleType) and release(each.__name__) is None
            used[name] = _OfModule(each, value.names) if is_module and each is not value.module else each
        return _Tagged("of a module", (used,))

    @_content_by_type.register(np.generic)
    def _number(self, value):
        return _Tagged("number", (str(value.dtype), value.tobytes()))

    @_content_by_type.register(np.dtype)
    def _dtype(self, value):
        return _Tagged("dtype", (str(value),))

    @_content_by_type.register(types.MappingProxyType)
    def _mapping(self, value):
        return _Tagged("mapping", (dict(value),))

    @_content_by_type.register(staticmethod)
    @_content_by_type.register(classmethod)
    def _wrapped_method(self, value):
        return _Tagged("wrapped method", (type(value), value.__func__))

    @_content_by_type.register(property)
    def _property(self, value):
        return _Tagged("property", (value.fget, value.fset, value.fdel))

    @_content_by_type.register(types.MemberDescriptorType)
    @_content_by_type.register(types.GetSetDescriptorType)
    @_content_by_type.register(types.WrapperDescriptorType)
    def _descriptor(self, value):
        return _Tagged("descriptor", (value.__name__,))

    @_content_by_type.register(type(functools.lru_cache(len)))
    def _cached(self, value):
        return _Tagged("cached", (value.__wrapped__,))

    @_content_by_type.register(type(threading.Lock()))
    @_content_by_type.register(type(threading.RLock()))
    @_content_by_type.register(io.IOBase)
    def _without_content(self, value):
        """Return the type alone, because no result depends on a lock or on a stream that is written to."""
        return _Tagged("no content", (type(value).__qualname__,))


class _Used(NamedTuple):
    """Names that code uses, with all code within it."""

    names: set  # of global variables and builtins
    attributes: frozenset  # of attributes
    imports: set  # of modules

    @classmethod
    def by(cls, code):
        names, attributes, imports = set(), set(code.co_names), set()
        for instruction in dis.get_instructions(code):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
                names.add(instruction.argval)
            elif instruction.opname == "IMPORT_NAME":
                imports.add(instruction.argval)
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                inner = cls.by(constant)
                names |= inner.names
                attributes |= inner.attributes
                imports |= inner.imports
        return cls(names, frozenset(attributes), imports)


_PLAIN = {
    type(None): repr,
    type(...): repr,
    bool: repr,
    int: hex,
    float: float.hex,
    complex: repr,
    str: lambda value: value,
    bytes: lambda value: value,
}
"""For types whose values are digested directly: a function that returns the value as a string or bytes."""

_GLOBAL_RANDOM = vars(np.random.mtrand)["_rand"]
"""The state of NumPy's global random functions, which begins differently in each process."""

_NOT_OF_CLASS = {
    *("__module__", "__dict__", "__weakref__", "__doc__", "__qualname__", "__firstlineno__", "__static_attributes__"),
    *("__annotations__", "__annotate_func__", "__annotations_cache__", "__parameters__", "__orig_bases__"),
    *("__abstractmethods__", "_abc_impl"),
}
"""Attributes of a class that do not change what it does."""


def _hashed(*pieces):
    sha256 = hashlib.sha256()
    for piece in pieces:
        piece = piece.encode("utf-8", "surrogatepass") if isinstance(piece, str) else piece
        sha256.update(b"%d " % len(piece))
        sha256.update(piece)
    return sha256.digest()


def _reduced(value):
    try:
        return value.__reduce_ex__(4)
    except Exception as error:  # any kind, as objects say in many ways that they cannot be pickled
        raise NoFingerprintError(_named(value)) from error


def _named(value):
    return f"{with_article(type(value).__name__)}, whose content no other process can compare"
