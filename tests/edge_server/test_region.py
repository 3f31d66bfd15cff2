from __future__ import annotations

import numpy as np
import pytest

from edge_server.errors import SettingError
from edge_server.inference import bundle, decoding
from edge_server.inference.classifier import Classifier
from edge_server.inference.region import Region, parse


@pytest.fixture(scope="module")
def positions():
    """A picture of 8 x 6 whose pixels say where they are: column, row, 0."""
    rows, columns = np.mgrid[0:6, 0:8]
    return np.dstack([columns, rows, 0 * rows]).astype(np.uint8)


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        ("0,0,1,1", range(8), range(6)),
        ("0.25,0,0.5,1", range(2, 6), range(6)),
        ("0.5, 0.5, 0.5, 0.5", range(4, 8), range(3, 6)),
        ("0.3,0,0.7,1", range(2, 8), range(6)),
        ("0.99,0.99,0.01,0.01", [7], [5]),
        ("0,0,0.001,0.001", [0], [0]),
    ],
)
def test_a_region_is_cut_by_fractions_and_has_a_pixel_at_least(positions, text, columns, rows):
    cut = parse(text).cut(positions)
    assert sorted(set(cut[..., 0].flat)) == list(columns)
    assert sorted(set(cut[..., 1].flat)) == list(rows)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not four numbers"),
        ("0,0,1", "not four numbers"),
        ("0,0,1,1,1", "not four numbers"),
        ("left,0,1,1", "not four numbers"),
        ("0,0,0,1", "empty"),
        ("0,0,1,-1", "empty"),
        ("0,0,nan,1", "empty"),
        ("-0.1,0,1,1", "beyond the picture"),
        ("0.5,0,0.6,1", "beyond the picture"),
        ("0,nan,1,1", "beyond the picture"),
        ("10,20,100,50", "beyond the picture"),
    ],
)
def test_what_is_no_region_is_refused_with_an_example(text, reason):
    with pytest.raises(SettingError, match=reason) as caught:
        parse(text)
    assert "0.25,0,0.5,1" in str(caught.value)


@pytest.fixture(scope="module")
def halves(encode):
    """Left red and right blue, as pixels, as JPEG, and as a JPEG that lies on its side."""
    pixels = np.zeros((64, 128, 3), np.uint8)
    pixels[:, :64, 0] = pixels[:, 64:, 2] = 255
    lying = np.ascontiguousarray(np.rot90(pixels))  # to be turned clockwise: EXIF's 6
    exif = decoding.Image.Exif()
    exif[0x0112] = 6
    return {
        "pixels": pixels,
        "jpeg": encode(pixels, "JPEG", quality=95),
        "turned jpeg": encode(lying, "JPEG", quality=95, exif=exif.tobytes()),
    }


@pytest.mark.parametrize("kind", ["pixels", "jpeg", "turned jpeg"])
def test_only_the_region_of_the_upright_picture_is_classified(kind, halves, colour_file):
    classifier = Classifier(bundle.read(colour_file(), preset="unit"))
    left, right = Region(0.0, 0.0, 0.5, 1.0), Region(0.5, 0.0, 0.5, 1.0)
    picture = halves[kind]
    assert classifier.look(picture, region=left).top[0].label == "0"
    assert classifier.look(picture, region=right).top[0].label == "2"
    assert classifier.look(picture, region=right).scores[2] == pytest.approx(1.0, abs=0.02)
    assert classifier.look(picture).scores[2] == pytest.approx(0.5, abs=0.02)
