"""A training run of one network, on the kernels or on the reference: a job that `jobs.run` runs and Ctrl-C stops."""

from fastprop.options import LBFGS
from fastprop.runs.history import History
from fastprop.runs.kernel_run import KernelRun
from fastprop.runs.lbfgs_run import OBJECTIVES, LBFGSRun
from fastprop.runs.prediction import predict, scores
from fastprop.runs.reference_run import ReferenceRun
from fastprop.runs.stream_run import KernelStream, ReferenceStream
from fastprop.runs.training_options import TrainingOptions

__all__ = [
    "RUNS",
    "STREAMS",
    "History",
    "KernelRun",
    "LBFGSRun",
    "ReferenceRun",
    "TrainingOptions",
    "new_run",
    "predict",
    "scores",
]

RUNS = {"kernels": KernelRun, "reference": ReferenceRun}
"""What `backend` may be."""

STREAMS = {"kernels": KernelStream, "reference": ReferenceStream}
"""The same for runs that go on with other rows."""


def new_run(backend, networks, data, rows, held_out, held_out_rows, options_list, threads=1):
    """Return the run of networks and their settings: of one, or on the kernels and not by L-BFGS of a pack."""
    facts = data, rows, held_out, held_out_rows
    if isinstance(options_list[0].optimizer, LBFGS):
        objective = OBJECTIVES[backend](networks[0], *facts, options_list[0], threads)
        return LBFGSRun(objective, networks[0], *facts, options_list[0])
    return RUNS[backend](networks, *facts, options_list, threads)
