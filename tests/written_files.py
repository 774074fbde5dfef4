"""What tests of files write: checkpoints, journals and the files of networks."""

import fastprop as fp
from tests.problems import noise

X, Y, LABELS = noise()


def network(seed=0):
    return fp.MLP((5, 4, 3), output="softmax", seed=seed)


def train(path, epochs=1, **options):
    """Train a network with a checkpoint; return the network."""
    trained = network()
    fp.train(trained, X, LABELS, epochs=epochs, batch_size=64, checkpoint=path, **options)
    return trained


def sweep(path):
    return fp.sweep((5, 4, 3), X, LABELS, {"learning_rate": [0.1]}, epochs=1, validation=0.2, journal=path)
