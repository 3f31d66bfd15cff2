"""The original's answers: through the device's preprocessing, as scores 0..1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import original, photos
from convert.console import Console
from convert.errors import BuildError, UsageError
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
    with pytest.raises(BuildError, match="4 of 4 photos with numbers that are infinite or none"):
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
    ("kind", "make"),
    [
        (Output.PERCENTAGES, lambda tf, z: 100.0 * tf.nn.softmax(z)),
        (Output.PERCENTAGES, lambda tf, z: 100.0 * tf.sigmoid(z / 9) + 0.0),
        (Output.LEVELS, lambda tf, z: 255.0 * tf.nn.softmax(z)),
        (Output.LOGITS, lambda tf, z: tf.nn.relu(z)),
        (Output.SIGMOID, lambda tf, z: tf.sigmoid(z[:, :1])),
        (Output.LOGITS, lambda tf, z: z[:, :1]),
        (Output.PERCENTAGES, lambda tf, z: tf.sigmoid(z[:, :1]) * 100.0),
    ],
)
def test_whatever_its_numbers_mean_the_scores_are_those_of_the_original(
    kind: Output,
    make: Callable[..., Any],
    save_functions: Callable[..., Path],
    colour_logits: Callable[..., Any],
    tmp_path: Path,
    write_photos: WritePhotos,
    console: Console,
) -> None:
    import tensorflow as tf

    def scores(image: Any) -> Any:
        return {"scores": make(tf, colour_logits(image))}

    folder = save_functions(
        tmp_path / "model", serving_default=(scores, {"image": [None, 24, 24, 3]})
    )
    write_photos(tmp_path / "photos", 8)
    model = source.load(folder, None)
    run = original.run(model, SPEC, photos.read(tmp_path / "photos", (), 4), console)
    assert run.output is kind
    pixels = [decoding.decode(p.path.read_bytes()) for p in run.photos]
    seen = [preprocessing.normalize(preprocessing.resize(p, SPEC), SPEC) for p in pixels]
    raw = model.predict(np.concatenate(seen))
    full = {Output.PERCENTAGES: 100, Output.LEVELS: 255}.get(kind, 1)
    if model.numbers == 1:
        second = 1 / (1 + np.exp(-raw)) if kind is Output.LOGITS else raw / full
        expected = np.concatenate([1 - second, second], axis=1)
    elif kind is Output.LOGITS:
        expected = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    else:
        expected = raw / full
    np.testing.assert_allclose(run.scores, expected, atol=1e-5)


def test_the_softmax_of_a_single_number_is_refused(
    save_functions: Callable[..., Path], colour_logits: Callable[..., Any], tmp_path: Path
) -> None:
    import tensorflow as tf

    def scores(image: Any) -> Any:
        return {"scores": tf.nn.softmax(colour_logits(image)[:, :1])}

    folder = save_functions(
        tmp_path / "model", serving_default=(scores, {"image": [None, 24, 24, 3]})
    )
    with pytest.raises(UsageError, match="softmax of a single number, which is always 1"):
        source.load(folder, None)
