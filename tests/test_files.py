"""Files that are no files, that links lead to, or that cannot be written: one sentence that names them."""

import errno
import os
from pathlib import Path

import pytest

import fastprop as fp
from fastprop import checks, files
from tests.compare import assert_refused
from tests.written_files import LABELS, X, network, sweep, train


@pytest.fixture(scope="module")
def result():
    return fp.sweep((5, 4, 3), X, LABELS, {"learning_rate": [0.1, 0.2]}, epochs=1, validation=0.2)


# ---- what is no file ----

READERS = {
    "load": fp.load,
    "load_sweep": fp.load_sweep,
    "resume": lambda path: train(path, resume=True),
    "journal": sweep,
}


def no_file(kind, folder):
    """Make what is no file that can be read; return its path."""
    path = folder / "place.npz"
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "circle of links":
        path.symlink_to(path)
    elif kind == "zero byte":
        path = f"{path}\0"
    return path


@pytest.mark.parametrize("kind", ["FIFO", "folder", "circle of links", "zero byte"])
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_what_is_no_file_is_refused_at_once(reader, kind, tmp_path):
    path = no_file(kind, tmp_path)
    before = os.listdir(tmp_path)
    assert_refused((ValueError, OSError), str(path).rstrip("\0"), reader, path)
    assert os.listdir(tmp_path) == before


@pytest.mark.parametrize("kind", ["FIFO", "folder", "circle of links", "zero byte"])
def test_what_is_no_file_is_never_replaced(kind, result, tmp_path):
    path = no_file(kind, tmp_path)
    writers = network().save, result.save, network().to_c, train
    for write in writers:
        assert_refused((ValueError, OSError), str(path).rstrip("\0"), write, path)
    assert os.listdir(tmp_path) == ([] if kind == "zero byte" else ["place.npz"])
    assert not os.path.isfile(path) if kind != "zero byte" else True


@pytest.mark.parametrize("kind", ["FIFO", "folder", "circle of links", "zero byte"])
def test_what_is_no_file_is_refused_before_training(kind, tmp_path):
    path = no_file(kind, tmp_path)
    assert_refused(ValueError, f"the file {path} cannot be written, ", checks.new_file, path)


def test_a_folder_that_may_not_be_written_to_is_refused_before_training(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    words = f"the file {tmp_path / 'run'} cannot be written: allow writing to the folder {tmp_path}, or choose another"
    assert_refused(ValueError, words, train, tmp_path / "run")


def test_a_link_into_a_folder_that_is_missing_is_refused_before_training(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "missing" / "file")
    (tmp_path / "good").symlink_to(tmp_path / "file")
    checks.new_file(tmp_path / "good")
    assert_refused(ValueError, f"make the folder {tmp_path / 'missing'}", checks.new_file, tmp_path / "link")


@pytest.mark.parametrize("load", [fp.load, fp.load_sweep])
def test_a_file_that_is_missing_is_called_so(load, tmp_path):
    assert_refused(ValueError, f"{tmp_path / 'none'} is missing: ", load, tmp_path / "none")
    (tmp_path / "link").symlink_to(tmp_path / "none")
    assert_refused(ValueError, f"{tmp_path / 'link'} is missing: ", load, tmp_path / "link")


def test_a_file_that_may_not_be_read_is_refused_by_the_systems_words(monkeypatch, tmp_path):
    def denied(*arguments):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    network().save(tmp_path / "net")
    monkeypatch.setattr(os, "open", denied)
    assert_refused(ValueError, f"{tmp_path / 'net'} is no network that fastprop saved or a", fp.load, tmp_path / "net")


# ---- links, permissions, temporary files ----


def test_what_is_written_goes_where_links_point_and_has_the_permissions_of_the_umask(result, tmp_path):
    (tmp_path / "large").mkdir()
    writers = {
        "net.safetensors": network().save,
        "sweep.npz": result.save,
        "net.h": network().to_c,
        "run.checkpoint": train,
        "sweep.journal": sweep,
    }
    umask = os.umask(0o027)
    try:
        for name, write in writers.items():
            (tmp_path / name).symlink_to(f"large/{name}")
            for _ in range(2):
                write(tmp_path / name)
            assert (tmp_path / name).is_symlink(), name
            assert (tmp_path / "large" / name).stat().st_mode & 0o777 == 0o640, name
    finally:
        os.umask(umask)
    assert sorted(os.listdir(tmp_path / "large")) == sorted(writers)
    assert fp.load(tmp_path / "net.safetensors").layer_sizes == (5, 4, 3)


@pytest.mark.slow
def test_pictures_and_reports_go_where_links_point_too(result, tmp_path):
    (tmp_path / "large").mkdir()
    for name, write in {"sweep.png": result.plot, "sweep.html": result.report}.items():
        (tmp_path / name).symlink_to(f"large/{name}")
        for _ in range(2):
            write(tmp_path / name)
        assert (tmp_path / name).is_symlink()
    assert sorted(os.listdir(tmp_path / "large")) == ["sweep.html", "sweep.png"]


def test_a_name_for_the_temporary_file_that_is_taken_is_never_written_to(monkeypatch, tmp_path):
    monkeypatch.setattr("secrets.token_hex", lambda count: "known")
    victim, path = tmp_path / "victim", tmp_path / "net"
    victim.write_text("untouched")
    files.paths.beside(path, "-known.part").symlink_to(victim)
    assert_refused(OSError, f"the network file {path} cannot be written, File exists", network().save, path)
    assert victim.read_text() == "untouched"
    assert not path.exists()


def test_the_longest_name_can_be_written(tmp_path):
    path = tmp_path / ("n" * 255)
    network().save(path)
    train(path)
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_full_disk_is_told_and_leaves_the_earlier_file(call, result, monkeypatch, tmp_path):
    writers = {"net": network().save, "sweep": result.save, "run": train, "net.h": network().to_c}
    writers = {tmp_path / name: write for name, write in writers.items()}
    for path, write in writers.items():
        write(path)
    before = {path: path.read_bytes() for path in writers}

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if call == "write":
        monkeypatch.setattr(files.writing, "open", on_full_disk, raising=False)
    else:
        monkeypatch.setattr(os, call, full)
    for path, write in writers.items():
        assert_refused(OSError, f"{path} cannot be written, No space left on device: make room or name", write, path)
    monkeypatch.undo()
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def on_full_disk(path, mode, opener):
    """Return a file of a disk without room, in place of one at a path."""
    open(path, mode, opener=opener).close()
    return Path("/dev/full").open("wb")


def test_a_path_may_be_bytes(tmp_path):
    path = os.fsencode(tmp_path / "net")
    network().save(path)
    assert fp.load(path).layer_sizes == (5, 4, 3)


def test_a_folder_that_cannot_be_listed_is_no_harm(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(Path, "glob", refuse)
    network().save(tmp_path / "net")
    assert fp.load(tmp_path / "net").layer_sizes == (5, 4, 3)
