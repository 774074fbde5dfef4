"""ONNX: networks as graphs of standard operators (extra ``onnx``)."""

import hashlib
import json

import numpy as np

from fastprop import files
from fastprop.reference.activations import CUBIC, NEGATIVE_SLOPE, SELU_LIMIT, SELU_SCALE
from fastprop.version import __version__

OPSET = 17
"""The version of the standard operators; runtimes of 2022 and later have it."""

IR_VERSION = 8
"""The version of the file format that came with this opset."""

MAX_BYTES = 2**31 - 2**20
"""Bytes of parameters that a file can hold: a protobuf message ends at 2 GiB."""

ML, ML_OPSET = "ai.onnx.ml", 2
"""The domain of operators for tables, and the version of these."""

ML_OPERATORS = ("LabelEncoder",)
"""The operators of `ML` that are used."""

INPUT, OUTPUT = "X", "outputs"
"""The names of the input and the output of a graph."""


def write(path, about, layers, standardization, input_dtype):
    """Write a network to an ONNX file, which it replaces as a whole.

    Parameters
    ----------
    path : str or Path
    about : dict
        Values by name, which the file's metadata has as JSON.
    layers : list of tuple
        For each layer its weights (n_in, n_out), biases (n_out,) and the name of its activation.
    standardization : pair of ndarray or None
        Mean and scale of the inputs, (n_in,) float64 each.
    input_dtype : str
        The dtype of the graph's input.

    Raises
    ------
    ImportError
        If onnx is not installed.
    ValueError
        If the parameters take more than `MAX_BYTES`.
    OSError
        If the file cannot be written.
    """
    graph = Graph(about["dtype"])
    refuse_large(layers)
    x = add_network(graph, INPUT, input_dtype, layers, standardization)
    graph.add_named("Identity", [x], OUTPUT)
    sizes = len(layers[0][0]), len(layers[-1][1])
    inputs = [(INPUT, input_dtype, sizes[0])]
    graph.write(path, inputs, [(OUTPUT, about["dtype"], sizes[1])], {"fastprop": about, **names_of(about)})


def network_parts(network):
    """Return the layers and the standardization of a network, as `write` takes them."""
    layers = list(zip(network.weights, network.biases, network.activations))
    return layers, (network.input_mean, network.input_scale)


def refuse_large(layers):
    """Raise a ValueError if the parameters of layers take more than `MAX_BYTES`."""
    size = sum(weights.nbytes + biases.nbytes for weights, biases, _ in layers)
    if size > MAX_BYTES:
        raise ValueError(f"an ONNX file holds 2 GB, and the parameters take {size / 1e9:.1f} GB: use network.save.")


def add_network(graph, x, given, layers, standardization):
    """Add a network to a graph; return the name of its outputs. `x` names inputs (rows, n_in) of the dtype `given`."""
    x = graph.cast(x, "float64" if standardization[0] is not None else graph.dtype, given)
    if standardization[0] is not None:
        mean, scale = (
            graph.constant(name, np.asarray(array)) for name, array in zip(("mean", "scale"), standardization)
        )
        x = graph.cast(graph.add("Div", graph.add("Sub", x, mean), scale), graph.dtype, "float64")
    for index, (weights, biases, activation) in enumerate(layers):
        W = graph.constant(f"weights.{index}", np.ascontiguousarray(weights))
        z = graph.add("Gemm", x, W, graph.constant(f"biases.{index}", np.ascontiguousarray(biases)))
        x = ACTIVATIONS[activation](graph, z)
    return x


class Graph:
    """A graph to which nodes are added; methods that add one return the name of its value.

    Attributes
    ----------
    dtype : str
        The dtype of numbers that are given as such.
    """

    def __init__(self, dtype):
        self._onnx = _onnx()
        self.dtype = dtype
        self._constants = {}  # by name, a tensor
        self._names = {}  # by the name that was asked for: by dtype, shape and content, the name of the constant
        self._nodes = []

    def add(self, operator, *inputs, **attributes):
        """Add a node; inputs are names of values, or numbers."""
        inputs = [self._number(each) if isinstance(each, (int, float)) else each for each in inputs]
        return self.add_named(operator, inputs, f"{operator.lower()}.{len(self._nodes)}", **attributes)

    def add_named(self, operator, inputs, name, **attributes):
        """Add a node whose value is called `name`; inputs are names of values."""
        domain = ML if operator in ML_OPERATORS else ""
        self._nodes.append(self._onnx.helper.make_node(operator, inputs, [name], domain=domain, **attributes))
        return name

    def cast(self, x, dtype, given):
        """Convert a value of the dtype `given`, unless it is of `dtype` already."""
        return x if dtype == given else self.add("Cast", x, to=self._element_type(dtype))

    def constant(self, name, array):
        """Keep an array under a name, with a number after it if another array has that; return the name it has."""
        content = hashlib.sha256(np.ascontiguousarray(array).tobytes()).digest()
        same_name = self._names.setdefault(name, {})
        key = array.dtype.str, array.shape, content
        if key not in same_name:
            same_name[key] = f"{name} ({len(same_name) + 1})" if same_name else name
            self._constants[same_name[key]] = self._onnx.numpy_helper.from_array(array, same_name[key])
        return same_name[key]

    def _number(self, value):
        return self.constant(f"number.{float(value)!r}", np.array(value, self.dtype))

    def _element_type(self, dtype):
        if dtype == "str":
            return self._onnx.TensorProto.STRING
        return self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    def write(self, path, inputs, outputs, metadata):
        """Write the graph to an ONNX file.

        Parameters
        ----------
        path : str or Path
        inputs, outputs : list of tuple
            For each its name, its dtype, ``"str"`` for strings, and its number of columns, or None for (rows,).
        metadata : dict
            Values by name, which the file has as JSON.
        """
        helper = self._onnx.helper
        infos = [
            [
                helper.make_tensor_value_info(
                    name, self._element_type(dtype), ["rows"] if size is None else ["rows", size]
                )
                for name, dtype, size in ends
            ]
            for ends in (inputs, outputs)
        ]
        graph = helper.make_graph(self._nodes, "mlp", *infos, list(self._constants.values()))
        domains = sorted({node.domain for node in self._nodes})
        versions = [helper.make_opsetid(domain, ML_OPSET if domain == ML else OPSET) for domain in domains]
        about = {"producer_name": "fastprop", "producer_version": __version__}
        model = helper.make_model(graph, opset_imports=versions, ir_version=IR_VERSION, **about)
        helper.set_model_props(model, {name: json.dumps(value) for name, value in metadata.items()})
        content = model.SerializeToString()
        with files.replacing(path, "ONNX file") as file:
            file.write(content)


def names_of(about):
    """Return the names of inputs and classes that the network has."""
    return {name: about[name] for name in ("feature_names", "class_names") if about[name] is not None}


# ---- activations: onnxruntime has the operators used here in both dtypes, but not LeakyRelu, Elu and Softplus ----


def _leaky_relu(graph, z):
    return graph.add("Max", z, graph.add("Mul", z, NEGATIVE_SLOPE))


def _elu(graph, z):
    # max(z, eᵐ - 1) with m = min(z, 0); with t = tanh(m / 2), eᵐ - 1 is 2t / (1 - t), which does not cancel
    t = graph.add("Tanh", graph.add("Mul", graph.add("Min", z, 0), 0.5))
    return graph.add("Max", z, graph.add("Div", graph.add("Mul", t, 2), graph.add("Sub", 1, t)))


def _softplus(graph, z):
    # max(z, 0) + log(1 + u) with u = e^-|z|. With w = 1 + u, log w · u / (w - 1) makes up for the rounding of w
    u = graph.add("Exp", graph.add("Neg", graph.add("Abs", z)))
    w = graph.add("Add", u, 1)
    corrected = graph.add("Div", graph.add("Mul", graph.add("Log", w), u), graph.add("Sub", w, 1))
    return graph.add("Add", graph.add("Max", z, 0), graph.add("Where", graph.add("Equal", w, 1), u, corrected))


def _selu(graph, z):
    # the derivative of elu at 0 is 1, so that the two sides differ in their slope alone
    negative = graph.add("Mul", _elu(graph, graph.add("Min", z, 0)), SELU_LIMIT)
    return graph.add("Add", graph.add("Mul", graph.add("Max", z, 0), SELU_SCALE), negative)


def _mish(graph, z):
    return graph.add("Mul", z, graph.add("Tanh", _softplus(graph, z)))


def _silu(graph, z):
    return _times_sigmoid(graph, z, z)


def _gelu(graph, z):
    cubic = graph.add("Mul", graph.add("Mul", graph.add("Mul", z, z), z), CUBIC)
    return _times_sigmoid(graph, z, graph.add("Mul", graph.add("Add", z, cubic), float(np.sqrt(8 / np.pi))))


def _times_sigmoid(graph, z, x):
    """Add z / (1 + e⁻ˣ), which is 0 where e⁻ˣ is infinite."""
    return graph.add("Div", z, graph.add("Add", graph.add("Exp", graph.add("Neg", x)), 1))


ACTIVATIONS = {
    "sigmoid": lambda graph, z: graph.add("Sigmoid", z),
    "tanh": lambda graph, z: graph.add("Tanh", z),
    "relu": lambda graph, z: graph.add("Relu", z),
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "softplus": _softplus,
    "silu": _silu,
    "gelu": _gelu,
    "selu": _selu,
    "mish": _mish,
    "identity": lambda _, z: z,
    "exp": lambda graph, z: graph.add("Exp", z),
    "softmax": lambda graph, z: graph.add("Softmax", z, axis=1),
}
"""By name of an activation, what adds it to a graph."""


def _onnx():
    try:
        import onnx
    except ImportError as error:
        raise ImportError("ONNX files need onnx: pip install onnx.") from error
    return onnx
