"""Cameras in the network: streams and single pictures over HTTP, well and badly written."""

from __future__ import annotations

import base64
import http.server
import io
import threading
import time
from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from camera.broadcast import Broadcast
from camera.errors import CameraError
from camera.frame import Frame, Jpeg
from camera.grabber import Grabber
from camera.jpeg import read_jpeg
from camera.sources.http import HttpSource
from camera.sources.spec import from_spec


def jpeg(level, size=(64, 48), **options):
    file = io.BytesIO()
    Image.new("RGB", size, (level, level, level)).save(file, "JPEG", **options)
    return file.getvalue()


PICTURES = [jpeg(level) for level in (10, 120, 240)]


class Camera(http.server.ThreadingHTTPServer):
    """Answers every request with `answer(handler)`."""

    daemon_threads = True

    def __init__(self, answer):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                answer(self)

            def log_message(self, *_arguments):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/stream"


@pytest.fixture
def camera():
    running = []

    def start(answer):
        running.append(Camera(answer))
        return running[-1]

    yield start
    for one in running:
        one.shutdown()
        one.server_close()


def begin(handler, kind="multipart/x-mixed-replace; boundary=b"):
    handler.send_response(200)
    handler.send_header("Content-Type", kind)
    handler.end_headers()


def sends(data, kind="multipart/x-mixed-replace; boundary=b"):
    def answer(handler):
        begin(handler, kind)
        handler.wfile.write(data)

    return answer


def part(data, boundary=b"b", length=True, end=b"\r\n"):
    head = b"--" + boundary + end + b"Content-Type: image/jpeg" + end
    if length:
        head += b"Content-Length: %d" % len(data) + end
    return head + end + data + b"\r\n"


def levels(source, count):
    with closing(source):
        source.open()
        return [round(float(source.read().decode().mean())) for _ in range(count)]


@pytest.mark.parametrize(
    "stream",
    [
        b"".join(map(part, PICTURES)),
        b"\r\n".join(map(part, PICTURES)),
        b"".join(part(p, length=False) for p in PICTURES) + b"--b--\r\n",
        b"".join(part(p, end=b"\n") for p in PICTURES),
        b"preamble\r\n" + b"".join(map(part, PICTURES)),
        b"".join(part(p, boundary=b"another") for p in PICTURES),
        b"".join(part(p + bytes(20)) for p in PICTURES),
    ],
    ids=["plain", "extra lines", "no length", "bare LF", "preamble", "wrong boundary", "padded"],
)
def test_the_pictures_of_a_stream_come_in_order(camera, stream):
    assert levels(HttpSource(camera(sends(stream)).url), 3) == [10, 120, 240]


def test_torn_pictures_are_left_out(camera):
    torn = [PICTURES[0][:-20], b"", b"no picture", PICTURES[0][: len(PICTURES[0]) // 2]]
    stream = b"".join(part(data) for data in (*torn, PICTURES[1], *torn, PICTURES[2]))
    assert levels(HttpSource(camera(sends(stream)).url), 2) == [120, 240]


def test_nothing_but_torn_pictures_is_an_error(camera):
    source = HttpSource(camera(sends(part(b"torn") * 60)).url)
    source.open()
    with pytest.raises(CameraError, match="nothing but damaged"):
        source.read()


def test_a_picture_is_there_as_soon_as_it_has_come(camera):
    more = threading.Event()

    def answer(handler):
        begin(handler)
        handler.wfile.write(part(PICTURES[0]))
        handler.wfile.flush()
        more.wait(10)

    source = HttpSource(camera(answer).url)
    source.open()
    assert source.read().data == PICTURES[0]
    more.set()
    with pytest.raises(CameraError, match="ended"):
        source.read()


def test_an_address_of_single_pictures_is_asked_again_and_again(camera):
    asked = []

    def answer(handler):
        asked.append(handler.path)
        begin(handler, "image/jpeg")
        handler.wfile.write(PICTURES[len(asked) % 3])

    assert levels(HttpSource(camera(answer).url), 3) == [120, 240, 10]
    assert len(asked) == 3


def test_user_and_password_are_sent_and_never_shown(camera):
    def answer(handler):
        given = handler.headers.get("Authorization", "")
        if given != "Basic " + base64.b64encode(b"me:p@ss word").decode():
            handler.send_response(401)
            handler.send_header("WWW-Authenticate", 'Basic realm="camera"')
            handler.end_headers()
            return
        sends(part(PICTURES[1]))(handler)

    url = camera(answer).url
    known = from_spec(url.replace("http://", "http://me:p%40ss%20word@"))
    assert levels(known, 1) == [120]
    assert "me" not in known.describe().partition("127")[0]
    assert "p%40ss" not in known.describe()
    wrong = from_spec(url.replace("http://", "http://me:secret@"))
    with pytest.raises(CameraError, match="another user or password") as raised:
        wrong.open()
    assert "secret" not in str(raised.value)


def test_digest_is_understood_too(camera):
    def answer(handler):
        if not handler.headers.get("Authorization", "").startswith("Digest "):
            handler.send_response(401)
            handler.send_header("WWW-Authenticate", 'Digest realm="c", nonce="n", qop="auth"')
            handler.end_headers()
            return
        sends(part(PICTURES[2]))(handler)

    source = HttpSource(camera(answer).url.replace("http://", "http://me:secret@"))
    assert levels(source, 1) == [240]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda handler: handler.send_error(404), "status 404"),
        (sends(b"<html>", "text/html"), "answers with a page"),
    ],
)
def test_what_is_no_camera_says_so(camera, answer, words):
    with pytest.raises(CameraError, match=words):
        HttpSource(camera(answer).url).open()


@pytest.mark.parametrize("data", [b"\r\n" * 100, b"x" * 10_000, b"--b\r\n" + b"a: b\r\n" * 100])
def test_a_stream_of_something_else_is_an_error(camera, data):
    source = HttpSource(camera(sends(data)).url)
    source.open()
    with pytest.raises(CameraError):
        source.read()


def test_nobody_there_is_an_error_with_the_reason():
    with pytest.raises(CameraError, match="can't be reached: Connection refused"):
        HttpSource("http://127.0.0.1:9/stream").open()


@pytest.mark.parametrize("text", ["http:", "http://", "http:///path", "http://host:99999/secret"])
def test_what_is_no_address_is_refused_without_repeating_it(text):
    with pytest.raises(CameraError, match="no address") as raised:
        from_spec(text)
    assert "secret" not in str(raised.value)


def test_a_stream_goes_to_viewers_as_the_camera_sent_it(camera):
    def answer(handler):
        begin(handler)
        try:
            while True:
                handler.wfile.write(part(PICTURES[1]))
                time.sleep(0.02)
        except OSError:
            pass

    with Grabber(HttpSource(camera(answer).url)) as grabber:
        frame, sent = Broadcast(grabber).snapshot(timeout=10)
        assert sent is frame.jpeg
        assert sent == PICTURES[1]
        assert frame.size == (64, 48)
        assert abs(frame.pixels.astype(int) - 120).max() <= 2
        assert frame.pixels is frame.pixels


def test_a_camera_that_reboots_is_found_again(camera):
    answers = iter([part(PICTURES[0]), part(PICTURES[2])])

    def answer(handler):
        sends(next(answers, part(PICTURES[2])))(handler)

    with Grabber(HttpSource(camera(answer).url)) as grabber:
        end = time.monotonic() + 20
        seen = set()
        while len(seen) < 2 and time.monotonic() < end:
            frame = grabber.wait_for_newer(0, 1.0)
            if frame is not None:
                seen.add(round(float(frame.pixels.mean())))
            time.sleep(0.02)
        assert seen == {10, 240}
        assert grabber.status().reconnections >= 1


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_a_whole_jpeg_says_its_size(options):
    data = jpeg(7, (321, 123), **options)
    assert read_jpeg(data) == Jpeg(data, (321, 123))
    assert read_jpeg(data + b"\0" * 9) == Jpeg(data, (321, 123))


def test_what_is_cut_off_anywhere_is_no_jpeg():
    data = PICTURES[0]
    assert all(read_jpeg(data[:end]) is None for end in range(len(data)))
    assert read_jpeg(b"GIF89a" + data) is None


def test_a_frame_with_a_damaged_inside_says_so():
    start = PICTURES[0].index(b"\xff\xdb")
    data = PICTURES[0][:start] + b"\xff\xe1" + PICTURES[0][start + 2 :]
    whole = read_jpeg(data)
    assert whole is not None  # its markers are fine
    frame = Frame(whole, 1, 0.0, 0.0)
    with pytest.raises(CameraError, match="damaged"):
        np.asarray(frame.pixels)
