"""Members leave a team and join it between minibatches: no bit of a result changes."""

import threading

import numpy as np
import pytest

import fastprop as fp
from benchmarks.cases import CHUNKS_IN_SEGMENTS, DIGITS_SHAPE, NARROW_OUTPUT, THREE_LAYERS, Shape
from fastprop.kernels import epochs
from fastprop.runs import kernel_arguments

pytestmark = pytest.mark.usefixtures("threads_always_share")

TASKS = {
    "fused": (DIGITS_SHAPE, {"optimizer": fp.SGD(0.3, momentum=0.9)}),
    "by norm": (THREE_LAYERS, {"optimizer": fp.Adam(0.01), "clip": fp.ClipNorm(0.1), "gradient_norm": True}),
    "segments": (NARROW_OUTPUT, {"optimizer": fp.AdamW(0.01), "schedule": fp.CosineDecay()}),
    "segments of chunks": (CHUNKS_IN_SEGMENTS, {"average": fp.EMA(0.9), "dropout": 0.2}),
    "chunks": (
        Shape((490, 34, 3), rows=1100, batch_size=1060),
        {"schedule": fp.ReduceOnPlateau(factor=0.5, patience=1)},
    ),
    "one row at a time": (Shape((17, 33, 9, 5), rows=40, batch_size=1), {"optimizer": fp.SGD(0.01, l1=1e-4)}),
    "early stopping": (DIGITS_SHAPE, {"early_stopping": fp.EarlyStopping(2), "optimizer": fp.SGD(0.5)}),
}


def trained(shape, options, threads, dtype="float32"):
    """Return all that 12 epochs give, as bytes."""
    random = np.random.default_rng(7)
    X = random.normal(size=(shape.rows, shape.layer_sizes[0]))
    y = random.normal(size=(shape.rows, shape.layer_sizes[-1]))
    network = fp.MLP(shape.layer_sizes, hidden="tanh", output="identity", seed=3, dtype=dtype)
    history = fp.train(
        network, X, y, epochs=12, batch_size=shape.batch_size, validation=0.3, threads=threads, **options
    )
    arrays = network.parameters, history.loss, history.validation_loss, history.learning_rate, history.gradient_norm
    return [np.asarray(array, np.float64).tobytes() for array in arrays] + [history.stopped]


@pytest.fixture
def restless(monkeypatch):
    """Teams are halved after each minibatch, and others join as they come; returns how often each one has begun."""
    entries, train, new_pacing = [], epochs.train, kernel_arguments.new_pacing

    def restless_pacing(members, kind):
        limits = new_pacing(members, kind)
        return limits._replace(
            start_time=0,
            look_time=0,
            off_share=-1.0,
            off_time=-1,
            trial_time=0,
            first_pause=0,
            longest_pause=0,
        )

    def counted(training):
        entries.append(training.member.position)
        train(training)

    monkeypatch.setattr(kernel_arguments, "new_pacing", restless_pacing)
    monkeypatch.setattr(epochs, "train", counted)
    return entries


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("threads", [2, 3, 5])
@pytest.mark.parametrize("name", TASKS)
def test_results_are_the_same_bits_however_members_come_and_go(name, threads, dtype, restless):
    shape, options = TASKS[name]
    expected = trained(shape, options, 1, dtype)
    before = set(threading.enumerate())
    for _ in range(3):
        assert trained(shape, options, threads, dtype) == expected
    assert set(threading.enumerate()) <= before
