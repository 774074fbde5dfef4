"""Options that change in training: by hand, kernels and reference, packs, resumed runs, PyTorch, refusals."""

import numpy as np
import pytest

import fastprop as fp
from fastprop.data import Dataset, Origin, Split
from fastprop.options import DESCENTS
from fastprop.runs import KernelRun, TrainingOptions
from tests.compare import assert_close, assert_refused, tolerance

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(50, 4))
Y = RANDOM.normal(size=(50, 3))
EPOCHS = 6
OF_OPTIONS = {"seed": 3, "dropout": 0.3, "layer_rates": (0.5, 2.0), "bias_rate": 0.5, "bias_decay": 0.1}
CHANGES = {2: {"learning_rate": 0.02, "weight_decay": 0.1, **OF_OPTIONS}, 4: {"dropout": 0.1, "l1": 0.01}}


def made(dtype="float64", seed=0):
    return fp.MLP((4, 6, 3), hidden="tanh", output="identity", seed=seed, dtype=dtype)


def trained(optimizer=fp.SGD(0.05), dtype="float64", **options):
    network = made(dtype)
    options = {"epochs": EPOCHS, "batch_size": 16, "loss": "mse", "changes": CHANGES} | options
    history = fp.train(network, X, Y, optimizer=optimizer, **options)
    return network, history


@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_by_hand_plain_descent_goes_on_as_another_training_of_other_options_would(backend):
    network, _ = trained(shuffle=False, changes={2: {"learning_rate": 0.3}, 5: {"learning_rate": 0.1}}, backend=backend)
    again = made()
    for epochs, rate in ((2, 0.05), (3, 0.3), (1, 0.1)):
        options = {"epochs": epochs, "batch_size": 16, "loss": "mse", "shuffle": False, "backend": backend}
        fp.train(again, X, Y, optimizer=fp.SGD(rate), **options)
    np.testing.assert_array_equal(network.parameters, again.parameters)


def test_by_hand_moments_stay_and_the_bias_correction_is_of_all_steps():
    network = fp.MLP((1, 1), output="identity", dtype="float64")
    w, b = (array.item() for array in (*network.weights, *network.biases))
    changes = {1: {"beta1": 0.5, "learning_rate": 0.2}, 2: {"beta2": 0.9}}
    options = {"epochs": 3, "loss": "mse", "optimizer": fp.Adam(0.1), "changes": changes}
    fp.train(network, np.ones((1, 1)), np.full((1, 1), 3.0), **options)
    moments = {0: [0.0, 0.0], 1: [0.0, 0.0]}
    product1 = product2 = 1.0
    parameters = [w, b]
    for rate, beta1, beta2 in ((0.1, 0.9, 0.999), (0.2, 0.5, 0.999), (0.2, 0.5, 0.9)):
        g = 2 * (sum(parameters) - 3)
        product1, product2 = product1 * beta1, product2 * beta2
        for index, (m, v) in moments.items():
            m, v = moments[index] = [beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g]
            parameters[index] -= rate * (m / (1 - product1)) / (np.sqrt(v / (1 - product2)) + 1e-8)
    np.testing.assert_allclose([network.weights[0].item(), network.biases[0].item()], parameters, rtol=1e-12)


@pytest.mark.parametrize("kind", DESCENTS, ids=lambda kind: kind.__name__)
def test_kernels_agree_with_the_reference(kind):
    optimizer = kind(0.01, **({"momentum": 0.9} if kind is fp.SGD else {}))
    moments = [name for name in ("momentum", "beta1", "beta2", "smoothing") if getattr(optimizer, name, 0) > 0]
    changes = CHANGES | {3: dict.fromkeys(moments, 0.5)}
    found = [trained(optimizer, changes=changes, backend=each) for each in ("kernels", "reference")]
    (network, history), (expected, expected_history) = found
    assert_close(network.parameters, expected.parameters, tolerance("float64", 4000), "parameters")
    assert_close(history.loss, expected_history.loss, tolerance("float64", 4000), "loss")
    np.testing.assert_array_equal(history.learning_rate, expected_history.learning_rate)


def test_schedules_and_an_average_go_on():
    options = {"schedule": fp.CosineDecay(), "average": fp.EMA(0.9), "weight_decay_schedule": fp.CosineDecay()}
    (network, history), (expected, _) = (
        trained(fp.AdamW(0.01), backend=backend, **options) for backend in ("kernels", "reference")
    )
    assert_close(network.parameters, expected.parameters, tolerance("float64", 4000), "parameters")
    np.testing.assert_allclose(history.learning_rate[3], 0.02 * (1 + np.cos(np.pi * 3 / 6)) / 2)


def test_a_network_in_a_pack_changes_as_it_does_alone():
    first = made("float32")
    split = Split.of(0.2, Dataset.of(X, Y, first, "mse"), first, "mse").readable("float32", Origin.of_network(first))
    common = {"epochs": EPOCHS, "batch_size": 16, "loss": "mse", "optimizer": fp.Adam(0.01)}
    changes = [CHANGES, None, {3: {"beta1": 0.5, "dropout": 0.2}}]
    options = [TrainingOptions(**common, changes=each).checked() for each in changes]
    run = KernelRun([first] * len(changes), split, options)
    run()
    (in_pack,) = run.trained()
    for lane, each in enumerate(changes):
        alone, _ = trained(fp.Adam(0.01), dtype="float32", validation=0.2, changes=each)
        np.testing.assert_array_equal(in_pack.network(lane).parameters, alone.parameters)


def test_a_resumed_run_goes_on_with_the_options_of_its_epoch(tmp_path):
    path = tmp_path / "run.checkpoint"
    expected, _ = trained(fp.Adam(0.01))
    network, _ = trained(fp.Adam(0.01), checkpoint=path, callback=lambda epoch, history: epoch == 2)
    assert not np.array_equal(network.parameters, expected.parameters)
    options = {"epochs": EPOCHS, "batch_size": 16, "loss": "mse", "changes": CHANGES, "optimizer": fp.Adam(0.01)}
    fp.train(network, X, Y, checkpoint=path, resume=True, **options)
    np.testing.assert_array_equal(network.parameters, expected.parameters)


REFUSED = [
    ({"changes": {2: {"batch_size": 8}}}, ValueError, "changes[2] has 'batch_size'"),
    ({"changes": {2: {"momentum": 0.5}}}, ValueError, "momentum 0.5 after epoch 2"),
    ({"changes": {2: {"beta1": 0.5}}}, ValueError, "changes[2] has 'beta1', which SGD does not have"),
    ({"changes": {0: {"dropout": 0.5}}}, ValueError, "an epoch of changes"),
    ({"changes": {2: {"dropout": 1.5}}}, ValueError, "dropout"),
    ({"changes": {2: {"layer_rates": (1, 2, 3)}}}, ValueError, "layer_rates"),
    ({"changes": [0.1]}, TypeError, "changes must map"),
    ({"optimizer": fp.LBFGS()}, ValueError, "leave changes out"),
]


@pytest.mark.parametrize(("options", "error", "words"), REFUSED)
def test_what_cannot_change_is_refused_by_name(options, error, words):
    assert_refused(error, words, trained, **{"batch_size": 32} | options)
