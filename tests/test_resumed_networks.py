"""A run is resumed with the network that it has trained: one network, in a loop of calls."""

import pytest

import fastprop as fp
from fastprop.data import UNCHANGED, Dataset, Split
from fastprop.runs import KernelRun, TrainingOptions
from tests.compare import assert_refused, assert_same_bits
from tests.test_checkpoints import PLATEAU, X, Y, assert_same_run


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.checkpoint"


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": fp.Adam(0.01)},
        {"optimizer": fp.SGD(0.3), "average": fp.EMA(0.5), "standardize": True},
        {"optimizer": fp.SGD(2.0), "early_stopping": fp.EarlyStopping(99), "schedule": PLATEAU},
    ],
    ids=str,
)
def test_one_network_may_be_trained_for_more_and_more_epochs(options, path):
    options = {"batch_size": 64, "validation": 0.2, **options}
    network = fp.MLP((5, 7, 3), output="identity")
    whole = network.copy()
    for epochs in (1, 2, 2, 5):
        history = fp.train(network, X, Y, epochs=epochs, checkpoint=path, resume=True, **options)
        assert history.epochs == epochs
    expected = fp.train(whole, X, Y, epochs=5, **options)
    assert_same_run((history, network), (expected, whole))


def test_a_network_as_it_was_after_an_earlier_call_goes_on_from_the_last_one(path):
    network = fp.MLP((5, 7, 3), output="identity")
    first, whole = network.copy(), network.copy()
    fp.train(network, X, Y, epochs=2, checkpoint=path)
    earlier = network.copy()
    fp.train(network, X, Y, epochs=4, checkpoint=path, resume=True)
    fp.train(whole, X, Y, epochs=6)
    content = path.read_bytes()
    for each in (first, earlier, network):
        path.write_bytes(content)
        fp.train(each, X, Y, epochs=6, checkpoint=path, resume=True)
        assert_same_bits([each.parameters], [whole.parameters])


def test_a_network_that_ctrl_c_stopped_within_an_epoch_goes_on(path):
    network, whole = (fp.MLP((5, 7, 3), output="identity") for _ in range(2))
    fp.train(network, X, Y, epochs=2, checkpoint=path)
    options = TrainingOptions(epochs=4, loss="mse", checkpoint=fp.Checkpoint(path)).checked()
    data = Dataset.of(X, Y, network, "mse")
    split = Split.of(None, data, network, "mse").readable(network.dtype, UNCHANGED)
    run = KernelRun([network], split, [options])
    run.prepare()
    run.resume()
    run.stop()
    run()
    run.close()
    assert run.history.stopped == "interrupted"
    history = fp.train(network, X, Y, epochs=4, checkpoint=path, resume=True)
    expected = fp.train(whole, X, Y, epochs=4)
    assert_same_run((history, network), (expected, whole))


def test_a_network_of_another_run_is_still_refused(path):
    network = fp.MLP((5, 7, 3), output="identity")
    fp.train(network, X, Y, epochs=2, checkpoint=path)
    network.weights[0][0, 0] += 1
    words = "is the checkpoint of another run, whose first weights is"
    for other in (network, fp.MLP((5, 7, 3), output="identity", seed=9)):
        assert_refused(ValueError, words, fp.train, other, X, Y, epochs=4, checkpoint=path, resume=True)
