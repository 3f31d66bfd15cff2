"""ffmpeg as the sender: a camera that it plays over HTTP, and a clip that it has encoded."""

from __future__ import annotations

import subprocess
from contextlib import closing
from itertools import pairwise

import numpy as np
import pytest

from camera.grabber import CameraState, Grabber
from camera.sources.spec import from_spec


def test_its_stream_is_read_picture_by_picture_and_passed_through(ffmpeg_camera, until):
    camera = ffmpeg_camera("640x480")
    with Grabber(from_spec(camera.url)) as grabber:
        until(lambda: grabber.status().state is CameraState.LIVE)
        first = grabber.latest()
        second = grabber.wait_for_newer(first.number, 10)
        assert second.number > first.number
        assert first.pixels.shape == (480, 640, 3)
        assert first.jpeg is not None  # as it came: viewers get it without a further encode
        assert not np.array_equal(first.pixels, second.pixels)


def test_it_ends_and_comes_back_with_another_size(ffmpeg_camera, until):
    camera = ffmpeg_camera("320x240")
    with Grabber(from_spec(camera.url)) as grabber:
        until(lambda: grabber.status().state is CameraState.LIVE)
        camera.kill()
        until(lambda: grabber.status().state is CameraState.LOST)
        last = grabber.latest()
        camera.start("640x360")
        until(lambda: grabber.status().state is CameraState.LIVE)
        until(lambda: grabber.latest().pixels.shape == (360, 640, 3))
        assert grabber.latest().number > last.number
        assert grabber.status().reconnections >= 1


@pytest.mark.parametrize("codec", ["libx264", "mjpeg", "libvpx"])
def test_its_clip_is_played(ffmpeg, codec, tmp_path):
    clip = tmp_path / ("clip.webm" if codec == "libvpx" else "clip.mkv")
    # A bar moves from left to right over black.
    ground, bar = "color=black:s=320x240:r=20:d=1", "color=white:s=40x240:r=20:d=1"
    scene = f"{ground}[ground];{bar}[bar];[ground][bar]overlay=x=280*t"
    colours = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    command = f"{ffmpeg} -loglevel error -f lavfi -i {scene} -c:v {codec} -pix_fmt {colours} {clip}"
    subprocess.run(command.split(), check=True, stdin=subprocess.DEVNULL)
    with closing(from_spec(f"file:{clip}")) as source:
        source.open()
        seen = [np.asarray(source.read()) for _ in range(12)]
    assert all(picture.shape == (240, 320, 3) for picture in seen)
    places = [int(picture[120].mean(axis=1).argmax()) for picture in seen]
    assert all(after > before for before, after in pairwise(places))
