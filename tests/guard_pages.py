"""Arrays between pages that nobody may touch: a kernel that leaves one is killed at once.

``pytest -p tests.guard_pages …`` runs tests so. Each array of `layout.aligned_zeros` (parameters, the optimizer's
state, workspaces) ends where such a page begins, and each part of a workspace does, so that a kernel that goes from one
part into the next is killed as well. With ``FASTPROP_GUARD=front`` each begins where such a page ends. Python's
``faulthandler`` prints where the process was killed.
"""

import ctypes
import faulthandler
import functools
import mmap
import os

import numpy as np

from fastprop import network
from fastprop.kernels import layout

PAGE = mmap.PAGESIZE
UNIT = PAGE // 4
"""Elements: whole pages, of float32 and of float64. As many stand between two parts of a workspace."""

FORBIDDEN = {}
"""By the address of each workspace, the begin of each unit of it that nobody may touch, in elements."""

LIBC = ctypes.CDLL(None, use_errno=True)


def install(at_front=False):
    """Give each array of fastprop's own, and each part of a workspace, pages around it that nobody may touch."""
    faulthandler.enable()
    layout.aligned_zeros = network.aligned_zeros = functools.partial(guarded_zeros, at_front=at_front)
    layout.OffsetAllocator.allocate = functools.partialmethod(allocate, at_front)
    layout.new_workspace = functools.partial(guarded_workspace, layout.new_workspace)
    layout.plans.cache_clear()


def guarded_zeros(size, dtype, at_front):
    """Return zeros that begin at a cache line and end, or begin, at a page that nobody may touch."""
    count = int(size) * np.dtype(dtype).itemsize
    whole = -(-count // PAGE) * PAGE
    pages = mmap.mmap(-1, whole + 2 * PAGE)  # which live as long as the array
    start = ctypes.addressof(ctypes.c_char.from_buffer(pages))
    forbid(start, PAGE)
    forbid(start + PAGE + whole, PAGE)
    offset = PAGE if at_front else PAGE + (whole - count) // layout.LINE_BYTES * layout.LINE_BYTES
    return np.frombuffer(pages, dtype, int(size), offset)


def allocate(allocator, at_front, size):
    """Return the offset of the next `size` elements, in front of which and behind which a unit is free."""
    begin = allocator.size
    end = begin + -(-int(size) // UNIT) * UNIT
    allocator.size = end + UNIT
    return begin if at_front else end - int(size)


def guarded_workspace(new_workspace, plans, size, dtype):
    """Return a workspace between whose parts nobody may touch anything."""
    memory = new_workspace(plans, size, dtype)
    offsets = [size]
    for plan in plans:
        parts = plan.workspace._replace(activations=plan.workspace.activations - plan.sizes.line)
        offsets += np.hstack(parts).tolist()
    # Each part begins in the first unit behind one that is free.
    FORBIDDEN[memory.ctypes.data] = begins = [offset // UNIT * UNIT - UNIT for offset in offsets if offset >= UNIT]
    for begin in begins:
        forbid(memory.ctypes.data + begin * memory.itemsize, UNIT * memory.itemsize)
    return memory


def readable(memory):
    """Return of each element of a workspace whether it may be touched, which all may without `install`."""
    found = np.ones(len(memory), bool)
    for begin in FORBIDDEN.get(memory.ctypes.data, ()):
        found[begin : begin + UNIT] = False
    return found


def forbid(address, size):
    """Have nobody read or write whole pages."""
    if LIBC.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(size), 0):
        raise OSError(ctypes.get_errno(), "the system does not protect pages")


def pytest_configure():
    install(os.environ.get("FASTPROP_GUARD") == "front")
