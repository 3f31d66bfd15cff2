"""Errors that know their HTTP status and exit status, and say in one sentence what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class EdgeError(Exception):
    """An error with a sentence for the user.

    `status` is the HTTP status of an answer; `exit_status` is that of a command: 2 where the
    command names something wrong, 1 where the machine or the data would not do it.
    `retry_after` is in seconds, for the Retry-After header.
    """

    status: ClassVar[int] = 500
    exit_status: ClassVar[int] = 1
    retry_after: int | None = None

    @property
    def headers(self) -> Sequence[tuple[str, str]]:
        """Headers of the answer, beside those of its body."""
        return [("Retry-After", str(self.retry_after))] if self.retry_after else []


class SettingError(EdgeError):
    """Settings that cannot be used; each argument is a sentence about one."""

    exit_status = 2

    def __str__(self) -> str:
        return "\n".join(map(str, self.args))


class ModelFileError(EdgeError):
    """A file is no usable .tflite model."""

    exit_status = 2


class ModelRefused(EdgeError):
    """A model loads but does not reproduce the answers that it carries."""


class ModelFailed(EdgeError):
    """A model that is in use gives no answer to a picture."""


class ModelNotFound(EdgeError):
    """There is no model, or no version, of this name."""

    status = 404


class ModelNotReady(EdgeError):
    """The model is known, but can't answer now."""

    status = 503
    retry_after = 1


class PortInUse(EdgeError):
    """The address to listen on cannot be had."""


class PageNotFound(EdgeError):
    """There is nothing at this address."""

    status = 404


class BadRequest(EdgeError):
    """The request cannot be understood."""

    status = 400


class Unauthorized(EdgeError):
    """The request carries no token, or a wrong one."""

    status = 401

    @property
    def headers(self) -> Sequence[tuple[str, str]]:
        # A line each: browsers do not look for Basic behind a comma.
        realm = 'realm="edge-server"'
        return [
            ("WWW-Authenticate", f"Bearer {realm}"),
            ("WWW-Authenticate", f'Basic {realm}, charset="UTF-8"'),
        ]


class Forbidden(EdgeError):
    """What is asked for is not allowed, whoever asks."""

    status = 403


class Misdirected(EdgeError):
    """The request names a host that this server is not."""

    status = 421


class ImageError(BadRequest):
    """An image is damaged or cut off. `position` is its place in a batch, from 0."""

    status = 422
    position: int | None = None


class UnsupportedImage(ImageError):
    """No image, or one of a kind that is not decoded here."""

    status = 415


class ImageTooLarge(ImageError):
    """More pixels than the limit, refused before they are decoded."""

    status = 413


class TensorError(BadRequest):
    """A tensor that does not fit the model's input."""


class BodyTooLarge(BadRequest):
    """A request body over the limit, as it was before it was compressed."""

    status = 413


class UnsupportedMediaType(BadRequest):
    """A request body of a kind that this route does not take."""

    status = 415


class NotOffered(EdgeError):
    """A part of a protocol that is not offered here."""

    status = 501


class Overloaded(EdgeError):
    """The queue for an interpreter is full."""

    status = 503
    retry_after = 1


class DeadlineExceeded(EdgeError):
    """The request's deadline came before its answer."""

    status = 504


class ClientGone(EdgeError):
    """Whoever asked has left. Nobody reads the answer; the status is for the log, as nginx's."""

    status = 499


class TooManySubscribers(EdgeError):
    """As many follow the events already as may."""

    status = 503
    retry_after = 5


class CameraUnavailable(EdgeError):
    """There is no camera, or it has no fresh frame."""

    status = 503
    retry_after = 1
