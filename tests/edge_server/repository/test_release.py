"""A model that is no longer served is gone when its last request has its answer.

Without the garbage collector: it must not depend on when that runs, so nothing may go in a circle.
"""

from __future__ import annotations

import gc
import io
import logging
import threading
import weakref

import pytest

from edge_server.inference import preprocessing
from edge_server.repository import State


@pytest.fixture(autouse=True)
def _no_garbage_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def served(application, shelf):
    shelf.write("cats", "1")
    shelf.write("cats", "2")
    return application(models=shelf.root, models_poll=0.1, camera="none")


def watched(served):
    """Weak references to all that makes a model large: it, its bytes, its interpreters."""
    model = served.services.models.get()
    interpreters = model.classifier._interpreters.models
    parts = [model, model.classifier, model.classifier.bundle, *interpreters]
    parts += [one._interpreter for one in interpreters]
    return [weakref.ref(part) for part in parts]


def ask(served, data, **query):
    return served.client.post("/predict", data=data, query_string=query)


def test_nothing_of_a_model_is_left_after_its_requests(served, shelf, look, paint, encode):
    parts = watched(served)
    models = served.services.models
    red = encode(paint(250, 10, 10))
    assert ask(served, red).get_json()["prediction"] == "cats-2 red"
    form = {"images": [(io.BytesIO(red), "a.png") for _ in range(6)]}
    assert served.client.post("/predict", data=form).status_code == 200
    assert served.client.get("/readyz").status_code == 200
    assert served.client.get("/").status_code == 200
    assert served.client.get("/metrics").status_code == 200
    assert served.client.get("/v1/models/cats/metadata").status_code == 200
    shelf.pin("cats", "1")
    look(models, lambda: models.get().info.version == "1")
    assert [part() for part in parts] == [None] * len(parts)


def test_nothing_is_left_after_requests_that_failed(served, shelf, look, paint, encode):
    parts = watched(served)
    models = served.services.models
    red = encode(paint(250, 10, 10))
    bad = {"images": [(io.BytesIO(data), "a.png") for data in (red, b"none")]}
    assert served.client.post("/predict", data=bad).status_code == 415
    assert ask(served, b"no picture").status_code == 415
    assert ask(served, red, top_k="none").status_code == 400
    assert ask(served, red, version="9").status_code == 404
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(preprocessing, "normalize", lambda *_: 1 / 0)
        logging.disable()  # pytest keeps what is logged, with the trace and all that is in it
        assert ask(served, red).status_code == 500
        logging.disable(logging.NOTSET)
    shelf.pin("cats", "1")
    look(models, lambda: models.get().info.version == "1")
    assert [part() for part in parts] == [None] * len(parts)


def test_a_request_in_flight_keeps_its_model_and_it_is_told_so(served, paint, encode, monkeypatch):
    models = served.services.models
    part = weakref.ref(models.get())
    entered, go = threading.Event(), threading.Event()
    normalize = preprocessing.normalize

    def slow(*arguments, **options):
        entered.set()
        assert go.wait(20)
        return normalize(*arguments, **options)

    monkeypatch.setattr(preprocessing, "normalize", slow)
    answers = []
    thread = threading.Thread(
        target=lambda: answers.append(ask(served, encode(paint(250, 10, 10))).get_json())
    )
    thread.start()
    assert entered.wait(20)
    models.unload("cats")
    assert models.versions("cats")[0].state is State.UNLOADING
    assert part() is not None
    go.set()
    thread.join()
    assert answers[0]["prediction"] == "cats-2 red"
    assert part() is None
    assert models.versions("cats")[0].state is State.END


def test_the_camera_s_answer_does_not_keep_a_model_nor_outlive_it(application, shelf, look, until):
    shelf.write("cats", "1")
    shelf.write("cats", "2")
    served = application(models=shelf.root, models_poll=0.1, camera="demo")
    until(served.services.camera.grabber.latest)
    first = served.client.get("/camera/prediction").get_json()
    assert first["model"]["version"] == "2"
    parts = watched(served)
    models = served.services.models
    shelf.pin("cats", "1")
    look(models, lambda: models.get().info.version == "1")
    # The camera's own thread may be in the middle of a picture.
    until(lambda: all(part() is None for part in parts))
    answer = served.client.get("/camera/prediction").get_json()
    assert answer["model"]["version"] == "1"
    assert answer["prediction"].startswith("cats-1 ")
