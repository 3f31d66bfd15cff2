"""Who may work on pictures at a time, and until when a request keeps its place."""

from __future__ import annotations

import threading

import pytest

from edge_server import request_context
from edge_server.errors import Overloaded
from edge_server.inference.places import Places


@pytest.fixture
def places():
    return Places(1, max_waiting=0)


def test_outside_of_a_request_a_place_is_given_back_at_once(places):
    with places.take(1):
        assert places.free == 0
    assert places.free == 1


def test_a_request_keeps_its_place_until_it_is_over(places):
    with request_context.begin():
        with places.take(1):
            pass
        assert places.free == 0
    assert places.free == 1


def test_a_request_works_again_in_the_place_that_it_has_kept(places):
    with request_context.begin():
        for _ in range(3):
            with places.take(0.01):
                assert places.free == 0
    assert places.free == 1


def test_before_the_request_waits_for_its_client_it_lets_go(places):
    with request_context.begin():
        with places.take(1):
            pass
        request_context.let_go()
        assert places.free == 1


def test_what_fails_lets_go(places):
    with request_context.begin():
        with pytest.raises(ZeroDivisionError), places.take(1):
            raise ZeroDivisionError
        assert places.free == 1


def test_the_later_parts_of_a_request_stand_in_line_anew():
    places = Places(1, max_waiting=1)
    order = []
    waiting = threading.Event()

    def another():
        waiting.set()
        with places.take(10):
            order.append("another")

    with request_context.begin():
        with places.take(1):
            order.append("first part")
            thread = threading.Thread(target=another)
            thread.start()
            waiting.wait(10)
            while places.occupancy.waiting == 0:
                pass
        with places.take(10, again=True):
            order.append("second part")
    thread.join(10)
    assert order == ["first part", "another", "second part"]


def test_beyond_those_that_may_wait_requests_are_turned_away(places):
    with places.take(1), pytest.raises(Overloaded), places.take(1):
        pass


def test_whoever_has_the_only_place_that_is_taken_is_alone():
    places = Places(2, max_waiting=2)
    with places.take(1):
        assert places.holder_is_alone
        with places.take(1):
            assert not places.holder_is_alone
        assert places.holder_is_alone
