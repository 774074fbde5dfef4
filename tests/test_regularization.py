"""Clipping, dropout, averages, early stopping and class weights on the kernels: compared with the reference, in packs
and with any number of threads."""

import numpy as np
import pytest

import fastprop as fp
from fastprop import checks, cost_model
from fastprop.data import held_out_rows
from tests import diverging
from tests.compare import assert_same_bits, padded
from tests.marks import slow_except
from tests.problems import noise

X, Y, LABELS = noise()

SIZES = (5, 3), (5, 20, 7, 3), (5, 70, 130, 3)
CLIPS = fp.ClipValue(0.003), fp.ClipNorm(0.05), fp.ClipNorm(1e6)
AVERAGES = fp.EMA(0.9), fp.EMA(0.5, start_epoch=3), fp.EMA(0.99, start_epoch=99)
STOPS = fp.EarlyStopping(1, 0.02), fp.EarlyStopping(2, 0.3), fp.EarlyStopping(1, 0.02, restore_best=False)


def trained(sizes=(5, 20, 7, 3), x=X, y=Y, dtype="float64", output="identity", hidden="sigmoid", **options):
    """Train a network; return the history and the network."""
    network = fp.MLP(sizes, hidden=hidden, output=output, seed=1, dtype=dtype)
    options = {"epochs": 6, "batch_size": 160, "validation": 0.2, "optimizer": fp.SGD(0.1, momentum=0.5)} | options
    return diverging.train(network, x, y, **options), network


def assert_as_the_reference(**options):
    (ours, network), (theirs, expected) = trained(**options), trained(backend="reference", **options)
    for name in ("loss", "validation_loss"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-12, err_msg=name)
    for layer, (w, v) in enumerate(zip(network.weights + network.biases, expected.weights + expected.biases)):
        np.testing.assert_allclose(w, v, rtol=1e-11, atol=1e-14, err_msg=f"array {layer}")
    assert (ours.stopped, ours.epochs, ours.best_epoch) == (theirs.stopped, theirs.epochs, theirs.best_epoch)
    return ours


# ---- clipping ----


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("clip", CLIPS, ids=str)
def test_clipped_gradients_are_the_references(clip, sizes):
    assert_as_the_reference(sizes=sizes, clip=clip)
    assert_as_the_reference(sizes=sizes, clip=clip, batch_size=32, optimizer=fp.Adam(0.01, weight_decay=0.1, l1=0.01))


def test_a_clip_that_limits_changes_the_run_and_one_that_does_not_changes_nothing():
    (_, free), (_, by_norm), (_, wide) = (trained(clip=clip) for clip in (None, CLIPS[1], CLIPS[2]))
    assert np.abs(free.parameters - by_norm.parameters).max() > 1e-3
    assert_same_bits([free.parameters], [wide.parameters])


# ---- dropout ----


@pytest.mark.parametrize("hidden", checks.HIDDEN_ACTIVATIONS)
@pytest.mark.parametrize("dropout", [0.1, 0.6])
def test_dropout_is_the_references(dropout, hidden):
    assert_as_the_reference(dropout=dropout, hidden=hidden)


@pytest.mark.parametrize("sizes", slow_except([*SIZES, (5, 300, 260, 1)], SIZES[:2]), ids=str)
@pytest.mark.parametrize("options", [{"shuffle": False}, {"batch_size": 32, "clip": CLIPS[1]}], ids=str)
def test_dropout_of_every_shape_is_the_references(sizes, options):
    options = options | {"dropout": 0.3, "hidden": "silu", "seed": 2**62, "optimizer": fp.SGD(0.01, momentum=0.5)}
    assert assert_as_the_reference(sizes=sizes, y=Y[:, : sizes[-1]], **options).stopped == "finished"


def test_dropout_changes_with_the_seed_even_where_rows_are_in_order():
    (one, _), (other, _), (free, _) = (
        trained(shuffle=False, seed=seed, dropout=dropout) for seed, dropout in ((0, 0.2), (1, 0.2), (0, 0.0))
    )
    assert len({one.loss[0], other.loss[0], free.loss[0]}) == 3


def test_a_network_without_hidden_layers_drops_nothing():
    (one, ours), (other, theirs) = (trained(sizes=(5, 3), dropout=dropout) for dropout in (0.5, 0.0))
    assert_same_bits([one.loss, ours.parameters], [other.loss, theirs.parameters])


# ---- averages ----


@pytest.mark.parametrize("sizes", slow_except([*SIZES, (5, 40, 1)], SIZES[:2]), ids=str)
@pytest.mark.parametrize("average", AVERAGES, ids=str)
def test_averages_are_the_references(average, sizes):
    options = {"sizes": sizes, "y": Y[:, : sizes[-1]], "average": average}
    assert_as_the_reference(**options)
    assert_as_the_reference(**options, validation=None)
    assert_as_the_reference(**options, batch_size=32, clip=CLIPS[1], optimizer=fp.AdamW(0.01), dropout=0.2)


def test_an_average_changes_no_step():
    (one, ours), (other, theirs) = trained(), trained(average=AVERAGES[0])
    assert_same_bits([one.loss], [other.loss])
    assert (one.validation_loss != other.validation_loss).all()
    assert (ours.weights[0] != theirs.weights[0]).all()


def test_an_average_that_never_starts_is_what_is_learned():
    (one, ours), (other, theirs) = trained(), trained(average=AVERAGES[2])
    assert_same_bits([one.validation_loss, ours.parameters], [other.validation_loss, theirs.parameters])


@pytest.mark.parametrize("average", AVERAGES, ids=str)
@pytest.mark.parametrize("stop", STOPS, ids=str)
def test_the_average_that_early_stopping_gives_back_is_the_references(stop, average):
    rates = {"optimizer": fp.SGD(0.5, momentum=0.5), "batch_size": 16, "dropout": 0.1}
    assert_as_the_reference(average=average, early_stopping=stop, epochs=30, **rates)


def test_the_network_of_a_callback_is_the_average_and_training_goes_on_from_what_is_learned():
    network, seen = fp.MLP((5, 7, 3), output="identity", seed=1), []

    def callback(epoch, history):
        seen.append((((network.predict(X) - Y) ** 2).mean(), history.validation_loss[epoch]))

    options = {"epochs": 4, "average": fp.EMA(0.9, 1), "validation": (X, Y), "dropout": 0.2}
    twin = network.copy()
    history = fp.train(network, X, Y, callback=callback, **options)
    np.testing.assert_allclose(*np.transpose(seen), rtol=1e-5)
    in_one_call = fp.train(twin, X, Y, **options)
    assert_same_bits([history.loss, network.parameters], [in_one_call.loss, twin.parameters])


def test_a_run_that_diverges_says_so_with_an_average_and_keeps_the_padding_zero(dtype):
    options = {
        "optimizer": fp.SGD({"float32": 1e30, "float64": 1e200}[dtype]),
        "dropout": 0.2,
        "average": AVERAGES[0],
        "dtype": dtype,
        "epochs": 20,
    }
    (ours, network), (theirs, _) = trained(**options), trained(**options, backend="reference")
    assert ours.stopped == theirs.stopped == "diverged"
    assert not np.isfinite(network.parameters).all()
    for array in network.weights + network.biases:
        array[...] = 0
    assert not network.parameters.any()


# ---- by any number of threads ----


REGULARIZED = {"dropout": 0.3, "average": fp.EMA(0.9, 2), "hidden": ("gelu", "tanh")}


@pytest.mark.parametrize(
    "sizes", slow_except([(5, 20, 7, 3), (5, 70, 130, 3), (300, 300, 90, 1)], [(5, 20, 7, 3)]), ids=str
)
@pytest.mark.parametrize(
    "options", [{"clip": clip} for clip in CLIPS] + [REGULARIZED, REGULARIZED | {"clip": CLIPS[1]}], ids=str
)
@pytest.mark.usefixtures("threads_always_share")
def test_any_number_of_threads_does_alike(options, sizes):
    x, y = np.random.default_rng(1).normal(size=(203, sizes[0])), Y[:, : sizes[-1]]
    one, *others = (trained(sizes=sizes, x=x, y=y, dtype="float32", threads=n, **options) for n in (1, 2, 3))
    for history, network in others:
        assert_same_bits(
            [history.loss, history.validation_loss, network.parameters],
            [one[0].loss, one[0].validation_loss, one[1].parameters],
        )


# ---- early stopping ----


@pytest.mark.parametrize("validation", [None, 0.2])
@pytest.mark.parametrize("stop", STOPS, ids=str)
def test_a_run_ends_early_as_the_reference_does(stop, validation):
    history = assert_as_the_reference(early_stopping=stop, validation=validation, epochs=30)
    assert history.stopped == "early"
    assert len(history.loss) == history.epochs
    waited = history.epochs - 1 - history.best_epoch
    assert waited == (stop.patience if stop.restore_best else 0)


def test_a_run_that_still_gets_better_finishes():
    history, _ = trained(early_stopping=fp.EarlyStopping(50))
    assert (history.stopped, history.epochs) == ("finished", 6)


@pytest.mark.parametrize("average", [None, AVERAGES[0]])
@pytest.mark.parametrize("validation", [None, 0.2])
def test_without_patience_a_run_goes_to_its_end_as_the_references_and_has_the_best_weights(validation, average):
    options = {"validation": validation, "average": average, "optimizer": fp.SGD(0.9), "batch_size": 16, "epochs": 30}
    history = assert_as_the_reference(early_stopping=fp.EarlyStopping(None), **options)
    assert (history.stopped, history.epochs) == ("finished", 30)
    watched = history.loss if validation is None else history.validation_loss
    assert history.best_epoch == np.argmin(watched)
    assert validation is None or history.best_epoch < 29
    _, network = trained(early_stopping=fp.EarlyStopping(None), **options)
    _, shorter = trained(**options | {"epochs": history.best_epoch + 1})
    assert_same_bits([network.parameters], [shorter.parameters])


def test_the_weights_given_back_have_the_lowest_loss():
    history, network = trained(early_stopping=fp.EarlyStopping(4), epochs=200, optimizer=fp.SGD(0.9), batch_size=16)
    assert history.stopped == "early"
    held_out, _ = trained(epochs=1, optimizer=fp.SGD(0.0), validation=(X, Y))
    loss = ((network.predict(X) - Y) ** 2).mean()
    assert history.validation_loss[history.best_epoch] == np.nanmin(history.validation_loss)
    assert loss < held_out.validation_loss[0]


@pytest.mark.parametrize("stop", [fp.EarlyStopping(2), fp.EarlyStopping(9)], ids=str)
def test_a_run_that_never_improved_ends_with_its_last_weights(stop):
    out_of_reach = X[:1], np.full((1, 3), 1e200)  # its squared error is infinite
    history = assert_as_the_reference(early_stopping=stop, validation=out_of_reach)
    assert np.isfinite(history.loss[: history.epochs]).all()
    assert np.isinf(history.validation_loss[: history.epochs]).all()
    assert history.best_epoch == history.epochs - 1 == min(stop.patience, 6) - 1
    (_, network), (_, shorter) = (
        trained(validation=out_of_reach, **options)
        for options in ({"early_stopping": stop}, {"epochs": history.epochs})
    )
    assert_same_bits([network.parameters], [shorter.parameters])


# ---- in a pack ----


@pytest.mark.parametrize(
    "options",
    [
        *({"clip": clip} for clip in CLIPS),
        *({"early_stopping": stop} for stop in STOPS),
        *({"average": average} for average in AVERAGES),
        {"dropout": 0.3},
        {"dropout": 0.3, "average": AVERAGES[0], "early_stopping": STOPS[0], "clip": CLIPS[1]},
        {"average": AVERAGES[1], "early_stopping": STOPS[2]},
    ],
    ids=str,
)
def test_each_network_of_a_pack_is_as_it_is_alone(options):
    rates = np.geomspace(1e-3, 3, 13)
    options |= {"epochs": 8, "batch_size": 32, "validation": 0.2}
    network = fp.MLP((5, 4, 3), output="identity", seed=1)
    result = fp.sweep(network, X, Y, {"learning_rate": rates}, **options)
    alone = []
    for index, rate in enumerate(rates):
        own = network.copy()
        history = fp.train(own, X, Y, optimizer=fp.SGD(rate), **options)
        assert_same_bits([padded(history.validation_loss, result.history.shape[1])], [result.history[index]])
        assert (history.stopped, history.epochs) == tuple(result.table[["stopped", "epochs"]][index])
        alone.append(own)
    best = alone[int(np.flatnonzero(result.table == result.top(1)[0])[0])]
    assert_same_bits([best.parameters], [result.best_network.parameters])
    if "early_stopping" in options:
        assert len(set(result.table["epochs"])) > 1


@pytest.mark.parametrize("hidden", ["relu", "gelu"])
def test_networks_of_different_dropout_share_a_pack_and_are_as_they_are_alone(hidden, monkeypatch):
    monkeypatch.setattr(cost_model, "cost_of_pack", lambda *_: 0)  # whatever it costs
    grid = {"dropout": [0.0, 0.2, 0.5], "seed": [0, 1], "learning_rate": [0.1, 1e30]}
    options = {"epochs": 4, "validation": 0.2, "shuffle": False, "average": AVERAGES[0]}
    network = fp.MLP((5, 4, 6, 3), hidden=hidden, output="identity")
    result = fp.sweep(network, X, Y, grid, **options)
    for row, losses in zip(result.table, result.history):
        own = fp.MLP((5, 4, 6, 3), hidden=hidden, output="identity", seed=row["seed"])
        optimizer = fp.SGD(row["learning_rate"])
        history = diverging.train(own, X, Y, seed=row["seed"], dropout=row["dropout"], optimizer=optimizer, **options)
        assert_same_bits([losses], [padded(history.validation_loss, len(losses))])
        assert (row["stopped"], row["epochs"]) == (history.stopped, history.epochs)
        if row == result.top(1)[0]:
            assert_same_bits([own.parameters], [result.best_network.parameters])
    assert len(set(result.table["validation_loss"][result.table["learning_rate"] == 0.1])) == 6


# ---- class weights ----


@pytest.mark.parametrize("weights", ["balanced", {0: 3.0, 2: 0.5}], ids=str)
def test_class_weights_are_the_sample_weights_of_their_rows(weights):
    rows = np.setdiff1d(np.arange(len(X)), held_out_rows(len(X), 0.2))
    balanced = len(rows) / (3 * np.bincount(LABELS[rows]))  # of the rows that are trained on, as in scikit-learn
    each = (balanced if weights == "balanced" else np.array([3.0, 1.0, 0.5]))[LABELS]
    options = {"y": LABELS, "output": "softmax"}
    (one, ours), (other, theirs) = trained(class_weight=weights, **options), trained(sample_weight=each, **options)
    assert_same_bits([one.loss, ours.parameters], [other.loss, theirs.parameters])
    assert_as_the_reference(class_weight=weights, **options)
