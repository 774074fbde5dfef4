"""What ``fastprop info`` prints of a file that holds a network."""

import json

import fastprop as fp
from fastprop.tabular.model import written_by


def lines(path):
    """Return what a file holds as lines of text: the network, its training, the columns, classes and versions."""
    model = fp.load(path)
    is_of_table = isinstance(model, fp.TableModel)
    network = model.network if is_of_table else model
    found = {"network": repr(network), "parameters": f"{len(network.flat_parameters):,}"}
    if is_of_table:
        found["target"] = model.target_name
    if network.class_names is not None:
        found["classes"] = ", ".join(network.class_names)
    if network.feature_names is not None and not is_of_table:
        found["features"] = ", ".join(network.feature_names)
    found |= _nested(network.training or {})
    found |= {name: str(value) for name, value in written_by(path).items()}
    width = max(map(len, found)) + 1
    text = [f"{name.replace('_', ' '):{width}} {value}" for name, value in found.items()]
    return text + ([f"column {line}" for line in model.encoder.lines()] if is_of_table else [])


def _nested(values):
    """Return the values of JSON as text; those of objects in it have the names of both."""
    told = {}
    for name, value in values.items():
        if isinstance(value, dict) and "name" in value:
            rest = ", ".join(f"{key} {_text(each)}" for key, each in value.items() if key != "name")
            told[name] = f"{value['name']} ({rest})" if rest else value["name"]
        else:
            told[name] = _text(value)
    return told


def _text(value):
    return value if isinstance(value, str) else json.dumps(value)
