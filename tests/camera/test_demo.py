from __future__ import annotations

import numpy as np
import pytest

from camera.sources.demo import FPS, SECONDS_PER_DIGIT, DemoSource, demo_digits, picture
from camera.sources.pacing import Pacer


@pytest.fixture
def source():
    source = DemoSource()
    source.open()
    source._pacer = Pacer(1.0 / FPS, sleep=lambda seconds: None)
    return source


def test_every_bundled_digit_has_a_label():
    tiles, labels = demo_digits()
    assert tiles.shape == (len(labels), 8, 8)
    assert set(labels) == set("0123456789")


def test_it_says_how_many_digits_it_has():
    assert DemoSource().describe() == f"demo: {len(demo_digits()[1])} held-out digits"


def test_a_digit_stays_for_two_seconds_and_the_next_one_follows(source):
    pictures = [source.read() for _ in range(FPS * SECONDS_PER_DIGIT + 1)]
    assert all((shown == pictures[0]).all() for shown in pictures[:-1])
    tiles, _ = demo_digits()
    assert (pictures[-1] == picture(tiles, 1)).all()


def test_it_begins_again_after_the_last_digit(source):
    first = source.read()
    source._count = len(demo_digits()[0]) * FPS * SECONDS_PER_DIGIT
    assert (source.read() == first).all()


def test_the_picture_is_640x480_with_dark_ink_on_light_paper():
    tiles, _ = demo_digits()
    pixels = picture(tiles, 0)
    assert (pixels.shape, pixels.dtype) == ((480, 640, 3), np.uint8)
    paper = pixels[:, 80:560]
    assert paper.max() > 240
    assert paper.min() < 40
    assert np.median(paper) > 200


def test_the_digit_is_inside_the_centre_square():
    tiles = np.full((1, 8, 8), 255, np.uint8)
    blank = np.zeros((1, 8, 8), np.uint8)
    inked = (picture(tiles, 0) != picture(blank, 0)).any(axis=2)
    columns = np.nonzero(inked.any(axis=0))[0]
    assert 80 <= columns.min() <= columns.max() < 560


def test_reduced_to_8x8_the_picture_is_its_tile_again():
    tiles, _ = demo_digits()
    for index in (0, 1, 2, 3, 4):
        ink = 255.0 - picture(tiles, index)[16:464, 96:544].mean(axis=2)
        small = ink.reshape(8, 56, 8, 56).mean(axis=(1, 3))
        assert np.corrcoef(small.ravel(), tiles[index].ravel())[0, 1] > 0.97
