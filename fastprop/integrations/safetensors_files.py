"""safetensors: files that hold networks (extra ``exchange``)."""

import json

import numpy as np

STANDARDIZATION = "input_mean", "input_scale"
"""Names of the tensors of a network that standardizes its inputs."""


def write(path, about, weights, biases, standardization):
    """Write a network to a file.

    Parameters
    ----------
    path : str or Path
    about : dict
        Values by name, which are written as JSON into the file's metadata.
    weights, biases : list of ndarray
        One array for each layer; they are written as tensors ``weights.0``, ``biases.0`` and so on.
    standardization : pair of ndarray or None
        ``input_mean`` and ``input_scale``; None is not written.
    """
    tensors = {f"weights.{layer}": np.ascontiguousarray(array) for layer, array in enumerate(weights)}
    tensors |= {f"biases.{layer}": np.ascontiguousarray(array) for layer, array in enumerate(biases)}
    tensors |= {name: array for name, array in zip(STANDARDIZATION, standardization) if array is not None}
    _safetensors().numpy.save_file(tensors, path, {"fastprop": json.dumps(about)})


def read(path):
    """Read what `write` wrote: `about`, weights, biases and standardization.

    Raises
    ------
    ValueError
        If the file is missing, or is not one that `write` wrote.
    ImportError
        If safetensors is not installed.
    """
    safetensors = _safetensors()
    try:
        with safetensors.safe_open(path, "numpy") as file:
            about = json.loads(file.metadata()["fastprop"])
            layers = range(len(about["layer_sizes"]) - 1)
            weights = [file.get_tensor(f"weights.{layer}") for layer in layers]
            biases = [file.get_tensor(f"biases.{layer}") for layer in layers]
            names = file.keys()
            standardization = [file.get_tensor(name) if name in names else None for name in STANDARDIZATION]
    except (OSError, KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise ValueError(f"{path} is not a network that fastprop saved ({error}): check the path.") from error
    return about, weights, biases, standardization


def require():
    """Raise an ImportError that says how to install safetensors, if it is not."""
    _safetensors()


def _safetensors():
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError("saving and loading networks needs safetensors: pip install safetensors.") from error
    return safetensors
