"""How many cores this process may use: by its affinity, and by the CPU quotas of the control groups that it is in."""

import functools
import math
import os
import time
from pathlib import Path


def count():
    """Return how many cores this process may use, at least 1; a quota of 1.5 cores counts as 2, as joblib has it."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return math.ceil(min(cores, _quota_in_second(int(time.monotonic()), os.getpid())))


@functools.lru_cache(maxsize=1)
def _quota_in_second(second, process):
    """Return `quota` as it was when this process first asked in a second, because reading it takes 0.1 ms."""
    return quota()


def quota(root="/"):
    """Return the least CPU quota of all control groups that this process is in, in cores; infinity without one.

    The control groups of both versions are read, and so are those around them, up to the outermost that is visible.

    Parameters
    ----------
    root : path
        The folder in which ``proc`` and the mounted control groups are found.
    """
    root = Path(root)
    groups = [line.split(":", 2) for line in _lines(root / "proc/self/cgroup")]
    quotas = [math.inf]
    for line in _lines(root / "proc/self/mountinfo"):
        mount, source = (part.split(" ") for part in line.partition(" - ")[::2])
        kind = source[0]
        is_v1 = kind == "cgroup" and "cpu" in source[-1].split(",")
        if len(mount) < 5 or not (is_v1 or kind == "cgroup2"):
            continue
        visible, folder = (_unescaped(field) for field in mount[3:5])
        for _, controllers, group in (each for each in groups if len(each) == 3):
            if ("cpu" if is_v1 else "") in controllers.split(","):
                folders = _folders(root / folder.lstrip("/"), visible, group)
                quotas += [(_quota_v1 if is_v1 else _quota_v2)(each) for each in folders]
    return min(quotas)


def _folders(mounted, visible, group):
    """Return the folder of a group and those of the groups around it, where the group `visible` is `mounted`.

    A group that is not within the visible one, as in a container that has no name space of its own, is taken for it.
    """
    path = os.path.relpath(group, visible)
    parts = [] if path.startswith("..") else Path(path).parts
    return [mounted.joinpath(*parts[:depth]) for depth in range(len(parts) + 1)]


def _quota_v1(folder):
    """Return the quota of a group of version 1 in cores; it is -1 microsecond where there is none."""
    used, period = (_numbers(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    return _cores(used + period)


def _quota_v2(folder):
    """Return the quota of a group of version 2 in cores; its file says "max" where there is none."""
    return _cores(_numbers(folder / "cpu.max"))


def _cores(used_and_period):
    """Return the quota in cores of [microseconds used at most, microseconds of a period]; infinity if there is none."""
    if len(used_and_period) != 2 or min(used_and_period) <= 0:
        return math.inf
    return used_and_period[0] / used_and_period[1]


def _numbers(path):
    """Return the whole numbers in a file; none if it has other words, or cannot be read."""
    words = " ".join(_lines(path)).split()
    return [int(word) for word in words] if all(word.lstrip("-").isdecimal() for word in words) else []


def _lines(path):
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return []


def _unescaped(field):
    """Return a field of mountinfo, in which blanks, tabs, line ends and backslashes stand as octal numbers."""
    for octal in ("040", "011", "012", "134"):
        field = field.replace(f"\\{octal}", chr(int(octal, 8)))
    return field
