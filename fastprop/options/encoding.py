"""Converts values of hyperparameters to JSON and back: numbers, names, tuples, arrays and options."""

from dataclasses import fields

import numpy as np

from fastprop.options.clipping import CLIPS
from fastprop.options.early_stopping import EarlyStopping
from fastprop.options.losses import LOSS_OPTIONS
from fastprop.options.optimizers import OPTIMIZERS
from fastprop.options.schedules import SCHEDULES
from fastprop.options.weight_averaging import EMA

OPTIONS = {each.__name__: each for each in (*OPTIMIZERS, *SCHEDULES, *CLIPS, EMA, EarlyStopping, *LOSS_OPTIONS)}
"""By name, the classes of options that a hyperparameter may have as a value."""


def encoded(value):
    """Return `value` as objects that JSON can write, from which `decoded` makes an equal value.

    Examples
    --------
    >>> import fastprop as fp
    >>> encoded((64, "relu"))
    {'tuple': [64, 'relu']}
    >>> decoded(encoded(fp.Huber(2))) == fp.Huber(2)
    True
    """
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": value.dtype.name}
    if isinstance(value, tuple):
        return {"tuple": [encoded(each) for each in value]}
    if isinstance(value, list):
        return [encoded(each) for each in value]
    if type(value).__name__ in OPTIONS:
        return {"option": type(value).__name__} | {
            field.name: encoded(getattr(value, field.name)) for field in fields(value)
        }
    return value


def decoded(value):
    """Return the value that `encoded` was given."""
    if isinstance(value, list):
        return [decoded(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        dtype = np.dtype(value["dtype"])
        if dtype.kind not in "biuf":
            raise ValueError(f"an array of dtype {dtype} is no array of numbers")
        return np.array(value["array"], dtype)
    if "tuple" in value:
        return tuple(decoded(each) for each in value["tuple"])
    return OPTIONS[value["option"]](**{name: decoded(each) for name, each in value.items() if name != "option"})
