"""The version of fastprop, for the build and for ``fastprop.__version__``."""

__version__ = "0.1.0"
