"""python -m edge_server"""

import sys

from edge_server.cli import main

sys.exit(main())
