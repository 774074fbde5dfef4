"""A sweep that was interrupted and goes on from its journal has the result of a sweep without interruption."""

import errno
import json
import multiprocessing
import os
import pkgutil
import random
import time

import numpy as np
import pytest

import fastprop as fp
from fastprop.files import locks
from fastprop.sweeping import fits
from fastprop.sweeping.journal import RECORDED, Journal
from fastprop.sweeping.journal_header import FORMAT, Known, differences
from fastprop.sweeping.outcomes import ConfigurationOutcome
from tests import killed
from tests.compare import assert_refused
from tests.marks import slow_except
from tests.processes import output_after_interrupt, run_python
from tests.results import assert_same_result

RANDOM = np.random.default_rng(0)
X, LABELS = RANDOM.normal(size=(90, 4)), RANDOM.integers(3, size=90)
RATES = {"learning_rate": np.geomspace(0.01, 3, 5), "seed": range(4)}

SWEEPS = {
    "validation": {},
    "no validation, float64": {"network": fp.MLP((4, 6, 3), output="softmax", dtype="float64"), "validation": None},
    "all kept": {"keep": "all"},
    "diverging": {"grid": {"learning_rate": [0.1, 1e30, 0.2]}, "optimizer": fp.SGD(momentum=0.9)},
    "folds": {"cv": 3, "validation": None, "keep": 2},
    "one fold": {"cv": [(np.arange(60), np.arange(60, 90))], "validation": None},
    "halving": {"halving": 2, "optimizer": fp.Adam(), "keep": 3, "schedule": fp.CosineDecay()},
    "halving folds": {"halving": 3, "cv": 2, "validation": None, "standardize": True},
    "median, best weights": {"halving": fp.MedianStopping(2), "early_stopping": fp.EarlyStopping(1, 0.01)},
    "halving on the reference": {"halving": 3, "backend": "reference", "grid": {"seed": range(6)}},
    "shapes": {"grid": {"layer_sizes": [(4, 3), (4, 9, 3)], "learning_rate": [0.1, 0.5, 1.0]}, "score": "log_loss"},
    "losses": {"grid": {"loss": ["mse", "cross_entropy"], "batch_size": [8, 64]}, "standardize": True},
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.jsonl"


def sweep(network=(4, 6, 3), grid=RATES, X=X, y=LABELS, **options):
    return fp.sweep(network, X, y, grid, **{"epochs": 9, "validation": 0.2} | options)


@pytest.fixture
def trained(monkeypatch):
    """The configurations that are trained, and until which epoch."""
    seen, call = [], fits.PackRun.__call__

    def seen_call(run):
        job, outcomes = call(run)
        seen.extend((fit.index, job.until) for fit in job.fits)
        return job, outcomes

    monkeypatch.setattr(fits.PackRun, "__call__", seen_call)
    return seen


# ---- the same bits ----


@pytest.mark.parametrize("options", SWEEPS.values(), ids=SWEEPS)
def test_a_sweep_that_goes_on_is_the_unbroken_one(options, path, trained):
    whole = sweep(**options)
    first = sweep(journal=path, threads=1, **options)
    assert_same_result(first, whole)
    content, cuts = path.read_bytes(), random.Random(0)
    ends = [offset + 1 for offset, byte in enumerate(content) if byte == ord("\n")]
    for cut in [0, ends[0] // 2, ends[0], ends[1] - 1, *(cuts.randrange(len(content)) for _ in range(4)), ends[-2]]:
        path.write_bytes(content[:cut])
        lines = content[:cut].splitlines(keepends=True)[1:]
        recorded = {
            (entry["configuration"], entry["rung"])
            for entry in map(json.loads, lines[: -1 if cut not in ends else None])
        }
        trained.clear()
        assert_same_result(sweep(journal=path, threads=2, **options), whole)
        again = {(index, epochs) for index, epochs in trained if epochs is not None}
        assert again.isdisjoint(recorded)
        assert len(path.read_bytes().splitlines()) == len(ends)


def test_what_is_recorded_is_not_trained_again(path, trained):
    first = sweep(journal=path)
    trained.clear()
    again = sweep(journal=path)
    assert trained == []
    assert_same_result(again, first)
    np.testing.assert_array_equal(again.table["seconds"], first.table["seconds"])


def test_lines_are_whole_and_say_what_came_of_what(path):
    result = sweep(journal=path)
    header, *lines = map(json.loads, path.read_text().splitlines())
    assert header["fastprop sweep"]["fastprop"] == fp.__version__
    assert sorted(line["configuration"] for line in lines) == list(range(20))
    for line in lines:
        row = result.table[line["configuration"]]
        assert line["hyperparameters"] == {"learning_rate": row["learning_rate"], "seed": row["seed"]}
        assert line["history"] == result.history[line["configuration"]].tolist()
        for name in ("score", "loss", "validation_loss", "epochs", "stopped", "seconds"):
            assert line[name] == row[name]


FIELDS = {
    2: [
        *("configuration", "rung", "hyperparameters", "score", "score_std", "loss", "validation_loss", "epochs"),
        *("stopped", "seconds", "history", "network", "crc32"),
    ],
    3: [
        *("configuration", "rung", "hyperparameters", "score", "score_std", "loss", "validation_loss", "epochs"),
        *("final_epochs", "stopped", "seconds", "history", "network", "crc32"),
    ],
    4: [
        *("configuration", "rung", "hyperparameters", "score", "score_std", "loss", "validation_loss", "epochs"),
        *("final_epochs", "stopped", "seconds", "fold_scores", "fold_seconds", "history", "network", "crc32"),
    ],
}
"""By the journal's format, the fields of a line in their order. Add new formats, and never change an old one."""


def test_the_fields_of_a_line_are_those_of_the_format(path):
    assert ConfigurationOutcome._fields == RECORDED, "add the field to RECORDED, and raise FORMAT"
    sweep(journal=path, keep="all")
    for line in path.read_text().splitlines()[1:]:
        assert list(json.loads(line)) == FIELDS[FORMAT]


def test_a_journal_of_another_format_is_refused(path, monkeypatch):
    sweep(journal=path)
    monkeypatch.setattr("fastprop.sweeping.journal_header.FORMAT", FORMAT + 1)
    assert_refused(
        ValueError, f"another sweep, whose journal format is {FORMAT} and not {FORMAT + 1}: give", sweep, journal=path
    )


@pytest.mark.parametrize("keep", [0, 1, 4, "all"])
@pytest.mark.parametrize("options", [{}, {"halving": 2}, {"cv": 2, "validation": None}], ids=str)
def test_more_or_fewer_networks_may_be_kept_than_before(options, keep, path):
    sweep(journal=path, keep=2, **options)
    assert_same_result(sweep(journal=path, keep=keep, **options), sweep(keep=keep, **options))


def test_only_the_networks_that_are_missing_are_trained_again(path, trained):
    sweep(journal=path, keep=3)
    trained.clear()
    kept = sweep(journal=path, keep=5).networks
    assert {index for index, _ in trained} < set(kept)
    assert len(trained) <= 2


# ---- killed ----


@pytest.mark.slow
def test_a_sweep_that_is_killed_at_any_time_goes_on(path):
    waits = random.Random(0)
    for attempt in range(5):
        killed.kill("sweep", path, wait=waits.uniform(0, 0.2), threads=1 + attempt % 3)
    assert_same_result(killed.sweep(path), killed.sweep())


@pytest.mark.slow
def test_after_ctrl_c_what_was_interrupted_is_trained_again(path):
    script = f"""
import fastprop as fp
from tests.processes import ONE_DONE, say_go
X, y = fp.datasets.digits()
sweep = lambda **options: fp.sweep((64, 16, 10), X, y, {{"seed": range(400)}}, epochs=40, **options)
say_go(ONE_DONE)
print(sweep(journal={str(path)!r}, progress=True).done)
"""
    assert int(output_after_interrupt(script)) < 400
    lines = path.read_text().splitlines()
    assert not any('"interrupted"' in line for line in lines)
    X, y = fp.datasets.digits()
    whole, again = (fp.sweep((64, 16, 10), X, y, {"seed": range(400)}, epochs=40, journal=j) for j in (None, path))
    assert_same_result(again, whole)


class Stateful:
    """A score whose state does not count, as its way of being pickled says."""

    def __init__(self, call):
        self.call = call

    def __call__(self, outputs, y):
        return self.call()

    def __reduce__(self):
        return Stateful, ()


def test_a_score_that_is_none_loses_nothing_that_was_settled(path, trained):
    left = [None, 3.0, 2.0, 1.0]
    score = Stateful(left.pop)
    grid = {"learning_rate": [0.1, 0.2, 0.3, 0.4], "layer_sizes": [(4, 600, 3)]}
    with pytest.raises(ValueError, match=r"score 'score' returned None .* at configuration 3 \(learning_rate=0.4"):
        sweep(grid=grid, score=score, journal=path, threads=1, epochs=1)
    trained.clear()
    left.append(4.0)
    assert sweep(grid=grid, score=score, journal=path, threads=1, epochs=1).table["score"].tolist() == [1, 2, 3, 4]
    assert trained == [(3, 1)]


# ---- refused ----

OTHERS = {
    "layer_sizes is (4, 6, 3) and not (4, 7, 3)": {"network": (4, 7, 3)},
    "first weights differ": {"network": fp.MLP((4, 6, 3), output="softmax", seed=5)},
    "epochs is 9 and not 8": {"epochs": 8},
    "batch_size is 32 and not 16": {"batch_size": 16},
    "optimizer is SGD(": {"optimizer": fp.SGD(momentum=0.5)},
    "schedule is None and not CosineDecay(": {"schedule": fp.CosineDecay()},
    "dropout is 0.0 and not 0.5": {"dropout": 0.5},
    "early_stopping is None and not EarlyStopping(": {"early_stopping": fp.EarlyStopping()},
    "whose X differs: give": {"X": X + 1},
    "whose X is (90, 4) float32 and not (80, 4) float32, y is (90,) int64 and not (80,) int64, split of the rows is": {
        "X": X[:80],
        "y": LABELS[:80],
    },
    "whose y differs: give": {"y": np.roll(LABELS, 1)},
    "split of the rows is 72 to train on, 18 held out and not 63 to train on, 27 held out: give": {"validation": 0.3},
    "validation X is none and not (5, 4) float32, validation y is none": {"validation": (X[:5], LABELS[:5])},
    "split of the rows is 72 to train on, 18 held out and not 2 folds": {"validation": None, "cv": 2},
    "standardize is False and not True": {"standardize": True},
    "score is accuracy and not log_loss: give": {"score": "log_loss"},
    "class_weight='balanced' is False and not True: give": {"class_weight": "balanced"},
    "seed is 0 and not 1": {"seed": 1},
    "shuffle is True and not False": {"shuffle": False},
    "backend is kernels and not reference": {"backend": "reference"},
    "whose sample weights are none and not (90,) float64: give": {"sample_weight": np.linspace(1, 2, 90)},
}


@pytest.mark.parametrize(("words", "other"), OTHERS.items(), ids=OTHERS)
def test_the_journal_of_another_sweep_is_refused(words, other, path):
    sweep(journal=path)
    before = path.read_bytes()
    for part in (f"{path} is the journal of another sweep, whose ", words):
        assert_refused(ValueError, part, sweep, journal=path, **other)
    assert path.read_bytes() == before


def test_data_that_differ_are_named_by_what_differs(path):
    held_out = RANDOM.normal(size=(20, 4)), RANDOM.integers(3, size=20)
    sweep(journal=path, validation=held_out, sample_weight=np.linspace(1, 2, 90))
    for words, other in {
        "whose validation X differs: give": {"validation": (held_out[0] + 1, held_out[1])},
        "whose validation y differs: give": {"validation": (held_out[0], np.roll(held_out[1], 1))},
        "whose sample weights differ: give": {"sample_weight": np.linspace(1, 3, 90)},
    }.items():
        options = {"validation": held_out, "sample_weight": np.linspace(1, 2, 90)} | other
        assert_refused(ValueError, words, sweep, journal=path, **options)


def test_y_is_other_data_where_a_score_gets_it_in_another_shape_or_with_other_digits(path):
    numbers = X[:, 0] + 1e6

    def dimensions(outputs, y):
        return float(y.ndim)

    def distance(outputs, y):
        return -float(np.abs(y - numbers.max()).max())

    for score, y, other, words in (
        (dimensions, LABELS, LABELS[:, None], "y is (90,) int64 and not (90, 1) int64"),
        (distance, numbers, numbers + 1e-6, "y differs"),  # the same numbers in float32
        ("r2", numbers, numbers + 1e-6, "y differs"),
    ):
        network = fp.MLP((4, 6, 1 if y is numbers else 3), output="identity" if y is numbers else "softmax")
        path.unlink(missing_ok=True)
        sweep(network, y=y, score=score, journal=path, epochs=1)
        assert_refused(
            ValueError,
            f"another sweep, whose {words}: give",
            sweep,
            network,
            y=other,
            score=score,
            journal=path,
            epochs=1,
        )


def test_the_journal_of_another_version_is_refused(path, monkeypatch):
    sweep(journal=path)
    monkeypatch.setattr("fastprop.sweeping.journal_header.__version__", "0.0.9")
    words = f"whose fastprop is {fp.__version__} and not 0.0.9: give what it was given"
    assert_refused(ValueError, words, sweep, journal=path)


def test_a_long_difference_is_told_where_it_begins():
    sizes = [4, *range(100, 1000), 3]
    description = {"layer_sizes": Known(f"{sizes}"), "journal format": Known("2")}
    sizes[800] = 7
    message = differences(description, description | {"layer_sizes": Known(f"{sizes}")})
    assert ", 898, 899, 900, " in message
    assert ", 898, 7, 900, " in message
    assert len(message) < 320


# ---- other configurations ----

GRIDS = {
    "a fourth rate": {"learning_rate": [0.1, 0.3, 0.5, 0.7], "seed": [0, 1]},
    "fewer rates": {"learning_rate": [0.3], "seed": [0, 1]},
    "another order": {"seed": [1, 0], "learning_rate": [0.5, 0.1, 0.3]},
    "other rates": {"learning_rate": [0.2, 0.4]},
    "a list": [{"learning_rate": 0.3, "seed": 1}, {"learning_rate": 0.7, "seed": 1}, {"learning_rate": 0.3, "seed": 1}],
    "another hyperparameter": {"learning_rate": [0.1, 0.3, 0.5], "seed": [0, 1], "momentum": [0.0, 0.9]},
    "another loss": {"learning_rate": [0.1, 0.3, 0.5], "seed": [0, 1], "loss": ["cross_entropy", "mse"]},
}


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_configurations_that_are_recorded_are_taken_over_by_another_grid(grid, path, trained):
    first = {"learning_rate": [0.1, 0.3, 0.5], "seed": [0, 1]}
    sweep(grid=first, journal=path, keep="all")
    trained.clear()
    result = sweep(grid=grid, journal=path, keep="all")
    recorded = set()
    if result.hyperparameters == ["learning_rate", "seed"]:
        pairs = [(row["learning_rate"], row["seed"]) for row in result.table]
        recorded = {pairs.index(pair) for pair in pairs if pair[0] in first["learning_rate"]}  # the first of equal ones
    assert sorted(index for index, _ in trained) == [k for k in range(len(result.table)) if k not in recorded]
    assert_same_result(result, sweep(grid=grid, keep="all"))


@pytest.mark.parametrize("options", [{"halving": 2}, {"cv": 2, "validation": None}], ids=str)
def test_a_longer_grid_has_the_right_result_with_halving_and_folds(options, path):
    sweep(grid={"learning_rate": [0.1, 0.3, 0.5], "seed": [0, 1]}, journal=path, **options)
    longer = {"learning_rate": [0.1, 0.3, 0.5, 0.7], "seed": [0, 1, 2]}
    assert_same_result(sweep(grid=longer, journal=path, **options), sweep(grid=longer, **options))


def test_arrays_in_a_grid_are_told_apart(path, trained):
    weights = [np.zeros((4, 600)), RANDOM.normal(size=(600, 3))]
    others = [weights[0], weights[1].copy()]
    others[1][300, 1] += 1
    sweep((4, 600, 3), [{"initialization": weights}], journal=path)
    trained.clear()
    result = sweep((4, 600, 3), [{"initialization": others}, {"initialization": weights}], journal=path)
    assert [index for index, _ in trained][:1] == [0]
    assert_same_result(result, sweep((4, 600, 3), [{"initialization": others}, {"initialization": weights}]))


def test_a_sweep_may_be_halved_after_it_was_recorded_whole(path):
    sweep(journal=path)
    assert_same_result(sweep(journal=path, halving=3), sweep(halving=3))
    assert_same_result(sweep(journal=path, halving=fp.MedianStopping(2)), sweep(halving=fp.MedianStopping(2)))


VALUES = {
    "quotes and newlines": ('a "quoted"\nname', "it's \\ and \u2028 \ud800", "tab\t\x00"),
    "large": (2**62, -(2**62), 10**30),
    "floats": (1e-320, np.inf, -np.inf, np.nan, -0.0, 0.1 + 0.2),
    "of NumPy": (np.float32(0.1), np.int64(7), np.float64(1e300)),
    "others": (None, True, (64, np.int64(32), 10), fp.SGD(0.1), [np.zeros((2, 2))]),
}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_values_of_any_kind_are_found_again(values, path):
    losses = {"loss": -np.inf, "validation_loss": np.nan, "history": np.array([np.nan, np.inf])}
    epochs = {
        "epochs": 2,
        "final_epochs": 1,
        "stopped": "early",
        "seconds": 0.1,
        "fold_scores": (0.5,),
        "fold_seconds": (0.1,),
    }
    row = ConfigurationOutcome(score=np.nan, score_std=np.inf, **losses, **epochs)
    about = {"journal format": Known("2")}
    with Journal(path, about) as journal:
        for index, value in enumerate(values):
            journal.add(index, 2, {"loss": value}, row._replace(seconds=float(index)), None)
        journal.flush()
    with Journal(path, about) as journal:
        for index, value in enumerate(values):
            found, network = journal.take({"loss": value}, 2)
            assert network is None
            assert found.seconds == index
            assert repr(found[:-1]) == repr(row._replace(seconds=float(index))[:-1])
            np.testing.assert_array_equal(found.history, row.history)
            assert journal.take({"loss": value}, 2) is None


@pytest.mark.filterwarnings("ignore:score 'Stateful' returned|score 'score' returned")
def test_a_score_that_is_nan_or_infinite_is_recorded(path, trained):
    measured = iter([np.nan, np.inf, -np.inf, 1e308])
    grid = {"learning_rate": [0.1, 0.2, 0.3, 0.4]}
    score = Stateful(lambda: next(measured))
    with pytest.warns(RuntimeWarning, match=r"score 'score' returned inf, which is not finite, .* at configuration 1 "):
        first = sweep(grid=grid, score=score, journal=path, threads=1)
    trained.clear()
    again = sweep(grid=grid, score=score, journal=path, threads=1)
    assert not [each for each in trained if each[1] is not None]
    assert_same_result(again, first)


@pytest.mark.parametrize(
    "content", [b"\n", b"no journal", b"a,b\n1,2\n", b"{}\n", b'{"fastprop sweep": {}}\n', bytes(99)]
)
def test_a_foreign_file_is_refused_and_left_as_it_is(content, path):
    path.write_bytes(content)
    assert_refused(ValueError, f"{path} is no journal of a sweep: name another file.", sweep, journal=path)
    assert path.read_bytes() == content


def test_a_damaged_line_in_the_middle_is_refused(path):
    sweep(journal=path)
    content, chances = path.read_bytes(), random.Random(0)
    ends = [offset + 1 for offset, byte in enumerate(content) if byte == ord("\n")]
    for _ in range(30):
        offset = chances.randrange(ends[0], ends[-2])
        damaged = bytearray(content)
        damaged[offset] ^= 1 << chances.randrange(8)
        path.write_bytes(damaged)
        line = 1 + sum(end <= offset for end in ends)
        words = f"the journal {path} is damaged in line {line}: delete this line"
        assert_refused(ValueError, words, sweep, journal=path)
        assert path.read_bytes() == damaged


def test_a_line_may_be_taken_out(path):
    whole = sweep(journal=path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:7] + lines[8:]))
    assert_same_result(sweep(journal=path), whole)


@pytest.mark.parametrize(
    ("journal", "error", "words"),
    [
        (3, TypeError, "journal must be a str or a PathLike, not 3: give one, such as 'runs.jsonl'"),
        ("no/such/runs.jsonl", ValueError, "the file no/such/runs.jsonl cannot be written: make the folder"),
        (os.curdir, ValueError, "the file . cannot be written, because it is a folder: name a file in it."),
        (os.devnull, ValueError, f"the journal {os.devnull} is no file that can be read again: name a file on a disk."),
    ],
)
def test_what_is_no_file_is_refused(journal, error, words):
    assert_refused(error, words, sweep, journal=journal)


# ---- a full disk, and another sweep ----

FULL = """
import resource
import threading
from tests.test_journal import RATES, sweep
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    sweep(journal={path!r}, epochs=200)
except OSError as error:
    print(error)
print(sum(type(thread) is threading.Thread for thread in threading.enumerate()))
"""


@pytest.mark.slow
@pytest.mark.parametrize("limit", [100, 20_000, 60_000])
def test_a_full_disk_ends_the_sweep_in_one_sentence_and_what_was_recorded_stays(limit, path, trained):
    message, running = run_python(FULL.format(limit=limit, path=str(path))).splitlines()
    assert message == (
        f"the journal {path} cannot be written, {os.strerror(errno.EFBIG)}: make room or name another file; "
        "what was recorded before is as it was."
    )
    assert running == "0"
    lines = path.read_bytes().count(b"\n")
    assert lines == 0 if limit == 100 else lines > 2
    assert_same_result(sweep(journal=path, epochs=200), sweep(epochs=200))
    assert len(trained) == 40 - max(0, lines - 1)


def test_two_sweeps_at_once_are_refused(path):
    words = f"the journal {path} is that of a sweep which is running: wait for its end, or name another file."

    def score(outputs, labels):
        assert_refused(BlockingIOError, words, sweep, score=score, journal=path)
        return 1.0

    sweep(score=score, grid={"seed": [0]}, journal=path)
    sweep(score=lambda outputs, labels: 1.0, grid={"seed": [1]}, journal=path.with_name("other"))


@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="no process is forked here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_does_not_hold_the_journal(path):
    fork, children = multiprocessing.get_context("fork"), []

    @Stateful
    def score():
        children.append(fork.Process(target=time.sleep, args=(60,)))
        children[-1].start()
        return 1.0

    try:
        for _ in range(2):
            path.unlink(missing_ok=True)
            sweep(score=score, grid={"seed": [0]}, journal=path)
            sweep(score=score, grid={"seed": [0]}, journal=path)
    finally:
        for child in children:
            child.kill()
            child.join()


def test_a_forked_process_that_has_not_closed_the_journal_yet_does_not_hold_it(path):
    held = []

    @Stateful
    def score():
        held.extend(map(os.dup, locks._LOCKED))  # as a process has it that was just forked
        return 1.0

    for _ in range(2):
        sweep(score=score, grid={"seed": [0]}, journal=path)
    os.close(*held)


# ---- a search ----

SPACE = {"learning_rate": fp.loguniform(1e-3, 1), "layer_sizes": [(4, 3), (4, fp.integers(5, 9), 3)]}


def new_study(path=None, seed=0, **options):
    """Return a study, which is kept beside the journal at `path` if there is one."""
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if path is not None:
        options |= {"storage": f"sqlite:///{path.with_suffix('.db')}", "study_name": "a", "load_if_exists": True}
    return optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed), **options)


def searched(path, study, **options):
    options = {"grid": SPACE, "samples": 24, "search": fp.OptunaSearch(study, at_once=8)} | options
    return sweep(journal=path, **options)


def states(study):
    return [trial.state.name for trial in study.trials]


def assert_told(study, result):
    """Fail unless each row is that of a trial of the study, by its parameters and by its result."""
    told = {trial.params["learning_rate"]: trial for trial in study.trials if trial.state.name != "FAIL"}
    assert len(result.table) == len(told)
    for row in result.table:
        trial = told[row["learning_rate"]]
        assert trial.state.name == {"finished": "COMPLETE", "halved": "PRUNED"}[row["stopped"]]
        if trial.state.name == "COMPLETE":
            assert trial.value == row["validation_loss"]
    assert "RUNNING" not in states(study)


def test_a_search_that_goes_on_asks_for_the_same_again(path, trained):
    whole = searched(path, new_study())
    lines = path.read_bytes().splitlines(keepends=True)
    outcomes = [b'"history"' in line for line in lines]
    path.write_bytes(b"".join(line for line, kept in zip(lines, outcomes) if not kept or sum(outcomes[:14])))
    path.write_bytes(b"".join(lines[:22]))  # the header, the study, 8 trials and outcomes of them, and more
    recorded = sum(outcomes[:22])
    trained.clear()
    assert_same_result(searched(path, new_study()), whole)
    assert len(trained) == 24 - recorded
    other = searched(path, new_study(seed=1))
    assert_same_result(other, searched(path.with_name("other"), new_study(seed=1)))


class Killed(BaseException):
    pass


@pytest.mark.parametrize("options", slow_except([{}, {"halving": 2}], [{}]), ids=str)
@pytest.mark.parametrize("moment", slow_except(["training", "telling", "asking"], ["training"]))
def test_a_study_of_a_killed_sweep_goes_on_by_the_same_call(moment, options, path, monkeypatch):
    study, calls = new_study(path), []

    def killed(*arguments):
        calls.append(arguments)
        if len(calls) == (11 if moment == "asking" else 2):
            raise Killed
        return original(*arguments)

    owner, name = {
        "training": ("fastprop.sweeping.halving_runner.HalvingRunner", "train"),
        "telling": ("fastprop.sweeping.search._Filling", "_tell"),
        "asking": ("fastprop.integrations.optuna_search", "suggested"),
    }[moment]
    with monkeypatch.context() as patch:
        if moment != "telling":  # a process that is killed tells nothing
            patch.setattr("fastprop.sweeping.search._Filling._tell", lambda *arguments: None)
            patch.setattr("fastprop.integrations.optuna_search.Study.fail", lambda *arguments: None)
        original = getattr(pkgutil.resolve_name(owner), name)
        patch.setattr(f"{owner}.{name}", killed)
        with pytest.raises(Killed):
            searched(path, study, **options)
    begun = len(study.trials)
    assert "RUNNING" in states(study)
    result = searched(path, new_study(path, seed=1), **options)
    assert_told(study, result)
    assert len(result.table) == 24
    assert len(study.trials) == 24 + (moment == "asking")
    for trial, row in zip(study.trials[: begun - 1], result.table):
        assert trial.params["learning_rate"] == row["learning_rate"]
    again = searched(path, new_study(path, seed=1), **options)  # all is recorded
    assert_same_result(again, result)
    assert len(study.trials) == 24 + (moment == "asking")


def test_more_or_fewer_samples_may_be_asked_for_than_before(path):
    study = new_study(path)
    first = searched(path, study, samples=12)
    more = searched(path, study, samples=20)
    np.testing.assert_array_equal(more.history[:12], first.history)
    fewer = searched(path, study, samples=5)
    np.testing.assert_array_equal(fewer.history, first.history[:5])
    assert states(study) == ["COMPLETE"] * 20


def test_trials_that_others_run_are_left_alone(path):
    study = new_study(path)
    mine, theirs = study.ask(), study.ask()
    result = searched(path, study, samples=10)
    again = searched(path, study, samples=12)
    np.testing.assert_array_equal(again.history[:10], result.history)
    assert states(study) == ["RUNNING"] * 2 + ["COMPLETE"] * 12
    study.tell(mine, 1.0)
    study.tell(theirs, 2.0)


def test_the_journal_of_a_search_of_another_space_is_refused(path):
    searched(path, new_study(path), samples=2)
    other = SPACE | {"learning_rate": fp.loguniform(1e-3, 10)}
    words = "grid['learning_rate'] is loguniform(low=0.001, high=1.0) and not loguniform(low=0.001, high=10.0): give"
    assert_refused(ValueError, words, searched, path, new_study(path), grid=other, samples=2)


@pytest.mark.slow
def test_a_study_of_a_sweep_that_is_killed_at_any_time_goes_on(path):
    waits = random.Random(0)
    for attempt in range(6):
        killed.kill("search", path, wait=waits.uniform(0, 0.6), threads=1 + attempt % 3)
    study = new_study(path)
    result = killed.search(path)
    assert len(result.table) == 40
    assert_told(study, result)


@pytest.mark.slow
@pytest.mark.parametrize("stored", [False, True])
def test_a_study_of_a_sweep_that_was_interrupted_goes_on(path, stored):
    script = f"""
from pathlib import Path
import fastprop as fp
from tests.processes import say_go
from tests.test_journal import new_study, states
X, y = fp.datasets.digits()
path = Path({str(path)!r})
study = new_study(path if {stored} else None)
grid = {{"learning_rate": fp.loguniform(1e-3, 1)}}
options = {{"search": fp.OptunaSearch(study, at_once=4), "samples": 12, "validation": 0.2, "journal": path}}
say_go(ready=lambda: len(study.trials) == 8)
first = fp.sweep((64, 32, 10), X, y, grid, epochs=1500, **options)
print((first.table["stopped"] == "finished").sum() < 8, "RUNNING" in states(study))
again = fp.sweep((64, 32, 10), X, y, grid, epochs=1500, **options)
print(len(again.table), set(again.table["stopped"]), states(study).count("COMPLETE"), "RUNNING" in states(study))
print(again.table["learning_rate"][:8].tolist() == first.table["learning_rate"].tolist())
values = {{trial.params["learning_rate"]: trial.value for trial in study.trials if trial.state.name == "COMPLETE"}}
print([values[rate] for rate in again.table["learning_rate"]] == again.table["validation_loss"].tolist())
"""
    lines = output_after_interrupt(script).splitlines()
    assert lines == ["True False", "12 {np.str_('finished')} 12 False", "True", "True"]
