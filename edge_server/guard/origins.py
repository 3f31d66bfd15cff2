"""Origins of web pages, and names of this machine, as strings. Knows no requests."""

from __future__ import annotations

import ipaddress
import re
import socket
from functools import lru_cache
from typing import Final

from edge_server.errors import SettingError

_ORIGIN: Final = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d+)?")
# Nobody can own a name that ends so in the public DNS (RFC 6761, 6762 and 8375; ICANN's decisions).
_LOCAL_ENDINGS: Final = (
    *(".localhost", ".local", ".home.arpa", ".internal"),
    *(".lan", ".home", ".corp", ".intranet", ".private"),
    ".svc",  # inside of a Kubernetes cluster
)


def check_origins(origins: tuple[str, ...]) -> None:
    """Raises SettingError for what is no origin."""
    for origin in origins:
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise SettingError(
                f"{origin} is no origin: use the beginning of a page's address without a path, "
                "such as https://example.org or http://192.168.1.5:3000, or * for all."
            )


def names(origins: tuple[str, ...], origin: str) -> bool:
    """Whether an origin is among those that are named."""
    return "*" in origins or origin in origins


@lru_cache(maxsize=64)
def host_name(host: str) -> str:
    """The name in a Host header, without port and brackets, in small letters."""
    return re.sub(r":\d*$", "", host).strip("[]").rstrip(".").lower()


def is_local_name(name: str) -> bool:
    """Whether it is an address, or a name that no foreign site can have."""
    if "." not in name or name.endswith(_LOCAL_ENDINGS) or _is_address(name):
        return True
    return name == socket.gethostname().lower()


@lru_cache(maxsize=64)
def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
