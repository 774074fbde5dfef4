"""`train`: losses, weights, callbacks, progress, threads and Ctrl-C."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastprop as fp
from tests import diverging
from tests.compare import assert_same_bits
from tests.marks import slow_except
from tests.processes import output_after_interrupt

RANDOM = np.random.default_rng(0)
DIGITS = fp.datasets.digits()
X = RANDOM.integers(9, size=(77, 4)).astype(np.float32)
LABELS = RANDOM.integers(3, size=77)
FAST = fp.SGD(0.5, momentum=0.9)


def network(output="softmax", sizes=(4, 6, 3), **options):
    return fp.MLP(sizes, output=output, **options)


def trained(net, X=X, y=LABELS, epochs=3, **options):
    """Train `net` and return what came of it: its parameters and both losses."""
    history = fp.train(net, X, y, epochs=epochs, **options)
    return net.parameters.copy(), history.loss, history.validation_loss


# ---- what comes back ----


@pytest.mark.parametrize("backend", ["kernels", "reference"])
@pytest.mark.parametrize(("validation", "known"), [(None, False), (0.2, True), ((X, LABELS), True)])
def test_a_history_has_the_losses_of_every_epoch(validation, known, backend):
    history = fp.train(network(), X, LABELS, epochs=4, validation=validation, backend=backend)
    assert isinstance(history, fp.History)
    for losses in (history.loss, history.validation_loss):
        assert (losses.shape, losses.dtype) == ((4,), np.float64)
    assert np.isfinite(history.loss).all()
    assert (np.isfinite(history.validation_loss) == known).all()
    assert (history.epochs, history.stopped) == (4, "finished")
    assert history.seconds > 0


def test_digits_are_learned():
    net = network(sizes=(64, 32, 10))
    X, y = DIGITS
    history = fp.train(net, X[:1500], y[:1500], epochs=30, optimizer=FAST, validation=(X[1500:], y[1500:]))
    assert history.loss[-1] < 0.05 * history.loss[0]
    assert history.validation_loss[-1] < history.validation_loss[0]
    assert (net.predict(X[1500:]).argmax(axis=1) == y[1500:]).mean() > 0.9


def test_a_run_that_leaves_the_finite_ends_as_diverged():
    net = network("identity", (4, 6, 1))
    with pytest.warns(
        fp.DivergenceWarning, match="training diverged in epoch [0-9]+ of 50, where the (loss|weights) w"
    ):
        history = fp.train(net, X, X[:, :1], epochs=50, optimizer=fp.SGD(1e6))
    assert history.stopped == "diverged"
    assert 1 <= history.epochs < 50
    assert len(history.loss) == history.epochs
    assert not (np.isfinite(history.loss[history.epochs - 1]) and np.isfinite(net.parameters).all())


def test_a_run_on_the_reference_diverges_too(dtype):
    net = network("identity", (4, 6, 1), dtype=dtype)
    history = diverging.train(net, X, X[:, :1], epochs=50, optimizer=fp.SGD(1e6), backend="reference")
    assert history.stopped == "diverged"
    assert not np.isfinite(history.loss[-1])


# ---- callbacks ----


@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_a_callback_may_end_training(backend):
    seen = []

    def callback(epoch, history):
        seen.append((epoch, history.epochs, np.isfinite(history.loss).sum()))
        return epoch // 2  # any true value ends it

    history = fp.train(network(), X, LABELS, epochs=6, validation=0.2, callback=callback, backend=backend)
    assert seen == [(0, 1, 1), (1, 2, 2), (2, 3, 3)]
    assert (history.stopped, history.epochs) == ("callback", 3)
    np.testing.assert_array_equal(np.isnan([history.loss, history.validation_loss]), [[False] * 3] * 2)


@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_a_callback_sees_each_epoch_of_a_run_that_ends_early(backend):
    seen, stop = [], fp.EarlyStopping(2, minimum_improvement=1e9)
    options = {"epochs": 6, "early_stopping": stop, "callback": lambda epoch, history: seen.append(epoch)}
    history = fp.train(network(), X, LABELS, backend=backend, **options)
    assert seen == [0, 1, 2]
    assert (history.stopped, history.epochs) == ("early", 3)


def test_a_callback_that_only_watches_changes_nothing():
    watched = trained(network(), callback=lambda epoch, history: None, validation=0.2)
    assert_same_bits(watched, trained(network(), validation=0.2))


@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_an_error_in_a_callback_is_raised(backend):
    with pytest.raises(ZeroDivisionError):
        fp.train(network(), X, LABELS, epochs=2, callback=lambda epoch, history: 1 / 0, backend=backend)


# ---- rows and batches ----


def test_the_last_rows_of_an_epoch_are_a_batch_of_their_own():
    whole = trained(network(), X[:35], LABELS[:35], epochs=1, batch_size=32, shuffle=False)
    parts = network()
    trained(parts, X[:32], LABELS[:32], epochs=1, batch_size=32, shuffle=False)
    trained(parts, X[32:35], LABELS[32:35], epochs=1, batch_size=3, shuffle=False)
    np.testing.assert_array_equal(whole[0], parts.parameters)


def test_a_batch_size_above_the_rows_is_the_full_batch():
    assert_same_bits(trained(network(), batch_size=10**12), trained(network(), batch_size=len(X)))


def test_the_seed_chooses_the_order_of_the_rows_and_only_of_shuffled_ones():
    first, same, other = (trained(network(), seed=seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()
    assert_same_bits(trained(network(), seed=1, shuffle=False), trained(network(), seed=2, shuffle=False))


def mean_loss(net, X, y):
    return -np.log(net.predict(X)[np.arange(len(y)), y]).mean()


def test_a_fraction_of_the_rows_is_held_out_whatever_the_seed():
    standing = {"optimizer": fp.SGD(0.0), "epochs": 1, "validation": 0.25}
    (_, loss, held_out), *others = [trained(network(), seed=seed, batch_size=seed + 1, **standing) for seed in range(3)]
    for _, other_loss, other_held_out in others:
        np.testing.assert_array_equal(other_held_out, held_out)
        np.testing.assert_allclose(other_loss, loss, rtol=1e-6)
    assert loss != held_out
    rows = round(0.25 * len(X))
    together = (rows * held_out + (len(X) - rows) * loss) / len(X)
    np.testing.assert_allclose(together, mean_loss(network(), X, LABELS), rtol=1e-6)


def test_validation_rows_may_be_given_and_are_not_trained_on():
    net = network()
    with_pair = trained(net, X[:50], LABELS[:50], validation=(X[50:], LABELS[50:]))
    np.testing.assert_allclose(with_pair[2][-1], mean_loss(net, X[50:], LABELS[50:]), rtol=1e-6)
    without = trained(network(), X[:50], LABELS[:50])
    assert_same_bits(with_pair[:2], without[:2])


def test_rows_weigh_as_much_as_their_copies():
    weight = 1 + np.arange(len(X)) % 3
    copies = np.repeat(np.arange(len(X)), weight)
    options = {"batch_size": 1000, "shuffle": False}
    weighted = trained(network(dtype="float64"), sample_weight=weight, **options)
    copied = trained(network(dtype="float64"), X[copies], LABELS[copies], **options)
    for one, other in zip(weighted, copied):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


# ---- the network ----


def test_training_changes_the_views_that_a_user_holds():
    net = network()
    weights, biases = net.weights, net.biases
    before = [array.copy() for array in weights + biases]
    fp.train(net, X, LABELS, epochs=1)
    assert all((array != old).any() for array, old in zip(weights + biases, before))
    assert_same_bits(weights + biases, net.weights + net.biases)


def test_training_starts_from_what_the_user_wrote():
    net, other = network(), network(seed=1)
    for array, source in zip(net.weights + net.biases, other.weights + other.biases):
        array[...] = source
    assert_same_bits(trained(net), trained(other))


def test_two_calls_continue_where_one_would_have_gone():
    options = {"shuffle": False, "optimizer": fp.SGD(0.3)}
    resumed = network()
    first, second = (trained(resumed, epochs=epochs, **options) for epochs in (2, 3))
    parameters, loss, _ = trained(network(), epochs=5, **options)
    assert_same_bits([second[0], np.concatenate([first[1], second[1]])], [parameters, loss])


# ---- kinds of arrays and numbers ----


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


KINDS = {
    "integers": lambda a: a.astype(np.int16),
    "float64": lambda a: a.astype(np.float64),
    "Fortran order": np.asfortranarray,
    "read-only": read_only,
    "every second row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "other byte order": lambda a: a.astype(a.dtype.newbyteorder()),
    "a list": lambda a: a.tolist(),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_all_kinds_of_arrays_give_the_same_bits(kind):
    targets = RANDOM.permuted(np.tile([0, 1, 1], (len(X), 1)), axis=1)
    weight = np.arange(1, 1 + len(X))
    expected = trained(network("sigmoid"), X, targets.astype(np.float32), sample_weight=weight, validation=0.2)
    same = trained(network("sigmoid"), kind(X), kind(targets), sample_weight=kind(weight), validation=0.2)
    assert_same_bits(same, expected)
    assert_same_bits(trained(network(), X, kind(LABELS)), trained(network()))
    net = network()
    np.testing.assert_array_equal(net.predict(kind(X)), net.predict(X))


@pytest.mark.parametrize("output", ["softmax", "sigmoid", "identity"])
def test_labels_are_one_hot_targets(output):
    one_hot = np.eye(3)[LABELS]
    with_labels = trained(network(output), y=LABELS, validation=0.2)
    assert_same_bits(with_labels, trained(network(output), y=one_hot, validation=0.2))


def test_one_output_takes_targets_in_a_row_or_in_a_column():
    y = RANDOM.random(len(X))
    in_a_row, in_a_column = (trained(network("identity", (4, 6, 1)), y=y) for y in (y, y[:, None]))
    assert_same_bits(in_a_row, in_a_column)


@pytest.mark.parametrize("kind", [np.int16, np.uint64, np.int64])
def test_numbers_of_numpy_are_numbers(kind):
    expected = trained(network(), epochs=3, batch_size=16, seed=5, threads=1)
    same = trained(network(), epochs=kind(3), batch_size=kind(16), seed=kind(5), threads=kind(1))
    assert_same_bits(same, expected)


# ---- the other backend, other threads, Ctrl-C ----

ALIKE = {
    "plain": {},
    "Nesterov": {"optimizer": fp.SGD(0.2, momentum=0.9, nesterov=True)},
    "in order": {"shuffle": False, "batch_size": 10},
    "held-out rows": {"validation": 0.2},
    "weights": {"sample_weight": np.arange(1, 78)},
    "weights and held-out rows": {"sample_weight": np.arange(1, 78), "validation": 0.2},
    "weights and rows of their own": {"sample_weight": np.arange(1, 78), "validation": (X[:9], LABELS[:9])},
    "squared error": {"loss": "mse"},
}


@pytest.mark.parametrize("options", ALIKE.values(), ids=ALIKE)
def test_the_reference_gives_the_same_result(options):
    kernels, reference = (
        trained(network(dtype="float64"), X / 9, backend=backend, **options) for backend in ("kernels", "reference")
    )
    for ours, theirs in zip(kernels, reference):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-11)


def test_threads_that_train_at_once_do_not_disturb_each_other():
    def run(seed):
        return trained(network(sizes=(64, 32, 10), seed=seed), *DIGITS, epochs=5, validation=0.2, seed=seed)

    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(run, range(8)))
    for seed, result in enumerate(at_once):
        assert_same_bits(result, run(seed))


def test_a_progress_bar_is_shown_where_it_is_asked_for(terminal):
    fp.train(network(), X, LABELS, epochs=3)
    terminal.readouterr()  # the first run of a process may say that it compiles
    fp.train(network(), X, LABELS, epochs=3)
    assert terminal.readouterr() == ("", "")
    fp.train(network(), X, LABELS, epochs=3, progress=True)
    assert "3/3" in terminal.readouterr().err


@pytest.mark.parametrize("backend", slow_except(["kernels", "reference"], ["kernels"]))
def test_ctrl_c_ends_training_and_gives_back_what_is_done(backend):
    script = f"""
import numpy as np
import fastprop as fp
from tests.processes import ONE_DONE, say_go
X, y = fp.datasets.digits()
net = fp.MLP((64, 32, 10), output="softmax")
say_go(ONE_DONE)
history = fp.train(net, X, y, epochs=1_000_000, backend={backend!r}, progress=True)
done = np.isfinite(history.loss)
print(history.stopped, done.all(), len(done) == history.epochs, np.isfinite(net.predict(X)).all())
"""
    assert output_after_interrupt(script).split() == ["interrupted", "True", "True", "True"]
