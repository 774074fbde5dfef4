"""A sweep that was interrupted and goes on from its journal has the result of a sweep without interruption."""

import contextlib
import errno
import json
import multiprocessing
import os
import random
import resource
import time

import numpy as np
import pytest

import fastprop as fp
from fastprop.files import locks
from fastprop.sweeping import journal_file
from fastprop.sweeping.configuration_outcomes import ConfigurationOutcome
from fastprop.sweeping.journal import RECORDED
from fastprop.sweeping.journal_header import FORMAT
from tests import killed
from tests.compare import assert_refused
from tests.journals import Stateful, journal_path, sweep, trained_fits
from tests.marks import slow_except
from tests.processes import output_after_interrupt, run_python
from tests.results import assert_same_result

path = journal_path
trained = trained_fits

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


# ---- the same bits ----


@pytest.mark.parametrize("options", slow_except(SWEEPS.values(), [SWEEPS["halving"]]), ids=SWEEPS)
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
    recorded = tuple(name for name in ConfigurationOutcome._fields if name != "fold_notes")
    assert recorded == RECORDED, "add the field to RECORDED, and raise FORMAT"
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


def test_a_score_that_is_none_loses_nothing_that_was_settled(path, trained):
    left = [None, 3.0, 2.0, 1.0]
    score = Stateful(left.pop)
    grid = {"learning_rate": [0.1, 0.2, 0.3, 0.4], "layer_sizes": [(4, 1200, 3)]}  # too large for a pack
    with pytest.raises(ValueError, match=r"score 'score' returned None .* at configuration 3 \(learning_rate=0.4"):
        sweep(grid=grid, score=score, journal=path, threads=1, epochs=1)
    trained.clear()
    left.append(4.0)
    assert sweep(grid=grid, score=score, journal=path, threads=1, epochs=1).table["score"].tolist() == [1, 2, 3, 4]
    assert trained == [(3, 1)]


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


# ---- a full disk, and another sweep ----

FULL = """
import resource
import threading
from tests.journals import RATES, sweep
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


def test_a_line_that_the_disk_has_no_room_for_is_written_whole_by_the_next_call(path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    file = journal_file.JournalFile(path)
    with contextlib.closing(file):
        file.read({"begins": "here"}, None, None)
        first = path.read_bytes()
        for number in range(3):
            file.append({"number": number, "text": "a" * 100})
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(first) + 200, limits[1]))  # within the second of the three
        try:
            with pytest.raises(OSError, match=f"the journal {path} cannot be written, File too large: make room or"):
                file.write()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        file.write()
    lines = path.read_bytes().removeprefix(first).splitlines()
    assert [json.loads(line)["number"] for line in lines] == [0, 1, 2]


def test_a_journal_whose_folder_has_gone_is_told(tmp_path):
    words = f"the journal {tmp_path / 'gone' / 'runs'} cannot be written, No such file or directory: make room or name"
    assert_refused(OSError, words, journal_file.JournalFile, tmp_path / "gone" / "runs")


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


def test_a_score_that_weighs_rows_is_another_one(path):
    score = fp.metrics.SCORES["accuracy"].weighted()
    options = {"journal": path, "epochs": 1, "sample_weight": np.linspace(1, 2, 90)}
    result = sweep(score=score, **options)
    assert_same_result(sweep(score=score, **options), result)
    assert_refused(ValueError, "weights of rows in the score", sweep, score="accuracy", **options)
