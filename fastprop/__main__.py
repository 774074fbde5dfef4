"""Run the command line: ``python -m fastprop``."""

import sys

from fastprop.cli import main

if __name__ == "__main__":
    sys.exit(main())
