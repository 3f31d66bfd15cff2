"""The stream as it gets to viewers: a real server, real sockets."""

from __future__ import annotations

import io
import socket
import threading
import time
from contextlib import ExitStack

import numpy as np
import pytest
from PIL import Image

from camera import looks, mjpeg
from camera.errors import CameraError
from camera.jpeg import read_jpeg
from network_camera import FRAMES_A_SECOND
from stream_viewer import first, within

PATHS = ("/camera/stream.mjpg", "/stream", "/?action=stream")


@pytest.mark.parametrize("path", PATHS)
def test_a_stream_is_what_the_camera_sent_part_by_part_until_the_connection_ends(show, watch, path):
    here = show((64, 48), 3000)
    stream = watch(here, path)
    assert stream.head.startswith("HTTP/1.1 200 ")
    # Chunks around the parts would be taken for pictures by simple viewers.
    assert "chunked" not in stream.head.lower()
    assert "Connection: close" in stream.head
    for (_, jpeg), _ in zip(stream.parts(), range(3), strict=False):
        assert jpeg in here.camera.pictures


def test_viewers_hold_no_thread_and_one_sends_to_all(show, watch):
    here = show()
    first(watch(here))
    threads = threading.active_count()
    streams = [watch(here, path) for path in ("/stream", "/stream?fps=1", "/stream")]
    for stream in streams:
        first(stream)
    within(2.0, lambda: (here.viewers, here.busy) == (4, 0))
    assert threading.active_count() <= threads + 1  # the thread that answered may end later


def test_who_is_passed_the_camera_s_pictures_does_not_wait_for_those_that_are_made(
    show, watch, monkeypatch
):
    here = show()
    encoding, go_on = threading.Event(), threading.Event()

    def slow(*_):
        encoding.set()
        assert go_on.wait(30)
        raise CameraError("The test is over.")

    monkeypatch.setattr(looks, "encode_rgb", slow)
    smaller = watch(here, "/stream?width=64")
    assert smaller.head.startswith("HTTP/1.1 200 ")
    assert encoding.wait(20)
    parts = watch(here).parts()
    for _ in range(FRAMES_A_SECOND):
        next(parts)
    assert not go_on.is_set()
    go_on.set()


def test_a_rate_that_is_asked_for_is_kept_to(show, watch):
    parts = watch(show(), "/stream?fps=5").parts()
    next(parts)
    began = time.monotonic()
    for _ in range(5):
        next(parts)
    assert time.monotonic() - began > 0.8


@pytest.mark.parametrize("path", PATHS)
def test_width_overlay_and_fps_go_together_at_every_address(show, watch, path):
    here = show((640, 480), 20_000)
    camera = here.services.camera
    within(10, camera.grabber.latest)
    camera.live.newest()
    stream = watch(here, path + ("&" if "?" in path else "?") + "width=320&overlay=1&fps=10")
    while True:
        _, jpeg = next(stream.parts())
        assert read_jpeg(jpeg).size == (320, 240)
        pixels = np.asarray(Image.open(io.BytesIO(jpeg)).convert("L")).astype(int)
        if np.ptp(pixels[222:238]) > 100:  # words, of which the camera's one shade has none
            assert np.ptp(pixels[:200]) < 10
            return
        camera.live.newest()
        stream._rest = mjpeg.preamble() + stream._rest


def test_whoever_asks_for_an_overlay_follows_the_live_answers(show, watch):
    here = show()
    live = here.services.camera.live
    with ExitStack() as stack:
        followed = threading.Event()
        following = live.following

        def noticed():
            followed.set()
            return following()

        live.following = noticed
        stack.callback(lambda: setattr(live, "following", following))
        first(watch(here, "/stream"))
        assert not followed.is_set()
        first(watch(here, "/stream?overlay=1"))
        assert followed.is_set()


def test_the_head_of_a_stream_has_no_body_and_takes_no_place(show):
    here = show()
    with socket.create_connection(here.address, timeout=10) as connection:
        connection.sendall(b"HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\n")
    assert here.viewers == 0


def test_streams_end_with_the_camera(show, watch):
    here = show()
    stream = watch(here)
    first(stream)
    here.services.stop()
    within(3.0, lambda: here.viewers == 0)
    while stream.socket.recv(2**16):
        pass


def test_streams_end_with_the_server_and_so_does_their_thread(show, watch):
    here = show()
    stream = watch(here)
    first(stream)
    here.server.stop()
    assert here.viewers == 0
    assert "streams" not in [thread.name for thread in threading.enumerate()]
    while stream.socket.recv(2**16):
        pass
