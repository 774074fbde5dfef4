"""Properties of grids, journals, encodings and tables, on random examples, the same ones each time."""

import itertools
import json
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastprop as fp
from fastprop.tabular.encoder import Encoder
from tests.journals import sweep
from tests.random_runs import fuzz
from tests.results import assert_same_result

pytestmark = pytest.mark.slow

# ---- grids and spaces ----

VALUES = {
    "learning_rate": [0.0, 0.01, 0.1, 0.3],
    "momentum": [0.0, 0.5, 0.9],
    "batch_size": [4, 7, 100],
    "seed": [0, 1, 5],
    "hidden": ["tanh", "relu"],
}

GRIDS = st.dictionaries(st.sampled_from(sorted(VALUES)), st.none(), min_size=1, max_size=3).flatmap(
    lambda names: st.fixed_dictionaries(
        {name: st.lists(st.sampled_from(VALUES[name]), min_size=1, max_size=3, unique=True) for name in names}
    )
)


@fuzz(20)
@given(GRIDS)
def test_a_grid_is_the_product_of_its_values_in_their_order(grid):
    table = sweep(grid=grid).table
    expected = list(itertools.product(*grid.values()))
    assert list(zip(*(table[name].tolist() for name in grid))) == expected


SPACES = {
    "learning_rate": st.builds(fp.loguniform, st.sampled_from([1e-4, 1e-2]), st.sampled_from([0.1, 1.0])),
    "momentum": st.builds(fp.uniform, st.sampled_from([0.0, 0.2]), st.sampled_from([0.3, 0.9])),
    "batch_size": st.builds(fp.integers, st.sampled_from([1, 3]), st.sampled_from([4, 64])),
}


@fuzz(20)
@given(st.fixed_dictionaries({}, optional=SPACES).filter(bool), st.integers(1, 9))
def test_samples_are_within_their_distributions_and_the_same_each_time(space, samples):
    table = sweep(grid=space, samples=samples).table
    assert len(table) == samples
    for name, distribution in space.items():
        assert (table[name] >= distribution.low).all()
        assert (table[name] <= distribution.high).all()
        np.testing.assert_array_equal(table[name], sweep(grid=space, samples=samples).table[name])


# ---- journals ----

OPTIONS = st.sampled_from([{}, {"halving": 2}, {"halving": 3, "cv": 2, "validation": None}, {"validation": None}])


@fuzz(25)
@given(GRIDS, OPTIONS, st.lists(st.floats(0, 1), min_size=1, max_size=3))
def test_any_cut_of_a_journal_resumes_to_the_same_result(tmp_path_factory, grid, options, cuts):
    path = tmp_path_factory.mktemp("journal") / "sweep.jsonl"
    whole = sweep(grid=grid, **options)
    assert_same_result(sweep(grid=grid, journal=path, **options), whole)
    for cut in cuts:
        content = path.read_bytes()
        path.write_bytes(content[: round(cut * len(content))])
        assert_same_result(sweep(grid=grid, journal=path, **options), whole)


# ---- encodings ----

LETTERS = st.text("abcäß ,;'\"|", max_size=6).map(lambda text: f"w{text}w")
NUMBERS = st.floats(-1e9, 1e9, allow_nan=False).map(lambda number: round(number, 3)) | st.sampled_from(
    [0.1, 1e-7, 1e15]
)
CELLS = {"words": LETTERS, "numbers": NUMBERS, "bools": st.booleans()}


@st.composite
def frames(draw, missing=True):
    """Draw a data frame of 3 to 12 rows and up to four columns, in each of which some cell is there."""
    rows = draw(st.integers(3, 12))
    frame = {}
    for index in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(sorted(CELLS)))
        levels = draw(st.lists(CELLS[kind], min_size=1, max_size=3, unique=True))
        column = [levels[0], *draw(st.lists(st.sampled_from(levels), min_size=rows - 1, max_size=rows - 1))]
        if missing and kind != "bools":
            gaps = draw(st.sets(st.integers(1, rows - 1)))
            column = [None if row in gaps else cell for row, cell in enumerate(column)]
        frame[f"{kind} {index}"] = pd.Series(
            column, dtype={"words": "str", "numbers": "float64", "bools": "bool"}[kind]
        )
    return pd.DataFrame(frame)


@fuzz(100)
@given(frames())
def test_an_encoding_is_restored_and_gives_each_cell_back(frame):
    encoder = Encoder.fit(frame, categorical=[name for name in frame if name.startswith("words")])
    assert Encoder.restored(json.loads(json.dumps(encoder.about))) == encoder
    X = encoder.transform(frame, np.float64)
    assert np.isfinite(X).all()
    features = dict(zip(encoder.feature_names, X.T))
    for name, column in frame.items():
        is_missing = column.isna().to_numpy()
        if is_missing.any():
            np.testing.assert_array_equal(features[f"{name} is missing"], is_missing)
        for row in np.flatnonzero(~is_missing):
            if name.startswith("words"):
                assert features[f"{name}={column[row]}"][row] == 1
                assert sum(features[each][row] for each in features if each.startswith(f"{name}=")) == 1
            else:
                assert features[name][row] == column[row]


@fuzz(100)
@given(frames(), st.data())
def test_rows_are_encoded_each_by_itself(frame, data):
    encoder = Encoder.fit(frame)
    rows = data.draw(st.lists(st.sampled_from(range(len(frame))), min_size=1))
    some = encoder.transform(frame.iloc[rows], np.float64)
    np.testing.assert_array_equal(some, encoder.transform(frame, np.float64)[rows])


@fuzz(50)
@given(frames())
def test_a_new_level_changes_no_other_feature(frame):
    words = [name for name in frame if name.startswith("words")]
    encoder = Encoder.fit(frame, categorical=words)
    changed = frame.copy()
    changed[words] = "never seen"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fp.DataWarning)
        X = encoder.transform(changed, np.float64)
    before = encoder.transform(frame, np.float64)
    for index, name in enumerate(encoder.feature_names):
        if name.startswith("words"):
            assert (X[:, index] == 0).all()
        else:
            np.testing.assert_array_equal(X[:, index], before[:, index])


# ---- tables ----


@fuzz(100)
@given(frames(), st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["utf-8", "utf-8-sig", "cp1252"]))
def test_what_is_written_to_a_csv_file_is_read_back(tmp_path_factory, frame, delimiter, encoding):
    frame["target"] = np.arange(len(frame)) / 2
    path = tmp_path_factory.mktemp("table") / "table.csv"
    frame.to_csv(path, sep=delimiter, index=False, encoding=encoding)
    words = [name for name in frame if name.startswith("words")]
    read = fp.datasets.read(path, categorical=words)
    expected = fp.datasets.read(frame, categorical=words)
    assert read.feature_names == expected.feature_names
    np.testing.assert_array_equal(read.X, expected.X)
    np.testing.assert_array_equal(read.y, expected.y)
