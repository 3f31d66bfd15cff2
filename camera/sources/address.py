"""The address of a camera in the network, and what may be shown of it; opens nothing."""

from __future__ import annotations

import re
import ssl
import urllib.error
import urllib.parse
from collections.abc import Collection
from dataclasses import dataclass, field

from camera.errors import CameraError

# Some cameras want the password in the path: /user=admin&password=...
_SECRET_PATH = re.compile(r"pass|pwd|user|token|key|auth", re.IGNORECASE)


@dataclass(frozen=True)
class Address:
    """A URL in its parts; its `repr` shows no credentials.

    url       without user and password
    shown     host and path, for people: without credentials and query
    user      as the camera knows it, not quoted; None where there is none
    password  the same
    """

    scheme: str
    host: str
    port: int | None
    shown: str
    url: str = field(repr=False)
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)

    @property
    def with_credentials(self) -> str:
        """The URL with user and password, both quoted. Never to be shown."""
        if self.user is None:
            return self.url
        user = urllib.parse.quote(self.user, safe="")
        password = urllib.parse.quote(self.password or "", safe="")
        return self.url.replace("://", f"://{user}:{password}@", 1)


def parse(url: str, schemes: Collection[str]) -> Address:
    """A URL of one of the schemes. Raises CameraError, without repeating the URL."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError:
        raise _no_address(schemes) from None
    if parts.scheme not in schemes or not parts.hostname or re.search(r"[\0-\x20\x7f]", url):
        raise _no_address(schemes)
    netloc = parts.netloc.rpartition("@")[2]
    user, password = (
        None if text is None else urllib.parse.unquote(text)
        for text in (parts.username, parts.password)
    )
    return Address(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port,
        shown=netloc if _SECRET_PATH.search(parts.path) else f"{netloc}{parts.path}",
        url=urllib.parse.urlunsplit(parts._replace(netloc=netloc, fragment="")),
        user=user,
        password=password,
    )


def _no_address(schemes: Collection[str]) -> CameraError:
    ways = " or ".join(f"{scheme}://HOST/PATH" for scheme in schemes)
    return CameraError(
        f"That is no address of a camera; write {ways}, "
        "and special characters of a password as %XX."
    )


def reason(error: Exception, timeout: float) -> str:
    """Why a camera can't be reached or stopped, in a few words; `timeout` is what it had (s)."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"nothing came for {timeout:g} s"
    if isinstance(cause, ssl.SSLError):
        return f"its certificate is not accepted ({cause.reason or 'TLS'})"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause) or type(cause).__name__
