"""Frames are classified by themselves while somebody is interested."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from edge_server.live import live as module
from slides import Slides


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
