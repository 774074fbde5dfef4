"""Options: small frozen objects, checked when they are made."""

from fastprop.options.clipping import ClipNorm, ClipValue
from fastprop.options.losses import CrossEntropy, Huber
from fastprop.options.optimizers import SGD, Adagrad, Adam, AdamW, Lion, RMSprop

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "ClipNorm",
    "ClipValue",
    "CrossEntropy",
    "Huber",
    "Lion",
    "RMSprop",
]
