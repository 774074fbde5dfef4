"""What ``fastprop info`` prints of a file that holds a network."""

import json

import fastprop as fp
from fastprop.options.losses import pinball_of
from fastprop.tabular.loading import written_by


def lines(path):
    """Return what a file holds as lines of text: the network, its training, the columns, classes and versions."""
    model = fp.load(path)
    networks = networks_of(model)
    network = networks[0]
    is_of_table = is_table_model(model)
    count = sum(len(each.flat_parameters) for each in networks)
    found = {"network": repr(network)} if len(networks) == 1 else _networks(networks, model)
    found["parameters"] = f"{count:,}"
    if is_of_table:
        found["target"] = model.target_name
    if model.class_names is not None:
        found["classes"] = ", ".join(model.class_names)
    if network.feature_names is not None and not is_of_table:
        found["features"] = ", ".join(network.feature_names)
    training = network.training or {}
    shown = training if len(networks) == 1 else {name: training[name] for name in ("data",) if name in training}
    found |= _nested(shown)
    found |= {name: str(value) for name, value in written_by(path).items()}
    width = max(map(len, found)) + 1
    text = [f"{name.replace('_', ' '):{width}} {value}" for name, value in found.items()]
    encoder = model.encoder if isinstance(model, fp.TableModel) else model.encoders[0] if is_of_table else None
    return text + ([] if encoder is None else [f"column {line}" for line in encoder.lines()])


def networks_of(model):
    """Return the networks of what `fastprop.load` returns, a list."""
    if isinstance(model, fp.TableModel):
        return [model.network]
    ensemble = model.ensemble if isinstance(model, fp.TableEnsemble) else model
    return ensemble.networks if isinstance(ensemble, fp.Ensemble) else [ensemble]


def pinball_of_model(model):
    """Return the loss of quantiles by which a network was trained, as its file says, or None."""
    return pinball_of(networks_of(model)[0].training)


def is_table_model(model):
    """Return whether what `fastprop.load` returns knows the columns of a table."""
    return isinstance(model, (fp.TableModel, fp.TableEnsemble))


def _networks(networks, model):
    """Return the number of networks of an ensemble, and a line for each kind of them with its share of the weight."""
    ensemble = model.ensemble if isinstance(model, fp.TableEnsemble) else model
    shares = {}
    for network, weight in zip(networks, ensemble.weights):
        shares.setdefault(repr(network), []).append(weight)
    ordered = sorted(shares.items(), key=lambda item: -sum(item[1]))
    lines = {f"{sum(weights):.0%} of the weight": f"{len(weights)} of {network}" for network, weights in ordered}
    if ensemble.temperature != 1:
        lines["temperature"] = f"{ensemble.temperature:.3g}"
    if ensemble.fold_errors is not None:
        lines["intervals"] = f"by the errors of {len(ensemble.fold_errors.errors)} rows"
    return {"networks": f"{len(networks)}, an ensemble"} | lines


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
