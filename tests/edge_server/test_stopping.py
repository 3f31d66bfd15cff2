"""The word to stop is heard whenever it comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from edge_server.stopping import StopRequest


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait(number: signal.Signals) -> None:
    with StopRequest() as stop:
        threading.Timer(0.1, os.kill, (os.getpid(), number)).start()
        assert stop.wait() == number.name


def test_a_signal_that_came_before_the_wait_is_not_lost() -> None:
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait() == "SIGTERM"


def test_a_signal_that_another_thread_receives_ends_the_wait() -> None:
    with StopRequest() as stop:
        other = threading.Timer(
            0.1, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        )
        other.start()
        assert stop.wait() == "SIGTERM"
        other.join()


def test_another_thread_can_ask() -> None:
    with StopRequest() as stop:
        threading.Timer(0.05, stop.request).start()
        assert stop.wait() == "request"


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with StopRequest():
        pass
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_many_signals_at_the_worst_moments_are_all_heard() -> None:
    # Each round a signal races with the beginning of the wait.
    program = """
import os, signal, threading
from edge_server.stopping import StopRequest
for round in range(300):
    with StopRequest() as stop:
        other = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGTERM))
        other.start()
        assert stop.wait() == "SIGTERM"
        other.join()
print("heard")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "heard\n", done.stderr
