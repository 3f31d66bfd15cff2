"""What can go wrong with a camera, said to its user; knows no HTTP status."""

from __future__ import annotations


class CameraError(Exception):
    """A camera can't do what was asked; its text is one sentence that says what to do about it.

    The text never holds credentials, since it is shown on pages and written to logs.
    """


class TooManyViewers(CameraError):
    """The cap on viewers at one time is reached."""

    def __init__(self, max_viewers: int) -> None:
        super().__init__(
            f"All {max_viewers} places for viewers of the camera are taken; "
            "close one of them or try again later."
        )
        self.max_viewers = max_viewers
