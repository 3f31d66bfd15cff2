"""Values for the description's examples: a real picture, which the bundled model answers with 3."""

from __future__ import annotations

from typing import Final

# A PNG of 8x8 pixels: a held-out digit of the demo camera, dark on light.
PICTURE: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAAAAADhZOFXAAAASElEQVR42iXGQRGAIBRAwTeOAX4EIhDBCEQggk2sYAPGJNAA"
    "GxDheXBPi6sEp2KnVpboXKkoauL6k6G5AX0y2OF+n8igwdH0A2oHI+gNN0/OAAAAAElFTkSuQmCC"
)
