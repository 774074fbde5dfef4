"""Where compiled kernels are kept: in folders that are this user's alone, or nowhere, and never an error."""

import errno
import hashlib
import os
import pickle
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from fastprop.kernels.compiler import cache

TARGET = SimpleNamespace(codegen=lambda: None)


class Planted:
    """What makes a folder where it is unpickled."""

    def __init__(self, path):
        self._path = path

    def __reduce__(self):
        return os.mkdir, (str(self._path),)


class Compiled:
    """Code that is kept as bytes."""

    library = SimpleNamespace(has_dynamic_globals=False)
    codegen = None

    def _reduce(self):
        return (b"code",)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Three folders for kernels, which are not there yet."""
    found = [tmp_path / name for name in ("first", "second", "third")]
    monkeypatch.setattr(cache, "_folders", lambda: iter(found))
    monkeypatch.setattr(cache, "_folders_to_try", cache._folders_to_try.__wrapped__)
    monkeypatch.setattr(cache.KernelCache, "_file_name", lambda *arguments: "kernel-sig.nbc")
    monkeypatch.setattr(cache.KernelCache, "_bitcode_name", lambda *arguments: "kernel-sig.nbc")
    monkeypatch.setattr(cache.bitcode, "FOLDER", tmp_path / "bitcode")
    monkeypatch.setattr(cache.CompileResult, "_rebuild", lambda context, *reduced: reduced)
    return found


@pytest.fixture
def kernels():
    made = cache.KernelCache(test_what_is_saved_is_found_by_this_user_alone, "own")
    made._name = "kernel"
    return made


def plant(folder, content):
    """Write what looks like a kernel."""
    folder.mkdir(exist_ok=True)
    (folder / "kernel-sig.nbc").write_bytes(hashlib.sha256(content).digest() + content)


def test_what_is_saved_is_found_by_this_user_alone(folders, kernels):
    assert kernels.load_overload("sig", TARGET) is None
    umask = os.umask(0)
    try:
        kernels.save_overload("sig", Compiled())
    finally:
        os.umask(umask)
    assert kernels.load_overload("sig", TARGET) == (b"code",)
    assert kernels.load_overload("another", TARGET) is None
    assert [folder.exists() for folder in folders] == [True, False, False]
    assert folders[0].stat().st_mode & 0o777 == 0o700
    assert (folders[0] / "kernel-sig.nbc").stat().st_mode & 0o777 == 0o600
    assert kernels.cache_path == str(folders[0])
    kernels.flush()
    assert os.listdir(folders[0]) == []


@pytest.mark.parametrize(
    "whose", ["folder that all may write to", "file that a group may write to", "another's", "link"]
)
def test_nothing_is_read_that_others_may_have_written(whose, folders, kernels, monkeypatch, tmp_path):
    plant(folders[0], pickle.dumps(Planted(tmp_path / "planted")))
    if whose == "folder that all may write to":
        folders[0].chmod(0o777)
    elif whose == "file that a group may write to":
        (folders[0] / "kernel-sig.nbc").chmod(0o664)
    elif whose == "link":
        folders[0].rename(tmp_path / "elsewhere")
        folders[0].symlink_to(tmp_path / "elsewhere")
    else:
        monkeypatch.setattr(cache, "_is_ours", lambda status, ours=cache._is_ours: False)
    assert kernels.load_overload("sig", TARGET) is None
    assert not (tmp_path / "planted").exists()
    if whose != "another's":
        kernels.save_overload("sig", Compiled())
        assert kernels.load_overload("sig", TARGET) == (b"code",)


def test_a_folder_that_others_may_write_to_by_now_is_no_longer_read(folders, kernels, monkeypatch):
    kernels.save_overload("sig", Compiled())
    monkeypatch.setattr(cache, "_folders_to_try", lambda: folders[:1])
    assert kernels.load_overload("sig", TARGET) == (b"code",)
    folders[0].chmod(0o777)
    assert kernels.load_overload("sig", TARGET) is None


def test_folders_of_another_user_are_not_this_users_and_those_of_the_administrator_are():
    def of(user, mode):
        return cache._is_ours(SimpleNamespace(st_uid=user, st_mode=mode))

    me = os.geteuid()
    assert of(me, 0o40755)
    assert of(0, 0o40755)
    assert not any([of(me + 1, 0o40755), of(me, 0o40775), of(me, 0o40757), of(me, 0o41777)])


def test_where_files_have_no_users_as_on_windows_each_folder_is_this_users(monkeypatch):
    monkeypatch.delattr(os, "geteuid")
    assert cache._is_ours(SimpleNamespace(st_uid=7, st_mode=0o40777))


@pytest.mark.parametrize(
    ("system", "environment", "folder"),
    [
        ("linux", {}, "/home/me/.cache"),
        ("linux", {"XDG_CACHE_HOME": "/scratch"}, "/scratch"),
        ("darwin", {"XDG_CACHE_HOME": "/scratch"}, "/home/me/Library/Caches"),
        ("win32", {}, "/home/me/AppData/Local"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local"),
    ],
)
def test_each_system_has_its_folder_for_caches(system, environment, folder, monkeypatch):
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/me", **environment}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", system)
    assert cache._user_caches() == Path(folder)


def test_a_cache_that_is_switched_off_neither_reads_nor_writes(folders, kernels):
    kernels.save_overload("sig", Compiled())
    kernels.disable()
    assert kernels.load_overload("sig", TARGET) is None
    kernels.save_overload("another", Compiled())
    assert len(os.listdir(folders[0])) == 1
    kernels.enable()
    assert kernels.load_overload("sig", TARGET) == (b"code",)


def test_kernels_of_another_source_are_removed_once(tmp_path):
    stale = ["epochs.train-lanes8-0123456789abcdef-sig.nbc", "epochs.train-lanes8-0123456789abcdef.nbi"]
    kept = [f"epochs.train-lanes4-{cache._source_digest()}-sig.nbc", "another-packages.nbc"]
    for name in stale + kept:
        (tmp_path / name).touch()
    cache._write(tmp_path / "kernel-sig.nbc", b"code")
    assert sorted(os.listdir(tmp_path)) == sorted([*kept, "kernel-sig.nbc"])


@pytest.mark.parametrize(
    "content",
    [b"", b"torn", pickle.dumps("a string"), pickle.dumps(("sig", 3)), b"cos\nnothing\n.", bytes(1000)],
    ids=range(6),
)
def test_a_foreign_file_is_as_good_as_none_and_is_replaced(content, folders, kernels):
    plant(folders[0], content)
    assert kernels.load_overload("sig", TARGET) is None
    kernels.save_overload("sig", Compiled())
    assert kernels.load_overload("sig", TARGET) == (b"code",)


def test_a_file_cut_at_any_length_or_changed_in_any_byte_is_as_good_as_none(folders, kernels):
    kernels.save_overload("sig", Compiled())
    path = folders[0] / "kernel-sig.nbc"
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert kernels.load_overload("sig", TARGET) is None
        path.write_bytes(whole[:length] + bytes([whole[length] ^ 1]) + whole[length + 1 :])
        assert kernels.load_overload("sig", TARGET) is None


@pytest.mark.parametrize("kind", ["file", "FIFO in it", "folder in it", "circle of links"])
def test_a_folder_that_is_none_or_has_no_file_is_passed_over(kind, folders, kernels):
    if kind == "file":
        folders[0].touch()
    elif kind == "circle of links":
        folders[0].symlink_to(folders[0])
    else:
        folders[0].mkdir()
        (os.mkfifo if kind == "FIFO in it" else os.mkdir)(folders[0] / "kernel-sig.nbc")
    assert kernels.load_overload("sig", TARGET) is None
    kernels.save_overload("sig", Compiled())
    assert kernels.load_overload("sig", TARGET) == (None if kind.endswith("in it") else (b"code",))


def test_a_full_disk_is_passed_over_and_one_that_fills_up_is_not_spoken_of(folders, kernels, monkeypatch):
    usage = cache.shutil.disk_usage
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(path)._replace(free=int(path != folders[0])))
    kernels.save_overload("sig", Compiled())
    assert kernels.load_overload("sig", TARGET) == (b"code",)
    assert [folder.exists() and os.listdir(folder) for folder in folders] == [[], ["kernel-sig.nbc"], False]
    kernels.flush()

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    kernels.save_overload("sig", Compiled())
    assert kernels.load_overload("sig", TARGET) is None
    assert [folder.exists() and os.listdir(folder) for folder in folders] == [[], [], False]


def test_a_folder_that_cannot_be_written_to_is_read(folders, kernels, monkeypatch):
    kernels.save_overload("sig", Compiled())
    monkeypatch.setattr(os, "access", lambda path, mode: path != folders[0])
    assert kernels.load_overload("sig", TARGET) == (b"code",)
    kernels.save_overload("another", Compiled())
    assert os.listdir(folders[0]) == ["kernel-sig.nbc"]


def test_a_link_that_an_editor_left_among_the_sources_is_no_source(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_KERNELS", tmp_path)
    (tmp_path / "tile.py").write_text("pass\n")
    before = cache._source_digest.__wrapped__()
    (tmp_path / ".#tile.py").symlink_to("user@host.1234")
    assert cache._source_digest.__wrapped__() == before


def test_a_user_without_home_and_temporary_folder_has_fewer_folders(monkeypatch):
    before = len(list(cache._folders()))
    monkeypatch.setattr(cache, "_user_caches", lambda: (_ for _ in ()).throw(RuntimeError))
    monkeypatch.setattr("tempfile.gettempdir", lambda: (_ for _ in ()).throw(FileNotFoundError))
    assert len(list(cache._folders())) == before - 2
