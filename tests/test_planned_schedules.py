"""Schedules of weight decay and dropout: kernels and reference, packs, resumed runs, and formulas by hand."""

import numpy as np
import pytest

import fastprop as fp
from fastprop.options import DESCENTS
from tests.compare import assert_close, assert_same_bits, tolerance

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(50, 4))
Y = RANDOM.normal(size=(50, 3))
EPOCHS = 6
DECAYS = (fp.FlatCosine(), fp.CosineLog(2, by="epoch"), fp.Warmup(2, fp.StepDecay(2)), fp.InverseScaling())
DECAYING = [each(0.01, weight_decay=0.5) for each in DESCENTS]


def trained(optimizer=DECAYING[0], dtype="float64", seed=0, **options):
    network = fp.MLP((4, 6, 3), hidden="tanh", output="identity", seed=seed, dtype=dtype)
    options = {"epochs": EPOCHS, "batch_size": 16, "loss": "mse", "seed": seed} | options
    history = fp.train(network, X, Y, optimizer=optimizer, **options)
    return network, history


def test_by_hand_plain_descent_shrinks_weights_by_what_the_schedule_leaves_of_the_decay():
    # with targets that the network gives, the gradient is 0 but for the decay: w ← w (1 - η λ factor)
    network = fp.MLP((2, 1), output="identity", seed=1, dtype="float64")
    w = network.weights[0].copy()
    network.biases[0][...] = 0
    factors = [1, 0.5, 0.25]
    schedule = fp.ExponentialDecay(0.5)
    zeros = np.zeros((4, 2))
    fp.train(
        network, zeros, zeros[:, :1], epochs=3, optimizer=fp.SGD(0.1, weight_decay=0.4), weight_decay_schedule=schedule
    )
    expected = w * np.prod([1 - 0.1 * 0.4 * each for each in factors])
    np.testing.assert_allclose(network.weights[0], expected, rtol=1e-14)


@pytest.mark.parametrize("optimizer", DECAYING, ids=lambda optimizer: type(optimizer).__name__)
@pytest.mark.parametrize("schedule", DECAYS, ids=str)
def test_kernels_follow_the_reference(optimizer, schedule):
    options = {"weight_decay_schedule": schedule, "schedule": fp.CosineDecay()}
    ours, _ = trained(optimizer, **options)
    theirs, _ = trained(optimizer, backend="reference", **options)
    plain, _ = trained(optimizer, schedule=fp.CosineDecay())
    roundings = EPOCHS * 4 * 50
    assert_close(ours.parameters, theirs.parameters, 50 * tolerance("float64", roundings), "parameters")
    assert not np.allclose(ours.parameters, plain.parameters, rtol=1e-6)


def test_a_constant_schedule_changes_no_bit(dtype):
    for optimizer in DECAYING:
        constant, plain = (trained(optimizer, dtype, weight_decay_schedule=each) for each in (fp.StepDecay(99), None))
        assert_same_bits([constant[0].parameters, constant[1].loss], [plain[0].parameters, plain[1].loss])


def test_a_sweep_tries_them_and_each_is_what_it_would_be_alone():
    schedules = [None, *DECAYS]
    grid = {"weight_decay_schedule": schedules, "weight_decay": [0.1, 0.5, 1.0]}
    options = {"epochs": EPOCHS, "batch_size": 16, "loss": "mse", "optimizer": fp.AdamW(0.01), "keep": "all"}
    network = fp.MLP((4, 6, 3), hidden="tanh", output="identity", seed=0)
    result = fp.sweep(network, X, Y, grid, **options)
    for index, row in enumerate(result.table):
        optimizer = fp.AdamW(0.01, weight_decay=row["weight_decay"])
        alone, _ = trained(optimizer, "float32", weight_decay_schedule=row["weight_decay_schedule"])
        assert_same_bits([result.networks[index].parameters], [alone.parameters])


def test_a_run_goes_on_from_its_checkpoint(tmp_path):
    options = {"weight_decay_schedule": fp.FlatCosine(), "optimizer": fp.AdamW(0.01, weight_decay=0.5)}
    whole, _ = trained(**options)
    path = tmp_path / "run.checkpoint"
    part, _ = trained(**options, checkpoint=path, callback=lambda epoch, history: epoch == 2)
    history = fp.train(part, X, Y, epochs=EPOCHS, batch_size=16, loss="mse", checkpoint=path, resume=True, **options)
    assert history.epochs == EPOCHS
    assert_same_bits([part.parameters], [whole.parameters])
    with pytest.raises(ValueError, match="epochs"):  # the schedule depends on them
        fp.train(part, X, Y, epochs=9, batch_size=16, loss="mse", checkpoint=path, resume=True, **options)


def test_dropout_by_hand_what_is_dropped_follows_the_schedule():
    # identity layers: with the weights left alone, the training loss is that of the masks of the reference
    X = np.ones((40, 1))
    network = fp.MLP((1, 30, 1), hidden="identity", output="identity", seed=1, dtype="float64")
    schedule, factors = fp.StepDecay(1, 0.5), (1.0, 0.5, 0.25)
    history = fp.train(
        network, X, np.zeros((40, 1)), epochs=3, batch_size=40, loss="mse", optimizer=fp.SGD(0.0), dropout=0.8,
        dropout_schedule=schedule, seed=3,
    )  # fmt: skip
    z = X @ network.weights[0]
    for epoch, factor in enumerate(factors):
        mask = fp.reference.dropout_mask(0.8 * factor, 3, epoch, np.arange(40), 1, 30)
        expected = ((z * mask @ network.weights[1]) ** 2).mean()
        np.testing.assert_allclose(history.loss[epoch], expected, rtol=1e-12)


@pytest.mark.parametrize("schedule", [*DECAYS, fp.StepDecay(1, 3.0)], ids=str)
@pytest.mark.parametrize("options", [{}, {"optimizer": fp.Adam(0.01)}, {"schedule": fp.CosineDecay()}], ids=str)
def test_dropout_in_kernels_follows_the_reference(schedule, options):
    options = {"dropout": 0.4, "dropout_schedule": schedule, "optimizer": fp.SGD(1e-4)} | options
    ours, first = trained(**options)
    theirs, second = trained(backend="reference", **options)
    assert_close(ours.parameters, theirs.parameters, 50 * tolerance("float64", EPOCHS * 200), "parameters")
    np.testing.assert_allclose(first.loss, second.loss, rtol=1e-9)


def test_a_constant_schedule_of_dropout_changes_no_bit(dtype):
    for dropout in (0.3, 0.995):
        options = {"dropout": dropout, "dtype": dtype, "optimizer": fp.SGD(1e-6)}
        constant, plain = (trained(dropout_schedule=each, **options) for each in (fp.StepDecay(99), None))
        assert_same_bits([constant[0].parameters, constant[1].loss], [plain[0].parameters, plain[1].loss])


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_dropout_with_a_schedule_has_the_same_bits_on_any_number_of_threads(threads, threads_always_share):
    options = {"dropout": 0.3, "dropout_schedule": fp.FlatCosine(), "batch_size": 50, "dtype": "float32"}
    one, several = (trained(threads=each, **options)[0] for each in (1, threads))
    assert_same_bits([several.parameters], [one.parameters])


def test_a_sweep_tries_schedules_of_dropout_and_each_is_what_it_would_be_alone():
    grid = {"dropout_schedule": [None, *DECAYS], "dropout": [0.0, 0.2, 0.5]}
    options = {"epochs": EPOCHS, "batch_size": 16, "loss": "mse", "optimizer": fp.SGD(0.01), "keep": "all"}
    network = fp.MLP((4, 6, 3), hidden="tanh", output="identity", seed=0)
    result = fp.sweep(network, X, Y, grid, **options)
    for index, row in enumerate(result.table):
        tried = {name: row[name] for name in grid}
        alone, _ = trained(fp.SGD(0.01), "float32", **tried)
        assert_same_bits([result.networks[index].parameters], [alone.parameters])


@pytest.mark.parametrize("schedule", [fp.ReduceOnPlateau(), fp.Warmup(2, fp.ReduceOnPlateau())], ids=str)
def test_a_schedule_that_waits_for_losses_is_refused(schedule):
    with pytest.raises(ValueError, match=r"weight_decay_schedule cannot be .*, which waits for losses: give one that"):
        trained(weight_decay_schedule=schedule)


def test_lbfgs_has_none():
    with pytest.raises(ValueError, match="leave weight_decay_schedule out"):
        fp.train(
            fp.MLP((4, 3), output="identity"),
            X,
            Y,
            epochs=1,
            optimizer=fp.LBFGS(),
            weight_decay_schedule=fp.FlatCosine(),
        )
