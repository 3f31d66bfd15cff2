"""The threads that answer: as many as are needed, the last one first."""

from __future__ import annotations

import queue
import threading
import time

import pytest

from edge_server.http import workers as module
from edge_server.http.workers import Workers


class Connection:
    """Answers when it is told to; `again` says whether the client sends another request."""

    def __init__(self, *, held=False, error=None):
        self.begun, self.may_end, self.closed = threading.Event(), threading.Event(), False
        self.thread = None
        self._error = error
        if not held:
            self.may_end.set()

    def communicate(self):
        self.thread = threading.current_thread()
        self.begun.set()
        assert self.may_end.wait(10)
        if self._error is not None:
            raise self._error
        return False

    def close(self):
        self.closed = True


class Server:
    def put_conn(self, conn):
        raise AssertionError("no connection goes on here")

    def next_turn(self, _conn):
        return None

    def thread_is_free(self):
        pass


@pytest.fixture
def workers():
    made = Workers(Server(), most=2, waiting=1)
    yield made
    made.stop(5)


def until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def answered(workers, connection):
    workers.put(connection)
    until(lambda: connection.closed)
    until(lambda: len(workers._idle) == workers.count)
    return connection.thread


def test_no_thread_is_there_before_it_is_needed(workers):
    workers.start()
    assert workers.count == 0


def test_one_request_at_a_time_needs_one_thread(workers):
    threads = {answered(workers, Connection()) for _ in range(5)}
    assert len(threads) == workers.count == 1


def test_the_thread_that_has_just_worked_works_again(workers):
    held = Connection(held=True)
    workers.put(held)
    held.begun.wait(10)
    last = Connection()
    workers.put(last)
    until(lambda: last.closed)
    held.may_end.set()
    until(lambda: len(workers._idle) == 2)
    assert answered(workers, Connection()) is held.thread


def test_more_than_the_threads_wait_and_more_than_may_wait_are_refused(workers):
    held = [Connection(held=True) for _ in range(2)]
    for connection in held:
        workers.put(connection)
    waiting = Connection()
    workers.put(waiting)
    with pytest.raises(queue.Full):
        workers.put(Connection())
    assert not waiting.begun.is_set()
    for connection in held:
        connection.may_end.set()
    until(lambda: waiting.closed)


@pytest.mark.parametrize("error", [ConnectionResetError(), ValueError("a mistake"), SystemExit()])
def test_a_thread_outlives_what_fails_in_it(workers, error):
    failing = Connection(error=error)
    first = answered(workers, failing)
    assert answered(workers, Connection()) is first


def test_a_thread_without_work_ends(workers, monkeypatch):
    monkeypatch.setattr(module, "_IDLE_SECONDS", 0.05)
    connection = Connection()
    workers.put(connection)
    until(lambda: workers.count == 0)
    connection.thread.join(10)
    assert not connection.thread.is_alive()


def test_stopping_lets_the_answer_under_way_come_to_its_end(workers):
    held = Connection(held=True)
    workers.put(held)
    held.begun.wait(10)
    threading.Timer(0.1, held.may_end.set).start()
    workers.stop(5)
    assert held.closed
    assert workers.count == 0


def test_where_the_system_has_no_more_threads_the_request_is_refused(workers, monkeypatch):
    def start(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(module._Worker, "start", start)
    with pytest.raises(queue.Full):
        workers.put(Connection())
    assert workers.count == 0
