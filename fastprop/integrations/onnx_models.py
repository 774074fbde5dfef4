"""ONNX: networks as graphs of standard operators (extra ``onnx``)."""

import json

import numpy as np

from fastprop import files
from fastprop.reference.activations import CUBIC, NEGATIVE_SLOPE
from fastprop.version import __version__

OPSET = 17
"""The version of the standard operators; runtimes of 2022 and later have it."""

IR_VERSION = 8
"""The version of the file format that came with this opset."""

MAX_BYTES = 2**31 - 2**20
"""Bytes of parameters that a file can hold: a protobuf message ends at 2 GiB."""

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
    onnx = _onnx()
    size = sum(weights.nbytes + biases.nbytes for weights, biases, _ in layers)
    if size > MAX_BYTES:
        raise ValueError(f"an ONNX file holds 2 GB, and the parameters take {size / 1e9:.1f} GB: use network.save.")
    graph = _Graph(onnx, about["dtype"])
    x = graph.cast(INPUT, "float64" if standardization[0] is not None else about["dtype"], input_dtype)
    if standardization[0] is not None:
        mean, scale = (
            graph.constant(name, np.asarray(array)) for name, array in zip(("mean", "scale"), standardization)
        )
        x = graph.cast(graph.add("Div", graph.add("Sub", x, mean), scale), about["dtype"], "float64")
    for index, (weights, biases, activation) in enumerate(layers):
        W = graph.constant(f"weights.{index}", np.ascontiguousarray(weights))
        z = graph.add("Gemm", x, W, graph.constant(f"biases.{index}", np.ascontiguousarray(biases)))
        x = ACTIVATIONS[activation](graph, z)
    graph.nodes.append(onnx.helper.make_node("Identity", [x], [OUTPUT]))
    sizes = len(layers[0][0]), len(layers[-1][1])
    model = graph.model(sizes, input_dtype, {"fastprop": about, **_names(about)})
    content = model.SerializeToString()
    with files.replacing(path, "ONNX file") as file:
        file.write(content)


class _Graph:
    """A graph to which nodes are added; each method returns the name of the value that it added."""

    def __init__(self, onnx, dtype):
        self._onnx = onnx
        self._dtype = dtype
        self._constants = {}  # by name, a tensor
        self.nodes = []

    def add(self, operator, *inputs, **attributes):
        """Add a node; inputs are names of values, or numbers."""
        inputs = [self._number(each) if isinstance(each, (int, float)) else each for each in inputs]
        name = f"{operator.lower()}.{len(self.nodes)}"
        self.nodes.append(self._onnx.helper.make_node(operator, inputs, [name], **attributes))
        return name

    def cast(self, x, dtype, given):
        """Convert a value of the dtype `given`, unless it is of `dtype` already."""
        return x if dtype == given else self.add("Cast", x, to=self._element_type(dtype))

    def constant(self, name, array):
        self._constants.setdefault(name, self._onnx.numpy_helper.from_array(array, name))
        return name

    def _number(self, value):
        return self.constant(f"number.{float(value)!r}", np.array(value, self._dtype))

    def _element_type(self, dtype):
        return self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    def model(self, sizes, input_dtype, metadata):
        """Return the model; `sizes` are those of its input and output, `metadata` holds values by name."""
        helper = self._onnx.helper
        ends = [
            helper.make_tensor_value_info(name, self._element_type(dtype), ["rows", size])
            for name, dtype, size in zip((INPUT, OUTPUT), (input_dtype, self._dtype), sizes)
        ]
        graph = helper.make_graph(self.nodes, "mlp", ends[:1], ends[1:], list(self._constants.values()))
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="fastprop",
            producer_version=__version__,
        )
        helper.set_model_props(model, {name: json.dumps(value) for name, value in metadata.items()})
        return model


def _names(about):
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
