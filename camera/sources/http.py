"""A camera in the network that sends MJPEG, or single JPEGs, over HTTP; knows no threads."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any, Final

from camera.errors import CameraError
from camera.frame import Jpeg
from camera.jpeg import read_jpeg
from camera.sources import multipart
from camera.sources.pacing import Pacer

# Without a byte for so long the camera is gone. Seconds.
_TIMEOUT: Final = 10.0
# A camera of single pictures is asked so often.
_PICTURES_A_SECOND: Final = 10.0


class HttpSource:
    """A stream of multipart/x-mixed-replace, or an address that answers with one JPEG each time.

    url  http:// or https://; a user and password in it are sent as Basic or Digest, whichever the
         camera asks for, and never shown
    """

    def __init__(self, url: str) -> None:
        """Raises CameraError for an address that is none; it is not repeated there."""
        try:
            parts = urllib.parse.urlsplit(url)
            _ = parts.port
        except ValueError as error:
            raise CameraError(_NO_ADDRESS) from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise CameraError(_NO_ADDRESS)
        host = parts.netloc.rpartition("@")[2]
        self._url = urllib.parse.urlunsplit(parts._replace(netloc=host, fragment=""))
        self._shown = f"{host}{parts.path}"
        self._opener = _opener(self._url, parts.username, parts.password)
        self._answer: Any = None
        self._pictures: Iterator[Jpeg] | None = None
        self._pacer = Pacer(1.0 / _PICTURES_A_SECOND)

    def open(self) -> None:
        self.close()
        self._answer = self._ask()
        kind = self._answer.headers.get_content_type()
        if kind.startswith("image/"):
            self._pacer = Pacer(1.0 / _PICTURES_A_SECOND)
            return
        if kind.startswith("text/html"):
            raise CameraError(
                f"{self._shown} answers with a page; use the address of the camera's MJPEG stream."
            )
        self._pictures = multipart.pictures(self._answer)

    def read(self) -> Jpeg:
        if self._answer is None:
            raise CameraError("The camera is not open; open it first.")
        try:
            picture = self._single() if self._pictures is None else next(self._pictures, None)
        except (OSError, ValueError) as error:
            raise CameraError(f"{self._shown} stopped in the middle: {_reason(error)}.") from error
        if picture is None:
            raise CameraError(f"{self._shown} has ended its stream; it is asked again.")
        return picture

    def close(self) -> None:
        answer, self._answer, self._pictures = self._answer, None, None
        if answer is not None:
            answer.close()

    def describe(self) -> str:
        return f"http: {self._shown}"

    def _single(self) -> Jpeg | None:
        self._pacer.wait()
        if self._answer.closed:
            self._answer = self._ask()
        with self._answer as answer:
            data = answer.read(multipart.MAX_PICTURE_BYTES)
        picture = read_jpeg(data)
        if picture is None:
            raise CameraError(f"{self._shown} answers with something else than a whole JPEG.")
        return picture

    def _ask(self) -> Any:
        try:
            return self._opener.open(self._url, timeout=_TIMEOUT)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (401, 403):
                raise CameraError(
                    f"{self._shown} asks for another user or password: write them as "
                    "http://USER:PASSWORD@HOST/PATH, with special characters as %XX."
                ) from None
            raise CameraError(
                f"{self._shown} answers with status {error.code}; check the path of the address."
            ) from None
        except (OSError, ValueError) as error:
            raise CameraError(f"{self._shown} can't be reached: {_reason(error)}.") from None


_NO_ADDRESS: Final = "That is no address of a camera; write http://HOST/PATH or https://HOST/PATH."


def _opener(url: str, user: str | None, password: str | None) -> Any:
    handlers: list[Any] = []
    if user is not None:
        known = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        name, secret = (urllib.parse.unquote(text or "") for text in (user, password))
        known.add_password(None, url, name, secret)
        handlers += [
            urllib.request.HTTPBasicAuthHandler(known),
            urllib.request.HTTPDigestAuthHandler(known),
        ]
    # A proxy of the environment is for the internet, not for a camera beside the device.
    handlers.append(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener(*handlers)


def _reason(error: Exception) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return f"nothing came for {_TIMEOUT:g} s"
    if isinstance(reason, ssl.SSLError):
        return f"its certificate is not accepted ({reason.reason or 'TLS'})"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason) or type(reason).__name__
