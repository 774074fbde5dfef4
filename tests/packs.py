"""Networks trained side by side, one in each lane, also where a sweep would find that slower."""

from fastprop.data import Dataset, Origin, Split
from fastprop.kernels import compiler
from fastprop.runs import KernelRun, TrainingOptions


def train(networks, X, y, *, optimizers, seeds, validation=None, sample_weight=None, **options):
    """Train networks of one shape in place, in packs of as many as there are lanes; return their histories.

    `options` are those of `TrainingOptions`, the same for all networks.
    """
    first = networks[0]
    data = Dataset.of(X, y, first, options["loss"], sample_weight)
    split = Split.of(validation, data, first, options["loss"]).readable(first.dtype, Origin.of_network(first))
    options_of_networks = [
        TrainingOptions(**options, optimizer=optimizer, seed=seed) for optimizer, seed in zip(optimizers, seeds)
    ]
    histories = []
    width = compiler.lanes(first.dtype)
    for start in range(0, len(networks), width):
        pack = slice(start, start + width)
        run = KernelRun(networks[pack], split, options_of_networks[pack])
        run()
        (trained,) = run.trained()
        for lane, network in enumerate(networks[pack]):
            network.parameters[:] = trained.network(lane).parameters
        histories += run.histories
    return histories
