from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from camera.sources.demo import demo_digits, picture
from edge_server.live.smoothing import Smoothing

FPS = 10.0


def scores(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_without_a_time_constant_each_frame_stands_for_itself():
    smoothing = Smoothing(0.0)
    for at, seen in enumerate([scores(0.6, 0.4), scores(0.49, 0.51), scores(0.51, 0.49)]):
        assert smoothing.add(seen, at / FPS) is seen
        assert smoothing.best == seen.argmax()


@pytest.mark.parametrize("fps", [4, 10, 30])
def test_a_change_is_seen_after_the_same_time_however_many_frames_come(fps):
    smoothing = Smoothing(0.5)
    smoothing.add(scores(1, 0), 0.0)
    for number in range(1, fps + 1):
        average = smoothing.add(scores(0, 1), number / fps)
    assert average[0] == pytest.approx(np.exp(-1 / 0.5), abs=1e-3)


def test_scores_stay_scores():
    smoothing = Smoothing(0.5)
    random = np.random.default_rng(1)
    for number in range(50):
        seen = random.dirichlet(np.ones(4)).astype(np.float32)
        average = smoothing.add(seen, number / FPS)
        assert average.sum() == pytest.approx(1.0, abs=1e-4)
        assert (average >= 0).all()


@pytest.mark.parametrize("forget", ["a reset", "a gap"])
def test_after_a_reset_or_a_gap_it_begins_anew(forget):
    smoothing = Smoothing(0.5)
    smoothing.add(scores(1, 0), 0.0)
    if forget == "a reset":
        smoothing.reset()
        assert smoothing.average is None
    average = smoothing.add(scores(0, 1), 0.1 if forget == "a reset" else 2.5)
    assert list(average) == [0, 1]
    assert smoothing.best == 1


def test_of_two_that_are_as_likely_the_one_that_is_shown_stays():
    smoothing = Smoothing(0.5)
    shown = []
    for number in range(100):
        seen = scores(0.52, 0.48) if number % 10 < 5 else scores(0.48, 0.52)
        smoothing.add(seen, number / FPS)
        shown.append(smoothing.best)
    assert set(shown) == {0}


def test_a_clear_lead_changes_it():
    smoothing = Smoothing(0.5)
    smoothing.add(scores(0.5, 0.5), 0.0)
    for number in range(1, 30):
        smoothing.add(scores(0.4, 0.6), number / FPS)
    assert smoothing.best == 1


@pytest.fixture(scope="module")
def noisy(classifier):
    """The model's scores for digits under noise, three seconds each, and what they are."""
    tiles, labels = demo_digits()
    random = np.random.default_rng(7)
    runs = []
    for number in range(12):
        clean = picture(tiles, number).astype(float)
        runs.append(
            [
                classifier.classify_pixels(
                    np.clip(clean + random.normal(0, 600, clean.shape), 0, 255).astype(np.uint8)
                ).scores
                for _ in range(round(3 * FPS))
            ]
        )
    return runs, [int(label) for label in labels[:12]]


def changes(shown: list[int]) -> int:
    return sum(before != after for before, after in pairwise(shown))


def test_the_label_of_a_noisy_picture_flickers_far_less(noisy):
    runs, labels = noisy
    smoothing = Smoothing(0.5)
    single, smoothed = [], []
    for number, seen in enumerate(seen for run in runs for seen in run):
        smoothing.add(seen, number / FPS)
        single.append(int(seen.argmax()))
        smoothed.append(smoothing.best)
    real = changes(labels)
    # Each digit that comes next is a change, and not flicker.
    assert changes(single) - real >= 15
    assert changes(smoothed) - real <= (changes(single) - real) / 4


def test_another_picture_is_seen_within_twice_the_time_constant(noisy):
    runs, labels = noisy
    # Those that the model knows without smoothing in nine frames of ten.
    known = [
        (run, label)
        for run, label in zip(runs, labels, strict=True)
        if np.mean([seen.argmax() == label for seen in run]) >= 0.9
    ]
    assert len(known) >= 5
    smoothing, at = Smoothing(0.5), 0.0
    for run, label in known:
        for number, seen in enumerate(run):
            at += 1 / FPS
            smoothing.add(seen, at)
            if number / FPS >= 1.0:
                assert smoothing.best == label
