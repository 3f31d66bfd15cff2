"""Where connections are listened to: in the loop, or aside, for the threads that answer."""

from __future__ import annotations

import selectors
import socket
import threading
from types import SimpleNamespace

import pytest

from edge_server.http.listening import Listening


class Both:
    """What is listened with, whether the threads are busy, and the connections."""

    def __init__(self):
        self.busy = True
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listening = Listening(self.listener, are_busy=lambda: self.busy)
        self._sockets = [self.listener]

    def connection(self):
        """One of ours, and the client's end."""
        ours, theirs = socket.socketpair()
        self._sockets += [ours, theirs]
        return SimpleNamespace(socket=ours, listened_for=0, was_aside=False), theirs

    def heard(self):
        """What the loop is told of now."""
        return list(self.listening.select(0))

    def end(self):
        self.listening.close()
        for end in self._sockets:
            end.close()


@pytest.fixture
def both():
    made = Both()
    yield made
    made.end()


def test_the_loop_hears_of_new_clients_and_of_those_it_listens_to(both):
    connection, client = both.connection()
    both.listening.listen(connection, selectors.EVENT_READ)
    assert both.heard() == []
    client.send(b"x")
    assert both.heard() == [connection]
    with socket.create_connection(both.listener.getsockname()):
        assert None in both.heard()


def test_what_lies_aside_is_picked_up_once(both):
    connection, client = both.connection()
    assert both.listening.lay_aside(connection)
    assert list(both.listening.pick_up()) == []
    client.send(b"x")
    assert list(both.listening.pick_up()) == [connection]
    client.send(b"y")
    assert list(both.listening.pick_up()) == []
    both.listening.lay_aside(connection)
    assert list(both.listening.pick_up()) == [connection]


def test_while_the_threads_are_busy_the_loop_leaves_it_to_them(both):
    connection, client = both.connection()
    both.listening.lay_aside(connection)
    client.send(b"x")
    both.listening.share()
    assert both.heard() == []
    both.busy = False
    assert both.heard() == []
    both.listening.share()
    assert both.heard() == [connection]


def test_when_the_threads_are_busy_again_the_loop_hears_of_it_no_more(both):
    connection, client = both.connection()
    both.listening.lay_aside(connection)
    both.busy = False
    both.listening.share()
    both.busy = True
    both.listening.share()
    client.send(b"x")
    assert both.heard() == []
    assert list(both.listening.pick_up()) == [connection]


def test_a_thread_waits_for_any_of_them(both):
    connections = [both.connection() for _ in range(3)]
    for connection, _ in connections:
        both.listening.lay_aside(connection)
    wanted, client = connections[1]
    threading.Timer(0.05, client.send, [b"x"]).start()
    assert list(both.listening.pick_up(10.0)) == [wanted]


def test_one_that_is_removed_is_heard_of_no_more(both):
    aside, client = both.connection()
    in_loop, other_client = both.connection()
    both.listening.lay_aside(aside)
    both.listening.listen(in_loop, selectors.EVENT_READ)
    assert both.listening.waiting() == [in_loop, aside]
    for connection, end in ((aside, client), (in_loop, other_client)):
        both.listening.remove(connection)
        end.send(b"x")
    assert both.listening.waiting() == []
    assert both.heard() == list(both.listening.pick_up()) == []


def test_several_threads_get_each_of_them_once(both):
    connections = [both.connection() for _ in range(50)]
    for connection, client in connections:
        both.listening.lay_aside(connection)
        client.send(b"x")
    found, go = [], threading.Barrier(4)

    def pick_up():
        go.wait()
        found.extend(both.listening.pick_up())

    threads = [threading.Thread(target=pick_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(found) == 50
    assert {id(connection) for connection in found} == {id(c) for c, _ in connections}


def test_when_it_has_ended_nothing_is_listened_to(both):
    connection, _ = both.connection()
    other, _ = both.connection()
    both.listening.lay_aside(connection)
    both.listening.close()
    with pytest.raises(ConnectionAbortedError):
        both.listening.listen(other, selectors.EVENT_READ)
    with pytest.raises(ConnectionAbortedError):
        both.listening.lay_aside(other)
    assert list(both.listening.pick_up()) == []
    both.listening.share()
