"""Networks trained side by side, a network a lane, also where a sweep would not find that quicker."""

from fastprop.data import Dataset, Split
from fastprop.kernels import compiler
from fastprop.runs import KernelRun, TrainingOptions


def train(networks, X, y, *, epochs, batch_size, loss, optimizers, seeds, validation=None, sample_weight=None, **own):
    """Train networks of one shape in place, in packs of as many as there are lanes; return their histories."""
    network, width = networks[0], compiler.lanes(networks[0].dtype)
    facts = network.layer_sizes[0], network.layer_sizes[-1], loss, network.dtype
    data = Dataset.of(X, y, *facts, sample_weight)
    split = Split.of(validation, data, *facts)
    options_of_networks = [
        TrainingOptions(epochs=epochs, batch_size=batch_size, loss=loss, optimizer=optimizer, seed=seed, **own)
        for optimizer, seed in zip(optimizers, seeds)
    ]
    histories = []
    for first in range(0, len(networks), width):
        pack = slice(first, first + width)
        run = KernelRun(networks[pack], split, options_of_networks[pack])
        run()
        histories += run.histories
    return histories
