from __future__ import annotations

import threading

import pytest

from camera import painter as module
from camera.painter import Painter


@pytest.fixture
def painter(monkeypatch):
    """A painter whose thread ends soon after the test; `done` counts its jobs."""
    monkeypatch.setattr(module, "_IDLE", 0.05)
    done = threading.Semaphore(0)
    made = Painter(done.release)
    made.done = done
    return made


def wait(painter, jobs=1):
    for _ in range(jobs):
        assert painter.done.acquire(timeout=15)


def test_jobs_are_done_one_after_the_other_in_their_order_by_another_thread(painter):
    begun, threads, order = threading.Event(), set(), []

    def job(name):
        assert begun.wait(15)
        threads.add(threading.get_ident())
        order.append(name)

    for name in "abc":
        painter.want(name, lambda name=name: job(name))
    begun.set()
    wait(painter, 3)
    assert order == ["a", "b", "c"]
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_what_waits_or_is_being_done_is_not_done_twice(painter):
    begun, go_on, done = threading.Event(), threading.Event(), []

    def first():
        begun.set()
        assert go_on.wait(15)

    painter.want("first", first)
    assert begun.wait(15)
    painter.want("first", lambda: done.append("first again"))
    painter.want("second", lambda: done.append("second"))
    painter.want("second", lambda: done.append("second again"))
    go_on.set()
    wait(painter, 2)
    assert done == ["second"]


def test_what_is_done_can_be_wanted_again(painter):
    done = []
    for number in range(3):
        painter.want("key", lambda number=number: done.append(number))
        wait(painter)
    assert done == [0, 1, 2]


def test_a_job_that_fails_is_logged_and_the_next_is_done(painter, caplog):
    done = []
    painter.want("bad", lambda: 1 / 0)
    painter.want("good", lambda: done.append(True))
    wait(painter, 2)
    assert done == [True]
    assert "ZeroDivisionError" in caplog.text


def test_a_thread_without_work_ends_and_another_comes_with_work(painter, until):
    threads = []
    painter.want("key", lambda: threads.append(threading.current_thread()))
    wait(painter)
    until(lambda: not threads[0].is_alive())
    painter.want("key", lambda: threads.append(threading.current_thread()))
    wait(painter)
    assert threads[0] is not threads[1]
