"""Reads the files of networks, of ensembles, and of models of tables."""

from __future__ import annotations

import numpy as np

from fastprop import checks, numpy_settings
from fastprop.annotations import Path
from fastprop.ensembles import Ensemble
from fastprop.files import tensors
from fastprop.network import MLP
from fastprop.tabular.encoder import Encoder
from fastprop.tabular.ensemble_model import TableEnsemble
from fastprop.tabular.model import TableModel

KIND_AND_REMEDY = "network that fastprop saved", "check the path, or take another copy of it"
"""What `load` reads, and what to do where it is none."""


@numpy_settings.own
def load(path: Path) -> MLP | TableModel | Ensemble | TableEnsemble:
    """Read a network, an ensemble or a model of a table that its method `save` or the command line wrote.

    Parameters
    ----------
    path : str or Path
        The safetensors file.

    Returns
    -------
    MLP, TableModel, Ensemble or TableEnsemble

    Raises
    ------
    ValueError
        If the file is missing or cannot be read, does not hold a network that fastprop saved, or has been changed
        since; files of earlier versions have no checksum, by which a change is found.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import fastprop as fp
    >>> path = pathlib.Path(tempfile.mkdtemp(), "network.safetensors")
    >>> fp.MLP((2, 2, 1), seed=0).save(path)
    >>> fp.load(path)
    MLP((2, 2, 1), hidden='sigmoid', output='sigmoid', dtype='float32')
    """
    return tensors.read(path, *KIND_AND_REMEDY, _restored)


def written_by(path):
    """Return how a file that `load` reads was written: its format, the versions of libraries, and its checksum."""
    return tensors.written_by(path, *KIND_AND_REMEDY)


def _restored(about, arrays):
    table = about.pop("table", None)
    if "ensemble" in about:
        return _restored_ensemble(about["ensemble"], arrays, table)
    with np.errstate(over="ignore"):  # weights that are too large for the dtype are found next
        network = MLP.restored(about, arrays)
    checks.finite_weights(network.parameters)
    return network if table is None else TableModel(network, Encoder.restored(table["columns"]), table["target"])


def _restored_ensemble(about, arrays, table):
    with np.errstate(over="ignore"):
        ensemble = Ensemble.restored(about, arrays)
    return ensemble if table is None else TableEnsemble.restored(table, ensemble)
