"""Viewers that are slow, that say too much, that leave."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from network_camera import FRAMES_A_SECOND
from stream_viewer import first, within


@pytest.mark.parametrize(
    ("size", "bytes_each", "receive_buffer"),
    [
        # 720p, with the receive buffer that sockets have by themselves.
        ((1280, 720), 110_000, 0),
        # Small pictures, of which buffers hold many; the client's are those of a slow radio.
        ((320, 240), 8_000, 4096),
    ],
)
def test_on_a_link_a_third_as_fast_as_the_stream_pictures_are_young(
    show, watch, size, bytes_each, receive_buffer
):
    here = show(size, bytes_each)
    stream = watch(here, receive_buffer=receive_buffer)
    parts = stream.parts()
    next(parts)
    stream.slow_down(bytes_each * FRAMES_A_SECOND / 3)
    settled = time.monotonic() + 2
    ages, stamps = [], []
    while time.monotonic() < settled + 3:
        fields, _ = next(parts)
        if time.monotonic() > settled:
            stamps.append(float(fields["X-Timestamp"]))
            ages.append(time.time() - stamps[-1])
    assert max(ages) < 1.5, ages
    # It really was too slow for all of them, and was given what it could take.
    assert 10 < len(stamps) < 2 * FRAMES_A_SECOND, len(stamps)
    assert stamps == sorted(set(stamps))


def test_a_viewer_that_says_too_much_is_ended(show, watch):
    here = show()
    stream = watch(here)
    first(stream)
    with pytest.raises(OSError):
        for _ in range(100):
            stream.socket.sendall(bytes(2**16))
            time.sleep(0.01)
    within(2.0, lambda: here.viewers == 0)


def test_a_slow_viewer_does_not_slow_down_others(show, watch):
    here = show((64, 48), 20_000)
    slow, fast = watch(here, receive_buffer=4096), watch(here)
    slow.slow_down(20_000)
    threading.Thread(target=lambda: next(slow.parts()), daemon=True).start()
    parts = fast.parts()
    next(parts)
    began = time.monotonic()
    for _ in range(FRAMES_A_SECOND):
        next(parts)
    assert time.monotonic() - began < 2.5


@pytest.mark.parametrize("state", ["sends", "is slow", "is lost"])
def test_a_viewer_that_leaves_is_noticed_within_two_seconds(show, watch, state):
    here = show()
    path = "/stream?fps=0.1" if state == "is slow" else "/stream"
    stream = watch(here, path)
    first(stream)
    within(2.0, lambda: (here.viewers, here.busy) == (1, 0))
    if state == "is lost":
        here.camera.silent.set()
        time.sleep(0.2)
    stream.socket.close()
    within(2.0, lambda: here.viewers == 0 and here.busy == 0)


def test_a_viewer_that_leaves_with_its_buffers_full_is_noticed_within_two_seconds(show, watch):
    here = show((1280, 720), 600_000)
    stream = watch(here, receive_buffer=4096)
    time.sleep(1)  # takes nothing, and leaves without a reset for what it has not read
    assert here.viewers == 1
    stream.socket.shutdown(socket.SHUT_WR)
    stream.socket.shutdown(socket.SHUT_RD)
    stream.socket.close()
    within(2.0, lambda: here.viewers == 0 and here.busy == 0)


@pytest.mark.parametrize("bytes_each", [8_000, 600_000])
def test_a_viewer_that_takes_nothing_is_given_up(show, watch, bytes_each):
    here = show((64, 48), bytes_each)
    stream = watch(here, receive_buffer=4096)
    assert stream.head
    within(12.0, lambda: here.viewers == 0 and here.busy == 0)


def test_a_viewer_that_takes_little_is_kept(show, watch):
    here = show((64, 48), 300_000)
    stream = watch(here, receive_buffer=4096)
    stream.slow_down(30_000)
    end = time.monotonic() + 7
    while time.monotonic() < end:
        stream._more()
    assert here.viewers == 1


def test_the_place_of_a_viewer_that_left_is_free_for_the_next(show, watch):
    here = show(viewers=1)
    one = watch(here)
    first(one)
    refused = watch(here)
    assert refused.head.startswith("HTTP/1.1 503 ")
    assert "Retry-After: 1" in refused.head
    one.socket.close()
    within(2.0, lambda: here.viewers == 0)
    assert watch(here).head.startswith("HTTP/1.1 200 ")
