"""Threads that are woken, and where they go on. Real threads, real affinities."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_server.inference.pool import Pool
from edge_server.wakeup import Sleeper

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc tells on which processor a thread runs"
)
PATIENCE = 20.0
ALL = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else {0}


@contextmanager
def on_processors(chosen: set[int]) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, chosen)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def sleeping(*, stay: bool = True) -> Iterator[tuple[Sleeper, int, list[set[int]]]]:
    """A sleeper, and its thread, which sleeps until it is woken and notes where it may run."""
    found: list[tuple[Sleeper, int]] = []
    ready, may_run = threading.Event(), list[set[int]]()

    def sleep() -> None:
        found.append((Sleeper(stay=stay), threading.get_native_id()))
        ready.set()
        assert found[0][0].sleep(PATIENCE)
        may_run.append(os.sched_getaffinity(0))

    thread = threading.Thread(target=sleep)
    thread.start()
    assert ready.wait(PATIENCE)
    yield *found[0], may_run
    thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.mark.parametrize("processor", sorted(ALL))
def test_who_is_woken_goes_on_where_the_other_runs_and_is_free_again(
    processor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, set[int]]] = []
    allow = os.sched_setaffinity
    with on_processors({processor}), sleeping() as (sleeper, thread, may_run):
        monkeypatch.setattr(
            os, "sched_setaffinity", lambda *a: (asked.append(a), allow(*a))[1], raising=True
        )
        sleeper.wake()
    assert asked[0] == (thread, {processor})
    assert may_run == [{processor}]  # as much as its own thread allowed it before


def test_who_may_run_anywhere_may_do_so_again() -> None:
    with sleeping() as (sleeper, _, may_run):
        sleeper.wake()
    assert may_run == [ALL]


def test_who_does_not_stay_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_setaffinity", lambda *a: pytest.fail("it was moved"))
    with sleeping(stay=False) as (sleeper, _, may_run):
        sleeper.wake()
    assert may_run == [ALL]


@pytest.mark.skipif(len(ALL) < 2, reason="needs two processors")
def test_nobody_is_fetched_to_where_he_may_not_run() -> None:
    one, other, *_ = sorted(ALL)
    with on_processors({one}), sleeping() as (sleeper, _, may_run):
        os.sched_setaffinity(0, {other})
        sleeper.wake()
    assert may_run == [{one}]


def test_nobody_wakes_it_in_time() -> None:
    sleeper = Sleeper(stay=True)
    assert not sleeper.sleep(0.01)
    sleeper.wake()
    assert sleeper.sleep(0.0)
    assert not sleeper.sleep(0.0)


def test_a_thread_that_has_ended_leaves_no_file_open() -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = open_files()
    for _ in range(3):
        with sleeping() as (sleeper, _, _):
            sleeper.wake()
    del sleeper
    assert open_files() == before


def test_after_many_turns_every_borrower_may_run_anywhere() -> None:
    pool, masks = Pool([1], max_waiting=8, stay=True), []

    def borrow() -> None:
        for turn in range(200):
            # Deadlines about as long as a turn too, so that many end as the member comes.
            try:
                with pool.borrow(PATIENCE if turn % 2 else 0.0005):
                    masks.append(os.sched_getaffinity(0) == ALL)
            except Exception:
                masks.append(os.sched_getaffinity(0) == ALL)

    threads = [threading.Thread(target=borrow) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(masks) == 800
    assert all(masks)
