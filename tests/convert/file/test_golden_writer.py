"""Golden samples: which pictures are kept, how they are kept, and what is insisted on."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convert.file import golden_writer
from convert.file.golden_writer import COUNT, TOLERANCE, Picture
from edge_server.inference import decoding, preprocessing

SPEC = preprocessing.from_preset("tf", width=24, height=24)
LARGE = preprocessing.from_preset("tf", width=224, height=224)


def rows(*answers: tuple[int, float]) -> np.ndarray:
    """Scores of four classes: in each row one class has a score, another a fixed 0.1."""
    scores = np.zeros((len(answers), 4), np.float32)
    for row, (index, score) in enumerate(answers):
        scores[row, (index + 1) % 4] = 0.1
        scores[row, index] = score
    return scores


def test_different_classes_come_first_each_by_its_clearest_picture() -> None:
    scores = rows((0, 0.9), (0, 0.95), (1, 0.6), (2, 0.8), (0, 0.99))
    assert golden_writer.choose(scores, 3) == [4, 3, 2]


def test_classes_repeat_where_there_are_too_few() -> None:
    scores = rows((0, 0.7), (0, 0.9), (1, 0.8))
    assert golden_writer.choose(scores, 5) == [1, 2, 0]


def test_no_more_are_chosen_than_asked_for() -> None:
    assert len(golden_writer.choose(rows(*[(0, 0.9)] * 10), 4)) == 4


def photo(tmp_path: Path, size: tuple[int, int], **save: object) -> Path:
    path = tmp_path / "photo.jpg"
    noise = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(noise).save(path, quality=90, **save)
    return path


def test_a_small_input_is_kept_without_loss_and_still_needs_resizing(tmp_path: Path) -> None:
    picture = golden_writer.encode(3, photo(tmp_path, (640, 480)), SPEC)
    assert picture.file == "golden/3.png"
    assert Image.open(io.BytesIO(picture.data)).format == "PNG"
    height, width = picture.pixels.shape[:2]
    assert height > SPEC.height
    assert width > SPEC.width
    assert height < 2 * SPEC.height


def test_a_large_photo_becomes_a_small_jpeg(tmp_path: Path) -> None:
    picture = golden_writer.encode(0, photo(tmp_path, (1200, 900)), LARGE)
    assert picture.file == "golden/0.jpg"
    assert len(picture.data) < 150_000
    assert LARGE.height < picture.pixels.shape[0] < 1.3 * LARGE.height


def test_a_photo_smaller_than_the_input_is_not_enlarged(tmp_path: Path) -> None:
    assert golden_writer.encode(0, photo(tmp_path, (20, 15)), SPEC).pixels.shape == (15, 20, 3)


def test_pixels_are_those_that_a_device_decodes_from_the_bytes(tmp_path: Path) -> None:
    picture = golden_writer.encode(0, photo(tmp_path, (500, 400)), LARGE)
    np.testing.assert_array_equal(picture.pixels, decoding.decode(picture.data))


def test_orientation_is_applied_and_nothing_else_of_the_photo_is_told(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera's maker"
    picture = golden_writer.encode(0, photo(tmp_path, (300, 200), exif=exif), LARGE)
    assert picture.pixels.shape[0] > picture.pixels.shape[1]
    assert not Image.open(io.BytesIO(picture.data)).getexif()
    assert b"a camera's maker" not in picture.data


def pictures(count: int) -> list[Picture]:
    return [Picture(f"golden/{n}.png", b"", np.zeros((1, 1, 3), np.uint8)) for n in range(count)]


def test_answers_too_close_to_insist_on_are_dropped() -> None:
    near = 0.1 + 2 * TOLERANCE
    scores = rows((0, 0.9), (1, near - 0.01), (2, near + 0.01))
    kept = golden_writer.samples(pictures(3), scores, scores)
    assert [picture.file for picture, _ in kept] == ["golden/0.png", "golden/2.png"]


def test_at_most_count_samples_are_kept() -> None:
    scores = rows(*[(n % 4, 0.9) for n in range(3 * COUNT)])
    assert len(golden_writer.samples(pictures(3 * COUNT), scores, scores)) == COUNT


def test_a_sample_records_both_answers_best_first() -> None:
    before, after = rows((2, 0.95)), rows((2, 0.875))
    ((_, sample),) = golden_writer.samples(pictures(1), before, after)
    assert [(s.index, s.score) for s in sample.original[:2]] == [(2, 0.95), (3, 0.1)]
    assert [(s.index, s.score) for s in sample.candidate[:2]] == [(2, 0.875), (3, 0.1)]
    assert len(sample.candidate) == 4


@pytest.mark.parametrize("classes", [2, 1001])
def test_no_more_than_five_scores_are_recorded(classes: int) -> None:
    scores = np.linspace(0, 0.1, classes, dtype=np.float32)[np.newaxis].copy()
    scores[0, -1] = 0.9
    ((_, sample),) = golden_writer.samples(pictures(1), scores, scores)
    assert len(sample.original) == len(sample.candidate) == min(5, classes)
