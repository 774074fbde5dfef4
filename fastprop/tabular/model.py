"""`TableModel`: a network with the encoder of its columns, which predicts from tables."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastprop import checks, files, numpy_settings
from fastprop.annotations import FloatArray, Path
from fastprop.data import EncodedRows
from fastprop.files import tensors
from fastprop.integrations import frame_columns, onnx_models, onnx_tables
from fastprop.network import MLP
from fastprop.tabular import sources
from fastprop.tabular.encoder import Encoder, listed_names, named_columns
from fastprop.tabular.plans import CALENDAR


class TableModel:
    """A network that knows the columns of the table on which it was trained; `fastprop.load` reads it from its file.

    Parameters
    ----------
    network : MLP
        A network that was trained on what `encoder` makes of the columns.
    encoder : Encoder
        How columns become inputs, such as ``table.encoder`` of what `fastprop.datasets.read` returns.
    target_name : str
        The column that is predicted.

    Raises
    ------
    ValueError
        If the encoder makes another number of inputs than the network has, or is None, as that of arrays is.
    TypeError
        If an argument is not as described.

    Attributes
    ----------
    network : MLP
        What is predicted from the encoded columns.
    encoder : Encoder
        How columns become inputs.
    target_name : str
        The column that is predicted.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import pandas
    >>> import fastprop as fp
    >>> frame = pandas.DataFrame({"size": [1, 2, 8, 9], "color": ["red", "red", "blue", "red"], "kind": [*"aabb"]})
    >>> table = fp.datasets.read(frame, "kind")
    >>> network = fp.MLP((3, 8, 2), output="softmax", class_names=table.class_names)
    >>> history = fp.train(network, *table, epochs=50, optimizer=fp.AdamW(0.01), standardize=True)
    >>> path = pathlib.Path(tempfile.mkdtemp(), "kinds.safetensors")
    >>> fp.TableModel(network, table.encoder, "kind").save(path)
    >>> fp.load(path).predict(frame.drop(columns="kind"))
    array(['a', 'a', 'b', 'b'], dtype='<U1')
    """

    def __init__(self, network: MLP, encoder: Encoder | None, target_name: str) -> None:
        if encoder is None:
            raise ValueError("arrays have no columns that could be encoded: save the network itself.")
        checks.instance(network, "network", MLP, "the one that was trained")
        checks.instance(encoder, "encoder", Encoder, "table.encoder")
        checks.instance(target_name, "target_name", str, "'price'")
        if network.layer_sizes[0] != len(encoder.feature_names):
            raise ValueError(
                f"the network has {network.layer_sizes[0]} inputs, but the columns make {len(encoder.feature_names)}: "
                "give the encoder by which its inputs were made."
            )
        self.network = network
        self.encoder = encoder
        self.target_name = target_name

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes; None if numbers are predicted."""
        return self.network.class_names

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that a table must have."""
        return self.encoder.columns

    def inputs(self, table: Any) -> NDArray[np.float64] | EncodedRows:
        """Return the inputs of the network for the rows of a table, (n, n_in); see `predict`.

        They are an array, or `fastprop.data.EncodedRows`, which ``[:]`` makes one, where numbers are encoded by bins or
        a category has more than 50 levels or several features that rare levels share.
        """
        return encoded_inputs(self.encoder, self.encoder, table)

    def outputs_of(self, inputs: NDArray[np.float64] | EncodedRows) -> FloatArray:
        """Return the outputs of the network, (n, n_out), for rows of what `inputs` returned."""
        return self.network.predict(inputs)

    def outputs(self, table: Any) -> FloatArray:
        """Return the outputs of the network, (n, n_out): probabilities of classes, or numbers in their own unit."""
        return self.outputs_of(self.inputs(table))

    @numpy_settings.own
    def predict(self, table: Any) -> NDArray[Any]:
        """Return what is predicted for each row of a table.

        Parameters
        ----------
        table : data frame, str, Path or array_like
            A data frame of pandas or polars, an Arrow table, anything with ``__arrow_c_stream__``, or the path of a
            file that `fastprop.datasets.read` reads. Columns are found by their names; others may stand among
            them. An array, or a file of one, holds numbers (n, columns), in the order of `columns`. What is encoded
            already is given to ``network.predict``.

        Returns
        -------
        ndarray
            (n,) names of classes, or numbers (n,) or (n, n_out) in the unit of the targets.

        Raises
        ------
        ValueError
            If a column is missing, or holds what `Encoder` does not allow; the message names it.
        """
        return named_classes(self.outputs(table), self.class_names)

    @numpy_settings.own
    def predict_proba(self, table: Any) -> FloatArray:
        """Return the probability of each class for each row of a table, (n, classes); `predict` describes `table`.

        Raises
        ------
        ValueError
            As `predict`, and if the network does not predict classes.
        """
        return probabilities_of_classes(self.outputs(table), self.class_names)

    def save(self, path: Path) -> None:
        """Write the network, the plans of its columns and the name of its target to a file, as `MLP.save` does.

        Raises
        ------
        ValueError, OSError
            As `MLP.save`.
        """
        checks.finite_weights(self.network.parameters)
        table = {"columns": self.encoder.about, "target": self.target_name}
        tensors.write(path, self.network.description | {"table": table}, self.network.state_dict(), "network file")

    def to_onnx(self, path: Path) -> None:
        """Write the model to an ONNX file (extra ``onnx``), with the encoding of its columns in the graph.

        The graph has an input (rows, 1) for each column, by its name. Categories are strings, ``""`` where one is
        missing, without space around them; whole numbers that are categories are written as ``"7"``. All others are
        float64, NaN where one is missing: numbers, booleans as 0 and 1, and dates as days since 1970, with the time as
        a part of a day. The outputs are ``class`` (rows,), names as strings, and ``probabilities`` (rows, classes); or
        ``prediction`` (rows, n_out), numbers in their own unit. Missing cells and new levels are taken as `predict`
        takes them, but without a warning.

        Parameters
        ----------
        path : str or Path
            The file to write; one that exists is replaced as a whole.

        Raises
        ------
        ImportError
            If onnx is not installed.
        ValueError
            If the parameters take more than the 2 GB that an ONNX file holds.
        OSError
            If the file cannot be written.
        """
        about = self.network.about | {"target": self.target_name}
        onnx_tables.write(path, about, self.encoder.used_plans, CALENDAR, *onnx_models.network_parts(self.network))

    def __repr__(self) -> str:
        return f"TableModel({self.network!r}, {self.encoder!r}, {self.target_name!r})"


def encoded_inputs(encoder, encoders, table):
    """Return the inputs that `encoders`, one or several stacked ones, make of a table or of an array of its columns.

    `encoder` is any of them: all have the same columns.
    """
    with files.naming(table):
        if not (isinstance(table, str) or hasattr(table, "__fspath__") or frame_columns.is_frame(table)):
            return encoders.inputs_of_array(table)
        if sources.is_array_file(table):
            return encoders.inputs_of_array(sources.read_array(table, len(encoder.columns)))
        return encoders.inputs_of(_columns_of(encoder, table))


def _columns_of(encoder, table):
    """Return the columns of a frame or file that an encoder takes, a dict of `Column` by name."""
    is_frame = frame_columns.is_frame(table)
    found = named_columns(table) if is_frame else None  # once, because a stream can be read only once
    present = list(found) if is_frame else sources.column_names(table)
    names = [name for name in encoder.columns if name in present]
    if not names:
        raise ValueError(
            f"{'the table' if is_frame else table} has none of the columns {listed_names(encoder.columns)} of the "
            f"training data, but {listed_names(present)}: give it a header with the names of its columns."
        )
    if is_frame:
        return found
    categories = [plan for plan in encoder.plans if plan.kind == "category" and plan.name in present]
    words = [plan.name for plan in categories if plan.is_of_words]
    levels = [plan.name for plan in categories if not plan.is_of_words and not plan.is_of_bools]
    return sources.read_columns(table, names, words, levels)


def named_classes(outputs, class_names):
    """Return the name of each row's class, (n,), by outputs (n, n_out); without names, the outputs themselves."""
    if class_names is None:
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs
    return np.array(class_names)[classes(outputs)]


def probabilities_of_classes(outputs, class_names):
    """Return the probability of each class, (n, classes), by outputs (n, n_out); classes must have names."""
    if class_names is None:
        raise ValueError("the network predicts numbers, which have no probabilities: call predict.")
    return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs


def classes(outputs):
    """Return the class of each row, (n,), by its outputs (n, n_out)."""
    return outputs.argmax(axis=1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0.5).astype(int)
