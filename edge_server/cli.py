"""The command line of the server: settings in, exit status and one sentence out."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from edge_server import settings
from edge_server.errors import EdgeError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server; returns the exit status."""
    try:
        chosen = settings.read(arguments)
        logging.basicConfig(
            level=chosen.log_level.upper(),
            format="%(asctime)s %(levelname)s %(name)s %(message)s",
            stream=sys.stderr,
        )
        # Imported late, so that --help and a wrong option are answered at once.
        from edge_server import server

        server.run(chosen)
    except EdgeError as error:
        print(f"edge-server: {error}", file=sys.stderr)
        return error.exit_status
    return 0
