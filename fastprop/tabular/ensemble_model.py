"""`TableEnsemble`: an ensemble of networks with the encoders of their columns, which predicts from tables."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastprop import checks, numpy_settings
from fastprop.annotations import FloatArray, Path
from fastprop.data import EncodedRows, Inputs
from fastprop.ensembles import Ensemble
from fastprop.files import tensors
from fastprop.integrations import onnx_ensembles
from fastprop.notices import DataWarning
from fastprop.tabular.encoder import Encoder, columns_to_encode
from fastprop.tabular.model import encoded_inputs, named_classes, probabilities_of_classes
from fastprop.tabular.plans import CALENDAR


@dataclass(frozen=True, eq=False)
class StackedInputs:
    """The inputs that several encoders make of the same rows; indexing by a slice gives those of some rows."""

    blocks: tuple[NDArray[Any] | EncodedRows, ...]  # (n, n_in) each

    def __len__(self) -> int:
        return len(self.blocks[0])

    def __getitem__(self, rows: slice) -> Self:
        return replace(self, blocks=tuple(block[rows] for block in self.blocks))


class StackedEncoders:
    """Several encoders of the same columns, of which each that differs encodes once.

    Attributes
    ----------
    different : list of Encoder
    block_of : list of int
        For each encoder that was given, the index of the one of `different` that is equal.
    """

    def __init__(self, encoders: Sequence[Encoder]) -> None:
        self.different = list(dict.fromkeys(encoders))
        self.block_of = [self.different.index(encoder) for encoder in encoders]

    def inputs_of(self, columns: Mapping[str, Any]) -> StackedInputs:
        """Return the inputs for columns, a block for each of the `different` encoders; see `Encoder.inputs_of`."""
        first, *others = self.different
        blocks = [first.inputs_of(columns)]
        with warnings.catch_warnings():  # the first encoder has warned of levels that are new to all
            warnings.simplefilter("ignore", DataWarning)
            blocks += [encoder.inputs_of(columns) for encoder in others]
        return StackedInputs(tuple(blocks))

    def inputs_of_array(self, X: ArrayLike) -> StackedInputs:
        """Return the inputs for an array of the columns, as `inputs_of` does; see `Encoder.inputs_of_array`."""
        X = checks.matrix(X)
        columns = columns_to_encode(self.different, X)
        return StackedInputs((X,) * len(self.different)) if columns is None else self.inputs_of(columns)

    def blocks(self, inputs: StackedInputs) -> list[NDArray[Any] | EncodedRows]:
        """Return for each encoder that was given its inputs (n, n_in), of what `inputs_of` returned."""
        return [inputs.blocks[index] for index in self.block_of]


class TableEnsemble:
    """An ensemble that knows the columns of the table on which it was trained; `fastprop.load` reads it from its file.

    Networks of different folds of a cross-validation may have different encoders, because each is fitted to its own
    training rows, and those of other configurations may have numbers encoded in another way. A table is encoded once by
    each of these.

    Parameters
    ----------
    ensemble : Ensemble
        Of networks that were trained on what the encoders make of the columns.
    encoders : sequence of Encoder
        (networks,), all of the same columns.
    target_name : str
        The column that is predicted.

    Raises
    ------
    ValueError
        If there is not an encoder for each network, they have different columns, or one makes another number of inputs
        than its network has.
    TypeError
        If an argument is not as described.

    Attributes
    ----------
    ensemble : Ensemble
        The networks and their weights.
    encoders : tuple of Encoder
        How columns become the inputs of each network, (networks,).
    stacked : StackedEncoders
        The encoders, which make the inputs of all networks at once.
    target_name : str
        The column that is predicted.

    Examples
    --------
    >>> import pandas
    >>> import fastprop as fp
    >>> frame = pandas.DataFrame({"size": [1, 2, 8, 9], "kind": [*"aabb"]})
    >>> table = fp.datasets.read(frame, "kind")
    >>> networks = [fp.MLP((1, 2), output="softmax", class_names=table.class_names, seed=seed) for seed in range(2)]
    >>> model = fp.TableEnsemble(fp.Ensemble(networks), [table.encoder] * 2, "kind")
    >>> model.predict_proba(frame).shape
    (4, 2)
    """

    def __init__(self, ensemble: Ensemble, encoders: Sequence[Encoder], target_name: str) -> None:
        checks.instance(ensemble, "ensemble", Ensemble, "fp.Ensemble(networks)")
        checks.instance(target_name, "target_name", str, "'price'")
        if len(encoders) != len(ensemble.networks):
            raise ValueError(
                f"there are {len(ensemble.networks)} networks and {len(encoders)} encoders: give one for each network."
            )
        for index, encoder in enumerate(encoders):
            checks.instance(encoder, f"encoders[{index}]", Encoder, "table.encoder")
        self.stacked = StackedEncoders(encoders)
        counts = {encoder: len(encoder.feature_names) for encoder in self.stacked.different}
        columns = {encoder.columns for encoder in self.stacked.different}
        pairs = zip(encoders, ensemble.networks)
        if len(columns) > 1 or any(counts[encoder] != network.layer_sizes[0] for encoder, network in pairs):
            raise ValueError("encoders must make the inputs of the networks: give those by which they were made.")
        self.ensemble = ensemble
        self.encoders = tuple(encoders)
        self.target_name = target_name

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes; None if numbers are predicted."""
        return self.ensemble.class_names

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that a table must have."""
        return self.encoders[0].columns

    def inputs(self, table: Any) -> StackedInputs:
        """Return the inputs for the rows of a table: a block (n, n_in) of each encoder that differs."""
        return encoded_inputs(self.encoders[0], self.stacked, table)

    def outputs_of(self, inputs: StackedInputs) -> FloatArray:
        """Return the outputs of the ensemble, (n, n_out), for rows of what `inputs` returned."""
        return self._over_blocks(inputs, self.ensemble.mean)

    def std_of(self, inputs: StackedInputs) -> NDArray[np.float64]:
        """Return the standard deviation of the networks' outputs, (n, n_out), for rows of what `inputs` returned."""
        return self._over_blocks(inputs, self.ensemble.std)

    def intervals_of(self, inputs: StackedInputs, coverage: float) -> NDArray[np.float64]:
        """Return the intervals of `predict_interval` for rows of what `inputs` returned."""
        return self._over_blocks(inputs, lambda outputs: self.ensemble.intervals(outputs, coverage))

    def _over_blocks(self, inputs, combine):
        """Return what `combine` makes of the outputs of all networks, see `predict_together`."""
        from fastprop import runs  # on use, because it imports Numba

        networks = self.ensemble.networks
        first = [networks[self.stacked.block_of.index(index)] for index in range(len(inputs.blocks))]
        blocks = [Inputs.of(block, network) for block, network in zip(inputs.blocks, first)]
        return runs.predict_together(networks, self.stacked.blocks(StackedInputs(tuple(blocks))), combine)

    def outputs(self, table: Any) -> FloatArray:
        """Return the outputs of the ensemble, (n, n_out): probabilities of classes, or numbers in their own unit."""
        return self.outputs_of(self.inputs(table))

    @numpy_settings.own
    def predict(self, table: Any) -> NDArray[Any]:
        """Return what is predicted for each row of a table, as `TableModel.predict` does."""
        return named_classes(self.outputs(table), self.class_names)

    @numpy_settings.own
    def predict_proba(self, table: Any) -> FloatArray:
        """Return the probability of each class for each row of a table, as `TableModel.predict_proba` does."""
        return probabilities_of_classes(self.outputs(table), self.class_names)

    @numpy_settings.own
    def predict_std(self, table: Any) -> NDArray[np.float64]:
        """Return the standard deviation of the networks' outputs, (n,) or (n, n_out), for each row of a table.

        See `Ensemble.predict_std`; `predict` describes `table`.
        """
        return named_classes(self.std_of(self.inputs(table)), None)

    @numpy_settings.own
    def predict_interval(self, table: Any, coverage: float = 0.9) -> NDArray[np.float64]:
        """Return an interval for each row of a table that holds its number with a probability of about `coverage`.

        Parameters
        ----------
        table : data frame, str, Path or array_like
            See `TableModel.predict`.
        coverage : float
            Above 0 and below 1.

        Returns
        -------
        ndarray
            (n, 2) float64, the lower and the upper bound; or (n, n_out, 2) for several outputs. See
            `Ensemble.predict_interval`.

        Raises
        ------
        ValueError, TypeError
            As `TableModel.predict` and `Ensemble.predict_interval`.
        """
        return self.intervals_of(self.inputs(table), coverage)

    @numpy_settings.own
    def save(self, path: Path) -> None:
        """Write the networks, their weights, the plans of columns and the name of the target to a file.

        Raises
        ------
        ValueError, OSError
            As `MLP.save`.
        """
        table = {
            "columns": [encoder.about for encoder in self.stacked.different],
            "encoders": self.stacked.block_of,
            "target": self.target_name,
        }
        tensors.write(path, self.ensemble.description | {"table": table}, self.ensemble.state_dict(), "network file")

    @numpy_settings.own
    def to_onnx(self, path: Path) -> None:
        """Write the model to an ONNX file (extra ``onnx``), with the encodings of its columns in the graph.

        Inputs and outputs of the graph are those of `TableModel.to_onnx`, and so are errors.
        """
        about = self.ensemble.about | {"target": self.target_name}
        plans = [encoder.used_plans for encoder in self.encoders]
        onnx_ensembles.write_table(path, about, plans, CALENDAR, self.ensemble.onnx_networks)

    @classmethod
    def restored(cls, table: Mapping[str, Any], ensemble: Ensemble) -> Self:
        """Return the model of what a file says of the table."""
        different = [Encoder.restored(each) for each in table["columns"]]
        return cls(ensemble, [different[index] for index in table["encoders"]], table["target"])

    def __repr__(self) -> str:
        return f"TableEnsemble({self.ensemble!r}, {self.encoders[0]!r}, {self.target_name!r})"
