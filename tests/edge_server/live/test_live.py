from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from camera.errors import CameraError
from camera.jpeg import read_jpeg
from edge_server.deadline import Deadline
from edge_server.errors import CameraUnavailable, DeadlineExceeded
from edge_server.inference.region import Region
from edge_server.live import live as module
from slides import Slides


class Broken(Slides):
    def open(self):
        raise CameraError("The camera is not plugged in; plug it in.")


def test_the_newest_frame_is_answered(watch, until):
    source = Slides()
    grabber, live = watch(source)
    for expected in ("0", "1", "2"):
        answer = live.newest()
        assert answer.classification.top[0].label == expected
        assert answer.frame is grabber.latest()
        source.next.release()
        until(lambda n=answer.frame.number: grabber.latest().number > n)


def test_a_frame_is_classified_once_however_many_ask(watch, colours):
    _, live = watch(Slides())
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: live.newest(), range(40)))
    assert len(colours[1]) == 1
    assert all(answer is answers[0] for answer in answers)


def test_nobody_asks_nothing_is_computed(watch, until, colours):
    source = Slides()
    grabber, _ = watch(source)
    source.next.release()
    until(lambda: grabber.latest().number == 2)
    assert colours[1] == []


def test_without_a_frame_the_reason_is_said(watch, until):
    grabber, live = watch(Broken(), first=False)
    until(lambda: grabber.status().error)
    with pytest.raises(CameraUnavailable, match="plug it in") as caught:
        live.newest()
    assert (caught.value.status, caught.value.retry_after) == (503, 1)


def test_an_old_frame_is_not_answered(watch, monkeypatch):
    _, live = watch(Slides())
    assert live.newest()
    monkeypatch.setattr(module, "MAX_FRAME_AGE", 0.0)
    with pytest.raises(CameraUnavailable, match="no picture since"):
        live.newest()


def test_nobody_waits_beyond_the_deadline_for_another_one_s_answer(watch):
    _, live = watch(Slides())
    live._classifying.acquire()
    # Or a wait without end would have none here.
    done = threading.Timer(10, live._classifying.release)
    done.start()
    with pytest.raises(DeadlineExceeded, match=r"within 0\.05 s"):
        live.newest(Deadline(0.05))
    done.cancel()
    live._classifying.release()
    assert live.newest()


def test_an_error_of_the_classifier_blocks_nobody_after_it(watch, colours, monkeypatch):
    _, live = watch(Slides())
    with monkeypatch.context() as patched:
        patched.setattr(colours[0].classifier, "look", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            live.newest()
    assert live.newest().frame.age() < time.monotonic()


class Encoded(Slides):
    """A camera that sends JPEGs of its own: whole ones, then one that is damaged inside."""

    def __init__(self, *pictures):
        super().__init__()
        self.pictures = pictures

    def read(self):
        self.next.acquire(timeout=30)
        self.colour += 1
        return read_jpeg(self.pictures[self.colour - 1])


def test_a_camera_s_own_jpeg_is_classified_and_a_damaged_one_is_the_camera_s_fault(
    watch, until, encode
):
    red = np.zeros((24, 24, 3), np.uint8)
    red[..., 0] = 255
    whole = encode(red, "JPEG")
    # Its tables are called a comment, so that its markers are all there.
    damaged = whole.replace(b"\xff\xdb", b"\xff\xfe")
    source = Encoded(whole, damaged)
    grabber, live = watch(source)
    assert live.newest().classification.top[0].index == 0
    source.next.release()
    until(lambda: grabber.latest().number == 2)
    with pytest.raises(CameraUnavailable, match="damaged picture"):
        live.newest()


class Grey(Slides):
    def read(self):
        return np.full_like(super().read(), 100)


@pytest.mark.parametrize(("source", "sure"), [(Slides, True), (Grey, False)])
def test_an_answer_says_whether_it_is_sure(watch, source, sure):
    _, live = watch(source(), min_confidence=0.5)
    assert live.newest().sure is sure


def test_only_the_region_is_classified(watch):
    class Half(Slides):
        def read(self):
            pixels = super().read().copy()
            pixels[:, 12:] = (0, 0, 255)
            return pixels

    _, live = watch(Half(), region=Region(0.5, 0.0, 0.5, 1.0))
    assert live.newest().label == "2"


def test_answers_and_changes_of_the_label_are_counted(watch, until):
    source = Slides()
    grabber, live = watch(source)
    for number in (1, 2, 3):
        until(lambda n=number: grabber.latest().number == n)
        live.newest()
        source.next.release()
    assert (live.answers, live.label_changes) == (3, 2)
