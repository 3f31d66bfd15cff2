"""python -m edge_server"""

import sys

from camera.command import not_installed

try:
    from edge_server.cli import main
except ModuleNotFoundError as error:
    sys.exit(f"edge-server: {not_installed(error, 'edge')}")

sys.exit(main())
