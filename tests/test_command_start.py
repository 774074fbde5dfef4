"""Ctrl-C before the command line has begun its work ends it quietly."""

import os
import re
import signal
import subprocess
import sys

import pytest

from tests.processes import TIMEOUT
from tests.test_cli_refused import SCRIPT


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
@pytest.mark.parametrize("loaded", ["numpy._core", "fastprop.options", "fastprop.cli"])
@pytest.mark.parametrize("start", [["-m", "fastprop"], [SCRIPT]], ids=["module", "script"])
def test_ctrl_c_while_modules_load_is_exit_code_130_and_nothing_else(start, loaded):
    environment = os.environ | {"PYTHONPROFILEIMPORTTIME": "1"}  # a line on stderr for each module that is loaded
    process = subprocess.Popen(
        [sys.executable, *start, "sweep", "digits"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert any(re.search(rf"\| +{re.escape(loaded)}$", line) for line in process.stderr)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=TIMEOUT)
    finally:
        process.kill()
        process.communicate()
    told = [line for line in errors.splitlines() if not line.startswith("import time:")]
    assert process.returncode == 130
    assert output == ""
    assert all(line.startswith("fastprop: Ctrl-C has ended the command") for line in told), told


@pytest.mark.slow
def test_a_program_that_imports_fastprop_keeps_its_own_ctrl_c():
    script = "import signal, fastprop; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    ended = subprocess.run(
        [sys.executable, "-c", f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {script}"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert ended.stdout == "True\n"
