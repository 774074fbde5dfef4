"""Clipping, early stopping and class weights on the kernels: beside the reference, alone, in packs and shared."""

import numpy as np
import pytest

import fastprop as fp
from fastprop import checks, scheduling
from tests.compare import assert_same_bits

RANDOM = np.random.default_rng(0)
X, Y, LABELS = RANDOM.normal(size=(203, 5)), RANDOM.normal(size=(203, 3)), RANDOM.integers(3, size=203)

SIZES = (5, 3), (5, 20, 7, 3), (5, 70, 130, 3)
CLIPS = fp.ClipValue(0.003), fp.ClipNorm(0.05), fp.ClipNorm(1e6)
STOPS = fp.EarlyStopping(1, 0.02), fp.EarlyStopping(2, 0.3), fp.EarlyStopping(1, 0.02, restore_best=False)


def trained(sizes=(5, 20, 7, 3), y=Y, dtype="float64", output="identity", **options):
    """What came of a run: its history, and its network."""
    network = fp.MLP(sizes, output=output, seed=1, dtype=dtype)
    options = {"epochs": 6, "batch_size": 160, "validation": 0.2, "optimizer": fp.SGD(0.1, momentum=0.5)} | options
    return fp.train(network, X, y, **options), network


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


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("clip", CLIPS, ids=str)
def test_any_number_of_threads_clips_alike(clip, sizes, monkeypatch):
    monkeypatch.setattr(scheduling, "MEMBER_CYCLES", 1)  # as many members as there may be
    one, *others = (trained(sizes=sizes, clip=clip, dtype="float32", threads=n) for n in (1, 2, 3))
    for history, network in others:
        assert_same_bits([history.loss, network.parameters], [one[0].loss, one[1].parameters])


# ---- early stopping ----


@pytest.mark.parametrize("validation", [None, 0.2])
@pytest.mark.parametrize("stop", STOPS, ids=str)
def test_a_run_ends_early_as_the_reference_does(stop, validation):
    history = assert_as_the_reference(early_stopping=stop, validation=validation, epochs=30)
    assert history.stopped == "early"
    assert np.isnan(history.loss[history.epochs :]).all()
    waited = history.epochs - 1 - history.best_epoch
    assert waited == (stop.patience if stop.restore_best else 0)


def test_a_run_that_still_gets_better_finishes():
    history, _ = trained(early_stopping=fp.EarlyStopping(50))
    assert (history.stopped, history.epochs) == ("finished", 6)


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
    "options", [{"clip": clip} for clip in CLIPS] + [{"early_stopping": s} for s in STOPS], ids=str
)
def test_each_network_of_a_pack_is_as_it_is_alone(options):
    rates = np.geomspace(1e-3, 3, 13)
    options |= {"epochs": 8, "batch_size": 32, "validation": 0.2}
    network = fp.MLP((5, 4, 3), output="identity", seed=1)
    result = fp.sweep(network, X, Y, {"learning_rate": rates}, **options)
    alone = []
    for number, rate in enumerate(rates):
        own = network.copy()
        history = fp.train(own, X, Y, optimizer=fp.SGD(rate), **options)
        assert_same_bits([history.validation_loss], [result.history[number]])
        assert (history.stopped, history.epochs) == tuple(result.table[["stopped", "epochs"]][number])
        alone.append(own)
    best = alone[int(np.flatnonzero(result.table == result.best)[0])]
    assert_same_bits([best.parameters], [result.best_network.parameters])
    if "early_stopping" in options:
        assert len(set(result.table["epochs"])) > 1


# ---- class weights ----


@pytest.mark.parametrize("weights", ["balanced", {0: 3.0, 2: 0.5}], ids=str)
def test_class_weights_are_the_sample_weights_of_their_rows(weights):
    each = checks.class_weight(weights, LABELS)
    options = {"y": LABELS, "output": "softmax"}
    (one, ours), (other, theirs) = trained(class_weight=weights, **options), trained(sample_weight=each, **options)
    assert_same_bits([one.loss, ours.parameters], [other.loss, theirs.parameters])
    assert_as_the_reference(class_weight=weights, **options)
