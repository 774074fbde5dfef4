"""The reference's random numbers: the order of rows, and dropout."""

import numpy as np
import pytest

import fastprop as fp
from fastprop import reference
from tests.compare import assert_close, tolerance
from tests.reference_problems import assert_gradients_are_slopes, make_data, make_network

# ---- the order of rows ----


@pytest.mark.parametrize("rows", [1, 2, 100])
def test_row_order_is_a_permutation(rows):
    np.testing.assert_array_equal(np.sort(reference.row_order(rows, seed=3, epoch=5)), np.arange(rows))


def test_row_order_changes_with_epoch_and_seed():
    orders = [tuple(reference.row_order(20, seed, epoch)) for seed in range(4) for epoch in range(4)]
    assert len(set(orders)) == 16


@pytest.mark.parametrize(
    ("rows", "seed", "epoch", "expected"),
    [
        (5, 0, 0, [3, 2, 0, 4, 1]),
        (5, 0, 1, [3, 2, 1, 4, 0]),
        (8, 1, 0, [6, 1, 5, 0, 4, 7, 2, 3]),
        (8, 2**63 - 1, 7, [0, 1, 7, 5, 2, 6, 4, 3]),
    ],
)
def test_row_order_stays_as_it_was(rows, seed, epoch, expected):
    np.testing.assert_array_equal(reference.row_order(rows, seed, epoch), expected)


def test_row_order_favors_no_place():
    counts = sum(np.eye(4)[reference.row_order(4, seed=0, epoch=epoch)] for epoch in range(4000))
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(4000 * 1 / 4 * 3 / 4)  # five standard deviations


# ---- dropout ----


def dropped(dropout=0.3, seed=0, epoch=0, rows=range(4000), layer=1, neurons=16):
    """Return where a mask is zero."""
    return reference.dropout_mask(dropout, seed, epoch, list(rows), layer, neurons) == 0


def standard_deviations(found, share):
    """Return the distance of a share from its expected value."""
    return np.abs(found.mean() - share) / np.sqrt(share * (1 - share) / found.size)


@pytest.mark.parametrize("dropout", [1e-3, 0.1, 0.5, 0.9, 0.999])
def test_a_neuron_is_dropped_as_often_as_is_asked(dropout):
    assert standard_deviations(dropped(dropout), dropout) < 4


def test_every_neuron_and_every_row_is_dropped_as_often():
    found = dropped(0.5, rows=range(1000), neurons=1000)
    deviation = np.sqrt(0.25 / 1000)
    assert np.abs(found.mean(axis=0) - 0.5).max() < 5 * deviation
    assert np.abs(found.mean(axis=1) - 0.5).max() < 5 * deviation
    # their squares come to what they would by chance
    assert abs(((found.mean(axis=0) - 0.5) ** 2).mean() / deviation**2 - 1) < 0.25
    assert abs(((found.mean(axis=1) - 0.5) ** 2).mean() / deviation**2 - 1) < 0.25


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (dropped()[:, :-1], dropped()[:, 1:]),
        (dropped()[:, :-2], dropped()[:, 2:]),
        (dropped()[:-1], dropped()[1:]),
        (dropped()[:-1, :-1], dropped()[1:, 1:]),
        (dropped(), dropped(epoch=1)),
        (dropped(), dropped(seed=1)),
        (dropped(), dropped(layer=2)),
        (dropped()[1:], dropped(layer=2)[:-1]),
        (dropped()[1:], dropped(epoch=1)[:-1]),
        (dropped(epoch=1), dropped(layer=2)),
    ],
    ids=["neuron", "neuron after", "row", "diagonal", "epoch", "seed", "layer", "row, layer", "row, epoch", "all"],
)
def test_whether_a_neuron_is_dropped_says_nothing_of_its_neighbors(one, other):
    assert standard_deviations(one & other, 0.3**2) < 4
    assert standard_deviations(one ^ other, 2 * 0.3 * 0.7) < 4


def test_a_mask_depends_on_its_row_alone_and_not_on_those_beside_it():
    rows = np.array([5, 3, 900, 0])
    np.testing.assert_array_equal(dropped(rows=rows), dropped()[rows])
    np.testing.assert_array_equal(dropped(rows=[7], neurons=3), dropped(neurons=3)[[7]])
    np.testing.assert_array_equal(dropped(neurons=3), dropped()[:, :3])


def test_what_is_kept_grows_so_that_the_mean_stays():
    assert set(np.unique(reference.dropout_mask(0.2, 0, 0, range(9), 1, 9))) == {0, 1.25}


def test_a_mask_stays_as_it_was():
    mask = reference.dropout_mask(0.5, 2**63 - 1, 3, [0, 1, 10**6], 2, 16)
    kept = ["".join("01"[int(number > 0)] for number in row) for row in mask]
    assert kept == ["0100001010000000", "1110101110111010", "1001101110111011"]


def test_dropout_scales_what_a_layer_gives_on():
    network, (X, _) = make_network("identity"), make_data("mse")
    masks = [np.full((7, 6), 2.0), np.full((7, 5), 0.0)]
    _, (_, a), (z, a_2), (_, y) = reference.forward(network, X, masks)
    assert_close(a, 2 * reference.forward(network, X)[1][1], tolerance("float64", 1), "first layer")
    assert_close(z, a @ network.weights[1] + network.biases[1], tolerance("float64", 6), "second layer")
    assert not a_2.any()
    np.testing.assert_array_equal(y, np.tile(network.biases[2], (7, 1)))


@pytest.mark.parametrize("hidden", ["sigmoid", ("gelu", "relu")], ids=str)
def test_gradients_are_slopes_under_dropout(hidden):
    masks = [reference.dropout_mask(0.4, 0, 0, range(7), layer, size) for layer, size in ((1, 6), (2, 5))]
    network, (X, y) = make_network("softmax", hidden), make_data("cross_entropy")
    assert_gradients_are_slopes(network, X, y, "cross_entropy", None, masks)


def test_a_run_drops_by_the_rows_of_the_data_before_the_shuffle():
    (X, y), options = make_data("mse"), {"epochs": 2, "batch_size": 3, "loss": "mse", "optimizer": fp.SGD(0.1)}
    network, twin, state, losses = make_network("tanh"), make_network("tanh"), {}, []
    record = reference.train(network, X, y, **options, seed=5, dropout=0.4)
    for epoch in range(2):
        order, total = reference.row_order(7, 5, epoch), 0.0
        for rows in (order[:3], order[3:6], order[6:]):
            masks = [reference.dropout_mask(0.4, 5, epoch, rows, layer, size) for layer, size in ((1, 6), (2, 5))]
            total += len(rows) * reference.loss(twin, X[rows], y[rows], "mse", None, masks)
            reference.step(twin, X[rows], y[rows], "mse", fp.SGD(0.1), state, None, masks)
        losses.append(total / 7)
    assert_close(record.loss, losses, tolerance("float64", 8), "training loss")
    for ours, theirs in zip(network.arrays, twin.arrays):
        assert_close(ours, theirs, tolerance("float64", 8), "parameters")


def test_validation_drops_nothing():
    network, (X, y) = make_network("tanh"), make_data("mse")
    options = {"batch_size": 3, "loss": "mse", "optimizer": fp.SGD(0.1), "dropout": 0.4, "validation": (X, y)}
    record = reference.train(network, X, y, epochs=2, **options)
    assert record.validation_loss[-1] == reference.loss(network, X, y, "mse")
