"""A schedule of the weight decay: kernels and reference, packs, resumed runs, and the formula by hand."""

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
