"""The command line, ``fastprop sweep | train | …``: it parses arguments, calls public functions and prints."""

import os
import sys
import warnings

from fastprop.cli.parser import make_parser


def main(arguments=None):
    """Run a command and return the exit code.

    It is 0 if all went well; 2 for bad input or a failure, with one line on stderr; 1 if the result is there but one of
    its files could not be written, or if ``verify`` finds other bits; 130 after Ctrl-C; and 141 if what reads the
    output has closed it, as ``head`` does.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = _show_warning
            options = make_parser().parse_args(arguments)
            code = options.command(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left is written there at the exit
        return 141
    except (ValueError, TypeError, ImportError, OSError, MemoryError) as error:
        print(f"fastprop: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _show_warning(message, category, filename, lineno, file=None, line=None):
    """Print a warning as one line, without the place in the code that it comes from."""
    print(f"fastprop: {' '.join(str(message).split())}", file=sys.stderr)
