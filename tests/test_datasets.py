"""The digits, and tables that are read from files."""

import pickle

import numpy as np
import pytest

from fastprop import datasets

TABLE = "height,width,price\n1,2,0.5\n3,4,1.5\n\n5,-6e1,2.5\n"


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        if isinstance(content, dict):
            np.savez(path, **content)
        elif isinstance(content, np.ndarray):
            np.save(path, content)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_digits_are_1797_pictures_of_64_gray_levels():
    X, y = datasets.digits()
    assert (X.shape, X.dtype, X.min(), X.max()) == ((1797, 64), np.float32, 0, 1)
    np.testing.assert_array_equal(X * 16, np.round(X * 16))
    np.testing.assert_array_equal(np.bincount(y), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])


@pytest.mark.parametrize(
    ("target", "features", "expected"),
    [
        (None, [[1, 2], [3, 4], [5, -60]], [0.5, 1.5, 2.5]),
        ("price", [[1, 2], [3, 4], [5, -60]], [0.5, 1.5, 2.5]),
        ("width", [[1, 0.5], [3, 1.5], [5, 2.5]], [2, 4, -60]),
    ],
)
@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "with Excel's byte order mark"])
def test_a_csv_file_is_split_into_features_and_target(write, start, target, features, expected):
    X, y = datasets.read(write("table.csv", start + TABLE), target)
    assert (X.dtype, y.dtype) == (np.float64, np.float64)
    np.testing.assert_array_equal(X, features)
    np.testing.assert_array_equal(y, expected)


def test_a_csv_file_may_put_spaces_and_quotes_around_names_and_numbers(write):
    X, y = datasets.read(write("table.csv", '"height", price \r\n"1", 2.5\r\n3 ,"4"\r\n'), "price")
    np.testing.assert_array_equal(X, [[1], [3]])
    np.testing.assert_array_equal(y, [2.5, 4])


@pytest.mark.parametrize(
    ("targets", "dtype"),
    [
        ([0, 1, 2, 1], np.int64),
        ([1.0, 0.0, 1.0], np.int64),
        ([0, 2, 3], np.float64),
        ([1, 2, 3], np.float64),
        ([-1, 0, 1], np.float64),
        ([0, 0.5, 1], np.float64),
        ([0, 0, 0], np.float64),
    ],
)
@pytest.mark.filterwarnings("ignore:all rows have the target")
@pytest.mark.parametrize("kind", ["csv", "npz"])
def test_targets_are_classes_where_they_are_whole_numbers_from_0_on_without_a_gap(write, kind, targets, dtype):
    if kind == "csv":
        path = write("table.csv", "feature,target\n" + "".join(f"7,{target}\n" for target in targets))
    else:
        path = write("table.npz", {"X": np.full((len(targets), 1), 7.0), "y": np.array(targets)})
    _, y = datasets.read(path)
    assert y.dtype == (dtype if kind == "csv" else np.array(targets).dtype if dtype == np.float64 else np.int64)
    np.testing.assert_array_equal(y, targets)


@pytest.mark.filterwarnings("ignore:all rows have the target")
def test_an_npz_file_holds_features_and_a_target_that_may_be_named(write):
    arrays = {"X": np.eye(3, dtype=np.float32), "y": np.array([0.5, 1, 2]), "z": np.ones((3, 2))}
    path = write("table.npz", arrays)
    for target in (None, "z"):
        X, y = datasets.read(str(path), target)
        np.testing.assert_array_equal(X, arrays["X"])
        np.testing.assert_array_equal(y, arrays[target or "y"])


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "bool"])
def test_inputs_of_an_npz_file_keep_their_dtype(write, dtype):
    X = np.eye(3, dtype=dtype)
    assert datasets.read(write("table.npz", {"X": X, "y": [0.5, 1, 2]})).X.dtype == dtype
    assert datasets.read_inputs(write("table.npz", {"X": X})).dtype == dtype


@pytest.mark.parametrize("kind", ["csv", "parquet", "frame"])
def test_inputs_are_the_named_columns_in_their_order(tmp_path, kind):
    pandas = pytest.importorskip("pandas")
    source = pandas.DataFrame({"rooms": [3, 5], "roof": ["flat", "hip"], "area": [80, 120]})
    if kind != "frame":
        path = tmp_path / f"houses.{kind}"
        source.to_csv(path, index=False) if kind == "csv" else source.to_parquet(path)
        source = path
    assert datasets.read_inputs(source, ["area", "rooms"]).tolist() == [[80, 3], [120, 5]]
    with pytest.raises(ValueError, match="has no column 'size', only rooms, roof, area: name one of these"):
        datasets.read_inputs(source, ["area", "size"])


@pytest.mark.parametrize("ending", ["csv", "CSV", "CSV.GZ", "PARQUET", "FEATHER", "NPZ", "NPY"])
def test_the_ending_of_a_file_may_have_capital_letters(tmp_path, ending):
    pandas = pytest.importorskip("pandas")
    X, y = np.array([[1.5, 2], [3, 4.5], [5, 0]]), np.array([0.5, 1.5, 7])
    frame = pandas.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": y})
    path = tmp_path / f"data.{ending}"
    with path.open("wb") as file:
        writers = {
            "csv": lambda: frame.to_csv(file, index=False),
            "csv.gz": lambda: frame.to_csv(file, index=False, compression="gzip"),
            "parquet": lambda: frame.to_parquet(file),
            "feather": lambda: frame.to_feather(file),
            "npz": lambda: np.savez(file, X=X, y=y),
            "npy": lambda: np.save(file, np.column_stack([X, y])),
        }
        writers[ending.lower()]()
    found = datasets.read(path)
    np.testing.assert_array_equal(found.X, X)
    np.testing.assert_array_equal(found.y, y)
    if ending in ("NPZ", "NPY"):
        np.testing.assert_array_equal(datasets.read_inputs(path)[:, :2], X)


def test_words_of_an_npz_file_are_classes(write):
    table = datasets.read(write("table.npz", {"X": np.eye(3), "y": np.array(["b", "a", "b"])}))
    assert (table.y.tolist(), table.class_names) == ([1, 0, 1], ("a", "b"))


def test_a_table_is_the_pair_of_features_and_targets(write):
    table = datasets.read(write("table.csv", TABLE))
    X, y = table
    np.testing.assert_array_equal(X, table.X)
    np.testing.assert_array_equal(table[:2][1], y)
    assert len(table) == 2
    copied = pickle.loads(pickle.dumps(table))
    assert (copied.feature_names, copied.target_name) == (("height", "width"), "price")


REFUSED = {
    "another kind": (
        "a.doc",
        TABLE,
        None,
        r"must end in .csv, .tsv, .*, .npz, .npy: convert the file",
    ),
    "no X": ("a.npz", {"y": np.ones(3)}, None, r"no array 'X', only y: write it"),
    "no y": (
        "a.npz",
        {"X": np.ones((3, 1)), "z": np.ones(3)},
        None,
        r"no array 'y', only X, z: write it, or name",
    ),
    "no such array": ("a.npz", {"X": np.ones((3, 1)), "y": np.ones(3)}, "z", r"no array 'z', only X, y: write it"),
    "not an archive": ("a.npz", TABLE, None, r"a\.npz .*: "),
    "half an archive": ("a.npz", b"PK\x03\x04 and so on", None, r"a\.npz .*: "),
    "one column": ("a.npy", np.ones((3, 1)), None, r"has 1 columns: give features and, in the last column, the target"),
    "objects": ("a.npz", {"X": np.array([[None]]), "y": np.ones(1)}, None, r"a\.npz .*: "),
}


@pytest.mark.parametrize(("name", "content", "target", "message"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_cannot_be_read_is_refused_in_one_sentence(write, name, content, target, message):
    with pytest.raises(ValueError, match=message) as caught:
        datasets.read(write(name, content), target)
    assert "\n" not in str(caught.value)


def test_what_is_neither_a_path_nor_a_data_frame_is_refused():
    with pytest.raises(TypeError, match="a table must be the path of a file or a data frame, not 3: give one of these"):
        datasets.read(3)


def test_names_of_columns_are_refused_of_an_npz_file_which_has_none(write):
    with pytest.raises(
        ValueError, match=r"arrays without names of columns: leave out drop, features, categorical, numeric"
    ):
        datasets.read(write("table.npz", {"X": np.eye(2), "y": np.ones(2)}), drop=["a"])


@pytest.mark.parametrize(
    ("name", "said"),
    [("missing.csv", r"there is no file .*: check the path"), (".", "is a folder: give one of the files")],
)
def test_a_missing_file_is_named(tmp_path, name, said):
    with pytest.raises(ValueError, match=said):
        datasets.read(tmp_path / name)
