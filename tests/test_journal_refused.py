"""The journal of another sweep is refused by what differs; so are damaged journals and what is no file."""

import json
import os
import random

import numpy as np
import pytest

import fastprop as fp
from fastprop.sweeping.journal_header import PYTHON, Known, differences
from tests.compare import assert_refused
from tests.journals import LABELS, RANDOM, X, journal_path, sweep
from tests.results import assert_same_result

path = journal_path

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


def test_both_words_for_the_precision_of_float32_are_one_sweep(path):
    expected = sweep(journal=path)
    before = path.read_bytes()
    again = sweep(journal=path, precision="float32")
    assert path.read_bytes() == before
    np.testing.assert_array_equal(again.table["loss"], expected.table["loss"])


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
    numbers = X[:, 0] + 1e4

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


def test_a_score_that_is_no_code_of_python_is_the_same_in_each_version_of_it(path):
    options = {"y": np.eye(3)[LABELS], "network": fp.MLP((4, 6, 3), output="softmax")}
    options["score"] = fp.metrics.Score("similarity", np.vdot)
    result = sweep(journal=path, **options)
    header = json.loads(path.read_text().splitlines()[0])
    assert not any(PYTHON in str(each) for each in header.values())
    assert_same_result(sweep(journal=path, **options), result)
    others = options | {"score": "accuracy"}
    assert_refused(ValueError, "whose score is similarity and not", sweep, journal=path, **others)
    path.unlink()
    sweep(journal=path, score=lambda outputs, y: 1.0)
    assert PYTHON in path.read_text().splitlines()[0]


def test_a_long_difference_is_told_where_it_begins():
    sizes = [4, *range(100, 1000), 3]
    description = {"layer_sizes": Known(f"{sizes}"), "journal format": Known("2")}
    sizes[800] = 7
    message = differences(description, description | {"layer_sizes": Known(f"{sizes}")})
    assert ", 898, 899, 900, " in message
    assert ", 898, 7, 900, " in message
    assert len(message) < 320


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
        (os.devnull, ValueError, f"the file {os.devnull} cannot be written, it is no regular file: name another file."),
    ],
)
def test_what_is_no_file_is_refused(journal, error, words):
    assert_refused(error, words, sweep, journal=journal)
