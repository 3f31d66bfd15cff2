"""A request's deadline is one for all of it, and work ends when whoever asked has left."""

from __future__ import annotations

import threading
import time

import pytest

from edge_server.deadline import Deadline
from edge_server.errors import ClientGone, DeadlineExceeded
from edge_server.inference.pool import Pool
from edge_server.inference.runtime import Model


@pytest.fixture
def slow_runs(monkeypatch):
    """Each run of a model takes 50 ms; gives a list of the threads that ran one."""
    runs, run = [], Model.run

    def slow(model, tensor):
        runs.append(threading.current_thread().name)
        time.sleep(0.05)
        return run(model, tensor)

    monkeypatch.setattr(Model, "run", slow)
    return runs


def test_a_deadline_counts_from_the_coming_of_the_request():
    deadline = Deadline(10, since=time.monotonic() - 9)
    assert 0.5 < deadline.remaining <= 1
    deadline.check()
    late = Deadline(10, since=time.monotonic() - 11)
    assert late.remaining == 0
    with pytest.raises(DeadlineExceeded, match="not answered within 10 s"):
        late.check()


def test_somebody_who_left_is_noticed():
    with pytest.raises(ClientGone):
        Deadline(10, is_gone=lambda: True).check()


@pytest.mark.parametrize("count", [1, 20])
def test_what_came_too_late_is_not_even_decoded(count, classifier, slow_runs):
    late = Deadline(1, since=time.monotonic() - 2)
    with pytest.raises(DeadlineExceeded):
        classifier.classify_batch([b"no image"] * count, deadline=late)
    assert slow_runs == []


def test_all_images_of_a_request_share_its_deadline(classifier, digit, slow_runs):
    # No image waits for an interpreter, but together they would take half a second and more.
    with pytest.raises(DeadlineExceeded):
        classifier.classify_batch([digit(n)[0] for n in range(20)], deadline=Deadline(0.15))
    assert 2 <= len(slow_runs) <= 8


def test_a_request_ends_between_its_images_when_its_client_leaves(classifier, digit, slow_runs):
    left = Deadline(30, is_gone=lambda: len(slow_runs) >= 4)
    with pytest.raises(ClientGone):
        classifier.classify_batch([digit(n)[0] for n in range(20)], deadline=left)
    assert 4 <= len(slow_runs) <= 6


def test_who_leaves_while_waiting_gives_the_place_up(until):
    pool, gone, ended = Pool(["a"], max_waiting=1), threading.Event(), []

    def wait():
        try:
            with pool.borrow(Deadline(30, is_gone=gone.is_set)):
                ended.append("ran")
        except ClientGone:
            ended.append("left")

    with pool.borrow(1):
        thread = threading.Thread(target=wait)
        thread.start()
        until(lambda: pool.waiting == 1)
        gone.set()
        thread.join(20)
        assert (ended, pool.waiting) == (["left"], 0)
    assert pool.free == 1


def test_who_left_is_not_given_a_member_that_became_free():
    pool = Pool(["a"], max_waiting=1)
    with pytest.raises(ClientGone), pool.borrow(Deadline(1, is_gone=lambda: True)):
        raise AssertionError("must not run")
    assert pool.free == 1


def test_many_who_leave_at_the_moment_of_their_turn_lose_no_member():
    pool, left = Pool([1, 2], max_waiting=100), [0] * 8

    def ask(number):
        for turn in range(200):
            moment = time.monotonic() + 0.00002 * (turn % 20)
            try:
                with pool.borrow(Deadline(30, is_gone=lambda m=moment: time.monotonic() > m)):
                    pass
            except ClientGone:
                left[number] += 1

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (pool.free, pool.waiting) == (2, 0)
    assert sum(left) > 0
