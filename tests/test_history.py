"""What a history holds for each epoch in addition to the losses: the learning rate, the gradient's norm, metrics."""

import numpy as np
import pytest

import fastprop as fp
from fastprop import metrics
from tests import diverging, packs
from tests.compare import assert_refused, assert_same_bits
from tests.problems import DTYPES, SCHEDULES, noise

X, Y, LABELS = noise()

SIZES = (5, 3), (5, 20, 7, 3), (5, 70, 130, 3)
EPOCHS = 6


def trained(sizes=(5, 20, 7, 3), y=Y, dtype="float64", output="identity", **options):
    """Train a network; return the history and the network."""
    network = fp.MLP(sizes, output=output, seed=1, dtype=dtype)
    options = {"epochs": EPOCHS, "batch_size": 160, "optimizer": fp.SGD(0.1, momentum=0.5)} | options
    return diverging.train(network, X, y, **options), network


def on_both(**options):
    return (trained(backend=backend, **options)[0] for backend in ("kernels", "reference"))


# ---- learning rates ----


@pytest.mark.parametrize("validation", [None, 0.2])
@pytest.mark.parametrize("schedule", [None, *SCHEDULES], ids=str)
def test_learning_rates_are_the_references(schedule, validation):
    ours, theirs = on_both(schedule=schedule, batch_size=32, validation=validation)
    assert (ours.learning_rate.shape, ours.learning_rate.dtype) == ((EPOCHS,), np.float64)
    np.testing.assert_allclose(ours.learning_rate, theirs.learning_rate, rtol=1e-14)


def test_a_learning_rate_is_that_of_the_last_step():
    history, _ = trained(schedule=fp.ExponentialDecay(0.5, by="step"), batch_size=100, dtype="float32")
    np.testing.assert_array_equal(history.learning_rate, 0.1 * 0.5 ** np.arange(2.0, 18, 3))
    history, _ = trained(schedule=fp.Warmup(4), optimizer=fp.Adam(0.01))
    np.testing.assert_allclose(history.learning_rate, [0.0025, 0.005, 0.0075, 0.01, 0.01, 0.01], rtol=1e-15)


@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_in_a_warm_up_a_plateau_lowers_nothing_but_counts_its_epochs(backend):
    schedule = fp.Warmup(4, fp.ReduceOnPlateau(0.5, patience=0, threshold=0.9))
    history, _ = trained(schedule=schedule, backend=backend)
    # the loss never falls to a tenth, so that the factor is halved from epoch 2 on
    np.testing.assert_allclose(history.learning_rate, [0.025, 0.05, 0.075, 0.1, 0.1 / 2**3, 0.1 / 2**4], rtol=1e-15)


@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_in_a_stream_a_plateau_lowers_nothing_in_a_warm_up(backend):
    schedule = fp.Warmup(3, fp.ReduceOnPlateau(0.5, patience=0, threshold=0.9))
    network = fp.MLP((5, 7, 3), output="identity")
    options = {"schedule": schedule, "optimizer": fp.SGD(0.1), "backend": backend}
    history = fp.train_stream(network, [(X[:50], Y[:50])] * 5, **options)
    np.testing.assert_allclose(history.learning_rate, [0.1 / 3, 0.2 / 3, 0.1, 0.1 / 2**2, 0.1 / 2**3], rtol=1e-15)


@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_past_the_end_nothing_was_measured(backend):
    history, _ = trained(early_stopping=fp.EarlyStopping(1, 0.5), gradient_norm=True, epochs=9, backend=backend)
    assert history.stopped == "early"
    for measured in (history.learning_rate, history.gradient_norm):
        assert np.isfinite(measured[: history.epochs]).all()
        assert len(measured) == history.epochs


# ---- norms of the gradient ----


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("clip", [None, fp.ClipValue(0.003), fp.ClipNorm(0.05)], ids=str)
@pytest.mark.parametrize("batch_size", [32, 160])
def test_norms_are_the_references_before_clipping_decay_and_l1(sizes, clip, batch_size):
    optimizer = fp.AdamW(0.01, weight_decay=0.1, l1=0.01)
    ours, theirs = on_both(sizes=sizes, clip=clip, optimizer=optimizer, batch_size=batch_size, gradient_norm=True)
    assert (ours.gradient_norm.shape, ours.gradient_norm.dtype) == ((EPOCHS,), np.float64)
    np.testing.assert_allclose(ours.gradient_norm, theirs.gradient_norm, rtol=1e-12)


@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_norms_are_measured_where_they_are_asked_for_or_limited(backend):
    for options, known in (({}, False), ({"clip": fp.ClipNorm(1)}, True), ({"gradient_norm": True}, True)):
        history, _ = trained(backend=backend, **options)
        assert (np.isfinite(history.gradient_norm) == known).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("optimizer", [fp.SGD(0.1, momentum=0.9), fp.Adam(0.01, weight_decay=0.1)], ids=str)
@pytest.mark.parametrize("clip", [None, fp.ClipValue(0.003)], ids=str)
def test_to_measure_norms_changes_no_bit(sizes, optimizer, clip, dtype):
    options = {"sizes": sizes, "optimizer": optimizer, "clip": clip, "dtype": dtype, "validation": 0.2}
    (plain, network), (history, same) = trained(**options), trained(gradient_norm=True, **options)
    assert_same_bits([history.loss, history.validation_loss], [plain.loss, plain.validation_loss])
    assert_same_bits([same.parameters], [network.parameters])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.usefixtures("threads_always_share")
def test_any_number_of_threads_measures_the_same(sizes, dtype):
    options = {"sizes": sizes, "dtype": dtype, "gradient_norm": True, "schedule": fp.CosineDecay(by="step")}
    (one, _), *others = (trained(threads=threads, **options) for threads in (1, 2, 3))
    for other, _ in others:
        assert_same_bits([other.gradient_norm, other.learning_rate], [one.gradient_norm, one.learning_rate])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("schedule", [fp.ReduceOnPlateau(0.5, patience=0, threshold=0.1), fp.OneCycle()], ids=str)
def test_each_network_of_a_pack_measures_what_it_would_alone(schedule, dtype):
    network = fp.MLP((5, 4, 3), output="identity", seed=1, dtype=dtype)
    optimizers = [fp.SGD(rate, momentum=0.9) for rate in (1e-3, 0.1, 1.0, 1e30, 0.01)]
    options = {
        "epochs": EPOCHS,
        "batch_size": 32,
        "loss": "mse",
        "schedule": schedule,
        "gradient_norm": True,
    }
    histories = packs.train(
        [network.copy() for _ in optimizers], X, Y, optimizers=optimizers, seeds=range(5), **options
    )
    for seed, (history, optimizer) in enumerate(zip(histories, optimizers)):
        alone = diverging.train(network.copy(), X, Y, optimizer=optimizer, seed=seed, **options)
        assert_same_bits([history.learning_rate, history.gradient_norm], [alone.learning_rate, alone.gradient_norm])
    assert histories[3].stopped == "diverged"
    assert np.isfinite(histories[3].learning_rate).sum() == histories[3].epochs


def test_lbfgs_has_the_norm_after_each_iteration_metrics_and_no_learning_rate():
    options = {"epochs": EPOCHS, "optimizer": fp.LBFGS(), "gradient_norm": True, "metrics": ("mse",)}
    ours, theirs = (
        fp.train(fp.MLP((5, 7, 3), output="identity", dtype="float64"), X, Y, backend=backend, **options)
        for backend in ("kernels", "reference")
    )
    np.testing.assert_allclose(ours.gradient_norm, theirs.gradient_norm, rtol=1e-6)
    np.testing.assert_allclose(ours.metrics["mse"], ours.loss, rtol=1e-12)
    np.testing.assert_allclose(ours.metrics["mse"], theirs.metrics["mse"], rtol=1e-9)
    assert np.isnan(ours.learning_rate).all()


# ---- metrics ----

OF_NUMBERS, OF_CLASSES = {"metrics": ("mae", "mse", "r2")}, {"metrics": ("log_loss", "accuracy")}
MEASURED = {
    "numbers": OF_NUMBERS,
    "one number": OF_NUMBERS | {"sizes": (5, 6, 1), "y": Y[:, 0]},
    "labels": OF_CLASSES | {"y": LABELS, "output": "softmax"},
    "classes as targets": OF_CLASSES | {"y": np.eye(3)[LABELS], "output": "softmax"},
    "yes or no": {"metrics": ("roc_auc", "log_loss", "mse"), "sizes": (5, 6, 1), "y": Y[:, 0] > 0, "output": "sigmoid"},
    "two labels": {"metrics": ("roc_auc",), "sizes": (5, 6, 2), "y": LABELS % 2, "output": "softmax"},
    "labels by their squares": {"metrics": ("accuracy",), "y": LABELS, "loss": "mse"},
}


@pytest.mark.parametrize("validation", [None, 0.2])
@pytest.mark.parametrize("options", MEASURED.values(), ids=MEASURED)
def test_metrics_are_the_references(options, validation):
    ours, theirs = on_both(validation=validation, **options)
    assert list(ours.metrics) == list(theirs.metrics) == list(options["metrics"])
    for name, measured in ours.metrics.items():
        assert (measured.shape, measured.dtype) == ((EPOCHS,), np.float64)
        np.testing.assert_allclose(measured, theirs.metrics[name], rtol=1e-10, err_msg=name)


@pytest.mark.parametrize("validation", [None, (X[:50], LABELS[:50])])
def test_metrics_are_those_of_the_predictions_after_each_epoch(validation):
    options = {"y": LABELS, "output": "softmax", "validation": validation, "dtype": "float32"}
    history, _ = trained(metrics=("accuracy", "log_loss"), **options)
    inputs, labels = (X, LABELS) if validation is None else validation
    for epoch in range(EPOCHS):
        _, network = trained(epochs=epoch + 1, **options)
        for name, measured in history.metrics.items():
            assert measured[epoch] == metrics.SCORES[name].function(network.predict(inputs), labels)


def test_to_measure_changes_no_bit():
    (plain, network), (history, same) = trained(validation=0.2), trained(validation=0.2, metrics=("r2",))
    assert_same_bits([history.loss, same.parameters], [plain.loss, network.parameters])
    assert plain.metrics == {}


@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_a_network_that_is_not_finite_has_no_metrics(backend):
    diverging = {"optimizer": fp.SGD(0.1), "schedule": fp.StepDecay(3, factor=1e200)}
    history, _ = trained(metrics=("mse",), backend=backend, **diverging)
    assert (history.stopped, history.epochs) == ("diverged", 4)
    np.testing.assert_array_equal(np.isfinite(history.metrics["mse"]), [True] * 3 + [False])


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"metrics": "r2"}, TypeError, "metrics must be a tuple of names, not 'r2': give one such as ('accuracy',)"),
        (
            {"metrics": ("speed",)},
            ValueError,
            "a metric must be one of accuracy, balanced_accuracy, f1, matthews, roc_auc",
        ),
        (
            {"metrics": ("mse", "accuracy")},
            ValueError,
            "metric 'accuracy' needs classes, which 3 identity outputs trained by 'mse' on numbers are not: "
            "choose from r2, explained_variance, mse, rmse, mae, median_absolute_error",
        ),
        (
            {"metrics": ("mse",), "y": LABELS, "output": "softmax"},
            ValueError,
            "metric 'mse' needs numbers, which 3 softmax outputs trained by 'cross_entropy' on classes are not: "
            "choose from accuracy, balanced_accuracy, f1, matthews, roc_auc, average_precision, log_loss",
        ),
        (
            {"metrics": ("roc_auc",), "sizes": (5, 2), "y": Y[:, :2] > 0, "output": "sigmoid"},
            ValueError,
            "metric 'roc_auc' needs classes, which 2 sigmoid outputs trained by 'binary_cross_entropy' on labels are "
            "not: "
            "choose from label_accuracy, label_f1, label_roc_auc",
        ),
        (
            {"metrics": ("f1",), "sizes": (5, 1), "y": Y[:, 0]},
            ValueError,
            "which 1 identity output trained by 'mse' on",
        ),
        (
            {"metrics": ("log_loss",), "y": LABELS},
            ValueError,
            "'log_loss' needs probabilities, which 3 identity outputs",
        ),
        ({"gradient_norm": 1}, TypeError, "gradient_norm must be True or False, not 1: give one"),
    ],
)
def test_what_does_not_fit_is_refused_before_training(options, error, words):
    assert_refused(error, words, trained, **options)


# ---- as many epochs as are done ----


@pytest.mark.parametrize("backend", ["kernels", "reference"])
@pytest.mark.parametrize("optimizer", [fp.SGD(0.5), fp.LBFGS()], ids=str)
def test_a_billion_epochs_take_memory_for_those_that_are_done(optimizer, backend, tmp_path):
    options = {"epochs": 10**9, "optimizer": optimizer, "metrics": ("mse",), "backend": backend, "validation": 0.2}
    if backend == "kernels" and not optimizer.takes_all_rows:
        options["checkpoint"] = tmp_path / "run.checkpoint"
    network = fp.MLP((5, 7, 3), output="identity")
    history = fp.train(network, X, Y, early_stopping=fp.EarlyStopping(1, 0.01), **options)
    assert history.stopped == "early"
    measured = [history.loss, history.validation_loss, history.metrics["mse"]]
    assert [len(each) for each in measured] == [history.epochs] * 3
    assert np.isfinite(measured).all()


@pytest.mark.parametrize("backend", ["kernels", "reference"])
@pytest.mark.parametrize("options", [{"validation": 0.2}, {"cv": 2}, {"validation": 0.2, "halving": 3}], ids=str)
def test_a_sweep_of_a_billion_epochs_too(options, backend):
    network = fp.MLP((5, 7, 3), output="identity")
    options = options | {"early_stopping": fp.EarlyStopping(1, 0.01), "backend": backend}
    result = fp.sweep(network, X, Y, {"learning_rate": [0.1, 0.5]}, epochs=10**9, **options)
    assert result.history.shape == (2, result.table["epochs"].max())
    assert np.isfinite(result.history[:, 0]).all()
    assert result.best_network is not None


def test_rungs_without_number_are_refused():
    network = fp.MLP((5, 7, 3), output="identity")
    options = {"epochs": 10**9, "halving": fp.MedianStopping(), "validation": 0.2}
    words = "MedianStopping has 1000000000 rungs in 1000000000 epochs, 100000 at most: give it larger epochs"
    assert_refused(ValueError, words, fp.sweep, network, X, Y, {"seed": [0, 1]}, **options)


def test_arrays_that_grow_change_no_bit(monkeypatch, tmp_path):
    whole, network = trained(validation=0.2, metrics=("mse",), epochs=20)
    monkeypatch.setattr("fastprop.runs.packed_state.FIRST_EPOCHS", 3)
    checkpoint = {"checkpoint": fp.Checkpoint(tmp_path / "run.checkpoint", epochs=5)}
    for options in ({}, checkpoint, checkpoint | {"resume": True}):
        grown, same = trained(validation=0.2, metrics=("mse",), epochs=20, **options)
        assert_same_bits([grown.loss, same.parameters], [whole.loss, network.parameters])
        assert_same_bits([grown.metrics["mse"], grown.learning_rate], [whole.metrics["mse"], whole.learning_rate])
    optimizers = [fp.SGD(rate, momentum=0.5) for rate in (0.1, 0.2)]
    twin = fp.MLP((5, 20, 7, 3), output="identity", seed=1, dtype="float64")
    options = {"epochs": 20, "batch_size": 160, "loss": "mse", "validation": 0.2}
    first, _ = packs.train([twin.copy(), twin.copy()], X, Y, optimizers=optimizers, seeds=[0, 0], **options)
    assert_same_bits([first.loss, first.validation_loss], [whole.loss, whole.validation_loss])


def test_the_score_of_a_single_held_out_number_is_its_squared_error():
    network = fp.MLP((5, 3, 1), output="identity")
    history = fp.train(network, X, Y[:, 0], epochs=1, validation=(X[:1], Y[:1, 0]))
    assert history.score_name == "mse"
    assert history.score == pytest.approx((network.predict(X[:1])[0, 0] - Y[0, 0]) ** 2, rel=1e-5)
    assert fp.train(network, X, Y[:, 0], epochs=1, validation=0.2).score_name == "r2"
