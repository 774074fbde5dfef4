"""PyTorch: networks as modules, and modules as networks (extra ``torch``).

PyTorch is imported on use. `Standardization` and `Exp` are made then, and are attributes of this module, so that
modules that hold them can be pickled.
"""

import functools
from typing import NamedTuple

import numpy as np

SOFTPLUS_THRESHOLD = 40.0
"""From this z on, softplus is z to the last bit of float64."""

ACTIVATIONS = {
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "relu": ("ReLU", {}),
    "leaky_relu": ("LeakyReLU", {"negative_slope": 0.01}),
    "elu": ("ELU", {"alpha": 1.0}),
    "softplus": ("Softplus", {"beta": 1.0, "threshold": SOFTPLUS_THRESHOLD}),
    "silu": ("SiLU", {}),
    "gelu": ("GELU", {"approximate": "tanh"}),
    "selu": ("SELU", {}),
    "mish": ("Mish", {}),
    "identity": ("Identity", {}),
    "exp": ("Exp", {}),
    "softmax": ("Softmax", {"dim": -1}),
}
"""By name of an activation, PyTorch's class and its arguments; `Exp` is a class of this module."""

EQUIVALENT = {"dim": (-1, 1), "threshold": (SOFTPLUS_THRESHOLD, 20, 20.0)}
"""By name of an argument, the values that are as good as that of `ACTIVATIONS`, for rows of outputs."""


class Layers(NamedTuple):
    """What a module consists of."""

    weights: list  # (n_in, n_out) each, of one dtype
    biases: list  # (n_out,) each
    activations: list  # names
    standardization: dict  # "input_mean" and "input_scale", (n_in,) each; empty if there is none


def module_of(layers, standardization, dtype):
    """Return a ``torch.nn.Sequential`` that predicts as a network does.

    Parameters
    ----------
    layers : list of tuple
        For each layer its weights (n_in, n_out), biases (n_out,) and the name of its activation.
    standardization : pair of ndarray or None
        Mean and scale of the inputs, (n_in,) float64 each.
    dtype : str
        The dtype of the network.
    """
    torch = _torch()
    kind = getattr(torch, dtype)
    modules = []
    if standardization[0] is not None:
        modules.append(_standardization_class()(*(torch.tensor(array) for array in standardization), kind))
    for weights, biases, activation in layers:
        linear = torch.nn.utils.skip_init(torch.nn.Linear, *weights.shape, dtype=kind)  # draws no random numbers
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(np.ascontiguousarray(weights.T)))
            linear.bias.copy_(torch.from_numpy(np.ascontiguousarray(biases)))
        modules.append(linear)
        if activation != "identity":
            name, arguments = ACTIVATIONS[activation]
            modules.append(_class(name)(**arguments))
    return torch.nn.Sequential(*modules)


def layers_of(module):
    """Return the `Layers` of a ``torch.nn.Sequential`` or a ``torch.nn.Linear``.

    Raises
    ------
    ValueError, TypeError
        If the module has anything but Linear layers, each with at most one activation that fastprop has.
    """
    torch = _torch()
    layers = Layers([], [], [], {})
    for path, part in _parts(module, ""):
        kind = type(part)
        if kind is torch.nn.Linear:
            if layers.weights and layers.weights[-1].shape[1] != part.in_features:
                raise ValueError(
                    f"the layer {path} takes {part.in_features} inputs, but the layer before it has "
                    f"{layers.weights[-1].shape[1]} outputs: give layers that follow one another."
                )
            weights = _array(part.weight)
            layers.weights.append(weights.T)
            layers.biases.append(np.zeros(len(weights), weights.dtype) if part.bias is None else _array(part.bias))
            layers.activations.append("identity")
        elif kind is _standardization_class() and not (layers.weights or layers.standardization):
            layers.standardization.update(input_mean=_array(part.mean), input_scale=_array(part.scale))
        elif kind is not torch.nn.Identity:
            if not layers.weights or layers.activations[-1] != "identity":
                raise ValueError(
                    f"{_shown(part)}, the part {path} of the module, follows no Linear layer: give Linear layers, "
                    "each with at most one activation."
                )
            layers.activations[-1] = _activation_of(part, path)
    if not layers.weights:
        raise ValueError(f"{_shown(module)} has no Linear layer: give at least one.")
    return layers


def _parts(module, path):
    """Yield the path, such as "0.2", and the module of each part of nested Sequentials, in their order."""
    torch = _torch()
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"the module must be a torch.nn.Sequential, not {type(module).__name__}: give one.")
    if isinstance(module, torch.nn.Sequential) and type(module).forward is torch.nn.Sequential.forward:
        for name, part in enumerate(module):  # also a part that comes twice
            yield from _parts(part, f"{path}.{name}" if path else str(name))
        return
    if not path and type(module) is not torch.nn.Linear:
        raise TypeError(
            f"the module must be a torch.nn.Sequential, not {type(module).__name__}, whose layers cannot be told: give "
            "a Sequential of them."
        )
    yield path or "0", module


def _activation_of(module, path):
    """Return the name of the activation that a module is."""
    for activation, (name, arguments) in ACTIVATIONS.items():
        if type(module) is _class(name) and all(
            getattr(module, each) in EQUIVALENT.get(each, (value,)) for each, value in arguments.items()
        ):
            return activation
    forms = [f"{name}({', '.join(f'{k}={v!r}' for k, v in given.items())})" for name, given in ACTIVATIONS.values()]
    raise ValueError(
        f"{_shown(module)}, the part {path} of the module, is nothing that an MLP of fastprop has: give Linear layers "
        f"and {', '.join(forms)} alone."
    )


def _array(tensor):
    """Return a copy of a tensor as an array."""
    torch = _torch()
    if tensor.dtype not in (torch.float32, torch.float64):
        dtype = str(tensor.dtype).removeprefix("torch.")
        raise ValueError(f"the module has parameters of {dtype}, not float32 or float64: convert it by module.float().")
    if tensor.is_meta:
        raise ValueError("the module is on the device meta, without numbers: load its state first.")
    return tensor.detach().cpu().numpy().copy()


def _shown(module):
    return f"{type(module).__name__}({' '.join(module.extra_repr().split())})"


def _class(name):
    return _exp_class() if name == "Exp" else getattr(_torch().nn, name)


@functools.cache
def _standardization_class():
    torch = _torch()

    class Standardization(torch.nn.Module):
        """Returns (x - mean) / scale, which is computed in float64 and converted to the dtype of the layers."""

        def __init__(self, mean, scale, dtype):
            super().__init__()
            self.register_buffer("mean", mean)
            self.register_buffer("scale", scale)
            self.register_buffer("like", torch.empty(0, dtype=dtype), persistent=False)  # has the dtype of the layers

        def forward(self, x):
            return ((x.to(self.mean.dtype) - self.mean) / self.scale).to(self.like.dtype)

        def extra_repr(self):
            return f"{len(self.mean)}"

    return _public(Standardization)


@functools.cache
def _exp_class():
    torch = _torch()

    class Exp(torch.nn.Module):
        """Returns eᶻ."""

        def forward(self, z):
            return z.exp()

    return _public(Exp)


def _public(kind):
    """Let a class be found by its name, as unpickling does."""
    kind.__qualname__ = kind.__name__
    return kind


def __getattr__(name):
    """Make a class when it is first used."""
    makers = {"Standardization": _standardization_class, "Exp": _exp_class}
    if name not in makers:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return makers[name]()


def _torch():
    try:
        import torch
    except ImportError as error:
        raise ImportError("modules need PyTorch: pip install torch.") from error
    return torch
