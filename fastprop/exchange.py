"""`Exchange`: how a network leaves for files and for other libraries, and how it comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from fastprop import c_header, checks, numpy_settings
from fastprop.annotations import ArrayLike, Dtype, FloatArray, OutputActivation, Path
from fastprop.files import tensors
from fastprop.integrations import onnx_models, torch_modules


def state_shapes(layer_sizes: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array of a network's parameters: by name, the weights of all layers, then the biases.

    Examples
    --------
    >>> state_shapes((2, 8, 3))
    {'weights.0': (2, 8), 'weights.1': (8, 3), 'biases.0': (8,), 'biases.1': (3,)}
    """
    shapes = list(zip(layer_sizes[:-1], layer_sizes[1:]))
    weights = {f"weights.{layer}": shape for layer, shape in enumerate(shapes)}
    return weights | {f"biases.{layer}": (n_out,) for layer, (_, n_out) in enumerate(shapes)}


class Exchange:
    """The part of `MLP` that saves and exports a network."""

    layer_sizes: tuple[int, ...]
    input_mean: FloatArray | None
    input_scale: FloatArray | None
    training: dict[str, Any] | None
    dtype: Dtype
    if TYPE_CHECKING:  # these are properties of `MLP`
        weights: list[FloatArray]
        biases: list[FloatArray]
        activations: list[OutputActivation]
        about: dict[str, Any]

    @classmethod
    def restored(cls, about: Mapping[str, Any], state: Mapping[str, ArrayLike]) -> Self:
        """Return a network with this `description` and this `state_dict`, compared before it takes any memory."""
        sizes = about["layer_sizes"]
        if not all(type(size) is int for size in sizes):
            raise ValueError(f"layer_sizes must be ints, as they are saved, not {checks.shown(sizes)}: give ints.")
        checks.state(state, state_shapes(checks.layer_sizes(sizes)))
        about = dict(about)
        training = about.pop("training", None)
        network = cls(**about)
        network.training = training
        network.load_state_dict(state)
        return network

    def state_dict(self) -> dict[str, FloatArray]:
        """Return copies of all arrays of the network, by name.

        Returns
        -------
        dict of str to ndarray
            For each layer l ``"weights.l"`` (n_in, n_out) and ``"biases.l"`` (n_out,), of the network's dtype. If the
            network standardizes its inputs, also ``"input_mean"`` and ``"input_scale"``, (n_in,) float64. A file that
            `save` writes has tensors of these names.

        Examples
        --------
        >>> import fastprop as fp
        >>> state = fp.MLP((2, 8, 3), seed=0).state_dict()
        >>> {name: array.shape for name, array in state.items()}
        {'weights.0': (2, 8), 'weights.1': (8, 3), 'biases.0': (8,), 'biases.1': (3,)}
        >>> other = fp.MLP((2, 8, 3), seed=1)
        >>> other.load_state_dict(state)
        >>> bool((other.weights[0] == state["weights.0"]).all())
        True
        """
        arrays = dict(zip(state_shapes(self.layer_sizes), [*self.weights, *self.biases]))
        if self.input_mean is not None and self.input_scale is not None:
            arrays |= {"input_mean": self.input_mean, "input_scale": self.input_scale}
        return {name: np.array(array, order="C") for name, array in arrays.items()}

    @numpy_settings.own
    def load_state_dict(self, state: Mapping[str, ArrayLike]) -> None:
        """Copy arrays by name, as `state_dict` returns them, into the network; see its example.

        Parameters
        ----------
        state : mapping of str to array_like
            All the names of `state_dict`, each array of the same shape; numbers are converted to the network's dtype.
            A state without ``input_mean`` and ``input_scale`` is one of a network that does not standardize.

        Raises
        ------
        ValueError, TypeError
            If a name is missing or is not one of these, or if an array has another shape or holds no numbers. The
            network is unchanged then.
        """
        shapes = state_shapes(self.layer_sizes)
        arrays = checks.state(state, shapes)
        for name, view in zip(shapes, [*self.weights, *self.biases]):
            view[...] = arrays[name]
        self.input_mean, self.input_scale = arrays["input_mean"], arrays["input_scale"]

    @numpy_settings.own
    def save(self, path: Path) -> None:
        """Write the network to a file in the format safetensors, which `fastprop.load` reads.

        The file has a checksum: `fastprop.load` refuses one that has been changed since. It follows links, and has the
        permissions that the umask gives. Its metadata are JSON that tells shapes, names, the options of the training,
        and the versions of fastprop, NumPy and Numba; ``fastprop info`` prints them.

        Parameters
        ----------
        path : str or Path
            The file to write; one that exists is replaced as a whole.

        Raises
        ------
        ValueError
            If a weight is not finite, as after a training that diverged.
        OSError
            If the file cannot be written; one that was there is unchanged then.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import fastprop as fp
        >>> path = pathlib.Path(tempfile.mkdtemp(), "network.safetensors")
        >>> fp.MLP((2, 2, 1), seed=0).save(path)
        >>> fp.load(path)
        MLP((2, 2, 1), hidden='sigmoid', output='sigmoid', dtype='float32')
        """
        checks.finite_weights(self.parameters)
        tensors.write(path, self.description, self.state_dict(), "network file")

    @property
    def description(self) -> dict[str, Any]:
        """What a file says of the network beside its arrays: `about`, and how it was trained, if it was."""
        return self.about if self.training is None else self.about | {"training": self.training}

    @numpy_settings.own
    def to_onnx(self, path: Path, *, input_dtype: Dtype | None = None) -> None:
        """Write the network to an ONNX file (extra ``onnx``), which other runtimes predict with.

        The graph takes ``X`` (rows, n_in) and returns ``outputs`` (rows, n_out) as `MLP.predict` does, standardization
        included. It consists of standard operators (opset 17), which onnxruntime has in both dtypes. The metadata of
        the file hold, as JSON, the description of the network under ``fastprop``, and ``feature_names`` and
        ``class_names`` if there are any.

        Parameters
        ----------
        path : str or Path
            The file to write; one that exists is replaced as a whole.
        input_dtype : str, optional
            The dtype of ``X``, by default that of the network. Give ``"float64"`` for a network of float32 that
            standardizes inputs with many digits, such as time stamps.

        Raises
        ------
        ImportError
            If onnx is not installed.
        ValueError
            If the parameters take more than the 2 GB that an ONNX file holds.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import fastprop as fp
        >>> path = pathlib.Path(tempfile.mkdtemp(), "network.onnx")
        >>> fp.MLP((2, 8, 3), output="softmax").to_onnx(path)
        >>> path.exists()
        True
        """
        dtype = checks.dtype(input_dtype or self.dtype, "input_dtype")
        onnx_models.write(path, self.about, self._layers, (self.input_mean, self.input_scale), dtype)

    @numpy_settings.own
    def to_c(self, path: Path, *, name: str | None = None, input_dtype: Dtype | None = None) -> None:
        """Write the network as a C header, which predicts without any library but that of ``math.h``.

        Its function ``NAME_predict(inputs, outputs)`` reads one row of n_in numbers and writes n_out numbers, as
        `MLP.predict` returns them. It allocates no memory. ``NAME_input_name`` and ``NAME_class_name`` return the names
        of inputs and classes, if there are any. The header is C99 and C++11.

        Parameters
        ----------
        path : str or Path
            The file to write; one that exists is replaced as a whole.
        name : str, optional
            NAME, what all names in the header begin with; by default that of the file, with an underscore for all that
            is no letter of English and no digit.
        input_dtype : str, optional
            The dtype of the inputs, by default that of the network. Give ``"float64"`` for a network of float32 that
            standardizes inputs with many digits, such as time stamps.

        Raises
        ------
        ValueError
            If `name` is none in C, or if a parameter is not finite.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import fastprop as fp
        >>> path = pathlib.Path(tempfile.mkdtemp(), "iris.h")
        >>> fp.MLP((4, 8, 3), output="softmax").to_c(path)
        >>> "static inline void iris_predict(const float *inputs, float *outputs)" in path.read_text()
        True
        """
        dtype = checks.dtype(input_dtype or self.dtype, "input_dtype")
        c_header.write(path, name, self.about, self._layers, (self.input_mean, self.input_scale), dtype)

    def to_torch(self) -> Any:
        """Return the network as a PyTorch module (extra ``torch``), with copies of the parameters.

        Returns
        -------
        torch.nn.Sequential
            Takes a tensor (n, n_in), and returns (n, n_out) as `MLP.predict` does. If the network standardizes its
            inputs, the first part of the module does, in float64; it takes inputs of any dtype.

        Raises
        ------
        ImportError
            If PyTorch is not installed.

        Examples
        --------
        >>> import fastprop as fp
        >>> fp.MLP((2, 8, 3), hidden="relu", output="softmax").to_torch()  # doctest: +SKIP
        Sequential(
          (0): Linear(in_features=2, out_features=8, bias=True)
          (1): ReLU()
          (2): Linear(in_features=8, out_features=3, bias=True)
          (3): Softmax(dim=-1)
        )
        """
        return torch_modules.module_of(self._layers, (self.input_mean, self.input_scale), self.dtype)

    @classmethod
    def from_torch(cls, module: Any) -> Self:
        """Return a network with the layers of a PyTorch module (extra ``torch``), and copies of its parameters.

        Parameters
        ----------
        module : torch.nn.Sequential
            Linear layers of float32 or float64, each followed by at most one of Sigmoid, Tanh, ReLU, LeakyReLU (0.01),
            ELU, Softplus, SiLU, GELU (its tanh form) and, at the end, Softmax. Sequentials may be nested, and a single
            Linear is enough. What `to_torch` returns comes back the same, standardization included.

        Raises
        ------
        ValueError, TypeError
            If the module has any other part; the message names it.
        ImportError
            If PyTorch is not installed.

        Examples
        --------
        >>> import torch, fastprop as fp  # doctest: +SKIP
        >>> fp.from_torch(torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)))
        ... # doctest: +SKIP
        MLP((2, 8, 1), hidden='tanh', output='identity', dtype='float32')
        """
        weights, biases, activations, standardization = torch_modules.layers_of(module)
        *hidden, output = activations
        about = {
            "layer_sizes": [len(weights[0]), *map(len, biases)],
            "hidden": hidden[0] if len(set(hidden)) == 1 else hidden,
            "output": output,
            "dtype": np.result_type(*weights, *biases),
        }
        state = dict(zip(state_shapes(about["layer_sizes"]), [*weights, *biases]))
        return cls.restored(about, state | standardization)

    @property
    def _layers(self) -> list[tuple[FloatArray, FloatArray, OutputActivation]]:
        """For each layer its weights, biases and the name of its activation."""
        return list(zip(self.weights, self.biases, self.activations))
