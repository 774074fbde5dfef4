"""Training on a stream of chunks is compared with training on all rows, and with the reference."""

import signal
import threading
import tracemalloc

import numpy as np
import pytest

import fastprop as fp
from benchmarks.cases import CHUNKS_IN_SEGMENTS, DELTAS_IN_PANELS, DIGITS_SHAPE, SHAPES
from fastprop.data import UNCHANGED, Dataset
from fastprop.runs import STREAMS, TrainingOptions
from fastprop.streaming import ChunkTraining
from tests.compare import assert_close, assert_refused, assert_same_bits, roundings, tolerance
from tests.marks import slow_except
from tests.problems import DTYPES, FEW_SHAPES, FIVE_LAYERS, LINEAR, NARROW_OUTPUT, NESTEROV, problem
from tests.processes import TIMEOUT, output_after_interrupt

STREAMED = (
    (NESTEROV, None, None),
    (fp.Adam(0.01), None, None),
    (fp.AdamW(0.01, l1=0.01), fp.InverseScaling(), fp.ClipNorm(0.1)),
    (fp.RMSprop(0.01, momentum=0.9), fp.Warmup(3, fp.ExponentialDecay(0.9, by="step"), by="step"), fp.ClipValue(0.01)),
    (fp.Lion(0.01), fp.StepDecay(2, by="step"), None),
)


X, Y = np.random.default_rng(0).random((20, 4)), np.arange(20) % 3


def cut(array, sizes):
    return np.split(array, np.cumsum(sizes)[:-1])


def sizes_of(rows, batch_size):
    """Return chunks of one batch, two and three, and the rows that are left."""
    sizes = []
    while sum(sizes) < rows:
        sizes.append(min(batch_size * (1 + len(sizes) % 3), rows - sum(sizes)))
    return sizes


def stream(network, X, y, sizes, weight=None, **options):
    arrays = (X, y) if weight is None else (X, y, weight)
    return fp.train_stream(network, zip(*(cut(array, sizes) for array in arrays)), loss="mse", **options)


# ---- what comes of it ----


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    "shape", slow_except([*FEW_SHAPES, CHUNKS_IN_SEGMENTS, DELTAS_IN_PANELS], [FIVE_LAYERS, NARROW_OUTPUT]), ids=str
)
@pytest.mark.parametrize(("optimizer", "schedule", "clip"), STREAMED, ids=str)
@pytest.mark.usefixtures("threads_always_share")
def test_chunks_of_whole_batches_train_as_the_whole_does(shape, optimizer, schedule, clip, threads, dtype):
    network, X, y = problem(shape, LINEAR, dtype)
    twin, weight = network.copy(), np.linspace(0.5, 2, shape.rows)
    options = {"batch_size": shape.batch_size, "optimizer": optimizer, "schedule": schedule, "clip": clip}
    options |= {"shuffle": False, "threads": threads}
    history = fp.train(twin, X, y, epochs=1, loss="mse", sample_weight=weight, **options)
    sizes = sizes_of(shape.rows, shape.batch_size)
    streamed = stream(network, X, y, sizes, weight, **options)
    assert_same_bits([network.parameters], [twin.parameters])
    weights = [each.sum() for each in cut(weight, sizes)]
    np.testing.assert_allclose(np.average(streamed.loss, weights=weights), history.loss[0], rtol=1e-6)
    assert (streamed.epochs, streamed.stopped, streamed.best_epoch) == (len(sizes), "finished", len(sizes) - 1)
    assert np.isnan(streamed.validation_loss).all()
    assert streamed.validation_loss.shape == streamed.loss.shape == (len(sizes),)


@pytest.mark.parametrize("shape", slow_except(SHAPES, FEW_SHAPES), ids=str)
def test_the_same_chunk_again_and_again_is_an_epoch_each(shape, dtype):
    network, X, y = problem(shape, LINEAR, dtype)
    twin, options = network.copy(), {"batch_size": shape.batch_size, "optimizer": fp.Adam(), "seed": 5, "loss": "mse"}
    options |= {"schedule": fp.ReduceOnPlateau(0.5, patience=0, threshold=0.1)}
    streamed = fp.train_stream(network, [(X, y)] * 5, **options)
    history = fp.train(twin, X, y, epochs=5, **options)
    assert_same_bits([network.parameters, streamed.loss], [twin.parameters, history.loss])


UNEVEN = 3, 1, 20, 64, 7, 5


@pytest.mark.parametrize(("optimizer", "schedule", "clip"), STREAMED, ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_chunks_of_any_size_train_as_in_the_reference(optimizer, schedule, clip, weighted, dtype):
    network, X, y = problem(DIGITS_SHAPE, LINEAR, dtype)
    if isinstance(optimizer, fp.Lion):  # takes the sign of rounding errors
        optimizer = fp.Lion(0.001)
    network.input_mean, network.input_scale = X.mean(axis=0), X.std(axis=0)
    twin, weight = network.copy(), np.linspace(0.5, 2, len(X)) if weighted else None
    options = {"batch_size": 16, "optimizer": optimizer, "schedule": schedule, "clip": clip, "seed": 3}
    history = stream(network, X, y, UNEVEN, weight, **options)
    expected = stream(twin, X, y, UNEVEN, weight, backend="reference", **options)
    limit = 30 * tolerance(dtype, roundings(DIGITS_SHAPE))
    assert_close(network.parameters, twin.parameters, limit, "parameters")
    assert_close(history.loss, expected.loss, limit, "loss")
    assert np.isfinite(history.gradient_norm).all() == isinstance(clip, fp.ClipNorm)
    if isinstance(clip, fp.ClipNorm):
        assert_close(history.gradient_norm, expected.gradient_norm, limit, "gradient_norm")
    assert (history.epochs, history.best_epoch, history.stopped) == (6, 5, "finished")
    assert (expected.epochs, expected.best_epoch, expected.stopped) == (6, 5, "finished")


@pytest.mark.usefixtures("threads_always_share")
@pytest.mark.parametrize("dtype", slow_except(DTYPES, ["float32"]))
def test_any_number_of_threads(shape, dtype):
    network, X, y = problem(shape, LINEAR, dtype)
    sizes, options = sizes_of(shape.rows, 7), {"batch_size": shape.batch_size, "optimizer": fp.Adam()}
    networks = [network.copy() for _ in range(3)]
    histories = [stream(each, X, y, sizes, threads=threads, **options) for each, threads in zip(networks, (1, 2, 5))]
    for each, history in zip(networks[1:], histories[1:]):
        assert_same_bits([each.parameters, history.loss], [networks[0].parameters, histories[0].loss])


# ---- how it is read ----


def test_no_more_than_two_chunks_are_held():
    rows, columns, count = 1 << 14, 64, 12  # 4 MB each

    def chunks():
        for _ in range(count):
            yield np.ones((rows, columns), np.float32), np.ones((rows, 1), np.float32)

    network = fp.MLP((columns, 1), output="identity")
    fp.train_stream(network, [(np.ones((8, columns)), np.ones(8))])  # fetches the kernel
    tracemalloc.start()
    assert fp.train_stream(network, chunks(), optimizer=fp.SGD(1e-4)).epochs == count
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * 4 * rows * columns


def test_the_next_chunk_is_read_while_one_is_trained_on():
    network, X, y = problem(DIGITS_SHAPE, LINEAR, "float32")
    events = []

    def chunks():
        for index in range(3):
            events.append((f"reads {index}", threading.current_thread() is threading.main_thread()))
            yield X, y

    fp.train_stream(network, chunks(), loss="mse", callback=lambda index, _: events.append((f"trained {index}", True)))
    names, in_main_thread = zip(*events)
    assert names == ("reads 0", "reads 1", "trained 0", "reads 2", "trained 1", "trained 2")
    assert all(in_main_thread)


def test_a_callback_sees_each_chunk_and_may_end_the_stream(dtype):
    for backend in ("kernels", "reference"):
        network, X, y = problem(DIGITS_SHAPE, LINEAR, dtype)
        seen = []

        def callback(chunk, history):
            seen.append((chunk, history.epochs, len(history.loss)))  # noqa: B023
            return chunk == 2

        history = stream(network, X, y, [10] * 10, callback=callback, backend=backend)
        assert seen == [(0, 1, 1), (1, 2, 2), (2, 3, 3)]
        assert (history.stopped, history.epochs, len(history.loss)) == ("callback", 3, 3)


@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_a_stream_that_diverges_ends(backend):
    network, X, y = problem(DIGITS_SHAPE, LINEAR, "float64")
    chunks = [(X, y), (X, 1e200 * y), (X, y)]
    with pytest.warns(fp.DivergenceWarning, match=r"training diverged in chunk 1, .* scale y, which reaches"):
        history = fp.train_stream(network, chunks, batch_size=32, loss="mse", optimizer=fp.SGD(0.1), backend=backend)
    assert (history.stopped, history.epochs, history.best_epoch) == ("diverged", 2, -1)
    assert np.isfinite(history.loss[0])


def test_a_progress_bar_is_shown_where_it_is_asked_for(terminal):
    network, X, y = problem(DIGITS_SHAPE, LINEAR, "float32")
    fp.train_stream(network, [(X, y)] * 3, loss="mse", progress=True)
    assert "3/3" in terminal.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("where", ["pass", "time.sleep(100)"], ids=["training", "reading"])
def test_ctrl_c_ends_a_stream_and_gives_back_what_is_done(where):
    script = f"""
import itertools, time
import numpy as np
import fastprop as fp
X, y = fp.datasets.digits()
net = fp.MLP((64, 32, 10), output="softmax")
def chunks():
    for number in itertools.count():
        if number == 5:
            print("go", flush=True)
            {where}
        yield X, y
history = fp.train_stream(net, chunks())
print(history.stopped, history.epochs == len(history.loss) > 3, np.isfinite(history.loss).all())
"""
    assert output_after_interrupt(script).split() == ["interrupted", "True", "True"]


def test_ctrl_c_amid_a_chunk_of_a_training_that_gets_its_chunks_by_calls_is_raised(monkeypatch):
    stream = STREAMS["kernels"]
    train = stream.__call__

    def interrupted(run, until=None):
        signal.raise_signal(signal.SIGINT)
        assert stopped.wait(TIMEOUT)
        train(run, until)

    def stop(run):
        asks_to_stop(run)
        stopped.set()

    stopped, asks_to_stop = threading.Event(), stream.stop
    network = fp.MLP((4, 5, 3), output="softmax")
    training = ChunkTraining(network)
    training.train(X, Y)
    done = network.parameters.copy()
    with monkeypatch.context() as patched:
        patched.setattr(stream, "__call__", interrupted)
        patched.setattr(stream, "stop", stop)
        with pytest.raises(KeyboardInterrupt):
            training.train(X, Y)
    assert np.isfinite(network.parameters).all()
    assert np.abs(network.parameters - done).max() < 0.1  # no more than a minibatch of the chunk was trained on


@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_chunks_without_rows_are_skipped(backend):
    network, twin = (fp.MLP((4, 5, 3), output="softmax") for _ in range(2))
    seen = []
    chunks = [(X[:0], Y[:0]), (X, Y), ([], []), (X[:0], Y[:0], []), (X, Y)]
    history = fp.train_stream(
        network, chunks, callback=lambda index, history: seen.append(history.epochs), backend=backend
    )
    assert_same_bits([history.loss], [fp.train_stream(twin, [(X, Y), (X, Y)], backend=backend).loss])
    assert_same_bits([network.parameters], [twin.parameters])
    assert seen == [1, 2]


@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_a_history_that_was_kept_stays_as_it_was(backend):
    """A history holds the chunks that were done when a callback saw it, though arrays grow for later ones."""
    kept = []
    fp.train_stream(
        fp.MLP((4, 5, 3), output="softmax"),
        [(X, Y)] * 20,
        callback=lambda _, history: kept.append((history, history.loss.copy())),
        backend=backend,
    )
    for chunk, (history, loss) in enumerate(kept):
        assert (history.epochs, history.loss.shape, history.learning_rate.shape) == (
            chunk + 1,
            (chunk + 1,),
            (chunk + 1,),
        )
        np.testing.assert_array_equal(history.loss, loss)


@pytest.mark.slow
@pytest.mark.parametrize("run", STREAMS.values(), ids=STREAMS)
def test_the_memory_of_a_chunk_does_not_depend_on_the_chunks_before_it(run):
    """What a chunk allocates is what makes its cost grow; arrays are doubled now and then."""
    network = fp.MLP((4, 5, 3), output="softmax")
    data = Dataset.of(X, Y, network, "cross_entropy").readable("float32", UNCHANGED)
    stream = run(network, TrainingOptions(epochs=1, batch_size=20, loss="cross_entropy", optimizer=fp.SGD(0.1)), 1)
    peaks = []
    tracemalloc.start()
    for _ in range(600):
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        stream.take(data)
        stream.prepare()
        stream()
        peaks.append(tracemalloc.get_traced_memory()[1] - before)
    tracemalloc.stop()
    assert np.median(peaks[-50:]) < np.median(peaks[50:100]) + 2000


# ---- what is refused ----

BAD = {
    "width": ((X[:, 1:], Y), ValueError, "in chunk 2, X has 3 features but the network has 4 inputs: give"),
    "NaN": ((np.where(X[3, 1] == X, np.nan, X), Y), ValueError, "in chunk 2, X holds nan at row 3, column 1: remove"),
    "no rows": ((X[:0], Y), ValueError, "in chunk 2, X has no rows: give at least one"),
    "label": ((X, Y + 1), ValueError, "in chunk 2, y holds label 3 at row 2"),
    "weight": ((X, Y, -np.ones(20)), ValueError, "in chunk 2, sample_weight holds -1.0 at row 0: give weights"),
    "kind": ((X.astype(str), Y), TypeError, "in chunk 2, X must hold numbers, not text: convert"),
    "no pair": (X, TypeError, "in chunk 2, there must be (X, y) or (X, y, sample_weight), not array("),
    "four": ((X, Y, Y, Y), TypeError, "in chunk 2, there must be (X, y) or (X, y, sample_weight), not (array("),
}


@pytest.mark.parametrize("backend", ["kernels", "reference"])
@pytest.mark.parametrize(("bad", "error", "words"), BAD.values(), ids=BAD)
def test_a_bad_chunk_leaves_the_network_as_the_chunks_before_did(bad, error, words, backend):
    network, twin = (fp.MLP((4, 5, 3), output="softmax", dtype="float64") for _ in range(2))
    assert_refused(error, words, fp.train_stream, network, [(X, Y), (X, Y), bad, (X, Y)], backend=backend)
    fp.train_stream(twin, [(X, Y)] * 2, backend=backend)
    assert_same_bits([network.parameters], [twin.parameters])


def test_what_a_generator_raises_comes_through():
    def chunks():
        yield X, Y
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        fp.train_stream(fp.MLP((4, 5, 3), output="softmax"), chunks())


OPTIONS = [
    ({"chunks": 3}, TypeError, "chunks must yield (X, y) or (X, y, sample_weight), not be 3: give an iterable"),
    ({"chunks": iter([])}, ValueError, "chunks holds no chunk with rows: give an iterable"),
    (
        {"schedule": fp.CosineDecay()},
        ValueError,
        "depends on the length of the run, which a stream does not know: give another one",
    ),
    ({"schedule": fp.OneCycle()}, ValueError, "depends on the length of the run, which a stream does not know"),
    ({"schedule": fp.Warmup(2, fp.CosineDecay())}, ValueError, "depends on the length of the run"),
    ({"schedule": 3}, TypeError, "schedule must be a"),
    (
        {"optimizer": fp.LBFGS()},
        TypeError,
        "optimizer must be an SGD or an Adam or an AdamW or an RMSprop or an Adagrad or a Lion",
    ),
    ({"batch_size": 0}, ValueError, "batch_size must be at least 1, not 0: give a larger number"),
    ({"backend": "torch"}, ValueError, "backend must be one of kernels, reference, not 'torch': choose one"),
]


@pytest.mark.parametrize(("options", "error", "words"), OPTIONS)
def test_what_cannot_be_used_is_refused(options, error, words):
    network = fp.MLP((4, 5, 3), output="softmax")
    chunks = options.pop("chunks", [(X, Y)])
    assert_refused(error, words, fp.train_stream, network, chunks, **options)
