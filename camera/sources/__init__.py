"""Where pictures come from: one module a kind of source, and the string that names one.

A source knows nothing of threads, reconnection and viewers.
"""

from camera.sources.source import Source
from camera.sources.spec import KINDS, from_spec

__all__ = ["KINDS", "Source", "from_spec"]
