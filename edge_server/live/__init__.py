"""Newest frame -> newest classification, for everybody who asks or follows."""

from edge_server.live.answer import LiveAnswer
from edge_server.live.live import Live

__all__ = ["Live", "LiveAnswer"]
