"""Sends the pictures of a Raspberry Pi's CSI camera as a stream of parts.

The system's own Python runs this file by its path, since picamera2 comes with Raspberry Pi OS and
no virtual environment has it. So it imports nothing of this program.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import signal
import sys
import threading
from typing import IO, Any, NoReturn

# Of the line for the user, among those that libcamera writes.
MARK = "edge-camera: "


def fail(sentence: str) -> NoReturn:
    sys.stderr.write(f"{MARK}{sentence}\n")
    sys.exit(1)


def load() -> Any:
    try:
        import picamera2  # noqa: PLC0415, a machine without it gets a sentence
        import picamera2.encoders  # noqa: PLC0415
        import picamera2.outputs  # noqa: PLC0415
    except ImportError as error:
        fail(
            "The system's Python has no picamera2; on Raspberry Pi OS run "
            f"sudo apt-get install python3-picamera2 ({error})."
        )
    return picamera2


class Newest(io.BufferedIOBase):
    """Keeps the newest picture that the encoder wrote, one at each call."""

    def __init__(self) -> None:
        super().__init__()
        self._picture: bytes | None = None
        self._came = threading.Condition()

    def writable(self) -> bool:
        return True

    def write(self, picture: Any) -> int:
        with self._came:
            self._picture = bytes(picture)
            self._came.notify()
        return len(picture)

    def take(self) -> bytes:
        with self._came:
            self._came.wait_for(lambda: self._picture is not None)
            picture, self._picture = self._picture or b"", None
        return picture


def cameras(picamera2: Any) -> list[dict[str, Any]]:
    """The CSI cameras; picamera2 numbers USB cameras behind them."""
    known = picamera2.Picamera2.global_camera_info()
    return [camera for camera in known if "/usb" not in camera.get("Id", "")]


def stream(picamera2: Any, options: argparse.Namespace) -> None:
    count = len(cameras(picamera2))
    if count == 0:
        fail(
            "There is no CSI camera; check its cable while the power is off, "
            "and close other programs that use it."
        )
    if options.camera >= count:
        have = "csi:0 alone" if count == 1 else f"csi:0 to csi:{count - 1}"
        fail(
            f"There is no CSI camera {options.camera}, but {have}; "
            "check its cable while the power is off, then start again."
        )
    width, height = (int(side) for side in options.size.split("x"))
    controls = {}
    if options.fps:
        microseconds = round(1e6 / options.fps)
        controls["FrameDurationLimits"] = (microseconds, microseconds)
    try:
        camera = picamera2.Picamera2(options.camera)
        camera.configure(
            camera.create_video_configuration(main={"size": (width, height)}, controls=controls)
        )
    except RuntimeError as error:
        fail(f"The CSI camera can't be opened; close other programs that use it ({error}).")
    newest = Newest()
    camera.start_recording(encoder(picamera2.encoders), picamera2.outputs.FileOutput(newest))
    try:
        with os.fdopen(options.output, "wb") as output:
            send(newest, output)
    finally:
        camera.stop_recording()
        camera.close()


def encoder(encoders: Any) -> Any:
    """The Pi's hardware where there is some (not on a Pi 5).

    There MJPEGEncoder is another name for one in software, whose threads hold back pictures.
    """
    if encoders.MJPEGEncoder.__name__ == "MJPEGEncoder":
        return encoders.MJPEGEncoder()
    return encoders.JpegEncoder(q=85)


def send(newest: Newest, output: IO[bytes]) -> None:
    while True:
        picture = newest.take()
        output.write(b"--picture\r\nContent-Length: %d\r\n\r\n" % len(picture))
        output.write(picture)
        output.write(b"\r\n")
        output.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--output", type=int, default=1, help="a file descriptor")
    parser.add_argument("--camera", type=int, default=0)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--fps", type=float, default=0.0)
    options = parser.parse_args()
    picamera2 = load()
    if options.list:
        sys.stdout.write(json.dumps([camera.get("Model", "") for camera in cameras(picamera2)]))
        return
    # A shell's script has what it starts in the background ignore this, and its children too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Told to end, or nobody reads any more.
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        stream(picamera2, options)


if __name__ == "__main__":
    main()
