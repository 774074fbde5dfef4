"""Sweeps: many runs over one copy of the data."""

from fastprop.sweeping.loading import load_sweep
from fastprop.sweeping.results import SweepResult
from fastprop.sweeping.sweep import sweep

__all__ = ["SweepResult", "load_sweep", "sweep"]
