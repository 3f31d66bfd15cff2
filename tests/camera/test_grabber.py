from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from camera import grabber as module
from camera.errors import CameraError
from camera.grabber import CameraState, Grabber
from camera.sources.spec import from_spec


@pytest.fixture
def steady(played, gray):
    """A source that always works."""
    return played(lambda attempt, number: gray(number % 256))


@pytest.fixture
def history(monkeypatch):
    """The states that grabbers go to, in order."""
    states = []
    check = module.check_transition

    def note(old, new):
        states.append(str(new))
        return check(old, new)

    monkeypatch.setattr(module, "check_transition", note)
    return states


def state_is(grabber, state):
    return lambda: grabber.status().state is state


def test_a_real_source_delivers_numbered_frames(grab):
    grabber = grab(from_spec("demo"))
    first = grabber.wait_for_newer(0, 10)
    second = grabber.wait_for_newer(first.number, 10)
    assert first.number >= 1
    assert second.number > first.number
    assert second.captured_monotonic > first.captured_monotonic
    assert grabber.latest().number >= second.number


def test_the_status_tells_what_the_camera_delivers(grab, until):
    grabber = grab(from_spec("demo"))
    until(lambda: grabber.status().fps > 0)
    status = grabber.status()
    assert status.state is CameraState.LIVE
    assert status.size == (640, 480)
    assert status.frames >= 2
    assert status.last_frame_at == pytest.approx(grabber.latest().captured_at, abs=30)
    assert status.description.startswith("demo: ")
    assert status.error is None


def test_before_the_start_there_is_nothing(steady):
    grabber = Grabber(steady)
    assert grabber.latest() is None
    assert grabber.wait_for_newer(0, 10) is None
    assert grabber.status().state is CameraState.CLOSED


def test_waiting_ends_at_the_timeout_when_no_frame_comes(grab, played, hang):
    grabber = grab(played(lambda attempt, number: hang()))
    assert grabber.wait_for_newer(0, 0.05) is None


def test_stopping_wakes_those_who_wait(grab, played, hang):
    grabber = grab(played(lambda attempt, number: hang()))
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(grabber.wait_for_newer(0, 60)))
    waiting.start()
    grabber.stop()
    waiting.join(15)
    assert answers == [None]


def test_stopping_closes_the_source(steady):
    with Grabber(steady) as grabber:
        assert grabber.wait_for_newer(0, 10)
    assert steady.closed == [1]
    assert grabber.status().state is CameraState.CLOSED


def test_stopping_does_not_wait_for_a_read_that_blocks(played, hang, until):
    source = played(lambda attempt, number: hang())
    grabber = Grabber(source)
    grabber.start()
    until(lambda: source.number)
    grabber.stop()
    assert grabber.status().state is CameraState.CLOSED


def test_a_stopped_grabber_can_be_started_again(steady):
    grabber = Grabber(steady)
    with grabber:
        first = grabber.wait_for_newer(0, 10)
    with grabber:
        assert grabber.wait_for_newer(first.number, 10).number > first.number


def test_an_unplugged_camera_is_lost_and_replugged_it_is_live_again(
    grab, played, gray, until, history
):
    plugged = threading.Event()

    def on_open(attempt):
        if attempt > 1 and not plugged.is_set():
            raise CameraError("Plug it in.")

    def play(attempt, number):
        if attempt == 1 and number > 3:
            raise CameraError("It was unplugged.")
        return gray(number)

    source = played(play, on_open)
    grabber = grab(source)
    until(lambda: grabber.status().error == "Plug it in.")
    lost = grabber.latest()
    assert lost.number == 3
    assert len(source.closed) >= 1

    plugged.set()
    assert grabber.wait_for_newer(lost.number, 10).number == 4
    assert grabber.status().error is None
    assert history[:4] == ["opening", "live", "lost", "opening"]
    assert history[-2:] == ["opening", "live"]


def test_a_read_that_blocks_is_abandoned_and_a_fresh_thread_takes_over(
    grab, played, gray, hang, history
):
    def play(attempt, number):
        if attempt == 1 and number == 3:
            hang()
        return gray(number)

    source = played(play)
    grabber = grab(source, stall_after=0.3, lost_after=0.6)
    assert grabber.wait_for_newer(2, 10)
    assert source.threads[0] != source.threads[1]
    assert history == ["opening", "live", "stalled", "lost", "opening", "live"]


def test_what_an_abandoned_read_delivers_late_is_dropped(grab, played, gray, until):
    release, returned = threading.Event(), threading.Event()

    def play(attempt, number):
        if attempt == 1:
            release.wait(60)
            returned.set()
            return gray(255)
        return gray(7)

    source = played(play)
    grabber = grab(source, open_timeout=0.2)
    frame = grabber.wait_for_newer(0, 10)
    release.set()
    returned.wait(10)
    until(lambda: source.closed)
    assert frame.pixels[0, 0, 0] == 7
    assert grabber.wait_for_newer(frame.number, 10).pixels[0, 0, 0] == 7


def test_an_abandoned_attempt_closes_its_own_source_when_it_comes_back(grab, played, gray, until):
    release = threading.Event()
    source = played(
        lambda attempt, number: gray(1) if attempt > 1 else release.wait(60) and gray(1)
    )
    grabber = grab(source, open_timeout=0.2)
    assert grabber.wait_for_newer(0, 10)
    assert source.closed == []
    release.set()
    until(lambda: source.closed == [1])
    assert grabber.status().state is CameraState.LIVE


def test_an_open_that_blocks_is_abandoned_too(grab, played, gray, hang):
    source = played(
        lambda attempt, number: gray(1), on_open=lambda attempt: hang() if attempt == 1 else None
    )
    grabber = grab(source, open_timeout=0.2)
    assert grabber.wait_for_newer(0, 10)
    assert len(source.attempts) == 2


def test_attempts_that_hang_for_ever_do_not_pile_up(grab, played, hang, until):
    source = played(lambda attempt, number: hang())
    grabber = grab(source, open_timeout=0.05, stall_after=0.05, lost_after=0.05)
    until(lambda: "driver" in (grabber.status().error or ""))
    hanging = len(source.attempts)
    time.sleep(0.5)
    assert len(source.attempts) == hanging
    assert grabber.status().state is CameraState.LOST


def test_a_short_silence_is_a_stall_and_no_loss(grab, played, gray, until, history):
    go_on = threading.Event()

    def play(attempt, number):
        if number == 3:
            go_on.wait(60)
        return gray(number)

    grabber = grab(played(play), stall_after=0.3, lost_after=60.0)
    until(state_is(grabber, CameraState.STALLED))
    go_on.set()
    until(state_is(grabber, CameraState.LIVE))
    assert history == ["opening", "live", "stalled", "live"]


def test_flat_frames_are_an_error_and_no_crash(grab, played, until):
    grabber = grab(played(lambda attempt, number: np.zeros((1, 691200), np.uint8)))
    until(lambda: "(1, 691200)" in (grabber.status().error or ""))
    assert grabber.latest() is None


def test_an_exception_without_a_sentence_is_survived_and_not_shown(grab, played, gray, caplog):
    def play(attempt, number):
        if attempt == 1:
            raise RuntimeError("rtsp://user:secret@host")
        return gray(1)

    grabber = grab(played(play))
    assert grabber.wait_for_newer(0, 10)
    shown = [record.getMessage() for record in caplog.records]
    assert any("RuntimeError" in line for line in shown)
    assert not any("secret" in line for line in shown)


def test_a_change_of_resolution_is_followed(grab, played, gray, until):
    grabber = grab(played(lambda attempt, number: gray(1, (64, 48) if number < 5 else (32, 24))))
    until(lambda: grabber.status().size == (32, 24))
    assert grabber.latest().pixels.shape == (24, 32, 3)
    assert grabber.status().state is CameraState.LIVE


def test_a_source_that_fails_to_close_does_not_end_the_grabber(grab, played, gray, monkeypatch):
    def play(attempt, number):
        if attempt == 1:
            raise CameraError("Lost.")
        return gray(1)

    def close(self):
        raise OSError("can't close")

    monkeypatch.setattr(played, "close", close)
    assert grab(played(play)).wait_for_newer(0, 10)


def test_frames_that_nobody_asked_for_are_counted(grab, played, gray, until):
    more = threading.Semaphore(4)

    def play(attempt, number):
        more.acquire(timeout=30)
        return gray(number)

    grabber = grab(played(play))
    until(lambda: grabber.status().frames == 4)
    assert grabber.status().unseen == 3  # the fourth may be asked for yet
    assert grabber.latest().number == 4
    more.release(2)
    until(lambda: grabber.status().frames == 6)
    assert grabber.status().unseen == 4
    assert grabber.wait_for_newer(5, 10).number == 6
    more.release(1)
    until(lambda: grabber.status().frames == 7)
    assert grabber.status().unseen == 4
    more.release(100)


def test_every_attempt_after_a_loss_is_counted(grab, played, gray, until):
    def play(attempt, number):
        if attempt < 3:
            raise CameraError("It was unplugged.")
        return gray(number)

    grabber = grab(played(play))
    until(state_is(grabber, CameraState.LIVE))
    assert grabber.status().reconnections == 2


def test_the_status_tells_the_newest_frames_age_on_the_clock_that_never_jumps(played, gray, until):
    now = [100.0]
    with Grabber(
        played(lambda attempt, number: gray(1) if number == 1 else threading.Event().wait(1)),
        clock=lambda: now[0],
        wall_clock=lambda: 0.0,
    ) as grabber:
        until(lambda: grabber.status().frames == 1)
        now[0] += 1.5
        assert grabber.status().age == pytest.approx(1.5)
