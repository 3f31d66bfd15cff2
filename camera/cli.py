"""`python -m camera`: look at cameras from the command line; knows nothing of the server."""

from __future__ import annotations

import argparse
import logging
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from camera.command import program
from camera.errors import CameraError
from camera.grabber import Grabber
from camera.jpeg import encode_rgb
from camera.measure import frame_after, measure
from camera.sources.csi_devices import is_csi_hardware, list_csi_cameras, list_jetson_cameras
from camera.sources.source import Source
from camera.sources.spec import KINDS, from_spec
from camera.sources.v4l2.listing import VideoDevice, list_devices
from camera.sources.v4l2.offer import shown

OK, FAILED, WRONG_USAGE = 0, 1, 2
_SPEC_HELP = "which camera; `list` shows what there is"
_SPEC_WIDTH = 48
_QUALITY = 90


class _Parser(argparse.ArgumentParser):
    """Says one sentence on wrong usage, without the usage lines before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_USAGE, f"{self.prog}: {message}; see {self.prog} --help.\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status (0 good, 2 wrong usage, 1 anything else)."""
    options = _parser().parse_args(arguments)
    if options.verbose:
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    else:
        # Without a handler Python would write warnings beside the one sentence.
        logging.getLogger("camera").addHandler(logging.NullHandler())
    try:
        if options.command == "list":
            return _list()
        try:
            source = from_spec(options.spec)
        except CameraError as error:
            return _say(str(error), WRONG_USAGE)
        if options.command == "snapshot":
            return _snapshot(source, options)
        return _measure(source, options)
    except CameraError as error:
        return _say(str(error), FAILED)
    except KeyboardInterrupt:
        return _say("Interrupted.", FAILED)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=program("camera"), description="Look at cameras.")
    parser.add_argument("-v", "--verbose", action="store_true", help="log what happens to stderr")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="what this machine has, and the string to use for it")

    snapshot = commands.add_parser("snapshot", help="write one picture as JPEG")
    snapshot.add_argument("spec", metavar="SPEC", help=_SPEC_HELP)
    snapshot.add_argument("-o", "--output", required=True, type=Path, metavar="FILE.jpg")
    snapshot.add_argument(
        "--skip",
        type=_whole,
        default=0,
        metavar="N",
        help="pictures to leave out first, while the camera finds its exposure (default 0)",
    )
    snapshot.add_argument(
        "--quality",
        type=_quality,
        metavar="1..100",
        help="of the JPEG (default: the camera's own JPEG as it is, else 90)",
    )
    snapshot.add_argument(
        "--timeout",
        type=_seconds,
        default=15.0,
        metavar="S",
        help="seconds to wait for a picture (default 15)",
    )

    measuring = commands.add_parser("measure", help="frames a second, time to read, drops")
    measuring.add_argument("spec", metavar="SPEC", help=_SPEC_HELP)
    measuring.add_argument(
        "--seconds", type=_seconds, default=5.0, metavar="S", help="how long (default 5)"
    )
    return parser


def _list() -> int:
    devices = [device for device in list_devices() if not is_csi_hardware(device.name)]
    rows = [_device_row(device) for device in devices]
    rows += [(spec, [name]) for spec, name in list_csi_cameras() + list_jetson_cameras()]
    if not rows:
        print("No camera is plugged in, or none that this machine knows.\n")
    _print_rows("Cameras of this machine", rows)
    _print_rows("What can be used", [(kind.syntax, [kind.meaning]) for kind in KINDS.values()])
    return OK


def _device_row(device: VideoDevice) -> tuple[str, list[str]]:
    """A device's string, then its name and a line for each pixel format that can be used."""
    usable = shown(device.offers)
    if not usable:
        codes = ", ".join(offer.code for offer in device.offers) or "none"
        usable = [device.note or f"no pixel format that is known here ({codes})"]
    return device.spec, [device.name, *usable]


def _print_rows(title: str, rows: list[tuple[str, list[str]]]) -> None:
    if not rows:
        return
    width = min(_SPEC_WIDTH, max(len(spec) for spec, _ in rows))
    print(title)
    for spec, (first, *more) in rows:
        print(f"  {spec:<{width}}  {first}")
        for line in more:
            print(f"    {line}")


def _snapshot(source: Source, options: argparse.Namespace) -> int:
    with Grabber(source) as grabber:
        frame = frame_after(grabber, 0, options.timeout)
        while frame.number <= options.skip:
            frame = frame_after(grabber, frame.number, options.timeout)
    jpeg = frame.jpeg if options.quality is None else None
    if jpeg is None:
        jpeg = encode_rgb(frame.pixels, options.quality or _QUALITY)
    try:
        options.output.write_bytes(jpeg)
    except OSError as error:
        return _say(
            f"The picture can't be written to {options.output} ({error.strerror}); "
            "choose another file with -o.",
            FAILED,
        )
    width, height = frame.size
    print(f"{options.output}: {width}x{height}, {len(jpeg)} bytes, from {source.describe()}")
    return OK


def _measure(source: Source, options: argparse.Namespace) -> int:
    measured, frame = measure(source, options.seconds)
    median, longest = measured.read_ms
    print(source.describe())
    print(f"  size   {frame.size[0]}x{frame.size[1]}")
    print(f"  rate   {measured.fps:.1f} frames/s ({measured.frames} in {measured.seconds:.1f} s)")
    print(f"  read   median {median:.1f} ms, longest {longest:.1f} ms, waiting included")
    print(f"  drops  {measured.drops}")
    return OK


def _seconds(text: str) -> float:
    value = float(text)
    if not 0.0 < value < math.inf:
        raise argparse.ArgumentTypeError("seconds must be above 0")
    return value


def _whole(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("the number must not be negative")
    return value


def _quality(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 100:
        raise argparse.ArgumentTypeError("the quality is 1 to 100")
    return value


def _say(sentence: str, status: int) -> int:
    print(sentence, file=sys.stderr)
    return status
