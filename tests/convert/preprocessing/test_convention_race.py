"""The race of conventions asks the original no more than it has to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.preprocessing import convention_race, conventions, trial_block
from convert.sources import source
from edge_server.inference import decoding
from edge_server.inference.preprocessing import ColorOrder
from known_preprocessing import SHOWN, Trained, picture, race


@pytest.fixture
def predictions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures the original was asked about, one entry a call."""
    counts: list[int] = []
    real = source.Source.predict

    def counted(self: source.Source, tensors: Any) -> Any:
        counts.append(len(tensors))
        return real(self, tensors)

    monkeypatch.setattr(source.Source, "predict", counted)
    return counts


def test_what_is_surely_worse_is_asked_no_more(
    trained: Trained, labelled: Callable[..., Path]
) -> None:
    _, found = race(trained("tf"), labelled(96))
    seen = {t.convention.options(): len(t.answers) for t in found.trials}
    assert seen["--preprocessing raw"] == convention_race.BLOCK
    assert seen["--preprocessing tf"] == 96
    assert all(len(t.answers) == 96 for t in found.trials if t.live)


def test_every_photo_is_decoded_once(
    trained: Trained, labelled: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    decodings: list[int] = []
    real = decoding.decode

    def counted(data: bytes) -> Any:
        decodings.append(hash(data))
        return real(data)

    monkeypatch.setattr(decoding, "decode", counted)
    race(trained("tf"), labelled(40))
    assert len(decodings) == len(set(decodings)) == 40


def test_photos_of_the_models_shape_are_predicted_once_for_all_fits(
    trained: Trained, labelled: Callable[..., Path], predictions: list[int]
) -> None:
    model = source.load(trained("tf"), None)
    predictions.clear()
    pixels = np.asarray(picture(SHOWN[0], 1, sides=False, square=True))
    block = trial_block.Block(model, [pixels])
    plain = conventions.Convention("tf", ColorOrder.RGB)
    for convention in (plain, *plain.refinements()):
        block.answers(convention)
    # One for each filter.
    assert sum(predictions) == 2


def test_a_limit_is_spread_over_the_set(trained: Trained, labelled: Callable[..., Path]) -> None:
    _, found = race(trained("tf"), labelled(48), limit=12)
    assert len(found.labels) == 12
    assert set(found.labels.tolist()) == {0, 4, 2}
