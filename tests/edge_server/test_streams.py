"""The stream as it gets to viewers: a real server, real sockets, slow and vanished clients."""

from __future__ import annotations

import io
import socket
import struct
import threading
import time
from contextlib import ExitStack, suppress

import numpy as np
import pytest
from PIL import Image

from camera import looks, mjpeg
from camera.errors import CameraError
from camera.jpeg import read_jpeg
from server_here import ServerHere

PATHS = ("/camera/stream.mjpg", "/stream", "/?action=stream")
FRAMES_A_SECOND = 30


class Camera:
    """A camera in the network: JPEGs of a size and weight, 30 a second, until it is silent."""

    def __init__(self, size, bytes_each):
        self._pictures = [_jpeg(size, bytes_each, shade) for shade in (40, 200)]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self.silent = threading.Event()
        self._stopped = False
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, suppress(OSError):
                self._send(client)

    def _send(self, client):
        client.recv(4096)
        client.sendall(f"HTTP/1.0 200 OK\r\nContent-Type: {mjpeg.CONTENT_TYPE}\r\n\r\n".encode())
        client.sendall(mjpeg.preamble())
        due = time.monotonic()
        number = 0
        while not self._stopped:
            if not self.silent.is_set():
                client.sendall(mjpeg.part(self._pictures[number % 2], time.time()))
                number += 1
            due += 1 / FRAMES_A_SECOND
            time.sleep(max(0.0, due - time.monotonic()))

    def stop(self):
        self._stopped = True
        self._listener.close()


def _jpeg(size, bytes_each, shade):
    stream = io.BytesIO()
    Image.new("RGB", size, (shade,) * 3).save(stream, "JPEG")
    data = stream.getvalue()
    # What a JPEG weighs is in its comments, so that the test's own encoder costs nothing.
    while len(data) < bytes_each:
        length = min(60_000, bytes_each - len(data)) + 2
        data = data[:2] + b"\xff\xfe" + struct.pack(">H", length) + bytes(length - 2) + data[2:]
    return data


class Here(ServerHere):
    """A server in this process that shows a camera."""

    @property
    def viewers(self):
        return self.services.camera.broadcast.viewers

    @property
    def busy(self):
        """Threads that are answering."""
        workers = self.server.requests
        return workers.count - len(workers._idle)


@pytest.fixture
def show():
    """Starts a camera and a server that shows it."""
    with ExitStack() as stack:

        def start(size=(320, 240), bytes_each=8000, **settings):
            camera = Camera(size, bytes_each)
            stack.callback(camera.stop)
            here = Here(**{"camera": camera.url, "viewers": 4} | settings)
            stack.callback(here.stop)
            here.camera = camera
            return here

        yield start


@pytest.fixture
def watch():
    """Opens a stream and gives its socket, the head of the answer read; closed after the test."""
    with ExitStack() as stack:

        def start(here, path="/stream", receive_buffer=0):
            connection = socket.socket()
            stack.callback(connection.close)
            if receive_buffer:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            connection.settimeout(20)
            connection.connect(here.address)
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            return Stream(connection)

        yield start


class Stream:
    """What a viewer reads, at so many bytes a second."""

    def __init__(self, connection, rate=0.0):
        self.socket = connection
        self.rate = rate
        self._began, self._read = time.monotonic(), 0
        self._rest = b""
        self.head = self._until(b"\r\n\r\n").decode()

    def parts(self):
        assert self._until(b"\r\n") == mjpeg.preamble()
        while True:
            lines = self._until(b"\r\n\r\n").decode().split("\r\n")[:-2]
            fields = dict(line.split(": ", 1) for line in lines)
            jpeg = self._exactly(int(fields["Content-Length"]))
            assert self._until(b"--" + mjpeg.BOUNDARY.encode() + b"\r\n").startswith(b"\r\n--")
            yield fields, jpeg

    def slow_down(self, rate):
        self.rate, self._began, self._read = rate, time.monotonic(), 0

    def _more(self):
        if self.rate:
            time.sleep(max(0.0, self._began + self._read / self.rate - time.monotonic()))
        data = self.socket.recv(4096 if self.rate else 65536)
        assert data, "the stream ended"
        self._read += len(data)
        self._rest += data

    def _until(self, mark):
        while mark not in self._rest:
            self._more()
        end = self._rest.index(mark) + len(mark)
        found, self._rest = self._rest[:end], self._rest[end:]
        return found

    def _exactly(self, count):
        while len(self._rest) < count:
            self._more()
        found, self._rest = self._rest[:count], self._rest[count:]
        return found


def first(stream):
    return next(stream.parts())


def within(seconds, condition):
    """How long it took until the condition held; more than `seconds` fails."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.01)
    return time.monotonic() - began


@pytest.mark.parametrize("path", PATHS)
def test_a_stream_is_what_the_camera_sent_part_by_part_until_the_connection_ends(show, watch, path):
    here = show((64, 48), 3000)
    stream = watch(here, path)
    assert stream.head.startswith("HTTP/1.1 200 ")
    # Chunks around the parts would be taken for pictures by simple viewers.
    assert "chunked" not in stream.head.lower()
    assert "Connection: close" in stream.head
    for (_, jpeg), _ in zip(stream.parts(), range(3), strict=False):
        assert jpeg in here.camera._pictures


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
