from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest

from edge_server.errors import DeadlineExceeded, Overloaded
from edge_server.inference.pool import Pool

PATIENCE = 20.0


@pytest.fixture
def run():
    """Runs functions in threads and joins them at the end, passing on what they raised."""
    threads, errors = [], []

    def start(function):
        def guarded():
            try:
                function()
            except BaseException as error:
                errors.append(error)

        threads.append(threading.Thread(target=guarded, daemon=True))
        threads[-1].start()
        return threads[-1]

    yield start
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive(), "deadlock"
    assert not errors


def test_a_pool_needs_a_member():
    with pytest.raises(ValueError, match="needs a member"):
        Pool([], max_waiting=1)


def test_each_member_is_lent_to_one_borrower_at_a_time():
    pool = Pool(["a", "b"], max_waiting=0)
    assert len(pool) == 2
    with pool.borrow(1) as first, pool.borrow(1) as second:
        assert {first, second} == {"a", "b"}


def test_the_one_used_last_is_lent_first():
    pool = Pool(["a", "b"], max_waiting=0)
    with pool.borrow(1) as first, pool.borrow(1):
        pass
    with pool.borrow(1) as again:
        assert again == first


def test_a_member_comes_back_after_an_exception():
    pool = Pool(["a"], max_waiting=0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), pool.borrow(1):
            _ = 1 / 0
    with pool.borrow(1) as member:
        assert member == "a"


def test_a_wait_ends_at_its_deadline():
    pool = Pool(["a"], max_waiting=1)
    with pool.borrow(1):
        with pytest.raises(DeadlineExceeded, match=r"within 0\.05 s"), pool.borrow(0.05):
            pass
        assert pool.waiting == 0


def test_a_borrower_that_gave_up_costs_no_member():
    pool = Pool(["a"], max_waiting=1)
    with pool.borrow(1), pytest.raises(DeadlineExceeded), pool.borrow(0.01):
        pass
    with pool.borrow(1) as member:
        assert member == "a"


def test_without_a_queue_the_next_one_is_turned_away_at_once():
    pool = Pool(["a"], max_waiting=0)
    with pool.borrow(1):
        with pytest.raises(Overloaded, match="busy") as caught, pool.borrow(PATIENCE):
            pass
        assert caught.value.retry_after == 1


def test_the_rest_of_an_admitted_request_is_not_turned_away():
    pool = Pool([1], max_waiting=0)
    with pool.borrow(1):
        with pytest.raises(DeadlineExceeded), pool.borrow(0.01, admitted=True):
            pass
        with pytest.raises(Overloaded), pool.borrow(0.01):
            pass


def test_the_free_members_are_counted():
    pool = Pool([1, 2], max_waiting=0)
    assert pool.free == 2
    with pool.borrow(1):
        assert pool.free == 1
    assert pool.free == 2


def test_no_more_than_the_queue_wait(run, until):
    pool = Pool(["a"], max_waiting=2)

    def borrow():
        with pool.borrow(PATIENCE):
            pass

    with pool.borrow(1):
        run(borrow), run(borrow)
        until(lambda: pool.waiting == 2)
        with pytest.raises(Overloaded, match="2 requests wait"), pool.borrow(PATIENCE):
            pass
        assert pool.waiting == 2


def test_those_who_wait_are_served_in_the_order_of_their_coming(run, until):
    pool = Pool(["a"], max_waiting=10)
    order = []

    def borrow(number):
        with pool.borrow(PATIENCE):
            order.append(number)

    with pool.borrow(1):
        for number in range(6):
            run(lambda number=number: borrow(number))
            until(lambda number=number: pool.waiting == number + 1)
    until(lambda: len(order) == 6)
    assert order == list(range(6))


def test_whoever_comes_back_at_once_does_not_overtake_those_who_wait(run, until):
    pool = Pool(["a"], max_waiting=10)
    order = []

    def patient():
        with pool.borrow(PATIENCE):
            order.append("patient")

    with pool.borrow(1):
        run(patient)
        until(lambda: pool.waiting == 1)
    with pool.borrow(PATIENCE):
        order.append("greedy")
    assert order == ["patient", "greedy"]


def test_many_borrowers_and_short_deadlines_lose_no_member(run):
    pool = Pool(list(range(3)), max_waiting=100)
    used, lock = {}, threading.Lock()
    begin = threading.Barrier(16)

    def borrow(number):
        begin.wait()
        for turn in range(200):
            try:
                # Deadlines about as long as a turn, so that many end as a member comes.
                with pool.borrow(0.00001 * (turn % 20)) as member:
                    with lock:
                        assert member not in used
                        used[member] = number
                    with lock:
                        del used[member]
            except DeadlineExceeded:
                pass

    threads = [run(lambda n=n: borrow(n)) for n in range(16)]
    for thread in threads:
        thread.join(PATIENCE)
    assert pool.waiting == 0
    with ExitStack() as stack:
        assert {stack.enter_context(pool.borrow(1)) for _ in range(3)} == {0, 1, 2}


def test_who_is_patient_lets_those_go_first_who_come_later(run, until):
    pool = Pool("a", max_waiting=4)
    order = []

    def borrow(name, **how):
        member = pool.take(PATIENCE, **how)
        order.append(name)
        pool.give(member)

    held = pool.take(PATIENCE)
    run(lambda: borrow("patient", patient=True))
    until(lambda: pool._patient)
    run(lambda: borrow("request"))
    until(lambda: pool.waiting == 1)
    pool.give(held)
    until(lambda: len(order) == 2)
    assert order == ["request", "patient"]


def test_who_is_patient_takes_no_place_in_the_queue(run, until):
    pool = Pool("a", max_waiting=0)
    held = pool.take(PATIENCE)
    with pytest.raises(DeadlineExceeded):
        pool.take(0.01, patient=True)
    run(lambda: pool.give(pool.take(PATIENCE, patient=True)))
    until(lambda: pool._patient)
    assert pool.waiting == 0
    pool.give(held)
    until(lambda: pool.free == 1)
    assert pool.take(PATIENCE, patient=True) == "a"
