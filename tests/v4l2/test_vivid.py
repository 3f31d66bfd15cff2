"""The kernel's own test camera: uncompressed formats, rates, unplugging, several programs."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from camera.backoff import Backoff
from camera.cli import main
from camera.errors import CameraError
from camera.grabber import CameraState, Grabber
from camera.sources.spec import from_spec
from camera.sources.usb import UsbSource

WHITE, YELLOW, CYAN, GREEN = (191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0)
MAGENTA, RED, BLUE, BLACK = (191, 0, 191), (191, 0, 0), (0, 0, 191), (0, 0, 0)
BARS = [WHITE, YELLOW, CYAN, GREEN, MAGENTA, RED, BLUE, BLACK]


def one_picture(source):
    source.open()
    try:
        return source.read()
    finally:
        source.close()


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def bars(pixels):
    """The colours of the eight bars, in the middle of each, below the text that covers them."""
    height, width = pixels.shape[:2]
    return [pixels[height - 4, int(width * (bar + 0.5) / 8)] for bar in range(8)]


@pytest.mark.parametrize("size", [(640, 360), (320, 180), (1920, 1080)])
@pytest.mark.parametrize("code", ["YUYV", "UYVY", "NV12", "RGB3", "BGR3"])
def test_colour_bars_have_their_colours(vivid, code, size):
    pixels = one_picture(UsbSource(vivid.path, size=size, pixel_format=code))
    assert pixels.shape == (size[1], size[0], 3)
    assert np.abs(np.array(bars(pixels), int) - BARS).max() <= 4


def test_a_gray_camera_gives_gray_pictures(vivid):
    pixels = one_picture(UsbSource(vivid.path, size=(640, 360), pixel_format="GREY"))
    assert (pixels[..., 0] == pixels[..., 2]).all()
    shades = [int(bar[0]) for bar in bars(pixels)]
    assert shades == sorted(shades, reverse=True)
    assert shades[0] - shades[-1] > 180


def test_without_options_a_fluent_size_near_720p_is_chosen(vivid):
    source = from_spec(f"usb:{vivid.path}")
    assert one_picture(source).shape == (480, 640, 3)
    assert source.describe().endswith("YUYV 640x480 25 fps")


def test_the_rate_that_was_asked_for_is_kept(vivid):
    source = from_spec(f"usb:{vivid.path}?size=320x180&fps=5")
    source.open()
    began = time.monotonic()
    for _ in range(11):
        source.read()
    seconds = time.monotonic() - began
    source.close()
    assert source.describe().endswith("320x180 5 fps")
    assert seconds > 10 / 5 * 0.8  # the default would be six times as fast


def test_what_the_camera_gives_instead_is_logged_once_with_what_it_offers(vivid, caplog):
    source = from_spec(f"usb:{vivid.path}?size=800x600&fps=60&format=MJPG")
    with caplog.at_level(logging.WARNING):
        one_picture(source)
        one_picture(source)
    assert len(caplog.messages) == 1
    assert "not MJPG 800x600 60 fps; it offers YUYV, UYVY" in caplog.text
    assert "1280x720 (1 to 12.5 fps)" in caplog.text


def test_a_late_reader_gets_a_new_picture_not_one_that_waited(vivid):
    source = from_spec(f"usb:{vivid.path}?size=320x180&fps=10")
    source.open()
    source.read()
    time.sleep(2.0)  # far more than all buffers hold
    began = time.monotonic()
    source.read()
    capture = source._capture
    assert time.monotonic() - began > 0.01  # those that waited would be there at once
    assert capture.skipped >= 3
    source.close()


def test_unplugged_and_plugged_in_it_comes_back_by_itself(vivid, until):
    source = from_spec(f"usb:{vivid.path}?size=320x180")
    one_picture(source)
    before = open_files()
    with Grabber(source, backoff=Backoff(first=0.1, longest=0.3)) as grabber:
        for _ in range(2):
            until(lambda: grabber.status().state is CameraState.LIVE)
            frames = grabber.status().frames
            until(lambda: grabber.status().frames > frames + 3)  # noqa: B023, at once
            vivid.unplug()
            until(lambda: grabber.status().state is CameraState.LOST)
            until(lambda: "There is no camera" in (grabber.status().error or ""))
            vivid.plug()
        until(lambda: grabber.status().state is CameraState.LIVE)
        assert grabber.status().reconnections >= 2
    assert open_files() == before


def test_a_waiting_read_says_that_the_camera_was_unplugged(vivid):
    source = from_spec(f"usb:{vivid.path}?size=3840x2160&fps=1")
    source.open()
    threading.Timer(0.3, vivid.unplug).start()
    with pytest.raises(CameraError, match="was unplugged"):
        for _ in range(3):
            source.read()
    source.close()


def test_a_camera_in_use_names_the_program_and_is_free_afterwards(vivid):
    holds = (
        "import sys; from camera.sources.spec import from_spec; s = from_spec(sys.argv[1]);"
        "s.open();"
        "s.read(); print('reading', flush=True); sys.stdin.read()"
    )
    spec = f"usb:{vivid.path}?size=320x180"
    with subprocess.Popen(
        [sys.executable, "-c", holds, spec], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"reading\n"
        with pytest.raises(CameraError, match=rf"in use by python.* \(process {other.pid}\)"):
            one_picture(from_spec(spec))
        other.stdin.close()
    assert one_picture(from_spec(spec)).shape == (180, 320, 3)


def test_opened_again_and_again_nothing_is_left_over(vivid):
    source = from_spec(f"usb:{vivid.path}?size=320x180&fps=60")
    one_picture(source)
    before = open_files()
    for _ in range(10):
        one_picture(source)
    assert open_files() == before


def test_a_camera_that_another_program_has_changed_is_as_chosen_here(vivid):
    source = from_spec(f"usb:{vivid.path}?size=320x180")
    assert one_picture(source).shape == (180, 320, 3)
    assert one_picture(from_spec(f"usb:{vivid.path}?size=640x480")).shape == (480, 640, 3)
    assert one_picture(source).shape == (180, 320, 3)


def closed_while_it_waits(vivid):
    """What a read says whose camera is closed by another thread."""
    source = from_spec(f"usb:{vivid.path}?size=320x180&fps=1")
    source.open()
    source.read()
    errors = []

    def wait():
        try:
            source.read()
        except CameraError as error:
            errors.append(str(error))

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.1)
    source.close()
    thread.join(0.8)  # the next picture would come later
    said = list(errors)
    thread.join(20)
    return said


def test_closed_by_another_thread_a_waiting_read_ends_and_the_device_is_free(vivid):
    # On a busy machine the next picture may be there already, and there is no wait.
    said = next(filter(None, (closed_while_it_waits(vivid) for _ in range(5))), [])
    assert said == ["The camera was closed."]
    assert one_picture(from_spec(f"usb:{vivid.path}?size=320x180")).shape == (180, 320, 3)


@contextlib.contextmanager
def as_nobody():
    """Takes root's rights from this process for a while."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def test_who_may_not_use_it_is_told_the_group(vivid):
    with as_nobody(), pytest.raises(CameraError, match="add this user to the group video"):
        one_picture(from_spec(f"usb:{vivid.path}"))


def test_the_list_says_what_it_offers(vivid, capsys):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = next(number for number, line in enumerate(lines) if "vivid-000-vid-cap" in line)
    assert lines[at].startswith("  usb:")
    assert lines[at + 1].startswith(
        "    YUYV, UYVY, NV12, GREY, RGB3, BGR3: 3840x2160 (1 to 2 fps)"
    )
    assert lines[at + 2] == "What can be used"
