"""What a viewer is due, asked as a sender that never waits asks."""

from __future__ import annotations

import threading
import time

import pytest

from camera import looks
from camera.broadcast import Broadcast
from camera.frame import Jpeg
from camera.jpeg import encode_rgb, read_jpeg
from camera.looks import Look


@pytest.fixture
def still(played, gray, hang):
    """A source of one picture."""
    return played(lambda attempt, number: gray(40) if number == 1 else hang())


@pytest.fixture
def passed_on(played, gray):
    """A source of JPEGs."""
    jpegs = [read_jpeg(encode_rgb(gray(shade))) for shade in range(256)]
    return played(lambda attempt, number: jpegs[number % 256])


def next_of(feed, until):
    found = []
    until(lambda: found.append(feed.next()) or found[-1] is not None)
    return found[-1]


def test_a_camera_s_own_jpeg_is_given_at_once(grab, played, gray, hang):
    own = read_jpeg(encode_rgb(gray(40)))
    grabber = grab(played(lambda attempt, number: own if number == 1 else hang()))
    assert grabber.wait_for_newer(0, 15)
    assert own.data in Broadcast(grabber).feed().next()


def test_who_asks_does_not_wait_for_the_encoder(grab, still, until, monkeypatch):
    grabber = grab(still)
    assert grabber.wait_for_newer(0, 15)
    go_on, encoders = threading.Event(), []

    def slow(pixels, quality):
        encoders.append(threading.get_ident())
        assert go_on.wait(15)
        return encode_rgb(pixels, quality)

    monkeypatch.setattr(looks, "encode_rgb", slow)
    feed = Broadcast(grabber).feed()
    assert feed.next() is None
    until(lambda: encoders)
    assert feed.next() is None
    go_on.set()
    assert next_of(feed, until)
    assert encoders != [threading.get_ident()]
    assert len(encoders) == 1


def test_the_bell_is_rung_for_a_frame_and_for_its_picture(grab, still, until):
    grabber = grab(still)
    broadcast = Broadcast(grabber)
    rung = threading.Event()
    with broadcast.heard(rung.set):
        feed = broadcast.feed(timeout=60)
        while (part := feed.next()) is None:
            assert rung.wait(15)
            rung.clear()
    assert part


def test_what_comes_next_is_due_after_the_interval(grab, passed_on, until):
    grabber = grab(passed_on)
    feed = Broadcast(grabber).feed(max_fps=2)
    next_of(feed, until)
    assert feed.next() is None
    assert 0.2 < feed.due - time.monotonic() <= 0.5


def test_a_picture_is_given_when_it_is_made_and_not_an_interval_later(grab, still, until):
    began = time.monotonic()
    assert next_of(Broadcast(grab(still)).feed(max_fps=0.1), until)
    assert time.monotonic() - began < 8


def test_without_a_new_frame_the_last_is_due_again_after_the_timeout(grab, still, until):
    feed = Broadcast(grab(still)).feed(timeout=0.3)
    first = next_of(feed, until)
    assert feed.next() is None
    assert 0 < feed.due - time.monotonic() <= 0.3
    assert next_of(feed, until) == first


def test_who_wants_few_pictures_gets_none_that_was_made_earlier_for_others(
    grab, played, gray, until
):
    grabber = grab(played(lambda attempt, number: gray(min(number, 255))))
    broadcast = Broadcast(grabber)
    few, many = broadcast.feed(max_fps=1), broadcast.feed()
    next_of(few, until)
    assert few.next() is None
    next_of(many, until)
    time.sleep(max(0.0, few.due - time.monotonic()))
    newest = grabber.latest()
    stamp = next_of(few, until).split(b"X-Timestamp: ")[1].split(b"\r\n")[0]
    assert float(stamp) >= newest.captured_at - 1e-5


def test_of_a_damaged_picture_nothing_is_given_and_the_next_is_waited_for(grab, played, hang):
    def play(attempt, number):
        return Jpeg(b"\xff\xd8no picture", (64, 48)) if number == 1 else hang()

    grabber = grab(played(play))
    assert grabber.wait_for_newer(0, 15)
    feed = Broadcast(grabber).feed(Look(32), timeout=60)
    end = time.monotonic() + 15
    while feed._wanted is not None or not feed._number:
        assert feed.next() is None
        assert time.monotonic() < end
        time.sleep(0.005)
    assert feed.next() is None
    assert feed.due > time.monotonic() + 30


def test_it_is_over_with_the_camera(grab, passed_on):
    grabber = grab(passed_on)
    feed = Broadcast(grabber).feed()
    assert not feed.is_over
    grabber.stop()
    assert feed.is_over
