"""Tables as inputs of networks: numbers, categories, booleans and dates, missing cells and new levels."""

import datetime
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import fastprop as fp
from fastprop.tabular.encoder import Encoder, named_columns
from fastprop.tabular.plans import NumberPlan, median, planned

ROWS = {
    "age": [20.0, None, 40.0, 70.0],
    "rooms": [1, 2, 3, 4],
    "town": ["Rome", "Oslo", "Rome", None],
    "is_new": [True, False, True, True],
    "sold": [datetime.date(2024, 1, day) for day in (1, 2, 3, 8)],
}

polars = pytest.importorskip("polars")


class Stream:
    """What has an Arrow C stream and nothing else, as the results of DuckDB have."""

    def __init__(self, rows):
        self._table = pa.table(rows)

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


MAKERS = {"pandas": pd.DataFrame, "polars": polars.DataFrame, "pyarrow": pa.table, "stream": Stream}


@pytest.mark.parametrize("library", MAKERS)
def test_all_frames_give_the_same_inputs(library):
    frame = MAKERS[library](ROWS)
    encoder = Encoder.fit(frame)
    X = encoder.transform(frame, np.float64)
    names = list(encoder.feature_names)
    by_name = dict(zip(names, X.T.tolist()))
    assert by_name["age"] == [20, 40, 40, 70]
    assert by_name["age is missing"] == [0, 1, 0, 0]
    assert by_name["rooms"] == [1, 2, 3, 4]
    assert by_name["town=Rome"] == [1, 0, 1, 0]
    assert by_name["town=Oslo"] == [0, 1, 0, 0]
    assert by_name["town is missing"] == [0, 0, 0, 1]
    assert by_name["is_new"] == [1, 0, 1, 1]
    np.testing.assert_allclose(by_name["sold"], 24 + np.array([0.18, 1.18, 2.18, 7.18]) / 365.2425)  # years since 2000
    np.testing.assert_allclose(by_name["sold (sine of the week)"][0], by_name["sold (sine of the week)"][3])
    assert Encoder.restored(json.loads(json.dumps(encoder.about))) == encoder
    assert encoder.transform(frame).dtype == np.float32


def test_only_training_rows_are_fitted():
    frame = pd.DataFrame({"size": [1.0, 3.0, 100.0, np.nan], "color": ["red", "red", "blue", "red"]})
    encoder = Encoder.fit(frame, rows=np.array([0, 1]))
    assert encoder.feature_names == ("size", "size is missing", "color=red", "color=blue")
    assert encoder.transform(frame).tolist() == [[1, 0, 1, 0], [3, 0, 1, 0], [100, 0, 0, 0], [2, 0, 1, 0]]
    assert Encoder.restored(json.loads(json.dumps(encoder.about))) == encoder


def test_a_missing_number_in_a_complete_column_is_the_median_of_the_training_rows():
    table = pd.DataFrame({"size": [1.0, 3.0, 4.0, 90.0], "is_new": [True, True, False, True]})
    encoder = Encoder.fit(table, rows=np.arange(3))
    other = pd.DataFrame({"size": [1.0, np.nan], "is_new": [None, False]})
    words = r"column 'size' has no value in 1 of 2 rows; column 'is_new' has no value in 1 of 2 rows, but had one in"
    with pytest.warns(fp.DataWarning, match=words):
        assert encoder.transform(other).tolist() == [[1, 1], [3, 0]]
    no_words = pa.table({"size": pa.array([None, None], pa.string()), "is_new": pa.nulls(2)})
    with pytest.warns(fp.DataWarning, match="has no value in 2 of 2 rows"):
        assert encoder.transform(no_words).tolist() == [[3, 1], [3, 1]]
    unfitted = Encoder([NumberPlan("size")])
    with pytest.raises(ValueError, match="column 'size' has no value in row 1: fill it in"):
        unfitted.transform(other)


def test_a_new_level_is_zeros_or_one_of_the_rare():
    frame = pd.DataFrame({"color": ["red"] * 1500 + ["blue"] * 1500 + ["rare"] * 2})
    encoder = Encoder.fit(frame)
    assert encoder.feature_names == ("color=blue", "color=red", "color is another")
    new = pd.DataFrame({"color": ["green", "rare", None, "red"]})
    with pytest.warns(fp.DataWarning, match="column 'color' has 'green', which the network did not learn"):
        assert encoder.transform(new).tolist() == [[0, 0, 1], [0, 0, 1], [0, 0, 0], [0, 1, 0]]
    assert encoder.transform(pa.table({"color": pa.nulls(2)})).tolist() == [[0, 0, 0]] * 2
    encoder = Encoder.fit(frame[:3000])
    with pytest.warns(fp.DataWarning, match="column 'color' has 'green', 'rare', which"):
        assert encoder.transform(new).tolist() == [[0, 0], [0, 0], [0, 0], [0, 1]]


def test_levels_that_are_written_alike_are_one_category():
    levels = pd.Categorical([7, 8, "8", 7.0], categories=[7, 8, "8"])
    encoder = Encoder.fit(pd.DataFrame({"code": levels, "size": range(4)}))
    assert encoder.plans[0].levels == ("7", "8")
    np.testing.assert_array_equal(
        encoder.transform(pd.DataFrame({"code": ["8", "7"], "size": [0, 1]}))[:, :2], [[0, 1], [1, 0]]
    )


WORDS_MAKERS = {
    **MAKERS,
    "categories of pandas": lambda rows: pd.DataFrame(rows).astype("category"),
    "pandas on Arrow": lambda rows: pa.table(rows).to_pandas(types_mapper=pd.ArrowDtype),
    "categories of polars": lambda rows: polars.DataFrame(rows, schema=dict.fromkeys(rows, polars.Categorical)),
    "dictionary of Arrow": lambda rows: pa.table({name: pa.array(rows[name]).dictionary_encode() for name in rows}),
}
"""What makes a frame of columns of words, by its name."""


@pytest.mark.parametrize("library", WORDS_MAKERS)
def test_words_with_space_around_them_are_one_level_in_each_frame(library):
    make = WORDS_MAKERS[library]
    rows = {"color": ["red"] * 5000 + ["red ", "\tred"] + ["blue"] * 5000}
    encoder = Encoder.fit(make(rows))
    assert encoder == Encoder.fit(pd.DataFrame({"color": ["red"] * 5002 + ["blue"] * 5000}))
    assert encoder.feature_names == ("color=red", "color=blue")
    some = make({"color": [" red", "blue ", "red"]})
    assert encoder.transform(some).tolist() == [[1, 0], [0, 1], [1, 0]]
    (column,) = named_columns(some).values()
    assert sorted(column.words) == ["blue", "red"]


@pytest.mark.parametrize("library", WORDS_MAKERS)
def test_an_empty_word_is_a_missing_cell_in_each_frame(library):
    make = WORDS_MAKERS[library]
    with_empty, with_none = ({"color": ["red", cell, "red", cell, "blue"]} for cell in ("", None))
    with_empty["color"][3] = "  "
    encoder = Encoder.fit(make(with_empty))
    assert encoder == Encoder.fit(make(with_none)) == Encoder.fit(pd.DataFrame(with_none))
    assert encoder.feature_names == ("color=red", "color=blue", "color is missing")
    assert encoder.transform(make(with_empty)).tolist() == encoder.transform(make(with_none)).tolist()
    complete = Encoder.fit(make({"color": ["red", "blue"]}))
    assert complete.transform(make({"color": ["", "red"]})).tolist() == [[0, 0], [0, 1]]  # without a warning
    with pytest.raises(ValueError, match="column 'color' has no value in any of the 2 rows: drop it"):
        Encoder.fit(make({"color": ["", " "]}))


def test_a_dictionary_of_arrow_may_hold_what_is_missing():
    color = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2]), pa.array(["red", None, "blue"]))
    assert Encoder.fit(pa.table({"color": color})).feature_names == ("color=blue", "color=red", "color is missing")


def test_numbers_with_empty_words_among_them_are_words_without_these():
    encoder = Encoder.fit(pd.DataFrame({"size": [1.5, None, 2.0]}))
    assert encoder.transform(pd.DataFrame({"size": ["", ""]})).tolist() == [[1.75, 1], [1.75, 1]]
    mixed = pd.DataFrame({"size": ["", 3.5]}, dtype=object)
    with pytest.raises(ValueError, match=r"column 'size' holds words, such as '3\.5', but held numbers"):
        encoder.transform(mixed)


def test_whole_numbers_are_categories_if_told():
    frame = pd.DataFrame({"zip": [7, 8, 7], "n": [1, 2, 3]})
    encoder = Encoder.fit(frame, categorical=["zip"])
    assert encoder.feature_names == ("zip=7", "zip=8", "n")
    as_floats, as_words = (pd.DataFrame({"n": [1], "zip": [value]}) for value in (8.0, "8"))
    assert encoder.transform(as_floats).tolist() == encoder.transform(as_words).tolist() == [[0, 1, 1]]
    as_category = pd.DataFrame({"zip": pd.Categorical([7, None, 9])})
    assert Encoder.fit(as_category).feature_names == ("zip=7", "zip=9", "zip is missing")


def test_a_category_without_any_cell_is_missing_in_all_rows():
    encoder = Encoder.fit(pd.DataFrame({"color": ["red", None]}))
    assert encoder.feature_names == ("color=red", "color is missing")
    assert encoder.transform(pa.table({"color": pa.nulls(2)})).tolist() == [[0, 1], [0, 1]]


def test_booleans_are_numbers_if_told():
    frame = pd.DataFrame({"is_new": [True, False]})
    encoder = Encoder.fit(frame, numeric=["is_new"])
    assert encoder.transform(frame).tolist() == [[1], [0]]
    assert encoder.transform(pd.DataFrame({"is_new": [0.5]})).tolist() == [[0.5]]


def test_features_of_one_name_are_told_apart():
    frame = pd.DataFrame({"town": ["Oslo", "Rome"], "town=Oslo": [1, 2], "town=Rome": [3, 4]})
    assert Encoder.fit(frame).feature_names == ("town=Oslo", "town=Rome", "town=Oslo'", "town=Rome'")


def test_an_encoder_says_what_stands_for_missing_cells():
    days = [datetime.date(2024, 1, 2), None, datetime.date(2024, 1, 8), datetime.date(2024, 1, 3)]
    frame = pd.DataFrame({"sold": days, "size": [1.0, 2.5, None, 4.0], "town": ["Rome", None, "Rome", "Rome"]})
    stands = [line.split("missing cells are ")[1] for line in Encoder.fit(frame).lines()]
    assert stands == ["the median 2024-01-03 and a feature", "the median 2.5 and a feature", "a level of its own"]
    unfitted = [planned(name, column).described for name, column in named_columns(frame).items()]
    assert unfitted[1].endswith("missing cells are the median of the training rows and a feature")


def test_words_of_each_row_are_left_out_unless_told():
    frame = pd.DataFrame({"name": [f"person {i}" for i in range(60)], "n": range(60)})
    encoder = Encoder.fit(frame)
    assert encoder.feature_names == ("n",)
    assert "60 different words in 60 rows" in encoder.lines()[0]
    assert len(Encoder.fit(frame, categorical=["name"]).feature_names) == 61
    assert encoder.transform(pd.DataFrame({"n": [3]})).tolist() == [[3]]


RARE = {
    "number": [np.nan, np.nan, 3.0],
    "bool": [None, None, True],
    "date": pd.to_datetime([None, None, "2020-03-01"]),
}


@pytest.mark.parametrize("numeric_encoding", ["standard", "robust", "piecewise"])
@pytest.mark.parametrize("name", RARE)
def test_a_column_without_a_cell_in_a_training_row_is_0_in_all_rows(name, numeric_encoding):
    frame = pd.DataFrame({"known": [1.0, 5.0, 9.0], name: RARE[name]})
    whole = Encoder.fit(frame, numeric_encoding=numeric_encoding)
    encoder = Encoder.fit(frame, rows=np.arange(2), numeric_encoding=numeric_encoding)
    assert encoder.feature_names == whole.feature_names
    of_column = [name in feature for feature in encoder.feature_names]
    assert whole.transform(frame)[:, of_column].any()
    assert not encoder.transform(frame)[:, of_column].any()
    assert not np.asarray(encoder.inputs_of(named_columns(frame))[:])[:, of_column].any()
    assert Encoder.restored(encoder.about) == encoder


FRAME = pd.DataFrame({"a": [1.0, 2], "b": ["x", "y"], "c": [True, False]})


@pytest.mark.parametrize(
    ("frame", "arguments", "message"),
    [
        (pd.DataFrame({"a": [np.nan, np.nan]}), {}, "column 'a' has no value in any of the 2 rows"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), {}, "two columns called 'a'"),
        (FRAME[:0], {}, "the table has no rows"),
        (FRAME[[]], {}, r"^the table has no columns: give at least one\.$"),
        (pa.table({}), {"drop": ["a"]}, r"^the table has no columns: give at least one\.$"),
        (FRAME, {"drop": ["z"]}, "there is no column 'z', only a, b, c"),
        (FRAME, {"numeric": ["b"]}, "column 'b' holds words such as 'x'"),
        (FRAME, {"numeric": ["a"], "categorical": ["a"]}, "column 'a' is named both"),
        (
            FRAME,
            {"drop": ["a", "b", "c"]},
            r"from, because column 'a' is left out \(as told\), column 'b' .*: give one",
        ),
        (
            pd.DataFrame({name: [f"row {i}" for i in range(60)] for name in "abcde"}),
            {},
            "because column 'a' is left out .its 60 different words in 60 rows are no levels.* and 2 others likewise: ",
        ),
        (pa.table({"a": [[1], [2]]}), {}, "column 'a' holds list<item: int64>"),
    ],
)
def test_tables_that_cannot_be_learned_from_are_refused(frame, arguments, message):
    with pytest.raises(ValueError, match=message):
        Encoder.fit(frame, **arguments)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999, 0.99999])
def test_the_median_of_many_numbers_is_near_that_of_all(share):
    random = np.random.default_rng(0)
    values = random.normal(size=350_000)
    values[random.random(len(values)) < share] = np.nan
    found, wanted = median(values), np.nanmedian(values)
    assert found == wanted if share > 0.99 else abs(found - wanted) < 0.02


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([f"{i}.5%" for i in range(60)], "'0.5%', are words: make numbers of them, without signs and units"),
        ([f"{i}.100,5" for i in range(60)], "'0.100,5', are words: make numbers of them, without signs and units"),
        ([f"{i} kg" for i in range(60)], "'0 kg', are words: make numbers of them, without signs and units"),
        ([f"{i} CHF" for i in range(60)], "'0 CHF', are words: make numbers of them, without signs and units"),
        ([f"EUR {i}" for i in range(60)], "'EUR 0', are words: make numbers of them, without signs and units"),
        ([f"−{i}’100" for i in range(60)], "'−0’100', are words: make numbers of them, without signs and units"),
        ([f"1/{i}/2024" for i in range(60)], "'1/0/2024', may have the day or the month first: make dates of them"),
    ],
)
@pytest.mark.parametrize("library", [pd.DataFrame, pa.table], ids=["pandas", "arrow"])
def test_numbers_and_dates_that_are_words_in_a_frame_are_left_out_with_a_warning(library, cells, words):
    with pytest.warns(fp.DataWarning, match=f"column 'b' is left out, because its cells, such as {words}"):
        encoder = Encoder.fit(library({"a": list(range(60)), "b": cells}))
    assert encoder.feature_names == ("a",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="a"), "no column 'a', but the training data had"),
        (lambda frame: frame.assign(a=["1", "two"]), "column 'a' holds words, such as 'two'"),
        (lambda frame: frame.assign(a=[1, np.inf]), "column 'a' holds infinity in row 1"),
        (lambda frame: frame.assign(c=[0, 2]), "column 'c' holds other numbers than 0 and 1"),
        (lambda frame: frame.assign(a=pd.to_datetime(["2024-01-01"] * 2)), "column 'a' holds dates"),
        (lambda frame: frame.assign(b=pd.to_datetime(["2024-01-01"] * 2)), "column 'b' holds dates"),
    ],
)
def test_tables_that_do_not_fit_the_training_data_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Encoder.fit(FRAME).transform(change(FRAME))


def test_what_is_no_table_is_refused():
    with pytest.raises(TypeError, match="not list"):
        Encoder.fit([[1, 2]])
