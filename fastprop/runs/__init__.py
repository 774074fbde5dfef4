"""Training runs, of one network or of a pack: on the kernels, on the reference, by L-BFGS, and over streams."""

from fastprop.runs.history import History
from fastprop.runs.joint_prediction import predict_together
from fastprop.runs.kernel_run import KernelRun
from fastprop.runs.lbfgs_run import OBJECTIVES, LBFGSRun
from fastprop.runs.prediction import predict, scores
from fastprop.runs.reference_run import ReferenceRun
from fastprop.runs.run import Run
from fastprop.runs.stream_run import KernelStream, ReferenceStream
from fastprop.runs.table_checks import check_tables
from fastprop.runs.training_options import TrainingOptions
from fastprop.runs.training_records import record

__all__ = [
    "BACKENDS",
    "STREAMS",
    "History",
    "KernelRun",
    "LBFGSRun",
    "ReferenceRun",
    "Run",
    "TrainingOptions",
    "new_run",
    "predict",
    "predict_together",
    "record",
    "scores",
]

check_tables()

BACKENDS = "kernels", "reference"
"""What `backend` may be."""

STREAMS = {"kernels": KernelStream, "reference": ReferenceStream}
"""The run over a stream of each backend."""


def new_run(backend, networks, split, options_of_networks, threads=1):
    """Return the `Run` that trains networks on a split: a pack of them on the kernels, else only one.

    Parameters
    ----------
    backend : str
        One of `BACKENDS`.
    networks : list of MLP
        Trained in place.
    split : Split
        Its data must be readable for the networks, see `Split.readable`.
    options_of_networks : list of TrainingOptions
        One for each network; in a pack they differ only in what is a number of each lane: seed, dropout, factors of
        rates and the optimizer's hyperparameters.
    threads : int
        Threads that share each minibatch on the kernels.
    """
    network = networks[0]
    options = options_of_networks[0]
    if options.optimizer.takes_all_rows:
        return LBFGSRun(OBJECTIVES[backend](network, split, options, threads), network, split, options)
    if backend == "reference":
        return ReferenceRun(network, split, options)
    return KernelRun(networks, split, options_of_networks, threads)
