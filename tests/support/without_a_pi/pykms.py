"""Of python3-kms++, which brings pictures to a Pi's own screen, the name that picamera2 imports."""

from unittest.mock import MagicMock

PixelFormat = MagicMock()
