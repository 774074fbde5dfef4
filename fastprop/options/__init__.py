"""Options: small frozen objects, checked when they are made."""

from fastprop.options.losses import CrossEntropy, Huber
from fastprop.options.optimizers import SGD, Adam

__all__ = ["SGD", "Adam", "CrossEntropy", "Huber"]
