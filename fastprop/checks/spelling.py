"""How messages call arguments and their values: as in a call in Python, or as on the command line.

Each message names an argument by `argument`, so that what a user can type is decided here for all of them.
"""

import contextlib
import itertools
from collections.abc import Callable
from typing import NamedTuple

EXCERPT = 120
"""Characters of a long text that a message shows."""


class Spelling(NamedTuple):
    """How arguments are written where the user writes them."""

    knows: Callable  # (name) → whether the user can give an argument
    name: Callable  # (name) → what the argument is called
    value: Callable  # (name, value) → how a value of the argument is written; values are texts of Python
    assigned: Callable  # (name, value) → what sets the argument to the value
    parts: Callable  # (name, value, other) → a list of (name, value, other), of each part of an option that differs


def shortened(text):
    """Return a text on one line, of at most 60 characters."""
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


IN_PYTHON = Spelling(
    knows=lambda name: True,
    name=lambda name: name,
    value=lambda name, text: text,
    assigned=lambda name, text: f"{name}={shortened(text)}",
    parts=lambda name, text, other: [(name, text, other)],
)
"""The arguments of a call in Python."""

_spellings = [IN_PYTHON]
"""The last one counts, in each thread of the process: a run may warn in another thread than the one that began it."""


def argument(name, text=None):
    """Return what an argument is called or, with a value as a text of Python, what sets it to this value.

    Examples
    --------
    >>> from fastprop.checks import argument
    >>> argument("batch_size"), argument("batch_size", "32")
    ('batch_size', 'batch_size=32')
    """
    return _spellings[-1].name(name) if text is None else _spellings[-1].assigned(name, text)


def remedies(otherwise, **texts):
    """Return what to do: the texts, by the argument that each needs, of arguments that can be given; else `otherwise`.

    Examples
    --------
    >>> from fastprop.checks import remedies
    >>> remedies("divide it", dtype="give dtype='float64'", standardize="standardize it")
    "give dtype='float64', or standardize it"
    """
    return ", or ".join(text for name, text in texts.items() if _spellings[-1].knows(name)) or otherwise


def argument_value(name, text):
    """Return a value of an argument, which is a text of Python, as the user writes it."""
    return _spellings[-1].value(name, text)


def differing_arguments(name, text, other):
    """Return a list of (name, text, other) as a user writes them, of a value that was one text of Python, now another.

    There is one tuple, or one for each argument of an option that the user writes by itself.
    """
    spelled = _spellings[-1]
    parts = spelled.parts(name, text, other)
    return [(spelled.name(each), *(spelled.value(each, value) for value in values)) for each, *values in parts]


def excerpts(*texts):
    """Return two texts that differ, as a message shows them: on one line, and of long ones where they first differ.

    Texts of a file may have characters that end a line or that a terminal obeys.
    """
    texts = ["".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text) for text in texts]
    if max(map(len, texts)) <= EXCERPT:
        return texts
    same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(*texts)))
    begin = max(0, same - EXCERPT // 2)
    return [
        ("..." if begin else "") + each[begin : begin + EXCERPT] + ("..." if len(each) > begin + EXCERPT else "")
        for each in texts
    ]


@contextlib.contextmanager
def spelled_as(spelling):
    """Return a context in which messages write arguments by a `Spelling`."""
    _spellings.append(spelling)
    try:
        yield
    finally:
        _spellings.remove(spelling)
