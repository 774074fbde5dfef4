"""The files that a command writes: they are checked before it trains, and written after it, the network first."""

import os

from fastprop import checks
from fastprop.reporting import plotting
from fastprop.standard_streams import say

FLAGS = "save", "plot", "report", "journal", "checkpoint", "output"
"""The arguments that name a file to write."""

_ENDINGS = {"save": (".safetensors",), "report": (".html", ".htm"), "output": (".csv",)}


def check(options):
    """Refuse files that cannot be written, before anything is done for them.

    Raises
    ------
    ValueError
        If an ending is not that of the kind of file, a folder is missing or not writable, or two files are the same.
    ImportError
        If the library that writes a file is not installed.
    """
    taken = {os.path.realpath(path): path for path in (options.data, getattr(options, "network", "")) if path}
    for flag in FLAGS:
        path = getattr(options, flag, None)
        if path is None:
            continue
        endings = plotting.endings() if flag == "plot" else _ENDINGS.get(flag)
        if endings and not path.lower().endswith(tuple(endings)):
            raise ValueError(f"--{flag} {path} must end in {' or '.join(endings)}: choose another name.")
        checks.new_file(path)
        if flag == "report":
            plotting.endings()
        resolved = os.path.realpath(path)
        if resolved in taken:
            raise ValueError(f"--{flag} {path} is a file that the command names twice: choose another name.")
        taken[resolved] = path


def write(outputs):
    """Write files one after the other; return the exit code, and a line for each file that is written.

    The code is 1 if one of them could not be written, which is said on stderr, else 0. Nothing is printed on stdout,
    so that the files are there even if it can no longer be written.

    Parameters
    ----------
    outputs : sequence of (str or None, callable, str)
        A path, or None for a file that is not wanted; the function that writes to it; and what it writes.
    """
    code, lines = 0, []
    for path, write_to, content in outputs:
        if path is None:
            continue
        try:
            write_to(path)
        except Exception as error:  # whatever it is, it must not keep the other files from being written
            say(f"the {content} is not written: {error}")
            code = 1
        else:
            lines.append(f"{content}: {path}")
    return code, lines
