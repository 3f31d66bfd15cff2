"""Live answers of a model of colours to a camera that shows them."""

from __future__ import annotations

import pytest

from camera.grabber import Grabber
from edge_server.inference import loading
from edge_server.inference.loading import LoadOptions
from edge_server.live import Live
from slides import Reel


@pytest.fixture
def colours(colour_file, monkeypatch):
    """A model of colours, and how many pictures it was given."""
    model = loading.load(colour_file(), LoadOptions(preset="unit"), version="1")
    classifier = model.classifier
    seen = []
    classify = classifier.look

    def counted(pixels, **options):
        seen.append(pixels)
        return classify(pixels, **options)

    monkeypatch.setattr(classifier, "look", counted)
    return model, seen


@pytest.fixture
def watch(colours, until):
    """Starts a camera and gives it with its live answers."""
    started = []

    def start(source, first=True, backoff=None, **options):
        grabber = Grabber(source, backoff=backoff)
        started.append((source, grabber))
        grabber.start()
        if first:
            until(grabber.latest)
        return grabber, Live(grabber, lambda: colours[0], **options)

    yield start
    for source, grabber in started:
        source.next.release()  # lets its reader go
        grabber.stop()


@pytest.fixture
def worker(watch):
    """A camera that shows a new colour every hundredth of a second, and live answers that run."""
    running = []

    def start(source=None, **options):
        grabber, live = watch(source or Reel(), **options)
        live.start()
        running.append(live)
        return grabber, live

    yield start
    for live in running:
        live.stop()
