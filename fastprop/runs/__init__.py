"""A training run of one network, on the kernels or on the reference: a job that `jobs.run` runs and Ctrl-C stops."""

from fastprop.runs.kernels import KernelRun
from fastprop.runs.prediction import predict, score
from fastprop.runs.reference import ReferenceRun
from fastprop.runs.setting import History, Setting

__all__ = ["RUNS", "History", "KernelRun", "ReferenceRun", "Setting", "predict", "score"]

RUNS = {"kernels": KernelRun, "reference": ReferenceRun}
"""What `backend` may be."""
