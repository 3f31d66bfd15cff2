"""The original's answers: through the device's preprocessing, as scores 0..1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convert import original, photos
from convert.console import Console
from convert.errors import BuildError
from convert.original import output_kind
from convert.sources import source
from edge_server.inference import decoding, preprocessing
from edge_server.inference.manifest import Output

SPEC = preprocessing.from_preset("tf", width=24, height=24)
WritePhotos = Callable[..., list[Path]]


def test_every_photo_gets_its_known_answer_in_order(
    models: Path, tmp_path: Path, write_photos: WritePhotos, console: Console
) -> None:
    write_photos(tmp_path, source.BATCH + 5)
    tests = photos.read(tmp_path, (), 4)
    run = original.run(source.load(models / "colours", None), SPEC, tests, console)
    assert list(run.scores.argmax(axis=1)) == [n % 4 for n in range(source.BATCH + 5)]
    assert run.scores.max(axis=1).min() > 0.9
    assert run.photos == tests.photos
    assert run.labels() is None


def test_labels_are_those_of_the_readable_photos(
    models: Path, tmp_path: Path, write_photos: WritePhotos, console: Console
) -> None:
    files = write_photos(tmp_path / "1", 11)
    files[0].write_bytes(b"torn")
    tests = photos.read(tmp_path, (), 4)
    run = original.run(source.load(models / "colours", None), SPEC, tests, console)
    labels = run.labels()
    assert labels is not None
    assert list(labels) == [1] * 10
    assert len(run.scores) == 10
    assert list(run.unreadable.reasons) == [str(files[0])]


def test_only_unreadable_photos_stop_it_with_a_sentence(
    models: Path, tmp_path: Path, write_photos: WritePhotos, console: Console
) -> None:
    for file in write_photos(tmp_path, 2):
        file.write_bytes(b"torn")
    tests = photos.read(tmp_path, (), 4)
    with pytest.raises(BuildError, match="2 of 2 photos"):
        original.run(source.load(models / "colours", None), SPEC, tests, console)


def test_answers_that_are_not_finite_are_the_original_s_own_and_told_with_the_photo(
    models: Path, tmp_path: Path, write_photos: WritePhotos, console: Console
) -> None:
    files = write_photos(tmp_path, 3)
    tests = photos.read(tmp_path, (), 4)
    with pytest.raises(BuildError, match=r"infinite itself, before any conversion, .* 3 of 3") as e:
        original.run(source.load(models / "infinite", None), SPEC, tests, console)
    assert str(min(files)) in str(e.value)


def test_logits_become_scores_that_sum_to_one(
    models: Path, tmp_path: Path, write_photos: WritePhotos, console: Console
) -> None:
    write_photos(tmp_path, 4)
    tests = photos.read(tmp_path, (), 4)
    with_logits = original.run(source.load(models / "logits", None), SPEC, tests, console)
    without = original.run(source.load(models / "colours", None), SPEC, tests, console)
    assert (with_logits.output, without.output) == (Output.LOGITS, Output.PROBABILITIES)
    np.testing.assert_allclose(with_logits.scores, without.scores, atol=1e-5)


def test_independent_sigmoids_are_told_from_probabilities(
    models: Path, tmp_path: Path, write_photos: WritePhotos, console: Console
) -> None:
    write_photos(tmp_path, 4)
    tests = photos.read(tmp_path, (), 4)
    run = original.run(source.load(models / "sigmoid", None), SPEC, tests, console)
    assert run.output is Output.SIGMOID
    assert list(run.scores.argmax(axis=1)) == [0, 1, 2, 3]


def test_numbers_that_are_not_finite_stop_it(
    models: Path, tmp_path: Path, write_photos: WritePhotos, console: Console
) -> None:
    write_photos(tmp_path, 4)
    tests = photos.read(tmp_path, (), 4)
    with pytest.raises(BuildError, match="not finite"):
        original.run(source.load(models / "infinite", None), SPEC, tests, console)


def test_scores_of_one_picture_are_those_of_its_file(
    models: Path, tmp_path: Path, write_photos: WritePhotos, console: Console
) -> None:
    (file,) = write_photos(tmp_path, 1)
    model = source.load(models / "logits", None)
    run = original.run(model, SPEC, photos.read(tmp_path, (), 4), console)
    picture = preprocessing.resize(decoding.decode(file.read_bytes()), SPEC)
    [alone] = original.scores_of(model, SPEC, run.output, [picture])
    np.testing.assert_allclose(alone, run.scores[0], atol=1e-6)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        ([[0.7, 0.3], [0.1, 0.9]], Output.PROBABILITIES),
        ([[1.00004, -0.00004]], Output.PROBABILITIES),
        ([[0.7, 0.7], [0.1, 0.2]], Output.SIGMOID),
        ([[0.7, -0.2], [0.1, 0.9]], Output.LOGITS),
        ([[7.0, 3.0]], Output.LOGITS),
    ],
)
def test_the_kind_of_output_is_judged_from_its_numbers(
    raw: list[list[float]], kind: Output
) -> None:
    assert output_kind(np.array(raw, np.float32)) is kind
