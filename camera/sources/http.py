"""A camera in the network that sends MJPEG, or single JPEGs, over HTTP; knows no threads."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, Final

from camera.errors import CameraError
from camera.frame import Jpeg
from camera.jpeg import read_jpeg
from camera.sources import multipart
from camera.sources.address import Address, parse, reason
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
        address = parse(url, ("http", "https"))
        self._url = address.url
        self._shown = address.shown
        self._opener = _opener(address)
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
            raise CameraError(
                f"{self._shown} stopped in the middle: {reason(error, _TIMEOUT)}."
            ) from error
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
            raise CameraError(
                f"{self._shown} can't be reached: {reason(error, _TIMEOUT)}."
            ) from None


def _opener(address: Address) -> Any:
    handlers: list[Any] = []
    if address.user is not None:
        known = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        known.add_password(None, address.url, address.user, address.password or "")
        handlers += [
            urllib.request.HTTPBasicAuthHandler(known),
            urllib.request.HTTPDigestAuthHandler(known),
        ]
    # A proxy of the environment is for the internet, not for a camera beside the device.
    handlers.append(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener(*handlers)
