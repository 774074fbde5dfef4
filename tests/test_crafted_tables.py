"""Tables in files that claim more than they have, unpack to too much, hold code, or are no files: refused by name."""

import gzip
import io
import os
import pickle
import re
import struct
import sys
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

import fastprop as fp
from fastprop import cli
from fastprop.tabular import Encoder
from tests.compare import assert_refused
from tests.test_files import no_file

ROWS = np.arange(12.0).reshape(6, 2)
LABELS = np.array([0, 1] * 3)


def npy(array=ROWS, **changes):
    """Return the bytes of an npy file, with changes of its header."""
    header = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape} | changes
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + array.tobytes()


def npz(packed=zipfile.ZIP_STORED, **members):
    """Return the bytes of an npz file; `members` are bytes of npy files by name."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packed) as archive:
        for name, content in ({"X": npy(), "y": npy(LABELS)} | members).items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def planted(path):
    """Return the bytes of an npy file whose pickle makes a folder."""
    file = io.BytesIO()
    np.save(file, np.array([Planted(path)], object), allow_pickle=True)
    return file.getvalue()


class Planted:
    def __init__(self, path):
        self._path = path

    def __reduce__(self):
        return os.mkdir, (str(self._path),)


def claiming(content, size):
    """Return an npz file of which each member claims to unpack to so many bytes."""
    for signature, offset in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        first = content.find(signature)
        while first >= 0:
            content = content[: first + offset] + struct.pack("<I", size) + content[first + offset + 4 :]
            first = content.find(signature, first + 4)
    return content


def overlapping(content):
    """Return an npz file whose members begin all where the first does."""
    first = content.find(b"PK\1\2")
    while first >= 0:
        content = content[: first + 42] + bytes(4) + content[first + 46 :]
        first = content.find(b"PK\1\2", first + 4)
    return content


def twice(content, name):
    """Return an npz file in which a member is there twice."""
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(f"{name}.npy", npy())
    return file.getvalue()


NPY = {
    "claims 20,000 × 20,000": lambda: npy(shape=(20_000, 20_000))[:576],
    "claims 10**12 rows": lambda: npy(shape=(10**12, 2)),
    "claims 10**30 rows": lambda: npy(shape=(10**30, 2)),
    "has a negative shape": lambda: npy(shape=(-6, -2)),
    "has one dimension": lambda: npy(shape=(12,)),
    "has fewer rows": lambda: npy(shape=(5, 2)),
    "is nested": lambda: b"\x93NUMPY\x01\x00" + struct.pack("<H", 300) + b"(" * 300,
    "has a header that is longer than it": lambda: b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b"{",
    "has words of no letters": lambda: npy(descr="<U0", shape=(10**12,)),
    "has words of 2**40 letters": lambda: npy(descr=f"<U{2**29 - 1}", shape=(6, 2)),
    "has fields": lambda: npy(descr=[("a", "<f8"), ("b", "<f8")], shape=(6,)),
    "is of version 3.0, for names of fields in any script": lambda: npy().replace(b"NUMPY\1", b"NUMPY\3", 1),
    "is an npz file": npz,
}

NPZ = {
    **{f"X {name}": lambda make=make: npz(X=make()) for name, make in NPY.items()},
    "claims to unpack to 4 GB": lambda: claiming(npz(zipfile.ZIP_DEFLATED), 2**32 - 2),
    "claims to have 4 GB": lambda: claiming(npz(), 2**32 - 2),
    "is cut off": lambda: claiming(npz(zipfile.ZIP_DEFLATED, X=npy()[:-8]), len(npy())),
    "is packed otherwise": lambda: npz(zipfile.ZIP_LZMA),
    "overlaps": lambda: overlapping(npz()),
    "has X twice": lambda: twice(npz(), "X"),
    "has X in a folder": lambda: npz().replace(b"X.npy", b"X/npy"),
    "is an npy file": npy,
}


def assert_refused_in_bounds(path, content, max_bytes=32 << 20):
    """Fail unless reading a file of this content is refused by its name, and takes little memory."""
    path.write_bytes(content)
    tracemalloc.start()
    try:
        assert_refused(ValueError, f"{path} ", fp.datasets.read, path)
        assert tracemalloc.get_traced_memory()[1] < max_bytes + 8 * len(content)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("make", NPY.values(), ids=NPY)
def test_a_crafted_npy_file_is_refused_by_name(make, tmp_path):
    assert_refused_in_bounds(tmp_path / "table.npy", make())


@pytest.mark.parametrize("make", NPZ.values(), ids=NPZ)
def test_a_crafted_npz_file_is_refused_by_name(make, tmp_path):
    assert_refused_in_bounds(tmp_path / "table.npz", make())


@pytest.mark.slow
def test_a_small_npz_file_that_unpacks_to_much_is_refused_by_name(tmp_path):
    much = npy(np.zeros(0), shape=(150 << 16, 2)) + bytes(150 << 20)
    assert_refused_in_bounds(tmp_path / "table.npz", npz(zipfile.ZIP_DEFLATED, X=much))


def test_no_code_of_a_file_is_run(tmp_path):
    content = planted(tmp_path / "planted")
    pickled = pickle.dumps(Planted(tmp_path / "planted"))
    for name, data in (("a.npy", content), ("b.npz", npz(X=content)), ("c.npz", pickled), ("d.npy", pickled)):
        assert_refused_in_bounds(tmp_path / name, data)
    for load in (fp.load, fp.load_sweep):
        for name in ("b.npz", "c.npz"):
            assert_refused(ValueError, f"{tmp_path / name} is no ", load, tmp_path / name)
    assert not (tmp_path / "planted").exists()


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_any_order_and_packing_are_read_as_numpy_reads_them(order, tmp_path):
    X = np.asarray(ROWS, order=order)
    np.save(tmp_path / "table.npy", np.asarray(np.c_[X, LABELS], order=order))
    np.savez(tmp_path / "plain.npz", X=X, y=LABELS, other=np.array(["left", "alone"], object))
    np.savez_compressed(tmp_path / "packed.npz", X=X.astype(">f4"), y=LABELS)
    for name in ("table.npy", "plain.npz", "packed.npz"):
        found, y = fp.datasets.read(tmp_path / name)
        np.testing.assert_array_equal(found, ROWS)
        np.testing.assert_array_equal(y, LABELS)


# ---- CSV ----

CSV = {
    "unpacks to one row": lambda: gzip.compress(bytes([ord("1")]) * (80 << 20), 1),
    "unpacks to rows without end": lambda: gzip.compress(b"a,b\n" + b"1,2\n" * (34 << 20), 1),
    "is cut": lambda: gzip.compress(b"a,b\n" + b"1,2\n" * 1000)[:-20],
    "is no gzip file": lambda: b"a,b\n1,2\n",
    "is empty": lambda: b"",
}


@pytest.mark.slow
@pytest.mark.parametrize("make", CSV.values(), ids=CSV)
def test_a_crafted_packed_csv_file_is_refused_by_name(make, tmp_path):
    pytest.importorskip("pyarrow")
    assert_refused_in_bounds(tmp_path / "table.csv.gz", make(), max_bytes=1 << 30)


def test_a_csv_file_of_one_long_row_is_refused_by_name(monkeypatch, tmp_path):
    arrow_csv = pytest.importorskip("fastprop.integrations.arrow_csv")
    monkeypatch.setattr(arrow_csv, "LONGEST_ROW", 1 << 20)
    path = tmp_path / "table.csv"
    for content in (b"1" * (3 << 20), b"a,b\n1,2\n" + b"1" * (3 << 20), b'a,b\n"' + b"1\n" * (2 << 20)):
        assert_refused_in_bounds(path, content)


def test_a_csv_file_of_very_many_columns_is_refused_by_name(monkeypatch, tmp_path):
    pytest.importorskip("pyarrow")
    monkeypatch.setattr("fastprop.tabular.dialect.MAX_COLUMNS", 1000)
    path = tmp_path / "table.csv"
    path.write_bytes(b",".join(b"c%d" % index for index in range(1001)) + b"\n")
    assert_refused(ValueError, f"{path} has 1,001 columns, and at most 1,000 are read", fp.datasets.read, path)


# ---- Parquet and Feather ----


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_a_file_of_more_values_than_its_bytes_allow_is_refused_by_name(ending, tmp_path, monkeypatch):
    parquet, feather = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow.feather")
    path = tmp_path / f"table.{ending}"
    table = pytest.importorskip("pyarrow").table({"a": np.zeros(100_000), "y": np.arange(100_000) % 2})
    parquet.write_table(table, path) if ending == "parquet" else feather.write_feather(table, path, compression="zstd")
    for limit in ("ALWAYS_READ", "VALUES_A_BYTE"):
        monkeypatch.setattr(f"fastprop.integrations.arrow_files.{limit}", 1)
    assert_refused(ValueError, f"{path} is no {ending} file or a damaged one (it has ", fp.datasets.read, path)


def test_words_of_a_parquet_file_take_no_more_memory_than_in_the_file(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    words = arrow.DictionaryArray.from_arrays(np.arange(200_000, dtype="i4") % 2, ["long" * 2500, "words" * 2000])
    table = arrow.table({"a": np.arange(200_000.0) / 2, "word": words, "y": np.arange(200_000) % 2})
    parquet.write_table(table, tmp_path / "table.parquet", store_schema=False)
    before = arrow.default_memory_pool().bytes_allocated()
    found = fp.datasets.read(tmp_path / "table.parquet", "y")
    assert found.X.shape == (200_000, 3)
    assert arrow.default_memory_pool().max_memory() - before < 200 << 20  # of 2 GB


def test_a_feather_file_whose_offsets_lead_elsewhere_is_refused_by_name(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    feather = pytest.importorskip("pyarrow.feather")
    path = tmp_path / "table.feather"
    feather.write_feather(
        arrow.table({"word": ["one", "two", "three"], "y": [0, 1, 0]}), path, compression="uncompressed"
    )
    content = path.read_bytes()
    offsets = struct.pack("<4i", 0, 3, 6, 11)
    assert offsets in content
    path.write_bytes(content.replace(offsets, struct.pack("<4i", 0, 3, 2**30, 11)))
    assert_refused(ValueError, f"{path} is no feather file or a damaged one (its columns are", fp.datasets.read, path)


@pytest.mark.parametrize("described", [b"[", b"[1]", b'{"index_columns": 3}'])
def test_a_feather_file_that_pandas_would_not_have_written_is_refused_by_name(described, tmp_path):
    arrow = pytest.importorskip("pyarrow")
    feather = pytest.importorskip("pyarrow.feather")
    path = tmp_path / "table.feather"
    feather.write_feather(arrow.table({"a": [1, 2], "y": [0, 1]}).replace_schema_metadata({"pandas": described}), path)
    assert_refused(ValueError, f"{path} is no feather file or a damaged one (", fp.datasets.read, path)


# ---- what is rare, and right ----


@pytest.mark.filterwarnings("ignore:Feather V1 files are deprecated:DeprecationWarning")
def test_the_first_version_of_feather_files_is_read(tmp_path):
    arrow, feather = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.feather")
    table = arrow.table({"a": [0.5, 2.5, 4.0], "y": [0, 1, 0]})
    feather.write_feather(table, tmp_path / "old.feather", version=1)
    assert (tmp_path / "old.feather").read_bytes()[:4] == b"FEA1"
    X, y = fp.datasets.read(tmp_path / "old.feather", "y")
    assert (X.ravel().tolist(), y.tolist()) == ([0.5, 2.5, 4.0], [0, 1, 0])


def test_batches_of_no_rows_are_passed_over(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    schema = arrow.schema([("a", arrow.float64()), ("word", arrow.string()), ("y", arrow.int64())])
    with arrow.ipc.new_file(tmp_path / "table.arrow", schema) as writer:
        for rows in ([[0.5, 2.5], ["one", "two"], [0, 1]], [[], [], []], [[4.0], ["two"], [0]]):
            writer.write_batch(arrow.record_batch(rows, schema=schema))
    table = fp.datasets.read(tmp_path / "table.arrow", "y")
    assert table.y.tolist() == [0, 1, 0]
    np.testing.assert_array_equal(np.asarray(table.X), [[0.5, 0, 1], [2.5, 1, 0], [4.0, 1, 0]])


def test_without_pyarrow_it_is_named(tmp_path, monkeypatch):
    (tmp_path / "table.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert_refused(ImportError, "needs pyarrow: pip install pyarrow", fp.datasets.read, tmp_path / "table.parquet")


# ---- what is no file ----


@pytest.mark.parametrize("kind", ["FIFO", "folder", "circle of links", "zero byte"])
def test_what_is_no_file_is_no_table(kind, tmp_path):
    path = no_file(kind, tmp_path)
    assert_refused(ValueError, "is a folder" if kind == "folder" else "there is no file", fp.datasets.read, path)


def test_the_checksum_of_a_member_counts(tmp_path):
    content = npz()
    path = tmp_path / "table.npz"
    changed = content.replace(struct.pack("<d", 7.0), struct.pack("<d", 8.0))
    assert zlib.crc32(changed) != zlib.crc32(content)
    assert_refused_in_bounds(path, changed)


A, B = [1.0, 2.0, 3.0, 4.0], list("pqpq")
WHOLE_BUT_WRONG = {
    "a column is missing": {"b": B, "y": B},
    "bytes": {"a": A, "b": [b"\xff"] * 4, "y": B},
    "lists": {"a": [[1.0]] * 4, "b": B, "y": B},
    "words": {"a": B, "b": B, "y": B},
    "infinity": {"a": [*A[:3], np.inf], "b": B, "y": B},
}


@pytest.mark.parametrize("columns", WHOLE_BUT_WRONG.values(), ids=WHOLE_BUT_WRONG)
def test_what_a_whole_parquet_file_holds_is_refused_by_its_name(columns, tmp_path, monkeypatch, capsys):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    monkeypatch.chdir(tmp_path)
    parquet.write_table(pyarrow.table(columns), "wrong.parquet")
    encoder = Encoder.fit(pyarrow.table({"a": A, "b": B}))
    network = fp.MLP((len(encoder.feature_names), 2), output="softmax", class_names=("p", "q"))
    fp.TableModel(network, encoder, "y").save("n.safetensors")
    for command in ("predict", "evaluate"):
        assert cli.main([command, "n.safetensors", "wrong.parquet"]) == 2
        assert re.match(r"fastprop: wrong\.parquet: .*\n\Z", capsys.readouterr().err)
    with pytest.raises(ValueError, match=r"^wrong\.parquet: "):
        fp.load("n.safetensors").predict("wrong.parquet")


WRONG_ARRAYS = {
    "columns": (np.zeros((4, 2)), np.zeros(4, int)),
    "too large": (np.full((4, 3), 1e300), np.zeros(4, int)),
    "infinity": (np.full((4, 3), np.inf), np.zeros(4, int)),
    "rows": (np.zeros((4, 3)), np.zeros(3, int)),
    "targets": (np.zeros((4, 3)), np.zeros((4, 3))),
    "complex": (np.zeros((4, 3), complex), np.zeros(4, int)),
}


@pytest.mark.parametrize(("X", "y"), WRONG_ARRAYS.values(), ids=WRONG_ARRAYS)
def test_what_a_whole_npz_file_holds_is_refused_by_its_name(X, y, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savez("wrong.npz", X=X, y=y)
    fp.MLP((3, 2), output="softmax").save("n.safetensors")
    assert cli.main(["evaluate", "n.safetensors", "wrong.npz"]) == 2
    assert re.match(r"fastprop: wrong\.npz[: ].*\n\Z", capsys.readouterr().err)
