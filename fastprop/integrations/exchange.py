"""Networks in files: safetensors (extra ``exchange``)."""

import json

import numpy as np

from fastprop.network import MLP


def save(network, path):
    """Write `network` to a safetensors file: tensors ``weights.0``, ``biases.0``, …, and its sizes and activations."""
    tensors = {}
    for layer, (weights, biases) in enumerate(zip(network.weights, network.biases)):
        tensors[f"weights.{layer}"], tensors[f"biases.{layer}"] = map(np.ascontiguousarray, (weights, biases))
    about = {"layer_sizes": network.layer_sizes, "hidden": network.hidden, "output": network.output}
    _safetensors().numpy.save_file(tensors, path, {"fastprop": json.dumps({**about, "dtype": network.dtype})})


def load(path):
    """Read a network that `MLP.save` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    MLP

    Raises
    ------
    ValueError
        If the file is no network of fastprop's.
    ImportError
        If safetensors is not installed.
    """
    safetensors = _safetensors()
    try:
        with safetensors.safe_open(path, "numpy") as file:
            about = json.loads(file.metadata()["fastprop"])
            network = MLP(about.pop("layer_sizes"), **about)
            for layer, (weights, biases) in enumerate(zip(network.weights, network.biases)):
                weights[...], biases[...] = file.get_tensor(f"weights.{layer}"), file.get_tensor(f"biases.{layer}")
    except (OSError, KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise ValueError(f"{path} is not a network that fastprop saved ({error}): check the path.") from error
    return network


def _safetensors():
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError("saving and loading networks needs safetensors: pip install 'fastprop[exchange]'.") from error
    return safetensors
