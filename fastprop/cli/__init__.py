"""The command line, ``fastprop sweep | train | …``: it parses arguments, calls public functions and prints."""

import contextlib
import sys
import warnings

from fastprop import command_start
from fastprop.standard_streams import Unbroken, open_closed_descriptors, say


def main(arguments=None):
    """Run a command and return the exit code.

    It is 0 if all went well; 2 for bad input or a failure, with one line on stderr; 1 if the result is there but one of
    its files or the output could not be written, or if ``verify`` finds other bits; 130 after Ctrl-C; and 141 if what
    reads the output has closed it, as ``head`` does. Output that cannot be written does not end the command.
    """
    open_closed_descriptors()
    output = Unbroken(sys.stdout)
    errors = Unbroken(sys.stderr)
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            code = _run(arguments)
        finally:
            output.flush()
            if output.error is not None and not isinstance(output.error, BrokenPipeError):
                say(f"the output could not be written: {getattr(output.error, 'strerror', None) or output.error}")
            errors.flush()
            for stream in (output, errors):
                if stream.error is not None:
                    stream.drop_what_is_left()
    if output.error is None:
        return code
    return code or (141 if isinstance(output.error, BrokenPipeError) else 1)


def _run(arguments):
    """Run a command and return its exit code; see `main`."""
    try:
        command_start.end_by_exception()
        from fastprop import checks
        from fastprop.cli import standard_input
        from fastprop.cli.parser import make_parser  # the kernels refuse bad settings of the environment when imported
        from fastprop.cli.spelling import spelling

        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = _show_warning
            options = make_parser().parse_args(arguments)
            if hasattr(options, "data"):
                options.data = standard_input.as_file(options.data)
            with checks.spelled_as(spelling(options)):
                return options.command(options)
    except (ValueError, TypeError, ImportError, OSError, MemoryError, RuntimeError) as error:
        say(str(error) or _WITHOUT_WORDS.get(type(error), repr(error)))
        return 2
    except KeyboardInterrupt:
        say("Ctrl-C has ended the command before its result was there.")
        return 130


_WITHOUT_WORDS = {MemoryError: "there is not enough memory: give less data, smaller layers or fewer configurations."}
"""What is said of an exception that says nothing, by its type."""


def _show_warning(message, category, filename, lineno, file=None, line=None):
    """Print a warning as one line, without the place in the code that it comes from."""
    say(" ".join(str(message).split()))
