from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from camera.backoff import Backoff
from camera.errors import CameraError
from camera.grabber import Grabber
from camera.jpeg import read_jpeg
from edge_server.deadline import Deadline
from edge_server.errors import CameraUnavailable, DeadlineExceeded
from edge_server.inference import loading
from edge_server.inference.loading import LoadOptions
from edge_server.inference.region import Region
from edge_server.live import Live
from edge_server.live import live as module


class Slides:
    """A source that shows the next colour when it is told to."""

    def __init__(self):
        self.next = threading.Semaphore(1)
        self.colour = 0

    def open(self):
        pass

    def read(self):
        self.next.acquire(timeout=30)
        pixels = np.zeros((24, 24, 3), np.uint8)
        pixels[..., self.colour % 3] = 255
        self.colour += 1
        return pixels

    def close(self):
        self.next.release()

    def describe(self):
        return "slides"


class Broken(Slides):
    def open(self):
        raise CameraError("The camera is not plugged in; plug it in.")


@pytest.fixture
def colours(colour_file, monkeypatch):
    """A model of colours, and how many pictures it was given."""
    model = loading.load(colour_file(), LoadOptions(preset="unit"), version="1")
    classifier = model.classifier
    seen = []
    classify = classifier.look

    def counted(pixels, **options):
        seen.append(pixels)
        return classify(pixels, **options)

    monkeypatch.setattr(classifier, "look", counted)
    return model, seen


@pytest.fixture
def watch(colours, until):
    """Starts a camera and gives it with its live answers."""
    started = []

    def start(source, first=True, backoff=None, **options):
        grabber = Grabber(source, backoff=backoff)
        started.append((source, grabber))
        grabber.start()
        if first:
            until(grabber.latest)
        return grabber, Live(grabber, lambda: colours[0], **options)

    yield start
    for source, grabber in started:
        source.next.release()  # lets its reader go
        grabber.stop()


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


# The worker: frames are classified by themselves while somebody is interested.


@pytest.fixture
def worker(watch):
    """A camera that shows a new colour every hundredth of a second, and live answers that run."""
    running = []

    def start(source=None, **options):
        grabber, live = watch(source or Reel(), **options)
        live.start()
        running.append(live)
        return grabber, live

    yield start
    for live in running:
        live.stop()


class Reel(Slides):
    """Shows new colours by itself."""

    def read(self):
        time.sleep(0.01)
        self.next.release()
        return super().read()


def test_while_somebody_follows_new_frames_are_answered_and_then_no_more(worker, colours, until):
    _, live = worker()
    time.sleep(0.1)
    assert live.last is None
    with live.following():
        until(lambda: live.answers >= 5)
        assert live.last.frame.age() < 5
    settled = live.answers + 1  # the one that may be under way
    time.sleep(0.5)
    assert live.answers <= settled
    assert len(colours[1]) == live.answers


def test_who_asks_once_has_the_next_frames_classified_for_a_while(worker, until):
    _, live = worker()
    first = live.newest()
    until(lambda: live.last.frame.number > first.frame.number)


def test_interest_ends_by_itself(worker, monkeypatch, until):
    monkeypatch.setattr(module, "_INTEREST", 0.05)
    _, live = worker()
    live.newest()
    until(lambda: not live._is_wanted())
    settled = live.answers + 1
    time.sleep(0.5)
    assert live.answers <= settled


def test_who_asks_again_gets_what_the_worker_answered(worker, colours, until):
    _, live = worker()
    live.newest()
    until(lambda: live.answers >= 3)
    before, end = len(colours[1]), time.monotonic() + 1.0
    while time.monotonic() < end:
        live.newest()
        time.sleep(0.005)
    # The camera gives up to a hundred frames in that time, of which ten pay.
    assert len(colours[1]) - before < 25


def test_no_frame_is_classified_twice_by_worker_and_askers(worker, until):
    source = Slides()
    _, live = worker(source)
    with live.following():
        until(lambda: live.answers == 1)
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda _: live.newest(), range(20)))
        time.sleep(0.3)
        assert live.answers == 1
        source.next.release()
        until(lambda: live.answers == 2)


def test_a_rate_bounds_the_worker(worker):
    _, live = worker(fps=4)
    with live.following():
        time.sleep(1.5)
    assert 2 <= live.answers <= 8


def test_a_follower_is_woken_by_the_next_answer(worker):
    _, live = worker()
    with live.following():
        first = live.wait_for_newer(0, 15)
        second = live.wait_for_newer(first.frame.number, 15)
    assert second.frame.number > first.frame.number


def test_at_the_stop_those_who_wait_are_let_go(worker):
    _, live = worker(Slides())
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(live.wait_for_newer, 10, 30)
        live.stop()
        assert waiting.result(10) is None


def test_while_requests_wait_no_frame_is_classified(worker, colours, until):
    _, live = worker()
    places = colours[0].classifier._places
    with live.following():
        until(lambda: live.answers >= 1)
        with places.take(30):
            settled = live.answers
            time.sleep(0.4)
            assert live.answers <= settled + 1
        until(lambda: live.answers > settled + 1)


def test_a_request_that_comes_waits_for_one_frame_at_most(worker, colours, until, paint):
    """Whoever waits for the only place comes before the worker, who wanted it earlier."""
    _, live = worker()
    classifier = colours[0].classifier
    with live.following(), ThreadPoolExecutor(1) as threads:
        until(lambda: live.answers >= 1)
        with classifier._places.take(30):
            until(lambda: classifier._places._pool._patient)
            asked = threads.submit(classifier.classify_pixels, paint(0, 0, 255))
            until(lambda: classifier.occupancy.waiting == 1)
            settled = live.answers
            done_at = []
            asked.add_done_callback(lambda _: done_at.append(live.answers))
        asked.result(30)
        assert done_at[0] <= settled + 1


def test_stepping_back_is_no_failed_request(worker, colours, until):
    _, live = worker()
    told = []

    class Observer:
        def executed(self, answers): ...
        def succeeded(self, seconds): ...
        def failed(self, error, seconds):
            told.append(error)

    colours[0].classifier.observer = Observer()
    with live.following():
        until(lambda: live.answers >= 1)
        with colours[0].classifier._places.take(30):
            time.sleep(0.4)
        settled = live.answers
        until(lambda: live.answers > settled)
    assert told == []


def test_an_error_does_not_end_the_worker_and_is_logged_once(
    worker, colours, monkeypatch, until, caplog
):
    monkeypatch.setattr(module, "_PAUSE_AFTER_ERROR", 0.01)
    _, live = worker()
    calls = []
    with monkeypatch.context() as patched, live.following():

        def fail(*_, **__):
            calls.append(1)
            raise ZeroDivisionError("made to fail")

        patched.setattr(colours[0].classifier, "look", fail)
        until(lambda: len(calls) > 3)
    with live.following():
        until(lambda: live.answers >= 1)
    assert caplog.text.count("are not classified: ZeroDivisionError: made to fail") == 1


# Over time


def test_answers_are_smoothed_and_the_frame_s_own_is_there_too(watch, until):
    source = Slides()
    grabber, live = watch(source, smoothing=30.0)
    live.newest()
    source.next.release()
    until(lambda: grabber.latest().number == 2)
    answer = live.newest()
    assert answer.own.top[0].label == "1"
    assert answer.label == "0"
    assert 0.5 < answer.confidence < 1
    assert answer.confidence == pytest.approx(answer.classification.scores[0])


def test_another_model_begins_anew(watch, colours, until):
    models = [colours[0]]
    source = Slides()
    grabber, _ = watch(source)
    live = Live(grabber, lambda: models[0], smoothing=30.0)
    live.newest()
    source.next.release()
    until(lambda: grabber.latest().number == 2)
    models[0] = replace(colours[0])
    assert live.newest().label == "1"


def test_a_camera_that_was_lost_begins_anew(watch, until):
    source = Torn()
    grabber, live = watch(source, smoothing=30.0, backoff=Backoff(first=0.01, longest=0.01))
    assert live.newest().label == "0"
    source.tear = True
    source.next.release()
    until(lambda: grabber.status().reconnections >= 1 and grabber.latest().number == 2)
    assert live.newest().label == "1"


class Torn(Slides):
    """Fails once when it is told to."""

    tear = False

    def read(self):
        picture = super().read()
        if self.tear:
            self.tear = False
            self.colour -= 1  # it is shown when the camera is open again
            raise CameraError("The cable is torn; plug it in.")
        return picture


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
