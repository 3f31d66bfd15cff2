"""Answers over several frames: smoothed, and begun anew with another model or camera."""

from __future__ import annotations

from dataclasses import replace

import pytest

from camera.backoff import Backoff
from camera.errors import CameraError
from edge_server.live import Live
from slides import Slides


def test_answers_are_smoothed_and_the_frame_s_own_is_there_too(watch, until):
    source = Slides()
    grabber, live = watch(source, smoothing=30.0)
    live.newest()
    source.next.release()
    until(lambda: grabber.latest().number == 2)
    answer = live.newest()
    assert answer.own.top[0].label == "1"
    assert answer.label == "0"
    assert 0.5 < answer.confidence < 1
    assert answer.confidence == pytest.approx(answer.classification.scores[0])


def test_another_model_begins_anew(watch, colours, until):
    models = [colours[0]]
    source = Slides()
    grabber, _ = watch(source)
    live = Live(grabber, lambda: models[0], smoothing=30.0)
    live.newest()
    source.next.release()
    until(lambda: grabber.latest().number == 2)
    models[0] = replace(colours[0])
    assert live.newest().label == "1"


def test_a_camera_that_was_lost_begins_anew(watch, until):
    source = Torn()
    grabber, live = watch(source, smoothing=30.0, backoff=Backoff(first=0.01, longest=0.01))
    assert live.newest().label == "0"
    source.tear = True
    source.next.release()
    until(lambda: grabber.status().reconnections >= 1 and grabber.latest().number == 2)
    assert live.newest().label == "1"


class Torn(Slides):
    """Fails once when it is told to."""

    tear = False

    def read(self):
        picture = super().read()
        if self.tear:
            self.tear = False
            self.colour -= 1  # it is shown when the camera is open again
            raise CameraError("The cable is torn; plug it in.")
        return picture
