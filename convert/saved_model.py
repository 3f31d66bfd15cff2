"""Where source_path's checks were called by before there were other kinds of source."""

from __future__ import annotations

from convert.source_path import check_path, fingerprint

__all__ = ["check_path", "fingerprint"]
