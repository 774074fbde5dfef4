"""ONNX: networks with the encoding of a table's columns in the graph (extra ``onnx``)."""

import numpy as np

from fastprop.integrations.onnx_models import Graph, add_network, names_of, refuse_large

CLASS, PROBABILITIES, PREDICTION = "class", "probabilities", "prediction"
"""The names of outputs: of classes the first two, of numbers the last."""


def write(path, about, plans, cycles, layers, standardization):
    """Write a network with the encoding of its columns to an ONNX file, which it replaces as a whole.

    Parameters
    ----------
    path : str or Path
    about : dict
        What the file's metadata have as JSON; with the dtype and the names of classes.
    plans : list of ColumnPlan
        The plan of each column that becomes features, in order.
    cycles : pair of float, float, float
        The days of a year and of a week, and the day since 1970 from which years of dates are counted.
    layers, standardization
        As `onnx_models.write` takes them.

    Raises
    ------
    ImportError, ValueError, OSError
        As `onnx_models.write`.
    """
    graph = Graph(about["dtype"])
    refuse_large(layers)
    outputs = add_network(graph, add_columns(graph, plans, cycles), "float64", layers, standardization)
    ends = add_answers(graph, outputs, about, len(layers[-1][1]))
    graph.write(path, columns_of(plans), ends, {"fastprop": about, **names_of(about)})


def add_columns(graph, plans, cycles):
    """Add the features of all columns; return their name, a value (rows, n_in) float64."""
    return graph.add("Concat", *(each for plan in plans for each in _features(graph, plan, cycles)), axis=1)


def columns_of(plans):
    """Return the name, the dtype and the number of columns of each input of a graph."""
    return [(plan.name, "str" if plan.kind == "category" else "float64", 1) for plan in plans]


def _features(graph, plan, cycles):
    """Add the features of a column; return their names, each a value (rows, …) float64."""
    if plan.kind == "category":
        return _levels(graph, plan)
    x, missing = plan.name, []
    if not plan.is_trained:
        zeros = graph.constant(f"zeros.{len(plan.feature_names)}", np.zeros((1, len(plan.feature_names))))
        return [graph.add("Mul", graph.cast(graph.add("IsNaN", x), "float64", "bool"), zeros)]
    if plan.center is not None:
        is_missing = graph.add("IsNaN", x)
        x = graph.add("Where", is_missing, _constant(graph, plan.center), x)
    if plan.has_missing:
        indicator = graph.cast(is_missing, "float64", "bool")
        missing = [graph.add("Mul", indicator, _constant(graph, float(plan.trains_missing)))]
    return [*MEASURED[plan.kind](graph, x, plan, cycles), *missing]


def _date(graph, x, plan, cycles):
    """Add the years since an origin, and where in the year and the week a date is, as sine and cosine."""
    year, week, origin = cycles
    years = graph.add("Div", graph.add("Sub", x, _constant(graph, origin)), _constant(graph, year))
    waves = []
    for days in (year, week):
        angle = graph.add("Mul", x, _constant(graph, 2 * np.pi / days))
        cosine = graph.add("Sin", graph.add("Add", angle, _constant(graph, np.pi / 2)))  # not all have Cos in float64
        waves += [graph.add("Sin", angle), cosine]
    return [years, *waves]


def _robust(graph, x, plan):
    """Add numbers that are robustly scaled: s / √(1 + (s / 3)²)."""
    median, factor = plan.constants
    scaled = graph.add("Mul", graph.add("Sub", x, _constant(graph, median)), _constant(graph, factor))
    scaled = graph.add("Clip", scaled, _constant(graph, -1e150), _constant(graph, 1e150))  # with a finite square
    third = graph.add("Div", scaled, _constant(graph, 3))
    square = graph.add("Add", _constant(graph, 1), graph.add("Mul", third, third))
    return graph.add("Div", scaled, graph.add("Sqrt", square))


def _piecewise(graph, x, plan):
    """Add a feature of each bin: (x - left edge) / (right edge - left edge), not below 0 or above 1 but at the ends."""
    edges, name = np.array(plan.constants), plan.name
    bins = len(edges) - 1
    lefts, widths = np.full(plan.features, np.inf), np.ones(plan.features)  # a bin that training rows had not is 0
    lowest, highest = np.zeros(plan.features), np.ones(plan.features)
    if bins > 0:
        lefts[:bins], widths[:bins], lowest[0], highest[bins - 1] = edges[:-1], np.diff(edges), -np.inf, np.inf
    lefts, widths, lowest, highest = (
        graph.constant(f"{kind} of {name}", values[None])
        for kind, values in (("lefts", lefts), ("widths", widths), ("lowest", lowest), ("highest", highest))
    )
    parts = graph.add("Div", graph.add("Sub", x, lefts), widths)
    return graph.add("Max", graph.add("Min", parts, highest), lowest)


ENCODINGS = {"standard": lambda graph, x, plan: x, "robust": _robust, "piecewise": _piecewise}
"""By name of a numeric encoding, what adds its features."""

MEASURED = {
    "number": lambda graph, x, plan, cycles: [ENCODINGS[plan.encoding](graph, x, plan)],
    "boolean": lambda graph, x, plan, cycles: [x],
    "date": _date,
}
"""By the kind of a plan for whose missing cells a median stands, what adds the features of cells."""


def _levels(graph, plan):
    """Add the features of a category, whose cells are strings and empty where one is missing."""
    count = len(plan.feature_names)
    feature_of_word = plan.feature_of_level | {"": plan.feature_of_missing}
    index = graph.add(
        "LabelEncoder",
        plan.name,
        keys_strings=list(feature_of_word),
        values_int64s=[count if feature < 0 else feature for feature in feature_of_word.values()],
        default_int64=count if plan.feature_of_others < 0 else plan.feature_of_others,
    )
    depth = graph.constant(f"depth.{count}", np.array([count], np.int64))
    on = graph.constant("off and on", np.array([0, 1], np.float32))
    flat = graph.add("Reshape", index, graph.constant("one axis", np.array([-1], np.int64)))
    return [graph.cast(graph.add("OneHot", flat, depth, on, axis=-1), "float64", "float32")]


def add_answers(graph, outputs, about, n_out):
    """Add names of classes with probabilities, or numbers; return the name, dtype and number of columns of each."""
    names, dtype = about["class_names"], graph.dtype
    if names is None:
        graph.add_named("Identity", [outputs], PREDICTION)
        return [(PREDICTION, dtype, n_out)]
    if n_out == 1:
        is_second = graph.cast(graph.add("Greater", outputs, 0.5), "int64", "bool")
        index = graph.add("Reshape", is_second, graph.constant("one axis", np.array([-1], np.int64)))
        graph.add_named("Concat", [graph.add("Sub", 1, outputs), outputs], PROBABILITIES, axis=1)
    else:
        index = graph.add("ArgMax", outputs, axis=1, keepdims=0)
        graph.add_named("Identity", [outputs], PROBABILITIES)
    encoded = {"keys_int64s": list(range(len(names))), "values_strings": list(names)}
    graph.add_named("LabelEncoder", [index], CLASS, **encoded)
    return [(CLASS, "str", None), (PROBABILITIES, dtype, len(names))]


def _constant(graph, value):
    """Return the name of a number in float64, in which columns are encoded."""
    return graph.constant(f"float64.{float(value)!r}", np.array(value, np.float64))
