"""A camera that sees a handwritten digit, which a test chooses."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from camera.sources.demo import demo_digits, picture


class DigitCamera:
    """A folder of one picture; `spec` names it as --camera does. It sees the first digit."""

    def __init__(self, path: Path) -> None:
        path.mkdir()
        self._path = path
        self._tiles, self._labels = demo_digits()
        self.spec = f"folder:{path}"
        self.show(0)

    def show(self, index: int) -> str:
        """Have it see a digit; returns which."""
        encoded = io.BytesIO()
        Image.fromarray(picture(self._tiles, index)).save(encoded, "JPEG", quality=95)
        new = self._path / ".new"
        new.write_bytes(encoded.getvalue())
        new.rename(self._path / "a.jpg")
        return str(self._labels[index])

    def clear(self) -> None:
        """Take its picture away: the camera is lost."""
        (self._path / "a.jpg").unlink()
