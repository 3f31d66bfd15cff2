"""Threads that are woken, and where they go on. Real threads, real affinities."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager

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
def sleeping() -> Iterator[tuple[Sleeper, int]]:
    """A sleeper that sleeps until the block ends, and its thread."""
    found: list[tuple[Sleeper, int]] = []
    ready, over = threading.Event(), threading.Event()

    def sleep() -> None:
        found.append((Sleeper(), threading.get_native_id()))
        ready.set()
        over.wait(PATIENCE)

    thread = threading.Thread(target=sleep)
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        yield found[0]
    finally:
        over.set()
        thread.join(PATIENCE)


@pytest.mark.parametrize("processor", sorted(ALL))
def test_who_is_called_goes_on_where_the_caller_runs_and_is_free_again(processor: int) -> None:
    with sleeping() as (sleeper, thread):
        with on_processors({processor}):
            sleeper.come_here()
        assert os.sched_getaffinity(thread) == {processor}
        sleeper.is_awake()
        assert os.sched_getaffinity(thread) == ALL


@pytest.mark.skipif(len(ALL) < 2, reason="needs two processors")
def test_nobody_is_called_where_he_may_not_run() -> None:
    one, other, *_ = sorted(ALL)
    with on_processors({one}), sleeping() as (sleeper, thread):
        with on_processors({other}):
            sleeper.come_here()
        assert os.sched_getaffinity(thread) == {one}


def test_a_thread_that_has_ended_is_called_in_vain() -> None:
    with sleeping() as (sleeper, _):
        pass
    sleeper.come_here()


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
