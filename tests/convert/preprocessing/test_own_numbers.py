"""Numbers of one's own are estimated where no preset has them, and judged on other photos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convert.console import Console
from convert.preprocessing import doctor, own_numbers
from convert.preprocessing.convention_race import Race, Trial
from convert.sources.source import Source
from edge_server.inference.normalization import Normalization
from known_preprocessing import Trained, race, used

ODD = Normalization((90.0, 30.0, 60.0), (20.0, 45.0, 30.0))


def estimated(loaded: Source, found: Race) -> Trial | None:
    presets = doctor.diagnose(found, loaded.classes)
    best = next(t for t in found.trials if t.convention == presets.rows[0].convention)
    classes = doctor.classes_of(found, presets)
    return own_numbers.estimate(loaded, found.photos, classes, best, Console())


@pytest.mark.parametrize("numbers", [ODD, Normalization((0.0,), (65025.0,))])
def test_numbers_that_no_preset_has_are_found(
    trained: Trained, labelled: Callable[..., Path], numbers: Normalization
) -> None:
    loaded, found = race(trained(numbers), labelled(96, square=True))
    own = estimated(loaded, found)
    assert own is not None
    # Judged on the first half, fitted to the second.
    assert len(own.answers) == 48
    assert own.hits(found.labels).mean() > 0.9
    told = doctor.diagnose(found, loaded.classes, own)
    assert used(told).startswith("--mean ")
    assert used(told) == own.convention.options()
    assert told.rows[0].photos == 48
    assert all(row.loses > 5 for row in told.rows[1:])
    best, before = told.use, doctor.diagnose(found, loaded.classes).rows[0]
    assert best is not None
    assert best.top1 - before.top1 > own_numbers.MIN_GAIN


def test_a_preset_that_fits_is_left_alone(trained: Trained, labelled: Callable[..., Path]) -> None:
    assert estimated(*race(trained("torch"), labelled(96, square=True))) is None


@pytest.mark.parametrize("labels", ["shuffled", "all the same"])
def test_labels_that_the_model_does_not_know_get_no_numbers(
    trained: Trained, labelled: Callable[..., Path], labels: str
) -> None:
    loaded, found = race(trained("tf"), labelled(96, square=True))
    wrong = np.random.default_rng(0).permutation(found.labels)
    if labels == "all the same":
        wrong = np.ones_like(wrong)
    lost = Race(found.trials, wrong, found.unreadable, (), found.photos)
    assert estimated(loaded, lost) is None


def test_few_photos_are_no_ground_for_numbers(
    trained: Trained, labelled: Callable[..., Path]
) -> None:
    assert estimated(*race(trained(ODD), labelled(24, square=True))) is None


def test_the_search_ends(
    trained: Trained, labelled: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_numbers, "_PREDICTIONS", 1)
    loaded, found = race(trained(ODD), labelled(96, square=True))
    asked: list[int] = []
    predict = Source.predict
    monkeypatch.setattr(
        Source, "predict", lambda self, x: (asked.append(len(x)), predict(self, x))[1]
    )
    estimated(loaded, found)
    # Every start on a few photos, the best on all, and no step of the search.
    assert sum(asked) < 130 * 16 + 12 * 64 + 48
