"""CSV files: how they are written is detected, and what a network cannot be trained on is refused by name."""

import gzip
import random
import subprocess
import sys

import numpy as np
import pandas
import pytest

import fastprop as fp
from fastprop import datasets, tabular
from fastprop.integrations import arrow_csv
from tests.processes import TIMEOUT

X = np.array([[1.5, 20], [-2.5, 300], [35, 4e4]])
Y = np.array([0.5, 1.5, 7])


@pytest.fixture
def write(tmp_path):
    def write(content, name="table.csv"):
        path = tmp_path / name
        content = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


def table(delimiter=",", decimal=".", newline="\n"):
    rows = [["größe", "weight", "price"], *np.column_stack([X, Y]).tolist()]
    return newline.join(delimiter.join(str(cell).replace(".", decimal) for cell in row) for row in rows) + newline


WRITTEN = {
    "commas": (table(), "table.csv"),
    "semicolons": (table(";"), "table.csv"),
    "tabs": (table("\t"), "table.tsv"),
    "tabs in a .csv": (table("\t"), "table.csv"),
    "bars": (table("|"), "table.csv"),
    "decimal commas": (table(";", ","), "table.csv"),
    "decimal commas and tabs": (table("\t", ","), "table.tsv"),
    "Windows": (table(newline="\r\n"), "table.csv"),
    "byte order mark": (table().encode("utf-8-sig"), "table.csv"),
    "quotes and a byte order mark": (table().replace("größe", '"größe"').encode("utf-8-sig"), "table.csv"),
    "old Excel": (table(";", ",").encode("cp1252"), "table.csv"),
    "Excel's Unicode text": (table("\t", ",").encode("utf-16"), "table.csv"),
    "Excel's separator line": ("sep=;\n" + table(";", ","), "table.csv"),
    "blank lines": ("\n\r\n" + table().replace("\n", "\n\n"), "table.csv"),
    "packed": (table(), "table.csv.gz"),
    "packed tabs, upper case": (table("\t"), "TABLE.TSV.gz"),
    "no line break at the end": (table().rstrip(), "table.csv"),
    "spaces": (table().replace(",", " , "), "table.csv"),
}


@pytest.mark.parametrize(("content", "name"), WRITTEN.values(), ids=WRITTEN)
def test_a_table_is_read_however_it_is_written(write, content, name):
    read = datasets.read(write(content, name))
    np.testing.assert_array_equal(read.X, X)
    np.testing.assert_array_equal(read.y, Y)
    assert (read.feature_names, read.target_name, read.class_names) == (("größe", "weight"), "price", None)


@pytest.mark.parametrize(
    ("content", "first", "note"),
    [
        ("1,2,0\n2,3,1\n3,4,0\n", [1, 2], r"has no header, because its first row \(1, 2, 0\) holds numbers"),
        ("5.1,3.5,setosa\n4.9,3,virginica\n", [5.1, 3.5], "has no header.*column_1 to column_3"),
        ("1;2,5;0\n2;3;1\n", [1, 2.5], "has no header"),
        ("0,1,2\n7,8,9\n", [7, 8], r"first row .* \(0, 1, 2\) is taken as the header"),
        ("1990,1991,1992\n7,8,9\n", [7, 8], "is taken as the header"),
    ],
)
def test_a_first_row_of_numbers_is_read_as_data_or_said_to_be_the_header(write, content, first, note):
    with pytest.warns(fp.DataWarning, match=note):
        read = datasets.read(write(content))
    assert read.X[0].tolist() == first


def test_column_numbers_as_pandas_writes_them_are_a_header_beside_a_name(write):
    assert datasets.read(write("0,1,target\n1,2,0\n2,3,1\n")).feature_names == ("0", "1")


@pytest.mark.parametrize(
    "content",
    [
        pandas.DataFrame({"a": [5.0, 6, 7], "b": [0.5, 1.5, 2.5]}).to_csv(),
        pandas.DataFrame({"a": [5.0, 6, 7], "b": [0.5, 1.5, 2.5]}, index=[9, 2, 4]).to_csv(),
        pandas.DataFrame({"a": [5.0, 6, 7], "b": [0.5, 1.5, 2.5]}, index=["x", "y", "z"]).to_csv(sep=";"),
        '"a","b"\n"1",5,0.5\n"2",6,1.5\n"3",7,2.5\n',  # R's write.table
        "Unnamed: 0,a,b\n41,5,0.5\n7,6,1.5\n23,7,2.5\n",  # pandas again, after it has read the first
    ],
    ids=["counting", "shuffled", "named", "of R", "written twice"],
)
def test_the_index_of_a_data_frame_is_left_out_and_said(write, content):
    with pytest.warns(fp.DataWarning, match=r"first column of .* (has no name|is called 'Unnamed: 0'): it is taken"):
        read = datasets.read(write(content))
    assert (read.feature_names, read.X.tolist(), read.y.tolist()) == (("a",), [[5], [6], [7]], [0.5, 1.5, 2.5])


@pytest.mark.parametrize("step", [1, 7], ids=["in order", "shuffled"])
def test_a_column_that_numbers_the_rows_is_named(write, step):
    path = write("id,a,b\n" + "".join(f"{row * step % 40 + 1},{row * 7 % 5},{row / 2}\n" for row in range(40)))
    told = r"column 'id' of .* only numbers the rows: leave it out, by drop=\['id'\], unless"
    with pytest.warns(fp.DataWarning, match=told):
        assert datasets.read(path).X.shape == (40, 2)
    assert datasets.read(path, drop=["id"]).X.shape == (40, 1)
    assert datasets.read(path, features=["id", "a"]).X.shape == (40, 2)  # as named, so that nothing is to be told
    frame = pandas.read_csv(path)
    frame.to_parquet(path.with_suffix(".parquet"))
    for source in (frame, path.with_suffix(".parquet")):
        with pytest.warns(fp.DataWarning, match=told):
            assert datasets.read(source).X.shape == (40, 2)


def test_a_column_without_name_and_cells_is_left_out(write):
    with pytest.warns(fp.DataWarning, match="column 4 .* neither a name nor cells"):
        read = datasets.read(write("a,b,y,\n1,2,0.5,\n2,3,1.5,\n"))
    assert (read.feature_names, read.target_name) == (("a", "b"), "y")


@pytest.mark.parametrize(
    ("cells", "classes", "names"),
    [
        (["setosa", "virginica", "setosa"], [0, 1, 0], ("setosa", "virginica")),
        ([" b", "a ", '"b"'], [1, 0, 1], ("a", "b")),
        (["True", "False", "True"], [1, 0, 1], ("False", "True")),
        (["3", "unknown", "1"], [1, 2, 0], ("1", "3", "unknown")),
        (["<=50K", ">50K", "<=50K"], [0, 1, 0], ("<=50K", ">50K")),
    ],
)
def test_words_in_the_target_are_classes(write, cells, classes, names):
    path = write("a,species,b\n" + "".join(f"1,{cell},2\n" for cell in cells))
    read = datasets.read(path, "species")
    assert (read.y.tolist(), read.y.dtype, read.class_names) == (classes, np.int64, names)


def test_columns_are_chosen_by_name(write):
    path = write('name,"width, cm",height,price\nx,1,2,3\ny,4,5,6\n')
    assert datasets.read(path, drop=["name"]).feature_names == ("width, cm", "height")
    read = datasets.read(path, "height", features=["price", "width, cm"])
    assert (read.X.tolist(), read.y.tolist()) == ([[3, 1], [6, 4]], [2, 5])
    assert datasets.read(path, "price", drop=["name", "height"]).X.tolist() == [[1], [4]]
    assert datasets.read(path, features=["width, cm"], drop=["price"]).target_name == "height"
    assert datasets.read_inputs(path, ["height", "width, cm"]).tolist() == [[2, 1], [5, 4]]


def test_a_large_file_is_read_block_by_block(write, monkeypatch):
    monkeypatch.setattr(arrow_csv, "BLOCK", 100)
    numbers = np.random.default_rng(0).normal(size=(300, 3)).round(3)
    numbers[:150, 1] = numbers[:150, 1].round()  # the first blocks hold whole numbers
    words = random.Random(0).choices(["a", "b\nb", 'c"c'], k=300)
    frame = pandas.DataFrame(numbers, columns=["x", "y", "z"]).assign(word=words)
    for name in ("table.csv", "table.csv.gz"):
        read = datasets.read(write(frame.to_csv(index=False), name))
        np.testing.assert_array_equal(read.X, numbers)
        assert [read.class_names[label] for label in read.y] == words


def test_a_quote_that_is_not_a_pairs_is_a_character(write, monkeypatch):
    monkeypatch.setattr(arrow_csv, "BLOCK", 300)
    monkeypatch.setattr(arrow_csv, "LONGEST_CELL", 100)
    rows = [(f'{row}"' if row % 50 == 3 else "x", row**2) for row in range(200)]
    read = datasets.read(write("size,n\n" + "".join(f"{size},{n}\n" for size, n in rows)), "size")
    assert read.X[:, 0].tolist() == [n for _, n in rows]
    assert [read.class_names[label] for label in read.y] == [size for size, _ in rows]


def test_a_name_may_hold_any_character_of_unicode(write):
    read = datasets.read(write("a\u2028b,c\x0bd,y\n1,2,3.5\n4,5,6.5\n"))
    assert (read.X.tolist(), len(read.feature_names)) == ([[1, 2], [4, 5]], 2)


@pytest.mark.slow
def test_a_header_may_be_longer_than_the_sample(write):
    names = [f"column number {index}" for index in range(15_000)]
    read = datasets.read(write(",".join(names) + "\n" + ",".join(["1"] * 15_000) + "\n"))
    assert read.feature_names == tuple(names[:-1])
    assert read.X.sum() == 14_999


@pytest.mark.parametrize("seed", range(12))
def test_tables_of_pandas_are_read_as_they_were_written(tmp_path, monkeypatch, seed):
    chance = np.random.default_rng(seed)
    monkeypatch.setattr(arrow_csv, "BLOCK", int(chance.choice([20, 300, 1 << 19])))
    rows = int(chance.integers(3, 60))
    words = chance.choice(["setosa", "a,b", 'he said "x"', "ü; |", "two\nlines", "-"], rows)
    frame = pandas.DataFrame(
        {
            "größe": chance.normal(size=rows) * 10.0 ** chance.integers(-8, 9),
            "a, b": chance.integers(-(10**14), 10**14, rows),
            'q"u': chance.integers(0, 2, rows).astype(bool),
            "n;m": chance.normal(size=rows).round(2),
        }
    )
    delimiter = str(chance.choice([",", ";", "\t", "|"]))
    ending = str(chance.choice([".csv", ".csv.gz"]))
    frame.assign(word=words).to_csv(
        tmp_path / f"t{ending}",
        index=False,
        sep=delimiter,
        decimal="," if delimiter != "," and seed % 2 else ".",
        encoding=str(chance.choice(["utf-8", "utf-8-sig", "cp1252", "utf-16"])),
        lineterminator=str(chance.choice(["\n", "\r\n"])),
    )
    read = datasets.read(tmp_path / f"t{ending}")
    assert read.feature_names == tuple(frame.columns)
    np.testing.assert_allclose(read.X, frame.to_numpy(np.float64), rtol=1e-15)
    assert [read.class_names[label] for label in read.y] == words.tolist()


@pytest.mark.parametrize("late", ["true", "1,5"])
def test_a_kind_of_cell_that_comes_late_in_the_file_is_seen(write, monkeypatch, late):
    monkeypatch.setattr(arrow_csv, "BLOCK", 30)
    path = write("a;b\n" + "1;2\n2;3\n" * 50 + f"1;{late}\n")
    read = datasets.read(path)
    if late == "true":
        assert read.class_names == ("2", "3", "true")
    else:
        assert read.y[-1] == 1.5


REFUSED = {
    "points beside decimal commas": (
        b"a;b;y\n1,5;2.5;0\n2,5;3,0;1\n",
        None,
        r"'2\.5' in line 2, column 'b', but commas before the decimals of other numbers: write commas",
    ),
    "signs on some": (
        b"a,y\n" + b"".join(b"%d,%d\n" % (row * row, row) for row in range(30)) + b"$5,2\n",
        None,
        r"'\$5' in line 32, column 'a', among numbers: write numbers",
    ),
    "all missing": (b"x,y\n,2\n,3\n", None, r"column 'x' has no value in any of the 2 rows"),
    "a word among numbers of a feature": (
        b"x,y\n" + b"".join(b"%d,%d\n" % (row * row, row) for row in range(30)) + b"old,7\n",
        None,
        r"'old' in line 32, column 'x', where other rows hold numbers",
    ),
    "a word after missing cells": (
        b"x,y\nNA,0\n,1\n" + b"".join(b"%d,%d\n" % (row * row, row) for row in range(30)) + b"?,7\n",
        None,
        r"'\?' in line 34, column 'x', where other rows hold numbers",
    ),
    "no target": (b"x,y\n1,\n2,1\n", None, r"no target in 1 row, the first in line 2, column 'y': remove"),
    "no word": (b"x,y\n1,a\n2,\n", None, r"no target in 1 row, the first in line 3, column 'y'"),
    "dates as target": (b"x,y\n1,2020-01-01\n", None, r"dates in column 'y'"),
    "a word among numbers": (
        b"x,y\n" + b"".join(b"%d,%d\n" % (row * row, row) for row in range(30)) + b"7,old\n",
        None,
        r"'old' in line 32, column 'y', where other rows hold numbers",
    ),
    "a word among decimals": (
        b"x,y\n1,0.5\n2,?\n3,0.7\n",
        None,
        r"'\?' in line 3, column 'y', where other rows hold numb",
    ),
    "too few cells": (b"x,y\n1,2\n3\n", None, r"1 cells in line 3 but 2 columns: mend that line"),
    "too many cells": (b"x,y\n1,2\n7,2,3\n", None, r"3 cells in line 3 but 2 columns: mend that line"),
    "no such column": (table().encode(), "age", r"no column 'age', only größe, weight, price: name one of these"),
    "one name twice": (b"a,a,y\n1,2,3\n", None, r"two columns called 'a': rename one"),
    "no rows": (b"x,y\n", None, r"no rows under its header: give at least one"),
    "nothing": (b"", None, r"is empty: give a header and rows"),
    "blank lines": (b"\n \n", None, r"is empty: "),
    "no features": (b"y\n1\n2\n", None, r"no features: give columns beside 'y', separated by commas"),
    "two separators in the target": (
        b'x,y\n1,"1,000"\n2,"2\'000"\n3,"3,500"\n',
        None,
        r"'1,000' in line 2, column 'y', among",
    ),
    "old Macintosh": (b"x,y\r1,2\r", None, r"ends its lines in carriage returns alone"),
    "no text": (b"\x89PNG\xff\xfe\x00", None, r"is no CSV file, because it is no text"),
}


@pytest.mark.parametrize(("content", "target", "message"), REFUSED.values(), ids=REFUSED)
def test_a_table_that_cannot_be_trained_on_is_refused_in_one_sentence(write, content, target, message):
    with pytest.raises(ValueError, match=message) as caught:
        datasets.read(write(content), target)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"drop": ["age"]}, "no column 'age'"),
        ({"features": ["age"]}, "no column 'age'"),
        ({"drop": ["price"], "target": "price"}, "'price' is the target: do not name it"),
        ({"features": ["price"], "target": "price"}, "'price' is the target: do not name it"),
        ({"drop": ["größe", "weight"]}, "no features"),
        ({"drop": ["größe", "weight", "price"]}, "no column that is left to predict"),
    ],
)
def test_a_choice_of_columns_that_leaves_none_is_refused(write, options, message):
    with pytest.raises(ValueError, match=message):
        datasets.read(write(table()), **options)


@pytest.mark.slow
def test_reading_takes_little_more_memory_than_the_array(write):
    numbers = np.random.default_rng(0).random((200_000, 20))
    names = [f"c{column}" for column in range(20)]
    path = write(pandas.DataFrame(numbers, columns=names).to_csv(index=False, float_format="%.6g"))
    script = """
import resource, sys
import pyarrow.csv  # 30 MB by itself
import fastprop as fp
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
X, y = fp.datasets.read(sys.argv[1])
print(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / (X.nbytes + y.nbytes))
"""
    command = [sys.executable, "-c", script, path]
    runs = (subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=True) for _ in range(3))
    assert min(float(done.stdout) for done in runs) < 2.5  # the threads of pyarrow may need more by chance


def test_a_table_has_names_beside_its_pair():
    read = tabular.Table(X, Y, ("a", "b"))
    assert (read.feature_names, read.target_name, read.class_names) == (("a", "b"), None, None)


@pytest.mark.parametrize("ending", ["csv", "parquet", "feather", "frame"])
@pytest.mark.parametrize("gap", [False, True], ids=["complete", "with a gap"])
def test_inputs_that_are_changed_do_not_change_the_columns(tmp_path, ending, gap):
    frame = pandas.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": Y})
    if gap:
        frame.loc[0, "a"] = np.nan
    path = tmp_path / f"table.{ending}"
    writers = {"csv": lambda: frame.to_csv(path, index=False), "parquet": lambda: frame.to_parquet(path)}
    {**writers, "feather": lambda: frame.to_feather(path), "frame": lambda: None}[ending]()
    table = datasets.read(frame if ending == "frame" else path)
    before = table.columns.encoded().copy()
    inputs, _ = table
    if not gap and ending != "frame":
        assert np.shares_memory(inputs, table.columns.encoded())  # so that memory holds them once
        with pytest.raises(ValueError, match="read-only"):
            inputs /= 10
        inputs = inputs.copy()
    inputs /= 10
    np.testing.assert_array_equal(table.columns.encoded(), before)


def test_columns_of_all_kinds_are_read(write, monkeypatch):
    monkeypatch.setattr(arrow_csv, "BLOCK", 40)
    rows = [
        (row, "" if row % 3 == 0 else row / 2, "ab"[row % 2], "true" if row % 4 else "false", f"2024-01-{row + 1:02}")
        for row in range(24)
    ]
    lines = ["y,half,word,flag,day", *(",".join(map(str, row)) for row in rows)]
    table = datasets.read(write("\n".join(lines)), "y")
    by_name = dict(zip(table.feature_names, table.X.T.tolist()))
    assert by_name["half is missing"] == [float(row % 3 == 0) for row in range(24)]
    median = np.median([row / 2 for row in range(24) if row % 3])
    assert by_name["half"] == [row / 2 if row % 3 else median for row in range(24)]
    assert by_name["word=a"] == [float(row % 2 == 0) for row in range(24)]
    assert by_name["flag"] == [float(row % 4 > 0) for row in range(24)]
    days = (np.datetime64("2024-01-01") - np.datetime64("2000-01-01")).astype(int) + np.arange(24)
    np.testing.assert_allclose(by_name["day"], days / 365.2425, err_msg="years since 2000")


def test_a_category_may_hold_numbers_and_words(write, monkeypatch):
    monkeypatch.setattr(arrow_csv, "BLOCK", 20)
    path = write("size,y\n" + "1,2\n2,3.5\n" * 20 + "L,1\n")
    assert datasets.read(path).feature_names == ("size=1", "size=2", "size=L")
    path = write("zip,y\n" + "1200,2\n800,3.5\n" * 20)
    assert datasets.read(path).feature_names == ("zip",)
    assert datasets.read(path, categorical=["zip"]).feature_names == ("zip=1200", "zip=800")


@pytest.mark.parametrize("ending", ["parquet", "feather", "csv"])
def test_all_kinds_of_files_and_frames_hold_the_same_table(tmp_path, ending):
    frame = pandas.DataFrame({"a": [1.5, None, 3], "b": ["x", "y", "x"], "c": [1, 2, 3], "d": [True, False, True]})
    frame["y"] = ["u", "v", "u"]
    path = tmp_path / f"table.{ending}"
    getattr(frame, f"to_{ending}")(path, **({"index": False} if ending == "csv" else {}))
    read, expected = datasets.read(path), datasets.read(frame)
    assert read.feature_names == expected.feature_names == ("a", "a is missing", "b=x", "b=y", "c", "d")
    np.testing.assert_array_equal(read.X, expected.X)
    assert (read.y.tolist(), read.class_names) == ([0, 1, 0], ("u", "v"))
    with pytest.raises(ValueError, match="no column 'z', only a, b, c, d, y"):
        datasets.read(path, "z")


def test_an_npy_file_has_its_target_in_the_last_column(tmp_path):
    np.save(tmp_path / "table.npy", np.column_stack([X, Y]))
    read = datasets.read(tmp_path / "table.npy")
    assert (read.X.tolist(), read.y.tolist()) == (X.tolist(), Y.tolist())
    assert datasets.read_inputs(tmp_path / "table.npy").shape == (3, 3)
    with pytest.raises(ValueError, match="its last column is the target"):
        datasets.read(tmp_path / "table.npy", "y")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame[:0], "the table has no rows"),
        (lambda frame: frame.assign(y=[1, None]), "no target in 1 of 2 rows, column 'y'"),
        (lambda frame: frame.assign(y=pandas.to_datetime(["2024-01-01"] * 2)), "has dates in column 'y', the target"),
        (lambda frame: frame[["y"]], "has no features: give columns beside 'y'"),
        (lambda frame: frame.assign(x=None), "column 'x' has no value in any of the 2 rows"),
    ],
)
def test_a_frame_that_cannot_be_trained_on_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        datasets.read(change(pandas.DataFrame({"x": [1, 2], "y": [0.5, 1]})))


@pytest.mark.parametrize("name", ["csv", "parquet", "frame"])
def test_a_target_of_one_class_is_warned_of(name, tmp_path):
    frame = pandas.DataFrame({"age": [1.0, 2, 3], "buys": ["yes"] * 3})
    source = frame if name == "frame" else tmp_path / f"table.{name}"
    if name != "frame":
        getattr(frame, f"to_{name}")(source, index=False)
    with pytest.warns(
        fp.DataWarning, match="^all rows have the target 'yes' in column 'buys': there is nothing to learn"
    ):
        fp.datasets.read(source, target="buys")
