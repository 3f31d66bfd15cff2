"""Frames as they are shown: widths, captions, and how often a picture is encoded."""

from __future__ import annotations

import io
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from camera.caption import Caption
from camera.errors import CameraError
from camera.frame import Frame, Jpeg
from camera.jpeg import read_jpeg
from camera.looks import Look, Looks

SAYS = Caption("cat", "93%")


def waves(size):
    """Pixels that are smooth, so that a JPEG changes them little."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    return np.stack([x * 255 // size[0], y * 255 // size[1], 0 * x + 128], -1).astype(np.uint8)


def jpeg_of(pixels, **options):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=90, **options)
    return stream.getvalue()


def frame_of(picture, number=1):
    return Frame(picture, number, 0.0, 0.0)


def camera_frame(pixels, number=1, **options):
    """A frame of a camera that sends JPEGs."""
    return frame_of(read_jpeg(jpeg_of(pixels, **options)), number)


def opened(jpeg):
    return np.asarray(Image.open(io.BytesIO(jpeg))).astype(int)


def make(caption=None, quality=80):
    return Looks(quality, lambda: caption)


def test_one_encode_serves_all_who_want_the_same(gray, encodes):
    looks, frame = make(SAYS), frame_of(gray(7))
    together = threading.Barrier(8)
    answers = []

    def ask(number):
        look = Look(32) if number % 2 else Look(32, captioned=True)
        together.wait(10)
        answers.append(looks.show(frame, look).part)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(15)
    assert len(answers) == 8
    assert len({id(answer) for answer in answers}) == 2
    assert encodes == [(24, 32, 3)] * 2


def test_the_camera_s_own_jpeg_is_shown_as_it_is(encodes):
    frame = camera_frame(waves((64, 48)))
    for look in (Look(), Look(64), Look(1000), Look(captioned=True), Look(64, captioned=True)):
        assert make().show(frame, look).jpeg is frame.jpeg
    assert encodes == []


def test_a_camera_s_jpeg_is_encoded_where_it_is_smaller_or_has_words(encodes):
    frame, looks = camera_frame(waves((64, 48))), make(SAYS)
    for look in (Look(32), Look(captioned=True)):
        for _ in range(3):
            looks.show(frame, look)
    assert sorted(encodes) == [(24, 32, 3), (48, 64, 3)]


def test_who_comes_late_with_an_older_frame_sees_the_newest_which_is_encoded_already(gray, encodes):
    looks, older, newer = make(), frame_of(gray(1), 1), frame_of(gray(2), 2)
    newest = looks.show(newer, Look())
    assert looks.show(older, Look()) is newest
    assert len(encodes) == 1


@pytest.mark.parametrize("sends_jpeg", [False, True])
@pytest.mark.parametrize(
    ("size", "width", "shown"),
    [
        ((640, 480), 320, (320, 240)),
        ((640, 480), 333, (332, 248)),
        ((1280, 720), 100, (100, 56)),
        ((641, 479), 640, (640, 478)),
        ((640, 480), 640, (640, 480)),
        ((641, 481), 2000, (641, 481)),
        ((2000, 20), 16, (16, 2)),
    ],
)
def test_a_width_keeps_the_aspect_gives_even_sizes_and_enlarges_nothing(
    sends_jpeg, size, width, shown
):
    pixels = waves(size)
    frame = camera_frame(pixels) if sends_jpeg else frame_of(pixels)
    picture = opened(make().show(frame, Look(width)).jpeg)
    assert (picture.shape[1], picture.shape[0]) == shown
    if shown[1] > 50:  # the same scene
        expected = np.asarray(Image.fromarray(pixels).resize(shown, Image.Resampling.BOX))
        assert np.abs(picture - expected).mean() < 4


def test_words_are_drawn_at_the_bottom_and_leave_the_rest_alone():
    pixels = waves((640, 480))
    plain = opened(make().show(frame_of(pixels), Look()).jpeg)
    drawn = opened(make(SAYS).show(frame_of(pixels), Look(captioned=True)).jpeg)
    assert np.array_equal(plain[:400], drawn[:400])
    assert not np.array_equal(plain[440:], drawn[440:])


def test_a_frame_that_is_shown_again_loses_words_that_are_out_of_date(gray):
    says = [SAYS]
    looks, frame = Looks(80, lambda: says[0]), frame_of(gray(90))
    look = Look(captioned=True)
    with_words = looks.show(frame, look)
    assert looks.show(frame, look, again=True) is with_words
    says[0] = None
    # For those who see it for the first time it is encoded once.
    assert looks.show(frame, look) is with_words
    assert looks.show(frame, look, again=True).jpeg == make().show(frame, Look()).jpeg


def test_a_damaged_jpeg_is_passed_on_and_is_an_error_only_where_it_has_to_be_read():
    data = jpeg_of(waves((64, 48)))
    frame = frame_of(Jpeg(data[:300], (64, 48)))
    assert make().show(frame, Look()).jpeg == frame.jpeg
    with pytest.raises(CameraError, match="damaged"):
        make().show(frame_of(Jpeg(b"\xff\xd8nothing", (64, 48))), Look(32))


def test_a_thumbnail_is_taken_out_of_a_camera_s_jpeg():
    pixels = waves((64, 48))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it to the right
    head = exif.tobytes() + jpeg_of(pixels[::4, ::4])
    frame = camera_frame(pixels, exif=head)
    assert frame.jpeg.index(b"\xff\xd9") < len(frame.jpeg) - 2
    shown = make().show(frame, Look()).jpeg
    assert shown.index(b"\xff\xd9") == len(shown) - 2
    assert np.array_equal(opened(shown), opened(frame.jpeg))
    assert Image.open(io.BytesIO(shown)).getexif()[0x0112] == 6


def test_a_picture_that_is_made_smaller_is_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    frame = camera_frame(waves((640, 480)), exif=exif.tobytes())
    assert opened(make().show(frame, Look(240)).jpeg).shape == (320, 240, 3)


WITHOUT_OPENCV = """
import sys
sys.modules["cv2"] = None  # an import fails
from tests.camera.test_looks import *
frame = camera_frame(waves((640, 480)))
shown = make(SAYS).show(frame, Look(300, captioned=True)).jpeg
assert opened(shown).shape == (224, 300, 3), opened(shown).shape
"""


def test_opencv_is_not_needed():
    subprocess.run([sys.executable, "-c", WITHOUT_OPENCV], check=True, timeout=60)


def test_looks_that_nobody_wants_any_more_are_let_go(gray, encodes):
    looks, frame = make(), frame_of(gray(1, (200, 100)))
    for width in range(20, 60, 2):
        looks.show(frame, Look(width))
    looks.show(frame, Look(58))
    assert len(encodes) == 20
    looks.show(frame, Look(20))
    assert len(encodes) == 21
