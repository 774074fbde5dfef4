"""The command line, ``fastprop sweep | train | …``: it parses arguments, calls public functions and prints."""

import sys

from fastprop.cli.parser import make_parser


def main(arguments=None):
    """Run a command and return the exit code: 0, 2 for bad input (one line on stderr), or 130 after Ctrl-C."""
    try:
        options = make_parser().parse_args(arguments)
        return options.command(options)
    except (ValueError, TypeError, ImportError, OSError) as error:
        print(f"fastprop: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
