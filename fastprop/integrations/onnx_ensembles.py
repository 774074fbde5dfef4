"""ONNX: ensembles of networks as one graph, with the encoding of a table's columns or without (extra ``onnx``)."""

from typing import Any, NamedTuple

import numpy as np

from fastprop.integrations.onnx_models import INPUT, OUTPUT, Graph, add_network, names_of, refuse_large
from fastprop.integrations.onnx_tables import add_answers, add_columns, columns_of


class Networks(NamedTuple):
    """What becomes a graph of several networks."""

    parts: list[tuple[list[Any], tuple[Any, Any]]]  # for each its layers and its standardization, see `network_parts`
    weights: np.ndarray  # (networks,) float64, whose sum is 1
    temperature: float

    @property
    def last_layer(self):
        """Weights (n_in, n_out), biases and activation of the last layer of the first network."""
        return self.parts[0][0][-1]


def write(path, about, networks, input_dtype):
    """Write an ensemble to an ONNX file, which it replaces as a whole.

    Parameters
    ----------
    path : str or Path
    about : dict
        What the file's metadata have as JSON; with the dtype, and the names of features and classes.
    networks : Networks
    input_dtype : str
        The dtype of the graph's input.

    Raises
    ------
    ImportError, ValueError, OSError
        As `onnx_models.write`.
    """
    graph = _graph(about, networks)
    outputs = _add_mean(graph, [INPUT] * len(networks.parts), input_dtype, networks)
    graph.add_named("Identity", [outputs], OUTPUT)
    n_in, n_out = len(networks.parts[0][0][0][0]), len(networks.last_layer[1])
    ends = [(INPUT, input_dtype, n_in)], [(OUTPUT, about["dtype"], n_out)]
    graph.write(path, *ends, {"fastprop": about, **names_of(about)})


def write_table(path, about, plans_of_networks, cycles, networks):
    """Write an ensemble with the encodings of its columns to an ONNX file, which it replaces as a whole.

    Parameters
    ----------
    path, about, networks
        As `write` takes them.
    plans_of_networks : list of tuple of ColumnPlan
        For each network the plan of each column that becomes features, in order.
    cycles
        As `onnx_tables.write` takes them.

    Raises
    ------
    ImportError, ValueError, OSError
        As `onnx_models.write`.
    """
    graph = _graph(about, networks)
    inputs = {plans: add_columns(graph, plans, cycles) for plans in dict.fromkeys(plans_of_networks)}
    outputs = _add_mean(graph, [inputs[plans] for plans in plans_of_networks], "float64", networks)
    ends = add_answers(graph, outputs, about, len(networks.last_layer[1]))
    graph.write(path, columns_of(plans_of_networks[0]), ends, {"fastprop": about, **names_of(about)})


def _graph(about, networks):
    refuse_large([layer for layers, _ in networks.parts for layer in layers])
    return Graph(about["dtype"])


def _add_mean(graph, inputs, given, networks):
    """Add all networks and the mean of their outputs by the weights; return its name, of the graph's dtype.

    The mean is that of `Ensemble.mean`, in float64. `inputs` names the inputs of each network, of the dtype `given`.
    """
    terms = []
    for x, (layers, standardization), weight in zip(inputs, networks.parts, networks.weights, strict=True):
        outputs = graph.cast(add_network(graph, x, given, layers, standardization), "float64", graph.dtype)
        terms.append(graph.add("Mul", outputs, _float64(graph, weight)))
    mean = graph.add("Sum", *terms)
    if networks.temperature != 1:
        mean = _with_temperature(graph, mean, networks)
    return graph.cast(mean, graph.dtype, "float64")


def _with_temperature(graph, mean, networks):
    """Add a softmax of the logarithms of probabilities, divided by the temperature; of one output, the sigmoid."""
    temperature = _float64(graph, networks.temperature)
    if networks.last_layer[2] == "softmax":
        return graph.add("Softmax", graph.add("Div", graph.add("Log", mean), temperature), axis=1)
    other = graph.add("Log", graph.add("Sub", _float64(graph, 1.0), mean))
    return graph.add("Sigmoid", graph.add("Div", graph.add("Sub", graph.add("Log", mean), other), temperature))


def _float64(graph, value):
    return graph.constant("float64", np.array(value, np.float64))
