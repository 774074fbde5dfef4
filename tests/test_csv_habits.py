"""CSV files as people have them: comments, blanks for commas, 007, infinity, and bools that are written as 0 and 1."""

import re

import numpy as np
import pandas
import pytest

import fastprop as fp
from fastprop import cli
from fastprop.integrations import arrow_csv
from fastprop.tabular import Encoder, dialect
from fastprop.tabular.written_numbers import is_dressed_number, numbers_of
from tests.compare import assert_refused

RANDOM = np.random.default_rng(1)
FRAME = pandas.DataFrame({"a": RANDOM.normal(size=30), "b": RANDOM.normal(size=30), "y": np.arange(30.0)})
LINES = FRAME.to_csv(index=False).splitlines()


@pytest.fixture
def written(tmp_path):
    def written(lines):
        path = tmp_path / "table.csv"
        path.write_text("\n".join(lines) + "\n")
        return path

    return written


def test_comments_at_the_beginning_are_left_out_and_told(written):
    path = written(["# made by me", "# on Monday; at 9, or later", *LINES])
    with pytest.warns(fp.DataWarning, match=r"begins with 2 lines of comments: they are left out\."):
        X, y = fp.datasets.read(path)
    np.testing.assert_array_equal(X, FRAME[["a", "b"]])
    np.testing.assert_array_equal(y, FRAME["y"])


@pytest.mark.parametrize(
    "before",
    [
        ["# made by me", ""],
        ["", "# made by me", " ", "", "# on Monday", ""],
        ["sep=,", ""],
        ["", "sep=,", "", " "],
        ["# made by me", "", "sep=,", ""],
        ["sep=,", "# made by me", ""],
    ],
)
@pytest.mark.filterwarnings("ignore::fastprop.DataWarning")
def test_blank_lines_may_follow_comments_and_the_line_of_excel(written, before):
    found = fp.datasets.read(written([*before, *LINES]))
    assert found.feature_names == ("a", "b")
    np.testing.assert_array_equal(found.X, FRAME[["a", "b"]])
    np.testing.assert_array_equal(found.y, FRAME["y"])
    no_header = fp.datasets.read(written([*before, "1.5,2", "2,1", "4,3"]))
    assert no_header.X.tolist() == [[1.5], [2], [4]]
    line = len(before) + 3
    with pytest.raises(ValueError, match=f"has 1 cells in line {line} but 3 columns"):
        fp.datasets.read(written([*before, *LINES[:2], "1"]))


@pytest.mark.parametrize("lines", [["sep=;", ""], ["sep=;", "", "", ""], ["", "sep=;", " ", ""]])
def test_the_line_of_excel_alone_is_an_empty_file(written, lines):
    with pytest.raises(ValueError, match="is empty: give a header and rows"):
        fp.datasets.read(written(lines))


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_dates_with_dots_are_those_of_iso_8601(written, delimiter):
    days = pandas.date_range("2024-01-27 08:30", periods=30, freq="D")
    both = pandas.DataFrame({"iso": days, "a": FRAME["a"], "y": FRAME["y"]})
    expected = fp.datasets.read(written(both.to_csv(index=False, sep=delimiter).splitlines()))
    for pattern in ("%d.%m.%Y %H:%M:%S", "%-d.%-m.%Y %H:%M"):
        dotted = both.assign(iso=days.strftime(pattern)).to_csv(index=False, sep=delimiter)
        found = fp.datasets.read(written(dotted.splitlines()))
        assert found.feature_names == expected.feature_names
        np.testing.assert_array_equal(found.X, expected.X)
    path = written(dotted.splitlines())
    assert_refused(ValueError, "column 'iso' holds dates", fp.datasets.read, path, categorical=["iso"])


@pytest.mark.parametrize(
    ("cells", "features"),
    [
        (["1", "2"], ("a", "a is missing")),
        (["1.5", "2"], ("a", "a is missing")),
        (["1,5", "2"], ("a", "a is missing")),
        (["$1", "$2"], ("a", "a is missing")),
        (["true", "false"], ("a", "a is missing")),
        (["red", "blue"], ("a=red", "a=blue", "a is missing")),
    ],
)
@pytest.mark.parametrize("blank", [" ", "   ", '"  "'])
@pytest.mark.filterwarnings("ignore::fastprop.DataWarning")
def test_a_cell_of_spaces_is_missing(written, cells, features, blank):
    first, second = cells
    lines = ["a;y", f"{first};0", f"{blank};1", f"{second};1", ";0", f"{first};1"]
    found = fp.datasets.read(written(lines))
    expected = fp.datasets.read(written([line.replace(blank, "") for line in lines]))
    assert found.feature_names == expected.feature_names == features
    np.testing.assert_array_equal(found.X, expected.X)


@pytest.mark.parametrize("cells", ["01", "uv"])
def test_a_target_of_spaces_is_refused_by_its_line(written, cells):
    words = "has no target in 1 row, the first in line 4, column 'y'"
    with pytest.raises(ValueError, match=words):
        fp.datasets.read(written(["a,y", f"1,{cells[0]}", f"2,{cells[1]}", "3, ", f"4,{cells[0]}"]))


def test_dates_with_slashes_are_words_because_day_and_month_are_not_sure(written):
    table = fp.datasets.read(written(["d,y", *(f"0{i % 3 + 1}/02/2024,{i}.5" for i in range(30))]))
    assert table.feature_names == ("d=01/02/2024", "d=02/02/2024", "d=03/02/2024")


@pytest.mark.parametrize("comments", [[], ["made by me"]])
def test_the_header_that_numpy_writes_is_the_header(tmp_path, comments, recwarn):
    path = tmp_path / "table.csv"
    np.savetxt(path, FRAME, delimiter=",", header="\n".join([*comments, "a,b,y"]))
    table = fp.datasets.read(path, "y")
    assert table.feature_names == ("a", "b")
    np.testing.assert_allclose(table.X, FRAME[["a", "b"]], rtol=1e-15)
    assert len(recwarn) == len(comments)


def test_a_file_of_comments_is_refused(written):
    assert_refused(ValueError, "holds nothing but comments: give a header", fp.datasets.read, written(["# a", "# b"]))


def test_a_header_in_a_comment_may_stand_above_words_and_numbers(written):
    path = written(["# kind,size,price", "red,1,2", "blue,2,3", "red,3,4", "blue,5,6"])
    assert fp.datasets.column_names(path) == ["kind", "size", "price"]


def test_a_name_may_begin_with_the_sign_of_a_comment(written):
    assert fp.datasets.column_names(written(["#a,b", "1,2"])) == ["#a", "b"]


@pytest.mark.parametrize("line", [10, 31])
def test_a_comment_among_the_rows_is_named(written, line):
    path = written([*LINES[:line], "# half", *LINES[line:]])
    assert_refused(ValueError, f"has a comment, '# half', in line {line + 1}: remove", fp.datasets.read, path)


@pytest.mark.parametrize("by", [" ", "   "])
def test_blanks_in_place_of_commas_are_named(written, by):
    path = written([line.replace(",", by) for line in LINES])
    assert_refused(ValueError, "separates its cells by blanks, as in", fp.datasets.read, path, "y")
    assert_refused(ValueError, "separates its cells by blanks, as in", fp.datasets.column_names, path)


def test_a_single_column_of_words_may_hold_blanks(written):
    assert fp.datasets.column_names(written(["full name", "Ada Lovelace", "Grace Hopper"])) == ["full name"]


def test_zeros_before_the_number_of_a_class_belong_to_its_name(written):
    names = np.where(FRAME["a"] > 0, "007", "120")
    table = fp.datasets.read(written(FRAME.assign(y=names).to_csv(index=False).splitlines()))
    assert table.class_names == ("007", "120")
    np.testing.assert_array_equal(np.array(table.class_names)[table.y], names)


def test_many_numbers_with_zeros_before_them_are_numbers(written):
    prices = [f"{price:05d}" for price in range(30)]
    table = fp.datasets.read(written(FRAME.assign(y=prices).to_csv(index=False).splitlines()))
    assert table.class_names is None
    np.testing.assert_array_equal(table.y, np.arange(30))


@pytest.mark.parametrize("cell", ["inf", "-inf", "1e999"])
@pytest.mark.parametrize("column", ["a", "y"])
def test_an_infinite_cell_is_named_by_its_line(written, cell, column):
    rows = FRAME.astype(object)
    rows.loc[5, column] = cell
    words = f"has '{cell}' in line 7, column '{column}', which is infinite: correct the cell"
    assert_refused(ValueError, words, fp.datasets.read, written(rows.to_csv(index=False).splitlines()))


FLAGS = np.array([True, False, True, True])


@pytest.mark.parametrize("learned", [bool, int, float])
@pytest.mark.parametrize("given", [bool, int, float])
def test_bools_that_are_categories_may_be_written_as_zeros_and_ones(learned, given):
    encoder = Encoder.fit(pandas.DataFrame({"flag": FLAGS.astype(learned)}), categorical=["flag"])
    X = encoder.transform(pandas.DataFrame({"flag": FLAGS.astype(given)}))
    first = encoder.feature_names[0]
    assert first in ("flag=True", "flag=1")
    np.testing.assert_array_equal(X, np.column_stack([FLAGS, ~FLAGS]))


def test_other_numbers_than_zeros_and_ones_are_no_bools():
    encoder = Encoder.fit(pandas.DataFrame({"flag": FLAGS}), categorical=["flag"])
    words = "column 'flag' holds other numbers than 0 and 1, but held bools before: correct it."
    assert_refused(ValueError, words, encoder.transform, pandas.DataFrame({"flag": [0, 2]}))


LATE = {
    "a feature": ("x,y\n" + "red,1\nblue,2\n" * 40 + "grün,3\n", {"red", "blue", "grün"}, None),
    "numbers before": ("x,y\n" + "1,1\n2,2\n" * 40 + "grün,3\n", {"1", "2", "grün"}, None),
    "bools before": ("x,y\n" + "true,1\nfalse,2\n" * 40 + "grün,3\n", {"true", "false", "grün"}, None),
    "the target": ("x,y\n" + "1,red\n2,blue\n" * 40 + "3,grün\n", None, ("blue", "grün", "red")),
}


@pytest.mark.parametrize(("text", "levels", "classes"), LATE.values(), ids=LATE)
def test_a_letter_of_windows_1252_may_come_late_in_the_file(text, levels, classes, tmp_path, monkeypatch):
    monkeypatch.setattr(dialect, "SAMPLE", 64)  # which are ASCII, and so could be UTF-8
    monkeypatch.setattr(arrow_csv, "BLOCK", 128)
    (tmp_path / "table.csv").write_bytes(text.encode("cp1252"))
    table = fp.datasets.read(tmp_path / "table.csv", categorical=["x"] if classes is None else [])
    assert table.class_names == classes
    assert levels is None or set(table.encoder.plans[0].levels) == levels


def test_what_pyarrow_cannot_read_although_all_rows_are_whole_is_told_in_its_words(written, monkeypatch):
    def read_blocks(*arguments):
        raise arrow_csv.InvalidTextError("the parser got out of sync")
        yield

    monkeypatch.setattr(arrow_csv, "read_blocks", read_blocks)
    path = written([LINES[0], "", *LINES[1:]])
    words = f"{path} is no CSV file or a damaged one (the parser got out of sync): give a header and rows."
    assert_refused(ValueError, words, fp.datasets.read, path)


def test_all_columns_are_read_as_inputs_unless_some_are_named(written):
    inputs = fp.datasets.read_inputs(written(LINES))
    np.testing.assert_allclose(inputs, FRAME.to_numpy(), rtol=1e-15)
    with pytest.warns(UserWarning, match="the first column of .* has no name: it is taken as the index of the rows"):
        inputs = fp.datasets.read_inputs(written(FRAME.to_csv().splitlines()))
    np.testing.assert_allclose(inputs, FRAME.to_numpy(), rtol=1e-15)


def test_the_header_of_few_lines_is_detected(written):
    assert dialect.detect(written(["a,y", "1,02"])).padded == (1,)


PRICES = RANDOM.uniform(500, 5000, 30).round()
SIGNED = {
    "money": ([f"${price:,.0f}" for price in PRICES], PRICES),
    "money behind": ([f"{price:.2f} EUR" for price in PRICES], PRICES),
    "negative money": ([f"-£{price:,.2f}" for price in PRICES], -PRICES),
    "percent": ([f"{price / 100:.2f}%" for price in PRICES], PRICES / 1e4),
    "thousands": ([f"{1e3 * price:,.0f}" for price in PRICES], 1e3 * PRICES),
    "some thousands": ([f"{price - 500:,.1f}" for price in PRICES], PRICES - 500),
    "apostrophes": ([f"{1e3 * price:,.1f}".replace(",", "'") for price in PRICES], 1e3 * PRICES),
}


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize(("cells", "numbers"), SIGNED.values(), ids=SIGNED)
def test_numbers_with_signs_and_separators_are_numbers(written, cells, numbers, delimiter):
    frame = FRAME.assign(y=FRAME["y"] + 0.5)
    decimal = "." if delimiter == "," else ","
    if decimal == ",":
        cells = [cell.translate(str.maketrans(",.", ".,")) for cell in cells]
    path = written(
        frame.assign(a=[*cells[:10], "", *cells[11:]]).to_csv(index=False, sep=delimiter, decimal=decimal).splitlines()
    )
    with pytest.warns(fp.DataWarning, match=re.escape(f"{cells[0]!r} of column 'a' is {numbers[0]:.12g}")):
        table = fp.datasets.read(path, "y")
    assert table.feature_names == ("a", "a is missing", "b")
    is_known = np.arange(30) != 10
    np.testing.assert_allclose(table.X[is_known, 0], numbers[is_known])
    path = written(frame.assign(y=cells).to_csv(index=False, sep=delimiter, decimal=decimal).splitlines())
    with pytest.warns(fp.DataWarning, match="of column 'y' is"):
        np.testing.assert_allclose(fp.datasets.read(path).y, numbers)


@pytest.mark.filterwarnings("ignore:.* has numbers with signs")
def test_a_model_takes_numbers_with_signs_or_without(written, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    signed = FRAME.assign(a=[f"{100 * each:.4f}%" for each in FRAME["a"]])
    path = written(signed.to_csv(index=False).splitlines())
    assert cli.main(["train", str(path), "--epochs", "2", "--save", "net.safetensors"]) == 0
    model = fp.load("net.safetensors")
    for some in (signed[:5], FRAME[:5]):
        some.to_csv("new.csv", index=False)
        np.testing.assert_allclose(model.predict("new.csv"), model.predict(FRAME[:5]), rtol=1e-4)


UNREADABLE = {
    "two signs": ["$5", "5%"],
    "signs on some": ["$5", "7"],
    "two separators": ["1,000", "1'000"],
    "groups of two": ["1,00,000", "2,00,000"],
    "groups after zero": ["0,125", "0,250"],
    "two minus signs": ["-$-5", "$6"],
    "signs at both ends": ["$5 $", "$6 $"],
    "other units": ["5 kg", "6 kg"],
    "an address": ["192.168.001", "192.168.002"],
    "numbers": ["5", "6.5"],
}


@pytest.mark.parametrize("words", UNREADABLE.values(), ids=UNREADABLE)
def test_what_may_be_no_number_is_none(words):
    assert numbers_of(words, dialect.Dialect(",", ".", "utf-8", 1, ("a",), (), ())) is None


@pytest.mark.parametrize("sign", ["$", "€", "£", "¥", "EUR", "USD", "GBP", "CHF", "%"])
@pytest.mark.parametrize("form", ["{} 5", "5 {}", "-5{}", "{}1,250.50", "1’250 {}"])
def test_what_is_read_as_a_number_with_a_sign_looks_like_one(form, sign):
    word = form.format(sign)
    is_read = numbers_of((word,), dialect.Dialect(",", ".", "utf-8", 1, ("a",), (), ())) is not None
    assert is_read == is_dressed_number(word) == (sign != "%" or not word.startswith("%"))


def test_numbers_with_units_are_no_classes(written, capsys):
    path = written(FRAME.assign(y=[f"{price:.0f} kg" for price in PRICES]).to_csv(index=False).splitlines())
    assert cli.main(["train", str(path), "--epochs", "1"]) == 2
    assert "without commas of thousands, signs and units." in capsys.readouterr().err


def test_amounts_that_are_called_categories_stay_words(written):
    path = written(FRAME.assign(a=["$5", "$10", "$20"] * 10, y=FRAME["y"] + 0.5).to_csv(index=False).splitlines())
    assert fp.datasets.read(path, categorical=["a"]).feature_names[:3] == ("a=$10", "a=$20", "a=$5")


def test_many_dates_with_slashes_are_left_out_with_the_reason(written):
    days = pandas.date_range("2024-01-01", periods=60, freq="D").strftime("%m/%d/%Y")
    frame = pandas.DataFrame({"d": days, "a": np.arange(60) ** 0.5, "y": np.arange(60) + 0.5})
    reason = "its cells, such as '01/01/2024', may have the day or the month first: make dates of them"
    with pytest.warns(fp.DataWarning, match=f"column 'd' is left out, because {reason}"):
        plan = fp.datasets.read(written(frame.to_csv(index=False).splitlines())).encoder.plans[0]
    assert plan.reason == reason


def test_few_amounts_are_names_of_classes(written, capsys):
    path = written(FRAME.assign(y=["5%", "10%", "20%"] * 10).to_csv(index=False).splitlines())
    assert cli.main(["train", str(path), "--epochs", "1"]) == 0
    assert "3 classes (10%, 20%, 5%)" in capsys.readouterr().out


def test_a_class_that_nothing_measures_is_named(written, capsys):
    names = np.where(np.arange(30) < 1, "rare", "common")
    path = written(FRAME.assign(y=names).to_csv(index=False).splitlines())
    assert cli.main(["train", str(path), "--epochs", "1", "--validation", "0.2"]) == 0
    assert "rare" in capsys.readouterr().err


def test_a_file_of_which_arrow_makes_no_stream_is_closed(monkeypatch, tmp_path):
    def refused(file, **options):
        opened.append(file)
        raise MemoryError

    opened, path = [], tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    monkeypatch.setattr("pyarrow.input_stream", refused)
    with pytest.raises(MemoryError):
        arrow_csv.open_bytes(path)
    assert [file.closed for file in opened] == [True]
