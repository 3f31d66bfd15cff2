"""python -m convert"""

import os
import sys

from camera.command import not_installed

try:
    from convert.cli import EXIT_INTERRUPTED, main
except ModuleNotFoundError as error:
    sys.exit(f"edge-convert: {not_installed(error, 'dev')}")


def run() -> None:
    """The process: run the command, and leave with its exit status."""
    try:
        status = main()
    except KeyboardInterrupt:  # a second one, while the first was being answered
        status = EXIT_INTERRUPTED
    if status == EXIT_INTERRUPTED:
        # TensorFlow's native code may hold the interrupt back and raise it while Python shuts
        # down, which would end the process by a signal instead.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    run()
