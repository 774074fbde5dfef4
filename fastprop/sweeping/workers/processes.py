"""Adapters of executors whose workers are processes: `ProcessPoolExecutor`, those of loky, and unknown executors."""

import os
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from fastprop.sweeping.workers.base import Adapter, private_attribute
from fastprop.sweeping.workers.shared_folder import SharedFolder
from fastprop.sweeping.workers.threads import ThreadPoolAdapter


class ProcessAdapter(Adapter):
    """The adapter of any executor: its workers may be processes, on this machine or on others that share a folder."""

    @classmethod
    def accepts(cls, executor):
        return True

    def count(self):
        # Python and loky call the number `_max_workers`, others `num_workers`; some executors do not know it.
        for name in ("_max_workers", "num_workers"):
            if isinstance(count := getattr(self.executor, name, None), int):
                return count
        return os.cpu_count() or 1

    def share(self, value):
        return SharedFolder(value)

    def renew(self, count):
        warnings.warn(
            f"a worker of {type(self.executor).__name__} died, and no new one can be made: the rest is done in this "
            "process.",
            RuntimeWarning,
            stacklevel=2,
        )
        return ThreadPoolAdapter(ThreadPoolExecutor(count))


class ProcessPoolAdapter(ProcessAdapter):
    """The adapter of `ProcessPoolExecutor`, which breaks when a worker dies."""

    @classmethod
    def accepts(cls, executor):
        return isinstance(executor, ProcessPoolExecutor)

    def renew(self, count):
        # Nothing public says what the executor was made of.
        names = "_max_workers", "_mp_context", "_initializer", "_initargs"
        arguments = [private_attribute(self.executor, name, "Python 3.11 to 3.14") for name in names]
        return ProcessPoolAdapter(ProcessPoolExecutor(*arguments))


class LokyAdapter(ProcessAdapter):
    """The adapter of loky's executors, which break when a worker dies."""

    @classmethod
    def accepts(cls, executor):
        loky = sys.modules.get("loky")
        return loky is not None and isinstance(executor, loky.ProcessPoolExecutor)

    def renew(self, count):
        # Nothing public says what the executor was made of.
        names = "max_workers", "timeout", "context", "initializer", "initargs", "env"
        options = {name: private_attribute(self.executor, f"_{name}", "loky 3.7") for name in names}
        return LokyAdapter(sys.modules["loky"].ProcessPoolExecutor(**options))
