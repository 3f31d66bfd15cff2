"""Whether the page on this device's screen lives, by what the server knows of it."""

from __future__ import annotations

import base64
import http.client
import ipaddress
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from edge_server.errors import SettingError

# A server that is at work answers within this. Seconds.
_ANSWER_SECONDS: Final = 5.0


class Server:
    """The server whose page is shown."""

    def __init__(self, url: str) -> None:
        """`url` is that of the page, with user and token where the server asks for them.

        Raises SettingError for what is no such address.
        """
        try:
            parts = urlsplit(url)
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            parts, port = SplitResult("", "", "", "", ""), ""
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingError(
                f"'{url}' is no address of a page: use one like http://localhost:8080/."
            )
        self.url = url
        self.is_here = _is_here(parts.hostname)
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self._status = urlunsplit((parts.scheme, host + port, "/status.json", "", ""))
        self._headers: dict[str, str] = {}
        if parts.password is not None:
            pair = f"{unquote(parts.username or '')}:{unquote(parts.password)}"
            told = base64.b64encode(pair.encode()).decode("ascii")
            self._headers["Authorization"] = f"Basic {told}"
        tls = ssl.create_default_context()
        if self.is_here:  # its certificate is for the name that others know it by
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE
        # Through no proxy: the server is here, or in the same network.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls)
        )

    def kiosk_seen(self) -> str | None:
        """When a page on this device has last asked, in the server's words; None before that.

        Raises OSError where the server does not answer now, SettingError where it asks for a token.
        """
        request = urllib.request.Request(self._status, headers=self._headers)
        try:
            with self._opener.open(request, timeout=_ANSWER_SECONDS) as answer:
                document: Any = json.loads(answer.read())
            seen: str | None = document["server"]["kiosk_seen_at"]
        except urllib.error.HTTPError as error:
            if error.code == 401:
                raise SettingError(
                    "The server asks for a token, and none or a wrong one is given: name the page "
                    "as http://edge:TOKEN@localhost:8080/."
                ) from error
            raise
        except (ValueError, KeyError, TypeError, http.client.HTTPException) as error:
            raise OSError(f"what answers at {self._status} is no edge server") from error
        return seen


class Watch:
    """How long nothing was heard of the page while the server was there to hear it."""

    def __init__(self, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`patience` in seconds; begins now."""
        self._patience, self._clock = patience, clock
        self._seen: str | None = None
        self._alive = clock()
        self._is_first = True
        # Whether the page has asked at all.
        self.has_heard = False

    def heard(self, seen: str | None) -> None:
        """What the server says now; at first that is of the page before. Its clock may be set
        meanwhile, so only changes count."""
        if seen != self._seen and not self._is_first:
            self._alive, self.has_heard = self._clock(), True
        self._seen, self._is_first = seen, False

    def server_gone(self) -> None:
        """The server does not answer: the page says so itself, and comes back with it."""
        self._alive = self._clock()

    @property
    def is_over(self) -> bool:
        """Whether the page has been silent for too long."""
        return self._clock() - self._alive > self._patience


def _is_here(host: str) -> bool:
    """Whether this is this device, of which alone the server knows when its page has asked."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
