"""`python -m camera`; the command line is in camera.cli."""

import sys

from camera.command import not_installed

try:
    from camera.cli import main
except ModuleNotFoundError as error:
    sys.exit(f"edge-camera: {not_installed(error, 'edge')}")

if __name__ == "__main__":
    sys.exit(main())
