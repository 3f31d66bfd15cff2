"""The line in which requests with pictures wait for the processors."""

from __future__ import annotations

import threading
import time

import pytest

from edge_server.line import Line, Turn


class Request:
    def __init__(self, name="", *, age=0.0, gone=False):
        self.name, self.gone = name, gone
        self.turn = Turn()
        self.arrived = time.monotonic() - age

    def is_gone(self):
        return self.gone

    def __repr__(self):
        return self.name


@pytest.fixture
def line():
    return Line(2, max_waiting=2, seconds=30)


@pytest.fixture
def busy(line):
    """The two requests that have its turns."""
    found = [Request("a"), Request("b")]
    assert all(line.enter(request) for request in found)
    return found


def test_as_many_as_there_are_turns_begin_at_once(line, busy):
    assert line.is_taken
    assert all(line.has_turn(request) for request in busy)
    assert [request.turn.waited for request in busy] == [0.0, 0.0]


def test_those_who_wait_follow_in_the_order_of_coming(line, busy):
    waiting = [Request("c", age=2.0), Request("d", age=1.0)]
    assert [line.enter(request) for request in waiting] == [False, False]
    assert line.waiting == 2
    assert [line.leave(request) for request in busy] == waiting
    assert [request.turn.waited for request in waiting] == pytest.approx([2.0, 1.0], abs=0.5)
    assert line.waiting == 0


def test_a_turn_that_nobody_waits_for_is_free(line, busy):
    assert line.leave(busy[0]) is None
    assert not line.is_taken
    assert line.enter(Request("c"))


def test_a_turn_ends_once(line, busy):
    waiting = [Request("c"), Request("d")]
    for request in waiting:
        line.enter(request)
    assert line.leave(busy[0]) is waiting[0]
    assert line.leave(busy[0]) is None
    assert line.waiting == 1


def test_one_too_many_is_worked_on_for_its_refusal_and_takes_no_turn(line, busy):
    for name in "cd":
        line.enter(Request(name))
    late = Request("e")
    assert line.enter(late)
    assert late.turn == Turn(is_turned_away=True, ahead=2)
    assert not line.has_turn(late)
    assert line.leave(late) is None
    assert line.waiting == 2


def test_who_has_waited_too_long_and_who_has_left_wait_no_more(line, busy):
    late, in_time = Request("late", age=31), Request("in time", age=29)
    for request in (late, in_time):
        line.enter(request)
    assert line.overdue() == [late]
    assert not line.has_turn(late)
    assert not late.turn.is_turned_away
    in_time.gone = True
    assert line.overdue() == [in_time]
    assert line.waiting == 0


def test_who_is_overdue_in_the_very_moment_of_its_turn_has_its_turn_alone(line, busy):
    waiting = Request("c", age=31)
    line.enter(waiting)

    def leaves():
        # Between the look at who is late and the taking out of the line.
        assert line.leave(busy[0]) is waiting
        return False

    waiting.is_gone = leaves
    waiting.arrived = time.monotonic()
    assert line.overdue() == []
    assert line.has_turn(waiting)


def test_one_is_alone_until_another_comes(line):
    first, second = Request("a"), Request("b")
    line.enter(first)
    assert first.turn.is_alone()
    line.enter(second)
    assert not first.turn.is_alone()
    line.leave(second)
    assert first.turn.is_alone()


def test_a_request_that_the_server_has_not_lined_up_has_waited_for_nobody():
    assert Turn().is_alone()
    assert Turn().waited == 0.0


def test_however_many_threads_come_and_go_each_request_has_one_turn():
    line, counted, lock = Line(3, max_waiting=1000, seconds=30), [], threading.Lock()

    def work(request):
        while request is not None:
            with lock:
                counted.append(request)
            assert len(line._at_work) <= 3
            request = line.leave(request)

    def come(number):
        for step in range(200):
            request = Request(f"{number}/{step}")
            if line.enter(request):
                work(request)

    threads = [threading.Thread(target=come, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert line.waiting == 0
    assert len(counted) == len(set(counted)) == 1000
