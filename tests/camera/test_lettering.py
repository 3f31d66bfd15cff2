"""Words on pictures: at any size, of any characters."""

from __future__ import annotations

import numpy as np
import pytest

from camera import lettering as module
from camera.caption import Caption
from camera.lettering import draw, writable


@pytest.mark.parametrize(
    "size", [(1, 1), (16, 16), (160, 90), (320, 240), (1920, 1080), (90, 1600)]
)
def test_words_fit_into_pictures_of_any_size_and_take_little_of_them(size):
    pixels = np.full((size[1], size[0], 3), 128, np.uint8)
    drawn = draw(pixels, Caption("a label with many words " * 8, "93%"))
    assert drawn.shape == pixels.shape
    touched = np.flatnonzero((drawn != pixels).any(axis=(1, 2)))
    assert touched.size <= max(22, size[1] / 8)
    assert touched[0] == size[1] - touched.size


@pytest.mark.parametrize("ground", [0, 128, 255])
@pytest.mark.parametrize("size", [(320, 240), (1280, 720)])
def test_words_stand_out_on_any_ground(ground, size):
    pixels = np.full((size[1], size[0], 3), ground, np.uint8)
    drawn = draw(pixels, Caption("cat"))
    strip = drawn[(drawn != pixels).any(axis=(1, 2)) | (np.arange(size[1]) > size[1] * 0.95)]
    assert int(strip.max()) - int(strip.min()) > 150


def test_the_picture_itself_is_not_written_on():
    pixels = np.zeros((48, 64, 3), np.uint8)
    draw(pixels, Caption("cat"))
    assert not pixels.any()


def test_long_words_are_cut_and_the_number_stays():
    pixels = np.full((240, 320, 3), 90, np.uint8)
    longer = draw(pixels, Caption("w" * 100, "93%"))
    longest = draw(pixels, Caption("w" * 190, "93%"))
    number = draw(pixels, Caption("", "93%"))
    assert np.array_equal(longer, longest)
    assert np.array_equal(longer[:, 290:], number[:, 290:])


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("two\nlines\tand\r\n more", "two lines and more"),
        ("Straße", "Strasse"),
        ("Łódź", "Lodz"),
        ("crème brûlée", "creme brulee"),
        ("e\u0301t\u0301", "et"),
        ("zero\u200bwidth\x00", "zerowidth"),
        ("猫 cat", "? cat"),
        ("", ""),
    ],
)
def test_pillow_s_own_font_writes_what_it_can(text, written):
    assert writable(text) == written


def test_a_label_of_which_no_letter_can_be_written_is_named_otherwise(monkeypatch):
    monkeypatch.setattr(module, "_SYSTEM_FONTS", ())
    pixels = np.full((240, 320, 3), 90, np.uint8)
    unknown = draw(pixels, Caption("\U0001fae8\U0001fae8", "93%", instead="class 7"))
    assert np.array_equal(unknown, draw(pixels, Caption("class 7", "93%")))
    partly = draw(pixels, Caption("a \U0001fae8", "93%", instead="class 7"))
    assert np.array_equal(partly, draw(pixels, Caption("a ?", "93%")))


def test_a_font_of_the_system_writes_what_pillow_s_own_has_not(monkeypatch):
    pixels = np.full((240, 320, 3), 90, np.uint8)
    own = draw(pixels, Caption("Katze"))
    # Any font will do for a letter that Pillow's own has: it shows that it was looked for.
    monkeypatch.setattr(module, "_SYSTEM_FONTS", ("no-such-font.ttf",))
    module._strip.cache_clear()
    assert np.array_equal(draw(pixels, Caption("Katze")), own)
    assert np.array_equal(draw(pixels, Caption("Kätze")), own)
