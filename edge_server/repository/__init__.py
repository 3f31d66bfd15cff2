"""Which models are served, from files that come, change and go while the server runs."""

from edge_server.repository.repository import Repository
from edge_server.repository.status import State, VersionStatus

__all__ = ["Repository", "State", "VersionStatus"]
