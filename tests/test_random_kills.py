"""Runs that are killed at random moments go on to the bits of undisturbed runs."""

import os
import subprocess
import sys

import pytest

from tests.processes import ROOT, TIMEOUT, unmeasured

KILLS = int(os.environ.get("FASTPROP_KILLS", 10))
"""How many kills are tried, the same ones each time as far as the machine's speed allows."""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked")
def test_what_random_kills_leave_goes_on_to_the_bits_of_undisturbed_runs(tmp_path):
    pytest.importorskip("optuna")
    command = [sys.executable, "-m", "tests.random_kills", str(KILLS)]
    with unmeasured():
        environment = os.environ | {"TMPDIR": str(tmp_path)}  # a sweep that is killed leaves its folder for the workers
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT + 10 * KILLS
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{KILLS} kills of " in done.stdout
