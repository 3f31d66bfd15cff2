"""How much memory this process has taken at most."""

from __future__ import annotations

import sys


def peak_megabytes() -> int | None:
    """The largest resident size so far, in 10^6 bytes; None where the system does not say."""
    try:
        import resource  # noqa: PLC0415  not there on Windows
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kilobytes of 1024, macOS bytes.
    return round(peak / 1e6) if sys.platform == "darwin" else round(peak * 1024 / 1e6)
