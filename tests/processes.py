"""Python in a process of its own, for what only a whole process can show."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent

# A shell starts what it runs in the background deaf to Ctrl-C.
HEAR_INTERRUPTS = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"


def output_after_interrupt(script, after):
    """Run a script, press Ctrl-C `after` seconds after it printed "go", and return what it printed from then on."""
    process = subprocess.Popen([sys.executable, "-c", HEAR_INTERRUPTS + script], stdout=subprocess.PIPE, text=True)
    try:
        assert "go\n" in iter(process.stdout.readline, "")
        time.sleep(after)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=5)  # a second is promised; this is against a hang on a busy machine
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    return output


def run_python(code, directory=ROOT, **environment):
    """Run `code` in a new Python, started in `directory`, where warnings are errors; return what it printed."""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=directory, env=os.environ | environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout
