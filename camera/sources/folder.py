"""A slideshow of the pictures in a folder; knows nothing of cameras."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from camera.errors import CameraError
from camera.frame import Pixels
from camera.sources.pacing import Pacer

FPS = 10
MAX_SIZE = (1280, 720)
SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})

_log = logging.getLogger(__name__)


class FolderSource:
    """Each picture of a folder in the order of names, for `interval` seconds, over and over.

    FPS pictures a second, so that the camera counts as live between two of them. Pictures that
    can't be read are skipped and logged once; ones that are added are shown in the next round.
    """

    def __init__(self, folder: Path, *, interval: float = 2.0) -> None:
        self._folder = folder
        self._interval = interval
        self._pacer = Pacer(1.0 / FPS)
        self._show: Iterator[Pixels] = iter(())

    def open(self) -> None:
        list_pictures(self._folder)
        self._pacer = Pacer(1.0 / FPS)
        self._show = self._pictures()

    def read(self) -> Pixels:
        self._pacer.wait()
        try:
            return next(self._show)
        except StopIteration:
            raise CameraError("The folder of pictures is not open; open it first.") from None

    def close(self) -> None:
        self._show = iter(())

    def describe(self) -> str:
        return f"folder: {self._folder.name or self._folder}"

    def _pictures(self) -> Iterator[Pixels]:
        repeats = max(1, round(self._interval * FPS))
        unreadable: set[Path] = set()
        while True:
            shown = 0
            for path in list_pictures(self._folder):
                try:
                    pixels = load_picture(path)
                except CameraError as error:
                    if path not in unreadable:
                        _log.warning("%s", error)
                        unreadable.add(path)
                    continue
                shown += 1
                for _ in range(repeats):
                    yield pixels
            if not shown:
                raise CameraError(
                    f"None of the pictures in {self._folder} can be read; "
                    "put JPEG or PNG files there."
                )


def list_pictures(folder: Path) -> list[Path]:
    """The picture files directly in `folder`, by name; CameraError where there are none."""
    try:
        found = sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
        )
    except FileNotFoundError:
        raise CameraError(
            f"There is no folder {folder}; check the path behind folder: or make it."
        ) from None
    except NotADirectoryError:
        raise CameraError(f"{folder} is no folder; name the folder that it is in.") from None
    except OSError as error:
        raise CameraError(
            f"The folder {folder} can't be read ({error.strerror}); check its permissions."
        ) from error
    if not found:
        raise CameraError(f"The folder {folder} has no pictures; put JPEG or PNG files there.")
    return found


def load_picture(path: Path) -> Pixels:
    """A picture file, upright by its EXIF orientation and reduced to fit into MAX_SIZE.

    Returns uint8 (H, W, 3) RGB with the proportions of the picture; a transparent picture stands
    on white. Raises CameraError for a file that is no picture.
    """
    try:
        with Image.open(path) as image:
            # Lets the JPEG decoder reduce by a power of two, which saves most of the time. The
            # draft may lie on its side, so its shorter side has to do for either orientation.
            image.draft("RGB", (max(MAX_SIZE), max(MAX_SIZE)))
            upright = _on_white(ImageOps.exif_transpose(image))
            upright.thumbnail(MAX_SIZE, Image.Resampling.LANCZOS)
            return np.asarray(upright, dtype=np.uint8)
    except UnidentifiedImageError as error:
        raise CameraError(f"The file {path} is no picture and is left out.") from error
    except Exception as error:
        # Pillow's decoders raise nearly anything on damaged files.
        reason = str(error) or type(error).__name__
        raise CameraError(
            f"The picture {path} can't be read and is left out ({reason})."
        ) from error


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
