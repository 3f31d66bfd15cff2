from __future__ import annotations

import threading
from contextlib import ExitStack

import numpy as np
import pytest

from camera.grabber import CameraState, Grabber
from edge_server.inference import loading
from edge_server.inference.loading import LoadOptions
from edge_server.live import Live
from edge_server.live import news as module
from edge_server.live.news import News

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "grey": (90, 90, 90)}


class Lamp:
    """A source of one colour, which shows a frame when it is told to."""

    def __init__(self):
        self.shown = threading.Semaphore(0)
        self.colour = "red"

    def show(self, colour):
        self.colour = colour
        self.shown.release()

    def open(self): ...

    def read(self):
        self.shown.acquire(timeout=30)
        return np.full((24, 24, 3), COLOURS[self.colour], np.uint8)

    def close(self):
        self.shown.release()

    def describe(self):
        return "a lamp"


@pytest.fixture
def lamp():
    return Lamp()


@pytest.fixture
def followed(lamp, colour_file, until):
    """A camera that shows the lamp, its live answers, and somebody who follows them."""
    model = loading.load(colour_file(), LoadOptions(preset="unit"), version="1")
    grabber = Grabber(lamp)
    live = Live(grabber, lambda: model, fps=100, min_confidence=0.5)
    with ExitStack() as stack:
        stack.callback(grabber.stop)
        stack.callback(lamp.shown.release)
        stack.callback(live.stop)
        grabber.start()
        live.start()
        stack.enter_context(live.following())
        lamp.show("red")
        until(lambda: live.last)
        yield grabber, live


def told(news):
    """What it says of answers until it says nothing."""
    labels = []
    while any(found := news.wait(0.3)):
        if found[0] is not None:
            labels.append((found[0].label, found[0].sure))
    return labels


def test_the_state_and_the_answer_of_now_are_news_once(followed):
    news = News(*followed)
    answer, state = news.wait()
    assert state is CameraState.LIVE
    assert answer.label == "0"
    assert news.wait(0.2) == (None, None)


def test_the_same_answer_is_no_news_and_another_label_or_sureness_is(followed, lamp, until):
    _, live = followed
    news = News(*followed)
    assert told(news) == [("0", True)]
    for colour, expected in [
        ("red", []),
        ("green", [("1", True)]),
        ("green", []),
        ("grey", [("0", False)]),
        ("red", [("0", True)]),
    ]:
        before = live.answers
        lamp.show(colour)
        until(lambda n=before: live.answers > n)
        assert told(news) == expected, colour


def test_who_wants_every_answer_gets_each(followed, lamp, until):
    _, live = followed
    news = News(*followed, every=True)
    assert told(news) == [("0", True)]
    for _ in range(2):
        before = live.answers
        lamp.show("red")
        until(lambda n=before: live.answers > n)
        assert told(news) == [("0", True)]


def test_an_answer_from_before_is_no_news(followed, monkeypatch):
    monkeypatch.setattr(module, "MAX_FRAME_AGE", 0.0)
    news = News(*followed)
    assert news.wait() == (None, CameraState.LIVE)
    assert news.wait(0.1) == (None, None)


def test_with_the_stop_it_ends(followed):
    news = News(*followed)
    news.wait()
    followed[1].stop()
    assert news.wait(30) == (None, None)
    assert news.ended
