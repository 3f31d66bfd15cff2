"""`python -m camera`; the command line is in camera.cli."""

import sys

from camera.cli import main

if __name__ == "__main__":
    sys.exit(main())
