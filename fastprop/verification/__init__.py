"""The published digests of trained networks, which every machine gives, and their comparison with this machine's.

`runs` lists what is trained; digests.txt is the table that is published. ``fastprop verify`` prints the comparison.
"""

from pathlib import Path

from fastprop.verification import runs

TABLE = Path(__file__).with_name("digests.txt")
"""The published table."""


def published():
    """Return the published digests by the name of the run.

    Examples
    --------
    >>> from fastprop import verification
    >>> verification.published()["train full batch"]
    'b5da3091ab695a21'
    """
    return dict(line.rsplit(" ", 1) for line in TABLE.read_text(encoding="utf-8").splitlines())


def names(part=""):
    """Return the names of the runs that contain `part`, in the order of the table.

    Raises
    ------
    ValueError
        If there is none.

    Examples
    --------
    >>> from fastprop import verification
    >>> verification.names("huber")
    ['train huber']
    """
    found = [name for name in runs.RUNS if part in name]
    if not found:
        raise ValueError(
            f"no run of the published table has {part!r} in its name: leave it out to compare all of them."
        )
    return found


def differences(names, threads=None):
    """Yield, of the named runs, those whose digest here is not the one that is published.

    Parameters
    ----------
    names : iterable of str
    threads : int or None
        How many threads train; None for all cores.

    Yields
    ------
    name, digest, published : str
        `published` is "none" for a run that the table lacks.
    """
    table = published()
    for name in names:
        digest = runs.digest(name, threads)
        if digest != table.get(name):
            yield name, digest, table.get(name, "none")
