"""Files that several runs and processes use: locks, temporary files, and what killed processes leave of them."""

import contextlib
import errno
import fcntl
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import fastprop as fp
from fastprop import files
from fastprop.files import locks, writing
from tests.compare import assert_refused
from tests.processes import ROOT, run_python, unmeasured
from tests.written_files import network, train

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
