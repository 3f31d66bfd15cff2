"""Pictures in the report: small, as they came, and as the model sees them."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convert.page import html_thumbnails
from convert.page.html_thumbnails import Thumbnail
from convert.photos import Photo
from edge_server.inference.preprocessing import Fit, from_preset


def _pixels(picture: Thumbnail) -> Any:
    data = base64.b64decode(picture.uri.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def _save(path: Path, pixels: Any) -> Path:
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)
    return path


def test_a_thumbnail_keeps_the_shape_and_is_small(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (600, 900, 3))
    made = html_thumbnails.thumbnail(_save(tmp_path / "big.png", noise))
    assert made is not None
    assert (made.width, made.height, made.coarse) == (240, 160, False)
    assert made.uri.startswith("data:image/jpeg;base64,")
    assert len(made.uri) < 14_000 * 4 / 3 + 100


def test_a_tiny_picture_is_kept_exactly(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (28, 28, 3))
    made = html_thumbnails.thumbnail(_save(tmp_path / "digit.png", pixels))
    assert made is not None
    assert made.coarse
    assert (_pixels(made) == pixels).all()


@pytest.mark.parametrize("content", [None, b"", b"no image"])
def test_what_can_not_be_read_has_no_thumbnail(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    if content is not None:
        file.write_bytes(content)
    assert html_thumbnails.thumbnail(file) is None
    assert html_thumbnails.sights([Photo(file)], from_preset("tf", width=8, height=8), 6) == []


def test_what_a_crop_leaves_out_is_faint_and_framed(tmp_path: Path) -> None:
    photo = Photo(_save(tmp_path / "wide.png", np.full((120, 240, 3), (0, 200, 0))))
    (sight,) = html_thumbnails.sights([photo], from_preset("tf", width=60, height=60), 6)
    assert sight.cut_off == pytest.approx(0.5, abs=0.02)
    shown = _pixels(sight.photo)
    assert np.abs(shown[60, 120] - (0, 200, 0)).max() < 12  # inside, as it came
    assert np.ptp(shown[60, 10]) < 12  # outside, grey
    red, green, _ = shown[60, 61]
    assert red > green  # the frame, at a quarter of the width


@pytest.mark.parametrize("fit", [Fit.STRETCH, Fit.LETTERBOX])
def test_a_fit_that_keeps_everything_leaves_the_photo_as_it_is(fit: Fit, tmp_path: Path) -> None:
    photo = Photo(_save(tmp_path / "wide.png", np.full((120, 240, 3), (0, 200, 0))))
    (sight,) = html_thumbnails.sights([photo], from_preset("tf", width=60, height=60, fit=fit), 6)
    assert sight.cut_off == 0
    assert np.abs(_pixels(sight.photo) - (0, 200, 0)).max() < 12
    bars = (_pixels(sight.seen) == 0).all(axis=2).any()
    assert bars == (fit is Fit.LETTERBOX)


def test_channels_in_bgr_order_are_shown_in_the_photos_colours(tmp_path: Path) -> None:
    photo = Photo(_save(tmp_path / "red.png", np.full((40, 40, 3), (220, 10, 20))))
    (sight,) = html_thumbnails.sights([photo], from_preset("caffe", width=32, height=32), 6)
    assert np.abs(_pixels(sight.seen) - (220, 10, 20)).max() < 12
    # 220 in the last channel less its mean, 10 in the middle less its own.
    assert (sight.low, sight.high) == (pytest.approx(10 - 116.779), pytest.approx(220 - 123.68))


def test_sights_go_from_the_widest_to_the_tallest(tmp_path: Path) -> None:
    sizes = [(40, 10 * n) for n in range(2, 10)]
    photos = [
        Photo(_save(tmp_path / f"{n}.png", np.zeros((h, w, 3)))) for n, (w, h) in enumerate(sizes)
    ]
    shown = html_thumbnails.sights(photos, from_preset("tf", width=32, height=32), 4)
    heights = [sight.height for sight in shown]
    assert heights == sorted(heights)
    assert (len(shown), heights[0], heights[-1]) == (4, 20, 90)


def test_a_picture_of_one_row_and_an_input_of_one_pixel(tmp_path: Path) -> None:
    photo = Photo(_save(tmp_path / "line.png", np.full((1, 500, 3), 90)))
    (sight,) = html_thumbnails.sights([photo], from_preset("unit", width=1, height=1), 1)
    assert (sight.seen.width, sight.seen.height) == (1, 1)
