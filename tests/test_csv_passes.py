"""A CSV file is read once, whatever its columns hold and are named, and only columns of mixed cells once more."""

import numpy as np
import pandas
import pytest

from fastprop.integrations import arrow_csv
from fastprop.tabular import Choice, csv_columns, sources

RANDOM = np.random.default_rng(0)
ROWS = 3000


@pytest.fixture
def passes(monkeypatch):
    """The columns that each pass over a file has read."""
    read, original = [], arrow_csv.read_blocks
    monkeypatch.setattr(
        csv_columns.arrow_csv, "read_blocks", lambda *args: read.append(list(args[2])) or original(*args)
    )
    monkeypatch.setattr(arrow_csv, "BLOCK", 1 << 14)  # so that the file has several blocks
    return read


@pytest.fixture
def path(tmp_path):
    frame = pandas.DataFrame({
        "size": RANDOM.normal(size=ROWS).round(3),
        "code": RANDOM.integers(0, 9, ROWS),
        "zip": [f"{code:05}" for code in RANDOM.integers(0, 40, ROWS)],
        "town": RANDOM.choice(["Oslo", "Rome", "Paris"], ROWS),
        "flag": RANDOM.choice(["true", "false"], ROWS),
        "day": pandas.Timestamp("2024-01-01") + pandas.to_timedelta(RANDOM.integers(0, 99, ROWS), "D"),
        "late": [str(row) if row < ROWS - 5 else "none of these" for row in range(ROWS)],
        "y": RANDOM.normal(size=ROWS).round(3),
    })  # fmt: skip
    for name in ("size", "code", "town"):
        frame[name] = frame[name].astype(object).where(RANDOM.random(ROWS) > 0.05, None)
    frame.to_csv(tmp_path / "table.csv", index=False)
    return tmp_path / "table.csv"


def words(column):
    """Return the cells of a column of words, None where they are missing."""
    return [column.words[code] if code >= 0 else None for code in column.values.tolist()]


def test_numbers_that_are_named_as_categories_are_read_in_the_same_pass(path, passes):
    found = sources.read(path, Choice("y", categorical=("code", "zip"), drop=("late",))).columns
    assert passes == [[0, 1, 2, 3, 4, 5, 7]]
    written = pandas.read_csv(path, dtype=str)
    assert words(found["zip"]) == written["zip"].tolist()
    assert words(found["code"]) == [None if each is np.nan else each for each in written["code"].tolist()]
    assert words(found["town"]) == [None if each is np.nan else each for each in written["town"].tolist()]
    np.testing.assert_array_equal(found["size"].values, written["size"].astype(float))
    assert (found["code"].missing, found["size"].missing) == (
        written["code"].isna().sum(),
        written["size"].isna().sum(),
    )


def test_a_column_of_late_words_that_is_named_as_a_category_is_read_once(path, passes):
    found = sources.read(path, Choice("y", categorical=("late",))).columns
    assert passes == [[*range(8)]]
    assert words(found["late"])[-6:] == [str(ROWS - 6), *["none of these"] * 5]


def test_dates_and_booleans_that_are_named_as_categories_stay_what_they_are(path):
    found = sources.read(path, Choice("y", categorical=("flag", "day"), drop=("late",))).columns
    assert (found["flag"].kind, found["day"].kind) == ("bools", "dates")
    written = pandas.read_csv(path)
    np.testing.assert_array_equal(found["flag"].values, written["flag"].astype(float))
    days = pandas.to_datetime(written["day"]) - pandas.Timestamp("1970-01-01")
    np.testing.assert_array_equal(found["day"].values, days.dt.days)


@pytest.mark.parametrize("column", ["mixed", "y"])
def test_words_late_in_a_column_of_numbers_cost_a_pass_over_this_column_alone(tmp_path, passes, column):
    cells = [str(row % 4) for row in range(ROWS - 6)] + ["red"] * 3 + ["blue"] * 3
    frame = pandas.DataFrame({"size": RANDOM.normal(size=ROWS), "mixed": cells, "y": cells})
    other = "y" if column == "mixed" else "mixed"
    frame[other] = RANDOM.normal(size=ROWS)
    frame.to_csv(tmp_path / "table.csv", index=False)
    found = sources.read(tmp_path / "table.csv", Choice("y"))
    assert passes == [[0, 1, 2], [frame.columns.get_loc(column)]]
    assert words(found.target if column == "y" else found.columns["mixed"]) == cells
    np.testing.assert_array_equal(found.columns["size"].values, frame["size"])
