"""`load_sweep`: reads a result that `SweepResult.save` wrote."""

from fastprop.annotations import Path
from fastprop.sweeping import files
from fastprop.sweeping.results import SweepResult


def load_sweep(path: Path) -> SweepResult:
    """Read the result of a sweep that `SweepResult.save` wrote.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    SweepResult
        With the same table, history, rungs and networks.

    Raises
    ------
    ValueError
        If the file is missing, damaged, no result of a sweep, or one that another version of fastprop wrote.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import fastprop as fp
    >>> X, y = fp.datasets.digits()
    >>> path = pathlib.Path(tempfile.mkdtemp(), "sweep.npz")
    >>> fp.sweep((64, 16, 10), X, y, {"learning_rate": [0.01, 0.5]}, epochs=3, validation=0.2).save(path)
    >>> fp.load_sweep(path).best["learning_rate"]
    0.5
    """
    return files.read(path, SweepResult.restored)
