"""Adds kernels to the package while it is built, see `fastprop/shipped_kernels.py`; without them it works as well."""

import subprocess
import sys

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class KernelsHook(BuildHookInterface):
    """Runs before a wheel is made, also before that of an editable installation."""

    def initialize(self, version, build_data):
        command = [sys.executable, "-m", "fastprop.shipped_kernels"]
        if subprocess.run(command, cwd=self.root).returncode != 0:
            self.app.display_warning("The wheel has no kernels: the first training on a machine compiles them.")
