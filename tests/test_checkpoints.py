"""A run that was interrupted and goes on from its checkpoint has the result of a run without interruption."""

import errno
import itertools
import os
import random
import sqlite3

import numpy as np
import pytest

import fastprop as fp
from fastprop.data import Dataset, Split
from fastprop.kernels import compiler
from fastprop.runs import KernelRun, TrainingOptions
from fastprop.runs.kernel_team import KernelTeam
from tests import diverging, killed
from tests.compare import assert_refused, assert_same_bits
from tests.killed import last_written
from tests.marks import slow_except
from tests.problems import DTYPES, noise
from tests.processes import output_after_interrupt, run_python

X, Y, LABELS = noise()

EPOCHS = 9
PLATEAU = fp.ReduceOnPlateau(0.5, patience=0, threshold=0.05)
RUNS = {
    "plain": {},
    "in order, no validation": {"shuffle": False, "validation": None, "metrics": ("mse", "r2")},
    "momentum, plateau": {"optimizer": fp.SGD(0.3, momentum=0.9), "schedule": PLATEAU},
    "Adam, one cycle": {"optimizer": fp.Adam(0.01, weight_decay=0.1), "schedule": fp.OneCycle()},
    "AdamW, warm-up": {"optimizer": fp.AdamW(0.01, l1=0.01), "schedule": fp.Warmup(3, fp.CosineDecay())},
    "RMSprop, clipped": {"optimizer": fp.RMSprop(0.01, momentum=0.9), "clip": fp.ClipNorm(0.05)},
    "Adagrad, weights": {"optimizer": fp.Adagrad(0.1), "sample_weight": np.linspace(1, 2, 203)},
    "Lion, by step": {"optimizer": fp.Lion(1e-3), "schedule": fp.InverseScaling(), "gradient_norm": True},
    "ending early": {"early_stopping": fp.EarlyStopping(2, 0.02), "optimizer": fp.SGD(0.3), "gradient_norm": True},
    "best weights": {"early_stopping": fp.EarlyStopping(99), "optimizer": fp.SGD(2.0), "schedule": PLATEAU},
    "average, dropout": {"average": fp.EMA(0.9, 2), "dropout": 0.3, "optimizer": fp.Adam(0.01)},
    "average, best weights": {"average": fp.EMA(0.5), "early_stopping": fp.EarlyStopping(2, 0.02)},
    "standardized": {"standardize": True, "optimizer": fp.SGD(0.3, momentum=0.9)},
    "diverging": {"optimizer": fp.SGD(1.0), "schedule": fp.StepDecay(4, factor=1e30)},
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.checkpoint"


def trained(sizes=(5, 20, 7, 3), X=X, y=Y, dtype="float32", output="identity", start=1, **options):
    """Train a network; return the history and the network."""
    network = fp.MLP(sizes, output=output, seed=start, dtype=dtype)
    options = {"epochs": EPOCHS, "batch_size": 64, "validation": 0.2} | options
    return diverging.train(network, X, y, **options), network


def broken(after, path, **options):
    """Begin a run and stop it after `after` epochs."""
    return trained(checkpoint=path, callback=lambda epoch, history: epoch + 1 == after, **options)


def assert_same_run(one, other):
    (history, network), (expected, same) = one, other
    for name, value in vars(expected).items():
        if name == "metrics":
            assert list(history.metrics) == list(value)
            assert_same_bits(history.metrics.values(), value.values())
        elif name != "seconds":
            np.testing.assert_array_equal(getattr(history, name), value, err_msg=name)
    assert_same_bits([network.parameters], [same.parameters])


# ---- the same bits ----


@pytest.mark.usefixtures("threads_always_share")
@pytest.mark.parametrize("dtype", slow_except(DTYPES, ["float32"]))
@pytest.mark.parametrize("options", slow_except(RUNS.values(), [RUNS["plain"], RUNS["Adam, one cycle"]]), ids=RUNS)
def test_a_run_that_goes_on_is_the_unbroken_one(options, dtype, path):
    whole = trained(dtype=dtype, **options)
    for epochs, before, after in ((1, 1, 2), (4, 3, 1), (EPOCHS - 1, 2, 5)):
        broken(epochs, path, dtype=dtype, threads=before, **options)
        assert_same_run(trained(dtype=dtype, threads=after, checkpoint=path, resume=True, **options), whole)


@pytest.mark.usefixtures("threads_always_share")
@pytest.mark.parametrize("sizes", [(5, 3), (5, 70, 130, 3)], ids=str)
def test_a_run_may_be_broken_off_again_and_again(sizes, path):
    options = {"sizes": sizes, "optimizer": fp.Adam(0.01), "schedule": PLATEAU, "batch_size": 160}
    for epochs in range(1, EPOCHS, 2):
        history, _ = broken(epochs, path, resume=True, threads=epochs, **options)
        assert (history.epochs, history.stopped) == (epochs, "callback")
    assert_same_run(trained(checkpoint=path, resume=True, **options), trained(**options))


@pytest.mark.parametrize("precisions", [(None, "float32"), ("float32", None)], ids=str)
def test_a_run_goes_on_with_another_word_for_its_precision(precisions, path):
    before, after = precisions
    broken(2, path, precision=before)
    assert_same_run(trained(checkpoint=path, resume=True, precision=after), trained())


def test_a_run_that_is_over_is_given_back(path):
    for options in ({}, RUNS["ending early"], RUNS["diverging"]):
        whole = trained(checkpoint=path, **options)
        again = trained(checkpoint=path, resume=True, callback=lambda epoch, history: 1 / 0, **options)
        assert_same_run(again, whole)
        assert again[0].seconds == whole[0].seconds


@pytest.mark.parametrize("name", ["momentum, plateau", "Lion, by step", "ending early", "diverging"])
def test_a_run_may_be_made_longer(name, path):
    options = RUNS[name] | {"metrics": ("mae",)}
    trained(checkpoint=path, epochs=3, **options)
    assert_same_run(trained(checkpoint=path, resume=True, **options), trained(**options))


def test_a_run_may_be_made_shorter_but_not_than_it_is(path):
    broken(4, path)
    assert_same_run(trained(checkpoint=path, resume=True, epochs=6), trained(epochs=6))
    words = f"{path} has 6 epochs done, but epochs is 5: give at least as many, or leave out resume"
    assert_refused(ValueError, words, trained, checkpoint=path, resume=True, epochs=5)


def test_patience_that_ended_with_the_run_also_ends_a_longer_one(path):
    stop = {"early_stopping": fp.EarlyStopping(2, 1e9)}
    history, _ = trained(checkpoint=path, epochs=3, **stop)
    assert (history.stopped, history.epochs) == ("finished", 3)
    longer = trained(checkpoint=path, resume=True, **stop)
    assert (longer[0].stopped, longer[0].epochs) == ("early", 3)
    assert_same_run(longer, trained(**stop))


def test_without_a_file_a_run_begins(path):
    assert_same_run(trained(checkpoint=path, resume=True), trained())


def test_without_resume_a_run_begins_anew_and_takes_the_file(path):
    trained(checkpoint=path, epochs=3, start=2)
    assert_same_run(trained(checkpoint=path), trained())
    assert_same_run(trained(checkpoint=path, resume=True), trained())


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_pack_goes_on_from_its_state(dtype):
    width = compiler.lanes(dtype)
    network = fp.MLP((5, 4, 3), output="identity", seed=1, dtype=dtype)
    data = Dataset.of(X, Y, network, "mse")
    split = Split.of(0.2, data, network, "mse")
    rates = np.geomspace(1e-3, 3, max(2, width - 1))

    def pack(epochs):
        options_of_networks = [
            TrainingOptions(
                epochs=epochs,
                loss="mse",
                optimizer=fp.Adam(rate),
                seed=seed,
                schedule=PLATEAU,
                dropout=0.1,
                average=fp.EMA(0.8),
                early_stopping=fp.EarlyStopping(2),
            )
            for seed, rate in enumerate(rates)
        ]
        return KernelRun([network] * len(rates), split, options_of_networks)

    first, second, whole = pack(EPOCHS), pack(EPOCHS), pack(EPOCHS)
    first(until=4)
    second.go_on(first.states)
    for run in (second, whole):
        run()
    (ours,), (theirs,) = second.trained(), whole.trained()
    for lane, each in enumerate(zip(second.histories, whole.histories)):
        assert_same_run((each[0], ours.network(lane)), (each[1], theirs.network(lane)))


# ---- when it is written ----


def written(path, **options):
    """Return the epochs after which the file differs from before."""
    seen = []

    def look(epoch, history):
        seen.append(last_written(path))

    trained(callback=look, **options)
    return [epoch for epoch, (before, after) in enumerate(itertools.pairwise(seen)) if before != after]


def test_it_is_written_after_each_so_many_epochs(path):
    assert written(path, checkpoint=fp.Checkpoint(path, epochs=3)) == [2, 5]
    assert written(path, checkpoint=fp.Checkpoint(path, seconds=0)) == list(range(EPOCHS - 1))
    path.unlink()
    assert written(path, checkpoint=path) == []
    assert path.exists()


def test_a_run_by_seconds_comes_back_once_it_has_seen_its_pace(path, monkeypatch):
    calls, train = [], KernelTeam.train
    monkeypatch.setattr(KernelTeam, "train", lambda team, until: (calls.append(until), train(team, until))[1])
    trained(checkpoint=path, epochs=2000)
    assert calls[-1] == 2000
    assert len(calls) < 10


def test_its_size_is_that_of_the_epochs_done(path):
    sizes = []
    for epochs in (10, 100_000):
        broken(2, path, epochs=epochs)
        sizes.append(path.stat().st_size)
        path.unlink()
    assert sizes[0] == sizes[1]


def test_no_other_file_is_left(path):
    trained(checkpoint=fp.Checkpoint(path, epochs=1))
    assert os.listdir(path.parent) == [path.name]


# ---- killed ----


@pytest.mark.slow
@pytest.mark.usefixtures("threads_always_share")
def test_a_run_that_is_killed_at_any_time_goes_on(path):
    waits = random.Random(0)
    for attempt in range(6):
        killed.kill("train", path, wait=waits.uniform(0, 0.1), threads=1 + attempt % 3)
    assert_same_run(killed.train(path), killed.train())
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.slow
def test_ctrl_c_leaves_the_last_checkpoint(path):
    script = f"""
import fastprop as fp
from tests.processes import say_go
X, y = fp.datasets.digits()
net = fp.MLP((64, 32, 10), output="softmax")
say_go(r"\\b\\d\\d+/")  # ten epochs or more
checkpoint = fp.Checkpoint({str(path)!r}, epochs=5)
history = fp.train(net, X, y, epochs=100_000, checkpoint=checkpoint, progress=True)
print(history.stopped, history.epochs)
"""
    stopped, done = output_after_interrupt(script).split()
    assert stopped == "interrupted"
    whole, twin = (fp.MLP((64, 32, 10), output="softmax") for _ in range(2))
    epochs = int(done) + 10
    begun = []
    history = fp.train(
        twin,
        *fp.datasets.digits(),
        epochs=epochs,
        checkpoint=path,
        resume=True,
        callback=lambda epoch, history: begun.append(epoch),
    )
    assert 5 <= begun[0] == int(done) // 5 * 5
    assert_same_run((history, twin), (fp.train(whole, *fp.datasets.digits(), epochs=epochs), whole))


# ---- refused ----

OTHERS = {
    "layer_sizes is (5, 20, 7, 3) and not (5, 8, 3)": {"sizes": (5, 8, 3)},
    "activations is ['sigmoid', 'sigmoid', 'identity'] and not ['sigmoid', 'sigmoid', 'sigmoid']": {
        "output": "sigmoid",
        "loss": "mse",
        "y": np.abs(Y) / 10,
    },
    "dtype is float32 and not float64": {"dtype": "float64"},
    "batch_size is 64 and not 32": {"batch_size": 32},
    "seed is 0 and not 3": {"seed": 3},
    "shuffle is True and not False": {"shuffle": False},
    "loss is mse and not mae": {"loss": "mae"},
    "optimizer is SGD(learning_rate=0.1, momentum=0.0, nesterov=False, weight_decay=0.0, l1=0.0) and not SGD(": {
        "optimizer": fp.SGD(0.2)
    },
    "schedule is None and not StepDecay(every=2, factor=0.1, by='epoch')": {"schedule": fp.StepDecay(2)},
    "clip is None and not ClipNorm(limit=1.0)": {"clip": fp.ClipNorm(1)},
    "dropout is 0.0 and not 0.2": {"dropout": 0.2},
    "average is None and not EMA(": {"average": fp.EMA()},
    "input_mean is sha256": {"standardize": True},
    "early_stopping is None and not EarlyStopping(": {"early_stopping": fp.EarlyStopping()},
    "gradient_norm is False and not True": {"gradient_norm": True},
    "metrics is () and not ('mse',)": {"metrics": ("mse",)},
    "first weights is sha256": {"start": 2},
    "training data is sha256": {"X": X + 1},
    "validation data is sha256": {"validation": (X[:5], Y[:5])},
}


@pytest.mark.parametrize(("words", "other"), OTHERS.items(), ids=OTHERS)
def test_the_checkpoint_of_another_run_is_refused(words, other, path):
    trained(checkpoint=path, epochs=1)
    for part in (f"{path} is the checkpoint of another run, whose ", words):
        assert_refused(ValueError, part, trained, checkpoint=path, resume=True, **other)


def test_a_metric_of_the_same_name_and_other_code_is_refused(path):
    factors = [1.0]

    def error(outputs, y):
        return float(np.abs(outputs - y).mean()) * factors[0]

    trained(checkpoint=path, epochs=1, metrics=(error,))
    history, _ = trained(checkpoint=path, resume=True, metrics=(error,))
    assert len(history.metrics["error"]) == history.epochs
    factors[0] = 2.0
    words = "is the checkpoint of another run, whose code of metrics is sha256"
    assert_refused(ValueError, words, trained, checkpoint=path, resume=True, metrics=(error,))
    with sqlite3.connect(":memory:") as connection:
        words = "the checkpoint cannot tell the metric stored from another, because its 'connection' has a Connection"
        stored = fp.metrics.Score("stored", lambda outputs, y: float(connection.total_changes))
        assert_refused(ValueError, words, trained, checkpoint=path, metrics=(stored,))


def test_y_of_another_shape_or_of_more_digits_is_another_run_for_the_metrics(path):
    y = Y[:, 0].astype(np.float32)
    trained((5, 3, 1), y=y, checkpoint=path, epochs=1)
    words = "whose shape of y is (203,) and not (203, 1), shape of validation y is (203,) and not (203, 1): give"
    assert_refused(ValueError, words, trained, (5, 3, 1), y=y[:, None], checkpoint=path, resume=True)
    history, _ = trained((5, 3, 1), y=y.astype(float), checkpoint=path, resume=True)  # whose training is the same
    assert history.epochs == EPOCHS
    options = {"checkpoint": path, "metrics": (lambda outputs, y: float(y.sum()),)}
    trained((5, 3, 1), y=y, epochs=1, **options)
    assert_refused(ValueError, "whose y is sha256", trained, (5, 3, 1), y=y.astype(float), resume=True, **options)


def test_a_refused_checkpoint_leaves_the_network_as_it_was(path):
    trained(checkpoint=path, epochs=1)
    network = fp.MLP((5, 20, 7, 3), output="identity", seed=1)
    before = network.parameters.copy()
    assert_refused(ValueError, "batch_size", fp.train, network, X, Y, epochs=1, checkpoint=path, resume=True)
    assert_same_bits([network.parameters], [before])


@pytest.mark.parametrize(
    "schedule", [fp.CosineDecay(), fp.OneCycle(), fp.Warmup(1, fp.CosineDecay(by="epoch"))], ids=str
)
def test_a_run_whose_rates_depend_on_its_end_cannot_be_made_longer(schedule, path):
    trained(checkpoint=path, epochs=3, schedule=schedule)
    words = "is the checkpoint of another run, whose epochs is 3 and not 9: give what it was given"
    assert_refused(ValueError, words, trained, checkpoint=path, resume=True, schedule=schedule)


def foreign(path):
    yield b""
    yield b"no archive"
    yield path.read_bytes()[:-30]
    yield path.read_bytes()[: path.stat().st_size // 2]
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    yield bytes(damaged)
    for save in (np.save, np.savez):
        with open(path, "wb") as file:
            save(file, X)
        yield path.read_bytes()
    with open(path, "wb") as file:
        np.savez(file, description=np.array([{}], object))
    yield path.read_bytes()


def test_a_damaged_or_foreign_file_is_refused(path):
    trained(checkpoint=path, epochs=1)
    for content in list(foreign(path)):
        path.write_bytes(content)
        words = "): name another file, or leave out resume to begin anew."
        for each in (f"{path} is no checkpoint or a damaged one (", words):
            assert_refused(ValueError, each, trained, checkpoint=path, resume=True)
        assert path.read_bytes() == content


@pytest.mark.slow
def test_a_file_with_a_wrong_bit_is_refused_or_gives_the_same_run(path):
    whole = trained(checkpoint=path, epochs=1)
    content, random_bits, messages = path.read_bytes(), random.Random(0), []
    for _ in range(150):
        damaged = bytearray(content)
        damaged[random_bits.randrange(len(damaged))] ^= 1 << random_bits.randrange(8)
        path.write_bytes(damaged)
        try:
            assert_same_run(trained(checkpoint=path, epochs=1, resume=True), whole)
        except ValueError as error:
            messages.append(str(error))
    assert len(messages) > 100
    assert all("is no checkpoint or a damaged one" in message for message in messages)


@pytest.mark.slow
def test_a_full_disk_ends_the_run_in_one_sentence_and_leaves_the_last_checkpoint(path):
    before = trained(checkpoint=path, epochs=2)
    script = f"""
import resource
import fastprop as fp
from tests.test_checkpoints import trained
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
try:
    trained(checkpoint=fp.Checkpoint({str(path)!r}, epochs=4), resume=True)
except OSError as error:
    print(error)
"""
    message = f"the checkpoint {path} cannot be written, {os.strerror(errno.EFBIG)}: make room or name another file"
    assert run_python(script).startswith(message)
    assert os.listdir(path.parent) == [path.name]
    assert_same_run(trained(checkpoint=path, resume=True, epochs=2), before)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"resume": True}, ValueError, "resume=True needs a checkpoint to go on from: give one, such as checkpoint="),
        ({"resume": 1}, TypeError, "resume must be True or False, not 1: give one"),
        ({"checkpoint": 3}, TypeError, "checkpoint must be a Checkpoint or a str or a PathLike, not 3: give one"),
        ({"checkpoint": "no/such/run"}, ValueError, "the file no/such/run cannot be written: make the folder"),
        (
            {"checkpoint": "run", "optimizer": fp.LBFGS(), "batch_size": 32},
            ValueError,
            "LBFGS writes no checkpoints: leave out checkpoint",
        ),
        (
            {"checkpoint": "run", "backend": "reference"},
            ValueError,
            "backend 'reference' writes no checkpoints: leave out checkpoint",
        ),
    ],
)
def test_what_cannot_be_kept_is_refused(options, error, words):
    assert_refused(error, words, trained, **options)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"path": 3}, TypeError, "path must be a str or a PathLike, not 3: give one"),
        ({"epochs": 0}, ValueError, "epochs must be at least 1, not 0: give a larger number"),
        ({"seconds": -1}, ValueError, "seconds must be at least 0 and finite, not -1: give a number"),
        ({"epochs": 1, "seconds": 1}, ValueError, "epochs=1 and seconds=1 exclude each other: give one of them"),
    ],
)
def test_a_checkpoint_is_refused_where_a_value_is_out_of_its_range(options, error, words):
    assert_refused(error, words, fp.Checkpoint, **{"path": "run"} | options)
