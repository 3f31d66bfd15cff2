from __future__ import annotations

import io
import threading
import time
from email import message_from_bytes
from itertools import islice

import numpy as np
import pytest
from PIL import Image

from camera import mjpeg
from camera.broadcast import Broadcast
from camera.errors import CameraError, TooManyViewers
from camera.frame import Jpeg
from camera.jpeg import encode_rgb, read_jpeg
from camera.looks import Look
from camera.sources.spec import from_spec
from camera.state import CameraState


@pytest.fixture
def flaky(played, gray):
    """A source that delivers shade 40 until `fail` is set, and then fails at every attempt."""
    fail = threading.Event()

    def on_open(attempt):
        if attempt > 1:
            raise CameraError("Plug it in.")

    def play(attempt, number):
        if fail.is_set():
            raise CameraError("It was unplugged.")
        return gray(40)

    source = played(play, on_open)
    source.fail = fail
    return source


@pytest.fixture
def counting(played, gray):
    """A source whose shade is its number, for as long as a test needs."""
    return played(lambda attempt, number: gray(min(number, 255)))


def parts_of(broadcast, look=None, **wishes):
    """A stream for a sender that has no other."""
    return broadcast.parts(broadcast.feed(look, **wishes))


def picture(chunk):
    """Headers and pixels of a part."""
    head, _, rest = chunk.partition(b"\r\n\r\n")
    headers = message_from_bytes(head)
    jpeg = rest[: int(headers["Content-Length"])]
    assert rest[len(jpeg) :] == f"\r\n--{mjpeg.BOUNDARY}\r\n".encode()
    return headers, np.asarray(Image.open(io.BytesIO(jpeg)))


def is_placeholder(chunk):
    return picture(chunk)[1].shape == (480, 640, 3)


def test_without_a_viewer_nothing_is_encoded(grab, counting, encodes):
    grabber = grab(counting)
    Broadcast(grabber)
    assert grabber.wait_for_newer(5, 10)
    assert encodes == []


def test_a_snapshot_is_a_fresh_frame_and_its_jpeg(grab):
    frame, jpeg = Broadcast(grab(from_spec("demo"))).snapshot(10)
    assert frame.number >= 1
    assert Image.open(io.BytesIO(jpeg)).size == (640, 480)


def test_a_snapshot_of_a_lost_camera_says_since_when_and_why(grab, flaky, until):
    grabber = grab(flaky)
    assert grabber.wait_for_newer(0, 10)
    flaky.fail.set()
    until(lambda: grabber.status().error == "Plug it in.")
    with pytest.raises(CameraError, match=r"since \d\d:\d\d:\d\d: Plug it in\."):
        Broadcast(grabber, max_age=0.0).snapshot(0.05)


def test_a_snapshot_waits_for_a_frame_younger_than_the_last_one(grab, counting):
    grabber = grab(counting)
    seen = grabber.wait_for_newer(0, 10)
    frame, _ = Broadcast(grabber, max_age=0.0).snapshot(10)
    assert frame.number > seen.number


def test_viewers_are_counted_and_capped(grab, counting):
    broadcast = Broadcast(grab(counting), max_viewers=2)
    with broadcast.viewer(), broadcast.viewer():
        assert broadcast.viewers == 2
        with pytest.raises(TooManyViewers, match="All 2 places"), broadcast.viewer():
            pass
    assert broadcast.viewers == 0


def test_a_viewer_that_fails_frees_its_place(grab, counting):
    broadcast = Broadcast(grab(counting), max_viewers=1)
    with pytest.raises(ConnectionError), broadcast.viewer():
        raise ConnectionError
    with broadcast.viewer():
        assert broadcast.viewers == 1


def test_a_stream_begins_with_the_boundary_and_shows_frames_in_order(grab, counting):
    stream = parts_of(Broadcast(grab(counting)))
    assert next(stream) == f"--{mjpeg.BOUNDARY}\r\n".encode()
    times = [float(picture(chunk)[0]["X-Timestamp"]) for chunk in islice(stream, 4)]
    assert times == sorted(set(times))


def test_a_slow_viewer_gets_newer_frames_not_older_ones(grab, counting):
    grabber = grab(counting)
    stream = parts_of(Broadcast(grabber))
    next(stream)
    next(stream)
    newest = grabber.wait_for_newer(grabber.latest().number + 20, 10)
    headers, _ = picture(next(stream))
    assert float(headers["X-Timestamp"]) >= newest.captured_at - 1e-5


def test_a_viewer_that_was_slow_gets_no_picture_twice(grab, counting):
    grabber = grab(counting)
    stream = parts_of(Broadcast(grabber))
    next(stream)
    next(stream)
    grabber.wait_for_newer(grabber.latest().number + 20, 10)
    times = [picture(chunk)[0]["X-Timestamp"] for chunk in islice(stream, 4)]
    assert len(set(times)) == 4


def test_the_rate_of_a_viewer_can_be_limited(grab, counting):
    stream = parts_of(Broadcast(grab(counting)), max_fps=5)
    next(stream)
    next(stream)
    began = time.monotonic()
    assert len(list(islice(stream, 3))) == 3
    assert time.monotonic() - began > 0.4  # at full rate it would be 0.03 s


def test_a_rate_of_nothing_is_refused(grab, counting):
    with pytest.raises(ValueError, match="max_fps"):
        next(parts_of(Broadcast(grab(counting)), max_fps=0))


def test_a_stalled_camera_repeats_its_last_picture(grab, played, gray, hang, until):
    def play(attempt, number):
        if number == 2:
            hang()
        return gray(40)

    grabber = grab(played(play), stall_after=0.2, lost_after=60.0)
    until(lambda: grabber.status().state is CameraState.STALLED)
    stream = parts_of(Broadcast(grabber), timeout=0.05)
    next(stream)
    repeated = [picture(chunk)[0]["X-Timestamp"] for chunk in islice(stream, 3)]
    assert len(set(repeated)) == 1


def test_viewers_of_a_lost_camera_see_the_placeholder_and_not_the_last_picture(grab, flaky, until):
    grabber = grab(flaky)
    stream = parts_of(Broadcast(grabber), timeout=0.05)
    next(stream)
    while is_placeholder(next(stream)):  # until the first picture
        pass
    flaky.fail.set()
    until(lambda: grabber.status().error == "Plug it in.")
    assert all(is_placeholder(chunk) for chunk in islice(stream, 3))


def test_one_who_comes_after_the_loss_sees_the_placeholder_first(grab, flaky, until):
    grabber = grab(flaky)
    assert grabber.wait_for_newer(0, 10)
    flaky.fail.set()
    until(lambda: grabber.status().error == "Plug it in.")
    stream = parts_of(Broadcast(grabber), timeout=0.05)
    next(stream)
    assert is_placeholder(next(stream))


def test_the_placeholder_is_drawn_once_for_all(grab, flaky, until, encodes):
    grabber = grab(flaky)
    flaky.fail.set()
    until(lambda: grabber.status().error == "Plug it in.")
    broadcast = Broadcast(grabber)
    assert broadcast.placeholder() is broadcast.placeholder()
    assert encodes == [(480, 640, 3)]


def test_pictures_come_back_after_the_placeholder(grab, played, gray):
    def play(attempt, number):
        if attempt == 1 and number > 3:
            raise CameraError("It was unplugged.")
        return gray(attempt)

    stream = parts_of(Broadcast(grab(played(play))), timeout=0.02)
    next(stream)
    for chunk in islice(stream, 1000):
        pixels = picture(chunk)[1]
        if pixels.shape == (48, 64, 3) and pixels[0, 0, 0] == 2:
            return
    pytest.fail("the second attempt was never seen")


def test_a_stream_ends_when_the_grabber_stops(grab, counting):
    grabber = grab(counting)
    stream = parts_of(Broadcast(grabber), timeout=60)
    next(stream)
    next(stream)
    threading.Timer(0.1, grabber.stop).start()
    rest = sum(1 for _ in stream)
    assert rest < 1000


def test_a_stream_that_waits_ends_when_the_grabber_stops(grab, played, hang):
    grabber = grab(played(lambda attempt, number: hang()), open_timeout=60.0)
    stream = parts_of(Broadcast(grabber), timeout=60)
    next(stream)
    threading.Timer(0.1, grabber.stop).start()
    assert list(stream) == []


def test_frames_of_another_size_stream_on(grab, played, gray):
    source = played(lambda attempt, number: gray(1, (64, 48) if number < 5 else (32, 24)))
    stream = parts_of(Broadcast(grab(source)))
    next(stream)
    shapes = {picture(chunk)[1].shape for chunk in islice(stream, 12)}
    assert (24, 32, 3) in shapes


def test_many_viewers_of_a_fast_camera_cost_one_encode_a_frame(grab, counting, encodes):
    grabber = grab(counting)
    broadcast = Broadcast(grabber)
    assert grabber.wait_for_newer(0, 10)
    before = grabber.latest().number
    stamps = [[] for _ in range(12)]

    def see(seen):
        stream = parts_of(broadcast)
        next(stream)
        seen += [picture(chunk)[0]["X-Timestamp"] for chunk in islice(stream, 40)]

    threads = [threading.Thread(target=see, args=(seen,)) for seen in stamps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert all(len(set(seen)) == 40 for seen in stamps)  # no picture twice
    assert len(encodes) <= grabber.latest().number - before + 1


def test_a_damaged_picture_is_left_out_where_it_has_to_be_read(grab, played, gray):
    whole = read_jpeg(encode_rgb(gray(90)))

    def play(attempt, number):
        return whole if number % 2 else Jpeg(b"\xff\xd8no picture", (64, 48))

    stream = parts_of(Broadcast(grab(played(play))), Look(32))
    next(stream)
    for chunk in islice(stream, 10):
        assert picture(chunk)[1].shape in ((24, 32, 3), (480, 640, 3))


def test_a_viewer_that_is_behind_is_given_nothing_until_it_has_taken_most(grab, counting):
    grabber = grab(counting)
    broadcast = Broadcast(grabber)
    with broadcast.viewer() as viewer:
        link = viewer.link = Link()
        stream = parts_of(broadcast, viewer=viewer)
        next(stream), next(stream)
        link.left = 10**6
        threading.Timer(0.3, lambda: setattr(link, "left", 0)).start()
        began, newest = time.monotonic(), grabber.latest()
        headers, _ = picture(next(stream))
        assert time.monotonic() - began > 0.25
        # What it gets then is of then.
        assert float(headers["X-Timestamp"]) > newest.captured_at + 0.2


def test_each_viewer_s_rate_is_known(grab, counting):
    broadcast = Broadcast(grab(counting))
    with broadcast.viewer() as one, broadcast.viewer() as other:
        stream = parts_of(broadcast, viewer=one)
        list(islice(stream, 11))
        assert broadcast.rates == {one.name: 10, other.name: 0}
    assert broadcast.rates == {}


class Link:
    """The way to a viewer that does as a test says."""

    left = 0

    def backlog(self):
        return self.left
