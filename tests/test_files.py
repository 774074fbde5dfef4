"""Files that are no files, that others use at the same time, that cannot be written: one sentence that names them."""

import contextlib
import errno
import fcntl
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import fastprop as fp
from fastprop import checks, files
from fastprop.files import locks, writing
from tests.compare import assert_refused
from tests.problems import noise
from tests.processes import ROOT, run_python, unmeasured

X, Y, LABELS = noise()


def network(seed=0):
    return fp.MLP((5, 4, 3), output="softmax", seed=seed)


def train(path, epochs=1, **options):
    """Train a network with a checkpoint; return the network."""
    trained = network()
    fp.train(trained, X, LABELS, epochs=epochs, batch_size=64, checkpoint=path, **options)
    return trained


@pytest.fixture(scope="module")
def result():
    return fp.sweep((5, 4, 3), X, LABELS, {"learning_rate": [0.1, 0.2]}, epochs=1, validation=0.2)


def sweep(path):
    return fp.sweep((5, 4, 3), X, LABELS, {"learning_rate": [0.1]}, epochs=1, validation=0.2, journal=path)


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


# ---- two runs on one checkpoint ----


def test_two_runs_on_one_checkpoint_are_told_apart(tmp_path):
    path = tmp_path / "run.checkpoint"
    said = []

    def second(epoch, history):
        said.append(os.listdir(tmp_path))
        words = f"the checkpoint {path} is that of a run which is going on: wait for its end, or name another file."
        for options in ({}, {"resume": True}):
            assert_refused(BlockingIOError, words, train, path, **options)

    train(path, callback=second)
    assert said
    train(path, epochs=2, resume=True)
    assert os.listdir(tmp_path) == [path.name]


def test_a_run_that_fails_leaves_its_checkpoint_to_the_next(tmp_path):
    path = tmp_path / "run.checkpoint"
    with pytest.raises(ZeroDivisionError):
        train(path, callback=lambda epoch, history: 1 / 0)
    assert os.listdir(tmp_path) == []
    train(path)
    path.write_bytes(b"")
    assert_refused(ValueError, f"{path} is no checkpoint", train, path, resume=True)
    train(path)


def test_a_checkpoint_by_another_name_is_the_same(tmp_path):
    path, link = tmp_path / "run.checkpoint", tmp_path / "link"
    link.symlink_to(path)
    lock = files.PathLock(path, "checkpoint")
    assert_refused(BlockingIOError, f"the checkpoint {link} is that of a run", train, link)
    lock.release()
    train(link)


@pytest.mark.slow
def test_a_forked_process_keeps_no_lock_and_a_killed_one_leaves_none(tmp_path):
    path = tmp_path / "run.checkpoint"
    context = multiprocessing.get_context("fork")
    ends = context.Event()
    lock = files.PathLock(path, "checkpoint")
    child = context.Process(target=ends.wait)
    child.start()
    lock.release()
    files.PathLock(path, "checkpoint").release()
    ends.set()
    child.join()
    code = f"from fastprop import files; import os; files.PathLock({str(path)!r}, ''); os._exit(1)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT)
    unfinished = files.paths.beside(path, "-0123.part")
    unfinished.touch()
    files.PathLock(path, "checkpoint").release()
    assert os.listdir(tmp_path) == []


def test_a_lock_that_is_released_twice_is_released_once(tmp_path):
    path = tmp_path / "run.checkpoint"
    lock = files.PathLock(path, "checkpoint")
    lock.release()
    later = files.PathLock(path, "checkpoint")
    lock.release()
    assert_refused(BlockingIOError, f"the checkpoint {path} is that of a run", files.PathLock, path, "checkpoint")
    later.release()


def test_a_lock_whose_file_its_last_owner_removes_at_that_moment_is_made_anew(monkeypatch, tmp_path):
    path = tmp_path / "run.checkpoint"
    last = files.PathLock(path, "checkpoint")
    lock = locks.lock

    def locked_after_the_last(descriptor):
        last.release()
        lock(descriptor)

    monkeypatch.setattr(locks, "lock", locked_after_the_last)
    mine = files.PathLock(path, "checkpoint")
    monkeypatch.undo()
    assert_refused(BlockingIOError, f"the checkpoint {path} is that of a run", files.PathLock, path, "checkpoint")
    mine.release()
    assert os.listdir(tmp_path) == []


def test_a_lock_that_cannot_be_made_is_told_by_a_sentence(tmp_path):
    path = tmp_path / "none" / "run.checkpoint"
    words = f"the checkpoint {path} cannot be written, No such file or directory: make room or name another file"
    assert_refused(OSError, words, files.PathLock, path, "checkpoint")


def test_a_file_that_another_takes_for_an_abandoned_one_is_written_by_another_name(monkeypatch, tmp_path):
    tries = []
    lock_new = writing.lock_new

    def taken_at_first(descriptor, path):
        tries.append(path)
        if len(tries) > 1:
            return lock_new(descriptor, path)
        with open(path, "rb") as other:  # another writer looks for abandoned files
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
            return lock_new(descriptor, path)

    monkeypatch.setattr(writing, "lock_new", taken_at_first)
    network().save(tmp_path / "net")
    assert len(set(tries)) == 2
    assert os.listdir(tmp_path) == ["net"]


def test_on_a_disk_without_locks_files_are_written_and_runs_go_on(monkeypatch, tmp_path):
    def no_locks(descriptor, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(locks.fcntl, "flock", no_locks)
    unfinished = files.paths.beside(tmp_path / "net", "-0123.part")
    unfinished.touch()
    network().save(tmp_path / "net")
    assert fp.load(tmp_path / "net") is not None
    assert unfinished.exists()  # nobody knows whether its owner still writes it
    train(tmp_path / "run")
    train(tmp_path / "run", resume=True)


WITHOUT_LOCKS = """
import os, sys
import random  # it asks to be told of forks, as it would not where there are none
sys.modules["fcntl"] = None
del os.register_at_fork
import fastprop as fp
from fastprop.files import is_abandoned, locks
assert locks.fcntl is None
open(".fastprop-other.part", "w").close()
fp.MLP((3, 4, 2), seed=7).save("net.safetensors")
lock, other = (locks.PathLock("run", "checkpoint") for _ in range(2))
lock.release()
other.release()
open("abandoned", "w").close()
print(is_abandoned("abandoned"), sorted(os.listdir()))
"""


@pytest.mark.slow
def test_on_a_system_without_locks_and_forks_as_windows_files_are_written(tmp_path):
    printed = run_python(WITHOUT_LOCKS, tmp_path, PYTHONPATH=str(ROOT))
    assert printed == "False ['.fastprop-other.part', 'abandoned', 'net.safetensors']\n"
    assert fp.load(tmp_path / "net.safetensors").parameters.tobytes() == fp.MLP((3, 4, 2), seed=7).parameters.tobytes()


KILLED_WHILE_IT_WRITES = """
import os
import fastprop as fp
from fastprop import files
with files.replacing({path!r}, "network file") as file:
    file.write(b"half of it")
    file.flush()
    {then}
"""


@pytest.mark.slow
def test_what_a_killed_process_left_of_a_file_is_removed_when_the_file_is_written_again(tmp_path):
    path, other = tmp_path / "net", tmp_path / "other"
    for killed in (path, other):
        code = KILLED_WHILE_IT_WRITES.format(path=str(killed), then="os.kill(os.getpid(), 9)")
        with unmeasured():
            assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == -signal.SIGKILL
    assert len(os.listdir(tmp_path)) == 2
    network().save(path)
    assert len(os.listdir(tmp_path)) == 2  # what is left of the other file is not looked at
    network().save(other)
    assert sorted(os.listdir(tmp_path)) == ["net", "other"]


@pytest.mark.slow
def test_what_another_process_is_writing_is_not_removed(tmp_path):
    path = tmp_path / "net"
    code = KILLED_WHILE_IT_WRITES.format(path=str(path), then="print('written', flush=True); input()")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, **pipes) as process:
        assert process.stdout.readline() == "written\n"
        network().save(path)
        assert len(os.listdir(tmp_path)) == 2
        process.communicate("\n")
    assert process.returncode == 0
    assert path.read_bytes() == b"half of it"  # the last one that ends has written it
    assert os.listdir(tmp_path) == ["net"]


SAVE_OFTEN = """
import fastprop as fp
network = fp.MLP((2, 2, 1), seed={seed})
for _ in range(300):
    network.save({path!r})
"""


@pytest.mark.slow
def test_processes_that_write_one_file_again_and_again_all_succeed(tmp_path):
    codes = [SAVE_OFTEN.format(seed=seed, path=str(tmp_path / "net")) for seed in range(4)]
    processes = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) for code in codes]
    assert [process.wait() for process in processes] == [0] * 4
    assert os.listdir(tmp_path) == ["net"]
    assert fp.load(tmp_path / "net").layer_sizes == (2, 2, 1)


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


def test_only_regular_files_of_the_same_target_are_removed(tmp_path):
    path = tmp_path / "net"
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    files.paths.beside(path, "-link.part").symlink_to(victim)
    files.paths.beside(path, "-folder.part").mkdir()
    os.mkfifo(files.paths.beside(path, "-fifo.part"))
    files.paths.beside(path, "-old.part").touch()
    network().save(path)
    assert victim.read_text() == "untouched"
    left = {file.name.rpartition("-")[2] for file in tmp_path.iterdir()}
    assert left == {"net", "victim", "link.part", "folder.part", "fifo.part"}


def write(path):
    with files.replacing(path, "file"):
        time.sleep(0.01)


def read(path):
    with files.opened(path):
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.usefixtures("hears_ctrl_c")
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no signal can be sent at a time")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a file is closed when it is freed
@pytest.mark.parametrize(("call", "latest"), [(write, 4e-4), (read, 1e-4)])
def test_ctrl_c_while_a_file_is_opened_leaves_no_file_open(call, latest, tmp_path):
    path = tmp_path / "file"
    path.touch()
    waits = np.random.default_rng(0).uniform(5e-6, latest, 3000)
    before = len(os.listdir("/dev/fd"))
    previous = signal.signal(signal.SIGALRM, lambda *arguments: signal.raise_signal(signal.SIGINT))
    try:
        for wait in waits:
            with contextlib.suppress(KeyboardInterrupt):
                signal.setitimer(signal.ITIMER_REAL, wait)
                call(path)
                signal.setitimer(signal.ITIMER_REAL, 0)  # on a busy machine it may not have come yet
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert len(os.listdir("/dev/fd")) == before
    write(path)
    assert os.listdir(tmp_path) == ["file"]


def test_a_temporary_file_that_cannot_be_locked_is_closed(monkeypatch, tmp_path):
    def interrupted(descriptor, path):
        descriptors.append(descriptor)
        raise KeyboardInterrupt

    descriptors = []
    monkeypatch.setattr(files.writing, "lock_new", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fp.MLP((2, 2, 1)).save(tmp_path / "network.safetensors")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(*descriptors)
