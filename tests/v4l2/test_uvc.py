"""A USB camera on the kernel's UVC driver: MJPG as it comes, and what a cable does to it."""

from __future__ import annotations

import io
import os
import re
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from camera.backoff import Backoff
from camera.cli import main
from camera.errors import CameraError
from camera.frame import Jpeg
from camera.grabber import CameraState, Grabber
from camera.sources.spec import from_spec
from usb_camera import UsbCamera

BY_ID = Path("/dev/v4l/by-id")


def jpeg(shade, size=(1280, 720)):
    data = io.BytesIO()
    Image.new("RGB", size, (shade, 90, 200)).save(data, "JPEG")
    return data.getvalue()


def without_tables(data):
    """As many USB cameras send it: the same JPEG without its Huffman tables."""
    return re.sub(rb"\xff\xc4\x00(?:\x1f|\xb5).{29,179}?(?=\xff[\xc4\xda])", b"", data, flags=re.S)


PICTURES = [jpeg(shade) for shade in range(0, 256, 32)]


def numbered(number):
    return PICTURES[number % len(PICTURES)]


@pytest.fixture
def plug(until):
    """Plugs a camera in and waits for its device; its path by id, which holds its serial."""
    cameras = []

    def plugged(picture=numbered, *, serial="1", port=0, **settings):
        camera = UsbCamera(picture, serial=serial, **settings)
        cameras.append(camera)
        camera.plug(port)
        path = by_id(serial)
        until(path.exists)
        return camera, path

    yield plugged
    for camera in cameras:
        camera.unplug()
    until(lambda: not any_by_id())


def any_by_id():
    try:
        return os.listdir(BY_ID)  # noqa: PTH208, which may vanish between two calls of a Path
    except FileNotFoundError:
        return []


def by_id(serial):
    return BY_ID / f"usb-Edge_Test_Camera_{serial}-video-index0"


@pytest.fixture
def read(plug):
    """The first pictures of a camera that was just plugged in, and its source."""
    sources = []

    def first(count, picture=numbered, options="", **settings):
        _, path = plug(picture, **settings)
        source = from_spec(f"usb:{path}{options}")
        sources.append(source)
        source.open()
        return [source.read() for _ in range(count)], source

    yield first
    for source in sources:
        source.close()


def test_by_default_it_gives_mjpg_of_720p_byte_for_byte(read):
    pictures, source = read(6)
    assert all(isinstance(picture, Jpeg) for picture in pictures)
    assert {picture.data for picture in pictures} <= set(PICTURES)
    assert len({picture.data for picture in pictures}) > 1
    assert pictures[0].size == (1280, 720)
    assert source.describe().endswith("MJPG 1280x720 10 fps")


def test_a_picture_without_huffman_tables_gets_them(read):
    whole = jpeg(77)
    bare = without_tables(whole)
    assert len(bare) < len(whole) - 400
    ((picture,), _) = read(1, lambda number: bare)
    assert (picture.decode() == Jpeg(whole, picture.size).decode()).all()


def test_size_and_rate_are_as_asked(read):
    ((picture,), source) = read(1, lambda number: jpeg(9, (640, 480)), "?size=640x480&fps=5")
    assert picture.size == (640, 480)
    assert source.describe().endswith("MJPG 640x480 5 fps")


def test_yuyv_is_converted(read):
    pictures, _ = read(
        2,
        lambda number: bytes([81, 90, 81, 240]) * (640 * 480 // 2),
        "?size=640x480&format=YUYV&fps=5",
    )
    assert np.abs(pictures[-1][::7, ::7].astype(int) - (255, 0, 0)).max() <= 3


@pytest.mark.parametrize(
    "tear",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[: len(data) // 2] + data,
        lambda data: data[:2] + data[2 + 20 :],
    ],
    ids=["end lost", "two in one", "bytes lost"],
)
def test_torn_pictures_are_left_out_and_counted(read, tear):
    sent = lambda number: tear(numbered(number)) if number % 3 else numbered(number)  # noqa: E731
    pictures, source = read(4, sent)
    assert {picture.data for picture in pictures} <= set(PICTURES)
    assert re.search(r", \d+ torn left out$", source.describe())


def test_pictures_that_the_camera_marks_as_broken_are_left_out(read):
    bad = jpeg(255)
    pictures, _ = read(
        4,
        lambda number: numbered(number) if number % 3 else bad,
        broken=lambda number: number % 3 == 0,
    )
    assert bad not in {picture.data for picture in pictures}


def test_nothing_but_torn_pictures_is_an_error(read):
    with pytest.raises(CameraError, match="nothing but damaged pictures"):
        read(5, lambda number: numbered(number)[: -2 if number > 3 else None])


def test_a_camera_that_goes_silent_is_an_error_in_seconds(read):
    began = time.monotonic()
    with pytest.raises(CameraError, match="has given no picture for 4 s"):
        read(5, lambda number: numbered(number) if number < 4 else None)
    assert time.monotonic() - began < 30


def test_unplugged_while_a_read_waits(read, plug):
    camera, path = plug(lambda number: numbered(number) if number < 3 else None)
    source = from_spec(f"usb:{path}")
    source.open()
    threading.Timer(1.0, camera.unplug).start()
    with pytest.raises(CameraError, match="was unplugged"):
        for _ in range(4):
            source.read()
    source.close()


def test_by_id_a_camera_is_found_again_under_another_number(plug, until):
    camera, path = plug(serial="A")
    number = path.resolve()
    source = from_spec(f"usb:{path}")
    with Grabber(source, backoff=Backoff(first=0.1, longest=0.3)) as grabber:
        until(lambda: grabber.status().state is CameraState.LIVE)
        camera.unplug()
        until(lambda: grabber.status().state is CameraState.LOST)
        until(lambda: not path.exists())
        _, other = plug(serial="B", port=1)
        assert other.resolve() == number  # the number is another camera's now
        plug(serial="A")
        assert path.resolve() != number
        until(lambda: grabber.status().state is CameraState.LIVE)
        assert grabber.latest().jpeg in PICTURES


def test_the_list_has_it_by_its_id_and_leaves_its_metadata_out(plug, capsys):
    _, path = plug(serial="LIST")
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if "Test Camera" in line] == [f"usb:{path}"]
    sizes = "1920x1080 (5 to 10 fps), 1280x720 (5 to 10 fps), 640x480 (5 to 10 fps)"
    assert f"    MJPG, YUYV: {sizes}" in lines


def test_a_snapshot_is_the_cameras_own_jpeg_or_one_of_the_quality_asked_for(plug, tmp_path):
    _, path = plug(lambda number: PICTURES[2])
    output = tmp_path / "x.jpg"
    assert main(["snapshot", f"usb:{path}", "-o", str(output)]) == 0
    assert output.read_bytes() == PICTURES[2]
    assert main(["snapshot", f"usb:{path}", "-o", str(output), "--quality", "20"]) == 0
    own, asked_for = Image.open(io.BytesIO(PICTURES[2])), Image.open(output)
    assert max(asked_for.quantization[0]) > max(own.quantization[0])
    assert np.abs(np.asarray(Image.open(output)).astype(int) - (64, 90, 200)).max() < 12
